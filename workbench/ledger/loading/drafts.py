"""Rows of a frame as drafts: plain values, nothing where a cell is empty, and a word for rows that cannot be one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from workbench.destinations import Draft, Outcome
from workbench.errors import SpecError, listed

__all__ = ["SCREENED", "drafts_in", "drafts_of", "unfit"]

SCREENED = 500
"""Rows that are taken out of a frame, and held against the ledger, at a time."""


def drafts_of(frame: pd.DataFrame, *, key: str = "key") -> tuple[list[Draft], dict[int, Outcome]]:
    """A frame's rows as drafts, and by their place in the frame those that cannot be one."""
    drafts: list[Draft] = []
    refused: dict[int, Outcome] = {}
    seen: set[str] = set()
    for place, draft in enumerate(drafts_in(frame, key)):
        if words := unfit(draft.key, repeated=draft.key in seen):
            refused[place] = Outcome(draft.key, "rejected", words=words)
        else:
            seen.add(draft.key)
            drafts.append(draft)
    return drafts, refused


def unfit(key: str, *, repeated: bool) -> str:
    """Why a row of this key cannot be sent; empty where it can."""
    if not key:
        return "the row has no key"
    return "the key stands twice" if repeated else ""


def drafts_in(frame: pd.DataFrame, key: str) -> Iterator[Draft]:
    """A draft a row, an empty key where the row has none; never more of the frame than a slice as Python's values."""
    if key not in frame.columns:
        raise SpecError("the frame has no column that names its records", expected=key, found=listed(list(frame.columns)))
    fields = [str(name) for name in frame.columns if name not in (key, "id")]
    for start in range(0, len(frame), SCREENED):
        part = frame.iloc[start : start + SCREENED]
        numbers = part["id"].tolist() if "id" in part.columns else [None] * len(part)
        cells = zip(*(part[name].tolist() for name in fields), strict=True) if fields else iter([()] * len(part))
        for name, number, row in zip(part[key].tolist(), numbers, cells, strict=True):
            values = {field: _plain(cell) for field, cell in zip(fields, row, strict=True) if not _missing(cell)}
            yield Draft("" if _missing(name) else str(name), values, "" if _missing(number) else str(number))


def _missing(value: object) -> bool:
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))  # type: ignore[call-overload]


def _plain(value: Any) -> Any:
    """A cell as a value of a draft: plain Python, days as `YYYY-MM-DD`, decimals as text so that no digit is lost."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, pd.Timestamp | datetime):
        whole = value.time().isoformat() == "00:00:00" and value.tzinfo is None
        return value.date().isoformat() if whole else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, list | tuple | set | np.ndarray):
        return [str(item) for item in value]
    return value
