"""Records of Freshsales that bear our key in their text: tasks, appointments, sales activities, notes and calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.destinations import Draft, Record
from workbench.destinations.freshsales.marker import marked, parted
from workbench.destinations.freshsales.parents import fields_of, parents_in
from workbench.destinations.freshsales.picture import Picture, Place, Wire
from workbench.destinations.freshsales.records import fields_out, values_of

__all__ = ["key_in", "leans_on_present", "text_body", "text_record"]


def text_of(picture: Picture, place: Place) -> Wire:
    """The field whose text bears the key."""
    marker = picture.marker(place)
    return next(wire for wire in picture.wires[place.object].values() if wire.key == marker.key and wire.name != marker.name)


def leans_on_present(picture: Picture, place: Place, draft: Draft) -> bool:
    """Whether a change has to know the text that stands there now, as our key is a part of it."""
    return bool(draft.id) and bool({text_of(picture, place).name, place.spec.marker} & set(draft.values))


def text_body(
    picture: Picture, place: Place, draft: Draft, *, style: str, present: Mapping[str, Any], joined: bool = False
) -> dict[str, Any]:
    """A draft as it is sent, without what it hangs on; a new record also bears our key. Raises Unfit.

    `present` is the record as it stands now, where a change of its text has to keep the key in it.
    """
    text, marker = text_of(picture, place), place.spec.marker
    apart = {text.name, marker, "attendees", *fields_of(picture, place)}
    body, custom = fields_out(picture, place, draft, joined=joined, apart=apart)
    held = parted(str(present.get(text.key) or ""), style=style)
    if not draft.id or leans_on_present(picture, place, draft):
        key = draft.values.get(marker, held.key) if draft.id else draft.key
        words = draft.values.get(text.name, held.text if draft.id else "")
        plain = "" if words is None else str(words)
        body[text.key] = marked(plain, str(key), style=style) if key else plain
    return {**body, "custom_field": custom} if custom else body


def text_record(picture: Picture, place: Place, raw: Mapping[str, Any], *, style: str, id_: str = "") -> Record:
    """A record as the account shows it, with its text apart from our key; `id_` where the API's own does not lead to it."""
    text = text_of(picture, place)
    held = parted(str(raw.get(text.key) or ""), style=style)
    values = values_of(picture, place, raw) | parents_in(picture, place, raw)
    values |= {text.name: held.text or None, place.spec.marker: held.key or None}
    updated, made, maker = (str(raw.get(name) or "") for name in ("updated_at", "created_at", "creater_id"))
    return Record(id_ or str(raw["id"]), held.key, values, updated, made, maker)


def key_in(picture: Picture, place: Place, raw: Mapping[str, Any], *, style: str) -> str:
    """Our key, where a record as the account shows it bears one."""
    return parted(str(raw.get(text_of(picture, place).key) or ""), style=style).key
