"""The history checker: what a tenant holds and what the ledger says, against the rows that were to be loaded.

It reads the stand-in's dump and the ledger's own table, without the client and without the guard.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from fault_loads import ENGAGEMENT, Kind, Scene

from workbench.ledger import Ledger
from workbench.store import open_store

MARKER_LABEL = "Migration Key"


@dataclass(frozen=True)
class Violation:
    """Something that must not be."""

    what: str  # duplicate, lost, dangling, stray, value, resent, unwritten, premature, ledger, open
    key: str
    words: str = ""


@dataclass(frozen=True)
class Shelf:
    """The records of one kind in a dump: by the key that they bear, and those that bear none."""

    by_key: Mapping[str, Sequence[tuple[str, Mapping[str, Any]]]]
    bare: Sequence[str]


def shelves(scene: Scene, dump: Mapping[str, Any]) -> dict[str, Shelf]:
    """Feed → what a dump holds of it."""
    found = {}
    for kind, _ in scene.kinds:
        by_key: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
        bare = []
        for number, body in dump["records"].get(kind.shelf, {}).items():
            key = MARKERS[scene.vendor](dump, kind, body)
            if key:
                by_key.setdefault(key, []).append((number, body))
            else:
                bare.append(number)
        found[kind.feed] = Shelf(by_key, bare)
    return found


def finished(scene: Scene, dump: Mapping[str, Any]) -> list[Violation]:
    """What is wrong once a load has come to its end: I2, I4, I7."""
    found = shelves(scene, dump)
    return [*_standing(scene, found), *_linked(scene, found), *_ledger(scene, found), *_fields(dump)]


def made(scene: Scene, dump: Mapping[str, Any]) -> dict[str, int]:
    """Feed → how many records were ever made of it, those included that were taken away again: no id is given twice."""
    firsts = import_module(f"workbench.rehearsal.{scene.vendor}").FIRST_IDS
    return {kind.feed: dump["counters"].get(kind.shelf, 0) - (firsts.get(kind.shelf, 1) - 1) for kind, _ in scene.kinds}


def resent(scene: Scene, dump: Mapping[str, Any], *, allowed: int = 0) -> list[Violation]:
    """Records that were made beyond those asked for, where a look would have found them: I3.

    `allowed` is how many the destination itself has doubled, as a proxy that repeats requests does.
    """
    extra = {kind.feed: made(scene, dump)[kind.feed] - size for kind, size in scene.kinds}
    if sum(extra.values()) <= allowed:
        return []
    words = f"{sum(extra.values())} records too many were made, {allowed} of them by the destination itself"
    return [Violation("resent", feed, words) for feed, count in extra.items() if count > 0]


def interrupted(scene: Scene, dump: Mapping[str, Any]) -> list[Violation]:
    """What is wrong at the moment of a crash, I1: a record over there of which the ledger holds no intent, or the reverse."""
    states = _states(scene.store)
    found = shelves(scene, dump)
    wrong = []
    for kind, _ in scene.kinds:
        for key in found[kind.feed].by_key:
            if (kind.object, key) not in states:
                wrong.append(Violation("unwritten", key, "it is over there, and the ledger knows nothing of it"))
        for (object_, key), state in states.items():
            if object_ == kind.object and state == "done" and key not in found[kind.feed].by_key:
                wrong.append(Violation("premature", key, "the ledger says done, and it is not over there"))
    return wrong


def _standing(scene: Scene, found: Mapping[str, Shelf]) -> Iterator[Violation]:
    for kind, size in scene.kinds:
        shelf = found[kind.feed]
        wanted = {scene.key(kind.feed, number): number for number in range(size)}
        for bare in shelf.bare:
            yield Violation("stray", bare, f"{kind.feed} without a key of ours")
        for key in shelf.by_key.keys() - wanted.keys():
            yield Violation("stray", key, "nobody asked for it")
        for key, number in wanted.items():
            records = shelf.by_key.get(key, ())
            if not records:
                yield Violation("lost", key)
            if len(records) > 1:
                yield Violation("duplicate", key, f"{len(records)} records")
            for name, value in scene.cast.values(kind.feed, number).items():
                yield from (
                    Violation("value", key, f"{name}: {value!r}")
                    for _, body in records
                    if not VALUES[scene.vendor](body, name, value)
                )


def _linked(scene: Scene, found: Mapping[str, Shelf]) -> Iterator[Violation]:
    """A link points at the one record that bears the parent's key."""
    for kind, size in scene.kinds:
        for number in range(size):
            for name in kind.links:
                parent = scene.parent(kind, name, number)
                wanted = {found_ for found_, _ in found[kind.links[name]].by_key.get(parent, ())}
                for _, body in found[kind.feed].by_key.get(scene.key(kind.feed, number), ()):
                    held = LINKS[scene.vendor](body, name)
                    if len(held) != 1 or not held <= wanted:
                        yield Violation("dangling", scene.key(kind.feed, number), f"{name} is {sorted(held)}, not {parent}")


def _ledger(scene: Scene, found: Mapping[str, Shelf]) -> Iterator[Violation]:
    """The ledger names each record once, by its own id, and leaves nothing open."""
    store = open_store(scene.store)
    try:
        ledger = Ledger(store, engagement_id=ENGAGEMENT)
        for row in ledger.operations.unsettled():
            yield Violation("open", row.key, f"{row.verb} is {row.state}")
        for kind, _ in scene.kinds:
            ids = ledger.ids(kind.object)
            there = {key: records[0][0] for key, records in found[kind.feed].by_key.items() if len(records) == 1}
            for key in ids.keys() | there.keys():
                if ids.get(key) != there.get(key):
                    yield Violation("ledger", key, f"the ledger says {ids.get(key)}, the tenant {there.get(key)}")
    finally:
        store.dispose()


def _fields(dump: Mapping[str, Any]) -> Iterator[Violation]:
    """No field that was made has a twin."""
    rows = [*dump["records"].get("fields", {}).values(), *dump["records"].get("customFields", {}).values()]
    labels = Counter((str(row["object"]), str(row.get("label", row["name"]))) for row in rows)
    yield from (Violation("duplicate", f"field {label}", object_) for (object_, label), count in labels.items() if count > 1)


def _states(path: Path) -> dict[tuple[str, str], str]:
    """Object and key → the state of its newest operation on a record."""
    store = open_store(path)
    try:
        frame = Ledger(store, engagement_id=ENGAGEMENT).frame()
    finally:
        store.dispose()
    rows = frame[frame["verb"].isin(["create", "update"])]
    return {(str(row.object), str(row.key)): str(row.state) for row in rows.itertuples()}


# ---------------------------------------------------------------- how a dump of each vendor is read


def _fresh_marker(dump: Mapping[str, Any], kind: Kind, body: Mapping[str, Any]) -> str:
    if kind.object == "contact":
        return str(body.get("external_id") or "")
    names = [
        row["name"]
        for row in dump["records"].get("fields", {}).values()
        if row["object"] == kind.shelf and row["label"] == MARKER_LABEL
    ]
    return str((body.get("custom_field") or {}).get(names[0]) or "") if names else ""


def _fresh_value(body: Mapping[str, Any], name: str, value: object) -> bool:
    if name == "emails":
        return [row["value"] for row in body.get("emails", [])] == [value]
    held = body.get(name)
    return float(held) == value if isinstance(value, int) and held not in (None, "") else (held or None) == value


def _fresh_links(body: Mapping[str, Any], name: str) -> set[str]:
    if name == "sales_accounts":
        return {str(row["id"]) for row in body.get("sales_accounts", [])}
    if name == "contacts":
        return {str(number) for number in body.get("contact_ids", [])}
    return {str(body[f"{name}_id"])} if body.get(f"{name}_id") else set()


def _pipe_marker(dump: Mapping[str, Any], kind: Kind, body: Mapping[str, Any]) -> str:
    if kind.object in ("activity", "note"):
        text = str(body.get("note" if kind.object == "activity" else "content") or "")
        found = re.findall(r"\[migration key: ([^\]]+)\]", text)
        return unquote(found[-1]) if found else ""
    codes = [
        row["code"]
        for row in dump["records"].get("customFields", {}).values()
        if row["object"] == kind.object and row["name"] == MARKER_LABEL
    ]
    return str((body.get("custom_fields") or {}).get(codes[0]) or "") if codes else ""


def _pipe_value(body: Mapping[str, Any], name: str, value: object) -> bool:
    if name == "emails":
        return [row["value"] for row in body.get("emails", [])] == [value]
    if name in ("note", "content"):
        return str(value).split("\n")[0] in str(body.get(name))
    return bool(body.get(name) == value)


PIPE_LINKS = {"organization": "org_id", "person": "person_id", "deal": "deal_id"}


def _pipe_links(body: Mapping[str, Any], name: str) -> set[str]:
    held = body.get(PIPE_LINKS[name])
    return {str(held)} if held else set()


MARKERS = {"freshsales": _fresh_marker, "pipedrive": _pipe_marker}
VALUES = {"freshsales": _fresh_value, "pipedrive": _pipe_value}
LINKS = {"freshsales": _fresh_links, "pipedrive": _pipe_links}
