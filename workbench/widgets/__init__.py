"""Ask and show, inside a notebook: no decision is made or kept here, each goes to the engagement's store at once."""

from __future__ import annotations

from workbench.widgets.forms import quiet_checklist, scope_form, waivers
from workbench.widgets.header import header
from workbench.widgets.loading import Loading, loading
from workbench.widgets.person import who
from workbench.widgets.progress import progress
from workbench.widgets.signing import sign_off
from workbench.widgets.table import decision_table
from workbench.widgets.twin import Twin, headless

__all__ = [
    "Loading",
    "Twin",
    "decision_table",
    "header",
    "headless",
    "loading",
    "progress",
    "quiet_checklist",
    "scope_form",
    "sign_off",
    "waivers",
    "who",
]
