"""Ask the destination what its vendor's pages leave open, with sentinel records that are gone at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import pandas as pd

from workbench.destinations.probes import Verdict
from workbench.engagement import Engagement
from workbench.errors import EditError, EngagementError
from workbench.ledger.probing import conflicts, planned, probe
from workbench.plain import Shown
from workbench.show import heading, html_table, together

__all__ = ["Probes", "kept", "plan", "rehearsed", "run"]

FRAME = "probes"
OWN_MACHINE = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, repr=False)
class Probes(Shown):
    """What the account answered: `frame` as in `workbench.ledger.probing.COLUMNS`; what contradicts it; what was left."""

    frame: pd.DataFrame
    conflicts: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    def _repr_html_(self) -> str:
        settled = int((self.frame["value"] != "").sum())
        said = f"{settled} of {len(self.frame)} questions are settled"
        said += f"; {len(self.left)} things could not be taken away" if self.left else "; nothing was left behind"
        parts = [heading(said, good=not self.left), html_table(self.frame[["setting", "value", "words", "evidence", "calls"]])]
        for caption, rows in (("engagement.toml goes before what was found", self.conflicts), ("Left behind", self.left)):
            if rows:
                parts.append(html_table(pd.DataFrame({"what": list(rows)}), caption=caption))
        return together(*parts)


def plan(engagement: Engagement) -> pd.DataFrame:
    """What would be asked and made: probe, question, settles, makes, calls. Nothing is sent."""
    return planned(engagement.connect())


def rehearsed(engagement: Engagement) -> bool:
    """Whether the destination is a rehearsal on this machine, where sentinels disturb nobody."""
    return urlsplit(engagement.settings.base_url).hostname in OWN_MACHINE


def run(engagement: Engagement, *, agreed: bool = False, on_verdict: Callable[[Verdict], None] | None = None) -> Probes:
    """Ask, keep the answers with the engagement, and take the sentinels away.

    From then on the answers go before the settings of the destination's file, and engagement.toml before the answers.
    `agreed` says that the consultant has agreed to sentinels in this account; a rehearsal needs no consent.
    """
    if not (agreed or rehearsed(engagement)):
        raise EngagementError(
            "probes make sentinel records in a live account",
            found=engagement.settings.base_url,
            todo="ask the customer, then say that you agreed: workbench probe DIR --yes",
        )
    with engagement.lock():
        probed = probe(engagement.connect(), on_verdict=on_verdict)
        engagement.save(FRAME, probed.frame)
    settled = dict(zip(probed.frame["setting"], probed.frame["value"], strict=True))
    engagement.journal.append("probed", detail={"verdicts": settled, "left": list(probed.left)})
    return Probes(probed.frame, tuple(conflicts(probed.frame, engagement.settings.destination)), probed.left)


def kept(engagement: Engagement) -> Probes:
    """What the account answered last; EditError where nobody has asked it."""
    if not engagement.has(FRAME):
        raise EditError("the account was not probed", todo="workbench probe DIR")
    frame = engagement.load(FRAME)
    return Probes(frame, tuple(conflicts(frame, engagement.settings.destination)))
