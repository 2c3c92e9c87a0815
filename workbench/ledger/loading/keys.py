"""Keys in the order in which they came, each known by its place: a million of them in little room."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import pyarrow as pa

__all__ = ["Keys"]

BLOCK = 8192
"""Keys that are Python's own texts until there are so many; then they are packed."""
SMALLEST = 1 << 12


class Keys:
    """A list of texts that finds them again: some forty bytes a key and the key's own, and exact.

    Places are looked up in a table of numbers by the hash of the key, and what stands there is compared with it. For one
    thread. An interrupt may come between any two steps: `cut` then leaves whole keys alone.
    """

    def __init__(self) -> None:
        self._blocks: list[pa.Array] = []
        self._late: list[str] = []
        self._hashes = array("q")
        self._table = array("I", bytes(4 * SMALLEST))  # place + 1 where a hash leads, 0 where nothing is
        self._mask = SMALLEST - 1

    def __len__(self) -> int:
        return len(self._hashes)

    def __getitem__(self, place: int) -> str:
        block, rest = divmod(place, BLOCK)
        return self._late[rest] if block == len(self._blocks) else str(self._blocks[block][rest])

    def __iter__(self) -> Iterator[str]:
        for block in self._blocks:
            yield from block.to_pylist()
        yield from self._late

    def __contains__(self, key: str) -> bool:
        mark, slot = hash(key), hash(key) & self._mask
        while held := self._table[slot]:
            if self._hashes[held - 1] == mark and self[held - 1] == key:
                return True
            slot = (slot + 1) & self._mask
        return False

    def add(self, key: str) -> int:
        """One more key, which may be there already; its place."""
        if len(self._late) == BLOCK:
            self._blocks.append(pa.array(self._late, pa.string()))
            self._late = []
        if 2 * len(self._hashes) >= len(self._table):
            self._grow()
        place, mark = len(self._hashes), hash(key)
        self._late.append(key)
        self._hashes.append(mark)
        self._enter(self._table, self._mask, place, mark)
        return place

    def cut(self, count: int) -> None:
        """Keep the first so many keys, of which none or one was half added, and nobody looks for a key any more."""
        if len(self._blocks) * BLOCK + len(self._late) >= count + BLOCK:  # packed, and not let go of yet
            self._late = []
        del self._late[count - len(self._blocks) * BLOCK :]
        del self._hashes[count:]

    def column(self) -> pa.ChunkedArray:
        """All keys, in their order."""
        return pa.chunked_array([*self._blocks, pa.array(self._late, pa.string())])

    def _grow(self) -> None:
        table = array("I", bytes(16 * len(self._table)))
        for place, mark in enumerate(self._hashes):
            self._enter(table, len(table) - 1, place, mark)
        self._table, self._mask = table, len(table) - 1

    @staticmethod
    def _enter(table: array[int], mask: int, place: int, mark: int) -> None:
        slot = mark & mask
        while table[slot]:
            slot = (slot + 1) & mask
        table[slot] = place + 1
