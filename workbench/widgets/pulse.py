"""The part of a form that lies in the page: it asks for what was decided elsewhere, and presses buttons with what is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from sqlalchemy import func, select

from workbench.engagement import Engagement
from workbench.store import decisions

__all__ = ["FORM", "LINE", "Pulse", "last_decision"]

FORM, LINE = "wb-form", "wb-line"
"""Classes of the box in which a pulse lies, and whose keys it keeps from the notebook; and of each question with its button."""
HERE = Path(__file__).parent / "script"


class Pulse(anywidget.AnyWidget):
    """Tells a form of decisions that it has not made itself: of another tab, another notebook, or another person.

    It is the page that asks, and only while it is looked at, so that forms which nobody shows any more ask for nothing.
    `fields` are the form's controls and `buttons` those of its buttons that go by them, both in the order of the page.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    buttons = traitlets.Int().tag(sync=True)

    def __init__(
        self, engagement: Engagement, look: Callable[[], None], *, fields: Sequence[Any] = (), buttons: Sequence[Any] = ()
    ) -> None:
        self._engagement, self._look = engagement, look
        self._fields, self._buttons = fields, buttons
        self._seen = last_decision(engagement)
        parts = ((HERE / f"{part}.js").read_text(encoding="utf-8") for part in ("pulse", "companion"))
        super().__init__(_esm="\n".join(parts), buttons=len(buttons))
        self.on_msg(self._received)

    def _received(self, widget: object, message: Mapping[str, Any], buffers: object) -> None:
        if message.get("kind") == "press":
            self._press(int(message["button"]), [str(text) for text in message["said"]])
        else:
            self._beat()

    def _press(self, button: int, said: Sequence[str]) -> None:
        """Press a button of the form, its controls as they stood on the page when somebody pressed it there."""
        for control, text in zip(self._fields, said, strict=True):
            if control.value != text and text in getattr(control, "options", (text,)):
                control.value = text
        self._buttons[button].click()

    def _beat(self) -> None:
        last = last_decision(self._engagement)
        if last != self._seen:
            self._seen = last
            self._look()
        self.send({"kind": "beat"})


def last_decision(engagement: Engagement) -> int:
    """The number of the newest decision of the engagement, whatever it is about; 0 where there is none."""
    mine = decisions.c.engagement == engagement.settings.engagement_id
    with engagement.store.connect() as connection:
        return int(connection.execute(select(func.max(decisions.c.id)).where(mine)).scalar() or 0)
