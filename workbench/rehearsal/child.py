"""A stand-in in a process of its own that ends with the one that started it."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from workbench import errors
from workbench.errors import WaitError, WorkbenchError
from workbench.rehearsal.engine import Json
from workbench.rehearsal.engine.backdoor import KEY_HEADER, OWN
from workbench.rehearsal.engine.dumps import dump
from workbench.rehearsal.engine.state import LOGGED

if TYPE_CHECKING:  # they take longer to import than a stand-in takes to start
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
    certificate: Path | None = None  # what it shows where it was started with TLS

    def log(self, since: int = 0) -> pd.DataFrame:
        """One row per request after line ``since``; the columns are those of the state's log."""
        import pandas as pd

        rows: list[Json] = []
        while page := self._ask("GET", f"log?since={since}")["rows"]:
            rows += page
            since = page[-1]["n"]
        return pd.DataFrame(rows, columns=list(LOGGED))

    def dump(self) -> Json:
        """The whole tenant; ``canonical`` makes it comparable. The server does what is due; the file is read here."""
        self._ask("GET", "settled")
        return dump(self.state)

    def admin_create_fields(self, plan: Sequence[Mapping[str, object]]) -> list[Json]:
        """Create custom fields as the customer's admin does, whatever the API allows.

        Each row has object, label, type, and where they apply choices, unique and required. Returns the vendor's
        fields; their keys are the vendor's to choose.
        """
        return cast(list[Json], self._ask("POST", "admin/fields", [dict(row) for row in plan])["fields"])

    def order_fault(
        self,
        kind: str,
        *,
        path: str = "",
        count: int = 1,
        method: str = "",
        share: float = 1.0,
        after: int = 0,
        seconds: float | None = None,
        rows: float | None = None,
        retry_after: str = "",
    ) -> None:
        """Let ``count`` requests whose path contains ``path`` meet a fault, from the next on; the rest as in a fault's text.

        ``method`` is one, or ``any``, or ``write`` for all but GET; empty leaves it to the kind of fault.
        """
        wish: dict[str, object] = {"path": path, "times": count, "method": method, "share": f"{share:f}", "after": after}
        wish |= {"seconds": seconds, "rows": rows, "retry_after": retry_after}
        self._ask("POST", "faults", {"kind": kind, **{name: value for name, value in wish.items() if value not in ("", None)}})

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
        import httpx  # which the process that serves never needs

        root = httpx.URL(self.url).copy_with(path="/")
        headers = {KEY_HEADER: str.__str__(self.token)}
        verify = _only(self.certificate) if self.certificate else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody
        answer = httpx.request(
            method, f"{root}{OWN}/{path}", headers=headers, json=body, timeout=60, trust_env=False, verify=verify
        )
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
    faults: Sequence[str] = (),
    seed: int = 0,
    tls: tuple[Path, Path] | None = None,
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
        "faults": list(faults),
        "seed": seed,
        "tls": [str(path) for path in tls] if tls else None,
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
    rehearsal = Rehearsal(url, Token(token), process, state, tls[0] if tls else None)
    try:
        yield rehearsal
    finally:
        rehearsal.stop()


def _only(certificate: Path) -> ssl.SSLContext:
    """Trust in this one certificate, whoever signed it and whatever name it bears: we have started its server ourselves."""
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _spawn() -> subprocess.Popen[str]:
    # Without -P modules would be looked for in the working folder first: a stray tomllib.py beside a notebook would be run.
    # An empty part of the path means that folder too.
    command = [sys.executable, "-P", "-m", "workbench.rehearsal"]
    root = str(Path(__file__).resolve().parents[2])
    paths = os.pathsep.join(filter(None, (root, *os.environ.get("PYTHONPATH", "").split(os.pathsep))))
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
    wish["tls"] = tuple(map(Path, wish["tls"])) if wish["tls"] else None
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
