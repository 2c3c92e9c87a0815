"""A stand-in in a process of its own that ends with the one that started it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import httpx

from workbench import errors
from workbench.errors import WaitError, WorkbenchError
from workbench.rehearsal.engine import Json
from workbench.rehearsal.engine.wire import KEY_HEADER, OWN

if TYPE_CHECKING:  # pandas takes longer to import than a stand-in takes to start
    import pandas as pd


class Token(str):
    """A key that its repr does not show."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


@dataclass(frozen=True)
class Rehearsal:
    """A running stand-in: the base URL of its API, its key, and what only a rehearsal can tell."""

    url: str
    token: Token
    process: subprocess.Popen[str] = field(repr=False)
    state: Path

    def log(self, since: int = 0) -> pd.DataFrame:
        """One row per request after line ``since``; the columns are those of the state's log."""
        import pandas as pd

        columns = ["n", "at", "method", "path", "status", "ms", "bytes_in", "bytes_out", "counted", "fault", "tokens"]
        return pd.DataFrame(self._ask("GET", f"log?since={since}")["rows"], columns=columns)

    def dump(self) -> Json:
        """The whole tenant; ``canonical`` makes it comparable."""
        return self._ask("GET", "dump")

    def admin_create_fields(self, plan: Sequence[Mapping[str, object]]) -> list[Json]:
        """Create custom fields as the customer's admin does, whatever the API allows.

        Each row has object, label, type, and where they apply choices, unique and required. Returns the vendor's
        fields; their keys are the vendor's to choose.
        """
        return cast(list[Json], self._ask("POST", "admin/fields", [dict(row) for row in plan])["fields"])

    def order_fault(self, kind: str, *, path: str = "", count: int = 1) -> None:
        """Let the next ``count`` requests whose path contains ``path`` meet a fault."""
        self._ask("POST", "faults", {"kind": kind, "path": path, "count": count})

    def stop(self) -> None:
        """End the process; everything that was answered is in the state file."""
        if self.process.stdin and not self.process.stdin.closed:
            self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()

    def _ask(self, method: str, path: str, body: object = None) -> Json:
        root = httpx.URL(self.url).copy_with(path="/")
        headers = {KEY_HEADER: str.__str__(self.token)}
        answer = httpx.request(method, f"{root}{OWN}/{path}", headers=headers, json=body, timeout=60, trust_env=False)
        if answer.status_code != 200:
            raise WorkbenchError("the rehearsal refused", found=answer.text)
        return cast(Json, answer.json())


@contextmanager
def running(
    destination: str,
    *,
    state: Path,
    token: str,
    port: int = 0,
    tenant: str | Path | None = None,
    time_scale: float = 1.0,
    switches: Mapping[str, str] | None = None,
) -> Iterator[Rehearsal]:
    """A stand-in in a child process for the length of a ``with`` block; arguments and errors as for ``serve``."""
    wish = {
        "destination": destination,
        "port": port,
        "state": str(state),
        "token": token,
        "tenant": None if tenant is None else str(tenant),
        "time_scale": time_scale,
        "switches": dict(switches or {}),
    }
    process = _spawn()
    try:
        # Through the pipe, since the arguments and the environment of a process can be read by others.
        stdin, stdout = cast(IO[str], process.stdin), cast(IO[str], process.stdout)
        stdin.write(json.dumps(wish) + "\n")
        stdin.flush()
        url = _ready(stdout.readline())
    except BaseException:
        _end(process)
        raise
    rehearsal = Rehearsal(url, Token(token), process, state)
    try:
        yield rehearsal
    finally:
        rehearsal.stop()


def _spawn() -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "workbench.rehearsal"]
    root = str(Path(__file__).resolve().parents[2])
    paths = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
        start_new_session=True,  # interrupting a notebook cell must not end the stand-in
    )


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()


def _ready(line: str) -> str:
    """The URL of the child, or its error raised here in its own class."""
    if not line:
        raise WaitError("the rehearsal did not start", todo="read what it printed above")
    said: dict[str, str] = json.loads(line)
    if "url" in said:
        return said["url"]
    kind = getattr(errors, said["error"], WorkbenchError)
    parts = {name: said[name] for name in ("expected", "found", "where", "todo")}
    raise kind(said["message"], **parts)


def child(serve: Callable[..., None]) -> None:
    """What the child process does: read the wish from the first line of stdin, and end when stdin ends."""
    wish = json.loads(sys.stdin.readline())
    wish["state"] = Path(wish["state"])
    threading.Thread(target=_until_parent_ends, daemon=True).start()
    try:
        serve(wish.pop("destination"), **wish, on_ready=lambda url: _say({"url": url}))
    except WorkbenchError as error:
        parts = {name: str(getattr(error, name)) for name in ("message", "expected", "found", "where", "todo")}
        _say({"error": type(error).__name__, **parts})


def _until_parent_ends() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


def _say(value: Mapping[str, str]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()
