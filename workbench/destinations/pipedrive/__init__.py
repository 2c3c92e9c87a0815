"""The Pipedrive client: records in declared names and labels, sent and read back within the account's limits and tokens."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from workbench.destinations import Account, Book, Draft, LiveField, Metadata, Outcome, Record, User
from workbench.destinations.fields import BY_HAND, by_hand, seen_anew
from workbench.destinations.http import Answer, Http
from workbench.destinations.http.metered import Metered
from workbench.destinations.pipedrive.below import Below
from workbench.destinations.pipedrive.calls import Calls, one_of, words_of
from workbench.destinations.pipedrive.children import Children
from workbench.destinations.pipedrive.dating import Dating, dated
from workbench.destinations.pipedrive.files import kept_as_it_is, parts_of
from workbench.destinations.pipedrive.lines import Lines
from workbench.destinations.pipedrive.participants import Participants
from workbench.destinations.pipedrive.picture import (
    FILE,
    LINE,
    NO,
    PARTICIPANT,
    SELDOM,
    YES,
    Picture,
    Place,
    fields_alike,
    fields_path,
    live_of,
    look,
    marker_fields,
    place_of,
)
from workbench.destinations.pipedrive.reading import Reader
from workbench.destinations.pipedrive.records import Form, Unfit, body_of, key_of, leans_on_present, record_of
from workbench.destinations.pipedrive.settings import Dials, dials, lanes_of, policy, renewed, root_of, signed
from workbench.errors import EngagementError, Refused, Uncertain
from workbench.specs import CustomField, DestinationSpec

__all__ = ["Pipedrive", "connect"]

STALE = "Unknown key"
"""What v2 says of a custom field that is not there any more."""


def connect(
    spec: DestinationSpec,
    account: Account,
    *,
    declared: Sequence[CustomField] = (),
    book: Book | None = None,
) -> Pipedrive:
    """A client of one account. Nothing is sent until it is asked something."""
    return Pipedrive(spec, account, declared=declared, book=book)


class Pipedrive(Metered):
    """One account of Pipedrive; see ``workbench.destinations.Destination`` for what it answers.

    A draft's key is kept in the record: in the field "Migration Key" of organizations, persons, deals and products, in the last
    line of the text of activities, notes and deal products, in the name of a file. A change leaves it as it is, as the
    record may be somebody else's.
    """

    name = "pipedrive"
    stamped = frozenset({"add_time", "url"})  # a file's address is the account's

    def __init__(
        self,
        spec: DestinationSpec,
        account: Account,
        *,
        declared: Sequence[CustomField] = (),
        book: Book | None = None,
    ) -> None:
        self._spec = spec
        self._dials: Dials = dials(spec, account)
        self.lag = self._dials.lag_seconds / account.time_scale
        self._lanes = lanes_of(spec, account, self._dials)
        self._declared = tuple(declared)
        header = signed(account, self._dials)
        limits, renew = policy(spec, account, self._dials), renewed(account, self._dials)
        self.http = Http(root_of(account.base_url), header, policy=limits, book=book, renew=renew)
        self._calls = Calls(self.http, spec, self._dials)
        self._reader = Reader(self._calls)
        self._below: Mapping[str, Below] = {
            name: kind(self._calls, self._reader, lambda: self._form("deal"))
            for name, kind in ((LINE, Lines), (PARTICIPANT, Participants))
        }
        self._children = Children(self._calls, self._files_since, time_scale=account.time_scale)
        self._dating = Dating(self._calls)
        self._lock = threading.Lock()
        self._used: frozenset[str] = frozenset()
        self._picture: Picture | None = None

    # ------------------------------------------------------------ the account

    def check(self) -> User | None:
        """Whose key it is; 401 is a wrong key, anything but a user a wrong address."""
        answer = self._calls.read("me", self._calls.path("users", "me", version="v1"))
        me = one_of(answer) if answer.good else {}
        if not (me.get("id") and me.get("company_id")):
            raise EngagementError(
                "there is no Pipedrive account at this address",
                expected="https://<company>.pipedrive.com",
                found=f"{answer.status} from {self.http.host}",
                todo="copy the company's address from the browser into engagement.toml",
            )
        return User(str(me["id"]), str(me.get("name") or ""), str(me.get("email") or ""), bool(me.get("active_flag", True)))

    def metadata(self, declared: Sequence[CustomField] = ()) -> Metadata:
        """The account as it is now; fields declared here are known by their declared names from then on."""
        with self._lock:
            self._declared = tuple(dict.fromkeys([*declared, *self._declared]))
            self._picture = look(self._calls, self._spec, self._declared, used=self._used)
            return self._picture.metadata

    def extra_fields(self, objects: Iterable[str]) -> list[CustomField]:
        """Fields that have to be made for our keys, beside those of the scope document."""
        return marker_fields(self._spec, objects)

    def create_field(self, plan: CustomField) -> LiveField:
        """Make a custom field with its choices; Refused where the settings or the account leave that to an administrator."""
        place = place_of(self._spec, plan.object)
        if not place.takes_fields:
            raise Refused(
                f"the API makes no fields of {place.spec.plural}",
                where=f"{plan.object}: {plan.label}",
                todo="map the column to a field that is there, or into the text",
            )
        if self._dials.field_creation == "checklist":
            raise by_hand(plan)
        answer = self._calls.send(
            "field_create", "POST", fields_path(self._calls, plan.object), body=_field_body(plan, self._spec)
        )
        if not answer.good:
            raise Refused(f"the account does not make the field {plan.label!r}", found=words_of(answer), todo=BY_HAND)
        with self._lock:
            self._declared = tuple(dict.fromkeys([plan, *self._declared]))
            self._picture = None
        return live_of(one_of(answer), plan) or seen_anew(self, plan)

    def alike(self, plan: CustomField) -> list[LiveField]:
        """Custom fields of that object and label, of which an account takes any number; one call."""
        return fields_alike(self._calls, place_of(self._spec, plan.object), plan)

    def delete_field(self, live: LiveField) -> Outcome:
        """Take away a custom field; one that is gone already counts as taken away."""
        try:
            answer = self._calls.send("field_delete", "DELETE", f"{fields_path(self._calls, live.object)}/{live.key}")
        except Uncertain as error:
            return Outcome(live.id, "unknown", live.id, error.message)
        self._forget()
        return _gone(live.id, answer)

    # ------------------------------------------------------------ writing

    def bulk_rows(self, object_: str) -> int:
        """One: no call takes several records."""
        place_of(self._spec, object_)
        return 1

    def lanes(self, object_: str) -> int:
        """Calls in flight that use up the burst limit."""
        place_of(self._spec, object_)
        return self._lanes

    def write(self, object_: str, drafts: Sequence[Draft], *, taken: Callable[[str], None] | None = None) -> list[Outcome]:
        """Make or change these records, one call each; `taken` is told the deal of what only a deal shows."""
        form, below = self._form(object_), self._below.get(object_)
        if below is not None:
            return [below.write(form, draft, taken=taken) for draft in drafts]
        return [self._write(form, draft) for draft in drafts]

    def _write(self, form: Form, draft: Draft) -> Outcome:
        if form.place.sent_as_form:
            return self._uploaded(form, draft)
        present: dict[str, Any] = {}
        if leans_on_present(form, draft):
            present = self._reader.present(form, draft.id)
            if not present:
                return Outcome(draft.key, "rejected", draft.id, "the record is not there any more")
        try:
            body = body_of(form, draft, present=present)
        except Unfit as unfit:
            return Outcome(draft.key, "rejected", draft.id, str(unfit))
        if draft.id and not body:
            return Outcome(draft.key, "done", draft.id)
        return self._sent(form, draft, body)

    def _uploaded(self, form: Form, draft: Draft) -> Outcome:
        """Send a file, in one call that also bears our key; one that is there already stays as it is."""
        spec = form.place.spec
        if draft.id:
            there = next(iter(self._reader.read(form, [draft.id])), None)
            if there is not None and kept_as_it_is(draft, dict(there.values)):
                return Outcome(draft.key, "done", draft.id)
            return Outcome(draft.key, "rejected", draft.id, f"{spec.label} {draft.id} cannot be changed: no call does so")
        try:
            with parts_of(form, draft) as parts:
                answer = self._calls.send("create", "POST", self._calls.of(spec), body=parts, object_=spec)
        except Unfit as unfit:
            return Outcome(draft.key, "rejected", "", str(unfit))
        except Uncertain as error:
            return Outcome(draft.key, "unknown", "", error.message)
        if not answer.good:
            return Outcome(draft.key, "rejected", "", words_of(answer))
        return _echoed(form, draft, one_of(answer), words="")

    def _sent(self, form: Form, draft: Draft, body: dict[str, Any]) -> Outcome:
        spec = form.place.spec
        change = "PUT" if form.place.object == "note" else "PATCH"
        method, kind = (change, "update") if draft.id else ("POST", "create")
        path = self._calls.of(spec, draft.id) if draft.id else self._calls.of(spec)
        said = ""
        try:
            if not draft.id and dated(form, body):
                answer, said = self._dating.send(form, body)
            else:
                answer = self._calls.send(kind, method, path, body=body, object_=spec)
        except Uncertain as error:
            return Outcome(draft.key, "unknown", draft.id, error.message)
        if not answer.good:
            words = words_of(answer)
            if STALE in words:
                self._forget()  # somebody has deleted the field: what comes after this need not be sent to learn of it
            return Outcome(draft.key, "rejected", draft.id, words)
        return _echoed(form, draft, one_of(answer), words=said)

    def collect(self, object_: str, job: str, drafts: Sequence[Draft]) -> list[Outcome]:
        """What is there of drafts that hang on a deal; there are no other jobs."""
        if (below := self._below.get(object_)) is not None:
            return below.collect(self._form(object_), drafts)
        return [Outcome(draft.key, "unknown", draft.id, f"there is no job {job}") for draft in drafts]

    def delete(self, object_: str, ids: Sequence[str]) -> list[Outcome]:
        """Delete, one call each; the account keeps what was deleted for thirty days, and no call forgets it sooner."""
        place, below = place_of(self._spec, object_), self._below.get(object_)
        if below is not None:
            return [below.delete(self._form(object_), number) for number in ids]
        return [self._delete(place, number) for number in ids]

    def _delete(self, place: Place, number: str) -> Outcome:
        try:
            answer = self._calls.send("delete", "DELETE", self._calls.of(place.spec, number), object_=place.spec)
        except Uncertain as error:
            return Outcome(number, "unknown", number, error.message)
        return _gone(number, answer)

    # ------------------------------------------------------------ reading

    def read(self, object_: str, ids: Sequence[str]) -> list[Record]:
        """These records in full; whatever is gone or lies in the bin is left out."""
        self._children.looked()
        if (below := self._below.get(object_)) is not None:
            return below.read(self._form(object_), ids)
        return self._reader.read(self._form(object_), ids)

    def newest(self, object_: str) -> str:
        """The highest id there is, as ids only ever grow; nothing of what stands in no list of its own."""
        if object_ in self._below:
            return ""
        return self._reader.newest(self._form(object_))

    def sweep(self, object_: str, *, since: str = "") -> Iterator[Record]:
        """Every record, each once, in the order of the ids; those after a mark newest first."""
        if (below := self._below.get(object_)) is not None:
            return below.sweep(self._form(object_))
        return self._reader.sweep(self._form(object_), since=since)

    def scattered(self, object_: str) -> bool:
        """Whether records of an object are shown with their deal only, so that each of all deals has to be asked."""
        return place_of(self._spec, object_).of_deals

    def expect(self, object_: str, drafts: Sequence[Draft]) -> None:
        """Remember on which deals drafts of such an object will hang, so that their keys are looked for there."""
        if (below := self._below.get(object_)) is not None:
            below.expect(drafts)

    def near(self, object_: str, ids: Collection[str], jobs: Collection[str]) -> Iterator[Record]:
        """Every record of such an object on the deals of ours, and everywhere where one of ours is not there."""
        if (below := self._below.get(object_)) is not None:
            return below.near(self._form(object_), ids, jobs)
        return self.sweep(object_)

    def bearing(self, object_: str, keys: Collection[str], *, since: str = "") -> list[Record]:
        """Records that bear one of our keys, from a list that shows nothing but the key, or from their deals."""
        if (below := self._below.get(object_)) is not None:
            return below.bearing(self._form(object_), keys)
        return self._reader.bearing(self._form(object_), frozenset(keys), since=since) if keys else []

    def find(self, object_: str, field_: str, values: Iterable[str]) -> list[Record]:
        """Records whose field is one of the values, without regard to case."""
        return self._reader.find(self._form(object_), field_, values)

    def children(self, object_: str, number: str) -> list[tuple[str, str]]:
        """What hangs on a record, as (kind, id); docs/reliability.md says what is looked for on which."""
        return self._children.of(place_of(self._spec, object_), number)

    # ------------------------------------------------------------ inside

    def _form(self, object_: str) -> Form:
        place = place_of(self._spec, object_)
        with self._lock:
            if object_ in SELDOM and object_ not in self._used:
                self._used |= {object_}
                self._picture = None
            if self._picture is None:
                self._picture = look(self._calls, self._spec, self._declared, used=self._used)
            return Form(self._picture, place, self._dials)

    def _files_since(self, mark: str) -> Iterator[dict[str, Any]]:
        """Files that came after one, as the account shows them, newest first."""
        return self._reader.raws(self._form(FILE), since=mark)

    def _forget(self) -> None:
        with self._lock:
            self._picture = None


def _field_body(plan: CustomField, spec: DestinationSpec) -> dict[str, Any]:
    type_ = spec.types.get(plan.type, "varchar")
    choices = plan.choices or ((YES, NO) if plan.type == "boolean" else ())
    body: dict[str, Any] = {"field_name": plan.label, "field_type": type_}
    if type_ in ("enum", "set"):
        body["options"] = [{"label": choice} for choice in choices]
    return body


def _echoed(form: Form, draft: Draft, raw: dict[str, Any], *, words: str) -> Outcome:
    """Done only where the answer shows our record: a proxy may hand us the answer to somebody else's request."""
    number = str(raw.get("id") or "")
    if not number:
        return Outcome(draft.key, "unknown", draft.id, "it was accepted, but the answer names no record")
    if draft.id:
        if number != draft.id:
            return Outcome(draft.key, "unknown", draft.id, f"the answer speaks of another record, {number}")
        return Outcome(draft.key, "done", number, after=record_of(form, raw).values)
    if key_of(form, raw) != draft.key:
        return Outcome(draft.key, "unknown", "", "the answer shows a record that does not bear our key")
    after = record_of(form, raw).values if "title" in raw or form.place.object != "deal" else None  # v1 shows one otherwise
    return Outcome(draft.key, "done", number, words, after=after)


def _gone(number: str, answer: Answer) -> Outcome:
    if answer.good or answer.status == 404:
        return Outcome(number, "done", number)
    return Outcome(number, "rejected", number, words_of(answer))
