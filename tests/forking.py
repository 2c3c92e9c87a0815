"""A process that has read code already, and forks a new one out of itself whenever it is asked to.

What is forked is a process of its own, with files and a fate of its own; only the seconds that reading code takes are spared.
"""

from __future__ import annotations

import array
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NoReturn

__all__ = ["Started", "Template", "serve_forks", "take_files"]

HANDED = 4
"""Files that a template is handed for a start: stdin, stdout and stderr of the new process, and where its end is told."""
LENGTH = 4
"""Bytes that say how long a wish is."""


class Started:
    """A process that another one has forked for us, as far as it is a `Popen`."""

    def __init__(self, pid: int, ended: int, *, stdin: IO[str] | None, stdout: IO[str] | None, stderr: IO[str] | None) -> None:
        self.pid, self.stdin, self.stdout, self.stderr = pid, stdin, stdout, stderr
        self.returncode: int | None = None
        self._ended = ended

    def __enter__(self) -> Started:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in (self.stdout, self.stderr, self.stdin):
            if pipe:
                with suppress(BrokenPipeError):  # it has ended, with words of ours unread
                    pipe.close()
        self.wait()

    def poll(self) -> int | None:
        return self._told(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._told(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("a process that was forked", timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it ended meanwhile
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def _told(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._ended], [], [], timeout)[0]:
            said = os.read(self._ended, 8)
            os.close(self._ended)
            self.returncode = int(said) if said else -signal.SIGKILL  # who watches it was killed, too
        return self.returncode


class Template:
    """Our end of it: `script` is run at the first start, with the number of the socket on which it is to serve."""

    def __init__(self, script: Path) -> None:
        self._script = script
        self._ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._process: subprocess.Popen[bytes] | None = None

    def close(self) -> None:
        """Let it end once all that it has forked have ended."""
        self._ours.close()
        self._theirs.close()
        if self._process:
            self._process.wait(60)

    def start(self, wish: Mapping[str, Any], *, stdin: int | None, stdout: int | None, stderr: int | None) -> Started:
        """A new process; each of its files is a number, `subprocess.PIPE`, `subprocess.DEVNULL`, or ours where it is None."""
        self._begin()
        (ended, tells), given = os.pipe(), [_File(0, stdin), _File(1, stdout), _File(2, stderr)]
        handed = array.array("i", [*(each.theirs for each in given), tells])
        text = json.dumps(wish).encode()
        try:
            self._ours.sendmsg([len(text).to_bytes(LENGTH, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, handed)])
            self._ours.sendall(text)
            pid = int(self._line())
        finally:
            os.close(tells)
            for each in given:
                each.leave()
        return Started(pid, ended, stdin=given[0].ours, stdout=given[1].ours, stderr=given[2].ours)

    def _begin(self) -> None:
        if self._process:
            return
        here = self._script.parent
        path = os.pathsep.join(filter(None, [str(here), str(here.parent), os.environ.get("PYTHONPATH", "")]))
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(self._script), str(self._theirs.fileno())],
            pass_fds=[self._theirs.fileno()],
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
        )
        self._theirs.close()

    def _line(self) -> bytes:
        said = b""
        while not said.endswith(b"\n"):
            part = self._ours.recv(64)
            assert part, f"{self._script.name} has ended"
            said += part
        return said


class _File:
    """One of the three files of a new process: its end, and ours where there is a pipe between."""

    def __init__(self, place: int, wish: int | None) -> None:
        self.ours: IO[str] | None = None
        self._open = wish in (subprocess.PIPE, subprocess.DEVNULL)
        if wish == subprocess.PIPE:
            ends = os.pipe()
            self.theirs = ends[place > 0]
            self.ours = os.fdopen(ends[place == 0], "w" if place == 0 else "r", encoding="utf-8")
        elif wish == subprocess.DEVNULL:
            self.theirs = os.open(os.devnull, os.O_RDWR)
        else:
            self.theirs = place if wish is None else wish

    def leave(self) -> None:
        """What the new process has, we have no more."""
        if self._open:
            os.close(self.theirs)


# ---------------------------------------------------------------- the template


def serve_forks(control: socket.socket, code: Sequence[str], be: Callable[[dict[str, Any]], NoReturn]) -> None:
    """Read this code, and then fork a process each time it is asked for one, until nobody can ask any more.

    The new process has its three files in place, is told the wish, and never comes back from `be`.
    """
    for name in code:
        with suppress(ModuleNotFoundError):  # what a platform lacks, no program of it reads
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # so that what the forked processes share stays shared
    watching = 0
    while (got := socket.recv_fds(control, LENGTH, HANDED))[0]:
        wish = _exactly(control, int.from_bytes(got[0], "big"))
        if os.fork() == 0:
            _watch(control, got[1], lambda wish=wish: be(json.loads(wish)))  # type: ignore[misc]
        watching += 1
        for number in got[1]:
            os.close(number)
        while watching and os.waitpid(-1, os.WNOHANG) != (0, 0):
            watching -= 1
    for _ in range(watching):
        os.wait()


def _exactly(control: socket.socket, length: int) -> bytes:
    read = b""
    while len(read) < length:
        part = control.recv(length - len(read))
        if not part:
            raise EOFError("who asked for a process has ended in the middle of a word")
        read += part
    return read


def _watch(control: socket.socket, files: Sequence[int], be: Callable[[], NoReturn]) -> None:
    """Fork the process, say its number, and how it ended; the process itself comes back from here by `SystemExit` alone.

    It has a session of its own before anybody hears of it: who signals its group must not meet the template.
    """
    *given, tells = files
    apart, parted = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        for number in (tells, apart, parted):
            os.close(number)
        control.close()
        take_files(given)
        be()
    os.close(parted)
    os.read(apart, 1)  # which ends once the other has closed its end
    os.close(apart)
    control.sendall(f"{pid}\n".encode())
    control.close()
    for number in given:
        os.close(number)
    _, status = os.waitpid(pid, 0)
    os.write(tells, str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def take_files(given: Sequence[int]) -> None:
    """Make these files the three that every process has."""
    for place, number in enumerate(given):
        os.dup2(number, place)
        os.close(number)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(place, "rww"[place], 1, encoding="utf-8") for place in range(3))
