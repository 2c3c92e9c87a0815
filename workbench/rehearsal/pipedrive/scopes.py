"""Which scopes of an app open which part of the account; the vendor's page on scopes names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workbench.rehearsal.engine import Call, Json, Reply, as_json

EVERYTHING = (
    "base deals:full contacts:full activities:full products:full leads:full users:read search:read recents:read "
    "phone-integration goals:full admin"
)
"""What the app of a recipe is granted that names no scopes."""
DEALS, CONTACTS, ACTIVITIES, PRODUCTS, LEADS = "deals", "contacts", "activities", "products", "leads"
SHARED = (DEALS, CONTACTS, ACTIVITIES, PRODUCTS, LEADS)
"""Whoever has one of these sees notes, files and filters."""
OPENED: Mapping[str, Sequence[str]] = {
    "deals": (DEALS,),
    "persons": (CONTACTS,),
    "organizations": (CONTACTS,),
    "organizationRelationships": (CONTACTS,),
    "activities": (ACTIVITIES,),
    "products": (PRODUCTS,),
    "leads": (LEADS,),
    "leadLabels": (LEADS,),
    "leadSources": (LEADS,),
    "leadFields": (LEADS,),
    "notes": SHARED,
    "files": SHARED,
    "filters": SHARED,
}
SETTINGS: Mapping[str, Sequence[str]] = {
    "pipelines": (DEALS,),
    "stages": (DEALS,),
    "dealFields": (DEALS,),
    "noteFields": SHARED,
    "personFields": (CONTACTS,),
    "organizationFields": (CONTACTS,),
    "productFields": (PRODUCTS,),
    "activityFields": (ACTIVITIES,),
    "activityTypes": (ACTIVITIES,),
}
"""What is read with the scope of its object, and changed by administrators."""
ALONE: Mapping[str, str] = {"itemSearch": "search:read", "recents": "recents:read", "callLogs": "phone-integration"}
MISMATCH = {
    "success": False,
    "error": "Scope and URL mismatch",
    "errorCode": 403,
    "error_info": "Please check developers.pipedrive.com",
}
"""What the gateway says: seen live, in the vendor's own list of questions, and in its client's issue 14."""


def opening(call: Call, parts: Sequence[str]) -> frozenset[str]:
    """The scopes of which one opens a request to a path below its version; none where everybody may come in."""
    first = parts[0] if parts else ""
    reading = call.method == "GET"
    levels = ("read", "full") if reading else ("full",)
    if first == "users":
        return frozenset() if parts[1:] == ("me",) else frozenset({"users:read", "admin"} if reading else {"admin"})
    if first in ALONE:
        return frozenset({ALONE[first]})
    if first in SETTINGS:
        read = {f"{name}:read" for name in SETTINGS[first]} | {f"{name}:full" for name in SETTINGS[first]}
        return frozenset({"admin", *(read if reading else ())})
    if first == "deals" and "products" in parts:
        return frozenset(f"{PRODUCTS}:{level}" for level in levels)
    return frozenset(f"{name}:{level}" for name in OPENED.get(first, ()) for level in levels)


def mismatched() -> Reply:
    """The answer to a request that no scope of the app opens."""
    body: Json = dict(MISMATCH)
    return as_json(body, 403)
