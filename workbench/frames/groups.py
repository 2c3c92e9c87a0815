"""Several rows that are one record: what names them, and how one value is made of several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from itertools import accumulate

import pandas as pd

from workbench.errors import SpecError
from workbench.frames.plan import FieldPlan
from workbench.frames.ranks import comparable
from workbench.frames.select import filled, named, natural_keys
from workbench.recipes.markup import ENDING
from workbench.recipes.texts import one_line
from workbench.specs import Feed, Table

__all__ = ["combined", "group_keys", "overruled", "reason_of", "row_keys", "spread"]


def group_keys(columns: Sequence[pd.Series]) -> pd.Series:
    """What names the group of each row: small letters, blanks as hyphens; missing where a column says nothing."""
    keys: list[pd.Series] = []
    for column in columns:
        said = column.where(filled(column)).astype("object")
        folded = said.map(lambda text: "-".join(one_line(str(text)).casefold().split()), na_action="ignore")
        keys.append(folded.astype("str").str.replace("\\", r"\\", regex=False).str.replace("|", r"\|", regex=False))
    key = keys[0]
    for other in keys[1:]:
        key = key + "|" + other
    return key.replace("", pd.NA)


def row_keys(table: pd.DataFrame, feed: Feed, spec: Table) -> pd.Series:
    """What names the record of each row: the columns by which the feed groups, or the key of its table."""
    if feed.group:
        return group_keys([named(table, column) for column in feed.group])
    return natural_keys(table, spec)


def spread(values: pd.Series, records: pd.Series) -> pd.Series:
    """What one row of a record says, said by all of its rows; the first one that speaks counts."""
    said = pd.DataFrame({"value": values.astype("object"), "record": records}).dropna()
    firsts = said.drop_duplicates("record").set_index("record")["value"]
    return values.astype("object").where(values.notna(), records.map(firsts).astype("object"))


def combined(values: pd.Series, records: pd.Series, plan: FieldPlan) -> pd.Series:
    """One value a record out of its rows, indexed by record; records whose rows all say nothing are left out."""
    said = pd.DataFrame({"value": values.astype("object"), "record": records}).dropna(subset=["record"])
    said = said[said["value"].notna()]
    made = {str(record): _one(list(group["value"]), plan) for record, group in said.groupby("record", sort=False)}
    return pd.Series({record: value for record, value in made.items() if value is not None}, dtype="object")


def overruled(values: pd.Series, records: pd.Series, made: pd.Series, plan: FieldPlan) -> pd.Series:
    """True for the rows that say something which the one value of their record does not tell."""
    if plan.combine == "join" and plan.options.get("cut"):
        return _left_over(values, records, plan)
    if plan.combine not in ("", "first", "last", "min", "max"):
        return pd.Series(False, index=values.index)
    own = records.map(made)
    return values.notna() & own.notna() & (values.astype("str") != own.astype("str"))


def reason_of(plan: FieldPlan) -> str:
    """Why a row that is overruled is not told."""
    return "no_room_beside_others" if plan.combine == "join" else "other_row_counts"


def _one(values: list[object], plan: FieldPlan) -> object:
    match plan.combine:
        case "last":
            return values[-1]
        case "join":
            return _joined(values, plan)
        case "sum":
            return _summed(values, plan)
        case "count":
            return len(values)
        case "min":
            return _extreme(values, plan, min)
        case "max":
            return _extreme(values, plan, max)
        case _:
            return values[0]


def _joined(values: list[object], plan: FieldPlan) -> object:
    """The values as one list, or the texts one after the other; of these as many as the field is said to hold."""
    if any(isinstance(value, list) for value in values):
        lists = [value if isinstance(value, list) else [value] for value in values]
        return list(dict.fromkeys(item for each in lists for item in each))
    texts = list(dict.fromkeys(str(value) for value in values))
    number, count = _part(plan)
    pages = _pages(texts, plan, count)
    kept = pages[number - 1] if number <= len(pages) else []
    more = number == count and sum(map(len, pages)) < len(texts)
    return plan.separator.join(kept) + (ENDING if more else "") if kept else None


def _part(plan: FieldPlan) -> tuple[int, int]:
    """Which field this is of how many that take what found no room in the one before."""
    number, _, count = plan.part.partition("/")
    return (int(number), int(count)) if count else (1, 1)


def _pages(texts: Sequence[str], plan: FieldPlan, count: int) -> list[Sequence[str]]:
    """The texts, whole, field by field as far as they have room together; in one where no length is given to cut at."""
    limit = plan.options.get("max_length") if plan.options.get("cut") else None
    if not isinstance(limit, int):
        return [texts]
    pages, rest = list[Sequence[str]](), texts
    while rest and len(pages) < count:
        size = len(rest) if len(plan.separator.join(rest)) <= limit else _fitting(rest, plan, limit)
        pages, rest = [*pages, rest[:size]], rest[size:]
    return pages


def _fitting(texts: Sequence[str], plan: FieldPlan, limit: int) -> int:
    """How many of the texts have room together, with the sign that there are more; one at least."""
    ends = accumulate(len(text) + len(plan.separator) for text in texts)
    return max(1, sum(end - len(plan.separator) + len(ENDING) <= limit for end in ends))


def _left_over(values: pd.Series, records: pd.Series, plan: FieldPlan) -> pd.Series:
    """True for the rows whose text found no room beside those of the rows before it; said of the last field there is."""
    said = pd.DataFrame({"value": values.astype("object"), "record": records}).dropna()
    lost = pd.Series(False, index=values.index)
    number, count = _part(plan)
    if number < count:
        return lost
    for _, group in said[~said["value"].map(lambda value: isinstance(value, list)).astype(bool)].groupby("record", sort=False):
        texts = group["value"].astype("str")
        pages = _pages(list(dict.fromkeys(texts)), plan, count)
        lost[group.index] = ~texts.isin({text for page in pages for text in page})
    return lost


def _summed(values: list[object], plan: FieldPlan) -> object:
    try:
        total = sum((Decimal(str(value)) for value in values), Decimal(0))
    except InvalidOperation:
        raise SpecError(
            "these values are no numbers, so they cannot be added up",
            found=", ".join(str(value) for value in values[:5]),
            where=f"{plan.column} → {plan.field}",
            todo="read the column by a recipe of numbers, such as money, or combine it otherwise",
        ) from None
    return int(total) if all(isinstance(value, int) for value in values) else format(total, "f")


def _extreme(values: list[object], plan: FieldPlan, choose: Callable[[Sequence[int]], int]) -> object:
    order = comparable(pd.Series(values, dtype="object"), plan.recipe).rank(method="first").astype(int).tolist()
    return values[order.index(choose(order))]
