"""Each answer to a question of the scope says what it brings, in numbers that anybody can count in the files."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench import widgets
from workbench.engagement import Engagement, new_engagement
from workbench.flow.consequences import consequences
from workbench.stages import discovery, intake

PROFI = Path(__file__).resolve().parents[1] / "sample_exports" / "profi"
NOT_HELD = ("cancelled", "canceled", "no_show", "no-show")


@pytest.fixture(scope="module")
def engagement(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engagement]:
    made = new_engagement(tmp_path_factory.mktemp("scope") / "e", route="profi_to_freshsales", exports=PROFI)
    intake.run(made)
    yield made
    made.store.dispose()


@pytest.fixture(scope="module")
def words(engagement: Engagement) -> dict[tuple[str, str], str]:
    return {(found.question, found.answer): found.words for found in consequences(engagement)}


def rows(name: str) -> list[dict[str, str]]:
    """The whole rows of a file, without those that have a cell too few or too many."""
    with (PROFI / "main" / f"{name}.csv").open(encoding="utf-8-sig", newline="") as stream:
        lines = [line for line in csv.reader(stream) if line]
    header = [name.strip() for name in lines[0]]
    return [dict(zip(header, line, strict=True)) for line in lines[1:] if len(line) == len(header)]


def test_every_question_is_counted_with_what_its_answers_bring(
    engagement: Engagement, words: dict[tuple[str, str], str]
) -> None:
    answers = {(each.name, answer) for each in engagement.route.scope for answer in each.options or (each.default,)}
    assert set(words) == answers
    brought = {question for (question, _), said in words.items() if said}
    assert brought == {each.name for each in engagement.route.scope}


def test_deals_are_counted_by_session_and_by_package(words: dict[tuple[str, str], str]) -> None:
    sessions = {row["session_id"] for row in rows("sessions")}
    assert words["deal_per", "session"].startswith(f"{len(sessions)} deals of sessions")
    enrolments = {row["enrolment_id"] for row in rows("enrolments")}
    assert words["deal_per", "package"].startswith(f"{len(enrolments)} deals of enrolments")


def test_sessions_that_were_not_held_are_left_out_or_taken_along(words: dict[tuple[str, str], str]) -> None:
    count = sum(row["status"].strip().lower() in NOT_HELD for row in rows("sessions"))
    assert words["not_held", "leave_out"].startswith(f"{count} rows of sessions left out")
    assert words["not_held", "lost"].startswith(f"{count} rows of sessions taken along")


def test_large_files_are_counted_with_their_size(words: dict[tuple[str, str], str]) -> None:
    sizes = [int(row["bytes"]) for row in rows("attachments_manifest") if row["bytes"].isdigit()]
    large = [size for size in sizes if size > 25 * 1024 * 1024]
    assert words["large_files", "split"] == f"{len(large)} files over the limit, {sum(large) / 1e6:,.0f} MB in all"


def test_who_could_be_there_already_is_counted_by_what_tells_them_apart(words: dict[tuple[str, str], str]) -> None:
    told = {row["client_id"] for row in rows("clients") if "@" in row["email"]}
    assert f"{len(told)} contacts of clients could be there already, by Emails" in words["existing_records", "hold"]
    assert words["existing_records", "hold"] == words["existing_records", "update"]


def test_the_questions_are_shown_with_their_numbers(engagement: Engagement, monkeypatch: pytest.MonkeyPatch) -> None:
    discovery.propose(engagement)
    said = engagement.decisions.proposals("scope").set_index("subject").at["deal_per", "shown"]
    assert [line.split(":")[0] for line in said] == ["session", "package"]
    monkeypatch.setenv("WORKBENCH_HEADLESS", "1")
    page = widgets.scope_form(engagement)._repr_html_()
    assert "in these files" in page and said[0] in page
    monkeypatch.delenv("WORKBENCH_HEADLESS")
    form = widgets.scope_form(engagement)
    assert isinstance(form, widgets.forms.Form)
    assert said[1] in form.lines["deal_per"].children[0].value
