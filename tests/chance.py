"""What chance does: how likely it is that so few of many answers are right."""

from __future__ import annotations

import math


def at_most(hits: int, throws: int, chance: float) -> float:
    """How likely so many hits at most are in so many throws."""
    if chance <= 0:
        return 1.0
    terms = (
        math.lgamma(throws + 1) - math.lgamma(n + 1) - math.lgamma(throws - n + 1)
        + n * math.log(chance) + (throws - n) * math.log1p(-chance)
        for n in range(hits + 1)
    )  # fmt: skip
    return math.fsum(map(math.exp, terms))
