"""Bulk upserts of Freshsales: send a batch, follow its job, and tell each row's fate by its key.

The job names failures only, by whatever identifiers it likes, and no ids. What it does not say clearly is `unknown`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.destinations import Outcome
from workbench.destinations.freshsales_records import words_of
from workbench.destinations.freshsales_settings import Dials
from workbench.destinations.http import Answer, Http, Request
from workbench.errors import DestinationBusy, Uncertain

__all__ = ["Row", "upsert"]

DONE = ("success", "succeeded", "completed", "complete", "done", "finished")
LONGEST_PAUSE = 10.0
FAILED = ("fail", "error", "abort", "cancel")


@dataclass(frozen=True)
class Row:
    """One row: our key, what the destination shall know it by, and its data. `id` is set for a change."""

    key: str
    identifier: tuple[str, str]  # such as ("external_id", "promio:contacts:c-01001")
    data: Mapping[str, Any]
    id: str = ""

    def wire(self) -> dict[str, Any]:
        name, value = self.identifier
        return {name: value, "data": dict(self.data)}

    def names(self) -> set[tuple[str, str]]:
        """Every identifier by which a report may speak of this row, folded."""
        plain = {(name, _fold(value)) for name, value in self.data.items() if isinstance(value, str | int)}
        custom = self.data.get("custom_field") or {}
        own = {(name, _fold(value)) for name, value in custom.items() if isinstance(value, str)}
        own |= {("custom_field", value) for _, value in own}
        if isinstance(self.data.get("emails"), list):
            plain |= {("emails", _fold(value)) for value in self.data["emails"]}
        same = {("email", value) for name, value in plain if name == "emails"}
        return {(self.identifier[0], _fold(self.identifier[1])), *plain, *same, *own}


@dataclass(frozen=True)
class Report:
    """What a finished job says: how many rows worked, how many did not, and which."""

    succeeded: int
    failed: int
    failures: tuple[Mapping[str, Any], ...]
    complete: bool  # the job ended well enough for rows that are not named to be done


def upsert(http: Http, plural: str, rows: Sequence[Row], *, dials: Dials, time_scale: float) -> list[Outcome]:
    """Send one batch and wait for its job; one outcome a row, without ids of new records.

    Raises Uncertain where it is not known whether the batch was taken at all.
    """
    answer = http.call(
        Request(
            "POST",
            f"{plural}/bulk_upsert",
            body={plural: [row.wire() for row in rows]},
            busy=lambda got: got.status == dials.bulk_busy_status or throttled(got),
        )
    )
    if not answer.good:
        words = "; ".join(words_of(answer.data)) or str(answer.status)
        return [Outcome(row.key, "rejected", row.id, words) for row in rows]
    report = _follow(http, answer, dials=dials, time_scale=time_scale)
    if isinstance(report, str):
        return [Outcome(row.key, "unknown", row.id, report) for row in rows]
    return verdicts(rows, report)


def throttled(answer: Answer) -> bool:
    """The account's inner throttling, which comes out as a 400 that speaks of a 429."""
    return answer.status == 400 and any("429" in words and "Too many requests" in words for words in words_of(answer.data))


def _follow(http: Http, answer: Answer, *, dials: Dials, time_scale: float) -> Report | str:
    """The job's report, or in words why there is none."""
    url = str(answer.data.get("job_status_url") or "") if isinstance(answer.data, dict) else ""
    number = url.split("?")[0].rstrip("/").rpartition("/")[2]
    if not number:
        return "the batch was taken, but no job was named"
    pause = dials.job_poll_seconds
    deadline = time.monotonic() + dials.job_timeout_seconds / time_scale
    while time.monotonic() < deadline:
        try:  # the job's address is built from its number, so that an answer cannot send our key elsewhere
            got = http.call(Request("GET", f"job_statuses/{number}", read=True))
        except (DestinationBusy, Uncertain) as error:
            return f"job {number} could not be followed: {error.message}"
        if not (got.good and isinstance(got.data, dict)):
            return f"job {number} is not known any more ({got.status})"
        report = _report(got.data)
        if report is not None:
            return report
        time.sleep(pause / time_scale)
        pause = min(pause * 2, LONGEST_PAUSE)  # each look costs one call of the account's hour
    return f"job {number} was not finished in time"


def _report(data: Mapping[str, Any]) -> Report | None:
    """The report of a job that has ended, or None while it runs."""
    status = str(data.get("status") or "").strip().lower()
    failed = any(word in status for word in FAILED)
    if status not in DONE and not failed:
        return None
    inner = data.get("data")
    if isinstance(inner, str):
        try:
            inner = json.loads(inner)
        except ValueError:
            inner = None
    if not isinstance(inner, dict):
        return Report(0, 0, (), complete=False)
    counts = inner.get("record_status") or {}
    failures = tuple(row for row in inner.get("detailed_failure_report") or [] if isinstance(row, dict))
    return Report(_count(counts, "succeeded"), _count(counts, "failed"), failures, complete=not failed)


def _count(counts: object, name: str) -> int:
    value = counts.get(name) if isinstance(counts, dict) else None
    return value if isinstance(value, int) else -1


def verdicts(rows: Sequence[Row], report: Report) -> list[Outcome]:
    """Each row's outcome: failed where the report names it, done where the counts leave no doubt, else unknown."""
    refused: dict[str, str] = {}
    unnamed = 0
    for failure in report.failures:
        row = _named(rows, failure)
        if row is None:
            unnamed += 1
        else:
            refused[row.key] = "; ".join(words_of(failure.get("error_message"))) or "refused without a reason"
    expected = len(rows) - len(refused)
    certain = report.complete and not unnamed and report.failed in (-1, len(refused)) and report.succeeded == expected
    doubt = f"the job counts {report.succeeded} done and {report.failed} failed of {len(rows)}, and does not say which"
    return [_outcome(row, refused, doubt="" if certain else doubt) for row in rows]


def _outcome(row: Row, refused: Mapping[str, str], *, doubt: str) -> Outcome:
    if row.key in refused:
        return Outcome(row.key, "rejected", row.id, refused[row.key])
    return Outcome(row.key, "unknown", row.id, doubt) if doubt else Outcome(row.key, "done", row.id)


def _named(rows: Sequence[Row], failure: Mapping[str, Any]) -> Row | None:
    """The one row that fits everything the report says of it; None where none or several do."""
    said = set(_said(failure))
    if not said:
        return None
    found = [row for row in rows if said <= row.names()] or [row for row in rows if said & row.names()]
    return found[0] if len(found) == 1 else None


def _said(failure: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, value in failure.items():
        if name in ("error_message", "data") or value in (None, "", []):
            continue
        if isinstance(value, str | int):
            yield name, _fold(value)
        elif isinstance(value, dict):
            yield from ((str(inner), _fold(item)) for inner, item in value.items() if isinstance(item, str | int))


def _fold(value: object) -> str:
    return str(value).strip().casefold()
