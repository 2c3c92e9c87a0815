"""One sweep of an object laid beside the ledger: ids filled in, copies taken away, and whatever else differs told.

Records are taken as they come and the ledger is asked about a few hundred at a time, so that a million need no more room.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING

import pandas as pd

from workbench.clock import now
from workbench.destinations import Record
from workbench.destinations.http.purposes import READ_BACK, calls_for
from workbench.ledger.guarding.certificate import COLUMNS, VERDICTS, Certificate, digest_of
from workbench.ledger.guarding.evidence import REPAIR, TWICE, crowded, made_late
from workbench.ledger.guarding.nearby import near_ours
from workbench.ledger.guarding.tidying import Tidying
from workbench.ledger.guarding.twins import age, remove_twin
from workbench.ledger.knowing import LIVE
from workbench.ledger.operations import OPEN, Closing, Operation, State, operations

if TYPE_CHECKING:
    from workbench.ledger.guarding.guard import Guard

__all__ = ["Reckoning"]

AT_ONCE = 500
STRANGERS = 1_000
"""Records with a key like ours, but not ours, that are named; further ones are not."""
SEEN, NAMED = 1, 2
"""Of an operation: its record was seen, and was only named by this sweep, so that nothing can hang on it yet."""
UNSEEN = "said to be made, and not to be seen"
GONE = "somebody has taken it away, or it was never made"
BACK = "it was refused or taken back, and is there: a person's, or another engagement's"
LEFT = "the record that we made is gone, and {} bears its key; a person's copy, or ours went into it?"


class Reckoning:
    """One object, compared once; what it finds goes into the ledger as it goes along."""

    def __init__(self, guard: Guard, object_: str) -> None:
        self.calls = guard.air.calls(object_)  # what the run had sent when it was compared, and what the repair has sent
        self._guard = guard
        self._object = object_
        self._ledger = guard.ledger.operations
        self._at = now()
        self._tidying = Tidying()
        self._since = guard.watermark(object_)
        self._records = 0
        self._seen = bytearray()  # by operation: whether its record was seen
        self._pairs: list[bytes] = []
        self._others: dict[str, list[str]] = {}  # key → ids that bear it beside the one that the ledger has
        self._many = False  # whether that is true of too many for chance
        self._prefixes: set[str] = set()
        self._strangers: dict[str, list[tuple[str, str, str]]] = {}  # prefix of a key → key, id and words
        self._rows: list[tuple[str, str, str, str]] = []  # key, id, verdict, words

    @calls_for(READ_BACK)
    def reckon(self) -> None:
        """Sweep, then deal with what bears a key twice, then with what was not seen; no call where we wrote nothing."""
        c = operations.c
        ours = (c.object == self._object) & c.verb.in_(("create", "update"))
        if next(self._ledger.each(ours), None) is None:
            return
        records = near_ours(self._guard, self._object, since=self._since)
        while some := list(islice(records, AT_ONCE)):
            self._lay(some)
        self._many = crowded(len(self._others), self._records)
        for key in sorted(self._others):
            self._sort_out(key, self._others[key])
        self._unseen()
        self._ledger.close(self._tidying.settled())

    def certificate(self) -> Certificate:
        """What was found."""
        strange = [row for prefix in sorted(self._prefixes & self._strangers.keys()) for row in self._strangers[prefix]]
        rows = [*self._rows, *((key, number, "stranger", words) for key, number, words in strange)]
        places = {name: place for place, name in enumerate(VERDICTS)}
        table = [(self._object, *row) for row in sorted(rows, key=lambda row: (places[row[2]], row[0], row[1]))]
        return Certificate(
            object=self._object,
            at=self._at,
            since=self._since,
            records=self._records,
            matched=len(self._pairs),
            digest=digest_of(self._pairs),
            frame=pd.DataFrame(table, columns=list(COLUMNS), dtype="str"),
        )

    # ------------------------------------------------------------ what the sweep shows

    def _lay(self, records: Sequence[Record]) -> None:
        """Some records beside what the ledger has under their keys."""
        keyed = [record for record in records if record.key]
        self._records += len(keyed)
        known = self._ledger.of_keys(self._object, {record.key for record in keyed})
        given: dict[str, str] = {}  # key → id, of those whose id was not known before
        self._ledger.close([c for r in keyed for c in self._place(r, known.get(r.key, []), given)])
        if self._tidying.full:
            self._ledger.close(self._tidying.settled())

    def _place(self, record: Record, rows: Sequence[Operation], given: dict[str, str]) -> Iterable[Closing]:
        if not rows:
            self._strange(record, "")
            return
        self._prefixes.add(_prefix(record.key))
        live = _live(rows)
        late = None if live else made_late(rows, record)
        first = _first(live) if live else late
        if first is None:
            if not any(row.state in OPEN for row in rows):
                self._strange(record, BACK)
            return
        number = given.get(record.key) or (first.id if live else "")
        if number and number != record.id:
            self._others.setdefault(record.key, []).append(record.id)
            return
        if not self._note(first, live, record.id):
            return
        if not live:
            self._rows.append((record.key, record.id, "adopted", f"it was said: {first.words}" if first.words else ""))
            found = Closing(first.op, "done", id=record.id, words="found by the last sweep")
            yield self._tidying.image(first, record.values, found)
        elif not number or (first.verb == "create" and first.post is None):
            yield self._filled(first, record)
        given[record.key] = record.id

    def _note(self, first: Operation, live: Sequence[Operation], number: str) -> bool:
        """A key and its record are one to one; False where it had been seen before."""
        ops = [first.op, *(row.op for row in live)]
        self._seen.extend(bytes(max(0, max(ops) + 1 - len(self._seen))))
        if self._seen[first.op]:
            return False
        for op in ops:
            self._seen[op] = SEEN if first.id else NAMED
        self._pairs.append(_pair(first.key, number))
        return True

    def _filled(self, row: Operation, record: Record) -> Closing:
        """An operation with the id of its record, and with what that looks like, as far as nobody can have edited it."""
        return self._tidying.image(row, record.values, Closing(row.op, _state(row), id=record.id, words=row.words))

    def _strange(self, record: Record, words: str) -> None:
        some = self._strangers.setdefault(_prefix(record.key), [])
        if len(some) < STRANGERS:
            some.append((record.key, record.id, words))

    # ------------------------------------------------------------ what bears a key twice

    def _sort_out(self, key: str, ids: list[str]) -> None:
        """Of several records of a key one stays: the one that the ledger had, as others may hang on it, else the oldest.

        Where the one that the ledger had is gone, no other one takes its place: nobody can say that it is ours.
        """
        live = _live(self._ledger.of_keys(self._object, [key])[key])
        first = _first(live)
        there = {record.id: record for record in self._guard.inner.read(self._object, [first.id, *ids])}
        bearing = sorted((record for record in there.values() if record.key == key), key=age)
        had = there.get(first.id)
        named = first.op < len(self._seen) and self._seen[first.op] == NAMED
        if had is not None and had.key in (key, "") and not (named and bearing):
            kept = had
        elif bearing and (named or had is not None):
            kept = bearing[0]
            self._rename(first, kept, told=not named)
        else:  # what is missing shows below; whoever bears its key now was made by others, or took ours in
            self._rows += [(key, record.id, "twin", LEFT.format(record.id)) for record in bearing]
            return
        self._note(first, live, kept.id)
        for number in (first.id, *ids):
            if number != kept.id and number in there and there[number].key == key:
                self._remove(first, kept, number)

    def _rename(self, first: Operation, kept: Record, *, told: bool) -> None:
        """Another record is the one that the key stands for."""
        if kept.id == first.id:
            return
        self._ledger.close([self._filled(first, kept)])
        if told:
            self._rows.append((first.key, kept.id, "mended", f"the ledger had {first.id}"))
        else:
            self._pairs.remove(_pair(first.key, first.id))
            self._pairs.append(_pair(first.key, kept.id))

    def _remove(self, first: Operation, kept: Record, number: str) -> None:
        before = self._guard.air.calls(self._object)
        why = remove_twin(self._guard, first, kept=kept, twin=number, many=self._many)
        self.calls += self._guard.air.calls(self._object) - before
        words = f"{kept.id} bears the same key" + (f"; {why}" if why else "")
        self._rows.append((first.key, number, "twin" if why else "repaired", words))

    # ------------------------------------------------------------ what the sweep did not show

    def _unseen(self) -> None:
        """Records that the ledger has and the sweep did not show: older ones that were taken over, and what is missing."""
        c = operations.c
        calm = False
        asked: set[str] = set()
        ours = (c.object == self._object) & c.verb.in_(("create", "update")) & c.state.in_(LIVE)
        walk = self._ledger.each(ours)
        while page := list(islice(walk, AT_ONCE)):
            self._prefixes |= {_prefix(row.key) for row in page}
            rows = [row for row in page if not (row.op < len(self._seen) and self._seen[row.op]) and row.key not in asked]
            if rows and not calm:
                self._guard.calm(self._object, earlier=True)
                calm = True
            twins = [row for row in rows if row.words.startswith(TWICE)]
            self._tidy(twins)
            left = list({row.key: row for row in reversed(rows) if row not in twins}.values())
            asked |= {row.key for row in left}
            self._read([row for row in left if row.id])
            self._search([row for row in left if not row.id])

    def _read(self, rows: Sequence[Operation]) -> None:
        """Those whose id is known, one by one."""
        ids = [row.id for row in rows]
        there = {record.id: record for record in self._guard.inner.read(self._object, ids)} if ids else {}
        known = self._ledger.of_ids(self._object, ids) if ids else {}
        for row in rows:
            record = there.get(row.id)
            heirs = [each for each in known[row.id] if each.key != row.key and each.state in LIVE and each.op > row.op]
            if any(each.verb == "update" for each in heirs):
                continue  # the record has become that of another row, which stands for it
            if record is None:
                self._rows.append((row.key, row.id, "missing", GONE))
                if row.verb == "create" and row.post is None:
                    self._ledger.close([Closing(row.op, _state(row), words=row.words, post={})])
                continue
            if record.key != row.key:
                self._rows.append((row.key, row.id, "unmarked", f"it bears {record.key}" if record.key else ""))
            self._note(row, [row], row.id)
            if row.verb == "create" and row.post is None:
                self._ledger.close([self._filled(row, record)])

    def _search(self, rows: Sequence[Operation]) -> None:
        """Those whose id nobody told, by their keys."""
        found = self._guard.look(self._object, {row.key for row in rows}) if rows else {}
        for row in rows:
            records = found.get(row.key, [])
            if not records:
                self._rows.append((row.key, "", "missing", UNSEEN))
                self._ledger.close([Closing(row.op, "unknown", words=UNSEEN)])
                continue
            self._ledger.close([self._filled(row, records[0])])
            self._note(row, [row], records[0].id)
            for twin in records[1:]:
                self._remove(row, records[0], twin.id)

    def _tidy(self, twins: Sequence[Operation]) -> None:
        """Twins that are written down and stood when the ledger last heard of them."""
        there = {record.id for record in self._guard.inner.read(self._object, [row.id for row in twins])} if twins else set()
        for row in twins:
            if row.id not in there:
                self._guard.ledger.mark_reversed(row.op, "reversed", REPAIR)


def _live(rows: Iterable[Operation]) -> list[Operation]:
    return [row for row in rows if row.verb in ("create", "update") and row.state in LIVE]


def _first(live: Sequence[Operation]) -> Operation:
    """The operation that gives a key its record, as `Ledger.ids` has it: the first one with an id."""
    return next((row for row in live if row.id), live[0])


def _state(row: Operation) -> State:
    return "kept" if row.state == "kept" else "done"


def _pair(key: str, number: str) -> bytes:
    return sha256(f"{key}\t{number}".encode()).digest()


def _prefix(key: str) -> str:
    """What all keys of one source begin with."""
    return key.partition(":")[0]
