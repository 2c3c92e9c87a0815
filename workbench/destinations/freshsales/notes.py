"""Notes and logged calls of Freshsales, which are shown with the record that they hang on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workbench.destinations import Draft, Outcome, Record
from workbench.destinations.freshsales.bulk import throttled
from workbench.destinations.freshsales.hanging import Around, Hanging, Raw, refused
from workbench.destinations.freshsales.pages import total_of
from workbench.destinations.freshsales.parents import Parent, address, located, targets
from workbench.destinations.freshsales.picture import Picture, Place, place_of
from workbench.destinations.freshsales.reading import wrapped
from workbench.destinations.freshsales.records import Unfit
from workbench.destinations.freshsales.texts import key_in, leans_on_present, text_body, text_record
from workbench.destinations.http import Request
from workbench.destinations.http.wire import Form

__all__ = ["Calls", "Notes"]

CALL = "PhoneCall"


class Notes(Hanging):
    """Notes: written by the API's user at the moment of writing, whatever the draft says of author and day."""

    def __init__(self, around: Around) -> None:
        super().__init__(around)
        self.scattered = self.dials.notes_by == "parents"

    def listed(self, parent: Parent) -> list[Raw]:
        """The notes of a record, page by page."""
        place = place_of(self.around.spec, "note", classic=self.classic)
        return list(self.around.reader.pages.every(place, lambda page: self._page(parent, page)))

    def _page(self, parent: Parent, page: int) -> tuple[list[Raw], int]:
        answer = self.around.asked(f"{parent.path}/notes", params={"page": page, "per_page": self.dials.page_rows})
        if answer is None:
            return [], 0
        return [row for row in answer.data.get("notes") or [] if row.get("id")], total_of(answer)

    def everywhere(self, picture: Picture) -> Iterator[tuple[Parent, Raw]]:
        """All notes: lists of records show theirs beside them; a record whose notes are not shown in full is asked."""
        if self.dials.notes_by == "parents":
            for parent in self._all_parents():
                yield from ((parent, raw) for raw in self.listed(parent))
            return
        for type_, place in self.around.parents().items():
            for view in self.around.reader.views(place):
                yield from self._beside(type_, place, view)

    def _beside(self, type_: str, place: Place, view: str) -> Iterator[tuple[Parent, Raw]]:
        pages, sides = self.around.reader.pages, dict[str, Raw]()

        def fetch(page: int) -> tuple[list[Raw], int]:
            answer = pages.answer(place, view, "notes", page)
            sides.update({str(row["id"]): row for row in answer.data.get("notes") or [] if row.get("id")})
            return [row for row in answer.data.get(place.spec.plural) or [] if row.get("id")], total_of(answer)

        for row in pages.every(place, fetch):
            parent, ids = Parent(type_, str(row["id"])), row.get("note_ids")
            shown = [sides.get(str(number), {}) for number in ids or []]
            whole = ids is not None and all("description" in raw and targets(raw) for raw in shown)
            yield from ((parent, raw) for raw in (shown if whole else self.listed(parent)))

    def record(self, place: Place, picture: Picture, raw: Raw, parent: Parent) -> Record:
        """A note, whose id names the record that it was written on, wherever else it is shown."""
        home = next(iter(targets(raw)), parent)
        told = raw if targets(raw) else {**raw, "targetables": [{"id": parent.id, "type": parent.type}]}
        number = address(home, str(raw["id"]))
        return text_record(picture, place, told, style=self.dials.marker_style, id_=number)

    def made(self, place: Place, picture: Picture, draft: Draft, parent: Parent) -> Outcome:
        """Write a note."""
        body = text_body(picture, place, draft, style=self.dials.marker_style, present={})
        body |= {"targetable_id": int(parent.id), "targetable_type": parent.type}
        answer = self.http.call(Request("POST", place.spec.path, body={place.spec.wrapper: body}, busy=throttled))
        if not answer.good:
            return refused(draft, answer)
        raw = wrapped(answer, place)
        if not raw.get("id") or key_in(picture, place, raw, style=self.dials.marker_style) != draft.key:
            return Outcome(draft.key, "unknown", "", "the answer does not show our note")
        record = self.record(place, picture, raw, parent)
        return Outcome(draft.key, "done", record.id, after=record.values)

    def changed(self, place: Place, picture: Picture, draft: Draft) -> Outcome:
        """Change the text of a note; our key in it stays."""
        where = located(draft.id)
        assert where is not None, "the caller has looked at it"
        parent, number = where
        if not leans_on_present(picture, place, draft):
            return Outcome(draft.key, "done", draft.id)
        present = next((raw for raw in self.listed(parent) if str(raw["id"]) == number), None)
        if present is None:
            return Outcome(draft.key, "rejected", draft.id, "the record is not there any more")
        body = text_body(picture, place, draft, style=self.dials.marker_style, present=present)
        path = f"{place.spec.path}/{number}"
        answer = self.http.call(Request("PUT", path, body={place.spec.wrapper: body}, busy=throttled))
        if not answer.good:
            return refused(draft, answer)
        raw = wrapped(answer, place)
        if str(raw.get("id")) != number:
            return Outcome(draft.key, "unknown", draft.id, "the answer is that of another request")
        return Outcome(draft.key, "done", draft.id, after=self.record(place, picture, raw, parent).values)


class Calls(Hanging):
    """Calls that were logged by hand: no day, no length, no change, and as far as anybody knows no way to take one away."""

    removable = False

    def listed(self, parent: Parent) -> list[Raw]:
        """The calls among the conversations of a record, each with the text of its note."""
        place = place_of(self.around.spec, "phone_call", classic=self.classic)
        rows = self.around.reader.pages.every(place, lambda page: self._page(parent, page))
        return [raw for raw in rows if raw.get("type") == CALL]

    def _page(self, parent: Parent, page: int) -> tuple[list[Raw], int]:
        params: dict[str, str | int] = {"page": page, "per_page": self.dials.page_rows, "include": "note"}
        answer = self.around.asked(f"{parent.path}/conversations/all", params=params)
        if answer is None:
            return [], 0
        notes = {row.get("id"): row.get("description") for row in answer.data.get("notes") or []}
        rows = [row for row in answer.data.get("conversations") or [] if row.get("id")]
        return [_with_note(row, notes.get(row.get("note_id"))) for row in rows], total_of(answer)

    def record(self, place: Place, picture: Picture, raw: Raw, parent: Parent) -> Record:
        """A call; its id names the record that it was logged on."""
        told = {**raw, "targetables": [{"id": parent.id, "type": parent.type}]}
        number = address(parent, str(raw["id"]))
        return text_record(picture, place, told, style=self.dials.marker_style, id_=number)

    def made(self, place: Place, picture: Picture, draft: Draft, parent: Parent) -> Outcome:
        """Log a call, in parts: JSON loses what it hangs on."""
        body = text_body(picture, place, draft, style=self.dials.marker_style, present={})
        fields = {
            "phone_call[call_direction]": "true" if body.get("call_direction") else "false",
            "phone_call[targetable_type]": parent.type,
            "phone_call[targetable][id]": parent.id,
            "phone_call[note][description]": str(body["note"]),
        }
        answer = self.http.call(Request("POST", place.spec.path, body=Form(fields), busy=throttled))
        if not answer.good:
            return refused(draft, answer)
        rows = answer.data.get("phone_calls") if isinstance(answer.data, dict) else None
        raw: dict[str, Any] = rows[0] if isinstance(rows, list) and len(rows) == 1 else wrapped(answer, place)
        if not raw.get("id"):
            return Outcome(draft.key, "unknown", "", "it was accepted, but the answer names no record")
        told = {**raw, "note": body["note"]}
        return Outcome(
            draft.key, "done", address(parent, str(raw["id"])), after=self.record(place, picture, told, parent).values
        )

    def changed(self, place: Place, picture: Picture, draft: Draft) -> Outcome:
        """Nothing of a call can be changed."""
        raise Unfit("a logged call cannot be changed")


def _with_note(row: Raw, note: object) -> Raw:
    """A call with the text of its note, which is told beside it."""
    return {**row, "note": note} if note is not None else {key: value for key, value in row.items() if key != "note"}
