"""Ask and show, inside a notebook: no decision is made or kept here, each goes to the engagement's store at once.

What asks is loaded when it is first used: a notebook waits for the widgets that it shows, and for no other.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# A function that is called like its module cannot wait: importing the module would put that in the function's place.
from workbench.widgets.header import header
from workbench.widgets.loading import Loading, loading
from workbench.widgets.progress import progress
from workbench.widgets.twin import Twin, headless

if TYPE_CHECKING:
    from workbench.widgets.forms import quiet_checklist, scope_form
    from workbench.widgets.gating import gate
    from workbench.widgets.person import who
    from workbench.widgets.signing import sign_off
    from workbench.widgets.starting import start
    from workbench.widgets.table import decision_table
    from workbench.widgets.waiving import waivers

__all__ = [
    "Loading",
    "Twin",
    "decision_table",
    "gate",
    "header",
    "headless",
    "loading",
    "progress",
    "quiet_checklist",
    "scope_form",
    "sign_off",
    "start",
    "waivers",
    "who",
]

PLACES = {
    "decision_table": "table",
    "gate": "gating",
    "quiet_checklist": "forms",
    "scope_form": "forms",
    "sign_off": "signing",
    "start": "starting",
    "waivers": "waiving",
    "who": "person",
}
"""Name → the module that has it, which is called otherwise."""


def __getattr__(name: str) -> Any:
    if name not in PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{PLACES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
