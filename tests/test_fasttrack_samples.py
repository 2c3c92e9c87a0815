"""The FastTrack sample: reproducible to the byte, accounted for row by row, and as dirty as it claims to be."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sample_exports.fasttrack_people import UNASSIGNED
from sample_exports.fasttrack_world import RECORDS
from sample_exports.generate import generate, main
from sample_exports.tenant_delivery import MANIFEST, make_delivery
from sample_exports.tenant_files import LIMIT, content, digest, make_files
from workbench.specs import load_destination, load_route, load_source
from workbench.specs.fitting import check_route

COMMITTED = Path(__file__).parent.parent / "sample_exports" / "fasttrack"
EXPECTED, TENANT, LATER = COMMITTED / "expected", COMMITTED / "tenant", COMMITTED / "tenant-delta"
RESERVED = (".example", ".test", "@example.com", "@example.org", "@example.net", ".example.net")
PLANTED = {
    "users": {"changed_domain", "user_inactive"},
    "companies": {
        "hierarchy_level_5", "parent_cycle", "own_parent", "parent_deleted", "same_company", "same_name_two_companies",
        "number_as_text", "unreadable_item", "owner_inactive", "owner_empty", "owner_changed_domain",
    },
    "contacts": {
        "lead", "unassigned", "several_companies", "same_person", "shared_email", "name_missing", "key_spelling",
        "unreadable_item", "mark_blank", "email_of_a_contact",
    },
    "contact_companies": {"two_primaries", "no_primary", "company_unreadable"},
    "pipelines": {"probability_as_share", "probability_as_percent", "probability_mixed", "view"},
    "deals": {"stage_astray", "in_a_view", "no_amount", "no_company", "company_deleted", "sum_differs", "contact_is_a_lead",
              "currency_not_there"},
    "products": {"sku_twice", "currency_missing", "three_steps", "thirteen_steps"},
    "deal_products": {"product_deleted", "free_of_charge"},
    "subscription": {"schema_of_basic", "schema_of_pro", "schema_of_enterprise"},
    "site": {"circular_reference", "contact_is_a_lead"},
    "activities": {
        "due_never", "parent_deleted", "no_subject", "owner_empty", "unreadable_item", "other_kind", "kind_blank", "call_due",
        "on_a_merged_lead",
        "email_due", "own_column",
    },
    "notes": {"mojibake", "over_100_kb", "not_utf8", "script_tag", "author_missing"},
    "files": {"empty", "gone", "over_limit", "at_limit", "on_an_email"},
    "custom_events": {"line_cut"},
}  # fmt: skip


def listed(name: str, *, delivery: str = "", folder: Path = EXPECTED) -> list[dict[str, str]]:
    with (folder / name).open(encoding="utf-8", newline="") as handle:
        return [row for row in csv.DictReader(handle) if not delivery or row["delivery"] == delivery]


def lines(table: str, folder: Path = TENANT) -> list[bytes]:
    return (folder / f"{table}.ndjson").read_bytes().splitlines()


def rows(table: str, folder: Path = TENANT) -> dict[str, dict[str, Any]]:
    """The rows that can be read, by their id."""
    found = {}
    for line in lines(table, folder):
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if "error" not in row:
            found[row["id"]] = row
    return found


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_committed_fasttrack_sample_is_what_the_generator_writes(tmp_path: Path) -> None:
    generate("fasttrack", tmp_path, size="small", seed=7)

    made, kept = tree(tmp_path), tree(COMMITTED)
    assert sorted(made) == sorted(kept)
    assert [name for name in made if made[name] != kept[name]] == []


def test_another_seed_gives_another_fasttrack_with_the_same_kinds_of_rows(tmp_path: Path) -> None:
    assert main(["fasttrack", "--seed", "12", "--out", str(tmp_path)]) == 0

    other = listed("rows.csv", folder=tmp_path / "expected")
    assert (tmp_path / "tenant" / "contacts.ndjson").read_bytes() != (TENANT / "contacts.ndjson").read_bytes()
    kinds = {(row["bucket"], row["reason"]) for row in listed("rows.csv")}
    assert {(row["bucket"], row["reason"]) for row in other} == kinds


def test_the_small_fasttrack_sample_stays_small() -> None:
    assert sum(len(lines(table)) for table in PLANTED) <= 700
    assert sum(len(blob) for blob in tree(COMMITTED).values()) <= 1_500_000


@pytest.mark.slow
def test_the_medium_fasttrack_sample_has_the_rows_of_a_usual_customer(tmp_path: Path) -> None:
    generate("fasttrack", tmp_path, size="medium")

    counts = {table: len(lines(table, tmp_path / "tenant")) for table in PLANTED}
    assert (counts["companies"], counts["contacts"], counts["deals"]) == (2150, 11_800, 3640)
    assert (counts["activities"], counts["notes"], counts["files"]) == (38_200, 9100, 2480)
    assert (counts["products"], counts["deal_products"], counts["custom_events"]) == (310, 7950, 120_000)


@pytest.mark.parametrize("table", sorted(PLANTED))
def test_every_trap_of_fasttrack_is_planted(table: str) -> None:
    found = {row["kind"] for row in listed("findings.csv") if row["file"] == f"{table}.ndjson"}
    assert PLANTED[table] <= found


@pytest.mark.parametrize(("delivery", "folder"), [("main", TENANT), ("delta", LATER)])
def test_every_row_of_fasttrack_ends_once_in_each_feed_of_its_table(delivery: str, folder: Path) -> None:
    expected = listed("rows.csv", delivery=delivery)
    for table in PLANTED:
        mine = [row for row in expected if row["file"] == f"{table}.ndjson"]
        feeds = {row["feed"] for row in mine}
        assert feeds
        for feed in feeds:
            ends = sorted(int(row["line"]) for row in mine if row["feed"] == feed)
            assert ends == list(range(1, len(lines(table, folder)) + 1))


def test_the_feeds_of_the_fasttrack_truth_are_those_of_the_route() -> None:
    route = load_route("fasttrack_to_freshsales")
    assert {row["feed"] for row in listed("rows.csv")} == {feed.name for feed in route.feeds}
    assert {feed.name: feed.object for feed in route.feeds if feed.name in RECORDS} == RECORDS


def test_the_fasttrack_summary_adds_up_to_the_rows() -> None:
    counted = Counter((row["delivery"], row["feed"], row["bucket"]) for row in listed("rows.csv"))
    assert {(row["delivery"], row["feed"], row["bucket"]): int(row["count"]) for row in listed("summary.csv")} == counted


def test_every_value_of_fasttrack_belongs_to_a_record_that_is_loaded_and_is_stated_once() -> None:
    loaded = {row["record"] for row in listed("rows.csv", delivery="main") if row["bucket"] == "loaded"}
    stated = Counter((row["record"], row["field"]) for row in listed("records.csv"))
    assert {record for record, _ in stated} == loaded
    assert max(stated.values()) == 1


def test_every_link_of_the_fasttrack_truth_leads_to_a_loaded_record() -> None:
    loaded = {row["record"] for row in listed("rows.csv", delivery="main") if row["bucket"] == "loaded"}
    links = {"sales_account", "sales_accounts", "parent_sales_account", "contact", "contacts", "lead", "deal", "product"}
    led = {key for row in listed("records.csv") if row["field"] in links for key in row["value"].split(";")}
    assert led <= loaded
    assert UNASSIGNED in led


def test_no_two_fasttrack_records_share_what_freshsales_keeps_unique() -> None:
    for object_, field in (("contact", "emails"), ("sales_account", "name")):
        values = [row["value"].casefold() for row in listed("records.csv") if (row["object"], row["field"]) == (object_, field)]
        assert len(values) > 50
        assert len(set(values)) == len(values)


def test_companies_stand_five_deep_and_in_a_circle() -> None:
    parents = {key: row["parent_id"] for key, row in rows("companies").items()}
    above = ["co-0005"]
    while parents.get(above[-1]):
        above.append(parents[above[-1]])
    assert above == ["co-0005", "co-0004", "co-0003", "co-0002", "co-0001"]
    assert (parents["co-0006"], parents["co-0007"], parents["co-0008"]) == ("co-0007", "co-0008", "co-0006")
    assert parents["co-0009"] == "co-0009"
    cut = {row["reason"]: row["key"] for row in listed("cells.csv", delivery="main") if row["feed"] == "accounts"}
    assert cut == {"parent_cycle": "co-0008", "own_parent": "co-0009", "parent_missing": "co-0010"}


def test_a_person_without_company_is_a_lead_unless_once_converted() -> None:
    linked = {json.loads(line)["contact_id"] for line in lines("contact_companies")}
    ends = {row["key"]: row["bucket"] for row in listed("rows.csv", delivery="main") if row["feed"] == "leads"}
    people = rows("contacts")
    assert {key for key, bucket in ends.items() if bucket in ("loaded", "merged")} == {
        key for key, row in people.items() if key not in linked and not row["converted"]
    }
    assert {row["converted"] for key, row in people.items() if key not in linked} == {True, False, None}


def test_every_person_of_fasttrack_is_taken_by_one_feed() -> None:
    ends: dict[str, list[tuple[str, str]]] = {}
    for row in listed("rows.csv", delivery="main"):
        if row["feed"] in ("contacts", "leads") and row["bucket"] != "excluded":
            ends.setdefault(row["key"], []).append((row["feed"], row["bucket"]))
    unread = {row["key"] for row in listed("rows.csv", delivery="main") if row["reason"] == "unreadable"}
    assert set(rows("contacts")) == ends.keys() - unread
    assert all(len(taken) == 1 for key, taken in ends.items() if key not in unread)


def test_every_step_of_a_price_stands_in_the_description() -> None:
    told = {row["record"]: row["value"] for row in listed("records.csv") if row["field"] == "description"}
    steps = {key: row["price_tiers"] for key, row in rows("products").items()}
    assert {len(each) for each in steps.values()} == {2, 3, 13}
    for key, tiers in steps.items():
        lines = told[f"products/{key}"].splitlines()[-len(tiers) :]
        wanted = [f"From {each['from']}: {each['price']} {each['currency'] or ''}".strip() for each in tiers]
        assert lines == wanted


def test_every_activity_of_fasttrack_that_can_be_read_is_taken_by_one_feed() -> None:
    feeds = {"tasks", "calls", "emails", "meetings", "activity_notes"}
    taken = Counter(
        row["key"]
        for row in listed("rows.csv", delivery="main")
        if row["feed"] in feeds and row["bucket"] in ("loaded", "held")
    )
    there = rows("activities")
    assert taken == dict.fromkeys(there, 1)
    assert {"sms", None} <= {row["type"] for row in there.values()}


def test_some_contacts_have_two_primary_companies_and_some_none() -> None:
    marks: dict[str, list[bool | None]] = {}
    for line in lines("contact_companies"):
        row = json.loads(line)
        marks.setdefault(row["contact_id"], []).append(row["is_primary"])
    assert any(primaries == [True, True] for primaries in marks.values())
    assert any(len(primaries) > 1 and not any(primaries) for primaries in marks.values())


def test_probabilities_come_as_shares_and_as_percent_and_one_pipeline_is_a_view() -> None:
    pipelines = rows("pipelines")
    chances = {row["name"]: [stage["probability"] for stage in row["stages"]] for row in pipelines.values()}
    assert sum(len(each) for each in chances.values()) == 23
    assert max(chances["New Business"]) == 1 and max(chances["Renewals"]) == 100
    assert any(0 < chance < 1 for chance in chances["Partner"]) and max(chances["Partner"]) == 100
    names = {key: {stage["name"] for stage in row["stages"]} for key, row in pipelines.items()}
    assert any(deal["stage"] not in names[deal["pipeline_id"]] for deal in rows("deals").values())


def test_lines_of_a_deal_may_come_to_something_else() -> None:
    sums: dict[str, float] = {}
    for line in lines("deal_products"):
        row = json.loads(line)
        part = float(row["quantity"]) * float(row["price"]) * (1 - float(row["discount"] or 0) / 100)
        sums[row["deal_id"]] = sums.get(row["deal_id"], 0) + part
    deals = rows("deals")
    compared = [abs(float(deals[key]["amount"]) - total) < 0.01 for key, total in sums.items() if deals[key]["amount"]]
    assert True in compared and False in compared


def test_what_cannot_be_read_is_really_broken() -> None:
    for row in listed("rows.csv", delivery="main"):
        if row["reason"] not in ("unreadable", "unreadable_bytes", "cut_line"):
            continue
        line = lines(row["file"].removesuffix(".ndjson"))[int(row["line"]) - 1]
        if row["reason"] == "unreadable":
            assert json.loads(line) == {"id": row["key"], "error": "unreadable"}
        elif row["reason"] == "unreadable_bytes":
            with pytest.raises(UnicodeDecodeError):
                line.decode()
        else:
            with pytest.raises(json.JSONDecodeError):
                json.loads(line)
            assert not (TENANT / row["file"]).read_bytes().endswith(b"\n")


def test_the_later_state_changes_what_it_says_and_nothing_else() -> None:
    fields = {
        "mobile_number": ("contacts", "phone"),
        "deal_stage": ("deals", "stage"),
        "company_tier__c": ("companies", "properties"),
    }
    changed = {(row["record"].partition("/")[2], fields[row["field"]]) for row in listed("changes.csv") if row["field"]}
    found = set()
    for table in ("contacts", "deals", "companies", "notes"):
        before, after = rows(table), rows(table, LATER)
        for key in before.keys() & after.keys():
            differs = {name for name in before[key] if before[key][name] != after[key][name]} - {"updated_at"}
            found |= {(key, (table, name)) for name in differs}
    assert found == changed
    assert {row["new"] for row in listed("changes.csv") if not row["field"]} == {"created", "gone"}


def test_every_row_that_is_gone_or_created_is_told() -> None:
    told = {(row["record"].partition("/")[2], row["new"]) for row in listed("changes.csv") if not row["field"]}
    found = set()
    for table in ("contacts", "notes", "deals", "companies", "activities"):
        before, after = rows(table), rows(table, LATER)
        found |= {(key, "gone") for key in before.keys() - after.keys()} | {
            (key, "created") for key in after.keys() - before.keys()
        }
    assert found == told


def test_every_owner_and_every_stage_of_fasttrack_is_decided() -> None:
    decisions = json.loads((EXPECTED / "decisions.json").read_text(encoding="utf-8"))
    subjects = {(each["kind"], each["subject"]) for each in decisions}
    assert all(("owner", user["email"]) in subjects for user in rows("users").values())
    names = {key: row["name"] for key, row in rows("pipelines").items()}
    for deal in rows("deals").values():
        assert ("value", f"deals/pipeline_stage={names[deal['pipeline_id']]}: {deal['stage']}") in subjects
    assert {each["value"] for each in decisions if each["kind"] == "owner" and "-software.test" in each["subject"]} == {
        "luis.ferreira@lanternfield.example", "greta.solberg@lanternfield.example"}  # fmt: skip


def test_files_are_made_as_the_list_says_and_their_bytes_are_the_same_each_time(tmp_path: Path) -> None:
    made = make_files(TENANT, tmp_path)

    stated = {each["id"]: each for each in json.loads((TENANT / "files.json").read_text(encoding="utf-8"))["files"]}
    assert {key for key, each in stated.items() if each["status"] == 200} == set(made)
    assert all(path.stat().st_size == stated[key]["bytes"] for key, path in made.items())
    assert {0, LIMIT} <= {path.stat().st_size for path in made.values()} and max(
        each["bytes"] for each in stated.values()
    ) > LIMIT
    one = next(key for key, path in made.items() if 0 < path.stat().st_size < LIMIT)
    assert hashlib.sha256(made[one].read_bytes()).hexdigest() == digest(one, stated[one]["bytes"])
    assert b"".join(content("a", 70_000)) == b"".join(content("a", 70_000)) != b"".join(content("b", 70_000))


def test_a_delivery_has_the_tables_and_a_manifest_of_its_files(tmp_path: Path) -> None:
    make_delivery(TENANT, tmp_path, largest=100_000)

    fetched = {row["id"]: row for row in map(json.loads, (tmp_path / MANIFEST).read_bytes().splitlines())}
    assert (tmp_path / "contacts.ndjson").read_bytes() == (TENANT / "contacts.ndjson").read_bytes()
    there = [row for row in fetched.values() if row["path"]]
    assert all((tmp_path / row["path"]).stat().st_size == row["bytes"] for row in there)
    assert len(there) < len(fetched) == len(lines("files"))


def test_everybody_at_fasttrack_is_invented() -> None:
    for person in rows("contacts").values():
        assert (person["email"] or "x.example").lower().endswith(RESERVED)
        assert "555" in person["phone"]
    assert all(company["domain"].endswith(RESERVED) for company in rows("companies").values())


def test_the_route_from_fasttrack_fits_both_sides_and_leaves_no_promise_out() -> None:
    route = load_route("fasttrack_to_freshsales")
    check_route(route, load_source("fasttrack"), load_destination("freshsales"))
    assert {row for feed in route.feeds for row in feed.rows} == {f"FF{n}" for n in range(1, 11)}
    assert all(each.about for each in route.scope) and route.losses and route.checklist
