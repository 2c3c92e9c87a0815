"""A tenant recipe read from a live Freshsales account, so that a stand-in looks like it; nothing but GET is asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from workbench.errors import SpecError
from workbench.rehearsal.engine import Json
from workbench.rehearsal.freshsales.fields import POOLS, QUOTAS, SHARED

Get = Callable[[str], Any]
"""Asks for a path below the API, such as ``selector/owners``; the JSON of the answer, or none for a 403 or 404."""
Rows = list[Json]
ADDRESS = "https://NAME.myfreshworks.com/crm/sales/api (Suite) or https://NAME.freshsales.io/api (Classic)"
PROBES = ("leads/filters",)
"""What a Suite account has not: asked to tell the edition."""
SIMPLE = (
    "lead_sources", "industry_types", "business_types", "deal_types", "deal_reasons", "deal_payment_statuses", "deal_products",
    "territories", "campaigns", "designations",
)  # fmt: skip
OF_LEADS = ("lead_stages", "lead_reasons")
OBJECTS = ("contacts", "sales_accounts", "deals")
MODULES = "settings/module_customizations"
FORECASTS = {"Open": "open", "Closed Won": "won", "Closed Lost": "lost"}
NAMES: Mapping[str, str] = {
    "My Contacts": "mine", "My Accounts": "mine", "My Deals": "mine", "My Leads": "mine",
    "All Contacts": "all", "All Accounts": "all", "All Leads": "all", "Never Contacted": "all", "Inactive": "all",
    "New Contacts": "status_new", "Recently Modified": "recent", "Recent Deals": "recent", "Bounced contacts": "bounced",
    "My Territory Contacts": "none", "My Territory Accounts": "none", "My Territory Deals": "none", "Recently Imported": "none",
    "Needs Follow-up": "none", "Active": "none", "Untouched 5-star contacts": "none", "Slipping away": "none",
    "Hot": "none", "Cold": "none", "Open Deals": "open", "Won Deals": "won", "Lost Deals": "lost", "Recycle Bin": "deleted",
    "Closing this week": "closing_week", "This month's sales": "sales_month",
}  # fmt: skip
"""What the views that every account starts with show; a view's own rule cannot be asked for."""


def root(url: str) -> str:
    """The address below which paths are asked for; a bare host is refused, as nothing tells the edition."""
    if not urlsplit(url).path.strip("/"):
        raise SpecError(
            "the address lacks the path of the API", expected=ADDRESS, found=repr(url), todo="give --url up to and with /api"
        )
    return url


def headers(token: str) -> dict[str, str]:
    """What a request to the account needs; hand it to the HTTP client and keep it out of logs."""
    return {"Authorization": f"Token token={token}"}


def tenant_of(get: Get) -> Json:
    """The account as a recipe like ``tenants/freshsales_suite.toml``, with its ids where a recipe can name them.

    What no request tells is guessed, and each guess stands in words under ``account.unsure``: whose key it is, the plan,
    and which records belong to a view with a name of the account's own. Ids of custom fields and their choices are new ones.
    """
    classic = get("leads/filters") is not None
    objects = (*OBJECTS, "leads") if classic else OBJECTS
    filters = {name: _rows(get(f"{name}/filters"), "filters") for name in objects}
    fields = {name: _rows(get(f"settings/{name}/fields"), "fields") for name in objects}
    custom = [row for name in objects for row in _custom(name, fields[name], _unique(get, name))]
    modules = [_module(row) for row in _rows(get(MODULES), "module_customizations") if row.get("custom")]
    custom += [row for module in modules for row in _custom_of(get, module["entity_name"])]
    pipelines = _rows(get("selector/deal_pipelines"), "deal_pipelines")
    views = Views(get, {stage["id"]: stage["forecast_type"] for row in pipelines for stage in row["deal_stages"]})
    recipe: Json = {
        "users": list(map(_user, _rows(get("selector/owners"), "users"))),
        "lifecycle_stages": _lifecycle(get),
        "pipelines": list(map(_pipeline, pipelines)),
        "currencies": list(map(_currency, _rows(get("selector/currencies"), "currencies"))),
        "sales_activity_types": list(_activity_types(get)),
        "selectors": _selectors(get, fields["contacts"], classic=classic),
        "views": {name: [views.view(name, row) for row in rows] for name, rows in filters.items()},
        "modules": modules,
        "fields": custom,
    }
    return {"account": _account(recipe, filters, classic=classic, unsure=views.unsure), **recipe}


class Views:
    """Works out which records a view shows: by its name, and where the account renamed it, by what stands in it."""

    def __init__(self, get: Get, forecasts: Mapping[int, str]) -> None:
        self._get = get
        self._forecasts = forecasts
        self.unsure: list[str] = []

    def view(self, object_: str, row: Json) -> Json:
        """One row of the recipe's views."""
        rule = NAMES.get(row["name"]) or self._by_content(object_, row)
        return {"id": row["id"], "name": row["name"], "rule": rule, **({} if row["is_default"] else {"default": False})}

    def _by_content(self, object_: str, row: Json) -> str:
        found = _rows(self._get(f"{object_}/view/{row['id']}?per_page=100"), object_)
        forecasts = {self._forecasts.get(record.get("deal_stage_id", 0), "") for record in found}
        if found and all(record.get("is_deleted") for record in found):
            return "deleted"
        if object_ == "deals" and len(forecasts) == 1 and forecasts & FORECASTS.keys():
            return FORECASTS[forecasts.pop()]
        left = "full" if found else "empty"
        self.unsure.append(f"the {object_} view {row['name']!r} is left {left}, as its rule cannot be read")
        return "all" if found else "none"


def _account(recipe: Json, filters: Mapping[str, Rows], *, classic: bool, unsure: Sequence[str]) -> Json:
    moments = [row["updated_at"] for rows in filters.values() for row in rows if row.get("updated_at")]
    users = recipe["users"]
    owner = next((row for row in users if row.get("active", True)), users[0])
    plan = "garden" if classic else "enterprise" if recipe["modules"] else _plan(recipe["fields"])
    guesses = [f"the key is taken to be that of {owner['email']}", f"the plan is taken to be {plan}: its fields fit no less"]
    return {
        "name": "As a live account",
        "edition": "classic" if classic else "suite",
        "plan": plan,
        "utc_offset": next((found.group() for text in moments if (found := re.search(r"[+-]\d\d:\d\d$", text))), "+00:00"),
        "api_user": owner["email"],
        "made_at": min(moments, default="2026-01-05T09:00:00Z"),
        "unsure": [*guesses, *unsure],
    }


def _rows(answer: Any, key: str) -> Rows:
    """The rows of an answer; of one that the account does not give, none."""
    return list(answer.get(key, [])) if isinstance(answer, dict) else []


def _filled(row: Json) -> Json:
    """Without the empty values, for which TOML has no word."""
    return {key: value for key, value in row.items() if value is not None}


def _user(row: Json) -> Json:
    user = {"id": row["id"], "name": row["display_name"], "email": row["email"], "active": row["is_active"]}
    return _filled({**user, "work_number": row.get("work_number"), "mobile_number": row.get("mobile_number")})


def _lifecycle(get: Get) -> Rows:
    statuses = _rows(get("selector/contact_statuses"), "contact_statuses")
    return [
        {
            "id": stage["id"],
            "name": stage["name"],
            "type": stage["type"],
            "disabled": stage["disabled"],
            "statuses": [
                {key: status[key] for key in ("id", "name", "forecast_type")}
                for status in statuses
                if status["lifecycle_stage_id"] == stage["id"]
            ],
        }
        for stage in _rows(get("selector/lifecycle_stages"), "lifecycle_stages")
    ]


def _pipeline(row: Json) -> Json:
    stages = [{key: stage[key] for key in ("id", "name", "probability", "forecast_type")} for stage in row["deal_stages"]]
    return _filled({"id": row["id"], "name": row["name"], "rotting_days": row.get("rotting_days"), "stages": stages})


def _currency(row: Json) -> Json:
    return {
        "id": row["id"],
        "code": row["currency_code"],
        "rate": row["exchange_rate"],
        "base": row["currency_type"] == 1,
        "active": row["is_active"],
    }


def _activity_types(get: Get) -> Iterator[Json]:
    """The account's own types; every account has the others."""
    outcomes = _rows(get("selector/sales_activity_outcomes"), "sales_activity_outcomes")
    for row in _rows(get("selector/sales_activity_types"), "sales_activity_types"):
        if not row["is_default"]:
            own = [_choice(outcome) for outcome in outcomes if outcome["sales_activity_type_id"] == row["id"]]
            yield {"id": row["id"], "name": row["name"], "outcomes": own}


def _selectors(get: Get, contact_fields: Rows, *, classic: bool) -> Json:
    names = (*SIMPLE, *OF_LEADS) if classic else SIMPLE
    found = {name: list(map(_choice, _rows(get(f"selector/{name}"), name))) for name in names}
    reasons: Rows = next((row["choices"] for row in contact_fields if row["name"] == "lost_reason_id"), [])
    return {**found, "lost_reasons": [{"id": int(row["id"]), "name": row["value"]} for row in reasons]}


def _choice(row: Json) -> Json:
    return {"id": row["id"], "name": row["name"]}


def _unique(get: Get, object_: str) -> set[str]:
    """Keys of the unique custom fields, which only the forms tell."""
    forms = _rows(get(f"settings/{object_}/forms"), "forms")
    return {row["name"] for row in _flat(forms) if (row.get("field_options") or {}).get("unique")}


def _flat(rows: Sequence[Json]) -> Iterator[Json]:
    """Fields of forms, of groups, and of groups within them."""
    for row in rows:
        if "name" in row:
            yield row
        yield from _flat(row.get("fields") or [])


def _custom(object_: str, rows: Rows, unique: set[str]) -> Rows:
    return [_field(object_, row, unique=row["name"] in unique) for row in rows if not row["default"]]


def _custom_of(get: Get, entity: str) -> Rows:
    """The fields of a custom module, which its forms alone tell."""
    rows = _flat(_rows(get(f"settings/{entity}/forms"), "forms"))
    custom = [row for row in rows if str(row["name"]).startswith("cf_")]
    return [_field(entity, row, unique=bool((row.get("field_options") or {}).get("unique"))) for row in custom]


def _field(object_: str, row: Json, *, unique: bool) -> Json:
    return {
        "object": object_,
        "label": row["label"],
        "name": row["name"],
        "type": row["type"],
        "required": row["required"],
        "unique": unique,
        "choices": [choice["value"] for choice in row.get("choices") or []],
    }


def _module(row: Json) -> Json:
    names = ("singular_name", "plural_name", "entity_name", "icon", "description")
    return _filled({name: row.get(name) for name in names})


def _plan(fields: Rows) -> str:
    """The smallest plan that these custom fields fit."""
    for plan, numbers in QUOTAS.items():
        quota = dict(zip(POOLS, numbers, strict=True))
        if plan != "free" and all(_fits([row for row in fields if row["object"] == name], quota) for name in OBJECTS):
            return plan
    return "enterprise"


def _fits(fields: Rows, quota: Mapping[str, int]) -> bool:
    pools = [SHARED.get(str(row["type"]), str(row["type"])) for row in fields]
    return len(pools) <= quota["all"] and all(pools.count(pool) <= quota.get(pool, 0) for pool in set(pools))
