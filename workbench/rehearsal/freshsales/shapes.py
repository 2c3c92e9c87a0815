"""How Freshsales shows its records: the keys in their order, what only ``include`` shows, and side-loaded rows."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from workbench.rehearsal.engine import House, Json, Record
from workbench.rehearsal.freshsales.briefs import beside, found
from workbench.rehearsal.freshsales.drafts import KINDS, display_name
from workbench.rehearsal.freshsales.fields import Fields
from workbench.rehearsal.freshsales.lines import Lines
from workbench.rehearsal.freshsales.tenant import MODELS, REGION, Catalog
from workbench.rehearsal.freshsales.values import keys, moment_out

MCR_BASE = 1_656_220_499_000_000_000
"""``mcr_id`` lies beyond 2^53, where JavaScript clients lose digits."""

ORDER: Mapping[str, tuple[str, ...]] = {
    "contacts": keys(
        """id first_name last_name display_name avatar job_title city state zipcode country email emails time_zone
        work_number mobile_number address last_seen lead_score last_contacted open_deals_amount won_deals_amount
        links last_contacted_sales_activity_mode custom_field created_at updated_at keyword medium
        last_contacted_mode recent_note won_deals_count last_contacted_via_sales_activity completed_sales_sequences
        active_sales_sequences web_form_ids open_deals_count last_assigned_at facebook twitter linkedin is_deleted
        team_user_ids external_id work_email subscription_status subscription_types unsubscription_reason
        other_unsubscription_reason customer_fit whatsapp_subscription_status sms_subscription_status last_seen_chat
        first_seen_chat locale total_sessions system_tags first_campaign first_medium first_source last_campaign
        last_medium last_source latest_campaign latest_medium latest_source mcr_id phone_numbers tags"""
    ),
    "sales_accounts": keys(
        """id name address city state zipcode country number_of_employees annual_revenue website owner_id phone
        open_deals_amount open_deals_count won_deals_amount won_deals_count last_contacted last_contacted_mode
        facebook twitter linkedin links custom_field created_at updated_at avatar parent_sales_account_id
        recent_note last_contacted_via_sales_activity last_contacted_sales_activity_mode completed_sales_sequences
        active_sales_sequences last_assigned_at is_deleted team_user_ids web_form_ids tags"""
    ),
    "deals": keys(
        """id name amount base_currency_amount expected_close closed_date stage_updated_time custom_field probability
        updated_at created_at deal_pipeline_id deal_stage_id age links recent_note completed_sales_sequences
        active_sales_sequences web_form_id upcoming_activities_time collaboration last_assigned_at
        last_contacted_sales_activity_mode last_contacted_via_sales_activity expected_deal_value is_deleted
        team_user_ids avatar fc_widget_collaboration forecast_category deal_prediction
        deal_prediction_last_updated_at freddy_forecast_metrics last_deal_prediction has_products rotten_days tags"""
    ),
    "leads": keys(
        """id job_title department email emails work_number mobile_number address city state zipcode country time_zone
        do_not_disturb display_name avatar keyword medium last_seen last_contacted lead_score lead_quality lead_stage_id
        stage_updated_time first_name last_name company deal links custom_field created_at updated_at
        last_contacted_sales_activity_mode has_authority email_status last_contacted_mode recent_note
        last_contacted_via_chat last_contacted_via_sales_activity completed_sales_sequences active_sales_sequences
        web_form_ids facebook twitter linkedin is_deleted tags"""
    ),
}
DEFAULTS: Mapping[str, object] = {
    "lead_score": 0,
    "system_tags": [],
    "tags": [],
    "emails": [],
    "phone_numbers": [],
    "subscription_status": 1,
    "subscription_types": "1;2;3;4;5",
    "customer_fit": 0,
    "whatsapp_subscription_status": 2,
    "sms_subscription_status": 2,
    "deal_prediction": 0,
    "has_products": False,
    "do_not_disturb": False,
    "has_authority": False,
    "email_status": "Active",
    "collaboration": {},
}


@dataclass(frozen=True, slots=True)
class Side:
    """One word of ``include``: the key it adds to the record and the collection it loads beside it."""

    key: str
    collection: str
    source: str  # a selector, or an object of the tenant


def _one(key: str, collection: str, source: str = "") -> Side:
    return Side(key, collection, source or collection)


USERS = {word: _one(f"{word}_id", "users", "owners") for word in ("owner", "creater", "updater")}
MANY = {word: _one(f"{word.removesuffix('s')}_ids", word) for word in ("tasks", "appointments", "notes")}
SHARED = {
    **USERS,
    **MANY,
    "territory": _one("territory_id", "territories"),
    "source": _one("lead_source_id", "lead_sources"),
    "campaign": _one("campaign_id", "campaigns"),
}
INCLUDES: Mapping[str, Mapping[str, Side]] = {
    "contacts": {
        **SHARED,
        "contact_status": _one("contact_status_id", "contact_statuses"),
        "lifecycle_stage": _one("lifecycle_stage_id", "lifecycle_stages"),
        "lost_reason": _one("lost_reason_id", "lost_reasons"),
        "sales_accounts": _one("sales_accounts", ""),
        "deals": _one("deal_ids", "deals"),
        "sales_activities": _one("sales_activity_ids", "sales_activities"),
    },
    "sales_accounts": {
        **USERS,
        **MANY,
        "territory": SHARED["territory"],
        "industry_type": _one("industry_type_id", "industry_types"),
        "business_type": _one("business_type_id", "business_types"),
        "parent_sales_account": _one("parent_sales_account_id", "parent_sales_accounts", "sales_accounts"),
        "contacts": _one("contact_ids", "contacts"),
        "deals": _one("deal_ids", "deals"),
    },
    "deals": {
        **SHARED,
        "sales_account": _one("sales_account_id", "sales_accounts"),
        "contacts": _one("contact_ids", "contacts"),
        "currency": _one("currency_id", "currencies"),
        "deal_stage": _one("deal_stage_id", "deal_stages"),
        "deal_pipeline": _one("deal_pipeline_id", "deal_pipelines"),
        "deal_type": _one("deal_type_id", "deal_types"),
        "deal_reason": _one("deal_reason_id", "deal_reasons"),
        "deal_payment_status": _one("deal_payment_status_id", "deal_payment_statuses"),
        "deal_product": _one("deal_product_id", "deal_products"),
        "products": _one("products", ""),
        "sales_activities": _one("sales_activity_ids", "sales_activities"),
    },
    "leads": {
        **SHARED,
        "lead_stage": _one("lead_stage_id", "lead_stages"),
        "lead_reason": _one("lead_reason_id", "lead_reasons"),
    },
}


class Shapes:
    """Records into the bodies that the API answers with."""

    def __init__(self, house: House, catalog: Catalog, fields: Fields) -> None:
        self._state = house.state
        self._switches = house.switches
        self._catalog = catalog
        self._fields = fields
        self._lines = Lines(house)
        self._prefix = "" if catalog.classic else "/crm/sales"

    def one(self, record: Record, include: Sequence[str], *, now: float) -> Json:
        """``{side-loaded …, "contact": {…}, "meta": null}``."""
        rows, sides = self._with(record.kind, [record], include, now)
        return {**sides, KINDS[record.kind].wrapper: rows[0], "meta": None}

    def many(
        self, kind: str, records: Sequence[Record], include: Sequence[str], *, total: int, per_page: int, now: float
    ) -> Json:
        """A page: side-loaded rows, the collection, and ``meta`` last."""
        rows, sides = self._with(kind, records, include, now)
        meta: Json = {"total_pages": -(-total // per_page), "total": total}
        if kind != "leads":
            meta["avatar_data"] = {MODELS[kind]: {str(row["id"]): None for row in rows}}
        sides.pop(kind, None)
        return {**sides, kind: rows, "meta": meta}

    def _with(self, kind: str, records: Sequence[Record], include: Sequence[str], now: float) -> tuple[list[Json], Json]:
        sums = self._deal_sums(kind, records)
        rows = [self._body(record, sums.get(record.id, []), now) for record in records]
        sides: Json = {}
        for word in include:
            side = self._side(kind, word)
            if side is None:
                continue
            found = [self._add(row, record, side) for row, record in zip(rows, records, strict=True)]
            if side.collection:
                loaded = self._loaded(side, list(dict.fromkeys(number for numbers in found for number in numbers)))
                sides[side.collection] = _merged(sides.get(side.collection, []), loaded)
        return rows, sides

    def _side(self, kind: str, word: str) -> Side | None:
        stage = self._switches["include_lifecycle"]
        if kind == "contacts" and word.startswith("lifecycle_stage"):
            return INCLUDES[kind]["lifecycle_stage"] if stage in (word, "any") else None
        return INCLUDES[kind].get(word)

    def _add(self, row: Json, record: Record, side: Side) -> list[int]:
        """Put the key of one ``include`` on a row; returns the ids whose records go beside it."""
        if side.key == "sales_accounts":
            row["sales_accounts"] = [self._account_of(link) for link in record.body.get("sales_accounts", [])]
            return []
        if side.key == "products":
            lines = [self._lines.on_deal(record.id, line) for line in record.body.get("products", [])]
            last = {key: row.pop(key) for key in ("rotten_days", "tags")}
            row |= {"products": lines, **last}
            return []
        if not side.key.endswith("_ids"):
            row[side.key] = record.body.get(side.key)
            return [row[side.key]] if row[side.key] else []
        if side.key == "contact_ids" and record.kind == "deals":
            row[side.key] = record.body.get("contact_ids", [])
        else:
            row[side.key] = self._state.children(record.kind, record.id, side.source)
        return list(row[side.key])

    def _account_of(self, link: Json) -> Json:
        account = self._state.get("sales_accounts", link["id"])
        body = account.body if account else {}
        return {
            "partial": True,
            "id": link["id"],
            "name": body.get("name"),
            "avatar": None,
            "website": body.get("website"),
            "last_contacted": None,
            "record_type_id": "71015463326",
            "is_primary": link["is_primary"],
        }

    def _loaded(self, side: Side, ids: Sequence[int]) -> list[Json]:
        if side.source in KINDS or side.source in ("tasks", "appointments", "notes", "sales_activities"):
            records = filter(None, (self._state.get(side.source, number) for number in ids))
            return [self.beside(record) for record in records]
        rows = {row["id"]: row for row in self._catalog.selector(side.source)}
        return [user(rows[n]) if side.source == "owners" else rows[n] for n in ids if n in rows]

    def partial(self, record: Record) -> Json:
        """A record as searches return it: without custom fields and owner."""
        return found(record, self._more(record))

    def beside(self, record: Record) -> Json:
        """A record as it stands beside those that point at it."""
        return beside(record, self._more(record))

    def _more(self, record: Record) -> Json:
        sums = self._deal_sums(record.kind, [record]).get(record.id, [])
        return {**_sums(sums), "created_at": self.moment(record.created), "updated_at": self.moment(record.updated)}

    def moment(self, seconds: float | None) -> str | None:
        return None if seconds is None else moment_out(seconds, self._catalog.zone, classic=self._catalog.classic)

    def _body(self, record: Record, sums: Sequence[tuple[str, str]], now: float) -> Json:
        body, kind = record.body, record.kind
        shown = {key: body.get(key, DEFAULTS.get(key)) for key in ORDER[kind]}
        shown |= {
            "id": record.id,
            "created_at": self.moment(record.created),
            "updated_at": self.moment(record.updated),
            "is_deleted": record.deleted is not None,
            "links": self._links(kind, record.id),
            "custom_field": self._fields.write(kind, body.get("custom_field", {})),
        }
        if kind != "leads":
            shown["last_assigned_at"] = self.moment(body.get("last_assigned_at"))
            shown["team_user_ids"] = [row["user_id"] for row in body.get("team_users", [])] or None
        if kind in ("contacts", "leads"):
            shown |= {"email": _primary(body), "emails": _emails(body), "display_name": display_name(kind, body)}
        if kind == "contacts":
            shown["mcr_id"] = MCR_BASE + record.id - REGION
        if kind in ("contacts", "sales_accounts"):
            shown |= _sums(sums)
        return shown | (self._deal(record, now) if kind == "deals" else {})

    def _deal(self, record: Record, now: float) -> Json:
        body = record.body
        amount, chance = Decimal(body.get("amount", "0")), Decimal(body.get("probability", 0))
        made = datetime.fromtimestamp(record.created, self._catalog.zone).date()
        ends = date.fromisoformat(body["closed_date"]) if body.get("closed_date") else None
        today = datetime.fromtimestamp(now, self._catalog.zone).date()
        age = ((ends or today) - made).days
        return {
            "stage_updated_time": self.moment(body.get("stage_updated_time")),
            "age": age,
            "rotten_days": self._rotten(body, age),
            "has_products": bool(body.get("products")) and self._switches["has_products"] == "honest",
            "expected_deal_value": _money(amount * chance / 100) if "amount" in body else None,
            # Made anew for every answer, as the vendor does; a client that keeps or compares it shows itself.
            "fc_widget_collaboration": {
                "convo_token": uuid.uuid4().hex,
                "auth_token": uuid.uuid4().hex,
                "encoded_jwt_token": uuid.uuid4().hex,
            },
        }

    def _rotten(self, body: Json, age: int) -> int | None:
        """Recorded: the age of an open deal beyond what its pipeline allows."""
        stage = self._catalog.stages.get(body.get("deal_stage_id", 0))
        allowed = {row["id"]: row["rotting_days"] for row in self._catalog.pipelines}.get(body.get("deal_pipeline_id"))
        late = stage is not None and stage["forecast_type"] == "Open" and allowed is not None and age > allowed
        return age - allowed if late and allowed is not None else None

    def _links(self, kind: str, number: int) -> Json:
        base = f"{self._prefix}/{kind}/{number}"
        people = "creater,owner,updater,targetable"
        all_of_them = "email_conversation_recipients%2Ctargetable%2Cphone_number%2Cphone_caller%2Cnote%2Cuser&per_page=3"
        person = kind == "contacts"
        return {
            "conversations": f"{base}/conversations/all?include={all_of_them}",
            **({"timeline_feeds": f"{base}/timeline_feeds"} if person else {}),
            "document_associations": f"{base}/document_associations",
            "notes": f"{base}/notes?include=creater",
            "tasks": f"{base}/tasks?include={people},users,task_type",
            "appointments": f"{base}/appointments?include={people},appointment_attendees,conference,note",
            **({"reminders": f"{base}/reminders?include={people}"} if person else {}),
            **({name: f"{base}/{name}" for name in ("duplicates", "connections")} if person else {}),
        }

    def _deal_sums(self, kind: str, records: Sequence[Record]) -> Mapping[int, list[tuple[str, str]]]:
        """Forecast type and amount of the deals that hang on each record."""
        if kind not in ("contacts", "sales_accounts") or not records:
            return {}
        marks = ",".join("?" * len(records))
        sql = (
            "SELECT link.parent, record.facet, coalesce(json_extract(record.body, '$.base_currency_amount'), '0') FROM link"  # noqa: S608
            f" JOIN record ON record.kind = 'deals' AND record.id = link.child AND record.deleted IS NULL"
            f" WHERE link.kind = ? AND link.child_kind = 'deals' AND link.parent IN ({marks})"
        )
        sums: dict[int, list[tuple[str, str]]] = {}
        for parent, forecast, amount in self._state.db.execute(sql, (kind, *(record.id for record in records))):
            sums.setdefault(parent, []).append((forecast, amount))
        return sums


def user(row: Json) -> Json:
    """A user as side-loaded rows show one."""
    return {
        "id": row["id"],
        "display_name": row["display_name"],
        "avatar": None,
        "type": "FdMultitenant::User",
        "is_active": row["is_active"],
        "work_number": row["work_number"],
        "mobile_number": row["mobile_number"],
        "email": row["email"],
        "uuid": str(5_000_000_000 + row["id"]),
    }


def _merged(known: Sequence[Json], more: Sequence[Json]) -> list[Json]:
    return list({row["id"]: row for row in [*known, *more]}.values())


def _primary(body: Json) -> str | None:
    return next((row["value"] for row in body.get("emails", []) if row["is_primary"]), None)


def _emails(body: Json) -> list[Json]:
    return [{**row, "_destroy": False} for row in body.get("emails", [])]


def _sums(deals: Sequence[tuple[str, str]]) -> Json:
    def of(forecast: str) -> Iterator[Decimal]:
        return (Decimal(amount) for kind, amount in deals if kind == forecast)

    return {
        "open_deals_amount": _money(sum(of("Open"), Decimal())),
        "open_deals_count": len(list(of("Open"))),
        "won_deals_amount": _money(sum(of("Closed Won"), Decimal())),
        "won_deals_count": len(list(of("Closed Won"))),
    }


def _money(amount: Decimal) -> str:
    text = format(amount.normalize(), "f")
    return text if "." in text else f"{text}.0"
