"""The products of deals: what was sold in one, at which price and how many; our key stands in the last line of the comment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workbench.destinations import Draft, Outcome, Record
from workbench.destinations.http import Answer
from workbench.destinations.pipedrive.below import DEALS, Below, Raw, address, located
from workbench.destinations.pipedrive.calls import one_of, words_of
from workbench.destinations.pipedrive.marker import marked
from workbench.destinations.pipedrive.records import Form, body_of, key_of, record_of

__all__ = ["AT_ONCE", "Lines"]

AT_ONCE = 100
"""Deals that one list of their products takes."""
PATH = "products"
COMMENT = "comments"


class Lines(Below):
    """Keeps the products of deals: one list shows those of a hundred deals."""

    def on(self, form: Form, deals: Sequence[str]) -> Iterator[Record]:
        path, spec = self.calls.path(DEALS, PATH), form.place.spec
        for start in range(0, len(deals), AT_ONCE):
            params = {"deal_ids": ",".join(deals[start : start + AT_ONCE])}
            for rows in self.calls.pages("list", path, params=params, object_=spec):
                yield from (record_of(form, _named(raw)) for raw in rows)

    def made(self, form: Form, draft: Draft, deal: str) -> Outcome:
        self.linked(draft, "product")
        body = {key: value for key, value in body_of(form, draft).items() if key != "deal_id"}
        answer = self.calls.send("create", "POST", self.calls.path(DEALS, deal, PATH), body=body, object_=form.place.spec)
        return self._told(form, draft, answer)

    def changed(self, form: Form, draft: Draft, there: Record) -> Outcome:
        deal, number = located(draft.id) or ("", "")
        comment = str(there.values.get("comment") or "")
        present = {COMMENT: marked(comment, there.key, style=form.dials.marker_style, line_end="\n") if there.key else comment}
        said = body_of(form, draft, present=present)
        body = {key: value for key, value in said.items() if key not in ("deal_id", "product_id")}
        if not body:
            return Outcome(draft.key, "done", draft.id)
        path = self.calls.path(DEALS, deal, PATH, number)
        return self._told(form, draft, self.calls.send("update", "PATCH", path, body=body, object_=form.place.spec))

    def dropped(self, form: Form, deal: str, number: str) -> Answer | None:
        return self.calls.send("delete", "DELETE", self.calls.path(DEALS, deal, PATH, number), object_=form.place.spec)

    def _told(self, form: Form, draft: Draft, answer: Answer) -> Outcome:
        """Done only where the answer shows our line."""
        if not answer.good:
            return Outcome(draft.key, "rejected", draft.id, words_of(answer))
        raw = one_of(answer)
        if not (raw.get("id") and raw.get("deal_id")):
            return Outcome(draft.key, "unknown", draft.id, "it was accepted, but the answer names no record")
        record = record_of(form, _named(raw))
        if (draft.id and record.id != draft.id) or (not draft.id and key_of(form, raw) != draft.key):
            return Outcome(draft.key, "unknown", draft.id, "the answer shows another record")
        return Outcome(draft.key, "done", record.id, after=record.values)


def _named(raw: Raw) -> Raw:
    """A line under the id that also names its deal."""
    return {**raw, "id": address(str(raw["deal_id"]), str(raw["id"]))}
