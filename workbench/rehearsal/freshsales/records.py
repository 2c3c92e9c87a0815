"""Writing Freshsales contacts, accounts, deals and leads: what must be there, what must be unique, what hangs together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from workbench.rehearsal.engine import House, Json, Record, Refusal, Traits
from workbench.rehearsal.freshsales.drafts import Draft, Drafts, display_name, words_of
from workbench.rehearsal.freshsales.fields import Fields
from workbench.rehearsal.freshsales.tenant import Catalog
from workbench.rehearsal.freshsales.values import moment_in

ACTIVITIES = ("notes", "tasks", "appointments", "sales_activities")


class Records:
    """Creates, changes and deletes the four main objects."""

    def __init__(self, house: House, catalog: Catalog, fields: Fields) -> None:
        self._state = house.state
        self._switches = house.switches
        self._catalog = catalog
        self._fields = fields
        self._drafts = Drafts(house, catalog, fields)

    def create(self, kind: str, given: Json, *, now: float, by_upsert: bool = False) -> Record:
        """Write a new record; ``Refusal`` with the vendor's messages where it is not accepted."""
        draft = self._drafts.read(kind, given, {}, now)
        self._require(draft, by_upsert=by_upsert)
        self._refuse(draft)
        user = self._catalog.api_user
        draft.body |= {"creater_id": user, "updater_id": user}
        self._settle_nested(draft, given)
        made = self._made(given, now)
        record = Record(kind, self._state.next_id(kind), _pruned(draft.body), created=made, updated=now)
        self._state.save(record, self.traits(record), new=True)
        return record

    def update(self, record: Record, given: Json, *, now: float) -> Record:
        """Change only the keys that were sent."""
        draft = self._drafts.read(record.kind, given, record.body, now)
        self._refuse(draft, own=record.id)
        draft.body["updater_id"] = self._catalog.api_user
        self._settle_nested(draft, given)
        changed = replace(record, body=_pruned(draft.body), updated=now)
        self._state.save(changed, self.traits(changed), new=False)
        return changed

    def delete(self, kind: str, number: int, *, now: float) -> None:
        """Into the Recycle Bin; what pointed at it points there no longer, for good."""
        record = self.live(kind, number)
        self._cut(record, now)
        for child in self._only_children(record):
            self._state.save(replace(child, deleted=now), Traits(label="", parents=((kind, number),)), new=False)
        gone = replace(record, deleted=now)
        traits = self.traits(record)
        held = traits.idents if self._switches["recycle_bin_keys"] == "held" else ()
        self._state.save(gone, replace(traits, idents=held), new=False)

    def forget(self, kind: str, number: int, *, now: float) -> None:
        """Away for good, with the activities that hung on nothing else."""
        record = self._state.get(kind, number, deleted=True)
        if record is None:
            raise Refusal(404, "Record not found")
        self._cut(record, now)
        for child in self._only_children(record):
            self._state.erase(child.kind, child.id)
        self._state.erase(kind, number)

    def live(self, kind: str, number: int) -> Record:
        record = self._state.get(kind, number)
        if record is None:
            raise Refusal(404, "Record not found")
        return record

    def _made(self, given: Json, now: float) -> float:
        if self._switches["created_at"] == "honoured" and given.get("created_at"):
            return moment_in(given["created_at"], self._catalog.zone) or now
        return now

    def _require(self, draft: Draft, *, by_upsert: bool) -> None:
        body = draft.body
        if draft.kind == "contacts":
            rule = self._switches["contact_required"]
            found = bool(body.get("emails") or body.get("mobile_number") or body.get("external_id"))
            if rule == "email" and not body.get("emails"):
                draft.problems.append("Email can't be blank")
            if rule == "identifier" and not found:
                draft.problems.append("Contact needs an email, a mobile number or an external id")
            if rule == "identifier" and not by_upsert and not body.get("last_name"):
                draft.problems.append("Last name can't be blank")
        elif draft.kind == "leads":
            if not (body.get("last_name") or body.get("emails")):
                draft.problems.append("Last name can't be blank")
        elif not body.get("name"):
            draft.problems.append("Name can't be blank")
        unclear = "Amount is not a number" in draft.problems
        if draft.kind == "deals" and body.get("amount") is None and not unclear and self._switches.on("deal_amount_required"):
            draft.problems.append("Amount can't be blank")

    def _refuse(self, draft: Draft, *, own: int | None = None) -> None:
        if own is not None and draft.kind in ("deals", "sales_accounts") and not draft.body.get("name"):
            draft.problems.append("Name can't be blank")
        for field, value in self.unique(draft.kind, draft.body):
            if any(number != own for number in self._state.known(draft.kind, field, value)):
                draft.problems.append(self._taken(draft.kind, field))
        if draft.problems:
            raise Refusal(400, *dict.fromkeys(draft.problems))

    def _taken(self, kind: str, field: str) -> str:
        if kind == "contacts" and not self._catalog.classic and not field.startswith("cf_"):
            return {"email": "Email", "mobile_number": "MobileNumber", "external_id": "ExternalId"}[field] + " is not unique"
        custom = self._fields.of(kind).get(field)
        return f"{custom.label if custom else words_of(field)} has already been taken"

    def _settle_nested(self, draft: Draft, given: Json) -> None:
        """``sales_account: {name}`` finds the account of that name, or makes it."""
        nested = given.get("sales_account")
        if not isinstance(nested, dict) or not nested.get("name") or draft.kind not in ("contacts", "deals"):
            return
        known = self._state.known("sales_accounts", "name", self.name_key(str(nested["name"])))
        number = known[0] if known else self.create("sales_accounts", nested, now=draft.now).id
        if draft.kind == "deals":
            draft.body["sales_account_id"] = number
        else:
            draft.body["sales_accounts"] = [{"id": number, "is_primary": True}]

    def name_key(self, name: str) -> str:
        """A name as uniqueness sees it."""
        return name.strip() if self._switches["name_case"] == "sensitive" else name.strip().casefold()

    def unique(self, kind: str, body: Json) -> Iterator[tuple[str, str]]:
        """The values of a body that no other record of its kind may have."""
        email = {"contacts": "unique_email", "leads": "unique_lead_email"}.get(kind)
        if email and self._switches.on(email):
            yield from (("email", row["value"].lower()) for row in body.get("emails") or [])
        if kind == "contacts" and body.get("external_id"):
            yield "external_id", body["external_id"]
        if kind == "contacts" and body.get("mobile_number") and self._switches.on("unique_mobile"):
            yield "mobile_number", body["mobile_number"]
        if kind == "sales_accounts" and body.get("name") and self._switches.on("unique_account_name"):
            yield "name", self.name_key(body["name"])
        custom = body.get("custom_field") or {}
        yield from ((name, ident(custom[name])) for name in self._fields.unique(kind) if custom.get(name) is not None)

    def unique_names(self, kind: str) -> frozenset[str]:
        """Custom keys by whose value a record can be identified."""
        return frozenset(self._fields.unique(kind))

    def traits(self, record: Record) -> Traits:
        """What a record is found by."""
        body, kind = record.body, record.kind
        name = display_name(kind, body)
        idents = [*self.unique(kind, body), ("name", self.name_key(name))]
        addresses = [row["value"].lower() for row in body.get("emails", [])]
        idents += [("email", address) for address in addresses]
        phones = [body[key] for key in ("mobile_number", "work_number", "phone") if body.get(key)]
        if body.get("mobile_number"):
            idents.append(("mobile_number", body["mobile_number"]))
        parents = [("sales_accounts", row["id"]) for row in body.get("sales_accounts", [])]
        parents += [("sales_accounts", body[key]) for key in ("sales_account_id", "parent_sales_account_id") if body.get(key)]
        parents += [("contacts", number) for number in body.get("contact_ids", [])]
        stage = self._catalog.stages.get(body.get("deal_stage_id", 0))
        return Traits(
            label=" ".join([name, *addresses, *phones, body.get("external_id", "")]).lower(),
            owner=body.get("owner_id"),
            facet=stage["forecast_type"] if stage else self._status_name(body),
            idents=list(dict.fromkeys(idents)),
            parents=parents,
        )

    def _status_name(self, body: Json) -> str | None:
        status = self._catalog.statuses.get(body.get("contact_status_id", 0))
        return status["name"] if status else None

    def _cut(self, record: Record, now: float) -> None:
        for kind in ("contacts", "sales_accounts", "deals"):
            for number in self._state.children(record.kind, record.id, kind):
                child = self._state.get(kind, number, deleted=True)
                if child is not None:
                    changed = replace(child, body=_severed(child.body, record), updated=now)
                    self._state.save(changed, self.traits(changed), new=False)

    def _only_children(self, record: Record) -> Iterator[Record]:
        for kind in ACTIVITIES:
            for number in self._state.children(record.kind, record.id, kind):
                child = self._state.get(kind, number, deleted=True)
                if child is not None and len(child.body["targetables"]) == 1:
                    yield child


def ident(value: object) -> str:
    """A unique value as text, so that 7 and 7.0 are one."""
    return f"{value:g}" if isinstance(value, float) and value.is_integer() else str(value)


def _severed(body: Json, gone: Record) -> Json:
    left = dict(body)
    if gone.kind == "sales_accounts":
        for key in ("sales_account_id", "parent_sales_account_id"):
            if left.get(key) == gone.id:
                del left[key]
        left["sales_accounts"] = [row for row in body.get("sales_accounts", []) if row["id"] != gone.id]
    if gone.kind == "contacts":
        left["contact_ids"] = [number for number in body.get("contact_ids", []) if number != gone.id]
    return _pruned(left)


def _pruned(body: Json) -> Json:
    """A body without empty values, so that a value emptied again leaves no trace."""
    kept = {key: value for key, value in body.items() if value not in (None, [], {}, "")}
    if "custom_field" in kept:
        custom = {key: value for key, value in kept["custom_field"].items() if value not in (None, [], "")}
        kept.pop("custom_field")
        if custom:
            kept["custom_field"] = custom
    return kept
