"""Write what the generator knows: where each row ends, what the records hold, what was planted, what to decide."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sample_exports import promio_calls, promio_campaigns, promio_customers, promio_leads
from sample_exports.promio_deliveries import Gap, Placed
from sample_exports.promio_owners import BLANK, user_of
from sample_exports.promio_rows import Row
from sample_exports.promio_world import Change, World

OBJECTS = {"accounts": "sales_account", "contacts": "contact", "leads": "lead", "deals": "deal"}
WHOLE_FILES = (
    ("customers.csv", "", "byte_order_mark"),
    ("customers.csv", "Lifecycle", "header_trailing_blank"),
    ("leads.csv", "", "cp1252"),
    ("reputation.csv", "", "semicolon_delimiter"),
    ("campaigns.xlsx#Campaigns", "", "total_row"),
    ("campaigns.xlsx#Campaigns", "", "merged_title"),
    ("cover_letter.txt", "", "header_counted"),
)
OWNER_COLUMNS = ("Owner", "Assigned To")


def write_truth(folder: Path, placed: Sequence[Placed], gaps: Sequence[Gap], world: World) -> None:
    """All files of expected/."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [(p, feed, verdict) for p in placed for feed, verdict in p.row.verdicts.items()]
    _table(
        folder / "rows.csv",
        ("delivery", "feed", "file", "line", "bucket", "reason", "record"),
        [(p.delivery, feed, p.file, p.line, v.bucket, v.reason, v.record) for p, feed, v in rows],
    )
    counts = Counter((p.delivery, feed, v.bucket) for p, feed, v in rows)
    _table(folder / "summary.csv", ("delivery", "feed", "bucket", "count"), [(*key, n) for key, n in counts.items()])
    _table(folder / "records.csv", ("delivery", "object", "record", "field", "value"), _records(placed))
    _table(folder / "cells.csv", ("delivery", "feed", "file", "line", "column", "reason"), _cells(placed))
    _table(folder / "findings.csv", ("file", "column", "kind", "count"), _findings(placed))
    _table(
        folder / "gaps.csv",
        ("delivery", "table", "file", "kind", "stated", "found"),
        [(g.delivery, g.table, g.file, g.kind, g.stated, g.found) for g in gaps],
    )
    _table(folder / "changes.csv", ("record", "field", "old", "new"), _changes(world.changes))
    _write_json(folder / "decisions.json", _decisions(placed))


def _table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    path.write_bytes(buffer.getvalue().encode())


def _write_json(path: Path, value: object) -> None:
    path.write_bytes((json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())


def _records(placed: Sequence[Placed]) -> list[tuple[str, ...]]:
    """The values of the records of the main delivery; attached rows add to the record on which they end."""
    found: list[tuple[str, ...]] = []
    for p in placed:
        for feed, values in p.row.values.items():
            verdict = p.row.verdicts[feed]
            if p.delivery == "main" and verdict.bucket in ("loaded", "merged"):
                object_ = OBJECTS[verdict.record.partition("/")[0]]
                found += [(p.delivery, object_, verdict.record, name, value) for name, value in values.items()]
    return found


def _cells(placed: Sequence[Placed]) -> list[tuple[object, ...]]:
    return [
        (p.delivery, feed, p.file, p.line, column, reason)
        for p in placed
        for feed, column, reason in p.row.aside
        if p.row.verdicts[feed].bucket == "loaded" or p.row.verdicts[feed].reason == "attached"
    ]


def _findings(placed: Sequence[Placed]) -> list[tuple[object, ...]]:
    counts = Counter((p.file, column, kind) for p in placed if p.delivery == "main" for column, kind in p.row.dirt)
    counts.update(WHOLE_FILES)
    counts[("calls.csv", "", "preamble_lines")] = 3
    counts[("campaigns.xlsx#Campaigns", "", "lines_above_header")] = 3
    return [(*key, counts[key]) for key in sorted(counts)]


def _changes(changes: Sequence[Change]) -> list[tuple[str, ...]]:
    return [(change.record, change.field, change.old, change.new) for change in changes]


def _decisions(placed: Sequence[Placed]) -> list[Mapping[str, object]]:
    """What somebody who knows the truth decides, in the words of the workbench's decisions."""
    return [*_owners(placed), *_values(), *_duplicates(placed)]


def _decision(kind: str, subject: str, value: object, why: str, *, delivery: str = "main") -> Mapping[str, object]:
    return {"delivery": delivery, "kind": kind, "subject": subject, "value": value, "why": why}


def _owners(placed: Sequence[Placed]) -> list[Mapping[str, object]]:
    texts = {str(p.row.cells[column]) for p in placed for column in OWNER_COLUMNS if column in p.row.cells}
    texts |= {str(p.row.cells["Email"]) for p in placed if p.file == "owners.csv"}
    return [
        _decision("owner", text or BLANK, user_of(text), "the user who owns it, or the fallback user") for text in sorted(texts)
    ]


def _values() -> list[Mapping[str, object]]:
    plans: tuple[tuple[str, Mapping[str, str]], ...] = (
        ("contacts/Lifecycle", {word: word for word in promio_customers.LIFECYCLES} | promio_customers.LIFECYCLE_SPELLINGS),
        ("leads/Lead Status", dict(promio_leads.STATUS_OPTIONS)),
        ("leads/Lead Source", dict(promio_leads.SOURCE_OPTIONS)),
        ("deals/Status", {word: word for word in promio_campaigns.STATUSES} | promio_campaigns.STATUS_SPELLINGS),
        ("deals/Channels", {"Google Ads": "Google Ads", "Bing Ads": "Bing Ads", "Display": "Display",
                            "Facebook Ads": "Facebook Ads"} | promio_campaigns.CHANNEL_WORDS),
        ("calls/Disposition", promio_calls.DISPOSITIONS | promio_calls.DISPOSITION_SPELLINGS),
    )  # fmt: skip
    return [
        _decision("value", f"{column}={word}", option, "" if option else "there is no such option: left empty")
        for column, plan in plans
        for word, option in plan.items()
    ]


def _duplicates(placed: Sequence[Placed]) -> list[Mapping[str, object]]:
    decisions: list[Mapping[str, object]] = []
    for p in placed:
        for feed, record in p.row.twins.items():
            start = "" if p.delivery == "main" else f"{p.delivery}/"
            subject = f"{feed}/{p.row.key}@{start}{p.file}:{p.line}"
            why = _reason(p.row, feed) if record else "easily taken for somebody else, and is not"
            decisions.append(_decision("duplicate", subject, {"into": record}, why, delivery=p.delivery))
    return decisions


def _reason(row: Row, feed: str) -> str:
    words = {
        "repeated_row": "the same row again, its number without the prefix",
        "same_key": "the same number with other values: the first row counts",
        "same_person": "the same person, entered twice",
        "same_company": "another spelling of the same company",
        "became_customer": "another lead of the same customer",
        "same_email_as_customer": "another lead of the same customer",
    }
    return words[row.verdicts[feed].reason]
