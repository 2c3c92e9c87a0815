"""The sample of Profi: reproducible to the byte, closed row by row on both routes, and with every trap that it promises."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from pathlib import Path
from unicodedata import normalize

import pytest

from sample_exports.generate import generate, sources
from sample_exports.profi_deliveries import COLUMNS, STYLES
from sample_exports.profi_files import LIMIT, make_large_files
from sample_exports.profi_rows import ROUTES, SIZES
from sample_exports.profi_world import make_world

COMMITTED = Path(__file__).parent.parent / "sample_exports" / "profi"
EXPECTED = COMMITTED / "expected"
MAIN = COMMITTED / "main"
RESERVED = (".example", ".test", "@example.com", "@example.org", "@example.net", ".example.net")
TRAPS = {
    "team.csv": ["leaver", "workspace_owner_missing"],
    "clients.csv": [
        "byte_order_mark", "header_counted", "too_few_cells", "too_many_cells", "several_coaches",
        "company_spelling", "same_person",
        "shared_email", "same_name", "email_only", "name_missing", "name_emoji", "handle_instead_of_url", "formula_like",
        "quoted_newline",
    ],
    "organisations.csv": ["parent_cycle", "own_parent", "parent_missing", "free_mail_domain"],
    "services.csv": ["name_at_two_prices"],
    "packages.csv": ["renamed", "tier_unknown", "one_name_two_tiers", "twin_billed_otherwise"],
    "enrolments.csv": [
        "header_of_a_member", "email_changed", "remaining_impossible", "remaining_empty", "expiry_before_start",
        "decimal_comma",
        "status_spelling", "tier_empty",
    ],
    "sessions.csv": [
        "header_trailing_blank", "package_empty", "package_old_name", "without_offset", "zone_of_somewhere_else",
        "hour_skipped",
        "hour_twice", "status_spelling", "link_in_title", "scheduled_in_the_past", "recurrence_free_text", "zero_length",
        "client_unknown", "second_address",
    ],
    "session_attendees.csv": ["guest"],
    "courses.csv": ["title_changed"],
    "course_enrolments.csv": ["progress_as_share", "progress_with_sign", "completed_with_60", "client_unknown"],
    "notes.csv": [
        "image_inside", "image_beside", "image_expired", "image_missing", "script", "word", "long", "line_breaks",
        "private_note",
        "client_by_session",
    ],
    "form_answers.csv": ["health"],
    "invoices.csv": ["refund", "number_again", "overdue", "partial", "overpaid", "parts_in_one_cell", "void",
    "semicolon_delimiter"],
    "attachments_manifest.csv": [
        "missing", "zero_bytes", "other_bytes", "recording", "slash_in_name", "umlaut_apart", "long_name", "same_name",
        "owner_unknown", "of_session_called_off", "of_group", "of_group_called_off",
        "at_the_edge", "one_byte_over", "in_decimal_megabytes", "over",
    ],
    "workflows.json": ["package_deleted"],
}  # fmt: skip


def listed(path: Path, *, delivery: str = "") -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return [row for row in csv.DictReader(handle) if not delivery or row["delivery"] == delivery]


def cells(file: str, folder: Path = MAIN) -> list[dict[str, str]]:
    """The rows of a file under the names that its columns usually have."""
    style = STYLES.get(file)
    with (folder / file).open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.reader(handle, delimiter=style.delimiter if style else ","))
    return [dict(zip(COLUMNS[file], row, strict=False)) for row in rows[1:]]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_profi_is_found_by_its_module_alone() -> None:
    assert {"promio", "profi"} <= set(sources())


def test_the_committed_sample_of_profi_is_what_the_generator_writes(tmp_path: Path) -> None:
    generate("profi", tmp_path, size="small", seed=7)

    made, kept = tree(tmp_path), tree(COMMITTED)
    recorded = {name for name in kept if name.startswith("decisions-")}
    assert sorted(made) == sorted(set(kept) - recorded)
    assert [name for name in made if made[name] != kept[name]] == []
    assert sum(map(len, kept.values())) < 1_500_000


def test_another_seed_gives_other_people_and_the_same_kinds_of_ends(tmp_path: Path) -> None:
    generate("profi", tmp_path, size="small", seed=11)

    assert (tmp_path / "main" / "clients.csv").read_bytes() != (MAIN / "clients.csv").read_bytes()
    for route in ROUTES:
        kinds = [
            {(r["feed"], r["bucket"]) for r in listed(folder / "expected" / route / "rows.csv", delivery="main")}
            for folder in (tmp_path, COMMITTED)
        ]
        assert {each for each in kinds[0] ^ kinds[1] if each[1] != "held"} == set()


@pytest.mark.parametrize("file", sorted(TRAPS))
def test_every_trap_is_really_there(file: str) -> None:
    found = {row["kind"]: int(row["count"]) for row in listed(EXPECTED / "findings.csv") if row["file"] == file}
    assert [kind for kind in TRAPS[file] if not found.get(kind)] == []


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("delivery", ["main", "delta"])
def test_every_row_of_every_file_ends_once_in_each_feed(route: str, delivery: str) -> None:
    ends = listed(EXPECTED / route / "rows.csv", delivery=delivery)
    once = Counter((row["feed"], row["file"], row["line"]) for row in ends)
    assert [key for key, times in once.items() if times > 1] == []
    for file in (path.name for path in sorted((COMMITTED / delivery).glob("*.csv"))):
        rows = len(cells(file, COMMITTED / delivery))
        here = [row for row in ends if row["file"] == file and "!" not in row["line"]]
        feeds = Counter(row["feed"] for row in here)
        assert all(count == rows for count in feeds.values()), (file, feeds, rows)
        # Rows of a manifest end as their files.
        assert feeds or not rows or {row["line"].split("!")[0] for row in ends if row["file"] == file}


@pytest.mark.parametrize("route", ROUTES)
def test_the_summary_adds_up_and_merged_rows_name_records_that_are_loaded(route: str) -> None:
    rows = listed(EXPECTED / route / "rows.csv")
    counted = Counter((row["delivery"], row["feed"], row["bucket"]) for row in rows)
    assert {
        (r["delivery"], r["feed"], r["bucket"]): int(r["count"]) for r in listed(EXPECTED / route / "summary.csv")
    } == counted
    for delivery in ("main", "delta"):
        loaded = {row["record"] for row in rows if row["bucket"] == "loaded"}
        merged = [row for row in rows if row["delivery"] == delivery and row["bucket"] == "merged" and row["feed"] != "owners"]
        assert [row for row in merged if row["record"] not in loaded] == []
        assert all(bool(row["record"]) == (row["bucket"] in ("loaded", "merged")) for row in rows)


@pytest.mark.parametrize("route", ROUTES)
def test_values_are_stated_for_loaded_records_and_links_lead_to_such(route: str) -> None:
    loaded = {row["record"] for row in listed(EXPECTED / route / "rows.csv", delivery="main") if row["bucket"] == "loaded"}
    stated = listed(EXPECTED / route / "records.csv")
    assert {row["record"] for row in stated} <= loaded
    links = ("person", "contact", "contacts", "participants", "organization", "sales_accounts", "parent_sales_account")
    for row in stated:
        if row["field"] in links:
            assert set(row["value"].split(";")) <= loaded, row


def test_every_session_and_every_attendee_has_its_hidden_link() -> None:
    links = listed(EXPECTED / "links.csv")
    enrolments = {row["enrolment_id"] for row in cells("enrolments.csv")}
    sessions = cells("sessions.csv")
    assert {link["enrolment"] for link in links} - {""} <= enrolments
    assert {link["session"] for link in links} == {row["session_id"] for row in sessions}
    ours = {(link["session"], link["client"]) for link in links if link["kind"] == "attendee"}
    assert ours == {(row["session_id"], row["client_email"]) for row in cells("session_attendees.csv")}
    shown = " ".join(value for row in sessions for value in row.values())
    assert not [key for key in enrolments if key in shown], "the export has lost the key"


def test_the_hidden_links_add_up_to_what_the_enrolments_count() -> None:
    included = {(row["name"], row["tier"]): row["sessions_included"] for row in cells("packages.csv")}
    status = {row["session_id"]: row["status"].casefold().replace("-", "_").strip() for row in cells("sessions.csv")}
    used = Counter(
        link["enrolment"] for link in listed(EXPECTED / "links.csv") if status[link["session"]] in ("completed", "no_show")
    )
    right, wrong = 0, []
    for row in cells("enrolments.csv"):
        [holds] = [n for (name, tier), n in included.items() if name == row["package_name"] and row["tier"] in ("", tier)]
        if holds and row["sessions_remaining"]:
            left = int(holds) - used[row["enrolment_id"]]
            right += left == int(row["sessions_remaining"])
            wrong += [row["enrolment_id"]] if left != int(row["sessions_remaining"]) else []
    impossible = next(row for row in listed(EXPECTED / "findings.csv") if row["kind"] == "remaining_impossible")
    assert right > 20 and len(wrong) == int(impossible["count"])


def test_large_files_are_made_as_the_manifest_says_and_take_no_room(tmp_path: Path) -> None:
    made = make_large_files(tmp_path)

    manifest = {row["path"]: row for row in cells("attachments_manifest.csv")}
    over = 0
    for path in made:
        row = manifest[path.relative_to(tmp_path).as_posix()]
        assert path.stat().st_size == int(row["bytes"])
        with path.open("rb") as stream:
            assert hashlib.file_digest(stream, "sha256").hexdigest() == row["sha256"]
        assert path.stat().st_blocks * 512 < 1_000_000
        over += path.stat().st_size > LIMIT
    assert over == 2 and LIMIT in {path.stat().st_size for path in made}


def test_what_lies_beside_the_manifest_is_what_it_says_but_for_the_planted() -> None:
    spoilt = {"missing", "recording", "zero_bytes", "other_bytes", "path_outside"}
    for row in cells("attachments_manifest.csv"):
        path = MAIN / normalize("NFC", row["path"])
        if row["path"].startswith("files/large/") or any(kind in row["path"] for kind in (*spoilt, "recordings", "outside")):
            continue
        assert path.stat().st_size == int(row["bytes"]) and hashlib.sha256(path.read_bytes()).hexdigest() == row["sha256"]


def test_people_and_addresses_are_invented() -> None:
    for file, column in (("clients.csv", "email"), ("team.csv", "email"), ("session_attendees.csv", "client_email")):
        for row in cells(file):
            address = row.get(column, "").strip().casefold()
            assert not address or address.endswith(RESERVED), address


def test_workflows_are_one_array_with_one_automation_a_line() -> None:
    text = (MAIN / "workflows.json").read_text(encoding="utf-8")
    found = json.loads(text)
    assert len(found) == len(text.splitlines()) - 2 and {"name", "trigger", "conditions", "actions", "active"} == set(found[0])


@pytest.mark.parametrize("route", ROUTES)
def test_decisions_are_stated_for_owners_values_duplicates_and_links(route: str) -> None:
    decisions = json.loads((EXPECTED / route / "decisions.json").read_text(encoding="utf-8"))
    kinds = Counter(each["kind"] for each in decisions)
    assert {"owner", "value", "duplicate", "link"} <= set(kinds)
    subjects = Counter((each["delivery"], each["kind"], each["subject"]) for each in decisions)
    assert [subject for subject, times in subjects.items() if times > 1] == []


@pytest.mark.slow
def test_the_medium_sample_of_profi_has_the_rows_of_a_usual_customer() -> None:
    world = make_world(SIZES["medium"], 7)
    counts = {file: len(rows) for file, rows in world.main.items()}
    usual = {"clients.csv": 1180, "sessions.csv": 14_380, "enrolments.csv": 1642, "notes.csv": 5270, "invoices.csv": 2310,
             "attachments_manifest.csv": 1420, "packages.csv": 26, "form_answers.csv": 860, "courses.csv": 9}  # fmt: skip
    assert {file: count for file, count in usual.items() if not 0.75 < counts[file] / count < 1.25} == {}
