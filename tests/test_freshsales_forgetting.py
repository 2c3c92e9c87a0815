"""A rollback on Freshsales asks little of each record, and yet deletes none on which others have hung something."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ledger_desk import TOKEN, Desk, desk

from workbench.destinations.freshsales import Freshsales
from workbench.ledger.loading import load
from workbench.ledger.unloading import unload

FEW, MANY = 12, 130


def person(d: Desk, method: str, path: str, body: Any = None) -> Any:
    """Somebody at work in the account, past the ledger."""
    content = json.dumps(body).encode() if body else None
    headers = {"Authorization": f"Token token={TOKEN}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{d.rehearsal.url}/{path}", content, headers, method=method)) as answer:
        return json.loads(answer.read())


def loaded(d: Desk, count: int) -> dict[str, str]:
    """So many contacts of ours, by key."""
    frame = pd.DataFrame({"key": [f"p:contacts:{n}" for n in range(count)], "last_name": [f"N{n}" for n in range(count)]})
    load(frame, d.again(), "contact", certify=True)
    return {record.key: record.id for record in d.client().sweep("contact")}


@pytest.mark.parametrize(("switch", "most"), [("accept", 2.5), ("refuse", 3.5)])
def test_a_rollback_asks_three_calls_of_a_record_and_one_less_where_it_is_forgotten_at_once(
    tmp_path: Path, switch: str, most: float
) -> None:
    with desk(tmp_path, switches={"forget_live": switch}) as d:
        loaded(d, MANY)
        asked = len(d.rehearsal.log())
        result = unload(d.again())
        assert result.complete and result.count("reversed") == MANY
        log = d.rehearsal.log(asked)
        assert len(log) <= most * MANY, log.groupby(["method", log["path"].str.replace(r"\d+", "#", regex=True)]).size()
        assert not d.rehearsal.dump()["records"].get("contacts")
        assert not any(True for _ in d.client().sweep("contact"))


def test_whatever_others_hang_on_a_record_keeps_it(tmp_path: Path) -> None:
    with desk(tmp_path) as d:
        ours = {key: int(number) for key, number in loaded(d, FEW).items()}
        at = iter(ours.values())
        type_ = person(d, "GET", "selector/sales_activity_types")["sales_activity_types"][0]["id"]
        to = lambda: {"targetable_type": "Contact", "targetable_id": next(at)}  # noqa: E731
        times = {"start_date": "2026-01-01T10:00:00Z", "end_date": "2026-01-01T11:00:00Z"}
        person(d, "POST", "notes", {"note": {"description": "called", **to()}})
        person(d, "POST", "tasks", {"task": {"title": "call", "due_date": "2026-12-01T10:00:00Z", **to()}})
        meeting = {"title": "visit", "from_date": times["start_date"], "end_date": times["end_date"]}
        person(d, "POST", "appointments", {"appointment": {**meeting, **to()}})
        person(
            d, "POST", "sales_activities", {"sales_activity": {"title": "v", "sales_activity_type_id": type_, **times, **to()}}
        )
        person(d, "POST", "document_links", {"url": "https://x.example/a", "name": "a", **to()})
        person(d, "POST", "deals", {"deal": {"name": "theirs", "amount": 1, "contacts_added_list": [next(at)]}})
        result = unload(d.again())
        kept = dict(zip(result.kept["key"], result.kept["words"], strict=True))
        kinds = ("note", "task", "appointment", "sales_activity", "document_link", "deal")
        assert sorted(kept) == sorted(list(ours)[: len(kinds)])
        assert [kind for key, kind in zip(ours, kinds, strict=False) if kind not in kept[key]] == []
        assert result.count("reversed") == FEW - len(kinds)


def test_what_was_hung_on_a_record_after_the_look_at_its_neighbours_is_seen_at_the_next_look(tmp_path: Path) -> None:
    """Nothing that is remembered of a look is told twice, and the list of sales activities is never older than the look."""
    with desk(tmp_path) as d:
        numbers = list(loaded(d, FEW).values())
        client = d.client()
        assert isinstance(client, Freshsales)
        assert client.children("contact", numbers[0]) == []
        client.read("contact", numbers)
        assert client.children("contact", numbers[1]) == []
        type_ = person(d, "GET", "selector/sales_activity_types")["sales_activity_types"][0]["id"]
        visit = {"title": "visit", "start_date": "2026-01-01T10:00:00Z", "end_date": "2026-01-01T11:00:00Z"}
        for number in numbers[1:3]:
            on = {"targetable_type": "Contact", "targetable_id": int(number)}
            person(d, "POST", "sales_activities", {"sales_activity": {**visit, "sales_activity_type_id": type_, **on}})
            person(d, "POST", "notes", {"note": {"description": "called", **on}})
        assert [kind for kind, _ in client.children("contact", numbers[1])][:1] == ["note"]  # a look of its own
        client.read("contact", numbers)
        assert [kind for kind, _ in client.children("contact", numbers[2])] == ["note", "sales_activity"]


def test_the_longer_the_list_of_sales_activities_the_rather_each_record_is_asked_for_its_own(tmp_path: Path) -> None:
    with desk(tmp_path, settings={"page_rows": 2}) as d:
        numbers = list(loaded(d, FEW).values())
        type_ = person(d, "GET", "selector/sales_activity_types")["sales_activity_types"][0]["id"]
        visit = {"title": "visit", "start_date": "2026-01-01T10:00:00Z", "end_date": "2026-01-01T11:00:00Z"}
        on = {"sales_activity_type_id": type_, "targetable_type": "Contact", "targetable_id": int(numbers[0])}
        for _ in range(10):
            person(d, "POST", "sales_activities", {"sales_activity": {**visit, **on}})
        client = d.client()
        assert len(client.children("contact", numbers[0])) == 10
        asked = len(d.rehearsal.log())
        assert client.children("contact", numbers[1]) == []
        paths = d.rehearsal.log(asked)["path"]
        assert not paths.str.contains("/sales_activities").any() and paths.str.contains("/activities").sum() == 1
