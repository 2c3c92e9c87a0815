"""A source, a route and its tables, small enough to be read in one look: what the tests of the hard cases are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from workbench.frames.plan import FeedPlan, plan_feed
from workbench.frames.staged import Staged
from workbench.specs import Route, Source, load_destination
from workbench.stages.transform import stage_all

OWNERS = {"ann": "ann@new.example", "bob": "bob@new.example", "(blank)": "ops@new.example"}


def table(name: str, *rows: Mapping[str, object]) -> pd.DataFrame:
    """A table of these rows, the first of them in line 2 of `<name>.csv`."""
    columns = list(dict.fromkeys(["_row", *(column for row in rows for column in row)]))
    full = [{"_row": f"{name}.csv:{line}", **row} for line, row in enumerate(rows, 2)]
    return pd.DataFrame(full, columns=columns, dtype="str")


def source(keys: Mapping[str, str], **said: Any) -> Source:
    """A source whose tables are named by one column each."""
    tables = {name: {"files": [f"{name}.csv"], "key": [key]} for name, key in keys.items()}
    about = {"name": "toy", "label": "Toy", "about": "", "zone": "UTC", "region": "US", "tables": tables}
    return Source.model_validate({**about, **said})


def route(*feeds: Mapping[str, Any], **said: Any) -> Route:
    """A route of these feeds; what a test does not care about has a default."""
    full = [{"rows": ["X"], "label": feed["name"], "about": "", "object": "contact", **feed} for feed in feeds]
    about = {"name": "toy_to_freshsales", "source": "toy", "destination": "freshsales", "title": "Toy", "about": ""}
    return Route.model_validate({**about, "feeds": full, **said})


def plans(
    chosen: Route, known: Source, *, scope: Mapping[str, str] | None = None, **decided: Mapping[str, Any]
) -> dict[str, FeedPlan]:
    """The plan of every feed, by what was decided about it: `merges`, `links` and so on, by feed."""
    made = {}
    for feed in chosen.feeds:
        mine = {name: by_feed.get(feed.name, {}) for name, by_feed in decided.items()}
        made[feed.name] = plan_feed(
            chosen,
            known,
            load_destination("freshsales"),
            feed,
            answers={},
            values={},
            owners=OWNERS,
            merges=mine.get("merges", {}),
            takes=mine.get("takes", {}),
            empties=mine.get("empties", {}),
            undecided=frozenset(mine.get("undecided", ())),
            links=mine.get("links", {}),
            unlinked=frozenset(mine.get("unlinked", ())),
            scope=scope,
        )
    return made


def staged(chosen: Route, known: Source, tables: Sequence[pd.DataFrame], **decided: Any) -> dict[str, Staged]:
    """Every feed of the route, staged; the tables are those of the source, in its order."""
    named = dict(zip(known.tables, tables, strict=True))
    return stage_all(plans(chosen, known, **decided), named)


def ends(made: Staged) -> list[tuple[str, str | None, str | None]]:
    """Bucket, reason and record, row by row."""
    frame = made.verdicts[["bucket", "reason", "record"]].astype("object")
    return [tuple(None if pd.isna(cell) else cell for cell in row) for row in frame.to_numpy()]  # type: ignore[misc]


def aside(made: Staged) -> set[tuple[str, str, str, str]]:
    """Row, column, field and reason of the cells of which something is said."""
    return {tuple(row) for row in made.cells[["row", "column", "field", "reason"]].to_numpy()}  # type: ignore[misc]


def column(made: Staged, name: str) -> list[object]:
    """A field of the records, None where it is empty."""
    return [value if isinstance(value, list) or not pd.isna(value) else None for value in made.records[name]]
