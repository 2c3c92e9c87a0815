"""What a demonstration has to show, each in one line that holds or does not: accounts, read-back, second pass, rollback."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from dataclasses import dataclass
from difflib import unified_diff
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from sample_exports.samples import Sample
from sample_exports.taking import Taken
from workbench import notebooks, rehearsal
from workbench.engagement import Engagement, open_engagement
from workbench.rehearsal import Rehearsal, canonical
from workbench.settings import write_settings
from workbench.stages import rollback, secondpass

__all__ = ["Proof", "account_of", "as_told", "closing", "extracted", "passed", "read_back", "second_run", "taken_back"]

FIRST_LINES = 12
"""Of what a rollback has left, as many lines as somebody reads."""


@dataclass(frozen=True)
class Proof:
    """One thing that holds, or does not."""

    holds: bool
    words: str
    detail: str = ""  # what to look at where it does not hold


def account_of(engagement: Engagement, delivery: str) -> pd.DataFrame:
    """The row accounting of a delivery, without the feeds to which it brought nothing."""
    frame = engagement.load("accounting", delivery=delivery)
    return frame[frame["rows"] > 0]


def extracted(taken: Taken) -> Proof:
    """Every row that the source counts came, or was set aside."""
    frame, done = taken.extraction.frame, taken.extraction
    aside = len(done.quarantine)
    words = f"{taken.delivery}: {int(frame['distinct'].sum()):,} rows of {len(frame)} objects read through the API, "
    words += f"{aside:,} set aside, {len(done.files):,} files; {done.calls:,} calls in {done.seconds:.0f} s"
    open_ = frame[frame["closes"].eq(False) | frame["problem"].ne("")]
    return Proof(done.good, words, "" if done.good else open_.to_string())


def closing(engagement: Engagement) -> Proof:
    """Every source row of every delivery ended in one place that is named."""
    open_ = [name for name in engagement.deliveries() if not account_of(engagement, name)["closes"].all()]
    return Proof(not open_, "source rows = loaded + merged + excluded + rejected + held + failed", ", ".join(open_))


def as_told(engagement: Engagement, sample: Sample) -> Proof:
    """Every row ended where the sample's generator says: in its bucket, for its reason, in its record.

    What a source could not read any more comes out of a page otherwise than out of a file, so of its reason nothing is said.
    """
    told = pd.read_csv(sample.truth / "rows.csv", dtype="str", keep_default_na=False)
    count, wrong = 0, list[str]()
    for delivery in engagement.deliveries():
        for name, rows in told[told["delivery"] == delivery].groupby("feed", sort=False):
            if engagement.has(f"verdicts/{name}", delivery=delivery):
                found = engagement.load(f"verdicts/{name}", delivery=delivery).fillna("")
                differing = _differing(found, rows, delivery, by_api=sample.by_api)
                count, wrong = count + len(found), [*wrong, *(f"{name} {line}" for line in differing)]
    words = f"{count:,} rows of all feeds ended where the generator of the sample says"
    words += f", but not {len(wrong):,} of them" if wrong else ""
    return Proof(not wrong and count > 0, words, "\n".join(wrong[:FIRST_LINES]))


def _differing(found: pd.DataFrame, told: pd.DataFrame, delivery: str, *, by_api: bool) -> list[str]:
    """The rows of a feed of which the truth says something else.

    Rows are told by file and line. Where an API gives them in an order of its own, and where a row is a file, by their key.
    """
    start = "" if delivery == "main" else f"{delivery}/"
    keys = told["key"] if by_api else told["record"]
    ends = {str(row.row): _end(row, row.natural, by_api=by_api) for row in found.itertuples()}
    truth = {
        f"{start}{row.file}:{row.line}": _end(row, key, by_api=by_api) for row, key in zip(told.itertuples(), keys, strict=True)
    }
    apart = [place for place in ends | truth if ends.get(place) != truth.get(place)]
    if not by_api:
        return [f"{place}: {ends.get(place)}, not {truth.get(place)}" for place in apart]
    mine, theirs = (Counter(each[place] for place in apart if place in each) for each in (ends, truth))
    return [" ".join(end) for end in (mine - theirs) + (theirs - mine)]


def _end(row: Any, key: object, *, by_api: bool) -> tuple[str, ...]:
    """Bucket, reason and record of a row; where rows have an order of their own, its key too, if it could be read."""
    bucket = "loaded" if row.bucket == "load" else str(row.bucket)
    if not by_api:
        return bucket, str(row.reason), str(row.record)
    return (bucket,) if bucket == "rejected" else (str(key), bucket, str(row.reason), str(row.record))


def read_back(engagement: Engagement) -> Proof:
    """Every value that was sent was found again."""
    compared = engagement.load("comparison")
    cells, intended, wrong = (int(compared[name].sum()) for name in ("cells", "intended", "wrong"))
    return Proof(not wrong, f"{cells:,} values read back; {intended:,} differ in writing only, {wrong} are not explained")


def passed(engagement: Engagement, *, seconds: float) -> Proof:
    """Every phase passed."""
    states = engagement.status()
    good = states["state"] == "passed"
    return Proof(bool(good.all()), f"{good.sum()} of {len(states)} phases passed, {seconds:.0f} s")


def second_run(engagement: Engagement, tenant: Rehearsal) -> Proof:
    """A second run would make nothing and change nothing; and asking so has changed nothing either."""
    before = canonical(tenant.dump())
    found = secondpass.run(engagement)
    untouched = canonical(tenant.dump()) == before
    words = found.words() if untouched else "the second pass itself has changed the account"
    return Proof(found.good and untouched, words, "" if found.good else found.frame.head(FIRST_LINES).to_string())


def taken_back(engagement: Engagement, *, state: Path, folder: Path, before: str, token: str, time_scale: float) -> Proof:
    """A rollback of a copy of the engagement and of its account leaves the account as it was before the load.

    ``before`` is the canonical dump of that time; ``state`` is the account's file, which nobody serves now. The copy
    lies in ``folder`` with the executed notebook. Fields that no rollback can restore are left out of the comparison:
    `workbench.rehearsal.VOLATILE` names them.
    """
    engagement.store.dispose()
    root = _copied(engagement.root, folder / "engagement")
    for part in state.parent.glob(f"{state.name}*"):  # the newest changes stand in a file beside it
        shutil.copyfile(part, folder / part.name)
    vendor = engagement.route.destination
    with rehearsal.running(vendor, state=folder / state.name, token=token, time_scale=time_scale) as tenant:
        write_settings(root, engagement.settings.model_copy(update={"base_url": tenant.url}))
        own = open_engagement(root)
        try:
            notebooks.execute(own, "rollback")
            notebooks.write_pages(own)
            ends = own.load("rollback")
        finally:
            own.store.dispose()
        after = canonical(tenant.dump())
    return _compared(before, after, ends)


def _copied(root: Path, target: Path) -> Path:
    """A copy of an engagement; exports are only read, so one file on disk does for both."""
    shutil.copytree(root, target, ignore=shutil.ignore_patterns("exports", "package", "package.zip"))
    shutil.copytree(root / "exports", target / "exports", copy_function=os.link)
    return target


def _compared(before: str, after: str, ends: pd.DataFrame) -> Proof:
    """``ends`` has object, key, verdict and words of every record and field of ours."""
    counts = ends["verdict"].value_counts()
    left = ends[ends["verdict"] != "reversed"]
    same = before == after
    words = f"{int(counts.get('reversed', 0)):,} records and fields taken back; the account "
    words += "is as its dump before the load" if same else "differs from its dump before the load"
    words += "".join(f"; {int(counts[name]):,} {name}" for name in rollback.ENDS if name in set(left["verdict"]))
    told = [f"{row.object} {row.key}: {row.verdict}, {row.words}" for row in left.itertuples()]
    lines = unified_diff(before.splitlines(), after.splitlines(), "before", "after", lineterm="", n=2)
    return Proof(same and not told, words, "\n".join([*told[:FIRST_LINES], *islice(lines, FIRST_LINES)]))
