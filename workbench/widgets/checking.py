"""A look at the destination as it is this minute: which of the fields that the map needs are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets

from workbench.clock import now
from workbench.engagement import Engagement
from workbench.errors import WorkbenchError
from workbench.show import escape, heading, html_table, together

if TYPE_CHECKING:
    from workbench.stages.provisioning import Provisioning

__all__ = ["Check"]

ASK, LOOKING = "Check the destination", "Looking …"
CLOCK = slice(11, 19)
"""Where the time of day stands in a moment."""


class Check(ipywidgets.VBox):  # type: ignore[misc]
    """A button, and below it what the destination said when it was pressed last. Nothing is made, nothing decided."""

    def __init__(self, engagement: Engagement) -> None:
        self._engagement = engagement
        self.button = ipywidgets.Button(
            description=ASK, tooltip="Read the fields of the account afresh; this only reads", layout={"width": "180px"}
        )
        self.said = ipywidgets.HTML()
        self.button.on_click(lambda _: self._press())
        super().__init__([self.button, self.said], layout={"margin": "8px 0 0 0"})

    def _press(self) -> None:
        # Imported when it is first asked for: every notebook reads this module, and most never speak to the destination.
        from workbench.stages.provisioning import plan

        self.button.disabled, self.button.description = True, LOOKING
        try:
            self.said.value = _told(plan(self._engagement))
        except WorkbenchError as error:
            self.said.value = together(heading(f"could not be checked: {error.message}", good=False), _todo(error))
        finally:
            self.button.disabled, self.button.description = False, ASK


def _told(found: Provisioning) -> str:
    """How many of the fields are there, and which are not, with the time at which this was so."""
    count, clock = len(found.frame), now()[CLOCK]
    if not found.missing:
        return together(heading(f"the destination has all {count} fields, at {clock} UTC", good=True))
    lacking = found.frame[found.frame["state"] != "present"].drop(columns="field")
    said = f"{found.missing} of {count} fields are missing or differ, at {clock} UTC"
    return together(heading(said, good=False), html_table(lacking, caption="Not there yet"))


def _todo(error: WorkbenchError) -> str:
    return f'<p class="wb wb-note">{escape(error.todo)}</p>' if error.todo else ""
