"""docs/coverage.md is whole: every row of the scope documents has a test, figures and its losses, and the sums are theirs."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.coverage_page import FOLDER, PAGE, SEEDS, head, hold, routes
from tests.coverage_rows import ROWS, proofs, spread
from workbench.specs import Route

WANTED = {"PF": 8, "RF": 11, "SF": 10, "FF": 10, "RP": 12}
SHARED = Path(os.environ.get("WORKBENCH_SHARED") or PAGE.parents[2] / "shared")
LINE = re.compile(r"^\| ([A-Z]{2}\d+) \|(.*)\|$", re.MULTILINE)

of_each_route = pytest.mark.parametrize("route", routes(), ids=lambda route: route.name)


def cells() -> dict[str, list[str]]:
    """Row → the other cells of its line."""
    return {row: [cell.strip() for cell in rest.split("|")] for row, rest in LINE.findall(PAGE.read_text(encoding="utf-8"))}


def test_the_page_has_all_51_rows_each_once() -> None:
    known = [row.id for rows in ROWS.values() for row in rows]
    assert sorted(known) == sorted(row for prefix, last in WANTED.items() for row in spread(f"{prefix}1-{prefix}{last}"))
    assert [row for row, _ in LINE.findall(PAGE.read_text(encoding="utf-8"))] == known


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared folder is not there")
def test_the_rows_are_those_of_the_scope_documents() -> None:
    text = (SHARED / "spec" / "routes.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| ([A-Z]{2}\d+) \|", text, re.MULTILINE)) == sorted(cells())


def test_no_row_is_empty() -> None:
    for row, (flow, source, loaded, joined, documents, aside, verified, tests, losses) in cells().items():
        assert "→" in flow and aside and losses, row
        assert int(source.replace(",", "")) > 0 and int(verified.replace(",", "")) > 0, row
        assert loaded or joined or documents, row
        assert re.fullmatch(r"T\d+( T\d+)*", tests), row


def test_every_row_is_proven_by_tests_and_every_test_names_rows_that_there_are() -> None:
    found = proofs()
    assert set(found) == {row.id for rows in ROWS.values() for row in rows}
    twice = [row for row, tests in found.items() if max(Counter(map(str, tests)).values()) > 1]
    assert twice == []


@of_each_route
def test_feeds_fields_and_losses_name_rows_of_their_route(route: Route) -> None:
    known = {row.id for row in ROWS[route.name]}
    named = [row for each in (*route.feeds, *route.custom_fields, *route.losses) for row in each.rows]
    assert known == {row for feed in route.feeds for row in feed.rows}
    assert set(named) <= known
    assert [loss.what for loss in route.losses if not loss.rows] == []


@of_each_route
def test_the_page_tells_every_loss_in_the_routes_own_words(route: Route) -> None:
    part = PAGE.read_text(encoding="utf-8").partition(f"\n## {route.title}\n")[2].partition("\n## ")[0]
    assert re.findall(r"^- L\d+ (.*)$", part, re.MULTILINE) == [f"{loss.what}: {loss.where}" for loss in route.losses]


@of_each_route
def test_a_walk_that_counts_otherwise_than_the_page_is_told_so(route: Route, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FOLDER, raising=False)
    text = PAGE.read_text(encoding="utf-8")
    said = f"## {route.title}\n" + text.partition(f"\n## {route.title}\n")[2].partition("\n## ")[0].rstrip("\n") + "\n"
    hold(route.name, said)
    figure = re.search(r"\d+ \| T\d", said)
    assert figure is not None
    other = said[: figure.start()] + str(int(said[figure.start()]) ^ 1) + said[figure.start() + 1 :]
    with pytest.raises(AssertionError, match="make coverage"):
        hold(route.name, other)


def test_the_sums_of_the_page_are_those_of_its_rows() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert head(page) in page.splitlines()
    assert head(page).startswith("**51 rows**")


def test_lost_links_are_found_again_as_well_as_was_promised() -> None:
    found = re.findall(r"^\| (\d+) \| [\d,]+ \| ([\d.]+)% \| ([\d.]+)% \| ([\d.]+)% \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert [int(seed) for seed, *_ in found] == list(SEEDS)
    assert all(float(precision) >= 98 and float(recall) >= 90 for _, precision, recall, _ in found)
