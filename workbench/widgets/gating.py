"""The gate before a phase, as its notebook shows it: what has passed, what is lacking, and where it may be waived."""

from __future__ import annotations

from IPython.display import display

from workbench.engagement import Engagement, Gate
from workbench.widgets.twin import headless

__all__ = ["gate"]


def gate(engagement: Engagement, phase: str) -> Gate:
    """Say whether a phase may begin; where it may not, show why and the form for a waiver, then raise GateClosed.

    Headless there is no form: nobody is there to fill it in.
    """
    found = engagement.before(phase)
    if not found.closed:
        return found
    display(found)  # type: ignore[no-untyped-call]
    if not headless():
        # A notebook waits for the widgets that it shows, and for no other.
        from workbench.widgets.person import who
        from workbench.widgets.waiving import waivers

        display(who(engagement), waivers(engagement))  # type: ignore[no-untyped-call]
    return found.require()
