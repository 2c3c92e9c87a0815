"""What a source, a destination or a route file may say, and how such a file is read.

The files are TOML beside the code: a customer can read them, a widget can write them, a package can hash them, and
reading them runs nothing. They name recipes and rules; they never compute. A key that is not known here is refused.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ValidationError

from workbench.additions import VARIABLE, folders
from workbench.errors import SpecError, listed
from workbench.specs.derived import Derived, FixedRecord
from workbench.specs.feeds import Condition, Exclusion, Feed, FieldRule, Join, Lookup, Match, Relink, Through
from workbench.specs.spec import Options, Scalar, Spec

__all__ = [
    "Column",
    "Condition",
    "CustomField",
    "Derived",
    "DestinationSpec",
    "Exclusion",
    "Feed",
    "FieldRule",
    "FixedRecord",
    "Join",
    "Limit",
    "Lookup",
    "Match",
    "NativeField",
    "ObjectSpec",
    "Options",
    "Plan",
    "Relink",
    "Route",
    "Scalar",
    "Scope",
    "Source",
    "Table",
    "Through",
    "load_destination",
    "load_route",
    "load_source",
    "names",
]

# ---------------------------------------------------------------- sources


class Column(Spec):
    """A column that the vendor is known to deliver; whatever else an export holds is a custom property."""

    name: str
    type: str = "text"
    aliases: tuple[str, ...] = ()
    to: str = ""  # `table.column` that this column points at


class Table(Spec):
    """One table of an export: which file it comes in, and what is known of its columns."""

    files: tuple[str, ...]  # shell patterns, matched without regard to case
    sheet: str = ""  # of a workbook; its first visible sheet when empty
    key: tuple[str, ...] = ()  # columns that name a row across deliveries
    key_fallback: tuple[str, ...] = ()  # used where a key cell is empty
    key_prefix: str = ""  # put before a key that lacks it, so that deliveries agree
    required: bool = True
    dated: str = ""  # the column whose range is compared with the one asked for
    columns: tuple[Column, ...] = ()

    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


class Source(Spec):
    """What is known of a source CRM and its exports."""

    name: str
    label: str
    about: str
    zone: str  # IANA time zone of times that carry none
    region: str  # country of telephone numbers that carry none
    country: tuple[str, ...] = ()  # columns in which a record says its own country, which goes before that
    placeholders: tuple[str, ...] = ()
    tables: dict[str, Table]
    not_portable: tuple[str, ...] = ()  # what no export of it holds as a record; the hand-off says what to look for


# ---------------------------------------------------------------- destinations


class NativeField(Spec):
    """A standard field of an object, in the destination's own name."""

    name: str
    label: str
    type: str
    key: str = ""  # on the wire, where it differs from the name
    selector: str = ""  # options that come from the account's own lists
    required: bool = False
    max_length: int = 0
    splits: tuple[str, ...] = ()  # a whole name that is divided over these fields
    include: str = ""  # what has to be asked for so that it is read back
    many: bool = False  # a lookup that leads to several records
    unread: bool = False  # it is sent and never shown again: the path of a file on this machine, its digest
    aliases: tuple[str, ...] = ()


class ObjectSpec(Spec):
    """One object of the destination: its path, its limits, its standard fields."""

    label: str
    plural: str
    path: str
    wrapper: str
    order: int  # parents have the lower number
    bulk: int = 0  # rows in one bulk call; 0 where there is none
    bulk_key: str = ""
    bulk_setting: str = ""  # `name=value` of a setting under which an object without a bulk call has one
    marker: str = ""  # field that carries our key, so that a record can be found again
    same_as: str = ""  # this object is kept as another one, where the edition has no such object
    views: tuple[str, ...] = ()  # views whose union is every record
    tokens: dict[str, int] = {}  # kind of call → tokens, where they differ from the destination's
    own_fields: bool = True  # whether it can be given fields of one's own
    folds_into: str = ""  # object that can hold several of these as one text: a history of activities as a note
    fields: tuple[NativeField, ...] = ()


class Limit(Spec):
    """So much in any stretch of so many seconds, as one plan of the destination allows it."""

    name: str  # hour, minute, burst, day
    seconds: float
    allowance: int
    unit: Literal["calls", "tokens"] = "calls"
    per_seat: bool = False  # the allowance is multiplied by the account's seats
    sign_in: str = ""  # of accounts that sign in this way only, such as oauth
    calls_of: str = ""  # of one kind of call only, such as search
    resets: Literal["rolling", "midnight"] = "rolling"


class Plan(Spec):
    """What an account's plan allows."""

    label: str
    limits: tuple[Limit, ...]


class DestinationSpec(Spec):
    """What is known of a destination CRM."""

    name: str
    label: str
    about: str
    address: str = ""  # what an account's looks like, as it belongs into engagement.toml
    editions: tuple[str, ...]
    types: dict[str, str]  # our type of a column → the destination's type of a custom field
    type_labels: dict[str, str] = {}  # that type → what the destination's own pages call it, where that reads otherwise
    text_limit: int
    long_text_limit: int
    plans: dict[str, Plan]
    tokens: dict[str, int] = {}  # kind of call → tokens, where calls cost tokens; an object may differ
    objects: dict[str, ObjectSpec]
    settings: dict[str, Scalar]  # every unknown of the fact sheet, with its safe default

    def type_label(self, kind: str) -> str:
        """What an administrator finds a type of field under: `Single option` for `enum`."""
        return self.type_labels.get(kind) or kind.replace("_", " ").capitalize()

    def object_label(self, name: str) -> str:
        """What a person calls an object; one that is not known here, by its name."""
        return self.objects[name].label if name in self.objects else name


# ---------------------------------------------------------------- routes


class CustomField(Spec):
    """A field that the destination has to be given before anything is loaded."""

    object: str
    name: str  # as the scope document declares it
    label: str
    type: str
    choices: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    about: str = ""
    unique: bool = False


class Scope(Spec):
    """A question asked once, before anything is mapped."""

    name: str
    question: str
    options: tuple[str, ...] = ()  # any answer when empty
    default: str
    about: str = ""
    accept: dict[str, str] = {}  # answer → the limit that comes with it, and that the customer accepts in writing


class Loss(Spec):
    """Something that the destination cannot hold, said before the sign-off."""

    what: str
    where: str  # where it goes instead
    rows: tuple[str, ...] = ()  # ids of the promises that it takes something from


class Route(Spec):
    """One source into one destination."""

    name: str
    source: str
    destination: str
    title: str
    about: str
    scope: tuple[Scope, ...] = ()
    custom_fields: tuple[CustomField, ...] = ()
    derived: tuple[Derived, ...] = ()  # tables made of others before anything is staged
    records: tuple[FixedRecord, ...] = ()
    feeds: tuple[Feed, ...]
    losses: tuple[Loss, ...] = ()
    checklist: tuple[str, ...] = ()  # what a person has to see to before the load

    def table(self, source: Source, name: str) -> Table:
        """What is known of a table: of the source's own, or of one that the route derives, named by `file_id`."""
        if name in {made.name for made in self.derived}:
            return Table(files=(), key=("file_id",), required=False)
        return source.tables[name]

    def tables(self) -> tuple[str, ...]:
        """Names of the tables that the feeds read, those that they only look something up in among them."""
        named = [name for feed in self.feeds for name in (feed.table, *feed.asks())]
        return tuple(dict.fromkeys(named))

    def answered(self, said: Mapping[str, str]) -> dict[str, str]:
        """Every question of the scope with its answer; the default stands in for one that nobody gave."""
        return {question.name: said.get(question.name) or question.default for question in self.scope}

    def feed(self, name: str) -> Feed:
        """The feed of that name; a SpecError lists the names there are."""
        for feed in self.feeds:
            if feed.name == name:
                return feed
        raise SpecError(
            f"route {self.name} has no feed {name!r}", expected=listed([feed.name for feed in self.feeds]), found=name
        )


# ---------------------------------------------------------------- reading

AnySpec = TypeVar("AnySpec", Source, DestinationSpec, Route)


def names(kind: Literal["sources", "destinations", "routes"]) -> tuple[str, ...]:
    """The names for which a file stands in the folder, or in one of one's own; adding a file is all that adding one takes."""
    return tuple(sorted(entry.stem for folder in folders(kind) for entry in folder.glob("*.toml")))


def load_source(name: str | Path) -> Source:
    """A source by its name, or from a file of one's own."""
    return _load("sources", name, Source)


def load_destination(name: str | Path) -> DestinationSpec:
    """A destination by its name, or from a file of one's own."""
    return _load("destinations", name, DestinationSpec)


def load_route(name: str | Path) -> Route:
    """A route by its name, or from a file of one's own."""
    return _load("routes", name, Route)


def digest(spec: BaseModel) -> str:
    """SHA-256 of what a file says, whatever its layout and comments."""
    return hashlib.sha256(spec.model_dump_json(by_alias=True).encode()).hexdigest()


def _load(kind: Literal["sources", "destinations", "routes"], name: str | Path, model: type[AnySpec]) -> AnySpec:
    known = [name] if isinstance(name, Path) else [folder / f"{name}.toml" for folder in folders(kind)]
    entry = next((file for file in known if file.is_file()), None)
    if entry is None:
        raise SpecError(
            f"there is no {kind[:-1]} {str(name)!r}",
            expected=listed(names(kind)),
            todo=f"take one of these names, or put {name}.toml into {kind}/ of a folder that ${VARIABLE} names",
        )
    try:
        return model.model_validate(tomllib.loads(entry.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as broken:
        raise SpecError(
            f"{entry.name} is not valid TOML", found=str(broken), where=entry.name, todo="mend the line that it names"
        ) from broken
    except ValidationError as wrong:
        # A misspelt key is two errors, one of which says what to mend.
        first = min(wrong.errors(), key=lambda each: each["type"] != "extra_forbidden")
        place = ".".join(str(part) for part in first["loc"])
        raise SpecError(
            f"{entry.name} says something that it may not",
            found=f"the key {first['loc'][-1]!r}, which is not known here"
            if first["type"] == "extra_forbidden"
            else first["msg"],
            where=f"{entry.name}: {place}",
            todo="mend the file; docs/routes.md says what each key means",
        ) from wrong
