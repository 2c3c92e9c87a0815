"""A batch that was refused as a whole, taken apart until the rows that spoil it stand alone and the others are done.

One row of a hundred costs at most eight more calls: seven halvings find it, one call sends all that was set aside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from math import ceil, log2

from workbench.destinations import Draft, Outcome

__all__ = ["isolate", "refused_together"]

ROUNDS = 4
"""Rows that are searched for by halving; where more spoil a batch, the rest may go one by one."""

PROBES = 4

Send = Callable[[Sequence[Draft]], tuple[list[Outcome], frozenset[str]]]
"""Writes some rows as a batch of their own: their outcomes, and the keys that were refused together."""


def refused_together(outcomes: Sequence[Outcome]) -> frozenset[str]:
    """Keys of a batch that were refused in the same words, which then speak of no row; none where any row fared better.

    Rows that were refused in words of their own, such as those that could not even be sent, are not among them.
    """
    if any(outcome.state != "rejected" for outcome in outcomes):
        return frozenset()
    words, count = Counter(outcome.words for outcome in outcomes).most_common(1)[0] if outcomes else ("", 0)
    return frozenset(outcome.key for outcome in outcomes if outcome.words == words) if count > 1 else frozenset()


def isolate(drafts: Sequence[Draft], words: str, send: Send) -> list[Outcome]:
    """The fate of every row of a batch that was refused as a whole, in these words.

    Where the first rows that were tried alone are refused like everything else, and a few from all over the batch too,
    it is not a row that is refused: the others are not tried.
    """
    search = _Search(len(drafts), send)
    suspect = list(drafts)
    while suspect:
        suspect = search.find(suspect, words)
        words = search.refusal(suspect) if suspect else ""
        if words and search.fruitless:
            suspect = search.probe(suspect)
            if search.fruitless:
                search.give_up(suspect, words)
            words = "" if search.fruitless or not suspect else search.refusal(suspect)
        if words and search.dense:
            for draft in suspect:
                search.refusal([draft])
            words = ""
        if not words:
            break
    return [search.outcomes[draft.key] for draft in drafts]


class _Search:
    """The calls made so far, and what they told."""

    def __init__(self, rows: int, send: Send) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self._send = send
        self._bound = ceil(log2(rows)) + 1
        self._found = 0

    @property
    def fruitless(self) -> bool:
        """Whether two rows were found, and none was done."""
        return self._found >= 2 and all(outcome.state == "rejected" for outcome in self.outcomes.values())

    @property
    def dense(self) -> bool:
        """Whether so many rows spoil it that halving would take more calls than rows."""
        return self._found >= ROUNDS and self._found * self._bound >= len(self.outcomes)

    def find(self, suspect: list[Draft], words: str) -> list[Draft]:
        """Narrow a refused batch down to one row that spoils it; returns the rows that were set aside untried."""
        aside: list[Draft] = []
        while len(suspect) > 1:
            middle = len(suspect) // 2
            half, rest = suspect[:middle], suspect[middle:]
            refusal = self.refusal(half)
            if not refusal and any(self.outcomes[draft.key].state != "done" for draft in half):
                return aside + rest  # what was refused may have stood in either half
            if refusal:
                suspect, words = half, refusal
                aside += rest
            else:
                suspect = rest  # what was refused stands in here
        for draft in suspect:
            self.outcomes.setdefault(draft.key, Outcome(draft.key, "rejected", draft.id, words))
            self._found += 1
        return aside

    def refusal(self, part: Sequence[Draft]) -> str:
        """Send a part; the words with which it was refused as a whole, or nothing where each row has its fate."""
        outcomes, together = self._send(part)
        if len(together) == len(part):
            return outcomes[0].words or "refused without a reason"
        self.outcomes |= {outcome.key: outcome for outcome in outcomes}
        single = outcomes[0] if len(outcomes) == 1 else None
        return single.words or "refused without a reason" if single and single.state == "rejected" else ""

    def probe(self, drafts: list[Draft]) -> list[Draft]:
        """Send a few rows from all over a batch alone, until one is done; returns the others, in their order."""
        step, tried = max(1, len(drafts) // PROBES), set()
        for place in list(range(len(drafts)))[::-step][:PROBES]:
            tried.add(place)
            if not self.refusal([drafts[place]]) and not self.fruitless:
                break
        return [draft for place, draft in enumerate(drafts) if place not in tried]

    def give_up(self, drafts: Sequence[Draft], words: str) -> None:
        for draft in drafts:
            said = f"{words} (refused with the whole batch, as was every part of it that was tried)"
            self.outcomes.setdefault(draft.key, Outcome(draft.key, "rejected", draft.id, said))
