"""Where ours are: the ledger knows which records we hung something on, so that a sweep need not ask all of the account."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from workbench.destinations import Destination, Draft, Record, Scattered
from workbench.ledger.knowing import LIVE
from workbench.ledger.operations import OPEN, operations

if TYPE_CHECKING:
    from workbench.ledger.guarding.guard import Guard

__all__ = ["expect", "near_ours"]


def expect(destination: Destination, object_: str, drafts: Sequence[Draft]) -> None:
    """Tell a client where drafts will hang before it is asked for their keys; nothing where one list shows them all."""
    if drafts and isinstance(destination, Scattered) and destination.scattered(object_):
        destination.expect(object_, drafts)


def near_ours(guard: Guard, object_: str, *, mine: Callable[[str], bool] | None = None, since: str = "") -> Iterator[Record]:
    """Every record of an object that may be ours, among others: a sweep, or a look at each record that ours hang on.

    ``mine`` picks those of our keys that are wanted. Where one of ours is not where it was made, all of
    the account is asked, as a record may go with its parent into another one.
    """
    client = guard.inner
    if not (isinstance(client, Scattered) and client.scattered(object_)):
        yield from client.sweep(object_, since=since)
        return
    c = operations.c
    ours = (c.object == object_) & (c.verb == "create") & c.state.in_((*LIVE, *OPEN))
    rows = guard.ledger.operations.columns(("key", "id", "job"), ours)
    wanted = [(number, job) for key, number, job in rows if mine is None or mine(key)]
    yield from client.near(object_, {number for number, _ in wanted if number}, {job for _, job in wanted if job})
