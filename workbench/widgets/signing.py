"""The sign-off: a name, a role and a typed sentence, bound to the digest of what was looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import ipywidgets
import pandas as pd

from workbench.engagement import Engagement
from workbench.errors import WorkbenchError
from workbench.show import html_table
from workbench.widgets.companion import FORM, Companion, veil
from workbench.widgets.person import known
from workbench.widgets.twin import Twin, beside, headless

__all__ = ["STATEMENT", "Compared", "SignOff", "sign_off"]

SHORT = 12
WIDE = {"width": "440px"}
"""A name with its mail fits, and the three fields stand in one line."""

BOUND = "What a signature here is bound to"
GOOD, BAD, OPEN = MOODS = ("wb-good", "wb-bad", "wb-note")
"""Classes of the common style sheet."""

STATEMENT = "I have checked the sample"
"""What has to be typed, letter for letter, so that nobody signs by a stray click."""


class Compared(Protocol):
    """What a signature is bound to: one digest over exports, decisions, plan and differences."""

    @property
    def evidence(self) -> Mapping[str, str]: ...


class SignOff(ipywidgets.VBox):  # type: ignore[misc]
    """Three fields and a button. It signs what `comparison` holds, and nothing that changes afterwards."""

    def __init__(self, engagement: Engagement, comparison: Compared, *, subject: str) -> None:
        self._engagement, self._comparison, self._subject = engagement, comparison, subject
        self.name = ipywidgets.Text(value=known(), description="Name", continuous_update=False, layout=WIDE)
        self.role = ipywidgets.Text(description="Role", placeholder="what you answer for", continuous_update=False, layout=WIDE)
        self.statement = ipywidgets.Text(description="Type", placeholder=STATEMENT, tooltip=f"Type: {STATEMENT}", layout=WIDE)
        self.button = ipywidgets.Button(
            description="Sign", button_style="primary", tooltip="Bind this signature to the evidence"
        )
        self.state = ipywidgets.Label()
        self.bound = ipywidgets.HTML()
        self.button.on_click(lambda _: self._press())
        fields = [self.name, self.role, self.statement]
        self._companion = Companion(engagement, self._look, fields=fields, buttons=[self.button])
        self._seen: object = None
        self._since, self._noted = 0, ""  # the decision with which another signature came, and what was said of it
        self._look()
        signing = ipywidgets.HBox([self.button, self.state]).add_class("wb")
        super().__init__([veil(), *fields, signing, self.bound, self._companion])
        self.add_class(FORM)

    def _look(self) -> None:
        """Show who has signed, whether here or elsewhere; what the form says otherwise stays, where that is as it was."""
        before, self._seen = self._seen, self._engagement.decisions.value("signoff", self._subject)
        if before != self._seen:
            self._since = self._companion.number
        twin = self._twin()
        if twin.note != self._noted:
            self._noted = twin.note
            self._say(twin.note, self._mood())
        self.bound.value = (
            f"<details class='wb'><summary>{BOUND}</summary>{html_table(twin.frame)}</details>" if len(twin.frame) else ""
        )

    def _say(self, words: str, mood: str = BAD) -> None:
        self.state.value = words
        for each in MOODS:
            self.state.remove_class(each)
        self.state.add_class(mood)

    def _mood(self) -> str:
        """Whether a signature stands, is void, or was never given."""
        if not isinstance(self._seen, Mapping):
            return OPEN
        return GOOD if dict(self._seen.get("evidence", {})) == dict(self._comparison.evidence) else BAD

    def _press(self) -> None:
        lacking = self._lacking()
        if lacking:
            self._say(lacking)
            return
        name, evidence = self.name.value.strip(), dict(self._comparison.evidence)
        said = {
            "name": name,
            "role": self.role.value.strip(),
            "statement": STATEMENT,
            "evidence": evidence,
        }
        before = {} if self._seen is None else {self._subject: self._seen}
        frame = pd.DataFrame({"subject": [self._subject], "value": [said], "shown": [evidence]})
        late = [self._subject] if self._companion.behind(self._since) else []
        try:
            late = late or self._engagement.decisions.confirm_many("signoff", frame, by=name, before=before)
        except WorkbenchError as error:
            self._say(f"not saved: {error.message}")
            return
        self._look()
        self._say(self._noted, self._mood())
        if late:
            self._say(f"Signed meanwhile: {self._noted}. Sign once more if yours is to take its place.")

    def _lacking(self) -> str:
        wrong = getattr(self._comparison, "wrong", 0)
        if wrong:
            return (
                f"{wrong} differences are unexplained, and nobody signs over a wrong one: mend them, and load the sample again."
            )
        if not self.name.value.strip() or not self.role.value.strip():
            return "A signature needs a name and a role."
        typed = " ".join(self.statement.value.split()).rstrip(".").casefold()
        return "" if typed == STATEMENT.casefold() else f"Type the sentence: {STATEMENT}"

    def _twin(self) -> Twin:
        return _twin(self._engagement, self._comparison, self._subject)

    def __repr__(self) -> str:
        return self._twin().line()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return beside(super()._repr_mimebundle_(**kwargs), self._twin())


def sign_off(engagement: Engagement, comparison: Compared, *, subject: str = "sample") -> SignOff | Twin:
    """Ask for the signature under a comparison; headless, only say who signed and whether it still holds."""
    return _twin(engagement, comparison, subject) if headless() else SignOff(engagement, comparison, subject=subject)


def _twin(engagement: Engagement, comparison: Compared, subject: str) -> Twin:
    """Who signed what; each piece of evidence with the digest that it has now and the one that was signed."""
    signed = engagement.decisions.value("signoff", subject)
    said: Mapping[str, Any] = signed if isinstance(signed, Mapping) else {}
    then, now = said.get("evidence", {}), comparison.evidence
    rows = [
        (name, str(now.get(name, ""))[:SHORT], str(then.get(name, ""))[:SHORT], _verdict(said, now.get(name), then.get(name)))
        for name in dict.fromkeys([*now, *then])
    ]
    return Twin("Sign-off", _note(said, comparison), pd.DataFrame(rows, columns=["evidence", "now", "as signed", "holds"]))


def _verdict(said: Mapping[str, Any], now: object, then: object) -> str:
    if not said:
        return "not signed"
    return "yes" if now == then else "changed"


def _note(said: Mapping[str, Any], comparison: Compared) -> str:
    if not said:
        return "nobody has signed"
    words = f"“{said.get('statement', '')}” {said.get('name', '')}, {said.get('role', '')}"
    if dict(said.get("evidence", {})) == dict(comparison.evidence):
        return words
    return f"void, since the evidence changed: it has to be signed again. It said {words}"
