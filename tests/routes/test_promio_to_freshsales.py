"""Promio to Freshsales, proven from the files to the tenant and back: the truth is known, the tenant is asked itself.

PF1 lead, PF2 customer, PF3 account, PF4 campaign, PF5 custom properties, PF6 reputation, PF7 calls, PF8 owners.
"""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from tenant import Tenant, alike, wanted
from walk import SAMPLE, Resume, Walk, cut_over, expected, stage_delta, stage_main

from tests.coverage_page import hold_walk
from workbench.engagement import Engagement, new_engagement
from workbench.flow.transfer import read_back
from workbench.stages import handoff, intake, production, provisioning, sample

ROWS_OF = {
    "accounts": "customers.csv",
    "contacts": "customers.csv",
    "leads": "leads.csv",
    "reputation": "reputation.csv",
    "calls": "calls.csv",
    "owners": "owners.csv",
    "deals": "campaigns.xlsx#Campaigns",
    "performance": "campaigns.xlsx#Performance",
    "assets": "assets_inventory.xlsx",
}
PREAMBLE = {"calls.csv": 3, "campaigns.xlsx": 3}
NOTES = {
    *("trimmed_space", "invisible_removed", "unicode_composed", "lower_cased", "currency_dropped", "scheme_added"),
    *("prefix_added", "time_dropped", "split_assumed", "leading_zero_suspected"),
    *("record_kept_its_own", "later_word_won", "left_empty"),
}
"""Notes on cells that came along in another writing, that another row overruled, or that somebody decided to leave empty."""


# ---------------------------------------------------------------- rows


@pytest.mark.parametrize("feed", sorted(ROWS_OF))
@pytest.mark.row("PF1-PF8")
def test_every_row_of_the_main_delivery_ends_as_the_truth_says(after_main: Walk, feed: str) -> None:
    """PF1 to PF8: bucket, reason and surviving record of each line of each file."""
    assert _ended(after_main.engagement, "main", feed) == _should_end("main", feed)


@pytest.mark.parametrize("feed", ["accounts", "contacts", "leads", "calls"])
@pytest.mark.row("PF1-PF3", "PF7")
def test_every_row_of_the_delta_ends_as_the_truth_says(after_delta: Walk, feed: str) -> None:
    """PF1, PF2, PF3, PF7: the same of the rows that came later."""
    assert _ended(after_delta.engagement, "delta", feed) == _should_end("delta", feed)


@pytest.mark.parametrize("delivery", ["main", "delta"])
def test_the_accounting_counts_what_the_summary_of_the_truth_counts(after_delta: Walk, delivery: str) -> None:
    """PF1 to PF8: a bucket of a feed that the summary does not name is empty."""
    accounting = after_delta.engagement.load("accounting", delivery=delivery).set_index("feed")
    truth = expected("summary")
    counts = truth[truth["delivery"] == delivery].set_index(["feed", "bucket"])["count"].astype(int).to_dict()
    found = {(feed, bucket): int(accounting.at[feed, bucket]) for feed in accounting.index for bucket in production.BUCKETS}
    assert {place: count for place, count in found.items() if count} == counts


@pytest.mark.parametrize("delivery", ["main", "delta"])
@pytest.mark.row("PF1-PF8")
def test_the_accounting_closes_over_the_rows_that_a_plain_count_of_the_files_finds(after_delta: Walk, delivery: str) -> None:
    """PF1 to PF8: counted with csv and openpyxl, without our readers."""
    accounting = after_delta.engagement.load("accounting", delivery=delivery).set_index("feed")
    assert accounting["closes"].all()
    assert accounting["rows"].to_dict() == {feed: _counted(SAMPLE / delivery, name) for feed, name in ROWS_OF.items()}


# ---------------------------------------------------------------- values


@pytest.mark.parametrize("object_", ["lead", "contact", "sales_account", "deal"])
@pytest.mark.row("PF1-PF4", "PF6-PF8")
def test_the_tenant_holds_every_value_that_the_truth_promises(after_main: Walk, object_: str) -> None:
    """PF1 lead, PF2 contact, PF3 account, PF4 deal; PF6 and PF7 on their contacts, PF8 as owners of all of them."""
    there = Tenant(after_main)
    truth = expected("records")
    truth = truth[(truth["delivery"] == "main") & (truth["object"] == object_)]
    assert len(truth) > 100
    wrong = [
        (row.record, row.field, row.value, found)
        for row in truth.itertuples()
        if not alike(found := there.value(row.record, row.field), wanted(row.field, row.value))
    ]
    assert wrong == []


def test_the_tenant_holds_one_record_for_each_that_the_truth_names_and_no_other(after_main: Walk) -> None:
    """PF1 to PF4."""
    there = Tenant(after_main)
    loading = expected("rows").query("delivery == 'main' and bucket == 'loaded'")
    for kind, feeds in {"contacts": ("contacts", "leads"), "sales_accounts": ("accounts",), "deals": ("deals",)}.items():
        records = set(loading.loc[loading["feed"].isin(feeds), "record"])
        assert sorted(there.markers(kind)) == sorted(f"promio:{record.replace('/', ':', 1)}".lower() for record in records)
        assert len(there.records[kind]) == len(records)


@pytest.mark.row("PF1-PF3")
def test_the_delta_leaves_every_change_of_the_truth_in_the_tenant(after_delta: Walk) -> None:
    """PF1, PF2, PF3: changed values are there, new records are there once."""
    there, truth = Tenant(after_delta), expected("changes")
    changed, created = truth[truth["new"] != "created"], truth[truth["new"] == "created"]
    assert len(changed) and len(created)
    wrong = [
        (row.record, row.field, row.new, found)
        for row in changed.itertuples()
        if not alike(found := there.value(row.record, row.field), row.new)
    ]
    assert wrong == []
    assert all(there.find(record) for record in created["record"])


def test_the_delta_changes_no_promised_value_that_the_truth_does_not_name(after_main: Walk, after_delta: Walk) -> None:
    """PF1 to PF4: later calls may move the latest call, and two leads became customers; all else stands as before."""
    before, after, truth = Tenant(after_main), Tenant(after_delta), expected("records")
    named = set(zip(expected("changes")["record"], expected("changes")["field"], strict=True))
    signed = _signed(after_delta.engagement)
    later_calls = set(expected("rows").query("delivery == 'delta' and feed == 'calls' and bucket == 'merged'")["record"])
    moved = []
    for row in truth.itertuples():
        call = row.record in later_calls and row.field.startswith(("last_call_", "call_recording"))
        if row.delivery != "main" or (row.record, row.field) in named or row.record in signed or call:
            continue
        if before.value(row.record, row.field) != after.value(row.record, row.field):
            moved.append((row.record, row.field))
    assert moved == []


@pytest.mark.parametrize("delivery", ["main", "delta"])
@pytest.mark.row("PF1-PF7")
def test_exactly_the_cells_of_the_truth_are_set_aside(after_delta: Walk, delivery: str) -> None:
    """PF1 to PF7: a filled cell that gives no value though its row goes on has its reason, and no other cell has one."""
    found = []
    for feed in after_delta.engagement.route.feeds:
        cells = after_delta.engagement.load(f"cells/{feed.name}", delivery=delivery)
        codes = cells["reason"].str.split(";")
        cells = cells[[not set(reasons) <= NOTES for reasons in codes]]
        for row in cells.drop_duplicates(["row", "column", "reason"]).itertuples():
            file, line = str(row.row).removeprefix(f"{delivery}/").rsplit(":", 1)
            found.append((feed.name, file, line, row.column, row.reason))
    truth = expected("cells").query("delivery == @delivery")
    assert sorted(found) == sorted(truth[["feed", "file", "line", "column", "reason"]].itertuples(index=False, name=None))


# ---------------------------------------------------------------- what the first delivery lacks


def test_intake_asks_for_everything_that_the_first_delivery_lacks(tmp_path: Path) -> None:
    """The gap letter, for PF1 to PF7: each gap of the truth is a problem of its table, with the two numbers."""
    engagement = _incomplete(tmp_path)
    problems = intake.run(engagement).problems
    wrong, told = [], set()
    for row in expected("gaps").query("delivery == 'incomplete'").itertuples():
        code, words = {
            "file_missing": ("missing", [row.file.split(".")[0].split("_")[0]]),
            "sheet_missing": ("missing", ["Performance"]),
            "column_missing": ("columns", [row.stated]),
            "count_differs": ("count", [row.stated, row.found]),
            "row_limit": ("count", [row.found]),
            "range_short": ("range", [row.stated, row.found]),
        }[row.kind]
        found = [p for p in problems if p.startswith(f"{row.table}/{code}:") and all(word in p for word in words)]
        told.update(found)
        if not found:
            wrong.append((row.table, row.kind, row.stated, row.found))
    assert wrong == []
    # No customer is younger than August either; whether that is a gap, only the sender can say.
    assert [p.split(":")[0] for p in problems if p not in told] == ["customers/range"]
    assert set(engagement.load("gaps")["table"]) >= set(expected("gaps").query("delivery == 'incomplete'")["table"])
    assert engagement.phase("intake").state == "blocked"
    engagement.store.dispose()


def test_the_whole_delivery_lacks_nothing(after_main: Walk) -> None:
    """The letter counts a header as a row; that is no gap."""
    assert after_main.engagement.phase("intake").state == "passed"
    assert after_main.engagement.load("gaps").empty


# ---------------------------------------------------------------- read-back


def test_the_read_back_finds_nothing_unexplained_and_classes_every_difference(after_main: Walk) -> None:
    """PF1 to PF4: every field of every loaded record is compared."""
    compared = read_back(after_main.engagement)
    assert sum(each.wrong for each in compared.values()) == 0
    assert {name: each.expected for name, each in compared.items()} == {
        "accounts": 35,
        "contacts": 154,
        "leads": 391,
        "deals": 26,
    }
    for each in compared.values():
        assert set(each.frame["class"]) <= {"intended", "lossy"}
        assert (each.frame["reason"].str.len() > 0).all()
        assert (each.summary[["equal", "intended", "lossy", "wrong"]].sum(axis=1) == each.summary["cells"]).all()


@pytest.mark.parametrize(
    ("record", "change"),
    [
        ("contacts/C-01003", {"zipcode": "00000"}),
        ("accounts/C-01158", {"city": "Elsewhere"}),
        ("leads/L-004001", {"last_name": "Somebody"}),
        ("deals/CMP-0029", {"amount": 1}),
    ],
)
def test_a_record_tampered_with_behind_our_back_is_found_and_closes_the_phase(
    resume: Resume, loaded: Path, record: str, change: dict[str, object]
) -> None:
    """PF1 to PF4: one field of one record in a tenant of six hundred."""
    walk = resume(loaded)
    kind, number, _ = Tenant(walk).find(record)
    walk.ask("PUT", f"{kind}/{number}", {kind.removesuffix("s"): change})
    result = production.run(walk.engagement)
    assert result.wrong == 1
    assert not result.passed
    state = walk.engagement.phase("production")
    assert state.state == "blocked"
    assert any("1 differences" in reason for reason in state.reasons)
    found = walk.engagement.load("differences").query("`class` == 'wrong'")
    assert found["field"].tolist() == list(change)
    assert found["feed"].tolist() == [record.split("/")[0]]


@pytest.mark.row("PF1-PF8")
def test_the_coverage_page_says_what_the_walk_of_promio_has_loaded_and_read_back(resume: Resume, loaded: Path) -> None:
    """Source rows, records, values and reasons of each row, and the tables of the hand-off cell by cell."""
    walk = resume(loaded)
    assert handoff.run(walk.engagement).good
    hold_walk(walk.engagement)


# ---------------------------------------------------------------- second pass


@pytest.mark.row("PF1-PF8")
def test_a_second_walk_over_the_whole_way_writes_nothing(resume: Resume, finished: Path) -> None:
    """PF1 to PF8: every stage again, and the tenant is asked to change nothing."""
    walk = resume(finished)
    before = walk.requests()
    stage_main(walk.engagement)
    provisioning.run(walk.engagement)
    sample.plan(walk.engagement)
    sample.run(walk.engagement)
    assert production.run(walk.engagement).passed
    stage_delta(walk.engagement)
    again = cut_over(walk.engagement)
    assert again.passed
    assert int(again.frame["changed"].sum()) == 0
    assert walk.requests() > before
    assert walk.writes(before) == []


# ---------------------------------------------------------------- inside


def _ended(engagement: Engagement, delivery: str, feed: str) -> dict[tuple[str, int], tuple[str, str, str]]:
    """File and line → bucket, reason and record of a row, as the workbench has settled it."""
    settled = engagement.load(f"final/{feed}", delivery=delivery)
    found = {}
    for row in settled.itertuples():
        file, line = str(row.row).removeprefix(f"{delivery}/").rsplit(":", 1)
        place = (file, int(line))
        assert place not in found, f"{place} stands in two buckets"
        found[place] = (row.bucket, _words(row.reason), _words(row.record))
    return found


def _should_end(delivery: str, feed: str) -> dict[tuple[str, int], tuple[str, str, str]]:
    truth = expected("rows")
    rows = truth[(truth["delivery"] == delivery) & (truth["feed"] == feed)]
    return {(row.file, int(row.line)): (row.bucket, row.reason, row.record) for row in rows.itertuples()}


def _words(value: object) -> str:
    return "" if pd.isna(value) else str(value)


def _counted(folder: Path, name: str) -> int:
    """Data rows of a file, by the plainest means there are; nothing where the delivery has no such file."""
    file, _, sheet = name.partition("#")
    path = folder / file
    if not path.exists():
        return 0
    if path.suffix == ".csv":
        encoding = "cp1252" if file == "leads.csv" else "utf-8-sig"
        with path.open(encoding=encoding, newline="") as stream:
            rows = [row for row in csv.reader(stream, delimiter=";" if file == "reputation.csv" else ",") if any(row)]
        return len(rows) - 1 - (PREAMBLE[file] if file in PREAMBLE and rows[0][0].startswith("Promio") else 0)
    book = openpyxl.load_workbook(path, read_only=True)
    page = book[sheet] if sheet else book.worksheets[0]
    filled = [sum(cell not in (None, "") for cell in row) for row in page.iter_rows(values_only=True)]
    book.close()
    return sum(cells > 2 for cells in filled) - 1  # above the header stand titles, at the end a subtotal: one or two cells


def _signed(engagement: Engagement) -> set[str]:
    """Leads of the main delivery that the delta counts to a customer."""
    ends = engagement.load("ends/leads", delivery="delta").dropna()
    main = set(engagement.load("records/leads")["key"])
    return {f"leads/{row.natural}" for row in ends.itertuples() if not row.record.startswith("leads/")} & main


def _incomplete(folder: Path) -> Engagement:
    exports = folder / "exports"
    shutil.copytree(SAMPLE / "incomplete", exports / "main")
    shutil.copy(SAMPLE / "request.json", exports / "request.json")
    return new_engagement(folder / "engagement", route="promio_to_freshsales", exports=exports)
