"""The table in which a person goes through what the machine proposes, and decides row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import pandas as pd
import traitlets

from workbench.engagement import Engagement
from workbench.errors import EditError, WorkbenchError
from workbench.widgets.answers import NEW, WORDINGS, as_text, as_value, group_of, is_missing, offered
from workbench.widgets.person import known, remember
from workbench.widgets.rows import read_rows
from workbench.widgets.still import twin_of
from workbench.widgets.subjects import parts_of
from workbench.widgets.twin import Twin, beside, headless

__all__ = ["DecisionTable", "decision_table"]

HERE = Path(__file__).parent
SURE = 0.85
WEIGHED = 6
"""Up to so many alternatives are shown as such."""


def decision_table(
    engagement: Engagement, kind: str, *, options: Mapping[str, Sequence[str]] | Sequence[str] | None = None
) -> DecisionTable | Twin:
    """Show the proposals of a kind (field, value, owner, duplicate, conflict) and ask for decisions; headless, only show them.

    `options` are answers that may be given beside those that the proposals name: one list for all rows, or one for each
    group (a feed, for fields; `feed/column`, for values). An answer is in the engagement's store before the table says so.
    """
    if kind not in WORDINGS:
        raise EditError(f"there is no table for decisions of kind {kind!r}", expected=", ".join(WORDINGS), found=kind)
    if headless():
        return twin_of(kind, read_rows(engagement, kind))
    return DecisionTable(engagement, kind, options=options)


class DecisionTable(anywidget.AnyWidget):
    """An editor of decisions. It holds none: what it shows is read from the store, and what it is told goes there."""

    _esm = HERE / "table.js"
    _css = HERE / "table.css"
    kind = traitlets.Unicode().tag(sync=True)
    wording = traitlets.Dict().tag(sync=True)
    rows: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    answers = traitlets.Dict().tag(sync=True)  # subject → answer, status, why, by; decided rows only
    offers = traitlets.Dict().tag(sync=True)  # group → [text, hint]
    person = traitlets.Unicode().tag(sync=True)
    sure = traitlets.Float(SURE).tag(sync=True)
    undoable = traitlets.Int(0).tag(sync=True)

    def __init__(
        self, engagement: Engagement, kind: str, *, options: Mapping[str, Sequence[str]] | Sequence[str] | None = None
    ) -> None:
        frame = read_rows(engagement, kind)
        self._engagement = engagement
        self._known = {str(row["subject"]): (row["value"], *row["alternatives"]) for row in frame.to_dict("records")}
        self._offers = offered(engagement, kind, engagement.decisions.proposals(kind), options)
        self._undo: list[dict[str, Any]] = []
        super().__init__(
            kind=kind,
            wording=_wording(kind),
            rows=[_shown(kind, row) for row in frame.itertuples(index=False)],
            answers=_answers(frame),
            offers={group: [[offer.text, offer.hint] for offer in offers] for group, offers in self._offers.items()},
            person=known(),
        )
        self.on_msg(self._received)

    @property
    def frame(self) -> pd.DataFrame:
        """The rows as the store has them now."""
        return read_rows(self._engagement, self.kind)

    # ------------------------------------------------------------ what the front end says

    def _received(self, widget: object, message: Mapping[str, Any], buffers: object) -> None:
        number = message.get("number", 0)
        try:
            problems = self._obey(message)
        except WorkbenchError as error:
            problems = {"": str(error)}
        self._refresh()
        self.send({"kind": "heard", "number": number, "problems": problems})

    def _obey(self, message: Mapping[str, Any]) -> dict[str, str]:
        """Do what one message asks; the answer names the subjects that were refused, and why."""
        if message.get("kind") == "person":
            remember(str(message.get("name", "")))
            return {}
        if not known():
            return {"": "Say who you are first: every decision is kept under a name."}
        if message.get("kind") == "undo":
            return self._take_back()
        if message.get("kind") == "confirm":
            return self._confirm(message.get("edits", []))
        return {"": "The table did not understand that; run the cell again."}

    def _confirm(self, edits: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        stored = self._engagement.decisions.mapping(self.kind)
        problems = {str(edit["subject"]): words for edit in edits if (words := self._refusal(edit, stored))}
        wanted = [edit for edit in edits if str(edit["subject"]) not in problems]
        if wanted:
            before = {str(edit["subject"]): stored.get(str(edit["subject"])) for edit in wanted}
            self._write(wanted)
            self._undo.append(before)
        return problems

    def _refusal(self, edit: Mapping[str, Any], stored: Mapping[str, object]) -> str:
        """Why an answer cannot be taken; empty where it can."""
        subject, text = str(edit["subject"]), str(edit["text"]).strip()
        if subject not in self._known:
            return "This row is no longer proposed; run the cell again."
        now = as_text(self.kind, stored[subject]) if subject in stored else None
        seen = self.answers.get(subject, {}).get("answer")
        if now != seen:
            return f"Decided meanwhile, as {now or WORDINGS[self.kind].nothing or 'nothing'}. Look again, then confirm."
        return "" if self._possible(subject, text) else f"“{text}” is not one of the answers on offer."

    def _possible(self, subject: str, text: str) -> bool:
        if text == "":
            return bool(WORDINGS[self.kind].nothing)
        if self.kind == "field" and text.startswith(NEW):
            return bool(text[len(NEW) :].strip())
        return any(offer.text == text for offer in self._offers.get(group_of(self.kind, subject), ()))

    # ------------------------------------------------------------ what goes to the store

    def _write(self, edits: Sequence[Mapping[str, Any]]) -> None:
        for why in dict.fromkeys(str(edit.get("why", "")) for edit in edits):
            told = [str(edit["subject"]) for edit in edits if str(edit.get("why", "")) == why]
            values = [self._value(edit) for edit in edits if str(edit.get("why", "")) == why]
            frame = pd.DataFrame({"subject": told, "value": values, "shown": [self._seen(subject) for subject in told]})
            self._engagement.decisions.confirm_many(self.kind, frame.astype(object), by=known(), why=why)

    def _value(self, edit: Mapping[str, Any]) -> object:
        subject = str(edit["subject"])
        return as_value(self._engagement, self.kind, subject, str(edit["text"]).strip(), self._known[subject])

    def _seen(self, subject: str) -> dict[str, object]:
        row = next(row for row in self.rows if row["id"] == subject)
        return {name: row[name] for name in ("shown", "proposed", "confidence", "reasons")}

    def _take_back(self) -> dict[str, str]:
        """Give the rows of the last confirmation the answer they had before; the store keeps both."""
        if not self._undo:
            return {"": "There is nothing to take back."}
        decisions = self._engagement.decisions
        for subject, value in self._undo[-1].items():
            if value is None:
                decisions.withdraw(self.kind, subject, by=known(), why="taken back")
            else:
                decisions.confirm(self.kind, subject, value, by=known(), why="taken back")
        self._undo.pop()
        return {}

    def _refresh(self) -> None:
        with self.hold_sync():
            self.answers = _answers(read_rows(self._engagement, self.kind))
            self.person = known()
            self.undoable = len(self._undo)

    # ------------------------------------------------------------ shown without a kernel

    def __repr__(self) -> str:
        return twin_of(self.kind, self.frame).line()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return beside(super()._repr_mimebundle_(**kwargs), twin_of(self.kind, self.frame))


def _wording(kind: str) -> dict[str, str]:
    wording = WORDINGS[kind]
    return {
        "title": wording.title,
        "subject": wording.subject,
        "answer": wording.answer,
        "nothing": wording.nothing,
        "left": wording.left,
        "new": NEW if kind == "field" else "",
    }


def _shown(kind: str, row: Any) -> dict[str, object]:
    place, name = parts_of(kind, row.subject)
    return {
        "id": row.subject,
        "place": place,
        "name": name,
        "group": group_of(kind, row.subject),
        "shown": row.shown,
        "proposed": None if is_missing(row.value) or not (row.proposed or WORDINGS[kind].nothing) else row.proposed,
        "confidence": None if pd.isna(row.confidence) else row.confidence,
        "reasons": row.reasons,
        "alternatives": _others(kind, row),
    }


def _others(kind: str, row: Any) -> list[str]:
    """The few answers that were weighed against the proposed one; a list of everything there is says nothing."""
    others = list(dict.fromkeys(as_text(kind, value) for value in row.alternatives))
    return [text for text in others if text != row.proposed] if len(others) <= WEIGHED else []


def _answers(frame: pd.DataFrame) -> dict[str, dict[str, str]]:
    decided = frame[frame["status"] != "open"]
    return {
        str(row["subject"]): {name: str(row[name]) for name in ("answer", "status", "why", "by")}
        for row in decided.to_dict("records")
    }
