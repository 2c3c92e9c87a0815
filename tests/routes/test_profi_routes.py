"""Profi into Freshsales and into Pipedrive: staged as the truth says, loaded, read back, taken back, brought up to date."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from profi_walk import ends, expected, fresh_profi, stage_profi, stage_profi_delta
from walk import Walk, cut_over, load_main

from workbench.rehearsal import canonical
from workbench.stages import production, rollback, secondpass

ROUTES = ("profi_to_freshsales", "profi_to_pipedrive")


class Journey:
    """One walk through a whole engagement, and what was seen on the way."""

    def __init__(self, walk: Walk, route: str) -> None:
        self.walk, self.route = walk, route
        self.before = canonical(walk.tenant.dump())
        stage_profi(walk.engagement)
        self.production: production.Production = load_main(walk.engagement)


@pytest.fixture(scope="module", params=ROUTES)
def journey(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    route: str = request.param
    with fresh_profi(tmp_path_factory.mktemp(route), route) as walk:
        yield Journey(walk, route)


def test_every_row_of_profi_ends_where_the_truth_says(journey: Journey) -> None:
    """RF1–RF11, RP1–RP12: each row of each table, in each feed; large files in parts where the route divides them."""
    truth = expected(journey.route, "rows", delivery="main")
    for feed in journey.walk.engagement.route.feeds:
        mine = truth[truth["feed"] == feed.name]
        wanted = {f"{r['file']}:{r['line']}": (r["bucket"], r["reason"], r["record"]) for r in mine.to_dict("records")}
        assert wanted and ends(journey.walk.engagement, feed.name) == wanted, feed.name


def test_every_value_that_profis_truth_names_is_staged(journey: Journey) -> None:
    """RF1–RF8, RP1–RP12: fields, links to parents and to several clients, trees of accounts."""
    engagement = journey.walk.engagement
    staged = {
        row["key"]: row
        for feed in engagement.route.feeds
        if engagement.has(f"records/{feed.name}")
        for row in engagement.load(f"records/{feed.name}").to_dict("records")
    }
    truth = expected(journey.route, "records")
    wrong = [
        (row["record"], row["field"], row["value"], text)
        for row in truth.to_dict("records")
        if (text := _text(staged[row["record"]].get(row["field"]))) != row["value"]
    ]
    assert wrong == []
    assert len(truth) > 600


def test_cells_that_profis_truth_names_are_set_aside_with_their_reason(journey: Journey) -> None:
    engagement = journey.walk.engagement
    aside = pd.concat([engagement.load(f"cells/{feed.name}") for feed in engagement.route.feeds])
    found = set(zip(aside["feed"], aside["row"], aside["reason"], strict=True))
    truth = expected(journey.route, "cells", delivery="main")
    wanted = {(r["feed"], f"{r['file']}:{r['line']}", r["reason"]) for r in truth.to_dict("records")}
    assert wanted <= found


def test_everything_of_profi_is_loaded_and_reads_back_as_it_was_staged(journey: Journey) -> None:
    """RF1–RF10, RP1–RP10: no value differs without a reason, and ledger and account stand one to one."""
    result = journey.production
    assert result.passed and result.wrong == 0
    loaded = expected(journey.route, "rows", delivery="main").query("bucket == 'loaded'")
    certificate = result.certificate
    assert int(certificate["records"].sum()) == len(set(loaded["record"]))
    assert (certificate["records"] == certificate["one to one"]).all() and certificate["holds"].all()


def test_a_second_pass_over_profi_writes_nothing(journey: Journey) -> None:
    asked = journey.walk.requests()
    assert secondpass.run(journey.walk.engagement).frame.empty
    assert journey.walk.writes(asked) == []


def test_what_profi_sends_later_is_brought_in(journey: Journey) -> None:
    """RF1, RF3, RP1, RP3: clients who changed, sessions held or booked meanwhile, new notes."""
    engagement = journey.walk.engagement
    stage_profi_delta(engagement)
    truth = expected(journey.route, "rows", delivery="delta")
    for feed in ("companies", "clients", "sessions", "notes"):
        mine = truth[truth["feed"] == feed]
        wanted = {f"delta/{r['file']}:{r['line']}": (r["bucket"], r["reason"], r["record"]) for r in mine.to_dict("records")}
        assert ends(engagement, feed, delivery="delta") == wanted, feed
    assert cut_over(engagement).passed


def test_everything_of_profi_is_taken_back_the_delta_too(journey: Journey) -> None:
    """RF1–RF10, RP1–RP10: the account is as it was before, fields and files included. It comes last.

    A session that was held meanwhile has moved its deal, which the account itself has closed: that is nobody's edit.
    """
    result = rollback.run(journey.walk.engagement)
    left = result.frame[result.frame["verdict"] != "reversed"]
    assert left[["object", "key", "verdict", "words"]].to_dict("records") == []
    assert result.done
    assert canonical(journey.walk.tenant.dump()) == journey.before


def _text(value: Any) -> str:
    """A staged value as the truth writes it: several records in the order of their keys."""
    if isinstance(value, list):
        return ";".join(sorted(map(str, value)))
    return "" if value is None or pd.isna(value) else str(value)
