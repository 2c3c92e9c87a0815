"""One decision as a record: what it may be about, what it may hold, and how it stands in a line of a file."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import RowMapping

from workbench.errors import EditError, listed

__all__ = [
    "ACCEPTABLE",
    "KINDS",
    "Decision",
    "check",
    "json_or_none",
    "known",
    "line_of",
    "overtaken",
    "read_line",
    "says_again",
    "to_json",
    "value_json",
]

KINDS = ("scope", "waiver", "field", "value", "owner", "duplicate", "link", "field_plan", "quiet", "signoff", "conflict")
ACCEPTABLE = ("field", "value", "owner", "duplicate", "link")
"""Kinds that a confidence can settle; the others are a person's word."""
SKEW = timedelta(minutes=10)


@dataclass(frozen=True)
class Decision:
    """One answer of one person; values and what was shown are JSON texts, and a value of None takes back."""

    kind: str
    subject: str
    value: str | None
    by: str
    why: str = ""
    shown: str = "null"
    at: str = ""


def known(kind: str) -> str:
    """The kind itself; EditError with all of them where there is no such kind."""
    if kind not in KINDS:
        raise EditError("there is no such kind of decision", expected=listed(KINDS), found=repr(kind))
    return kind


def check(decision: Decision) -> None:
    """EditError where a decision names no kind, no subject or no person."""
    known(decision.kind)
    if not isinstance(decision.subject, str) or not decision.subject:
        raise EditError("a decision names what it is about", expected="a text", found=repr(decision.subject))
    who = decision.by.strip()
    if not who or any(unicodedata.category(c) == "Cc" for c in who):
        todo = 'say who decides, as in by="Ada Byron <ada@example.org>"'
        raise EditError("a decision names the person who made it", found=repr(decision.by), where=decision.subject, todo=todo)


def says_again(decision: Decision, last: Mapping[str, Any] | None) -> bool:
    """Whether this is what stands already; taking back what nobody decided says nothing either."""
    if last is None:
        return decision.value is None
    return (decision.value, decision.by, decision.why) == (last["value"], last["by"], last["why"])


def overtaken(decision: Decision, newest: Mapping[str, RowMapping], before: Mapping[str, Any]) -> bool:
    """Whether its subject, among the newest stored ones, is decided otherwise than it was `before`."""
    last = newest.get(decision.subject)
    return (last["value"] if last else None) != json_or_none(before.get(decision.subject))


def line_of(row: Mapping[str, Any]) -> str:
    """A stored decision as a line of JSON, time and all."""
    value = {"withdrawn": True} if row["value"] is None else {"value": json.loads(row["value"])}
    told = {"by": row["by"], "at": row["at"], "why": row["why"], "shown": json.loads(row["shown"])}
    return json.dumps({"kind": row["kind"], "subject": row["subject"], **value, **told}, ensure_ascii=False)


def read_line(line: str, where: str, by: str) -> Decision:
    """A decision from a line; `by` stands in where it names nobody, and EditError says where it is wrong."""
    try:
        row = json.loads(line)
        withdrawn = row.get("withdrawn") is True
        value = None if withdrawn else value_json(row["value"])
        at = _moment(str(row.get("at") or ""))
        read = Decision(
            row["kind"], row["subject"], value, row.get("by") or by, row.get("why") or "", to_json(row.get("shown")), at
        )
        check(read)
    except EditError as wrong:
        raise EditError(wrong.message, expected=wrong.expected, found=wrong.found, where=where, todo=wrong.todo) from None
    except (ValueError, TypeError, KeyError, AttributeError) as wrong:  # also a line that is JSON and no object
        expected = '{"kind": …, "subject": …, "value": …, "by": …}'
        raise EditError(
            "a line is not a decision",
            expected=expected,
            found=str(wrong),
            where=where,
            todo="mend the line; none was taken over",
        ) from None
    return read


def value_json(value: Any) -> str:
    """A decided value as JSON; nothing at all is no decision."""
    plain = _plain(value)
    if plain is None:
        raise EditError("a decision needs a value", expected='a value, "" to leave something empty', found="nothing")
    return to_json(plain)


def json_or_none(value: Any) -> str | None:
    """JSON of a value, None where there is none."""
    return None if value is None else to_json(value)


def to_json(value: Any) -> str:
    """Canonical JSON: equal values give equal text."""
    return json.dumps(_plain(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _plain(value: Any) -> Any:
    """The value as JSON has it; what JSON cannot hold is refused rather than turned into words."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(part) for part in value]
    raise EditError("a decision holds text, numbers, yes or no, lists and mappings", found=type(value).__name__)


def _moment(text: str) -> str:
    """A time as all of them are written here, so that texts sort as times do; nobody has decided tomorrow yet."""
    if not text:
        return ""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"the time {text} names no zone")
    if moment > datetime.now(UTC) + SKEW:
        raise ValueError(f"the time {text} lies in the future")
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
