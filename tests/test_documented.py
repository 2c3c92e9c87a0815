"""Rows that end in a document: what is listed, what is only counted, and what is told for whoever rebuilds it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError
from small_route import route, source, table

from workbench import reports
from workbench.engagement import Engagement, new_engagement
from workbench.flow.documented import documented, readable
from workbench.reports.handover import plural
from workbench.specs import Feed

ARTICLES = {"name": "articles", "kind": "document", "table": "articles", "label": "Article → document", "about": "Import them."}
ANSWERS = {**ARTICLES, "name": "answers", "table": "answers", "label": "Form answer → document"}
ANSWERS |= {"document": "count", "group": ["form"]}
FLOWS = {**ARTICLES, "name": "flows", "table": "flows", "label": "Workflow → document", "document": "rebuild"}


@pytest.fixture
def engagement(tmp_path: Path) -> Engagement:
    for delivery in ("main", "delta"):
        (tmp_path / "exports" / delivery).mkdir(parents=True)
        (tmp_path / "exports" / delivery / "cover_letter.txt").write_text("nothing\n")
    made = new_engagement(
        tmp_path / "e", exports=tmp_path / "exports", deliveries=("main", "delta"), route="promio_to_freshsales", key="k"
    )
    known = source({"articles": "id", "answers": "form", "flows": "name"})
    return replace(made, route=route(ARTICLES, ANSWERS, FLOWS), source=known)


def deliver(
    engagement: Engagement, name: str, *rows: dict[str, str | None], delivery: str = "main", reason: str = "documented"
) -> None:
    """A table of a delivery, all of whose rows ended as they do."""
    frame = table(name, *rows)
    frame = frame if delivery == "main" else frame.assign(_row=f"{delivery}/" + frame["_row"])
    engagement.save(f"tables/{name}", frame, delivery=delivery)
    verdicts = pd.DataFrame({"row": frame["_row"], "feed": name, "bucket": "excluded", "reason": reason})
    engagement.save(f"verdicts/{name}", verdicts, delivery=delivery)


def test_a_row_stands_in_the_list_as_it_came_and_the_later_word_on_it_counts(engagement: Engagement) -> None:
    deliver(
        engagement,
        "articles",
        {"id": "1", "body": "<p>first\nlines</p>"},
        {"id": "2", "body": "same"},
        {"id": None, "body": "no key"},
    )
    deliver(engagement, "articles", {"id": "1", "body": "second"}, {"id": None, "body": "none either"}, delivery="delta")
    (listed,) = documented(engagement)
    assert (listed.feed, listed.kind, listed.way) == ("articles", "article", "list")
    assert listed.frame["_row"].tolist() == ["articles.csv:3", "articles.csv:4", "delta/articles.csv:2", "delta/articles.csv:3"]
    assert listed.frame["body"].tolist() == ["same", "no key", "second", "none either"]


def test_rows_of_one_delivery_that_share_a_key_are_all_listed(engagement: Engagement) -> None:
    deliver(engagement, "articles", {"id": "1", "body": "a"}, {"id": "1", "body": "b"})
    (listed,) = documented(engagement)
    assert listed.frame["body"].tolist() == ["a", "b"]


def test_rows_that_another_answer_leaves_out_stand_in_no_document(engagement: Engagement) -> None:
    deliver(engagement, "articles", {"id": "1", "body": "a"}, reason="other_answer")
    assert documented(engagement) == ()


def test_what_is_only_to_be_counted_tells_its_number_and_nothing_else(engagement: Engagement) -> None:
    deliver(engagement, "answers", *({"form": form, "answer": "secret"} for form in ("Intake", "Intake", "Feedback")))
    (counted,) = documented(engagement)
    assert counted.shown().to_dict("list") == {"form": ["Feedback", "Intake"], "rows": ["1", "2"]}
    assert "secret" not in counted.frame.to_csv()


def test_a_feed_that_counts_says_by_what() -> None:
    with pytest.raises(ValidationError, match="by which columns"):
        Feed(**{**ANSWERS, "rows": ("PF1",), "group": ()})


def test_nested_values_of_a_workflow_are_put_in_words() -> None:
    rows = {
        "name": ["Follow up", "Old one"],
        "trigger": [None, "by hand"],
        "trigger.event": ["session.held", None],
        "trigger.delay_hours": ["24", None],
        "actions": ['[{"type": "email", "template": "T-1"}, {"type": "tag"}]', "[not a list"],
        "actions.0.type": ["email", None],
    }
    told = readable(pd.DataFrame(rows))
    assert list(told.columns) == ["name", "trigger", "actions"]
    assert told["trigger"].tolist() == ["event: session.held, delay hours: 24", "by hand"]
    assert told["actions"].tolist() == ["type: email, template: T-1; type: tag", "[not a list"]


def test_lists_of_the_inventory_come_back_as_they_were_written(tmp_path: Path) -> None:
    rows = pd.DataFrame({"id": ["1", "2"], "body": ['He said: "later",\nthen left', "=1+1"], "none": [None, "x"]})
    about = reports.About("Customer", "Source", "Destination", "Route")
    items = pd.DataFrame({"kind": ["category", "category"], "name": ["a", "b"]})
    inputs = reports.Inventory(about, items, todo={"category": "Make them."}, counts={"category": 41}, lists={"articles": rows})
    written = reports.render_inventory(inputs, tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in written][2:] == ["inventory/articles.csv"]
    assert pd.read_csv(tmp_path / "inventory" / "articles.csv", dtype="str").fillna("").equals(rows.fillna("").astype("str"))
    page = (tmp_path / "not-portable.html").read_text(encoding="utf-8")
    assert "Categories" in page and "41" in page and "Make them." in page


@pytest.mark.parametrize(
    ("kind", "several"),
    [("category", "categories"), ("survey", "surveys"), ("address", "address"), ("picture", "pictures")],
)
def test_several_of_a_kind_are_named_as_a_person_would(kind: str, several: str) -> None:
    assert plural(kind) == several
