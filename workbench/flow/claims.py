"""Which of our records to be made want a value that another one of ours has, or wants before them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from workbench.flow.meeting import folded, several_of
from workbench.flow.outgoing import Mask, Places, texts_of

__all__ = ["claimed"]

PLAIN = r"^[!-~]+( [!-~]+)*$"
"""Texts that are folded by making their letters small, which needs no look at each of a million."""


def claimed(cells: pd.Series[Any], *, new: Mask, made: Mask) -> Mask:
    """Of the `new` records those that an upsert by these cells would merge: with an earlier one, or with one that is `made`."""
    found = np.zeros(len(cells), dtype=bool)
    if new.any():
        places, values = _values(cells, new)
        _, theirs = _values(cells, made)
        codes = pc.dictionary_encode(values).combine_chunks().indices
        later = pd.DataFrame({"place": places, "code": np.asarray(codes)}).drop_duplicates()  # a record claims a value once
        found[later.loc[later["code"].duplicated(), "place"]] = True
        found[places[np.asarray(pc.is_in(values, value_set=theirs), dtype=bool)]] = True
    return found


def _values(cells: pd.Series[Any], mask: Mask) -> tuple[Places, pa.ChunkedArray]:
    """Places of records and, beside them, the values that their cells hold, folded; one row a value."""
    places = np.flatnonzero(mask)
    some = cells[mask]
    if some.dtype == object:
        pairs = [(place, folded(value)) for place, cell in zip(places, some, strict=True) for value in several_of(cell)]
        return np.array([place for place, _ in pairs], dtype=np.int64), _chunked([value for _, value in pairs])
    texts = texts_of(some.astype("str"))
    filled = np.asarray(pc.is_valid(texts), dtype=bool)
    places, texts = places[filled], texts.filter(pa.array(filled))
    plain = np.asarray(pc.match_substring_regex(texts, PLAIN), dtype=bool)
    small = pc.ascii_lower(texts)
    if not plain.all():
        odd = [folded(str(text)) for text in texts.filter(pa.array(~plain)).to_pylist()]
        small = pc.replace_with_mask(small.combine_chunks(), pa.array(~plain), pa.array(odd, pa.string()))
    return places, small if isinstance(small, pa.ChunkedArray) else pa.chunked_array([small])


def _chunked(values: list[str]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, pa.string())])
