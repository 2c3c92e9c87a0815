"""Writing Freshsales contacts, accounts, deals and leads: what must be there, what must be unique, what hangs together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from workbench.rehearsal.engine import House, Json, Record, Refusal, Traits
from workbench.rehearsal.freshsales.drafts import Draft, Drafts, display_name, words_of
from workbench.rehearsal.freshsales.fields import Fields
from workbench.rehearsal.freshsales.index import Former
from workbench.rehearsal.freshsales.tenant import MODELS, Catalog
from workbench.rehearsal.freshsales.values import moment_in

ACTIVITIES = ("notes", "tasks", "appointments", "sales_activities", "phone_calls", "documents", "document_links")
PHONES = ("mobile_number", "work_number", "phone")
FACETS = ("deal_stage_id", "contact_status_id")
PARENTS = ("sales_accounts", "sales_account_id", "parent_sales_account_id", "contact_ids", "list_ids")


class Records:
    """Creates, changes and deletes the four main objects."""

    def __init__(self, house: House, catalog: Catalog, fields: Fields) -> None:
        self._state = house.state
        self._switches = house.switches
        self._catalog = catalog
        self._fields = fields
        self._drafts = Drafts(house, catalog, fields)
        self._former = Former(house)
        switches = house.switches
        mails = {"contacts": "unique_email", "leads": "unique_lead_email"}
        self._unique_mails = frozenset(kind for kind, switch in mails.items() if switches.on(switch))
        self._unique_mobile = switches.on("unique_mobile")
        self._unique_name = switches.on("unique_account_name")
        self._exact_names = switches["name_case"] == "sensitive"

    def create(self, kind: str, given: Json, *, now: float, by_upsert: bool = False) -> Record:
        """Write a new record; ``Refusal`` with the vendor's messages where it is not accepted."""
        draft = self._drafts.read(kind, given, {}, now)
        draft.problems += self._fields.unfilled(kind, draft.body.get("custom_field", {}))
        self._require(draft, by_upsert=by_upsert)
        unique = self._refuse(draft)
        user = self._catalog.api_user
        draft.body |= {"creater_id": user, "updater_id": user}
        numbered = self._fields.numbered(kind)
        if numbered:
            draft.body["custom_field"] = {**draft.body.get("custom_field", {}), **numbered}
        self._settle_nested(draft, given)
        made = self._made(given, now)
        record = Record(kind, self._state.next_id(kind), _pruned(draft.body), created=made, updated=now)
        self._state.save(record, self._traits(kind, record.body, unique), new=True)
        return record

    def update(self, record: Record, given: Json, *, now: float) -> Record:
        """Change only the keys that were sent."""
        draft = self._drafts.read(record.kind, given, record.body, now)
        unique = self._refuse(draft, own=record.id)
        draft.body["updater_id"] = self._catalog.api_user
        self._settle_nested(draft, given)
        self._keep_former(record, now)
        changed = replace(record, body=_pruned(draft.body), updated=now)
        self._state.save(changed, self._traits(record.kind, changed.body, unique), new=False)
        return changed

    def delete(self, kind: str, number: int, *, now: float) -> None:
        """Into the Recycle Bin; what pointed at it points there no longer, for good."""
        record = self.live(kind, number)
        self._keep_former(record, now)
        self._cut(record, now)
        self._loosen(record)
        for child in self._only_children(record):
            self._state.save(replace(child, deleted=now), Traits(label="", parents=((kind, number),)), new=False)
        gone = replace(record, deleted=now)
        traits = self.traits(record)
        held = traits.idents if self._switches["recycle_bin_keys"] == "held" else ()
        self._state.save(gone, traits._replace(idents=held), new=False)

    def forget(self, kind: str, number: int, *, now: float) -> None:
        """Away for good, with the activities that hung on nothing else."""
        record = self._state.get(kind, number, deleted=True)
        if record is None:
            raise Refusal(404, "Record not found")
        self._keep_former(record, now)
        self._cut(record, now)
        self._loosen(record)
        for child in self._only_children(record):
            self._state.erase(child.kind, child.id)
        self._state.erase(kind, number)
        self._former.forget(record)

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

    def _refuse(self, draft: Draft, *, own: int | None = None) -> list[tuple[str, str]]:
        """Raise what is wrong with a draft; otherwise its unique values."""
        if own is not None and draft.kind in ("deals", "sales_accounts") and not draft.body.get("name"):
            draft.problems.append("Name can't be blank")
        unique = self.unique(draft.kind, draft.body)
        for field, value in unique:
            known = self._state.known(draft.kind, field, value)
            if known and any(number != own for number in known):
                draft.problems.append(self._taken(draft.kind, field))
        if draft.problems:
            raise Refusal(400, *dict.fromkeys(draft.problems))
        return unique

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
        return name.strip() if self._exact_names else name.strip().casefold()

    def unique(self, kind: str, body: Json) -> list[tuple[str, str]]:
        """The values of a body that no other record of its kind may have."""
        found: list[tuple[str, str]] = []
        if kind in self._unique_mails:
            found += [("email", row["value"].lower()) for row in body.get("emails") or ()]
        if kind == "contacts":
            if body.get("external_id"):
                found.append(("external_id", body["external_id"]))
            if self._unique_mobile and body.get("mobile_number"):
                found.append(("mobile_number", body["mobile_number"]))
        elif kind == "sales_accounts" and self._unique_name and body.get("name"):
            found.append(("name", self.name_key(body["name"])))
        custom = body.get("custom_field")
        if custom:
            found += [(name, ident(custom[name])) for name in self._fields.unique(kind) if custom.get(name) is not None]
        return found

    def unique_names(self, kind: str) -> frozenset[str]:
        """Custom keys by whose value a record can be identified."""
        return frozenset(self._fields.unique(kind))

    def traits(self, record: Record) -> Traits:
        """What a record is found by."""
        return self._traits(record.kind, record.body, self.unique(record.kind, record.body))

    def _traits(self, kind: str, body: Json, unique: Sequence[tuple[str, str]]) -> Traits:
        name = display_name(kind, body)
        addresses = [row["value"].lower() for row in body["emails"]] if "emails" in body else []
        idents = [*unique, ("name", self.name_key(name)), *(("email", address) for address in addresses)]
        phones = [body[key] for key in PHONES if body.get(key)]
        if body.get("mobile_number"):
            idents.append(("mobile_number", body["mobile_number"]))
        return Traits(
            label=" ".join([name, *addresses, *phones, body.get("external_id", "")]).lower(),
            owner=body.get("owner_id"),
            facet=None if body.keys().isdisjoint(FACETS) else self._facet(body),
            idents=list(dict.fromkeys(idents)),
            parents=() if body.keys().isdisjoint(PARENTS) else _parents(body),
        )

    def _facet(self, body: Json) -> str | None:
        stage = self._catalog.stages.get(body.get("deal_stage_id", 0))
        if stage:
            return str(stage["forecast_type"])
        status = self._catalog.statuses.get(body.get("contact_status_id", 0))
        return str(status["name"]) if status else None

    def _cut(self, record: Record, now: float) -> None:
        for kind in ("contacts", "sales_accounts", "deals"):
            for number in self._state.children(record.kind, record.id, kind):
                child = self._state.get(kind, number, deleted=True)
                if child is not None:
                    self._keep_former(child, now)
                    changed = replace(child, body=_severed(child.body, record), updated=now)
                    self._state.save(changed, self.traits(changed), new=False)

    def _keep_former(self, record: Record, now: float) -> None:
        if self._former.lags:
            self._former.supersede(record, self.traits(record), now)

    def _loosen(self, record: Record) -> None:
        """What hangs on others too hangs on them alone, so that it goes with the last of them."""
        for child in list(self._hanging(record)):
            rest = [row for row in child.body["targetables"] if (row["type"], row["id"]) != (MODELS[record.kind], record.id)]
            if rest:
                self._state.save(replace(child, body={**child.body, "targetables": rest}), hanging(child, rest), new=False)

    def _only_children(self, record: Record) -> Iterator[Record]:
        return (child for child in list(self._hanging(record)) if len(child.body["targetables"]) == 1)

    def _hanging(self, record: Record) -> Iterator[Record]:
        for kind in ACTIVITIES:
            for number in self._state.children(record.kind, record.id, kind):
                child = self._state.get(kind, number, deleted=True)
                if child is not None:
                    yield child


def hanging(child: Record, targets: Sequence[Json]) -> Traits:
    """What an activity or a file is found by that hangs on these."""
    label = str(child.body.get("title", child.body.get("name", ""))).lower()
    facet = str(child.body.get("status", 0)) if child.kind == "tasks" else None
    kinds = {model: kind for kind, model in MODELS.items()}
    return Traits(label=label, facet=facet, parents=[(kinds[row["type"]], row["id"]) for row in targets])


def ident(value: object) -> str:
    """A unique value as text, so that 7 and 7.0 are one."""
    return f"{value:g}" if isinstance(value, float) and value.is_integer() else str(value)


def _parents(body: Json) -> list[tuple[str, int]]:
    parents = [("sales_accounts", row["id"]) for row in body.get("sales_accounts", ())]
    parents += [("sales_accounts", body[key]) for key in ("sales_account_id", "parent_sales_account_id") if body.get(key)]
    parents += [("contacts", number) for number in body.get("contact_ids", ())]
    parents += [("lists", number) for number in body.get("list_ids", ())]
    return parents


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
    kept = {key: value for key, value in body.items() if value or value not in (None, [], {}, "")}
    if "custom_field" in kept:
        custom = {key: value for key, value in kept["custom_field"].items() if value or value not in (None, [], "")}
        kept.pop("custom_field")
        if custom:
            kept["custom_field"] = custom
    return kept
