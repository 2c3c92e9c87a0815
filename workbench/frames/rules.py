"""Hold a frame of records against rules, with Great Expectations, and say per rule which records break it.

Great Expectations takes seconds to import, so it is imported by the first call and never at the top. Its context is
ephemeral: no project folder, no telemetry, no progress bars, no network.
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal, cast

import pandas as pd

from workbench.frames.compare import canonical

__all__ = ["PATTERNS", "Checked", "Rule", "check", "validate", "without_iris"]

Kind = Literal["filled", "unique", "one_of", "each_of", "at_most", "pattern", "day", "text"]

SHOWN = 5
"""How many values and keys stand in a line of the result as examples; the keys of all are in `Checked.failing`."""

LONGEST_LIST = 60
"""Value lists longer than this are left out of the stored result, which keeps their length."""

PATTERNS: Mapping[str, tuple[str, str]] = {
    "email": (r"^[^@\s]+@[^@\s]+\.[^@\s.]+$", "is an e-mail address"),
    "phone": (r"^\+[1-9]\d{4,14}(;ext=\d{1,11})?$", "is a phone number in the form +16175550123"),
    "url": (r"^https?://[^\s]+$", "is a web address"),
    "money": (r"^-?\d+(\.\d+)?$", "is a plain amount"),
    "decimal": (r"^-?\d+(\.\d+)?$", "is a plain number"),
    "integer": (r"^-?\d+$", "is a whole number"),
}
"""Per type of a field: the pattern of its values as text, and what it means."""


@dataclass(frozen=True)
class Rule:
    """One promise about one column; `filled` apart, an empty cell keeps every promise.

    ``filled``: no cell is empty. ``unique``: no value stands twice. ``one_of``: only these `values`. ``each_of``: a list
    of these `values`. ``at_most``: `limit` characters. ``pattern``: matches `pattern`. ``day``: YYYY-MM-DD, and a day of
    the calendar. ``text``: held as text, so that a leading zero survives.
    """

    kind: Kind
    column: str
    words: str  # how the result page says it, after the column's name
    values: tuple[str, ...] = ()
    limit: int = 0
    pattern: str = ""


@dataclass(frozen=True)
class Checked:
    """What a set of rules found."""

    name: str
    records: int
    frame: pd.DataFrame  # one row a rule: column, rule, words, checked, empty, broken, passed, examples, keys
    failing: pd.DataFrame  # one row a broken cell: key, column, words, value
    results: Mapping[str, Any]  # Great Expectations' own result, as JSON

    @property
    def passed(self) -> bool:
        """True where no rule is broken."""
        return bool(self.frame["passed"].all())


def validate(frame: pd.DataFrame, rules: Sequence[Rule], *, key: str = "key") -> pd.DataFrame:
    """Check the records and give one row a rule: column, rule, words, checked, empty, broken, passed, examples, keys."""
    return check(frame, rules, key=key).frame


def check(frame: pd.DataFrame, rules: Sequence[Rule], *, key: str = "key", name: str = "records") -> Checked:
    """Check the records of `frame` under `key`; a column that a rule names and the frame lacks counts as empty."""
    texts = _as_text(frame, {key, *(rule.column for rule in rules)})
    as_is = _as_it_stands(frame, {rule.column for rule in rules if rule.kind == "text"}).assign(**{key: texts[key]})
    numbered = list(enumerate(rules))
    found: dict[int, dict[str, Any]] = {}
    whole: dict[str, Any] = {}
    for view, some in (
        (texts, [pair for pair in numbered if pair[1].kind != "text"]),
        (as_is, [pair for pair in numbered if pair[1].kind == "text"]),
    ):
        if some:
            result = _expect(view, some, name=name, key=key)
            whole = _joined(whole, result)
            found |= {int(one["expectation_config"]["meta"]["rule"]): one for one in result["results"]}
    lines = [_line(rule, found[number], texts, key) for number, rule in numbered]
    failing = [_failing(rule, found[number], texts, key) for number, rule in numbered]
    return Checked(
        name=name,
        records=len(frame),
        frame=pd.DataFrame(
            lines, columns=["column", "rule", "words", "checked", "empty", "broken", "passed", "examples", "keys"]
        ),
        failing=pd.concat(
            [*failing, pd.DataFrame(columns=["key", "column", "words", "value"], dtype="str")], ignore_index=True
        ),
        results=_storable(whole),
    )


# ---------------------------------------------------------------- what Great Expectations sees


def _as_text(frame: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """Every column as text, lists joined by "; ": the view in which patterns, lengths and lists of values are checked."""
    view = {}
    for column in sorted(columns):
        cells = canonical(frame[column]) if column in frame.columns else [""] * len(frame)
        joined = [cell if isinstance(cell, str) else "; ".join(cell) for cell in cells]
        view[column] = pd.Series([cell or None for cell in joined], dtype="str")
    return pd.DataFrame(view)


def _as_it_stands(frame: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """Columns in their own types; objects that hold nothing but text count as text."""
    view = {}
    for column in sorted(columns):
        own = frame[column].reset_index(drop=True) if column in frame.columns else pd.Series([None] * len(frame), dtype="str")
        all_text = own.dtype == object and own.dropna().map(lambda value: isinstance(value, str)).all()
        view[column] = own.astype("str") if all_text else own
    return pd.DataFrame(view, index=pd.RangeIndex(len(frame)))


def _expect(view: pd.DataFrame, rules: Sequence[tuple[int, Rule]], *, name: str, key: str) -> dict[str, Any]:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # nothing is sent by this release; the next one may
    with warnings.catch_warnings(), without_iris():
        warnings.simplefilter("ignore")  # its own deprecated imports
        import great_expectations as gx
        from great_expectations import expectations

        context: Any = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        asset = context.data_sources.add_pandas("staged").add_dataframe_asset(name)
        suite = gx.ExpectationSuite(name=name)
        for number, rule in rules:
            suite.add_expectation(_expectation(expectations, rule, meta={"rule": number, "words": rule.words}))
        batch = asset.add_batch_definition_whole_dataframe("all").get_batch(batch_parameters={"dataframe": view})
        asked = {"result_format": "COMPLETE", "unexpected_index_column_names": [key]}
        outcome: Any = batch.validate(suite, result_format=asked)
        result: dict[str, Any] = outcome.to_json_dict()
    return result


@contextmanager
def without_iris() -> Iterator[None]:
    """While it lasts, jsonschema is read without its check of internationalised web addresses, as where that is not installed.

    Great Expectations reads it for its charts; the check builds a grammar first, which takes a second and a half.
    """
    grammar = "rfc3987_syntax"
    if grammar in sys.modules or "jsonschema" in sys.modules:
        yield
        return
    sys.modules[grammar] = cast(ModuleType, None)
    try:
        yield
    finally:
        del sys.modules[grammar]


def _expectation(expectations: Any, rule: Rule, *, meta: dict[str, object]) -> Any:
    column = rule.column
    match rule.kind:
        case "filled":
            return expectations.ExpectColumnValuesToNotBeNull(column=column, meta=meta)
        case "unique":
            return expectations.ExpectColumnValuesToBeUnique(column=column, meta=meta)
        case "one_of":
            return expectations.ExpectColumnValuesToBeInSet(column=column, value_set=list(rule.values), meta=meta)
        case "each_of":
            one = "|".join(re.escape(value) for value in sorted(rule.values, key=len, reverse=True)) or r"(?!)"
            return expectations.ExpectColumnValuesToMatchRegex(column=column, regex=rf"^(?:{one})(?:; (?:{one}))*$", meta=meta)
        case "at_most":
            return expectations.ExpectColumnValueLengthsToBeBetween(column=column, max_value=rule.limit, meta=meta)
        case "pattern":
            return expectations.ExpectColumnValuesToMatchRegex(column=column, regex=rule.pattern, meta=meta)
        case "day":
            return expectations.ExpectColumnValuesToMatchStrftimeFormat(column=column, strftime_format="%Y-%m-%d", meta=meta)
        case "text":
            # `str` is what pandas 3 calls text; a list of types would never match it.
            return expectations.ExpectColumnValuesToBeOfType(column=column, type_="str", meta=meta)


# ---------------------------------------------------------------- what it says


def _line(rule: Rule, found: Mapping[str, Any], texts: pd.DataFrame, key: str) -> list[object]:
    empty = int(texts[rule.column].isna().sum())
    broken = _broken(found, texts, rule)
    failing = _failing(rule, found, texts, key)
    examples = list(dict.fromkeys(failing["value"]))[:SHOWN]
    checked = len(texts) if rule.kind == "filled" else len(texts) - empty
    return [
        rule.column,
        rule.kind,
        rule.words,
        checked,
        empty,
        broken,
        bool(found["success"]),
        examples,
        list(failing["key"])[:SHOWN],
    ]


def _broken(found: Mapping[str, Any], texts: pd.DataFrame, rule: Rule) -> int:
    """Cells that break the rule; all filled ones where the column as a whole has another type."""
    if found["success"]:
        return 0
    return int(found["result"].get("unexpected_count", texts[rule.column].notna().sum()))


def _failing(rule: Rule, found: Mapping[str, Any], texts: pd.DataFrame, key: str) -> pd.DataFrame:
    result = found["result"]
    if found["success"]:
        keys, values = [], []
    elif "unexpected_index_list" in result:
        keys = [str(each.get(key) or "") for each in result["unexpected_index_list"]]
        values = ["" if value is None else str(value) for value in result["unexpected_list"]]
    else:
        filled = texts[texts[rule.column].notna()]
        keys, values = list(filled[key].fillna("")), list(filled[rule.column])
    return pd.DataFrame({"key": keys, "column": rule.column, "words": rule.words, "value": values}, dtype="str")


def _joined(whole: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    if not whole:
        return result
    both = [*whole["results"], *result["results"]]
    good = sum(1 for one in both if one["success"])
    counts = {
        "evaluated_expectations": len(both),
        "successful_expectations": good,
        "unsuccessful_expectations": len(both) - good,
        "success_percent": 100 * good / len(both),
    }
    return {**whole, "results": both, "statistics": counts, "success": good == len(both)}


def _storable(whole: Mapping[str, Any]) -> dict[str, Any]:
    """The result without what differs from run to run, in the order of the rules, and without endless lists of values."""
    results = sorted(whole.get("results", ()), key=lambda one: int(one["expectation_config"]["meta"]["rule"]))
    version = whole.get("meta", {}).get("great_expectations_version", "")
    kept = {
        "success": whole.get("success", True),
        "suite": whole.get("suite_name", ""),
        "statistics": whole.get("statistics", {}),
    }
    return {**kept, "great_expectations": version, "results": [_one_result(one) for one in results]}


def _one_result(one: Mapping[str, Any]) -> dict[str, Any]:
    settings = {k: v for k, v in one["expectation_config"]["kwargs"].items() if k != "batch_id"}
    values = settings.get("value_set")
    if isinstance(values, list) and len(values) > LONGEST_LIST:
        settings["value_set"] = f"{len(values)} values"
    wanted = (
        "element_count",
        "missing_count",
        "unexpected_count",
        "unexpected_list",
        "unexpected_index_list",
        "observed_value",
    )
    result = {name: one["result"][name] for name in wanted if name in one["result"]}
    config = one["expectation_config"]
    return {
        "expectation": config["type"],
        "settings": settings,
        "meta": config["meta"],
        "success": one["success"],
        "result": result,
    }
