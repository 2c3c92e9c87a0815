"""Contract probes under the ledger: every sentinel is written down before it is made, and none stays in the account."""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from workbench.clock import now
from workbench.destinations import LiveField
from workbench.destinations.probes import NAME, Probe, Prober, Verdict, prober_of
from workbench.errors import Refused, Uncertain, WrongKey
from workbench.ledger import Guard
from workbench.ledger.operations import Closing, Intent, Operation, State, operations
from workbench.specs import CustomField, Scalar

__all__ = ["COLUMNS", "Probed", "clear", "conflicts", "planned", "probe", "verdict_settings"]

COLUMNS = ("probe", "setting", "value", "words", "evidence", "calls", "at")
MARK = "probe:"
"""Before the key of every sentinel, so that a later run knows which of the ledger's records are sentinels."""
MAKING = ("create", "update")
LOOKS = 3
"""How often it is looked whether a sentinel is left, before one is said to be."""


@dataclass(frozen=True)
class Probed:
    """What the probes settled, in `frame` (`COLUMNS`; `value` as JSON, empty where it is open), and what was left behind."""

    frame: pd.DataFrame
    left: tuple[str, ...]  # sentinels and fields that could not be taken away, in words


def planned(destination: Guard) -> pd.DataFrame:
    """What the probes would ask and make: probe, question, settles, makes, calls. Nothing is sent."""
    rows = [[p.name, p.question, ", ".join(p.settles), p.makes, p.calls] for p in prober_of(destination.inner).probes()]
    return pd.DataFrame(rows, columns=["probe", "question", "settles", "makes", "calls"])


def probe(destination: Guard, *, on_verdict: Callable[[Verdict], None] | None = None) -> Probed:
    """Ask the account everything that its vendor's pages leave open, with sentinels that are gone at the end.

    What an interrupted run left is taken away first. A question that the account refuses to answer stays open and stops no
    other one; an account that does not answer at all stops the run (WaitError), and the next one takes up from there.
    """
    prober = prober_of(destination.inner)
    clear(destination, prober)
    bench = _Bench(destination)
    rows = []
    for one in prober.probes():
        before = prober.calls
        for verdict in _answers(one, bench):
            rows.append((one.name, verdict, prober.calls - before))
            if on_verdict is not None:
                on_verdict(verdict)
    left = clear(destination, prober)
    return Probed(_frame(rows), left)


def clear(destination: Guard, prober: Prober) -> tuple[str, ...]:
    """Take away every sentinel and field of the probes, of this run and of earlier ones; what stays comes back in words."""
    left: list[str] = []
    for object_ in dict.fromkeys(row.object for row in reversed(_sentinels(destination))):  # what hangs on others first
        left += _cleared(destination, prober, object_)
    return tuple(left + _fields_cleared(destination))


def verdict_settings(frame: pd.DataFrame | None, *, known: Iterable[str]) -> dict[str, Scalar]:
    """The settings of a destination that probes have settled, none without a frame; `known` are the names that it has."""
    if frame is None:
        return {}
    names = set(known)
    found = {str(row.setting): str(row.value) for row in frame.itertuples() if row.value}
    return {name: json.loads(value) for name, value in found.items() if name in names}


class _Bench:
    """The bench of one run."""

    def __init__(self, destination: Guard) -> None:
        self._destination = destination
        self._operations = destination.ledger.operations
        self._run = secrets.token_hex(4)
        self._number = 0
        self._marks: dict[str, str] = {}  # object → where its list stood before the first sentinel
        self._fields: Sequence[LiveField] | None = None  # as they were before the first of ours

    def key(self, object_: str) -> str:
        self._number += 1
        return f"{MARK}{object_}:{self._run}-{self._number}"

    def make(self, object_: str, key: str, send: Callable[[], str | None], *, dated: bool = False) -> str:
        since = "" if dated else self._marks.get(object_) or self._destination.newest(object_)
        self._marks.setdefault(object_, since)
        intent = Intent(object_, key, "create", {"probe": NAME, "since": since})
        number = self._operations.open(uuid.uuid4().hex, [intent])[0]
        try:
            made = send()
        except Uncertain as lost:
            self._operations.close([Closing(number, "unknown", words=lost.message)])
            raise
        except Refused as no:
            self._operations.close([Closing(number, "rejected", words=no.message)])
            raise
        state: State = "rejected" if made == "" else "done"
        self._operations.close([Closing(number, state, id=made or "", words="a probe's")])
        return made or ""

    def field(self, plan: CustomField) -> LiveField:
        if self._fields is None:
            self._fields = self._destination.metadata().fields
        live = next((field for field in self._fields if _is_of(field, plan)), None)
        return live or self._destination.create_field(plan.model_copy(update={"about": NAME}))


def _answers(one: Probe, bench: _Bench) -> Sequence[Verdict]:
    try:
        return one.run(bench)
    except (Refused, Uncertain) as error:
        if isinstance(error, WrongKey) and not error.found.startswith("403"):  # one that may not do this may do the rest
            raise
        said = f"{error.message}: {error.found}" if error.found else error.message
        return [Verdict(name, None, f"not settled: {said}") for name in one.settles]


# ---------------------------------------------------------------- taking away


def _sentinels(destination: Guard) -> list[Operation]:
    """Sentinels that may still be there: made, or nobody knows whether."""
    c = operations.c
    return destination.ledger.operations.where(
        c.key.like(f"{MARK}%") & (c.verb == "create") & c.state.in_(("intent", "unknown", "done", "kept"))
    )


def _cleared(destination: Guard, prober: Prober, object_: str) -> list[str]:
    """Take away the sentinels of one object, those of lost answers included; what stays, in words."""
    rows = [row for row in _sentinels(destination) if row.object == object_]
    keys = {row.key for row in rows}
    marks = {str(row.payload.get("since", "")) for row in rows}
    since = marks.pop() if len(marks) == 1 else ""
    if any(row.state in ("intent", "unknown") for row in rows):
        destination.settle(object_)
        rows = [row for row in _sentinels(destination) if row.object == object_]
    ids = {row.id for row in rows if row.id}
    ids |= {record.id for record in destination.bearing(object_, keys, since=since)}
    for _ in range(LOOKS):
        _away(destination, prober, object_, sorted(ids))
        ids = {record.id for record in destination.bearing(object_, keys, since=since)}
        if not ids:
            gone = [Closing(row.op, "reversed", words="a probe's, taken away") for row in rows]
            destination.ledger.operations.close(gone)
            return []
    return [f"{object_} {number}: {NAME}" for number in sorted(ids)]


def _away(destination: Guard, prober: Prober, object_: str, ids: Sequence[str]) -> None:
    for number in ids:
        prober.strip(object_, number)
    for outcome in destination.delete(object_, ids):
        if outcome.state == "done":
            prober.purge(object_, outcome.id or outcome.key)


def _fields_cleared(destination: Guard) -> list[str]:
    """Take away the fields that probes made; one in which other records of ours may hold a value stays for the rollback."""
    c = operations.c
    ledger = destination.ledger
    rows = ledger.operations.where((c.verb == "create_field") & c.state.in_(("intent", "unknown", "done")))
    rows = [row for row in rows if row.payload.get("about") == NAME]
    for object_ in dict.fromkeys(row.object for row in rows if row.state != "done"):
        destination.settle(object_)
    rows = [row for row in rows if not _used(destination, row.object)]
    plans = [CustomField.model_validate(row.payload) for row in rows]
    metadata = destination.metadata(plans) if rows else None
    left = []
    for row, plan in zip(rows, plans, strict=True):
        live = metadata.find(plan.object, plan.name) if metadata is not None else None
        outcome = destination.delete_field(live) if live is not None else None
        if outcome is None or outcome.state == "done":
            ledger.mark_reversed(row.op, "reversed", "a probe's, taken away")
        else:
            left.append(f"field {plan.label} of {plan.object}: {outcome.words}")
    return left


def _used(destination: Guard, object_: str) -> bool:
    """Whether the ledger knows of records of an object, in which a field may hold a value."""
    c = operations.c
    states = ("intent", "unknown", "done", "kept")
    return bool(destination.ledger.operations.where((c.object == object_) & c.verb.in_(MAKING) & c.state.in_(states)))


def _is_of(field: LiveField, plan: CustomField) -> bool:
    return field.custom and field.object == plan.object and field.label.casefold() == plan.label.casefold()


# ---------------------------------------------------------------- telling


def _frame(rows: Sequence[tuple[str, Verdict, int]]) -> pd.DataFrame:
    table = [
        [name, v.setting, "" if v.value is None else json.dumps(v.value), v.words, v.evidence, calls, now()]
        for name, v, calls in rows
    ]
    return pd.DataFrame(table, columns=list(COLUMNS)).astype({name: "int64" if name == "calls" else "str" for name in COLUMNS})


def conflicts(frame: pd.DataFrame, said: Mapping[str, Scalar]) -> list[str]:
    """Settings of `engagement.toml` that contradict what the account answered, in words; the file goes before."""
    settled = verdict_settings(frame, known=said)
    return [
        f"{name}: engagement.toml says {said[name]!r}, the account answered {value!r}"
        for name, value in settled.items()
        if said[name] != value
    ]
