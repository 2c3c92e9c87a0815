"""Three-way merge of records: what we loaded, what the source says now, what the destination says now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.frames.compare import EVERY, Way, Ways, canonical
from workbench.frames.select import natural_keys
from workbench.plain import Shown
from workbench.show import html_table
from workbench.specs import Table

__all__ = ["Merge", "changed_keys", "gone_keys", "merge"]

WHOLE = 0.5
"""Share of the first delivery's rows that a later file brings again where it is complete, and not only what is new."""


@dataclass(frozen=True, repr=False)
class Merge(Shown):
    """Every field that changed on some side, and who is followed.

    ``frame``: key, field, base, theirs, ours, verdict (``take`` theirs, ``keep`` ours, ``same`` on both sides,
    ``conflict``). ``new`` and ``gone`` are the keys that only the new export, or only the loaded state, has.
    """

    frame: pd.DataFrame
    new: tuple[str, ...]
    gone: tuple[str, ...]

    @property
    def conflicts(self) -> pd.DataFrame:
        """The fields that changed on both sides, to different values."""
        return self.frame[self.frame["verdict"] == "conflict"].reset_index(drop=True)

    def _repr_html_(self) -> str:
        counts = self.frame["verdict"].value_counts().rename_axis("verdict").reset_index(name="fields")
        said = f"{len(self.new)} new records, {len(self.gone)} no longer in the export"
        return html_table(counts, caption=said) + html_table(self.frame, caption="Changed fields", limit=100)


def merge(
    base: pd.DataFrame,
    theirs: pd.DataFrame,
    ours: pd.DataFrame,
    *,
    key: str = "key",
    normalise: Mapping[str, Sequence[str]] | None = None,
) -> Merge:
    """Compare three states of the same records, field by field; the frames share ``key`` and name fields alike.

    A field that ``ours`` does not show is taken to stand as it was loaded. Values are compared after the harmless
    rewriting that `compare` knows (money, case of e-mails, order of lists), so that no such thing becomes a change;
    ``normalise`` says as there which of it counts for which field, all of it everywhere when left out.
    """
    old, new, now = (frame.set_index(key) for frame in (base, theirs, ours))
    both = new.index[new.index.isin(old.index)]
    fields = [name for name in new.columns if not str(name).startswith("_")]
    ways = Ways(EVERY if normalise is None else normalise)
    sides = Sides(old.reindex(both), new.reindex(both), now.reindex(both), both.isin(now.index))
    moved = {name: sides.moved(name) for name in fields}
    few = [name for name in fields if len(moved[name])] or fields[:1]  # the rest is looked at no further
    parts = [_field(name, sides, moved[name], ways=ways.of(str(name))) for name in few]
    columns = ["key", "field", "base", "theirs", "ours", "verdict"]
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    return Merge(
        frame=frame[columns],
        new=tuple(str(k) for k in new.index.difference(old.index, sort=False)),
        gone=tuple(str(k) for k in old.index.difference(new.index, sort=False)),
    )


def changed_keys(
    base: pd.DataFrame, theirs: pd.DataFrame, *, key: str = "key", normalise: Mapping[str, Sequence[str]] | None = None
) -> frozenset[str]:
    """Keys of which the new export says something else than the loaded state: the only ones that a merge can send."""
    frame = merge(base, theirs, base.iloc[:0], key=key, normalise=normalise).frame
    return frozenset(str(each) for each in frame["key"])


def gone_keys(first: pd.DataFrame, later: pd.DataFrame, table: Table) -> frozenset[str] | None:
    """Natural keys of the first delivery that a later one does not bring any more.

    None where that cannot be told: the later file brings only what is new, or its rows have no key.
    """
    before, now = (frozenset(natural_keys(frame, table).dropna()) if len(frame) else frozenset() for frame in (first, later))
    if not before or len(before & now) < len(before) * WHOLE:
        return None
    return before - now


@dataclass(frozen=True)
class Sides:
    """The same records in the same order, at three times; those of the last that are ``shown`` by the destination."""

    old: pd.DataFrame
    new: pd.DataFrame
    now: pd.DataFrame
    shown: npt.NDArray[np.bool_]

    def moved(self, name: str) -> npt.NDArray[np.intp]:
        """Places of the records whose field is not written alike on all sides."""
        base = canonical(self.old[name]) if name in self.old else np.full(len(self.new), "", dtype=object)
        ours = np.where(self.shown, canonical(self.now[name]), base) if name in self.now else base
        return np.flatnonzero((base != canonical(self.new[name])) | (base != ours))

    def of(self, name: str, places: npt.NDArray[np.intp]) -> dict[str, pd.Series]:
        """Base, theirs and ours of these records, as they stand."""
        theirs = self.new[name].iloc[places].astype("object")
        none = pd.Series(pd.NA, index=theirs.index, dtype="object")
        base = self.old[name].iloc[places].astype("object") if name in self.old else none
        ours = self.now[name].iloc[places].astype("object").where(self.shown[places], base) if name in self.now else base
        return {"base": base, "theirs": theirs, "ours": ours}


def _field(name: str, sides: Sides, moved: npt.NDArray[np.intp], *, ways: Sequence[Way]) -> pd.DataFrame:
    """What changed in one field, of the records in these places."""
    keys = pd.Series(list(sides.new.index))
    frame = pd.DataFrame({"key": keys, "field": name}).iloc[moved].reset_index(drop=True)
    values = sides.of(name, moved)
    for side, each in values.items():
        frame[side] = each.reset_index(drop=True)
    b, t, o = (_folded(frame[side], ways) for side in values)
    frame["verdict"] = pd.Series("conflict", index=frame.index, dtype="str")
    frame.loc[t == o, "verdict"] = "same"
    frame.loc[(o == b) & (t != b), "verdict"] = "take"
    frame.loc[(t == b) & (o != b), "verdict"] = "keep"
    return frame[(t != b) | (o != b)]


def _folded(column: pd.Series, ways: Sequence[Way]) -> pd.Series:
    """The column as it reads once these harmless ways of writing are undone."""
    values = list(canonical(column))
    for way in ways:
        values = [way.undo(value) for value in values]
    return pd.Series(values, index=column.index, dtype="object")
