"""Bulk upserts of Freshsales: send a batch, follow its job, and tell each row's fate by its key.

The job names failures only, by whatever identifiers it likes, and as a rule no ids. What it does not say clearly is
`unknown`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.destinations import HELD, RUNNING, STALLED, Outcome
from workbench.destinations.freshsales.moments import date_of, moment
from workbench.destinations.freshsales.records import words_of
from workbench.destinations.freshsales.settings import Dials
from workbench.destinations.http import Answer, Http, Request
from workbench.errors import DestinationBusy, Uncertain, WrongKey

__all__ = ["WHOLE", "Jobs", "Report", "Row", "throttled", "verdicts"]

DONE = ("success", "succeeded", "completed", "complete", "done", "finished")
FAILED = ("fail", "error", "abort", "cancel")
LONGEST_PAUSE = 10.0
SHORTEST_FIRST = 0.2
"""Seconds before the first look at a job, however quick the jobs before it were."""
REPORTS = ("error_message", "data")
WHOLE = "the batch was refused whole: "
"""Before the destination's words, where it took none of the rows and named none."""
ENFORCED = ("id", "external_id", "emails")
"""What no two records have, by the vendor's own word; a field of ours among them was shown by a probe."""
ASK = 'see that it has ended, with the vendor\'s help if need be, then run again; where it never will, set stuck_jobs = "over"'


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

    @property
    def repeatable(self) -> bool:
        """Whether the account itself sees to it that this row, sent twice, makes one record."""
        return self.identifier[0] in ENFORCED or self.identifier[0] in (self.data.get("custom_field") or {})

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
    """What a finished job says: how many rows worked, how many did not, which, and perhaps the ids of those that did."""

    succeeded: int
    failed: int
    failures: tuple[Mapping[str, Any], ...]
    complete: bool  # the job ended well enough for rows that are not named to be done
    made: tuple[Mapping[str, Any], ...] = field(default=())  # rows with an `id`, where the job tells them


class Jobs:
    """The bulk jobs of one account: handed over, followed, and remembered by number."""

    def __init__(self, http: Http, dials: Dials, *, time_scale: float) -> None:
        self._http = http
        self._dials = dials
        self._scale = time_scale
        self._lock = threading.Lock()
        self._taken: set[str] = set()
        self._seen: dict[str, float] = {}  # job → when this run first found it at work
        self._usual = dials.job_poll_seconds  # seconds after which the next job is likely to be done

    def upsert(self, plural: str, rows: Sequence[Row], *, taken: Callable[[str], None] | None = None) -> list[Outcome]:
        """Send one batch and wait for its job; one outcome a row, as a rule without ids of new records.

        `taken` is told the job's number before the first look at it. A batch that the destination refuses whole comes
        back with every row rejected, in one and the same words that begin with `WHOLE`. Raises Uncertain where it is not
        known whether the batch was taken at all.
        """
        request = Request(
            "POST",
            f"{plural}/bulk_upsert",
            body={plural: [row.wire() for row in rows]},
            busy=lambda got: got.status == self._dials.bulk_busy_status or throttled(got),
        )
        answer = self._http.call(request)
        if not answer.good:
            words = "; ".join(words_of(answer.data)) or str(answer.status)
            return [Outcome(row.key, "rejected", row.id, f"{WHOLE}{words}") for row in rows]
        number = self._number(answer)
        if taken is not None:
            taken(number)
        return self.collect(number, rows, pause=self._usual)

    def collect(self, number: str, rows: Sequence[Row], *, pause: float = 0.0) -> list[Outcome]:
        """What became of the rows of a job, waiting for its end; the first look comes after `pause` seconds."""
        report = self._follow(number, pause)
        if isinstance(report, str):
            return [Outcome(row.key, "unknown", row.id, _stalled(report, row)) for row in rows]
        return verdicts(rows, report)

    def _number(self, answer: Answer) -> str:
        """The number of the job that an answer names; its address is rebuilt from it, so that no answer leads us elsewhere.

        A number that another batch has got already is the answer to that one, not to ours.
        """
        url = str(answer.data.get("job_status_url") or "") if isinstance(answer.data, dict) else ""
        number = url.split("?")[0].rstrip("/").rpartition("/")[2]
        with self._lock:
            known = number in self._taken
            self._taken.add(number)
        if not number or known:
            raise Uncertain(
                "the batch was taken, but " + (f"with job {number}, which is another batch's" if known else "no job was named"),
                todo="resume: the destination is looked at before anything is sent again",
            )
        return number

    def _follow(self, number: str, pause: float) -> Report | str:
        """The job's report, or in words why there is none. Each look costs one call of the account's hour."""
        begun = time.monotonic()
        deadline = begun + self._dials.job_timeout_seconds / self._scale
        looks = 0
        time.sleep(pause / self._scale)
        step = max(pause / 2, self._dials.job_poll_seconds)
        while True:
            try:
                got = self._http.call(Request("GET", f"job_statuses/{number}", read=True))
            except (DestinationBusy, Uncertain, WrongKey) as error:
                return f"job {number} could not be followed: {error.message}"
            if not (got.good and isinstance(got.data, dict)):
                return f"job {number} is not known any more ({got.status})"
            looks += 1
            report = _report(got.data)
            if report is not None:
                if pause:
                    self._learn((time.monotonic() - begun) * self._scale, first_look=looks == 1)
                return report
            if self._age(number, got) > self._dials.job_patience_seconds:
                return f"job {number} was declared over" if self._dials.stuck_jobs == "over" else f"{STALLED}: job {number}"
            if time.monotonic() + step / self._scale > deadline:
                return f"{RUNNING}: job {number} was not finished in time"
            time.sleep(step / self._scale)
            step = min(step * 1.5, LONGEST_PAUSE)

    def _age(self, number: str, got: Answer) -> float:
        """Seconds since a job was begun, by the account's own clock, or at least since this run found it at work."""
        with self._lock:
            seen = time.monotonic() - self._seen.setdefault(number, time.monotonic())
        begun, now = moment(got.data.get("created_at")), date_of(got)
        told = (now - begun).total_seconds() if begun and now else 0.0
        return max(seen, told) * self._scale

    def _learn(self, seconds: float, *, first_look: bool) -> None:
        """How long jobs take: a job that was done at the first look may have been done long before, so try a bit sooner."""
        with self._lock:
            wanted = self._usual * 0.97 if first_look else seconds * 1.1
            self._usual = min(max(wanted, SHORTEST_FIRST), self._dials.job_timeout_seconds / 4)


def _stalled(words: str, row: Row) -> str:
    """What is said of a row whose job has not told: a name may be given twice, so that such a row is held back."""
    if not words.startswith(STALLED) or row.repeatable:
        return words
    name = words.removeprefix(f"{STALLED}: ")
    return f"{HELD}: {name} has not ended and may make it yet, and the account lets two bear its {row.identifier[0]}; {ASK}"


def throttled(answer: Answer) -> bool:
    """The account's inner throttling, which comes out as a 400 that speaks of a 429."""
    return answer.status == 400 and any("429" in words and "Too many requests" in words for words in words_of(answer.data))


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
    made = tuple(_with_ids(inner))
    return Report(_count(counts, "succeeded"), _count(counts, "failed"), failures, complete=not failed, made=made)


def _with_ids(inner: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Rows of any other list of the report that bear an id: no page promises them, so nothing is built on their name."""
    for name, rows in inner.items():
        if name != "detailed_failure_report" and isinstance(rows, list):
            yield from (row for row in rows if isinstance(row, dict) and row.get("id") and not row.get("error_message"))


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
    ids = _ids(rows, report)
    return [_outcome(row, refused, ids, doubt="" if certain else doubt) for row in rows]


def _ids(rows: Sequence[Row], report: Report) -> dict[str, str]:
    """Key → id, for the rows that the report names by the identifier that we sent, each with one id only."""
    known = {(row.identifier[0], _fold(row.identifier[1])): row.key for row in rows}
    found: dict[str, set[str]] = {}
    for made in report.made:
        for said in set(_said(made)) & known.keys():
            found.setdefault(known[said], set()).add(str(made["id"]))
    return {key: ids.pop() for key, ids in found.items() if len(ids) == 1}


def _outcome(row: Row, refused: Mapping[str, str], ids: Mapping[str, str], *, doubt: str) -> Outcome:
    if row.key in refused:
        return Outcome(row.key, "rejected", row.id, refused[row.key])
    if doubt:
        return Outcome(row.key, "unknown", row.id, doubt)
    return Outcome(row.key, "done", row.id or ids.get(row.key, ""))


def _named(rows: Sequence[Row], failure: Mapping[str, Any]) -> Row | None:
    """The one row that fits everything the report says of it; None where none or several do."""
    said = set(_said(failure))
    if not said:
        return None
    found = [row for row in rows if said <= row.names()] or [row for row in rows if said & row.names()]
    return found[0] if len(found) == 1 else None


def _said(failure: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, value in failure.items():
        if name in REPORTS or value in (None, "", []):
            continue
        if isinstance(value, str | int):
            yield name, _fold(value)
        elif isinstance(value, dict):
            yield from ((str(inner), _fold(item)) for inner, item in value.items() if isinstance(item, str | int))


def _fold(value: object) -> str:
    return str(value).strip().casefold()
