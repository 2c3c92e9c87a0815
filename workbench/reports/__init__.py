"""The documents that a customer receives: frozen inputs go in, files that stand alone come out.

Every `render_…(inputs, folder)` is pure but for the files that it writes, and returns their paths. Pages need no
script, no network and no other file; workbooks hold no formula and no link.
"""

from __future__ import annotations

from workbench.reports.certificate import Certificate, render_certificate
from workbench.reports.handover import (
    Automations,
    Inventory,
    Provisioning,
    Step,
    render_automations,
    render_inventory,
    render_provisioning,
)
from workbench.reports.index import NOTEBOOKS, Entry, Index, render_index
from workbench.reports.letter import GapLetter, render_gap_letter
from workbench.reports.pages import About
from workbench.reports.people import Owners, render_owners
from workbench.reports.quality import Fidelity, Quality, render_fidelity, render_quality
from workbench.reports.reconciliation import Reconciliation, SecondPass, located, render_reconciliation
from workbench.reports.scope import Answer, Becoming, Scope, render_scope

__all__ = [
    "NOTEBOOKS",
    "About",
    "Answer",
    "Automations",
    "Becoming",
    "Certificate",
    "Entry",
    "Fidelity",
    "GapLetter",
    "Index",
    "Inventory",
    "Owners",
    "Provisioning",
    "Quality",
    "Reconciliation",
    "Scope",
    "SecondPass",
    "Step",
    "located",
    "render_automations",
    "render_certificate",
    "render_fidelity",
    "render_gap_letter",
    "render_index",
    "render_inventory",
    "render_owners",
    "render_provisioning",
    "render_quality",
    "render_reconciliation",
    "render_scope",
]
