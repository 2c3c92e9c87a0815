"""The last step of a rollback: fields that we made go where no record stays that may need them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from workbench.destinations import Metadata
from workbench.errors import Refused, Uncertain
from workbench.ledger import Guard, live_field
from workbench.ledger.operations import Operation, State, operations
from workbench.ledger.unloading.trails import FIRST_HAND, objects_of
from workbench.specs import CustomField

__all__ = ["clear_fields"]

Told = tuple[Operation, str, str]
"""The operation that made a field, its verdict (reversed, kept, errored), and words."""
LIVE: tuple[State, ...] = ("done", "kept")


def clear_fields(destination: Guard, *, failed: Collection[str]) -> Iterator[Told]:
    """Take away what nobody keeps a value in; `failed` are objects of which a record could not be put back."""
    c = operations.c
    made = destination.ledger.operations.where((c.verb == "create_field") & (c.state == "done"), newest_first=True)
    if not made:
        return
    metadata = destination.metadata([CustomField.model_validate(row.payload) for row in made])
    staying = {name for verb in FIRST_HAND for name in objects_of(destination.ledger.operations, verb=verb, states=LIVE)}
    filled = _filled(destination, metadata, made, staying)
    for row in made:
        objects = _objects(metadata, row)
        if not objects:
            yield row, "reversed", "somebody had deleted it already"
        elif objects & staying:
            verdict = "errored" if objects & set(failed) else "kept"
            yield row, verdict, f"records of {', '.join(sorted(objects & staying))} stay"
        elif filled.get(row.id):
            yield row, "kept", f"{filled[row.id]} records of others hold a value in it"
        else:
            yield _away(destination, row)


def _away(destination: Guard, row: Operation) -> Told:
    try:
        outcome = destination.delete_field(live_field(row.post or {}))
    except (Refused, Uncertain) as error:
        return row, "errored", error.message
    return row, "reversed" if outcome.state == "done" else "errored", outcome.words


def _objects(metadata: Metadata, row: Operation) -> set[str]:
    """The objects of ours that show this field: two, where the account keeps them as one."""
    return {field.object for field in metadata.fields if field.id == row.id and field.custom}


def _filled(destination: Guard, metadata: Metadata, made: Sequence[Operation], staying: Collection[str]) -> Mapping[str, int]:
    """Field id → records that hold a value in it, by a look at every record of the objects that show it."""
    names: dict[str, list[tuple[str, str]]] = {}
    for row in made:
        for field in metadata.fields:
            if field.id == row.id and field.custom and field.object not in staying:
                names.setdefault(field.object, []).append((row.id, field.name))
    counts: dict[str, int] = {}
    for object_, fields in names.items():
        for record in destination.sweep(object_):
            for number, name in fields:
                value = record.values.get(name)
                if value is not False and value not in (None, "", []):  # 0 is a value, and equals False
                    counts[number] = counts.get(number, 0) + 1
    return counts
