"""Converting a Freshsales Classic lead: its person, its company and its deal become records of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from workbench.rehearsal.engine import Call, House, Json, Record, Refusal, Reply, as_json
from workbench.rehearsal.freshsales.answers import Handler, given
from workbench.rehearsal.freshsales.drafts import KINDS
from workbench.rehearsal.freshsales.fields import Fields
from workbench.rehearsal.freshsales.reading import words
from workbench.rehearsal.freshsales.records import ACTIVITIES, Records, hanging
from workbench.rehearsal.freshsales.shapes import Shapes

PERSON = KINDS["leads"].text & KINDS["contacts"].text
SHARED = ("owner_id", "lead_source_id", "campaign_id", "territory_id", "tags")


class Leads:
    """Turns leads into contacts, and takes what hangs on them along."""

    def __init__(self, house: House, records: Records, fields: Fields, shapes: Shapes) -> None:
        self._state = house.state
        self._switches = house.switches
        self._records = records
        self._fields = fields
        self._shapes = shapes

    def routes(self) -> Iterable[tuple[str, Handler]]:
        yield "POST leads/#/convert", self._convert

    def _convert(self, call: Call, ids: Sequence[int]) -> Reply:
        """The contact that the lead became, as a GET shows it; the lead itself is found no more."""
        lead, wish = self._records.live("leads", ids[0]), given(call, "lead")
        contact = self._contact(lead, wish, call.now)
        self._hand_over(lead, contact)
        deal = _group(wish, lead, "deal")
        if deal.get("name"):
            self._deal(lead, contact, deal, call.now)
        self._records.forget("leads", lead.id, now=call.now)
        return as_json(self._shapes.one(contact, words(call.query), now=call.now))

    def _contact(self, lead: Record, wish: Json, now: float) -> Record:
        body = lead.body
        person: Json = {key: body[key] for key in (*sorted(PERSON), *SHARED) if key in body}
        person["emails"] = [{"value": row["value"], "is_primary": row["is_primary"]} for row in body.get("emails", [])]
        person |= {key: value for key, value in wish.items() if key in KINDS["contacts"].text or key in SHARED}
        if "email" in wish:
            person = {**person, "email": wish["email"]}
            del person["emails"]
        custom = {**body.get("custom_field", {}), **(wish.get("custom_field") or {})}
        common = {key: value for key, value in custom.items() if key in self._fields.of("contacts")}
        if common:
            person["custom_field"] = common
        company = _group(wish, lead, "company")
        if company.get("name"):
            person["sales_account"] = company
        twin = self._twin(body)
        if twin is None:
            return self._records.create("contacts", person, now=now, by_upsert=True)
        # What the contact already says stays; the lead only fills its gaps.
        known = {*twin.body, "email", "emails"} | ({"sales_account"} if twin.body.get("sales_accounts") else set())
        return self._records.update(twin, {key: value for key, value in person.items() if key not in known}, now=now)

    def _twin(self, body: Json) -> Record | None:
        for row in body.get("emails", []) if self._switches["lead_twin"] == "merge" else ():
            for number in self._state.known("contacts", "email", row["value"].lower()):
                found = self._state.get("contacts", number)
                if found:
                    return found
        return None

    def _hand_over(self, lead: Record, contact: Record) -> None:
        """Notes, tasks, files and calls of the lead are the contact's from now on; nobody wrote on them, so no time changes."""
        for kind in ACTIVITIES:
            for number in self._state.children("leads", lead.id, kind):
                child = self._state.get(kind, number)
                if child is None:
                    continue
                mine = {"id": lead.id, "type": "Lead"}
                others = [row for row in child.body["targetables"] if row != mine]
                child.body["targetables"] = [{"id": contact.id, "type": "Contact"}, *others]
                self._state.save(child, hanging(child, child.body["targetables"]), new=False)

    def _deal(self, lead: Record, contact: Record, deal: Mapping[str, object], now: float) -> None:
        links: Json = {"contacts_added_list": [contact.id]}
        accounts = contact.body.get("sales_accounts", [])
        if accounts:
            links["sales_account_id"] = accounts[0]["id"]
        shared: Json = {key: lead.body[key] for key in SHARED if key in lead.body and key != "tags"}
        self._records.create("deals", {"amount": 0, **shared, **deal, **links}, now=now)


def _group(wish: Json, lead: Record, name: str) -> Json:
    """Company or deal: as the request asks for it, over what the lead says of it; ``null`` in the request means none."""
    if name in wish and wish[name] is None:
        return {}
    asked = wish.get(name) or {}
    if not isinstance(asked, dict):
        raise Refusal(400, f"{name.capitalize()} is invalid")
    return {**(lead.body.get(name) or {}), **asked}
