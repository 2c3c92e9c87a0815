"""The Singer tap for Pipedrive, as published, syncs every stream of the rehearsal.

The tap is under the AGPL: it runs as a program of its own in an environment of its own, and nothing of it is here.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from talking import HERE, environment, run, shell

from workbench.rehearsal import Rehearsal, running

pytestmark = pytest.mark.clients
KEY = "rehearsal-key-8e02"
RECORDS = ("persons", "organizations", "deals", "activities", "products", "notes", "files", "filters", "pipelines", "stages")
"""Streams whose rows are records of the same name."""

SOWN = {"persons": 230, "organizations": 12, "deals": 120, "activities": 40, "notes": 105, "files": 7, "filters": 2}
NO_CONDITIONS = {"glue": "and", "conditions": [{"glue": "and", "conditions": []}, {"glue": "or", "conditions": []}]}


@dataclass(frozen=True)
class Tap:
    """The tap's command with its configuration."""

    folder: Path
    root: str

    def run(self, *further: str | Path) -> str:
        """What the tap printed."""
        command = [environment("tap") / "bin" / "python", HERE / "tap" / "run_tap.py", "--config", self.folder / "config.json"]
        return run([*command, *further], shell(PIPEDRIVE_ROOT=self.root))

    def discovered(self) -> dict[str, Any]:
        """The catalogue."""
        found: dict[str, Any] = json.loads(self.run("--discover"))
        return found

    def synced(self, *, without: tuple[str, ...] = ()) -> dict[str, list[dict[str, Any]]]:
        """The records of a full sync by stream."""
        catalog = self.discovered()
        for stream in catalog["streams"]:
            whole = next(row for row in stream["metadata"] if row["breadcrumb"] == [])
            whole["metadata"]["selected"] = stream["tap_stream_id"] not in without
        path = self.folder / "catalog.json"
        path.write_text(json.dumps(catalog), encoding="utf-8")
        records: dict[str, list[dict[str, Any]]] = {row["tap_stream_id"]: [] for row in catalog["streams"]}
        for line in self.run("--catalog", path).splitlines():
            message = json.loads(line)
            if message["type"] == "RECORD":
                records[message["stream"]].append(message["record"])
        return records


class Seeds:
    """What the account is filled with, by the API alone."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def sow(self) -> None:
        """More than two of the tap's pages of persons, deals and notes; some deals won, some moved, some deleted."""
        firms = [self._made("api/v2/organizations", name=f"Firm {number}") for number in range(12)]
        people = [self._made("api/v2/persons", name=f"P {number}", org_id=firms[number % 12]) for number in range(230)]
        product = self._made("api/v2/products", name="Slate", prices=[{"currency": "USD", "price": 12}])
        field = {"field_name": "Roof", "field_type": "set", "options": [{"label": "Slate"}]}
        roof = self._one("POST", "api/v2/dealFields", json=field)
        option = {roof["field_code"]: [roof["options"][0]["id"]]}
        deals = [self._deal(number, people[number], option) for number in range(120)]
        for number in range(7):
            self._made(f"api/v2/deals/{deals[number]}/products", product_id=product, item_price=5, quantity=number + 1)
            self._made("v1/files", files={"file": (f"{number}.txt", b"x" * number)}, data={"deal_id": str(deals[number])})
        for number in range(105):
            self._made("v1/notes", content=f"Note {number}", person_id=people[number])
        for number in range(40):
            self._made("api/v2/activities", subject=f"A {number}", type="call", deal_id=deals[number], done=number % 2 == 0)
        for kind in ("deals", "people"):
            self._made("v1/filters", name=f"All {kind}", type=kind, conditions=NO_CONDITIONS)
        stages = [row["id"] for row in self._one("GET", "api/v2/stages")]
        for number in deals[:20:3]:
            self._one("PATCH", f"api/v2/deals/{number}", json={"stage_id": stages[1]})
        for number in deals[-9:]:
            self._one("DELETE", f"api/v2/deals/{number}")
        time.sleep(1.1)  # of whole seconds, the tap leaves the changes of the one in which it starts to its next run

    def _deal(self, number: int, person: int, custom: dict[str, Any]) -> int:
        status = {"status": ("open", "won", "lost")[number % 3]}
        return self._made("api/v2/deals", title=f"D {number}", person_id=person, value=number, **status, custom_fields=custom)

    def _made(self, path: str, *, files: Any = None, data: Any = None, **body: Any) -> int:
        number: int = self._one("POST", path, **({"files": files, "data": data} if files else {"json": body}))["id"]
        return number

    def _one(self, method: str, path: str, **what: Any) -> Any:
        answer = self._http.request(method, f"/{path}", **what)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()["data"]


def _http(tenant: Rehearsal) -> httpx.Client:
    return httpx.Client(base_url=tenant.url, headers={"x-api-token": KEY}, trust_env=False, timeout=60)


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """An account with something in every stream."""
    state = tmp_path_factory.mktemp("pipedrive") / "state.sqlite"
    with running("pipedrive", state=state, token=KEY, time_scale=1000, switches={"limits": "off"}) as stand_in:
        with _http(stand_in) as http:
            Seeds(http).sow()
        yield stand_in


@pytest.fixture(scope="module")
def tap(tenant: Rehearsal, tmp_path_factory: pytest.TempPathFactory) -> Tap:
    """The tap, pointed at the account."""
    folder = tmp_path_factory.mktemp("tap")
    config = {"api_token": KEY, "start_date": "2015-01-01T00:00:00Z"}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return Tap(folder, tenant.url.removesuffix("/"))


def test_the_tap_discovers_the_fields_that_the_account_was_given(tap: Tap, tenant: Rehearsal) -> None:
    streams = {row["tap_stream_id"]: row for row in tap.discovered()["streams"]}
    assert len(streams) == 16
    code = next(row["code"] for row in tenant.dump()["records"]["customFields"].values() if row["name"] == "Roof")
    assert code in streams["deals"]["schema"]["properties"]
    assert code not in streams["persons"]["schema"]["properties"]


def test_a_full_sync_brings_just_what_the_tenant_holds(tap: Tap, tenant: Rehearsal) -> None:
    before = len(tenant.log())
    records = tap.synced(without=("deal_products",))
    statuses = set(tenant.log(before)["status"])
    _same_records(records, tenant.dump())
    with _http(tenant) as http:
        _same_lists(records, http)
    assert statuses == {200}


def test_the_tap_stops_at_the_one_stream_that_the_vendor_has_closed(tap: Tap, tenant: Rehearsal) -> None:
    with pytest.raises(AssertionError, match="PipedriveNotFoundError"):
        tap.synced()
    last = tenant.log().iloc[-1]
    assert (last["path"].partition("?")[0].endswith("/products"), last["status"]) == (True, 404)


def test_where_the_closed_calls_still_answer_the_tap_brings_the_lines_too(tenant: Rehearsal, tap: Tap, tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite"
    still = {"limits": "off", "v1_removed": "answer"}
    with running("pipedrive", state=state, token=KEY, time_scale=1000, switches=still) as open_still:
        with _http(open_still) as http:
            Seeds(http).sow()
        records = replace(tap, root=open_still.url.removesuffix("/")).synced()
        whole = open_still.dump()
        _same_records(records, whole)
        with _http(open_still) as http:
            lines = [row for number in whole["records"]["deals"] for row in _pages(http, f"api/v2/deals/{number}/products")]
    assert len(lines) == 7
    told = [(row["id"], row["deal_id"], row["quantity"]) for row in lines]
    assert sorted((row["id"], row["deal_id"], row["quantity"]) for row in records["deal_products"]) == sorted(told)


def _same_records(records: dict[str, list[dict[str, Any]]], whole: dict[str, Any]) -> None:
    """The tap has each record of the tenant once, and nothing else."""
    held, binned = whole["records"], whole["recycle_bin"]
    for stream in RECORDS:
        expected = {*held.get(stream, {}), *(binned["deals"] if stream == "deals" else ())}
        assert Counter(str(row["id"]) for row in records[stream]) == Counter(expected), stream
    assert {stream: len(records[stream]) for stream in SOWN} == SOWN
    recipe = whole["meta"]["recipe"]
    assert [row["code"] for row in records["currency"]] == [row["code"] for row in recipe["currencies"]]
    assert {row["id"] for row in records["users"]} == {row["id"] for row in recipe["users"]}
    assert Counter(str(row["id"]) for row in records["activity_types"]) == Counter(list(held["activityTypes"]))


def _same_lists(records: dict[str, list[dict[str, Any]]], http: httpx.Client) -> None:
    """What has no record of its own in a dump: the fields, and the changes of deals."""
    fields = [row["id"] for row in _pages(http, "v1/dealFields") if "parent_id" not in row]
    assert Counter(row["id"] for row in records["deal_fields"]) == Counter(fields)
    flow = [row for number in _deals(http) for row in _pages(http, f"v1/deals/{number}/flow")]
    kept = ("add_time", "stage_id")
    changes = [row["data"]["id"] for row in flow if row["object"] == "dealChange" and row["data"]["field_key"] in kept]
    assert Counter(row["id"] for row in records["dealflow"]) == Counter(changes)
    assert len(changes) == 111 + 7  # one for each deal that is left, and one for each move


def _deals(http: httpx.Client) -> list[int]:
    return [row["id"] for row in _pages(http, "api/v2/deals")]


def _pages(http: httpx.Client, path: str) -> list[dict[str, Any]]:
    """Every row of a list, be it of v1 or of v2."""
    rows: list[dict[str, Any]] = []
    at: dict[str, Any] = {}
    while True:
        page = http.get(f"/{path}", params={"limit": 100, **at}).json()
        rows += page["data"] or []
        more = page.get("additional_data") or {}
        start, cursor = more.get("pagination", {}).get("next_start"), more.get("next_cursor")
        if not start and not cursor:
            return rows
        at = {"cursor": cursor} if cursor else {"start": start}
