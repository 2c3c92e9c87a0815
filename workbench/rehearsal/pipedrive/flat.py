"""Custom values as v1 writes them, flat beside the built-in keys, and as v2 keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from workbench.rehearsal.engine import Json
from workbench.rehearsal.pipedrive.values import SUBFIELDS


def flattened(values: Mapping[str, object], types: Mapping[str, str], *, empty: bool) -> Json:
    """Values by their code, and the parts of compound ones by ``<code>_<part>``; ``empty`` shows what has no value too."""
    flat: Json = {}
    for code, kind in types.items():
        value = values.get(code)
        if value is None and not empty:
            continue
        flat[code] = _written(kind, value)
        for part in _parts(kind):
            flat[f"{code}_{part}"] = value.get(part) if isinstance(value, dict) else None
    return flat


def lifted(given: Json, types: Mapping[str, str], old: Mapping[str, object]) -> Json:
    """The custom values among the keys of a v1 body, in the form of v2; a part alone changes what was there."""
    found: Json = {}
    for code, kind in types.items():
        parts = {part: given[f"{code}_{part}"] for part in _parts(kind) if f"{code}_{part}" in given}
        if code in given or parts:
            before = old.get(code)
            before = before if isinstance(before, dict) else {}
            found[code] = _read(kind, given.get(code, before.get("value")), parts, before)
    return found


def _parts(kind: str) -> Iterable[str]:
    return (part for part, _, _ in SUBFIELDS.get(kind, ()) if part != "value")


def _written(kind: str, value: object) -> object:
    if kind in SUBFIELDS:
        return value.get("value") if isinstance(value, dict) else None
    if kind == "enum" and value is not None:
        return str(value)
    return ",".join(map(str, value)) if isinstance(value, list) else value


def _read(kind: str, value: object, parts: Json, before: Mapping[str, object]) -> object:
    if value in (None, "", []):
        return None
    if kind in ("enum", "user", "org", "people"):
        return _number(value)
    if kind == "set":
        items = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else [value]
        return [_number(item) for item in items]
    if kind == "double":
        return _number(value)
    if kind in SUBFIELDS:
        whole = {**_standing(kind, before), **{part: given for part, given in parts.items() if given not in (None, "")}}
        return {**whole, "value": _number(value) if kind == "monetary" else value}
    return value


def _standing(kind: str, before: Mapping[str, object]) -> Json:
    """What stays of the parts that are not sent; an address is always whole, as its parts belong to its text."""
    if kind == "address":
        return {}
    return {part: before[part] for part in _parts(kind) if before.get(part) is not None}


def _number(value: object) -> object:
    """A number that came as text, as forms send it; anything else as it is, for the check to judge."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.lstrip("-").isdecimal():
        return int(text)
    try:
        return float(text)
    except ValueError:
        return value
