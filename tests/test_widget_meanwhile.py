"""Two notebooks on one engagement: what is decided in one is seen in the other, and never written over unseen."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from workbench import widgets
from workbench.engagement import Engagement, new_engagement, open_engagement
from workbench.widgets.companion import Companion
from workbench.widgets.forms import Form
from workbench.widgets.signing import STATEMENT
from workbench.widgets.telling import last_decision
from workbench.widgets.twin import Twin

KIM, BEN = "Kim Berg <kim@harbour.example>", "Ben Ito <ben@harbour.example>"
EMAIL, PHONE = "contacts/Email", "contacts/Phone"


@pytest.fixture
def engagement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engagement:
    monkeypatch.delenv("WORKBENCH_HEADLESS", raising=False)
    monkeypatch.setenv("WORKBENCH_USER", KIM)
    return new_engagement(tmp_path / "e", route="promio_to_freshsales", customer="Harbour & Sons")


class Page:
    """A form as a person has it before them: the control, the button and the words of one line."""

    def __init__(self, form: Form | Twin, subject: str) -> None:
        assert isinstance(form, Form)
        self.form = form
        self.control, self.button, self.state = form.lines[subject].children[1].children

    def come_back(self) -> None:
        """To the page, and away again: whoever comes back sees what was decided meanwhile."""
        come_back(companion_of(self.form))

    def answer(self, value: str) -> str:
        self.control.value = value
        self.button.click()
        return str(self.state.value)


def come_back(widget: Any) -> None:
    for kind in ("shown", "hidden"):
        widget._handle_custom_msg({"kind": kind, "page": "one"}, [])


def companion_of(form: Any) -> Any:
    (found,) = [child for child in form.children if isinstance(child, Companion)]
    return found


def scope(engagement: Engagement) -> tuple[str, Page]:
    subject = engagement.route.scope[1].name
    return subject, Page(widgets.scope_form(engagement), subject)


def test_an_answer_to_what_nobody_has_seen_yet_is_not_taken_and_the_second_one_is(engagement: Engagement) -> None:
    subject, page = scope(engagement)
    engagement.decisions.confirm("scope", subject, "update", by=BEN)
    said = page.answer("hold")
    assert said.startswith(f"Decided meanwhile: ✓ update — {BEN}")
    assert engagement.decisions.mapping("scope") == {subject: "update"}, "written over by somebody who had not seen it"
    page.button.click()  # having read that
    assert page.state.value == f"✓ hold — {KIM}"
    assert engagement.decisions.history("scope")["by"].tolist() == [BEN, KIM]


def test_a_form_shows_what_was_decided_elsewhere_and_what_that_took_the_place_of(engagement: Engagement) -> None:
    subject, page = scope(engagement)
    page.answer("hold")
    engagement.decisions.confirm("scope", subject, "update", by=BEN)
    page.come_back()
    assert page.control.value == "update"
    assert page.state.value == f"✓ update — {BEN}, in place of hold"
    engagement.decisions.withdraw("scope", subject, by=BEN)
    page.come_back()
    assert page.control.value == engagement.route.scope[1].default
    assert page.state.value == "open, in place of update"


def test_what_somebody_has_chosen_and_not_confirmed_stays_chosen(engagement: Engagement) -> None:
    subject, page = scope(engagement)
    options = [each for each in page.control.options if each != page.control.value]
    page.control.value = options[0]
    engagement.decisions.confirm("scope", subject, "elsewhere", by=BEN)
    page.come_back()
    assert page.control.value == options[0]
    assert page.state.value.endswith("What you have chosen is not saved.")
    assert engagement.decisions.mapping("scope") == {subject: "elsewhere"}


def test_a_point_that_somebody_else_has_ticked_is_not_unticked_by_whoever_saw_it_open(engagement: Engagement) -> None:
    point = engagement.route.checklist[0]
    page = Page(widgets.quiet_checklist(engagement), point)
    page.answer("done")
    other = Page(widgets.quiet_checklist(open_engagement(engagement.root)), point)
    assert other.control.value == "done"
    page.answer("does not apply")
    said = other.answer("not yet")
    assert said.startswith("Decided meanwhile: ✓ does not apply")
    assert engagement.decisions.mapping("quiet") == {point: "does not apply"}
    assert other.answer("not yet") == "open"
    page.come_back()
    assert page.control.value == "not yet"


def test_a_button_is_pressed_with_what_the_page_shows_and_not_with_what_has_come_through_yet(engagement: Engagement) -> None:
    points = list(engagement.route.checklist)
    form = widgets.quiet_checklist(engagement)
    said = ["not yet", "done", *["not yet"] * (len(points) - 2)]
    companion_of(form)._handle_custom_msg({"kind": "press", "button": 1, "said": said}, [])
    assert engagement.decisions.mapping("quiet") == {points[1]: "done"}


def test_a_press_from_a_page_that_had_not_been_told_yet_is_not_taken_and_the_next_one_is(engagement: Engagement) -> None:
    """A cell was running: the answer waited for its end, and the kernel knew by then what the page did not."""
    subject, page = scope(engagement)
    lines = list(page.form.lines)
    companion, before = companion_of(page.form), companion_of(page.form).told
    said = [line.children[1].children[0].value for line in page.form.lines.values()]
    said[lines.index(subject)] = "hold"
    press = {"kind": "press", "button": lines.index(subject), "said": said}
    engagement.decisions.confirm("scope", subject, "update", by=BEN)
    page.come_back()
    companion._handle_custom_msg({**press, "told": before}, [])
    assert page.state.value.startswith(f"Decided meanwhile: ✓ update — {BEN}")
    assert engagement.decisions.mapping("scope") == {subject: "update"}, "written over by somebody who had not seen it"
    other = {**press, "button": 0, "told": before}
    companion._handle_custom_msg(other, [])
    assert engagement.decisions.mapping("scope")[lines[0]] == said[0], "what nobody else decided is taken all the same"
    companion._handle_custom_msg({**press, "told": companion.told}, [])
    assert page.state.value == f"✓ hold — {KIM}"


def test_a_waiver_that_was_given_meanwhile_is_shown_before_another_takes_its_place(engagement: Engagement) -> None:
    form: Any = widgets.waivers(engagement)
    engagement.waive("intake", reason="the files come on Monday", by=BEN, role="Sales lead")
    said = ["intake", "the office says so", "Project lead", ""]
    companion_of(form)._handle_custom_msg({"kind": "press", "button": 0, "said": said}, [])
    assert form.state.value.startswith("Decided meanwhile: intake is waived by Ben Ito")
    assert [waiver.by for waiver in engagement.waivers()] == [BEN]
    assert "the files come on Monday" in form.standing.value
    form.button.click()
    assert [(waiver.by, waiver.reason) for waiver in engagement.waivers()] == [(KIM, "the office says so")]


def test_a_signature_that_was_given_meanwhile_is_shown_before_another_takes_its_place(engagement: Engagement) -> None:
    def signed(name: str) -> str:
        said = [name, "Sales lead", STATEMENT]
        companion_of(forms[name])._handle_custom_msg({"kind": "press", "button": 0, "said": said}, [])
        return str(forms[name].state.value)

    comparison = SimpleNamespace(evidence={"exports": "0123456789ab"})
    forms: dict[str, Any] = {name: widgets.sign_off(engagement, comparison) for name in (KIM, BEN)}
    assert signed(BEN) == f"“{STATEMENT}” {BEN}, Sales lead"
    assert signed(KIM).startswith(f"Signed meanwhile: “{STATEMENT}” {BEN}")
    assert engagement.decisions.value("signoff", "sample")["name"] == BEN
    engagement.decisions.confirm("quiet", "x", "done", by=BEN)
    come_back(companion_of(forms[KIM]))
    assert forms[KIM].state.value.startswith("Signed meanwhile"), "wiped by a decision about something else"
    assert signed(KIM) == f"“{STATEMENT}” {KIM}, Sales lead"
    come_back(companion_of(forms[BEN]))
    assert forms[BEN].state.value == f"“{STATEMENT}” {KIM}, Sales lead"


def test_a_waiver_or_a_signature_from_a_page_that_had_not_been_told_yet_is_not_taken(engagement: Engagement) -> None:
    comparison = SimpleNamespace(evidence={"exports": "0123456789ab"})
    signing: Any = widgets.sign_off(engagement, comparison)
    waiving: Any = widgets.waivers(engagement)
    told = {form: companion_of(form).told for form in (signing, waiving)}
    said = {"name": BEN, "role": "Lead", "statement": STATEMENT, "evidence": dict(comparison.evidence)}
    engagement.decisions.confirm("signoff", "sample", said, by=BEN)
    engagement.waive("intake", reason="the files come on Monday", by=BEN, role="Sales lead")
    answers = {signing: [KIM, "Sales lead", STATEMENT], waiving: ["intake", "the office says so", "Project lead", ""]}
    for form, fields in answers.items():
        come_back(companion_of(form))
        press = {"kind": "press", "button": 0, "said": fields, "told": told[form]}
        companion_of(form)._handle_custom_msg(press, [])
        assert " meanwhile: " in form.state.value
    assert engagement.decisions.value("signoff", "sample")["name"] == BEN
    assert [waiver.by for waiver in engagement.waivers()] == [BEN]


def test_decisions_of_other_engagements_in_the_same_database_are_none_of_ours(engagement: Engagement) -> None:
    before = last_decision(engagement)
    engagement.decisions.confirm("quiet", "x", "done", by=KIM)
    assert last_decision(engagement) > before
    stranger = engagement.settings.model_copy(update={"engagement_id": "another"})
    object.__setattr__(engagement, "settings", stranger)
    assert last_decision(engagement) == 0


# ---------------------------------------------------------------- the table


@pytest.fixture
def table(engagement: Engagement) -> tuple[Any, list[dict[str, Any]]]:
    rows = [
        [subject, {"target": target}, 0.9, ["?"], [], "x"] for subject, target in ((EMAIL, "emails"), (PHONE, "work_number"))
    ]
    columns = ["subject", "value", "confidence", "reasons", "alternatives", "shown"]
    engagement.decisions.propose("field", pd.DataFrame(rows, columns=columns))
    made: Any = widgets.decision_table(engagement, "field")
    heard: list[dict[str, Any]] = []
    made.send = lambda content, buffers=None: heard.append(content)
    return made, heard


def test_a_table_that_is_looked_at_shows_what_was_decided_elsewhere(engagement: Engagement, table: Any) -> None:
    shown, heard = table
    come_back(shown)
    assert heard == [] and shown.answers == {}
    engagement.decisions.confirm("field", EMAIL, {"target": "emails"}, by=BEN)
    come_back(shown)
    assert shown.answers[EMAIL]["by"] == BEN


def test_the_table_takes_an_answer_only_to_what_stood_on_that_persons_page(engagement: Engagement, table: Any) -> None:
    shown, heard = table
    edit = {"subject": PHONE, "text": "mobile_number", "why": "", "seen": {}}
    engagement.decisions.confirm("field", PHONE, {"target": "work_number"}, by=BEN)
    come_back(shown)  # another page, and the kernel knows by now
    shown._handle_custom_msg({"kind": "confirm", "number": 2, "edits": [edit]}, [])
    assert heard[-1]["problems"] == {PHONE: "Decided meanwhile, as work_number. Look again, then confirm."}
    assert engagement.decisions.value("field", PHONE) == {"target": "work_number"}
    seen = {"answer": "work_number", "status": "confirmed", "why": "", "by": BEN}
    shown._handle_custom_msg({"kind": "confirm", "number": 3, "edits": [{**edit, "seen": seen}]}, [])
    assert heard[-1]["problems"] == {}
    assert engagement.decisions.history("field", PHONE)["by"].tolist() == [BEN, KIM]
