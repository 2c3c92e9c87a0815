"""Each answer to a question of the scope says what it brings, in numbers that anybody can count in the files."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from sample_exports.tenant_delivery import make_delivery
from workbench import widgets
from workbench.engagement import Engagement, new_engagement
from workbench.flow.consequences import consequences
from workbench.stages import discovery, intake

PROFI = Path(__file__).resolve().parents[1] / "sample_exports" / "profi"
SOFFRONT, FASTTRACK = PROFI.parent / "soffront", PROFI.parent / "fasttrack"
NOT_HELD = ("cancelled", "canceled", "rescheduled", "no_show", "no-show")


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


def test_rows_of_one_table_that_several_feeds_take_are_told_apart(tmp_path: Path) -> None:
    """An activity of a ticket is a call, an e-mail, a meeting or a task: which of them are left out stands in words."""
    make_delivery(SOFFRONT / "tenant", tmp_path / "exports" / "main", largest=1000)
    made = new_engagement(tmp_path / "e", route="soffront_to_freshsales", exports=tmp_path / "exports")
    intake.run(made)
    said = {(found.question, found.answer): found.words for found in consequences(made)}["ticket_target", "module"]
    lines = (SOFFRONT / "tenant" / "activities.ndjson").read_text("utf-8").splitlines()
    kinds = Counter(row["Type"] for row in map(json.loads, lines) if row["ParentObject"] == "tickets")
    words = {"Activity (e-mail)": ["email"], "Activity (task)": ["task"], "Activity (meeting)": ["meeting", "Appointment"]}
    for name, types in words.items():
        count = sum(kinds[kind] for kind in types)
        assert f"{count} row{'' if count == 1 else 's'} of “{name}” left out: " in said
    told = [part.partition(": ")[0] for part in said.split("; ") if " left out: " in part and "“Activity" in part]
    assert len(told) == len(set(told)) == len({part.partition("“")[2] for part in told}) >= 4
    made.store.dispose()


def test_who_could_be_there_already_is_counted_among_the_rows_that_a_feed_takes(tmp_path: Path) -> None:
    """Contacts and leads come out of one table: each person is counted where they become something."""
    make_delivery(FASTTRACK / "tenant", tmp_path / "exports" / "main", largest=1000)
    made = new_engagement(tmp_path / "e", route="fasttrack_to_freshsales", exports=tmp_path / "exports")
    intake.run(made)
    said = {(found.question, found.answer): found.words for found in consequences(made)}["existing_records", "hold"]
    lines = (FASTTRACK / "tenant" / "contacts.ndjson").read_text("utf-8").splitlines()
    told = {row["id"] for row in map(json.loads, lines) if row.get("email")}
    truth = csv.DictReader((FASTTRACK / "expected" / "rows.csv").read_text("utf-8").splitlines())
    ends = {(row["feed"], row["key"]) for row in truth if row["bucket"] != "excluded" and row["delivery"] == "main"}
    contacts, leads = ({key for feed, key in ends if feed == name} & told for name in ("contacts", "leads"))
    assert f"{len(contacts)} contacts could be there already" in said
    assert f"{len(leads)} leads of contacts could be there already" in said
    made.store.dispose()


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
