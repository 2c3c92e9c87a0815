"""What a record looks like once it was made, from a look that may come days later: what somebody may have edited stays out.

A field that we wrote and that a sweep shows otherwise was tidied by the account, or edited by somebody. It counts as the
account's doing only where other records, written alike, are shown in the same way.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from workbench.ledger.operations import Closing, Operation, same

__all__ = ["Tidying"]

MANY = 2_000
"""Records that wait until it is known what is usual."""
KINDS = 50_000
"""Ways of being written and shown that are counted."""
EMPTY, TIDIED, CUT = "empty", "tidied", "cut to"
EVERY = "*"
Way = tuple[str, str, str]
"""A field, what all that counts as written alike has in common, and how it is shown."""


class Tidying:
    """Images of records that we made, without what may be an edit; `settled` gives back what has turned out to be usual."""

    def __init__(self) -> None:
        self._shown: Counter[Way] = Counter()
        self._written: Counter[tuple[str, str]] = Counter()
        self._doubts: list[tuple[Closing, dict[str, tuple[Way, Any]]]] = []

    @property
    def full(self) -> bool:
        """Whether it is time to ask for what is settled."""
        return len(self._doubts) >= MANY

    def image(self, row: Operation, values: Mapping[str, Any], closing: Closing) -> Closing:
        """The closing of an operation, with an image that holds what was surely ours or the account's."""
        doubts: dict[str, tuple[Way, Any]] = {}
        for name, written in row.payload.items():
            if name not in values or written is None:
                continue
            like = _like(written)
            for alike in ((name, like), (name, EVERY)):
                if alike in self._written or len(self._written) < KINDS:
                    self._written[alike] += 1
            if not same(values[name], written):
                how = _how(written, values[name])
                way = (name, EVERY if how.startswith((EMPTY, TIDIED, CUT)) else like, how)
                if way in self._shown or len(self._shown) < KINDS:
                    self._shown[way] += 1
                doubts[name] = (way, values[name])
        kept = {name: value for name, value in values.items() if name not in doubts}
        sure = Closing(closing.op, closing.state, id=closing.id, words=closing.words, post=kept)
        if doubts:
            self._doubts.append((sure, doubts))
        return sure

    def settled(self) -> list[Closing]:
        """Closings with the fields in them that are shown as usual; what was doubted until now is decided with them."""
        pending, self._doubts = self._doubts, []
        found = []
        for sure, doubts in pending:
            usual = {name: value for name, (way, value) in doubts.items() if self._usual(way)}
            if usual:
                found.append(Closing(sure.op, sure.state, id=sure.id, words=sure.words, post={**(sure.post or {}), **usual}))
        return found

    def _usual(self, way: Way) -> bool:
        often = self._shown[way]
        return often >= 2 and (way[2].startswith((TIDIED, CUT)) or 2 * often > self._written[way[0], way[1]])


def _like(value: Any) -> str:
    """A value with every digit alike: moments and numbers are written again in one form."""
    return re.sub(r"\d", "9", str(value))[:80]


def _how(written: Any, shown: Any) -> str:
    if same(shown, None):
        return EMPTY
    one, other = str(written), str(shown)
    if _bare(one) == _bare(other):
        return TIDIED
    return f"{CUT} {len(other)}" if one.startswith(other) else f"as {_like(shown)}"


def _bare(text: str) -> str:
    return re.sub(r"<[^>]*>|[\W_]", "", text).casefold()
