"""The team of a Freshsales contact, account or deal: users with a designation each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from workbench.rehearsal.engine import Call, House, Json, Record, Refusal, Reply, as_json
from workbench.rehearsal.freshsales.answers import Handler, body_of
from workbench.rehearsal.freshsales.records import Records
from workbench.rehearsal.freshsales.shapes import Shapes
from workbench.rehearsal.freshsales.tenant import Catalog
from workbench.rehearsal.freshsales.values import id_in, rows_in

OBJECTS = ("contacts", "sales_accounts", "deals")


class Teams:
    """Adds, changes and removes team members; who is not named stays."""

    def __init__(self, house: House, catalog: Catalog, records: Records, shapes: Shapes) -> None:
        self._state = house.state
        self._catalog = catalog
        self._records = records
        self._shapes = shapes

    def routes(self) -> Iterable[tuple[str, Handler]]:
        for kind in OBJECTS:
            yield f"POST {kind}/#/manage_team_members", self._managed(kind)

    def _managed(self, kind: str) -> Handler:
        def answer(call: Call, ids: Sequence[int]) -> Reply:
            record = self._records.live(kind, ids[0])
            rows = rows_in(body_of(call).get("team_users"))
            if not rows:
                raise Refusal(400, "team_users is missing")
            team = self._team(record, rows, call.now)
            body = {key: value for key, value in record.body.items() if key != "team_users"}
            changed = replace(record, body={**body, "team_users": team} if team else body)
            self._state.save(changed, self._records.traits(changed), new=False)
            return as_json({"team_users": [self._shown(record.id, row) for row in team]})

        return answer

    def _team(self, record: Record, rows: Sequence[Json], now: float) -> list[Json]:
        team = {row["user_id"]: row for row in record.body.get("team_users", [])}
        problems: list[str] = []
        for row in rows:
            user, designation = id_in(row.get("user_id")), id_in(row.get("designation_id"))
            if user is None or user not in self._catalog.people:
                problems.append("User is invalid")
            elif row.get("_destroy"):
                team.pop(user, None)
            elif designation is None or designation not in self._catalog.ids("designations"):
                problems.append("Designation is invalid")
            else:
                made = team.get(user, {}).get("created", now)
                team[user] = {"user_id": user, "designation_id": designation, "created": made, "updated": now}
        if problems:
            raise Refusal(400, *dict.fromkeys(problems))
        return list(team.values())

    def _shown(self, entity: int, row: Json) -> Json:
        return {
            "user_id": row["user_id"],
            "designation_id": row["designation_id"],
            "entity_id": entity,
            "created_at": self._shapes.moment(row["created"]),
            "updated_at": self._shapes.moment(row["updated"]),
        }
