"""What every destination can be asked, in the words of the workbench rather than of its API.

A destination is a file ``<name>.toml`` and a module ``<name>`` beside it with ``connect(spec, account, …) -> Destination``.
Records go in and come out under declared names and option labels; the module alone knows keys, ids and wrappers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Literal, Protocol, runtime_checkable

import pandas as pd

from workbench.additions import VARIABLE, module_path
from workbench.errors import SpecError, listed
from workbench.specs import CustomField, DestinationSpec, Scalar, names

__all__ = [
    "HELD",
    "RUNNING",
    "STALLED",
    "Account",
    "Book",
    "Destination",
    "Draft",
    "LiveField",
    "Metadata",
    "Outcome",
    "Record",
    "Scattered",
    "Secret",
    "Spent",
    "Standing",
    "User",
    "Wait",
    "connect",
]

__path__ = module_path(__path__, "destinations")  # clients of one's own are modules like ours

Value = str | int | float | bool | None | list[str]
RUNNING = "at work still"
"""How the words begin of an outcome whose job the destination is known to be working on."""
STALLED = "at work for too long"
"""The same of a job that has outlived all patience, where a second sending of the row would only find what it makes."""
HELD = "not to be sent again"
"""The same where a second sending would make a second record, should the job end after all."""


class Secret:
    """A credential that shows itself to nobody: not in a repr, a format, a pickle or a traceback."""

    __slots__ = ("_hidden",)

    def __init__(self, hidden: str) -> None:
        self._hidden = hidden

    def reveal(self) -> str:
        """The credential itself, for the one line that puts it into a header."""
        return self._hidden

    def __repr__(self) -> str:
        return "Secret(•••)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        raise TypeError("a secret is not pickled")


@dataclass(frozen=True)
class Account:
    """Where the destination is, who we are there, and what is known of the account."""

    base_url: str  # of the API, as the destination's file shows one
    key: Secret
    edition: str = ""
    plan: str = ""
    settings: Mapping[str, Scalar] = field(default_factory=dict)  # laid over the spec's own
    time_scale: float = 1.0  # of a rehearsal; 1 in earnest
    renew: Callable[[Secret], Secret] | None = None  # the key that follows a stale one; none where keys do not end


@dataclass(frozen=True)
class LiveField:
    """A field as the account has it today."""

    object: str
    name: str  # native name, or the declared name of a custom field once it is known which one it is
    key: str  # on the wire
    label: str
    type: str
    custom: bool
    required: bool = False
    choices: tuple[str, ...] = ()
    max_length: int = 0
    id: str = ""


@dataclass(frozen=True)
class User:
    """Somebody who may own a record."""

    id: str
    name: str
    email: str
    active: bool


@dataclass(frozen=True)
class Metadata:
    """The account as it stands: its fields, its users, its pipelines."""

    fields: tuple[LiveField, ...]
    users: tuple[User, ...]
    pipelines: Mapping[str, tuple[str, ...]]  # name → stage names, in order

    def frame(self) -> pd.DataFrame:
        """One row a field: object, name, key, label, type, custom, required, choices."""
        columns = ["object", "name", "key", "label", "type", "custom", "required", "choices"]
        rows = [[f.object, f.name, f.key, f.label, f.type, f.custom, f.required, ", ".join(f.choices)] for f in self.fields]
        return pd.DataFrame(rows, columns=columns)

    def users_frame(self) -> pd.DataFrame:
        """One row a user: id, name, email, active."""
        rows = [[u.id, u.name, u.email, u.active] for u in self.users]
        return pd.DataFrame(rows, columns=["id", "name", "email", "active"])

    def find(self, object_: str, name: str) -> LiveField | None:
        """The field of that native or declared name, or None where the account has none."""
        return next((f for f in self.fields if f.object == object_ and f.name == name), None)


@dataclass(frozen=True)
class Draft:
    """A record to be made or changed: our key for it, and its values under declared names.

    Options are labels, the owner is a user's id, lookups are ids of the destination. `id` is set for a change, and
    `values` then holds the changed fields only. `expected` is what fields held when the change was decided upon: a guarded
    destination leaves the record alone where it holds anything else just before the change.
    """

    key: str
    values: Mapping[str, Value]
    id: str = ""
    expected: Mapping[str, Value] | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of one draft.

    `unknown` means that the answer never came or made no sense: the record may exist, and only a look tells.
    """

    key: str
    state: Literal["done", "rejected", "unknown"]
    id: str = ""  # may be empty after a bulk call, which tells no ids: `Destination.sweep` does
    words: str = ""  # the destination's own, where it refused
    after: Mapping[str, Value] | None = field(default=None, repr=False, compare=False)  # what a changed record holds now


@dataclass(frozen=True)
class Record:
    """A record as the destination shows it, under declared names and labels."""

    id: str
    key: str  # our key where the record bears one, else empty
    values: Mapping[str, Value]
    updated_at: str = ""
    made_at: str = ""  # by the account's clock, in ISO 8601; empty where it does not say
    made_by: str = ""  # id of the user who made it; empty where it does not say


@dataclass(frozen=True)
class Wait:
    """A pause that is about to be made, for whoever shows progress."""

    seconds: float
    reason: str


@dataclass(frozen=True)
class Standing:
    """What is left of one limit of the account, as far as we can tell."""

    name: str  # hour, minute, burst, day
    unit: Literal["calls", "tokens"]
    allowance: int  # after the customer's reserve
    left: int
    resets_in: float  # real seconds until all of it is there again


@dataclass(frozen=True)
class Spent:
    """What a client has sent since it was made."""

    calls: int = 0
    tokens: int = 0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.calls + other.calls, self.tokens + other.tokens)

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.calls - other.calls, self.tokens - other.tokens)


class Book(Protocol):
    """Where a client keeps what it has used of the account's limits, so that the next run knows."""

    def read(self) -> str:
        """The text kept last; empty at first."""

    def keep(self, text: str) -> None:
        """Keep this text in place of the last one."""


class Destination(Protocol):
    """The calls that stages make. Every implementation is synchronous and keeps to the account's limits."""

    name: str
    lag: float  # real seconds by which a look may lag behind what was written
    stamped: frozenset[str]  # fields that the destination fills in itself where nobody sends them

    def check(self) -> User | None:
        """Try the key with one cheap call; WrongKey, or DestinationBusy where nobody answers."""

    def metadata(self, declared: Sequence[CustomField] = ()) -> Metadata:
        """Fields, users and pipelines as they are now; custom fields get their declared name by label and object."""

    def extra_fields(self, objects: Iterable[str]) -> list[CustomField]:
        """Fields that the client needs for our keys, beside those of the scope document."""

    def create_field(self, plan: CustomField) -> LiveField:
        """Make a custom field with its choices; Refused where the account wants it done by hand."""

    def alike(self, plan: CustomField) -> list[LiveField]:
        """Custom fields of that object and label; none where the destination lets no two have one label. One call at most."""

    def delete_field(self, live: LiveField) -> Outcome:
        """Take away a field that we made."""

    def bulk_rows(self, object_: str) -> int:
        """Records that one `write` of this object takes; 1 where there is no bulk call."""

    def lanes(self, object_: str) -> int:
        """Calls of `write` that may usefully be in flight at once; 1 where they would meet on one parent."""

    def write(self, object_: str, drafts: Sequence[Draft], *, taken: Callable[[str], None] | None = None) -> list[Outcome]:
        """Make these records (no `id`) or change them (all with `id`); one outcome each, matched by key.

        A batch that is worked on later is told to `taken` by the name of its job, before anybody waits for it.
        """

    def collect(self, object_: str, job: str, drafts: Sequence[Draft]) -> list[Outcome]:
        """What became of a batch that was taken as this job, in an earlier run perhaps; `unknown` where it does not say.

        Where the job is known to be at work still, the words begin with `RUNNING`: such rows must not be sent again. Once
        its time is over they begin with `STALLED` or `HELD`: what a look does not find may be sent again, or may not.
        """

    def find(self, object_: str, field_: str, values: Iterable[str]) -> list[Record]:
        """Records whose field is one of the values, to see what the account holds already."""

    def read(self, object_: str, ids: Sequence[str]) -> list[Record]:
        """These records in full, one look each; the ones that are gone are left out."""

    def newest(self, object_: str) -> str:
        """The id after which every record that is made from now on will come; empty where ids tell nothing."""

    def sweep(self, object_: str, *, since: str = "") -> Iterator[Record]:
        """Every record of the object in full, from the authoritative listing and never from a search index.

        With `since`, an answer of `newest`, at least those that were made after it.
        """

    def bearing(self, object_: str, keys: Collection[str], *, since: str = "") -> list[Record]:
        """Every record that bears one of our keys, twins included, by the cheapest look that `lag` seconds make sure.

        A record that it shows is there. One that it does not show is absent only where the last change is older than `lag`.
        """

    def children(self, object_: str, number: str) -> list[tuple[str, str]]:
        """What hangs on a record, as (kind, id), as far as the account shows it; without an id where it does not say which."""

    def delete(self, object_: str, ids: Sequence[str]) -> list[Outcome]:
        """Take these records away; `Outcome.key` is the id."""

    def standing(self) -> tuple[Standing, ...]:
        """What is left of the account's limits."""

    def spent(self, purpose: str = "") -> Spent:
        """Calls and tokens since this client was made, all of them or those for a purpose of `http.purposes`."""

    def on_wait(self, report: Callable[[Wait], None], *, days: bool = False) -> None:
        """Have every wait told to somebody from now on, such as a progress bar.

        With `days` a call also waits for the next day's budget, unless a setting says that a run ends there.
        """

    def stop_waiting(self, longer: float) -> None:
        """Have every call that would wait for its turn for more than so many seconds end now, unsent, in DestinationBusy."""


@runtime_checkable
class Scattered(Protocol):
    """What a client also answers where some objects stand in no list of their own: their records show with their parent.

    To sweep such an object is to ask every record of the account for its own. Who knows where ours are asks there.
    """

    def scattered(self, object_: str) -> bool:
        """Whether that is so of an object; the other calls are for such objects."""

    def expect(self, object_: str, drafts: Sequence[Draft]) -> None:
        """Remember where drafts will hang, so that a look for their keys is made there; nothing is asked."""

    def near(self, object_: str, ids: Collection[str], jobs: Collection[str]) -> Iterator[Record]:
        """Everything that stands where these ids and jobs, as told to `taken`, lead; everywhere, where an id is not there."""


def connect(
    spec: DestinationSpec, account: Account, *, declared: Sequence[CustomField] = (), book: Book | None = None
) -> Destination:
    """The client of a destination, by the name in its file; no list knows which there are.

    `book` keeps what was used of the limits; without one every client begins with the full allowance.
    """
    if account.edition and account.edition not in spec.editions:
        raise SpecError(f"{spec.label} has no edition {account.edition!r}", expected=listed(spec.editions))
    name = f"{__name__}.{spec.name}"
    try:
        module = import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name != name:
            raise  # the client is there, and imports something that is not
        raise SpecError(
            f"there is no client for {spec.name}",
            expected=listed(names("destinations")),
            todo=f"put {spec.name}.py beside {spec.name}.toml, in destinations/ of a folder that ${VARIABLE} names",
        ) from missing
    made: Destination = module.connect(spec, account, declared=declared, book=book)
    return made
