"""Rows whose key in another table was lost: proposed, settled by a person, and what they bring once they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from small_route import aside, column, plans, route, source, table

from workbench.decisions.answers import text_of
from workbench.engagement import Engagement, new_engagement
from workbench.flow.evidence import evidence
from workbench.flow.planning import feed_plans, needed_fields
from workbench.flow.relinking import propose_links
from workbench.frames.staged import Staged
from workbench.stages.transform import stage_all

RELINK = {"to": "enrolments", "bring": {"tier of the package": "tier"}}
DEALS = {"name": "deals", "table": "sessions", "object": "deal", "relink": RELINK}
DEALS |= {
    "fields": [
        {"column": "title", "to": "name", "required": True},
        {"column": "tier of the package", "to": "deal_reason", "recipe": "text"},
    ]
}
KNOWN = source({"sessions": "session_id", "enrolments": "enrolment_id"})
ROUTE = route(DEALS)
SESSIONS = [
    {"session_id": "s1", "title": "One", "client_email": "a@x.test", "package_name": "Balance", "start": "2026-02-03 10:00"},
    {"session_id": "s2", "title": "Two", "client_email": "a@x.test", "package_name": None, "start": "2026-02-10 10:00"},
    {"session_id": "s3", "title": "Three", "client_email": "z@x.test", "package_name": None, "start": "2026-02-10 10:00"},
]
ENROLMENTS = [
    {"enrolment_id": "e1", "client_email": "a@x.test", "package_name": "Balance", "tier": "Growth",
     "enrolled_on": "2026-01-15", "expires_on": "2026-06-15"},
    {"enrolment_id": "e2", "client_email": "b@x.test", "package_name": "Focus", "tier": "Starter",
     "enrolled_on": "2026-01-15", "expires_on": "2026-06-15"},
]  # fmt: skip


def deals(*, links: dict[str, str], unlinked: tuple[str, ...] = ()) -> Staged:
    tables = {"sessions": table("sessions", *SESSIONS), "enrolments": table("enrolments", *ENROLMENTS)}
    decided = plans(ROUTE, KNOWN, links={"deals": links}, unlinked={"deals": unlinked})
    return stage_all(decided, tables)["deals"]


def test_columns_of_the_other_row_come_along_once_the_link_is_settled() -> None:
    made = deals(links={"sessions.csv:2": "e1", "sessions.csv:3": ""})
    assert column(made, "deal_reason") == ["Growth", None, None]
    assert not aside(made)


def test_a_row_about_which_nobody_decided_goes_without_and_says_so() -> None:
    made = deals(links={"sessions.csv:2": "e9"}, unlinked=("sessions.csv:3",))
    assert column(made, "deal_reason") == [None, None, None]
    assert aside(made) == {
        ("sessions.csv:2", "tier of the package", "", "no_row_to_join"),
        ("sessions.csv:3", "tier of the package", "", "undecided_link"),
    }


@pytest.fixture
def engagement(tmp_path: Path) -> Engagement:
    exports = tmp_path / "exports"
    exports.mkdir()
    (exports / "cover_letter.txt").write_text("nothing\n")
    made = new_engagement(tmp_path / "e", exports=exports, route="promio_to_freshsales", key="k")
    made.save("tables/sessions", table("sessions", *SESSIONS))
    made.save("tables/enrolments", table("enrolments", *ENROLMENTS))
    return replace(made, route=ROUTE, source=KNOWN)


def test_the_pairs_are_proposed_with_a_confidence_and_settled_like_any_decision(engagement: Engagement) -> None:
    proposed = propose_links(engagement).set_index("subject")
    assert list(proposed.index) == [f"sessions/sessions.csv:{line}" for line in (2, 3, 4)]
    assert proposed.loc["sessions/sessions.csv:2", "value"] == {"to": "e1"}
    assert {"to": ""} in proposed.loc["sessions/sessions.csv:2", "alternatives"]
    told = "One · a@x.test · Balance · 2026-02-03 10:00 ~ a@x.test · Balance · Growth · 2026-01-15"
    assert proposed.loc["sessions/sessions.csv:2", "shown"] == told
    assert ((proposed["confidence"] >= 0) & (proposed["confidence"] <= 1)).all()
    waiting = feed_plans(engagement)["deals"]
    assert waiting.unlinked == {f"sessions.csv:{line}" for line in (2, 3, 4)}
    engagement.decisions.confirm("link", "sessions/sessions.csv:2", {"to": "e1"}, by="Kim <kim@x.test>")
    settled = feed_plans(engagement)["deals"]
    assert (settled.links, settled.unlinked) == ({"sessions.csv:2": "e1"}, {"sessions.csv:3", "sessions.csv:4"})


def test_a_later_delivery_asks_about_its_own_new_rows_only(engagement: Engagement) -> None:
    propose_links(engagement)
    later = table("sessions", SESSIONS[0], {**SESSIONS[1], "session_id": "s9"})
    engagement.save("tables/sessions", later.assign(_row="delta/" + later["_row"]), delivery="delta")
    folder = engagement.root / "exports" / "delta"
    folder.mkdir(parents=True)
    (folder / "sessions.csv").write_text("x\n")
    assert list(propose_links(engagement, "delta")["subject"]) == ["sessions/delta/sessions.csv:3"]
    assert len(engagement.decisions.proposals("link")) == 4


def test_the_answer_reads_as_the_row_that_it_names() -> None:
    assert text_of("link", {"to": "e1"}) == "e1"
    assert text_of("link", {"to": ""}) == "(none)"


def test_fields_that_only_another_answer_fills_are_not_asked_of_the_destination(engagement: Engagement) -> None:
    asked = {"name": "target", "question": "?", "options": ["a", "b"], "default": "a"}
    made = [
        {"object": each, "name": f"{each}_{way}__c", "label": each, "type": "text"} for each in ("deal", "note") for way in "ab"
    ]
    fields = [{"column": "title", "to": f"deal_{way}__c", "scope": {"target": way}} for way in "ab"]
    notes = {"name": "notes", "table": "sessions", "object": "note", "scope": {"target": "b"}}
    chosen = route({**DEALS, "fields": fields}, notes, scope=[asked], custom_fields=made)
    here = replace(engagement, route=chosen)
    assert [field.name for field in needed_fields(here)] == ["deal_a__c"]
    here.decisions.confirm("scope", "target", "b", by="Kim <kim@x.test>")
    assert [field.name for field in needed_fields(here)] == ["deal_b__c", "note_a__c", "note_b__c"]


def test_an_answer_about_a_later_delivery_does_not_void_what_was_signed(engagement: Engagement) -> None:
    """A link is decided on by table and row, and the row of a later delivery begins with its name."""
    kim, rows = "Kim <kim@x.test>", pd.DataFrame({"feed": [], "key": [], "field": [], "class": []})
    here = replace(engagement, route=route({"name": "list", "kind": "document", "table": "enrolments"}))
    here.decisions.confirm("link", "sessions/sessions.csv:2", {"to": "e1"}, by=kim)
    (here.root / "exports" / "delta").mkdir(parents=True)
    signed = evidence(here, differences=rows)
    here.decisions.confirm("link", "sessions/delta/sessions.csv:3", {"to": ""}, by=kim)
    assert evidence(here, differences=rows) == signed
    here.decisions.confirm("link", "sessions/sessions.csv:2", {"to": ""}, by=kim)
    assert evidence(here, differences=rows)["decisions"] != signed["decisions"]
