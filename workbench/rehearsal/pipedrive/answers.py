"""What every handler of the Pipedrive rehearsal takes and gives: operations, envelopes, refusals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NoReturn, Protocol

from workbench.rehearsal.engine import Call, Json, Refusal, Reply, Switches, as_json
from workbench.rehearsal.pipedrive.shapes import Shape

Version = Literal["v1", "v2"]
SUPPORT = "Please check developers.pipedrive.com for more information about Pipedrive API."
NO_SUCH_ID = 2**63 - 1  # the greatest number that the state can look for
SCHEMA_FAILED = "ERR_SCHEMA_VALIDATION_FAILED"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request whose query and JSON body have passed their shapes; ``ids`` are the open parts of the path."""

    call: Call
    version: Version
    ids: tuple[str, ...] = ()
    query: Mapping[str, str] = field(default_factory=dict)
    body: Json = field(default_factory=dict)
    items: Sequence[object] = ()  # the body, where it is a bare list

    @property
    def now(self) -> float:
        return self.call.now

    def number(self, place: int = 0) -> int:
        """An id of the path as a number; one that is none finds nothing."""
        part = self.ids[place]
        if not (part.isascii() and part.isdecimal()):
            if self.version == "v2":
                invalid(["id: The value is not a valid 'integer'"])
            no(self.version, 404, "Not found.")
        return min(int(part), NO_SUCH_ID) if len(part) < 20 else NO_SUCH_ID


Handler = Callable[[Asked], Reply]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path, as in ``GET v2 deals/#/products``, with what it costs and what it may be sent.

    v2 refuses what its shapes do not name; v1 takes unknown parameters and keys without a word. ``query`` or ``body``
    empty: nothing may be sent (v2), or nothing is looked at (v1). ``raw`` hands the body over as bytes, for forms and files.
    """

    version: Version
    method: str
    path: str
    tokens: int
    run: Handler
    query: Shape = Shape({})  # noqa: RUF009 -- frozen
    body: Shape = Shape({})  # noqa: RUF009 -- frozen
    listed: bool = False  # the body is a bare JSON list
    search: bool = False  # counts against the search limit too
    raw: bool = False


class Part(Protocol):
    """A part of the account that answers operations of its own."""

    def operations(self) -> Iterable[Operation]:
        """Every operation of this part."""
        ...


def one(data: object, status: int = 200, *, additional_data: Json | None = None) -> Reply:
    """A single object in its envelope, with what comes beside it where anything does."""
    beside: Json = {} if additional_data is None else {"additional_data": additional_data}
    return as_json({"success": True, "data": data, **beside}, status)


def page_v2(rows: Sequence[object], next_cursor: str | None) -> Reply:
    """A page of a v2 list."""
    return as_json({"success": True, "data": rows, "additional_data": {"next_cursor": next_cursor}})


def page_v1(rows: Sequence[object], *, start: int, limit: int, more: bool) -> Reply:
    """A page of a v1 list; the place of the next one stands there only if there is one."""
    pagination: Json = {"start": start, "limit": limit, "more_items_in_collection": more}
    if more:
        pagination["next_start"] = start + limit
    return as_json({"success": True, "data": rows or None, "additional_data": {"pagination": pagination}})


def refused(version: Version, status: int, text: str, *, code: str = "", info: str = SUPPORT) -> Reply:
    """A refusal in the envelope of its version."""
    if version == "v2":
        return as_json({"success": False, "error": text, **({"code": code} if code else {})}, status)
    coded: Json = {"code": code} if code else {}
    return as_json(
        {"success": False, "error": text, "error_info": info, "data": None, "additional_data": None, **coded}, status
    )


def broken(version: Version) -> Reply:
    """What both versions say when something broke that nobody thought of."""
    return refused(version, 500, "Internal Server Error", code="ERR_UNKNOWN" if version == "v2" else "")


def no(version: Version, status: int, text: str, *, code: str = "", info: str = SUPPORT) -> NoReturn:
    """Refuse; nothing that the request wrote is kept."""
    raise Refusal(status, text, reply=refused(version, status, text, code=code, info=info))


def missing(version: Version, name: str, switches: Switches) -> NoReturn:
    """Refuse because there is no such record: ``Deal not found``, or less where the switch says so."""
    no(version, 404, f"{name} not found" if version == "v1" or switches["body_404"] == "named" else "Not found")


def invalid(problems: Sequence[str]) -> NoReturn:
    """Refuse a v2 request whose body or query does not hold: ``<key>: <what is wrong>`` each."""
    no("v2", 400, f"Validation failed: {'; '.join(problems)}", code=SCHEMA_FAILED)
