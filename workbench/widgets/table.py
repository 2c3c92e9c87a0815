"""The table in which a person goes through what the machine proposes, and decides row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import anywidget
import pandas as pd
import traitlets

from workbench.decisions.survivors import emptied_of, said_of, survivor, taken_of
from workbench.engagement import Engagement
from workbench.errors import EditError, WorkbenchError
from workbench.widgets.answers import NEW, WORDINGS, as_text, as_value, group_of, offered
from workbench.widgets.columns import Column, columns_of
from workbench.widgets.fits import same_field, unfilled
from workbench.widgets.front import answers_of, fit_of, look_of, row_of, script, style, wording_of
from workbench.widgets.looking import differing, look, unspoken
from workbench.widgets.person import known, remember
from workbench.widgets.readings import name_of_reading, readings
from workbench.widgets.rows import as_decided, counts, read_rows, targets_of
from workbench.widgets.steps import OURS, Steps
from workbench.widgets.still import twin_of
from workbench.widgets.telling import Teller
from workbench.widgets.twin import Twin, beside, headless

if TYPE_CHECKING:
    from workbench.widgets.fitting import Fitting

__all__ = ["DecisionTable", "decision_table"]

SURE = 0.85
WHO = "Say who you are first: every decision is kept under a name."


def decision_table(
    engagement: Engagement, kind: str, *, options: Mapping[str, Sequence[str]] | Sequence[str] | None = None
) -> DecisionTable | Twin:
    """Show the proposals of a kind (field, value, owner, duplicate, link, conflict) and ask for decisions; headless, only show.

    `options` are answers that may be given beside those that the proposals name: one list for all rows, or one for each
    group (a feed, for fields; `feed/column`, for values). An answer is in the engagement's store before the table says so.
    """
    if kind not in WORDINGS:
        raise EditError(f"there is no table for decisions of kind {kind!r}", expected=", ".join(WORDINGS), found=kind)
    if headless():
        return _still(engagement, kind)
    return DecisionTable(engagement, kind, options=options)


class DecisionTable(anywidget.AnyWidget):
    """An editor of decisions. It holds none: what it shows is read from the store, and what it is told goes there."""

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    kind = traitlets.Unicode().tag(sync=True)
    wording = traitlets.Dict().tag(sync=True)
    rows: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    answers = traitlets.Dict().tag(sync=True)  # subject → answer, status, why, by, reading; decided rows only
    offers = traitlets.Dict().tag(sync=True)  # group → [text, hint]
    readings: traitlets.List[str] = traitlets.List().tag(sync=True)  # ways of reading a column, for fields
    notices: traitlets.List[str] = traitlets.List().tag(sync=True)  # what is amiss with the whole, in sentences
    person = traitlets.Unicode().tag(sync=True)
    sure = traitlets.Float(SURE).tag(sync=True)
    undoable = traitlets.Int(0).tag(sync=True)
    redoable = traitlets.Int(0).tag(sync=True)

    def __init__(
        self, engagement: Engagement, kind: str, *, options: Mapping[str, Sequence[str]] | Sequence[str] | None = None
    ) -> None:
        self._teller = Teller(engagement, lambda last: self._refresh())  # before anything is read, so that it misses nothing
        self._engagement = engagement
        frame = read_rows(engagement, kind)
        self._frame = frame
        self._known = {str(row["subject"]): (row["value"], *row["alternatives"]) for row in frame.to_dict("records")}
        self._offers = offered(engagement, kind, engagement.decisions.proposals(kind), options)
        self._steps = Steps(engagement, kind)
        self._readings = readings() if kind == "field" else {}
        self._columns = (
            columns_of(engagement, dict(zip(frame["subject"], frame["shown"], strict=True))) if kind == "field" else {}
        )
        self._fitting: Fitting | None = None
        rows = [row_of(kind, row, self._columns.get(str(row.subject))) for row in frame.itertuples(index=False)]
        self._shown = {str(row["id"]): row for row in rows}
        super().__init__(
            _esm=script(),
            _css=style(),
            kind=kind,
            wording=wording_of(kind),
            rows=rows,
            answers=self._answers(frame),
            offers={group: [[offer.text, offer.hint] for offer in offers] for group, offers in self._offers.items()},
            readings=list(self._readings),
            notices=unfilled(engagement, targets_of(frame)) if kind == "field" else [],
            person=known(),
        )
        self.on_msg(self._received)

    @property
    def frame(self) -> pd.DataFrame:
        """The rows as the store has them now."""
        return read_rows(self._engagement, self.kind)

    # ------------------------------------------------------------ what the front end says

    def _received(self, widget: object, message: Mapping[str, Any], buffers: object) -> None:
        with self._teller.lock:
            if not self._teller.received(message):
                self._answer(message.get("number", 0), message)

    def _answer(self, number: object, message: Mapping[str, Any]) -> None:
        try:
            if message.get("kind") in ("fit", "look"):
                self.send({"number": number, **self._told(message)})
                return
            problems = self._obey(message)
        except WorkbenchError as error:
            problems = {"": str(error)}
        self._refresh()
        self.send({"kind": "heard", "number": number, "problems": problems})

    def _obey(self, message: Mapping[str, Any]) -> dict[str, str]:
        """Do what one message asks; the answer names the subjects that were refused, and why."""
        asked = message.get("kind")
        if asked == "person":
            remember(str(message.get("name", "")))
            return {}
        if asked == "again":  # what was decided elsewhere is to be seen
            return {}
        if not known():
            return {"": WHO}
        if asked == "undo":
            return self._steps.undo(by=known())
        if asked == "redo":
            return self._steps.redo(by=known())
        if asked == "confirm":
            return self._confirm(message.get("edits", []))
        return {"": "The table did not understand that; run the cell again."}

    def _told(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """What an answer would make of columns, or the records behind a row. Nothing is kept."""
        asked = [each for each in message.get("asked", []) if str(each.get("subject")) in self._known]
        if message.get("kind") == "fit":
            # Imported when it is first asked for: the table is to be seen before that.
            from workbench.widgets.fitting import Fitting

            stored = self._engagement.decisions.mapping(self.kind)
            fitting = self._fitting = self._fitting or Fitting(self._engagement, self._columns)
            tried = [each for each in asked if self._possible(str(each["subject"]), str(each["text"]).strip())]
            fits = [[each, fit_of(fitting.fit(str(each["subject"]), self._value(each, stored)))] for each in tried]
            return {"kind": "fitted", "fits": fits}
        found = [
            [each, look_of(look(self._engagement, self.kind, subject, known=self._known[subject]))]
            for each in asked
            for subject in [str(each["subject"])]
        ]
        return {"kind": "looked", "looks": found}

    def _confirm(self, edits: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        stored = self._engagement.decisions.mapping(self.kind)
        problems = {str(edit["subject"]): words for edit in edits if (words := self._refusal(edit, stored))}
        wanted = [edit for edit in edits if str(edit["subject"]) not in problems]
        written = self._write(wanted, stored)
        if written:
            self._steps.record({each: stored.get(each) for each in written}, written)
        late = [str(edit["subject"]) for edit in wanted if str(edit["subject"]) not in written]
        return {**problems, **self._overtaken(late)}

    def _overtaken(self, subjects: Sequence[str]) -> dict[str, str]:
        """What to say of rows that somebody else decided between our looking and our writing."""
        stored = self._engagement.decisions.mapping(self.kind) if subjects else {}
        return {each: self._meanwhile(stored.get(each)) for each in subjects}

    def _meanwhile(self, value: object) -> str:
        now = (as_text(self.kind, value) if value is not None else "") or WORDINGS[self.kind].nothing or "nothing"
        way, said = self._reading(value), said_of(value)
        told = f"{f', read as {way}' if way else ''}{f', with {said}' if said else ''}"
        return f"Decided meanwhile, as {now}{told}. Look again, then confirm."

    def _refusal(self, edit: Mapping[str, Any], stored: Mapping[str, object]) -> str:
        """Why an answer cannot be taken; empty where it can."""
        subject, text = str(edit["subject"]), str(edit["text"]).strip()
        if subject not in self._known:
            return "This row is no longer proposed; run the cell again."
        now = self._stands(stored[subject]) if subject in stored else (None, "", [], [])
        seen = edit.get("seen", self.answers.get(subject, {}))  # what stood on that person's page when they answered
        if now != (seen.get("answer"), seen.get("reading", ""), seen.get("take", []), seen.get("empty", [])):
            return self._meanwhile(stored.get(subject))
        said = [edit.get(name) or () for name in ("take", "empty")]
        if any(said) and (unknown := unspoken(self._engagement, subject, text, taken=said[0], emptied=said[1])):
            return unknown
        if str(edit.get("reading") or "") not in ("", *self._readings):
            return f"“{edit['reading']}” is no way of reading a column."
        return "" if self._possible(subject, text) else f"“{text}” is not one of the answers on offer."

    def _possible(self, subject: str, text: str) -> bool:
        if text == "":
            return bool(WORDINGS[self.kind].nothing)
        if self.kind == "field" and text.startswith(NEW):
            return bool(text[len(NEW) :].strip())
        return any(offer.text == text for offer in self._offers.get(group_of(self.kind, subject), ()))

    # ------------------------------------------------------------ what goes to the store

    def _write(self, edits: Sequence[Mapping[str, Any]], stored: Mapping[str, object]) -> dict[str, object]:
        """Keep the answers where the rows still stand as in `stored`; the subjects that were written, with their values."""
        written: dict[str, object] = {}
        for why in dict.fromkeys(str(edit.get("why", "")) for edit in edits):
            told = [edit for edit in edits if str(edit.get("why", "")) == why]
            subjects = [str(edit["subject"]) for edit in told]
            seen = [self._seen(edit) for edit in told]
            values = [self._value(edit, stored) for edit in told]
            frame = pd.DataFrame({"subject": subjects, "value": values, "shown": seen})
            decide = self._engagement.decisions.confirm_many
            said = "" if why in OURS else why
            late = decide(self.kind, frame.astype(object), by=known(), why=said, before=stored)
            written.update((each, value) for each, value in zip(subjects, values, strict=True) if each not in late)
        return written

    def _value(self, edit: Mapping[str, Any], stored: Mapping[str, object]) -> object:
        """The answer as it is kept, read in the way that was chosen, where one was."""
        subject, text = str(edit["subject"]), str(edit["text"]).strip()
        if edit.get("take") is not None and self.kind == "duplicate":
            return survivor(text, map(str, edit["take"]), map(str, edit.get("empty") or ()))
        # The same answer again keeps what else was decided with it.
        before = (stored[subject],) if subject in stored and edit.get("reading") is None else ()
        value = as_value(self._engagement, self.kind, subject, text, (*before, *self._known[subject]))
        reading = self._readings.get(str(edit.get("reading") or ""))
        if not isinstance(value, Mapping) or (reading is None and edit.get("reading") is None):
            return value
        if reading is None:  # back to the usual way
            return {**value, "recipe": ""}
        return {**value, "recipe": reading.recipe, "options": {**value.get("options", {}), **reading.options}}

    def _seen(self, edit: Mapping[str, Any]) -> dict[str, object]:
        """What somebody saw who gave an answer; where they chose between cells, those too."""
        subject = str(edit["subject"])
        seen = {name: self._shown[subject][name] for name in ("shown", "proposed", "confidence", "reasons")}
        if not edit.get("take") and not edit.get("empty"):
            return seen
        return {**seen, "beside": differing(look(self._engagement, self.kind, subject, known=self._known[subject]))}

    def _answers(self, frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
        made: dict[str, dict[str, Any]] = {subject: dict(said) for subject, said in answers_of(frame).items()}
        for subject, value in self._engagement.decisions.mapping("field").items() if self._readings else ():
            if subject in made and (reading := self._reading(value)):
                made[subject]["reading"] = reading
        for subject, value in self._engagement.decisions.mapping("duplicate").items() if self.kind == "duplicate" else ():
            if subject in made:
                said = {"take": list(taken_of(value)), "empty": list(emptied_of(value))}
                made[subject] |= {name: columns for name, columns in said.items() if columns}
        return made

    def _stands(self, value: object) -> tuple[str, str, list[str], list[str]]:
        """A stored answer as the front end knows it: text, way of reading, columns in which a row, or nobody, has the word."""
        said = [list(of(value)) if self.kind == "duplicate" else [] for of in (taken_of, emptied_of)]
        return as_text(self.kind, value), self._reading(value), said[0], said[1]

    def _reading(self, value: object) -> str:
        """The name of the way in which an answer says that its column is read; empty where it says none."""
        if not self._readings or not isinstance(value, Mapping) or not value.get("recipe"):
            return ""
        return name_of_reading(str(value["recipe"]), value.get("options", {}))

    def _refresh(self) -> None:
        self._frame = frame = as_decided(self._engagement, self.kind, self._frame)
        with self.hold_sync():
            self.answers = self._answers(frame)
            self.notices = unfilled(self._engagement, targets_of(frame)) if self.kind == "field" else []
            self.person = known()
            self.undoable, self.redoable = len(self._steps.done), len(self._steps.undone)

    # ------------------------------------------------------------ shown without a kernel

    def __repr__(self) -> str:
        return f"{WORDINGS[self.kind].title}: {counts(self.frame)}"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return beside(super()._repr_mimebundle_(**kwargs), twin_of(self.kind, self.frame))


def _columns(engagement: Engagement, kind: str, frame: pd.DataFrame) -> dict[str, Column]:
    """What is known of the columns that fields are asked for; nothing for other kinds."""
    return columns_of(engagement, dict(zip(frame["subject"], frame["shown"], strict=True))) if kind == "field" else {}


def _still(engagement: Engagement, kind: str) -> Twin:
    """The table for a page without a kernel, with what each answer makes of its column."""
    frame = read_rows(engagement, kind)
    if kind != "field":
        return twin_of(kind, frame)
    from workbench.widgets.fitting import Fitting

    fitting = Fitting(engagement, _columns(engagement, kind, frame))
    decided = engagement.decisions.mapping("field")
    fits = {
        str(row["subject"]): fitting.fit(str(row["subject"]), decided.get(str(row["subject"]), row["value"]))
        for row in frame.to_dict("records")
    }
    targets = targets_of(frame)
    return twin_of(kind, frame, fits=fits, collisions=same_field(targets), notices=unfilled(engagement, targets))
