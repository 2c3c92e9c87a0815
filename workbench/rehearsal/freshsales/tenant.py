"""The fixed part of a Freshsales account, made from a tenant recipe: people, stages, pipelines, choices and views."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import count

from workbench.errors import SpecError
from workbench.rehearsal.engine import Json
from workbench.rehearsal.freshsales.values import moment_in, moment_out

REGION = 31_000_000_000
BLOCKS = ("contacts", "sales_accounts", "deals", "leads", "notes", "tasks", "appointments", "sales_activities")
FIRST_IDS = {
    **{kind: REGION + place * 50_000_000 + 1 for place, kind in enumerate(BLOCKS)},
    "phone_calls": REGION + 400_000_001,
    "documents": REGION + 420_000_001,
    "document_links": REGION + 440_000_001,
    "emails": REGION + 500_000_001,
    "product_pricings": REGION + 520_000_001,
    "lines": REGION + 530_000_001,
    "products": REGION + 540_000_001,
    "cpq_documents": REGION + 550_000_001,
    "lists": REGION + 560_000_001,
    "modules": REGION + 570_000_001,
    "module_forms": REGION + 580_000_001,
    "module_views": REGION + 590_000_001,
    "fields": REGION + 600_000_001,
    "job": REGION + 700_000_001,
    "custom_records": REGION + 800_000_001,
}
"""Where the ids of each kind start. Blocks do not overlap, so an id of one kind never passes for one of another."""
FIXED = REGION + 900_000_001
BUILT_IN_IDS = REGION + 990_000_001
HOURLY = {
    "free": 1000, "growth": 1000, "pro": 2000, "enterprise": 5000,
    "sprout": 0, "blossom": 1000, "garden": 1000, "estate": 2000, "forest": 5000,
}  # fmt: skip
MODELS = {"contacts": "Contact", "sales_accounts": "SalesAccount", "deals": "Deal", "leads": "Lead"}
RULES = (
    "all", "mine", "status_new", "recent", "none", "deleted", "open", "won", "lost", "bounced", "closing_week", "sales_month",
)  # fmt: skip
ACTIVITY_TYPES = {
    "Chat": "chat", "Phone": "phone", "Meeting": "appointment", "Task": "task", "Email": "email",
    "SMS Outgoing": "sms_outgoing", "Reminder": "reminder", "SMS Incoming": "sms_incoming",
}  # fmt: skip
WHOLE = ("territories",)
"""Selectors whose rows do not say that they are partial."""
CARD = ("amount", "sales_account_id", "expected_close")
"""What the card of a deal shows in a pipeline, unless the account changes it."""
ENTITY_TYPES = {"Follow up": "Task", "Call reminder": "Task", "Email reminder": "Reminder"}


@dataclass(frozen=True, slots=True)
class View:
    """A saved list of one object: its id and the rule by which records belong to it."""

    id: int
    object: str
    rule: str


class Catalog:
    """Everything of the account that its API can only read. The same recipe gives the same ids."""

    def __init__(self, recipe: Json, *, plan: str = "") -> None:
        account = recipe.get("account", {})
        self.edition = _one_of("edition", account.get("edition", "suite"), ("suite", "classic"))
        self.plan = _one_of("plan", plan or account.get("plan", "growth"), tuple(HOURLY))
        self.zone = datetime.fromisoformat(f"2000-01-01T00:00:00{account.get('utc_offset', '+00:00')}").tzinfo
        self.made_at = str(account.get("made_at", "2026-01-05T09:00:00Z"))
        self.storage_megabytes = account.get("storage_megabytes")  # of the API user, where it is not the plan's
        self._recipe = recipe
        self._ids = count(FIXED)
        self.users = [self._user(row) for row in recipe["users"]]
        self.lifecycle_stages, self.contact_statuses = self._lifecycle()
        self.pipelines = [self._pipeline(place, row) for place, row in enumerate(recipe["pipelines"], 1)]
        self.currencies = [self._currency(row) for row in recipe["currencies"]]
        self.custom_activity_types, self.outcomes = self._activity_types()
        self.activity_types, self.entity_types = _built_in_types(self.custom_activity_types)
        self.lists = {name: self._choices(name, rows) for name, rows in recipe.get("selectors", {}).items()}
        self.filters = {kind: self._filters(kind, rows) for kind, rows in recipe.get("views", {}).items()}
        self.api_user = self._api_user(account.get("api_user", self.users[0]["email"]))

    @property
    def classic(self) -> bool:
        return self.edition == "classic"

    @property
    def base_currency(self) -> str:
        """The code of the currency that others are reckoned in."""
        return next(str(row["currency_code"]) for row in self.currencies if row["currency_type"] == 1)

    @cached_property
    def stages(self) -> Mapping[int, Json]:
        return {stage["id"]: stage for pipeline in self.pipelines for stage in pipeline["deal_stages"]}

    @cached_property
    def statuses(self) -> Mapping[int, Json]:
        return {status["id"]: status for status in self.contact_statuses}

    @cached_property
    def people(self) -> Mapping[int, Json]:
        return {user["id"]: user for user in self.users}

    @cached_property
    def views(self) -> Mapping[int, View]:
        return {
            row["id"]: View(row["id"], kind, rule["rule"])
            for kind, rows in self.filters.items()
            for row, rule in zip(rows, self._recipe["views"][kind], strict=True)
        }

    def ids(self, name: str) -> frozenset[int]:
        """Ids of a selector's choices."""
        return frozenset(row["id"] for row in self.selector(name))

    def selector(self, name: str) -> list[Json]:
        """The rows that ``GET /selector/<name>`` lists."""
        fixed: Mapping[str, list[Json]] = {
            "owners": self.users,
            "lifecycle_stages": self.lifecycle_stages,
            "contact_statuses": self.contact_statuses,
            "deal_pipelines": self.pipelines,
            "deal_stages": [_brief(stage) for stage in self.stages.values()],
            "currencies": self.currencies,
            "sales_activity_types": self.activity_types,
            "custom_activity_types": self.custom_activity_types,
            "sales_activity_outcomes": self.outcomes,
            "sales_activity_entity_types": self.entity_types,
        }
        return fixed[name] if name in fixed else self.lists.get(name, [])

    def _id(self, row: Json) -> int:
        """The id that the recipe names, as one of a live account does, or else the next free one."""
        return int(row["id"]) if "id" in row else next(self._ids)

    def _user(self, row: Json) -> Json:
        return {
            "id": self._id(row),
            "display_name": row["name"],
            "email": row["email"],
            "is_active": row.get("active", True),
            "work_number": row.get("work_number"),
            "mobile_number": row.get("mobile_number"),
        }

    def _api_user(self, email: str) -> int:
        found = [user["id"] for user in self.users if user["email"] == email]
        if not found:
            raise SpecError(f"the API user {email} is not among the users of the tenant")
        return int(found[0])

    def _lifecycle(self) -> tuple[list[Json], list[Json]]:
        stages: list[Json] = []
        statuses: list[Json] = []
        for place, row in enumerate(self._recipe["lifecycle_stages"], 1):
            number = self._id(row)
            own = [self._status(number, status, len(statuses) + step) for step, status in enumerate(row["statuses"], 1)]
            statuses += own
            stages.append(
                {
                    "id": number,
                    "name": row["name"],
                    "position": place,
                    "disabled": row.get("disabled", False),
                    "default": row["type"] != "Custom",
                    "type": row["type"],
                    "contact_status_ids": [status["id"] for status in own],
                }
            )
        return stages, statuses

    def _status(self, stage: int, row: Json, place: int) -> Json:
        return {
            "id": self._id(row),
            "name": row["name"],
            "position": place,
            "partial": True,
            "forecast_type": row.get("forecast_type", "Open"),
            "lifecycle_stage_id": stage,
        }

    def _pipeline(self, place: int, row: Json) -> Json:
        number = self._id(row)
        return {
            "partial": True,
            "id": number,
            "name": row["name"],
            "position": place,
            "is_default": place == 1,
            "rotting_days": row.get("rotting_days", 30),
            "configs": [{"field_name": name, "position": n, "highlight": n == 1} for n, name in enumerate(CARD, 1)],
            "aggregated_field": "expected_deal_value",
            "deal_stages": [self._stage(number, step, stage) for step, stage in enumerate(row["stages"], 1)],
        }

    def _stage(self, pipeline: int, place: int, row: Json) -> Json:
        forecast = row.get("forecast_type", "Open")
        return {
            "id": self._id(row),
            "value": row["name"],
            "name": row["name"],
            "position": place,
            "forecast_type": forecast,
            "deal_pipeline_id": pipeline,
            "choice_type": 5 if place == 1 else 2 if forecast == "Open" else 4,
            "is_deleted": False,
            "probability": row.get("probability", 100),
            # Pipelines show this in UTC, whatever the account's offset (§2 Timestamps).
            "updated_at": moment_out(moment_in(self.made_at, self.zone) or 0.0, None, classic=True),
        }

    def _currency(self, row: Json) -> Json:
        return {
            "partial": True,
            "id": self._id(row),
            "is_active": row.get("active", True),
            "currency_code": row["code"],
            "exchange_rate": row.get("rate", "1.0"),
            "currency_type": 1 if row.get("base") else 2,
            "schedule_info": None,
        }

    def _activity_types(self) -> tuple[list[Json], list[Json]]:
        types: list[Json] = []
        outcomes: list[Json] = []
        for place, row in enumerate(self._recipe.get("sales_activity_types", []), 1):
            number = self._id(row)
            place += len(ACTIVITY_TYPES)
            types.append(_activity_type(number, row["name"], place, internal=_slug(row["name"]), default=False))
            for step, choice in enumerate(map(_named, row.get("outcomes", [])), 1):
                one = {"partial": True, "id": self._id(choice), "name": choice["name"]}
                outcomes.append({**one, "sales_activity_type_id": number, "position": step})
        return types, outcomes

    def _choices(self, selector: str, names: list[str | Json]) -> list[Json]:
        rows = enumerate(map(_named, names), 1)
        last: Json = {} if selector in WHOLE else {"partial": True}
        return [{"id": self._id(row), "name": row["name"], "position": place, **last} for place, row in rows]

    def _filters(self, kind: str, rows: list[Json]) -> list[Json]:
        return list(self._filter_rows(kind, rows))

    def _filter_rows(self, kind: str, rows: list[Json]) -> Iterator[Json]:
        made = moment_out(moment_in(self.made_at, self.zone) or 0.0, self.zone, classic=self.classic)
        for row in rows:
            _one_of("rule", row["rule"], RULES)
            default = row.get("default", True)
            yield {
                "id": self._id(row),
                "name": row["name"],
                "model_class_name": MODELS[kind],
                "user_id": 0,
                "is_default": default,
                "updated_at": made,
                "user_name": None,
                "current_user_permissions": [] if default else ["read_edit_only", "can_delete_only"],
            }


def _named(choice: str | Json) -> Json:
    return {"name": choice} if isinstance(choice, str) else choice


def _slug(name: str) -> str:
    return "_".join("".join(letter if letter.isalnum() else " " for letter in name.lower()).split())


def _activity_type(number: int, name: str, place: int, *, internal: str, default: bool) -> Json:
    return {
        "partial": True,
        "id": number,
        "name": name,
        "internal_name": internal,
        "show_in_conversation": name != "Reminder",
        "position": place,
        "is_default": default,
        "is_checkedin": name == "Meeting" and default,
        "is_checkedin_mandatory": False,
        "is_outcome_mandatory": False,
    }


def _built_in_types(custom: list[Json]) -> tuple[list[Json], list[Json]]:
    """All activity types, those that every account has before its own, and the entity types of tasks and reminders."""
    ids = count(BUILT_IN_IDS)
    types = [
        _activity_type(next(ids), name, place, internal=internal, default=True)
        for place, (name, internal) in enumerate(ACTIVITY_TYPES.items(), 1)
    ]
    by_name = {row["name"]: row["id"] for row in types}
    entities = [
        {
            "partial": True,
            "id": next(ids),
            "name": name,
            "sales_activity_type_id": by_name[owner],
            "position": place,
            "sales_activity_type_name": owner,
        }
        for place, (name, owner) in enumerate(ENTITY_TYPES.items(), 1)
    ]
    return [*types, *custom], entities


def _brief(stage: Json) -> Json:
    """A stage as its own selector lists it: without the pipeline's ``value`` and ``is_deleted``."""
    names = ("id", "name", "position", "forecast_type", "updated_at", "deal_pipeline_id", "choice_type", "probability")
    return {"partial": True, **{name: stage[name] for name in names}}


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise SpecError(f"the tenant's {name} is not known", expected=", ".join(allowed), found=repr(value))
    return value
