"""The Freshsales client: records in declared names and labels, sent and read back within the account's limits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from workbench.destinations import (
    Account,
    Book,
    Draft,
    LiveField,
    Metadata,
    Outcome,
    Record,
    Secret,
    User,
)
from workbench.destinations.fields import BY_HAND, by_hand, seen_anew
from workbench.destinations.freshsales.forgetting import gone
from workbench.destinations.freshsales.hanging import Around, Hanging
from workbench.destinations.freshsales.keepers import Keeper, keepers
from workbench.destinations.freshsales.lines import Lines
from workbench.destinations.freshsales.picture import LINE, LINES, Picture, Place, live_of, look, marker_fields, place_of
from workbench.destinations.freshsales.reading import Reader
from workbench.destinations.freshsales.records import words_of
from workbench.destinations.freshsales.settings import Dials, calls_a_minute, dials, policy
from workbench.destinations.freshsales.writing import Writer
from workbench.destinations.http import Http, Request
from workbench.destinations.http.metered import Metered
from workbench.errors import EngagementError, Refused, Uncertain, WrongKey
from workbench.specs import CustomField, DestinationSpec

__all__ = ["Freshsales", "connect"]


def connect(
    spec: DestinationSpec,
    account: Account,
    *,
    declared: Sequence[CustomField] = (),
    book: Book | None = None,
) -> Freshsales:
    """A client of one account. Nothing is sent until it is asked something."""
    return Freshsales(spec, account, declared=declared, book=book)


class Freshsales(Metered):
    """One account of Freshsales, Suite or Classic; see ``workbench.destinations.Destination`` for what it answers.

    A draft's key is kept in the record: as the external id of a contact, as the product code of a product, in the field
    "Migration Key" of accounts, deals, leads and the records of custom modules. What has no field of one's own bears it in
    the last line of its text (`marker`), a file in its name, the lines of a deal in a field of that deal. A change bears no
    key, as it is addressed by id and the record may be somebody else's.
    """

    name = "freshsales"
    stamped: frozenset[str] = frozenset({LINES.name, "url"})  # a file's address is the account's, and may be signed anew

    def __init__(
        self,
        spec: DestinationSpec,
        account: Account,
        *,
        declared: Sequence[CustomField] = (),
        book: Book | None = None,
    ) -> None:
        self._spec = spec
        self.dials: Dials = dials(spec, account)
        self.scale = account.time_scale
        self.lag = self.dials.lag_seconds / self.scale
        self._a_minute = calls_a_minute(spec, account)
        self._classic = account.edition == "classic"
        self._declared = tuple(declared)
        header = ("Authorization", Secret(f"Token token={account.key.reveal()}"))
        self.http = Http(account.base_url, header, policy=policy(spec, account, self.dials), book=book)
        self.reader = Reader(self.http, self.dials, lag=self.lag)
        self._writer = Writer(self.http, self.dials, reader=self.reader, picture=self.picture, scale=self.scale)
        around = Around(self.http, self.dials, self.reader, spec, self._classic)
        self._lines = Lines(around)
        self._keepers: Mapping[str, Keeper] = {**keepers(around), LINE: self._lines}
        self._lock = threading.Lock()
        self._picture: Picture | None = None
        self._forms: dict[str, str] = {}

    # ------------------------------------------------------------ the account

    def check(self) -> User | None:
        """Ask for the owners: 401 is a wrong key, 404 a wrong address. The API does not say whose key it is."""
        answer = self.http.call(Request("GET", "selector/owners", read=True))
        if not (answer.good and isinstance(answer.data, dict) and "users" in answer.data):
            raise EngagementError(
                "there is no Freshsales account at this address",
                expected="https://<alias>.myfreshworks.com/crm/sales/api, or https://<domain>.freshsales.io/api on Classic",
                found=f"{answer.status} from {self.http.host}",
                todo="copy the address from the profile's API settings into engagement.toml",
            )
        return None

    def metadata(self, declared: Sequence[CustomField] = ()) -> Metadata:
        """The account as it is now; fields declared here are known by their declared names from then on."""
        with self._lock:
            self._declared = tuple(dict.fromkeys([*declared, *self._declared]))
            self._picture = look(self.http, self._spec, self._declared, classic=self._classic)
            return self._picture.metadata

    def extra_fields(self, objects: Iterable[str]) -> list[CustomField]:
        """Fields that have to be made for our keys, beside those of the scope document."""
        wanted = marker_fields(self._spec, objects, classic=self._classic)
        if not any(self.place(plan.object).module for plan in wanted):
            return wanted
        there = self.picture().wires  # a module has to be made by hand before it can have fields
        return [plan for plan in wanted if there[plan.object] or not self.place(plan.object).module]

    def create_field(self, plan: CustomField) -> LiveField:
        """Make a custom field; Refused where the settings or the account leave that to an administrator.

        Look at the `choices` of the answer: an account may make a list without them.
        """
        place = self.place(plan.object)
        if not place.takes_fields:
            raise Refused(
                f"there are no fields of one's own on {place.spec.plural}",
                where=f"{plan.object}: {plan.label}",
                todo="map the column to a field that is there, or into the text",
            )
        if self.dials.field_creation == "checklist":
            raise by_hand(plan)
        try:
            answer = self.http.call(Request("POST", self._fields_path(place), body=_field_body(plan, self._spec)))
        except WrongKey:  # a 403: of a module that the plan does not have, too
            self.picture().exists(place)
            raise
        if not answer.good:
            self.picture().exists(place)
            words = "; ".join(words_of(answer.data)) or str(answer.status)
            raise Refused(f"the account does not make the field {plan.label!r}", found=words, todo=BY_HAND)
        with self._lock:
            self._declared = tuple(dict.fromkeys([plan, *self._declared]))
            self._picture = None
        return live_of(answer.data, plan) or seen_anew(self, plan)

    def alike(self, plan: CustomField) -> list[LiveField]:
        """None: the account takes no second field of a label."""
        return []

    def delete_field(self, live: LiveField) -> Outcome:
        """Take away a custom field; one that is gone already counts as taken away."""
        try:
            answer = self.http.call(Request("DELETE", f"{self._fields_path(self.place(live.object))}/{live.id}"))
        except Uncertain as error:
            return Outcome(live.id, "unknown", live.id, error.message)
        with self._lock:
            self._picture = None
        return gone(live.id, answer)

    # ------------------------------------------------------------ writing

    def bulk_rows(self, object_: str) -> int:
        """Rows that one `write` takes."""
        place = self.place(object_)
        return 1 if place.object in self._keepers else self._writer.bulk_rows(place)

    def lanes(self, object_: str) -> int:
        """Calls in flight at once: as many as the minute's allowance can feed at half a second a call, and of batches a few."""
        if self.dials.lanes > 0:
            return self.dials.lanes
        return BULK_LANES if self.bulk_rows(object_) > 1 else max(1, round(self._a_minute / 60 * CALL_SECONDS))

    def write(self, object_: str, drafts: Sequence[Draft], *, taken: Callable[[str], None] | None = None) -> list[Outcome]:
        """Make or change these records, in bulk where the object has it; every draft comes back with its outcome.

        Where the destination refuses a whole batch, all its rows are rejected in the same words, which begin with
        `bulk.WHOLE`.
        """
        place = self.place(object_)
        keeper = self._keepers.get(place.object)
        if keeper is None:
            return self._writer.write(place, drafts, taken)
        return [keeper.write(place, self.picture(), draft, taken=taken) for draft in drafts]

    def collect(self, object_: str, job: str, drafts: Sequence[Draft]) -> list[Outcome]:
        """What became of a batch that was taken as this job, perhaps in an earlier run; waits for its end."""
        place = self.place(object_)
        keeper = self._keepers.get(place.object)
        if keeper is None:
            return self._writer.collect(place, job, drafts)
        return keeper.collect(place, self.picture(), job, drafts)

    def delete(self, object_: str, ids: Sequence[str]) -> list[Outcome]:
        """Delete, and by the setting `purge_on_rollback` also forget, so that no trace stays in the recycle bin."""
        place = self.place(object_)
        keeper = self._keepers.get(place.object)
        if keeper is None:
            return [self._writer.delete(place, number) for number in ids]
        return [keeper.delete(place, self.picture(), number) for number in ids]

    # ------------------------------------------------------------ reading

    def read(self, object_: str, ids: Sequence[str]) -> list[Record]:
        """These records in full; whatever is gone or lies in the recycle bin is left out."""
        return self._shown(object_).read(self.place(object_), self.picture(), ids)

    def newest(self, object_: str) -> str:
        """Where the views stand now, by the day of making; empty where the account lets that day be written."""
        return "" if self.dials.created_at == "honoured" else self._shown(object_).newest(self.place(object_))

    def sweep(self, object_: str, *, since: str = "") -> Iterator[Record]:
        """Every record, from the views, each once, though it may stand in several views.

        All come oldest first. With `since` they come newest first, down to a little before that moment; where a view does
        not come in that order all of it is read. DestinationBusy where a view cannot be read whole.
        """
        return self._shown(object_).sweep(self.place(object_), self.picture(), since=since)

    def scattered(self, object_: str) -> bool:
        """Whether records of an object are shown with their parent only, so that each of all parents has to be asked."""
        keeper = self._keepers.get(self.place(object_).object)
        return isinstance(keeper, Hanging) and keeper.scattered

    def expect(self, object_: str, drafts: Sequence[Draft]) -> None:
        """Remember where drafts of such an object will hang, so that their keys are looked for there."""
        place = self.place(object_)
        keeper = self._keepers.get(place.object)
        if isinstance(keeper, Hanging):
            keeper.expect(place, self.picture(), drafts)

    def near(self, object_: str, ids: Collection[str], jobs: Collection[str]) -> Iterator[Record]:
        """Every record of such an object where ours are known to be, and everywhere where one of ours is not there."""
        place = self.place(object_)
        keeper = self._keepers.get(place.object)
        if not isinstance(keeper, Hanging):
            return self.sweep(object_)
        return keeper.near(place, self.picture(), ids, jobs)

    def bearing(self, object_: str, keys: Collection[str], *, since: str = "") -> list[Record]:
        """Every record that bears one of our keys: a filter names them, a look shows them.

        Where the filter is not known to find our keys, and where it costs more calls, the list is swept instead.
        """
        return self._shown(object_).bearing(self.place(object_), self.picture(), keys, since=since)

    def find(self, object_: str, field_: str, values: Iterable[str]) -> list[Record]:
        """Records whose field is one of the values, without regard to case; a search gives the hits, a look the truth."""
        return self._shown(object_).find(self.place(object_), self.picture(), field_, values)

    def children(self, object_: str, number: str) -> list[tuple[str, str]]:
        """What hangs on a record, as (kind, id): records, activities of all kinds, notes, calls, files, a deal's lines.

        Files and calls of ours that were to be taken away, and that go with this record and in no other way, are left out.
        """
        place = self.place(object_)
        found = [_addressed(place, kind, child, number) for kind, child in self._shown(object_).children(place, number)]
        if any(kind == LINE for kind, _ in found):
            lines = self._lines.on(self.picture(), number)
            found = [*((kind, child) for kind, child in found if kind != LINE), *((LINE, line) for line in lines)]
        if place.object == "product":
            found += [(LINE, line) for line in self._lines.of_product(self.picture(), number)]
        return [(kind, child) for kind, child in found if not self._goes_along(kind, child)]

    def _goes_along(self, kind: str, child: str) -> bool:
        keeper = self._keepers.get(kind)
        return isinstance(keeper, Hanging) and child in keeper.left

    # ------------------------------------------------------------ inside

    def _shown(self, object_: str) -> Reader | Keeper:
        """Who reads the records of an object."""
        return self._keepers.get(object_) or self.reader

    def place(self, object_: str) -> Place:
        """Where an object is kept."""
        return place_of(self._spec, object_, classic=self._classic)

    def picture(self) -> Picture:
        """The account as it was last looked at."""
        with self._lock:
            if self._picture is None:
                self._picture = look(self.http, self._spec, self._declared, classic=self._classic)
            return self._picture

    def _fields_path(self, place: Place) -> str:
        """Where custom fields of an object are made: below the object's form, whose number the account tells."""
        plural = place.spec.plural
        if plural not in self._forms:
            answer = self.http.call(Request("GET", f"settings/{plural}/forms", read=True))
            forms = answer.data.get("forms") if answer.good and isinstance(answer.data, dict) else None
            self._forms[plural] = str(forms[0]["id"]) if forms else "1"
        beside = "../" if self.dials.field_path == "bare" else ""
        return f"{beside}settings/{plural}/forms/{self._forms[plural]}/fields"


BULK_LANES = 4
HUNG = ("note", "phone_call", "file", "document_link")
"""Objects whose records are shown with their parent only."""
CALL_SECONDS = 0.5


def _addressed(place: Place, kind: str, child: str, number: str) -> tuple[str, str]:
    """A child under the id by which its object is read: what is shown with its parent only is named after that."""
    return kind, child if "/" in child or kind not in HUNG else f"{place.spec.path}/{number}/{child}"


def _field_body(plan: CustomField, spec: DestinationSpec) -> dict[str, Any]:
    choices = [{"value": label, "position": place} for place, label in enumerate(plan.choices, 1)]
    body: dict[str, Any] = {"label": plan.label, "type": spec.types.get(plan.type, "text"), "required": False}
    if choices:
        body["choices"] = choices
    options = ({"unique": True} if plan.unique else {}) | (
        {"lookup_type": plan.name.removesuffix("__c")} if plan.type == "lookup" else {}
    )
    return {**body, "field_options": options} if options else body
