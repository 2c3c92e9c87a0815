"""Propose which column becomes which field, and which value which option; go on only when a person confirmed both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.destinations import Metadata
from workbench.engagement import Engagement
from workbench.flow.accepting import unaccepted
from workbench.flow.planning import answers, connected, feed_plans, kept_as, prepared
from workbench.frames.plan import FeedPlan, native_field
from workbench.frames.profile import profile
from workbench.frames.select import PAGE, ROW, filled
from workbench.matching.columns import propose_fields
from workbench.matching.values import propose_values
from workbench.plain import Shown
from workbench.recipes import convert
from workbench.show import heading, html_table, name_of, together
from workbench.specs import Feed
from workbench.specs.feeds import FieldRule, holds_column

__all__ = ["ConfirmedMap", "propose", "propose_options", "run"]

NAMED, SAME = "the scope document names it", "the option itself"
FROM_ROUTE = 0.99
USED_OTHERWISE = 0.97
LEFT_BEHIND = 0.9
NEW_FIELD = 0.86
"""Confidences of what is no guess of similarity: the route's own word, a column with another use, a custom property."""


@dataclass(frozen=True, repr=False)
class ConfirmedMap(Shown):
    """The confirmed map, column by column and value by value."""

    frame: pd.DataFrame  # feed, column, field, recipe, required, by
    values: pd.DataFrame  # feed, column, value, option, by
    open: int

    def _repr_html_(self) -> str:
        people = " and ".join(dict.fromkeys(map(name_of, [*self.frame["by"], *self.values["by"]])))
        lacking = f"{self.open} answers are missing"
        said = lacking if self.open else f"every column and value is confirmed, by {people}"
        fields = self.frame.drop(columns=["by"]).rename(columns={"recipe": "read as"})
        fields["read as"] = fields["read as"].astype("str").str.replace("_", " ")
        changed = self.values[self.values["option"] != self.values["value"]]
        options = changed.drop(columns=["by"]).assign(option=changed["option"].replace("", "(left empty)"))
        same = len(self.values) - len(changed)
        return together(
            heading(said, good=not self.open),
            html_table(fields, caption=f"{len(fields)} columns and their fields"),
            html_table(options, caption=f"{len(options)} values under another name; {same} keep theirs")
            if len(options)
            else "",
        )


def propose(engagement: Engagement, delivery: str = "main") -> pd.DataFrame:
    """Propose a field for every column, and store the proposals: subject, value, confidence, reasons, shown."""
    metadata = connected(engagement).metadata()
    rows: list[dict[str, Any]] = []
    for plan in feed_plans(engagement).values():
        if plan.feed.kind in ("record", "attach") and plan.active:
            rows += _feed_proposals(engagement, plan, metadata, delivery)
    proposals = pd.DataFrame(rows, columns=["subject", "value", "confidence", "reasons", "alternatives", "shown"])
    engagement.decisions.propose("field", proposals)
    return proposals


def propose_options(engagement: Engagement) -> pd.DataFrame:
    """Propose an option for every value of the columns that were mapped to a list; the columns come first."""
    metadata = connected(engagement).metadata()
    made = {subject for subject, answer in answers(engagement).items() if answer.new_label}
    rows: list[pd.DataFrame] = []
    for name, plan in feed_plans(engagement).items():
        feed, table = plan.feed, prepared(engagement, plan)
        for field in plan.fields:
            # A field made for its column has the column's own values as options: there is nothing to ask.
            asks = plan.active and field.recipe in ("choice", "multi_choice") and f"{name}/{field.column}" not in made
            if not asks or field.column not in table:
                continue
            options = _options(engagement, metadata, feed, field.field)
            separators = field.options.get("separators") if field.recipe == "multi_choice" else None
            counts = _parts(table[field.column], separators)
            found = _proposed(propose_values(counts, options).frame, feed, field.field, options)
            rows.append(
                pd.DataFrame(
                    {
                        "subject": f"{name}/{field.column}=" + found["value"],
                        "value": found["option"].fillna(""),
                        "confidence": found["confidence"],
                        "reasons": found["reasons"],
                        "alternatives": [["", *options]] * len(found),
                        "shown": _brought(engagement, table, field.column, separators, found["value"]),
                    }
                )
            )
    columns = ["subject", "value", "confidence", "reasons", "alternatives", "shown"]
    proposals = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=columns)
    engagement.decisions.propose("value", proposals)
    return proposals


def _proposed(found: pd.DataFrame, feed: Feed, field: str, options: Sequence[str]) -> pd.DataFrame:
    """Proposals for values with those of the scope document in front, as far as the account has the option."""
    said = {value.casefold(): option for rule in feed.fields if rule.to == field for value, option in rule.proposed.items()}
    meant = found["value"].astype("str").str.strip().str.casefold().map(said)
    takes = meant.isin(list(options)) & (found["reasons"] != SAME)
    known = {"option": meant, "confidence": FROM_ROUTE, "reasons": NAMED}
    return found.assign(**{name: found[name].mask(takes, value) for name, value in known.items()})


def run(engagement: Engagement, delivery: str = "main") -> ConfirmedMap:
    """The confirmed map; DecisionMissing lists what nobody has confirmed yet."""
    engagement.decisions.require("scope", where="03_mapping")
    fields = engagement.decisions.require("field", where="03_mapping")
    values = engagement.decisions.require("value", where="03_mapping")
    by = dict(zip(fields["subject"], fields["by"], strict=True))
    rows = [
        [name, field.column, field.field, field.recipe, field.required, by.get(f"{name}/{field.column}", "")]
        for name, plan in feed_plans(engagement).items()
        for field in plan.fields
    ]
    frame = pd.DataFrame(rows, columns=["feed", "column", "field", "recipe", "required", "by"])
    split = values["subject"].str.extract(r"(?s)^(?P<feed>[^/]+)/(?P<column>[^=]+)=(?P<value>.*)$", expand=True)
    options = split.assign(option=values["value"].astype("str"), by=values["by"])
    impossible = [*unaccepted(engagement), *_impossible(engagement, options)]
    summary = {"columns": len(frame), "values": len(options)}
    engagement.finish("mapping", passed=not impossible, reasons=impossible, summary=summary)
    return ConfirmedMap(frame=frame, values=options, open=len(impossible))


def _impossible(engagement: Engagement, options: pd.DataFrame) -> list[str]:
    """Answers that name an option which the destination does not have."""
    metadata, wrong = connected(engagement).metadata(), []
    fields = {
        (n, f.column): (p.feed, f.field) for n, p in feed_plans(engagement).items() for f in p.fields if "mapping" in f.options
    }
    for names, group in options.groupby(["feed", "column"], sort=False):
        feed, column = (str(name) for name in names)
        if (feed, column) not in fields:
            continue
        known = {"", *_options(engagement, metadata, *fields[feed, column])}
        wrong += [
            f"{feed}/{column}={row['value']}: there is no option {row['option']!r}"
            for row in group.to_dict("records")
            if row["option"] not in known
        ]
    return wrong


def _feed_proposals(engagement: Engagement, plan: FeedPlan, metadata: Metadata, delivery: str) -> list[dict[str, Any]]:
    feed, table = plan.feed, prepared(engagement, plan, delivery=delivery)
    rules = {rule.column: rule for rule in feed.fields}
    brought = {name for source in (*feed.joins, feed.relink) if source is not None for name in source.bring} - set(rules)
    columns = [c for c in table.columns if c not in (ROW, PAGE) and c not in brought]
    if feed.kind == "record" and not feed.main:
        columns = [c for c in columns if c in rules]
    seen = profile(table[columns]).frame.set_index("column")
    guesses = _guesses(engagement, feed, metadata, seen, [c for c in columns if c not in rules])
    phones = {field.column: field.options["region"] for field in plan.fields if field.recipe == "phone"}
    places = {name: (f"numbers without a country are of {region}",) for name, region in phones.items()}
    rows = []
    for column in columns:
        fill, kind, samples = (seen[name].loc[column] for name in ("fill", "type", "samples"))
        shown = " · ".join([f"{fill:.0%} filled", str(kind), str(samples), *places.get(column, ())])
        if column in rules:
            answer = _named(engagement, feed, metadata, rules[column])
        else:
            answer = _free_column(engagement, feed, table, column, str(kind), guesses.get(column))
        options = list(guesses.get("", {}).get("targets", []))
        rows.append({"subject": f"{feed.name}/{column}", "alternatives": options, "shown": shown, **answer})
    return rows


def _named(engagement: Engagement, feed: Feed, metadata: Metadata, rule: FieldRule) -> dict[str, Any]:
    """What is proposed for a column that the route names: its field, or none where it is one that this account lacks."""
    homes = (feed.object, kept_as(engagement, feed.object))
    native = native_field(engagement.destination, feed.object, rule.to)
    lacks = native is not None and not native.splits and not any(metadata.find(home, rule.to) for home in homes)
    if lacks and not rule.required:
        return {
            "value": {"target": ""},
            "confidence": FROM_ROUTE,
            "reasons": f"the account has no field {rule.to} on {feed.object}",
        }
    return {"value": {"target": rule.to}, "confidence": FROM_ROUTE, "reasons": NAMED}


def _guesses(
    engagement: Engagement, feed: Feed, metadata: Metadata, seen: pd.DataFrame, columns: list[str]
) -> dict[str, dict[str, Any]]:
    """The best field for each column that the route does not name, by similarity; and all targets under ``""``."""
    spec = engagement.destination.objects[feed.object]
    named = {rule.to for rule in feed.fields}
    # What this account has not is no target: some fields come with a feature. A whole name is divided, and never sent.
    homes = (feed.object, kept_as(engagement, feed.object))
    there = [f for f in spec.fields if f.splits or any(metadata.find(home, f.name) for home in homes)]
    native = [(feed.object, f.name, f.label, f.type, False) for f in there if f.type not in ("lookup", "owner")]
    custom = [(feed.object, f.name, f.label, f.type, True) for f in engagement.route.custom_fields if f.object == feed.object]
    fields = pd.DataFrame([*native, *custom], columns=["object", "field", "label", "type", "custom"])
    result: dict[str, dict[str, Any]] = {"": {"targets": ["", *fields["field"]]}}
    free = fields[~fields["field"].isin(named)]
    if not columns or free.empty:
        return result
    asked = pd.DataFrame(
        {
            "table": feed.table,
            "column": columns,
            "samples": seen.loc[columns, "samples"].to_numpy(),
            "type": seen.loc[columns, "type"].to_numpy(),
            "fill": seen.loc[columns, "fill"].to_numpy(),
        }
    )
    for row in propose_fields(asked, free).frame.to_dict("records"):
        if isinstance(row["target"], str) and row["confidence"] >= 0.5:
            target = row["target"].split(".", 1)[1]
            result[row["column"]] = {"target": target, "confidence": float(row["confidence"]), "reasons": row["reasons"]}
    return result


def _free_column(
    engagement: Engagement, feed: Feed, table: pd.DataFrame, column: str, kind: str, guess: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What is proposed for a column of which the route says nothing."""
    known = engagement.route.table(engagement.source, feed.table).column_names()
    if column == feed.owner or column in _pointing(engagement, feed):
        return {"value": {"target": ""}, "confidence": USED_OTHERWISE, "reasons": "names the owner, or a record it belongs to"}
    others = [o for o in engagement.route.feeds if o.table == feed.table and o.name != feed.name]
    if any(column in {r.column for r in other.fields} | _tested(other) for other in others):
        return {"value": {"target": ""}, "confidence": USED_OTHERWISE, "reasons": "another feed takes it, or a rule asks it"}
    if any(rule.compose and holds_column(rule.compose, column) for rule in feed.fields):
        return {"value": {"target": ""}, "confidence": USED_OTHERWISE, "reasons": "a text made of several columns holds it"}
    if any(rule.column == column for rule in engagement.route.feed(feed.name).fields):  # this feed is as the answers leave it
        return {"value": {"target": ""}, "confidence": FROM_ROUTE, "reasons": "the scope was answered so that it stays behind"}
    if guess and feed.kind == "record":
        return {"value": {"target": guess["target"]}, "confidence": guess["confidence"], "reasons": guess["reasons"]}
    spec = engagement.destination.objects[feed.object]
    if column in known or not feed.main or kind == "empty" or not spec.own_fields:
        planned = "the scope document plans no field for it" if spec.own_fields else f"no field of one's own on {spec.plural}"
        why = "no cell is filled" if kind == "empty" else planned
        return {"value": {"target": ""}, "confidence": LEFT_BEHIND, "reasons": why}
    value = _new_field(engagement, table[column], column, kind)
    return {"value": value, "confidence": NEW_FIELD, "reasons": f"custom property, looks like {value['type']}"}


def _new_field(engagement: Engagement, values: pd.Series, column: str, kind: str) -> dict[str, Any]:
    """A field to be made for a custom property: its type by its values, its options as they stand."""
    kind = kind if kind in engagement.destination.types else "text"
    value: dict[str, Any] = {"target": f"new:{column}", "type": kind}
    if kind in ("picklist", "multi_picklist"):
        parts = _parts(values, [";"] if kind == "multi_picklist" else None)
        value["choices"] = sorted(parts["value"])
        if kind == "multi_picklist":
            value["options"] = {"separators": [";"]}
    elif kind in ("date", "datetime"):
        value["options"] = {"order": _order(values)}
    return value


def _order(values: pd.Series) -> str:
    """The order of day and month in which every date of the column can be read; the usual one of the country first."""
    for order in ("mdy", "dmy", "iso"):
        if not convert(values, "day", options={"order": order}).reasons.notna().any():
            return order
    return "mdy"


def _pointing(engagement: Engagement, feed: Feed) -> set[str]:
    """Columns by which rows of this feed find other records, or are found by rows of other feeds."""
    own = {lookup.column for lookup in feed.lookups} | {match.column for match in (*feed.merge, *feed.match)}
    others = [match for other in engagement.route.feeds for match in (*other.merge, *other.match) if match.feed == feed.name]
    return own | {match.with_ for match in others} | set(engagement.route.table(engagement.source, feed.table).key)


def _tested(feed: Feed) -> set[str]:
    """Columns that a feed's conditions ask."""
    names: set[str] = set()
    pending = [feed.when] if feed.when else []
    while pending:
        condition = pending.pop()
        names |= {condition.column} - {""}
        pending += [*condition.all_, *condition.any_]
    return names


def _options(engagement: Engagement, metadata: Metadata, feed: Feed, field: str) -> list[str]:
    """Options of a field: the route's, the declared choices of a custom one, or the account's own list of a native one."""
    if given := [choice for rule in feed.fields if rule.to == field for choice in rule.choices]:
        return given
    declared = next((f for f in engagement.route.custom_fields if f.name == field and f.choices), None)
    if declared is not None:
        return list(declared.choices)
    pipeline = _pipeline(engagement, feed, field)
    if pipeline is not None:
        return list(metadata.pipelines.get(pipeline, ()))
    live = metadata.find(feed.object, field) or metadata.find(kept_as(engagement, feed.object), field)
    if live is not None:
        return list(live.choices)
    return []


def _pipeline(engagement: Engagement, feed: Feed, field: str) -> str | None:
    """The pipeline in which all records of the feed stand, where the field is its stage; None for every other field."""
    selectors = {known.name: known.selector for known in engagement.destination.objects[feed.object].fields}
    filled_in = {rule.to for rule in feed.fields}  # by the rows themselves: the constant is for those that say nothing
    for name, said in feed.constants.items():
        lines = "" if name in filled_in else selectors.get(name, "")
        if lines.endswith("pipelines") and selectors.get(field) == lines.removesuffix("pipelines") + "stages":
            question = said.removeprefix("scope:")
            return said if question == said else str(engagement.decisions.value("scope", question) or "")
    return None


def _brought(engagement: Engagement, table: pd.DataFrame, column: str, separators: object, values: pd.Series) -> list[str]:
    """How many rows say each value: `90 rows`, and where more deliveries than one have come `90 rows, 3 in delta`.

    Each is counted by itself: a later one names rows of the first one again.
    """
    rows = table[ROW].astype("str")
    later = {name: rows.str.startswith(f"{name}/") for name in engagement.deliveries() if name != "main"}
    later = {name: mine for name, mine in later.items() if mine.any()}  # read already
    main = ~pd.DataFrame(later, index=table.index).any(axis="columns")
    told = [f"{count:,} rows" for count in _counts(table.loc[main, column], separators, values)]
    for name, mine in later.items():
        counts = _counts(table.loc[mine, column], separators, values)
        told = [f"{words}, {count:,} in {name}" for words, count in zip(told, counts, strict=True)]
    return told


def _counts(column: pd.Series, separators: object, values: pd.Series) -> list[int]:
    """How many cells of a column say each of the values."""
    counts = _parts(column, separators)
    said = dict(zip(counts["value"], counts["count"], strict=True))
    return [int(said.get(value, 0)) for value in values]


def _parts(column: pd.Series, separators: object) -> pd.DataFrame:
    """Distinct values of a column with their counts; with separators, the distinct parts of its cells."""
    said = column[filled(column)].astype("str").str.strip()
    if isinstance(separators, Iterable):
        pattern = "|".join(f"\\{mark}" for mark in separators)
        said = said.str.split(pattern, regex=True).explode().str.strip()
    counts = said[said != ""].value_counts()
    return counts.rename_axis("value").reset_index(name="count").sort_values(["count", "value"], ascending=[False, True])
