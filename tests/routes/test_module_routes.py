"""Tickets, assets, subscriptions and sites in custom modules: loaded, linked, brought up to date and taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from api_walk import Journey, ends, expected, stage_api_delta, travelled
from walk import Walk, cut_over

from workbench.rehearsal import canonical
from workbench.stages import rollback, secondpass

TRUTH = "modules"
ENTERPRISE = {"plan": "enterprise"}
MODULES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "soffront": {"cm_ticket": ("Ticket", "Tickets"), "cm_installed_asset": ("Installed asset", "Installed assets")},
    "fasttrack": {"cm_subscription": ("Subscription", "Subscriptions"), "cm_site": ("Site", "Sites")},
}
FEEDS: Mapping[str, Mapping[str, str]] = {
    "soffront": {"tickets_module": "cm_ticket", "assets_module": "cm_installed_asset"},
    "fasttrack": {"subscriptions_module": "cm_subscription", "sites_module": "cm_site"},
}
EMPTY: Mapping[str, tuple[str, ...]] = {
    "soffront": ("deals", "activities", "projects", "project_tasks", "kb_articles", "kb_categories", "attachments"),
    "fasttrack": ("deals", "deal_products", "products", "activities", "notes", "files", "custom_events"),
}
"""Tables that are loaded like any other on the other walks, and left out here so that this one is short."""


def admin_makes(walk: Walk, source: str) -> None:
    """What an administrator does by hand before anything is loaded."""
    for entity, (one, many) in MODULES[source].items():
        body = {"singular_name": one, "plural_name": many, "entity_name": entity, "icon": "box"}
        walk.ask("POST", "settings/module_customizations", {"module_customization": body})


@pytest.fixture(scope="module", params=sorted(MODULES))
def journey(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    source: str = request.param
    place = tmp_path_factory.mktemp(f"{source}-modules")
    made = partial(admin_makes, source=source)
    with travelled(place, source, truth=TRUTH, empty=EMPTY[source], switches=ENTERPRISE, prepare=made) as journey:
        yield journey


@pytest.mark.row("SF7", "SF8", "FF6")
def test_the_records_of_the_modules_read_back_and_stand_one_to_one(journey: Journey) -> None:
    result = journey.production
    assert result.passed and result.wrong == 0
    certificate = result.certificate
    assert (certificate["records"] == certificate["one to one"]).all() and certificate["holds"].all()
    loaded = expected(journey.source, f"{TRUTH}/rows", delivery="main").query("bucket == 'loaded'")
    for feed, object_ in FEEDS[journey.source].items():
        assert len(journey.walk.engagement.ledger().ids(object_)) == loaded["feed"].eq(feed).sum() > 0


def test_links_are_fields_that_lead_to_records_and_no_texts(journey: Journey) -> None:
    """The account itself says so: the fields are lookups, and what stands in them are the ids of the right records."""
    truth = expected(journey.source, f"{TRUTH}/records").query("field in ('sales_account', 'contact')")
    keys = {"accounts": "sales_account", "contacts": "contact"}
    checked = 0
    for feed, entity in FEEDS[journey.source].items():
        forms = journey.walk.ask("GET", f"settings/{entity}/forms")["forms"]
        lookups = {field["label"]: field["name"] for form in forms for field in _leaves(form) if field["type"] == "lookup"}
        assert set(lookups) <= {"Account", "Contact"} and "Account" in lookups
        for row in truth[truth["record"].str.startswith(f"{feed}/")].itertuples():
            other = str(row.value).partition("/")[0]
            number = journey.walk.engagement.ledger().ids(keys[other])[f"{journey.source}:{str(row.value).replace('/', ':')}"]
            own = journey.walk.engagement.ledger().ids(entity)[f"{journey.source}:{str(row.record).replace('/', ':')}"]
            there = journey.walk.ask("GET", f"custom_module/{entity}/{own}")[entity]["custom_field"]
            assert str(there[lookups["Account" if other == "accounts" else "Contact"]]) == number
            checked += 1
            if checked % 12 == 0:
                break  # a dozen of each kind says it
    assert checked >= 12


def test_fields_are_made_on_what_is_filled_and_nowhere_else(journey: Journey) -> None:
    """Lists on the account are for the other answer, as the fields of tickets that become deals are."""
    labels = {field["label"] for field in _custom(journey.walk, "sales_accounts")}
    assert labels & {"Installed Assets", "Number of Assets", "Subscription Plans", "Sites"} == set()
    assert not {"Ticket Priority", "Soffront Ticket ID"} & {field["label"] for field in _custom(journey.walk, "deals")}


def test_a_second_pass_over_modules_writes_nothing(journey: Journey) -> None:
    asked = journey.walk.requests()
    assert secondpass.run(journey.walk.engagement).frame.empty
    assert [line for line in journey.walk.writes(asked) if not line.endswith("filterize")] == []


def test_a_later_state_changes_the_records_of_the_modules(journey: Journey) -> None:
    walk = journey.walk
    table, object_, feed, name, said, meant, shown = CHANGES[journey.source]
    number = _rewritten(walk.engagement.root / "exports" / "delta" / f"{table}.ndjson", name, said)
    stage_api_delta(walk.engagement, journey.source, truth=TRUTH)
    truth = expected(journey.source, f"{TRUTH}/rows", delivery="delta")
    for each in FEEDS[journey.source]:
        mine = truth[truth["feed"] == each]
        wanted = {row["line"]: (row["bucket"], row["reason"], row["record"]) for row in mine.to_dict("records")}
        assert ends(walk.engagement, each, delivery="delta") == wanted, each
    assert cut_over(walk.engagement).passed
    own = walk.engagement.ledger().ids(object_)[f"{journey.source}:{feed}:{number}"]
    forms = walk.ask("GET", f"settings/{object_}/forms")["forms"]
    key = next(field["name"] for form in forms for field in _leaves(form) if field["label"] == shown)
    assert str(walk.ask("GET", f"custom_module/{object_}/{own}")[object_]["custom_field"][key]) == meant


@pytest.mark.row("SF7", "SF8", "FF6")
def test_a_rollback_leaves_the_account_with_its_empty_modules(journey: Journey) -> None:
    """SF7, SF8, FF6: the modules are the administrator's; their records, of both states, and our fields are gone: the end."""
    result = rollback.run(journey.walk.engagement)
    assert result.frame[result.frame["verdict"] != "reversed"].empty
    assert result.done
    assert canonical(journey.walk.tenant.dump()) == journey.before


CHANGES: Mapping[str, tuple[str, str, str, str, Any, str, str]] = {
    "soffront": ("tickets", "cm_ticket", "tickets_module", "Category", "Recalled", "Recalled", "Category"),
    "fasttrack": ("subscription", "cm_subscription", "subscriptions_module", "mrr", "12345.50", "12345.5", "MRR"),
}
"""Table, object, feed, column and its new word; what the account shows then, and under which label."""


def _rewritten(path: Path, name: str, said: object) -> str:
    """The second row of a table with another word in one column; its number comes back."""
    lines = path.read_bytes().splitlines(keepends=True)
    row = {**json.loads(lines[1]), name: said}
    lines[1] = json.dumps(row).encode() + b"\n"
    path.write_bytes(b"".join(lines))
    return str(next(iter(row.values())))


def _leaves(form: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for field in form["fields"]:
        if "fields" in field:
            yield from _leaves(field)
        else:
            yield field


def _custom(walk: Walk, plural: str) -> list[Mapping[str, Any]]:
    return [field for field in walk.ask("GET", f"settings/{plural}/fields")["fields"] if not field["default"]]
