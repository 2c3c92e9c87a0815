"""The processes of a fault test: stand-ins and loaders, forked so that they start at once, and killed with SIGKILL.

Each is a process of its own with a real socket between; a fork only spares the second that importing takes.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 -- this and what else a stand-in or a loader would read: once, and not in each fork
import http.client
import json
import os
import select
import signal
import sqlite3
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import pyarrow.pandas_compat  # noqa: F401
import uvicorn.lifespan.off
import uvicorn.loops.auto
import uvicorn.protocols.http.h11_impl  # noqa: F401

import workbench.rehearsal.freshsales.spec
import workbench.rehearsal.pipedrive.spec  # noqa: F401
from workbench.rehearsal import dump, log, serve
from workbench.rehearsal.engine.backdoor import KEY_HEADER, OWN

with suppress(ImportError):  # which not every platform has
    import pysqlite3  # noqa: F401

TOKEN = "k" * 40
START_SECONDS = 30.0
LONGEST_LIFE = 120.0
"""Seconds after which a loader that has not come to an end counts as hanging."""

Tell = Callable[[Mapping[str, Any]], None]


@dataclass
class StandInProcess:
    """A stand-in on a state file: started, killed, and started again on the same port, as often as a test likes."""

    vendor: str
    state: Path
    time_scale: float = 1000.0
    switches: Mapping[str, str] = field(default_factory=dict)
    faults: Sequence[str] = ()
    seed: int = 0
    url: str = ""
    pid: int = 0
    _port: int = 0

    def __enter__(self) -> StandInProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Serve in a forked process; returns once requests are accepted."""
        reading, writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(reading)
            _alone(lambda: self._serve(writing))
        os.close(writing)
        said = b""
        while not said.endswith(b"\n"):
            part = os.read(reading, 300) if select.select([reading], [], [], START_SECONDS)[0] else b""
            if not part:
                self.kill()
                raise AssertionError(f"the stand-in of {self.vendor} did not start")
            said += part
        os.close(reading)
        self.url = said.decode().strip()
        self._port = urlsplit(self.url).port or 0

    def _serve(self, ready: int) -> None:
        serve(
            self.vendor,
            port=self._port,
            state=self.state,
            token=TOKEN,
            time_scale=self.time_scale,
            switches=self.switches,
            faults=self.faults,
            seed=self.seed,
            on_ready=lambda url: _write(ready, f"{url}\n".encode()),
        )

    def kill(self) -> None:
        """As a power cut: no request in flight is finished."""
        if self.pid:
            _kill(self.pid)
            os.waitpid(self.pid, 0)
            self.pid = 0

    def restart(self, *, faults: Sequence[str] | None = None, seed: int | None = None) -> None:
        """Kill it and start it again on the same state and port."""
        self.kill()
        self.faults = self.faults if faults is None else faults
        self.seed = self.seed if seed is None else seed
        self.start()

    def order_fault(self, kind: str, *, path: str = "", count: int = 1, more: Mapping[str, Any] | None = None) -> None:
        """Let the next `count` requests whose path contains `path` meet a fault."""
        self._ask("POST", "faults", {"kind": kind, "times": count, "path": path, **(more or {})})

    def dump(self) -> dict[str, Any]:
        """The whole tenant, after everything that is due has been done."""
        self._ask("GET", "settled")
        return dump(self.state)

    def log(self, since: int = 0) -> pd.DataFrame:
        """One row a request."""
        return log(self.state, since=since)

    def requests(self) -> int:
        """How many it has answered so far, asked of its file so that it is not disturbed."""
        with closing(sqlite3.connect(f"{self.state.as_uri()}?mode=ro", uri=True)) as db:
            return int(db.execute("SELECT coalesce(max(n), 0) FROM log").fetchone()[0])

    def writes(self, since: int = 0) -> list[str]:
        """Requests after a line of the log that ask for a change, as `POST /path`."""
        rows = self.log(since)
        asked = [(str(row.method), str(row.path).split("?")[0]) for row in rows.itertuples()]
        return [f"{method} {path}" for method, path in asked if method != "GET" and "filtered_search" not in path]

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, f"/{OWN}/{path}", body=text, headers={KEY_HEADER: TOKEN})
            answer = connection.getresponse()
            told = answer.read()
        finally:
            connection.close()
        assert answer.status == 200, told
        return json.loads(told)


@dataclass(frozen=True)
class Life:
    """One life of a loader: how it ended, and what it told before."""

    end: str  # ended, killed, failed, hung
    told: tuple[Mapping[str, Any], ...]
    words: str = ""

    @property
    def last(self) -> Mapping[str, Any]:
        return self.told[-1] if self.told else {}


def live(work: Callable[[Tell], None]) -> Life:
    """Run a loader in a forked process to its end, or until it kills itself."""
    return Loader(work).life()


class Loader:
    """A running loader."""

    def __init__(self, work: Callable[[Tell], None]) -> None:
        self._reading, writing = os.pipe()
        self._said = b""
        self._status: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._reading)
            tell: Tell = lambda told: _write(writing, json.dumps(told).encode() + b"\n")  # noqa: E731
            _alone(lambda: work(tell), lambda words: tell({"failed": words}))
        os.close(writing)

    def speaks(self, seconds: float) -> bool:
        """Wait for its next words; false where it ends, or says nothing for so long."""
        if not select.select([self._reading], [], [], seconds)[0]:
            return False
        part = os.read(self._reading, 65536)
        self._said += part
        return bool(part)

    def wait(self, seconds: float) -> bool:
        """Let it go on for so long, or to its end; whether it has ended."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not self.speaks(left) and self._over():
                return True
        return False

    def told(self) -> list[Mapping[str, Any]]:
        """What it has told so far."""
        return [json.loads(line) for line in self._said.decode().splitlines(keepends=True) if line.endswith("\n")]

    def go_on(self) -> None:
        """Wake it where it was held."""
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        if self._status is None:
            _kill(self.pid)

    def life(self) -> Life:
        """What it told, once it has ended; one that hangs is killed."""
        hung = not self.wait(LONGEST_LIFE)
        if hung:
            self.kill()
        while self.speaks(1.0):
            pass
        if self._status is None:
            self._status = os.waitpid(self.pid, 0)[1]
        os.close(self._reading)
        told = tuple(json.loads(line) for line in self._said.decode().splitlines())
        code = os.waitstatus_to_exitcode(self._status)
        end = "hung" if hung else {0: "ended", -signal.SIGKILL: "killed"}.get(code, "failed")
        words = next((str(row["failed"]) for row in reversed(told) if "failed" in row), "")
        return Life(end, tuple(row for row in told if "failed" not in row), "\n".join(words.splitlines()[-12:]))

    def _over(self) -> bool:
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._status = status if pid else None
        return self._status is not None


def _alone(work: Callable[[], None], failed: Callable[[str], object] = sys.stderr.write) -> None:
    """Do the work of a forked process and end it, without a step back into the program that it was forked from."""
    threading.Thread(target=_until_orphaned, args=(os.getppid(),), daemon=True).start()
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        failed(traceback.format_exc())
    finally:
        os._exit(code)


def _until_orphaned(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _write(pipe: int, text: bytes) -> None:
    while text:
        text = text[os.write(pipe, text) :]


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
