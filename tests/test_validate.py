"""Rules held against staged records, and the page that tells of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from workbench.engagement import new_engagement
from workbench.frames.plan import plan_feed
from workbench.frames.rules import PATTERNS, Rule, check, validate
from workbench.reports.pages import About
from workbench.specs import load_destination, load_route, load_source
from workbench.stages.validate import field_rules, rules_of, run, write_result

ABOUT = About(customer="Bright Roof Services", source="Promio", destination="Freshsales", route="Promio → Freshsales")
HOSTILE = "<img src=https://evil.example/x onerror=alert(1)>"


def records() -> pd.DataFrame:
    """Two contacts as staging leaves them."""
    return pd.DataFrame(
        {
            "key": ["contacts/C-1", "contacts/C-2"],
            "marker": ["promio:contacts:c-1", "promio:contacts:c-2"],
            "row": ["customers.csv:2", "customers.csv:3"],
            "owner": ["dana@brightroof.example", "dana@brightroof.example"],
            "last_name": ["King", "Lovelace"],
            "emails": ["ada@king.example", None],
            "mobile_number": ["+16175550123", None],
            "zipcode": ["02134", None],
            "lifecycle_segment__c": ["New", "At-Risk"],
            "first_job__c": ["2024-02-29", None],
            "lifetime_value__c": ["1200.00", None],
            "sales_accounts": ["accounts/C-1", None],
        }
    )


def broken_by(changes: dict[str, list[object]]) -> set[tuple[str, str]]:
    """The rules (column, kind) that the two contacts break after a change."""
    route, source, destination = load_route("promio_to_freshsales"), load_source("promio"), load_destination("freshsales")
    plan = plan_feed(
        route,
        source,
        destination,
        route.feed("contacts"),
        answers={},
        values={"contacts/Lifecycle=At Risk": "At-Risk"},
        owners={"Dana": "dana@brightroof.example"},
        merges={},
    )
    frame = records().assign(**{name: pd.Series(cells, dtype=object) for name, cells in changes.items()})
    made = rules_of(
        plan, destination, declared=route.custom_fields, keys={"accounts": ["accounts/C-1"]}, columns=list(frame.columns)
    )
    found = validate(frame, made)
    return set(map(tuple, found.loc[~found["passed"], ["column", "rule"]].to_numpy()))


def test_records_as_staging_makes_them_keep_every_rule() -> None:
    assert broken_by({}) == set()


@pytest.mark.parametrize(
    ("column", "cells", "rule"),
    [
        ("key", ["contacts/C-1", "contacts/C-1"], "unique"),
        ("key", ["contacts/C-1", None], "filled"),
        ("marker", ["a" * 61, "b"], "at_most"),
        ("owner", ["dana@brightroof.example", "jon.pryce@brightroof.example"], "one_of"),
        ("owner", [None, "dana@brightroof.example"], "filled"),
        ("last_name", [None, "Lovelace"], "filled"),
        ("emails", ["ada at king.example", None], "pattern"),
        ("emails", ["ada@king.example", "ada@king.example"], "unique"),
        ("mobile_number", ["617-555-0123", None], "pattern"),
        ("mobile_number", ["+1" + "6" * 40, None], "at_most"),
        ("zipcode", [2134, None], "text"),
        ("lifecycle_segment__c", ["Churned", None], "one_of"),
        ("first_job__c", ["2024-02-30", None], "day"),
        ("lifetime_value__c", ["$1,200/mo", None], "pattern"),
        ("promio_customer_id__c", ["x" * 300, None], "at_most"),
        ("sales_accounts", ["accounts/C-9", None], "one_of"),
    ],
)
def test_one_damaged_cell_breaks_the_rule_that_is_meant_for_it(column: str, cells: list[object], rule: str) -> None:
    assert (column, rule) in broken_by({column: cells})


def test_a_list_of_options_is_checked_one_by_one() -> None:
    rules = field_rules(
        load_destination("freshsales"),
        "deal",
        "campaign_channels__c",
        declared=load_route("promio_to_freshsales").custom_fields,
    )
    frame = pd.DataFrame({"key": ["a", "b", "c"], "campaign_channels__c": [["Display", "Bing Ads"], ["Display", "TV"], None]})
    found = check(frame, rules)
    assert found.failing[["key", "value"]].to_numpy().tolist() == [["b", "Display; TV"]]


def test_a_result_counts_the_broken_cells_and_names_their_records() -> None:
    frame = pd.DataFrame({"key": ["a", "b", "c"], "emails": ["x@y.example", "nobody", None]})
    line = validate(frame, [Rule("pattern", "emails", "is an e-mail address", pattern=PATTERNS["email"][0])]).iloc[0]
    assert (line["checked"], line["empty"], line["broken"], line["passed"]) == (2, 1, 1, False)
    assert (line["examples"], line["keys"]) == (["nobody"], ["b"])


def test_a_column_that_is_not_there_is_an_empty_one() -> None:
    found = validate(pd.DataFrame({"key": ["a"]}), [Rule("filled", "name", "is filled")])
    assert found["broken"].tolist() == [1]


def test_no_records_break_no_rule() -> None:
    empty = pd.DataFrame({"key": pd.Series(dtype="str"), "name": pd.Series(dtype="str")})
    found = validate(
        empty, [Rule("filled", "name", "is filled"), Rule("unique", "key", "is unique"), Rule("text", "name", "is text")]
    )
    assert found["passed"].all()


def test_the_page_of_an_object_asks_for_nothing_and_obeys_nothing(tmp_path: Path) -> None:
    frame = pd.DataFrame({"key": [HOSTILE], "emails": [HOSTILE]})
    found = check(frame, [Rule("pattern", "emails", HOSTILE, pattern=PATTERNS["email"][0])], name="contacts")
    page = write_result(found, tmp_path, about=ABOUT, label=HOSTILE)
    text = page.read_text(encoding="utf-8")
    assert "<img" not in text
    assert "<script" not in text
    assert "default-src 'none'" in text
    assert "http" not in text.replace("https://evil.example", "").replace("http-equiv", "")
    stored = json.loads((tmp_path / "contacts.json").read_text(encoding="utf-8"))
    assert stored["success"] is False
    assert stored["results"][0]["result"]["unexpected_list"] == [HOSTILE]


def test_the_same_records_give_the_same_files(tmp_path: Path) -> None:
    for folder in (tmp_path / "a", tmp_path / "b"):
        write_result(
            check(records(), [Rule("unique", "key", "is unique")], name="contacts"), folder, about=ABOUT, label="Contacts"
        )
    for name in ("contacts.html", "contacts.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_an_engagement_is_checked_feed_by_feed_and_its_pages_lie_under_artifacts(tmp_path: Path) -> None:
    engagement = new_engagement(tmp_path / "brightroof", route="promio_to_freshsales", customer="Bright Roof Services")
    dana = "dana@brightroof.example"
    engagement.decisions.confirm("owner", "Dana", dana, by="Robin <robin@consultant.example>")
    engagement.save("records/contacts", records())
    for feed, filled in (
        ("accounts", {"name": "King LLC"}),
        ("leads", {"last_name": "Byron"}),
        ("deals", {"name": "Spring", "amount": "100.00", "deal_stage": "Live", "contacts": "contacts/C-9"}),
    ):
        values = {"key": f"{feed}/C-1", "marker": f"promio:{feed}:c-1", "row": "x.csv:2", "owner": dana, **filled}
        engagement.save(f"records/{feed}", pd.DataFrame([values], dtype="str"))
    found = run(engagement)
    assert not found.passed
    assert found.failing[["object", "key", "column", "value"]].to_numpy().tolist() == [
        ["deals", "deals/C-1", "contacts", "contacts/C-9"]
    ]
    assert [page.relative_to(engagement.root).as_posix() for page in found.pages] == [
        f"artifacts/validation/{feed}.html" for feed in ("accounts", "contacts", "leads", "deals")
    ]
    assert all(page.with_suffix(".json").is_file() for page in found.pages)
    shown = found._repr_html_()
    assert "1 broken in 1 cells" in shown
    assert "is a record of contacts that is staged too" in shown


@pytest.mark.parametrize("name", ["fasttrack_to_freshsales", "profi_to_freshsales", "profi_to_pipedrive"])
def test_a_field_that_is_loaded_with_its_time_of_day_is_not_held_to_a_day(name: str) -> None:
    route = load_route(name)
    source, destination = load_source(route.source), load_destination(route.destination)
    held: dict[str, set[str]] = {}
    for feed in route.feeds:
        timed = [rule.to for rule in feed.fields if rule.recipe in ("moment", "zoned_moment")]
        if feed.kind != "record" or not timed:
            continue
        plan = plan_feed(route, source, destination, feed, answers={}, values={}, owners={}, merges={})
        made = rules_of(plan, destination, declared=route.custom_fields, keys={}, columns=timed)
        held[feed.name] = {rule.kind for rule in made if rule.column in timed} & {"day", "pattern"}
    assert held
    assert set(map(frozenset, held.values())) == {frozenset({"pattern"})}, held


def test_great_expectations_is_not_imported_before_it_is_needed_and_never_opens_a_connection() -> None:
    program = """
import socket, sys
def refuse(*a, **k):
    raise AssertionError("a connection was opened")
socket.socket.connect = refuse
socket.getaddrinfo = refuse
import pandas as pd
from workbench.frames.rules import Rule, validate
import workbench.reports.pages
assert "great_expectations" not in sys.modules
assert validate(pd.DataFrame({"key": ["a"]}), [Rule("filled", "key", "is filled")])["passed"].all()
assert "great_expectations" in sys.modules
"""
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
