"""What a sign-off is bound to: exports, decisions, plan, staged records and the compared sample, each with its digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from workbench.engagement import Engagement
from workbench.errors import GateClosed
from workbench.flow.planning import delivered, feed_plans
from workbench.flow.staged import staged_path
from workbench.frames.plan import BLANK, FeedPlan
from workbench.frames.prepare import prepare
from workbench.specs import digest
from workbench.staging import columns_of, slices

__all__ = ["SIGNED_KINDS", "evidence", "require_signoff"]

SIGNED_KINDS = ("scope", "field", "value", "owner", "duplicate", "link")
"""Kinds of decisions that change what is loaded."""


def evidence(engagement: Engagement, *, differences: pd.DataFrame) -> dict[str, str]:
    """SHA-256 of the main delivery's exports, the decisions, the spec files, the staged records and the compared sample.

    ``differences`` is the sample's comparison (feed, key, field, class). Ids of records differ from account to account,
    and a harmless way of writing from run to run; both stay out of it.
    """
    making = [feed.name for feed in engagement.route.feeds if feed.kind == "record"]
    grave = differences[differences["class"] != "intended"]
    folder = engagement.exports("main")
    files = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    return {
        "exports": _digest(files),
        "decisions": _digest({kind: _decided(engagement, kind) for kind in SIGNED_KINDS}),
        "plan": _digest([digest(spec) for spec in (engagement.source, engagement.route, engagement.destination)]),
        "records": _digest_of_records(engagement, making),
        "sample": _digest(grave[["feed", "key", "field", "class"]].astype("str").to_numpy().tolist()),
    }


def require_signoff(engagement: Engagement, *, now: Mapping[str, str]) -> None:
    """Raise GateClosed unless the sample is signed and what was signed is what stands here now."""
    signed = engagement.decisions.value("signoff", "sample")
    if not signed:
        raise GateClosed(
            "the sample is not signed off", where="06_sample", todo="have the customer sign in the sample notebook"
        )
    then: Mapping[str, str] = signed.get("evidence", {})
    changed = [name for name in now if now[name] != then.get(name)]
    if changed:
        raise GateClosed(
            "the sign-off is void: what it was bound to has changed",
            expected=", ".join(f"{name} {str(then.get(name, 'nothing'))[:12]}" for name in changed)
            + f", as {signed.get('name', 'somebody')} signed",
            found=", ".join(f"{name} {now[name][:12]}" for name in changed),
            where=", ".join(changed),
            todo="run the sample notebook again and have it signed again",
        )


def _digest_of_records(engagement: Engagement, feeds: Sequence[str]) -> str:
    """Of the staged records of these feeds as they will be sent: as `_digest` of them all, and never all of them in memory."""
    found = hashlib.sha256(b"{")
    for place, feed in enumerate(sorted(feeds)):
        path = staged_path(engagement, feed, "main")
        found.update(f"{', ' if place else ''}{_json(feed)}: [{_json(columns_of(path))}".encode())
        for part in slices(path):
            frame = part.astype("object")
            for row in frame.where(frame.notna(), None).to_numpy().tolist():
                found.update(f", {_json(row)}".encode())
        found.update(b"]")
    found.update(b"}")
    return found.hexdigest()


def _decided(engagement: Engagement, kind: str) -> dict[str, Any]:
    """Decisions of a kind that bear on the main delivery; answers about a later one do not touch what was signed."""
    decided = engagement.decisions.mapping(kind)
    if kind in ("duplicate", "link"):  # `feed/key@delta/file:12`, and `table/delta/file:12`
        later = tuple(f"{name}/" for name in engagement.deliveries() if name != "main")
        mark = "@" if kind == "duplicate" else "/"
        return {subject: value for subject, value in decided.items() if not _row(subject, mark).startswith(later)}
    if kind == "value":
        said = _said(engagement, decided)
        return {subject: value for subject, value in decided.items() if subject in said}
    if kind == "owner":
        named = _owners(engagement)
        return {subject: value for subject, value in decided.items() if subject == BLANK or subject in named}
    return decided


def _row(subject: str, mark: str) -> str:
    """The row that a decision is about: behind the last @, which no row id holds, or behind the name of its table."""
    return subject.rpartition(mark)[2] if mark == "@" else subject.partition(mark)[2]


def _parts(engagement: Engagement, plan: FeedPlan) -> Iterator[pd.DataFrame]:
    """The main delivery's table of a feed with its joins and composed texts, some thousand rows at a time."""
    tables = {each: delivered(engagement, each) for each in plan.asks()}
    for part in slices(staged_path(engagement, plan.feed.table, "main", folder="tables")):
        yield prepare(part, plan, tables=tables).table


def _said(engagement: Engagement, subjects: Iterable[str]) -> set[str]:
    """Those whose value stands in a cell of the main delivery; a subject is `feed/column=value`."""
    said: set[str] = set()
    asked: dict[str, set[str]] = {}
    for subject in subjects:
        asked.setdefault(subject.split("/", 1)[0], set()).add(subject)
    for name, plan in feed_plans(engagement).items():
        if name in asked:
            for part in _parts(engagement, plan):
                found = {subject for subject in asked[name] if _says(part, subject)}
                said, asked[name] = said | found, asked[name] - found
    return said


def _says(table: pd.DataFrame, subject: str) -> bool:
    column, value = subject.split("/", 1)[1].split("=", 1)
    return column in table and bool(table[column].str.contains(value, regex=False).fillna(False).any())


def _owners(engagement: Engagement) -> set[str]:
    """Owners as they stand in the main delivery."""
    named: set[str] = set()
    for plan in feed_plans(engagement).values():
        column = plan.table.key[0] if plan.feed.kind == "match" else plan.feed.owner
        if column and plan.active:
            for part in _parts(engagement, plan):
                named |= set(part[column].dropna().str.strip())
            named |= {record.owner for record in plan.records} - {BLANK}
    return named


def _digest(value: Any) -> str:
    return hashlib.sha256(_json(value).encode()).hexdigest()


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
