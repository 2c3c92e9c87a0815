"""The forms that Freshsales takes: always in parts, with groups of fields in brackets."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.rehearsal.engine import Call, Json, Refusal
from workbench.rehearsal.engine.uploads import MULTIPART, Form, media_type, multipart


def is_multipart(call: Call) -> bool:
    """Whether the request says that it comes in parts."""
    return media_type(call) == MULTIPART


def parts_of(call: Call) -> Form:
    """The parts of a request; ``Refusal`` where it has none or they cannot be told apart."""
    if not is_multipart(call):
        raise Refusal(400, "The request is not multipart/form-data")
    form = multipart(call)
    if form is None:
        raise Refusal(400, "The multipart body cannot be read")
    return form


def nested(fields: Mapping[str, str]) -> Json:
    """``a[b][c]=1`` as ``{"a": {"b": {"c": "1"}}}``; a key that is both a value and a group counts as the value."""
    whole: Json = {}
    for name, value in fields.items():
        *path, last = name.replace("]", "").split("[")
        place: object = whole
        for word in path:
            place = place.setdefault(word, {}) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place[last] = value
    return whole
