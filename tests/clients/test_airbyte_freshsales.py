"""Airbyte's source-freshsales, its manifest as published under a current CDK, reads every stream of the rehearsal."""

from __future__ import annotations

import json
import ssl
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from crm import KEY
from talking import environment, run, shell
from trust import Trust

from workbench.rehearsal import Rehearsal

pytestmark = pytest.mark.clients
OUTCOMES = ("Open", "Closed Won", "Closed Lost")
STREAMS = {
    "contacts": "contacts",
    "accounts": "sales_accounts",
    "open_deals": "deals",
    "won_deals": "deals",
    "lost_deals": "deals",
}
"""Streams that read each view of a kind, one after the other: a record comes once for each view that shows it."""
FILTERS = {"contacts_filters": "contacts", "sales_accounts_filter": "sales_accounts", "deals_filter": "deals"}
Row = Mapping[str, Any]

RULES: Mapping[str, Callable[[Row], bool]] = {
    "all": lambda body: True,
    "recent": lambda body: True,  # everything here was written just now
    "none": lambda body: False,
    "bounced": lambda body: False,  # nobody was written to
    "mine": lambda body: body.get("owner_id") is not None,  # nobody else was given anything
    "status_new": lambda body: body.get("contact_status_id") is not None,  # no other status was given
    "open": lambda body: _outcome(body) == "Open",
    "won": lambda body: _outcome(body) == "Closed Won",
    "lost": lambda body: _outcome(body) == "Closed Lost",
    "closing_week": lambda body: False,  # no day of closing was given
    "sales_month": lambda body: _outcome(body) == "Closed Won" and not str(body["closed_date"]).startswith("2020"),
}
"""Whom a view shows, for what the seeds are."""


@dataclass(frozen=True)
class Source:
    """The connector's command with its configuration."""

    folder: Path
    env: Mapping[str, str]

    def ask(self, command: str, *further: str | Path, config: str = "config.json") -> list[dict[str, Any]]:
        """The messages that a command of the connector prints."""
        home = environment("airbyte")
        manifest = next(home.glob("lib/python*/site-packages/source_freshsales/manifest.yaml"))
        words = [home / "bin" / "source-declarative-manifest", command, "--config", self.folder / config, *further]
        printed = run([*words, "--manifest-path", manifest], self.env)
        return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]


@pytest.fixture(scope="module")
def seeded(freshsales: Rehearsal, trust: Trust) -> Rehearsal:
    """An account with more than a page of everything, in every view, and with a full bin."""
    context = ssl.create_default_context(cafile=str(trust.authority))
    headers = {"Authorization": f"Token token={KEY}"}
    with httpx.Client(base_url=freshsales.url, headers=headers, verify=context, trust_env=False) as http:
        Seeds(http).sow()
    return freshsales


@pytest.fixture(scope="module")
def source(freshsales: Rehearsal, trust: Trust, tmp_path_factory: pytest.TempPathFactory) -> Source:
    """The connector, pointed at the account."""
    folder = tmp_path_factory.mktemp("airbyte")
    domain = freshsales.url.removeprefix("https://").removesuffix("/crm/sales/api")
    for name, key in (("config.json", KEY), ("stranger.json", "wrong")):
        (folder / name).write_text(json.dumps({"domain_name": domain, "api_key": key}), encoding="utf-8")
    return Source(folder, shell(**trust.variables, DO_NOT_TRACK="1"))


class Seeds:
    """What the account is filled with, by the API alone."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._mine = self._one("GET", "selector/owners")["users"][0]["id"]
        stages = self._one("GET", "selector/deal_stages")["deal_stages"]
        self._stages = {word: next(row for row in stages if row["forecast_type"] == word) for word in OUTCOMES}

    def sow(self) -> None:
        """120 contacts, 60 accounts, 70 deals, 55 tasks and 55 appointments; some of each kind deleted."""
        statuses = self._one("GET", "selector/contact_statuses")["contact_statuses"]
        new = next(row["id"] for row in statuses if row["name"] == "New")
        contacts = [self._contact(number, new) for number in range(120)]
        accounts = [self._made("sales_accounts", {"name": f"Account {n}", **self._owned(n)}) for n in range(60)]
        deals = [self._deal(number) for number in range(70)]
        for number in range(55):
            self._task(number, contacts[-1])
            self._appointment(number, contacts[-1])
        for kind, numbers in (("contacts", contacts[:55]), ("sales_accounts", accounts[:7]), ("deals", deals[:9])):
            for number in numbers:
                self._one("DELETE", f"{kind}/{number}")

    def _owned(self, number: int) -> dict[str, int]:
        return {"owner_id": self._mine} if number % 3 == 0 else {}

    def _contact(self, number: int, new: int) -> int:
        status = {"contact_status_id": new} if number % 4 == 0 else {}
        return self._made(
            "contacts", {"last_name": f"C{number}", "emails": f"c{number}@x.example", **self._owned(number), **status}
        )

    def _deal(self, number: int) -> int:
        stage = self._stages[OUTCOMES[number % 3]]
        closed = {"closed_date": "2020-01-31"} if number % 6 == 1 else {}
        place = {"deal_pipeline_id": stage["deal_pipeline_id"], "deal_stage_id": stage["id"]}
        return self._made("deals", {"name": f"Deal {number}", "amount": number, **place, **closed, **self._owned(number + 1)})

    def _task(self, number: int, contact: int) -> None:
        tied = {"targetable_type": "Contact", "targetable_id": contact}
        task = self._made("tasks", {"title": f"Task {number}", "due_date": "2030-01-01T10:00:00Z", **tied})
        if number % 5 == 0:
            self._one("PUT", f"tasks/{task}", {"task": {"status": 1}})

    def _appointment(self, number: int, contact: int) -> None:
        year = 2016 if number % 4 else 2040
        times = {"from_date": f"{year}-05-02T08:00:00Z", "end_date": f"{year}-05-02T09:00:00Z"}
        self._made("appointments", {"title": f"A{number}", "targetable_type": "Contact", "targetable_id": contact, **times})

    def _made(self, kind: str, body: Row) -> int:
        number: int = self._one("POST", kind, {kind[:-1]: body})[kind[:-1]]["id"]
        return number

    def _one(self, method: str, path: str, body: Row | None = None) -> Any:
        answer = self._http.request(method, path, json=body)
        assert answer.status_code < 300, answer.text
        return answer.json()


def views(tenant: Mapping[str, Any], kind: str) -> dict[str, list[int]]:
    """The ids that each view of a kind shows, by the rules of the tenant's recipe and by what the tenant holds."""
    live, gone = tenant["records"].get(kind, {}), tenant["recycle_bin"].get(kind, {})
    shown = {}
    for row in tenant["meta"]["recipe"]["views"][kind]:
        held, rule = (gone, RULES["all"]) if row["rule"] == "deleted" else (live, RULES[row["rule"]])
        shown[row["name"]] = [int(number) for number, body in held.items() if rule(body)]
    return shown


def _outcome(body: Row) -> str:
    """How a deal stands, which its name was given to say."""
    return OUTCOMES[int(body["name"].split()[1]) % 3]


@dataclass(frozen=True)
class Read:
    """One full read: the records of every stream in the order of their coming, errors, and what it asked for."""

    records: Mapping[str, list[Row]]
    errors: list[Any]
    statuses: list[int]
    tenant: Mapping[str, Any]


@pytest.fixture(scope="module")
def whole(source: Source, seeded: Rehearsal) -> Read:
    """A full read of all streams, and the tenant as it then was."""
    before = len(seeded.log())
    catalog = discovered(source)
    chosen = [{"stream": row, "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"} for row in catalog]
    path = source.folder / "catalog.json"
    path.write_text(json.dumps({"streams": chosen}), encoding="utf-8")
    records: dict[str, list[Row]] = {row["name"]: [] for row in catalog}
    errors = []
    for message in source.ask("read", "--catalog", path):
        if message["type"] == "RECORD":
            records[message["record"]["stream"]].append(message["record"]["data"])
        elif message["type"] == "TRACE" and message["trace"]["type"] == "ERROR":
            errors.append(message["trace"])
    return Read(records, errors, seeded.log(before)["status"].tolist(), seeded.dump())


def discovered(source: Source) -> list[Row]:
    """The streams that the connector offers."""
    messages = source.ask("discover")
    found: list[Row] = next(row["catalog"]["streams"] for row in messages if row["type"] == "CATALOG")
    return found


def verdict(source: Source, config: str) -> str:
    """How the connector's check of a configuration ends."""
    messages = source.ask("check", config=config)
    return next(str(row["connectionStatus"]["status"]) for row in messages if row["type"] == "CONNECTION_STATUS")


def test_the_check_tells_the_right_key_from_a_wrong_one(source: Source, freshsales: Rehearsal) -> None:
    assert verdict(source, "config.json") == "SUCCEEDED"
    before = len(freshsales.log())
    assert verdict(source, "stranger.json") == "FAILED"
    assert set(freshsales.log(before)["status"]) == {401}


def test_the_connector_offers_its_twelve_streams(source: Source) -> None:
    tasks = {"open_tasks", "completed_tasks", "past_appointments", "upcoming_appointments"}
    assert {row["name"] for row in discovered(source)} == {*FILTERS, *STREAMS, *tasks}


def test_every_stream_brings_just_what_the_tenant_holds(whole: Read) -> None:
    records, tenant = whole.records, whole.tenant
    for stream, kind in STREAMS.items():
        expected = Counter(number for shown in views(tenant, kind).values() for number in shown)
        assert Counter(row["id"] for row in records[stream]) == expected, stream
        assert len(expected) == len(tenant["records"][kind]) + len(tenant["recycle_bin"][kind])
    for stream, kind in FILTERS.items():
        assert [row["name"] for row in records[stream]] == list(views(tenant, kind)), stream
    tasks, appointments = tenant["records"]["tasks"], tenant["records"]["appointments"]
    done = {number for number, body in tasks.items() if body.get("status") == 1}
    past = {number for number, body in appointments.items() if body["end_date"] < 1_700_000_000}
    ids = {stream: Counter(str(row["id"]) for row in rows) for stream, rows in records.items()}
    assert (ids["completed_tasks"], ids["open_tasks"]) == (Counter(done), Counter(set(tasks) - done))
    assert (ids["past_appointments"], ids["upcoming_appointments"]) == (Counter(past), Counter(set(appointments) - past))
    assert {len(done), len(tasks) - len(done), len(past), len(appointments) - len(past)} == {11, 44, 41, 14}
    assert whole.errors == []
    assert set(whole.statuses) == {200}


def test_a_record_reads_as_it_was_written(whole: Read) -> None:
    records, held = whole.records, whole.tenant["records"]
    for row in records["accounts"]:
        if str(row["id"]) in held["sales_accounts"]:
            assert row["name"] == held["sales_accounts"][str(row["id"])]["name"]
    for row in records["open_deals"]:
        if str(row["id"]) in held["deals"]:
            body = held["deals"][str(row["id"])]
            assert (row["name"], float(row["amount"])) == (body["name"], float(body["amount"]))
            assert row["deal_stage_id"] == body["deal_stage_id"]
