"""The way from a tenant of Soffront or FastTrack to a loaded Freshsales, decided by somebody who knows the truth."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from walk import KIM, TIME_SCALE, TOKEN, Walk, load_main

from sample_exports.tenant_delivery import MANIFEST, make_delivery
from workbench import rehearsal
from workbench.engagement import Engagement, new_engagement
from workbench.rehearsal import canonical
from workbench.stages import discovery, intake, mapping, owners, production, provisioning, transform

SAMPLES = Path(__file__).resolve().parents[2] / "sample_exports"
LARGEST = 100_000
"""Bytes of the files that are laid down: larger ones count as files that could not be had, so that no test writes 25 MB."""


def expected(source: str, name: str, *, delivery: str = "") -> pd.DataFrame:
    """A file of the truth, as text; what is empty is an empty text."""
    frame = pd.read_csv(SAMPLES / source / "expected" / f"{name}.csv", dtype="str", keep_default_na=False)
    return frame[frame["delivery"] == delivery].reset_index(drop=True) if delivery else frame


@contextmanager
def fresh_api(
    folder: Path, source: str, *, empty: Collection[str] = (), switches: Mapping[str, str] | None = None
) -> Iterator[Walk]:
    """An engagement over both states of a sample, and the account that its customer has prepared.

    Of the tables in ``empty`` no row is delivered.
    """
    for delivery, tenant in (("main", "tenant"), ("delta", "tenant-delta")):
        make_delivery(SAMPLES / source / tenant, folder / "exports" / delivery, largest=LARGEST)
        for table in empty:
            (folder / "exports" / delivery / f"{table}.ndjson").write_bytes(b"")
    with rehearsal.running(
        "freshsales",
        state=folder / "tenant.db",
        token=TOKEN,
        tenant=f"freshsales_{source}",
        time_scale=TIME_SCALE,
        switches=switches,
    ) as served:
        engagement = new_engagement(
            folder / "engagement",
            route=f"{source}_to_freshsales",
            customer="A customer",
            exports=folder / "exports",
            deliveries=("main", "delta"),
            base_url=served.url,
            edition="suite",
            key=TOKEN,
            time_scale=TIME_SCALE,
        )
        yield Walk(engagement, served)
        engagement.store.dispose()


@dataclass(frozen=True)
class Journey:
    """A walk as far as the load, the account before it, and what the load came to."""

    source: str
    walk: Walk
    before: str
    production: production.Production


@contextmanager
def travelled(
    folder: Path,
    source: str,
    *,
    truth: str = "",
    empty: Collection[str] = (),
    switches: Mapping[str, str] | None = None,
    prepare: Callable[[Walk], None] | None = None,
) -> Iterator[Journey]:
    """A journey over a sample; `prepare` is what is done by hand in the account before anything else."""
    with fresh_api(folder, source, empty=empty, switches=switches) as walk:
        if prepare is not None:
            prepare(walk)
        before = canonical(walk.tenant.dump())
        stage_api(walk.engagement, source, truth=truth)
        yield Journey(source, walk, before, load_main(walk.engagement))


def stage_api(engagement: Engagement, source: str, *, truth: str = "") -> None:
    """From the files to staged records; every question is answered as the truth, or another one of its kind, has it."""
    intake.run(engagement)
    decide(engagement, source, "main", truth=truth)
    discovery.propose(engagement)
    discovery.run(engagement)
    mapping.propose(engagement)
    for subject in engagement.decisions.missing("field"):
        feed, column = subject.split("/", 1)
        rule = next((rule for rule in engagement.route.feed(feed).fields if rule.column == column), None)
        confirm(engagement, "field", subject, {"target": rule.to} if rule else "")
    mapping.propose_options(engagement)
    mapping.run(engagement)
    owners.propose(engagement)
    owners.run(engagement)
    for line in engagement.decisions.missing("quiet"):
        confirm(engagement, "quiet", line, "yes")
    provisioning.plan(engagement)
    for line in engagement.decisions.missing("quiet"):
        confirm(engagement, "quiet", line, "yes")
    transform.run(engagement)


def decide(engagement: Engagement, source: str, delivery: str, *, truth: str = "") -> None:
    """What somebody who knows the truth decides about a delivery."""
    for each in json.loads((SAMPLES / source / "expected" / truth / "decisions.json").read_text(encoding="utf-8")):
        if each["delivery"] == delivery:
            confirm(engagement, each["kind"], each["subject"], each["value"])


def confirm(engagement: Engagement, kind: str, subject: str, value: object) -> None:
    engagement.decisions.confirm(kind, subject, value, by=KIM, why="known from the truth")


def stage_api_delta(engagement: Engagement, source: str, *, truth: str = "") -> None:
    """Read and stage the later state."""
    intake.run(engagement, "delta")
    decide(engagement, source, "delta", truth=truth)
    discovery.propose(engagement, "delta")
    mapping.propose_options(engagement)
    owners.propose(engagement)
    transform.run(engagement, "delta")


def ends(engagement: Engagement, feed: str, *, delivery: str = "main") -> dict[str, tuple[str, str, str]]:
    """Line of each row of a feed → bucket, reason and record, in the words of the truth; files by their number."""
    verdicts = engagement.load(f"verdicts/{feed}", delivery=delivery).fillna("")
    found = {}
    names = [json.loads(line)["id"] for line in (_folder(engagement, delivery) / MANIFEST).read_bytes().splitlines()]
    for row in verdicts.itertuples():
        line = str(row.row).partition("!")[0].rpartition(":")[2]
        place = names[int(line) - 1] if MANIFEST in str(row.row) else line
        found[place] = ("loaded" if row.bucket == "load" else str(row.bucket), str(row.reason), str(row.record))
    return found


def _folder(engagement: Engagement, delivery: str) -> Path:
    return engagement.root / "exports" / delivery
