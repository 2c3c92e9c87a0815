"""A stage whose name several pipelines have: the pipeline that is named decides, or the one in which a changed deal stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from workbench import rehearsal
from workbench.destinations import Account, Destination, Draft, Secret, connect
from workbench.ledger import Ledger
from workbench.ledger.loading import load
from workbench.ledger.unloading import unload
from workbench.rehearsal import running
from workbench.specs import load_destination
from workbench.store import open_store

TOKEN = "0123456789abcdef" * 2 + "01234567"
TENANTS = Path(rehearsal.__file__).parent / "tenants"
LINES = ("Sales pipeline", "Default Pipeline")


@dataclass(frozen=True)
class Words:
    """What a vendor calls things, and the account that the test begins with."""

    tenant: str
    title: str
    line: str
    stage: str
    amount: str
    edition: str
    plan: str
    renamed: Mapping[str, str]  # a stage of the first pipeline → the name that one of the second has


SUITE = {"Follow-up": "Draft", "Demo": "Live"}
SALES = {"Contact made": "Draft", "Proposal made": "Live"}
VENDORS = {
    "freshsales": Words("freshsales_suite", "name", "deal_pipeline", "deal_stage", "amount", "suite", "pro", SUITE),
    "pipedrive": Words("pipedrive_growth", "title", "pipeline", "stage", "value", "standard", "growth", SALES),
}


@dataclass(frozen=True)
class Crm:
    """An account in which two pipelines have the stages Draft and Live, and a client of it."""

    words: Words
    client: Destination
    first: str  # name of the pipeline beside Campaigns

    def values(self, line: str, stage: str) -> dict[str, str]:
        return {self.words.title: "Spring", self.words.amount: "100", self.words.line: line, self.words.stage: stage}

    def placed(self, number: str) -> tuple[object, object]:
        record = self.client.read("deal", [number])[0]
        return record.values[self.words.line], record.values[self.words.stage]


@contextmanager
def account(folder: Path, vendor: str) -> Iterator[Crm]:
    words, spec = VENDORS[vendor], load_destination(vendor)
    recipe = (TENANTS / f"{words.tenant}.toml").read_text(encoding="utf-8")
    for before, after in words.renamed.items():
        assert f'name = "{before}"' in recipe
        recipe = recipe.replace(f'name = "{before}"', f'name = "{after}"')
    tenant = folder / "tenant.toml"
    tenant.write_text(recipe, encoding="utf-8")
    with running(vendor, state=folder / "tenant.db", token=TOKEN, time_scale=1000.0, tenant=tenant) as served:
        known = Account(served.url, Secret(TOKEN), words.edition, words.plan, {}, time_scale=1000.0)
        client = connect(spec, known)
        for plan in client.extra_fields(["deal"]):
            client.create_field(plan)
        lines = [line for line in client.metadata().pipelines if line != "Campaigns"]
        yield Crm(words, client, next(line for line in lines if line in LINES))


@pytest.fixture(scope="module", params=list(VENDORS))
def crm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crm]:
    with account(tmp_path_factory.mktemp(request.param), request.param) as made:
        yield made


def test_pipeline_and_stage_decide_together(crm: Crm) -> None:
    for number, line in enumerate((crm.first, "Campaigns")):
        (outcome,) = crm.client.write("deal", [Draft(f"p:deals:{number}", crm.values(line, "Draft"))])
        assert (outcome.state, outcome.words) == ("done", "")
        assert crm.placed(outcome.id) == (line, "Draft")


def test_a_stage_alone_is_not_guessed(crm: Crm) -> None:
    said = {crm.words.title: "Spring", crm.words.amount: "100", crm.words.stage: "Draft"}
    (outcome,) = crm.client.write("deal", [Draft("p:deals:alone", said)])
    assert outcome.state == "rejected" and "in 2 places" in outcome.words


def test_a_deal_that_moves_on_stays_in_its_pipeline(crm: Crm) -> None:
    """A later delivery says what has changed, and no more than that."""
    for line in (crm.first, "Campaigns"):
        (made,) = crm.client.write("deal", [Draft(f"p:deals:{line}", crm.values(line, "Draft"))])
        (moved,) = crm.client.write("deal", [Draft(f"p:deals:{line}", {crm.words.stage: "Live"}, made.id)])
        assert (moved.state, moved.words) == ("done", "")
        assert crm.placed(made.id) == (line, "Live")


def test_a_stage_that_only_another_pipeline_has_takes_the_deal_there(tmp_path: Path) -> None:
    """At Pipedrive, where a stage says its pipeline."""
    with account(tmp_path, "pipedrive") as crm:
        (made,) = crm.client.write("deal", [Draft("p:deals:leaves", crm.values(crm.first, "Draft"))])
        (moved,) = crm.client.write("deal", [Draft("p:deals:leaves", {crm.words.stage: "Scheduled"}, made.id)])
        assert moved.state == "done" and crm.placed(made.id) == ("Campaigns", "Scheduled")


@pytest.mark.parametrize("vendor", list(VENDORS))
def test_a_rollback_puts_the_stage_of_somebody_elses_deal_back(tmp_path: Path, vendor: str) -> None:
    with account(tmp_path, vendor) as crm:
        (theirs,) = crm.client.write("deal", [Draft("other:deals:1", crm.values(crm.first, "Draft"))])
        store = open_store(tmp_path / "workbench.db")
        ledger = Ledger(store, engagement_id="e1")
        changed = load([[Draft("p:deals:1", {crm.words.stage: "Live"}, theirs.id)]], ledger.guard(crm.client), "deal")
        assert list(changed.frame["state"]) == ["done"] and crm.placed(theirs.id) == (crm.first, "Live")
        done = unload(ledger.guard(crm.client))
        assert list(done.frame["verdict"]) == ["reversed"], done.frame.to_string()
        assert crm.placed(theirs.id) == (crm.first, "Draft")
        store.dispose()
