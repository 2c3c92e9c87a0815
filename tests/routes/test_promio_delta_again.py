"""A delta costs what it brings, goes on where it was cut off, and says which rows the last export has left out."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from tenant import Tenant
from test_promio_delta import FIELD, OURS, RECORD, SUBJECT, THEIRS
from walk import Resume, Walk, cut_over, write_decision

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
