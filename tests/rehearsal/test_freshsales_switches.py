"""Every switch of the rehearsal Freshsales does what it says, under its default and under each other value."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import freshsales_probes as look
import httpx
import pytest
from freshsales_account import KEY, Json, client
from freshsales_outcomes import CLASSIC_WALK, OTHER_WALKS, PLAIN_WALK, TOGETHER
from freshsales_walk import patient, walked

from workbench.rehearsal import Rehearsal, canonical, running, switches
from workbench.rehearsal.freshsales import SWITCHES

Probe = Callable[[Rehearsal, httpx.Client], object]
FAMILIES: Mapping[str, Mapping[str, str]] = {
    "plain": {},
    "classic": {"tenant": "freshsales_classic"},
    "slow": {"time_scale": "1", "job_seconds": "60"},
    "at once": {"time_scale": "1", "job_seconds": "0"},
    "timed": {"time_scale": "1"},
    "lagging": {"time_scale": "1", "index_lag_seconds": "10"},
    "planned": {"limits": "on", "minute_cap": "0"},
    "capped": {"limits": "on", "minute_cap": "1", "time_scale": "1"},
    "minutes": {"limits": "on", "minute_cap": "5", "time_scale": "30"},
    "capless": {"limits": "on", "limit_window": "rolling", "time_scale": "1"},
    "free": {"plan": "free"},
    "enterprise": {"plan": "enterprise"},
    "free of gates": {"plan": "enterprise"},
    "fields": {},
    "choices": {},
    "lines": {},
}
"""Settings that a row needs beside its own; rows of one family share stand-ins, so they may not disturb one another."""


@dataclass(frozen=True)
class Row:
    """A switch, the family in which it is looked at, and what is seen under each of its values, the default first."""

    switch: str
    probe: Probe
    seen: Mapping[str, object]
    family: str = "plain"


NAME = "Name can't be blank"
ROWS = (
    Row("create_status", look.create_status, {"200": 200, "201": 201}),
    Row("upsert_create_status", look.upsert_create_status, {"201": 201, "200": 200}),
    Row("bulk_status", look.bulk_status, {"202": 202, "200": 200}),
    Row(
        "error_bodies",
        look.error_bodies,
        {"json": ("application/json",) * 2, "text": ("text/plain",) * 2, "html": ("text/html",) * 2},
    ),
    Row("error_messages", look.error_messages, {"strings": [NAME], "hashes": [{"message": NAME}]}),
    Row(
        "contact_required",
        look.contact_required,
        {"identifier": [True, False, False], "email": [False, False, True], "none": [True, True, True]},
        "fields",
    ),
    Row("deal_amount_required", look.deal_amount_required, {"on": ["Amount can't be blank"], "off": []}),
    Row("unique_email", look.unique_email, {"on": False, "off": True}),
    Row("unique_mobile", look.unique_mobile, {"off": True, "on": False}),
    Row("unique_account_name", look.unique_account_name, {"on": False, "off": True}),
    Row("unique_lead_email", look.unique_lead_email, {"on": False, "off": True}, "classic"),
    Row("name_case", look.name_case, {"insensitive": 1, "sensitive": 0}),
    Row("recycle_bin_keys", look.recycle_bin_keys, {"free": True, "held": False}),
    Row("upsert_identifiers", look.upsert_identifiers, {"or": "Lima", "and": None}),
    Row("lead_twin", look.lead_twin, {"merge": True, "refuse": False}, "classic"),
    Row("created_at", look.created_at, {"ignored": False, "honoured": True}),
    Row("closed_date", look.closed_date, {"honoured": True, "ignored": False}),
    Row("completed_date", look.completed_date, {"ignored": "", "honoured": "2020-01-14"}),
    Row("inactive_owner", look.inactive_owner, {"reject": ["Owner is not active"], "accept": []}),
    Row(
        "status_stage_mismatch",
        look.status_stage_mismatch,
        {"reject": ["Status is invalid for the lifecycle stage"], "accept": []},
    ),
    Row(
        "include_lifecycle",
        look.include_lifecycle,
        {"lifecycle_stage": [True, False], "lifecycle_stages": [False, True], "any": [True, True]},
    ),
    Row("employees", look.employees, {"bucket": 201, "exact": 230}),
    Row("tags_put", look.tags_put, {"replace": ["c"], "merge": ["a", "b", "c"]}),
    Row("type_check", look.type_check, {"strict": [["N is invalid"], ["C is invalid"]], "coerce": [12, True]}),
    Row("unknown_choice", look.unknown_choice, {"reject": ["Choice is not included in the list: Odd"], "store": "Odd"}),
    Row(
        "unknown_custom_field",
        look.unknown_custom_field,
        {"reject": ["cf_nowhere is not a custom field of this object"], "ignore": []},
    ),
    Row("multi_select_out", look.multi_select_out, {"string": "A;B", "array": ["A", "B"]}),
    Row("custom_date_out", look.custom_date_out, {"date": "2024-02-29", "datetime": "2024-02-29T00:00:00-05:00"}),
    Row("view_order", look.view_order, {"id": [0, 1], "updated_at": [1, 0]}),
    Row("list_lag_seconds", look.list_lag_seconds, {"0": (True, True, 200), "60": (False, False, 200)}, "timed"),
    Row("index_lag_seconds", look.index_lag_seconds, {"0": 1, "60": 0}, "timed"),
    Row("index_lag_least", look.index_lag_least, {"1": False, "0": True}, "lagging"),
    Row("call_json", look.call_json, {"drop": (False, False), "take": (True, True)}),
    Row("file_megabytes", look.file_megabytes, {"150": [], "1": ["File size should not exceed 1 MB"]}),
    Row("file_storage", look.file_storage, {"on": False, "off": True}, "free"),
    Row("attachment_delete", look.attachment_delete, {"refuse": [404, 404, 404], "accept": [200, 200, 200]}),
    Row("bulk_max", look.bulk_max, {"100": [True, True, True, False], "2": [True, False, False, False]}),
    Row("bulk_jobs", look.bulk_jobs, {"8": 8, "1": 1, "5": 5}, "slow"),
    Row(
        "job_running",
        look.job_running,
        {"IN_PROGRESS": "IN_PROGRESS", "QUEUED": "QUEUED", "PROCESSING": "PROCESSING"},
        "slow",
    ),
    Row("bulk_external_id", look.bulk_external_id, {"accept": 0, "refuse": 1}),
    Row("bulk_custom_identifier", look.bulk_custom_identifier, {"accept": 0, "refuse": 1}),
    Row("job_seconds", look.done_at_once, {"1": False, "0": True}, "timed"),
    Row("job_seconds_per_row", look.done_at_once, {"0.02": True, "30": False}, "at once"),
    Row("job_data", look.job_data, {"string": "str", "object": "dict"}),
    Row("forget_live", look.forget_live, {"accept": (200, 404), "refuse": (404, 200)}),
    Row("field_create", look.field_create, {"accept": True, "refuse": False}, "fields"),
    Row("field_create_choices", look.field_create_choices, {"accept": ["A"], "ignore": []}),
    Row("field_create_unique", look.field_create_unique, {"accept": True, "ignore": False}),
    Row("field_delete", look.field_delete, {"accept": True, "refuse": False}),
    Row("field_quota", look.field_quota, {"on": False, "off": True}),
    Row("field_type_numbers", look.field_type_numbers, {"refuse": ["Field type 5 is invalid"], "text": "text"}),
    Row("custom_required", look.custom_required, {"enforce": ["Must can't be blank"], "ignore": []}, "classic"),
    Row("read_only_field", look.read_only_field, {"ignore": 1, "reject": ["Counted is read only"]}, "choices"),
    Row("clone_unique", look.clone_unique, {"refuse": ["ExternalId is not unique"], "left_out": None}),
    Row("line_amount", look.line_amount, {"sum": ("300.0", "999.0"), "keep": ("500.0", "999.0"), "locked": ("300.0", "300.0")}),
    Row("has_products", look.has_products, {"false": False, "honest": True}),
    Row("discount_1", look.discount_1, {"percent": "140.0", "amount": "170.0"}, "lines"),
    Row("product_base_amount", look.product_base_amount, {"price": 7.0, "null": None}),
    Row("product_delete", look.product_delete, {"success": ["success"], "msg": ["msg"]}),
    Row("quotes", look.quotes, {"pro": 400, "none": 403}, "enterprise"),
    Row("quotes", look.quotes, {"pro": 403, "all": 400}),
    Row("custom_modules", look.custom_modules, {"plan": True, "off": False}, "free of gates"),
    Row("custom_modules", look.custom_modules, {"plan": False, "on": True}),
    Row("module_delete", look.module_delete, {"all": True, "empty": False}, "enterprise"),
    Row("body_429", look.body_429, {form: (429, kind) for form, kind in
        (("text", "text/plain"), ("json", "application/json"), ("html", "text/html"))}, "capped"),
    Row("minute_cap", look.minute_cap, {"400": "399", "0": "999", "7": "6"}, "capless"),
    Row("reset_unit", look.reset_unit, {unit: unit for unit in ("seconds", "milliseconds", "epoch")}, "capless"),
    Row("limit_window", look.limit_window, {"fixed": "4", "rolling": "3"}, "minutes"),
    Row("plan", look.plan, {"tenant": "999", "free": "999", "growth": "999", "pro": "1999", "enterprise": "4999",
        "sprout": "0", "blossom": "999", "garden": "999", "estate": "1999", "forest": "4999"}, "planned"),
)  # fmt: skip


def settings_of(row: Row, value: str) -> dict[str, str]:
    """The settings of the stand-in in which this value is looked at: in each family the n-th values of all rows together."""
    place = list(row.seen).index(value)
    together = {}
    for other in ROWS:
        if other.family == row.family:
            values = list(other.seen)
            together[other.switch] = values[min(place, len(values) - 1)]
    return {**FAMILIES[row.family], **together, row.switch: value}


class Accounts:
    """Opens the stand-in of a row and a value; one at a time, since rows are looked at family by family."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, str] = {}
        self._stack = ExitStack()
        self._there: tuple[Rehearsal, httpx.Client]
        self._count = 0

    def of(self, settings: dict[str, str]) -> tuple[Rehearsal, httpx.Client]:
        if settings != self._open:
            self.close()
            self._count += 1
            chosen = {"limits": "off", **settings}
            tenant, scale = chosen.pop("tenant", None), float(chosen.pop("time_scale", "1000"))
            state = self._folder / f"{self._count}.sqlite"
            stand_in = self._stack.enter_context(
                running("freshsales", state=state, token=KEY, tenant=tenant, time_scale=scale, switches=chosen)
            )
            self._there = stand_in, self._stack.enter_context(client(stand_in))
            self._open = settings
        return self._there

    def close(self) -> None:
        self._stack.close()
        self._open = {}


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    found = Accounts(tmp_path_factory.mktemp("switches"))
    yield found
    found.close()


LOOKS = sorted(
    ((row, value) for row in ROWS for value in row.seen), key=lambda look: (look[0].family, list(look[0].seen).index(look[1]))
)


@pytest.mark.parametrize(("row", "value"), LOOKS, ids=[f"{row.switch}={value}" for row, value in LOOKS])
def test_a_switch_does_what_its_value_says(accounts: Accounts, row: Row, value: str) -> None:
    stand_in, http = accounts.of(settings_of(row, value))

    assert row.probe(stand_in, http) == row.seen[value], row.switch


def test_every_switch_and_every_value_is_looked_at() -> None:
    table = switches("freshsales").set_index("name")
    seen: dict[str, set[str]] = {}
    for row in ROWS:
        seen.setdefault(row.switch, set()).update(row.seen)

    assert set(seen) == {switch.name for switch in SWITCHES}  # those of the engine, limits and faults, have tests of their own
    for name, values in seen.items():
        allowed = str(table.loc[name, "allowed"])
        named = set() if allowed.startswith("a number") else set(allowed.split(", "))
        assert named <= values, f"{name}: {named - values} is looked at by no row"
        assert str(table.loc[name, "default"]) in values, name
        assert len(values) > 1, name


def test_each_value_is_seen_to_differ_from_the_default() -> None:
    same = set()
    for row in ROWS:
        first, *others = row.seen.values()
        same |= {row.switch for other in others if other == first}

    assert same <= {"plan"}  # plans that have the same limits


# ---- a whole migration under each value


def differing(chosen: Mapping[str, str]) -> dict[str, object]:
    """The steps that come out otherwise under several values at once."""
    steps: dict[str, object] = {}
    for one in chosen.items():
        other = OTHER_WALKS.get(one, {})
        assert not steps.keys() & other.keys(), f"{one} changes a step that another value changes too"
        steps |= other
    return steps


def left(stand_in: Rehearsal, chosen: Mapping[str, str]) -> Json:
    """What a complete rollback restores: all but fields where the API may not delete them."""
    whole: Json = json.loads(canonical(stand_in.dump()))
    if chosen.get("field_delete") == "refuse":
        whole["records"].pop("fields", None)
    return whole


@pytest.mark.parametrize("chosen", [{}, *TOGETHER], ids=lambda chosen: "+".join(chosen.values()) or "defaults")
def test_a_migration_goes_as_the_switches_say_and_leaves_nothing_behind(tmp_path: Path, chosen: Mapping[str, str]) -> None:
    settings = {"limits": "off", **chosen}
    tenant = settings.pop("tenant", None)
    usual = CLASSIC_WALK if tenant else PLAIN_WALK
    with (
        running("freshsales", state=tmp_path / "s", token=KEY, tenant=tenant, time_scale=1000, switches=settings) as stand_in,
        patient(stand_in) as http,
    ):
        before = left(stand_in, chosen)

        assert walked(stand_in, http) == {**usual, **differing(chosen)}
        assert left(stand_in, chosen) == before
        # No request forgets a product; a mark stands before versions that only a lagging reader shows.
        assert {kind for kind in stand_in.dump()["recycle_bin"] if kind[0] not in "~="} == {"products"}


def test_every_value_but_the_defaults_is_walked_under() -> None:
    table = switches("freshsales").set_index("name")
    looked = {(row.switch, value) for row in ROWS for value in row.seen}
    walks = {one for chosen in TOGETHER for one in chosen.items()}
    usual = {(name, str(table.loc[name, "default"])) for name in table.index}

    assert looked - usual <= walks
    assert set(OTHER_WALKS) <= walks
    assert all(PLAIN_WALK[step] != came for steps in OTHER_WALKS.values() for step, came in steps.items())
