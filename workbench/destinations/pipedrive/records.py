"""Records of Pipedrive in both directions: declared names and labels on our side, hashes, ids and shapes on the wire.

What a change replaces as a whole on the wire (an address, the telephone numbers, a text with our key in its last line)
is laid over what the record holds now, so that a change of one part leaves the others alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.destinations import Draft, Record, Value
from workbench.destinations.pipedrive.marker import Marked, as_html, as_text, marked, parted, unnamed
from workbench.destinations.pipedrive.options import chosen_in, chosen_out, in_several_lines, placed
from workbench.destinations.pipedrive.picture import Picture, Place, Wire
from workbench.destinations.pipedrive.settings import Dials
from workbench.destinations.pipedrive.values import (
    Unfit,
    clock_in,
    clock_out,
    day_in,
    duration_in,
    duration_out,
    flag_out,
    id_out,
    moment_in,
    moment_out,
    number_out,
    object_in,
    object_out,
    plain_number,
    single,
)
from workbench.destinations.pipedrive.wholes import address_over, contacts_in, contacts_over, price_in, prices_over

__all__ = ["Form", "Unfit", "body_of", "key_of", "leans_on_present", "record_of"]

LISTED = ("emails", "phones")
PRICES = "prices"
SHAPED = ("monetary", "daterange", "time", "timerange", "address")
NUMBERS = ("decimal", "money", "percent")
LONGEST = {"varchar": 255, "varchar_auto": 255, "phone": 255, "text": 65_535}
"""Characters that a custom field holds; more would be refused, and an activity or a note has a limit of its own."""
STAY = (
    "title",
    "name",
    "currency",
    "owner_id",
    "user_id",
    "visible_to",
    "pipeline_id",
    "stage_id",
    "status",
    "type",
    "subject",
)
"""Keys that always hold something: null is refused or means nothing."""
CLEARED_BY_STATUS = ("won_time", "lost_time", "close_time", "lost_reason")
EMPTY: Mapping[str, object] = {"emails": [], "phones": [], "label_ids": [], "participants": []}
BLANK_DAYS = ("expected_close_date", "due_date", "birthday")
"""Days of v2 that null does not empty, and an empty text does."""


@dataclass(frozen=True)
class Form:
    """How this account is written to."""

    picture: Picture
    place: Place
    dials: Dials

    @property
    def wires(self) -> Mapping[str, Wire]:
        return self.picture.wires[self.place.object]

    @property
    def text_key(self) -> str:
        """The text that bears our key, where no field does; else empty."""
        return "" if self.place.takes_fields else self.picture.marker(self.place).key


def leans_on_present(form: Form, draft: Draft) -> bool:
    """Whether a change has to know what the record holds now."""
    if not draft.id:
        return False
    if form.place.object == "deal" and in_several_lines(form.wires, draft):
        return True
    wires = [form.wires[name] for name in draft.values if name in form.wires]
    whole = (*LISTED, PRICES, form.text_key) if form.text_key else (*LISTED, PRICES)
    return any(not wire.custom and (wire.part or wire.key in whole) for wire in wires)


def key_of(form: Form, raw: Mapping[str, Any]) -> str:
    """Our key, where a record as the account shows it bears one."""
    if form.text_key:
        return held_in(form, str(raw.get(form.text_key) or "")).key
    marker = form.wires.get(form.place.spec.marker)
    held = (raw.get("custom_fields") or {}).get(marker.key) if marker else None
    return str(held or "")


def held_in(form: Form, text: str) -> Marked:
    """The text that bears our key as the account shows it: of a file its name, else the end of what was written."""
    if form.place.sent_as_form:
        return unnamed(text, style=form.dials.file_marker_style)
    return parted(text, style=form.dials.marker_style)


# ---------------------------------------------------------------- out


def body_of(form: Form, draft: Draft, *, present: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A draft as it is sent; a new record also bears our key. Raises Unfit. ``present`` is what a change is laid over."""
    wires = form.wires
    body: dict[str, Any] = {}
    custom: dict[str, Any] = {}
    parts: dict[str, dict[str, Value]] = {}
    for name, value in draft.values.items():
        if value is None and not draft.id:
            continue
        if name not in wires:
            raise Unfit(f"the account has no field {name} on {form.place.spec.label}")
        wire = wires[name]
        if wire.custom:
            custom[wire.key] = None if _is_empty(value) else _custom_out(form, wire, value)
        elif wire.part or wire.key in (*LISTED, PRICES, form.text_key):
            parts.setdefault(wire.key, {})[_slot(form, wire)] = value
        elif wire.name not in ("pipeline", "stage", "pipeline_stage"):
            _put(body, wire, None if _is_empty(value) else _native_out(form, wire, value), draft)
    body |= placed(wires, draft, line=(present or {}).get("pipeline_id"))
    _mark(form, draft, custom, parts)
    _name(body, draft)
    for key, given in parts.items():
        body[key] = _whole(form, key, given, present or {})
    return {**body, "custom_fields": custom} if custom else body


def _name(body: dict[str, Any], draft: Draft) -> None:
    """Give a new person of one name a whole one, too: without it the account takes both parts or none."""
    said = [body[key] for key in ("first_name", "last_name") if key in body]
    if not draft.id and len(said) == 1:
        body.setdefault("name", said[0])


def _is_empty(value: Value) -> bool:
    return value is None or value == "" or value == []


def _slot(form: Form, wire: Wire) -> str:
    """What of a value that is replaced as a whole a field stands for."""
    if wire.key == form.text_key:
        return "key" if wire.name == form.place.spec.marker else "text"
    return wire.part


def _mark(form: Form, draft: Draft, custom: dict[str, Any], parts: dict[str, dict[str, Value]]) -> None:
    """Put our key into a new record."""
    if draft.id:
        return
    marker = form.picture.marker(form.place)
    if not form.place.takes_fields:
        parts.setdefault(marker.key, {})["key"] = draft.key
        return
    if len(draft.key) > LONGEST["varchar"]:
        raise Unfit(f"the key has {len(draft.key)} characters, and {marker.label} holds {LONGEST['varchar']}")
    custom[marker.key] = draft.key


def _put(body: dict[str, Any], wire: Wire, sent: object, draft: Draft) -> None:
    """Set a key, or empty it in the way in which this one is emptied."""
    if sent is not None:
        body[wire.key] = sent
    elif not draft.id:
        return
    elif wire.key in STAY or (wire.key in ("won_time", "lost_time") and "status" not in draft.values):
        raise Unfit(f"{wire.label} cannot be emptied")
    elif wire.key in CLEARED_BY_STATUS and "status" in draft.values:
        return  # another status empties it, and a null would be refused
    elif wire.key in BLANK_DAYS:
        body[wire.key] = ""
    elif wire.kind == "boolean":
        body[wire.key] = 0 if wire.key.endswith("_flag") else False
    else:
        body[wire.key] = EMPTY.get(wire.key)


def _native_out(form: Form, wire: Wire, value: Value) -> object:
    if wire.key == "participants":
        people = value if isinstance(value, list) else [str(value)]
        return [{"person_id": id_out(wire.label, one), "primary": place == 0} for place, one in enumerate(people)]
    if wire.chosen:
        return chosen_out(wire, value)
    plain = single(wire.label, value)
    if wire.kind in ("owner", "lookup"):
        return str(plain) if wire.key == "lead_id" else id_out(wire.label, plain)
    if wire.kind == "datetime":
        return moment_out(wire.label, plain, spaced=form.place.object == "note")
    if wire.kind == "time":
        return clock_out(wire.label, plain, form=form.dials.due_time_form)
    if wire.kind == "duration":
        return duration_out(wire.label, plain, form=form.dials.due_time_form)
    if wire.kind == "boolean":
        flag = flag_out(wire.label, plain)
        return int(flag) if wire.key.endswith("_flag") else flag
    if wire.kind == "integer" or wire.kind in NUMBERS:
        return number_out(wire.label, plain, whole=wire.kind == "integer")
    return str(plain)


def _custom_out(form: Form, wire: Wire, value: Value) -> object:
    if wire.chosen:
        return chosen_out(wire, value)
    plain = single(wire.label, value)
    if wire.wire_type in SHAPED:
        return object_out(wire.wire_type, wire.label, plain, currency=form.picture.currency)
    if wire.wire_type == "double":
        return number_out(wire.label, plain)
    if wire.wire_type in ("user", "org", "people"):
        return id_out(wire.label, plain)
    text = str(plain).lower() if isinstance(plain, bool) else str(plain)
    if len(text) > LONGEST.get(wire.wire_type, len(text)):
        raise Unfit(f"{wire.label} holds {LONGEST[wire.wire_type]} characters, not {len(text)}")
    return text


def _whole(form: Form, key: str, given: Mapping[str, Value], present: Mapping[str, Any]) -> object:
    """A value that is replaced as a whole, with what is given laid over what is there."""
    if key in LISTED:
        apart = {wire.part for wire in form.wires.values() if wire.key == key and wire.part}
        return contacts_over(present.get(key) or [], given, apart=apart)
    if key == PRICES:
        return prices_over(present.get(key) or [], given, currency=form.picture.currency)
    if key != form.text_key:
        return address_over(present.get(key) or {}, given)
    held = parted(str(present.get(key) or ""), style=form.dials.marker_style)
    key_ = str(given.get("key") or "") if "key" in given else held.key
    text, plain = held.text, form.place.plain_text
    if "text" in given:
        said = "" if _is_empty(given["text"]) else str(single("the text", given["text"]))
        text = said if plain or not said else as_html(said, form=form.dials.note_form)
    return marked(text, key_, style=form.dials.marker_style, line_end="\n" if plain else "<br>") if key_ else text


# ---------------------------------------------------------------- in


def record_of(form: Form, raw: Mapping[str, Any]) -> Record:
    """A record as the account shows it, under declared names and labels; fields that it never shows are left out."""
    custom = raw.get("custom_fields") or {}
    never = {field.name for field in form.place.spec.fields if field.unread}
    shown = {name: wire for name, wire in form.wires.items() if name not in never}
    values = {name: _in(form, wire, custom if wire.custom else raw) for name, wire in shown.items()}
    updated, made, maker = (str(raw.get(name) or "") for name in ("update_time", "add_time", "creator_user_id"))
    return Record(str(raw["id"]), key_of(form, raw), values, updated, made, maker)


def _in(form: Form, wire: Wire, raw: Mapping[str, Any]) -> Value:
    value = raw.get(wire.key)
    if value is None or value == "" or value == []:
        return None
    if not wire.custom:
        if wire.key in LISTED:
            apart = {other.part for other in form.wires.values() if other.key == wire.key and other.part}
            return _shortest(contacts_in(value, wire.part, apart=apart))
        if wire.key == PRICES:
            return price_in(value, wire.part)
        if wire.key == "participants":
            people = sorted(value, key=lambda row: not row.get("primary"))
            return _shortest([str(row["person_id"]) for row in people])
        if wire.part:
            part = value.get(wire.part) if isinstance(value, Mapping) else None
            return None if part in (None, "") else str(part)
        if wire.key == form.text_key:
            return _text_in(form, wire, str(value))
    if wire.chosen:
        return chosen_in(wire, value)
    if isinstance(value, Mapping):
        known = wire.wire_type in SHAPED
        zone, currency = form.picture.zone, form.picture.currency
        return object_in(wire.wire_type, value, currency=currency, zone=zone) if known else _as_json(value)
    return _scalar(wire, value)


def _text_in(form: Form, wire: Wire, content: str) -> Value:
    held = held_in(form, content)
    if wire.name == form.place.spec.marker:
        return held.key or None
    as_it_is = form.place.sent_as_form or form.place.plain_text
    return (held.text if as_it_is else as_text(held.text, form=form.dials.note_form)) or None


def _scalar(wire: Wire, value: Any) -> Value:
    if isinstance(value, bool) or wire.kind == "boolean":
        return bool(value)
    if wire.kind == "duration" and not wire.custom:
        return duration_in(value)
    if wire.kind in ("owner", "lookup"):
        return str(value)
    if wire.kind == "integer" or wire.kind in NUMBERS or wire.wire_type == "double":
        return _number_in(wire, value)
    if wire.kind == "datetime" and not wire.custom:
        return moment_in(value)
    if wire.wire_type == "date":
        return day_in(value)
    if wire.kind == "time" and not wire.custom:
        return clock_in(value)
    return [str(item) for item in value] if isinstance(value, list) else str(value)


def _number_in(wire: Wire, value: object) -> Value:
    try:
        text = plain_number(value)
    except ValueError:
        return str(value)
    return int(text) if wire.kind in ("integer", "duration") and "." not in text else text


def _as_json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _shortest(items: Sequence[str]) -> Value:
    if not items:
        return None
    return items[0] if len(items) == 1 else list(items)
