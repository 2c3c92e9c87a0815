"""The Soffront sample: reproducible to the byte, the same facts in three instances, and as dirty as it claims to be."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sample_exports.generate import generate, main
from sample_exports.soffront_instances import B_NAMES, FILES, MEMO, c_name, make_attach_tree
from sample_exports.soffront_rows import OBJECTS, OWN
from sample_exports.soffront_world import RECORDS, main_state
from sample_exports.tenant_files import LIMIT
from workbench.readers import read_export
from workbench.specs import load_destination, load_route, load_source
from workbench.specs.fitting import check_route

COMMITTED = Path(__file__).parent.parent / "sample_exports" / "soffront"
EXPECTED, TENANT, LATER = COMMITTED / "expected", COMMITTED / "tenant", COMMITTED / "tenant-delta"
PREMISE = COMMITTED / "on-premise"
RESERVED = (".example", ".test", "@example.com", "@example.org", "@example.net", ".example.net")
PLANTED = {
    "users": {"disabled", "mail_login_empty", "mail_login_no_address"},
    "groups": {"group_renamed"},
    "accounts": {
        "value_retired", "trailing_blanks", "date_as_text", "apostrophe", "hierarchy_level_4", "parent_cycle", "own_parent",
        "parent_missing", "owner_disabled",
    },
    "contacts": {
        "two_emails", "ghost_group", "no_account", "account_gone", "upper_case", "accents", "same_person", "shared_email",
        "name_missing",
    },
    "deals": {
        "currency_sign", "no_pipeline", "no_amount", "stage_dead", "probability_contradicts", "account_gone", "owner_disabled",
        "other_currency", "no_currency",
    },
    "activities": {"dangling", "on_a_project", "old_note_kind", "whole_thread", "no_date", "no_subject", "other_kind",
                   "appointment", "cancelled_meeting"},
    "tickets": {"group_assigned", "resolved_before_created", "no_contact"},
    "ticket_messages": {"author_system", "quoted_history", "ticket_deleted", "fills_half_a_field"},
    "kb_categories": {"name_twice"},
    "kb_articles": {"picture_on_own_host", "link_by_number"},
    "projects": {"project_without_link"},
    "project_tasks": {"project_deleted"},
    "InstalledAsset": {"leading_zero"},
    "Renewal": set[str](),
    "attachments": {"over_limit", "at_limit", "gone", "size_differs", "on_a_project"},
}  # fmt: skip


def listed(name: str, *, delivery: str = "", folder: Path = EXPECTED) -> list[dict[str, str]]:
    with (folder / name).open(encoding="utf-8", newline="") as handle:
        return [row for row in csv.DictReader(handle) if not delivery or row["delivery"] == delivery]


def rows(table: str, folder: Path = TENANT) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{table}.ndjson").read_bytes().splitlines()]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_committed_soffront_sample_is_what_the_generator_writes(tmp_path: Path) -> None:
    generate("soffront", tmp_path, size="small", seed=7)

    made, kept = tree(tmp_path), tree(COMMITTED)
    assert sorted(made) == sorted(kept)
    assert [name for name in made if made[name] != kept[name]] == []


def test_another_seed_gives_another_soffront_with_the_same_kinds_of_rows(tmp_path: Path) -> None:
    assert main(["soffront", "--seed", "12", "--out", str(tmp_path)]) == 0

    other = listed("rows.csv", folder=tmp_path / "expected")
    assert (tmp_path / "tenant" / "contacts.ndjson").read_bytes() != (TENANT / "contacts.ndjson").read_bytes()
    kinds = {(row["bucket"], row["reason"]) for row in listed("rows.csv")}
    assert {(row["bucket"], row["reason"]) for row in other} == kinds


def test_the_small_soffront_sample_stays_small() -> None:
    assert sum(len(rows(table)) for table in PLANTED) <= 600
    assert sum(len(blob) for blob in tree(COMMITTED).values()) <= 1_500_000


@pytest.mark.slow
def test_the_medium_soffront_sample_has_every_edge_of_a_page(tmp_path: Path) -> None:
    generate("soffront", tmp_path, size="medium")

    counts = {table: len(rows(table, tmp_path / "tenant")) for table in PLANTED}
    assert (counts["Renewal"], counts["kb_articles"], counts["accounts"], counts["deals"], counts["tickets"]) == (
        0, 500, 2500, 3001, 4499)  # fmt: skip
    assert (counts["contacts"], counts["activities"], counts["ticket_messages"]) == (7412, 26_840, 15_720)
    assert (counts["users"], counts["kb_categories"], counts["projects"], counts["InstalledAsset"]) == (38, 42, 96, 1850)


@pytest.mark.parametrize("table", sorted(PLANTED))
def test_every_trap_of_soffront_is_planted(table: str) -> None:
    found = {row["kind"] for row in listed("findings.csv") if row["file"] == f"{table}.ndjson"}
    assert PLANTED[table] <= found


@pytest.mark.parametrize(("delivery", "folder"), [("main", TENANT), ("delta", LATER)])
def test_every_row_of_soffront_ends_once_in_each_feed_of_its_table(delivery: str, folder: Path) -> None:
    expected = listed("rows.csv", delivery=delivery)
    for table in PLANTED:
        mine = [row for row in expected if row["file"] == f"{table}.ndjson"]
        feeds = {row["feed"] for row in mine}
        assert feeds or table == "Renewal"
        for feed in feeds:
            ends = sorted(int(row["line"]) for row in mine if row["feed"] == feed)
            assert ends == list(range(1, len(rows(table, folder)) + 1))


def test_the_feeds_of_the_soffront_truth_are_those_of_the_route() -> None:
    route = load_route("soffront_to_freshsales")
    assert {row["feed"] for row in listed("rows.csv")} | {"renewals"} == {feed.name for feed in route.feeds}
    assert {feed.name: feed.object for feed in route.feeds if feed.name in RECORDS} == RECORDS


def test_the_soffront_summary_adds_up_to_the_rows() -> None:
    counted = Counter((row["delivery"], row["feed"], row["bucket"]) for row in listed("rows.csv"))
    assert {(row["delivery"], row["feed"], row["bucket"]): int(row["count"]) for row in listed("summary.csv")} == counted


def test_every_value_of_soffront_belongs_to_a_record_that_is_loaded_and_is_stated_once() -> None:
    loaded = {row["record"] for row in listed("rows.csv", delivery="main") if row["bucket"] == "loaded"}
    stated = Counter((row["record"], row["field"]) for row in listed("records.csv"))
    assert {record for record, _ in stated} == loaded
    assert max(stated.values()) == 1


def test_every_link_of_the_soffront_truth_leads_to_a_loaded_record() -> None:
    loaded = {row["record"] for row in listed("rows.csv", delivery="main") if row["bucket"] == "loaded"}
    links = {"sales_account", "sales_accounts", "parent_sales_account", "contact", "contacts", "deal"}
    led = {key for row in listed("records.csv") if row["field"] in links for key in row["value"].split(";")}
    assert led <= loaded
    assert {key.partition("/")[0] for key in led} == {"accounts", "contacts", "deals", "tickets"}


def test_no_two_soffront_records_share_what_freshsales_keeps_unique() -> None:
    for object_, field in (("contact", "emails"), ("sales_account", "name")):
        values = [row["value"].casefold() for row in listed("records.csv") if (row["object"], row["field"]) == (object_, field)]
        assert len(values) >= 40
        assert len(set(values)) == len(values)


def test_instance_b_holds_the_same_facts_under_other_names() -> None:
    renamed = 0
    for table in PLANTED:
        for plain, other in zip(rows(table), rows(table, COMMITTED / "tenant-b"), strict=True):
            assert {B_NAMES.get(name, name): value for name, value in plain.items()} == other
            renamed += plain.keys() != other.keys()
    assert renamed > 100
    objects = json.loads((COMMITTED / "tenant-b" / "objects.json").read_text(encoding="utf-8"))["objects"]
    accounts = next(each for each in objects if each["name"] == "accounts")
    assert {"Org_Nm", "AssignedRep", "LastUpd"} <= {field["name"] for field in accounts["fields"]}


def test_the_source_knows_every_name_of_the_three_instances() -> None:
    source = load_source("soffront")
    for spec in OBJECTS:
        known = {column.name: set(column.aliases) for column in source.tables[spec.name].columns}
        for field in spec.fields:
            if field.name in OWN:
                assert field.name not in known  # of this customer alone
                continue
            others = {B_NAMES.get(field.name, field.name)} | ({c_name(field.name)} if spec.name in FILES else set())
            assert others - {field.name} <= known[field.name], (spec.name, field.name)


def test_the_on_premise_files_are_read_and_only_the_torn_line_is_refused() -> None:
    truth = listed("on_premise.csv")
    refused = {}
    for table, file in FILES.items():
        path = PREMISE / f"{file}.txt"
        if table == "Renewal":
            assert path.read_bytes() == b"RENEWAL_ID;ACCT_ID;DUE_DATE\r\n"
            continue
        export = read_export(path)
        assert export.report.delimiter == ";" and export.report.rows + export.report.rejected == len(rows(table))
        refused |= {
            (path.name, str(line)): reason
            for line, reason in zip(export.rejects["line"], export.rejects["reason"], strict=True)
        }
    assert refused == {(row["file"], row["line"]): row["reason"] for row in truth if row["reason"] == "broken_quotes"}
    assert len(refused) == 1


def test_the_on_premise_files_are_cp1252_with_crlf_and_cut_memos() -> None:
    blob = (PREMISE / "CONTACT.txt").read_bytes()
    assert b"Ren\xe9e" in blob and b"M\xfcller" in blob and b"\x92" in blob and b"O''Brien" in blob
    assert blob.count(b"\r\n") == blob.count(b"\n") == len(rows("contacts")) + 1
    notes = [line.split(";'")[-1] for line in (PREMISE / "ACTIVITY.txt").read_text(encoding="cp1252").splitlines()]
    assert max(len(row["Notes"]) for row in rows("activities")) > MEMO
    assert all(len(note) <= MEMO + 20 for note in notes)


def test_the_attachments_on_premise_lie_in_a_tree_by_table_and_number(tmp_path: Path) -> None:
    made = make_attach_tree(main_state(), tmp_path)

    stated = {str(row["AttachmentID"]): row for row in rows("attachments")}
    gone = {row["key"] for row in listed("rows.csv", delivery="main") if row["reason"] == "file_missing"}
    assert len(made) == len(stated) - len(gone) > 10
    assert all(path.relative_to(tmp_path).parts[0] == "ATTACH" for path in made)
    sizes = Counter(path.stat().st_size for path in made)
    differs = {row["key"] for row in listed("rows.csv", delivery="main") if row["reason"] == "file_differs"}
    assert sizes == Counter(row["Bytes"] - 7 * (key in differs) for key, row in stated.items() if key not in gone)
    assert sum(size > LIMIT for size in sizes) == 2 and sizes[LIMIT] == 1


def test_stage_words_stand_in_two_pipelines_and_every_one_is_decided() -> None:
    decisions = json.loads((EXPECTED / "decisions.json").read_text(encoding="utf-8"))
    subjects = {each["subject"] for each in decisions if each["kind"] == "value"}
    for deal in rows("deals"):
        assert f"deals/PipelineStage={deal['Pipeline'] or ''}: {deal['Stage']}" in subjects
    words = {subject.partition("=")[2] for subject in subjects if subject.startswith("deals/PipelineStage=")}
    assert len({word for word in words if not word.startswith(":")}) == 23


def test_every_user_of_soffront_is_decided_and_disabled_ones_go_to_the_fallback() -> None:
    decisions = json.loads((EXPECTED / "decisions.json").read_text(encoding="utf-8"))
    owners = {each["subject"]: each["value"] for each in decisions if each["kind"] == "owner"}
    assert {user["UserName"] for user in rows("users")} <= set(owners)
    assert {owners[user["UserName"]] for user in rows("users") if user["Disabled"]} == {"ruth.okafor@northgatehvac.example"}
    named = {row["Owner"] for table in ("accounts", "contacts", "deals") for row in rows(table)}
    named |= {row["Assignee"] for row in rows("tickets")} | {row["AssignTo"] for row in rows("activities")}
    assert named <= set(owners)


def test_categories_stand_three_deep_and_names_come_twice() -> None:
    parents = {row["CategoryID"]: row["ParentID"] for row in rows("kb_categories")}

    def depth(key: int) -> int:
        return 1 if parents[key] is None else 1 + depth(parents[key])

    assert {depth(key) for key in parents} == {1, 2, 3}
    names = Counter(row["CategoryName"] for row in rows("kb_categories"))
    assert max(names.values()) > 1


def test_parents_of_activities_are_of_five_kinds_and_some_are_gone() -> None:
    kinds = Counter(row["ParentObject"] for row in rows("activities"))
    assert set(kinds) == {"contacts", "accounts", "deals", "tickets", "projects"}
    there = {
        "contacts": "ContactID",
        "accounts": "AccountID",
        "deals": "DealID",
        "tickets": "TicketID",
        "projects": "ProjectID",
    }
    known = {name: {row[key] for row in rows(name)} for name, key in there.items()}
    dangling = {str(row["ActivityID"]) for row in rows("activities") if row["ParentID"] not in known[row["ParentObject"]]}
    held = {
        row["key"]
        for row in listed("rows.csv", delivery="main")
        if row["reason"] == "parent_missing" and row["file"] == "activities.ndjson"
    }
    assert dangling == held != set()


def test_every_activity_of_soffront_is_taken_by_one_feed_or_left_out_by_one_rule() -> None:
    feeds = {"calls", "emails", "meetings", "tasks", "other_activities"}
    ends: dict[str, list[tuple[str, str]]] = {}
    for row in listed("rows.csv", delivery="main"):
        if row["feed"] in feeds and row["reason"] != "other_kind":
            ends.setdefault(row["key"], []).append((row["bucket"], row["reason"]))
    assert ends.keys() == {str(row["ActivityID"]) for row in rows("activities")}
    left = {key: each for key, each in ends.items() if each[0][0] == "excluded"}
    assert all(len(each) == 1 for key, each in ends.items() if key not in left)
    assert {tuple(each) for each in left.values()} == {(("excluded", "on_a_project"),) * len(feeds)}
    assert {"Fax", "Appointment", "LVM"} & {row["Type"] for row in rows("activities")} >= {"Fax", "Appointment"}


def test_a_conversation_goes_on_in_further_fields_and_what_finds_no_room_is_named() -> None:
    said = [row for row in listed("modules/records.csv") if row["field"].startswith("support_conversation")]
    (long,) = {row["record"] for row in said if row["field"] == "support_conversation_4__c"}
    fields = [row["value"] for row in said if row["record"] == long]
    assert len(fields) == 4 and all(len(text) <= 10_000 for text in fields) and fields[-1].endswith(" […]")
    (lost,) = [row["key"] for row in listed("modules/cells.csv", delivery="main") if row["reason"] == "no_room_beside_others"]
    mine = [row for row in rows("ticket_messages") if row["TicketID"] == int(long.partition("/")[2])]
    heads = {str(row["MessageID"]): f"{row['CreatedDate']}, {row['Author']} ({row['Direction']})" for row in mine}
    assert {key for key, head in heads.items() if not any(head in text for text in fields)} == {lost}


def test_the_later_state_of_soffront_changes_what_it_says() -> None:
    names = {"mobile_number": "Phone", "deal_stage": "Stage", "service_tier__c": "ServiceTier"}
    told = {(row["record"].partition("/")[2], names[row["field"]]) for row in listed("changes.csv") if row["field"]}
    found, moved = set(), set()
    for table, key in (("contacts", "ContactID"), ("deals", "DealID"), ("accounts", "AccountID"), ("activities", "ActivityID")):
        before, after = ({str(row[key]): row for row in rows(table, folder)} for folder in (TENANT, LATER))
        for one in before.keys() & after.keys():
            found |= {(one, name) for name in before[one] if before[one][name] != after[one][name]} - {(one, "ModifiedDate")}
        moved |= {(one, "gone") for one in before.keys() - after.keys()} | {
            (one, "created") for one in after.keys() - before.keys()
        }
    assert found == told
    assert moved == {(row["record"].partition("/")[2], row["new"]) for row in listed("changes.csv") if not row["field"]}


def test_everybody_at_soffront_is_invented() -> None:
    for person in rows("contacts"):
        assert all(part.strip().lower().endswith(RESERVED) for part in person["Email"].split(";"))
        assert "555" in person["Phone"]


def test_the_route_from_soffront_fits_both_sides_and_leaves_no_promise_out() -> None:
    route = load_route("soffront_to_freshsales")
    check_route(route, load_source("soffront"), load_destination("freshsales"))
    assert {row for feed in route.feeds for row in feed.rows} == {f"SF{n}" for n in range(1, 11)}
    assert all(each.about for each in route.scope) and route.losses and route.checklist
