"""A route reads as the scope document does: whoever writes no programs can say from it what happens."""

from __future__ import annotations

from pathlib import Path

import pytest

import workbench
from workbench.specs import Route, load_route, names

FOLDER = Path(workbench.__file__).parent / "routes"
PARTS = (
    "questions asked once",
    "fields to be made first",
    "what flows where, in this order",
    "what the destination cannot hold",
)
LONGEST = 480
"""Characters that somebody reads in one breath, or nearly."""

route_by_route = pytest.mark.parametrize("route", [load_route(name) for name in names("routes")], ids=lambda route: route.name)


@route_by_route
def test_every_answer_to_a_question_is_told_with_what_it_brings(route: Route) -> None:
    untold = [
        f"{question.name}: {option}"
        for question in route.scope
        for option in question.options
        if f"{option}: " not in question.about
    ]
    assert not untold
    assert all(question.question.endswith("?") and question.about for question in route.scope)


@route_by_route
def test_every_feed_says_in_words_where_its_rows_go_and_which_promise_that_keeps(route: Route) -> None:
    for feed in route.feeds:
        assert " → " in feed.label, feed.name
        assert feed.about[:1].isupper(), feed.name
        assert feed.about.endswith("."), feed.name
        assert len(feed.about) <= LONGEST, feed.name
        assert feed.rows, feed.name


@route_by_route
def test_every_rule_that_leaves_rows_behind_says_which_rows_and_every_loss_where_it_goes(route: Route) -> None:
    assert all(rule.about for feed in route.feeds for rule in feed.exclude)
    assert route.losses
    assert all(loss.what and loss.where for loss in route.losses)


@route_by_route
def test_every_route_opens_with_how_it_is_read_and_keeps_to_the_order_of_the_scope_document(route: Route) -> None:
    text = (FOLDER / f"{route.name}.toml").read_text("utf-8")
    head = text.partition("\n\n")[0]
    assert head.startswith(f"# {route.title}. Read it as the scope document reads")
    for key in ("scope", "custom_fields", "feeds", "losses", "label", "about", "when", "exclude", "fields", "lookups"):
        assert f"`{key}`" in head
    places = [text.index(f"- {part}") for part in PARTS]
    assert places == sorted(places)
