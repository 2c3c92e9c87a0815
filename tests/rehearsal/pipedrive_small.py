"""The smallest account of Pipedrive, opened without a server, for tests that need no wire."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.rehearsal.engine import Clock, House, State, Switches
from workbench.rehearsal.engine.limits import LIMIT_SWITCHES
from workbench.rehearsal.pipedrive import SWITCHES, Pipedrive

SMALL: dict[str, Any] = {
    "account": {
        "company_id": 7,
        "company_name": "Harbour Coaching",
        "company_domain": "harbour",
        "plan": "lite",
        "seats": 1,
        "currency": "EUR",
        "timezone": "Europe/Tallinn",
        "api_user": "admin@harbour.example",
    },
    "users": [{"id": 1, "name": "Admin", "email": "admin@harbour.example", "admin": True}],
    "pipelines": [{"name": "Sales", "stages": [{"name": "In"}, {"name": "Out"}]}],
    "activity_types": [{"name": "Call", "icon_key": "call"}],
    "currencies": [{"code": "EUR", "name": "Euro"}],
}


def opened(file: Path, recipe: dict[str, Any] = SMALL, **switches: str) -> tuple[Pipedrive, State]:
    """A stand-in and its state, which the caller closes."""
    state = State(file, first_ids={})
    return Pipedrive(House(state, Clock(), Switches((*SWITCHES, *LIMIT_SWITCHES), switches), recipe)), state
