"""What a sign-off is bound to: exports, decisions, plan and the compared sample, each with its digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from workbench.engagement import Engagement
from workbench.errors import GateClosed
from workbench.specs import digest

__all__ = ["SIGNED_KINDS", "evidence", "require_signoff"]

SIGNED_KINDS = ("scope", "field", "value", "owner", "duplicate")
"""Kinds of decisions that change what is loaded."""


def evidence(engagement: Engagement, *, differences: pd.DataFrame) -> dict[str, str]:
    """SHA-256 of every export of the main delivery, of the decisions, of the spec files, and of the compared sample.

    ``differences`` is the sample's comparison (feed, key, field, class). Ids of records differ from account to account,
    and a harmless way of writing from run to run; both stay out of it.
    """
    grave = differences[differences["class"] != "intended"]
    folder = engagement.exports("main")
    files = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    return {
        "exports": _digest(files),
        "decisions": engagement.decisions.digest(*SIGNED_KINDS),
        "plan": _digest([digest(spec) for spec in (engagement.source, engagement.route, engagement.destination)]),
        "sample": _digest(grave[["feed", "key", "field", "class"]].astype("str").to_numpy().tolist()),
    }


def require_signoff(engagement: Engagement, *, now: Mapping[str, str]) -> None:
    """Raise GateClosed unless the sample is signed and what was signed is what stands here now."""
    signed = engagement.decisions.value("signoff", "sample")
    if not signed:
        raise GateClosed(
            "the sample is not signed off", where="06_sample", todo="have the customer sign in the sample notebook"
        )
    then: Mapping[str, str] = signed.get("evidence", {})
    changed = [name for name in now if now[name] != then.get(name)]
    if changed:
        raise GateClosed(
            "the sign-off is void: what it was bound to has changed",
            expected=", ".join(f"{name} {str(then.get(name, 'nothing'))[:12]}" for name in changed)
            + f", as {signed.get('name', 'somebody')} signed",
            found=", ".join(f"{name} {now[name][:12]}" for name in changed),
            where=", ".join(changed),
            todo="run the sample notebook again and have it signed again",
        )


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
