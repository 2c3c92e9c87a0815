"""What is to be done with each column of a feed: the route's expectation, overruled by what a person confirmed."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as made_by

from workbench.errors import SpecError
from workbench.frames.places import localised, told
from workbench.specs import (
    CustomField,
    DestinationSpec,
    Feed,
    FieldRule,
    FixedRecord,
    NativeField,
    Options,
    Route,
    Source,
    Table,
)

__all__ = [
    "BLANK",
    "FeedPlan",
    "FieldAnswer",
    "FieldPlan",
    "Pictures",
    "declared_fields",
    "declared_name",
    "holds_under",
    "native_field",
    "plan_feed",
    "under",
]

BLANK = "(blank)"
"""Stands for rows that name no owner, where owners are decided on."""

OUR_COLUMNS = ("key", "marker", "row", "record")
"""What staged records have beside their fields."""

RECIPE_OF: Mapping[str, str] = {
    "text": "text",
    "long_text": "long_text",
    "email": "email",
    "phone": "phone",
    "url": "url",
    "identifier": "identifier",
    "postal_code": "postal_code",
    "integer": "integer",
    "decimal": "decimal",
    "money": "money",
    "percent": "percent",
    "date": "day",
    "datetime": "day",  # of a custom field; a standard one takes its time too
    "moment": "moment",
    "boolean": "boolean",
    "duration": "duration_seconds",
    "picklist": "choice",
    "multi_picklist": "multi_choice",
}
"""The recipe for a field of each type, where the route names none; other types stay text."""


@dataclass(frozen=True)
class FieldAnswer:
    """What a person confirmed for one column: a field of the destination, a field to be made, or nothing."""

    target: str  # a field's name; "new:<label>" for one to be made; "" leaves the column behind
    type: str = ""
    choices: tuple[str, ...] = ()
    recipe: str = ""
    options: Options = made_by(default_factory=dict)

    @property
    def new_label(self) -> str:
        """The label of the field to be made; empty where the field is there already."""
        return self.target.removeprefix("new:") if self.target.startswith("new:") else ""


@dataclass(frozen=True)
class FieldPlan:
    """One column on its way into one field."""

    column: str
    field: str  # declared name
    recipe: str
    options: Mapping[str, object]
    fallback: tuple[str, ...] = ()
    required: bool = False
    on_error: str = "set_aside"
    substitutes: Mapping[str, str] = made_by(default_factory=dict)  # decided for single values, before the recipe
    combine: str = ""  # how it is made where several rows are one record
    separator: str = "; "
    part: str = ""  # `2/4`: of joined texts that find no room in one field, which field this is of how many
    shared: bool = True  # false for lists of the account, whose options may mean nothing on another object


@dataclass(frozen=True)
class Pictures:
    """A column whose pictures become files: of which derived table, and records of which feed."""

    column: str
    table: str
    feed: str


@dataclass(frozen=True)
class FeedPlan:
    """All that `transform` has to know of a feed."""

    feed: Feed
    source: str
    table: Table
    fields: tuple[FieldPlan, ...]
    owners: Mapping[str, str] = made_by(default_factory=dict)  # owner as it stands → e-mail of a user
    merges: Mapping[str, str] = made_by(default_factory=dict)  # row id → record key, or "" for a record of its own
    takes: Mapping[str, tuple[str, ...]] = made_by(
        default_factory=dict
    )  # row id → columns in which its word stands in the record
    empties: Mapping[str, tuple[str, ...]] = made_by(default_factory=dict)  # row id → columns in which the record says nothing
    undecided: frozenset[str] = frozenset()  # rows that may be somebody who is here already, and nobody has said so
    constants: Mapping[str, str] = made_by(default_factory=dict)
    zone: str = ""  # IANA name of the time zone of moments that carry none
    prefixes: Mapping[str, str] = made_by(default_factory=dict)  # feed → what its natural keys begin with
    alike: Mapping[str, frozenset[str]] = made_by(default_factory=dict)  # feed → feeds that make records of the same object
    beside: Mapping[str, frozenset[str]] = made_by(default_factory=dict)  # feed → others that take rows of the same table
    active: bool = True  # false where the scope was answered otherwise
    grouped: frozenset[str] = frozenset()  # feeds whose records are groups of rows
    records: tuple[FixedRecord, ...] = ()  # those of the route that belong to this feed
    placeholders: tuple[str, ...] = ()  # what the source says for nothing
    links: Mapping[str, str] = made_by(default_factory=dict)  # row id → key of the other table's row, or "" for none
    unlinked: frozenset[str] = frozenset()  # rows about whose link nobody has decided yet
    linked: Table | None = None  # the other table
    pictures: tuple[Pictures, ...] = ()
    of_files: bool = False  # its table is a derived one, whose rows are files

    def asks(self) -> tuple[str, ...]:
        """Names of the tables that stand beside its own."""
        return (*self.feed.asks(), *(each.table for each in self.pictures))


def declared_name(label: str) -> str:
    """The declared name of a field that is to be made: `Roof Age (yrs)` becomes `roof_age_yrs__c`.

    Accents are taken off; a label without Latin letters or digits is named by its digest, so that no two share a name.
    """
    plain = unicodedata.normalize("NFKD", label.casefold())
    name = re.sub(r"[^a-z0-9]+", "_", "".join(char for char in plain if not unicodedata.combining(char))).strip("_")
    return (name or f"field_{hashlib.sha256(label.encode()).hexdigest()[:8]}") + "__c"


def native_field(destination: DestinationSpec, object_: str, name: str) -> NativeField | None:
    """The destination's standard field of that name, or None."""
    spec = destination.objects.get(object_)
    return next((known for known in spec.fields if known.name == name), None) if spec else None


def declared_fields(route: Route, answers: Mapping[str, FieldAnswer]) -> tuple[CustomField, ...]:
    """Every custom field of the route, and every one that a person asked for, in the order in which they are needed."""
    made: dict[tuple[str, str], CustomField] = {(known.object, known.name): known for known in route.custom_fields}
    for subject, answer in answers.items():
        if not answer.new_label:
            continue
        feed, column = route.feed(subject.split("/", 1)[0]), subject.split("/", 1)[1]
        name = declared_name(answer.new_label)
        made.setdefault(
            (feed.object, name),
            CustomField(
                object=feed.object,
                name=name,
                label=answer.new_label,
                type=answer.type or "text",
                choices=answer.choices,
                rows=feed.rows,
                about=f"custom property found in the column {column!r}",
            ),
        )
    return tuple(made.values())


def plan_feed(
    route: Route,
    source: Source,
    destination: DestinationSpec,
    feed: Feed,
    *,
    answers: Mapping[str, FieldAnswer],
    values: Mapping[str, str],
    owners: Mapping[str, str],
    merges: Mapping[str, str],
    takes: Mapping[str, tuple[str, ...]] | None = None,
    empties: Mapping[str, tuple[str, ...]] | None = None,
    undecided: frozenset[str] = frozenset(),
    scope: Mapping[str, str] | None = None,
    zone: str = "",
    region: str = "",
    links: Mapping[str, str] | None = None,
    unlinked: frozenset[str] = frozenset(),
) -> FeedPlan:
    """The plan of one feed from what was decided; a SpecError where two columns would fill one field.

    `answers` by `feed/column`, `values` by `feed/column=value`, `merges`, `takes`, `empties`, `links` and what waits by row id.
    """
    usual = {"zone": zone or source.zone, "region": region or source.region, "country": source.country}
    active, feed = _under(feed, route.answered(scope or {}), usual)
    return FeedPlan(
        feed=feed,
        source=source.name,
        table=route.table(source, feed.table),
        fields=_fields(route, destination, feed, answers, values, usual=usual),
        owners=owners,
        merges=merges,
        takes=takes or {},
        empties=empties or {},
        undecided=undecided,
        constants=_constants(feed, scope or {}),
        zone=zone or source.zone,
        prefixes={other.name: route.table(source, other.table).key_prefix for other in route.feeds},
        alike=_alike(route),
        beside=_beside(route),
        active=active,
        grouped=frozenset(other.name for other in route.feeds if other.group),
        records=tuple(record for record in route.records if record.feed == feed.name),
        placeholders=source.placeholders,
        links=links or {},
        unlinked=unlinked,
        linked=route.table(source, feed.relink.to) if feed.relink is not None else None,
        pictures=_pictures(route, feed),
        of_files=feed.table in {made.name for made in route.derived},
    )


def _under(feed: Feed, said: Mapping[str, str], usual: Mapping[str, object]) -> tuple[bool, Feed]:
    """Whether the scope, as it was answered, has the feed; and the feed as these answers leave it."""
    return holds_under(feed.scope, said), localised(under(feed, said), usual)


def _fields(
    route: Route,
    destination: DestinationSpec,
    feed: Feed,
    answers: Mapping[str, FieldAnswer],
    values: Mapping[str, str],
    *,
    usual: Mapping[str, object],
) -> tuple[FieldPlan, ...]:
    """What becomes of each column: what was decided of it, else what the route says.

    `usual` are options of recipes that follow from the source where nobody says otherwise.
    """
    declared = {(known.object, known.name): known for known in declared_fields(route, answers)}
    rules = {rule.column: rule for rule in feed.fields}
    idle = {(rule.column, rule.to) for rule in route.feed(feed.name).fields} - {(rule.column, rule.to) for rule in feed.fields}
    columns = dict.fromkeys([*rules, *(s.split("/", 1)[1] for s in answers if s.split("/", 1)[0] == feed.name)])
    plans: list[FieldPlan] = []
    for column in columns:
        answer = answers.get(f"{feed.name}/{column}")
        if answer is not None and (column, answer.target) in idle:
            continue  # confirmed while the scope was answered otherwise
        plans += _column_plans(destination, feed, column, rules.get(column), answer, declared, _own(values, feed, column))
    _refuse_collisions(feed, plans)
    return tuple(replace(plan, options=told(plan.recipe, plan.options, usual)) for plan in plans)


def _alike(route: Route) -> dict[str, frozenset[str]]:
    """Feed → the feeds whose records are of the same object, itself among them."""
    making = [feed for feed in route.feeds if feed.kind == "record"]
    return {feed.name: frozenset(other.name for other in making if other.object == feed.object) for feed in route.feeds}


def _beside(route: Route) -> dict[str, frozenset[str]]:
    """Feed → the other feeds that take rows of its table."""
    feeds = route.feeds
    return {feed.name: frozenset(each.name for each in feeds if each.table == feed.table) - {feed.name} for feed in feeds}


def _pictures(route: Route, feed: Feed) -> tuple[Pictures, ...]:
    """The derived tables that are made of pictures inside this feed's table, and become records."""
    homes = {other.table: other.name for other in route.feeds if other.kind == "record"}
    mine = [made for made in route.derived if made.kind == "images" and made.table == feed.table and made.name in homes]
    return tuple(Pictures(made.column, made.name, homes[made.name]) for made in mine)


def holds_under(scope: Mapping[str, Sequence[str]], said: Mapping[str, str]) -> bool:
    """Whether every question of a scope was answered in one of the ways that it names."""
    return all(said.get(name, "").strip().casefold() in {each.casefold() for each in ways} for name, ways in scope.items())


def under(feed: Feed, said: Mapping[str, str]) -> Feed:
    """The feed with those of its fields and rules that hold under these answers."""
    fields = tuple(rule for rule in feed.fields if holds_under(rule.scope, said))
    exclude = tuple(rule for rule in feed.exclude if holds_under(rule.scope, said))
    return feed.model_copy(update={"fields": fields, "exclude": exclude})


def _constants(feed: Feed, scope: Mapping[str, str]) -> dict[str, str]:
    said = {
        name: scope.get(text.removeprefix("scope:"), "") if text.startswith("scope:") else text
        for name, text in feed.constants.items()
    }
    return {name: text for name, text in said.items() if text}


def _own(values: Mapping[str, str], feed: Feed, column: str) -> dict[str, str]:
    start = f"{feed.name}/{column}="
    return {subject[len(start) :]: option for subject, option in values.items() if subject.startswith(start)}


def _column_plans(
    destination: DestinationSpec,
    feed: Feed,
    column: str,
    rule: FieldRule | None,
    answer: FieldAnswer | None,
    declared: Mapping[tuple[str, str], CustomField],
    values: Mapping[str, str],
) -> list[FieldPlan]:
    target = answer.target if answer else (rule.to if rule else "")
    if not target:
        return []
    name = declared_name(answer.new_label) if answer and answer.new_label else target
    follows = rule if rule is not None and rule.to == name else None
    native = native_field(destination, feed.object, name)
    if native is not None and native.splits:
        whole = _one_plan(column, name, "name", dict(follows.options) if follows else {}, follows, values, None)
        return [
            replace(whole, field=part, recipe=f"split_{part}", required=whole.required and part == "last_name")
            for part in native.splits
        ]
    kind = native.type if native else _declared_type(declared, feed.object, name)
    recipe = (answer.recipe if answer else "") or (follows.recipe if follows else "") or _usual_recipe(kind, native)
    options: dict[str, object] = {**(follows.options if follows else {}), **(answer.options if answer else {})}
    plan = _one_plan(column, name, recipe, options, follows, values, declared.get((feed.object, name)))
    return [replace(plan, shared=native is None or not native.selector)]


def _usual_recipe(kind: str, native: NativeField | None) -> str:
    """The recipe for a field where neither the route nor a person names one."""
    return "moment" if kind == "datetime" and native is not None else RECIPE_OF.get(kind, "text")


def _one_plan(
    column: str,
    name: str,
    recipe: str,
    options: dict[str, object],
    rule: FieldRule | None,
    values: Mapping[str, str],
    custom: CustomField | None,
) -> FieldPlan:
    substitutes: Mapping[str, str] = {}
    if recipe in ("choice", "multi_choice"):
        # A field that was made for this column has the column's own values as its choices.
        own = {choice: choice for choice in custom.choices} if custom else {}
        options["mapping"] = {**own, **values}
    else:
        substitutes = values
    return FieldPlan(
        column=column,
        field=name,
        recipe=recipe,
        options=options,
        fallback=rule.fallback if rule else (),
        required=rule.required if rule else False,
        on_error=rule.on_error if rule else "set_aside",
        substitutes=substitutes,
        combine=rule.combine if rule else "",
        separator=rule.separator if rule else "; ",
        part=rule.part if rule else "",
    )


def _declared_type(declared: Mapping[tuple[str, str], CustomField], object_: str, name: str) -> str:
    """Type of a declared field: of this object, or of another one that shares it (a lead and its contact)."""
    found = declared.get((object_, name)) or next((f for (_, other), f in declared.items() if other == name), None)
    return found.type if found else "text"


def _refuse_collisions(feed: Feed, plans: Sequence[FieldPlan]) -> None:
    filled = {lookup.to: lookup.column for lookup in feed.lookups} | dict.fromkeys(OUR_COLUMNS, "the workbench itself")
    if feed.owner:
        filled["owner"] = feed.owner
    for plan in plans:
        other = filled.setdefault(plan.field, plan.column)
        if other != plan.column or plan.field in OUR_COLUMNS:
            raise SpecError(
                "two columns fill one field",
                found=f"{other} and {plan.column} → {plan.field}",
                where=f"feed {feed.name}",
                todo="give one of them another field in the mapping, or leave it behind",
            )
