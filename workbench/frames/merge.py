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
    sides = (old.reindex(both), new.reindex(both), now.reindex(both), both.isin(now.index))
    parts = [_field(name, *sides, ways=ways.of(str(name))) for name in fields]
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


def _field(
    name: str, old: pd.DataFrame, new: pd.DataFrame, now: pd.DataFrame, shown: npt.NDArray[np.bool_], *, ways: Sequence[Way]
) -> pd.DataFrame:
    """What changed in one field; the frames have the same records in the same order, those that are `shown` in the last."""
    theirs = new[name].astype("object")
    base = old[name].astype("object") if name in old else pd.Series(pd.NA, index=theirs.index, dtype="object")
    ours = now[name].astype("object").where(shown, base) if name in now else base
    sides = {"base": base, "theirs": theirs, "ours": ours}
    written = [canonical(side) for side in sides.values()]
    moved = np.flatnonzero((written[0] != written[1]) | (written[0] != written[2]))  # few: the rest is looked at no further
    keys = pd.Series(list(theirs.index))
    frame = pd.DataFrame({"key": keys, "field": name}).iloc[moved].reset_index(drop=True)
    for side, values in sides.items():
        frame[side] = values.iloc[moved].reset_index(drop=True)
    b, t, o = (_folded(frame[side], ways) for side in sides)
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
