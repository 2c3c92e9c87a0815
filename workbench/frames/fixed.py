"""Records that the route itself declares, for those that have no parent of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from workbench.errors import SpecError
from workbench.frames.plan import FeedPlan
from workbench.frames.staged import VERDICT_COLUMNS, Staged, marker_of
from workbench.specs import FixedRecord

__all__ = ["ROUTE", "fixed_key", "with_fixed", "without_unneeded"]

ROUTE = "route:"
"""Begins the row id of a record that comes from no row."""


def fixed_key(feed: str, name: str) -> str:
    """The record key of a record that the route itself declares."""
    return f"{feed}/{name}"


def with_fixed(staged: Staged, plan: FeedPlan) -> Staged:
    """What was staged, and the records that the route declares for the feed; one without a valid owner is held."""
    if not plan.active or not plan.records:
        return staged
    rows = [_verdict(record, plan, staged) for record in plan.records]
    verdicts = pd.DataFrame(rows, columns=list(VERDICT_COLUMNS), dtype="object")
    made = [_record(record, plan) for record, row in zip(plan.records, rows, strict=True) if row["bucket"] == "load"]
    records = pd.DataFrame(made, dtype="object").reindex(columns=_columns(staged.records, made))
    both = pd.concat([staged.records, records], ignore_index=True) if len(staged.records) else records
    return replace(staged, records=both, verdicts=pd.concat([staged.verdicts, verdicts], ignore_index=True))


def without_unneeded(staged: Mapping[str, Staged], plans: Mapping[str, FeedPlan]) -> dict[str, Staged]:
    """Without the records of the route to which nothing leads; they end excluded, and are not made over there."""
    kept = dict(staged)
    for name, plan in plans.items():
        for record in plan.records if plan.active else ():
            key = fixed_key(name, record.name)
            if key in set(kept[name].records["key"]) and key not in _led_to(staged, plans):
                each = kept[name]
                mine = each.verdicts["row"] == ROUTE + record.name
                verdicts = each.verdicts.astype("object")
                for column, said in (("bucket", "excluded"), ("reason", "nobody_needs_it"), ("record", pd.NA)):
                    verdicts[column] = verdicts[column].mask(mine, said)
                kept[name] = replace(each, records=each.records[each.records["key"] != key], verdicts=verdicts)
    return kept


def _verdict(record: FixedRecord, plan: FeedPlan, staged: Staged) -> dict[str, object]:
    if (staged.verdicts["natural"] == record.name).any():
        raise SpecError(
            f"a row of the export bears the name of the route's record {record.name!r}",
            where=f"records: {record.name}",
            todo="give the record of the route a name that no row has",
        )
    owned = not plan.feed.owner or bool(plan.owners.get(record.owner))
    ended = ("load", pd.NA, fixed_key(plan.feed.name, record.name), pd.NA)
    held = ("held", "owner_unresolved", pd.NA, f"{plan.feed.owner} = {record.owner}")
    fate = dict(zip(("bucket", "reason", "record", "detail"), ended if owned else held, strict=True))
    return {"row": ROUTE + record.name, "feed": plan.feed.name, "natural": record.name, **fate}


def _record(record: FixedRecord, plan: FeedPlan) -> dict[str, object]:
    key = fixed_key(plan.feed.name, record.name)
    made: dict[str, object] = {"key": key, "marker": marker_of(plan.source, key), "row": ROUTE + record.name}
    if plan.feed.owner:
        made["owner"] = plan.owners[record.owner]
    return {**made, **plan.constants, **record.fields}


def _columns(records: pd.DataFrame, made: list[dict[str, object]]) -> list[str]:
    return list(dict.fromkeys([*records.columns, *(name for each in made for name in each)]))


def _led_to(staged: Mapping[str, Staged], plans: Mapping[str, FeedPlan]) -> set[str]:
    """Record keys to which a record leads by one of its lookups."""
    found: set[str] = set()
    for name, plan in plans.items():
        for lookup in plan.feed.lookups:
            cells = staged[name].records.get(lookup.to, pd.Series(dtype="object"))
            for cell in cells:
                found |= set(cell) if isinstance(cell, list) else {cell} if isinstance(cell, str) else set()
    return found
