"""Forms for the few questions that are asked once: the scope, the quiet destination, the waiver of a phase."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets
import pandas as pd

from workbench.engagement import PHASES, Engagement
from workbench.errors import WorkbenchError
from workbench.flow.accepting import acceptances
from workbench.show import day, escape, html_table, name_of
from workbench.specs import Scope
from workbench.widgets.checking import Check
from workbench.widgets.person import known
from workbench.widgets.twin import Twin, beside, headless

__all__ = ["Form", "quiet_checklist", "scope_form", "waivers"]

WIDE = {"width": "100%", "max_width": "860px"}
UNTICKED, TICKS = "not yet", ("done", "does not apply")
UNSIGNED = "Say who you are first: every decision is kept under a name."


@dataclass(frozen=True)
class Question:
    """One question of a form: a control, and what its answer is when somebody confirms it."""

    about: str
    control: Any
    answer: Callable[[], object]  # None while there is none
    subject: str
    detail: str = ""
    kind: str = ""  # where it is decided under another kind than the form's


class Form(ipywidgets.VBox):  # type: ignore[misc]
    """Questions with one button each; an answer goes to the store when it is pressed, and the line says so."""

    def __init__(
        self,
        engagement: Engagement,
        kind: str,
        questions: Sequence[Question],
        *,
        twin: Callable[[], Twin],
        below: Sequence[Any] = (),
    ) -> None:
        self._engagement = engagement
        self.kind = kind
        self._twin = twin
        self.lines = {question.subject: self._line(question) for question in questions}
        super().__init__([*self.lines.values(), *below], layout=WIDE)

    def _line(self, question: Question) -> Any:
        state = ipywidgets.Label(self._state(question.subject, kind=question.kind))
        button = ipywidgets.Button(
            description="Confirm", tooltip=f"Keep this answer: {question.about}", layout={"width": "96px"}
        )
        button.on_click(lambda _: self._press(question, state))
        about = ipywidgets.HTML(_asked(question))
        row = ipywidgets.HBox([question.control, button, state], layout={"align_items": "center", "flex_flow": "row wrap"})
        return ipywidgets.VBox([about, row] if question.about else [row])

    def _press(self, question: Question, state: Any) -> None:
        if not known():
            state.value = UNSIGNED
            return
        answer, kind = question.answer(), question.kind or self.kind
        decisions = self._engagement.decisions
        try:
            if answer is not None:
                self._keep(question, answer)
            elif decisions.value(kind, question.subject) is not None:
                decisions.withdraw(kind, question.subject, by=known(), why="not done after all")
        except WorkbenchError as error:
            state.value = f"not saved: {error.message}"
        else:
            state.value = self._state(question.subject, kind=question.kind)

    def _keep(self, question: Question, answer: object) -> None:
        shown = f"{question.about} {question.detail}".strip()
        self._engagement.decisions.confirm(question.kind or self.kind, question.subject, answer, by=known(), shown=shown)

    def _state(self, subject: str, *, kind: str = "") -> str:
        current = self._engagement.decisions.current(kind or self.kind)
        found = current[current["subject"] == subject]
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
    twin = _still(engagement, "scope", "Scope", [(q.name, q.question) for q in engagement.route.scope])
    if headless():
        return twin()
    questions = [each for question in engagement.route.scope for each in _asked_of(engagement, question)]
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
    return Question(about, control, lambda: control.value.strip() or None, subject, detail=limit, kind="waiver")


def _scope_question(engagement: Engagement, scope: Scope) -> Question:
    answer = engagement.decisions.value("scope", scope.name)
    value = scope.default if answer is None else str(answer)
    if scope.options:
        listed = list(dict.fromkeys([*scope.options, value]))
        control: Any = ipywidgets.Dropdown(options=listed, value=value, tooltip=scope.question)
    else:
        control = ipywidgets.Text(value=value, tooltip=scope.question, continuous_update=False)
    brings = " ".join(_brought(engagement).get(scope.name, ()))
    detail = f"{scope.about} In your files — {brings}" if brings else scope.about
    return Question(scope.question, control, lambda: control.value, scope.name, detail=detail)


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
    return Question(item, control, lambda: None if control.value == UNTICKED else control.value, item)


def waivers(engagement: Engagement) -> Form | Twin:
    """Let a person pass over a phase that did not pass, by name and with a reason; headless, only list what was waived."""
    twin = _still(engagement, "waiver", "Waivers", [])
    if headless():
        return twin()
    phase = ipywidgets.Dropdown(options=_waivable(engagement), description="Waive")
    reason = ipywidgets.Text(
        placeholder="why it may go on all the same", description="Reason", continuous_update=False, layout={"width": "380px"}
    )
    return Waivers(engagement, phase, reason, twin=twin)


def _waivable(engagement: Engagement) -> list[str]:
    """The problems that keep a phase blocked, each by its name, then the phases themselves."""
    blocked = [state for state in map(engagement.phase, PHASES) if state.state == "blocked"]
    problems = [reason.split(":", 1)[0] for state in blocked for reason in state.reasons]
    return list(dict.fromkeys([*(problem for problem in problems if "/" in problem), *PHASES]))


class Waivers(Form):
    """The form of one waiver at a time: a phase, a reason, a button; below it the waivers that stand."""

    def __init__(self, engagement: Engagement, phase: Any, reason: Any, *, twin: Callable[[], Twin]) -> None:
        self.phase, self.reason = phase, reason
        self.standing = ipywidgets.HTML(_standing(twin()))
        both = ipywidgets.HBox([phase, reason], layout={"flex_flow": "row wrap"})
        question = Question("", both, lambda: reason.value.strip(), "")
        super().__init__(engagement, "waiver", [question], twin=twin, below=[self.standing])

    def _press(self, question: Question, state: Any) -> None:
        if not self.reason.value.strip():
            state.value = "A waiver needs its reason."
            return
        chosen = Question(f"waive {self.phase.value}", question.control, question.answer, str(self.phase.value))
        super()._press(chosen, state)
        self.standing.value = _standing(self._twin())

    def _keep(self, question: Question, answer: object) -> None:
        self._engagement.decisions.confirm(
            "waiver", question.subject, answer, by=known(), why=str(answer), shown=question.about
        )

    def _state(self, subject: str, *, kind: str = "") -> str:
        return super()._state(subject, kind=kind) if subject else ""


def _standing(twin: Twin) -> str:
    """The waivers in force, for whoever opens the page later; nothing where there is none."""
    if twin.frame.empty:
        return ""
    named = twin.frame[["question", "answer", "by", "at"]].assign(by=twin.frame["by"].map(name_of))
    named.columns = pd.Index(["waived", "because", "by", "on"])
    return html_table(named, caption="Waivers that stand")


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
