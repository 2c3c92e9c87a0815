"""What a Pipedrive account looks like today: the hashes of its fields, their options, its people, pipelines and stages."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.destinations import LiveField, Metadata, User
from workbench.destinations.fields import MARKER, marker_field, unmarked
from workbench.destinations.pipedrive.calls import ONLY_V1, Calls, has_more, must, one_of, rows_of
from workbench.errors import Refused, SpecError
from workbench.specs import CustomField, DestinationSpec, NativeField, ObjectSpec

__all__ = [
    "FILE",
    "LINE",
    "PARTICIPANT",
    "SELDOM",
    "Option",
    "Picture",
    "Place",
    "Wire",
    "fields_alike",
    "fields_path",
    "live_of",
    "look",
    "marker_fields",
    "place_of",
]

MOST_PAGES = 1000
WITH_FIELDS = ("organization", "person", "deal", "product")
"""Objects that take custom fields; activities list fields and take none, notes and files have neither."""
SELDOM = ("product",)
"""Objects whose fields are read only where somebody uses them: a key or a plan without products is no reason to stop."""
FILE = "file"
LINE, PARTICIPANT = "deal_product", "deal_participant"
OF_DEALS = (LINE, PARTICIPANT)
"""Objects that stand in no list of their own: each is asked of its deal."""
YES, NO = "Yes", "No"
"""Options of a field that stands for a boolean, which no type of field does."""

KINDS: Mapping[str, str] = {
    "varchar": "text",
    "varchar_auto": "text",
    "text": "long_text",
    "phone": "phone",
    "double": "decimal",
    "int": "integer",
    "monetary": "money",
    "date": "date",
    "time": "time",
    "enum": "picklist",
    "set": "multi_picklist",
    "user": "owner",
    "org": "lookup",
    "people": "lookup",
    "boolean": "boolean",
}
"""Type on the wire → our type, for fields that nobody declared; others are text."""
PLAIN = ("varchar", "text", "phone", "double", "int", "date")
"""Types of built-in fields that can be told without knowing more of them."""


@dataclass(frozen=True)
class Option:
    """A choice of a field; ``group`` is the pipeline of a stage. Ids are numbers, and words in built-in fields."""

    id: int | str
    label: str
    group: str = ""


@dataclass(frozen=True)
class Wire:
    """How one field of one object travels. ``part`` is the place within an object on the wire, such as an address."""

    name: str
    key: str
    label: str
    kind: str  # our type
    wire_type: str
    custom: bool
    part: str = ""
    options: tuple[Option, ...] = ()
    chosen: bool = False  # its values are options, whether or not the account has any


@dataclass(frozen=True)
class Place:
    """Where the records of an object are kept."""

    object: str
    spec: ObjectSpec

    @property
    def takes_fields(self) -> bool:
        return self.object in WITH_FIELDS

    @property
    def counted_off(self) -> bool:
        """Whether only v1 has them, whose lists count rows off, and which shows one record by itself."""
        return self.spec.path in ONLY_V1

    @property
    def of_deals(self) -> bool:
        """Whether they are shown with their deal only, and bear its number in their id."""
        return self.object in OF_DEALS

    @property
    def plain_text(self) -> bool:
        """Whether the text that bears our key is no HTML."""
        return self.object == LINE

    @property
    def sent_as_form(self) -> bool:
        """Whether they are sent with the bytes of a file, and stay as they were sent."""
        return self.object == FILE


@dataclass(frozen=True)
class Picture:
    """The account at one moment."""

    metadata: Metadata
    wires: Mapping[str, Mapping[str, Wire]]  # object → declared name → wire
    me: User
    currency: str  # of amounts that name none
    zone: str  # of times that name none

    def marker(self, place: Place) -> Wire:
        """The field that bears our key; Refused where it has not been made yet."""
        found = self.wires[place.object].get(place.spec.marker)
        if found is None:
            raise unmarked(place.spec.label)
        return found


def place_of(spec: DestinationSpec, object_: str) -> Place:
    """Where an object is kept; a SpecError lists the objects there are."""
    if object_ not in spec.objects:
        raise SpecError(f"{spec.label} has no object {object_!r}", expected=", ".join(spec.objects), found=object_)
    return Place(object_, spec.objects[object_])


def marker_fields(spec: DestinationSpec, objects: Iterable[str]) -> list[CustomField]:
    """The fields that the client needs itself; the others bear our key in a text of theirs."""
    return [marker_field(name) for name in objects if place_of(spec, name).spec.marker == MARKER]


def fields_path(calls: Calls, object_: str) -> str:
    """Where the fields of an object are listed and made."""
    return calls.path(f"{object_}Fields")


def look(
    calls: Calls, spec: DestinationSpec, declared: Sequence[CustomField], *, used: Collection[str] = frozenset()
) -> Picture:
    """Read fields, users, pipelines and activity types, and tell which custom field is which by object and label.

    ``used`` are the objects of `SELDOM` whose fields are wanted, beside those that fields are declared for.
    """
    wanted = {plan.object for plan in declared} | set(used)
    known = [*declared, *marker_fields(spec, spec.objects)]
    me = one_of(must(calls.read("me", calls.path("users", "me", version="v1")), "users/me"))
    users = _users(calls)
    lists = _Lists(calls)
    wires: dict[str, dict[str, Wire]] = {}
    live: list[LiveField] = []
    for name in spec.objects:
        place = place_of(spec, name)
        rows = {} if name in SELDOM and name not in wanted else _listed(calls, place)
        made = _natives(place, rows, lists, send_add_time=calls.dials.deal_add_time != "refused")
        made += _customs(place, rows, known) if place.takes_fields else []
        wires[name] = {wire.name: wire for wire, _ in made}
        live += [field for _, field in made]
    metadata = Metadata(tuple(live), users, lists.pipelines())
    currency = calls.dials.currency or str(me.get("default_currency") or "")
    return Picture(metadata, wires, _user(me), currency, str(me.get("timezone_name") or ""))


class _Lists:
    """Lists of the account that are no field's options, each read once."""

    def __init__(self, calls: Calls) -> None:
        self._lines = sorted(calls.rows("stages", calls.path("pipelines")), key=_order)
        self._stages = sorted(calls.rows("stages", calls.path("stages")), key=_order)
        answer = must(calls.read("activity_types", calls.path("activityTypes", version="v1")), "activityTypes")
        self._types = [row for row in rows_of(answer) if row.get("active_flag", True)]

    def pipelines(self) -> dict[str, tuple[str, ...]]:
        """Name → the names of its stages, in order."""
        return {
            str(line["name"]): tuple(str(row["name"]) for row in self._stages if row.get("pipeline_id") == line["id"])
            for line in self._lines
        }

    def options(self, object_: str, selector: str, row: Mapping[str, Any]) -> tuple[Option, ...]:
        """The choices of a built-in field: a list of the account, or else what the field itself shows."""
        if selector == "pipelines":
            return tuple(Option(line["id"], str(line["name"])) for line in self._lines)
        if selector in ("stages", "pipeline_stages"):
            names = {line["id"]: str(line["name"]) for line in self._lines}
            whole = selector == "pipeline_stages"
            return tuple(
                Option(stage["id"], _staged(stage, names) if whole else str(stage["name"]), str(stage["pipeline_id"]))
                for stage in self._stages
                if stage.get("pipeline_id") in names
            )
        if (object_, selector) == ("activity", "type"):
            return tuple(Option(str(kind["key_string"]), str(kind["name"])) for kind in self._types)
        return tuple(each for each in _options(row) if each.id != "deleted")


def _staged(stage: Mapping[str, Any], names: Mapping[Any, str]) -> str:
    return f"{names[stage['pipeline_id']]}/{stage['name']}"


def _order(row: Mapping[str, Any]) -> tuple[int, int]:
    return int(row.get("order_nr") or 0), int(row["id"])


def _options(row: Mapping[str, Any]) -> tuple[Option, ...]:
    return tuple(Option(each["id"], str(each.get("label", ""))) for each in row.get("options") or [] if "id" in each)


def _listed(calls: Calls, place: Place) -> dict[str, dict[str, Any]]:
    """Fields of an object as the account lists them, by key; what v2 does not have has no list there, and needs none."""
    if place.counted_off or place.of_deals:
        return {}
    path = fields_path(calls, place.object)
    rows = {str(row["field_code"]): row for row in calls.rows("fields", path) if row.get("field_code")}
    if not rows:  # every object has built-in fields, so another service must have answered
        raise Refused(
            f"the account does not show the fields of {place.spec.plural}",
            expected="a list of fields",
            found="an empty one",
            where=f"GET {path} at {calls.http.host}",
            todo="check base_url in engagement.toml, and that the key's user may see the fields",
        )
    return rows


def _natives(
    place: Place, rows: Mapping[str, Mapping[str, Any]], lists: _Lists, *, send_add_time: bool
) -> list[tuple[Wire, LiveField]]:
    made = []
    for native in place.spec.fields:
        key, _, part = (native.key or native.name).partition(".")
        row = rows.get(key, {})
        if rows and not row:  # a field of a feature that this account does not have
            continue
        if (place.object, key) == ("deal", "add_time") and not send_add_time:
            continue
        chosen = bool(native.selector) and native.type != "owner"
        options = lists.options(place.object, native.selector, row) if chosen else ()
        wire = Wire(native.name, key, native.label, native.type, native.type, False, part, options, chosen)
        made.append((wire, _live(place, native, row, options)))
    named = {wire.key for wire, _ in made} | {"add_time"}
    rest = [row for code, row in rows.items() if code not in named and _tellable(row)]
    return made + [_unnamed(place, row) for row in rest]


def _tellable(row: Mapping[str, Any]) -> bool:
    """Whether a built-in field that our file does not name can be written as what its type says."""
    optional = row.get("is_optional_response_field")
    built_in = not row.get("is_custom_field") and row.get("is_writable") is True
    return bool(built_in and not optional and row.get("field_type") in PLAIN and not row.get("options"))


def _live(place: Place, native: NativeField, row: Mapping[str, Any], options: tuple[Option, ...]) -> LiveField:
    return LiveField(
        object=place.object,
        name=native.name,
        key=native.key or native.name,
        label=native.label if "." in native.key else str(row.get("field_name", native.label)),
        type=str(row.get("field_type", native.type)),
        custom=False,
        required=native.required,
        choices=tuple(dict.fromkeys(option.label for option in options)),
        max_length=native.max_length,
        id=str(row.get("field_code", "")),
    )


def _unnamed(place: Place, row: Mapping[str, Any]) -> tuple[Wire, LiveField]:
    """A built-in field that our file does not name: shown as it is, written by its type at one's own risk."""
    code, type_ = str(row["field_code"]), str(row.get("field_type", "varchar"))
    label = str(row.get("field_name", code))
    wire = Wire(code, code, label, KINDS.get(type_, "text"), type_, False)
    return wire, LiveField(place.object, code, code, label, type_, False, id=code)


def _customs(place: Place, rows: Mapping[str, Mapping[str, Any]], known: Sequence[CustomField]) -> list[tuple[Wire, LiveField]]:
    """Custom fields under their declared names."""
    plans: dict[str, CustomField] = {}
    for plan in known:
        if plan.object == place.object:
            plans.setdefault(plan.label.casefold(), plan)
    made, taken = [], set()
    for row in rows.values():
        if row.get("is_custom_field"):
            meant = plans.get(str(row.get("field_name", "")).strip().casefold())
            meant = None if meant is None or meant.name in taken else meant  # of two with one label the older is meant
            made.append(_custom(place.object, row, meant))
            taken.add(made[-1][0].name)
    return made


def _custom(object_: str, row: Mapping[str, Any], plan: CustomField | None) -> tuple[Wire, LiveField]:
    key, type_, label = str(row["field_code"]), str(row.get("field_type", "varchar")), str(row.get("field_name", ""))
    options = _options(row)
    wire = Wire(
        name=plan.name if plan else key,
        key=key,
        label=label,
        kind=plan.type if plan else KINDS.get(type_, "text"),
        wire_type=type_,
        custom=True,
        options=options,
        chosen=type_ in ("enum", "set"),
    )
    live = LiveField(
        object=object_,
        name=wire.name,
        key=key,
        label=label,
        type=type_,
        custom=True,
        choices=tuple(option.label for option in options),
        id=key,
    )
    return wire, live


def live_of(row: Mapping[str, Any], plan: CustomField) -> LiveField | None:
    """A field just made, from the answer to its making; None where the answer does not say enough, or speaks of another."""
    if not (row.get("field_code") and row.get("field_type")):
        return None
    if str(row.get("field_name", "")).strip().casefold() != plan.label.strip().casefold():
        return None
    return _custom(plan.object, row, plan)[1]


def fields_alike(calls: Calls, place: Place, plan: CustomField) -> list[LiveField]:
    """Custom fields of an object that bear the label of a plan, each under its own key."""
    rows = _listed(calls, place).values() if place.takes_fields else ()
    label = plan.label.strip().casefold()
    alike = [row for row in rows if row.get("is_custom_field") and str(row.get("field_name", "")).strip().casefold() == label]
    return [_custom(place.object, row, None)[1] for row in alike]


def _users(calls: Calls) -> tuple[User, ...]:
    """Everybody. No page says that this list is cut; where it is all the same, it goes on until nobody new comes."""
    found: dict[str, User] = {}
    for _ in range(MOST_PAGES):
        params = {"start": len(found)} if found else {}
        answer = must(calls.read("users", calls.path("users", version="v1"), params=params), "users")
        fresh = {user.id: user for user in map(_user, rows_of(answer)) if user.id not in found}
        found |= fresh
        if not (fresh and has_more(answer)):
            break
    return tuple(found.values())


def _user(row: Mapping[str, Any]) -> User:
    active = bool(row.get("active_flag", True)) and not row.get("is_deleted")
    return User(str(row.get("id", "")), str(row.get("name") or ""), str(row.get("email") or ""), active)
