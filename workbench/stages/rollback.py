"""Put the destination back as it was, backwards through the ledger, and respect what people did since."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from workbench.engagement import Engagement
from workbench.flow.planning import connected
from workbench.ledger.unloading import Unloaded, Verdict, unload
from workbench.plain import Shown
from workbench.reports.differences import readable_key
from workbench.show import escape, heading, html_table, labelled, together

__all__ = ["ENDS", "Preview", "Rollback", "plan", "run"]

ENDS = {
    "reversed": "Reversed: as it was before",
    "kept": "Kept: people have changed it, or built upon it",
    "errored": "Errored: it could not be put back; run the rollback again",
}
"""The three lists in which a rollback ends."""
UNDONE = {
    "create": "made by us: taken away",
    "update": "changed by us: earlier values given back",
    "create_field": "fields made by us: taken away",
}
"""What the ledger knows, and what becomes of it."""
EDIT_TITLES = {"key": "record", "before": "before us", "ours": "as we wrote it", "now": "now"}


@dataclass(frozen=True, repr=False)
class Rollback(Unloaded):
    """What was put back, as a customer is shown it. Every record and field of ours is in one of three lists."""

    objects: Mapping[str, str] = field(default_factory=dict, repr=False)  # object → how the destination calls it

    @property
    def done(self) -> bool:
        """Whether the destination stands as before."""
        return self.complete

    @property
    def counts(self) -> pd.DataFrame:
        """One row an object: object, reversed, kept, errored."""
        table = self.frame.groupby(["object", "verdict"], sort=False).size().unstack(fill_value=0)
        return table.reindex(columns=list(ENDS), fill_value=0).reset_index().rename_axis(columns=None)

    def _repr_html_(self) -> str:
        if self.frame.empty:
            return heading("nothing of ours is there; the destination stands as before", good=True)
        edits = _readable(self.edits, self.objects).drop(columns="id").rename(columns=EDIT_TITLES)
        return together(
            heading(self._said(), good=self.done),
            html_table(labelled(self.counts, self.objects, column="object"), caption="How every record and field ended"),
            self._list("errored"),
            self._list("kept"),
            html_table(edits, caption="What people changed, field by field", first=20) if len(edits) else "",
            self._list("reversed", first=5),
            f'<p class="wb wb-note">{escape(self.residual)}</p>' if self.residual.changes else "",
        )

    def _list(self, verdict: str, *, first: int = 20) -> str:
        listed = self._of(verdict)
        if verdict == "reversed":  # what is gone has no number any more, and lanes end in any order
            listed = listed.drop(columns="id").sort_values(["object", "key"], kind="stable")
        return html_table(_readable(listed, self.objects), caption=ENDS[verdict], first=first) if len(listed) else ""

    def _said(self) -> str:
        if self.done:
            return "the destination stands as before"
        kept, errored = len(self.kept), len(self.errored)
        parts = [f"{kept:,} kept as people have left them"] if kept else []
        parts += [f"{errored:,} could not be put back yet"] if errored else []
        return "everything of ours is gone, but " + " and ".join(parts)


def _readable(frame: pd.DataFrame, objects: Mapping[str, str]) -> pd.DataFrame:
    named = frame.assign(key=frame["key"].map(readable_key))
    return labelled(named, objects, column="object")


@dataclass(frozen=True, repr=False)
class Preview(Shown):
    """What a rollback would put back, as the ledger has it."""

    frame: pd.DataFrame  # object, verb (create, update, create_field), records
    objects: Mapping[str, str] = field(default_factory=dict)  # object → how the destination calls it

    @property
    def counts(self) -> pd.DataFrame:
        """One row an object: object, then how many there are of each that a rollback would do."""
        table = self.frame.pivot_table(
            index="object", columns="verb", values="records", aggfunc="sum", fill_value=0, sort=False
        )
        return table.reindex(columns=list(UNDONE), fill_value=0).reset_index().rename_axis(columns=None).rename(columns=UNDONE)

    def _repr_html_(self) -> str:
        if self.frame.empty:
            return heading("nothing of ours is there; there is nothing to put back", good=True)
        said = f"{int(self.frame['records'].sum()):,} records and fields of ours would be put back"
        counts = labelled(self.counts, self.objects, column="object")
        return together(
            heading(said),
            html_table(counts.loc[:, [name == "what" or bool(counts[name].any()) for name in counts]], first=30),
            '<p class="wb wb-note">Before each of them the destination is looked at: what a person has changed or built upon '
            "since stays, and is listed.</p>",
        )


def plan(engagement: Engagement) -> Preview:
    """Count the records and fields that the ledger says were made or changed, newest first. Only reads."""
    ledger = engagement.ledger().frame()
    ours = ledger[ledger["verb"].isin(list(UNDONE)) & (ledger["state"] == "done")].iloc[::-1]
    # What we made and changed later is taken away once, and counts once.
    named = pd.MultiIndex.from_frame(ours[["object", "key"]])
    changed = ours["verb"] == "update"
    once = ours[~(changed & named.isin(named[~changed]))].drop_duplicates(["object", "key"])
    return Preview(once.groupby(["object", "verb"], sort=False).size().reset_index(name="records"), _objects(engagement))


def _objects(engagement: Engagement) -> dict[str, str]:
    return {name: spec.label for name, spec in engagement.destination.objects.items()}


def run(engagement: Engagement, *, on_progress: Callable[[Verdict], None] | None = None) -> Rollback:
    """Reverse everything that can be reversed; what people edited since stays and is listed."""
    with engagement.lock():
        found = unload(connected(engagement), on_progress=on_progress)
    result = Rollback(found.frame, found.edits, found.residual, _objects(engagement))
    engagement.save("rollback", result.frame.astype("str"))
    engagement.save("rollback_edits", result.edits.astype("str"))
    counts = {name: result.count(name) for name in ENDS if result.count(name)}
    residual = {
        "changes": result.residual.changes,
        "seconds": [round(result.residual.median, 3), round(result.residual.longest, 3)],
    }
    engagement.journal.append("rolled back", detail={**counts, "looked before changing": residual})
    return result
