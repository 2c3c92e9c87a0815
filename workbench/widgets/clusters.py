"""Rows that end in one record, as it is decided now and proposed where nobody has decided: what is judged together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workbench.decisions.survivors import into_of
from workbench.engagement import Engagement

__all__ = ["Cluster", "cluster_of"]

MOST = 6
"""Rows beside a record that a person can take in at one look."""


@dataclass(frozen=True)
class Cluster:
    """One record, and the rows that go into it."""

    record: str  # key of the record in which all of them end
    subjects: tuple[str, ...]  # of the decisions about the rows; the one asked about is always among them


def cluster_of(engagement: Engagement, subject: str, into: str) -> Cluster:
    """What `subject` belongs to if it goes into the record `into`, however many merges lie between."""
    proposals = engagement.decisions.proposals("duplicate")
    proposed = dict(zip(proposals["subject"], proposals["value"], strict=True))
    goes = {each: into_of(value) for each, value in {**proposed, **engagement.decisions.mapping("duplicate")}.items()}
    goes[subject] = into
    steps = {each.rpartition("@")[0]: to for each, to in goes.items() if to}
    record = _end(into, steps)
    others = [each for each in proposed if each != subject and goes[each] and _end(goes[each], steps) == record]
    return Cluster(record, (subject, *others[: MOST - 1]))


def _end(key: str, steps: Mapping[str, str]) -> str:
    """The record in which a key ends; two that would go into each other end where they were first met again."""
    seen = {key}
    while key in steps and steps[key] not in seen:
        key = steps[key]
        seen.add(key)
    return key
