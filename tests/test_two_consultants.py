"""Two people decide in one engagement at once: what each said is kept, and where both spoke, both are told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from consultant import Consultant
from sqlalchemy import Engine, create_engine
from typer.testing import CliRunner, Result

from workbench.cli import app
from workbench.decisions import Decisions
from workbench.engagement import Engagement, new_engagement, open_engagement
from workbench.store import writing
from workbench.widgets.table import DecisionTable

if TYPE_CHECKING:
    from tests.conftest import Server  # there are several conftests, and by its bare name another one may come

ANN, BEN = "Ann Lee <ann@example.org>", "Ben Roy <ben@example.org>"
EMAIL, PHONE, FAX, SHOE = "contacts/Email", "contacts/Phone", "contacts/Fax", "contacts/Shoe size"
FIELDS = {
    EMAIL: [{"target": "emails", "recipe": "email"}],
    PHONE: [{"target": "mobile_number"}, {"target": "work_number"}],
    FAX: [{"target": ""}],
    SHOE: [{"target": "job_title"}],
}
SECRET = "canary-4711"


def _new(folder: Path, address: str) -> Result:
    return CliRunner().invoke(app, ["new", str(folder), "--route", "promio_to_freshsales", "--store", address])


def _propose(engagement: Engagement) -> None:
    rows = [{"subject": s, "value": v[0], "alternatives": v[1:], "confidence": 0.9} for s, v in FIELDS.items()]
    engagement.decisions.propose("field", pd.DataFrame(rows))


def _edit(subject: str, text: str) -> dict[str, str]:
    return {"subject": subject, "text": text, "why": ""}


def _until_both_wait(store: Engine) -> None:
    """Both have looked at what is decided, and stand before the lock under which it is written."""
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    for _ in range(600):
        with store.connect() as connection:
            if connection.exec_driver_sql(waiting).scalar() == 2:
                return
        time.sleep(0.05)
    raise AssertionError("the two never came to write at the same time")


@pytest.fixture
def served(postgres: Server, tmp_path: Path) -> Iterator[Engagement]:
    """An engagement on PostgreSQL, made as a consultant makes it."""
    made = _new(tmp_path / "e", postgres.database())
    assert made.exit_code == 0, made.output
    engagement = open_engagement(tmp_path / "e")
    _propose(engagement)
    yield engagement
    engagement.store.dispose()


@pytest.fixture
def two(served: Engagement) -> Iterator[tuple[Consultant, Consultant]]:
    people = [Consultant.sits_down(served.root, name) for name in (ANN, BEN)]
    try:
        assert [person.hear().answers for person in people] == [{}, {}]
        yield people[0], people[1]
        for person in people:
            person.leave()
    finally:
        for person in people:
            person.process.kill()
            person.process.wait()


def test_two_who_confirm_at_once_on_postgresql_keep_both_sets_and_are_shown_the_one_conflict(
    served: Engagement, two: tuple[Consultant, Consultant]
) -> None:
    ann, ben = two
    assert served.store.dialect.name == "postgresql"
    assert not (served.root / "workbench.db").exists()
    with writing(served.store):
        ann.say("confirm", edits=[_edit(EMAIL, "emails"), _edit(PHONE, "work_number")])
        ben.say("confirm", edits=[_edit(PHONE, "mobile_number"), _edit(FAX, "")])
        _until_both_wait(served.store)
    heard = {ann: ann.hear(), ben: ben.hear()}
    first, later = sorted(two, key=lambda person: len(heard[person].problems))
    phone = {ann: "work_number", ben: "mobile_number"}
    assert heard[first].problems == {}
    assert heard[later].problems == {PHONE: f"Decided meanwhile, as {phone[first]}. Look again, then confirm."}

    kept = served.decisions.current("field").set_index("subject")
    assert kept["by"].to_dict() == {EMAIL: ANN, FAX: BEN, PHONE: first.name}
    assert kept["value"][PHONE] == {"target": phone[first]}
    assert len(served.decisions.history()) == 3, "a decision was written over"

    later.say("confirm", edits=[_edit(PHONE, phone[later])])  # having looked
    assert later.hear().problems == {}
    first.say("again")
    seen = first.hear().answers
    assert {subject: answer["by"] for subject, answer in seen.items()} == {EMAIL: ANN, FAX: BEN, PHONE: later.name}
    assert seen[PHONE]["answer"] == phone[later]
    first.say("undo")
    assert "meanwhile" in first.hear().problems[PHONE]
    assert served.decisions.value("field", PHONE) == {"target": phone[later]}
    assert served.decisions.history("field", PHONE)["by"].tolist() == [first.name, later.name]
    assert served.journal.verify().good


def test_whoever_sits_down_later_finds_what_both_have_decided(served: Engagement, two: tuple[Consultant, Consultant]) -> None:
    ann, ben = two
    ann.say("confirm", edits=[_edit(EMAIL, "emails")])
    ben.say("confirm", edits=[_edit(SHOE, "job_title")])
    assert [ann.hear().problems, ben.hear().problems] == [{}, {}]
    third = Consultant.sits_down(served.root, "Cy")
    assert set(third.hear().answers) == {EMAIL, SHOE}
    third.leave()


def test_the_password_of_the_database_stands_in_the_environment_and_nowhere_else(
    postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = _guarded(postgres)
    refused = _new(tmp_path / "f", address.replace("careful@", f"careful:{SECRET}@"))
    assert (refused.exit_code, SECRET in refused.output) == (1, False)
    assert "no password" in refused.output
    assert not (tmp_path / "f").exists()

    monkeypatch.setenv("PGPASSWORD", "wrong")
    refused = _new(tmp_path / "g", address)
    assert (refused.exit_code, "cannot be opened" in refused.output) == (1, True), refused.output
    assert not (tmp_path / "g").exists()

    monkeypatch.setenv("PGPASSWORD", SECRET)
    assert _new(tmp_path / "e", address).exit_code == 0
    engagement = open_engagement(tmp_path / "e")
    _propose(engagement)
    engagement.decisions.confirm("field", EMAIL, {"target": "emails"}, by=ANN)
    files = [path for path in engagement.root.rglob("*") if path.is_file()]
    assert not [path.name for path in files if SECRET.encode() in path.read_bytes()]
    assert SECRET not in repr(engagement)
    engagement.store.dispose()


def _guarded(server: Server) -> str:
    """A database of the server that asks for a password."""
    engine = create_engine(server.address(), isolation_level="AUTOCOMMIT")
    rules = server.folder / "data" / "pg_hba.conf"
    rules.write_text(f"local guarded all scram-sha-256\n{rules.read_text()}")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE ROLE careful LOGIN PASSWORD '{SECRET}'")
        connection.exec_driver_sql("CREATE DATABASE guarded OWNER careful")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
    engine.dispose()
    return f"postgresql+psycopg://careful@/guarded?host={server.folder}"


# ---------------------------------------------------------------- on either store


def test_what_was_decided_since_somebody_looked_stays(store: Engine) -> None:
    decisions = Decisions(store, engagement_id="e1")
    decisions.confirm("owner", "jon", "ann@new.example", by=ANN)
    frame = pd.DataFrame({"subject": ["jon", "kim"], "value": ["ben@new.example", "kim@new.example"]})
    assert decisions.confirm_many("owner", frame, by=BEN, before={}) == ["jon"]
    assert decisions.mapping("owner") == {"jon": "ann@new.example", "kim": "kim@new.example"}
    assert decisions.confirm_many("owner", frame, by=BEN, before=decisions.mapping("owner")) == []
    assert decisions.value("owner", "jon") == "ben@new.example"


def test_taking_back_leaves_what_somebody_else_has_decided_since(store: Engine) -> None:
    decisions = Decisions(store, engagement_id="e1")
    decisions.confirm_many("owner", pd.DataFrame({"subject": ["jon", "kim"], "value": ["a", "b"]}), by=ANN)
    seen = decisions.mapping("owner")
    decisions.confirm("owner", "jon", "c", by=BEN)
    assert decisions.withdraw_many("owner", seen, by=ANN) == ["jon"]
    assert decisions.mapping("owner") == {"jon": "c"}


def test_another_way_of_reading_the_same_column_is_a_decision_meanwhile_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WORKBENCH_HEADLESS", raising=False)
    monkeypatch.setenv("WORKBENCH_USER", ANN)
    engagement = new_engagement(tmp_path / "e", route="promio_to_freshsales")
    _propose(engagement)
    engagement.decisions.confirm("field", EMAIL, {"target": "emails", "recipe": "email"}, by=ANN)
    table = DecisionTable(engagement, "field")
    heard: list[dict[str, Any]] = []
    table.send = lambda content, buffers=None: heard.append(content)
    other = {"target": "emails", "recipe": "text", "options": {}}
    engagement.decisions.confirm("field", EMAIL, other, by=BEN)
    table._handle_custom_msg({"kind": "confirm", "edits": [_edit(EMAIL, "")]}, [])
    assert heard[0]["problems"] == {EMAIL: "Decided meanwhile, as emails, read as text. Look again, then confirm."}
    assert engagement.decisions.value("field", EMAIL) == other
    engagement.store.dispose()
