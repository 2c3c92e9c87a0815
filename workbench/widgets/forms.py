"""Forms for the few questions that are asked once: the scope, and the quiet destination."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import ipywidgets
import pandas as pd

from workbench.engagement import Engagement
from workbench.errors import WorkbenchError
from workbench.flow.accepting import acceptances
from workbench.flow.countries import country_asked
from workbench.show import day, escape, name_of
from workbench.specs import Scope
from workbench.widgets.checking import Check
from workbench.widgets.companion import FORM, LINE, Companion, veil
from workbench.widgets.person import known
from workbench.widgets.telling import last_decision
from workbench.widgets.twin import Twin, beside, headless

__all__ = ["Form", "quiet_checklist", "scope_form"]

WIDE = {"width": "100%", "max_width": "860px"}
UNTICKED, TICKS = "not yet", ("done", "does not apply")
UNSIGNED = "Say who you are first: every decision is kept under a name."


@dataclass(frozen=True)
class Question:
    """One question of a form: a control, and what its answer is when somebody confirms it."""

    about: str
    control: Any
    answer: Callable[[], object]  # None while there is none
    put: Callable[[object], None]  # lets the control say what was decided, None where nothing is
    subject: str
    detail: str = ""
    kind: str = ""  # where it is decided under another kind than the form's


@dataclass
class Line:
    """A question as it stands on the page."""

    question: Question
    kind: str
    box: Any
    button: Any
    state: Any
    seen: object  # the decision that whoever answers has before their eyes, None where there is none
    stood: object  # what the control said when that was put there
    since: int = 0  # the decision with which `seen` came from elsewhere


class Form(ipywidgets.VBox):  # type: ignore[misc]
    """Questions with one button each; an answer goes to the store when it is pressed, and the line says so.

    What is decided elsewhere meanwhile shows itself, and an answer to what somebody has not seen yet takes no effect.
    """

    def __init__(
        self,
        engagement: Engagement,
        kind: str,
        questions: Sequence[Question],
        *,
        twin: Callable[[], Twin],
        below: Sequence[Any] = (),
    ) -> None:
        told = last_decision(engagement)
        self._engagement = engagement
        self.kind = kind
        self._twin = twin
        self._lines = [self._line(question) for question in questions]
        self.lines = {line.question.subject: line.box for line in self._lines}
        fields, buttons = [line.question.control for line in self._lines], [line.button for line in self._lines]
        self._companion = Companion(engagement, self._look, fields=fields, buttons=buttons, told=told)
        super().__init__([veil(), *self.lines.values(), *below, self._companion], layout=WIDE)
        self.add_class(FORM)

    def _line(self, question: Question) -> Line:
        state = ipywidgets.Label()
        button = ipywidgets.Button(
            description="Confirm", tooltip=f"Keep this answer: {question.about}", layout={"width": "96px"}
        )
        about = ipywidgets.HTML(_asked(question))
        row = ipywidgets.HBox([question.control, button, state], layout={"align_items": "center", "flex_flow": "row wrap"})
        kind = question.kind or self.kind
        line = Line(question, kind, ipywidgets.VBox([about, row]), button, state, None, None)
        line.box.add_class(LINE)
        line.seen = self._engagement.decisions.value(kind, question.subject)
        if line.seen is not None and question.answer() != line.seen:  # decided since the control was made
            question.put(line.seen)
        line.stood = question.answer()
        state.value = self._said(line)
        button.on_click(lambda _: self._press(line))
        return line

    def _press(self, line: Line) -> None:
        if not known():
            line.state.value = UNSIGNED
            return
        try:
            late = self._keep(line)
        except WorkbenchError as error:
            line.state.value = f"not saved: {error.message}"
            return
        self._see(line)
        said = self._said(line)
        line.state.value = f"Decided meanwhile: {said}. Confirm once more to put your answer in its place." if late else said

    def _keep(self, line: Line) -> list[str]:
        """Keep the answer, unless somebody has given another one since this one's question was looked at."""
        question, decisions = line.question, self._engagement.decisions
        if self._companion.behind(line.since):
            return [question.subject]
        answer, before = question.answer(), {} if line.seen is None else {question.subject: line.seen}
        if answer is None:
            return decisions.withdraw_many(line.kind, before, by=known(), why="not done after all")
        shown = f"{question.about} {question.detail}".strip()
        frame = pd.DataFrame({"subject": [question.subject], "value": [answer], "shown": [shown]})
        return decisions.confirm_many(line.kind, frame, by=known(), before=before)

    def _look(self) -> None:
        """Show what was decided elsewhere; an answer that somebody has chosen here and not confirmed stays chosen."""
        for line in self._lines:
            before = line.seen
            chosen = line.question.answer() != line.stood
            if not self._see(line):
                continue
            line.since = self._companion.number
            if not chosen:
                line.question.put(line.seen)
                line.stood = line.question.answer()
            said = f"{self._said(line)}{f', in place of {before}' if before is not None else ''}"
            line.state.value = f"Decided meanwhile: {said}. What you have chosen is not saved." if chosen else said

    def _see(self, line: Line) -> bool:
        """Take what is decided now for what is before everybody's eyes; whether it is another decision."""
        before, line.seen = line.seen, self._engagement.decisions.value(line.kind, line.question.subject)
        if before != line.seen and line.question.answer() == line.seen:
            line.stood = line.seen
        return before != line.seen

    def _said(self, line: Line) -> str:
        current = self._engagement.decisions.current(line.kind)
        found = current[current["subject"] == line.question.subject]
        return f"✓ {found['value'].iloc[0]} — {found['by'].iloc[0]}" if len(found) else "open"

    def __repr__(self) -> str:
        return self._twin().line()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return beside(super()._repr_mimebundle_(**kwargs), self._twin())


def _asked(question: Question) -> str:
    """The question and what hangs on it, as lines that wrap; neither is HTML, whatever it holds."""
    detail = f'<br><span style="opacity:.75">{escape(question.detail)}</span>' if question.detail else ""
    return f'<div style="line-height:1.45;padding-top:4px"><b>{escape(question.about)}</b>{detail}</div>'


def scope_form(engagement: Engagement) -> Form | Twin:
    """Ask the route's questions about what comes along; headless, only say what was answered."""
    scope = (*engagement.route.scope, *country_asked(engagement))
    twin = _still(engagement, "scope", "Scope", [(q.name, q.question) for q in scope])
    if headless():
        return twin()
    questions = [each for question in scope for each in _asked_of(engagement, question)]
    return Form(engagement, "scope", questions, twin=twin)


def _asked_of(engagement: Engagement, scope: Scope) -> list[Question]:
    """A question, and below it a line for the customer's own words where an answer brings a limit with it."""
    limits = [_acceptance(engagement, scope.name, answer, limit) for answer, limit in scope.accept.items()]
    return [_scope_question(engagement, scope), *limits]


def _acceptance(engagement: Engagement, name: str, answer: str, limit: str) -> Question:
    subject = f"{name}/{answer}"
    control = ipywidgets.Text(
        value=str(engagement.decisions.value("waiver", subject) or ""),
        placeholder="in the customer's own words, such as: accepted in the mail of 3 March",
        continuous_update=False,
        tooltip=limit,
        layout={"width": "420px"},
    )
    about = f"Where the answer is “{answer}”, the customer accepts in writing:"
    return Question(
        about, control, lambda: control.value.strip() or None, _writer(control), subject, detail=limit, kind="waiver"
    )


def _scope_question(engagement: Engagement, scope: Scope) -> Question:
    answer = engagement.decisions.value("scope", scope.name)
    value = scope.default if answer is None else str(answer)
    if scope.options:
        listed = list(dict.fromkeys([*scope.options, value]))
        control: Any = ipywidgets.Dropdown(options=listed, value=value, tooltip=scope.question)
    else:
        control = ipywidgets.Text(value=value, tooltip=scope.question, continuous_update=False)
    put = _chooser(control, scope.default) if scope.options else _writer(control, scope.default)
    brings = " ".join(_brought(engagement).get(scope.name, ()))
    detail = f"{scope.about} In your files — {brings}" if brings else scope.about
    return Question(scope.question, control, lambda: control.value, put, scope.name, detail=detail)


def _writer(control: Any, otherwise: str = "") -> Callable[[object], None]:
    def put(value: object) -> None:
        control.value = otherwise if value is None else str(value)

    return put


def _chooser(control: Any, otherwise: str) -> Callable[[object], None]:
    """As `_writer`, for a drop-down, which somebody else may have been offered more in."""

    def put(value: object) -> None:
        said = otherwise if value is None else str(value)
        if said not in control.options:
            control.options = [*control.options, said]
        control.value = said

    return put


def _brought(engagement: Engagement) -> dict[str, list[str]]:
    """What each answer to a question of the scope brings with it in the files that came, as discovery has counted it."""
    proposed = engagement.decisions.proposals("scope").to_dict("records")
    return {str(row["subject"]): [str(words) for words in row["shown"] or ()] for row in proposed}


def quiet_checklist(engagement: Engagement) -> Form | Twin:
    """Ask a person to tick off what has to be seen to by hand, and look at the destination whenever they like.

    Headless, only say what was ticked.
    """
    items = _quiet_items(engagement)
    twin = _still(engagement, "quiet", "Seen to by hand", [(item, item) for item in items])
    if headless():
        return twin()
    questions = [_quiet_question(engagement, item) for item in items]
    return Form(engagement, "quiet", questions, twin=twin, below=[Check(engagement)])


def _quiet_items(engagement: Engagement) -> list[str]:
    """What the stage put up for ticking; before it did, the checklist of the route."""
    proposed = engagement.decisions.proposals("quiet")
    return [str(subject) for subject in proposed["subject"]] if len(proposed) else list(engagement.route.checklist)


def _quiet_question(engagement: Engagement, item: str) -> Question:
    said = engagement.decisions.value("quiet", item)
    value = said if said in TICKS else UNTICKED
    control = ipywidgets.Dropdown(options=[UNTICKED, *TICKS], value=value, tooltip=item, layout={"width": "160px"})
    return Question(item, control, partial(_ticked, control), _chooser(control, UNTICKED), item)


def _ticked(control: Any) -> object:
    return None if control.value == UNTICKED else control.value


def _still(engagement: Engagement, kind: str, title: str, asked: Sequence[tuple[str, str]]) -> Callable[[], Twin]:
    """What was asked and answered, read from the store each time it is shown; of the scope with the limits that it brings."""

    def twin() -> Twin:
        decided = _by_subject(engagement, kind)
        every = dict(asked) | {subject: subject for subject in decided if subject not in dict(asked)}
        if kind == "scope":
            every |= {each.subject: f"Accepted in writing: {each.limit}" for each in acceptances(engagement)}
            decided = {**_by_subject(engagement, "waiver"), **decided}
        rows = [_answered(words, decided.get(subject)) for subject, words in every.items()]
        note = f"{sum(subject in decided for subject in every)} of {len(every)} answered" if every else "none"
        frame = pd.DataFrame(rows, columns=["question", "answer", "by", "at", "comment"])
        view = frame.assign(by=frame["by"].map(name_of), at=frame["at"].map(day))
        if kind == "scope":
            brought = _brought(engagement)
            view.insert(1, "in these files", [" ".join(brought.get(subject, ())) for subject in every])
        return Twin(title, note, frame, view=view.rename(columns={"by": "decided by", "at": "on"}))

    return twin


def _by_subject(engagement: Engagement, kind: str) -> dict[str, Any]:
    return {str(row.subject): row for row in engagement.decisions.current(kind).itertuples(index=False)}


def _answered(words: str, row: Any) -> tuple[str, str, str, str, str]:
    if row is None:
        return words, "open", "", "", ""
    return words, str(row.value), str(row.by), str(row.at), str(row.why or "")
