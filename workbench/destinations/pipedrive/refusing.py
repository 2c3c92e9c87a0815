"""Why Pipedrive allows something to nobody or not to us, and what to do: scopes of an app, the plan, the subscription."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.destinations.http import Answer
from workbench.errors import Refused, WrongKey

__all__ = ["closed", "plan_words", "unscoped"]

MISMATCH = "scope and url mismatch"
"""What the account says where no scope of an app opens a call."""
CAPPED = "feature_capping"
"""How the code begins of a limit that a plan sets."""
SCOPES: Mapping[str, str] = {
    "deals": "deals",
    "persons": "contacts",
    "organizations": "contacts",
    "organizationRelationships": "contacts",
    "activities": "activities",
    "products": "products",
    "leads": "leads",
    "notes": "deals",
    "files": "deals",
}
"""Part of the account → the scope that opens it, for reading or in full."""
READ_WITH: Mapping[str, str] = {
    "dealFields": "deals",
    "pipelines": "deals",
    "stages": "deals",
    "personFields": "contacts",
    "organizationFields": "contacts",
    "productFields": "products",
    "activityFields": "activities",
    "activityTypes": "activities",
}
"""Settings that are read with the scope of their object, and changed with `admin`."""


def unscoped(answer: Answer, method: str, path: str) -> WrongKey | None:
    """The error that names the scope which an app lacks; None where that is not what the account says."""
    said = answer.data.get("error") if isinstance(answer.data, dict) else ""
    if MISMATCH not in str(said or "").casefold():
        return None
    scope = _scope(method, path)
    return WrongKey(
        f"the app that holds this grant lacks the scope {scope}",
        found=f"{answer.status}: {said}",
        where=f"{method} {path}",
        todo=f"tick {scope} among the app's scopes in Pipedrive's Developer Hub, let the customer install it again, "
        "put the new grant into .credentials, then resume",
    )


def _scope(method: str, path: str) -> str:
    """The scope that opens a call, as the vendor's page on scopes groups them."""
    parts = [part for part in path.split("/") if part not in ("", "..", "api", "v1", "v2")]
    first = parts[0] if parts else ""
    if first == "users":
        return "users:read" if method == "GET" else "admin"
    if first == "itemSearch":
        return "search:read"
    if first in READ_WITH:
        return f"{READ_WITH[first]}:read" if method == "GET" else "admin"
    name = "products" if first == "deals" and "products" in parts else SCOPES.get(first, "")
    if not name:
        return f"that opens /{first}"
    # A migration writes what it reads, so that it is never the lesser of the two that is missing.
    return f"{name}:full"


def plan_words(answer: Answer) -> str:
    """What to do about a 403 that is no matter of scopes."""
    data = answer.data if isinstance(answer.data, dict) else {}
    code, said = str(data.get("code") or ""), str(data.get("error") or "").casefold()
    if code.startswith(CAPPED) or "limit" in said:
        return "a limit of the plan: let an administrator raise it or make room, then resume"
    if "plan" in said or "feature" in said:
        return "the plan lacks it: leave the field or the feed out, or let the customer change the plan, then resume"
    return "the key's user may not do this: use the key of an administrator, then resume"


def closed(words: str, path: str) -> Refused:
    """The company's account is not open: nothing is written until somebody has seen to it."""
    return Refused(
        "the company's Pipedrive account is not open",
        expected="a subscription that is paid, or a trial that runs",
        found=f"402: {words}",
        where=path,
        todo="let the customer see to the subscription (Settings, Billing), then resume; nothing was lost",
    )
