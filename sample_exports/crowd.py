"""Invented people and companies in any number: the roster's, and further companies once its words are used up."""

from __future__ import annotations

from itertools import count

from sample_exports.promio_people import FIRST_WORDS, LEGAL, SECOND_WORDS, TRADES, Company, Roster


class Crowd(Roster):
    """A roster whose companies do not run out."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._more = count(1)

    def company(self) -> Company:
        """A company that is new; beyond some 1,500 of them two names of places make one."""
        try:
            return super().company()
        except StopIteration:
            return self._further(next(self._more))

    def _further(self, number: int) -> Company:
        firsts, seconds = FIRST_WORDS.split(), SECOND_WORDS.split()
        words = (firsts[number % 40], seconds[number // 40 % 39], seconds[(number // 40 + 1 + number // 1560) % 39])
        core = " ".join(words) if words[1] != words[2] else f"{words[0]} {words[1]}s"
        domain = core.replace(" ", "").lower() + self.rng.choice((".example", ".test"))
        return Company(f"{core} {self.rng.choice(TRADES.split())}", self.rng.choice(LEGAL), domain)
