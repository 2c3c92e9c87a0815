"""Tries an answer on a column: its samples as they would arrive, and what is to be watched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from workbench.engagement import Engagement
from workbench.errors import SpecError, WorkbenchError
from workbench.flow.countries import region_answered
from workbench.flow.planning import answered, answers, field_answer
from workbench.frames.plan import FeedPlan, FieldAnswer, FieldPlan, declared_fields, plan_feed
from workbench.frames.rules import Rule
from workbench.frames.select import filled, holds, made_from, raw_cells
from workbench.specs import Feed
from workbench.stages.validate import field_rules
from workbench.staging import slices
from workbench.widgets.columns import Column
from workbench.widgets.fits import Fit, Pair
from workbench.widgets.readings import name_of_reading

__all__ = ["Fitting"]

LOOKED_AT = 2_000
"""Rows of a table on which an answer is tried; the validation goes through all of them."""
PAIRS = 4
DAY = r"\d{4}-\d\d-\d\d"
EXAMPLES = 2
OPTIONS_LATER = frozenset({"choice", "multi_choice"})
WORDY = frozenset({"text", "long_text", "html", "note_text"})


class Fitting:
    """Tries answers on the columns of an engagement, with the plan and the recipes that the transform uses.

    The first rows of each table are read once and kept; nothing is written.
    """

    def __init__(self, engagement: Engagement, columns: Mapping[str, Column]) -> None:
        self._engagement = engagement
        self._columns = columns
        self._tables: dict[str, pd.DataFrame] = {}
        self._scope = answered(engagement)
        self._values = {subject: str(value) for subject, value in engagement.decisions.mapping("value").items()}
        self._known = {s: a for s, a in answers(engagement).items() if a.new_label}

    def fit(self, subject: str, value: object) -> Fit:
        """How the answer, as it would be decided, suits the column of the subject."""
        answer = field_answer(value) if value is not None else FieldAnswer(target="")
        if not answer.target:
            return Fit()
        name, _, column = subject.partition("/")
        try:
            plan = self._plan(self._engagement.route.feed(name), column, subject, answer)
            return self._tried(plan, subject, answer) if plan.fields else Fit()
        except WorkbenchError as wrong:
            return Fit(warnings=(_said(wrong),))

    # ------------------------------------------------------------ the plan of one column alone

    def _plan(self, feed: Feed, column: str, subject: str, answer: FieldAnswer) -> FeedPlan:
        """The plan of the feed with this column and nothing else, so that no other answer stands in its way."""
        own = tuple(rule for rule in feed.fields if rule.column == column)
        start = f"{subject}="
        return plan_feed(
            self._engagement.route,
            self._engagement.source,
            self._engagement.destination,
            feed.model_copy(update={"fields": own}),
            answers={**{s: a for s, a in self._known.items() if not s.startswith(f"{feed.name}/")}, subject: answer},
            values={of: option for of, option in self._values.items() if of.startswith(start)},
            owners={},
            merges={},
            scope=self._scope,
            zone=self._engagement.zone,
            region=region_answered(self._engagement),
        )

    # ------------------------------------------------------------ trying it

    def _tried(self, plan: FeedPlan, subject: str, answer: FieldAnswer) -> Fit:
        first = plan.fields[0]
        column = self._columns.get(subject, Column())
        if first.recipe in OPTIONS_LATER and not answer.new_label and not self._decided(subject):
            return Fit(reading=name_of_reading(first.recipe, {}))  # its options are asked for in a table of their own
        table = self._table(plan.feed, first.column, column)
        raw = raw_cells(table, first)
        done = [made_from(raw, each, table=table) for each in plan.fields]
        says = filled(raw)
        frame = pd.DataFrame(
            {
                "raw": raw.astype("str").str.strip(),
                "made": [" · ".join(filter(None, map(_text, row))) for row in zip(*(d.values for d in done), strict=True)],
                "reason": done[0].reasons,
                "note": done[0].notes,
            },
            dtype="str",
        )[says]
        warnings = [*_refused(frame), *self._broken(plan, answer, column, frame["made"])]
        if warnings and len(self._tables[plan.feed.table]) >= LOOKED_AT:
            warnings.append(f"counted in the first {LOOKED_AT:,} rows")
        reading = "name" if len(plan.fields) > 1 else name_of_reading(first.recipe, _telling(first))
        return Fit(reading=reading, pairs=_pairs(frame, column), warnings=tuple(warnings))

    def _decided(self, subject: str) -> bool:
        return any(of.startswith(f"{subject}=") for of in self._values)

    def _table(self, feed: Feed, column: str, known: Column) -> pd.DataFrame:
        """The first rows that the feed takes; where the table lacks the column, a table of its samples."""
        if feed.table not in self._tables:
            path = self._engagement.root / "staged" / "main" / "tables" / f"{feed.table}.parquet"
            self._tables[feed.table] = _head(slices(path)) if path.is_file() else pd.DataFrame()
        table = self._tables[feed.table]
        if column not in table.columns:
            return pd.DataFrame({column: pd.Series(list(known.samples), dtype="str")})
        try:
            taken = holds(table, feed.when) if feed.when is not None else pd.Series(True, index=table.index)
            for exclusion in feed.exclude:
                taken &= ~holds(table, exclusion.when)
        except SpecError:  # a condition on a column that is joined to the table later
            return table
        return table[taken]

    def _broken(self, plan: FeedPlan, answer: FieldAnswer, column: Column, made: pd.Series) -> list[str]:
        """What the rules of the field would find at the validation; a name that is divided over two fields fits both."""
        if len(plan.fields) > 1:
            return []
        each, engagement = plan.fields[0], self._engagement
        asked = {**self._known, f"{plan.feed.name}/{each.column}": answer}
        declared = declared_fields(engagement.route, asked)
        rules = field_rules(
            engagement.destination, plan.feed.object, each.field, declared=declared, moment=each.recipe == "moment"
        )
        return [words for rule in rules for words in _against(rule, made[made != ""], column, each)]


def _head(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    taken: list[pd.DataFrame] = []
    for part in parts:
        taken.append(part.iloc[: LOOKED_AT - sum(map(len, taken))])
        if sum(map(len, taken)) >= LOOKED_AT:
            break
    return pd.concat(taken) if taken else pd.DataFrame()


def _telling(plan: FieldPlan) -> dict[str, object]:
    """Options that a person would want to know of: how days are written, not where a time zone lies."""
    return {name: value for name, value in plan.options.items() if name in ("order", "decimal_mark", "cut", "restore", "bare")}


def _pairs(frame: pd.DataFrame, column: Column) -> tuple[Pair, ...]:
    """A few values with what becomes of them: the commonest, and one that is refused where there is one."""
    distinct = frame.drop_duplicates("raw").set_index("raw", drop=False)
    common = list(frame["raw"].value_counts().index[:PAIRS]) if frame["raw"].duplicated().any() else []
    usual = [value for value in (*column.samples, *common, *distinct["raw"]) if value in distinct.index]
    refused = list(distinct.loc[distinct["reason"].notna(), "raw"][:1])
    chosen = list(dict.fromkeys([*usual[: PAIRS - len(refused)], *refused, *usual]))[:PAIRS]
    return tuple(_pair(distinct.loc[value]) for value in chosen)


def _pair(row: pd.Series) -> Pair:
    refused = isinstance(row["reason"], str)
    why = row["reason"] if refused else row["note"] if isinstance(row["note"], str) else ""
    return Pair(str(row["raw"]), "" if refused else str(row["made"]), _words(why), refused)


def _refused(frame: pd.DataFrame) -> list[str]:
    """One sentence for each reason for which cells are refused, and one for cells that are cut."""
    found = []
    for reason, rows in frame[frame["reason"].notna()].groupby("reason", sort=True):
        found.append(_counted(rows["raw"], f"of {len(frame):,} cells cannot be read ({_words(str(reason))})"))
    cut = frame[frame["note"].astype("str").str.contains("cut_short", na=False)]
    return [*found, _counted(cut["raw"], "are cut short")] if len(cut) else found


def _against(rule: Rule, made: pd.Series, column: Column, plan: FieldPlan) -> list[str]:
    """What one rule of the field says to the values as they would arrive."""
    if rule.kind == "at_most":
        return _too_long(made, rule.limit, column, plan)
    if rule.kind not in ("pattern", "day"):
        return []
    wrong = made[~made.str.fullmatch(rule.pattern or DAY)]
    return [_counted(wrong, f"would arrive otherwise than the field takes them: each {rule.words}")] if len(wrong) else []


def _too_long(made: pd.Series, limit: int, column: Column, plan: FieldPlan) -> list[str]:
    long = made[made.str.len() > limit]
    if len(long):
        return [_counted(long, f"are longer than the {limit:,} characters that the field takes")]
    if column.longest > limit and plan.recipe in WORDY and not plan.options.get("cut"):
        return [f"the longest value has {column.longest:,} characters, the field takes {limit:,}"]
    return []


def _counted(values: pd.Series, words: str) -> str:
    shown = ", ".join(f"“{value[:40]}”" for value in list(dict.fromkeys(values))[:EXAMPLES])
    return f"{len(values):,} {words}: {shown}"


def _words(code: str) -> str:
    return code.replace("_", " ").replace(";", ", ")


def _text(value: object) -> str:
    """A converted value as the destination is sent it, on one line."""
    if isinstance(value, list):
        return "; ".join(str(part) for part in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None or value is pd.NA or value != value else str(value)


def _said(wrong: WorkbenchError) -> str:
    return " ".join(str(wrong).split())
