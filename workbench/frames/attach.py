"""Rows that say something of a record which another feed makes: find the record, let the newest row speak."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from workbench.frames.groups import combined, overruled, reason_of
from workbench.frames.plan import BLANK, FeedPlan
from workbench.frames.ranks import ranked
from workbench.frames.select import by_row, cells_of, filled, made_from, matching, named, natural_keys, raw_cells
from workbench.frames.staged import CELL_COLUMNS, Staged, records_by
from workbench.specs import Feed

__all__ = ["add", "attach", "document", "left_out", "match_people"]

LONGEST_NUMBER = 20
"""Digits of the longest number by which names are put in order."""


def attach(table: pd.DataFrame, plan: FeedPlan, *, parents: Mapping[str, Staged], tables: Mapping[str, pd.DataFrame]) -> Staged:
    """Verdicts for rows that belong to a record made elsewhere, and what the newest of them adds to it.

    A row that fits several records fits none: guessing would put one customer's call on another one.
    """
    table = by_row(table)
    record, several = _owning_records(table, plan.feed, parents, tables)
    newest = record.notna() if plan.feed.combines else _newest(table, plan, record)
    bucket = pd.Series("rejected", index=table.index, dtype="object")
    reason = pd.Series(plan.feed.unmatched, index=table.index, dtype="object")
    reason[several] = "several_records_fit"
    bucket[record.notna()], reason[record.notna()] = "excluded", plan.feed.superseded
    bucket[newest], reason[newest] = "merged", "attached"
    fields, cells = _converted(table, plan, newest)
    additions = pd.DataFrame({"record": record[newest], "row": table.index[newest], **fields})
    if plan.feed.combines:
        speaks = _newest(table, plan, record) if plan.feed.newest else ~record[newest].duplicated()
        additions, lost = _all_speak(additions, table, plan, speaks=speaks)
        cells = pd.concat([cells, lost], ignore_index=True)
    return Staged(
        records=pd.DataFrame(columns=["key", "marker", "row"], dtype="object"),
        verdicts=_verdicts(table, plan.feed, bucket, reason, record.where(newest), natural_keys(table, plan.table)),
        cells=cells,
        additions=additions.reset_index(drop=True),
    )


def left_out(table: pd.DataFrame, plan: FeedPlan, *, reason: str) -> Staged:
    """Verdicts for the rows of a feed that is not taken: all of them are excluded by one rule."""
    table = by_row(table)
    bucket = pd.Series("excluded", index=table.index, dtype="object")
    reasons = pd.Series(reason, index=table.index, dtype="object")
    nothing = pd.Series(pd.NA, index=table.index, dtype="object")
    return _without_records(_verdicts(table, plan.feed, bucket, reasons, nothing, natural_keys(table, plan.table)))


def add(
    records: pd.DataFrame, additions: pd.DataFrame, *, plan: FeedPlan, wins: bool = False
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The records with what was added to them, and the cells that lost their place.

    An addition fills a gap. Where the record says something else, its own word stays, unless the addition ``wins``
    (a latest call over an older link); the word that lost is set aside either way.
    """
    columns = {field.field: field.column for field in plan.fields}
    records = records.copy()
    mine = additions[additions["record"].isin(set(records["key"]))]
    aside: list[pd.DataFrame] = []
    for name in [column for column in additions.columns if column not in ("record", "row")]:
        offered = mine[["record", "row", name]].dropna(subset=[name])
        if offered.empty:
            continue
        values = records[name].astype("object") if name in records else pd.Series(pd.NA, index=records.index, dtype="object")
        given = offered.drop_duplicates("record")
        first = _looked_up(records["key"], dict(zip(given["record"], given[name], strict=True)))
        records[name] = first.where(first.notna(), values) if wins else values.where(values.notna(), first)
        own = pd.DataFrame({"record": records["key"], "row": records["row"], name: values}).dropna(subset=[name])
        said = own[own["record"].isin(offered["record"])] if wins else offered
        now = _looked_up(said["record"], dict(zip(records["key"], records[name], strict=True)))
        lost = said[now.astype("str") != said[name].astype("str")]
        aside.append(
            pd.DataFrame(
                {
                    "feed": plan.feed.name,
                    "column": columns.get(name, ""),
                    "field": name,
                    "row": lost["row"],
                    "value": lost[name].astype("str"),
                    "reason": "later_word_won" if wins else "record_kept_its_own",
                }
            )
        )
    empty = pd.DataFrame(columns=list(CELL_COLUMNS), dtype="object")
    return records, pd.concat([empty, *aside], ignore_index=True)


def _looked_up(keys: pd.Series, values: Mapping[str, object]) -> pd.Series:
    """The values under these keys, as they are: `Series.map` would turn whole numbers beside gaps into fractions."""
    return pd.Series([values.get(key, pd.NA) for key in keys], index=keys.index, dtype="object")


def match_people(table: pd.DataFrame, plan: FeedPlan, *, column: str) -> Staged:
    """Verdicts for rows that only name somebody who is at the destination already."""
    table = by_row(table)
    name = named(table, column).astype("str").str.strip()
    found = name.map(pd.Series(dict(plan.owners), dtype="object"))
    fallback = plan.owners.get(BLANK, "")
    bucket = pd.Series("merged", index=table.index, dtype="object").where(found.notna() & (found != ""), "held")
    reason = pd.Series("matched_user", index=table.index, dtype="object")
    reason[(found == fallback) & (name.str.casefold() != str(fallback).casefold())] = "fallback_user"
    reason[bucket == "held"] = "owner_unresolved"
    return _without_records(_verdicts(table, plan.feed, bucket, reason, found.where(bucket == "merged"), name))


def document(table: pd.DataFrame, plan: FeedPlan) -> Staged:
    """Verdicts for rows that end in a hand-off document."""
    return left_out(table, plan, reason="documented")


def _owning_records(
    table: pd.DataFrame, feed: Feed, parents: Mapping[str, Staged], tables: Mapping[str, pd.DataFrame]
) -> tuple[pd.Series, pd.Series]:
    """The record of each row by the first way that finds one, and the rows for which a way found several."""
    record = pd.Series(pd.NA, index=table.index, dtype="object")
    several = pd.Series(False, index=table.index)
    for match in feed.match:
        parent = parents[match.feed]
        there = by_row(tables[match.feed])
        pairs = records_by(parent, matching(there, match, side="with"))
        pairs = pairs[pairs["record"].isin(_loadable(parents))]
        counts = pairs.groupby("value")["record"].nunique()
        wanted = matching(table, match, side="column").where(filled(table[match.column]))
        open_ = record.isna() & ~several & wanted.notna()
        several |= open_ & wanted.map(counts).fillna(0).gt(1)
        single = pairs[pairs["value"].map(counts) == 1].set_index("value")["record"]
        record = record.where(~(open_ & ~several), wanted.map(single).astype("object"))
    return record, several


def _loadable(parents: Mapping[str, Staged]) -> set[str]:
    return {key for parent in parents.values() if len(parent.records) for key in parent.records["key"]}


def _newest(table: pd.DataFrame, plan: FeedPlan, record: pd.Series) -> pd.Series:
    """True for the one row of each record that is highest in `newest`, then in `tie`."""
    feed = plan.feed
    rank = ranked(named(table, feed.newest), feed.newest_recipe, feed.newest_options, zone=plan.zone)
    order = pd.DataFrame({"record": record, "rank": rank, "row": table.index})
    order["tie"] = _counted(cells_of(table, feed.tie))
    order = order[order["record"].notna()].sort_values(["rank", "tie"], na_position="first", kind="stable")
    return pd.Series(table.index.isin(order.drop_duplicates("record", keep="last")["row"]), index=table.index)


def _counted(names: pd.Series) -> pd.Series:
    """Names in the order in which they were given out: ``CALL-10`` comes after ``CALL-9``."""
    text = names.fillna("").astype("str")
    return text.str.replace(r"[0-9]+", lambda digits: digits.group().zfill(LONGEST_NUMBER), regex=True)


def _all_speak(
    additions: pd.DataFrame, table: pd.DataFrame, plan: FeedPlan, *, speaks: pd.Series
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One addition a record out of all of its rows, and the cells that it does not tell.

    A field that says nothing of how it is combined takes the word of the row that ``speaks``.
    """
    record, lost = additions["record"], [pd.DataFrame(columns=list(CELL_COLUMNS), dtype="object")]
    firsts = additions[~record.duplicated()].copy()
    for each in plan.fields:
        values = additions[each.field]
        said = values if each.combine else values.where(speaks.reindex(values.index).fillna(False))
        made = combined(said, record, each)
        rows = overruled(values, record, made, each)
        cells = {"feed": plan.feed.name, "column": each.column, "field": each.field, "row": additions.index[rows]}
        raw = raw_cells(table, each).reindex(additions.index[rows]).astype("str").to_numpy()
        lost.append(pd.DataFrame({**cells, "value": raw, "reason": reason_of(each)}))
        firsts[each.field] = firsts["record"].map(made).astype("object")
    return firsts, pd.concat(lost, ignore_index=True)


def _converted(table: pd.DataFrame, plan: FeedPlan, rows: pd.Series) -> tuple[dict[str, pd.Series], pd.DataFrame]:
    fields: dict[str, pd.Series] = {}
    aside = [pd.DataFrame(columns=list(CELL_COLUMNS), dtype="object")]
    for each in plan.fields:
        raw = raw_cells(table, each)[rows]
        done = made_from(raw, each, table=table)
        fields[each.field] = done.values
        why = done.reasons.where(done.reasons.notna(), done.notes)
        said = why.notna()
        aside.append(
            pd.DataFrame(
                {
                    "feed": plan.feed.name,
                    "column": each.column,
                    "field": each.field,
                    "row": raw.index[said],
                    "value": raw[said].astype("str").to_numpy(),
                    "reason": why[said].to_numpy(),
                }
            )
        )
    return fields, pd.concat(aside, ignore_index=True)


def _verdicts(
    table: pd.DataFrame, feed: Feed, bucket: pd.Series, reason: pd.Series, record: pd.Series, natural: pd.Series
) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "row": table.index,
            "feed": feed.name,
            "natural": natural,
            "bucket": bucket,
            "reason": reason,
            "record": record,
            "detail": pd.NA,
        }
    )
    return frame.reset_index(drop=True)


def _without_records(verdicts: pd.DataFrame) -> Staged:
    return Staged(
        records=pd.DataFrame(columns=["key", "marker", "row"], dtype="object"),
        verdicts=verdicts,
        cells=pd.DataFrame(columns=list(CELL_COLUMNS), dtype="object"),
        additions=pd.DataFrame(columns=["record", "row"], dtype="object"),
    )
