"""A delta costs what it brings, goes on where it was cut off, and says which rows the last export has left out."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from tenant import Tenant
from test_promio_delta import FIELD, OURS, RECORD, SUBJECT, THEIRS
from walk import KIM, Resume, Walk, cut_over, stage_delta, write_decision

from workbench.engagement import Engagement
from workbench.errors import GateClosed
from workbench.ledger.loading import Progress
from workbench.stages import cutover, handoff


def looks(walk: Walk, since: int) -> dict[str, int]:
    """Object → how often its first page was listed."""
    log = walk.tenant.log(since)
    pages = log[(log["method"] == "GET") & log["path"].str.contains("/view/") & log["path"].str.contains("page=1(?:&|$)")]
    kinds = pages["path"].str.extract(r"/(\w+)/view/")[0]
    return {str(kind): int(count) for kind, count in kinds.value_counts().items()}


class Cut(Exception):
    """The moment in which a process ends."""


def test_a_delta_that_says_nothing_new_sends_nothing_and_lists_nothing(resume: Resume, finished: Path) -> None:
    """I6: the second cutover meets a destination that holds everything; no row is sent, no object is swept for a change."""
    walk = resume(finished)
    asked = walk.requests()
    result = cut_over(walk.engagement)
    assert result.passed
    assert walk.writes(asked) == []
    assert result.frame[["changed", "fields", "refused", "edited"]].to_numpy().sum() == 0


def test_unchanged_rows_cost_no_call_but_one_sweep_of_their_object(resume: Resume, loaded: Path) -> None:
    """I6: a plan looks once at each object; a run sends the changed fields and the new records, and nothing else."""
    walk = resume(loaded)
    asked = walk.requests()
    planned = cutover.plan(walk.engagement)
    assert walk.writes(asked) == []
    seen = looks(walk, asked)
    # Leads are contacts here, and an object of their own; deals are seen through three views.
    assert seen == {"sales_accounts": 1, "contacts": 2, "deals": 3}
    taken = planned.frame[planned.frame["verdict"] == "take"]
    asked = walk.requests()
    result = cutover.run(walk.engagement)
    assert result.frame["fields"].sum() == len(taken)
    assert result.frame["changed"].sum() == taken["key"].nunique()
    changing = [line for line in walk.writes(asked) if "bulk" in line or " /" in line]
    assert len(changing) <= 12, changing
    again = walk.requests()
    assert cutover.run(walk.engagement).passed
    assert walk.writes(again) == []


def test_a_delta_that_was_cut_off_sends_only_what_is_missing(resume: Resume, loaded: Path) -> None:
    """I5, I14: what the first half wrote is no edit of anybody's, and an edit of what it wrote stays."""
    walk = resume(loaded)
    cutover.plan(walk.engagement)

    def cut(label: str, progress: Progress) -> None:
        del progress
        if label.startswith("Lead"):
            raise Cut

    with pytest.raises(Cut):
        cutover.run(walk.engagement, on_progress=cut)
    sent = walk.engagement.ledger().frame().query("verb == 'update' and state == 'done'")
    assert len(sent) > 20
    there = Tenant(walk)
    assert there.value(RECORD, FIELD) == THEIRS
    _, number, _ = there.find(RECORD)
    walk.ask("PUT", f"contacts/{number}", {"contact": {FIELD: OURS}})  # of a field that the first half has changed
    planned = cutover.plan(walk.engagement)
    assert planned.frame[planned.frame["verdict"] == "conflict"].empty
    mine = planned.frame[planned.frame["field"] == FIELD].set_index("key")
    assert mine.loc["promio:contacts:c-01012", "verdict"] == "keep"
    result = cutover.run(walk.engagement)
    assert result.passed
    assert result.frame[["changed", "fields"]].to_numpy().sum() == 0
    assert Tenant(walk).value(RECORD, FIELD) == OURS
    rest = walk.engagement.ledger().frame().query("verb == 'update' and state == 'done'")
    assert set(rest["op"]) == set(sent["op"])


def test_a_decision_does_not_outlive_what_it_was_made_about(resume: Resume, loaded: Path) -> None:
    """I14: decided for the export, edited once more before it was sent: it stays, and is asked about again."""
    walk = resume(loaded)
    _, number, _ = Tenant(walk).find(RECORD)
    walk.ask("PUT", f"contacts/{number}", {"contact": {FIELD: OURS}})
    cutover.plan(walk.engagement)
    write_decision(walk.engagement, "conflict", SUBJECT, "theirs")
    walk.ask("PUT", f"contacts/{number}", {"contact": {FIELD: "+13125550111"}})
    result = cutover.run(walk.engagement)
    assert not result.passed
    assert int(result.frame["edited"].sum()) == 1
    assert Tenant(walk).value(RECORD, FIELD) == "+13125550111"
    cutover.plan(walk.engagement)  # now the new value is shown; the answer stands
    assert cutover.run(walk.engagement).passed
    assert Tenant(walk).value(RECORD, FIELD) == THEIRS
    walk.ask("PUT", f"contacts/{number}", {"contact": {FIELD: OURS}})  # and what comes after that is an edit again
    assert cutover.run(walk.engagement).passed
    assert Tenant(walk).value(RECORD, FIELD) == OURS


def test_rows_that_are_gone_from_the_export_are_listed_one_by_one_and_stay(resume: Resume, loaded: Path) -> None:
    """I14: feed, key and name in the result, in the notebook and in the hand-off report; nothing is deleted."""
    walk = resume(loaded)
    customers = walk.engagement.load("tables/customers", delivery="delta")
    left_out = ("C-01012", "C-01065")
    kept = customers[~customers["Customer ID"].isin([*left_out, *(key.removeprefix("C-") for key in left_out)])]
    assert len(kept) == len(customers) - 2
    walk.engagement.save("tables/customers", kept, delivery="delta")
    planned = cutover.plan(walk.engagement)
    result = cutover.run(walk.engagement)
    gone = result.gone[result.gone["feed"] == "contacts"]
    assert gone["key"].tolist() == [f"contacts/{key}" for key in left_out]
    names = walk.engagement.load("records/contacts").set_index("key")["last_name"]
    for row in gone.to_dict("records"):
        assert str(names[row["key"]]) in row["name"]
        assert row["name"] in result._repr_html_()
        assert row["name"] in planned._repr_html_()
        assert row["row"].startswith("customers.csv:")
    assert result.partial == ("leads",)
    assert int(result.frame.set_index("feed").at["contacts", "gone"]) == 2
    there = Tenant(walk)
    for key in left_out:
        there.find(f"contacts/{key}")
    handoff.run(walk.engagement)
    page = (walk.engagement.root / "package" / "documents" / "reconciliation.html").read_text("utf-8")
    assert "No longer in the last export" in page
    assert all(name in page for name in gone["name"])


def test_a_file_that_brings_only_what_is_new_leaves_nothing_out(resume: Resume, loaded: Path) -> None:
    """Twelve leads came with the delta: the five hundred others are not gone."""
    walk = resume(loaded)
    result = cut_over(walk.engagement)
    assert result.gone.empty
    assert "leads" in result.partial
    assert isinstance(result.gone, pd.DataFrame)


def _say(engagement: Engagement, number: str, column: str, text: str | None) -> None:
    """Write another value into a customer's row of the delta's file; None takes the row out."""
    path = engagement.exports("delta") / "customers.csv"
    frame = pd.read_csv(path, dtype="str", keep_default_na=False, encoding="utf-8-sig")
    mine = frame["Customer ID"].str.removeprefix("C-") == number
    assert int(mine.sum()) == 1
    if text is None:
        frame = frame[~mine]
    else:
        frame.loc[mine, column] = text
    frame.to_csv(path, index=False, encoding="utf-8-sig")
    letter = engagement.exports("delta") / "cover_letter.txt"
    letter.unlink(missing_ok=True)  # it counts the rows that came first


def test_a_newer_delta_changes_what_the_first_one_made(resume: Resume, finished: Path) -> None:
    """I6, I14: a customer who came with the first delta, by himself or as a lead that signed, is brought up to date."""
    walk = resume(finished)
    engagement = walk.engagement
    first, later = (set(engagement.load("records/contacts", delivery=name)["key"]) for name in ("main", "delta"))
    new = sorted(later - first)
    changed = engagement.ledger().frame().query("verb == 'update'")["key"]
    signed = [key for key in new if f"promio:contacts:{key.partition('/')[2]}".lower() in set(changed)]
    made = next(key for key in new if key not in signed)
    for key in (made, signed[0]):
        _say(engagement, key.partition("C-")[2], "City", "Xanadu")
    stage_delta(engagement)
    planned = cutover.plan(engagement)
    taken = planned.frame[(planned.frame["verdict"] == "take") & (planned.frame["feed"] == "contacts")]
    assert list(taken["field"]) == ["city", "city"]
    asked = walk.requests()
    result = cutover.run(engagement)
    assert result.passed
    assert result.frame.set_index("feed").loc["contacts", ["new", "changed", "fields"]].tolist() == [0, 2, 2]
    assert walk.writes(asked)
    there = Tenant(walk)
    assert [there.value(key, "city") for key in (made, signed[0])] == ["Xanadu", "Xanadu"]
    asked = walk.requests()
    assert cut_over(engagement).passed
    assert walk.writes(asked) == []


def test_a_newer_delta_that_lacks_a_row_of_the_first_one_is_not_sent(resume: Resume, finished: Path) -> None:
    """Of a customer whom both deliveries have, what the main one said would take the place of what the first delta brought."""
    walk = resume(finished)
    engagement = walk.engagement
    last = engagement.load("tables/customers", delivery="delta")["Customer ID"].iloc[-1].removeprefix("C-")
    _say(engagement, last, "", None)
    stage_delta(engagement)
    asked = walk.requests()
    with pytest.raises(GateClosed, match=rf"delta/customers/again: 1 rows .*: C-{last}"):
        cut_over(engagement)
    assert walk.writes(asked) == []
    assert engagement.before("handoff").closed
    engagement.waive("delta/customers/again", reason="sold to somebody else", by=KIM, role="consultant")
    assert cutover.run(engagement).passed
    assert walk.writes(asked) == []
    Tenant(walk).find(f"contacts/C-{last}")


def test_a_folder_that_no_phase_reads_keeps_the_cutover_closed(resume: Resume, loaded: Path) -> None:
    """Laid there by hand, its rows would end nowhere; the commands take no such name at all."""
    walk = resume(loaded)
    engagement = walk.engagement
    shutil.copytree(engagement.exports("delta"), engagement.root / "exports" / "delta-2")
    asked = walk.requests()
    with pytest.raises(GateClosed, match="delta/deliveries/unread: no phase reads exports/delta-2"):
        cut_over(engagement)
    assert walk.writes(asked) == []


def test_what_a_feed_took_is_kept_before_the_next_one_begins(resume: Resume, loaded: Path) -> None:
    """A run that is killed says nothing more: what it asked of the account until then counts all the same."""
    walk = resume(loaded)
    kept: list[pd.DataFrame] = []

    def look(label: str, progress: Progress) -> None:
        if label.startswith("Lead") and progress.done and walk.engagement.has("took", delivery="delta"):
            kept.append(walk.engagement.load("took", delivery="delta"))

    cutover.plan(walk.engagement)
    assert cutover.run(walk.engagement, on_progress=look).passed
    after = walk.engagement.load("took", delivery="delta").set_index("feed")
    first = kept[0].set_index("feed").filter(like="Customer", axis="index")
    assert len(first) == 2 and (first["calls"] > 0).all()
    assert first["calls"].to_dict() == {feed: int(after.at[feed, "calls"]) for feed in first.index}
