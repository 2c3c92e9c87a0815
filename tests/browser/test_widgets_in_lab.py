"""The widgets that are no table, in JupyterLab: used with clicks and keys, and what they were told outlives kernel and page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from lab import KEY, PERSON, SAMPLE, Lab, write_notebook
from playwright.sync_api import Locator, Page, expect

from sample_exports.demo import TIME_SCALE, begin
from tests.routes.walk import decide_main
from workbench import rehearsal
from workbench.engagement import Engagement, new_engagement
from workbench.rehearsal import Rehearsal, canonical
from workbench.stages import provisioning, transform

pytestmark = pytest.mark.browser
Photograph = Callable[[Page, str], None]
DANA = "Dana Ortiz <dana@brightroof.example>"
STATEMENT = "I have checked the sample"
TWIN = "contacts/C-01137"
CONFLICT = "contacts/promio:contacts:c-01001.city"
SIDES = "loaded “Boston”; source now “Salem”; destination now nothing"


@dataclass(frozen=True)
class Ready:
    """The small sample with its owners resolved, and the account that it goes to, in which nothing is made yet."""

    engagement: Engagement
    tenant: Rehearsal
    untouched: str  # the account as it was


@pytest.fixture(scope="module")
def ready(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ready]:
    """Walked once; what a person sees to in the notebooks that are opened here is left out of the recorded decisions."""
    folder = tmp_path_factory.mktemp("ready")
    state = folder / "tenant.db"
    with (
        pytest.MonkeyPatch.context() as patch,
        rehearsal.running("freshsales", state=state, token=KEY, time_scale=TIME_SCALE) as tenant,
    ):
        patch.setenv("WORKBENCH_USER", PERSON)
        engagement = begin(shelf / "ready", SAMPLE, url=tenant.url, key=KEY, time_scale=TIME_SCALE)
        lines = (SAMPLE / "decisions.jsonl").read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if json.loads(line)["kind"] not in ("quiet", "signoff")]
        (folder / "kept.jsonl").write_text("\n".join(kept) + "\n", encoding="utf-8")
        engagement.decisions.read_jsonl(folder / "kept.jsonl")
        untouched = canonical(tenant.dump())
        decide_main(engagement)
        yield Ready(engagement, tenant, untouched)


@pytest.fixture(scope="module")
def lacking(shelf: Path) -> Engagement:
    """An engagement whose files came incomplete."""
    made = new_engagement(shelf / "lacking", route="promio_to_freshsales", customer="Harbour & Sons")
    made.receive(SAMPLE / "incomplete", delivery="main")
    shutil.copy(SAMPLE / "request.json", made.root / "exports")
    return made


def output(lab: Lab, source: str) -> Locator:
    """What the cell that holds these words shows."""
    lab.scroll_to(source)
    return lab.page.locator(".jp-Notebook-cell", has=lab.page.locator(".jp-Editor", has_text=source)).locator(
        ".jp-Cell-outputArea"
    )


def line(place: Locator, about: str) -> Locator:
    """The question of a form that asks about this, with its control, its button and what it says."""
    return place.locator(".widget-vbox .widget-vbox", has_text=about)


def row(lab: Lab, subject: str) -> Locator:
    return lab.page.locator(f".jp-OutputArea-output tr[data-id='{subject}']")


def test_a_name_a_waiver_and_the_scope_outlive_kernel_and_page(lab: Lab, lacking: Engagement, photograph: Photograph) -> None:
    who, came, waive, scope = "widgets.who(", "intake.run(", "widgets.waivers(", "widgets.scope_form("
    reading = f"from workbench.stages import intake\n{came}engagement)"
    notebook = write_notebook(lacking, f"{who}engagement)", reading, f"{waive}engagement)", f"{scope}engagement)")
    lab.open(notebook)
    lab.run_all()
    page, keys = lab.page, lab.page.keyboard
    page.get_by_label("You are").fill("")
    keys.press("Tab")
    question = lacking.route.scope[1]
    asked = line(output(lab, scope), question.question)
    asked.get_by_role("button", name="Confirm").click()
    expect(asked).to_contain_text("Say who you are first")
    assert lacking.decisions.mapping("scope") == {}, "kept under no name"
    output(lab, who).get_by_label("You are").fill(DANA)
    keys.press("Enter")
    choice = line(output(lab, scope), question.question).get_by_role("combobox")
    choice.focus()
    keys.type("update")
    keys.press("Tab")
    keys.press("Enter")
    expect(asked).to_contain_text(f"✓ update — {DANA}")
    photograph(page, "20_scope")
    assert lacking.decisions.mapping("scope") == {question.name: "update"}

    problem = "calls/count"
    expect(output(lab, came)).to_contain_text("problems")
    expect(output(lab, came)).to_contain_text(problem)
    place = output(lab, waive)
    place.get_by_label("Waive").select_option(problem)
    place.get_by_role("button", name="Confirm").click()
    expect(place).to_contain_text("A waiver needs its reason.")
    place.get_by_label("Reason").focus()
    keys.type("the office counted deleted calls")
    keys.press("Tab")
    keys.type("Sales lead")
    keys.press("Tab")
    keys.press("Enter")
    expect(place).to_contain_text("✓ the office counted deleted calls")
    expect(place.get_by_role("cell", name="Dana Ortiz")).to_be_visible()
    photograph(page, "21_waiver")
    kept = lacking.decisions.value("waiver", problem)
    assert (kept["reason"], kept["role"]) == ("the office counted deleted calls", "Sales lead")
    assert lacking.decisions.current("waiver")["by"].tolist() == [DANA]

    lab.restart()
    lab.run_all()
    expect(output(lab, scope)).to_contain_text(f"✓ update — {DANA}")
    expect(output(lab, waive).get_by_role("cell", name="the office counted deleted calls")).to_be_visible()
    expect(output(lab, came)).to_contain_text("and 1 waived")
    expect(output(lab, came).get_by_role("cell", name="Sales lead")).to_be_visible()
    lab.theme("JupyterLab Dark")
    photograph(page, "22_certificate_and_waivers_dark")
    lab.theme("JupyterLab Light")
    lab.back(notebook, lambda: output(lab, scope).get_by_text(f"✓ update — {DANA}"))
    expect(output(lab, scope)).to_contain_text(f"✓ update — {DANA}")
    assert len(lacking.decisions.history()) == 2, "showing decisions again decided something"
    assert (lab.outside, lab.faults) == ([], [])


def test_the_destination_is_checked_live_while_points_are_ticked(lab: Lab, ready: Ready, photograph: Photograph) -> None:
    engagement, quiet = ready.engagement, "widgets.quiet_checklist("
    notebook = write_notebook(engagement, f"{quiet}engagement)")
    lab.open(notebook)
    lab.run_all()
    page, keys = lab.page, lab.page.keyboard
    check = output(lab, quiet).get_by_role("button", name="Check the destination")
    check.click()
    count = len(provisioning.plan(engagement).frame)
    expect(output(lab, quiet)).to_contain_text(f"{count} of {count} fields are missing or differ")
    expect(output(lab, quiet).get_by_role("cell", name="Lifecycle Segment").first).to_be_visible()
    photograph(page, "23_not_ready")
    points = engagement.route.checklist
    for at, point in enumerate(points):
        asked = line(output(lab, quiet), point)
        asked.get_by_role("combobox").select_option("done" if at else "does not apply")
        asked.get_by_role("button", name="Confirm").click()
        expect(asked).to_contain_text(f"✓ {'done' if at else 'does not apply'} — {PERSON}")
    assert engagement.decisions.mapping("quiet") == {p: "done" if at else "does not apply" for at, p in enumerate(points)}
    assert provisioning.run(engagement).missing == 0  # meanwhile, from elsewhere
    check.focus()
    keys.press("Enter")
    expect(output(lab, quiet)).to_contain_text(f"✓ the destination has all {count} fields")
    photograph(page, "24_ready")

    lab.restart()
    lab.run_all()
    expect(output(lab, quiet).get_by_text(f"✓ done — {PERSON}")).to_have_count(len(points) - 1)
    lab.back(notebook, lambda: output(lab, quiet).get_by_text("✓ does not apply"))
    expect(line(output(lab, quiet), points[0])).to_contain_text("✓ does not apply")
    assert len(engagement.decisions.history("quiet")) == len(points)
    assert (lab.outside, lab.faults) == ([], [])


def test_duplicates_and_conflicts_decided_with_keys_outlive_kernel_and_page(
    lab: Lab, ready: Ready, photograph: Photograph
) -> None:
    engagement = ready.engagement
    asked = engagement.decisions.proposals("duplicate")
    subject = next(each for each in asked["subject"] if each.startswith(TWIN))
    engagement.decisions.withdraw("duplicate", subject, by=PERSON)
    conflict = [CONFLICT, "ours", 0.0, "changed on both sides", ["ours", "theirs"], SIDES]
    engagement.decisions.propose("conflict", pd.DataFrame([conflict], columns=asked.columns))
    tables = [f'widgets.decision_table(engagement, "{kind}")' for kind in ("duplicate", "conflict")]
    notebook = write_notebook(engagement, *tables)
    lab.open(notebook)
    lab.run_all()
    page, keys = lab.page, lab.page.keyboard
    row(lab, subject).get_by_role("combobox").focus()
    keys.press("Alt+Enter")
    expect(page.get_by_role("table", name="Side by side").locator("tr.wbt-differs", has_text="Lifecycle")).to_be_visible()
    keys.press("Enter")
    expect(row(lab, subject)).to_have_attribute("data-state", "confirmed")
    lab.scroll_to(tables[1])
    row(lab, CONFLICT).get_by_role("combobox").focus()
    keys.type("theirs")
    keys.press("Enter")
    expect(row(lab, CONFLICT)).to_have_attribute("data-state", "confirmed")
    decided = engagement.decisions.value("duplicate", subject)
    assert decided == asked.set_index("subject").loc[subject, "value"]
    assert engagement.decisions.mapping("conflict") == {CONFLICT: "theirs"}

    lab.restart()
    lab.run_all()
    lab.theme("JupyterLab Dark")
    lab.scroll_to(tables[1])
    expect(row(lab, CONFLICT)).to_have_attribute("data-state", "confirmed")
    expect(row(lab, CONFLICT).get_by_role("combobox")).to_have_value("theirs")
    photograph(page, "30_conflict_dark")
    lab.theme("JupyterLab Light")
    lab.scroll_to(tables[0])
    expect(row(lab, subject)).to_have_attribute("data-state", "confirmed")
    lab.back(notebook, lambda: row(lab, subject))
    expect(row(lab, subject)).to_have_attribute("data-state", "confirmed")
    assert engagement.decisions.history("duplicate", subject)["by"].tolist()[-2:] == [PERSON, PERSON]
    assert len(engagement.decisions.history("conflict")) == 1
    assert (lab.outside, lab.faults) == ([], [])


def test_a_signature_is_typed_a_load_is_watched_and_all_of_it_taken_back(
    lab: Lab, ready: Ready, photograph: Photograph
) -> None:
    engagement = _provisioned(ready.engagement)
    sampled, signing, load = "sample.run(", "widgets.sign_off(", "widgets.loading("
    notebook = write_notebook(
        engagement,
        "from workbench.stages import production, rollback, sample\nselection = sample.plan(engagement)",
        f"comparison = {sampled}engagement)\ncomparison",
        f"{signing}engagement, comparison)",
        f"loaded = production.run(engagement, on_progress={load}engagement))",
        "widgets.progress(engagement)",
        "rollback.plan(engagement)",
    )
    lab.open(notebook)
    lab.run_all()
    page, keys = lab.page, lab.page.keyboard
    expect(output(lab, load)).to_contain_text("the sample is not signed off")
    expect(output(lab, sampled)).to_contain_text("0 unexplained")
    photograph(page, "25_sample")
    place = output(lab, signing)
    place.get_by_label("Name").fill(DANA)
    place.get_by_label("Role").fill("Sales lead")
    keys.press("Tab")
    keys.type("yes")
    sign = place.get_by_role("button", name="Sign")
    sign.click()
    expect(place).to_contain_text(f"Type the sentence: {STATEMENT}")
    assert engagement.decisions.mapping("signoff") == {}
    place.get_by_label("Type").fill(STATEMENT)
    keys.press("Tab")
    keys.press("Enter")
    expect(place).to_contain_text(f"“{STATEMENT}” {DANA}, Sales lead")
    photograph(page, "26_signed")
    signed = engagement.decisions.value("signoff", "sample")
    assert (signed["name"], signed["role"], signed["statement"]) == (DANA, "Sales lead", STATEMENT)
    assert signed["evidence"] == engagement.phase("sample").summary["evidence"]

    lab.restart()
    lab.run_all()  # nobody signs again: the signature holds, so that the load begins
    bars = output(lab, load).locator(".wb-load")
    expect(bars).to_be_visible()
    photograph(page, "27_loading")
    expect(bars).to_contain_text("✓")
    labels = [feed.label for feed in engagement.route.feeds if feed.kind == "record"]
    expect(bars.locator(".wb-good")).to_have_count(len(labels))
    for label in labels:
        expect(bars).to_contain_text(label)
    expect(output(lab, "widgets.progress(")).to_contain_text("7 of 9 phases passed")
    assert engagement.phase("production").state == "passed"
    lab.theme("JupyterLab Dark")
    output(lab, load)
    photograph(page, "28_loaded_dark")
    lab.theme("JupyterLab Light")
    expect(output(lab, signing)).to_contain_text(f"“{STATEMENT}” {DANA}, Sales lead")

    foreseen = output(lab, "rollback.plan(")
    made = engagement.ledger().frame()
    contacts = made[(made["object"] == "contact") & (made["verb"] == "create") & (made["state"] == "done")]
    expect(foreseen.get_by_role("row", name=f"contact {len(contacts)}")).to_be_visible()
    page.locator(".jp-Notebook-cell").last.locator(".cm-content").click()
    keys.press("Escape")
    keys.press("b")
    keys.press("Enter")
    keys.type("rollback.run(engagement)")
    keys.press("Shift+Enter")
    expect(output(lab, "rollback.run(")).to_contain_text("the destination stands as before")
    photograph(page, "29_taken_back")
    assert canonical(ready.tenant.dump()) == ready.untouched
    lab.save()
    lab.reload(notebook)
    expect(output(lab, "rollback.run(")).to_contain_text("the destination stands as before")
    assert len(engagement.decisions.history("signoff")) == 1
    assert (lab.outside, lab.faults) == ([], [])


def _provisioned(engagement: Engagement) -> Engagement:
    """Everything staged, and the account ready, whether or not somebody has seen to that before."""
    if engagement.phase("provisioning").state != "passed":
        for point in engagement.route.checklist:
            engagement.decisions.confirm("quiet", point, "done", by=PERSON)
        provisioning.run(engagement)
    transform.run(engagement)
    return engagement
