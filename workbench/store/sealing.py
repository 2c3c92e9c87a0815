"""The seal that each row of the ledger bears, and the running total of all of them.

A seal finds what a disk, a copy or a hand has changed. It is no signature: whoever knows this file can make one, and
that is what the signed journal and the package are for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from workbench.clock import now
from workbench.store.tables import operations, writers

__all__ = ["BREAK", "NONE", "SEALED", "SEALED_HEAD", "added", "seal", "seal_all", "sealed_text"]

SEALED = tuple(column.name for column in operations.columns if column.name != "seal")
"""What a row's seal is over, in this order."""
SEALED_HEAD = ("engagement", "epoch", "token", "commits", "rows", "total")
"""What the seal of the row in `writers` is over; the rest of it changes while nothing is written."""
BREAK = "\x1f"
NONE = "None"  # no JSON, so that no value looks like it
BITS = 64
AT_ONCE = 2000


def seal(row: Sequence[object]) -> int:
    """64 bits over the values of a row, signed as databases want them."""
    return int.from_bytes(blake2b(sealed_text(row).encode(), digest_size=8).digest(), "little", signed=True)


def sealed_text(row: Sequence[object]) -> str:
    """One text a row, and never the same for two: where a value holds the break itself, the row is written as JSON."""
    joined = BREAK.join(map(str, row))
    return joined if joined.count(BREAK) == len(row) - 1 else json.dumps(row)


def added(total: int, seals: Iterable[int]) -> int:
    """A total with these seals added to it, modulo 2^64 and signed; a seal taken away is added with a minus."""
    half = 1 << (BITS - 1)
    return (total + sum(seals) + half) % (1 << BITS) - half


def seal_all(connection: Connection, engagement: str) -> None:
    """Seal every operation of an engagement as it stands, and begin its row in `writers`: once, when seals are introduced."""
    rows, total = 0, 0
    change = update(operations).where(operations.c.op == bindparam("b_op")).values(seal=bindparam("b_seal"))
    for part in _parts(connection, engagement):
        seals = [seal(row) for row in part]
        connection.execute(change, [{"b_op": row[0], "b_seal": each} for row, each in zip(part, seals, strict=True)])
        rows, total = rows + len(seals), added(total, seals)
    head = {"engagement": engagement, "epoch": 0, "token": "", "commits": 1, "rows": rows, "total": total}
    head["seal"] = seal([head[name] for name in SEALED_HEAD])
    connection.execute(insert(writers).values(**head, holder="", place="", since=now(), heartbeat=0))


def _parts(connection: Connection, engagement: str) -> Iterator[list[tuple[Any, ...]]]:
    c = operations.c
    wanted = select(*(c[name] for name in SEALED)).where(c.engagement == engagement).order_by(c.op).limit(AT_ONCE)
    last = -1
    while part := [tuple(row) for row in connection.execute(wanted.where(c.op > last))]:
        yield part
        last = part[-1][0]
