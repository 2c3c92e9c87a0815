"""Custom fields that a proxy made a second time: of those that came with one request, one stays and the others go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.destinations import LiveField
from workbench.errors import Refused, Uncertain, WaitError
from workbench.ledger.operations import Operation
from workbench.specs import CustomField

if TYPE_CHECKING:
    from workbench.ledger.guarding.guard import Guard

__all__ = ["before_making", "field_made", "live_field", "remove_twin_fields"]

ALIKE = "alike"


def before_making(guard: Guard, plan: CustomField) -> dict[str, Any]:
    """What the intent of a field remembers: which fields of its label stood there before, and are nobody's twins."""
    return {ALIKE: [each.id for each in guard.inner.alike(plan)]}


def remove_twin_fields(guard: Guard, plan: CustomField, kept: LiveField, before: Mapping[str, Any]) -> None:
    """Take away what was made beside a field and is the same in everything but its key; each goes as a change of its own.

    Raises Uncertain where that cannot be seen or done: the field itself was made, so nothing may say that it was not.
    """
    try:
        for each in guard.inner.alike(plan):
            same = (each.type, each.choices) == (kept.type, kept.choices)
            if same and each.id != kept.id and each.id not in before[ALIKE]:
                guard.delete_field(each)
    except (Refused, WaitError) as error:
        raise Uncertain(
            f"the field {plan.label!r} was made, but nobody can say whether it was made once: {error.message}",
            todo="run again: the account is looked at before anything is sent",
        ) from error


def field_made(guard: Guard, row: Operation, there: LiveField | None) -> LiveField | None:
    """The field that an unanswered making left, without its twins; `there` is the one that the account shows for its label.

    One that stood there before is not it.
    """
    before = row.pre or {}
    plan = CustomField.model_validate(row.payload)
    alike = guard.inner.alike(plan) if ALIKE in before else []
    if not alike:
        return there
    fresh = [each for each in alike if each.id not in before[ALIKE]]
    if not fresh:
        return None
    kept = next((each for each in fresh if there is not None and each.id == there.id), fresh[0])
    remove_twin_fields(guard, plan, kept, before)
    return replace(kept, name=plan.name)


def live_field(image: Mapping[str, Any]) -> LiveField:
    """A field from its image in the ledger."""
    return LiveField(**{**image, "choices": tuple(image["choices"])})
