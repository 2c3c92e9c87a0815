"""What somebody answers who knows the truth of a sample: the same in the demonstration and in the tests of the routes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from workbench.engagement import Engagement
from workbench.flow.accepting import acceptances

__all__ = ["CONSULTANT", "SIGNED_BY", "answer", "planned_field"]

CONSULTANT = "Kim Larsen <kim.larsen@consultants.example>"
SIGNER = {"name": "Dana Ortiz", "role": "Sales lead", "statement": "I have checked the sample"}
SIGNED_BY = "Dana Ortiz <dana.ortiz@customer.example>"
SURE = 0.85
UNASKED = ("duplicate", "link", "value", "owner")
"""Told also where nobody asked: two people of one household look alike to no machine, a text has no options, and who gets
what belongs to nobody is the fallback of those who have left."""
ACCEPTED = "Agreed: we can do without."
"""What the customer writes about a limit that an answer of the scope brings with it."""
APART: Mapping[str, object] = {"duplicate": {"into": ""}, "link": {"to": ""}}
"""The answer to what the truth says nothing about and no machine is sure of: two records, no link."""


def answer(engagement: Engagement, truth: Path) -> int:
    """Decide what is open, and return how much that was; the truth is the folder with `decisions.json`."""
    said = json.loads((truth / "decisions.json").read_text(encoding="utf-8"))
    said = [each for each in said if each["delivery"] in engagement.deliveries()]
    count = _scope(engagement, {each["subject"]: each["value"] for each in said if each["kind"] == "scope"})
    limits = {each.subject: ACCEPTED for each in acceptances(engagement) if not each.words}
    count += _confirm(engagement, "waiver", limits, ACCEPTED)
    for kind in ("duplicate", "link", "field", "value", "owner"):
        count += _told(engagement, kind, {each["subject"].strip(): each["value"] for each in said if each["kind"] == kind})
        if kind == "field":
            planned = {subject: planned_field(engagement, subject) for subject in engagement.decisions.missing("field")}
            planned = {subject: {"target": target} for subject, target in planned.items() if target}
            count += _confirm(engagement, "field", planned, "as the scope was written")
        # What a value is called over there is looked at one by one, and the nearest option taken.
        sure = 0.0 if kind == "value" else SURE
        count += len(engagement.decisions.accept(sure, by=CONSULTANT, kinds=(kind,)))
        rest = dict.fromkeys(engagement.decisions.missing(kind), APART[kind]) if kind in APART else {}
        count += _confirm(engagement, kind, rest, "looked at: they do not belong together")
    ticks = dict.fromkeys(engagement.decisions.missing("quiet"), "done")
    count += _confirm(engagement, "quiet", ticks, "seen to in the account")
    conflicts = dict.fromkeys(engagement.decisions.missing("conflict"), "ours")
    return count + _confirm(engagement, "conflict", conflicts, "the destination is newer") + _sign(engagement)


def planned_field(engagement: Engagement, subject: str) -> str:
    """The field that the route plans for a column, empty where it says nothing of it."""
    feed, column = subject.split("/", 1)
    rules = (rule for rule in engagement.route.feed(feed).fields if rule.column == column)
    return next((rule.to for rule in rules), "")


def _scope(engagement: Engagement, truth: Mapping[str, object]) -> int:
    open_ = set(engagement.decisions.missing("scope"))
    questions = [question for question in engagement.route.scope if question.name in open_]
    answers = {question.name: truth.get(question.name, question.default) for question in questions}
    return _confirm(engagement, "scope", answers, "agreed with the customer when the scope was written")


def _told(engagement: Engagement, kind: str, truth: Mapping[str, object]) -> int:
    """What the truth says of what is asked, in the spelling in which it is asked; of some kinds also unasked."""
    asked = {subject.strip(): subject for subject in engagement.decisions.missing(kind)}
    known = engagement.decisions.mapping(kind)
    told = {asked.get(subject, subject): value for subject, value in truth.items() if subject in asked or kind in UNASKED}
    new = {subject: value for subject, value in told.items() if subject not in known}
    return _confirm(engagement, kind, new, "known to the office")


def _confirm(engagement: Engagement, kind: str, answers: Mapping[str, object], why: str) -> int:
    rows = pd.DataFrame({"subject": list(answers), "value": list(answers.values())}, dtype="object")
    if len(rows):
        engagement.decisions.confirm_many(kind, rows, by=CONSULTANT, why=why)
    return len(rows)


def _sign(engagement: Engagement) -> int:
    """Sign the sample, where it waits for nothing else."""
    asked = engagement.decisions.proposals("signoff")
    if engagement.decisions.missing("signoff") != ["sample"]:
        return 0
    evidence = asked.set_index("subject").at["sample", "value"]["evidence"]
    signed = {**SIGNER, "evidence": evidence}
    engagement.decisions.confirm("signoff", "sample", signed, by=SIGNED_BY, shown=evidence)
    return 1
