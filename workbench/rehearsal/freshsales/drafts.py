"""What a write of a Freshsales contact, account, deal or lead says: each key read, each misfit noted in the vendor's words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from workbench.rehearsal.engine import House, Json
from workbench.rehearsal.freshsales.builtin import EMPLOYEES
from workbench.rehearsal.freshsales.fields import Fields
from workbench.rehearsal.freshsales.lines import Lines
from workbench.rehearsal.freshsales.tenant import Catalog
from workbench.rehearsal.freshsales.values import day_in, id_in, money_in

PLACE = ("address", "city", "state", "zipcode", "country")
SOCIAL = ("facebook", "twitter", "linkedin")
EMAIL = re.compile(r"^[^@\s]+@[^@\s]+$")
MOBILE_MOST = 30
MOST_MONEY = 10**15


@dataclass(frozen=True, slots=True)
class Kind:
    """An object of the API: its wrapper key, plain text keys, and keys that hold the id of a selector's choice."""

    wrapper: str
    text: frozenset[str]
    choices: Mapping[str, str]


KINDS: Mapping[str, Kind] = {
    "contacts": Kind(
        "contact",
        frozenset(
            {"first_name", "last_name", "job_title", "work_email", "mobile_number", "work_number", "external_id", "time_zone"}
            | {"medium", "keyword", "locale", *PLACE, *SOCIAL}
        ),
        {
            "lead_source_id": "lead_sources",
            "campaign_id": "campaigns",
            "territory_id": "territories",
            "lifecycle_stage_id": "lifecycle_stages",
            "contact_status_id": "contact_statuses",
            "lost_reason_id": "lost_reasons",
        },
    ),
    "sales_accounts": Kind(
        "sales_account",
        frozenset({"name", "website", "phone", *PLACE, *SOCIAL}),
        {"industry_type_id": "industry_types", "business_type_id": "business_types", "territory_id": "territories"},
    ),
    "deals": Kind(
        "deal",
        frozenset({"name"}),
        {
            "currency_id": "currencies",
            "deal_type_id": "deal_types",
            "deal_reason_id": "deal_reasons",
            "deal_payment_status_id": "deal_payment_statuses",
            "deal_product_id": "deal_products",
            "deal_pipeline_id": "deal_pipelines",
            "deal_stage_id": "deal_stages",
            "lead_source_id": "lead_sources",
            "campaign_id": "campaigns",
            "territory_id": "territories",
        },
    ),
    "leads": Kind(
        "lead",
        frozenset(
            {"first_name", "last_name", "job_title", "department", "mobile_number", "work_number", "time_zone", "medium"}
            | {"keyword", *PLACE, *SOCIAL}
        ),
        {
            "lead_stage_id": "lead_stages",
            "lead_reason_id": "lead_reasons",
            "lead_source_id": "lead_sources",
            "campaign_id": "campaigns",
            "territory_id": "territories",
        },
    ),
}


@dataclass(slots=True)
class Draft:
    """A record while it is being written: the body as it will be, and all that is wrong with it."""

    kind: str
    body: Json
    problems: list[str]
    now: float
    before: Json

    def number(self, key: str, value: object) -> int | None:
        """An id given as a number or as digits; anything else is a problem."""
        number = id_in(value)
        if number is None:
            self.problems.append(f"{words_of(key)} is invalid")
        return number


class Drafts:
    """Reads the body of a write onto a record; what it does not know it leaves out, as the vendor does."""

    def __init__(self, house: House, catalog: Catalog, fields: Fields) -> None:
        self._state = house.state
        self._switches = house.switches
        self._catalog = catalog
        self._fields = fields
        self._lines = Lines(house)
        self._own = {"contacts": self._contact, "sales_accounts": self._account, "deals": self._deal, "leads": self._lead}

    def read(self, kind: str, given: Json, before: Json, now: float) -> Draft:
        """The record as it will be, from what it was and what was sent."""
        draft = Draft(kind, dict(before), [], now, before)
        spec = KINDS[kind]
        for key, value in given.items():
            if key in spec.text:
                self._text(draft, key, value)
            elif key in spec.choices:
                self._choice(draft, key, value, spec.choices[key])
            elif key == "owner_id":
                self._owner(draft, value)
        self._tags(draft, given)
        changes, problems = self._fields.read(kind, given.get("custom_field"))
        if changes:
            draft.body["custom_field"] = {**before.get("custom_field", {}), **changes}
        draft.problems += problems
        self._own[kind](draft, given)
        return draft

    def _text(self, draft: Draft, key: str, value: object) -> None:
        if not isinstance(value, str):
            if isinstance(value, int | float) and not isinstance(value, bool):
                value = str(value)
            elif value is not None:
                draft.problems.append(f"{words_of(key)} is invalid")
                return
            else:
                value = ""
        most = MOBILE_MOST if key == "mobile_number" else 10_000 if key == "address" else 256
        if len(value) > most:
            draft.problems.append(f"{words_of(key)} is too long (maximum is {most} characters)")
        draft.body[key] = value.strip() if value else None

    def _choice(self, draft: Draft, key: str, value: object, source: str) -> None:
        number = draft.number(key, value) if value not in (None, "") else None
        if number is not None and number not in self._catalog.ids(source):
            draft.problems.append(f"{words_of(key)} is invalid")
        draft.body[key] = number

    def _owner(self, draft: Draft, value: object) -> None:
        number = draft.number("owner_id", value) if value not in (None, "") else None
        user = self._catalog.people.get(number or 0)
        if number is not None and user is None:
            draft.problems.append("Owner is invalid")
        if user and not user["is_active"] and self._switches["inactive_owner"] == "reject":
            draft.problems.append("Owner is not active")
        if number != draft.before.get("owner_id"):
            draft.body["last_assigned_at"] = draft.now if number else None
        draft.body["owner_id"] = number

    def _tags(self, draft: Draft, given: Json) -> None:
        tags = given.get("tags")
        if "tags" not in given:
            return
        if tags is not None and not (isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)):
            draft.problems.append("Tags is invalid")
            return
        kept = draft.before.get("tags", []) if self._switches["tags_put"] == "merge" else []
        draft.body["tags"] = list(dict.fromkeys([*kept, *(tags or [])]))

    def _contact(self, draft: Draft, given: Json) -> None:
        self._emails(draft, given)
        for key in ("subscription_status", "subscription_types", "phone_numbers"):
            if key in given:
                draft.body[key] = given[key]
        if "sales_accounts" in given or "sales_account_id" in given:
            self._accounts_of(draft, given)
        status = self._catalog.statuses.get(draft.body.get("contact_status_id") or 0)
        if status is None or not ("contact_status_id" in given or "lifecycle_stage_id" in given):
            return
        if given.get("lifecycle_stage_id") is None:
            draft.body["lifecycle_stage_id"] = status["lifecycle_stage_id"]
        elif status["lifecycle_stage_id"] == draft.body["lifecycle_stage_id"]:
            return
        elif given.get("contact_status_id") is None:
            draft.body["contact_status_id"] = None
        elif self._switches["status_stage_mismatch"] == "reject":
            draft.problems.append("Status is invalid for the lifecycle stage")

    def _emails(self, draft: Draft, given: Json) -> None:
        if "emails" not in given and "email" not in given:
            return
        value = given.get("emails", given.get("email"))
        kept: list[Json] = [dict(row) for row in draft.before.get("emails", [])]
        if isinstance(value, str) or value is None:
            rows = self._primary(kept, value or "")
        elif isinstance(value, list) and all(isinstance(row, str) for row in value):
            rows = [self._address(kept, row, primary=place == 0) for place, row in enumerate(value)]
        elif isinstance(value, list) and all(isinstance(row, dict) for row in value):
            rows = self._nested(kept, value)
        else:
            draft.problems.append("Emails is invalid")
            return
        if not all(EMAIL.match(row["value"]) for row in rows):
            draft.problems.append("Email is invalid")
        draft.body["emails"] = rows

    def _primary(self, kept: list[Json], value: str) -> list[Json]:
        value = value.strip()
        others = [row for row in kept if not row["is_primary"] and row["value"].lower() != value.lower()]
        return [self._address(kept, value, primary=True), *others] if value else others

    def _address(self, kept: list[Json], value: str, *, primary: bool, label: object = None) -> Json:
        value = value.strip()
        known: Json = next((row for row in kept if row["value"].lower() == value.lower()), {}) if kept else {}
        number = known["id"] if known else self._state.next_id("emails")
        return {"id": number, "value": value, "is_primary": primary, "label": label or known.get("label")}

    def _nested(self, kept: list[Json], given: Sequence[Json]) -> list[Json]:
        """Rails' nested rows: by id or value, new ones added, those marked ``_destroy`` removed."""
        rows = {row["value"].lower(): row for row in kept}
        by_id = {row["id"]: row["value"].lower() for row in kept}
        for row in given:
            key = by_id.get(id_in(row.get("id")) or 0, str(row.get("value", "")).strip().lower())
            if row.get("_destroy"):
                rows.pop(key, None)
                continue
            value = str(row.get("value") or rows.get(key, {}).get("value", ""))
            primary = bool(row.get("is_primary", rows.get(key, {}).get("is_primary", not rows)))
            old = rows.pop(key, None)
            rows[value.strip().lower()] = {
                **self._address([old] if old else [], value, primary=primary, label=row.get("label"))
            }
        chosen = [key for key, row in rows.items() if row["is_primary"]][-1:] or list(rows)[:1]
        return [{**row, "is_primary": key in chosen} for key, row in rows.items()]

    def _accounts_of(self, draft: Draft, given: Json) -> None:
        rows = given.get("sales_accounts")
        if rows is None and given.get("sales_account_id"):
            rows = [{"id": given["sales_account_id"], "is_primary": True}]
        if not isinstance(rows, list | None) or not all(isinstance(row, dict) for row in rows or []):
            draft.problems.append("The type for sales_accounts is invalid.")
            return
        numbers = [draft.number("sales_accounts", row.get("id")) for row in rows or []]
        for number in numbers:
            if number is not None and self._state.get("sales_accounts", number) is None:
                draft.problems.append("Sales account is invalid")
        marked = next((place for place, row in enumerate(rows or []) if row.get("is_primary")), 0)
        draft.body["sales_accounts"] = [{"id": n, "is_primary": place == marked} for place, n in enumerate(numbers)]

    def _account(self, draft: Draft, given: Json) -> None:
        if "annual_revenue" in given:
            value = given["annual_revenue"]
            draft.body["annual_revenue"] = value
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if value is not None and not (number and abs(value) < MOST_MONEY):
                draft.problems.append("Annual revenue is not a number")
        if "number_of_employees" in given:
            draft.body["number_of_employees"] = self._employees(draft, given["number_of_employees"])
        if "parent_sales_account_id" in given:
            self._parent(draft, "parent_sales_account_id", given["parent_sales_account_id"])

    def _employees(self, draft: Draft, value: object) -> int | None:
        number = draft.number("number_of_employees", value) if value not in (None, "") else None
        if number is None or self._switches["employees"] == "exact":
            return number
        return max((lower for lower in EMPLOYEES if lower <= number), default=1)

    def _parent(self, draft: Draft, key: str, value: object) -> None:
        number = draft.number(key, value) if value not in (None, "") else None
        if number is not None and self._state.get("sales_accounts", number) is None:
            draft.problems.append("Sales account is invalid")
        draft.body[key] = number

    def _deal(self, draft: Draft, given: Json) -> None:
        for key in ("amount", "base_currency_amount"):
            if given.get(key) not in (None, ""):
                draft.body[key] = money_in(given[key])
                if draft.body[key] is None:
                    draft.problems.append(f"{words_of(key)} is not a number")
            elif key in given:
                draft.body[key] = None
        for key in ("expected_close", "closed_date"):
            if key in given and (key == "expected_close" or self._switches["closed_date"] == "honoured"):
                self._day(draft, key, given[key])
        for key in ("probability", "forecast_category"):
            if key in given:
                draft.body[key] = draft.number(key, given[key]) if given[key] is not None else None
        if "sales_account_id" in given:
            self._parent(draft, "sales_account_id", given["sales_account_id"])
        self._contacts_of(draft, given)
        self._stage(draft, given)
        self._products(draft, given)
        self._base_amount(draft, given)

    def _day(self, draft: Draft, key: str, value: object) -> None:
        day = day_in(value, self._catalog.zone) if value not in (None, "") else None
        if day is None and value not in (None, ""):
            draft.problems.append(f"{words_of(key)} is invalid")
        draft.body[key] = day

    def _contacts_of(self, draft: Draft, given: Json) -> None:
        kept: list[int] = list(draft.before.get("contact_ids", []))
        for key in ("contacts_added_list", "contacts_removed_list"):
            listed = given.get(key) or []
            numbers = [draft.number(key, value) for value in (listed if isinstance(listed, list) else [listed])]
            for number in filter(None, numbers):
                if key == "contacts_removed_list":
                    kept = [other for other in kept if other != number]
                elif self._state.get("contacts", number) is None:
                    draft.problems.append("Contact is invalid")
                elif number not in kept:
                    kept.append(number)
        draft.body["contact_ids"] = kept

    def _stage(self, draft: Draft, given: Json) -> None:
        body, stages = draft.body, self._catalog.stages
        if body.get("deal_pipeline_id") is None:
            stage = stages.get(body.get("deal_stage_id") or 0)
            body["deal_pipeline_id"] = stage["deal_pipeline_id"] if stage else self._catalog.pipelines[0]["id"]
        elif "deal_stage_id" not in given and body["deal_pipeline_id"] != draft.before.get("deal_pipeline_id"):
            body["deal_stage_id"] = None
        own = [stage for stage in stages.values() if stage["deal_pipeline_id"] == body["deal_pipeline_id"]]
        if body.get("deal_stage_id") is None and own:
            body["deal_stage_id"] = own[0]["id"]
        stage = stages.get(body["deal_stage_id"])
        if stage is None or stage not in own:
            draft.problems.append("Deal stage is invalid")
            return
        if body["deal_stage_id"] == draft.before.get("deal_stage_id"):
            return
        body["stage_updated_time"] = draft.now
        if "probability" not in given:
            body["probability"] = stage["probability"]
        closed = stage["forecast_type"] != "Open"
        if closed and not body.get("closed_date"):
            body["closed_date"] = datetime.fromtimestamp(draft.now, self._catalog.zone).date().isoformat()
        elif not closed and "closed_date" not in given:
            body["closed_date"] = None

    def _products(self, draft: Draft, given: Json) -> None:
        """The lines that were sent, and what they make of the amount as the switch says."""
        body, before = draft.body, draft.before.get("products", [])
        rule = self._switches["line_amount"]
        if "products" in given:
            rows = {row["id"]: str(row["currency_code"]) for row in self._catalog.currencies}
            currency = rows.get(body.get("currency_id") or 0, self._catalog.base_currency)
            body["products"] = self._lines.read(given["products"], before, currency, draft.problems)
        lines = body.get("products", [])
        counts = (rule != "keep" and "products" in given and (lines or before)) or (rule == "locked" and lines)
        if counts:
            body["amount"] = money_in(str(round(self._lines.total(lines), 2)))

    def _base_amount(self, draft: Draft, given: Json) -> None:
        body = draft.body
        if "base_currency_amount" in given:
            return
        if body.get("amount") is None:
            body["base_currency_amount"] = None
            return
        if body.get("currency_id") is None:
            body["currency_id"] = next(row["id"] for row in self._catalog.currencies if row["currency_type"] == 1)
        rate = next((row["exchange_rate"] for row in self._catalog.currencies if row["id"] == body["currency_id"]), "1.0")
        body["base_currency_amount"] = money_in(str(round(Decimal(body["amount"]) / Decimal(rate), 2)))

    def _lead(self, draft: Draft, given: Json) -> None:
        self._emails(draft, given)
        for key in ("company", "deal"):
            if key in given:
                if not isinstance(given[key], dict | None):
                    draft.problems.append(f"{words_of(key)} is invalid")
                draft.body[key] = given[key]


def display_name(kind: str, body: Json) -> str:
    """The name that the product shows: of a person without a name, the address or the number."""
    if kind in ("sales_accounts", "deals"):
        return str(body.get("name", ""))
    name = " ".join(part for part in (body.get("first_name"), body.get("last_name")) if part)
    if name:
        return name
    addresses = [row["value"] for row in body.get("emails", []) if row["is_primary"]]
    return next(iter(addresses), body.get("mobile_number") or body.get("external_id") or "")


def words_of(key: str) -> str:
    """A key as the product names it in its refusals: `sales_account_id` is "Sales account"."""
    return key.removesuffix("_id").replace("_", " ").capitalize()
