"""Widgets ask and show; what they are told is in the engagement's store before they say so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from openpyxl import load_workbook

from workbench import widgets
from workbench.decisions.contested import Contested
from workbench.engagement import Engagement, new_engagement
from workbench.errors import EditError
from workbench.flow.countries import REGION
from workbench.recipes import check_recipe
from workbench.widgets.columns import columns_of
from workbench.widgets.fits import same_field
from workbench.widgets.forms import Form
from workbench.widgets.readings import name_of_reading, readings
from workbench.widgets.signing import STATEMENT, SignOff
from workbench.widgets.still import twin_of
from workbench.widgets.subjects import parts_of
from workbench.widgets.table import DecisionTable
from workbench.widgets.waiving import Waivers

PERSON = "Kim Berg <kim@harbour.example>"
COLUMNS = ["subject", "value", "confidence", "reasons", "alternatives", "shown"]
FIELDS = [
    [
        "contacts/Email",
        {"target": "emails", "recipe": "email"},
        0.99,
        "the scope document names it",
        ["", "emails"],
        "96% filled",
    ],
    [
        "contacts/Phone",
        {"target": "mobile_number"},
        0.7,
        ["looks like a phone"],
        [{"target": "work_number", "type": "phone"}],
        "",
    ],
    ["contacts/Fax", {"target": ""}, 0.9, [], [], "<script>alert(1)</script>"],
    ["contacts/Shoe size", None, 0.0, [], [], {"fill": 0.5, "samples": ["41", "42"]}],
]


@pytest.fixture
def engagement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engagement:
    monkeypatch.delenv("WORKBENCH_HEADLESS", raising=False)
    monkeypatch.setenv("WORKBENCH_USER", PERSON)
    made = new_engagement(tmp_path / "e", route="promio_to_freshsales", customer="Harbour & Sons")
    made.decisions.propose("field", pd.DataFrame(FIELDS, columns=COLUMNS))
    return made


def table_of(engagement: Engagement, kind: str = "field", **given: Any) -> DecisionTable:
    table = widgets.decision_table(engagement, kind, **given)
    assert isinstance(table, DecisionTable)
    return table


def tell(table: DecisionTable, kind: str, **message: Any) -> dict[str, str]:
    """What the kernel answers to one message of the front end."""
    heard: list[dict[str, Any]] = []
    table.send = lambda content, buffers=None: heard.append(content)
    table._handle_custom_msg({"kind": kind, "number": 7, **message}, [])
    assert [answer["number"] for answer in heard] == [7]
    problems: dict[str, str] = heard[0]["problems"]
    return problems


def edit(subject: str, text: str, why: str = "") -> dict[str, str]:
    return {"subject": subject, "text": text, "why": why}


def test_a_confirmed_answer_is_in_the_store_with_name_reason_and_what_was_shown(engagement: Engagement) -> None:
    table = table_of(engagement)
    assert tell(table, "confirm", edits=[edit("contacts/Email", "emails", "as agreed")]) == {}
    kept = engagement.decisions.history("field").iloc[0]
    assert kept["value"] == {"target": "emails", "recipe": "email"}
    assert (kept["by"], kept["why"]) == (PERSON, "as agreed")
    assert kept["shown"]["proposed"] == "emails"
    assert table.answers["contacts/Email"]["status"] == "confirmed"


def test_an_alternative_is_taken_with_all_it_says(engagement: Engagement) -> None:
    assert tell(table_of(engagement), "confirm", edits=[edit("contacts/Phone", "work_number")]) == {}
    assert engagement.decisions.value("field", "contacts/Phone") == {"target": "work_number", "type": "phone"}


def test_another_field_of_the_destination_brings_its_own_type(engagement: Engagement) -> None:
    assert tell(table_of(engagement), "confirm", edits=[edit("contacts/Phone", "last_name")]) == {}
    assert engagement.decisions.value("field", "contacts/Phone") == {
        "target": "last_name",
        "type": "text",
        "recipe": "",
        "options": {},
    }


def test_an_answer_that_is_not_on_offer_is_refused_and_nothing_is_kept(engagement: Engagement) -> None:
    problems = tell(
        table_of(engagement), "confirm", edits=[edit("contacts/Phone", "no such field"), edit("contacts/Nobody", "emails")]
    )
    assert set(problems) == {"contacts/Phone", "contacts/Nobody"}
    assert "no such field" in problems["contacts/Phone"]
    assert len(engagement.decisions.history()) == 0


def test_leaving_behind_is_an_answer_of_its_own(engagement: Engagement) -> None:
    table = table_of(engagement)
    assert tell(table, "confirm", edits=[edit("contacts/Fax", "")]) == {}
    assert engagement.decisions.value("field", "contacts/Fax") == {"target": ""}
    assert table.answers["contacts/Fax"]["status"] == "left behind"


@pytest.mark.parametrize(("text", "taken"), [("new:Shoe size", True), ("new:", False), ("new:  ", False)])
def test_a_field_of_its_own_needs_a_label(engagement: Engagement, text: str, taken: bool) -> None:
    problems = tell(table_of(engagement), "confirm", edits=[edit("contacts/Shoe size", text)])
    assert (problems == {}) is taken
    assert (engagement.decisions.value("field", "contacts/Shoe size") is not None) is taken


def test_nothing_is_kept_before_somebody_has_said_who_they_are(engagement: Engagement, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORKBENCH_USER")
    table = table_of(engagement)
    assert "who you are" in tell(table, "confirm", edits=[edit("contacts/Email", "emails")])[""]
    assert tell(table, "person", name=" Ann   Lee ") == {}
    assert tell(table, "confirm", edits=[edit("contacts/Email", "emails")]) == {}
    assert engagement.decisions.current("field")["by"].tolist() == ["Ann Lee"]


def test_a_second_table_finds_every_decision_of_the_first(engagement: Engagement) -> None:
    tell(table_of(engagement), "confirm", edits=[edit("contacts/Phone", "work_number"), edit("contacts/Fax", "")])
    again = table_of(engagement)
    assert {subject: kept["answer"] for subject, kept in again.answers.items()} == {
        "contacts/Phone": "work_number",
        "contacts/Fax": "",
    }
    assert len(engagement.decisions.history()) == 2


def test_undo_opens_a_row_again_and_gives_an_earlier_answer_back(engagement: Engagement) -> None:
    table = table_of(engagement)
    tell(table, "confirm", edits=[edit("contacts/Phone", "work_number")])
    tell(table, "confirm", edits=[edit("contacts/Phone", "last_name"), edit("contacts/Fax", "")])
    assert table.undoable == 2
    assert tell(table, "undo") == {}
    assert engagement.decisions.mapping("field") == {"contacts/Phone": {"target": "work_number", "type": "phone"}}
    assert tell(table, "undo") == {}
    assert engagement.decisions.mapping("field") == {}
    assert "nothing to take back" in tell(table, "undo")[""]


def test_redo_gives_the_answers_again_until_something_else_is_decided(engagement: Engagement) -> None:
    table = table_of(engagement)
    tell(table, "confirm", edits=[edit("contacts/Phone", "work_number"), edit("contacts/Fax", "")])
    tell(table, "undo")
    assert (table.undoable, table.redoable) == (0, 1)
    assert tell(table, "redo") == {}
    assert engagement.decisions.mapping("field") == {
        "contacts/Phone": {"target": "work_number", "type": "phone"},
        "contacts/Fax": {"target": ""},
    }
    tell(table, "undo")
    tell(table, "confirm", edits=[edit("contacts/Fax", "")])
    assert "nothing to give again" in tell(table, "redo")[""]
    assert engagement.decisions.history("field")["why"].tolist().count("taken back") == 4


def test_undo_leaves_alone_what_somebody_else_has_decided_since(engagement: Engagement) -> None:
    table = table_of(engagement)
    tell(table, "confirm", edits=[edit("contacts/Phone", "work_number"), edit("contacts/Fax", "")])
    engagement.decisions.confirm("field", "contacts/Phone", {"target": "last_name"}, by="Ann")
    problems = tell(table, "undo")
    assert list(problems) == ["contacts/Phone"]
    assert "meanwhile" in problems["contacts/Phone"]
    assert engagement.decisions.mapping("field") == {"contacts/Phone": {"target": "last_name"}}


def test_a_way_of_reading_is_kept_with_the_answer_and_found_again(engagement: Engagement) -> None:
    table = table_of(engagement)
    told = {**edit("contacts/Email", "first_job__c"), "reading": "day · order dmy"}
    assert tell(table, "confirm", edits=[told]) == {}
    kept = engagement.decisions.value("field", "contacts/Email")
    assert (kept["target"], kept["recipe"], kept["options"]) == ("first_job__c", "day", {"order": "dmy"})
    assert table_of(engagement).answers["contacts/Email"]["reading"] == "day · order dmy"
    assert tell(table, "confirm", edits=[edit("contacts/Email", "first_job__c", "as agreed")]) == {}
    assert engagement.decisions.value("field", "contacts/Email") == kept, "a comment took the way of reading away"
    assert tell(table, "confirm", edits=[{**edit("contacts/Email", "first_job__c"), "reading": ""}]) == {}
    assert engagement.decisions.value("field", "contacts/Email")["recipe"] == ""
    refused = tell(table, "confirm", edits=[{**edit("contacts/Fax", "emails"), "reading": "upside down"}])
    assert "no way of reading" in refused["contacts/Fax"]


def test_every_way_of_reading_that_is_offered_is_one_that_the_recipes_know() -> None:
    found = readings()
    assert {"day", "day · order mdy", "text · cut", "postal code · restore zero"} <= set(found)
    assert "constant" not in found
    for each in found.values():
        check_recipe(each.recipe, each.options)
        assert name_of_reading(each.recipe, each.options) == each.name


def test_what_another_person_decided_meanwhile_is_shown_and_not_overwritten(engagement: Engagement) -> None:
    table = table_of(engagement)
    engagement.decisions.confirm("field", "contacts/Phone", {"target": "work_number"}, by="Ann")
    problems = tell(table, "confirm", edits=[edit("contacts/Phone", "last_name")])
    assert "work_number" in problems["contacts/Phone"]
    assert engagement.decisions.value("field", "contacts/Phone") == {"target": "work_number"}
    assert table.answers["contacts/Phone"]["by"] == "Ann"
    assert tell(table, "confirm", edits=[edit("contacts/Phone", "last_name")]) == {}


def test_a_message_that_makes_no_sense_changes_nothing(engagement: Engagement) -> None:
    assert tell(table_of(engagement), "drop all") != {}
    assert len(engagement.decisions.history()) == 0


def test_owners_values_and_duplicates_are_asked_in_the_same_table(engagement: Engagement) -> None:
    mail = ["ann@x.example", "bob@x.example"]
    engagement.decisions.propose("owner", pd.DataFrame([["(blank)", "", 0.2, "", mail, ""]], columns=COLUMNS))
    engagement.decisions.propose("value", pd.DataFrame([["contacts/Lifecycle=At Risk", "", 0.0, "", [], ""]], columns=COLUMNS))
    pair = [{"into": "contacts/C-1"}, {"into": ""}]
    engagement.decisions.propose(
        "duplicate", pd.DataFrame([["contacts/C-2@a.csv:3", pair[0], 0.9, "", pair, ""]], columns=COLUMNS)
    )
    owners = table_of(engagement, "owner")
    assert set(tell(owners, "confirm", edits=[edit("(blank)", "")])) == {"(blank)"}, "a record without an owner is no answer"
    assert tell(owners, "confirm", edits=[edit("(blank)", mail[1])]) == {}
    values = table_of(engagement, "value", options=["At-Risk", "Lost"])
    assert tell(values, "confirm", edits=[edit("contacts/Lifecycle=At Risk", "At-Risk")]) == {}
    duplicates = table_of(engagement, "duplicate")
    assert tell(duplicates, "confirm", edits=[edit("contacts/C-2@a.csv:3", "")]) == {}
    assert engagement.decisions.mapping("owner") == {"(blank)": mail[1]}
    assert engagement.decisions.mapping("value") == {"contacts/Lifecycle=At Risk": "At-Risk"}
    assert engagement.decisions.mapping("duplicate") == {"contacts/C-2@a.csv:3": {"into": ""}}


def asked(table: DecisionTable, kind: str, *subjects: Mapping[str, object]) -> dict[str, Any]:
    """What the kernel tells of subjects, without anything being decided."""
    heard: list[dict[str, Any]] = []
    table.send = lambda content, buffers=None: heard.append(content)
    table._handle_custom_msg({"kind": kind, "number": 3, "asked": list(subjects)}, [])
    return heard[0]


@pytest.fixture
def staged(engagement: Engagement) -> Engagement:
    """The same with the tables of an export behind it."""
    cells = {"Email": ["ann@x.example", "b@x.example", "nobody"], "Phone": ["(617) 555-0123", "5", None], "Fax": ["", "", ""]}
    rows = pd.DataFrame({"_row": [f"customers.csv:{n}" for n in (2, 3, 4)], **cells, "Customer ID": ["C-1", "C-2", "C-1"]})
    engagement.save("tables/customers", rows.astype("str").assign(**{"Shoe size": "41", "Business": "N", "Company": "x" * 300}))
    return engagement


def test_an_answer_is_tried_on_the_column_by_the_recipe_that_would_be_used(staged: Engagement) -> None:
    table = table_of(staged)
    said = asked(table, "fit", edit("contacts/Email", "emails"), edit("contacts/Phone", "work_number"))
    (_, mail), (_, phone) = said["fits"]
    assert ["ann@x.example", "ann@x.example", "", False] in mail["pairs"]
    assert mail["warnings"] == ["1 of 3 cells cannot be read (not an email): “nobody”"]
    assert phone["reading"] == "phone"
    assert ["(617) 555-0123", "+16175550123", "", False] in phone["pairs"]
    assert staged.decisions.mapping("field") == {}


def test_a_number_is_tried_as_one_of_the_country_that_was_answered(staged: Engagement) -> None:
    staged.decisions.confirm("scope", REGION, "GB", by="Ann Lee")
    ((_, phone),) = asked(table_of(staged), "fit", edit("contacts/Phone", "work_number"))["fits"]
    assert "+16175550123" not in str(phone["pairs"])


def test_a_text_that_the_field_would_not_take_whole_is_told_and_a_reading_that_cuts_it_too(staged: Engagement) -> None:
    company = ["contacts/Company", {"target": "new:Company"}, 0.9, [], [], f"100% filled · text · {'x' * 60}"]
    staged.decisions.propose("field", pd.DataFrame([*FIELDS, company], columns=COLUMNS))
    table = table_of(staged)
    ((_, whole),) = asked(table, "fit", edit("contacts/Company", "new:Company"))["fits"]
    ((_, cut),) = asked(table, "fit", {**edit("contacts/Company", "new:Company"), "reading": "text · cut"})["fits"]
    assert whole["warnings"] == [f"3 of 3 cells cannot be read (too long): “{'x' * 40}”"]
    assert cut["warnings"] == [f"3 are cut short: “{'x' * 40}”"]
    assert cut["pairs"][0][1] == "x" * 255


def test_an_answer_that_is_not_on_offer_or_a_row_that_is_not_proposed_is_not_tried(staged: Engagement) -> None:
    table = table_of(staged)
    said = asked(table, "fit", edit("contacts/Phone", "no such field"), edit("contacts/Nobody", "emails"))
    assert said["fits"] == []


def test_columns_that_tell_of_people_and_columns_that_the_source_does_not_know_are_marked(engagement: Engagement) -> None:
    shown = {"Email": "96% filled · email · a@b.example", "Geburtsdatum": "", "Shoe size": "5% filled · integer · 41 | 42"}
    found = columns_of(engagement, {f"contacts/{name}": words for name, words in shown.items()})
    email, born, shoe = found.values()
    assert (email.personal, email.custom, email.fill, email.kind) == (True, False, 0.96, "email")
    assert (shoe.personal, shoe.custom, shoe.samples) == (False, True, ("41", "42"))
    assert born.fill is None
    assert columns_of(engagement, {"contacts/Nachname": "1% filled · text · Lee"})["contacts/Nachname"].personal


def test_two_columns_on_one_field_and_a_required_field_without_a_column_are_told(engagement: Engagement) -> None:
    table = table_of(engagement)
    assert same_field({"a/x": "city", "a/y": "city", "b/x": "city", "a/z": ""}) == {
        "a/x": "fills the same field as y",
        "a/y": "fills the same field as x",
    }
    named = ["contacts/Customer Name", {"target": "full_name"}, 0.9, [], [], ""]
    engagement.decisions.propose("field", pd.DataFrame([*FIELDS, named], columns=COLUMNS))
    table = table_of(engagement)
    assert table.notices == []
    tell(table, "confirm", edits=[edit("contacts/Customer Name", "")])
    assert [words.split(": ")[1] for words in table.notices] == ["no column fills Last name, which every record needs"]


def test_two_records_stand_side_by_side_with_their_differences(staged: Engagement) -> None:
    pair = [{"into": "contacts/C-1"}, {"into": ""}]
    rows = [["contacts/C-2@customers.csv:3", pair[0], 0.9, "", pair, "Bo ~ Ann"]]
    staged.decisions.propose("duplicate", pd.DataFrame(rows, columns=COLUMNS))
    ((_, found),) = asked(table_of(staged, "duplicate"), "look", {"subject": rows[0][0]})["looks"]
    assert found["heads"] == ["C-1 · customers.csv line 2", "C-2 · customers.csv line 3"]
    assert found["lines"][0] == ["Email", "ann@x.example", "b@x.example"]
    assert dict(zip([line[0] for line in found["lines"]], found["differs"], strict=True))["Shoe size"] is False
    assert found["differs"][0] is True
    assert "Fax" not in [line[0] for line in found["lines"]], "a column that neither fills is shown"


def test_a_conflict_is_shown_with_all_three_sides_here_and_on_the_still_page(engagement: Engagement) -> None:
    shown = "loaded “a; b”; source now nothing; destination now “c”"
    row = ["contacts/promio:contacts:c-1.city", "ours", 0.0, "", ["ours", "theirs"], shown]
    engagement.decisions.propose("conflict", pd.DataFrame([row], columns=COLUMNS))
    table = table_of(engagement, "conflict")
    assert table.rows[0]["sides"] == ["a; b", "", "c"]
    view = twin_of("conflict", table.frame).view
    assert view is not None
    assert view[["as loaded", "in the export now", "over there now"]].iloc[0].tolist() == ["a; b", "", "c"]
    assert table.offers[row[0]] == [["ours", "over there now"], ["theirs", "in the export now"]]


def test_a_conflict_is_called_by_the_person_and_the_field_and_its_key_stays_in_the_details(
    engagement: Engagement, tmp_path: Path
) -> None:
    shown = Contested("loaded “a”; source now nothing; destination now “c”", "Ann Lee", "City").shown()
    subject = "contacts/promio:contacts:c-1.city"
    row = [subject, "ours", 0.0, "", ["ours", "theirs"], shown]
    engagement.decisions.propose("conflict", pd.DataFrame([row], columns=COLUMNS))
    table = table_of(engagement, "conflict")
    (given,) = table.rows
    assert (given["place"], given["name"], given["id"]) == ("Ann Lee", "City", subject)
    assert given["sides"] == ["a", "", "c"]
    view = twin_of("conflict", table.frame).view
    assert view is not None
    assert view[["record", "field of a record", "key"]].iloc[0].tolist() == ["Ann Lee", "City", "contacts c-1"]
    book = load_workbook(engagement.decisions.to_workbook(tmp_path / "q.xlsx", kinds=["conflict"]))
    asked = [str(cell.value) for cell in book["Conflict"][2]]
    assert asked[1] == "Ann Lee · City"
    assert subject in asked[2]
    assert engagement.decisions.merge_workbook(tmp_path / "q.xlsx", by=PERSON)["subject"].tolist() == [subject]


def test_the_still_page_of_the_fields_says_what_arrives_and_what_is_to_be_watched(
    staged: Engagement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_HEADLESS", "1")
    named = ["contacts/Customer Name", {"target": ""}, 0.9, [], [], ""]
    staged.decisions.propose("field", pd.DataFrame([*FIELDS, named], columns=COLUMNS))
    twin = widgets.decision_table(staged, "field")
    assert isinstance(twin, widgets.Twin)
    assert twin.view is not None
    email = twin.view.set_index("source column").loc["Email"]
    assert email["arrives as"].startswith("ann@x.example")
    assert email["to watch"] == "1 of 3 cells cannot be read (not an email): “nobody”"
    assert "no column fills Last name" in twin._repr_html_()


def test_a_kind_that_has_no_table_is_refused_in_words(engagement: Engagement) -> None:
    with pytest.raises(EditError, match="no table for decisions of kind 'signoff'"):
        widgets.decision_table(engagement, "signoff")


def test_without_a_kernel_the_table_is_plain_html_and_counts(engagement: Engagement) -> None:
    table = table_of(engagement)
    tell(table, "confirm", edits=[edit("contacts/Fax", "")])
    data, _ = table._repr_mimebundle_()
    assert data["text/plain"] == "Columns and their fields: 1 of 4 decided, 3 open, 1 left"
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in data["text/html"]
    assert "<script" not in data["text/html"]
    assert "leave behind" in data["text/html"]
    assert PERSON.replace("<", "&lt;").replace(">", "&gt;") in data["text/html"]


def test_headless_every_widget_is_its_twin_alone(engagement: Engagement, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_HEADLESS", "1")
    shown = [
        widgets.decision_table(engagement, "field"),
        widgets.scope_form(engagement),
        widgets.quiet_checklist(engagement),
        widgets.waivers(engagement),
        widgets.who(engagement),
        widgets.sign_off(engagement, Compared(BEFORE)),
    ]
    assert all(isinstance(twin, widgets.Twin) for twin in shown)
    assert all("<script" not in twin._repr_html_() for twin in shown)
    assert shown[0].frame["status"].tolist() == ["open"] * 4


def test_the_twin_of_the_same_decisions_is_the_same_to_the_byte(
    engagement: Engagement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_HEADLESS", "1")
    first, second = (widgets.decision_table(engagement, "field")._repr_html_() for _ in range(2))
    assert first == second


def test_the_script_and_the_style_come_along_and_name_no_address(engagement: Engagement) -> None:
    table = table_of(engagement)
    assert "export default" in table._esm
    for text in (table._esm, table._css):
        assert "http" not in text
        assert "@import" not in text


def test_the_header_says_whose_migration_this_is_and_what_it_ran_on(engagement: Engagement) -> None:
    (engagement.root / "exports" / "main").mkdir(exist_ok=True)
    (engagement.exports() / "customers.csv").write_text("a\n1\n", encoding="utf-8")
    said = widgets.header(engagement, "mapping").frame.set_index("what")["is"]
    (engagement.exports() / "customers.csv").write_text("a\n2\n", encoding="utf-8")
    again = widgets.header(engagement, "mapping").frame.set_index("what")["is"]
    assert (said["customer"], said["phase"]) == ("Harbour & Sons", "mapping")
    assert "Harbour &amp; Sons" in widgets.header(engagement, "mapping")._repr_html_()
    assert [name for name in said.index if said[name] != again[name]] == ["exports · main"]


# ---------------------------------------------------------------- forms


def press(form: Form, subject: str, value: object) -> str:
    """Set the control of a question, press its button, and return what the line says then."""
    control, button, state = form.lines[subject].children[-1].children
    control.value = value
    button.click()
    said: str = state.value
    return said


def test_a_scope_answer_is_kept_and_found_again(engagement: Engagement) -> None:
    form = widgets.scope_form(engagement)
    assert isinstance(form, Form)
    assert press(form, "existing_records", "update") == f"✓ update — {PERSON}"
    assert engagement.decisions.mapping("scope") == {"existing_records": "update"}
    again = widgets.scope_form(engagement)
    assert isinstance(again, Form)
    assert again.lines["existing_records"].children[-1].children[0].value == "update"


def test_a_point_of_the_quiet_list_counts_only_when_it_is_done(engagement: Engagement) -> None:
    form = widgets.quiet_checklist(engagement)
    assert isinstance(form, Form)
    item = engagement.route.checklist[0]
    assert press(form, item, "not yet") == "open"
    assert press(form, item, "done").startswith("✓ done")
    assert engagement.decisions.mapping("quiet") == {item: "done"}
    assert press(form, item, "not yet") == "open"
    assert engagement.decisions.mapping("quiet") == {}


def test_a_waiver_needs_its_reason_and_its_role_and_opens_the_gate_under_a_name(engagement: Engagement) -> None:
    form = widgets.waivers(engagement)
    assert isinstance(form, Waivers)
    form.subject.value = "intake"
    form.button.click()
    assert form.state.value == "A waiver needs its reason."
    form.reason.value = "the rest comes on Monday"
    form.button.click()
    assert form.state.value == "A waiver needs its role."
    form.role.value = "head of sales"
    form.button.click()
    assert form.state.value == f"✓ the rest comes on Monday — {PERSON}"
    assert engagement.gate("discovery").waived == {"intake": f"{PERSON}, head of sales: the rest comes on Monday"}
    assert "head of sales" in form.standing.value
    form.back.click()
    assert engagement.waivers() == ()
    assert engagement.decisions.history("waiver")["withdrawn"].tolist() == [False, True]


def test_a_problem_that_blocks_a_phase_can_be_waived_by_its_own_name(engagement: Engagement) -> None:
    problem = "calls/count: the letter says 3 rows, the file has 2"
    engagement.finish("intake", passed=False, reasons=[problem])
    form = widgets.waivers(engagement)
    assert isinstance(form, Waivers)
    assert form.subject.options[:2] == ("calls/count", "intake")
    assert problem in form.words.value
    form.reason.value, form.role.value = "one call was deleted on request", "office manager"
    form.button.click()
    kept = {"reason": "one call was deleted on request", "role": "office manager", "words": problem}
    assert engagement.decisions.mapping("waiver") == {"calls/count": kept}
    data, _ = form._repr_mimebundle_()
    assert "office manager" in data["text/html"]
    assert data["text/plain"] == "Waivers: 1 in force"


@dataclass(frozen=True)
class Compared:
    evidence: Mapping[str, str]


BEFORE, AFTER = {"exports": "a" * 64}, {"exports": "b" * 64}


def sign(engagement: Engagement, comparison: Compared, *, statement: str) -> SignOff:
    form = widgets.sign_off(engagement, comparison)
    assert isinstance(form, SignOff)
    form.role.value, form.statement.value = "head of sales", statement
    form.button.click()
    return form


@pytest.mark.parametrize("statement", ["", "yes", "I have checked"])
def test_nobody_signs_without_typing_the_sentence(engagement: Engagement, statement: str) -> None:
    form = sign(engagement, Compared(BEFORE), statement=statement)
    assert form.state.value.endswith(STATEMENT)
    assert engagement.decisions.mapping("signoff") == {}


def test_a_signature_is_bound_to_its_evidence_and_void_when_that_changes(engagement: Engagement) -> None:
    form = sign(engagement, Compared(BEFORE), statement=f" {STATEMENT.lower()}. ")
    assert form.state.value == f"“{STATEMENT}” {PERSON}, head of sales"
    signed = engagement.decisions.value("signoff", "sample")
    assert signed == {"name": PERSON, "role": "head of sales", "statement": STATEMENT, "evidence": BEFORE}
    assert widgets.sign_off(engagement, Compared(AFTER)).state.value.startswith("void")


@pytest.mark.parametrize(
    ("kind", "subject", "parts"),
    [
        ("field", "contacts/Est. Job Value", ("contacts", "Est. Job Value")),
        ("value", "contacts/Lifecycle=At=Risk", ("contacts · Lifecycle", "At=Risk")),
        ("owner", "sales/desk@harbour.example", ("", "sales/desk@harbour.example")),
        ("duplicate", "contacts/C@1@book.xlsx#Sheet:88", ("contacts · book.xlsx#Sheet line 88", "C@1")),
        ("conflict", "contacts/promio:contacts:c-01012.emails", ("contacts c-01012", "emails")),
    ],
)
def test_a_subject_reads_as_a_place_and_a_name(kind: str, subject: str, parts: tuple[str, str]) -> None:
    assert parts_of(kind, subject) == parts


def test_the_twin_says_once_what_all_decisions_share_and_names_new_fields_by_their_label(engagement: Engagement) -> None:
    table = table_of(engagement)
    made = [edit("contacts/Email", "emails", "as agreed"), edit("contacts/Shoe size", "new:Shoe size", "as agreed")]
    assert tell(table, "confirm", edits=made) == {}
    twin = twin_of("field", table.frame)
    assert any(note.startswith(f"Decided by {PERSON} on ") and note.endswith(": as agreed.") for note in twin.notes)
    assert twin.view is not None
    assert "Shoe size (a new field)" in twin.view["field"].tolist()
    assert set(twin.view["comment"]) == {""}
    assert "{" not in re.sub("<style>.*?</style>", "", twin._repr_html_())


def test_progress_shows_every_phase_and_what_blocks_one(engagement: Engagement) -> None:
    engagement.finish("intake", passed=False, reasons=["calls/count: the letter says 9 rows"])
    page = widgets.progress(engagement)._repr_html_()
    assert "0 of 9 phases passed" in page
    assert "✗ blocked" in page
    assert "calls/count: the letter says 9 rows" in page
