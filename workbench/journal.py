"""What happened in an engagement, one line an event, each bound by its hash to the one before."""

from __future__ import annotations

import fcntl
import getpass
import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import pandas as pd

from workbench.clock import now
from workbench.errors import EditError, IntegrityError
from workbench.verification import START, Chain, check_chain, entry_hash, entry_line

__all__ = ["Entry", "Journal", "Verdict", "person", "verify"]

HIDDEN = "•••"


@dataclass(frozen=True)
class Entry:
    """One event."""

    n: int  # from 1 on
    at: str  # UTC, ISO 8601
    who: str
    what: str  # a word: created, phase, decided, loaded …
    subject: str
    detail: Mapping[str, Any]
    previous: str  # hash of entry n-1
    hash: str


@dataclass(frozen=True)
class Verdict:
    """How far a journal holds together; `line` is the first that does not, 0 where all do."""

    entries: int
    head: str
    line: int
    reason: str
    torn: bool  # only the end of the last line is missing, as after a power cut; the next entry mends that

    @property
    def good(self) -> bool:
        return self.line == 0


class Journal:
    """The journal in one file; safe for several processes, and on disk before `append` returns.

    `hide` tells the secrets of the moment; wherever one of them stands in an entry, dots are written in its place.
    """

    def __init__(self, path: Path, *, hide: Callable[[], Sequence[str]] = tuple) -> None:
        self.path = path
        self._hide = hide

    def append(self, what: str, *, subject: str = "", detail: Mapping[str, Any] | None = None, who: str = "") -> Entry:
        """Write down an event; `who` is the user of this machine, or $WORKBENCH_USER, unless given.

        Details are JSON; anything else is refused, a secret among them. IntegrityError where the last line is not one
        of ours, so that nothing is chained to a journal that was changed.
        """
        values = {"who": who or person(), "what": what, "subject": subject, "detail": dict(detail or {})}
        safe = self._without_secrets(values)
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "r+b") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX)
                last = self._mend(stream, self._last(stream))
                return _write(stream, last, safe)
        except OSError as failed:
            raise EditError(
                "the journal cannot be written",
                found=failed.strerror or str(failed),
                where=str(self.path),
                todo="make room on the disk and see that you may write there, then run again",
            ) from None

    def entries(self) -> tuple[Entry, ...]:
        """Every entry; IntegrityError where the chain does not hold."""
        self.check()
        if not self.path.exists():
            return ()
        with self.path.open("rb") as stream:
            return tuple(Entry(**json.loads(line)) for line in stream if line.endswith(b"\n"))

    def frame(self) -> pd.DataFrame:
        """One row an entry: n, at, who, what, subject, detail."""
        rows = [asdict(entry) for entry in self.entries()]
        return pd.DataFrame(rows, columns=["n", "at", "who", "what", "subject", "detail"])

    def head(self) -> str:
        """The hash of the last entry, which stands for the whole journal."""
        return self.verify().head

    def verify(self) -> Verdict:
        """The same as the function `verify`, for this journal."""
        return verify(self.path)

    def check(self) -> Verdict:
        """The verdict, or IntegrityError in words; a line cut off by a crash is not held against anybody."""
        verdict = self.verify()
        if not verdict.good and not verdict.torn:
            raise _changed(self.path, verdict.line, verdict.reason)
        return verdict

    def _last(self, stream: IO[bytes]) -> tuple[bytes, bytes]:
        """The last whole line, and what stands behind it."""
        stream.seek(0, os.SEEK_END)
        start, tail = stream.tell(), b""
        while start and tail.count(b"\n") < 2:
            size = min(start, 8192)
            start -= size
            stream.seek(start)
            tail = stream.read(size) + tail
        whole, _, torn = tail.rpartition(b"\n")
        return whole.rpartition(b"\n")[2], torn

    def _mend(self, stream: IO[bytes], found: tuple[bytes, bytes]) -> tuple[int, str]:
        """Number and hash of the last entry, after cutting off a line that a crash left unfinished.

        Such a line was never acknowledged; it is kept as the detail of an entry of its own.
        """
        line, torn = found
        last = self._number(line)
        if not torn:
            return last
        stream.truncate(stream.seek(0, os.SEEK_END) - len(torn))
        detail = self._without_secrets({"cut": torn.decode("utf-8", "backslashreplace")})
        entry = _write(stream, last, {"who": person(), "what": "mended", "subject": "", "detail": detail})
        return entry.n, entry.hash

    def _number(self, line: bytes) -> tuple[int, str]:
        if not line:
            return 0, START
        with suppress(ValueError, KeyError, TypeError):
            entry = json.loads(line)
            if entry["hash"] == entry_hash(entry):
                return int(entry["n"]), str(entry["hash"])
        verdict = self.verify()
        raise _changed(self.path, verdict.line, verdict.reason)

    def _without_secrets(self, value: Any) -> Any:
        secrets = [secret for secret in self._hide() if secret]
        return _cover(value, secrets) if secrets else value


def verify(path: Path) -> Verdict:
    """Read a journal from its first line on; a missing file is an empty journal."""
    if not path.exists():
        return Verdict(0, START, 0, "", False)
    with path.open("rb") as stream:
        chain: Chain = check_chain(stream)
    return Verdict(chain.entries, chain.head, chain.line, chain.reason, chain.torn)


def person() -> str:
    """Who acts where nobody was named: $WORKBENCH_USER, else the user of this machine."""
    named = os.environ.get("WORKBENCH_USER", "").strip()
    if named:
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number without a name
        return f"user {os.getuid()}"


def _write(stream: IO[bytes], last: tuple[int, str], values: Mapping[str, Any]) -> Entry:
    number, previous = last
    entry = {"n": number + 1, "at": now(), **values, "previous": previous}
    try:
        entry["hash"] = entry_hash(entry)
        line = entry_line(entry)
    except (TypeError, ValueError) as wrong:
        raise EditError("an entry of the journal holds what JSON cannot", found=str(wrong)) from None
    stream.seek(0, os.SEEK_END)
    stream.write(line)
    stream.flush()
    os.fsync(stream.fileno())
    return Entry(**entry)


def _cover(value: Any, secrets: Sequence[str]) -> Any:
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, HIDDEN)
        return value
    if isinstance(value, Mapping):
        return {_cover(key, secrets): _cover(part, secrets) for key, part in value.items()}
    return [_cover(part, secrets) for part in value] if isinstance(value, list | tuple) else value


def _changed(path: Path, line: int, reason: str) -> IntegrityError:
    return IntegrityError(
        "the journal was changed after it was written",
        found=reason or "its last line is not an entry",
        where=f"{path.name}: line {line}" if line else path.name,
        todo="put back the untouched file; without it the package cannot prove what was done",
    )
