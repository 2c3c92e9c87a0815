"""Put the destination back as it was, backwards through the ledger, and respect what people did since."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from workbench.engagement import Engagement
from workbench.flow.planning import connected
from workbench.ledger.unloading import unload
from workbench.reports.differences import readable_key
from workbench.show import heading, html_table, together

__all__ = ["Rollback", "plan", "run"]


@dataclass(frozen=True)
class Rollback:
    """What would be, or was, put back."""

    frame: pd.DataFrame  # object, key, id, verdict (reversed, kept, errored), words
    done: bool

    def _repr_html_(self) -> str:
        counts = self.frame.groupby(["object", "verdict"], sort=False).size().reset_index(name="records")
        said = "the destination stands as before" if self.done else "some records were kept, or could not be put back"
        listed = self.frame[self.frame["verdict"] != "reversed"]
        told = listed.assign(key=listed["key"].map(readable_key))
        return together(
            heading(said, good=self.done),
            html_table(counts, caption="How every record ended"),
            html_table(told, caption="Kept and errored", first=20) if len(listed) else "",
        )


def plan(engagement: Engagement) -> pd.DataFrame:
    """Records and fields that the ledger says were made or changed, newest first. Only reads."""
    ledger = engagement.ledger().frame()
    return (
        ledger[ledger["state"] == "done"].iloc[::-1].groupby(["object", "verb"], sort=False).size().reset_index(name="records")
    )


def run(engagement: Engagement) -> Rollback:
    """Reverse everything that can be reversed; what people edited since stays and is listed."""
    with engagement.lock():
        frame = unload(connected(engagement)).frame
    done = bool((frame["verdict"] == "reversed").all())
    engagement.save("rollback", frame.astype("str"))
    counts = {str(verdict): int(count) for verdict, count in frame["verdict"].value_counts().items()}
    engagement.journal.append("rolled back", detail=counts)
    return Rollback(frame=frame, done=done)
