"""What ``include_fields`` adds to a record: counts of what hangs on it, its next and last activity, and a few more keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from workbench.rehearsal.engine import House, Json, Record
from workbench.rehearsal.pipedrive.account import Account
from workbench.rehearsal.pipedrive.builtin import BUILT_IN
from workbench.rehearsal.pipedrive.deals import LINES
from workbench.rehearsal.pipedrive.stamps import shown_moment

OBJECT = {"deals": "deal", "persons": "person", "organizations": "organization", "activities": "activity"}
EXTRA: Mapping[str, tuple[str, ...]] = {
    kind: tuple(field.code for field in BUILT_IN[name] if field.optional) for kind, name in OBJECT.items()
}
"""The names that ``include_fields`` takes of each kind."""
NEVER: Json = {
    "email_messages_count": 0,
    "last_incoming_mail_time": None,
    "last_outgoing_mail_time": None,
    "doi_status": None,
}
"""Nothing here is mailed."""


class Counters:
    """Works out what was asked for, from the links of the state."""

    def __init__(self, house: House, account: Account) -> None:
        self._state = house.state
        self._domain = account.company_domain

    def of(self, record: Record, names: Sequence[str]) -> Json:
        """The named keys of a record, in the order in which they were asked for."""
        found: Json = {}
        for name in names:
            found[name] = self._one(record, name)
        return found

    def _one(self, record: Record, name: str) -> object:
        if name in NEVER:
            return NEVER[name]
        if name in ("activities_count", "done_activities_count", "undone_activities_count"):
            wanted = {"done_activities_count": True, "undone_activities_count": False}.get(name)
            return sum(1 for row in self._activities(record) if wanted is None or row.body.get("done", False) is wanted)
        if name in ("next_activity_id", "last_activity_id"):
            return self._activity(record, done=name == "last_activity_id")
        if name.endswith("_deals_count"):
            return self._deals(record, name.removesuffix("_deals_count"))
        return self._rest(record)[name]()

    def _rest(self, record: Record) -> Mapping[str, Callable[[], object]]:
        body = record.body
        return {
            "files_count": lambda: self._hanging(record, "files"),
            "notes_count": lambda: self._hanging(record, "notes"),
            "people_count": lambda: self._hanging(record, "persons"),
            "products_count": lambda: self._hanging(record, LINES),
            "followers_count": lambda: len(body.get("followers", [])),
            "participants_count": lambda: len(body.get("participants", [])),
            "first_won_time": lambda: shown_moment(body.get("first_won_time")),
            "source_lead_id": lambda: body.get("source_lead_id"),
            "marketing_status": lambda: body.get("marketing_status", "no_consent"),
            "smart_bcc_email": lambda: self._bcc(record),
            "attendees": lambda: body.get("attendees", []),
        }

    def _bcc(self, record: Record) -> str:
        tag = f"+deal{record.id}" if record.kind == "deals" else ""
        return f"{self._domain}{tag}@pipedrivemail.com"

    def _live(self, record: Record, kind: str) -> Iterable[Record]:
        for number in self._state.children(record.kind, record.id, kind):
            child = self._state.get(kind, number)
            if child is not None:
                yield child

    def _hanging(self, record: Record, kind: str) -> int:
        return sum(1 for _ in self._live(record, kind))

    def _activities(self, record: Record) -> list[Record]:
        return list(self._live(record, "activities"))

    def _activity(self, record: Record, *, done: bool) -> int | None:
        """The next one that is to be done, or the last one that was."""
        rows = [row for row in self._activities(record) if row.body.get("done", False) is done]
        dated = sorted(rows, key=lambda row: (row.body.get("due_date", ""), row.body.get("due_time", ""), row.id))
        return dated[-1 if done else 0].id if dated else None

    def _deals(self, record: Record, said: str) -> int:
        """Deals of a status that name the record itself, or to which a person belongs without being named (related)."""
        prefix, _, status = said.rpartition("_")
        statuses = ("won", "lost") if status == "closed" else (status,)
        key = "person_id" if record.kind == "persons" else "org_id"
        own = [deal for deal in self._live(record, "deals") if deal.body["status"] in statuses]
        named = sum(1 for deal in own if deal.body.get(key) == record.id)
        return len(own) - named if prefix else named
