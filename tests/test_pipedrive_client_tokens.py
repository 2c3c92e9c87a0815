"""What the Pipedrive client's calls cost, and that it knows: the vendor's own sheet, the stand-in's count, and ours agree."""

from __future__ import annotations

import csv
import os
import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pipedrive_client_account import FIELDS, LISTED, SEATS, SPEC, account, client, least

from workbench.destinations import Draft
from workbench.destinations.pipedrive import Pipedrive
from workbench.specs import CustomField

SHARED = Path(os.environ.get("WORKBENCH_SHARED", Path(__file__).parents[2] / "shared"))
SHEET = SHARED / "spec" / "pipedrive-ops-costs.tsv"
COSTS = {
    "check": [2],
    "metadata": [2, 20, 5, 5, 20, 10, 10, 10, 10],
    "create_field": [5],
    "delete_field": [3],
}
FIRST_VERSION = ("note", "file")
LONG_DAY = 20.0
"""How fast time goes by where no day may end, and with it the count of its tokens, while the calls are made."""
OF_A_FILE = {"change": [2]}  # a file that stands is looked at and never sent again
OF_RECORDS = {  # by version 2, by version 1
    "create": ([5], [10]),
    "change": ([5], [10]),
    "read one": ([1], [2]),
    "newest": ([10], [20]),
    "sweep": ([10], [20]),
    "delete": ([3], [6]),
}


def spent(crm: Pipedrive) -> int:
    """Tokens of the day that the client itself thinks it has used."""
    day = next(each for each in crm.standing() if each.unit == "tokens")
    return day.allowance - day.left


def of_records(crm: Pipedrive, object_: str, ids: list[str]) -> Mapping[str, Callable[[], object]]:
    values = least(crm, object_, "Priced")
    plain = {"deal": "title", "activity": "subject", "note": "add_time"}.get(object_, "name")
    change = "2020-01-02T03:04:05+00:00" if object_ == "note" else "Changed"

    def create() -> None:
        ids.append(crm.write(object_, [Draft(f"p:{object_}:price", values)])[0].id)  # type: ignore[arg-type]

    return {
        "create": create,
        "change": lambda: crm.write(object_, [Draft("p:change", {plain: change}, ids[0])]),
        "read one": lambda: crm.read(object_, ids),
        "newest": lambda: crm.newest(object_),
        "sweep": lambda: list(crm.sweep(object_)),
        "delete": lambda: crm.delete(object_, ids),
    }


def test_the_client_the_stand_in_and_the_sheet_count_the_same_tokens(tmp_path: Path) -> None:
    with account(tmp_path, settings={"archived_deals": False}, scale=LONG_DAY) as (crm, rehearsal):
        fields = [crm.create_field(plan) for plan in FIELDS[:1]]
        crm.metadata()
        calls: list[tuple[str, Callable[[], object], list[int]]] = [
            ("check", crm.check, COSTS["check"]),
            ("metadata", crm.metadata, COSTS["metadata"]),
            ("delete_field", lambda: crm.delete_field(fields[0]), COSTS["delete_field"]),
            ("create_field", lambda: crm.create_field(FIELDS[1]), COSTS["create_field"]),
        ]
        for name, call, wanted in calls:
            assert told(crm, rehearsal, call) == wanted, name
        crm.metadata()
        crm.newest("product")  # whose fields nobody has read so far
        for object_ in LISTED:
            ids: list[str] = []
            for name, call in of_records(crm, object_, ids).items():
                wanted = OF_RECORDS[name][object_ in FIRST_VERSION]
                assert told(crm, rehearsal, call) == (OF_A_FILE if object_ == "file" else {}).get(name, wanted), (
                    f"{object_}: {name}"
                )
        crm.find("person", "name", ["nobody"])
        search = client(rehearsal, settings={"find_by": "search"}, scale=LONG_DAY)
        search.metadata()
        assert told(search, rehearsal, lambda: search.find("person", "name", ["nobody", "somebody"])) == [20, 20]
        assert set(rehearsal.log()["status"]) == {200, 201}  # of a new product, as its page says


def told(crm: Pipedrive, rehearsal: object, call: Callable[[], object]) -> list[int]:
    """The tokens of what a call asked for, by the stand-in; the client has to have counted as many."""
    before, start = spent(crm), len(rehearsal.log())  # type: ignore[attr-defined]
    call()
    tokens = [int(each) for each in rehearsal.log()["tokens"][start:]]  # type: ignore[attr-defined]
    assert spent(crm) - before == sum(tokens)
    return tokens


def test_the_days_tokens_grow_with_the_seats_and_leave_the_customer_a_share(tmp_path: Path) -> None:
    with account(tmp_path) as (crm, rehearsal):
        day = next(each for each in crm.standing() if each.name == "day")
        assert day.allowance == 60_000 * SEATS * 0.8
        other = client(rehearsal, plan="lite", settings={"seats": 1, "reserve": 0.0})
        assert next(each for each in other.standing() if each.name == "day").allowance == 30_000
        burst = {each.name: each.allowance for each in client(rehearsal, plan="premium").standing() if each.unit == "calls"}
        assert burst == {"burst": 100, "search": 10}


def test_as_many_lanes_as_there_may_be_meet_no_limit(tmp_path: Path) -> None:
    with account(tmp_path, scale=40.0) as (crm, rehearsal):  # a burst of 40 in a twentieth of a second
        crm.metadata()
        with ThreadPoolExecutor(20) as pool:
            made = list(pool.map(lambda n: crm.write("person", [Draft(f"p:{n}", {"name": f"P {n}"})])[0].state, range(300)))
        searcher = client(rehearsal, settings={"find_by": "search"}, scale=40.0)
        time.sleep(0.2)
        assert searcher.find("person", "name", [f"Q {n}" for n in range(25)]) == []
        assert set(made) == {"done"}
        assert set(rehearsal.log()["status"]) == {200}


@pytest.mark.skipif(not SHEET.exists(), reason="the vendor's sheet of costs is not here")
def test_every_path_that_the_client_calls_costs_what_the_vendors_sheet_says(tmp_path: Path) -> None:
    with SHEET.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream, delimiter="\t") if row["spec"] in ("v1.yaml", "v2.yaml")]
    sheet = {(row["method"], re.sub(r"\{\w+\}", "#", row["path"])): int(row["token_cost"]) for row in rows}
    with account(tmp_path, declared=[CustomField(object="deal", name="a__c", label="A", type="text")]) as (crm, rehearsal):
        crm.check()
        for plan in FIELDS[-2:]:
            crm.delete_field(crm.create_field(plan))
        made: dict[str, list[str]] = {object_: [] for object_ in SPEC.objects}
        for object_, ids in made.items():
            for call in of_records(crm, object_, ids).values():
                call()
            crm.children(object_, ids[0])
        client(rehearsal, settings={"find_by": "search"}).find("organization", "name", ["x"])
        org = crm.write("organization", [Draft("p:o:1", {"name": "A"})])[0].id
        lists = client(rehearsal, settings={"children": "lists"})
        for object_, id_ in (("organization", org), ("deal", crm.write("deal", [Draft("p:d:1", {"title": "A"})])[0].id)):
            lists.children(object_, id_)
        log = rehearsal.log()
    paths = {}
    for method, path, tokens in zip(log["method"], log["path"], log["tokens"], strict=True):
        bare = re.sub(r"/[0-9a-f]{40}(?=/|$)|/\d+(?=/|$)", "/#", path.partition("?")[0])
        paths[method, re.sub(r"^/v1", "/api/v1", bare)] = int(tokens)
    assert len(paths) > 35
    assert paths == {place: sheet[place] for place in paths}
