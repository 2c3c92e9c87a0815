"""Make the ledger of an engagement again, from what its records bear at the destination."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import make_url

from workbench.clock import now
from workbench.destinations import Draft, Metadata
from workbench.engagement import Engagement, open_engagement
from workbench.engagement.making import DATABASE
from workbench.errors import EditError
from workbench.flow.planning import connected, kept_as
from workbench.flow.transfer import in_order, outgoing
from workbench.frames.transform import marker_of
from workbench.ledger.loading.drafts import drafts_of
from workbench.ledger.rebuilding import ASIDE, BESIDE, Found, Kept, ills_of, keep_tables, mend, note_become, rebuild, set_aside
from workbench.plain import Shown
from workbench.settings import Settings, read_settings
from workbench.show import heading, html_table, together
from workbench.specs import Feed
from workbench.store import open_store

__all__ = ["Rebuilt", "run"]

DELIVERY = "delta"
SERVED = "put back the server's latest backup, or name a new database file in engagement.toml (store) and run this again"
AGAIN = {
    "decisions": "the decisions: read them again with `workbench decide DIR decisions.jsonl`, from the file that "
    "`workbench export-decisions` has written, or from the package",
    "proposals": "the proposals: the phases make them again",
    "sendings": "which workbooks were sent: answers that come back are taken as they are",
    "phases": "how the phases ended: run them again, in order; the journal says how they ended",
    "books": "what was used of the account's limits: the count begins anew",
}
"""What each table held, and how it comes back."""


@dataclass(frozen=True, repr=False)
class Rebuilt(Shown):
    """The new ledger: what it knows of each object, what was found twice, and what could not be got back."""

    frame: pd.DataFrame  # object, keys (records that bear one), unsure, absent, twins, unstaged
    twins: pd.DataFrame  # object, key, id, older
    unstaged: pd.DataFrame  # object, key, id
    kept: Kept = field(default_factory=Kept)
    why: str = ""  # the old one was not to be relied on
    aside: str = ""  # the name that the old database has now

    @property
    def words(self) -> tuple[str, ...]:
        """What a person has to know of it, a sentence each."""
        said = [f"the old database was not to be relied on: {self.why}"] if self.why else []
        said += [f"it is kept as {self.aside}"] if self.aside else []
        said += [f"taken over from it: {', '.join(f'{n:,} {name}' for name, n in self.kept.rows.items() if n)}"] * any(
            self.kept.rows.values()
        )
        said += [f"lost ({reason}): {AGAIN[name]}" for name, reason in self.kept.lost.items()]
        unsure = int(self.frame["unsure"].sum()) if len(self.frame) else 0
        if unsure:
            said.append(f"{unsure:,} records may have been there before us: a rollback keeps them")
        said.append("what records held before we changed them is lost, and who made a field: a rollback leaves both")
        return tuple(said)

    def _repr_html_(self) -> str:
        good = self.twins.empty and self.unstaged.empty
        return together(
            heading(f"the ledger knows {int(self.frame['keys'].sum()):,} records again", good=good),
            html_table(self.frame, caption="Records that bear a key of ours"),
            html_table(self.twins, caption="The same key twice: the older one counts") if len(self.twins) else "",
            html_table(self.unstaged, caption="Keys of which nothing staged speaks") if len(self.unstaged) else "",
            html_table(pd.DataFrame({"": list(self.words)}), caption="What to know"),
        )


def run(root: Path | str, *, anyway: bool = False) -> Rebuilt:
    """Make the ledger again and set the old database aside; EditError where it is intact, unless `anyway`.

    The new database takes the old one's place when it is whole, in one step, and the old one is copied aside before. A run
    that is interrupted before that step changes nothing and is run again. The destination is only read.
    """
    folder = Path(root).expanduser().resolve()
    settings = read_settings(folder)
    database = _database(folder, settings)
    mend(database)
    why = ills_of(database, engagement_id=settings.engagement_id)
    if not why and not anyway:
        raise EditError(
            "the ledger is intact, and knows more than a new one could",
            where=str(database),
            todo="go on with it; --anyway makes a new one all the same, and keeps the old one beside it",
        )
    stamp = now()[:19].replace("-", "").replace(":", "")
    with _beginning(folder, database) as (engagement, made, kept):
        with engagement.lock():
            result = _filled(engagement)
        engagement.store.dispose()  # which brings all of it into the one file
        aside = set_aside(database, name=f"{ASIDE[1:]}{stamp}")
        _into_place(made, database)
    name = aside.name if aside else ""
    detail = {"why": why, "aside": name, "kept": dict(kept.rows), "lost": dict(kept.lost)}
    counts = {row["object"]: int(row["keys"]) for row in result.frame.to_dict("records")}
    engagement.journal.append("rebuilt", subject="ledger", detail={**detail, "records": counts, "twins": len(result.twins)})
    return Rebuilt(result.frame, result.twins, result.unstaged, kept, why, name)


def _database(folder: Path, settings: Settings) -> Path:
    if not settings.store:
        return folder / DATABASE
    if "://" in settings.store and not settings.store.startswith("sqlite"):
        raise EditError("the ledger lies on a database server", where="engagement.toml: store", todo=SERVED)
    return Path(make_url(settings.store).database or DATABASE if "://" in settings.store else settings.store)


@contextmanager
def _beginning(folder: Path, database: Path) -> Iterator[tuple[Engagement, Path, Kept]]:
    """The engagement over a new database beside the old one, with what could be taken over from that."""
    made = database.with_name(f"{database.name}.rebuilding")
    for each in database.parent.glob(f"{made.name}*"):  # of a run that was interrupted
        each.unlink()
    store = open_store(made)
    try:
        kept = keep_tables(database, store)
        yield open_engagement(folder, store=store), made, kept
    finally:
        store.dispose()
        for each in database.parent.glob(f"{made.name}*"):
            each.unlink()


def _into_place(made: Path, database: Path) -> None:
    """The finished database takes the place of the old one, then its mark: beside the old mark it is refused, and not lost.

    The changes that belong to the old file go first, or they would be read into the new one; `mend` brings them back.
    """
    try:
        for end in BESIDE[1:]:
            database.with_name(database.name + end).unlink(missing_ok=True)
        made.replace(database)
    except BaseException:
        mend(database)
        raise
    for each in database.parent.glob(f"{database.name}-mark-*"):
        each.unlink()
    for each in made.parent.glob(f"{made.name}-mark-*"):
        each.replace(database.with_name(database.name + each.name.removeprefix(made.name)))


def _filled(engagement: Engagement) -> Rebuilt:
    """Read every object's markers, parents first, so that what was sent can be told from the parents' ids."""
    destination, found = connected(engagement), []
    account = destination.metadata()
    ours, sure = f"{engagement.source.name}:", _all_ours(engagement)
    for feed in in_order(engagement):
        staged = _staged(engagement, feed, "main", account)
        later = _staged(engagement, feed, DELIVERY, account)
        mark = engagement.ledger().watermark(feed.object) or ""
        found.append(
            rebuild(
                engagement.ledger().operations,
                feed.object,
                destination.sweep(feed.object),
                staged=staged,
                later=later,
                ours=ours,
                sure=sure,
                after=mark,
            )
        )
    _become(engagement, account)
    return _told(found)


def _all_ours(engagement: Engagement) -> bool:
    """Whether nobody ever decided that records of others are taken over: then every record with our key is our own."""
    asked = engagement.decisions.history("scope")
    if asked.empty:
        return False
    said = asked.loc[asked["subject"] == "existing_records", "value"]
    return not any(value == "update" for value in said)


def _staged(engagement: Engagement, feed: Feed, delivery: str, account: Metadata) -> Mapping[str, Mapping[str, Any]]:
    """Key → the values that a delivery wants in the record; nothing where it is not staged."""
    if not engagement.has(f"records/{feed.name}", delivery=delivery):
        return {}
    return {draft.key: draft.values for draft in _drafts(engagement, feed, delivery, account)}


def _drafts(engagement: Engagement, feed: Feed, delivery: str, account: Metadata) -> list[Draft]:
    frame = outgoing(engagement, feed, delivery=delivery, account=account)
    return drafts_of(frame.drop(columns=["_record", "_waits"]))[0]


def _become(engagement: Engagement, account: Metadata) -> None:
    """Records that have taken on another feed's key since, as a lead that signed: their first key stays taken."""
    for feed in in_order(engagement):
        if not engagement.has(f"ends/{feed.name}", delivery=DELIVERY):
            continue
        there = engagement.ledger().ids(feed.object)
        ends = engagement.load(f"ends/{feed.name}", delivery=DELIVERY).dropna()
        ends = ends[~ends["record"].str.startswith(f"{feed.name}/")]
        now = {marker_of(engagement.source.name, f"{feed.name}/{row.natural}"): str(row.record) for row in ends.itertuples()}
        first = {draft.key: draft for draft in _drafts(engagement, feed, "main", account)}
        for marker, record in now.items():
            other = engagement.route.feed(record.partition("/")[0])
            number = engagement.ledger().ids(other.object).get(marker_of(engagement.source.name, record), "")
            alike = kept_as(engagement, other.object) == kept_as(engagement, feed.object)
            if marker in first and marker not in there and number and alike:
                note_become(engagement.ledger().operations, feed.object, first[marker], number=number, now=record)


def _told(found: Sequence[Found]) -> Rebuilt:
    counts = [[f.object, f.keys, f.unsure, f.absent, len(f.twins), len(f.unstaged)] for f in found]
    twins = [[f.object, *each] for f in found for each in f.twins]
    unstaged = [[f.object, *each] for f in found for each in f.unstaged]
    return Rebuilt(
        frame=pd.DataFrame(counts, columns=["object", "keys", "unsure", "absent", "twins", "unstaged"]),
        twins=pd.DataFrame(twins, columns=["object", "key", "id", "older"], dtype="str"),
        unstaged=pd.DataFrame(unstaged, columns=["object", "key", "id"], dtype="str"),
    )
