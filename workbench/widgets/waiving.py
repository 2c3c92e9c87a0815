"""Let something pass that has not passed: a person, a role, a reason; and show the waivers that stand."""

from __future__ import annotations

from typing import Any

import ipywidgets

from workbench.engagement import Engagement
from workbench.engagement.waivers import TITLES, Waiver, waivers_frame, waivers_table
from workbench.errors import WorkbenchError
from workbench.show import day, escape, name_of
from workbench.widgets.companion import FORM, Companion, veil
from workbench.widgets.person import known
from workbench.widgets.twin import Twin, beside, headless

__all__ = ["Waivers", "waivers"]

UNSIGNED = "Say who you are first: every decision is kept under a name."
NOTHING = "nothing that could be waived"
FIELD = {"width": "440px", "max_width": "100%"}


class Waivers(ipywidgets.VBox):  # type: ignore[misc]
    """One waiver at a time: what, why, in which role; below it the waivers that stand, each of which can be taken back."""

    def __init__(self, engagement: Engagement) -> None:
        self._engagement = engagement
        self.subject = ipywidgets.Dropdown(description="Waive", tooltip="What is let pass", layout=FIELD)
        self.words = ipywidgets.HTML()
        self.reason = _text("Reason", "why it may go on all the same")
        self.role = _text("Role", "what you answer for")
        self.button = _button("Confirm", "Keep this waiver under your name")
        self.state = ipywidgets.Label("")
        self.standing = ipywidgets.HTML()
        self.taken = ipywidgets.Dropdown(description="Take back", tooltip="The waiver that is to count no longer", layout=FIELD)
        self.back = _button("Take back", "This waiver is to count no longer; it stays in the history")
        self.subject.observe(lambda _: self._tell(), names="value")
        self.button.on_click(lambda _: self._keep())
        self.back.on_click(lambda _: self._withdraw())
        self._seen: dict[str, Waiver] = {}
        self._since: dict[str, int] = {}  # subject → the decision with which it came to stand otherwise
        self._undone = ipywidgets.HBox([self.taken, self.back], layout={"flex_flow": "row wrap"})
        kept = ipywidgets.HBox([self.button, self.state], layout={"align_items": "center", "flex_flow": "row wrap"})
        fields = [self.subject, self.words, self.reason, self.role]
        asked, buttons = [self.subject, self.reason, self.role, self.taken], [self.button, self.back]
        self._companion = Companion(engagement, self._look, fields=asked, buttons=buttons)
        every = [veil(), *fields, kept, self.standing, self._undone, self._companion]
        super().__init__(every, layout={"width": "100%", "max_width": "860px"})
        self.add_class(FORM)
        self._look()

    def _look(self) -> None:
        """What may be waived, and what is, as the store has it now."""
        _offer(self.subject, [*self._engagement.waivable()])
        stand = self._engagement.waivers()
        before, self._seen = self._seen, {each.subject: each for each in stand}
        changed = {*before.items(), *self._seen.items()} - ({*before.items()} & {*self._seen.items()})
        self._since |= {subject: self._companion.number for subject, _ in changed}
        self.standing.value = waivers_table(stand, caption="Waivers that stand")
        _offer(self.taken, [each.subject for each in stand])
        self._undone.layout.display = "" if stand else "none"
        self._tell()

    def _meanwhile(self, subject: str) -> str:
        """What somebody else has decided of it since this page was looked at; nothing where they have not."""
        now = next((each for each in self._engagement.waivers() if each.subject == subject), None)
        if now == self._seen.get(subject) and not self._companion.behind(self._since.get(subject, 0)):
            return ""
        self._look()
        said = f"waived by {now.by}, because {now.reason}" if now else "no longer waived"
        return f"Decided meanwhile: {subject} is {said}. Press once more if yours is to count."

    def _tell(self) -> None:
        """In which words that stands which is about to be waived."""
        words = self._engagement.waivable().get(str(self.subject.value), NOTHING)
        self.words.value = f'<div style="line-height:1.45;max-width:52em">{escape(words)}</div>'

    def _keep(self) -> None:
        who = known()
        lacking = [] if who else [UNSIGNED]
        asked = (("reason", self.reason), ("role", self.role))
        lacking += [f"A waiver needs its {name}." for name, field in asked if not field.value.strip()]
        if lacking:
            self.state.value = lacking[0]
            return
        if meanwhile := self._meanwhile(str(self.subject.value)):
            self.state.value = meanwhile
            return
        try:
            kept = self._engagement.waive(str(self.subject.value), reason=self.reason.value, by=who, role=self.role.value)
        except WorkbenchError as error:
            self.state.value = f"not saved: {error.message}"
            return
        self._look()
        self.state.value = f"✓ {kept.reason} — {kept.by}"

    def _withdraw(self) -> None:
        who = known()
        if not who:
            self.state.value = UNSIGNED
            return
        subject = str(self.taken.value)
        if meanwhile := self._meanwhile(subject):
            self.state.value = meanwhile
            return
        try:
            self._engagement.decisions.withdraw("waiver", subject, by=who, why="not waived after all")
        except WorkbenchError as error:
            self.state.value = f"not saved: {error.message}"
            return
        self._look()
        self.state.value = f"{subject} is waived no longer — {who}"

    def __repr__(self) -> str:
        return _twin(self._engagement).line()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return beside(super()._repr_mimebundle_(**kwargs), _twin(self._engagement))


def waivers(engagement: Engagement) -> Waivers | Twin:
    """Let a person pass over a problem or a phase, by name, role and reason; headless, only list what was waived."""
    return _twin(engagement) if headless() else Waivers(engagement)


def _twin(engagement: Engagement) -> Twin:
    frame = waivers_frame(engagement.waivers())
    told = frame.assign(by=frame["by"].map(name_of), on=frame["at"].map(day))
    note = f"{len(frame)} in force" if len(frame) else "none"
    return Twin("Waivers", note, frame, view=told[list(TITLES)].rename(columns=TITLES))


def _offer(control: Any, options: list[str]) -> None:
    """Put these up; what was chosen stays chosen where it still can be."""
    chosen = control.value
    control.options = options
    control.value = chosen if chosen in options else next(iter(options), None)


def _text(name: str, example: str) -> Any:
    return ipywidgets.Text(description=name, placeholder=example, tooltip=example, continuous_update=False, layout=FIELD)


def _button(name: str, tooltip: str) -> Any:
    return ipywidgets.Button(description=name, tooltip=tooltip, layout={"width": "110px"})
