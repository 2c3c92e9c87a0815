"""What a tenant recipe may say: its tables are checked before they shape anything, and each mistake is told in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import UnionType
from typing import Annotated, Any, NoReturn, Protocol, TypeVar, get_args, get_origin
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from workbench.errors import SpecError, listed
from workbench.rehearsal.engine.contract import Refusal
from workbench.rehearsal.engine.state import Json

OWN = "recipe"
"""The type of the mistakes that a recipe's own checks find."""
SHOWN = 80
WORDS: Mapping[str, str] = {
    "string_type": "a text in quotes",
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "missing": "this key",
}
"""What was expected, by pydantic's name of the mistake, where its own words would not do."""
Table = dict[str, JsonValue]
"""A table whose keys are the vendor's own matter."""
Id = Annotated[int, Field(gt=0, lt=2**53)]


class Part(BaseModel):
    """A table of a recipe: frozen, strict about types, and deaf to no misspelt key."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Numbered(Protocol):
    """A row that may carry the id of a live account."""

    @property
    def id(self) -> object: ...


Row = TypeVar("Row", bound=Numbered)


def wrong(message: str, *, expected: str, found: str, at: str = "") -> NoReturn:
    """For the checks of a recipe's model: a mistake in words.

    ``at`` is the key below the table that was checked, with dots between its parts and rows counted from 0.
    """
    raise PydanticCustomError(OWN, "{words}", {"words": message, "expected": expected, "found": found, "at": at})


def one_of(*words: str) -> AfterValidator:
    """A text that is one of these."""

    def check(value: str) -> str:
        if value not in words:
            wrong("the tenant recipe says a word that is not known", expected=", ".join(words), found=_shown(value))
        return value

    return AfterValidator(check)


def fitting(test: Callable[[str], object], expected: str) -> AfterValidator:
    """A text that passes a test, which answers with something true, and may raise ``ValueError`` to say no."""

    def check(value: str) -> str:
        try:
            fits = bool(test(value))
        except (ValueError, OverflowError):
            fits = False
        if not fits:
            wrong("the tenant recipe says something that it may not", expected=expected, found=_shown(value))
        return value

    return AfterValidator(check)


def _apart(rows: Sequence[Row]) -> Sequence[Row]:
    seen: set[object] = set()
    for place, row in enumerate(rows):
        if row.id is not None and row.id in seen:
            said = "two rows of the tenant recipe have the same id"
            wrong(said, expected="ids that differ", found=_shown(row.id), at=f"{place}.id")
        seen.add(row.id)
    return rows


APART = AfterValidator(_apart)
"""Rows whose ids differ."""
Text = Annotated[str, fitting(str.strip, "a text that is not empty")]
Email = Annotated[str, fitting(lambda text: "@" in text.strip("@ "), "an e-mail address")]
Zone = Annotated[str, fitting(lambda name: _zone(name), "a time zone such as America/New_York")]
Moment = Text  # each vendor's own form


def _zone(name: str) -> object:
    try:
        return ZoneInfo(name)
    except (OSError, KeyError):  # a name that is none, or a folder of them
        return None


def checked(recipe: Json, model: type[Part], *, where: str) -> Json:
    """The recipe itself, if the model allows all that it says; ``SpecError`` about its first mistake if not."""
    try:
        model.model_validate(recipe)
    except ValidationError as mistaken:
        # A misspelt key is two errors, one of which says what to mend.
        mistakes = sorted(mistaken.errors(include_url=False), key=lambda each: each["type"] != "extra_forbidden")
        raise _told(mistakes[0], model, where, further=len(mistakes) - 1) from None
    return recipe


def fits(recipe: Json, model: type[Part]) -> bool:
    """Whether a recipe has every table that the model cannot do without."""
    return all(name in recipe for name, field in model.model_fields.items() if field.is_required())


@contextmanager
def of_row(table: str, place: int) -> Iterator[None]:
    """While a stand-in makes what the row ``place`` (from 1) of a table says: the vendor's no is a mistake of the recipe."""
    try:
        yield
    except Refusal as no:
        raise SpecError(
            "the account would refuse what the tenant recipe says",
            found="; ".join(no.messages),
            where=f"[[{table}]] row {place}",
            todo="mend this row, or take a plan that allows it",
        ) from None


def _told(mistake: ErrorDetails, model: type[Part], where: str, *, further: int) -> SpecError:
    context, loc = mistake.get("ctx", {}), mistake["loc"]
    message, todo = "the tenant recipe says something that it may not", "mend it in the recipe"
    expected, found = WORDS.get(mistake["type"], _small(mistake["msg"])), _shown(mistake["input"])
    if mistake["type"] == OWN:
        message, expected, found = (str(context[name]) for name in ("words", "expected", "found"))
        steps = filter(None, str(context["at"]).split("."))
        loc = (*loc, *(int(step) if step.isdecimal() else step for step in steps))
    elif mistake["type"] == "extra_forbidden":
        message, expected = "the tenant recipe has a key that is not known", listed(_keys(model, loc[:-1]), limit=40)
        found, todo = repr(loc[-1]), "take it away, or spell it as one of these"
    elif mistake["type"] == "missing":
        message, found, todo = "the tenant recipe lacks a key", "nothing", "add it; the tenants of the package show how"
    more = f" (and {further} more)" if further else ""
    return SpecError(message, expected=expected, found=found, where=f"{where}: {_place(loc)}{more}", todo=todo)


def _place(loc: Sequence[int | str]) -> str:
    """``[[pipelines]] row 1, stages row 2: name``."""
    if not loc:
        return "the whole"
    rows = len(loc) > 1 and isinstance(loc[1], int)
    said = f"[[{loc[0]}]]" if rows else f"[{loc[0]}]" if len(loc) > 1 else str(loc[0])
    for step in loc[1:]:
        if isinstance(step, int):
            said += f" row {step + 1}"
        elif step != "[key]":  # how pydantic marks the key of a table
            said += f", {step}" if "row" in said else f" {step}"
    return said


def _keys(model: type[BaseModel], loc: Sequence[int | str]) -> tuple[str, ...]:
    """The keys that the table at a place may have."""
    found: Any = model
    for step in loc:
        if isinstance(found, type) and issubclass(found, BaseModel):
            field = found.model_fields.get(str(step))
            found = field.annotation if field else None
        else:
            found = _inside(found)
        found = _bare(found)
    return tuple(found.model_fields) if isinstance(found, type) and issubclass(found, BaseModel) else ()


def _inside(kind: Any) -> Any:
    """What a list or a table of tables holds."""
    parts = [part for part in get_args(kind) if part is not Ellipsis]
    return parts[-1] if parts else None


def _bare(kind: Any) -> Any:
    """A type without what it is annotated with, and without none."""
    while get_origin(kind) is Annotated or isinstance(kind, UnionType):
        kind = next(part for part in get_args(kind) if part is not type(None))
    return kind


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _small(message: str) -> str:
    return message[:1].lower() + message[1:]
