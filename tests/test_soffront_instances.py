"""Soffront's facts under the names of other instances, through the intake: the same tables, whatever a column is called."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from sample_exports.tenant_delivery import make_delivery
from workbench.engagement import Engagement, new_engagement
from workbench.stages import intake

SOFFRONT = Path(__file__).resolve().parents[1] / "sample_exports" / "soffront"
YES_NO = {"true": "Y", "false": "N"}
MEMO = 4000
"""Characters at which an on-premise export cuts a memo."""


@dataclass(frozen=True)
class Taken:
    """An instance after its intake."""

    engagement: Engagement
    certificate: intake.Certificate

    def table(self, name: str) -> pd.DataFrame:
        """The cells of a table as text, without the names of its rows."""
        return self.engagement.load(f"tables/{name}").drop(columns=["_row"]).fillna("").astype("str")


def taken(exports: Path, folder: Path) -> Taken:
    engagement = new_engagement(folder / "e", route="soffront_to_freshsales", exports=exports)
    return Taken(engagement, intake.run(engagement))


@pytest.fixture(scope="module")
def instance_a(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Taken]:
    folder = tmp_path_factory.mktemp("a")
    make_delivery(SOFFRONT / "tenant", folder / "exports" / "main", largest=1000)
    found = taken(folder / "exports", folder)
    yield found
    found.engagement.store.dispose()


def test_renamed_fields_of_instance_b_come_in_under_their_usual_names(instance_a: Taken, tmp_path: Path) -> None:
    """SF1–SF10: nine fields bear other names behind the API; every table is the same, and every new name is told."""
    make_delivery(SOFFRONT / "tenant-b", tmp_path / "exports" / "main", largest=1000)
    found = taken(tmp_path / "exports", tmp_path)
    assert found.certificate.problems == ()
    for name in found.engagement.source.tables:
        pd.testing.assert_frame_equal(found.table(name)[instance_a.table(name).columns], instance_a.table(name), obj=name)
    told = found.certificate.findings
    renamed = set(told.loc[told["code"] == "column_renamed", "sample"])
    assert {"Org_Nm", "AssignedRep", "SalesStep", "Exp_Close", "Segments", "Topic", "LastUpd", "Svc_Lvl", "LifeStg"} == renamed
    found.engagement.store.dispose()


def test_the_text_files_of_an_on_premise_edition_come_in_line_by_line(instance_a: Taken, tmp_path: Path) -> None:
    """SF1–SF10: cp1252, text in apostrophes, Y and N, memos cut short; one line with a lost apostrophe is refused."""
    shutil.copytree(SOFFRONT / "on-premise", tmp_path / "exports" / "main")
    found = taken(tmp_path / "exports", tmp_path)
    assert found.certificate.problems == ()
    told = pd.read_csv(SOFFRONT / "expected" / "on_premise.csv", dtype="str", keep_default_na=False)
    told["row"] = told["file"] + ":" + told["line"]
    torn = set(told.loc[told["reason"] == "broken_quotes", "row"])
    rejects = found.engagement.load("rejects")
    assert set(rejects["row"]) == torn and len(torn) == 1
    assert set(rejects["reason"]) == {"broken_quotes"}
    places = dict(zip(told["row"], told["key"], strict=True))
    for name, table in found.engagement.source.tables.items():
        rows = found.engagement.load(f"tables/{name}")
        if len(table.key) == 1 and len(rows) and name not in ("users", "groups"):
            assert [places[row] for row in rows["_row"]] == list(rows[table.key[0]]), name
        if len(rows):
            assert _as_on_premise(instance_a.table(name), lines=_kept(rows["_row"])) == found.table(name).to_dict("records"), (
                name
            )
    found.engagement.store.dispose()


def _kept(rows: pd.Series) -> list[int]:
    """Which rows of instance A stand in a file: its lines begin with 2."""
    return [int(str(row).rpartition(":")[2]) - 2 for row in rows]


def _as_on_premise(table: pd.DataFrame, *, lines: list[int]) -> list[dict[str, str]]:
    """Rows of instance A as the on-premise edition writes them."""
    kept = table.iloc[lines]
    yes_no = [name for name in kept if set(kept[name]) <= {"true", "false"}]
    return kept.assign(**{name: kept[name].replace(YES_NO) for name in yes_no}).map(lambda text: text[:MEMO]).to_dict("records")
