"""Writing the records that Freshsales keeps in lists of their own: in bulk where it can be, one by one elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from workbench.destinations import Draft, Outcome, Record
from workbench.destinations.freshsales.bulk import Jobs, Row, throttled
from workbench.destinations.freshsales.forgetting import Forgetting
from workbench.destinations.freshsales.names import Names
from workbench.destinations.freshsales.picture import Picture, Place
from workbench.destinations.freshsales.reading import Reader, wrapped
from workbench.destinations.freshsales.records import SeveralPlaces, Unfit, answers, body_of, record_of, words_of
from workbench.destinations.freshsales.settings import Dials
from workbench.destinations.http import Http, Request
from workbench.destinations.http.purposes import LOOKS, calls_for
from workbench.errors import Uncertain

__all__ = ["Writer"]


class Writer:
    """Makes, changes and deletes accounts, contacts, leads, deals, products and the records of custom modules."""

    def __init__(self, http: Http, dials: Dials, *, reader: Reader, picture: Callable[[], Picture], scale: float) -> None:
        self._http = http
        self._dials = dials
        self._reader = reader
        self._picture = picture
        self._jobs = Jobs(http, dials, time_scale=scale)
        self._names = Names()
        self._forgetting = Forgetting(http)

    def bulk_rows(self, place: Place) -> int:
        """Rows that one `write` takes."""
        if place.kept_as == "contact" and self._dials.bulk_contact_key == "single":
            return 1
        unique = place.kept_as == "deal" and self._dials.bulk_marker == "unique"
        named = place.spec.bulk or (unique and self._by_marker(place))
        return max(1, self._dials.bulk_rows) if named else 1

    def write(self, place: Place, drafts: Sequence[Draft], taken: Callable[[str], None] | None) -> list[Outcome]:
        """Make or change these records; see ``Destination.write``."""
        rows, outcomes = self._rows(place, drafts)
        sent = self._send(place, rows, taken) if rows else []
        outcomes |= {outcome.key: outcome for outcome in sent}
        return [outcomes[draft.key] for draft in drafts]

    def collect(self, place: Place, job: str, drafts: Sequence[Draft]) -> list[Outcome]:
        """What became of a batch that was taken as this job."""
        rows, outcomes = self._rows(place, drafts)
        unfit = {key: Outcome(key, "unknown", outcome.id, outcome.words) for key, outcome in outcomes.items()}
        told = {outcome.key: outcome for outcome in self._jobs.collect(job, rows)} if rows else {}
        return [told.get(draft.key) or unfit[draft.key] for draft in drafts]

    def delete(self, place: Place, number: str) -> Outcome:
        """Take a record away, and out of the recycle bin where the API can forget it and the settings want it so."""
        return self._forgetting.delete(place, number, purge=self._dials.purge_on_rollback and place.forgets)

    # ------------------------------------------------------------ rows

    def _rows(self, place: Place, drafts: Sequence[Draft]) -> tuple[list[Row], dict[str, Outcome]]:
        """Drafts as rows, and by key the ones that cannot be one."""
        picture = self._picture()
        rows, refused = list[Row](), dict[str, Outcome]()
        for draft in drafts:
            try:
                body = self._body(picture, place, draft)
            except Unfit as unfit:
                refused[draft.key] = Outcome(draft.key, "rejected", draft.id, str(unfit))
            else:
                rows.append(Row(draft.key, self._identifier(place, body, draft), body, draft.id))
        return rows, refused

    def _body(self, picture: Picture, place: Place, draft: Draft) -> dict[str, Any]:
        """A draft as it is sent; where a change names a stage of several pipelines, the record's own pipeline decides."""
        joined = self._dials.multi_select == "joined"
        try:
            return body_of(picture, place, draft, joined=joined)
        except SeveralPlaces:
            now = next(iter(self._reader.read(place, picture, [draft.id])), None) if draft.id else None
            if now is None:
                raise
            return body_of(picture, place, draft, joined=joined, present=now.values)

    def _send(self, place: Place, rows: Sequence[Row], taken: Callable[[str], None] | None) -> list[Outcome]:
        size = self.bulk_rows(place)
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
        name, picture = place.spec.bulk_key, self._picture()
        if not any(row.identifier[0] == name for row in rows) or name == picture.marker(place).key:
            return list(rows), []
        by_name = [row for row in rows if row.identifier[0] == name]
        free, refused = self._names.free(place.object, by_name, name, lambda names: self._found(place, picture, name, names))
        kept = {row.key for row in free}
        return [row for row in rows if row.identifier[0] != name or row.key in kept], refused

    @calls_for(LOOKS)
    def _found(self, place: Place, picture: Picture, name: str, names: Iterable[str]) -> list[Record]:
        return self._reader.find(place, picture, name, names)

    def _by_marker(self, place: Place) -> bool:
        """Whether rows may be named by the custom field with our key, which a probe has to have shown to be unique."""
        return self._dials.bulk_marker == "unique" and self._picture().marker(place).custom

    def _identifier(self, place: Place, body: Mapping[str, Any], draft: Draft) -> tuple[str, str]:
        if draft.id:
            return "id", draft.id
        if place.kept_as == "contact" and self._dials.bulk_contact_key == "emails":
            emails = body.get("emails") or ""
            return "emails", str(emails[0] if isinstance(emails, list) else emails)
        if self._by_marker(place):
            return self._picture().marker(place).key, draft.key
        return place.spec.bulk_key, str(body.get(place.spec.bulk_key, "")) if place.spec.bulk_key else ""

    # ------------------------------------------------------------ one by one

    def _single(self, place: Place, row: Row) -> Outcome:
        try:
            answer = self._http.call(self._single_request(place, row))
        except Uncertain as error:
            return Outcome(row.key, "unknown", row.id, error.message)
        if not answer.good:
            return Outcome(row.key, "rejected", row.id, "; ".join(words_of(answer.data)) or str(answer.status))
        record = wrapped(answer, place)
        if not record.get("id"):
            return Outcome(row.key, "unknown", row.id, "it was accepted, but the answer names no record")
        if not answers(record, row.data, id_=row.id, marker=self._picture().marker(place)):
            return Outcome(row.key, "unknown", row.id, "the answer is that of another request")
        # What a change brought about beside itself, such as the closing date of a deal that is won, is nobody's edit.
        after = record_of(self._picture(), place, record).values if row.id else None
        return Outcome(row.key, "done", str(record["id"]), after=after)

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
            now = next(iter(self._reader.read(place, self._picture(), [row.id])), None)
            held = now.values.get("contacts") if now else None
            present = held if isinstance(held, list) else [held] if held else []
            wanted = [str(item) for item in data["contacts_added_list"]]
            data["contacts_added_list"] = [int(item) for item in wanted if item not in present]
            data["contacts_removed_list"] = [int(str(item)) for item in present if str(item) not in wanted]
        return data
