"""Proposals never decide, decisions outlive everything, and a returned workbook hides nothing."""

from __future__ import annotations

import json
import re
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from workbench.decisions import Decisions
from workbench.decisions.answers import read_answers
from workbench.decisions.decision import read_line
from workbench.errors import DecisionMissing, EditError
from workbench.journal import Journal

ADA, BOB = "Ada Byron <ada@example.org>", "Bob <bob@example.org>"
ANSWER, COMMENT = 7, 8


@pytest.fixture
def decisions(store: Engine, tmp_path: Path) -> Decisions:
    return Decisions(store, engagement_id="e1", journal=Journal(tmp_path / "journal.jsonl"))


def _field(target: str, recipe: str = "text") -> dict[str, Any]:
    return {"target": target, "type": "text", "recipe": recipe, "options": {}}


def _values(*rows: tuple[str, str | None, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["subject", "value", "confidence"])
    return frame.assign(reasons="spelt alike", alternatives=[["Active", "Lost"] for _ in rows], shown="12 rows")


LIFECYCLE = _values(
    ("contacts/Lifecycle=At Risk", "At-Risk", 0.97),
    ("contacts/Lifecycle=churned", "Lost", 0.70),
    ("contacts/Lifecycle=???", None, 0.0),
)


# ------------------------------------------------------------ proposing


def test_a_proposal_comes_back_as_it_was_made(decisions: Decisions) -> None:
    frame = pd.DataFrame(
        [
            {
                "subject": "contacts/Email",
                "value": _field("emails", "email"),
                "confidence": np.float64(0.97),
                "reasons": ("alias", "values look like e-mail"),
                "alternatives": [{"value": _field("work_email"), "score": 0.4}],
                "shown": {"samples": "a@example.org | b@example.org"},
            }
        ]
    )
    decisions.propose("field", frame)
    row = decisions.proposals("field").iloc[0]
    assert row["value"] == _field("emails", "email")
    assert row["reasons"] == ["alias", "values look like e-mail"]
    assert row["alternatives"][0]["score"] == 0.4
    assert row["confidence"] == 0.97


def test_proposing_again_replaces_proposals_and_keeps_decisions(decisions: Decisions) -> None:
    decisions.propose("value", LIFECYCLE)
    decisions.confirm("value", "contacts/Lifecycle=churned", "", by=ADA)
    decisions.propose("value", _values(("contacts/Lifecycle=churned", "Active", 0.99), ("contacts/Lifecycle=new", "New", 1.0)))
    assert decisions.proposals("value")["subject"].tolist() == ["contacts/Lifecycle=churned", "contacts/Lifecycle=new"]
    assert decisions.value("value", "contacts/Lifecycle=churned") == ""
    assert decisions.missing("value") == ["contacts/Lifecycle=new"]


def test_proposing_within_a_feed_leaves_the_other_feeds_alone(decisions: Decisions) -> None:
    decisions.propose("value", _values(("contacts/A=1", "x", 1), ("deals_%/B=1", "y", 1)))
    decisions.propose("value", _values(("contacts/A=2", "z", 1)), within="contacts/")
    assert set(decisions.proposals("value")["subject"]) == {"deals_%/B=1", "contacts/A=2"}


def test_a_subject_proposed_twice_is_refused(decisions: Decisions) -> None:
    with pytest.raises(EditError, match="once"):
        decisions.propose("value", pd.concat([LIFECYCLE, LIFECYCLE]))


def test_empty_frames_keep_their_columns_and_types(decisions: Decisions) -> None:
    assert list(decisions.proposals("owner").columns) == ["subject", "value", "confidence", "reasons", "alternatives", "shown"]
    assert list(decisions.current("owner").columns) == ["subject", "value", "by", "at", "why"]
    assert decisions.current("owner")["subject"].dtype == "str"
    decisions.propose("owner", decisions.proposals("owner"))
    assert decisions.require("owner", where="04_owners").empty


# ------------------------------------------------------------ deciding


def test_the_newest_decision_counts_and_history_keeps_the_older_ones(decisions: Decisions) -> None:
    decisions.confirm("owner", "jon@example.org", "ada@example.org", by=ADA, why="left", shown={"records": 12})
    decisions.confirm("owner", "jon@example.org", "bob@example.org", by=BOB)
    assert decisions.value("owner", "jon@example.org") == "bob@example.org"
    history = decisions.history("owner", "jon@example.org")
    assert history["value"].tolist() == ["ada@example.org", "bob@example.org"]
    assert history["previous"].tolist() == [None, "ada@example.org"]
    assert history["by"].tolist() == [ADA, BOB]
    assert history["shown"].tolist() == [{"records": 12}, None]


def test_saying_the_same_again_adds_nothing(decisions: Decisions) -> None:
    for _ in range(3):
        decisions.confirm("scope", "existing_records", "hold", by=ADA)
    assert len(decisions.history()) == 1


def test_a_decision_that_was_taken_back_is_missing_again(decisions: Decisions) -> None:
    decisions.propose("value", LIFECYCLE.head(1))
    decisions.confirm("value", "contacts/Lifecycle=At Risk", "At-Risk", by=ADA)
    decisions.withdraw("value", "contacts/Lifecycle=At Risk", by=BOB)
    assert decisions.missing("value") == ["contacts/Lifecycle=At Risk"]
    assert decisions.value("value", "contacts/Lifecycle=At Risk") is None
    assert decisions.history()["withdrawn"].tolist() == [False, True]


def test_a_decision_without_person_kind_subject_or_value_is_refused(decisions: Decisions) -> None:
    for by in ("", "  ", "Ada\nforged line"):
        with pytest.raises(EditError, match="person"):
            decisions.confirm("scope", "q", "hold", by=by)
    with pytest.raises(EditError, match="kind"):
        decisions.confirm("feild", "q", "hold", by=ADA)
    with pytest.raises(EditError, match="value"):
        decisions.confirm("scope", "q", pd.NA, by=ADA)
    with pytest.raises(EditError, match="about"):
        decisions.confirm("scope", "", "hold", by=ADA)
    assert decisions.history().empty


def test_many_decisions_are_taken_together_or_not_at_all(decisions: Decisions) -> None:
    frame = pd.DataFrame({"subject": ["a", "b"], "value": ["x", None]}, dtype=object)
    with pytest.raises(EditError):
        decisions.confirm_many("owner", frame, by=ADA)
    assert decisions.current("owner").empty
    decisions.confirm_many("owner", frame.assign(value=["x", ""]), by=ADA)
    assert decisions.mapping("owner") == {"a": "x", "b": ""}


def test_what_is_missing_is_told_in_full(decisions: Decisions) -> None:
    decisions.propose("value", _values(*[(f"contacts/L={n:02d}", "x", 0.1) for n in range(40)]))
    with pytest.raises(DecisionMissing, match="40 value decisions") as told:
        decisions.require("value", where="03_mapping")
    assert len(told.value.missing) == 40
    assert told.value.where == "03_mapping"


def test_accepting_takes_what_is_sure_and_undecided_in_a_persons_name(decisions: Decisions) -> None:
    decisions.propose("value", LIFECYCLE)
    decisions.propose("scope", pd.DataFrame({"subject": ["existing_records"], "value": ["hold"], "confidence": [1.0]}))
    decisions.confirm("value", "contacts/Lifecycle=At Risk", "Active", by=BOB)
    accepted = decisions.accept(0.7, by=ADA)
    assert accepted[["kind", "subject", "value"]].values.tolist() == [["value", "contacts/Lifecycle=churned", "Lost"]]
    assert decisions.value("value", "contacts/Lifecycle=At Risk") == "Active"
    assert decisions.missing("value") == ["contacts/Lifecycle=???"]
    assert decisions.missing("scope") == ["existing_records"]
    last = decisions.history("value").iloc[-1]
    assert (last["by"], last["shown"]["confidence"]) == (ADA, 0.7)
    assert "0.7" in last["why"]
    assert decisions.accept(0.7, by=ADA).empty


def test_engagements_in_one_database_do_not_see_each_other(decisions: Decisions) -> None:
    other = Decisions(decisions._store, engagement_id="e2")
    other.propose("value", LIFECYCLE)
    other.confirm("scope", "q", "hold", by=ADA)
    assert decisions.proposals("value").empty
    assert decisions.history().empty


def test_two_people_deciding_at_once_lose_nothing(decisions: Decisions) -> None:
    def work(who: str) -> None:
        for n in range(15):
            decisions.confirm("owner", f"{who}{n}", "x", by=who)
            decisions.confirm("owner", "both", f"{who}{n}", by=who)

    threads = [threading.Thread(target=work, args=(who,)) for who in ("ada", "bob", "cyd")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    history = decisions.history("owner")
    assert len(history) == 90
    both = history[history["subject"] == "both"]
    assert both["previous"].tolist() == [None, *both["value"].tolist()[:-1]]


def test_the_digest_follows_the_decisions_and_nothing_else(decisions: Decisions) -> None:
    empty = decisions.digest()
    decisions.confirm("value", "a", "x", by=ADA)
    one = decisions.digest()
    decisions.confirm("value", "a", "x", by=BOB, why="said again by another")
    decisions.propose("value", LIFECYCLE)
    decisions.confirm("signoff", "sample", {"name": "Ada"}, by=ADA)
    assert decisions.digest() == one != empty
    assert decisions.digest("field") == decisions.digest("field")
    assert decisions.digest("field") != decisions.digest("value")
    decisions.confirm("value", "a", "y", by=ADA)
    assert decisions.digest("value") != one


def test_decisions_are_noted_in_the_journal(decisions: Decisions, tmp_path: Path) -> None:
    decisions.confirm("scope", "existing_records", "hold", by=ADA)
    decisions.confirm_many("owner", pd.DataFrame({"subject": ["a", "b"], "value": ["x", "y"]}), by=BOB)
    frame = Journal(tmp_path / "journal.jsonl").frame()
    assert frame["what"].tolist() == ["decided", "decided"]
    assert frame["who"].tolist() == [ADA, BOB]
    assert frame["subject"].tolist() == ["scope existing_records", ""]
    assert [detail["count"] for detail in frame["detail"]] == [1, 2]


JSON = st.recursive(
    st.text(max_size=20) | st.integers(-(2**53), 2**53) | st.booleans() | st.floats(allow_nan=False, allow_infinity=False),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=8), part, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(value=JSON, by=st.sampled_from([ADA, "Zoë ☃"]))
def test_any_value_survives_a_line_of_a_file(value: Any, by: str) -> None:
    line = json.dumps({"kind": "scope", "subject": "q", "value": value, "by": by})
    read = read_line(line, "here", "")
    assert json.loads(read.value or "") == value
    assert read.by == by


# ------------------------------------------------------------ JSONL


def test_a_history_replays_elsewhere_with_its_times_and_people(decisions: Decisions, tmp_path: Path) -> None:
    decisions.confirm("field", "contacts/Email", _field("emails"), by=ADA, why="of course", shown={"samples": "a@b"})
    decisions.confirm("field", "contacts/Email", _field(""), by=BOB)
    decisions.confirm("scope", "q", "hold", by=ADA)
    decisions.withdraw("scope", "q", by=ADA)
    path = decisions.write_jsonl(tmp_path / "decisions.jsonl")
    other = Decisions(decisions._store, engagement_id="e2")
    assert other.read_jsonl(path) == 4
    assert other.read_jsonl(path) == 0
    pd.testing.assert_frame_equal(other.history(), decisions.history())
    assert other.digest() == decisions.digest()


def test_an_older_decision_of_a_file_does_not_win_over_a_newer_one(decisions: Decisions, tmp_path: Path) -> None:
    decisions.confirm("owner", "jon", "ada", by=ADA)
    line = {"kind": "owner", "subject": "jon", "value": "old", "by": BOB, "at": "2020-01-01T00:00:00+01:00"}
    (tmp_path / "old.jsonl").write_text(json.dumps(line))
    assert decisions.read_jsonl(tmp_path / "old.jsonl") == 1
    assert decisions.value("owner", "jon") == "ada"
    assert decisions.history("owner")["value"].tolist() == ["old", "ada"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "not a decision"),
        ("[]", "not a decision"),
        ('{"kind": "owner", "subject": "a", "by": "x"}', "value"),
        ('{"kind": "owner", "subject": "a", "value": null, "by": "x"}', "value"),
        ('{"kind": "ouner", "subject": "a", "value": 1, "by": "x"}', "kind"),
        ('{"kind": "owner", "subject": "a", "value": 1}', "person"),
        ('{"kind": "owner", "subject": "a", "value": 1, "by": "x", "at": "2999-01-01T00:00:00+00:00"}', "future"),
        ('{"kind": "owner", "subject": "a", "value": 1, "by": "x", "at": "yesterday"}', "not a decision"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_of_its_file_is_taken(
    decisions: Decisions, tmp_path: Path, line: str, words: str
) -> None:
    good = '{"kind": "owner", "subject": "a", "value": "x", "by": "Ada"}'
    (tmp_path / "d.jsonl").write_text(f"{good}\n\n{line}\n")
    with pytest.raises(EditError) as told:
        decisions.read_jsonl(tmp_path / "d.jsonl")
    assert words in str(told.value)
    assert "d.jsonl: line 3" in str(told.value)
    assert decisions.history().empty


# ------------------------------------------------------------ workbook


def _rows(path: Path) -> tuple[openpyxl.Workbook, dict[str, tuple[Any, int]]]:
    book = openpyxl.load_workbook(path)
    found = {}
    for sheet in book.worksheets:
        for line in range(2, sheet.max_row + 1):
            if isinstance(sheet.cell(line, 1).value, int):
                found[str(sheet.cell(line, 2).value)] = (sheet, line)
    return book, found


def _send(decisions: Decisions, tmp_path: Path, **options: Any) -> Path:
    return decisions.to_workbook(tmp_path / "questions.xlsx", kinds=["value"], **options)


def test_the_workbook_offers_lists_and_locks_everything_but_the_answer(decisions: Decisions, tmp_path: Path) -> None:
    decisions.propose("value", LIFECYCLE)
    decisions.propose("field", pd.DataFrame([{"subject": "contacts/Email", "value": _field("emails"), "confidence": 1.0}]))
    book = openpyxl.load_workbook(decisions.to_workbook(tmp_path / "q.xlsx"))
    assert book.sheetnames == ["Read me", "_options", "Fields", "Values", "_sent"]
    assert book["_options"].sheet_state == book["_sent"].sheet_state == "veryHidden"
    sheet = book["Values"]
    assert sheet.protection.sheet
    assert [sheet.cell(2, n).protection.locked for n in range(1, 9)] == [True] * 6 + [False] * 2
    lists = {str(rule.sqref): rule.formula1 for rule in sheet.data_validations.dataValidation}
    first = next(formula for cells, formula in lists.items() if "G2" in cells)
    column = first.split("$")[1]
    offered = [cell.value for cell in book["_options"][column] if cell.value]
    assert offered == ["At-Risk", "Active", "Lost", "(leave empty)"]
    assert sheet["G1"].comment is not None


def test_three_hundred_rows_come_back_with_exactly_what_was_edited(decisions: Decisions, tmp_path: Path) -> None:
    decisions.propose("value", _values(*[(f"contacts/Status={n:03d}", "Active", 0.9) for n in range(300)]))
    path = _send(decisions, tmp_path, options={"value": ["Active", "Lost", "New"]})
    book, rows = _rows(path)
    for n in range(40):
        sheet, line = rows[f"contacts/Status={n:03d}"]
        sheet.cell(line, ANSWER).value = "Lost"
        sheet.cell(line, COMMENT).value = "they left"
    for n in range(40, 43):
        sheet, line = rows[f"contacts/Status={n:03d}"]
        sheet.cell(line, ANSWER).value = "Nonsense"
    sheet, line = rows["contacts/Status=043"]
    sheet.cell(line, ANSWER).value = '=HYPERLINK("http://127.0.0.1","New")'
    sheet, line = rows["contacts/Status=044"]
    sheet.cell(line, ANSWER).value = None
    for n in range(45, 50):  # decided meanwhile
        decisions.confirm("value", f"contacts/Status={n:03d}", "New", by=BOB)
    book.save(path)
    merged = decisions.merge_workbook(path, by=ADA)
    counts = merged["verdict"].value_counts().to_dict()
    assert counts == {"accepted": 250, "changed": 40, "conflicting": 5, "impossible": 4, "open": 1}
    assert decisions.value("value", "contacts/Status=000") == "Lost"
    assert decisions.history("value", "contacts/Status=000").iloc[0]["why"] == "they left"
    assert decisions.value("value", "contacts/Status=045") == "New"
    assert len(decisions.missing("value")) == 5
    assert "formula" in merged.set_index("subject").at["contacts/Status=043", "words"]
    assert len(decisions.current("value")) == 295


def test_merging_the_same_file_again_changes_nothing(decisions: Decisions, tmp_path: Path) -> None:
    decisions.propose("value", LIFECYCLE)
    path = _send(decisions, tmp_path)
    decisions.merge_workbook(path, by=ADA)
    before = decisions.history()
    again = decisions.merge_workbook(path, by=BOB)
    assert set(again["verdict"]) == {"accepted", "open"}
    pd.testing.assert_frame_equal(decisions.history(), before)


def test_rows_that_are_missing_doubled_or_invented_are_told(decisions: Decisions, tmp_path: Path) -> None:
    decisions.propose("value", LIFECYCLE)
    path = _send(decisions, tmp_path)
    book, rows = _rows(path)
    sheet, line = rows["contacts/Lifecycle=churned"]
    sheet.append([1, "again", "", "", "", "", "Lost", ""])
    sheet.append([99, "invented", "", "", "", "", "Lost", "mine"])
    sheet.delete_rows(line)
    book.save(path)
    merged = decisions.merge_workbook(path, by=ADA)
    assert merged["verdict"].tolist() == ["impossible", "open", "open", "impossible"]
    assert "several times" in merged["words"][0]
    assert "not in the file" in merged["words"][1]
    assert "row 99 was not sent" in merged["words"][3]
    assert decisions.current("value").empty


@pytest.mark.parametrize("saved", [float, str], ids=["as 1.0", "as text"])
def test_row_numbers_come_back_as_other_programs_save_them(
    decisions: Decisions, tmp_path: Path, saved: Callable[[object], object]
) -> None:
    """An online spreadsheet saves every number with a fraction: none of the answers is lost for that."""
    decisions.propose("value", LIFECYCLE)
    path = _send(decisions, tmp_path)
    book, rows = _rows(path)
    for sheet, line in rows.values():
        sheet.cell(line, 1).value = saved(sheet.cell(line, 1).value)
    sheet, line = rows["contacts/Lifecycle=churned"]
    sheet.cell(line, 7).value = "Lost"
    book.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:  # openpyxl writes 1.0 as 1
        for name, content in members.items():
            archive.writestr(
                name, re.sub(rb'(<c r="A\d+"[^>]*><v>\d+)(</v>)', rb"\1.0\2", content) if saved is float else content
            )
    merged = decisions.merge_workbook(path, by=ADA)
    assert "the row is not in the file any more" not in set(merged["words"])
    assert decisions.value("value", "contacts/Lifecycle=churned") == "Lost"


def test_rows_that_were_sorted_without_their_numbers_decide_nothing(decisions: Decisions, tmp_path: Path) -> None:
    """The first column is hidden: who marks what he sees and sorts it puts each answer beside another number."""
    decisions.propose("value", _values(("contacts/Status=a", "Active", 0.9), ("contacts/Status=b", "Lost", 0.9)))
    path = _send(decisions, tmp_path, options={"value": ["Active", "Lost"]})
    book, rows = _rows(path)
    (sheet, first), (_, second) = rows["contacts/Status=a"], rows["contacts/Status=b"]
    for column in range(2, 9):
        one, other = sheet.cell(first, column).value, sheet.cell(second, column).value
        sheet.cell(first, column).value, sheet.cell(second, column).value = other, one
    book.save(path)
    merged = decisions.merge_workbook(path, by=ADA)
    assert merged["verdict"].tolist() == ["impossible", "impossible"]
    assert merged["words"].str.contains("another question").all()
    assert decisions.current("value").empty


def test_answers_for_fields_and_duplicates_become_full_values(decisions: Decisions, tmp_path: Path) -> None:
    fields = [
        {"subject": "contacts/Mail", "value": _field("emails", "email"), "confidence": 0.9, "alternatives": ["work_email"]}
    ]
    pairs = [{"subject": "contacts/C-2@c.csv:3", "value": {"into": "contacts/C-1"}, "confidence": 0.9}]
    decisions.propose("field", pd.DataFrame(fields))
    decisions.propose("duplicate", pd.DataFrame(pairs))
    path = decisions.to_workbook(tmp_path / "q.xlsx", kinds=["field", "duplicate"])
    book, rows = _rows(path)
    for subject, answer in (("contacts/Mail", "WORK_EMAIL"), ("contacts/C-2@c.csv:3", "(keep separate)")):
        sheet, line = rows[subject]
        sheet.cell(line, ANSWER).value = answer
    book.save(path)
    assert decisions.merge_workbook(path, by=ADA)["verdict"].tolist() == ["changed", "changed"]
    assert decisions.value("field", "contacts/Mail") == {"target": "work_email", "type": "text", "recipe": "", "options": {}}
    assert decisions.value("duplicate", "contacts/C-2@c.csv:3") == {"into": ""}


@pytest.mark.parametrize(
    "hostile", ["=1+1", "+1", "-1", "@SUM(A1)", "＝1", "\t=1", "=cmd|' /C calc'!A0", "\x1b]0;x\x07", "02134"]
)
def test_hostile_cells_stay_text_and_find_their_way_back(decisions: Decisions, tmp_path: Path, hostile: str) -> None:
    frame = pd.DataFrame([{"subject": f"contacts/L={hostile}", "value": hostile, "confidence": 1.0, "shown": hostile}])
    decisions.propose("value", frame)
    path = _send(decisions, tmp_path)
    with zipfile.ZipFile(path) as archive:
        assert not any(b"<f>" in archive.read(name) for name in archive.namelist() if "worksheets" in name)
    book = openpyxl.load_workbook(path)
    kinds = {cell.data_type for sheet in book.worksheets for row in sheet.iter_rows() for cell in row if cell.value}
    assert kinds <= {"s", "n"}
    merged = decisions.merge_workbook(path, by=ADA)
    assert merged["verdict"].tolist() == ["accepted"]
    assert decisions.value("value", f"contacts/L={hostile}") == hostile


def test_a_workbook_of_somebody_else_is_refused_in_words(decisions: Decisions, tmp_path: Path) -> None:
    foreign = openpyxl.Workbook()
    foreign.save(tmp_path / "foreign.xlsx")
    (tmp_path / "text.xlsx").write_text("subject,answer")
    with pytest.raises(EditError, match="not a workbook that we sent"):
        decisions.merge_workbook(tmp_path / "foreign.xlsx", by=ADA)
    with pytest.raises(EditError, match="not a workbook that we sent"):
        decisions.merge_workbook(tmp_path / "text.xlsx", by=ADA)
    with pytest.raises(EditError, match="no such workbook"):
        decisions.merge_workbook(tmp_path / "none.xlsx", by=ADA)
    decisions.propose("value", LIFECYCLE)
    path = _send(decisions, tmp_path)
    other = Decisions(decisions._store, engagement_id="e2")
    with pytest.raises(EditError, match="not sent from this engagement"):
        other.merge_workbook(path, by=ADA)


def test_a_workbook_that_unpacks_without_end_is_never_unpacked(tmp_path: Path) -> None:
    with (
        zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as member,
    ):
        for _ in range(210):
            member.write(b"0" * 1_000_000)
    with pytest.raises(EditError, match="larger"):
        read_answers(tmp_path / "bomb.xlsx")
