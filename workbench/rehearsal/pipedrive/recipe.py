"""A tenant recipe from a live Pipedrive account, by GET: people, pipelines, activity types, labels, currencies and fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from workbench.rehearsal.engine import Json

Get = Callable[[str], Any]
ADDRESS = "https://NAME.pipedrive.com, the bare host"
PROBES: Sequence[str] = ()
VERSIONS = ("/api/v1", "/api/v2", "/api", "/v1")
USER = (
    "id", "name", "email", "default_currency", "locale", "lang", "phone", "activated", "last_login", "created", "modified",
    "has_created_company", "access", "timezone_name", "timezone_offset", "role_id", "icon_url", "is_deleted",
)  # fmt: skip
PIPELINE = ("id", "name", "order_nr", "is_deal_probability_enabled", "add_time", "update_time")
STAGE = (
    "id", "name", "order_nr", "deal_probability", "is_deal_rot_enabled", "days_to_rotten", "add_time", "update_time",
)  # fmt: skip
ACTIVITY_TYPE = (
    "id", "name", "order_nr", "key_string", "icon_key", "color", "is_custom_flag", "add_time", "update_time",
)  # fmt: skip
LEAD_LABEL = ("id", "name", "color", "add_time", "update_time")
CURRENCY = ("id", "code", "name", "symbol", "decimal_points", "active_flag", "is_custom_flag")
FIELD = ("field_name", "field_type", "description")
OPTION = ("id", "label", "color")
OBJECTS: Mapping[str, str] = {
    "deal": "dealFields",
    "person": "personFields",
    "organization": "organizationFields",
    "product": "productFields",
}
LABEL_FIELD = "label_ids"


def root(url: str) -> str:
    """The address below which paths are asked for; one that goes on with ``/api`` or a version is cut back to its host."""
    cut = url.rstrip("/")
    path = urlsplit(cut).path
    return cut.removesuffix(path) if path in VERSIONS else cut


def headers(token: str) -> dict[str, str]:
    """The header that carries the key."""
    return {"x-api-token": token}


def tenant_of(get: Get) -> Json:
    """The recipe; ``get`` answers the JSON at a path below the address of the API.

    No request tells the plan and its caps: the recipe says lite, the least of them, and no caps. The seats are the users
    who are active. Each such guess, and what is not read, stands in words under ``account.unsure``.
    """
    me = get("v1/users/me")["data"]
    users = get("v1/users")["data"]
    fields = {object_: list(_all(get, path)) for object_, path in OBJECTS.items()}
    return {
        "account": _account(me, users),
        "users": [{**_of(user, USER), "active": user["active_flag"]} for user in users],
        "pipelines": _pipelines(list(_all(get, "pipelines")), list(_all(get, "stages"))),
        "activity_types": [_of(row, ACTIVITY_TYPE) for row in get("v1/activityTypes")["data"] or ()],
        "lead_labels": [_of(row, LEAD_LABEL) for row in get("v1/leadLabels")["data"] or ()],
        "currencies": [_of(row, CURRENCY) for row in get("v1/currencies")["data"]],
        "labels": {object_: _labels(rows) for object_, rows in fields.items() if object_ != "product"},
        "fields": [_field(object_, row) for object_, rows in fields.items() for row in rows if row["is_custom_field"]],
    }


def _account(me: Json, users: Sequence[Json]) -> Json:
    seats = max(sum(1 for user in users if user["active_flag"]), 1)
    kept = _of(me, ("company_id", "company_name", "company_domain", "company_country", "company_industry", "locale"))
    return {
        **kept,
        **({"language": _of(me["language"], tuple(me["language"]))} if me.get("language") else {}),
        "plan": "lite",
        "seats": seats,
        "currency": me["default_currency"],
        "timezone": me["timezone_name"],
        "api_user": me["email"],
        **({"made_at": me["created"]} if me.get("created") else {}),
        "unsure": _guesses(me, seats),
    }


def _guesses(me: Json, seats: int) -> list[str]:
    made = ["the account is taken to be as old as the user whose key it is"] if me.get("created") else []
    return [
        "the plan is taken to be lite, the least of them",
        "no caps are written, so nothing limits open deals, custom fields, activity types and recurring products",
        f"the seats are taken to be the {seats} users who are active",
        *made,
        "filters and roles are not read",
    ]


def _pipelines(rows: Sequence[Json], stages: Sequence[Json]) -> list[Json]:
    in_order = sorted(stages, key=lambda stage: (stage["order_nr"], stage["id"]))
    return [
        {**_of(row, PIPELINE), "stages": [_of(stage, STAGE) for stage in in_order if stage["pipeline_id"] == row["id"]]}
        for row in sorted(rows, key=lambda row: (row["order_nr"], row["id"]))
    ]


def _labels(rows: Sequence[Json]) -> list[Json]:
    """The labels of an object, which are the options of one of its built-in fields."""
    return [_of(option, OPTION) for row in rows if row["field_code"] == LABEL_FIELD for option in row.get("options") or ()]


def _field(object_: str, row: Json) -> Json:
    options = [_of(option, OPTION) for option in row.get("options") or ()]
    return {"object": object_, "code": row["field_code"], **_of(row, FIELD), **({"options": options} if options else {})}


def _all(get: Get, path: str) -> Iterator[Json]:
    """Every row of a v2 list."""
    cursor: str | None = None
    while True:
        page = get(f"api/v2/{path}?limit=500" + (f"&cursor={quote(cursor, safe='')}" if cursor else ""))
        yield from page["data"] or ()
        cursor = (page.get("additional_data") or {}).get("next_cursor")
        if not cursor:
            return


def _of(row: Json, names: Sequence[str]) -> Json:
    """These keys, those without a value left out: a recipe has no word for nothing."""
    return {name: row[name] for name in names if row.get(name) is not None}
