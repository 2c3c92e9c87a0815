"""What a customer accepts in writing: asked beside the scope, kept under a name, and said again in the hand-off."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from workbench import reports, widgets
from workbench.engagement import Engagement, new_engagement
from workbench.errors import SpecError
from workbench.flow.accepting import acceptances, unaccepted
from workbench.specs import Route, load_destination, load_route, load_source
from workbench.specs.fitting import check_route

PERSON = "Kim Berg <kim@harbour.example>"
SUBJECT = "custom_objects/fields"
ABOUT = reports.About(
    customer="Harbour & Sons", source="Soffront", destination="Freshsales", route="Soffront → Freshsales",
    engagement="harbour-1", date="2026-03-03",
)  # fmt: skip


@pytest.fixture
def engagement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engagement:
    monkeypatch.delenv("WORKBENCH_HEADLESS", raising=False)
    monkeypatch.setenv("WORKBENCH_USER", PERSON)
    return new_engagement(tmp_path / "e", route="soffront_to_freshsales", customer="Harbour & Sons")


def test_a_limit_has_a_line_of_its_own_below_its_question_and_is_kept_under_a_name(engagement: Engagement) -> None:
    form = widgets.scope_form(engagement)
    names = list(form.lines)
    assert names.index(SUBJECT) == names.index("custom_objects") + 1
    about, row = form.lines[SUBJECT].children
    control, button, state = row.children
    assert "single assets stay in the export" in about.value and state.value == "open"
    button.click()  # nothing is written there yet
    assert engagement.decisions.mapping("waiver") == {}
    control.value = "Accepted in the mail of 3 March, R. Okafor"
    button.click()
    assert engagement.decisions.mapping("waiver") == {SUBJECT: "Accepted in the mail of 3 March, R. Okafor"}
    assert "R. Okafor" in state.value and PERSON in state.value
    (found,) = acceptances(engagement)
    assert (found.words, found.by) == ("Accepted in the mail of 3 March, R. Okafor", PERSON)
    control.value = ""
    button.click()
    assert engagement.decisions.mapping("waiver") == {} and len(unaccepted(engagement)) == 1


def test_the_limit_is_there_while_its_answer_stands_and_without_a_browser_too(
    engagement: Engagement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_HEADLESS", "1")
    limit = "single assets stay in the export"
    assert limit in widgets.scope_form(engagement)._repr_html_()
    assert [line.split(":")[0] for line in unaccepted(engagement)] == [SUBJECT]
    engagement.decisions.confirm("scope", "custom_objects", "modules", by=PERSON)
    assert limit not in widgets.scope_form(engagement)._repr_html_()
    assert unaccepted(engagement) == []


def test_a_route_accepts_limits_of_answers_that_can_be_given_only() -> None:
    route = load_route("soffront_to_freshsales")
    said = route.model_dump(by_alias=True)
    said["scope"] = [{**each, "accept": {"both": "…"}} if each["name"] == "custom_objects" else each for each in said["scope"]]
    with pytest.raises(SpecError, match="answer to custom_objects 'both'"):
        check_route(Route.model_validate(said), load_source("soffront"), load_destination("freshsales"))


def test_the_fidelity_statement_quotes_what_was_accepted(tmp_path: Path) -> None:
    limits = pd.DataFrame(
        [["Assets become lists.", "Accepted <by mail>.", "Kim Berg", "2026-03-03"]],
        columns=["what is not kept", "accepted in these words", "recorded by", "on"],
    )
    nothing = pd.DataFrame(columns=["object", "aspect", "kept", "where", "records"])
    (page,) = reports.render_fidelity(reports.Fidelity(ABOUT, nothing, limits=limits), tmp_path)
    text = page.read_text(encoding="utf-8")
    assert "What was accepted in writing" in text
    assert "Assets become lists." in text and "Accepted &lt;by mail&gt;." in text and "2026-03-03" in text
    (page,) = reports.render_fidelity(reports.Fidelity(ABOUT, nothing), tmp_path)
    assert "accepted in writing" not in page.read_text(encoding="utf-8")


def test_what_a_source_has_and_nobody_delivered_is_named_to_be_looked_for(tmp_path: Path) -> None:
    items = pd.DataFrame({"kind": ["Workflow"], "name": ["Greeting"]})
    usual = load_source("soffront").not_portable
    page, book, *_ = reports.render_inventory(reports.Inventory(ABOUT, items, usual=usual), tmp_path)
    text = page.read_text(encoding="utf-8")
    after = text.partition("Of which nothing was delivered")[2]
    assert "Escalation rules" in after and "Portal permissions" in after and "Workflows" not in after
    listed = [
        str(cell) for cell in pd.read_excel(book, sheet_name="Overview", header=None, engine="openpyxl").to_numpy().ravel()
    ]
    assert "escalation rule" in listed and any("look for them in the account" in cell for cell in listed)
