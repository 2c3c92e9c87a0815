"""Forms and tables are told what was decided elsewhere, unasked, only where there is something, and while a cell runs too."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from sqlalchemy import event

from workbench.engagement import Engagement, new_engagement, open_engagement
from workbench.widgets import forms, table
from workbench.widgets.telling import Teller, Watch, last_decision

KIM, BEN = "Kim Berg <kim@harbour.example>", "Ben Ito <ben@harbour.example>"
PATIENCE = 120  # seconds; nothing here is a test of speed
OPENING = """
import workbench as wb
from workbench import widgets
engagement = wb.open_engagement()
form = widgets.scope_form(engagement)
print(form.children[-1].model_id)
"""
LONG = """
import pathlib, time
while not pathlib.Path("over").exists():
    time.sleep(0.02)
"""


@pytest.fixture
def engagement(tmp_path: Path) -> Engagement:
    return new_engagement(tmp_path / "e", route="promio_to_freshsales", customer="Harbour & Sons")


class Looks:
    """How often the store was asked, as the database's driver sees it; and what a widget was told."""

    def __init__(self, engagement: Engagement) -> None:
        self.count = self.connections = 0
        self.told: list[int] = []
        self._changed = threading.Condition()
        event.listen(engagement.store, "before_cursor_execute", self._asked)
        self.teller = Teller(engagement, self._look)

    def _asked(self, *statement: object) -> None:
        with self._changed:
            self.count += "max(decisions.id)" in str(statement[2])
            self._changed.notify_all()

    def connecting(self, *told: object) -> None:
        with self._changed:
            self.connections += 1
            self._changed.notify_all()

    def _look(self, last: int) -> None:
        with self._changed:
            self.told.append(last)
            self._changed.notify_all()

    def until(self, true: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(true, PATIENCE)


def watched(engagement: Engagement) -> tuple[Looks, Watch]:
    looks, watch = Looks(engagement), Watch(engagement, every=0.01)
    looks.teller._pages.add("one")
    assert watch.add(looks.teller)
    watch.start()
    return looks, watch


def test_nothing_is_told_for_as_long_as_nothing_is_decided_and_a_decision_once(engagement: Engagement) -> None:
    looks, watch = watched(engagement)
    looks.until(lambda: looks.count > 20)
    assert looks.told == []
    open_engagement(engagement.root).decisions.confirm("quiet", "x", "done", by=BEN)
    looks.until(lambda: len(looks.told) > 0)
    seen = looks.count
    looks.until(lambda: looks.count > seen + 20)
    assert len(looks.told) == 1
    looks.teller.received({"kind": "hidden", "page": "one"})
    watch.join(PATIENCE)
    assert not watch.is_alive(), "nobody looks any more"
    assert not watch.add(looks.teller), "what has ended takes nobody else"


def test_one_thread_watches_for_all_widgets_until_the_last_page_is_gone(engagement: Engagement) -> None:
    first, second = Looks(engagement).teller, Looks(engagement).teller
    for teller, page in ((first, "a"), (first, "b"), (second, "a")):
        assert teller.received({"kind": "shown", "page": page})
    (watch,) = [thread for thread in threading.enumerate() if isinstance(thread, Watch) and thread.of[0] == engagement.root]
    first.received({"kind": "hidden", "page": "a"})
    assert first.shown, "another page shows it"
    for teller, page in ((first, "b"), (second, "a")):
        teller.received({"kind": "hidden", "page": page})
    watch.join(PATIENCE)
    assert not watch.is_alive()


def test_an_engagement_that_is_deleted_is_watched_no_longer_and_nothing_is_said(
    engagement: Engagement, capfd: pytest.CaptureFixture[str]
) -> None:
    looks, watch = watched(engagement)
    looks.until(lambda: looks.count > 2)
    shutil.rmtree(engagement.root)
    watch.join(PATIENCE)
    assert not watch.is_alive()
    assert (looks.told, capfd.readouterr().err) == ([], "")


def test_a_database_that_is_away_for_a_while_is_watched_again_when_it_is_back(engagement: Engagement) -> None:
    looks, watch = watched(engagement)
    looks.until(lambda: looks.count > 2)
    database, aside = engagement.root / "workbench.db", engagement.root / "aside"
    database.rename(aside)
    database.mkdir()  # nothing that can be opened
    event.listen(engagement.store, "do_connect", looks.connecting)
    engagement.store.dispose()
    looks.until(lambda: looks.connections > 3)
    database.rmdir()
    aside.rename(database)
    open_engagement(engagement.root).decisions.confirm("quiet", "x", "done", by=BEN)
    looks.until(lambda: len(looks.told) == 1)
    looks.teller.received({"kind": "hidden", "page": "one"})
    watch.join(PATIENCE)
    assert not watch.is_alive()


def decided_during(patch: pytest.MonkeyPatch, module: object, part: str, decide: Callable[[], None]) -> None:
    """Somebody else decides while this part of a widget is being made."""
    real = getattr(module, part)

    def meanwhile(*given: Any, **named: Any) -> Any:
        decide()
        return real(*given, **named)

    patch.setattr(module, part, meanwhile)


def test_what_is_decided_while_a_table_is_being_made_is_told_like_anything_else(
    engagement: Engagement, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = {"subject": ["Ann Lee"], "value": ["ann@x.example"], "confidence": [0.9], "alternatives": [[]], "shown": [""]}
    engagement.decisions.propose("owner", pd.DataFrame({**rows, "reasons": [[]]}))
    decided_during(
        monkeypatch, table, "offered", lambda: engagement.decisions.confirm("owner", "Ann Lee", "bo@x.example", by=BEN)
    )
    made = table.DecisionTable(engagement, "owner")
    made._teller.tell(last_decision(engagement))
    assert made.answers["Ann Lee"]["by"] == BEN


def test_what_is_decided_while_a_form_is_being_made_is_told_like_anything_else(
    engagement: Engagement, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = engagement.route.checklist[0]
    decided_during(monkeypatch, forms, "Companion", lambda: engagement.decisions.confirm("quiet", item, "done", by=BEN))
    made = forms.quiet_checklist(engagement)
    assert isinstance(made, forms.Form)
    made._companion._teller.tell(last_decision(engagement))
    assert BEN in made._lines[0].state.value


def test_a_widget_that_fails_does_not_keep_the_others_from_being_told(engagement: Engagement) -> None:
    looks, broken = Looks(engagement), Looks(engagement)
    broken.teller._look = lambda last: {}["nothing"]
    watch = Watch(engagement, every=0.01)
    for teller in (broken.teller, looks.teller):
        teller._pages.add("one")
        assert watch.add(teller)
    watch.start()
    for value in ("done", "does not apply"):
        before = len(looks.told)
        open_engagement(engagement.root).decisions.confirm("quiet", "x", value, by=BEN)
        looks.until(lambda before=before: len(looks.told) > before)
    for teller in (broken.teller, looks.teller):
        teller.received({"kind": "hidden", "page": "one"})
    watch.join(PATIENCE)
    assert not watch.is_alive()


# ---------------------------------------------------------------- a kernel


@dataclass(frozen=True)
class Page:
    """A page before a kernel: what it sends, and what it hears."""

    client: BlockingKernelClient

    def say(self, widget: str, **content: object) -> None:
        told = {"comm_id": widget, "data": {"method": "custom", "content": content}}
        self.client.shell_channel.send(self.client.session.msg("comm_msg", told))

    def until(self, true: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """What it hears, up to the message of which this is true."""
        heard: list[dict[str, Any]] = []
        while not heard or not true(heard[-1]):
            heard.append(self.client.get_iopub_msg(timeout=PATIENCE))
        return heard


@pytest.fixture
def page(engagement: Engagement, tmp_path: Path) -> Iterator[Page]:
    manager = KernelManager(transport_encryption="auto")
    own = {"WORKBENCH_USER": KIM, "IPYTHONDIR": str(tmp_path / "ipython"), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WORKBENCH")} | own
    path = os.pathsep.join([str(Path(__file__).resolve().parents[1]), os.environ.get("PYTHONPATH", "")])
    manager.start_kernel(cwd=str(engagement.root), env={**environment, "PYTHONPATH": path})
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)
        yield Page(client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def idle(message: dict[str, Any]) -> bool:
    return bool(message["msg_type"] == "status" and message["content"]["execution_state"] == "idle")


def test_a_page_hears_nothing_until_something_is_decided_and_hears_of_that_while_a_cell_runs(
    page: Page, engagement: Engagement
) -> None:
    asked = page.client.execute(OPENING)
    opened = page.until(lambda message: idle(message) and message["parent_header"].get("msg_id") == asked)
    (companion,) = "".join(each["content"]["text"] for each in opened if each["msg_type"] == "stream").split()
    page.say(companion, kind="shown", page="one")
    heard = page.until(idle)
    assert [each["msg_type"] for each in heard] == ["status", "status"], (
        "who comes to the page is told what is new, and nothing is"
    )
    page.client.execute(LONG)
    began = page.until(lambda message: message["msg_type"] == "execute_input")
    assert [each["msg_type"] for each in began] == ["status", "execute_input"]
    question = engagement.route.scope[1].name
    engagement.decisions.confirm("scope", question, "update", by=BEN)
    heard = page.until(lambda message: "told" in message["content"].get("data", {}).get("state", {}))
    said = [each["content"]["data"]["state"] for each in heard]
    assert {"value": f"✓ update — {BEN}"} in said
    assert {each["msg_type"] for each in heard} == {"comm_msg"}, "the kernel was not seen to be at work"
    (engagement.root / "over").touch()
    ended = page.until(idle)
    page.say(companion, kind="hidden", page="one")
    assert [each["msg_type"] for each in [*ended, *page.until(idle)]] == ["status"] * 3
