"""What an answer, or the lack of one, says about a request: done, refused, never sent, or nobody can tell.

A request that was surely not carried out may be sent again. Everything that is not certain is ``unknown``, and settled by
looking at the destination; that an answer bears the id of the record which was asked for is for the client to see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Happening", "Verdict", "classify"]

Verdict = Literal["done", "refused", "later", "stale", "unsent", "elsewhere", "blocked", "unknown"]
"""done: 2xx, read to its end. refused: surely not carried out. later: 429. stale: 401, the key. unsent: no byte left.
elsewhere: a redirect, which is never followed. blocked: the page of a guard before the service. unknown: all else."""

REFUSED = frozenset({400, 402, 404, 405, 406, 409, 410, 411, 412, 413, 414, 415, 416, 417, 422, 424, 426, 428, 431, 451})
"""Answers that come before anything was done. 408 and 425 are not among them."""
LATER, STALE, FORBIDDEN, MISDIRECTED = 429, 401, 403, 421


@dataclass(frozen=True)
class Happening:
    """What came of one exchange: how far it went, and the answer as far as there is one."""

    sent: bool  # whether a byte of the request may have arrived
    status: int = 0  # 0 where no answer came
    data: Any = None
    flaw: str = ""  # why the body is of no use, in words
    words: str = ""  # how the exchange broke off
    page: bool = False  # whether the body was meant for people

    @property
    def told(self) -> str:
        """The same in a few words, for an error; nothing of the body is in it."""
        if not self.status:
            return self.words
        return (
            f"it answered {self.status}" + (f", {self.flaw}" if self.flaw else "") + (f" ({self.words})" if self.words else "")
        )


def classify(got: Happening) -> Verdict:
    """The one table. The order counts: a refusal is one whatever page comes with it, a success only with its body."""
    if not got.sent:
        return "unsent"
    if got.status == LATER:
        return "later"
    if got.status == STALE:
        return "stale"
    if got.status in REFUSED:
        return "refused"
    if 300 <= got.status < 400 or got.status == MISDIRECTED:
        return "elsewhere"
    if got.status == FORBIDDEN:
        return "blocked" if got.page else "refused"
    if 200 <= got.status < 300 and not got.flaw:
        return "done"
    return "unknown"
