"""What a record held before a change of ours is read in hundreds, never long before the change, and never left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from pipedrive_client_account import BEARERS, account
from sqlalchemy import Engine
from toy import Toy

from workbench.destinations import Draft, Record
from workbench.ledger import Ledger
from workbench.ledger.guarding import images
from workbench.ledger.guarding.images import Images
from workbench.ledger.loading import load
from workbench.ledger.operations import operations
from workbench.store import open_store

MANY = 240


class Watched(Toy):
    """Counts how many records each look reads."""

    def __init__(self) -> None:
        super().__init__()
        self.looks: list[int] = []

    def read(self, object_: str, ids: Sequence[str]) -> list[Record]:
        self.looks.append(len(ids))
        return super().read(object_, ids)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Engine]:
    made = open_store(tmp_path / "w.db")
    yield made
    made.dispose()


def changes(*numbers: int) -> list[Draft]:
    return [Draft(f"p:d:{n}", {"name": f"new {n}"}, str(n)) for n in numbers]


def test_the_next_records_are_read_along_and_each_image_serves_once() -> None:
    toy = Watched()
    toy.records = {str(n): Record(str(n), "", {"name": f"old {n}"}) for n in range(MANY)}
    shelf = Images(toy)
    shelf.announce("deal", changes(*range(MANY)))
    for n in range(MANY):
        assert shelf.of("deal", [str(n)]) == {str(n): {"name": f"old {n}"}}
    assert sum(toy.looks) == MANY and len(toy.looks) <= 5 and max(toy.looks) == images.AT_ONCE
    toy.records["7"] = replace(toy.records["7"], values={"name": "edited"})
    assert shelf.of("deal", ["7"]) == {"7": {"name": "edited"}}
    assert shelf.of("deal", ["404"]) == {}


def test_an_image_that_has_grown_old_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    toy, now = Watched(), [100.0]
    toy.records = {str(n): Record(str(n), "", {"name": "old"}) for n in range(20)}
    monkeypatch.setattr(images.time, "monotonic", lambda: now[0])
    shelf = Images(toy)
    shelf.announce("deal", changes(*range(20)))
    shelf.of("deal", ["0"])
    toy.records["1"] = replace(toy.records["1"], values={"name": "edited"})
    now[0] += images.STALE - 1
    assert shelf.of("deal", ["1"]) == {"1": {"name": "old"}}
    toy.records["2"] = replace(toy.records["2"], values={"name": "edited"})
    now[0] += 2
    assert shelf.of("deal", ["2"]) == {"2": {"name": "edited"}}
    assert toy.looks[-1] == 1  # nine seconds for two records: no others are read along


def test_a_delta_of_hundreds_reads_in_hundreds_and_every_change_has_its_image(tmp_path: Path, store: Engine) -> None:
    """Pipedrive: one call a changed record and two looks for each hundred of them, of which one came with the change before."""
    with account(tmp_path) as (crm, rehearsal):
        guard = Ledger(store, engagement_id="e").guard(crm, settle_seconds=0.0)
        people = [Draft(f"p:c:{n}", {"name": f"N{n}", "emails": f"n{n}@x.example"}) for n in range(MANY)]
        load([people], guard, "person", total=MANY)
        ids = guard.ledger.ids("person")
        asked = len(rehearsal.log())
        drafts = [Draft(key, {"emails": f"m{key[4:]}@x.example"}, number) for key, number in ids.items()]
        assert set(load([drafts], guard, "person", total=MANY).frame["state"]) == {"done"}
        log = rehearsal.log(asked)
        reads = log[log["method"] == "GET"]
        assert len(log[log["method"] == "PATCH"]) == MANY
        assert len(log) <= 1.2 * MANY, reads["path"].str.replace(r"\d+", "#", regex=True).value_counts()
        rows = guard.ledger.operations.where(operations.c.verb == "update")
        assert {row.key: (row.pre or {}).get("emails") for row in rows} == {f"p:c:{n}": f"n{n}@x.example" for n in range(MANY)}


def test_every_kind_of_record_is_laid_over_what_it_holds_and_not_over_an_old_look(tmp_path: Path) -> None:
    with account(tmp_path) as (crm, _):
        assert "person" in BEARERS
        (made,) = crm.write("person", [Draft("p:c:1", {"name": "N", "emails": "work@x.example", "home_phone": "1"})])
        crm.read("person", [made.id])
        crm.write("person", [Draft("p:c:1", {"emails": "new@x.example"}, made.id)])
        crm.write("person", [Draft("p:c:1", {"mobile_phone": "2"}, made.id)])  # the look before served the first change
        values = crm.read("person", [made.id])[0].values
        assert (values["emails"], values["home_phone"], values["mobile_phone"]) == ("new@x.example", "1", "2")
