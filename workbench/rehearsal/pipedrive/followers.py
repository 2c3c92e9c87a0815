"""Followers of deals, persons, organizations and products in both versions, and the list of who came and went."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from workbench.rehearsal.engine import House, Json, Record, Reply, Traits
from workbench.rehearsal.pipedrive.account import Account, stamp
from workbench.rehearsal.pipedrive.answers import Asked, Handler, Operation, missing, no, one
from workbench.rehearsal.pipedrive.paging import paged
from workbench.rehearsal.pipedrive.records import CHANGES, Records
from workbench.rehearsal.pipedrive.shapes import Shape, integer, text, whole
from workbench.rehearsal.pipedrive.stamps import pruned

FOLLOWED = ("deals", "persons", "organizations", "products")
PAGED = Shape({"limit": whole, "cursor": text})
BODY = Shape({"user_id": integer}, required=("user_id",))


class Followers:
    """Who follows what; a follower is told by the id of the user."""

    def __init__(self, house: House, account: Account, records: Records) -> None:
        self._state = house.state
        self._switches = house.switches
        self._me: int = account.me["id"]
        self._records = records

    def operations(self) -> Iterable[Operation]:
        for kind in FOLLOWED:
            path = f"{kind}/#/followers"
            yield Operation("v2", "GET", path, 10, self._list(kind), query=PAGED)
            yield Operation("v2", "POST", path, 5, self._add(kind), body=BODY)
            yield Operation("v2", "DELETE", f"{path}/#", 3, self._remove(kind))
            yield Operation("v2", "GET", f"{path}/changelog", 10, self._changes(kind), query=PAGED)

    def _list(self, kind: str) -> Handler:
        def listed(asked: Asked) -> Reply:
            rows = self._records.live("v2", kind, asked.number()).body.get("followers", [])
            return paged([{**row, "id": row["user_id"]} for row in rows], asked.query, self._switches, hidden=("id",))

        return listed

    def _add(self, kind: str) -> Handler:
        def add(asked: Asked) -> Reply:
            record = self._records.live("v2", kind, asked.number())
            return one(self.join(record, asked.body["user_id"], asked), 201)

        return add

    def _remove(self, kind: str) -> Handler:
        def remove(asked: Asked) -> Reply:
            record, user = self._records.live("v2", kind, asked.number()), asked.number(1)
            self.leave(record, user, asked)
            return one({"user_id": user})

        return remove

    def join(self, record: Record, user: int, asked: Asked) -> Json:
        """Let somebody follow a record; refused where the user is unknown or follows it already."""
        self._records.links.check("user_id", "users", user)
        rows = record.body.get("followers", [])
        if any(row["user_id"] == user for row in rows):
            no(asked.version, 400, "User is already following this item")
        row = {"user_id": user, "add_time": stamp(asked.now)}
        self._write(record, [*rows, row], ("added", user), asked.now)
        return row

    def leave(self, record: Record, user: int | None, asked: Asked) -> None:
        """Let somebody follow a record no longer; a 404 where the user does not."""
        rows = record.body.get("followers", [])
        left = [row for row in rows if row["user_id"] != user]
        if user is None or len(left) == len(rows):
            missing(asked.version, "Follower", self._switches)
        self._write(record, left, ("removed", user), asked.now)

    def _write(self, record: Record, rows: list[Json], change: tuple[str, int], now: float) -> None:
        self._records.keep(replace(record, body=pruned({**record.body, "followers": rows})))
        action, user = change
        body = {"action": action, "actor_user_id": self._me, "follower_user_id": user}
        # In the bin from the start: that somebody followed is history, which taking a load back does not undo.
        line = Record(CHANGES, self._state.next_id(CHANGES), body, created=now, updated=now, deleted=now)
        self._state.save(line, Traits("", parents=[(record.kind, record.id)]), new=True)

    def _changes(self, kind: str) -> Handler:
        def changes(asked: Asked) -> Reply:
            record = self._records.live("v2", kind, asked.number())
            numbers = self._state.children(kind, record.id, CHANGES)
            found = [self._state.get(CHANGES, number, deleted=True) for number in numbers]
            rows = [{**line.body, "time": stamp(line.created), "id": line.id} for line in found if line is not None]
            return paged(rows, asked.query, self._switches, hidden=("id",))

        return changes
