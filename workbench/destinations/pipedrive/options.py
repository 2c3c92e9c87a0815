"""Options of Pipedrive's fields, which travel by their number: labels into ids and back, and the stage of a deal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.destinations import Draft, Value
from workbench.destinations.pipedrive.picture import NO, YES, Option, Wire
from workbench.destinations.pipedrive.values import Unfit, single
from workbench.errors import listed

__all__ = ["chosen_in", "chosen_out", "in_several_lines", "placed"]

WORDS = {True: (YES, "true"), False: (NO, "false")}


def chosen_out(wire: Wire, value: Value) -> object:
    """The id of an option, or the ids of several, by their labels whatever their case; Unfit says which options there are."""
    if wire.wire_type == "set" or wire.key == "label_ids":
        labels = value if isinstance(value, list) else [str(value)]
        return list(dict.fromkeys(_option(wire, str(label), wire.options).id for label in labels))
    plain = single(wire.label, value)
    if wire.kind == "boolean":
        plain = _yes_or_no(wire, plain)
    return _option(wire, str(plain), wire.options).id


def _yes_or_no(wire: Wire, value: object) -> str:
    said = str(value).strip().casefold()
    for answer, words in WORDS.items():
        if value is answer or said in [word.casefold() for word in words]:
            return words[0]
    raise Unfit(f"{wire.label} takes true or false, not {value!r}")


def chosen_in(wire: Wire, value: Any) -> Value:
    """The labels of the options that a record holds; an option that the account no longer lists is shown by its id."""
    names = {str(option.id): option.label for option in wire.options}
    if isinstance(value, list):
        return [names.get(str(item), str(item)) for item in value]
    label = names.get(str(value), str(value))
    if wire.kind == "boolean" and wire.custom:
        return next((answer for answer, words in WORDS.items() if label.casefold() == words[0].casefold()), label)
    return label


def _alike(label: str, options: Sequence[Option]) -> list[Option]:
    wanted = label.strip().casefold()
    return [option for option in options if option.label.strip().casefold() == wanted]


def _option(wire: Wire, label: str, options: Sequence[Option]) -> Option:
    """The option of that label; a built-in list also takes the word that stands for the option on the wire."""
    wanted, found = label.strip().casefold(), _alike(label, options)
    found = found or [option for option in options if isinstance(option.id, str) and option.id.casefold() == wanted]
    if not found:
        known = listed(list(dict.fromkeys(option.label for option in wire.options)))
        raise Unfit(f"{wire.label} has no option {label!r}; it has {known}")
    if len(found) > 1:
        raise Unfit(f"{wire.label} has {label!r} in {len(found)} places; say which by the field pipeline_stage, or rename one")
    return found[0]


def in_several_lines(wires: Mapping[str, Wire], draft: Draft) -> bool:
    """Whether a draft names a stage by a label that several pipelines have, and nothing that says which is meant."""
    label = draft.values.get("stage")
    if not label or draft.values.get("pipeline") or draft.values.get("pipeline_stage"):
        return False
    return len(_alike(str(label), wires["stage"].options)) > 1


def placed(wires: Mapping[str, Wire], draft: Draft, *, line: object = None) -> dict[str, Any]:
    """Stage or pipeline of a deal; a stage says its pipeline, and a pipeline alone means its first stage.

    A changed deal stands in a ``line`` already, by its id: of stages of one name that pipeline's is meant.
    """
    held = str(line or "") if in_several_lines(wires, draft) else ""
    said = {name: str(value) for name in ("pipeline", "stage", "pipeline_stage") if (value := draft.values.get(name))}
    emptied = [name for name in ("pipeline", "stage", "pipeline_stage") if name in draft.values and name not in said]
    if draft.id and emptied:
        raise Unfit(f"{wires[emptied[0]].label} cannot be emptied")
    if not said:
        return {}
    named = _option(wires["pipeline"], said["pipeline"], wires["pipeline"].options) if "pipeline" in said else None
    home = str(named.id) if named else held
    found: list[Option] = []
    if "stage" in said:
        stages = wires["stage"].options
        of_line = [option for option in stages if not home or option.group == home]
        found.append(_stage(wires["stage"], said["stage"], of_line, said.get("pipeline_stage", ""), wires))
    if "pipeline_stage" in said:
        found.append(_option(wires["pipeline_stage"], said["pipeline_stage"], wires["pipeline_stage"].options))
    if len({option.id for option in found}) > 1 or (named and any(option.group != home for option in found)):
        raise Unfit(f"the fields {', '.join(said)} name different stages: {', '.join(said.values())}")
    return {"stage_id": found[0].id} if found else {"pipeline_id": named.id if named else None}


def _stage(wire: Wire, label: str, options: Sequence[Option], whole: str, wires: Mapping[str, Wire]) -> Option:
    """A stage by its name; where several pipelines have one of that name, the one that the whole name says."""
    if whole:
        known = _option(wires["pipeline_stage"], whole, wires["pipeline_stage"].options)
        options = [option for option in options if option.id == known.id] or options
    return _option(wire, label, options)
