"""The staged records of a feed as the destination takes them: markers for keys, owners and parents as ids over there.

Whole for a feed that is compared, slice by slice for one that is sent, as it may have a million of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from workbench.destinations import Metadata
from workbench.engagement import Engagement
from workbench.flow.placeholders import Placeholders
from workbench.flow.planning import connected, kept_as, unread
from workbench.flow.staged import staged_path
from workbench.frames.plan import native_field
from workbench.ledger.living import living
from workbench.specs import Feed, Lookup
from workbench.staging import columns_of, read_frame, rows_of, slices

__all__ = ["Mask", "Outgoing", "Places", "outgoing", "staged_count", "staged_keys", "texts_of"]

Places = np.ndarray[Any, np.dtype[np.int64]]
"""Numbers of rows of a feed's staged records, from the smallest to the largest."""
Mask = np.ndarray[Any, np.dtype[np.bool_]]
"""For each row of a feed's staged records whether it is one of those."""
ABSENT, EMPTY = -1, -2


def outgoing(
    engagement: Engagement,
    feed: Feed,
    *,
    delivery: str = "main",
    only: frozenset[str] | None = None,
    account: Metadata | None = None,
) -> pd.DataFrame:
    """The records of a feed as the destination takes them: marker under ``key``, owner and parents as ids.

    ``only`` keeps the record keys of a sample; ``account`` spares a look at the users. A record whose parent is not
    over there, or whose owner is no user any more, has the reason for it in ``_waits``, which is empty elsewhere. Fields
    that the destination takes and never shows are left out, since nothing can be compared there.
    """
    whole = Outgoing(engagement, feed, delivery=delivery, only=only, account=account).whole()
    return whole.drop(columns=[name for name in whole.columns if name in unread(engagement, feed)])


def staged_count(engagement: Engagement, feed: Feed, *, delivery: str, only: frozenset[str] | None) -> int:
    """How many records of a feed are staged, of a sample if asked."""
    path = staged_path(engagement, feed.name, delivery)
    return rows_of(path) if only is None else int(_among(texts_of(read_frame(path, columns=["key"])["key"]), only).sum())


def staged_keys(
    engagement: Engagement, feed: str, *, delivery: str = "main", markers: Collection[str]
) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """Record keys and markers of those staged records of a feed that bear one of some markers."""
    narrow = read_frame(staged_path(engagement, feed, delivery), columns=["key", "marker"])
    keys, there = texts_of(narrow["key"]), texts_of(narrow["marker"])
    mine = pc.is_in(there, value_set=pa.array(markers, pa.string()))
    return keys.filter(mine), there.filter(mine)


class Outgoing:
    """The records of one feed, of which the keys alone are held, and what each of them points at by number."""

    def __init__(
        self,
        engagement: Engagement,
        feed: Feed,
        *,
        delivery: str = "main",
        only: frozenset[str] | None = None,
        account: Metadata | None = None,
    ) -> None:
        self._engagement, self._feed, self._delivery = engagement, feed, delivery
        self._path = staged_path(engagement, feed.name, delivery)
        self._placeholders = Placeholders(engagement, feed, delivery=delivery)
        there = columns_of(self._path)
        named = ["key", "marker", *(["owner"] if "owner" in there else []), *(each.to for each in feed.lookups)]
        narrow = read_frame(self._path, columns=list(dict.fromkeys(named)))
        self.columns = tuple(name for name in there if name not in ("row", "key", "marker"))
        self.records, self.keys = texts_of(narrow["key"]), texts_of(narrow["marker"])
        self.chosen: Mask = np.ones(len(narrow), dtype=bool) if only is None else _among(self.records, only)
        self._codes, self._reasons = np.zeros(len(narrow), dtype=np.uint8), ["", "owner_unresolved", "parent_missing"]
        self._owners = self._owned(narrow["owner"], account) if "owner" in narrow else {}
        self._parents = [self._led(lookup, narrow[lookup.to]) for lookup in feed.lookups]

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def waiting(self) -> Mask:
        """Records that lack their parent over there, or their owner."""
        return np.asarray(self._codes != 0, dtype=bool)

    def waits(self, among: Mask) -> dict[str, str]:
        """Marker → why it waits, for those of some records that do."""
        places = np.flatnonzero(self.waiting & among)
        codes = self._codes[places]
        return {key: self._reasons[code] for code, key in zip(codes, self.markers_at(places), strict=True)}

    def lacking(self, places: Places) -> list[str]:
        """The parent that each of some records lacks, by its record key, empty where it lacks none; of several the last."""
        found = np.full(len(places), "", dtype=object)
        for each in self._parents:
            lacks = each.lacking[places]
            if lacks.any():
                found[lacks] = [_told(cell) for cell in self.cells(each.to, places[lacks])]
        return list(found)

    def marked(self, keys: Collection[str]) -> Mask:
        """The records of these markers."""
        return _among(self.keys, keys) if keys else np.zeros(len(self), dtype=bool)

    def markers_at(self, places: Places) -> pd.Series[str]:
        """Markers of some records."""
        return _texts(self.keys.take(pa.array(places)))

    def records_at(self, places: Places) -> pd.Series[str]:
        """Record keys of some records."""
        return _texts(self.records.take(pa.array(places)))

    def cells(self, column: str, places: Places | None = None) -> pd.Series[Any]:
        """One column of the staged records, of all or of some."""
        if places is None:
            places = np.arange(len(self))
        parts = [part[column] for part in slices(self._path, places, columns=[column])]
        whole: pd.Series[Any] = pd.concat(parts) if parts else read_frame(self._path, columns=[column])[column].iloc[:0]
        return whole

    def slices(self, places: Places) -> Iterator[pd.DataFrame]:
        """Some records as the destination takes them, some thousand at a time, each indexed by its place."""
        return (self._as_taken(part, part.index.to_numpy()) for part in slices(self._path, places))

    def whole(self) -> pd.DataFrame:
        """All records in one frame."""
        records = self._engagement.load(f"records/{self._feed.name}", delivery=self._delivery)
        places = np.flatnonzero(self.chosen)
        frame = self._as_taken(records if len(places) == len(records) else records.iloc[places], places)
        return frame.reset_index(drop=True)

    # ------------------------------------------------------------ one slice

    def _as_taken(self, records: pd.DataFrame, places: Places) -> pd.DataFrame:
        frame = records.drop(columns=["row", "key"]).rename(columns={"marker": "key"})
        frame.insert(1, "_record", records["key"])
        if "owner" in frame:
            frame["owner"] = pd.Series([self._owners.get(each, np.nan) for each in frame["owner"]], frame.index, dtype="object")
        for each in self._parents:
            frame[each.to] = each.ids_at(places)
        frame = self._as_kept(self._placeholders.filled(frame))
        frame.insert(2, "_waits", pd.Series([self._reasons[code] for code in self._codes[places]], frame.index, dtype="object"))
        return frame

    def _as_kept(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Where an edition keeps leads as contacts, a link to a lead is one to a contact, and is read back as such."""
        for each in self._parents:
            home = kept_as(self._engagement, each.to)
            if home != each.to and each.to in frame:
                own = frame[home] if home in frame else pd.Series(np.nan, frame.index, dtype="object")
                frame[home] = own.where(own.notna(), frame[each.to])
                frame = frame.drop(columns=each.to)
        return frame

    def _owned(self, owners: pd.Series[Any], account: Metadata | None) -> dict[str, str]:
        """Owner as staged → id; without one a record waits, since sent as it is it would be the key's own."""
        known = _user_ids((account or connected(self._engagement).metadata()).users_frame())
        ids = {each: known[str(each).casefold()] for each in owners.dropna().unique() if str(each).casefold() in known}
        self._codes[(owners.notna() & ~owners.isin(list(ids))).to_numpy(dtype=bool)] = 1
        return ids

    def _led(self, lookup: Lookup, cells: pd.Series[Any]) -> _Parents:
        link = native_field(self._engagement.destination, self._feed.object, lookup.to)
        keys, ids = _destination_ids(self._engagement, lookup.leads_to(), self._delivery)
        several = cells.dtype == object and any(isinstance(cell, list) for cell in cells)
        rows = [cell if isinstance(cell, list) else [cell] for cell in cells] if several else []
        flat = pa.array([each for row in rows for each in row], pa.string(), from_pandas=True) if several else texts_of(cells)
        ends = np.cumsum([len(row) for row in rows]) if several else np.arange(1, len(cells) + 1)
        found = np.asarray(pc.fill_null(pc.index_in(flat, value_set=keys), ABSENT), dtype=np.int32)
        places = np.where(np.asarray(pc.is_valid(flat), dtype=bool), found, np.int32(EMPTY))
        parents = _Parents(lookup.to, ids, places, ends, many=several or (link is not None and link.many))
        self._codes[parents.lacking] = 2
        return parents


@dataclass(frozen=True)
class _Parents:
    """Of each record the parents to which one field links it, as numbers among the parents' ids."""

    to: str
    ids: pa.Array
    places: np.ndarray[Any, np.dtype[np.int32]]  # ABSENT where one is not over there, EMPTY where there is none
    ends: np.ndarray[Any, np.dtype[np.int64]]  # of each record's part of them
    many: bool  # the field takes several

    @property
    def lacking(self) -> Mask:
        """Records of which a parent is not over there."""
        found = np.zeros(len(self.ends), dtype=bool)
        found[np.searchsorted(self.ends, np.flatnonzero(self.places == ABSENT), side="right")] = True
        return found

    def ids_at(self, places: Places) -> list[Any]:
        """The id, or the ids, for each of some records."""
        starts = np.concatenate([[0], self.ends[:-1]])[places] if len(places) else places
        counts = self.ends[places] - starts
        offsets = np.cumsum(counts) - counts
        here = self.places[np.arange(counts.sum()) + np.repeat(starts - offsets, counts)]
        ids = iter(self.ids.take(pa.array(here, mask=here < 0)).to_pylist())
        rows = [[each for each in islice(ids, int(count)) if each is not None] for count in counts]
        return [np.nan if not row else row if self.many else row[0] for row in rows]


def _user_ids(users: pd.DataFrame) -> Mapping[str, str]:
    """E-mail in small letters → id; of several users with one address an active one, and none without an address."""
    known = users.assign(email=users["email"].astype("str").str.casefold()).sort_values(
        "active", ascending=False, kind="stable"
    )
    known = known[known["email"] != ""].drop_duplicates("email")
    return dict(zip(known["email"], known["id"], strict=True))


def _destination_ids(engagement: Engagement, feeds: Sequence[str], delivery: str) -> tuple[pa.Array, pa.Array]:
    """Record keys, and beside them ids at the destination, for the records over there in which rows of some feeds end.

    A row that was merged stands for the record of another feed: the call of a lead that signed belongs to the customer.
    """
    keys, ids = [pa.array([], pa.string())], [pa.array([], pa.string())]
    merged = [match.feed for feed in feeds for match in engagement.route.feed(feed).merge]
    for name in dict.fromkeys([*feeds, *merged]):
        records = read_frame(staged_path(engagement, name, delivery), columns=["key", "marker"])
        known = living(engagement.ledger().operations, engagement.route.feed(name).object).ids_of(texts_of(records["marker"]))
        there = pc.is_valid(known)
        keys += texts_of(records["key"]).filter(there).chunks
        ids += known.filter(there).chunks
    return pa.concat_arrays(keys), pa.concat_arrays(ids)


def _told(cell: object) -> str:
    return ", ".join(map(str, cell)) if isinstance(cell, list) else str(cell)


def texts_of(cells: pd.Series[Any]) -> pa.ChunkedArray:
    """Cells of text as Arrow has them."""
    found = pa.array(cells, pa.string())
    parts = found.chunks if isinstance(found, pa.ChunkedArray) else [found]
    return pa.chunked_array(parts, found.type).cast(pa.string())


def _among(texts: pa.ChunkedArray, wanted: Collection[str]) -> Mask:
    return np.asarray(pc.is_in(texts, value_set=pa.array(wanted, pa.string())), dtype=bool)


def _texts(column: pa.ChunkedArray) -> pd.Series[str]:
    return pd.Series(pd.array(column, dtype="str"))
