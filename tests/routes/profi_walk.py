"""The way from Profi's files to a loaded Freshsales or Pipedrive, decided by somebody who knows the truth."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from walk import KIM, TIME_SCALE, TOKEN, Walk

from sample_exports.profi_files import make_large_files
from workbench import rehearsal
from workbench.engagement import Engagement, new_engagement
from workbench.stages import discovery, intake, mapping, owners, provisioning, transform

TOLD = ("scope", "duplicate", "link", "value")
"""Said also where nobody asked: two people of one household look alike to no machine, and a text has no options."""
SAMPLE = Path(__file__).resolve().parents[2] / "sample_exports" / "profi"


def expected(route: str, name: str, *, delivery: str = "") -> pd.DataFrame:
    """A file of a route's truth, as text; what is empty is an empty text."""
    frame = pd.read_csv(SAMPLE / "expected" / route / f"{name}.csv", dtype="str", keep_default_na=False)
    return frame[frame["delivery"] == delivery].reset_index(drop=True) if delivery else frame


@contextmanager
def fresh_profi(folder: Path, route: str) -> Iterator[Walk]:
    """An engagement over the sample with its large files, and the account that its customer has prepared."""
    shutil.copytree(SAMPLE, folder / "exports", ignore=shutil.ignore_patterns("expected"))
    make_large_files(folder / "exports" / "main")
    vendor = route.rpartition("_")[2]
    with rehearsal.running(
        vendor, state=folder / "tenant.db", token=TOKEN, tenant=f"{vendor}_profi", time_scale=TIME_SCALE
    ) as served:
        engagement = new_engagement(
            folder / "engagement",
            route=route,
            customer="Northlight Coaching",
            exports=folder / "exports",
            deliveries=("main", "delta"),
            base_url=served.url,
            key=TOKEN,
            time_scale=TIME_SCALE,
        )
        yield Walk(engagement, served)
        engagement.store.dispose()


def stage_profi(engagement: Engagement) -> None:
    """From the files to staged records; every question is answered as the truth has it."""
    route = engagement.route.name
    confirm(engagement, "scope", {question.name: question.default for question in engagement.route.scope})
    decide(engagement, route, "main", ("scope",))
    intake.run(engagement)
    discovery.propose(engagement)
    decide(engagement, route, "main", ("duplicate", "link"))
    confirm(engagement, "duplicate", {subject: {"into": ""} for subject in engagement.decisions.missing("duplicate")})
    discovery.run(engagement)
    mapping.propose(engagement)
    confirm(engagement, "field", {subject: _field(engagement, subject) for subject in engagement.decisions.missing("field")})
    mapping.propose_options(engagement)
    decide(engagement, route, "main", ("value",))
    engagement.decisions.accept(0.0, by=KIM, kinds=("value",))
    mapping.run(engagement)
    owners.propose(engagement)
    decide(engagement, route, "main", ("owner",))
    owners.run(engagement)
    for _ in range(2):  # what has to be quiet is asked when the plan is made
        confirm(engagement, "quiet", dict.fromkeys(engagement.decisions.missing("quiet"), "yes"))
        provisioning.plan(engagement)
    confirm(engagement, "quiet", dict.fromkeys(engagement.decisions.missing("quiet"), "yes"))
    transform.run(engagement)


def _field(engagement: Engagement, subject: str) -> object:
    """The field that the route plans for a column; a column of which it says nothing is left behind."""
    feed, column = subject.split("/", 1)
    rule = next((rule for rule in engagement.route.feed(feed).fields if rule.column == column), None)
    return {"target": rule.to if rule else ""}


def stage_profi_delta(engagement: Engagement) -> None:
    """Read and stage what came two weeks later."""
    route = engagement.route.name
    intake.run(engagement, "delta")
    discovery.propose(engagement, "delta")
    decide(engagement, route, "delta", ("duplicate",))
    missing = engagement.decisions.missing("duplicate")
    confirm(engagement, "duplicate", {subject: {"into": ""} for subject in missing})
    confirm(engagement, "link", {subject: {"to": ""} for subject in engagement.decisions.missing("link")})
    mapping.propose_options(engagement)
    decide(engagement, route, "main", ("value",))
    owners.propose(engagement)
    transform.run(engagement, "delta")


def decide(engagement: Engagement, route: str, delivery: str, kinds: tuple[str, ...]) -> None:
    """What somebody who knows the truth says to what is asked; of people and companies also where nobody asked."""
    said = json.loads((SAMPLE / "expected" / route / "decisions.json").read_text(encoding="utf-8"))
    for kind in kinds:
        asked = {subject.strip(): subject for subject in engagement.decisions.missing(kind)}
        known = {
            asked.get(each["subject"], each["subject"]): each["value"]
            for each in said
            if each["kind"] == kind and each["delivery"] == delivery
        }
        told = {subject: value for subject, value in known.items() if subject in asked.values() or kind in TOLD}
        confirm(engagement, kind, told)


def confirm(engagement: Engagement, kind: str, answers: Mapping[str, object]) -> None:
    """Kim's answers to questions of one kind."""
    rows = pd.DataFrame({"subject": list(answers), "value": list(answers.values())}, dtype="object")
    if len(rows):
        engagement.decisions.confirm_many(kind, rows, by=KIM, why="known from the truth")


def ends(engagement: Engagement, feed: str, *, delivery: str = "main") -> dict[str, tuple[str, str, str]]:
    """File and line of each row of a feed → bucket, reason and record, in the words of the truth."""
    verdicts = engagement.load(f"verdicts/{feed}", delivery=delivery).fillna("")
    return {
        str(row.row): ("loaded" if row.bucket == "load" else str(row.bucket), str(row.reason), str(row.record))
        for row in verdicts.itertuples()
    }
