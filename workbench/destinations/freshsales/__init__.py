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
    Spent,
    Standing,
    User,
    Wait,
)
from workbench.destinations.freshsales.bulk import Jobs, Row, throttled
from workbench.destinations.freshsales.names import Names
from workbench.destinations.freshsales.picture import Picture, Place, live_of, look, marker_fields, place_of
from workbench.destinations.freshsales.reading import Reader, wrapped
from workbench.destinations.freshsales.records import Unfit, answers, body_of, words_of
from workbench.destinations.freshsales.settings import Dials, calls_a_minute, dials, policy
from workbench.destinations.http import Answer, Http, Request
from workbench.errors import DestinationBusy, EngagementError, Refused, SpecError, Uncertain, listed
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
    if account.edition and account.edition not in spec.editions:
        raise SpecError(f"{spec.label} has no edition {account.edition!r}", expected=listed(spec.editions))
    return Freshsales(spec, account, declared=declared, book=book)


class Freshsales:
    """One account of Freshsales, Suite or Classic; see ``workbench.destinations.Destination`` for what it answers.

    A draft's key is kept in the record: as the external id of a contact, in the field "Migration Key" of the others.
    A change bears no key, as it is addressed by id and the record may be somebody else's.
    """

    name = "freshsales"
    stamped: frozenset[str] = frozenset()

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
        self._jobs = Jobs(self.http, self.dials, time_scale=account.time_scale)
        self._names = Names()
        self._lock = threading.Lock()
        self._picture: Picture | None = None
        self._forms: dict[str, str] = {}

    def on_wait(self, report: Callable[[Wait], None], *, days: bool = False) -> None:
        """Have every wait told to somebody from now on, such as a progress bar."""
        self.http.on_wait(report, days=days)

    def stop_waiting(self, longer: float) -> None:
        """End the calls that would wait for their turn for longer than this; they are not sent."""
        self.http.stop_waiting(longer)

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
        return marker_fields(self._spec, objects, classic=self._classic)

    def create_field(self, plan: CustomField) -> LiveField:
        """Make a custom field; Refused where the settings or the account leave that to an administrator.

        Look at the `choices` of the answer: an account may make a list without them.
        """
        place = self.place(plan.object)
        if self.dials.field_creation == "checklist":
            raise Refused("fields of this account are made by hand", where=f"{plan.object}: {plan.label}", todo=BY_HAND)
        answer = self.http.call(Request("POST", self._fields_path(place), body=_field_body(plan, self._spec)))
        if not answer.good:
            words = "; ".join(words_of(answer.data)) or str(answer.status)
            raise Refused(f"the account does not make the field {plan.label!r}", found=words, todo=BY_HAND)
        with self._lock:
            self._declared = tuple(dict.fromkeys([plan, *self._declared]))
            self._picture = None
        return live_of(answer.data, plan) or self._shown(plan)

    def _shown(self, plan: CustomField) -> LiveField:
        """The new field as the account lists it, where the answer to its making did not say."""
        try:
            live = self.metadata([plan]).find(plan.object, plan.name)
        except (DestinationBusy, Refused):
            live = None  # raised from here, they would say that the field was not made
        if live is None:
            raise Uncertain(
                f"the field {plan.label!r} was made, but the account does not show it",
                todo="look for it in the account's settings, then run again",
            )
        return live

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
        return _gone(live.id, answer)

    # ------------------------------------------------------------ writing

    def bulk_rows(self, object_: str) -> int:
        """Rows that one `write` takes."""
        place = self.place(object_)
        if place.kept_as == "contact" and self.dials.bulk_contact_key == "single":
            return 1
        named = place.spec.bulk or (self._by_marker(place) and place.kept_as == "deal")
        return max(1, self.dials.bulk_rows) if named else 1

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
        rows, outcomes = self._rows(place, drafts)
        sent = self._send(place, rows, taken) if rows else []
        outcomes |= {outcome.key: outcome for outcome in sent}
        return [outcomes[draft.key] for draft in drafts]

    def collect(self, object_: str, job: str, drafts: Sequence[Draft]) -> list[Outcome]:
        """What became of a batch that was taken as this job, perhaps in an earlier run; waits for its end."""
        rows, outcomes = self._rows(self.place(object_), drafts)
        unfit = {key: Outcome(key, "unknown", outcome.id, outcome.words) for key, outcome in outcomes.items()}
        told = {outcome.key: outcome for outcome in self._jobs.collect(job, rows)} if rows else {}
        return [told.get(draft.key) or unfit[draft.key] for draft in drafts]

    def _rows(self, place: Place, drafts: Sequence[Draft]) -> tuple[list[Row], dict[str, Outcome]]:
        """Drafts as rows, and by key the ones that cannot be one."""
        picture = self.picture()
        rows, refused = list[Row](), dict[str, Outcome]()
        for draft in drafts:
            try:
                body = body_of(picture, place, draft, joined=self.dials.multi_select == "joined")
            except Unfit as unfit:
                refused[draft.key] = Outcome(draft.key, "rejected", draft.id, str(unfit))
            else:
                rows.append(Row(draft.key, self._identifier(place, body, draft), body, draft.id))
        return rows, refused

    def _send(self, place: Place, rows: Sequence[Row], taken: Callable[[str], None] | None) -> list[Outcome]:
        size = self.bulk_rows(place.object)
        if size == 1:
            return [self._single(place, row) for row in rows]
        named = [row for row in rows if row.identifier[1]]
        outcomes = [self._single(place, row) for row in rows if not row.identifier[1]]
        for start in range(0, len(named), size):
            part, refused = self._unmistakable(place, named[start : start + size])
            outcomes += refused
            if not part:
                continue
            try:
                told = self._jobs.upsert(place.spec.plural, part, taken=taken)
            except Uncertain as error:
                told = [Outcome(row.key, "unknown", row.id, error.message) for row in part]
            self._names.release(place.object, part, told)
            outcomes += told
        return outcomes

    def _unmistakable(self, place: Place, rows: Sequence[Row]) -> tuple[list[Row], list[Outcome]]:
        """Rows that take over nobody's record, and the refusal of the others; only rows that bear a name can do so."""
        name = place.spec.bulk_key
        if not any(row.identifier[0] == name for row in rows) or name == self.picture().marker(place).key:
            return list(rows), []
        by_name = [row for row in rows if row.identifier[0] == name]
        free, refused = self._names.free(place.object, by_name, name, lambda names: self.find(place.object, name, names))
        kept = {row.key for row in free}
        return [row for row in rows if row.identifier[0] != name or row.key in kept], refused

    def _by_marker(self, place: Place) -> bool:
        """Whether rows may be named by the custom field with our key, which a probe has to have shown to be unique."""
        return self.dials.bulk_marker == "unique" and self.picture().marker(place).custom

    def _identifier(self, place: Place, body: Mapping[str, Any], draft: Draft) -> tuple[str, str]:
        if draft.id:
            return "id", draft.id
        if place.kept_as == "contact" and self.dials.bulk_contact_key == "emails":
            emails = body.get("emails") or ""
            return "emails", str(emails[0] if isinstance(emails, list) else emails)
        if self._by_marker(place):
            return self.picture().marker(place).key, draft.key
        return place.spec.bulk_key, str(body.get(place.spec.bulk_key, "")) if place.spec.bulk_key else ""

    def _single(self, place: Place, row: Row) -> Outcome:
        try:
            answer = self.http.call(self._single_request(place, row))
        except Uncertain as error:
            return Outcome(row.key, "unknown", row.id, error.message)
        if not answer.good:
            return Outcome(row.key, "rejected", row.id, "; ".join(words_of(answer.data)) or str(answer.status))
        record = wrapped(answer, place)
        if not record.get("id"):
            return Outcome(row.key, "unknown", row.id, "it was accepted, but the answer names no record")
        if not answers(record, row.data, id_=row.id, marker=self.picture().marker(place)):
            return Outcome(row.key, "unknown", row.id, "the answer is that of another request")
        return Outcome(row.key, "done", str(record["id"]))

    def _single_request(self, place: Place, row: Row) -> Request:
        spec = place.spec
        if row.id:
            body = {spec.wrapper: self._with_removals(place, row)}
            return Request("PUT", f"{spec.path}/{row.id}", body=body, busy=throttled)
        if place.kept_as == "contact" and row.identifier[1]:
            name, value = row.identifier
            body = {"unique_identifier": {name: value}, spec.wrapper: dict(row.data)}
            return Request("POST", f"{spec.path}/upsert", body=body, busy=throttled)
        return Request("POST", spec.path, body={spec.wrapper: dict(row.data)}, busy=throttled)

    def _with_removals(self, place: Place, row: Row) -> dict[str, Any]:
        """A deal takes contacts on and off by two lists, so a new set needs to know the present one."""
        data = dict(row.data)
        if "contacts_added_list" in data:
            now = next(iter(self.read(place.object, [row.id])), None)
            held = now.values.get("contacts") if now else None
            present = held if isinstance(held, list) else [held] if held else []
            wanted = [str(item) for item in data["contacts_added_list"]]
            data["contacts_added_list"] = [int(item) for item in wanted if item not in present]
            data["contacts_removed_list"] = [int(str(item)) for item in present if str(item) not in wanted]
        return data

    def delete(self, object_: str, ids: Sequence[str]) -> list[Outcome]:
        """Delete, and by the setting `purge_on_rollback` also forget, so that no trace stays in the recycle bin."""
        return [self._delete(self.place(object_), number) for number in ids]

    def _delete(self, place: Place, number: str) -> Outcome:
        path = f"{place.spec.path}/{number}"
        steps = [path, f"{path}/forget"] if self.dials.purge_on_rollback else [path]
        for step in steps:
            try:
                outcome = _gone(number, self.http.call(Request("DELETE", step, busy=throttled)))
            except Uncertain as error:
                return Outcome(number, "unknown", number, error.message)
            except (Refused, DestinationBusy) as error:
                if step == path:
                    raise
                return Outcome(number, "unknown", number, f"{IN_BIN}: {error.message}")
            if outcome.state != "done":
                return outcome if step == path else Outcome(number, "unknown", number, f"{IN_BIN}: {outcome.words}")
        return Outcome(number, "done", number)

    # ------------------------------------------------------------ reading

    def read(self, object_: str, ids: Sequence[str]) -> list[Record]:
        """These records in full; whatever is gone or lies in the recycle bin is left out."""
        return self.reader.read(self.place(object_), self.picture(), ids)

    def newest(self, object_: str) -> str:
        """Where the views stand now, by the day of making; empty where the account lets that day be written."""
        return "" if self.dials.created_at == "honoured" else self.reader.newest(self.place(object_))

    def sweep(self, object_: str, *, since: str = "") -> Iterator[Record]:
        """Every record, from the views, each once, though it may stand in several views.

        All come oldest first. With `since` they come newest first, down to a little before that moment; where a view does
        not come in that order all of it is read. DestinationBusy where a view cannot be read whole.
        """
        return self.reader.sweep(self.place(object_), self.picture(), since=since)

    def bearing(self, object_: str, keys: Collection[str], *, since: str = "") -> list[Record]:
        """Every record that bears one of our keys: a filter names them, a look shows them.

        Where the filter is not known to find our keys, and where it costs more calls, the list is swept instead.
        """
        return self.reader.bearing(self.place(object_), self.picture(), keys, since=since)

    def standing(self) -> tuple[Standing, ...]:
        """What is left of the hour and of the minute."""
        return self.http.standing()

    def spent(self) -> Spent:
        """Calls and tokens since this client was made."""
        return self.http.spent()

    def find(self, object_: str, field_: str, values: Iterable[str]) -> list[Record]:
        """Records whose field is one of the values, without regard to case; a search gives the hits, a look the truth."""
        return self.reader.find(self.place(object_), self.picture(), field_, values)

    def children(self, object_: str, number: str) -> list[tuple[str, str]]:
        """What hangs on a record, as (kind, id): deals, contacts, notes, tasks, appointments, sales activities, documents."""
        return self.reader.children(self.place(object_), number)

    # ------------------------------------------------------------ inside

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
IN_BIN = "deleted, but still in the recycle bin"
CALL_SECONDS = 0.5
BY_HAND = "let an administrator make the field in the account's settings as the checklist says, then run this again"


def _field_body(plan: CustomField, spec: DestinationSpec) -> dict[str, Any]:
    choices = [{"value": label, "position": place} for place, label in enumerate(plan.choices, 1)]
    body: dict[str, Any] = {"label": plan.label, "type": spec.types.get(plan.type, "text"), "required": False}
    if choices:
        body["choices"] = choices
    if plan.unique:
        body["field_options"] = {"unique": True}
    return body


def _gone(number: str, answer: Answer) -> Outcome:
    if answer.good or answer.status == 404:
        return Outcome(number, "done", number)
    return Outcome(number, "rejected", number, "; ".join(words_of(answer.data)) or str(answer.status))
