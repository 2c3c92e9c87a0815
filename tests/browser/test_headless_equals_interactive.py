"""The nine notebooks clicked through in JupyterLab, then run headless with the recorded decisions: the same to the byte."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import httpx
import pytest
from cut_delivery import cut
from lab import PERSON, Lab, shown
from playwright.sync_api import Locator, Page, expect
from typer.testing import CliRunner

from sample_exports.demo import TIME_SCALE
from workbench import notebooks, rehearsal, widgets
from workbench.cli import app
from workbench.decisions import KINDS
from workbench.engagement import Engagement, new_engagement
from workbench.rehearsal import Rehearsal, canonical
from workbench.rehearsal.engine.dumps import VOLATILE
from workbench.staging import read_frame, write_frame
from workbench.widgets.answers import WORDINGS

pytestmark = pytest.mark.browser
Photograph = Callable[[Page, str], None]
KEY = "equal-tenant-0123456789abcdef"
DANA, ROLE, STATEMENT = "Dana Ortiz <dana@brightroof.example>", "Sales lead", "I have checked the sample"
TWIN, RECORD = "contacts/C-01066@customers.csv:18", "contacts/C-01011"
WORD = "Lifecycle"  # in which the twin has the word
MOVED = "617-555-0199"
OWNERS = {"jon.pryce@brightroof.example": "dana", "sales@brightroof.example": "dana", "(blank)": "marcus"}
RETYPED = {"leads/Lead Source=Website": "refer"}
AT_ONCE = 1
"""Calls in flight: with several, the destination numbers records in the order in which these happen to arrive."""
MADE = "records.*.*.created_at"
"""What no two accounts have in common that were filled one after the other: when the destination made a record."""
OF_A_RUN = {"certificate.parquet": "at", "took.parquet": "seconds"}
"""The only columns of staged files that tell of a run and not of data: when it was certified, and how long it took."""
OPENED = "() => Boolean(window.jupyterapp?.shell.currentWidget?.context)"
ENDED = """() => {
  const cells = window.jupyterapp.shell.currentWidget.content.widgets.filter((cell) => cell.model.type === 'code');
  return cells.every(({ model }) => model.executionCount && model.executionState !== 'running');
}"""


@dataclass(frozen=True)
class Side:
    """One of the two engagements, and the account that it goes to."""

    engagement: Engagement
    tenant: Rehearsal


@contextmanager
def side(root: Path, folder: Path, exports: Path) -> Iterator[Side]:
    folder.mkdir()
    with rehearsal.running("freshsales", state=folder / "tenant.db", token=KEY, time_scale=TIME_SCALE) as tenant:
        made = new_engagement(
            root,
            route="promio_to_freshsales",
            customer="Bright Roof Services",
            exports=exports,
            deliveries=("main", "delta"),
            base_url=tenant.url,
            key=KEY,
            time_scale=TIME_SCALE,
            destination={"lanes": AT_ONCE},
        )
        notebooks.render(made)
        yield Side(made, tenant)
        made.store.dispose()


# ---------------------------------------------------------------- a person in front of the notebooks


class Consultant:
    """Opens one notebook after the other in one JupyterLab, and clicks."""

    def __init__(self, lab: Lab, engagement: Engagement) -> None:
        self.lab, self.engagement = lab, engagement
        self.page, self.keys = lab.page, lab.page.keyboard

    def open(self, stem: str) -> None:
        """Save the notebook that is open, open a phase's in its place, and run it."""
        if self.page.evaluate(OPENED):
            self.lab.save()
        self.lab.open(shown(self.engagement, stem))
        self.run("notebook:run-all-cells")

    def run(self, command: str) -> None:
        """Run cells until they have ended, or one asks for decisions."""
        self.page.evaluate("async (command) => { await window.jupyterapp.commands.execute(command); }", command)

    def output(self, source: str) -> Locator:
        """What the cell that holds these words shows."""
        self.lab.scroll_to(source)
        cell = self.page.locator(".jp-Notebook-cell", has=self.page.locator(".jp-Editor", has_text=source))
        return cell.locator(".jp-Cell-outputArea")

    def go_on(self, source: str) -> None:
        """Run from this cell to the end."""
        self.lab.scroll_to(source)
        self.run("notebook:run-all-below")

    def done(self) -> None:
        self.page.wait_for_function(ENDED)

    def row(self, subject: str) -> Locator:
        return self.page.locator(f".jp-OutputArea-output tr[data-id={json.dumps(subject)}]")

    def answer(self, subject: str, typed: str) -> None:
        """Type into a row's field, and take the best fit."""
        self.row(subject).get_by_role("combobox").focus()
        self.keys.type(typed)
        self.keys.press("Enter")
        expect(self.row(subject)).to_have_attribute("data-state", "confirmed")

    def accept(self, kind: str) -> None:
        """Accept what is sure enough, then every other row that has a proposal."""
        table = self.output(f'"{kind}")').locator(".wbt")
        expect(table).to_be_visible()
        table.get_by_role("button", name="Accept").first.wait_for()
        sure = table.locator(".wbt-main").first
        if sure.is_enabled():
            sure.click()
            expect(sure).to_be_disabled()
        for row in table.locator("tr[data-state=open]").all():
            row.get_by_role("checkbox").check()
        selected = table.get_by_title("Alt+S")
        if selected.is_visible():
            selected.click()

    def settled(self, kind: str) -> None:
        expect(self.output(f'"{kind}")').locator(".wbt-count")).to_contain_text("0 open")

    def line(self, source: str, about: str) -> Locator:
        return self.output(source).locator(".widget-vbox .widget-vbox", has_text=about)


def interactive(lab: Lab, one: Side, photograph: Photograph) -> None:
    """All nine, decided with clicks and keys."""
    person, engagement = Consultant(lab, one.engagement), one.engagement
    keys = lab.page.keyboard
    person.open("01_intake")
    person.done()

    person.open("02_discovery")
    expect(person.output('"duplicate")').locator(".wbt")).to_be_visible()
    person.row(TWIN).get_by_role("combobox").focus()
    keys.press("Alt+F")
    side_by_side = lab.page.get_by_role("table", name="Side by side")
    side_by_side.get_by_role("radio", name=f"{WORD}:").nth(1).check()
    keys.press("Enter")
    expect(person.row(TWIN)).to_have_attribute("data-state", "confirmed")
    person.go_on('require("duplicate"')
    for question in engagement.route.scope:
        asked = person.line("scope_form(", question.question)
        asked.get_by_role("button", name="Confirm").click()
        expect(asked).to_contain_text("✓")
    person.go_on('require("scope"')
    person.done()

    person.open("03_mapping")
    person.accept("field")
    person.settled("field")
    person.go_on('require("field"')
    for subject, typed in RETYPED.items():
        expect(person.output('"value")').locator(".wbt")).to_be_visible()
        person.answer(subject, typed)
    person.accept("value")
    person.settled("value")
    photograph(lab.page, "40_values")
    person.go_on('require("value"')
    person.done()

    person.open("04_owners")
    expect(person.output('"owner")').locator(".wbt")).to_be_visible()
    for subject, typed in OWNERS.items():
        person.answer(subject, typed)
    person.accept("owner")
    person.settled("owner")
    person.go_on('require("owner"')
    person.done()

    person.open("05_provisioning")
    for point in engagement.route.checklist:
        asked = person.line("quiet_checklist(", point)
        asked.get_by_role("combobox").select_option("done")
        asked.get_by_role("button", name="Confirm").click()
        expect(asked).to_contain_text("✓ done")
    person.go_on('require("quiet"')
    person.done()

    person.open("06_sample")
    place = person.output("sign_off(")
    place.get_by_label("Name").fill(DANA)
    place.get_by_label("Role").fill(ROLE)
    place.get_by_label("Type").fill(STATEMENT)
    place.get_by_role("button", name="Sign").click()
    expect(place).to_contain_text(f"“{STATEMENT}”")
    person.go_on('require("signoff"')
    person.done()

    person.open("07_production")
    person.done()
    edit(one)
    person.open("08_cutover")
    conflict = person.output('"conflict")').locator("tr[data-id]")
    expect(conflict).to_have_count(1)
    conflict.get_by_role("combobox").focus()
    keys.type("theirs")
    keys.press("Enter")
    person.settled("conflict")
    photograph(lab.page, "41_conflict")
    person.go_on('require("conflict"')
    person.done()
    person.open("09_handoff")
    person.done()


def edit(one: Side) -> None:
    """Somebody at the destination gives a contact another number, while the old system gives her a third one."""
    headers = {"Authorization": f"Token token={KEY}"}
    made = one.engagement.ledger().frame()
    number = str(made[made["key"] == "promio:contacts:c-01012"]["id"].iloc[0])
    body = {"contact": {"mobile_number": MOVED}}
    told = httpx.put(f"{one.tenant.url}/contacts/{number}", headers=headers, json=body, timeout=60, trust_env=False)
    assert told.is_success, told.text


# ---------------------------------------------------------------- nobody in front of them


def headless(two: Side, recorded: Path) -> None:
    """The same with what was recorded, by the command line; one decision comes late."""
    root, missing = two.engagement.root, two.engagement.route.scope[-1].name
    lines = recorded.read_text(encoding="utf-8").splitlines()
    late = [line for line in lines if json.loads(line)["subject"] == missing]
    early = recorded.with_name("early.jsonl")
    early.write_text("".join(f"{line}\n" for line in lines if line not in late), encoding="utf-8")
    assert run("decide", root, early, "--as", PERSON) == 0
    assert run("run", root, "--to", "production", says=missing) == 3
    assert not (root / "executed" / "03_mapping.ipynb").exists(), "it went on without an answer"
    assert run("decide", root, recorded, "--as", PERSON) == 0
    assert run("run", root, "--from", "discovery", "--to", "production") == 0
    edit(two)
    assert run("run", root, "--from", "cutover") == 0


def run(*arguments: object, says: str = "") -> int:
    told = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert says in told.output, told.output
    return told.exit_code


# ---------------------------------------------------------------- what both have come to


def tables(engagement: Engagement) -> list[str]:
    """Every table of decisions as it is proposed, as it is decided, and as the executed page shows it, line by line."""
    decisions, told = engagement.decisions, []
    for kind in KINDS:
        for frame in (decisions.proposals(kind), decisions.current(kind)):
            told += [f"{kind}: {line}" for line in frame.to_json(orient="records", lines=True).splitlines()]
    for kind in WORDINGS:
        told += [f"{kind}: {line}" for line in widgets.decision_table(engagement, kind)._repr_html_().split("</tr>")]
    return told


def unlike(one: list[str], two: list[str]) -> list[tuple[str, str]]:
    """The lines that are not the same."""
    return [pair for pair in zip_longest(one, two, fillvalue="") if pair[0] != pair[1]]


def files(folder: Path, spare: Path) -> dict[str, bytes]:
    """Every staged file, byte for byte; those that tell of a run, written again without the column that does."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        told = path
        if path.name in OF_A_RUN:
            told = write_frame(spare, read_frame(path).drop(columns=OF_A_RUN[path.name], errors="ignore"))
        found[path.relative_to(folder).as_posix()] = told.read_bytes()
    return found


def test_headless_the_recorded_decisions_give_the_same_tables_the_same_staged_data_and_the_same_account(
    lab: Lab, shelf: Path, tmp_path: Path, photograph: Photograph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_USER", PERSON)
    exports, recorded = cut(tmp_path / "exports"), tmp_path / "decisions.jsonl"
    with (
        side(shelf / f"{tmp_path.name}-one", tmp_path / "one", exports) as one,
        side(tmp_path / "two-engagement", tmp_path / "two", exports) as two,
    ):
        interactive(lab, one, photograph)
        one.engagement.decisions.write_jsonl(recorded)
        headless(two, recorded)
        monkeypatch.setenv("WORKBENCH_HEADLESS", "1")
        assert one.engagement.phase("handoff").state == "passed"
        assert one.engagement.decisions.value("duplicate", TWIN) == {"into": RECORD, "take": [WORD]}
        again = two.engagement.decisions.write_jsonl(tmp_path / "again.jsonl")
        assert again.read_bytes() == recorded.read_bytes()
        assert unlike(tables(one.engagement), tables(two.engagement)) == []
        staged = [files(each.engagement.root / "staged", tmp_path / "bare.parquet") for each in (one, two)]
        assert list(staged[0]) == list(staged[1])
        assert [name for name in staged[0] if staged[0][name] != staged[1][name]] == []
        dumps = [canonical(each.tenant.dump(), volatile=(*VOLATILE, MADE)) for each in (one, two)]
        assert unlike(dumps[0].splitlines(), dumps[1].splitlines()) == []
    assert (lab.outside, lab.faults) == ([], [])
