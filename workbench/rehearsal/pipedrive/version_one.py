"""The parts of the account that only v1 has, and search, which reads them all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from workbench.rehearsal.engine import House, Refusal, Reply
from workbench.rehearsal.pipedrive.account import Account
from workbench.rehearsal.pipedrive.answers import Asked, Handler, Operation, no
from workbench.rehearsal.pipedrive.calls import Calls
from workbench.rehearsal.pipedrive.conversion import Conversion
from workbench.rehearsal.pipedrive.field_rows import FieldRows
from workbench.rehearsal.pipedrive.fields import Fields
from workbench.rehearsal.pipedrive.files import Files
from workbench.rehearsal.pipedrive.following import Following
from workbench.rehearsal.pipedrive.former import Former
from workbench.rehearsal.pipedrive.history import History
from workbench.rehearsal.pipedrive.index import Index
from workbench.rehearsal.pipedrive.leads import Leads
from workbench.rehearsal.pipedrive.merging import Merging
from workbench.rehearsal.pipedrive.notes import Notes
from workbench.rehearsal.pipedrive.offsets import Offsets
from workbench.rehearsal.pipedrive.participants import Participants
from workbench.rehearsal.pipedrive.pictures import Pictures
from workbench.rehearsal.pipedrive.recents import Recents, Shown
from workbench.rehearsal.pipedrive.records import KEPT_SECONDS, Records
from workbench.rehearsal.pipedrive.relationships import Relationships
from workbench.rehearsal.pipedrive.rows import Rows
from workbench.rehearsal.pipedrive.searching import Searching
from workbench.rehearsal.pipedrive.sold import Sold
from workbench.rehearsal.pipedrive.ties import Ties

BINNED = ("notes", "files", "leads")
"""Kinds of this part that a deletion only puts into the bin."""


class VersionOne:
    """Notes, files, leads and the rest that v2 does not have."""

    def __init__(self, house: House, account: Account, records: Records, fields: Fields) -> None:
        self._house = house
        self._former = Former(house)
        offsets, ties = Offsets(house, self._former), Ties(house)
        notes, files = Notes(house, account, ties, offsets), Files(house, account, ties, offsets)
        leads = Leads(house, account, fields, ties, offsets)
        searching = Searching(house, account, Index(house, fields, ties, self._former), ties, offsets)
        rows = Rows(account, records, fields, ties)
        history = History(house, account, records, self._former, offsets=offsets)
        savers = {"notes": notes.save, "files": files.save, "activities": records.keep}
        self._conversion = Conversion(house, account, records, leads, ties=ties, savers=savers)
        self._parts = (
            *(notes, files, leads, searching, self._conversion, Merging(house, records, rows)),
            Participants(records, rows, ties, offsets),
            Sold(house, records, rows, offsets),
            Following(house, account, records, offsets=offsets),
            Relationships(house, rows, ties, offsets),
            FieldRows(account, fields, offsets),
            Pictures(house, account, records),
            Calls(house, account, ties, offsets),
            history,
            Recents(house, records, Shown(rows.of, notes.shown, files.shown), history, offsets=offsets),
        )
        self._next_purge = 0.0

    def operations(self) -> Iterable[Operation]:
        for part in self._parts:
            for operation in part.operations():
                yield replace(operation, run=_in_v1(operation.run)) if operation.version == "v1" else operation

    def settle(self, now: float) -> None:
        """Do the conversions that are due, and purge what has lain in the bin for thirty days."""
        self._conversion.settle(now)
        if now >= self._next_purge:
            self._purge(now)

    def _purge(self, now: float) -> None:
        wait = self._house.clock.wait(KEPT_SECONDS)
        marks = ", ".join("?" * len(BINNED))
        for record in self._house.state.select(f"kind IN ({marks}) AND deleted <= ?", (*BINNED, now - wait)):
            self._house.state.erase(record.kind, record.id)
        self._former.forget(now)
        self._next_purge = now + wait / 30


def _in_v1(run: Handler) -> Handler:
    """A handler whose refusals, where a rule of v2 has spoken them, come in the envelope of v1."""

    def answer(asked: Asked) -> Reply:
        try:
            return run(asked)
        except Refusal as refusal:
            if refusal.reply is None or b'"error_info"' in refusal.reply.body or not refusal.messages:
                raise
            no("v1", refusal.status, refusal.messages[0].removeprefix("Validation failed: "))

    return answer
