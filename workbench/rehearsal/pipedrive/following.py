"""Followers as v1 adds, lists and removes them: each is told by an id of the following, not by that of the user."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from workbench.rehearsal.engine import House, Json, Record, Reply
from workbench.rehearsal.pipedrive.account import Account
from workbench.rehearsal.pipedrive.answers import Asked, Handler, Operation, no, one
from workbench.rehearsal.pipedrive.followers import Followers
from workbench.rehearsal.pipedrive.offsets import Offsets
from workbench.rehearsal.pipedrive.participants import paired
from workbench.rehearsal.pipedrive.records import Records
from workbench.rehearsal.pipedrive.shapes import Shape, integer

NAMED: Mapping[str, str] = {"deals": "deal_id", "persons": "person_id", "organizations": "org_id", "products": "product_id"}
"""What may be followed, and the key by which a following names it."""
BODY = Shape({"user_id": integer}, open=True)


class Following:
    """The followers that v2 keeps, in the words of v1."""

    def __init__(self, house: House, account: Account, records: Records, *, offsets: Offsets) -> None:
        self._followers = Followers(house, account, records)
        self._records = records
        self._offsets = offsets

    def operations(self) -> Iterable[Operation]:
        for kind in NAMED:
            path = f"{kind}/#/followers"
            yield Operation("v1", "GET", path, 20, self._list(kind))
            yield Operation("v1", "POST", path, 10, self._add(kind), body=BODY)
            yield Operation("v1", "DELETE", f"{path}/#", 6, self._remove(kind))

    def _list(self, kind: str) -> Handler:
        def listed(asked: Asked) -> Reply:
            record = self._records.live("v1", kind, asked.number())
            return self._offsets.page(asked, [_row(record, row) for row in record.body.get("followers", [])])

        return listed

    def _add(self, kind: str) -> Handler:
        def add(asked: Asked) -> Reply:
            record, user = self._records.live("v1", kind, asked.number()), asked.body.get("user_id")
            if not isinstance(user, int) or integer(user) is not None:
                no("v1", 400, "user_id must be given")
            return one(_row(record, self._followers.join(record, user, asked)), 201 if kind == "products" else 200)

        return add

    def _remove(self, kind: str) -> Handler:
        def remove(asked: Asked) -> Reply:
            record, number = self._records.live("v1", kind, asked.number()), asked.number(1)
            users = (row["user_id"] for row in record.body.get("followers", []))
            self._followers.leave(record, next((user for user in users if paired(record.id, user) == number), None), asked)
            return one({"id": number})

        return remove


def _row(record: Record, row: Json) -> Json:
    moment = str(row["add_time"]).replace("T", " ").removesuffix("Z")
    user = row["user_id"]
    return {"user_id": user, "id": paired(record.id, user), NAMED[record.kind]: record.id, "add_time": moment}
