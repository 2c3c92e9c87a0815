"""A ledger that is lost or damaged is made again from what the records bear, and nothing is loaded twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from tenant import Tenant
from typer.testing import CliRunner
from walk import Resume, Walk, cut_over, load_main, write_decision

from workbench.cli import app
from workbench.engagement import open_engagement
from workbench.errors import EditError, IntegrityError
from workbench.stages import production, rebuilding, rollback, secondpass

RECORDS = {"sales_account": 35, "contact": 160, "lead": 385, "deal": 26}


def deleted(database: Path) -> None:
    for each in database.parent.glob(f"{database.name}*"):
        each.unlink()


def flipped(database: Path) -> None:
    """One value of one operation, changed behind everybody's back."""
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE operations SET id = '999' WHERE op = (SELECT max(op) FROM operations)")
    connection.close()


def torn(database: Path) -> None:
    """A page of the table of operations is nonsense; what people decided lies elsewhere."""
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'operations'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.close()
    with database.open("r+b") as stream:
        stream.seek((page - 1) * size)
        stream.write(b"\xff" * size)


def reopened(walk: Walk) -> Walk:
    return Walk(open_engagement(walk.engagement.root), walk.tenant)


@pytest.mark.parametrize("harm", [flipped, torn])
def test_a_damaged_ledger_is_refused_made_again_and_then_nothing_is_sent(
    resume: Resume, loaded: Path, harm: Callable[[Path], None]
) -> None:
    """F23: refused first; afterwards every key has its id again, decisions and phases stand, the old file is still there."""
    walk = resume(loaded)
    root, ids = walk.engagement.root, {name: walk.engagement.ledger().ids(name) for name in RECORDS}
    said = walk.engagement.decisions.digest()
    walk.engagement.store.dispose()
    harm(root / "workbench.db")
    with pytest.raises(IntegrityError):
        open_engagement(root).ledger().ids("contact")
    asked = walk.requests()
    result = rebuilding.run(root)
    assert walk.writes(asked) == []
    again = reopened(walk)
    assert {name: again.engagement.ledger().ids(name) for name in RECORDS} == ids
    assert result.frame.set_index("object")["keys"].to_dict() == {name: len(each) for name, each in ids.items()}
    assert result.twins.empty and result.unstaged.empty and not result.frame["unsure"].any()
    assert again.engagement.decisions.digest() == said
    assert again.engagement.phase("production").state == "passed"
    assert (root / result.aside).is_file()
    assert again.engagement.journal.entries()[-1].what == "rebuilt"
    asked = walk.requests()
    assert production.run(again.engagement).passed
    assert cut_over(again.engagement).passed
    made = [line for line in walk.writes(asked) if "bulk" in line or "POST" in line]
    assert made  # the delta was not in yet
    again.engagement.store.dispose()


def test_a_deleted_ledger_is_made_again_and_what_else_was_lost_is_told(resume: Resume, loaded: Path) -> None:
    """F23: the decisions went with the file, so nobody can say what was there before us: a rollback keeps everything."""
    walk = resume(loaded)
    root, ids = walk.engagement.root, {name: walk.engagement.ledger().ids(name) for name in RECORDS}
    exported = walk.engagement.decisions.write_jsonl(root / "decisions.jsonl")
    walk.engagement.store.dispose()
    deleted(root / "workbench.db")
    done = CliRunner().invoke(app, ["rebuild-ledger", str(root)])
    assert done.exit_code == 0, done.output
    assert "there is no database" in done.output
    assert "workbench decide" in done.output
    again = reopened(walk)
    assert {name: again.engagement.ledger().ids(name) for name in RECORDS} == ids
    assert again.engagement.decisions.read_jsonl(exported) > 100
    asked = walk.requests()
    ended = rollback.run(again.engagement)
    assert walk.writes(asked) == []
    assert set(ended.frame["verdict"]) == {"kept"}
    assert ended.frame["words"].str.contains("before us").all()
    again.engagement.store.dispose()


def test_a_rebuilt_ledger_can_be_rolled_back_and_people_keep_what_they_changed(resume: Resume, finished: Path) -> None:
    """F23, F21: what was sent is known from what is staged, so an edit of before the loss still shows."""
    walk = resume(finished)
    there = Tenant(walk)
    number = there.find("contacts/C-01012")[1]
    walk.ask("PUT", f"contacts/{number}", {"contact": {"city": "Elsewhere", "job_title": "Chief"}})
    walk.engagement.store.dispose()
    flipped(walk.engagement.root / "workbench.db")
    rebuilding.run(walk.engagement.root)
    again = reopened(walk)
    ended = rollback.run(again.engagement)
    assert ended.errored.empty
    kept = ended.kept.set_index("key")["words"].to_dict()
    assert "'Elsewhere'" in kept["promio:contacts:c-01012"]
    assert len(ended.kept) < 12 < 600 < len(ended.reversed)
    assert all("it has become" in words for key, words in kept.items() if ":leads:" in key)
    # Deals may hold what the destination has filled in, such as a day of closing: without an image nobody can tell.
    told = ("changed since", "nobody saw it when it was made", "others hang on it", "it has become")
    assert all(any(word in words for word in told) for words in kept.values())
    left, stays = walk.tenant.dump()["records"], {f"{row.object}s/{row.id}" for row in ended.kept.itertuples()}
    assert number in left["contacts"]
    assert {f"contacts/{each}" for each in left["contacts"]} <= stays
    again.engagement.store.dispose()


def test_leads_that_signed_are_missed_by_nobody_once_the_ledger_was_made_again(resume: Resume, finished: Path) -> None:
    """They stand over there as customers, under their second key: nothing is missing, and every phase passes as before."""
    walk = resume(finished)
    before = secondpass.run(walk.engagement)
    assert before.good
    walk.engagement.store.dispose()
    signed = rebuilding.run(walk.engagement.root, anyway=True).frame["absent"].sum()
    assert int(signed) == 2
    again = reopened(walk)
    asked = walk.requests()
    assert secondpass.run(again.engagement).words() == before.words()
    assert production.run(again.engagement).passed
    assert cut_over(again.engagement).passed
    assert walk.writes(asked) == []
    again.engagement.store.dispose()


def test_a_key_that_stands_twice_is_told_and_the_older_record_counts(resume: Resume, staged: Path) -> None:
    """F23, F4: one twin, where the account did not make our field unique; the ledger knows both of them."""
    walk = resume(staged, field_create_unique="ignore")
    load_main(walk.engagement)
    there = Tenant(walk)
    number, body = next(iter(there.records["deals"].items()))
    marker, field = there.marker("deals", body), there.key("deals", "Migration Key")
    twin = {"name": body["name"], "amount": body["amount"], "custom_field": {field: marker}}
    twin = walk.ask("POST", "deals", {"deal": twin})["deal"]["id"]
    walk.engagement.store.dispose()
    flipped(walk.engagement.root / "workbench.db")
    done = CliRunner().invoke(app, ["rebuild-ledger", str(walk.engagement.root)])
    assert done.exit_code == 1
    assert "the same key twice" in done.output
    again = reopened(walk)
    assert again.engagement.ledger().ids("deal")[marker] == number
    frame = again.engagement.ledger().frame()
    assert frame.loc[frame["id"] == str(twin), "words"].str.contains("made twice").tolist() == [True]
    again.engagement.store.dispose()


def test_an_intact_ledger_is_not_replaced(resume: Resume, loaded: Path) -> None:
    """F23: it knows what records held before, which no marker tells."""
    walk = resume(loaded)
    with pytest.raises(EditError, match="intact"):
        rebuilding.run(walk.engagement.root)
    result = rebuilding.run(walk.engagement.root, anyway=True)
    assert not result.why
    assert (walk.engagement.root / result.aside).is_file()


def test_records_that_may_have_been_there_before_us_are_kept(resume: Resume, loaded: Path) -> None:
    """I12: where it was decided to take over records of others, a marker does not tell whose record it is."""
    walk = resume(loaded)
    write_decision(walk.engagement, "scope", "existing_records", "update")
    walk.engagement.store.dispose()
    flipped(walk.engagement.root / "workbench.db")
    result = rebuilding.run(walk.engagement.root)
    assert result.frame["unsure"].sum() == result.frame["keys"].sum()
    asked = walk.requests()
    again = reopened(walk)
    assert set(rollback.run(again.engagement).frame["verdict"]) == {"kept"}
    assert walk.writes(asked) == []
    again.engagement.store.dispose()
