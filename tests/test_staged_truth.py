"""The samples of four routes end where the generator's truth says, line by line: rows, values and cells, from the files on."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sample_exports.profi_files import make_large_files
from sample_exports.tenant_delivery import MANIFEST, make_delivery
from workbench.engagement import Engagement, new_engagement
from workbench.stages import intake, transform

SAMPLES = Path(__file__).resolve().parents[1] / "sample_exports"
DELIVERIES = ("main", "delta")
KIM = "Kim Larsen <kim.larsen@consultants.example>"
WRITINGS = {
    *("trimmed_space", "invisible_removed", "unicode_composed", "lower_cased", "currency_dropped", "scheme_added"),
    *("time_dropped", "fraction_scaled", "dst_ambiguous", "dst_gap", "formatting_dropped", "html_cleaned", "images_as_links"),
    *("record_kept_its_own", "newest_of_several", "left_empty"),
}
"""Notes on cells that came along in another writing, that another row overruled, or that somebody decided to leave empty."""


@dataclass(frozen=True)
class Staged:
    """Both deliveries of a sample, staged for one route by somebody who knows the truth."""

    source: str
    engagement: Engagement
    listed: str  # the file of the source that lists its files, where it is not the manifest

    def truth(self, name: str) -> pd.DataFrame:
        """A file of the truth, as text; what is empty is an empty text."""
        return pd.read_csv(truth(self.source, self.engagement.route.name, f"{name}.csv"), dtype="str", keep_default_na=False)

    def expected(self, name: str, delivery: str) -> pd.DataFrame:
        """The lines about one delivery, each with the id of its row."""
        wanted = self.truth(name)
        wanted = wanted[wanted["delivery"] == delivery]
        return wanted.assign(row=("" if delivery == "main" else f"{delivery}/") + wanted["file"] + ":" + wanted["line"])

    def found(self, what: str, wanted: pd.DataFrame, delivery: str) -> pd.DataFrame:
        """What the feeds say. A file is a row of its own, `manifest.csv:7!file`, where the truth may name the list's row."""
        feeds = self.engagement.route.feeds
        rows = pd.concat([self.engagement.load(f"{what}/{feed.name}", delivery=delivery) for feed in feeds], ignore_index=True)
        bare = ~rows["row"].isin(set(wanted["row"]))
        rows.loc[bare, "row"] = rows.loc[bare, "row"].str.replace(MANIFEST, self.listed or MANIFEST).str.split("!").str[0]
        return rows


def extracted(source: str, folder: Path) -> None:
    """What two runs of the extraction lay down of a tenant."""
    make_delivery(SAMPLES / source / "tenant", folder / "main")
    make_delivery(SAMPLES / source / "tenant-delta", folder / "delta")


def delivered(source: str, folder: Path) -> None:
    """The files as they were sent, with the large ones that are made at test time."""
    shutil.copytree(SAMPLES / source / "main", folder / "main")
    shutil.copytree(SAMPLES / source / "delta", folder / "delta")
    make_large_files(folder / "main")


def truth(source: str, route: str, name: str) -> Path:
    """A file of the truth: of the route where the source has several."""
    folder = SAMPLES / source / "expected"
    return folder / route / name if (folder / route).is_dir() else folder / name


CASES: tuple[tuple[str, str, Callable[[str, Path], None], str], ...] = (
    ("fasttrack", "freshsales", extracted, "files.ndjson"),
    ("soffront", "freshsales", extracted, "attachments.ndjson"),
    ("profi", "freshsales", delivered, ""),
    ("profi", "pipedrive", delivered, ""),
)


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]} to {case[1]}")
def staged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Staged:
    source, destination, brought, listed = request.param
    folder, route = tmp_path_factory.mktemp(source), f"{source}_to_{destination}"
    brought(source, folder / "x")
    made = new_engagement(folder / "e", exports=folder / "x", deliveries=DELIVERIES, route=route, key="k")
    for question in made.route.scope:
        made.decisions.confirm("scope", question.name, question.default, by=KIM)
    for each in json.loads(truth(source, route, "decisions.json").read_text(encoding="utf-8")):
        made.decisions.confirm(each["kind"], each["subject"], each["value"], by=KIM)
    for delivery in DELIVERIES:
        intake.run(made, delivery)
        transform.run(made, delivery)
    return Staged(source, made, listed)


@pytest.mark.row("RF1-RF11", "RP1-RP12", "SF1-SF10", "FF1-FF10")
@pytest.mark.parametrize("delivery", DELIVERIES)
def test_every_row_of_both_deliveries_ends_as_the_truth_says(staged: Staged, delivery: str) -> None:
    wanted = staged.expected("rows", delivery)
    found = staged.found("verdicts", wanted, delivery).replace({"bucket": {"load": "loaded"}})
    assert ends(found) == ends(wanted)


@pytest.mark.row("RF1-RF10", "RP1-RP12", "SF1-SF5", "SF7-SF10", "FF1-FF10")
def test_every_value_of_the_truth_is_staged_to_the_letter(staged: Staged) -> None:
    """Fields, links, trees, sums, prices, times in their zones, texts made of several columns."""
    records: dict[str, dict[str, Any]] = {}
    for feed in staged.engagement.route.feeds:
        if staged.engagement.has(f"records/{feed.name}"):
            records |= {row["key"]: row for row in staged.engagement.load(f"records/{feed.name}").to_dict("records")}
    said = staged.truth("records")
    told = [(row.record, row.field, row.value) for row in said.itertuples()]
    found = [(record, field, _text(records.get(record, {}).get(field), like=value)) for record, field, value in told]
    assert len(told) > 2500
    assert [pair for pair in zip(told, found, strict=True) if pair[0] != pair[1]] == []


@pytest.mark.row("RF1-RF4", "RF8", "RF10", "RP1", "RP3", "SF1-SF3", "SF8", "FF1-FF4", "FF7", "FF8")
@pytest.mark.parametrize("delivery", DELIVERIES)
def test_exactly_the_cells_of_the_truth_are_set_aside(staged: Staged, delivery: str) -> None:
    """A filled cell that gives no value though its row goes on has its reason, and no other cell has one."""
    wanted = staged.expected("cells", delivery)
    cells = staged.found("cells", wanted, delivery)
    cells = cells[[not set(reason.split(";")) <= WRITINGS for reason in cells["reason"]]]
    assert places(cells) == places(wanted)


def ends(rows: pd.DataFrame) -> dict[tuple[str, str], list[tuple[str, str, str]]]:
    """Feed and row → bucket, reason and record."""
    told: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    for each in rows.astype("object").fillna("").itertuples():
        told.setdefault((each.feed, each.row), []).append((each.bucket, each.reason, each.record))
    return {place: sorted(what) for place, what in told.items()}


def places(cells: pd.DataFrame) -> Counter[tuple[str, str, str, str]]:
    """Feed, row, column and reason, each as often as it is told."""
    return Counter(cells.fillna("")[["feed", "row", "column", "reason"]].itertuples(index=False, name=None))


def _text(value: Any, *, like: str) -> str:
    """A staged value as the truth writes it: several of them in its order where they are the same ones."""
    if isinstance(value, list):
        parts = [str(part) for part in value]
        return like if sorted(parts) == sorted(like.split(";")) else ";".join(parts)
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None or pd.isna(value) else str(value)
