"""The custom modules of a Freshsales account: which there are, and the fields that an administrator gave them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workbench.destinations.http import Http, Request
from workbench.errors import WrongKey
from workbench.specs import ObjectSpec

__all__ = ["is_module", "module_fields", "modules_of"]

PATH = "custom_module/"


def is_module(spec: ObjectSpec) -> bool:
    """Whether an object is a custom module, whose name on the wire stands in its path."""
    return spec.path.startswith(PATH)


def modules_of(http: Http) -> frozenset[str]:
    """Names on the wire of the custom modules; none where the plan or the key's user has none to show."""
    try:
        answer = http.call(Request("GET", "settings/module_customizations", read=True))
    except WrongKey:  # a 403: the key itself has been let through before
        return frozenset()
    rows = answer.data.get("module_customizations") if answer.good and isinstance(answer.data, dict) else None
    own = [row for row in rows or [] if isinstance(row, dict) and row.get("custom")]
    return frozenset(str(row.get("entity_name") or "") for row in own)


def module_fields(http: Http, entity: str) -> dict[str, dict[str, Any]]:
    """Fields of a module by key, in the form in which other objects list theirs."""
    try:
        answer = http.call(Request("GET", f"settings/{entity}/forms", read=True))
    except WrongKey:
        return {}
    forms = answer.data.get("forms") if answer.good and isinstance(answer.data, dict) else None
    found = [field for form in forms or [] for field in _inner(form)]
    return {str(field["name"]): {**field, "default": not str(field["name"]).startswith("cf_")} for field in found}


def _inner(form: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The fields of a form, which may stand in groups."""
    for field in form.get("fields") or []:
        if isinstance(field, dict) and isinstance(field.get("fields"), list):
            yield from _inner(field)
        elif isinstance(field, dict) and field.get("name"):
            yield field
