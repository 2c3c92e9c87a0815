"""Faults: what goes wrong between a client and the vendor, and which request meets it, by hand or by seeded chance."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from workbench.errors import SpecError

JOB, ROWS, BUDGET = "job", "rows", "budget"
"""What a vendor must have for some faults: things that it does later, such jobs of many rows, a budget of tokens."""
RETRY_AFTER = ("none", "seconds", "date", "past", "soon", "86400", "-1")
"""The forms of Retry-After in the fault matrix, in the order in which ``mixed`` deals them out."""
SHARED = ("path", "method", "times", "after")
GRAMMAR = "KIND[=SHARE][,path=PART][,method=POST][,times=N][,after=N][,seconds=S][,rows=SHARE][,retry_after=FORM]"
GATEWAY = (502, 503, 504)
LONGEST = 1_000_000_000
"""Seconds beyond which no date can be told."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault: its rows in the fault matrix of reliability §4, when it strikes, and what it does."""

    name: str
    rows: tuple[str, ...]
    phase: Literal["before", "after", "job"]  # before or after the work is committed, or in a job that the request starts
    does: str
    seconds: float | None = None  # real seconds unless told otherwise; none: the fault takes no time
    takes: tuple[str, ...] = ()  # parameters beside those that all take
    method: str = "write"
    needs: str = ""

    @property
    def parameters(self) -> tuple[str, ...]:
        return (*SHARED, *(("seconds",) if self.seconds is not None else ()), *self.takes)


def _table() -> Iterable[Fault]:
    yield Fault("drop_before", ("F1",), "before", "the connection is reset, nothing was done")
    yield Fault("drop_after", ("F2",), "after", "it was done, then the connection is reset")
    yield Fault("late", ("F3", "F4"), "after", "held, done SECONDS later even if the client has gone, then answered", 1.0)
    yield Fault("hang_before", ("F3",), "before", "never answered, nothing was done")
    yield Fault("hang_after", ("F3",), "after", "it was done, but is never answered")
    yield Fault("429", ("F5",), "before", "over the limit, Retry-After in the form asked for", 1.0, ("retry_after",))
    yield Fault(
        "429_daily", ("F6",), "before", "the day's budget is gone, the burst is not", 3600.0, ("retry_after",), needs=BUDGET
    )
    yield Fault("403_page", ("F7",), "before", "the gateway's HTML page with 403", method="any")
    for status in (500, *GATEWAY):
        yield Fault(f"{status}_before", ("F8",), "before", f"{status}, nothing was done")
        yield Fault(f"{status}_after", ("F8",), "after", f"it was done, the answer is {status}")
    yield Fault("truncated", ("F9",), "after", "half of the answer, with the length of the half")
    yield Fault("cut_length", ("F9",), "after", "half of the answer, with the length of the whole")
    yield Fault("cut_chunked", ("F9",), "after", "half of the answer in chunks, then the end without the last one")
    yield Fault("gzip_bomb", ("F9",), "after", "a small gzip body that unpacks to more than 64 MiB")
    yield Fault("html_200", ("F9",), "after", "an HTML page with status 200")
    yield Fault("invalid_json", ("F9",), "after", "a whole answer that is no JSON")
    yield Fault("no_id", ("F9",), "after", "an answer without the ids and addresses in it")
    yield Fault("replay", ("F10",), "after", "done twice, answered once")
    yield Fault("swapped", ("F11",), "after", "answered with what an earlier request of the same kind was told")
    yield Fault("job_rows", ("F12", "F13"), "job", "ROWS of the job's rows are refused", takes=("rows",), needs=ROWS)
    yield Fault("job_shuffled", ("F12",), "job", "the report names its rows in another order", needs=ROWS)
    yield Fault("job_stuck", ("F13",), "job", "the job never ends, and nothing is done", needs=JOB)
    yield Fault("job_lost", ("F13",), "job", "the job is done, its status is 404", needs=JOB)
    yield Fault("job_late", ("F13",), "job", "the job is done SECONDS later than it would be", 5.0, needs=JOB)
    yield Fault("close_idle", ("F14",), "after", "the idle connection is closed SECONDS after the answer", 0.0, method="any")
    yield Fault("close_race", ("F14",), "after", "the next request on the connection meets a reset, nothing was done")
    yield Fault("expired", ("F15",), "before", "401, as if the key had expired", method="any")


FAULTS: Mapping[str, Fault] = {fault.name: fault for fault in _table()}


@dataclass(frozen=True, slots=True)
class Wish:
    """Which requests are to meet a fault: a share of those that fit path and method, after so many, so many times."""

    kind: str
    share: float = 1.0
    path: str = ""
    method: str = ""  # one method, any, or write for all but GET; empty: as the kind has it
    times: int | None = None
    after: int = 0
    seconds: float | None = None
    rows: float = 0.5
    retry_after: str = ""

    @property
    def fault(self) -> Fault:
        return FAULTS[self.kind]

    def fits(self, method: str, path: str) -> bool:
        wanted = self.method or self.fault.method
        return self.path in path and (wanted in ("any", method) or (wanted == "write" and method not in ("GET", "HEAD")))


def wish(spec: str, *, able: Iterable[str] = (JOB, ROWS, BUDGET)) -> Wish:
    """What a text such as ``drop_after=0.05,path=contacts`` asks for; ``SpecError`` in words for what it may not say.

    ``able`` is what the vendor has of what some faults need; it decides which kinds a message lists.
    """
    head, *rest = (part.strip() for part in spec.split(","))
    kind, sign, share = head.partition("=")
    said: dict[str, str] = {}
    for part in rest:
        name, equals, value = part.partition("=")
        if not equals or name in said:
            raise _no(spec, "each parameter once, as NAME=VALUE", part)
        said[name] = value
    return wish_of(kind, {**said, **({"share": share} if sign else {})}, spec=spec, able=able)


def wish_of(kind: str, said: Mapping[str, str], *, spec: str = "", able: Iterable[str] = (JOB, ROWS, BUDGET)) -> Wish:
    """The same from its parts: the kind of fault, and its parameters as text."""
    if kind not in FAULTS:
        raise SpecError(
            f"there is no fault {kind!r}",
            expected=", ".join(possible(able)),
            where=spec,
            todo="list them with workbench rehearse DESTINATION --faults",
        )
    allowed = ("share", *FAULTS[kind].parameters)
    for name in said:
        if name not in allowed:
            raise _no(spec or kind, f"{kind} takes {', '.join(allowed[1:])}", name)
    return Wish(
        kind,
        share=_share(said.get("share", "1"), spec),
        path=said.get("path", ""),
        method=_method(said.get("method", ""), spec),
        times=_whole(said["times"], spec) if "times" in said else None,
        after=_whole(said.get("after", "0"), spec),
        seconds=_seconds(said["seconds"], spec) if "seconds" in said else FAULTS[kind].seconds,
        rows=_share(said.get("rows", "0.5"), spec),
        retry_after=_header(said.get("retry_after", ""), spec),
    )


def possible(able: Iterable[str]) -> list[str]:
    """The kinds of fault that a vendor can meet who has these of what some need."""
    has = frozenset(able)
    return [name for name, fault in FAULTS.items() if not fault.needs or fault.needs in has]


@dataclass(frozen=True, slots=True)
class Met:
    """A fault that a request has met, with its parameters."""

    kind: str
    seconds: float = 0.0
    rows: float = 0.0
    retry_after: str = ""

    @property
    def phase(self) -> str:
        return FAULTS[self.kind].phase


@dataclass(slots=True)
class _Count:
    wish: Wish
    seed: str
    fitted: int = 0
    met: int = 0

    def strikes(self, *, possible: bool) -> bool:
        """Whether the request that has just fitted meets it; chance hangs on the seed and on how many fitted before."""
        self.fitted += 1
        spent = self.wish.times is not None and self.met >= self.wish.times
        if not possible or spent or self.fitted <= self.wish.after:
            return False
        struck = self.wish.share >= 1 or random.Random(f"{self.seed}:{self.fitted}").random() < self.wish.share
        self.met += struck
        return struck


class Faults:
    """Chooses the fault of each request: first those ordered by hand, then the wishes of the start, in their order.

    Counts begin with the server, so the same seed and the same requests meet the same faults.
    """

    def __init__(self, wishes: Sequence[Wish] = (), *, seed: int = 0, able: Iterable[str] = ()) -> None:
        self.able = frozenset(able)
        for one in wishes:
            self._check(one)
        self._wishes = [_Count(one, f"{seed}:{place}") for place, one in enumerate(wishes)]
        self._orders: list[_Count] = []
        self._seed, self._ordered = seed, 0
        self._now = ("", "")
        self._noted: list[str] = []

    def order(self, one: Wish) -> None:
        """Let the next requests that fit meet a fault, before all others."""
        self._check(one)
        self._orders.append(_Count(one, f"{self._seed}:order {self._ordered}"))
        self._ordered += 1

    def pick(self, method: str, path: str, *, swappable: bool = True) -> Met | None:
        """The fault that this request meets on the wire, or none; without an earlier answer none can be swapped in."""
        return self._first(("before", "after"), method, path, closed=() if swappable else ("swapped",))

    def begin(self, method: str, path: str) -> None:
        """From now on a stand-in works on this request, and may ask ``at`` some point of it."""
        self._now = (method, path)
        self._noted.clear()

    def at(self, point: str) -> Met | None:
        """For a stand-in: the fault that what it begins just now will meet, such as a job at the point ``job``."""
        met = self._first((point,), *self._now)
        if met:
            self._noted.append(met.kind)
        return met

    def named(self, met: Met | None) -> str | None:
        """All that this request has met, for its line in the log."""
        names = [met.kind, *self._noted] if met else self._noted
        return "+".join(names) or None

    def _first(self, phases: Sequence[str], method: str, path: str, *, closed: Sequence[str] = ()) -> Met | None:
        if not self._wishes and not self._orders:
            return None
        for count in (*self._orders, *self._wishes):
            one = count.wish
            if one.fault.phase in phases and one.fits(method, path) and count.strikes(possible=one.kind not in closed):
                self._orders = [order for order in self._orders if order.wish.times is None or order.met < order.wish.times]
                return Met(one.kind, one.seconds or 0.0, one.rows, _form(one, count.met))
        return None

    def _check(self, one: Wish) -> None:
        needs = one.fault.needs
        if needs and needs not in self.able:
            has_not = {JOB: "does nothing in jobs", ROWS: "has no job of several rows", BUDGET: "has no budget of tokens"}
            raise SpecError(
                f"this destination cannot meet the fault {one.kind}: it {has_not[needs]}",
                expected=", ".join(possible(self.able)),
                todo="leave it out",
            )


def _form(one: Wish, nth: int) -> str:
    return RETRY_AFTER[(nth - 1) % len(RETRY_AFTER)] if one.retry_after == "mixed" else one.retry_after


def _share(text: str, spec: str) -> float:
    if not re.fullmatch(r"\d*\.?\d+", text) or float(text) > 1:
        raise _no(spec, "a share from 0 to 1", text)
    return float(text)


def _seconds(text: str, spec: str) -> float:
    if not re.fullmatch(r"\d*\.?\d+", text) or float(text) > LONGEST:
        raise _no(spec, f"seconds from 0 upwards, {LONGEST:,} at most", text)
    return float(text)


def _header(text: str, spec: str) -> str:
    if not (text.isascii() and text.isprintable() and text == text.strip()):
        raise _no(spec, "what a header may hold: printable ASCII, no blank before or after it", text)
    return text


def _whole(text: str, spec: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text):
        raise _no(spec, "a whole number", text)
    return int(text)


def _method(text: str, spec: str) -> str:
    named = text if text in ("", "any", "write") else text.upper()
    if named not in ("", "any", "write", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
        raise _no(spec, "a method such as POST, or any, or write", text)
    return named


def _no(spec: str, expected: str, found: str) -> SpecError:
    return SpecError(
        "the fault cannot be read", expected=expected, found=repr(found), where=spec, todo=f"write it as {GRAMMAR}"
    )
