"""Tasks, appointments and sales activities of Freshsales: one call each, and lists of all of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from workbench.destinations import Draft, Outcome, Record
from workbench.destinations.freshsales.bulk import throttled
from workbench.destinations.freshsales.forgetting import gone
from workbench.destinations.freshsales.hanging import Around, refused
from workbench.destinations.freshsales.pages import must, rows_of, total_of
from workbench.destinations.freshsales.parents import parents_out
from workbench.destinations.freshsales.picture import Picture, Place
from workbench.destinations.freshsales.reading import wrapped
from workbench.destinations.freshsales.records import Unfit, held
from workbench.destinations.freshsales.texts import key_in, leans_on_present, text_body, text_record
from workbench.destinations.http import Request
from workbench.errors import Uncertain

__all__ = ["Activities"]

Raw = dict[str, Any]
LISTS: Mapping[str, tuple[str, ...]] = {"task": ("open", "completed"), "appointment": ("upcoming", "past")}
"""Filters whose union is all of an object; what is done, or passes, while it is read moves on to the next one."""
ATTENDEES = "appointment_attendees"
CONTACT = "Contact"
FEW = 3
"""So many are always looked at one by one; of more, the lists are read as far as that is cheaper."""


class Activities:
    """Keeps what bears its own days; the author and the day of writing are the account's."""

    def __init__(self, around: Around) -> None:
        self._around = around
        self._http, self._dials = around.http, around.dials

    # ------------------------------------------------------------ writing

    def write(self, place: Place, picture: Picture, draft: Draft, *, taken: Callable[[str], None] | None) -> Outcome:
        """Make or change one."""
        del taken
        try:
            return self._written(place, picture, draft)
        except Unfit as unfit:
            return Outcome(draft.key, "rejected", draft.id, str(unfit))
        except Uncertain as error:
            return Outcome(draft.key, "unknown", draft.id, error.message)

    def _written(self, place: Place, picture: Picture, draft: Draft) -> Outcome:
        present: Raw = {}
        if leans_on_present(picture, place, draft) or (draft.id and "attendees" in draft.values):
            present = self._raw(place, draft.id) or {}
            if not present:
                return Outcome(draft.key, "rejected", draft.id, "the record is not there any more")
        body = {place.spec.wrapper: self._body(place, picture, draft, present)}
        if draft.id:
            answer = self._http.call(Request("PUT", f"{place.spec.path}/{draft.id}", body=body, busy=throttled))
        else:
            answer = self._http.call(Request("POST", place.spec.path, body=body, busy=throttled))
        if not answer.good:
            return refused(draft, answer)
        return self._echoed(place, picture, draft, _whole(answer.data, wrapped(answer, place)))

    def _body(self, place: Place, picture: Picture, draft: Draft, present: Raw) -> Raw:
        several = self._dials.parents == "list"
        hanging = parents_out(picture, place, draft, classic=self._around.classic, several=several)
        joined = self._dials.multi_select == "joined"
        body = text_body(picture, place, draft, style=self._dials.marker_style, present=present, joined=joined)
        if len(hanging) > 1:
            body["targetables"] = [{"id": int(parent.id), "type": parent.type} for parent in hanging]
        elif hanging:
            body |= {"targetable_id": int(hanging[0].id), "targetable_type": hanging[0].type}
        if "status" in body:
            body["status"] = int(body["status"] or 0)  # 0 is open, 1 is done
        if "attendees" in draft.values:
            body[f"{ATTENDEES}_attributes"] = _attendees(draft.values["attendees"], present.get(ATTENDEES) or [])
        return body

    def _echoed(self, place: Place, picture: Picture, draft: Draft, raw: Raw) -> Outcome:
        """Done only where the answer shows our record: a proxy may hand us the answer to somebody else's request."""
        if not raw.get("id"):
            return Outcome(draft.key, "unknown", draft.id, "it was accepted, but the answer names no record")
        ours = str(raw["id"]) == draft.id if draft.id else self._key(place, picture, raw) == draft.key
        if not ours:
            return Outcome(draft.key, "unknown", draft.id, "the answer is that of another request")
        return Outcome(draft.key, "done", str(raw["id"]), after=self._record(place, picture, raw).values)

    def collect(self, place: Place, picture: Picture, job: str, drafts: Sequence[Draft]) -> list[Outcome]:
        """There are no jobs here."""
        del place, picture
        return [Outcome(draft.key, "unknown", draft.id, f"there is no job {job}") for draft in drafts]

    def delete(self, place: Place, picture: Picture, number: str) -> Outcome:
        """Take one away; one that is gone already counts as taken away."""
        del picture
        try:
            return gone(number, self._http.call(Request("DELETE", f"{place.spec.path}/{number}", busy=throttled)))
        except Uncertain as error:
            return Outcome(number, "unknown", number, error.message)

    # ------------------------------------------------------------ looking

    def read(self, place: Place, picture: Picture, ids: Sequence[str]) -> list[Record]:
        """These, one look each; of many, those that the lists show in fewer calls first."""
        found = self._listed(place, ids) if len(ids) > FEW else {}
        for number in ids:
            if number not in found and (raw := self._raw(place, number)):
                found[number] = raw
        return [self._record(place, picture, found[number]) for number in dict.fromkeys(ids) if number in found]

    def _listed(self, place: Place, ids: Sequence[str]) -> dict[str, Raw]:
        """As many of these as the first pages of the lists show, with at most one page for every two of them."""
        wanted, found, left = set(ids), dict[str, Raw](), len(set(ids)) // 2
        for name in LISTS.get(place.object, ("",)):
            page = 0
            while left > 0 and wanted - found.keys():
                page, left = page + 1, left - 1
                rows, total = self._page(place, name, page)
                fresh = {str(row["id"]): row for row in rows if str(row["id"]) in wanted - found.keys()}
                found |= fresh
                rest = -(-total // self._dials.page_rows) - page
                if not rows or rest <= 0 or (len(fresh) < 2 and rest > left):
                    break
        return found

    def _raw(self, place: Place, number: str) -> Raw | None:
        answer = self._around.asked(f"{place.spec.path}/{number}")
        raw = _whole(answer.data, wrapped(answer, place)) if answer else {}
        return raw if str(raw.get("id")) == number and not raw.get("is_deleted") else None

    def newest(self, place: Place) -> str:
        """Nothing is known of the order of these lists."""
        del place
        return ""

    def sweep(self, place: Place, picture: Picture, *, since: str = "") -> Iterator[Record]:
        """All of them, each once, though it may stand in two lists; none can slip by while they are read one by one."""
        del since
        seen: set[str] = set()
        for name in LISTS.get(place.object, ("",)):
            for raw in self._around.reader.pages.every(place, lambda page, name=name: self._page(place, name, page)):  # type: ignore[misc]
                if str(raw["id"]) not in seen:
                    seen.add(str(raw["id"]))
                    yield self._record(place, picture, raw)

    def _page(self, place: Place, name: str, page: int) -> tuple[list[Raw], int]:
        params: dict[str, str | int] = {"page": page, "per_page": self._dials.page_rows}
        params |= {"filter": name} if name else {}
        params |= {"include": ATTENDEES} if place.object == "appointment" else {}
        answer = must(self._http.call(Request("GET", place.spec.path, params=params, read=True)), place)
        return [_whole(answer.data, row) for row in rows_of(answer, place)], total_of(answer)

    def bearing(self, place: Place, picture: Picture, keys: Collection[str], *, since: str) -> list[Record]:
        """Those that bear a key, by looking through all."""
        wanted = {key for key in keys if key}
        return [record for record in self.sweep(place, picture, since=since) if record.key in wanted] if wanted else []

    def find(self, place: Place, picture: Picture, field_: str, values: Iterable[str]) -> list[Record]:
        """Records whose field is one of the values, by looking through all."""
        folded = {value.strip().casefold() for value in values}
        return [record for record in self.sweep(place, picture) if folded & held(record, field_)]

    def children(self, place: Place, number: str) -> list[tuple[str, str]]:
        """Nothing is known to hang on an activity."""
        del place, number
        return []

    # ------------------------------------------------------------ inside

    def _record(self, place: Place, picture: Picture, raw: Raw) -> Record:
        return text_record(picture, place, raw, style=self._dials.marker_style)

    def _key(self, place: Place, picture: Picture, raw: Raw) -> str:
        return key_in(picture, place, raw, style=self._dials.marker_style)


def _whole(data: Mapping[str, Any], raw: Raw) -> Raw:
    """An activity with the contacts who attend it, who are told beside it."""
    ids = {str(number) for number in raw.get("appointment_attendee_ids") or []}
    rows = [row for row in data.get(ATTENDEES) or [] if str(row.get("id")) in ids]
    people = [str(row.get("attendee_id")) for row in rows if row.get("attendee_type") == CONTACT]
    return {**raw, ATTENDEES: rows, "attendees": people} if rows else raw


def _attendees(wanted: object, present: Sequence[Mapping[str, Any]]) -> list[Raw]:
    """The contacts who attend, as the API changes such a list: row by row; colleagues who attend stay."""
    ids = [str(number) for number in (wanted if isinstance(wanted, list) else [wanted]) if number not in (None, "")]
    rows: list[Raw] = [{"attendee_type": CONTACT, "attendee_id": number} for number in ids]
    theirs = [
        {key: row[key] for key in ("attendee_type", "attendee_id")} for row in present if row.get("attendee_type") != CONTACT
    ]
    away = [{"id": row["id"], "_destroy": True} for row in present]
    return [*rows, *theirs, *away]
