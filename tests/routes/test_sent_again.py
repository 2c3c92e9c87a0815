"""A file that the customer sends again, with its rows in other lines: what was decided about a row is said of no other."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from profi_walk import confirm, fresh_profi
from walk import KIM, Resume, write_decision

from workbench.engagement import Engagement
from workbench.flow.decided import still_meant
from workbench.stages import discovery, intake, transform

DECIDED = ("same_person", "same_company")


def _without_line(path: Path, line: int) -> str:
    """Take a line out of a file, so that all behind it move up; the line comes back."""
    lines = path.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    taken = lines.pop(line)
    path.write_text("".join(lines), encoding="utf-8-sig")
    return taken


def _by_key(engagement: Engagement) -> dict[str, set[str]]:
    """Record key → where persons have said that it goes."""
    found: dict[str, set[str]] = {}
    for subject, value in engagement.decisions.mapping("duplicate").items():
        found.setdefault(subject.rpartition("@")[0], set()).add(value["into"])
    return found


def _merged(engagement: Engagement, feed: str) -> pd.DataFrame:
    verdicts = engagement.load(f"verdicts/{feed}")
    return verdicts[verdicts["reason"].isin(DECIDED)]


def test_an_answer_about_a_row_merges_no_other_that_stands_in_its_line_now(resume: Resume, staged: Path) -> None:
    """Nobody vanishes into the record of a stranger; the rows that may stand twice are asked about where they stand now."""
    engagement = resume(staged).engagement
    before = _merged(engagement, "contacts")
    assert len(before) > 5
    _without_line(engagement.exports() / "customers.csv", 1)
    intake.run(engagement)
    discovery.propose(engagement)
    transform.run(engagement)
    said = _by_key(engagement)
    for row in _merged(engagement, "contacts").itertuples():
        assert row.record in said.get(f"contacts/{row.natural}", set()), f"{row.natural} was merged into {row.record}"
    asked = set(engagement.decisions.missing("duplicate"))
    verdicts = engagement.load("verdicts/contacts").set_index("natural")
    for key in before["natural"]:
        assert f"contacts/{key}@{verdicts.at[key, 'row']}" in asked
        assert verdicts.at[key, "reason"] == "undecided_duplicate"


def test_answers_hold_for_rows_that_stand_where_they_stood(resume: Resume, staged: Path) -> None:
    engagement = resume(staged).engagement
    said = engagement.decisions.mapping("duplicate")
    assert still_meant(engagement, said) == said
    subject = next(iter(said))
    feed, row = subject.partition("/")[0], subject.rpartition("@")[2]
    write_decision(engagement, "duplicate", f"{feed}/C-99999@{row}", {"into": ""})
    write_decision(engagement, "duplicate", f"{feed}/C-01001@nowhere.csv:7", {"into": ""})
    both = still_meant(engagement, engagement.decisions.mapping("duplicate"))
    assert set(both) == {*said, f"{feed}/C-01001@nowhere.csv:7"}


def _sessions(engagement: Engagement) -> dict[str, str]:
    """Line → number of the session that stands there."""
    table = engagement.load("tables/sessions")
    return dict(zip(table["_row"], table["session_id"], strict=True))


def test_a_link_that_was_decided_for_a_line_is_none_of_the_session_that_stands_there_now(tmp_path: Path) -> None:
    """It would hang on somebody else's package, with its fee; it is asked for again where the session stands."""
    with fresh_profi(tmp_path, "profi_to_pipedrive") as walk:
        engagement = walk.engagement
        confirm(engagement, "scope", {question.name: question.default for question in engagement.route.scope})
        intake.run(engagement)
        discovery.propose(engagement)
        engagement.decisions.accept(0.0, by=KIM, kinds=("link",))
        said, before = engagement.decisions.mapping("link"), _sessions(engagement)
        assert len(said) > 100
        intake.run(engagement)
        assert engagement.decisions.mapping("link") == said, "the same file moves nothing"
        _without_line(engagement.exports() / "sessions.csv", 100)
        intake.run(engagement)
        now, stand = _sessions(engagement), engagement.decisions.mapping("link")
        assert stand == {
            subject: to for subject, to in said.items() if now.get(row := subject.partition("/")[2]) == before[row]
        }
        assert 50 < len(stand) < len(said)
        discovery.propose(engagement)
        assert {f"sessions/{row}" for row, key in now.items() if before[row] != key} <= set(
            engagement.decisions.missing("link")
        )
