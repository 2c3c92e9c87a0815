"""A change that got no answer, of a record that somebody has changed since: a rollback leaves it, and says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine

from workbench.destinations import Account, Destination, Draft, Secret, connect
from workbench.ledger import Guard, Ledger
from workbench.ledger.knowing import CHANGED
from workbench.ledger.unloading import unload
from workbench.rehearsal import Rehearsal, running
from workbench.specs import load_destination

TOKEN = "0123456789abcdef" * 2 + "01234567"
SCALE = 1000.0
WORDS = {"freshsales": ("suite", "name", "amount", "PUT"), "pipedrive": ("standard", "title", "value", "PATCH")}


@dataclass(frozen=True)
class Desk:
    """An account with a deal of somebody else's, and a ledger."""

    served: Rehearsal
    client: Destination
    store: Engine
    vendor: str
    theirs: str  # id of that deal

    @property
    def names(self) -> tuple[str, str]:
        return WORDS[self.vendor][1:3]

    def guard(self) -> Guard:
        return Ledger(self.store, engagement_id="e1").guard(self.client, settle_seconds=0.02)

    def deal(self) -> dict[str, object]:
        values = self.client.read("deal", [self.theirs])[0].values
        return {name: values[name] for name in self.names}

    def loses_a_change(self, values: dict[str, str]) -> None:
        """A change of ours arrives, and its answer does not."""
        guard = self.guard()
        self.served.order_fault("drop_after", path="deals", method=WORDS[self.vendor][3])
        (lost,) = guard.write("deal", [Draft("p:deals:1", dict(values), self.theirs)])
        assert lost.state == "unknown"

    def edit(self, **values: str) -> None:
        """As a person does it: past the ledger."""
        (done,) = self.client.write("deal", [Draft("somebody", dict(values), self.theirs)])
        assert done.state == "done"

    def settled(self) -> None:
        self.guard().settle("deal")
        rows = [row for row in self.guard().ledger.operations.where(True) if row.words == CHANGED]
        assert [row.state for row in rows] == ["rejected"]


@contextmanager
def desk(folder: Path, vendor: str, store: Engine) -> Iterator[Desk]:
    edition, name, amount, _ = WORDS[vendor]
    with running(vendor, state=folder / "tenant.db", token=TOKEN, time_scale=SCALE) as served:
        spec = load_destination(vendor)
        plan = next(iter(spec.plans))
        client = connect(spec, Account(served.url, Secret(TOKEN), edition, plan, {"lag_seconds": 1.0}, SCALE))
        for field in client.extra_fields(["deal"]):
            client.create_field(field)
        client.metadata()
        (made,) = client.write("deal", [Draft("other:deals:1", {name: "Roof", amount: "100"})])
        yield Desk(served, client, store, vendor, made.id)


@pytest.fixture(params=list(WORDS))
def there(request: pytest.FixtureRequest, tmp_path: Path, store: Engine) -> Iterator[Desk]:
    with desk(tmp_path, request.param, store) as made:
        yield made


def test_a_change_of_which_nobody_can_say_whether_it_came_is_listed_as_kept_with_its_reason(there: Desk) -> None:
    name, amount = there.names
    there.loses_a_change({name: "Ours", amount: "200"})
    there.edit(**{amount: "300"})
    there.settled()
    for _ in range(2):  # a second rollback says the same
        done = unload(there.guard())
        row = done.kept.to_dict("records")
        assert [(each["object"], each["key"], each["id"]) for each in row] == [("deal", "p:deals:1", there.theirs)]
        assert str(row[0]["words"]).startswith(CHANGED)
        assert f"{name} (before 'Roof', ours 'Ours', now 'Ours')" in str(row[0]["words"])
        assert f"{amount} (before '100', ours '200', now '300')" in str(row[0]["words"])
        assert not done.complete and len(done.frame) == 1
    assert there.deal() == {name: "Ours", amount: "300"}


def test_an_earlier_change_is_put_back_and_the_lost_one_is_told_beside_it(there: Desk) -> None:
    name, amount = there.names
    (first,) = there.guard().write("deal", [Draft("p:deals:1", {name: "First"}, there.theirs)])
    assert first.state == "done"
    there.loses_a_change({amount: "200"})
    there.edit(**{amount: "300"})
    there.settled()
    done = unload(there.guard())
    assert list(done.frame["verdict"]) == ["kept"]
    assert f"{amount} (before '100', ours '200', now '300')" in done.frame["words"][0]
    assert there.deal() == {name: "Roof", amount: "300"}


def test_a_record_that_holds_again_what_it_held_before_us_is_not_listed(there: Desk) -> None:
    name, amount = there.names
    there.loses_a_change({amount: "200"})
    there.edit(**{amount: "300"})
    there.settled()
    there.edit(**{amount: "100"})
    assert unload(there.guard()).frame.empty
    assert there.deal() == {name: "Roof", amount: "100"}
