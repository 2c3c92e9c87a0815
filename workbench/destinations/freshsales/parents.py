"""What activities, notes and files of Freshsales hang on: fields of ours, types and ids of the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.destinations import Draft, Value
from workbench.destinations.freshsales.picture import Picture, Place
from workbench.destinations.freshsales.records import Unfit

__all__ = ["Parent", "address", "fields_of", "located", "parents_in", "parents_out", "targets"]

TYPES = {"contact": "Contact", "lead": "Lead", "sales_account": "SalesAccount", "deal": "Deal", "product": "Product"}
"""Field → type in the API; on the Suite a lead is a contact, too."""
PATHS = {"Contact": "contacts", "Lead": "leads", "SalesAccount": "sales_accounts", "Deal": "deals", "Product": "cpq/products"}


@dataclass(frozen=True)
class Parent:
    """A record that something hangs on."""

    type: str
    id: str

    @property
    def path(self) -> str:
        """Where it stands below the API."""
        return f"{PATHS[self.type]}/{self.id}"


def address(parent: Parent, number: str) -> str:
    """The id of something that the API shows with its parent only: `contacts/17/5`."""
    return f"{parent.path}/{number}"


def located(id_: str) -> tuple[Parent, str] | None:
    """Parent and number of such an id; None for what is no such id."""
    path, _, number = id_.rpartition("/")
    kind, _, own = path.rpartition("/")
    type_ = next((type_ for type_, known in PATHS.items() if known == kind), "")
    return (Parent(type_, own), number) if type_ and own.isdecimal() and number.isdecimal() else None


def fields_of(picture: Picture, place: Place) -> list[str]:
    """The fields of an object that say what it hangs on."""
    return [wire.name for wire in picture.wires[place.object].values() if wire.kind == "lookup" and wire.name in TYPES]


def parents_out(picture: Picture, place: Place, draft: Draft, *, classic: bool, several: bool) -> list[Parent]:
    """What a draft is to hang on. Raises Unfit where that is more than the account is known to take."""
    found: dict[Parent, None] = {}
    for name in fields_of(picture, place):
        value = draft.values.get(name)
        for number in value if isinstance(value, list) else [value]:
            if number not in (None, ""):
                found.setdefault(Parent(_type(name, classic=classic), str(number)))
    if len(found) > 1 and not several:
        raise Unfit(f"{place.spec.label} hangs on one record, not on {len(found)}")
    if not found and not draft.id:
        raise Unfit(f"{place.spec.label} hangs on a record, and none is named")
    return list(found)


def parents_in(picture: Picture, place: Place, raw: Mapping[str, Any]) -> dict[str, Value]:
    """The same fields as the account shows them; on the Suite a lead is shown as the contact that it is kept as."""
    shown = targets(raw)
    values: dict[str, Value] = {}
    for name in fields_of(picture, place):
        ids = [parent.id for parent in shown if parent.type == TYPES[name]]
        values[name] = (ids[0] if len(ids) == 1 else ids) if ids else None
    return values


def targets(raw: Mapping[str, Any]) -> list[Parent]:
    """What a record of the account hangs on, in its order."""
    rows: Sequence[object] = raw.get("targetables") or []
    if not rows and raw.get("targetable_id"):
        rows = [{"id": raw["targetable_id"], "type": raw.get("targetable_type")}]
    found = [(str(row.get("type") or ""), str(row.get("id") or "")) for row in rows if isinstance(row, dict)]
    return [Parent(type_, number) for type_, number in found if type_ in PATHS and number]


def _type(name: str, *, classic: bool) -> str:
    return "Contact" if name == "lead" and not classic else TYPES[name]
