"""The sample exports: reproducible to the byte, accounted for row by row, and as dirty as they claim to be."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from openpyxl import load_workbook

from sample_exports.generate import generate_promio, main

COMMITTED = Path(__file__).parent.parent / "sample_exports" / "promio"
EXPECTED = COMMITTED / "expected"
SAMPLES = COMMITTED / "main"
TEXTS = {
    "leads.csv": ("cp1252", ",", 0),
    "customers.csv": ("utf-8-sig", ",", 0),
    "reputation.csv": ("utf-8", ";", 0),
    "calls.csv": ("utf-8", ",", 3),
    "owners.csv": ("utf-8", ",", 0),
}
RESERVED = (".example", ".test", "@example.com", "@example.org", "@example.net", ".example.net")
AT_LEAST = {
    "leads.csv": [
        "too_few_cells", "too_many_cells", "test_row", "name_missing", "same_person", "shared_email", "shared_phone",
        "same_name", "phone_scientific", "leading_zero_lost", "placeholder", "quoted_newline", "cp1252_apostrophe",
        "formula_like", "campaign_renamed", "campaign_deleted", "campaign_empty", "trailing_space", "no_break_space",
        "same_email_as_customer", "owner_as_name", "owner_empty", "owner_leaver", "owner_shared_box", "owner_alias",
        "owner_other_case",
    ],
    "customers.csv": [
        "byte_order_mark", "header_trailing_blank", "test_row", "repeated_row", "same_key", "same_person", "shared_email",
        "shared_phone", "same_name", "two_emails", "company_spelling", "company_without_flag", "business_named_as_person",
        "lifecycle_spelling", "lead_out_of_range", "website_social", "website_with_path", "iso_date", "name_emoji", "name_cjk",
        "name_accents_nfd", "zero_width_space", "no_break_space", "phone_scientific", "leading_zero_lost", "formula_like",
    ],
    "campaigns.xlsx#Campaigns": [
        "budget_monthly", "budget_as_text", "end_ongoing", "date_as_text", "channel_spelling", "status_spelling", "id_missing",
        "unknown_customer", "customer_merged", "id_without_prefix", "total_row", "merged_title", "formula_like",
    ],
    "reputation.csv": [
        "several_sites", "tied_sites", "unknown_customer", "customer_excluded", "decimal_comma", "link_without_scheme",
        "id_without_prefix",
    ],
    "calls.csv": [
        "no_id", "unknown_customer", "unknown_lead", "both_ids", "lead_became_customer", "lead_rejected", "equal_times",
        "shared_phone", "phone_scientific", "caller_anonymous", "caller_unknown", "duration_clock", "disposition_spelling",
    ],
}  # fmt: skip


def listed(name: str, *, delivery: str = "", folder: Path = EXPECTED) -> list[dict[str, str]]:
    with (folder / name).open(encoding="utf-8", newline="") as handle:
        return [row for row in csv.DictReader(handle) if not delivery or row["delivery"] == delivery]


def text_rows(file: str, folder: Path = SAMPLES) -> dict[int, list[str]]:
    """The records of a file by the line on which they start, header first."""
    encoding, delimiter, above = TEXTS[file]
    lines = (folder / file).read_bytes().decode(encoding).splitlines(keepends=True)
    reader = csv.reader(io.StringIO("".join(lines[above:]), newline=""), delimiter=delimiter)
    rows, start = {}, above + 1
    for cells in reader:
        rows[start] = cells
        start = above + reader.line_num + 1
    return rows


def cells_of(file: str, folder: Path = SAMPLES) -> dict[int, dict[str, str]]:
    rows = text_rows(file, folder)
    header = [name.strip() for name in rows.pop(min(rows))]
    return {line: dict(zip(header, cells, strict=False)) for line, cells in rows.items()}


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


RECORDED = "decisions.jsonl"
"""What was decided on the sample: recorded by `make decisions`, not made by the generator."""


def test_the_committed_sample_is_what_the_generator_writes(tmp_path: Path) -> None:
    generate_promio(tmp_path, size="small", seed=7)

    made, kept = tree(tmp_path), tree(COMMITTED)
    assert sorted(made) == sorted(set(kept) - {RECORDED})
    assert [name for name in made if made[name] != kept[name]] == []


def test_another_seed_gives_other_people_and_the_same_kinds_of_rows(tmp_path: Path) -> None:
    assert main(["promio", "--seed", "11", "--out", str(tmp_path)]) == 0

    other = listed("rows.csv", folder=tmp_path / "expected")
    assert (tmp_path / "main" / "leads.csv").read_bytes() != (SAMPLES / "leads.csv").read_bytes()
    assert {(r["feed"], r["bucket"], r["reason"]) for r in other} == {
        (r["feed"], r["bucket"], r["reason"]) for r in listed("rows.csv")
    }


@pytest.mark.slow
def test_the_medium_sample_has_the_rows_of_a_usual_customer(tmp_path: Path) -> None:
    generate_promio(tmp_path, size="medium")

    counts = Counter(row["feed"] for row in listed("rows.csv", delivery="main", folder=tmp_path / "expected"))
    assert counts["leads"] == 9640 and counts["contacts"] == counts["accounts"] == 3310 and counts["calls"] == 18_900
    assert counts["deals"] == 148 and counts["performance"] == 1776 and counts["reputation"] == 2050 and counts["assets"] == 61


def test_the_generator_knows_the_truth_without_the_workbench() -> None:
    code = "import sys, sample_exports.generate; print([m for m in sys.modules if m.split('.')[0] == 'workbench'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=COMMITTED.parents[1])
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("delivery", ["main", "delta"])
def test_every_row_of_a_text_file_ends_once_in_each_feed(delivery: str) -> None:
    expected = listed("rows.csv", delivery=delivery)
    for file in TEXTS:
        if not (COMMITTED / delivery / file).exists():
            continue
        lines = sorted(cells_of(file, COMMITTED / delivery))
        feeds = {row["feed"] for row in expected if row["file"] == file}
        assert feeds
        for feed in feeds:
            assert sorted(int(r["line"]) for r in expected if r["file"] == file and r["feed"] == feed) == lines


def test_every_row_of_a_sheet_ends_once() -> None:
    expected = listed("rows.csv", delivery="main")
    book = load_workbook(SAMPLES / "campaigns.xlsx")
    for sheet, first, after in (("Campaigns", 5, 1), ("Performance", 2, 0)):
        lines = [int(row["line"]) for row in expected if row["file"] == f"campaigns.xlsx#{sheet}"]
        assert lines == list(range(first, book[sheet].max_row + 1 - after))
    assets = load_workbook(SAMPLES / "assets_inventory.xlsx").worksheets[0]
    assert assets.max_row - 1 == sum(row["file"] == "assets_inventory.xlsx" for row in expected)


def test_the_summary_adds_up_to_the_rows() -> None:
    counted = Counter((row["delivery"], row["feed"], row["bucket"]) for row in listed("rows.csv"))
    assert {(r["delivery"], r["feed"], r["bucket"]): int(r["count"]) for r in listed("summary.csv")} == counted


def test_every_merged_row_names_a_record_that_is_loaded() -> None:
    for delivery in ("main", "delta"):
        rows = listed("rows.csv", delivery=delivery)
        loaded = {row["record"] for row in rows if row["bucket"] == "loaded"}
        assert all(row["record"] in loaded for row in rows if row["bucket"] == "merged" and row["feed"] != "owners")
        assert not any(row["record"] for row in rows if row["bucket"] not in ("loaded", "merged"))
        assert len(loaded) == sum(row["bucket"] == "loaded" for row in rows)


def test_every_stated_value_belongs_to_a_loaded_record_and_is_stated_once() -> None:
    loaded = {row["record"] for row in listed("rows.csv", delivery="main") if row["bucket"] == "loaded"}
    stated = Counter((row["record"], row["field"]) for row in listed("records.csv"))
    assert {record for record, _ in stated} == loaded
    assert max(stated.values()) == 1


def test_no_two_records_share_what_the_destination_keeps_unique() -> None:
    for kinds, field in ((("contact", "lead"), "emails"), (("sales_account",), "name")):
        values = [row["value"].casefold() for row in listed("records.csv") if row["object"] in kinds and row["field"] == field]
        assert values
        assert len(set(values)) == len(values)


def test_all_dirt_is_planted_at_least_once() -> None:
    found = {(row["file"], row["kind"]): int(row["count"]) for row in listed("findings.csv")}
    missing = [(file, kind) for file, kinds in AT_LEAST.items() for kind in kinds if found.get((file, kind), 0) < 1]
    assert missing == []


def test_the_dirt_is_really_in_the_files() -> None:
    leads, customers = (SAMPLES / "leads.csv").read_bytes(), (SAMPLES / "customers.csv").read_bytes()
    assert b"\x92" in leads and b"\r\n" in leads
    with pytest.raises(UnicodeDecodeError):
        leads.decode("utf-8")
    assert customers.startswith(b"\xef\xbb\xbf") and b"Lifecycle ," in customers
    assert "王小明" in customers.decode() and "☀" in customers.decode() and "u\u0308" in customers.decode()
    assert (SAMPLES / "calls.csv").read_bytes().splitlines()[3].startswith(b"Call ID,Lead ID")
    assert {len(cells) for cells in text_rows("leads.csv").values()} == {17, 21, 22}


@pytest.mark.parametrize(
    ("file", "column", "kind", "mark"),
    [
        ("leads.csv", "Phone", "phone_scientific", "E+09"),
        ("customers.csv", "Phone", "phone_scientific", "E+09"),
        ("calls.csv", "Caller", "phone_scientific", "E+09"),
        ("calls.csv", "Caller", "caller_anonymous", "Anonymous"),
        ("leads.csv", "Notes", "quoted_newline", "\n"),
        ("leads.csv", "Campaign", "campaign_deleted", "Flash Hail"),
        ("customers.csv", "Email", "two_emails", ";"),
        ("customers.csv", "Website", "website_social", "facebook.com"),
    ],
)
def test_dirt_is_counted_as_it_stands_in_the_file(file: str, column: str, kind: str, mark: str) -> None:
    stated = [int(r["count"]) for r in listed("findings.csv") if (r["file"], r["column"], r["kind"]) == (file, column, kind)]
    rejected = {int(r["line"]) for r in listed("rows.csv", delivery="main") if r["file"] == file and "cells" in r["reason"]}
    standing = sum(mark in cells.get(column, "") for line, cells in cells_of(file).items() if line not in rejected)
    extra = 1 if kind == "caller_anonymous" else 0  # the call of a rejected lead is anonymous as well
    assert sum(stated) + extra == standing


def test_campaigns_have_their_header_on_line_four_and_a_subtotal() -> None:
    sheet = load_workbook(SAMPLES / "campaigns.xlsx")["Campaigns"]
    assert sheet.cell(4, 1).value == "Campaign ID" and sheet.cell(sheet.max_row, 1).value == "Subtotal"
    assert str(next(iter(sheet.merged_cells.ranges))) == "A1:K1"
    names = Counter(sheet.cell(line, 2).value for line in range(5, sheet.max_row))
    assert sum(count == 2 for count in names.values()) >= 2
    kinds = {type(sheet.cell(line, 6).value).__name__ for line in range(5, sheet.max_row)}
    assert kinds == {"datetime", "str"}
    assert not any(cell.data_type == "f" for line in sheet.iter_rows() for cell in line)


def test_formulas_of_the_performance_sheet_carry_their_values() -> None:
    computed = load_workbook(SAMPLES / "campaigns.xlsx")["Performance"]
    values = load_workbook(SAMPLES / "campaigns.xlsx", data_only=True)["Performance"]
    lines = [line for line in range(2, computed.max_row + 1) if computed.cell(line, 8).value is not None]
    assert computed.cell(lines[0], 8).value == f"=G{lines[0]}*3"
    assert all(values.cell(line, 8).value == values.cell(line, 7).value * 3 for line in lines)


def test_everybody_is_invented() -> None:
    for file in ("leads.csv", "customers.csv"):
        for cells in cells_of(file).values():
            address = cells.get("Email", "").strip().lower()
            assert "@" not in address or address.endswith(RESERVED)
            digits = "".join(c for c in cells.get("Phone", "") if c.isdigit())
            assert "E+" in cells.get("Phone", "") or not digits or digits.removeprefix("1")[3:6] == "555"


def test_letters_state_what_the_gaps_say() -> None:
    for delivery in ("main", "incomplete"):
        letter = (COMMITTED / delivery / "cover_letter.txt").read_text(encoding="utf-8")
        for gap in listed("gaps.csv", delivery=delivery):
            if gap["kind"] in ("header_counted", "count_differs"):
                assert f"{gap['file']}: {gap['stated']} rows" in letter
                assert len(cells_of(gap["file"], COMMITTED / delivery)) == int(gap["found"])
            if gap["kind"] == "file_missing":
                assert not (COMMITTED / delivery / gap["file"]).exists()
    assert f"calls.csv: {len(cells_of('calls.csv'))} rows" in (SAMPLES / "cover_letter.txt").read_text(encoding="utf-8")


def test_the_request_names_the_columns_that_came() -> None:
    asked = json.loads((COMMITTED / "request.json").read_text(encoding="utf-8"))["tables"]
    for file in TEXTS:
        header = [name.strip() for name in text_rows(file)[TEXTS[file][2] + 1]]
        assert asked[file.removesuffix(".csv")]["columns"] == header


def test_the_delta_changes_the_customers_that_it_says_and_no_others() -> None:
    before = {c["Customer ID"].removeprefix("C-"): c for c in cells_of("customers.csv").values()}
    after = {c["Customer ID"]: c for c in cells_of("customers.csv", COMMITTED / "delta").values()}
    assert not any(number.startswith("C-") for number in after)
    differ = {number for number in before if {**before[number], "Customer ID": ""} != {**after[number], "Customer ID": ""}}
    stated = {row["record"].partition("/C-")[2] for row in listed("changes.csv") if row["field"]}
    created = {row["record"].partition("/C-")[2] for row in listed("changes.csv") if row["new"] == "created"}
    assert differ == stated
    assert set(after) - set(before) == created - {""}


def test_decisions_about_duplicates_agree_with_where_the_rows_end() -> None:
    rows = {(r["delivery"], r["feed"], r["file"], r["line"]): r for r in listed("rows.csv")}
    seen = Counter[str]()
    for decision in json.loads((EXPECTED / "decisions.json").read_text(encoding="utf-8")):
        if decision["kind"] != "duplicate":
            continue
        feed, _, rest = decision["subject"].partition("/")
        file, _, line = rest.partition("@")[2].rpartition(":")
        row = rows[decision["delivery"], feed, file.removeprefix("delta/"), line]
        into = decision["value"]["into"]
        assert row["bucket"] == ("merged" if into else "loaded")
        assert into == (row["record"] if into and not row["reason"].endswith("customer") else into)
        seen[row["reason"] or "separate"] += 1
    assert {"separate", "same_person", "same_company", "same_key", "repeated_row"} <= set(seen)


def test_every_owner_that_a_file_names_is_decided() -> None:
    decided = {d["subject"]: d["value"] for d in json.loads((EXPECTED / "decisions.json").read_text()) if d["kind"] == "owner"}
    named = {cells.get("Assigned To", "") for cells in cells_of("leads.csv").values()}
    named |= {cells["Owner"] for cells in cells_of("customers.csv").values()}
    assert {text or "(blank)" for text in named} <= set(decided)
    assert len(set(decided.values())) == 6
