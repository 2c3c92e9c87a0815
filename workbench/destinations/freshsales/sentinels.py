"""What the sentinels of the Freshsales probes look like; nobody can take one for a customer's record, or write to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.destinations.freshsales.picture import Place
from workbench.destinations.probes import NAME
from workbench.specs import CustomField

__all__ = ["CHOICES", "NOTE", "address_of", "contact_of", "goods_of"]

NOTE = "<p>Migration workbench <b>probe</b><br>second line</p><!-- workbench -->"
CHOICES = CustomField(
    object="contact",
    name="workbench_probe__c",
    label="Migration workbench probe",
    type="multi_picklist",
    choices=("One", "Two"),
)


def contact_of(key: str, *, created_at: str = "") -> dict[str, Any]:
    """A contact that bears the key as its external id."""
    body = {"last_name": NAME, "emails": address_of(key), "external_id": key}
    return {**body, "created_at": created_at} if created_at else body


def address_of(key: str) -> str:
    """An address that no mail ever reaches."""
    return f"{key.replace(':', '-')}@example.invalid"


def goods_of(place: Place, key: str, custom: Mapping[str, str]) -> dict[str, Any]:
    """A deal, worth nothing, or an account, of a name that no other one has."""
    body: dict[str, Any] = {"name": f"{NAME} {key}", "custom_field": dict(custom)}
    return {**body, "amount": 0} if place.kept_as == "deal" else body
