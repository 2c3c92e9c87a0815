"""Tickets and custom objects under either answer: staged as the truth says, and closed until a limit is accepted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from api_walk import SAMPLES, confirm, decide, ends, expected, fresh_api, stage_api
from walk import KIM, Walk

from workbench.engagement import Engagement
from workbench.errors import GateClosed
from workbench.flow.accepting import acceptances
from workbench.flow.planning import needed_fields
from workbench.stages import intake, mapping, provisioning, transform

TRUTH = "modules"
LARGEST = 100_000
EMPTY = ("deals", "deal_products", "products", "activities", "notes", "files", "custom_events", "contacts", "contact_companies")
"""Tables that say nothing of the answers for custom objects."""


@pytest.fixture(scope="module", params=["fasttrack", "soffront"])
def staged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Walk]]:
    """Both deliveries of the whole sample, staged with every custom object as a module."""
    source: str = request.param
    with fresh_api(tmp_path_factory.mktemp(source), source) as walk:
        decide(walk.engagement, source, "main", truth=TRUTH)
        decide(walk.engagement, source, "delta", truth=TRUTH)
        for delivery in ("main", "delta"):
            intake.run(walk.engagement, delivery)
            transform.run(walk.engagement, delivery)
        yield source, walk


@pytest.mark.parametrize("delivery", ["main", "delta"])
def test_every_row_ends_where_the_truth_says_with_modules(staged: tuple[str, Walk], delivery: str) -> None:
    """SF5, SF7, SF8, SF10, FF6: each row of each table, in each feed; files that are too large for a test are left aside."""
    source, walk = staged
    truth = expected(source, f"{TRUTH}/rows", delivery=delivery)
    large = _large(source)
    for feed in walk.engagement.route.feeds:
        by = "key" if feed.name == "files" else "line"
        mine = truth[truth["feed"] == feed.name].to_dict("records")
        wanted = {row[by]: (row["bucket"], row["reason"], row["record"]) for row in mine}
        found = ends(walk.engagement, feed.name, delivery=delivery)
        if feed.name == "files":
            wanted, found = ({key: end for key, end in each.items() if key not in large} for each in (wanted, found))
        assert found == wanted, feed.name


def test_every_value_of_the_truth_is_staged_with_modules(staged: tuple[str, Walk]) -> None:
    """SF7, SF8, FF6: a conversation as one text, seats under three names, links to account and contact."""
    source, walk = staged
    truth = expected(source, f"{TRUTH}/records")
    truth = truth[~truth["record"].isin({f"files/{key}" for key in _large(source)})]
    there = {
        row["key"]: row
        for feed in walk.engagement.route.feeds
        if feed.kind == "record"
        for row in walk.engagement.load(f"records/{feed.name}").to_dict("records")
    }
    wrong = [
        (row["record"], row["field"], row["value"], _text(there[row["record"]].get(row["field"])))
        for row in truth.to_dict("records")
        if _text(there[row["record"]].get(row["field"])) != row["value"]
    ]
    assert wrong == []
    assert truth["object"].str.startswith("cm_").sum() > 100


def test_cells_of_modules_that_lead_nowhere_or_find_no_room_are_named(staged: tuple[str, Walk]) -> None:
    source, walk = staged
    truth = expected(source, f"{TRUTH}/cells", delivery="main")
    for feed in {name for name in truth["feed"] if name.endswith("_module")}:
        mine = truth[truth["feed"] == feed]
        cells = walk.engagement.load(f"cells/{feed}").query("reason in ('parent_missing', 'no_room_beside_others')")
        assert sorted(zip(cells["row"], cells["column"], cells["reason"], strict=True)) == sorted(
            zip(mine["file"] + ":" + mine["line"], mine["column"], mine["reason"], strict=True)
        )
        assert len(mine)
    if source == "soffront":
        assert set(truth.loc[truth["feed"] == "messages_module", "reason"]) == {"no_room_beside_others"}


def test_modules_need_fields_of_their_own_and_none_of_the_other_answer(staged: tuple[str, Walk]) -> None:
    _, walk = staged
    by_object = {field.object: set[str]() for field in needed_fields(walk.engagement)}
    for field in needed_fields(walk.engagement):
        by_object[field.object].add(field.name)
    modules = [name for name in by_object if name.startswith("cm_")]
    assert len(modules) == 2 and all("sales_account" in by_object[name] for name in modules)
    assert not {"asset_serials__c", "subscription_plans__c", "site_addresses__c"} & by_object["sales_account"]
    assert "ticket_priority__c" not in by_object.get("deal", set())


def test_a_module_that_is_there_and_that_no_answer_fills_gets_no_field(tmp_path: Path) -> None:
    with fresh_api(tmp_path, "fasttrack", empty=EMPTY, switches={"plan": "enterprise"}) as walk:
        body = {"singular_name": "Site", "plural_name": "Sites", "entity_name": "cm_site", "icon": "box"}
        walk.ask("POST", "settings/module_customizations", {"module_customization": body})
        assert "cm_site" not in set(provisioning.plan(walk.engagement).frame["object"])
        confirm(walk.engagement, "scope", "custom_objects", "modules")
        wanted = provisioning.plan(walk.engagement).frame.query("object == 'cm_site'")
        assert {"Account", "Contact", "City", "Migration Key"} <= set(wanted["label"])


# ---------------------------------------------------------------- the answer for the other plans


@pytest.fixture
def fields_only(tmp_path: Path) -> Iterator[Engagement]:
    """Subscriptions and sites as fields of the account, on a plan without modules, before anybody has accepted that."""
    with fresh_api(tmp_path, "fasttrack", empty=EMPTY, switches={"plan": "growth"}) as walk:
        stage_api(walk.engagement, "fasttrack")
        walk.engagement.decisions.withdraw("waiver", "custom_objects/fields", by=KIM, why="it was never said")
        yield walk.engagement


def test_a_limit_that_nobody_has_accepted_in_writing_keeps_the_gate_closed(fields_only: Engagement) -> None:
    """SF8, FF6 on Growth and Pro: what cannot stay a record of its own is said before, and accepted by name."""
    (limit,) = acceptances(fields_only)
    assert (limit.subject, limit.words) == ("custom_objects/fields", "") and "single ones" in limit.limit
    assert mapping.run(fields_only).open == 1
    with pytest.raises(GateClosed, match="provisioning cannot begin") as closed:
        fields_only.gate("provisioning")
    assert "nobody has accepted in writing" in closed.value.found and limit.limit[:30] in closed.value.found
    confirm(fields_only, "waiver", limit.subject, "  ")
    assert mapping.run(fields_only).open == 1
    confirm(fields_only, "waiver", limit.subject, "Accepted, J. Doe, 3 March")
    assert mapping.run(fields_only).open == 0
    (accepted,) = acceptances(fields_only)
    assert (accepted.words, accepted.by) == ("Accepted, J. Doe, 3 March", KIM)


def test_modules_that_the_plan_does_not_have_are_named_before_anything_is_loaded(tmp_path: Path) -> None:
    with fresh_api(tmp_path, "fasttrack", empty=EMPTY, switches={"plan": "growth"}) as walk:
        stage_api(walk.engagement, "fasttrack", truth=TRUTH)
        assert acceptances(walk.engagement) == ()
        made = provisioning.run(walk.engagement)
        lacking = made.frame[made.frame["state"] != "present"]
        assert set(lacking["object"]) == {"cm_site", "cm_subscription"}
        state = walk.engagement.phase("provisioning")
        assert state.state == "blocked"
        assert any("no custom module cm_site" in reason and "administrator" in reason for reason in state.reasons), (
            state.reasons
        )
        with pytest.raises(GateClosed):
            walk.engagement.gate("sample")


def _large(source: str) -> set[str]:
    listed = json.loads((SAMPLES / source / "tenant" / "files.json").read_text(encoding="utf-8"))["files"]
    return {str(each["id"]) for each in listed if each["sent"] > LARGEST}


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ";".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None or pd.isna(value) else str(value)
