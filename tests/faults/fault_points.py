"""The durable points of a loader, counted inside its own process, so that it can be killed at each of them.

A point is every commit of the ledger, before and after it; every change asked of the destination, before it is sent,
once it is carried out and its answer lies on the socket unread, and after it was read; and looks, before they are sent:
of several in a row the first, as nothing lasting happens between them.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from fault_processes import Tell
from sqlalchemy import Engine

from workbench.destinations.http import Answer, Http, Request

ANSWER_SECONDS = 10.0
LOOK = "before a look"
Place = int | tuple[str, int]
"""A point by its number among all, or by its number among those of its name.

A sign of life or a note on the limits is a commit that comes by the clock, so that under load the numbers among all shift.
"""
NEVER: Place = 0


def _silent(told: Mapping[str, Any]) -> None:
    del told


class Points:
    """Counts the points as they come, and at one of them ends the process as a power cut does, or holds it."""

    def __init__(self, *, die_at: Place = NEVER, stop_at: Place = NEVER, tell: Tell = _silent) -> None:
        self.names: list[str] = []
        self._die_at = die_at
        self._stop_at = stop_at
        self._tell = tell
        self._lock = threading.Lock()

    def reach(self, name: str) -> None:
        with self._lock:
            if name == LOOK and self.names and self.names[-1] == LOOK:
                return
            self.names.append(name)
            here = (len(self.names), (name, self.names.count(name)))
            if self._die_at in here:
                self._tell({"died": name})
                os.kill(os.getpid(), signal.SIGKILL)
                time.sleep(60)  # the signal ends the process before this call returns
            if self._stop_at in here:
                self._tell({"stopped": name})
                os.kill(os.getpid(), signal.SIGSTOP)  # as a machine that is suspended; somebody else wakes it
                time.sleep(0.1)  # until every thread has heard of it

    def watch(self, engine: Engine) -> None:
        """From now on count what this process commits and sends."""
        self._watch_commits(engine)
        self._watch_calls()

    def _watch_commits(self, engine: Engine) -> None:
        dialect: Any = engine.dialect
        commit = dialect.do_commit

        def counted(connection: Any) -> None:
            self.reach("before a commit")
            commit(connection)
            self.reach("after a commit")

        dialect.do_commit = counted

    def _watch_calls(self) -> None:
        asking = threading.local()
        call = Http.call

        def counted(http: Http, request: Request) -> Answer:
            if request.read:
                self.reach(LOOK)
                return call(http, request)
            self.reach("before a change is sent")
            asking.change = True
            try:
                answer = call(http, request)
            finally:
                asking.change = False
            self.reach("after its answer")
            return answer

        def hearing(read: Callable[..., Any]) -> Callable[..., Any]:
            def heard(sock: socket.socket, *args: Any) -> Any:
                if getattr(asking, "change", False):
                    asking.change = False
                    select.select([sock], [], [], ANSWER_SECONDS)
                    self.reach("carried out, its answer unread")
                return read(sock, *args)

            return heard

        Http.call = counted  # type: ignore[method-assign, assignment]
        for name in ("recv", "recv_into"):  # whichever of them reads the answer
            setattr(socket.socket, name, hearing(getattr(socket.socket, name)))
