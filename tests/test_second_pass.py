"""A second pass only looks, and says what a second run would do: nothing, unless somebody changed something."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent / "routes"))  # the walk that the routes set out from

from places import loaded, nobody_else, staged
from tenant import Tenant
from walk import Walk, cut_over, resumed, write_decision

from workbench import reports
from workbench.cli import app
from workbench.flow.transfer import in_order, transfer
from workbench.stages import handoff, production, provisioning, secondpass

__all__ = ["loaded", "nobody_else", "staged"]


@pytest.fixture
def walk(loaded: Path, tmp_path: Path) -> Iterator[Walk]:
    with resumed(loaded, tmp_path / "walk") as set_out:
        yield set_out


def test_after_a_load_a_second_pass_finds_nothing_and_asks_little(walk: Walk) -> None:
    asked = walk.requests()
    result = secondpass.run(walk.engagement)
    assert result.good and result.frame.empty, result.frame
    loaded = walk.engagement.load("accounting").set_index("feed")["loaded"]
    assert result.records == sum(int(loaded[feed.name]) for feed in in_order(walk.engagement))
    log = walk.tenant.log(asked)
    assert set(log["method"]) == {"GET"}
    pages = log[log["path"].str.contains("/view/")]
    objects = len({feed.object for feed in in_order(walk.engagement)})
    assert pages["path"].nunique() <= result.records / 100 + 2 * objects
    read = pages.groupby("path").size()
    assert read.max() == 2 and read[~read.index.str.contains("/contacts/")].max() == 1  # the Suite keeps leads as contacts


def test_a_second_load_of_everything_sends_nothing_at_all(walk: Walk) -> None:
    asked = walk.requests()
    moved = transfer(walk.engagement)
    assert walk.writes(asked) == []
    assert set(moved.frame["state"]) <= {"done", "held"}
    asked = walk.requests()
    assert production.run(walk.engagement).passed
    assert walk.writes(asked) == []


def test_before_a_load_everything_is_missing(staged: Path, tmp_path: Path) -> None:
    with resumed(staged, tmp_path / "walk") as set_out:
        result = secondpass.run(set_out.engagement)
        assert not result.good and set(result.frame["kind"]) == {"missing"}
        assert result.would_create == result.records > 100


def test_what_people_changed_took_away_or_copied_is_found_record_by_record(walk: Walk) -> None:
    keys = walk.engagement.load("final/deals").query("bucket == 'loaded'")["record"].tolist()
    there = Tenant(walk)
    (_, changed, _), (_, gone, _) = (there.find(key) for key in keys[:2])
    walk.ask("PUT", f"deals/{changed}", {"deal": {"amount": "1.23"}})
    walk.ask("DELETE", f"deals/{gone}")
    marker = there.key("deals", "Migration Key")
    walk.ask("POST", "deals", {"deal": {"name": "Somebody's", "amount": 1, "custom_field": {marker: "promio:deals:x-1"}}})
    result = secondpass.run(walk.engagement)
    found = {(row.kind, row.key, row.field) for row in result.frame.itertuples()}
    assert found == {
        ("differs", f"promio:{keys[0].replace('/', ':', 1)}".lower(), "amount"),
        ("missing", f"promio:{keys[1].replace('/', ':', 1)}".lower(), ""),
        ("extra", "promio:deals:x-1", ""),
    }
    differs = result.frame[result.frame["kind"] == "differs"].iloc[0]
    assert differs["found"] in ("1.23", "1.230") and differs["expected"] != differs["found"]
    assert (result.would_create, result.would_change, result.extra) == (1, 1, 1)


def test_the_command_ends_with_1_where_something_differs_and_lists_it(walk: Walk) -> None:
    run = CliRunner().invoke(app, ["second-pass", str(walk.engagement.root)])
    assert run.exit_code == 0 and "makes nothing and changes nothing" in run.output, run.output
    key = walk.engagement.load("final/deals").query("bucket == 'loaded'")["record"].iloc[0]
    walk.ask("DELETE", f"deals/{Tenant(walk).find(key)[1]}")
    run = CliRunner().invoke(app, ["second-pass", str(walk.engagement.root)])
    assert run.exit_code == 1 and "1 missing" in run.output and key.partition("/")[2].lower() in run.output


def test_the_delta_counts_too_and_the_handoff_tells_of_it_until_something_is_loaded(walk: Walk) -> None:
    assert secondpass.run(walk.engagement).good  # it was not sent yet
    assert cut_over(walk.engagement).passed
    assert handoff._second_pass(walk.engagement) is None  # what was seen before the cutover is old
    result = secondpass.run(walk.engagement)
    assert result.good, result.frame.to_dict("records")
    told = handoff._second_pass(walk.engagement)
    assert told == reports.SecondPass(records=result.records, would_create=0, would_change=0, writes=0) and told.good


def test_what_was_seen_before_the_cutover_is_old_whatever_the_clock_says(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    """I15: a clock that was ahead and is set back makes no earlier look the later one."""
    monkeypatch.setattr(secondpass, "now", lambda: "2099-01-01T00:00:00.000000+00:00")
    assert secondpass.run(walk.engagement).good
    assert handoff._second_pass(walk.engagement) is not None
    assert cut_over(walk.engagement).passed
    assert handoff._second_pass(walk.engagement) is None


def test_production_keeps_and_shows_that_ledger_and_destination_are_one_to_one(walk: Walk) -> None:
    kept = walk.engagement.load("certificate")
    objects = list(dict.fromkeys(feed.object for feed in in_order(walk.engagement)))
    assert kept["object"].tolist() == objects and kept["holds"].all()
    ids = {name: len(walk.engagement.ledger().ids(name)) for name in objects}
    assert dict(zip(kept["object"], kept["one to one"], strict=True)) == ids
    said = production.certified(kept)
    total = sum(ids.values())
    assert said == f"ledger ↔ destination one to one: {total:,} of {total:,}, 0 twins, 0 missing"
    assert walk.engagement.phase("production").summary["certificate"] == said
    assert said in production.run(walk.engagement)._repr_html_()


# ---------------------------------------------------------------- what must not be sent


def test_two_records_that_the_destination_would_take_for_one_are_not_both_sent(staged: Path, tmp_path: Path) -> None:
    """F24: accounts are upserted by name."""
    with resumed(staged, tmp_path / "walk") as set_out:
        engagement = set_out.engagement
        provisioning.run(engagement)
        accounts = engagement.load("records/accounts")
        one, other, theirs = accounts.index[0], accounts.index[1], accounts.index[2]
        accounts.loc[[one, other], "name"] = ["Renewal", " RENEWAL"]
        engagement.save("records/accounts", accounts)
        set_out.ask("POST", "sales_accounts", {"sales_account": {"name": accounts.loc[theirs, "name"].upper()}})
        moved = transfer(engagement).frame.set_index("key")
        keys = accounts["key"]
        assert moved.loc[keys[one], "state"] == "done"
        assert (moved.loc[keys[other], "state"], moved.loc[keys[other], "words"]) == ("held", "taken_by_another_record")
        assert (moved.loc[keys[theirs], "state"], moved.loc[keys[theirs], "words"]) == ("held", "exists_already")
        again = transfer(engagement).frame.set_index("key")
        assert again.loc[keys[other], "state"] == "held"
        names = [body["name"].strip().upper() for body in set_out.tenant.dump()["records"]["sales_accounts"].values()]
        assert names.count("RENEWAL") == 1


def test_one_record_over_there_is_not_taken_over_by_two_of_ours(staged: Path, tmp_path: Path) -> None:
    with resumed(staged, tmp_path / "walk") as set_out:
        engagement = set_out.engagement
        write_decision(engagement, "scope", "existing_records", "update")
        provisioning.run(engagement)
        contacts = engagement.load("records/contacts")
        mine = contacts[contacts["emails"].notna()].head(2)
        person = {"last_name": "Both", "emails": [{"value": mail} for mail in mine["emails"]]}
        number = str(set_out.ask("POST", "contacts", {"contact": person})["contact"]["id"])
        before = set_out.tenant.dump()["records"]["contacts"][number]
        moved = transfer(engagement).frame.set_index("key")
        for key in mine["key"]:
            assert (moved.loc[key, "state"], moved.loc[key, "words"]) == ("held", "claimed_twice")
        assert set_out.tenant.dump()["records"]["contacts"][number] == before
        assert "several of ours" in reports.reasons.reason("claimed_twice").words


def test_a_child_that_waits_for_its_parent_says_what_became_of_it(staged: Path, tmp_path: Path) -> None:
    with resumed(staged, tmp_path / "walk") as set_out:
        engagement = set_out.engagement
        provisioning.run(engagement)
        contacts, accounts = engagement.load("records/contacts"), engagement.load("records/accounts")
        child = contacts[contacts["sales_accounts"].notna()].iloc[0]
        place = accounts.index[accounts["key"] == child["sales_accounts"]][0]
        accounts.loc[place, "website"] = "no address at all, and much too long for a field " * 20
        engagement.save("records/accounts", accounts)
        moved = transfer(engagement).frame.set_index("key")
        parent = moved.loc[child["sales_accounts"]]
        assert parent["state"] == "rejected" and parent["words"]
        for transferred in (moved, transfer(engagement, feeds=[engagement.route.feed("contacts")]).frame.set_index("key")):
            row = transferred.loc[child["key"]]
            assert (row["state"], row["words"]) == ("held", "parent_missing")
            assert row["detail"] == f"{child['sales_accounts']} was refused: {parent['words']}"
