"""Starts stand-ins out of a process that has read their code already: five times as quick as reading it for each of hundreds.

What starts is what `running` starts otherwise: a process of its own in a session of its own, with the same pipes and the same
loop, forked instead of executed. Where the folder or the environment is another one than at the beginning, it is executed.
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
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, NoReturn, cast

from workbench.rehearsal import serve
from workbench.rehearsal.child import child

__all__ = ["Started", "warm_starts"]

Start = Callable[[], "subprocess.Popen[str]"]
CODE = [
    *(f"workbench.rehearsal.{vendor}.spec" for vendor in ("fasttrack", "freshsales", "pipedrive", "soffront")),
    "uvicorn.lifespan.off",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.h11_impl",
]
UNREAD = ("PYTEST_CURRENT_TEST", "WORKBENCH_ENGAGEMENT", "WORKBENCH_KEY", "WORKBENCH_USER")
"""Variables that mean nothing to a stand-in."""
HANDED = 4
"""Files that the template is handed for a start: stdin, stdout and stderr of the new process, and where its end is told."""


class Started:
    """A process that another one has forked for us, as far as it is a `Popen`."""

    def __init__(self, pid: int, stdin: IO[str], stdout: IO[str], ended: int) -> None:
        self.pid, self.stdin, self.stdout = pid, stdin, stdout
        self.returncode: int | None = None
        self._ended = ended

    def poll(self) -> int | None:
        return self._told(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._told(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("a stand-in", timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _told(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._ended], [], [], timeout)[0]:
            said = os.read(self._ended, 8)
            os.close(self._ended)
            self.returncode = int(said) if said else -signal.SIGKILL  # who watches it was killed, too
        return self.returncode


@contextmanager
def warm_starts(cold: Start) -> Iterator[Start]:
    """What starts a stand-in, warm where it can be and else ``cold``; its template begins with the first start."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    where, known = Path.cwd(), _environment()
    template: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[str]:
        if Path.cwd() != where or _environment() != known:
            return cold()
        if not template:
            template.append(_template(theirs))
            theirs.close()
        return cast("subprocess.Popen[str]", _start(ours))

    with closing(ours), closing(theirs):
        yield start
    for process in template:
        process.wait(60)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in UNREAD}


def _template(control: socket.socket) -> subprocess.Popen[bytes]:
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return subprocess.Popen(
        [sys.executable, "-P", __file__, str(control.fileno())],
        pass_fds=[control.fileno()],
        env={**os.environ, "PYTHONPATH": path},
        start_new_session=True,
    )


def _start(control: socket.socket) -> Started:
    (reads, stdin), (stdout, writes), (ended, tells) = os.pipe(), os.pipe(), os.pipe()
    theirs = [reads, writes, sys.__stderr__.fileno() if sys.__stderr__ else 2, tells]
    try:
        control.sendmsg([b"+"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", theirs))])
        pid = int(json.loads(_line(control)))
    finally:
        for number in (reads, writes, tells):
            os.close(number)
    return Started(pid, os.fdopen(stdin, "w", encoding="utf-8"), os.fdopen(stdout, encoding="utf-8"), ended)


def _line(control: socket.socket) -> bytes:
    said = b""
    while not said.endswith(b"\n"):
        part = control.recv(64)
        assert part, "the template of the stand-ins has ended"
        said += part
    return said


# ---------------------------------------------------------------- the template


def _serve_starts(control: socket.socket) -> None:
    """Fork a stand-in each time it is asked to, until nobody can ask any more."""
    for name in CODE:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # so that what the forked processes share stays shared
    watching = 0
    while (got := socket.recv_fds(control, 1, HANDED))[0]:
        if os.fork() == 0:
            _watch(control, *got[1])
        watching += 1
        for number in got[1]:
            os.close(number)
        while watching and os.waitpid(-1, os.WNOHANG) != (0, 0):
            watching -= 1
    for _ in range(watching):
        os.wait()


def _watch(control: socket.socket, stdin: int, stdout: int, stderr: int, tells: int) -> NoReturn:
    """Fork the stand-in, say its number, and how it ended."""
    pid = os.fork()
    if pid == 0:
        os.close(tells)
        control.close()
        _be(stdin, stdout, stderr)
    control.sendall(f"{pid}\n".encode())
    control.close()
    for number in (stdin, stdout, stderr):
        os.close(number)
    _, status = os.waitpid(pid, 0)
    os.write(tells, str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _be(stdin: int, stdout: int, stderr: int) -> NoReturn:
    """What `python -m workbench.rehearsal` does."""
    code = 1
    try:
        os.setsid()
        for number, place in ((stdin, 0), (stdout, 1), (stderr, 2)):
            os.dup2(number, place)
            os.close(number)
        sys.stdin, sys.stdout, sys.stderr = (os.fdopen(place, "rww"[place], 1, encoding="utf-8") for place in range(3))
        child(serve)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as asked:
        _serve_starts(asked)
