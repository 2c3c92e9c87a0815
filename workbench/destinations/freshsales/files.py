"""Files and links of Freshsales: sent from the disk as they were staged, and listed with the record that they hang on."""

from __future__ import annotations

from workbench.destinations import Draft, Outcome, Record, Value
from workbench.destinations.freshsales.bulk import throttled
from workbench.destinations.freshsales.hanging import Hanging, Raw, refused
from workbench.destinations.freshsales.marker import named, unnamed
from workbench.destinations.freshsales.parents import Parent, address, parents_in
from workbench.destinations.freshsales.picture import Picture, Place
from workbench.destinations.freshsales.records import Unfit, fields_out, values_of
from workbench.destinations.http import Answer, Request
from workbench.destinations.http.staged import NotStaged, opened
from workbench.destinations.http.wire import Form, Upload

__all__ = ["Files", "Links"]

LONGEST_NAME = 255
PLAIN = "application/octet-stream"


class _Documents(Hanging):
    """What files and links have in common: a name with our key in it, and a list that both stand in."""

    removable = False
    collection = ""

    def listed(self, parent: Parent) -> list[Raw]:
        """Those of a record."""
        answer = self.around.asked(f"{parent.path}/document_associations")
        rows = answer.data.get(self.collection) if answer else []
        return [row for row in rows or [] if isinstance(row, dict) and row.get("id")]

    def record(self, place: Place, picture: Picture, raw: Raw, parent: Parent) -> Record:
        """A file or a link, with its own name; path and digest are nothing that the account shows."""
        held = unnamed(str(raw.get("name") or ""), style=self.dials.file_marker_style)
        told = {**raw, "name": held.text, "targetables": [{"id": parent.id, "type": parent.type}]}
        values = values_of(picture, place, told) | parents_in(picture, place, told)
        values[place.spec.marker] = held.key or None
        for field in place.spec.fields:
            if field.unread:
                values.pop(field.name, None)
        updated = str(raw.get("content_updated_at") or raw.get("created_at") or "")
        made, maker = str(raw.get("created_at") or ""), str(raw.get("creater_id") or "")
        return Record(address(parent, str(raw["id"])), held.key, values, updated, made, maker)

    def changed(self, place: Place, picture: Picture, draft: Draft) -> Outcome:
        """No call changes a file or a link; one that would stay as it is counts as done."""
        there = next(iter(self.read(place, picture, [draft.id])), None)
        if there is not None and all(_same(value, there.values.get(name)) for name, value in draft.values.items()):
            return Outcome(draft.key, "done", draft.id)
        raise Unfit(f"{place.spec.label} {draft.id} cannot be changed: no call does so")

    def _name(self, draft: Draft, field: str) -> str:
        name = named(str(draft.values.get(field) or ""), draft.key, style=self.dials.file_marker_style)
        if len(name) > LONGEST_NAME:
            raise Unfit(f"the name with our key has {len(name)} characters, and {LONGEST_NAME} at most may be sent")
        return name

    def _said(self, place: Place, draft: Draft, parent: Parent, answer: Answer) -> Outcome:
        if not answer.good:
            return refused(draft, answer)
        told = answer.data if isinstance(answer.data, dict) else {}
        inner = told.get(place.spec.wrapper)
        told = inner if isinstance(inner, dict) else told
        if not told.get("id"):
            return Outcome(draft.key, "unknown", "", "it was accepted, but the answer names no record")
        return Outcome(draft.key, "done", address(parent, str(told["id"])))


class Files(_Documents):
    """Files: each is sent in one call, straight from the disk, once it was seen to be what was staged."""

    collection = "documents"

    def made(self, place: Place, picture: Picture, draft: Draft, parent: Parent) -> Outcome:
        """Send a file. Its bytes are never in memory all at once."""
        name = self._name(draft, "file_name")
        shared = str(draft.values.get("shared") or "false").lower()
        fields = {"file_name": name, "is_shared": shared, "targetable_id": parent.id, "targetable_type": parent.type}
        try:
            with opened(draft.values, most=self.dials.file_megabytes) as stream:
                upload = Upload("file", name, str(draft.values.get("content_type") or PLAIN), stream)
                form = Form(fields, upload, seconds=self.dials.upload_seconds)
                answer = self.http.call(Request("POST", place.spec.path, body=form, busy=throttled))
        except NotStaged as unlike:
            raise Unfit(str(unlike)) from None
        return self._said(place, draft, parent, answer)


class Links(_Documents):
    """Links to files that lie elsewhere."""

    collection = "document_links"

    def made(self, place: Place, picture: Picture, draft: Draft, parent: Parent) -> Outcome:
        """Put a link on a record."""
        values = {**draft.values, "name": self._name(draft, "name")}
        apart = {name for name in draft.values if name not in ("name", "url", "shared")}
        body, _ = fields_out(picture, place, Draft(draft.key, values), apart=apart)
        body = {"is_shared": False, **body, "targetable_id": int(parent.id), "targetable_type": parent.type}
        answer = self.http.call(Request("POST", place.spec.path, body=body, busy=throttled))
        return self._said(place, draft, parent, answer)


def _same(one: Value, other: Value) -> bool:
    return str("" if one is None else one) == str("" if other is None else other)
