"""Move a small company's CRM: map, confirm, rehearse, sign off, load, prove, put back.

Every name below is loaded when it is first used, so that importing the workbench costs nothing.
"""

from __future__ import annotations

import atexit
import gc
import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench import destinations, errors, rehearsal, specs, stages, widgets
    from workbench.engagement import new_engagement, open_engagement
    from workbench.frames.compare import compare
    from workbench.frames.merge import merge
    from workbench.frames.plan import plan_feed
    from workbench.frames.profile import profile
    from workbench.frames.transform import transform
    from workbench.ledger.loading import load
    from workbench.matching.columns import propose_fields
    from workbench.matching.owners import match_owners
    from workbench.matching.records import match_companies, match_records
    from workbench.matching.values import propose_values
    from workbench.package import verify as verify_package
    from workbench.readers import read_export
    from workbench.recipes import convert

__all__ = [
    "compare",
    "convert",
    "destinations",
    "errors",
    "load",
    "match_companies",
    "match_owners",
    "match_records",
    "merge",
    "new_engagement",
    "open_engagement",
    "plan_feed",
    "profile",
    "propose_fields",
    "propose_values",
    "read_export",
    "rehearsal",
    "specs",
    "stages",
    "transform",
    "verify_package",
    "widgets",
]

PLACES = {
    "compare": "workbench.frames.compare:compare",
    "convert": "workbench.recipes:convert",
    "destinations": "workbench.destinations:",
    "errors": "workbench.errors:",
    "load": "workbench.ledger.loading:load",
    "match_companies": "workbench.matching.records:match_companies",
    "match_owners": "workbench.matching.owners:match_owners",
    "match_records": "workbench.matching.records:match_records",
    "merge": "workbench.frames.merge:merge",
    "new_engagement": "workbench.engagement:new_engagement",
    "open_engagement": "workbench.engagement:open_engagement",
    "plan_feed": "workbench.frames.plan:plan_feed",
    "profile": "workbench.frames.profile:profile",
    "propose_fields": "workbench.matching.columns:propose_fields",
    "propose_values": "workbench.matching.values:propose_values",
    "read_export": "workbench.readers:read_export",
    "rehearsal": "workbench.rehearsal:",
    "specs": "workbench.specs:",
    "stages": "workbench.stages:",
    "transform": "workbench.frames.transform:transform",
    "verify_package": "workbench.package:verify",
    "widgets": "workbench.widgets:",
}


def __getattr__(name: str) -> Any:
    if name not in PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = PLACES[name].partition(":")
    loaded = _loaded(module)
    return getattr(loaded, attribute) if attribute else loaded


def _loaded(module: str) -> ModuleType:
    """A module with all that it needs.

    The first one brings pandas and its like: two hundred thousand objects that stay for as long as the program runs. The
    collector would go through all of them again and again while a table is made, so they are put out of its sight.
    """
    first = "pandas" not in sys.modules and gc.isenabled()
    if not first:
        return import_module(module)
    gc.disable()
    try:
        return import_module(module)
    finally:
        gc.freeze()
        gc.enable()
        atexit.register(gc.unfreeze)  # else libraries that count their objects at the end say that some were lost


def __dir__() -> list[str]:
    return __all__
