"""Leads of v1: their ids are UUIDs, their custom values are those of deals, and they stand apart once archived."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from uuid import NAMESPACE_URL, uuid5

from workbench.rehearsal.engine import House, Json, Record, Reply, Traits
from workbench.rehearsal.pipedrive.account import Account, v1_iso
from workbench.rehearsal.pipedrive.answers import Asked, Operation, no, one
from workbench.rehearsal.pipedrive.fields import Fields
from workbench.rehearsal.pipedrive.flat import flattened, lifted
from workbench.rehearsal.pipedrive.offsets import Keep, Offsets, since
from workbench.rehearsal.pipedrive.shapes import Shape, day, integer, text
from workbench.rehearsal.pipedrive.stamps import pruned
from workbench.rehearsal.pipedrive.ties import Ties

LINKS = ("person_id", "organization_id")
PLAIN = ("title", "owner_id", "was_seen", "origin_id", "channel", "channel_id")
KEYS = (*PLAIN, *LINKS, "label_ids", "value", "expected_close_date", "visible_to", "is_archived")
SORTABLE = ("title", "owner_id", "creator_id", "was_seen", "expected_close_date", "add_time", "update_time")
BODY = Shape({"title": text}, open=True)
AHEAD, ARCHIVED = "ahead", "archived"
"""The facets of a lead."""


class Leads:
    """The leads of an account."""

    def __init__(self, house: House, account: Account, fields: Fields, ties: Ties, offsets: Offsets) -> None:
        self._house = house
        self._state = house.state
        self._account = account
        self._fields = fields
        self._ties = ties
        self._offsets = offsets

    def operations(self) -> Iterable[Operation]:
        return (
            Operation("v1", "GET", "leads", 20, lambda asked: self._list(asked, archived=False)),
            Operation("v1", "GET", "leads/archived", 40, lambda asked: self._list(asked, archived=True)),
            Operation("v1", "POST", "leads", 10, self._add, body=BODY),
            Operation("v1", "GET", "leads/#", 2, lambda asked: one(self.shown(self._readable(asked.ids[0])))),
            Operation("v1", "PATCH", "leads/#", 10, self._change, body=BODY),
            Operation("v1", "DELETE", "leads/#", 6, self._delete),
            Operation("v1", "GET", "leads/#/permittedUsers", 10, self._permitted),
        )

    def live(self, uuid: str) -> Record:
        """A lead that is there, archived or not."""
        return self._ties.lead(uuid) or no("v1", 404, "requested lead not found", info="Object was not found.")

    def _readable(self, uuid: str) -> Record:
        """A lead, a deleted one too where the switch says that it can still be read."""
        if self._house.switches["deleted_record"] == "answer":
            gone = [self._state.get("leads", number, deleted=True) for number in self._state.known("leads", "id", uuid.lower())]
            return next(filter(None, gone), None) or self.live(uuid)
        return self.live(uuid)

    def create(self, body: Json, now: float) -> Record:
        """A new lead of a body that holds; its id is made of its number."""
        number = self._state.next_id("leads")
        uuid = str(uuid5(NAMESPACE_URL, f"leads/{self._account.company_id}/{number}"))
        me = self._account.me["id"]
        whole = {"id": uuid, "owner_id": me, "creator_id": me, "visible_to": "3", **body}
        return self.save(Record("leads", number, pruned(whole), now, now), new=True)

    def save(self, record: Record, *, new: bool = False) -> Record:
        """Write a lead with what it is found by."""
        body = record.body
        traits = Traits(
            body["title"].lower(),
            owner=body["owner_id"],
            facet=ARCHIVED if body.get("is_archived") else AHEAD,
            idents=[("id", body["id"])],
            parents=self._ties.parents({key: body[key] for key in LINKS if key in body}),
        )
        self._state.save(record, traits, new=new)
        return record

    def erase(self, record: Record, now: float) -> None:
        """Put a lead into the bin."""
        self.save(replace(record, updated=now, deleted=now))

    def shown(self, record: Record) -> Json:
        """A lead as v1 answers it; custom keys only where they have a value."""
        body = record.body
        custom = flattened(body.get("custom_fields", {}), self._types(), empty=False)
        return {
            "id": body["id"],
            "title": body["title"],
            "owner_id": body["owner_id"],
            "creator_id": body["creator_id"],
            "label_ids": body.get("label_ids", []),
            "value": body.get("value"),
            "expected_close_date": body.get("expected_close_date"),
            **{key: body.get(key) if self._ties.record(key, body.get(key)) else None for key in LINKS},
            "is_archived": body.get("is_archived", False),
            "source_name": "API",
            "origin": "API",
            "origin_id": body.get("origin_id"),
            "channel": body.get("channel"),
            "channel_id": body.get("channel_id"),
            "source_deal_id": body.get("source_deal_id"),
            "was_seen": body.get("was_seen", False),
            "next_activity_id": self._next_activity(body["id"]),
            "add_time": v1_iso(record.created),
            "update_time": v1_iso(record.updated),
            "visible_to": body["visible_to"],
            "cc_email": f"{self._account.company_domain}+{self._account.company_id}+lead{body['id']}@pipedrivemail.com",
            **custom,
        }

    def _types(self) -> Mapping[str, str]:
        return {code: field.type for code, field in self._fields.of("deal").items()}

    def _next_activity(self, uuid: str) -> int | None:
        numbers = self._state.known("activities", "lead_id", uuid)
        found = (self._state.get("activities", number) for number in numbers)
        ahead = [record for record in found if record is not None and not record.body.get("done")]
        nearest = min(ahead, key=lambda record: (record.body.get("due_date", "9999"), record.id), default=None)
        return nearest.id if nearest else None

    def _list(self, asked: Asked, *, archived: bool) -> Reply:
        facet = ARCHIVED if archived else AHEAD
        keep = self._wanted(asked)
        below = self._ties.below(asked.query, () if "filter_id" in asked.query else LINKS)
        return self._offsets.listed(
            asked, "leads", self.shown, keep=keep, facet=facet, below=below, sortable=SORTABLE, empty=[]
        )

    def _wanted(self, asked: Asked) -> Keep | None:
        wanted = {
            key: asked.query[key] for key in ("owner_id", *LINKS) if key in asked.query and "filter_id" not in asked.query
        }
        changed = since(asked, "updated_since")
        if not wanted and changed is None:
            return None

        def keep(record: Record) -> bool:
            same = all(str(record.body.get(key)) == value for key, value in wanted.items())
            return same and (changed is None or record.updated >= changed)

        return keep

    def _add(self, asked: Asked) -> Reply:
        given = asked.body
        if not isinstance(given.get("title"), str) or not given["title"].strip():
            no("v1", 400, "Lead title must be given.")
        body = self._checked({key: value for key, value in given.items() if key != "is_archived"}, {})
        return one(self.shown(self.create(body, asked.now)), 201)

    def _change(self, asked: Asked) -> Reply:
        record, given = self.live(asked.ids[0]), asked.body
        back = given == {"is_archived": False} and self._house.switches["unarchive"] == "accept"
        if record.body.get("is_archived") and not back:
            no("v1", 400, "Archived leads cannot be edited")
        body = pruned({**record.body, **self._checked(given, record.body)})
        return one(self.shown(self.save(replace(record, body=body, updated=asked.now))))

    def _delete(self, asked: Asked) -> Reply:
        record = self.live(asked.ids[0])
        self.erase(record, asked.now)
        return one({"id": record.body["id"]})

    def _permitted(self, asked: Asked) -> Reply:
        lead = self.live(asked.ids[0])
        alone = lead.body["visible_to"] == "1"
        owner, admins = lead.body["owner_id"], [number for number, user in self._account.users.items() if user["is_admin"]]
        return one(sorted({owner, *admins}) if alone else sorted(self._account.users))

    def _checked(self, given: Json, old: Json) -> Json:
        """What a body changes, or a refusal; null empties."""
        unknown = [key for key in given if key not in KEYS and not self._is_custom(key)]
        if unknown and self._house.switches["lead_keys"] == "reject":
            no("v1", 400, f"{unknown[0]} is not allowed")
        links = {key: self._ties.checked(given, (key,)).get(key) for key in LINKS if key in given}
        if not any({**old, **links}.get(key) for key in LINKS):
            no("v1", 400, "A lead must be linked to a person or an organization.")
        for check in (self._owner, self._labels, _value_is_whole, self._currency, self._visibility, _kinds, _day):
            check(given)
        custom, problems = self._fields.custom_values("deal", self._lifted(given, old), old.get("custom_fields", {}))
        if problems:
            no("v1", 400, problems[0].removeprefix("custom_fields: "))
        plain = {key: given[key] for key in KEYS if key in given and key not in LINKS}
        return {**plain, **links, "custom_fields": custom}

    def _lifted(self, given: Json, old: Json) -> Json:
        return lifted(given, self._types(), old.get("custom_fields", {}))

    def _is_custom(self, key: str) -> bool:
        return key[:40] in self._fields.of("deal")

    def _owner(self, given: Json) -> None:
        if "owner_id" not in given:
            return
        owner, unknown = given["owner_id"], self._house.switches["unknown_link"]
        if integer(owner) is not None:
            no("v1", 400, "owner_id must be a number")
        if owner not in self._account.users and unknown != "accept":
            no("v1", 404 if unknown == "not_found" else 400, "The owner does not exist")

    def _labels(self, given: Json) -> None:
        labels = given.get("label_ids") or []
        if not isinstance(labels, list):
            no("v1", 400, "label_ids must be an array")
        for label in labels:
            if not self._state.known("leadLabels", "id", str(label)):
                no("v1", 400, f"The label {label} does not exist")

    def _currency(self, given: Json) -> None:
        value = given.get("value")
        if value and value["currency"] not in self._account.currencies:
            no("v1", 400, f"The currency {value['currency']} is not known")

    def _visibility(self, given: Json) -> None:
        if "visible_to" in given and given["visible_to"] not in [str(level) for level in self._account.visibility]:
            no("v1", 400, f"visible_to must be one of {', '.join(map(str, self._account.visibility))}, as text")


def _value_is_whole(given: Json) -> None:
    value = given.get("value")
    if value is None:
        return
    good = isinstance(value, dict) and isinstance(value.get("amount"), int | float) and isinstance(value.get("currency"), str)
    if not good or isinstance(value["amount"], bool):
        no("v1", 400, "value must hold amount and currency")


def _kinds(given: Json) -> None:
    """Keys whose value is of the wrong kind."""
    for key in ("was_seen", "is_archived"):
        if key in given and not isinstance(given[key], bool):
            no("v1", 400, f"{key} must be a boolean")
    if "title" in given and (not isinstance(given["title"], str) or not given["title"].strip()):
        no("v1", 400, "Lead title must be given.")


def _day(given: Json) -> None:
    value = given.get("expected_close_date")
    if value is not None and day(value) is not None:
        no("v1", 400, "expected_close_date must be in the format YYYY-MM-DD")
