"""A second look at the keys of an object whose order may have changed while it was read, and the rows that it missed."""

from __future__ import annotations

from itertools import pairwise

from workbench.destinations import Secret
from workbench.extraction.calling import Caller
from workbench.extraction.contract import Adapter, Listed, Position, Target
from workbench.extraction.shelf import Shelf
from workbench.extraction.tables import found_in
from workbench.extraction.walking import pages_of

__all__ = ["look_again"]


def look_again(caller: Caller, adapter: Adapter, shelf: Shelf, listed: Listed) -> int:
    """Fetch the rows that slipped from one page to another between two calls; how many there were.

    Only pages by offset can lose one. Where their keys ascend from the first row to the last, and are as many as the
    source counts, nothing has moved. Else all keys are fetched anew, and each row that is missing by its key.
    """
    pages = pages_of(shelf, listed.name)
    if shelf.entries("checked", listed.name) or not pages or pages[-1].detail["by"] not in ("offset", "one"):
        return 0
    found = [f.item for f in found_in(shelf, adapter, listed)]
    keys = [item.key for item in found if item.key and not item.reason]
    counts = shelf.entries("count", listed.name)
    after = counts[-1].detail["rows"] if counts else None
    steady = all(_rank(one) < _rank(other) for one, other in pairwise(keys))
    if not listed.key or (steady and after in (None, len(found))):
        shelf.note("checked", listed.name, {"steady": steady, "missing": 0})
        return 0
    known = {item.key for item in found}
    missing = [key for key in dict.fromkeys(_keys(caller, adapter, shelf, listed)) if key and key not in known]
    for number, key in enumerate(missing, 1):
        _fetch(caller, adapter, shelf, listed, key=key, name=f"single-{number:06d}.json")
    shelf.note("checked", listed.name, {"steady": steady, "missing": len(missing)})
    return len(missing)


def _keys(caller: Caller, adapter: Adapter, shelf: Shelf, listed: Listed) -> list[str]:
    """The keys of all rows, as a second walk finds them; a row that no page shows is passed by."""
    keys: list[str] = []
    todo: list[tuple[int, int]] = [(0, min(adapter.rows, adapter.safe_rows))]
    in_vain = 0
    while todo and in_vain < adapter.safe_rows:
        start, rows = todo.pop()

        def asking(token: Secret, start: int = start, rows: int = rows) -> Target:
            return adapter.page(listed, Position("offset", start), rows=rows, token=token, keys_only=True)

        answered = caller.ask(asking, patient=False)
        opened = adapter.open(listed, answered.got.body) if answered.judgement == "good" else None
        if opened is not None:
            in_vain = 0
            keys += [item.key for item in opened.items]
            name = f"keys-{start:09d}-{rows}.json"
            shelf.keep("keys", listed.name, name, answered.got.body, {"start": start, "asked": rows})
            if not todo and opened.items:
                todo.append((start + len(opened.items), min(adapter.rows, adapter.safe_rows)))
        elif rows > 1:
            half = rows // 2
            todo += [(start + half, rows - half), (start, half)]
        else:
            in_vain += 1
            if not todo:
                todo.append((start + 1, adapter.safe_rows))
    return keys


def _fetch(caller: Caller, adapter: Adapter, shelf: Shelf, listed: Listed, *, key: str, name: str) -> None:
    def asking(token: Secret) -> Target:
        target = adapter.one(listed, key, token)
        assert target is not None  # the key is known, so it can be asked for
        return target

    if adapter.one(listed, key, Secret("")) is None:
        return
    answered = caller.ask(asking)
    opened = adapter.open(listed, answered.got.body) if answered.judgement == "good" else None
    walk = 1 + len(shelf.entries("restart", listed.name))
    detail = {"walk": walk, "by": "one", "start": 0, "behind": key, "asked": 1, "next": "", "end": False}
    if opened is not None:
        shelf.keep("page", listed.name, name, answered.got.body, {**detail, "items": len(opened.items)})
    elif answered.judgement != "refused":  # a refusal says that the row is gone
        aside = {"items": 1, "set_aside": "answer_fails", "key": key}
        shelf.keep("page", listed.name, name, answered.got.body, {**detail, **aside})


def _rank(key: str) -> tuple[int, int, str]:
    return (0, int(key), "") if key.isdecimal() else (1, 0, key)
