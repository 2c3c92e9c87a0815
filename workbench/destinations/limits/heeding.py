"""What an answer's headers change in our own count: others use the account too, and the vendor knows of them.

Only less than we think is taken over, never more. What is on its way is counted by us already and by the vendor not yet.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from workbench.destinations.limits.saying import Said
from workbench.destinations.limits.spending import Daily, Rolling

__all__ = ["heed_calls", "heed_day"]

LONG = 100
"""A window of so many margins tells a stop of the account from requests that overtake each other."""
WRITE = 10
"""Tokens of the calls that `x-daily-requests-left` counts."""
ANEW = 10
"""What is left grows by this part of a day's budget only where a new day has begun."""
Spending = Rolling | Daily


def heed_calls(logs: Sequence[Spending], told: Said, *, now: float, margin: float, held: Sequence[int] = ()) -> float:
    """Take over how many calls are left; the seconds for which nobody may send, 0 for none.

    ``held`` is what each log held when the call that was answered got its turn, as the account may speak of that moment.
    """
    left = told.left or 0
    lasts = told.reset if told.reset > 0 else margin
    log = _meant(logs, told)
    if log is None:
        return told.reset if left == 0 else 0.0
    lasts = min(lasts, log.window.seconds)
    ours = max(log.total, held[logs.index(log)] if held else 0)
    strangers = max(log.window.allowance - ours - left, 0)
    share = log.window.allowance - log.window.spendable
    log.strangers(max(strangers - share, 0), now + lasts)  # the customer's own share they use first
    return lasts if left == 0 and strangers and log.window.seconds > LONG * margin else 0.0


def _meant(logs: Sequence[Spending], told: Said) -> Spending | None:
    """The window that the headers speak of: the one with their limit, or else the shortest that lasts as long."""
    calls = [log for log in logs if log.window.unit == "calls"]
    exact = [log for log in calls if log.window.allowance == told.limit]
    long = [log for log in calls if log.window.seconds >= told.reset - 1 and not log.window.calls_of]
    return min(exact or long, key=lambda log: log.window.seconds, default=None)


def heed_day(logs: Sequence[Spending], told: Said, *, now: float, before: int | None) -> int | None:
    """Take over what is left of the day's tokens. The answer is what was told, for the next time to compare with."""
    left = told.day_left
    if left is None and told.requests_left is not None:
        left = (told.requests_left + 1) * WRITE - 1 if told.requests_left else 0
    for log in logs:
        if left is not None and log.window.unit == "tokens":
            whole = told.day_limit or log.window.allowance
            if isinstance(log, Daily) and before is not None and left - before > whole / ANEW:
                log.begin(now)
            used_by_others = max(whole - left - log.total, 0)
            kept = max(math.ceil(whole * log.window.reserve) - used_by_others, 0)
            ours = max(left - kept, 0)
            log.strangers(max(log.window.spendable - log.total - ours, 0), now + log.window.seconds)
    return left
