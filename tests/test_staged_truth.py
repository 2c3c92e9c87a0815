"""Every row of the samples of four routes ends where the generator's truth says, from the files to the staged records."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from sample_exports.profi_files import make_large_files
from sample_exports.tenant_delivery import MANIFEST, make_delivery
from workbench.engagement import Engagement, new_engagement
from workbench.stages import intake, transform

SAMPLES = Path(__file__).resolve().parents[1] / "sample_exports"
DELIVERIES = ("main", "delta")
KIM = "Kim Larsen <kim.larsen@consultants.example>"


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


@pytest.mark.parametrize(
    ("source", "destination", "brought", "listed"),
    [
        ("fasttrack", "freshsales", extracted, "files.ndjson"),
        ("soffront", "freshsales", extracted, "attachments.ndjson"),
        ("profi", "freshsales", delivered, ""),
        ("profi", "pipedrive", delivered, ""),
    ],
)
def test_every_row_of_both_deliveries_ends_as_the_truth_says(
    tmp_path: Path, source: str, destination: str, brought: Callable[[str, Path], None], listed: str
) -> None:
    route = f"{source}_to_{destination}"
    brought(source, tmp_path / "x")
    made = new_engagement(tmp_path / "e", exports=tmp_path / "x", deliveries=DELIVERIES, route=route, key="k")
    for each in json.loads(truth(source, route, "decisions.json").read_text(encoding="utf-8")):
        made.decisions.confirm(each["kind"], each["subject"], each["value"], by=KIM)
    expected = pd.read_csv(truth(source, route, "rows.csv"), dtype="str", keep_default_na=False)
    for delivery in DELIVERIES:
        intake.run(made, delivery)
        transform.run(made, delivery)
        wanted = expected[expected["delivery"] == delivery]
        start = "" if delivery == "main" else f"{delivery}/"
        wanted = wanted.assign(row=start + wanted["file"] + ":" + wanted["line"])
        assert ends(found(made, delivery, wanted, listed)) == ends(wanted)


def found(made: Engagement, delivery: str, wanted: pd.DataFrame, listed: str) -> pd.DataFrame:
    """The verdicts. A file is a row of its own, `manifest.csv:7!file`, where the truth may name the list's row alone."""
    rows = pd.concat([made.load(f"verdicts/{feed.name}", delivery=delivery) for feed in made.route.feeds], ignore_index=True)
    bare = ~rows["row"].isin(set(wanted["row"]))
    rows.loc[bare, "row"] = rows.loc[bare, "row"].str.replace(MANIFEST, listed or MANIFEST).str.split("!").str[0]
    return rows.replace({"bucket": {"load": "loaded"}})


def ends(rows: pd.DataFrame) -> dict[tuple[str, str], list[tuple[str, str, str]]]:
    """Feed and row → bucket, reason and record."""
    told: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    for each in rows.astype("object").fillna("").itertuples():
        told.setdefault((each.feed, each.row), []).append((each.bucket, each.reason, each.record))
    return {place: sorted(what) for place, what in told.items()}
