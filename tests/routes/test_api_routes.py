"""Soffront and FastTrack into Freshsales: staged as the truth says, loaded, read back, brought up to date and taken back."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from api_walk import LARGEST, SAMPLES, Journey, ends, expected, stage_api_delta, travelled
from walk import Walk, cut_over

from tests.coverage_page import hold_walk
from workbench.flow.history import history
from workbench.rehearsal import canonical
from workbench.stages import handoff, owners, rollback, secondpass

SOURCES = ("fasttrack", "soffront")


@pytest.fixture(scope="module", params=SOURCES)
def journey(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    with travelled(tmp_path_factory.mktemp(request.param), request.param) as journey:
        yield journey


@pytest.fixture(scope="module")
def documents(journey: Journey) -> Path:
    """What the customer is given after the load."""
    assert handoff.run(journey.walk.engagement).good
    return journey.walk.engagement.root / "package" / "documents"


@pytest.mark.row("SF1-SF10", "FF1-FF10")
def test_every_row_ends_where_the_truth_says(journey: Journey) -> None:
    """FF1–FF10, SF1–SF10: each row of each table, in each feed; a file that is not laid down counts as missing."""
    truth = expected(journey.source, "rows", delivery="main")
    large = _large(journey.source)
    for feed in journey.walk.engagement.route.feeds:
        mine = truth[truth["feed"] == feed.name]
        by = "key" if feed.name == "files" else "line"
        wanted = {row[by]: (row["bucket"], row["reason"], row["record"]) for row in mine.to_dict("records")}
        wanted |= {key: ("rejected", "file_missing", "") for key in large if feed.name == "files"}
        assert ends(journey.walk.engagement, feed.name) == wanted, feed.name


@pytest.mark.row("SF1-SF5", "SF7-SF10", "FF1-FF10")
def test_every_value_of_the_truth_is_staged(journey: Journey) -> None:
    """FF1–FF10, SF1–SF10: fields, links to parents, sums over several rows, prices and times."""
    staged = {
        row["key"]: row
        for feed in journey.walk.engagement.route.feeds
        if feed.kind == "record"
        for row in journey.walk.engagement.load(f"records/{feed.name}").to_dict("records")
    }
    truth = expected(journey.source, "records")
    truth = truth[~truth["record"].isin({f"files/{key}" for key in _large(journey.source)})]
    wrong = [
        (row["record"], row["field"], row["value"], _text(staged[row["record"]].get(row["field"])))
        for row in truth.to_dict("records")
        if _text(staged[row["record"]].get(row["field"])) != row["value"]
    ]
    assert wrong == []
    assert len(truth) > 2500


@pytest.mark.row("SF1-SF5", "SF7-SF10", "FF1-FF10")
def test_everything_is_loaded_and_reads_back_as_it_was_staged(journey: Journey) -> None:
    """FF1–FF10, SF1–SF10: no value differs without a reason, and ledger and account stand one to one."""
    result = journey.production
    assert result.passed and result.wrong == 0
    certificate = result.certificate
    loaded = expected(journey.source, "rows", delivery="main").query("bucket == 'loaded'")
    files = {f"files/{key}" for key in _large(journey.source)}
    assert int(certificate["records"].sum()) == len(set(loaded["record"]) - files)
    assert (certificate["records"] == certificate["one to one"]).all() and certificate["holds"].all()


@pytest.mark.row("SF1-SF10", "FF1-FF10")
def test_the_coverage_page_says_what_the_walk_of_a_tenant_has_loaded_and_read_back(journey: Journey, documents: Path) -> None:
    """Source rows, records, values and reasons of each row, and the tables of the hand-off cell by cell."""
    assert documents.is_dir()
    hold_walk(journey.walk.engagement)


@pytest.mark.row("SF6", "SF9", "FF5", "FF6")
def test_what_ends_in_a_document_stands_there_as_the_source_gave_it(journey: Journey, documents: Path) -> None:
    """Articles with their categories, projects with their tasks, pipelines with their stages: every value of every item."""
    route, tenant = journey.walk.engagement.route, SAMPLES / journey.source / "tenant"
    checked = 0
    for feed in route.feeds:
        listed = documents / "inventory" / f"{feed.name}.csv"
        if feed.kind == "document" and listed.exists():
            with listed.open(encoding="utf-8", newline="") as stream:
                lines = [set(line.values()) for line in csv.DictReader(stream)]
            items = [
                json.loads(line)
                for line in (tenant / f"{feed.table}.ndjson").read_text("utf-8").splitlines()
                if line.endswith("}")
            ]
            assert [item for item in items if not any(set(_leaves(item)) <= line for line in lines)] == [], feed.name
            checked += len(items)
    assert checked > 40


def test_a_row_and_an_amount_hang_on_their_owner_once(journey: Journey, documents: Path) -> None:
    """An activity is asked for by several kinds of record and is one row; a deal counts with the amount that it states."""
    engagement = journey.walk.engagement
    weights, deals = owners.weigh(engagement), engagement.load("tables/deals")
    amounts = deals["Amount" if journey.source == "soffront" else "amount"].dropna()
    plain = amounts.str.replace(r"[$,]", "", regex=True).astype("float64")
    assert len(plain) > 30 and weights["value"].sum() == pytest.approx(plain.sum())
    owned = {f.table for f in engagement.route.feeds if f.kind == "record" and f.owner}
    assert weights["rows"].sum() <= sum(len(engagement.load(f"tables/{name}")) for name in owned) + 1
    page = (documents / "owners.html").read_text("utf-8")
    assert f"{weights['value'].max():,.2f}" in page


def test_what_is_kept_of_the_history_says_where_the_owner_of_a_meeting_stands(journey: Journey) -> None:
    """A meeting belongs to the login that makes it; whose it was is told in its text, and nowhere is it said to be unknown."""
    kept = history(journey.walk.engagement).set_index(["object", "aspect"])
    meeting = kept.loc["Activity (meeting) → Appointment", "owner history"]
    assert (meeting["kept"], meeting["where"]) == (
        "in part",
        "the owner on the day of the export is told in the text of “Description”",
    )
    assert kept.loc["Activity (task) → Task", "owner history"]["where"].startswith("the owner on the day of the export (“")


def test_the_first_page_counts_every_row_of_the_export_once(journey: Journey, documents: Path) -> None:
    """The figures of its first sentence are those of the truth; a file that is not laid down is missing, and needs a look."""
    truth = expected(journey.source, "rows", delivery="main")
    missing = (truth["feed"] == "files") & truth["key"].isin(_large(journey.source))
    truth = truth.assign(row=truth["file"] + ":" + truth["line"], bucket=truth["bucket"].mask(missing, "rejected"))
    rows = truth[truth["file"] != "route"].groupby("row")["bucket"].agg(set)
    opened = sum(bool(ends & {"rejected", "held", "failed"}) for ends in rows)
    moved = sum(bool(ends & {"loaded", "merged"}) and not ends & {"rejected", "held", "failed"} for ends in rows)
    page = (documents / "index.html").read_text("utf-8")
    said = re.search(r"All (\d+) rows of the export are accounted for: (\d+) stand in .* and (\d+) needs? your attention", page)
    assert said is not None and tuple(map(int, said.groups())) == (len(rows), moved, opened)


@pytest.mark.row("SF1-SF5", "SF7-SF10", "FF1-FF10")
def test_a_second_pass_writes_nothing(journey: Journey) -> None:
    asked = journey.walk.requests()
    assert secondpass.run(journey.walk.engagement).frame.empty
    assert [line for line in journey.walk.writes(asked) if not line.endswith("filterize")] == []  # a search by POST


@pytest.mark.row("SF1-SF4", "FF1-FF4")
def test_the_later_state_is_brought_in(journey: Journey) -> None:
    """FF1–FF4, SF1–SF4: a full export again, compared by key; what is gone from it stays in the account."""
    walk = journey.walk
    stage_api_delta(walk.engagement, journey.source)
    truth = expected(journey.source, "rows", delivery="delta")
    for feed in walk.engagement.route.feeds:
        mine = truth[truth["feed"] == feed.name]
        wanted = {row["line"]: (row["bucket"], row["reason"], row["record"]) for row in mine.to_dict("records")}
        assert feed.name == "files" or ends(walk.engagement, feed.name, delivery="delta") == wanted, feed.name
    assert cut_over(walk.engagement).passed
    changes = expected(journey.source, "changes")
    markers = [f"{journey.source}:{record.replace('/', ':')}" for record in changes[changes["new"] == "created"]["record"]]
    assert len(markers) == 3 and set(markers) <= set(walk.engagement.ledger().ids("contact"))
    gone = changes[changes["new"] == "gone"]["record"]
    assert all(_is_there(walk, journey.source, record) for record in gone)


@pytest.mark.row("SF1-SF5", "SF7-SF10", "FF1-FF10")
def test_a_rollback_leaves_the_account_as_it_was(journey: Journey) -> None:
    """FF1–FF10, SF1–SF10: both states: records of every object, lines of deals, files, and every field that we made.

    It comes last.
    """
    result = rollback.run(journey.walk.engagement)
    left = result.frame[result.frame["verdict"] != "reversed"]
    assert left[["object", "key", "verdict", "words"]].to_dict("records") == []
    assert result.done
    assert canonical(journey.walk.tenant.dump()) == journey.before


def _leaves(value: Any) -> list[str]:
    """Every filled text, number and flag inside an item, as the export would write it."""
    if isinstance(value, dict | list):
        return [leaf for part in (value.values() if isinstance(value, dict) else value) for leaf in _leaves(part)]
    return [] if value in (None, "") else [str(value).lower() if isinstance(value, bool) else str(value)]


def _is_there(walk: Walk, source: str, record: str) -> bool:
    object_ = walk.engagement.route.feed(record.partition("/")[0]).object
    return f"{source}:{record.replace('/', ':')}" in walk.engagement.ledger().ids(object_)


def _large(source: str) -> set[str]:
    """Files over what the tests lay down, as far as they would be there otherwise."""
    listed = json.loads((SAMPLES / source / "tenant" / "files.json").read_text(encoding="utf-8"))["files"]
    aside = set(expected(source, "rows", delivery="main").query("feed == 'files' and reason == 'on_a_project'")["key"])
    return {str(each["id"]) for each in listed if each["status"] == 200 and each["sent"] > LARGEST} - aside


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ";".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None or pd.isna(value) else str(value)
