"""The parts of the account that v2 serves: records with their lines, followers and extras, fields, and what v1 had of them."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.rehearsal.engine import House
from workbench.rehearsal.pipedrive.account import Account
from workbench.rehearsal.pipedrive.answers import Operation
from workbench.rehearsal.pipedrive.extras import Extras
from workbench.rehearsal.pipedrive.field_lists import FieldLists
from workbench.rehearsal.pipedrive.fields import Fields
from workbench.rehearsal.pipedrive.followers import Followers
from workbench.rehearsal.pipedrive.lines import Lines
from workbench.rehearsal.pipedrive.records import Records
from workbench.rehearsal.pipedrive.removed import Removed
from workbench.rehearsal.pipedrive.rows import Rows
from workbench.rehearsal.pipedrive.serving import Serving
from workbench.rehearsal.pipedrive.ties import Ties


class VersionTwo:
    """Records and fields."""

    def __init__(self, house: House, account: Account, records: Records, fields: Fields) -> None:
        lines = Lines(house, account, records)
        rows = Rows(account, records, fields, Ties(house))
        self._parts = (
            Serving(house, account, records),
            lines,
            Extras(house, account, records, lines),
            Followers(house, account, records),
            FieldLists(house, fields),
            Removed(house, records, fields, rows),
        )

    def operations(self) -> Iterable[Operation]:
        for part in self._parts:
            yield from part.operations()
