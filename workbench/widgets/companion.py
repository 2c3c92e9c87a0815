"""The part of a form that lies in the page: it says that the form is shown there, and presses buttons with what is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets
import traitlets

from workbench.engagement import Engagement
from workbench.widgets.telling import Teller

__all__ = ["FORM", "LINE", "Companion", "veil"]

FORM, LINE = "wb-form", "wb-line"
"""Classes of the box in which a companion lies, whose keys it keeps from the notebook; and of each question with its button."""
HERE = Path(__file__).parent / "script"
VEIL = """<style>
@keyframes wb-late { to { visibility: visible; } }
.wb-form:not(.wb-held) { visibility: hidden; animation: wb-late 0s 10s forwards; }
</style>"""
"""Where the companion cannot be had at all, the form shows itself after ten seconds."""


def veil() -> Any:
    """The first part of a form's box: until the companion listens, no key and no click can get past it to the notebook.

    The page draws a drop-down before it has read the script, on a busy machine by seconds.
    """
    return ipywidgets.HTML(VEIL, layout={"display": "none"})


class Companion(anywidget.AnyWidget):
    """Has a form look at what was decided elsewhere, and its buttons pressed with what a person had before them.

    `fields` are the form's controls and `buttons` those of its buttons that go by them, both in the order of the page;
    `told` is the newest decision from before the form read anything, where it did so already.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    buttons = traitlets.Int().tag(sync=True)
    told = traitlets.Int().tag(sync=True)  # the newest decision of which the page knows

    def __init__(
        self,
        engagement: Engagement,
        look: Callable[[], None],
        *,
        fields: Sequence[Any] = (),
        buttons: Sequence[Any] = (),
        told: int | None = None,
    ) -> None:
        self._look = look
        self._fields, self._buttons = fields, buttons
        self._teller = Teller(engagement, self._tell, told=told)
        self.number = self._teller.told
        self._pressed: int | None = None
        parts = ((HERE / f"{part}.js").read_text(encoding="utf-8") for part in ("presence", "companion"))
        super().__init__(_esm="\n".join(parts), buttons=len(buttons), told=self.number)
        self.on_msg(self._received)

    def behind(self, since: int) -> bool:
        """Whether the button that is being pressed was pressed before its page was told of the decision `since`.

        `number` is that decision's, at the time of a look that finds it.
        """
        return self._pressed is not None and self._pressed < since

    def _received(self, widget: object, message: Mapping[str, Any], buffers: object) -> None:
        with self._teller.lock:
            if not self._teller.received(message) and message.get("kind") == "press":
                self._pressed = int(message.get("told", self.told))
                self._press(int(message["button"]), [str(text) for text in message["said"]])
                self._pressed = None

    def _press(self, button: int, said: Sequence[str]) -> None:
        """Press a button of the form, its controls as they stood on the page when somebody pressed it there."""
        for control, text in zip(self._fields, said, strict=True):
            if control.value != text and text in getattr(control, "options", (text,)):
                control.value = text
        self._buttons[button].click()

    def _tell(self, last: int) -> None:
        self.number = last
        self._look()
        self.told = last  # behind everything else, so that a page which has this has seen that
