"""Make the destination ready: the fields that the map needs, checked against the account as it is, and quiet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from workbench.destinations import Destination, Metadata
from workbench.engagement import Engagement
from workbench.errors import Refused, Uncertain
from workbench.flow.planning import connected, kept_as, needed_fields
from workbench.flow.transfer import in_order
from workbench.plain import Shown
from workbench.show import heading, html_table, together
from workbench.specs import CustomField

__all__ = ["Provisioning", "plan", "run"]

ATTEMPTS = 3
"""How often the making of a field is asked for where answers are lost; the ledger looks before it asks again."""


@dataclass(frozen=True, repr=False)
class Provisioning(Shown):
    """Every field that is needed, and how it stands at the destination."""

    frame: pd.DataFrame  # object, field, label, type, choices, state (present, missing, differs), detail
    missing: int
    checklist: pd.DataFrame  # object, label, type, choices (a list), unique: what an administrator would make by hand
    planned: bool = False  # nothing was made yet
    objects: Mapping[str, str] = field(default_factory=dict)  # object → what a person calls it
    types: Mapping[str, str] = field(default_factory=dict)  # type of the frame → what the destination's settings call it

    def _repr_html_(self) -> str:
        count = len(self.frame)
        lacking = f"{self.missing} of {count} fields are " + ("to be made or changed" if self.planned else "missing or differ")
        said = lacking if self.missing else f"the destination has all {count} fields"
        order = (self.frame["state"] == "present").sort_values(kind="stable").index
        named = {"object": self.frame["object"].replace(self.objects), "type": self.frame["type"].replace(self.types)}
        shown = self.frame.loc[order].assign(**named).drop(columns=["field"])  # the declared name is for programs
        good = None if self.planned and self.missing else not self.missing
        return together(heading(said, good=good), html_table(shown, caption="Fields that the map needs"))


def plan(engagement: Engagement) -> Provisioning:
    """Compare what is needed with what is there, and put the points of the quiet list up for ticking. Only reads."""
    questions = engagement.route.checklist
    quiet = pd.DataFrame(
        {
            "subject": list(questions),
            "value": ["done"] * len(questions),
            "confidence": [0.0] * len(questions),  # only a person can know
            "reasons": ["a person sees to it"] * len(questions),
            "alternatives": [["done", "does not apply"]] * len(questions),
            "shown": list(questions),
        }
    )
    engagement.decisions.propose("quiet", quiet)
    fields = _wanted(engagement)
    return replace(_compared(engagement, fields, connected(engagement).metadata(fields)), planned=True)


def run(engagement: Engagement) -> Provisioning:
    """Make the fields that are missing, where the account lets us; then look again and pass only if all are there.

    Where it does not, the phase is blocked and `checklist` of the result says what an administrator has to make.
    """
    engagement.gate("provisioning")
    engagement.decisions.require("quiet", where="05_provisioning")
    with engagement.lock():
        return _ready(engagement)


def _ready(engagement: Engagement) -> Provisioning:
    """The same, once nobody else makes fields."""
    fields, destination = _wanted(engagement), connected(engagement)
    before = _compared(engagement, fields, destination.metadata(fields))
    missing = [field for field, state in zip(fields, before.frame["state"], strict=True) if state == "missing"]
    refused = [words for field in missing if (words := _made(destination, field))]
    after = _compared(engagement, fields, destination.metadata(fields))
    lacking = after.frame[after.frame["state"] != "present"]
    reasons = [
        f"{after.objects[str(row['object'])]}: {row['label']} {row['detail'] or 'is missing'}"
        for row in lacking.to_dict("records")
    ]
    engagement.save("provisioning", after.frame.astype("str"))
    engagement.finish(
        "provisioning",
        passed=lacking.empty,
        reasons=[*reasons, *refused],
        summary={"fields": len(fields), "missing": len(lacking)},
    )
    return after


def _made(destination: Destination, field: CustomField) -> str:
    """Make a field, and return why there is none; after a lost answer the next attempt begins with a look."""
    words = ""
    for _ in range(ATTEMPTS):
        try:
            destination.create_field(field)
            return ""
        except Refused as no:
            return f"{field.label}: {no.message}" + (f"; {no.todo}" if no.todo else "")
        except Uncertain as lost:
            words = f"{field.label}: {lost.message}"
    return words


def _wanted(engagement: Engagement) -> tuple[CustomField, ...]:
    """Fields of the map, and the ones in which the destination keeps our keys; one each where two objects share a form."""
    objects = sorted({feed.object for feed in in_order(engagement)})
    fields = [*connected(engagement).extra_fields(objects), *needed_fields(engagement)]
    wanted = {(kept_as(engagement, f.object), f.label.casefold()): f for f in reversed(fields)}
    return tuple(sorted(wanted.values(), key=lambda field: (field.object, field.name)))


def _compared(engagement: Engagement, fields: Sequence[CustomField], metadata: Metadata) -> Provisioning:
    rows, by_hand, spec = [], [], engagement.destination
    for each in fields:
        live = metadata.find(each.object, each.name) or metadata.find(kept_as(engagement, each.object), each.name)
        wanted_type = spec.types.get(each.type, "text")
        state, detail = "present", ""
        if live is None:
            state = "missing"
            home = kept_as(engagement, each.object)
            by_hand.append([home, each.label, wanted_type, list(each.choices), each.unique])
        elif live.type != wanted_type:
            state, detail = "differs", f"is {spec.type_label(live.type)}, should be {spec.type_label(wanted_type)}"
        elif lost := [choice for choice in each.choices if choice not in live.choices]:
            state, detail = "differs", "lacks the choices " + ", ".join(lost)
        rows.append([each.object, each.name, each.label, wanted_type, ", ".join(each.choices), state, detail])
    frame = pd.DataFrame(rows, columns=["object", "field", "label", "type", "choices", "state", "detail"])
    checklist = pd.DataFrame(by_hand, columns=["object", "label", "type", "choices", "unique"])
    return Provisioning(
        frame=frame,
        missing=int((frame["state"] != "present").sum()),
        checklist=checklist,
        objects={name: spec.object_label(name) for name in frame["object"]},
        types={kind: spec.type_label(kind) for kind in frame["type"]},
    )
