"""An engagement at a glance: its phases and gates, where its rows are, what is next, and who decided last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from sqlalchemy import select

from workbench.decisions.decision import KINDS
from workbench.engagement.phases import PHASES, Gate, PhaseState
from workbench.engagement.waivers import waivers_table
from workbench.errors import listed
from workbench.plain import Shown
from workbench.show import BOX, bars, escape, heading, html_table, name_of, together
from workbench.staging import read_frame
from workbench.store import decisions

if TYPE_CHECKING:
    from workbench.engagement import Engagement

__all__ = ["Decided", "Glance", "Rows", "glance"]

ASKS: Mapping[str, str] = {
    "intake": "did we get everything we asked for?",
    "discovery": "what is in it?",
    "mapping": "which column becomes which field?",
    "owners": "who owns what over there?",
    "provisioning": "is the destination ready?",
    "sample": "a few hundred records: right?",
    "production": "did every row arrive?",
    "cutover": "what changed meanwhile, and is it final?",
    "handoff": "what does the customer keep?",
}
BUCKETS = ("load", "loaded", "merged", "excluded", "rejected", "held", "failed", "read", "unreadable")
"""Where a row is: `load` and `loaded` before and after the destination has answered, the last two before rows are staged."""

MARKS = {"passed": "✓", "waived": "✓", "blocked": "✗", "open": "○"}
COLOURS = {"passed": "var(--wb-good,#2e7d32)", "waived": "var(--wb-warn,#8f5400)", "blocked": "var(--wb-bad,#b3261e)"}
CARD = "flex:1 1 8.5em;min-width:8.5em;padding:.55em .7em;border:1px solid #8886;border-radius:6px;border-top:4px solid "
DOCUMENTS = (
    ("All documents of the package", "package/documents/index.html"),
    ("Reconciliation", "package/documents/reconciliation.html"),
    ("Certificate of intake, gates and waivers", "package/documents/certificate.html"),
)
RAN, PACKAGE = "executed/", "package.zip"
COUNTED = "Where the rows are; one that was looked at for several kinds of record counts for each"
TO_HAND = "in the list of files on the left; its menu downloads it"


@dataclass(frozen=True)
class Rows:
    """Where the rows of a delivery are, one line a feed, or a file where nothing is staged yet."""

    delivery: str
    said: str  # a caption: what is counted
    frame: pd.DataFrame  # what, then a column for each bucket that occurs, and closes once it was loaded

    @property
    def total(self) -> dict[str, object]:
        """Each bucket over all of it, a row that becomes two things for each; and, once loaded, whether all of it adds up."""
        counts: dict[str, object] = {name: int(self.frame[name].sum()) for name in BUCKETS if name in self.frame}
        return {**counts, "closes": bool(self.frame["closes"].all())} if "closes" in self.frame else counts


@dataclass(frozen=True)
class Decided:
    """The newest decision: who, of which kind and about what, when."""

    by: str
    kind: str
    subject: str
    at: str  # UTC
    withdrawn: bool


@dataclass(frozen=True, repr=False)
class Glance(Shown):
    """How an engagement stands at one moment."""

    title: str
    customer: str
    states: tuple[PhaseState, ...]  # the nine, in order
    gate: Gate  # before the last of them, and so of all others
    rows: tuple[Rows, ...]  # by delivery
    left: Mapping[str, tuple[int, int]]  # kind of decision → how many are asked, and how many of them are open
    last: Decided | None
    documents: tuple[tuple[str, str], ...]  # title and path of what there is, from the engagement's folder
    base: str | None  # what comes before a path in a link, from where this is shown; None where nothing can be linked

    @property
    def next(self) -> str:
        """The phase that is to be done now; empty where all of them have passed or are waived."""
        return next((each.phase for each in self.states if self._state(each) in ("blocked", "open")), "")

    def _state(self, state: PhaseState) -> str:
        return "waived" if state.phase in self.gate.waived else state.state

    def _repr_html_(self) -> str:
        return together(
            f'<div class="{BOX}"><b style="font-size:1.15em">{escape(self.title)}</b> · {escape(self.customer)}</div>',
            self._strip(),
            self._todo(),
            self._accounted(),
            waivers_table(self.gate.waivers, caption="Waivers"),
            self._asked(),
            self._links(),
        )

    def _strip(self) -> str:
        """The phases side by side, each with its mark, its question and a link to its notebook."""
        cards = "".join(self._card(position, state) for position, state in enumerate(self.states, start=1))
        side = "display:flex;flex-wrap:wrap;gap:.5em;list-style:none;margin:.3em 0;padding:0"
        return f'<div class="{BOX}"><ol aria-label="Phases" style="{side}">{cards}</ol></div>'

    def _card(self, position: int, state: PhaseState) -> str:
        said = self._state(state)
        colour = COLOURS.get(said, "#8888")
        path = f"notebooks/{position:02d}_{state.phase}.ipynb"
        here = ";outline:2px solid var(--jp-brand-color1,#3d82c4);outline-offset:1px" if state.phase == self.next else ""
        mark = f'<span style="color:{COLOURS.get(said, "inherit")};font-weight:600">{MARKS[said]} {said}</span>'
        ended = f' <span style="opacity:.78;white-space:nowrap">{escape(state.at[:10])}</span>' if state.at else ""
        asks = f'<span style="display:block;opacity:.82;font-size:.88em;line-height:1.3">{escape(ASKS[state.phase])}</span>'
        name = self._link(f"{position} · {state.phase.capitalize()}", path)
        return f'<li style="{CARD}{colour}{here}"><b style="display:block">{name}</b> {mark}{ended} {asks}</li>'

    def _todo(self) -> str:
        """What is next, and what stands against it."""
        passed = sum(self._state(each) in ("passed", "waived") for each in self.states)
        counted = f"{passed} of {len(self.states)} phases are done"
        if not self.next:
            closed = any(path == PACKAGE for _, path in self.documents)
            return heading(f"{counted}, and {'the package is closed' if closed else 'workbench package closes it'}", good=True)
        position, state = next((n, each) for n, each in enumerate(self.states, start=1) if each.phase == self.next)
        why = f" It is blocked: {escape(listed(state.reasons, limit=3))}." if state.reasons else ""
        link = self._link(f"{position} · {state.phase.capitalize()}", f"notebooks/{position:02d}_{state.phase}.ipynb")
        soft = f'<span style="opacity:.78">{counted}.</span>'
        return f'<p class="{BOX}"><b>Next: {link}</b> – {escape(ASKS[state.phase])}{why} {soft}</p>'

    def _accounted(self) -> str:
        """A bar a delivery over all its rows, and below it, folded, one for each of what they become."""
        if not self.rows:
            return ""
        total = pd.DataFrame([{"delivery": each.delivery, **each.total} for each in self.rows])
        kinds = [name for name in BUCKETS if name in total]
        whole = total.assign(**{name: total[name].fillna(0).astype("int64") for name in kinds})
        parts = [
            f"<details><summary>{escape(each.said)}</summary>"
            f"{bars(each.frame, label='what', parts=_parts(each), closes=_closes(each))}</details>"
            for each in self.rows
        ]
        said = bars(whole, label="delivery", parts=kinds, caption=COUNTED, closes=_all_close(self.rows))
        return f'{said}<div class="{BOX}">{"".join(parts)}</div>'

    def _asked(self) -> str:
        """How many decisions are made, and of which kinds some are open."""
        asked, left = (sum(counts[n] for counts in self.left.values()) for n in (0, 1))
        rows = [[kind.replace("_", " "), of, of - open_, open_] for kind, (of, open_) in self.left.items() if open_]
        table = (
            html_table(pd.DataFrame(rows, columns=["decisions", "asked", "decided", "open"]), caption="Decisions")
            if rows
            else ""
        )
        said = f"{asked - left:,} of {asked:,} decisions are made. " if asked else ""
        return table + self._decided_last(said)

    def _decided_last(self, before: str) -> str:
        if self.last is None:
            return f'<p class="{BOX} wb-note">Nobody has decided anything yet.</p>'
        what = f"{self.last.kind.replace('_', ' ')} {self.last.subject}"
        verb = "took back" if self.last.withdrawn else "decided"
        said = f"{name_of(self.last.by)} {verb} last: {what}, on {self.last.at[:10]} at {self.last.at[11:16]} UTC."
        return f'<p class="{BOX} wb-note">{escape(before + said)}</p>'

    def _links(self) -> str:
        """The documents and the package, one a line; the notebooks as they ran in a line of their own."""
        items = [self._link(title, path) for title, path in self.documents if path.endswith(".html") and RAN not in path]
        # JupyterLab opens no archive, and makes every link one that opens.
        items += [
            f"{escape(title)}: <b>{escape(path)}</b>, {TO_HAND}" for title, path in self.documents if not path.endswith(".html")
        ]
        pages = [self._link(title, path) for title, path in self.documents if path.startswith(RAN)]
        items += ["The notebooks as they ran: " + " · ".join(pages)] if pages else []
        if not items:
            return ""
        listed_ = "".join(f"<li>{each}</li>" for each in items)
        return f'<div class="{BOX}"><b>Documents</b><ul style="margin:.3em 0">{listed_}</ul></div>'

    def _link(self, text: str, path: str) -> str:
        return escape(text) if self.base is None else f'<a href="{escape(self.base + path)}">{escape(text)}</a>'


def glance(engagement: Engagement, *, base: str | None = None) -> Glance:
    """Look at an engagement; nothing is changed.

    `base` stands before every path of a link; without it, the way from the working directory, which is a notebook's own
    folder, where there is one that does not leave the engagement.
    """
    there = [name for name in engagement.deliveries() if engagement.has("intake", delivery=name)]
    counted = [_rows(engagement, name) for name in there]
    return Glance(
        title=engagement.route.title,
        customer=engagement.settings.customer or "the customer",
        states=tuple(engagement.phase(phase) for phase in PHASES),
        gate=engagement.before(PHASES[-1]),
        rows=tuple(each for each in counted if len(each.frame)),
        left=_left(engagement),
        last=_last(engagement),
        documents=_documents(engagement.root),
        base=_base(engagement.root) if base is None else base,
    )


def _rows(engagement: Engagement, delivery: str) -> Rows:
    """As the load has left them; before it as they are staged; before that as they were read."""
    labels = {feed.name: feed.label for feed in engagement.route.feeds}
    if engagement.has("accounting", delivery=delivery):
        frame = engagement.load("accounting", delivery=delivery)
        return Rows(
            delivery,
            f"Where the rows of the delivery {delivery} ended, by what they become",
            _named(frame, frame["feed"].map(labels)),
        )
    staged = [name for name in labels if engagement.has(f"verdicts/{name}", delivery=delivery)]
    if staged:
        found = {
            labels[name]: _buckets(engagement.root / "staged" / delivery / "verdicts" / f"{name}.parquet") for name in staged
        }
        frame = pd.DataFrame(found).T.reindex(columns=list(BUCKETS)).fillna(0).astype("int64")
        said = f"What would become of the rows of the delivery {delivery}; what was sent of it is counted after the load"
        return Rows(delivery, said, _named(frame, pd.Series(frame.index, index=frame.index)))
    frame = engagement.load("intake", delivery=delivery).query("file != ''")
    frame = frame.rename(columns={"rows": "read", "rejected": "unreadable"})
    return Rows(delivery, f"Lines of the files of the delivery {delivery}", _named(frame, frame["table"]))


def _buckets(path: Path) -> dict[str, int]:
    counts = read_frame(path, columns=["bucket"])["bucket"].value_counts()
    return {str(bucket): int(count) for bucket, count in counts.items()}


def _named(frame: pd.DataFrame, what: pd.Series) -> pd.DataFrame:
    kept = [name for name in (*BUCKETS, "closes") if name in frame]
    return frame[kept].assign(what=what).reset_index(drop=True)


def _parts(rows: Rows) -> Sequence[str]:
    return [name for name in BUCKETS if name in rows.frame]


def _closes(rows: Rows) -> str:
    return "closes" if "closes" in rows.frame else ""


def _all_close(rows: Sequence[Rows]) -> str:
    return "closes" if all(_closes(each) for each in rows) else ""


def _left(engagement: Engagement) -> dict[str, tuple[int, int]]:
    """Of each kind that is asked, how many questions there are and how many are open."""
    asked = {kind: len(engagement.decisions.proposals(kind)) for kind in KINDS}
    return {kind: (count, len(engagement.decisions.missing(kind))) for kind, count in asked.items() if count}


def _last(engagement: Engagement) -> Decided | None:
    t = decisions
    newest = (
        select(t).where(t.c.engagement == engagement.settings.engagement_id).order_by(t.c.at.desc(), t.c.id.desc()).limit(1)
    )
    with engagement.store.connect() as connection:
        row = connection.execute(newest).mappings().first()
    return Decided(row["by"], row["kind"], row["subject"], row["at"], row["value"] is None) if row else None


def _documents(root: Path) -> tuple[tuple[str, str], ...]:
    found = [(title, path) for title, path in DOCUMENTS if (root / path).is_file()]
    found += [(page.stem, f"{RAN}{page.name}") for page in sorted((root / RAN).glob("*.html"))]
    return (*found, *([("The package for the customer", PACKAGE)] if (root / PACKAGE).is_file() else []))


def _base(root: Path) -> str | None:
    """From the working directory to the engagement, where one lies within the other."""
    here = Path.cwd()
    if here.is_relative_to(root):
        return "../" * len(here.relative_to(root).parts)
    return f"{root.relative_to(here).as_posix()}/" if root.is_relative_to(here) else None
