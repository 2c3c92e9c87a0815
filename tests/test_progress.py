"""How a load stands is told in full: to the caller, in a terminal, in a notebook, and to other processes."""

from __future__ import annotations

import io
import json
import os
import re
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import programs
import pytest
from toy import Toy
from typer.testing import CliRunner

from workbench import widgets
from workbench.cli import app
from workbench.cli.watching import watching
from workbench.destinations import Standing, Wait
from workbench.engagement import Engagement, new_engagement
from workbench.flow.running import FILE, Board, running
from workbench.ledger.loading import load
from workbench.ledger.loading.picture import html, lines, soon, why
from workbench.ledger.loading.progress import Pace, Pause, Progress, Waits
from workbench.notebooks import execute

NOON = 1_800_000_000.0
HOUR = Standing("hour", "calls", 1000, 812, 2400.0)


def going(**changed: object) -> Progress:
    usual = {"object": "contact", "total": 1204, "done": 729, "rejected": 3, "unknown": 0, "seconds": 18.0, "left": 472}
    return Progress(**{**usual, "rate": 41.2, "eta": 12.0, "budget": (HOUR,), **changed})  # type: ignore[arg-type]


@pytest.fixture
def engagement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engagement:
    monkeypatch.delenv("WORKBENCH_ENGAGEMENT", raising=False)
    monkeypatch.setenv("WORKBENCH_USER", "Kim")
    return new_engagement(tmp_path / "e", route="promio_to_freshsales", customer="Harbour & Sons")


# ---------------------------------------------------------------- when it ends


def test_the_rate_is_that_of_the_last_half_minute() -> None:
    pace = Pace()
    for second in range(101):
        pace.note(second, second * 10, ())
    for second in range(101, 161):
        pace.note(second, 1000 + (second - 100) * 2, ())
    assert pace.rate == pytest.approx(2.0)
    assert pace.eta(100, ()) == pytest.approx(50.0)


def test_nobody_can_tell_the_end_before_anything_has_moved_and_a_pause_makes_nobody_slower() -> None:
    pace = Pace()
    pace.note(0.0, 0, ())
    assert pace.eta(10, ()) is None
    pace.note(1.0, 20, ())
    for second in range(2, 100):
        pace.note(second, 20, (), waiting=True)
    assert pace.rate == pytest.approx(20.0)
    assert pace.eta(40, ()) == pytest.approx(2.0)
    assert pace.eta(40, (), pause=600.0) == pytest.approx(602.0)
    assert pace.eta(0, ()) == 0.0


def test_the_end_is_put_off_by_every_budget_that_has_to_come_back_first() -> None:
    pace = Pace(calls=1.0)
    hour = Standing("hour", "calls", 1000, 1000, 3600.0)
    pace.note(0.0, 0, (hour,))
    pace.note(10.0, 100, (Standing("hour", "calls", 1000, 900, 3600.0),))
    now = Standing("hour", "calls", 1000, 900, 3600.0)
    assert pace.eta(800, (now,)) == pytest.approx(80.0)  # within what is left
    assert pace.eta(1900, (now,)) == pytest.approx(3600.0 + 100.0)  # all of one hour more
    assert pace.eta(2400, (now,)) == pytest.approx(2 * 3600.0 + 50.0)  # and half of another


def test_what_a_record_costs_in_tokens_is_seen_from_what_is_left() -> None:
    pace = Pace()
    pace.note(0.0, 0, (Standing("day", "tokens", 24_000, 24_000, 40_000.0),))
    day = Standing("day", "tokens", 24_000, 19_000, 39_990.0)
    pace.note(10.0, 1000, (day,))  # five tokens a record
    assert pace.eta(3_800, (day,)) == pytest.approx(38.0)
    assert pace.eta(5_000, (day,)) == pytest.approx(39_990.0 + 12.0, abs=1)


def test_a_limit_of_seconds_gives_the_same_as_the_rate_that_it_allows() -> None:
    pace = Pace()
    burst = Standing("burst", "calls", 40, 0, 2.0)
    pace.note(0.0, 0, (burst,))
    pace.note(10.0, 200, (burst,))
    assert pace.eta(1000, (burst,)) == pytest.approx(50.0, abs=3)


# ---------------------------------------------------------------- why it waits


def test_the_longest_wait_that_somebody_is_in_is_the_one_that_is_told() -> None:
    moment = [NOON]
    waits = Waits(clock=lambda: moment[0])
    others = [threading.Thread(target=waits.note, args=(Wait(seconds, words),)) for seconds, words in ((30, "a"), (90, "b"))]
    for thread in others:
        thread.start()
        thread.join()
    waits.note(Wait(0.2, "a moment"))
    assert waits.present() == Pause("b", NOON + 90)
    moment[0] += 100
    assert waits.present() is None
    waits.note(Wait(0.2, "a moment"))
    assert waits.present() is None  # not worth a word


def test_every_pause_of_a_load_is_told_with_its_reason_and_its_end() -> None:
    rested = []

    def limited(drafts: object) -> None:
        if len(toy.records) == 5 and not rested:
            rested.append(True)
            toy.report(Wait(1.5, "the account's limit of calls an hour"))
            time.sleep(1.5)

    from test_load import people

    toy = Toy(lanes=1, before=limited)
    toy.left = (HOUR,)
    steps: list[Progress] = []
    load(people(8), toy, "contact", on_progress=steps.append)
    waiting = [step for step in steps if step.wait is not None]
    assert waiting and waiting[0].wait is not None
    assert waiting[0].wait.reason == "the account's limit of calls an hour"
    assert waiting[0].wait.until == pytest.approx(time.time(), abs=5)
    assert all(step.budget == (HOUR,) for step in steps)
    assert steps[-1].ended and steps[-1].wait is None


# ---------------------------------------------------------------- in words


def test_a_line_says_how_much_how_fast_how_long_and_what_is_left_of_the_limits() -> None:
    told = lines({"Contacts": going(), "Deals": Progress("deal", 40, 0, 0, 0, 0.0, left=40)}, now=NOON)
    assert told == [
        "Contacts  ██████████████░░░░░░░░░░  60%  729 of 1,204, 3 rejected · 41/s · 12 s to go · hour: 812 of 1,000 calls left",
        "Deals     ░░░░░░░░░░░░░░░░░░░░░░░░   0%  0 of 40",
    ]


def test_a_wait_is_explained_until_it_is_over_and_not_after() -> None:
    load_ = going(wait=Pause("the account's limit of calls", NOON + 600))
    clock = time.strftime("%H:%M:%S", time.localtime(NOON + 600))
    assert why(load_, now=NOON) == f"waiting until {clock}, 10 min more: the account's limit of calls"
    assert why(load_, now=NOON + 601) == ""
    assert "/s" not in lines({"Contacts": load_}, now=NOON)[0]  # nothing moves at all
    assert len(lines({"Contacts": load_}, now=NOON)) == 2


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (40, "40 s"), (720, "12 min"), (12_000, "3 h 20 min"), (7200, "2 h"), (200_000, "2 days")],
)
def test_a_length_of_time_reads_as_one_says_it(seconds: float, words: str) -> None:
    assert soon(seconds) == words


def test_the_picture_is_escaped_and_says_by_words_what_it_shows_by_colour() -> None:
    page = html({"<b>Contacts</b>": going(doing="<script>")}, now=NOON)
    assert "<script>" not in page and "&lt;b&gt;Contacts" in page
    assert 'aria-label="61%"' in page and "3 rejected" in page


def test_what_is_told_of_a_load_that_has_ended_is_the_same_whatever_its_pace_was() -> None:
    slow, quick = (
        going(done=1201, left=0, ended=True, seconds=seconds, rate=rate, eta=0.0, budget=budget)
        for seconds, rate, budget in ((3.0, 400.0, ()), (900.0, 1.3, (HOUR,)))
    )
    assert html({"Contacts": slow}) == html({"Contacts": quick})
    assert lines({"Contacts": slow}) == lines({"Contacts": quick})


# ---------------------------------------------------------------- in other processes


def test_a_load_is_told_to_other_processes_whole_and_ends_with_a_last_word(engagement: Engagement) -> None:
    board = Board(engagement.root)
    board.tell("Contacts", going(wait=Pause("a limit", NOON)))
    found = running(engagement.root)
    assert found is not None and found.alive
    assert found.loads == {"Contacts": going(wait=Pause("a limit", NOON))}
    assert (engagement.root / FILE).stat().st_mode & 0o777 == 0o600
    ended = going(done=1201, left=0, ended=True)
    board.tell("Contacts", ended)
    board.close()
    found = running(engagement.root)
    assert found is not None and found.over and not found.alive and found.loads == {"Contacts": ended}


def test_a_load_that_died_is_not_taken_for_one_that_runs(engagement: Engagement) -> None:
    code = """
import os, sys
from pathlib import Path
from workbench.flow.running import Board
from workbench.ledger.loading.progress import Progress
Board(Path(sys.argv[1])).tell("Contacts", Progress("contact", 9, 1, 0, 0, 1.0, left=8))
os._exit(9)
"""
    assert programs.ran(["-c", code, str(engagement.root)]).returncode == 9
    found = running(engagement.root)
    assert found is not None and not found.over and not found.alive
    told = json.loads((engagement.root / FILE).read_text())
    assert told["host"] == socket.gethostname() and told["pid"] != os.getpid()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"loads": {}}', '{"loads": {"a": 1}, "pid": 1, "host": "", "at": 0, "over": false}']
)
def test_a_broken_file_is_nothing(engagement: Engagement, text: str) -> None:
    (engagement.root / FILE).write_text(text)
    assert running(engagement.root) is None


def test_the_status_of_an_engagement_shows_a_running_load(engagement: Engagement) -> None:
    board = Board(engagement.root)
    board.tell("Contacts", going())
    said = CliRunner().invoke(app, ["status", str(engagement.root)])
    assert said.exit_code == 0 and "being loaded now" in said.output and "729 of 1,204, 3 rejected" in said.output
    told = json.loads(CliRunner().invoke(app, ["status", str(engagement.root), "--json"]).output)
    assert told["loads"]["Contacts"]["done"] == 729
    board.close()
    assert "being loaded" not in CliRunner().invoke(app, ["status", str(engagement.root)]).output


def test_a_log_gets_a_line_when_an_object_is_done(engagement: Engagement) -> None:
    out = io.StringIO()
    with watching(engagement.root, stream=out):
        time.sleep(0.05)
        board = Board(engagement.root)
        board.tell("Contacts", going())
        time.sleep(0.4)
        board.tell("Contacts", going(done=1201, left=0, ended=True))
        board.close()
    assert re.fullmatch(r"  Contacts  █{24} 100%  1,201 of 1,204, 3 rejected\n", out.getvalue()), out.getvalue()


def _until(true: Callable[[], bool]) -> None:
    for _ in range(1200):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("it was not shown within a minute")


def test_a_terminal_shows_the_load_live_and_keeps_how_it_ended(engagement: Engagement) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    with watching(engagement.root, stream=out):
        time.sleep(0.05)
        board = Board(engagement.root)
        board.tell("Contacts", going(wait=Pause("the account's limit of calls", time.time() + 60)))
        _until(lambda: "the account's limit of calls" in out.getvalue())
        board.tell("Contacts", going(done=1201, left=0, ended=True))
        board.close()
    assert "the account's limit of calls" in out.getvalue()
    assert "1,201 of 1,204, 3 rejected" in out.getvalue().rpartition("limit of calls")[2]


# ---------------------------------------------------------------- in a notebook


CELLS = """
import time
from dataclasses import replace
import workbench as wb
from workbench import widgets
from workbench.ledger.loading.progress import Progress
show = widgets.loading(wb.open_engagement())
begun = Progress("contact", 100, 0, 0, 0, 0.0, left=100)
for label in show.labels:
    show(label, begun)
for label in show.labels:
    for done in range(0, 101, 20):
        time.sleep(0.1)
        now = time.monotonic()
        show(label, replace(begun, done=done, left=100 - done, seconds=now, rate=now, ended=done == 100))
"""


def shown_by(engagement: Engagement, code: str) -> list[nbformat.NotebookNode]:
    """The outputs that a notebook of this one cell keeps."""
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": kernel}, cells=[nbformat.v4.new_code_cell(code, id="a-000")])
    path = engagement.root / "notebooks" / "07_production.ipynb"
    path.parent.mkdir(exist_ok=True)
    nbformat.write(notebook, path)
    execute(engagement, "07_production", timeout=120)
    return list(nbformat.read(engagement.root / "executed" / "07_production.ipynb", as_version=4).cells[0].outputs)


@pytest.mark.parametrize("looked_at", [False, True])
def test_a_notebook_keeps_one_output_with_how_the_load_ended(engagement: Engagement, looked_at: bool) -> None:
    code = CELLS.replace("show = ", "import os; del os.environ['WORKBENCH_HEADLESS']\nshow = ") if looked_at else CELLS
    (output,) = shown_by(engagement, code)
    assert output.output_type == "display_data"
    labels = widgets.loading(engagement).labels
    assert output.data["text/plain"].splitlines() == [
        f"{label.ljust(max(map(len, labels)))}  {'█' * 24} 100%  100 of 100" for label in labels
    ]
    assert "/s" not in re.sub(r"<style>.*?</style>|</\w+>", "", output.data["text/html"])


def test_a_load_that_is_stopped_says_so_in_the_notebook(engagement: Engagement) -> None:
    code = CELLS.partition("for label in show.labels:\n    for done")[0]
    code += "words = 'stopped; the next load goes on from here'\n"
    code += "show(show.labels[0], replace(begun, done=40, left=60, seconds=1.0, rate=3.0, ended=True, doing=words))"
    (output,) = shown_by(engagement, code)
    assert "40 of 100\n" in output.data["text/plain"]
    assert "stopped; the next load goes on from here" in output.data["text/plain"]
