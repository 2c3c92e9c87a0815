"""Fields that clients make: the one for our keys, where an object has none of its own, and how a new one is looked for."""

from __future__ import annotations

from workbench.destinations import Destination, LiveField
from workbench.errors import DestinationBusy, Refused, Uncertain
from workbench.specs import CustomField

__all__ = ["BY_HAND", "MARKER", "by_hand", "marker_field", "seen_anew", "unmarked"]

MARKER, LABEL = "migration_key__c", "Migration Key"
ABOUT = "the key by which the migration finds its records again"
BY_HAND = "let an administrator make the field in the account's settings as the checklist says, then run this again"


def marker_field(object_: str) -> CustomField:
    """The field that bears our keys in the records of an object."""
    return CustomField(object=object_, name=MARKER, label=LABEL, type="text", unique=True, about=ABOUT)


def unmarked(label: str) -> Refused:
    """What to raise where an object lacks that field."""
    return Refused(
        f"{label} has no field {LABEL!r}, so that nothing could be found again",
        todo="run the provisioning phase, or let an administrator make this text field; then go on",
    )


def by_hand(plan: CustomField) -> Refused:
    """What to raise where the settings leave the making of fields to an administrator."""
    return Refused("fields of this account are made by hand", where=f"{plan.object}: {plan.label}", todo=BY_HAND)


def seen_anew(client: Destination, plan: CustomField) -> LiveField:
    """A new field as the account lists it, where the answer to its making did not say; Uncertain where it is not listed."""
    try:
        live = client.metadata([plan]).find(plan.object, plan.name)
    except (DestinationBusy, Refused):
        live = None  # raised from here, they would say that the field was not made
    if live is None:
        raise Uncertain(
            f"the field {plan.label!r} was made, but the account does not show it",
            todo="look for it in the account's settings, then run again",
        )
    return live
