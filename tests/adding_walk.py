"""A whole engagement over the files of a page, or extractions: `python -m tests.adding_walk load|extract …` tells JSON.

It runs in a process of its own, since folders of one's own are looked for when the workbench is imported.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd

from workbench import rehearsal
from workbench.engagement import Engagement, new_engagement
from workbench.extraction import extract
from workbench.stages import (
    discovery,
    handoff,
    intake,
    mapping,
    owners,
    production,
    provisioning,
    rollback,
    sample,
    transform,
    validate,
)

TOKEN = "adding-tenant-0123456789abcdef"
TIME_SCALE = 3600.0
KIM = "Kim Larsen <kim.larsen@consultants.example>"
CHANGING = ("POST", "PUT", "PATCH", "DELETE")


def walk(route: str, vendor: str, exports: Path, folder: Path) -> dict[str, Any]:
    """From the files to a loaded account and back; what a test asks about."""
    with rehearsal.running(vendor, state=folder / "tenant.db", token=TOKEN, time_scale=TIME_SCALE) as served:
        before = rehearsal.canonical(served.dump())
        engagement = new_engagement(
            folder / "engagement",
            route=route,
            customer="Brook & Söhne",
            exports=exports,
            base_url=served.url,
            key=TOKEN,
            time_scale=TIME_SCALE,
        )
        days = intake.run(engagement).frame.set_index("table")[["first", "last"]].loc["people"].tolist()
        engagement.decisions.read_jsonl(exports.parent / "decisions.jsonl", by=KIM)
        stage(engagement)
        valid = validate.run(engagement).passed
        loaded = load(engagement)
        records = served.dump()["records"]
        since = len(served.log())
        again = production.run(engagement)
        log = served.log(since)
        package = handoff.run(engagement)
        gone = rollback.run(engagement)
        after = rehearsal.canonical(served.dump())
        engagement.store.dispose()
    return {
        "valid": valid,
        "passed": loaded.passed and again.passed,
        "accounts": loaded.frame.to_dict("records"),
        "unlike": loaded.differences.astype("str").to_dict("records"),
        "certificate": production.certified(loaded.certificate),
        "records": records,
        "ends": {feed.name: ends(engagement.load(f"verdicts/{feed.name}")) for feed in engagement.route.feeds},
        "days": days,
        "aside": aside(pd.concat([engagement.load(f"cells/{feed.name}") for feed in engagement.route.feeds])),
        "written again": [f"{row.method} {row.path}" for row in log.itertuples() if changes(row)],
        "package": type(package).__name__,
        "done": gone.done,
        "before": before,
        "after": after,
    }


def read(source: str, route: str, folder: Path, switches: str) -> dict[str, Any]:
    """What an extraction brings from the stand-in of a source under some switches, and what the intake makes of it."""
    said = dict(switch.split("=") for switch in switches.split(",") if switch)
    folder.mkdir()
    with rehearsal.running(source, state=folder / "source.db", token=TOKEN, switches=said, time_scale=60) as served:
        made = {"url": served.url, "time_scale": 60.0}
        engagement = new_engagement(folder / "engagement", route=route, base_url="http://127.0.0.1:9", source=made)
        with patch.dict("os.environ", {"WORKBENCH_SOURCE_KEY": TOKEN}):
            told = extract(engagement)
        intake.run(engagement)
        found = {"told": told.frame[["object", "distinct", "quarantined", "closes"]].to_dict("records")}
        tables = {name: engagement.load(f"tables/{name}") for name in engagement.source.tables}
        engagement.store.dispose()
    return {**found, "rows": {name: table["No"].tolist() for name, table in tables.items()}}


def stage(engagement: Engagement) -> None:
    """From the files to staged records; everything that is proposed is taken, and the rest is in the decisions of the page."""
    discovery.propose(engagement)
    discovery.run(engagement)
    mapping.propose(engagement)
    engagement.decisions.accept(0.8, by=KIM)
    mapping.propose_options(engagement)
    engagement.decisions.accept(0.8, by=KIM)
    mapping.run(engagement)
    owners.propose(engagement)
    engagement.decisions.accept(0.8, by=KIM)
    owners.run(engagement)
    provisioning.plan(engagement)
    transform.run(engagement)


def load(engagement: Engagement) -> production.Production:
    """The fields, the sample with its signature, everything."""
    provisioning.run(engagement)
    sample.plan(engagement)
    seen = dict(sample.run(engagement).evidence)
    signed = {"name": "Dana Ortiz", "role": "Sales lead", "statement": "I have checked the sample", "evidence": seen}
    engagement.decisions.confirm("signoff", "sample", signed, by="Dana Ortiz <dana.ortiz@brightroof.example>", shown=seen)
    return production.run(engagement)


def ends(verdicts: pd.DataFrame) -> dict[str, list[str]]:
    """Row → bucket and reason."""
    told = verdicts.astype("object").fillna("")
    return {str(row.row): [str(row.bucket), str(row.reason)] for row in told.itertuples()}


def aside(cells: pd.DataFrame) -> dict[str, list[str]]:
    """Row → why cells of it did not come along."""
    lost = cells[cells["reason"].astype("str").str.startswith("not_a")]
    return {str(row): sorted(map(str, part["reason"])) for row, part in lost.groupby("row")}


def changes(row: Any) -> bool:
    """Whether a request could have changed something."""
    return row.method in CHANGING and "filtered_search" not in row.path


if __name__ == "__main__":
    what, *given = sys.argv[1:]
    told: Any
    if what == "load":
        told = walk(given[0], given[1], Path(given[2]), Path(given[3]))
    else:
        told = [read(given[0], given[1], Path(given[2]) / str(place), said) for place, said in enumerate(given[3:])]
    json.dump(told, sys.stdout)
