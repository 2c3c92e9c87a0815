"""Gates between phases: what has not passed is let pass by a named person alone, and everybody can read of it afterwards."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from workbench import widgets
from workbench.cli import app
from workbench.engagement import PHASES, Engagement, new_engagement
from workbench.errors import EditError, GateClosed
from workbench.flow.certifying import certificate, letter
from workbench.reports import About, render_certificate
from workbench.stages import intake

ADA, OFFICE = "Ada Byron <ada@example.org>", "office manager"
SAMPLE = Path(__file__).resolve().parents[1] / "sample_exports" / "promio"
ABOUT = About("Bright Roof", "Promio", "Freshsales", "Promio → Freshsales", date="2026-11-23")


@dataclass(frozen=True)
class Lacking:
    engagement: Engagement
    problems: tuple[str, ...]


@pytest.fixture
def engagement(tmp_path: Path) -> Iterator[Engagement]:
    made = new_engagement(tmp_path / "e", route="promio_to_freshsales", customer="Bright Roof")
    yield made
    made.store.dispose()


@pytest.fixture
def lacking(engagement: Engagement) -> Lacking:
    """An engagement whose files came incomplete."""
    engagement.receive(SAMPLE / "incomplete", delivery="main")
    shutil.copy(SAMPLE / "request.json", engagement.root / "exports")
    return Lacking(engagement, intake.run(engagement).problems)


def test_a_waived_problem_stands_in_the_certificate_with_person_role_reason_and_words(lacking: Lacking) -> None:
    engagement, (first, *rest) = lacking.engagement, lacking.problems
    name = first.split(":")[0]
    engagement.waive(name, reason="the office deleted <b>two</b> calls", by=ADA, role=OFFICE)
    received = intake.run(engagement)
    assert received.problems == tuple(rest)
    waiver = received.waived[0]
    assert (waiver.subject, waiver.by, waiver.role, waiver.words) == (name, ADA, OFFICE, first)
    assert engagement.intake.summary["waived"] == [name]
    page, words = received._repr_html_(), repr(received)
    for said in ("the office deleted &lt;b&gt;two&lt;/b&gt; calls", "Ada Byron", OFFICE, name):
        assert said in page
    assert "the office deleted <b>two</b> calls" in words
    assert f"{len(rest)} problem" in page and "and 1 waived" in page


def test_the_package_tells_who_let_what_pass_and_the_letter_asks_for_it_no_more(lacking: Lacking, tmp_path: Path) -> None:
    engagement = lacking.engagement
    for problem in lacking.problems:
        engagement.waive(problem.split(":")[0], reason="agreed by telephone", by=ADA, role=OFFICE)
    assert intake.run(engagement).certain
    engagement.finish("discovery", passed=False, reasons=["two orphans"])
    engagement.waive("discovery", reason="the orphans are known", by=ADA, role=OFFICE)
    written = render_certificate(certificate(engagement, ABOUT), tmp_path / "documents")
    page = written[0].read_text(encoding="utf-8")
    for said in ("agreed by telephone", "the orphans are known", "two orphans", OFFICE, "Ada Byron", "waived"):
        assert said in page
    assert page.count("agreed by telephone") == len(lacking.problems)
    asked = letter(engagement, ABOUT).gaps["ask"].tolist()
    assert all(ask.startswith("nothing more: Ada Byron, office manager, has let it pass on ") for ask in asked)


def test_a_certificate_without_waivers_says_so(engagement: Engagement, tmp_path: Path) -> None:
    engagement.receive(SAMPLE / "main", delivery="main")
    assert intake.run(engagement).waived == ()
    page = render_certificate(certificate(engagement, ABOUT), tmp_path)[0].read_text(encoding="utf-8")
    assert "Nothing was let pass" in page
    assert "problems that stand" in page


def test_once_every_problem_is_waived_the_gate_opens_before_the_files_are_read_again(lacking: Lacking) -> None:
    engagement = lacking.engagement
    for problem in lacking.problems[:-1]:
        engagement.waive(problem.split(":")[0], reason="agreed", by=ADA, role=OFFICE)
    with pytest.raises(GateClosed, match="intake is blocked"):
        engagement.gate("discovery")
    engagement.waive(lacking.problems[-1].split(":")[0], reason="agreed", by=ADA, role=OFFICE)
    gate = engagement.gate("discovery")
    assert list(gate.waived) == ["intake"]
    assert all(problem in repr(gate) or problem[:60] in repr(gate) for problem in lacking.problems)


def test_a_waiver_covers_what_stood_there_and_nothing_that_reads_otherwise_later(engagement: Engagement) -> None:
    engagement.finish("owners", passed=False, reasons=["Jon: nobody is no active user"])
    for phase in PHASES[:3]:
        engagement.finish(phase, passed=True)
    engagement.waive("owners", reason="Jon has left", by=ADA, role=OFFICE)
    assert list(engagement.gate("provisioning").waived) == ["owners"]
    engagement.finish("owners", passed=False, reasons=["Jon: nobody is no active user", "Sue: nobody is no active user"])
    with pytest.raises(GateClosed, match="given when it read otherwise"):
        engagement.gate("provisioning")
    assert "no longer covers it" in engagement.before("provisioning")._repr_html_()
    engagement.finish("owners", passed=True)
    assert engagement.gate("provisioning").waived == {}


def test_a_later_problem_of_the_same_name_needs_a_waiver_of_its_own(lacking: Lacking) -> None:
    engagement = lacking.engagement
    count = next(problem for problem in lacking.problems if "/count: " in problem)
    engagement.waive(count.split(":")[0], reason="two calls were deleted", by=ADA, role=OFFICE)
    file = engagement.exports() / f"{count.split('/')[0]}.csv"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-3]))
    again = intake.run(engagement)
    assert [problem.split(":")[0] for problem in again.problems].count(count.split(":")[0]) == 1
    assert count not in again.problems
    assert again.waived == ()


@pytest.mark.parametrize(
    ("subject", "reason", "role", "words"),
    [
        ("mapping", " ", OFFICE, "needs its reason"),
        ("mapping", "because", "", "needs its role"),
        ("calls/count", "because", OFFICE, "nothing of that name"),
        ("intake", "because", OFFICE, "nothing of that name"),
    ],
)
def test_a_waiver_lacks_nothing_and_waives_what_there_is(
    engagement: Engagement, subject: str, reason: str, role: str, words: str
) -> None:
    engagement.finish("intake", passed=True)
    with pytest.raises(EditError, match=words):
        engagement.waive(subject, reason=reason, by=ADA, role=role)
    assert engagement.waivers() == ()


def test_a_limit_that_the_customer_accepted_is_no_waiver_of_a_phase(tmp_path: Path) -> None:
    made = new_engagement(tmp_path / "s", route="soffront_to_freshsales", customer="Harbour")
    made.decisions.confirm("waiver", "custom_objects/fields", "Accepted, J. Doe, 3 March", by=ADA)
    assert made.waivers() == ()
    assert made.decisions.mapping("waiver") != {}
    made.store.dispose()


@pytest.mark.parametrize("phase", PHASES[1:])
def test_every_notebook_shows_at_its_gate_what_is_lacking_and_stops(
    engagement: Engagement, phase: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORKBENCH_HEADLESS", "1")
    engagement.finish("intake", passed=False, reasons=["calls/missing: calls.csv is not among the files"])
    with pytest.raises(GateClosed, match=f"{phase} cannot begin"):
        widgets.gate(engagement, phase)
    shown = capsys.readouterr().out
    assert "calls.csv is not among the files" in shown
    for earlier in PHASES[: PHASES.index(phase)]:
        if earlier != "intake":
            engagement.finish(earlier, passed=True)
    engagement.waive("intake", reason="no calls wanted", by=ADA, role=OFFICE)
    gate = widgets.gate(engagement, phase)
    assert "no calls wanted" in gate._repr_html_() and OFFICE in gate._repr_html_()


def test_the_command_waives_and_says_what_it_covers(engagement: Engagement) -> None:
    engagement.finish("intake", passed=False, reasons=["calls/count: the letter says 9 rows, the file has 8"])
    said = ["waive", str(engagement.root), "calls/count", "--reason", "one was deleted", "--role", OFFICE, "--as", ADA]
    done = CliRunner().invoke(app, said)
    assert done.exit_code == 0, done.output
    assert "the letter says 9 rows, the file has 8" in done.output
    assert engagement.gate("discovery").waived == {"intake": f"{ADA}, {OFFICE}: one was deleted"}
    refused = CliRunner().invoke(app, ["waive", str(engagement.root), "nothing", *said[3:]])
    assert refused.exit_code == 1
    assert "calls/count" in refused.stderr
