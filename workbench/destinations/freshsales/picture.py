"""What a Freshsales account looks like today: where objects are kept, which keys their fields have, which options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.destinations import LiveField, Metadata, User
from workbench.destinations.fields import MARKER, marker_field, unmarked
from workbench.destinations.freshsales.modules import is_module, module_fields, modules_of
from workbench.destinations.http import Answer, Http, Request
from workbench.errors import Refused, SpecError
from workbench.specs import CustomField, DestinationSpec, NativeField, ObjectSpec

__all__ = ["LINE", "LINES", "Option", "Picture", "Place", "Wire", "live_of", "look", "marker_fields", "place_of"]

LISTED = ("sales_account", "contact", "lead", "deal")
"""Objects whose fields the account lists, and whose records it can forget."""
ACTIVITY, LINE = "sales_activity", "deal_product"
LINES = CustomField(
    object="deal",
    name="migration_lines__c",
    label="Migration Lines",
    type="long_text",
    about="the keys by which the migration finds the lines of the deal again",
)
FIXED: Mapping[str, Mapping[str, str]] = {
    "forecast_categories": {"1": "Committed", "2": "Best-case"},
    "discount_types": {"percent": "Percent", "amount": "Amount"},
}
"""Lists that no account shows, by id; what the API calls a discount's type is a setting."""
LEAD = "Lead"
"""Type of the lifecycle stage whose contacts are leads, whatever the account calls the stage."""

KINDS = {
    "textarea": "long_text",
    "number": "decimal",
    "decimal": "decimal",
    "checkbox": "boolean",
    "date": "date",
    "date_time_split": "datetime",
    "dropdown": "picklist",
    "radio": "picklist",
    "multi_select_dropdown": "multi_picklist",
}
"""Type on the wire → our type, for custom fields that nobody declared."""

COMPUTED = frozenset(
    [
        "created_at",
        "updated_at",
        "creater_id",
        "updater_id",
        "lead_score",
        "age",
        "recent_note",
        "base_currency_amount",
        "last_contacted",
        "last_contacted_mode",
        "last_assigned_at",
        "stage_updated_time",
        "open_deals_amount",
        "won_deals_amount",
        "last_contacted_sales_activity_mode",
        "last_contacted_via_sales_activity",
        "active_sales_sequences",
        "completed_sales_sequences",
        "last_seen",
        "last_seen_chat",
        "first_seen_chat",
        "total_sessions",
        "customer_fit",
        "web_form_id",
        "web_form_ids",
        "upcoming_activities_time",
        "expected_deal_value",
        "checkedin_at",
        "checkedin_duration",
        "checkedout_at",
        "checkedout_location",
        "first_campaign",
        "first_medium",
        "first_source",
        "last_campaign",
        "last_medium",
        "last_source",
        "latest_campaign",
        "latest_medium",
        "latest_source",
    ]
)
"""Standard fields that the account keeps by itself: nobody writes them, so they are no part of a record's values."""


@dataclass(frozen=True)
class Option:
    """A choice of a system list; ``group`` is the pipeline or lifecycle stage that it belongs to."""

    id: str
    label: str
    group: str = ""


@dataclass(frozen=True)
class Wire:
    """How one field of one object travels. ``options`` are filled for lists whose choices go by id."""

    name: str
    key: str
    label: str
    kind: str  # our type
    wire_type: str
    custom: bool
    include: str = ""
    by_id: bool = False
    options: tuple[Option, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where the records of an object are kept; ``shared`` where two objects of ours are one of the account's."""

    object: str
    spec: ObjectSpec
    kept_as: str
    shared: bool

    @property
    def module(self) -> bool:
        """Whether it is a custom module, which an administrator has made."""
        return is_module(self.spec)

    @property
    def takes_fields(self) -> bool:
        """Whether it can have fields of one's own."""
        return self.module or self.kept_as in (*LISTED, ACTIVITY)

    @property
    def forgets(self) -> bool:
        """Whether a deleted record can be taken out of the recycle bin."""
        return self.module or self.kept_as in LISTED


@dataclass(frozen=True)
class Picture:
    """The account at one moment."""

    metadata: Metadata
    wires: Mapping[str, Mapping[str, Wire]]  # object → declared name → wire
    lead_stage: str  # id of the stage of type Lead; empty on Classic

    def exists(self, place: Place) -> None:
        """Refused where an object is a custom module that nobody has made."""
        if place.module and not self.wires[place.object]:
            raise Refused(
                f"the account has no custom module {place.spec.wrapper}",
                todo=f"let an administrator make it, named {place.spec.label}, on a plan that has custom modules; then go on",
            )

    def marker(self, place: Place) -> Wire:
        """The field that bears our key; Refused where it has not been made yet."""
        self.exists(place)
        found = self.wires[place.object].get(place.spec.marker)
        if found is None:
            raise unmarked(place.spec.label)
        return found


def place_of(spec: DestinationSpec, object_: str, *, classic: bool) -> Place:
    """Where an object is kept in this edition."""
    if object_ not in spec.objects:
        raise SpecError(f"{spec.label} has no object {object_!r}", expected=", ".join(spec.objects), found=object_)
    own = spec.objects[object_]
    kept = object_ if classic or not own.same_as else own.same_as
    shared = not classic and any(other.same_as == kept for other in spec.objects.values())
    return Place(object_, replace_label(spec.objects[kept], own.label), kept, shared)


def replace_label(spec: ObjectSpec, label: str) -> ObjectSpec:
    """The same object under the name that the reader knows."""
    return spec.model_copy(update={"label": label})


def marker_fields(spec: DestinationSpec, objects: Iterable[str], *, classic: bool) -> list[CustomField]:
    """The fields that the client needs itself, where an object has no external id of its own."""
    wanted = [place_of(spec, name, classic=classic) for name in objects]
    return [marker_field(place.object) for place in wanted if place.spec.marker == MARKER] + [
        LINES for place in wanted if place.object == LINE
    ]


def look(http: Http, spec: DestinationSpec, declared: Sequence[CustomField], *, classic: bool) -> Picture:
    """Read fields, users, pipelines and lists, and tell which custom field is which by object and label."""
    lists = _Lists(http)
    known = [*declared, *marker_fields(spec, spec.objects, classic=classic)]
    stages = [] if classic else lists.rows("lifecycle_stages")
    lead_stage = next((str(row["id"]) for row in stages if row.get("type") == LEAD), "")
    places = [place_of(spec, name, classic=classic) for name in spec.objects]
    modules = modules_of(http) if any(place.module for place in places) else frozenset()
    listed = {kept: _fields_of(http, kept, spec.objects[kept], modules) for kept in sorted({p.kept_as for p in places})}
    wires: dict[str, dict[str, Wire]] = {}
    live: list[LiveField] = []
    for place in places:
        rows = listed[place.kept_as]
        there = not place.module or place.spec.wrapper in modules
        made = _natives(place, rows, lists, lead_stage) + _customs(place, rows, known) if there else []
        wires[place.object] = {wire.name: wire for wire, _ in made}
        live += [field for _, field in made]
    users = tuple(_user(row) for row in lists.rows("owners"))
    pipelines = {str(row["name"]): tuple(_names(row.get("deal_stages", []))) for row in lists.rows("deal_pipelines")}
    return Picture(Metadata(tuple(live), users, pipelines), wires, lead_stage)


class _Lists:
    """The account's own lists, each read once."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self._read: dict[str, list[dict[str, Any]]] = {}

    def rows(self, name: str) -> list[dict[str, Any]]:
        if name in FIXED:
            return [{"id": number, "name": label} for number, label in FIXED[name].items()]
        if name not in self._read:
            answer = self._http.call(Request("GET", f"selector/{name}", read=True))
            self._read[name] = _rows(answer, "users" if name == "owners" else name)
        return self._read[name]

    def options(self, name: str, field: Mapping[str, Any]) -> tuple[Option, ...]:
        """The options of a list; where it has no address of its own, the choices that the field shows."""
        if name == "deal_stages":
            stages = [row for line in self.rows("deal_pipelines") for row in line.get("deal_stages", [])]
            return tuple(_option(row) for row in stages if not row.get("is_deleted"))
        return tuple(_option(row) for row in self.rows(name) or field.get("choices") or [])


def _rows(answer: Answer, key: str) -> list[dict[str, Any]]:
    if not (answer.good and isinstance(answer.data, dict)):
        return []
    rows = answer.data.get(key)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _fields_of(http: Http, kept: str, spec: ObjectSpec, modules: frozenset[str]) -> dict[str, dict[str, Any]]:
    """Fields of an object as the account shows them, by key; none of objects whose fields it does not show."""
    if is_module(spec):
        return module_fields(http, spec.wrapper) if spec.wrapper in modules else {}
    if kept == ACTIVITY:
        answer = http.call(Request("GET", f"settings/{spec.plural}/fields", read=True))
        return {str(row["name"]): row for row in _rows(answer, "fields") if not row.get("default", True)}
    return _listed(http, spec) if kept in LISTED else {}


def _listed(http: Http, spec: ObjectSpec) -> dict[str, dict[str, Any]]:
    """Fields of an object as the account lists them, by key."""
    answer = http.call(Request("GET", f"settings/{spec.plural}/fields", read=True))
    rows = _rows(answer, "fields")
    if not rows:  # every object has standard fields, so another service must have answered
        raise Refused(
            f"the account does not show the fields of {spec.plural}",
            expected="a list of fields",
            found=f"{answer.status} without one",
            where=f"GET settings/{spec.plural}/fields at {http.host}",
            todo="check base_url and the edition in engagement.toml, and that the key's user may see the settings",
        )
    return {str(row["name"]): row for row in rows}


def _natives(
    place: Place, rows: Mapping[str, Mapping[str, Any]], lists: _Lists, lead_stage: str
) -> list[tuple[Wire, LiveField]]:
    made = []
    for native in place.spec.fields:
        key = native.key or native.name
        row = rows.get(key, {})
        if native.splits or (native.selector and not row and place.kept_as in LISTED):  # a list that the edition lacks
            continue
        options = lists.options(native.selector, row) if native.selector and native.type != "owner" else ()
        if place.object == "lead" and place.shared and native.name == "contact_status":
            options = tuple(option for option in options if option.group == lead_stage)
        made.append((_native(native, key, options), _live(place, native, row, options)))
    named = {wire.key for wire, _ in made} | COMPUTED
    rest = [row for name, row in rows.items() if row.get("default", True) and name not in named]
    return made + [_unnamed(place, row) for row in rest]


def _native(native: NativeField, key: str, options: tuple[Option, ...]) -> Wire:
    by_id = bool(native.selector) and native.type != "owner"
    return Wire(native.name, key, native.label, native.type, native.type, False, native.include, by_id, options)


def _live(place: Place, native: NativeField, row: Mapping[str, Any], options: tuple[Option, ...]) -> LiveField:
    return LiveField(
        object=place.object,
        name=native.name,
        key=native.key or native.name,
        label=str(row.get("label", native.label)),
        type=str(row.get("type", native.type)),
        custom=False,
        required=native.required or bool(row.get("required")),
        choices=tuple(dict.fromkeys(option.label for option in options)),
        max_length=native.max_length,
        id=str(row.get("id", "")),
    )


def _unnamed(place: Place, row: Mapping[str, Any]) -> tuple[Wire, LiveField]:
    """A standard field that our file does not name: shown as it is, written as text at one's own risk."""
    name, type_ = str(row["name"]), str(row.get("type", "text"))
    wire = Wire(name, name, str(row.get("label", name)), KINDS.get(type_, "text"), type_, False)
    return wire, LiveField(place.object, name, name, wire.label, type_, False, bool(row.get("required")))


def _customs(place: Place, rows: Mapping[str, Mapping[str, Any]], known: Sequence[CustomField]) -> list[tuple[Wire, LiveField]]:
    """Custom fields under their declared names; where two objects share one list, either may declare them."""
    siblings = {"contact", "lead"} if place.shared else {place.object}
    order = sorted(known, key=lambda plan: plan.object != place.object)
    plans: dict[str, CustomField] = {}
    for plan in order:
        if plan.object in siblings:
            plans.setdefault(plan.label.casefold(), plan)
    return [
        _custom(place, row, plans.get(str(row["label"]).casefold())) for row in rows.values() if not row.get("default", True)
    ]


def _custom(place: Place, row: Mapping[str, Any], plan: CustomField | None) -> tuple[Wire, LiveField]:
    key, type_, label = str(row["name"]), str(row.get("type", "text")), str(row["label"])
    name = plan.name if plan else key
    wire = Wire(name, key, label, plan.type if plan else KINDS.get(type_, "text"), type_, True)
    live = LiveField(
        object=place.object,
        name=name,
        key=key,
        label=label,
        type=type_,
        custom=True,
        required=bool(row.get("required")),
        choices=tuple(str(choice.get("value", "")) for choice in row.get("choices") or []),
        id=str(row.get("id", "")),
    )
    return wire, live


def live_of(data: object, plan: CustomField) -> LiveField | None:
    """A field just made, from the answer to its making; None where the answer does not say enough."""
    inner = data.get("field", data) if isinstance(data, dict) else None
    if not (isinstance(inner, dict) and inner.get("name") and inner.get("id") and inner.get("type")):
        return None
    return LiveField(
        object=plan.object,
        name=plan.name,
        key=str(inner["name"]),
        label=str(inner.get("label", plan.label)),
        type=str(inner["type"]),
        custom=True,
        choices=tuple(str(choice.get("value", "")) for choice in inner.get("choices") or []),
        id=str(inner["id"]),
    )


def _option(row: Mapping[str, Any]) -> Option:
    group = row.get("deal_pipeline_id") or row.get("lifecycle_stage_id") or row.get("sales_activity_type_id") or ""
    label = row.get("currency_code") or row.get("name", row.get("value", ""))
    return Option(str(row["id"]), str(label), str(group))


def _names(rows: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    return (str(row["name"]) for row in rows if not row.get("is_deleted"))


def _user(row: Mapping[str, Any]) -> User:
    name = str(row.get("display_name") or row.get("name") or "")
    return User(str(row["id"]), name, str(row.get("email") or ""), bool(row.get("is_active", True)))
