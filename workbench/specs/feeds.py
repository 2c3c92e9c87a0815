"""What a route may say of one table on its way into one object: which rows, which fields, which parents.

docs/routes.md explains every key with an example.
"""

from __future__ import annotations

import re
import string
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from workbench.specs.spec import Options, Spec

__all__ = [
    "EACH",
    "OTHERS",
    "Combine",
    "Condition",
    "Exclusion",
    "Feed",
    "FieldRule",
    "Join",
    "Lookup",
    "Match",
    "Relink",
    "Through",
    "holds_column",
    "placeholders",
]

EACH = ".*."
"""In a composed text, between a column with a list and what each thing in it says: `{prices.*.from}`."""
OTHERS = "*"
"""In a composed text, for every column that the source's file does not describe."""

Combine = Literal["", "first", "last", "join", "sum", "count", "min", "max"]


def _several(said: object) -> object:
    return (said,) if isinstance(said, str) else said


Answers = Annotated[tuple[str, ...], BeforeValidator(_several)]
"""One text, or several of which each will do."""


def placeholders(text: str) -> tuple[str, ...]:
    """The columns that a composed text names in braces, each once; a ValueError where its braces do not pair."""
    return tuple(dict.fromkeys(name for _, name, _, _ in string.Formatter().parse(text) if name is not None))


def holds_column(text: str, column: str) -> bool:
    """Whether a composed text tells a column: `{prices.*.from}` tells `prices`, and of it `prices.3.from`."""
    for name in placeholders(text):
        listed, each, inner = name.partition(EACH)
        if column == listed or (each and re.fullmatch(rf"{re.escape(listed)}\.\d+\.{re.escape(inner)}", column)):
            return True
    return False


class Condition(Spec):
    """A test of one row. Exactly one of the comparisons, or `all`/`any` of further conditions."""

    column: str = ""
    is_: tuple[str, ...] | None = Field(default=None, alias="is")  # folded: case and outer blanks do not count
    matches: str | None = None  # regular expression, searched
    empty: bool | None = None
    all_: tuple[Condition, ...] = Field(default=(), alias="all")
    any_: tuple[Condition, ...] = Field(default=(), alias="any")

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        tests = [
            self.is_ is not None,
            self.matches is not None,
            self.empty is not None,
            bool(self.all_),
            bool(self.any_),
        ]
        if sum(tests) != 1:
            raise ValueError("a condition makes exactly one test: is, matches, empty, all or any")
        if not (self.all_ or self.any_) and not self.column:
            raise ValueError("a condition that looks at a value names its column")
        return self


class Exclusion(Spec):
    """Rows that a named rule leaves out, always or under one answer to a question of the scope."""

    rule: str
    about: str
    when: Condition
    scope: dict[str, Answers] = {}


class Join(Spec):
    """Columns of another table that stand beside this one's from here on, found by a key."""

    column: str  # of this table
    table: str
    with_: str = Field(alias="with")  # column of that table that says the same
    also: dict[str, str] = {}  # further columns that have to say the same, where this row says something: here → there
    bring: dict[str, str]  # name here → column there
    recipe: str = "identifier"
    options: Options = {}
    newest: str = ""  # of several rows that fit, the one that is highest in this column of theirs; else the first
    newest_recipe: str = ""
    newest_options: Options = {}
    when: Condition | None = None  # asked for these rows only


class FieldRule(Spec):
    """How one column is expected to become one field; the confirmed map has the last word."""

    column: str  # of the table; where the text is composed, the name under which it goes
    to: str  # the destination's own name, or a declared custom field (`…__c`)
    recipe: str = ""  # chosen by the field's type when empty
    options: Options = {}
    fallback: tuple[str, ...] = ()  # columns looked at, in order, where this one is empty
    compose: str = ""  # a text made of several columns: `{Invoice No}: {Amount}`; a line whose columns are empty goes
    combine: Combine = ""  # how the field is made where several rows are one record; the first that says something
    separator: str = "; "  # between texts that are joined
    part: str = ""  # `2/4`: of texts that are joined and find no room in one field, the second of four such fields
    scope: dict[str, Answers] = {}  # taken under these answers only
    required: bool = False  # a row without it is rejected
    on_error: Literal["set_aside", "hold", "reject"] = "set_aside"
    values: bool = False  # its values are mapped one by one, and confirmed
    choices: tuple[str, ...] = ()  # what a person chooses among where the destination's field takes any text
    proposed: dict[str, str] = {}  # value, whatever its case → the option that the scope document proposes for it
    about: str = ""

    @model_validator(mode="after")
    def _parts(self) -> Self:
        said = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", self.part)
        if self.part and (said is None or int(said[1]) > int(said[2]) or self.combine != "join" or not self.options.get("cut")):
            raise ValueError(f"{self.to} is a part of texts that are joined and cut, such as 2/4, and not {self.part!r}")
        return self

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if (self.choices or self.proposed) and not (self.values and self.recipe in ("choice", "multi_choice")):
            raise ValueError(f"{self.to} has choices or proposals, so its values are mapped one by one, by a choice")
        if self.compose and not placeholders(self.compose):
            raise ValueError(f"the text composed for {self.to} names no column in braces")
        if any(mark not in (None, "", "needed") for _, _, mark, _ in string.Formatter().parse(self.compose)):
            raise ValueError(f"the text composed for {self.to} marks a column otherwise than as needed")
        return self


class Through(Spec):
    """A table of links between two others: many on either side."""

    table: str
    mine: str  # its column that names a row of this feed
    theirs: str  # its column that names a row of the other feed
    primary: str = ""  # its column that says yes for the one that counts most
    first: bool = False  # the record that comes first alone, for a field that holds one
    with_: str = Field(default="", alias="with")  # column of the other feed's table that `theirs` names; its key when empty
    recipe: str = "identifier"
    options: Options = {}


class Lookup(Spec):
    """A link to a record that another feed makes, or this one: then the records are a tree.

    ``by`` says which column names the kind of parent, and ``feeds`` which kind is which feed. ``through`` takes the
    parents from a table of links; the one that counts most comes first.
    """

    to: str  # field of this object
    feed: str = ""
    else_feed: str = ""  # where that one has no record: a feed whose records are kept beside them, as leads are beside contacts
    column: str = ""  # column of this feed's table; beside `through` what `mine` names, where that is not the row's own key
    fallback: tuple[str, ...] = ()  # columns looked at, in order, where that one is empty
    with_: str = Field(default="", alias="with")  # column of that feed's table; what names its rows when empty
    recipe: str = "identifier"
    options: Options = {}
    when: Condition | None = None  # looked up for these rows only
    unless: tuple[str, ...] = ()  # links stated before: looked up only for rows that they lead nowhere, and that wait for none
    required: bool = False  # a row whose parent is missing is held
    through: Through | None = None
    by: str = ""
    feeds: dict[str, Answers] = {}  # kind of parent → its feed, or several of which the first that has it counts
    otherwise_record: str = ""  # a record of the route that takes those without a parent

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.feed) == bool(self.by and self.feeds):
            raise ValueError(f"the link {self.to} names its feed, or a column in `by` and the feeds of its values")
        if not self.column and self.through is None:
            raise ValueError(f"the link {self.to} names the column that leads to its parent")
        if self.else_feed and (not self.feed or self.through is not None or self.with_ or self.required):
            raise ValueError(
                f"the link {self.to} looks in two feeds, so it names them and a column with a key, and is not required"
            )
        if self.through is not None and (self.by or self.with_):
            raise ValueError(f"the link {self.to} goes through a table, which knows neither `by` nor `with`")
        return self

    def leads_to(self) -> tuple[str, ...]:
        """Names of the feeds whose records it may lead to."""
        if self.feed:
            return (self.feed, self.else_feed) if self.else_feed else (self.feed,)
        return tuple(dict.fromkeys(name for names in self.feeds.values() for name in names))


class Match(Spec):
    """One way of finding the record that a row belongs to."""

    column: str
    feed: str
    with_: str = Field(alias="with")
    recipe: str = "identifier"
    options: Options = {}
    reason: str = ""


class Relink(Spec):
    """Rows that lost the key of their row in another table: a person settles which one it is, and columns come along."""

    to: str  # table
    bring: dict[str, str]  # name here → column there


class Feed(Spec):
    """One source table flowing into one destination object.

    ``record`` makes a record of each row; ``attach`` puts a row's values on a record that another feed makes;
    ``match`` only finds the record that is there already; ``link`` says which records belong together, and another feed
    reads it; ``document`` ends in a hand-off document.
    """

    name: str
    rows: tuple[str, ...]  # ids of the promises in the scope document
    label: str
    about: str
    kind: Literal["record", "attach", "match", "link", "document"] = "record"
    table: str
    object: str = ""
    main: bool = False  # every column of the table is decided on here
    scope: dict[str, Answers] = {}  # taken under these answers only; else its rows are left out
    joins: tuple[Join, ...] = ()
    relink: Relink | None = None
    when: Condition | None = None
    otherwise: str = ""  # rule name of rows that `when` leaves out
    exclude: tuple[Exclusion, ...] = ()
    group: tuple[str, ...] = ()  # rows that say the same in these columns are one record
    owner: str = ""  # column that names the owner
    fields: tuple[FieldRule, ...] = ()
    constants: dict[str, str] = {}  # field → text for every record; `scope:<question>` takes the answer to a question
    lookups: tuple[Lookup, ...] = ()
    needs: tuple[str, ...] = ()  # links of which one at least has to lead to a record
    merge: tuple[Match, ...] = ()  # rows that are a record of an earlier feed
    match: tuple[Match, ...] = ()  # attach: ways to the record, in order
    duplicates: Literal["", "people", "companies"] = ""
    unique: str = ""  # field that no two records of the destination may share
    newest: str = ""  # attach: of several rows for one record, the one that is highest here wins
    newest_recipe: str = ""
    newest_options: Options = {}
    tie: str = ""  # column that settles equal ones: the higher wins
    superseded: str = ""  # rule name of the rows that lost
    unmatched: str = ""  # reason of rows that belong to no record
    document: Literal["list", "count", "rebuild"] = "list"  # what the hand-off does with the rows of a `document`

    def asks(self) -> tuple[str, ...]:
        """Names of the tables in which something is looked up for its rows."""
        through = [lookup.through.table for lookup in self.lookups if lookup.through is not None]
        return (*(join.table for join in self.joins), *through, *([self.relink.to] if self.relink is not None else []))

    @property
    def combines(self) -> bool:
        """True where every row of a record speaks, and not one alone."""
        return bool(self.group) or any(rule.combine for rule in self.fields)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind in ("record", "attach") and not self.object:
            raise ValueError(f"feed {self.name} names no object")
        chosen = self.combines or (self.newest and self.superseded)
        if self.kind == "attach" and not (self.match and chosen and self.unmatched):
            needed = "match, unmatched, and either newest and superseded or fields that combine"
            raise ValueError(f"feed {self.name} attaches, so it needs {needed}")
        if self.when is not None and not self.otherwise:
            raise ValueError(f"feed {self.name} leaves rows out by `when`, so it names the rule in `otherwise`")
        if self.document == "count" and not self.group:
            raise ValueError(f"feed {self.name} counts its rows, so it says in `group` by which columns")
        if self.kind == "record" and not self.group and any(rule.combine for rule in self.fields):
            raise ValueError(f"feed {self.name} combines rows, so it says in `group` which are one record")
        return self

    @model_validator(mode="after")
    def _needs_links(self) -> Self:
        lacking = set(self.needs) - {lookup.to for lookup in self.lookups}
        if lacking:
            raise ValueError(f"feed {self.name} needs {', '.join(sorted(lacking))}, of which no lookup says where it leads")
        for place, lookup in enumerate(self.lookups):
            if late := set(lookup.unless) - {other.to for other in self.lookups[:place]}:
                raise ValueError(f"the link {lookup.to} asks for {', '.join(sorted(late))}, which no lookup before it looks up")
        return self
