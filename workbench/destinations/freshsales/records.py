"""Records of Freshsales in both directions: declared names and labels on our side, keys, ids and wrappers on the wire.

Numbers come back as plain decimal text without an exponent and without trailing zeros (`1200.0` is `1200`), the same
for what was sent as `1200.00`; whole-number fields come back as int, days as `YYYY-MM-DD`, moments in UTC. A link, an
address or any other list of one is that one text, a longer list is a list with the primary one first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from workbench.destinations import Draft, Record, Value
from workbench.destinations.freshsales.marker import pending
from workbench.destinations.freshsales.picture import LINES, Option, Picture, Place, Wire
from workbench.errors import listed

__all__ = [
    "SeveralPlaces",
    "Unfit",
    "answers",
    "body_of",
    "fields_out",
    "held",
    "includes",
    "moment_out",
    "plain_number",
    "record_of",
    "values_of",
    "words_of",
]

NUMBERS = ("number", "decimal")
MOMENT = "date_time_split"
WHOLE = ("integer",)
AMOUNTS = ("money", "decimal", "percent")
ECHOED = ("name", "first_name", "last_name")
GROUPED = {"deal_stage": "deal_pipeline", "contact_status": "lifecycle_stage", "outcome": "type"}
"""A choice whose label may stand in several groups → the field that says which group."""


class Unfit(Exception):
    """A value cannot be sent as it is; the message says which and why."""


class SeveralPlaces(Unfit):
    """A label stands in several groups, and nothing that is sent says in which one it is meant."""


def plain_number(value: object) -> str:
    """A number as plain decimal text: `1200.0`, `1200.00` and 1200 are all `1200`. ValueError for anything else."""
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise ValueError(f"{value!r} is no number") from None
    if isinstance(value, bool) or not number.is_finite():
        raise ValueError(f"{value!r} is no number")
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def includes(picture: Picture, place: Place, *, lifecycle: str = "lifecycle_stage") -> str:
    """What to ask for so that links and lists are read back; without it they look empty."""
    wires = picture.wires[place.object].values()
    wanted = [lifecycle if wire.name == "lifecycle_stage" else wire.include for wire in wires if wire.include]
    return ",".join(dict.fromkeys(wanted))


# ---------------------------------------------------------------- out


def body_of(
    picture: Picture, place: Place, draft: Draft, *, joined: bool = False, present: Mapping[str, Value] | None = None
) -> dict[str, Any]:
    """A draft as it is sent, without the wrapper; a new record also bears our key. Raises Unfit.

    `joined` sends several choices as one text with semicolons instead of as a list. What a changed record holds at
    `present` says which group a label is meant in, such as the pipeline of a stage, where the draft does not.
    """
    marker = None if draft.id else picture.marker(place)
    body, custom = fields_out(picture, place, draft, joined=joined, present=present)
    if marker is not None:
        (custom if marker.custom else body)[marker.key] = draft.key
        if place.object == "lead" and place.shared:
            body.setdefault("lifecycle_stage_id", _id(picture.lead_stage))
    return {**body, "custom_field": custom} if custom else body


def fields_out(
    picture: Picture,
    place: Place,
    draft: Draft,
    *,
    joined: bool = False,
    apart: Collection[str] = (),
    present: Mapping[str, Value] | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Native and custom fields of a draft as they are sent, but for those that the caller sends `apart`. Raises Unfit."""
    wires = picture.wires[place.object]
    body: dict[str, Any] = {}
    custom: dict[str, Any] = {}
    beside = {**(present or {}), **draft.values}
    for name, value in draft.values.items():
        if name in apart or (value is None and not draft.id):
            continue
        if name not in wires:
            raise Unfit(f"the account has no field {name} on {place.spec.label}")
        wire = wires[name]
        sent = None if value is None or value == "" or value == [] else _out(wire, value, beside, wires, joined=joined)
        _put(custom if wire.custom else body, wire, sent)
    return body, custom


def _put(body: dict[str, Any], wire: Wire, sent: object) -> None:
    if wire.name == "contacts" and not wire.custom:
        body["contacts_added_list"] = sent or []
    elif wire.name in ("sales_accounts", "tags") and not wire.custom:
        body[wire.key] = sent or []
    else:
        body[wire.key] = sent


def _out(wire: Wire, value: Value, beside: Mapping[str, Value], wires: Mapping[str, Wire], *, joined: bool) -> object:
    if wire.custom:
        return _custom_out(wire, value, joined=joined)
    if wire.by_id:
        return _id(_option(wire, str(value), beside, wires).id)
    if wire.kind == "owner":
        return _id(str(value))
    if wire.kind == "lookup":
        return _link_out(wire, value)
    if wire.kind in ("integer", *AMOUNTS):
        return _number(wire, value)
    if wire.kind == "boolean":
        return _flag(wire, value)
    if wire.kind == "datetime":
        return moment_out(wire.label, value)
    return [str(value)] if wire.kind == "multi_picklist" and not isinstance(value, list) else _text_or_texts(value)


def moment_out(label: str, value: Value) -> str:
    """A moment as it is sent, which has to say its offset. Raises Unfit."""
    found = _moment(value)
    if found is None or found.tzinfo is None:
        raise Unfit(f"{label} takes a day and a time with its offset, not {value!r}")
    return found.astimezone(UTC).isoformat()


def _moment(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        return None


def _custom_out(wire: Wire, value: Value, *, joined: bool) -> object:
    if wire.wire_type == "multi_select_dropdown":
        labels = [str(item) for item in value] if isinstance(value, list) else [str(value)]
        return ";".join(labels) if joined else labels
    if isinstance(value, list):
        raise Unfit(f"{wire.label} takes one value, not {len(value)}")
    if wire.wire_type in NUMBERS:
        return _number(wire, value)
    if wire.wire_type == "checkbox":
        return _flag(wire, value)
    if wire.wire_type == MOMENT:
        return moment_out(wire.label, value)
    return _id(str(value)) if wire.wire_type == "lookup" else str(value)


def _flag(wire: Wire, value: Value) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    raise Unfit(f"{wire.label} takes true or false, not {value!r}")


def _number(wire: Wire, value: Value) -> int | float:
    try:
        text = plain_number(value)
    except ValueError:
        raise Unfit(f"{wire.label} takes a number, not {value!r}") from None
    if "." not in text:
        return int(text)
    if plain_number(repr(float(text))) != text:
        raise Unfit(f"{wire.label} has more digits than can be sent: {text}")
    return float(text)


def _text_or_texts(value: Value) -> object:
    if isinstance(value, list):
        return [str(item) for item in value]
    return str(value)


def _link_out(wire: Wire, value: Value) -> object:
    ids = [_id(str(item)) for item in value] if isinstance(value, list) else [_id(str(value))]
    if wire.name == "sales_accounts":
        return [{"id": number, "is_primary": place == 0} for place, number in enumerate(ids)]
    if wire.name == "contacts":
        return ids
    if len(ids) > 1:
        raise Unfit(f"{wire.label} takes one record, not {len(ids)}")
    return ids[0]


def _option(wire: Wire, label: str, beside: Mapping[str, Value], wires: Mapping[str, Wire]) -> Option:
    """The option of that label; of several groups' options, the one in the group that the values beside it name."""
    wanted = label.strip().casefold()
    found = [option for option in wire.options if option.label.strip().casefold() == wanted]
    parent = GROUPED.get(wire.name, "")
    group = beside.get(parent)
    if group and parent in wires:
        chosen = _option(wires[parent], str(group), beside, wires)
        found = [option for option in found if option.group == chosen.id]
    if not found:
        known = listed(list(dict.fromkeys(option.label for option in wire.options)))
        raise Unfit(f"{wire.label} has no option {label!r}; it has {known}")
    if len(found) > 1:
        raise SeveralPlaces(f"{wire.label} has {label!r} in {len(found)} places: set {parent or 'it'} too")
    return found[0]


def _id(text: str) -> int | str:
    """Ids travel as numbers; one that is no number is sent as it is, and the destination says what it thinks."""
    return int(text) if text.isdecimal() else text


# ---------------------------------------------------------------- in


def record_of(picture: Picture, place: Place, raw: Mapping[str, Any]) -> Record:
    """A record as the account shows it, under declared names and labels."""
    wires = picture.wires[place.object]
    custom = raw.get("custom_field") or {}
    values = values_of(picture, place, raw)
    marker = wires.get(place.spec.marker)
    key = (custom if marker.custom else raw).get(marker.key) if marker else None
    updated, made, maker = (str(raw.get(name) or "") for name in ("updated_at", "created_at", "creater_id"))
    return Record(str(raw["id"]), str(key or ""), values, updated, made, maker)


def values_of(picture: Picture, place: Place, raw: Mapping[str, Any]) -> dict[str, Value]:
    """The fields of a record under declared names and labels; what the account does not show is None.

    Of a deal whose lines are being changed the amount is the one that it gets back.
    """
    custom, wires = raw.get("custom_field") or {}, picture.wires[place.object]
    values = {name: _in(wire, custom if wire.custom else raw) for name, wire in wires.items()}
    kept = pending(str(values.get(LINES.name) or "")) if place.object == LINES.object else ""
    return {**values, "amount": kept} if kept else values


def _in(wire: Wire, raw: Mapping[str, Any]) -> Value:
    if not wire.custom:
        if wire.name == "emails":
            return _shortest(_addresses(raw))
        if wire.kind == "lookup":
            return _shortest(_links(wire, raw))
    value = raw.get(wire.key)
    if value is None or value == "" or value == []:
        return None
    if wire.by_id:
        return next((option.label for option in wire.options if option.id == str(value)), str(value))
    if wire.wire_type == "multi_select_dropdown":
        return [str(item) for item in value] if isinstance(value, list) else str(value).split(";")
    return _scalar(wire, value)


def _scalar(wire: Wire, value: Any) -> Value:
    if isinstance(value, bool):
        return value
    if not wire.custom and wire.kind == "boolean":
        return str(value) in ("1", "true")
    if (
        (wire.wire_type == MOMENT or (not wire.custom and wire.kind == "datetime"))
        and (found := _moment(value)) is not None
        and found.tzinfo
    ):
        return found.astimezone(UTC).isoformat()
    if wire.kind in WHOLE and _is_number(value):
        text = plain_number(value)
        return text if "." in text else int(text)
    if (wire.kind in AMOUNTS or wire.wire_type in NUMBERS) and _is_number(value):
        return plain_number(value)
    if wire.kind == "date" or wire.wire_type == "date":
        return str(value)[:10]
    return [str(item) for item in value] if isinstance(value, list) else str(value)


def _is_number(value: object) -> bool:
    try:
        plain_number(value)
    except ValueError:
        return False
    return True


def _addresses(raw: Mapping[str, Any]) -> list[str]:
    rows = [row for row in raw.get("emails") or [] if isinstance(row, dict) and row.get("value")]
    rows.sort(key=lambda row: not row.get("is_primary"))
    found = [str(row["value"]) for row in rows]
    return found or ([str(raw["email"])] if raw.get("email") else [])


def _links(wire: Wire, raw: Mapping[str, Any]) -> list[str]:
    rows = raw.get(wire.key)
    if rows is None and wire.name == "contacts":
        rows = raw.get("contact_ids")
    if not isinstance(rows, list):
        return [] if rows is None else [str(rows)]
    linked = [row if isinstance(row, dict) else {"id": row} for row in rows]
    linked.sort(key=lambda row: not row.get("is_primary"))
    return [str(row["id"]) for row in linked]


def _shortest(items: Sequence[str]) -> Value:
    if not items:
        return None
    return items[0] if len(items) == 1 else list(items)


def answers(record: Mapping[str, Any], data: Mapping[str, Any], *, id_: str, marker: Wire) -> bool:
    """Whether a record that was answered is the one that was sent, and not that of another request.

    A change has to come back with its id, a new record with our key. Where the account does not echo that field, the
    names that were sent have to come back, and at least one of them.
    """
    if id_:
        return str(record.get("id")) == id_
    sent, told = ((body.get("custom_field") or {} if marker.custom else body).get(marker.key) for body in (data, record))
    if told not in (None, ""):
        return str(told) == str(sent)
    pairs = [(data[name], record[name]) for name in ECHOED if isinstance(data.get(name), str) and record.get(name)]
    return bool(pairs) and all(str(now).strip().casefold() == one.strip().casefold() for one, now in pairs)


def words_of(data: object) -> list[str]:
    """Whatever the destination said about an error, as a list of sentences in its own words."""
    if isinstance(data, str):
        return [data] if data else []
    if isinstance(data, Mapping):
        inner = [data[key] for key in ("errors", "message", "error_message", "description") if data.get(key)]
        return _flat(inner)
    return _flat(data) if isinstance(data, list) else []


def _flat(items: Iterable[object]) -> list[str]:
    return [words for item in items for words in words_of(item)]


def held(record: Record, field_: str) -> set[str]:
    """The values of a field, folded."""
    value = record.values.get(field_)
    items = value if isinstance(value, list) else [value]
    return {str(item).strip().casefold() for item in items if item is not None}
