"""A ledger made again where the old one is lost: which record bears which of our keys, read from the destination alone.

What was sent is taken from what is staged. What a record held before we changed it is lost for good, so that of a
record which may have been there before us nothing is ever taken back: it is kept, and says why.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Engine, Table, create_engine, insert, select, text
from sqlalchemy.exc import DatabaseError

from workbench.destinations import Draft, Record
from workbench.errors import IntegrityError
from workbench.ledger.guarding.evidence import TWICE
from workbench.ledger.guarding.twins import age
from workbench.ledger.operations import Closing, Intent, Operations, State, same
from workbench.ledger.soundness import check
from workbench.ledger.unloading.trails import REBUILT
from workbench.store import books, decisions, open_store, phases, proposals, sendings, writing

__all__ = ["ASIDE", "BESIDE", "Found", "Kept", "ills_of", "keep_tables", "mend", "note_become", "rebuild", "set_aside"]

KEPT: tuple[Table, ...] = (decisions, proposals, sendings, phases, books)
ASIDE = ".aside-"
BESIDE = ("", "-wal", "-shm", "-journal")
AT_ONCE = 500
MAYBE = f"{REBUILT}: nobody can say whether it was there before us"
UNSTAGED = f"{REBUILT}: nothing staged says what was written into it"


@dataclass(frozen=True)
class Kept:
    """Tables beside the ledger in the old database: the rows that were taken over, and words on those that are lost."""

    rows: Mapping[str, int] = field(default_factory=dict)
    lost: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """What the markers of an object told: how many keys, those that stand twice, those that nothing staged speaks of.

    `absent` counts what is staged and bears no marker over there; `unsure` what may have been there before us.
    """

    object: str
    keys: int = 0
    unsure: int = 0
    absent: int = 0
    twins: tuple[tuple[str, str, str], ...] = ()  # key, id, id of the older one
    unstaged: tuple[tuple[str, str], ...] = ()  # key, id


# ---------------------------------------------------------------- the old database


def ills_of(path: Path, *, engagement_id: str) -> str:
    """Why a ledger is not to be relied on, in words; empty where it is intact, or was never written."""
    if not path.is_file() or not path.stat().st_size:
        return "there is no database" if not path.is_file() else "the database is an empty file"
    try:
        store = open_store(path)
        try:
            check(store, engagement_id=engagement_id)
        finally:
            store.dispose()
    except IntegrityError as error:
        return error.found or error.message
    return ""


def keep_tables(old: Path, store: Engine) -> Kept:
    """Take over what people decided and how phases ended, each table whole or not at all; the old file is only read."""
    if not old.is_file():
        return Kept(lost={table.name: "there is no old database" for table in KEPT})
    rows: dict[str, int] = {}
    lost: dict[str, str] = {}
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "old.db"
        for end in BESIDE[:2]:
            if old.with_name(old.name + end).is_file():
                shutil.copyfile(old.with_name(old.name + end), copy.with_name(copy.name + end))
        try:
            source = open_store(copy)
        except IntegrityError:
            source = None
        for table in KEPT:
            try:
                rows[table.name] = _copied(table, source or _bare(copy), store)
            except (DatabaseError, IntegrityError) as error:
                lost[table.name] = str(getattr(error, "orig", error)).splitlines()[0]
        if source is not None:
            source.dispose()
    return Kept(rows, lost)


def set_aside(path: Path, *, name: str) -> Path | None:
    """Copy a database and what belongs to it under another name, itself last; None where there was none.

    The old one stays where it is until the new one takes its place in one step.
    """
    target = path.with_name(f"{path.name}.{name}")
    for each in sorted(path.parent.glob(f"{path.name}*"), reverse=True):
        end = each.name.removeprefix(path.name)
        if end in BESIDE or end.startswith("-mark-"):
            _copy(each, target.with_name(target.name + end))
    return target if target.exists() else None


def mend(path: Path) -> None:
    """Give a database back what belongs to it, where a run was interrupted between setting it aside and replacing it."""
    for aside in path.parent.glob(f"{path.name}{ASIDE}*"):
        if path.is_file() and "-" not in aside.name.rpartition(ASIDE)[2] and filecmp.cmp(path, aside, shallow=False):
            for end in BESIDE[1:]:
                copy, own = aside.with_name(aside.name + end), path.with_name(path.name + end)
                if copy.is_file() and not own.exists():
                    _copy(copy, own)


def _copy(source: Path, target: Path) -> None:
    """A copy that is on disk, and whole, when it bears its name."""
    part = target.with_name(f"{target.name}.part")
    shutil.copy2(source, part)
    with part.open("rb+") as stream:
        os.fsync(stream.fileno())
    part.replace(target)


def _bare(copy: Path) -> Engine:
    """A damaged database, opened without the checks that refuse it."""
    return create_engine(f"sqlite+pysqlite:///{copy}")


def _copied(table: Table, source: Engine, target: Engine) -> int:
    with source.connect() as connection:
        ills = [str(row[0]) for row in connection.execute(text(f"PRAGMA integrity_check('{table.name}')"))]
        if ills != ["ok"]:
            raise IntegrityError("; ".join(ills[:3]))
        rows = [dict(row) for row in connection.execute(select(table)).mappings()]
    if rows:
        with writing(target) as connection:
            connection.execute(insert(table), rows)
    return len(rows)


# ---------------------------------------------------------------- the new ledger


def rebuild(
    ledger: Operations,
    object_: str,
    records: Iterable[Record],
    *,
    staged: Mapping[str, Mapping[str, Any]],
    later: Mapping[str, Mapping[str, Any]],
    ours: str,
    sure: bool,
    after: str = "",
) -> Found:
    """Write down every record of an object that bears a key of ours as made by us, with what it holds now beside it.

    `staged` are the values of the first delivery by key, `later` those of a later one: where they differ and the record
    holds the later ones, they were a change. Keys begin with `ours`. A record counts as made by us where `sure`, or where
    its id came after `after`, the newest one before the first load; any other one is kept, whatever happens. So is a second
    record of a key, which may be a person's copy.
    """
    found: dict[str, list[Record]] = {}
    for record in records:
        if record.key.startswith(ours):
            found.setdefault(record.key, []).append(record)
    rows: list[tuple[Intent, Closing]] = []
    twins: list[tuple[str, str, str]] = []
    unsure = 0
    for key in sorted(found, key=lambda key: min(age(record) for record in found[key])):
        first, *others = sorted(found[key], key=age)
        values = staged.get(key, later.get(key))
        certain = values is not None and (sure or _after(first.id, after))
        unsure += not certain and values is not None
        words = UNSTAGED if values is None else REBUILT if certain else MAYBE
        state: State = "done" if certain else "kept"
        rows.append(_row(object_, key, first, first.values if values is None else values, state, words))
        if key in staged and key in later:
            rows += _changes(object_, first, staged[key], later[key], state)
        for other in others:
            twins.append((key, other.id, first.id))
            told = f"{TWICE}: {first.id} bears the same key, and the ledger that knew whether this one is ours is lost; {words}"
            rows.append(_row(object_, key, other, values or other.values, "kept", told))
    _enter(ledger, rows)
    return Found(
        object_,
        keys=len(found),
        unsure=unsure,
        absent=len((staged.keys() | later.keys()) - found.keys()),
        twins=tuple(twins),
        unstaged=tuple((key, each[0].id) for key, each in found.items() if key not in staged and key not in later),
    )


def note_become(ledger: Operations, object_: str, draft: Draft, *, number: str, now: str) -> None:
    """Write down that the record of a key has become another one, so that it is not made anew; a rollback leaves it to that."""
    intent = Intent(object_, draft.key, "create", dict(draft.values), number)
    _enter(ledger, [(intent, Closing(0, "kept", id=number, words=f"{REBUILT}: it has become {now}", post={}))])


def _changes(
    object_: str, record: Record, first: Mapping[str, Any], later: Mapping[str, Any], state: State
) -> list[tuple[Intent, Closing]]:
    """The change that a later delivery has made, as far as the record shows it."""
    differing = [name for name in first.keys() | later.keys() if not same(first.get(name), later.get(name))]
    made = {name: later.get(name) for name in sorted(differing) if same(record.values.get(name), later.get(name))}
    if not made:
        return []
    before = {name: first.get(name) for name in made}
    intent = Intent(object_, record.key, "update", made, record.id, before)
    return [(intent, Closing(0, state, id=record.id, words=REBUILT))]


def _row(object_: str, key: str, record: Record, values: Mapping[str, Any], state: State, words: str) -> tuple[Intent, Closing]:
    intent = Intent(object_, key, "create", dict(values), record.id)
    return intent, Closing(0, state, id=record.id, words=words, post=dict(record.values))


def _after(number: str, mark: str) -> bool:
    """Whether an id was given out after another one; ids that are no numbers tell nothing."""
    return number.isdecimal() and mark.isdecimal() and int(number) > int(mark)


def _enter(ledger: Operations, rows: Sequence[tuple[Intent, Closing]]) -> None:
    for start in range(0, len(rows), AT_ONCE):
        part = rows[start : start + AT_ONCE]
        numbers = ledger.open(uuid.uuid4().hex, [intent for intent, _ in part])
        closings = [
            Closing(number, closing.state, closing.id, closing.words, closing.post)
            for number, (_, closing) in zip(numbers, part, strict=True)
        ]
        ledger.close(closings)
