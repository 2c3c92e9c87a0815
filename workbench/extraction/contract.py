"""What the engine of extraction and the adapter of a source say to each other."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from workbench.destinations import Secret
from workbench.errors import IntegrityError
from workbench.specs import Scalar

__all__ = [
    "Adapter",
    "Download",
    "Export",
    "Got",
    "Item",
    "Judgement",
    "Listed",
    "Opened",
    "Position",
    "SourceAccount",
    "Target",
]

Judgement = Literal["good", "stale", "later", "weather", "heavy", "garbled", "refused"]
"""good: an answer. stale: the token has ended. later: wait, then ask again. weather: nothing is known, ask again.
heavy: too much for the source, ask for less. garbled: an answer that cannot be read whole. refused: a no in words."""


@dataclass(frozen=True)
class SourceAccount:
    """Where a source is, who we are there, and how it is to be asked."""

    base_url: str
    key: Secret
    user: Secret | None = None
    password: Secret | None = None
    settings: Mapping[str, Scalar] = field(default_factory=dict)
    time_scale: float = 1.0  # of a rehearsal; 1 in earnest


@dataclass(frozen=True)
class Target:
    """One question to the source. Secrets stand in it under their names, and only the wire puts them in.

    Nothing but a question can be made: GET, or POST of a body that the adapter declares to ask and not to change.
    """

    path: str  # such as records/{token}/contacts, percent-encoded but for the names in braces
    params: Mapping[str, str | int] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)  # by name in the path
    headers: Mapping[str, Secret] = field(default_factory=dict)
    question: bytes | None = field(default=None, repr=False)  # the body of a POST that asks
    asks: str = ""  # what such a POST is: graphql or export

    def __post_init__(self) -> None:
        if (self.question is None) is not (self.asks == "") or self.asks not in ("", "graphql", "export"):
            raise IntegrityError("an extraction only reads", expected="a question", found=f"{self.method} {self.place}")
        if self.asks == "graphql" and not _is_query(self.question or b""):
            raise IntegrityError("an extraction only reads", expected="a query", found="something else", where=self.place)

    @property
    def method(self) -> str:
        return "GET" if self.question is None else "POST"

    @property
    def place(self) -> str:
        """Method and path for people: every secret is still its name in braces."""
        return f"{self.method} {self.path}"


def _is_query(question: bytes) -> bool:
    """Whether a GraphQL question is one query, which by its specification changes nothing."""
    query = str(json.loads(question).get("query", "")).lstrip()
    return query.startswith("query ") and not re.search(r"\b(mutation|subscription)\b", query)


@dataclass(frozen=True)
class Got:
    """What came of one exchange. No address and no request is in it, as those hold secrets."""

    status: int = 0  # 0 where no answer came
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case
    body: bytes = field(default=b"", repr=False)
    words: str = ""  # how the exchange broke off; empty where the answer came whole
    slow: bool = False  # it broke off as the time was up


@dataclass(frozen=True)
class Item:
    """One row of a page: its bytes, and why it cannot be read where it cannot; ``key`` as text, empty where unknown."""

    raw: bytes = field(repr=False)
    key: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Opened:
    """A page whose envelope could be read."""

    items: tuple[Item, ...]
    cursor: str = ""  # of the next page
    total: int | None = None  # of all rows, where the page tells


@dataclass(frozen=True)
class Position:
    """Where a page begins: at a row counted from 0, at a cursor, or above a key."""

    by: Literal["offset", "cursor", "above"] = "offset"
    start: int = 0
    token: str = ""


@dataclass(frozen=True)
class Listed:
    """An object of the source. ``key`` names a row; without one the whole row does."""

    name: str
    label: str = ""
    key: str = ""
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Download:
    """A file to fetch: the row that names it, its name and size as the source states them, and where its content is."""

    id: str
    name: str
    object: str
    stated: int | None
    target: Callable[[Secret], Target]
    judge: Callable[[Got], Judgement]


@dataclass(frozen=True)
class Export:
    """An export in three questions: begin it, ask whether it is done, fetch it."""

    begin: Callable[[Secret], Target]
    name_of: Callable[[Got], str]
    state: Callable[[str], Callable[[Secret], Target]]
    done: Callable[[Got], Literal["waiting", "done", "failed"]]
    rows_of: Callable[[Got], int | None]
    fetch: Callable[[str], Callable[[Secret], Target]]


class Adapter(Protocol):
    """What `workbench.extraction.<source>.connect` returns: the source's own names and shapes, without any network."""

    rows: int  # that a page is asked for at first
    safe_rows: int  # that a page may be asked for whatever the account is like
    paging: Literal["", "offset", "cursor", "above"]  # how the next page is found; empty where the first page tells
    created: str  # the field that says when a row was made; empty where there is none
    log_in: Target | None  # asked for a token; None where the key itself is sent

    def token_of(self, got: Got) -> Secret | None:
        """The token in the answer to `log_in`; None where it was refused."""

    def judge(self, got: Got) -> Judgement:
        """What an answer that came whole means."""

    def words(self, got: Got) -> str:
        """Why an answer is a refusal, in the source's own words."""

    def list_objects(self, ask: Callable[[Callable[[Secret], Target]], Got]) -> Sequence[tuple[Listed, bytes]]:
        """Every object that is to be read, with its metadata as they came."""

    def count(self, listed: Listed, token: Secret) -> Target | None:
        """The question how many rows there are; None where the source cannot be asked."""

    def count_of(self, got: Got) -> int | None:
        """The answer to it."""

    def page(self, listed: Listed, at: Position, *, rows: int, token: Secret, keys_only: bool = False) -> Target:
        """The question for a page."""

    def one(self, listed: Listed, key: str, token: Secret) -> Target | None:
        """The question for one row by its key; None where the source cannot be asked."""

    def open(self, listed: Listed, body: bytes) -> Opened | None:
        """The rows of a page; None where it cannot be taken apart."""

    def rescue(self, listed: Listed, body: bytes) -> tuple[str, str | None]:
        """Of a page of one row that cannot be taken apart: its key, and the next cursor: empty at the end, None if unknown."""

    def inner(self, body: bytes) -> bytes:
        """Of the same page, the bytes of its row, as far as they can be told from what stands around them."""

    def export(self, listed: Listed) -> Export | None:
        """How the object is read as one export; None where it is read page by page."""

    def open_export(self, listed: Listed, body: bytes) -> Opened:
        """The rows of an export."""

    def learn(self, ask: Callable[[Callable[[Secret], Target]], Got], objects: Sequence[Listed]) -> Mapping[str, int]:
        """What has to be found out about this account before its pages can be asked for; kept for later runs."""

    def recall(self, facts: Mapping[str, int]) -> None:
        """Take up what an earlier run has found out."""

    def downloads(self, rows: Mapping[str, Sequence[Mapping[str, object]]]) -> Sequence[Download]:
        """The files to fetch, from the rows of the objects that `file_objects` names."""

    @property
    def file_objects(self) -> tuple[str, ...]:
        """Objects whose rows name files."""
