"""Objects that are read as one export: begun once, waited for, fetched, and its rows counted against what it says itself."""

from __future__ import annotations

from collections.abc import Callable

from workbench.destinations import Secret
from workbench.errors import WaitError
from workbench.extraction.calling import Caller
from workbench.extraction.contract import Adapter, Export, Got, Listed, Target
from workbench.extraction.shelf import Shelf
from workbench.extraction.tables import EXPORT

__all__ = ["fetch_export"]

POLLS, FIRST, LONGEST = 2000, 0.5, 30.0
"""How often an export is asked after, and rehearsal seconds between the first and the last of these questions."""


def fetch_export(caller: Caller, adapter: Adapter, shelf: Shelf, listed: Listed, *, export: Export) -> None:
    """Fetch the export of an object, unless it is on the shelf; one that was begun before a crash is asked after first."""
    if shelf.entries("done", listed.name):
        return
    begun = [str(entry.detail["name"]) for entry in shelf.entries("begun", listed.name)]
    name = begun[-1] if begun else _begin(caller, shelf, listed, export)
    state = _waited(caller, listed, export, name)
    if state is None:  # the source no longer knows it
        name = _begin(caller, shelf, listed, export)
        state = _waited(caller, listed, export, name)
    if state is None:
        raise _failed(listed, "an export that the source does not know")
    body = _asked(caller, listed, export.fetch(name)).body
    opened = adapter.open_export(listed, body)
    detail = {"walk": 1, "by": EXPORT, "start": 0, "behind": name, "asked": 0, "next": "", "end": True}
    shelf.keep("page", listed.name, "000001.ndjson", body, {**detail, "items": len(opened.items)})
    rows = export.rows_of(state)
    shelf.note("count", listed.name, {"when": "in the export", "rows": rows})
    shelf.note("done", listed.name, {"problem": "", "seconds": 0.0, "told": rows})


def _begin(caller: Caller, shelf: Shelf, listed: Listed, export: Export) -> str:
    name = export.name_of(_asked(caller, listed, export.begin))
    shelf.note("begun", listed.name, {"name": name})
    return name


def _waited(caller: Caller, listed: Listed, export: Export, name: str) -> Got | None:
    """The answer that says that it is done; None where it is not known any more."""
    pause = FIRST
    for _ in range(POLLS):
        answered = caller.ask(export.state(name))
        if answered.judgement == "refused" and answered.got.status == 404:
            return None
        state = export.done(answered.got)
        if state == "done":
            return answered.got
        if state == "failed":
            raise _failed(listed, f"export {name} has failed")
        caller.rest(pause)
        pause = min(pause * 1.5, LONGEST)
    raise _failed(listed, f"export {name} is not done yet")


def _asked(caller: Caller, listed: Listed, asking: Callable[[Secret], Target]) -> Got:
    answered = caller.ask(asking)
    if answered.judgement != "good":
        raise _failed(listed, f"{answered.judgement}: it answered {answered.got.status}")
    return answered.got


def _failed(listed: Listed, found: str) -> WaitError:
    return WaitError(
        f"the export of {listed.name} did not come", found=found, todo="resume later; what came of other objects is kept"
    )
