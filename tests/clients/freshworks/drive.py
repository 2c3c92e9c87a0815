"""Calls python-freshworks-crm as its standard input says: a line of JSON per call, and a line of JSON for what came of it."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from functools import reduce
from typing import Any

from freshsales.api import API
from freshsales.errors import FreshsalesError


def told(value: Any) -> Any:
    """What a call returned as JSON; the client's models become objects of their attributes."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: told(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [told(item) for item in value]
    if hasattr(value, "__dict__"):
        return {name: told(item) for name, item in vars(value).items() if name != "_keys"}
    return value


def methods(api: API) -> list[str]:
    """Every public call of the client: ``contacts.create_contact``."""
    parts = {name: part for name, part in vars(api).items() if type(part).__name__.endswith("API")}
    return [f"{name}.{call}" for name, part in parts.items() for call in dir(part) if not call.startswith("_")]


def answer(api: API, wish: dict[str, Any]) -> dict[str, Any]:
    """Carry out one call; an error is told by the name of its class."""
    if wish["call"] == "methods":
        return {"answer": methods(api)}
    call = reduce(getattr, wish["call"].split("."), api)
    try:
        return {"answer": told(call(*wish["args"], **wish["kwargs"]))}
    except (FreshsalesError, LookupError, TypeError, AttributeError) as error:
        return {"error": type(error).__name__, "said": str(error)}


first = json.loads(sys.stdin.readline())
client = API(first["domain"], first["key"])
for line in sys.stdin:
    sys.stdout.write(json.dumps(answer(client, json.loads(line))) + "\n")
    sys.stdout.flush()
