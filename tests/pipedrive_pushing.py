"""A load, a delta and a rollback of Pipedrive in a process of its own, which a test may kill."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from workbench.destinations import Account, Secret, connect
from workbench.ledger import Guard, Ledger
from workbench.ledger.loading import load
from workbench.ledger.unloading import Unloaded, unload
from workbench.specs import CustomField, load_destination
from workbench.store import open_store

SPEC = load_destination("pipedrive")
TOKEN = "0123456789abcdef" * 2 + "01234567"
SCALE = 1000.0
FIELDS = [
    CustomField(object="organization", name="segment__c", label="Segment", type="picklist", choices=("A", "B")),
    CustomField(object="person", name="score__c", label="Score", type="integer"),
    CustomField(object="deal", name="source_id__c", label="Source id", type="text"),
]
ORGS, PERSONS, DEALS, ACTIVITIES, NOTES = 30, 90, 45, 60, 45
MORE = 12
"""Persons that come with the delta only."""


def guard_of(folder: Path, url: str) -> Guard:
    account = Account(url, Secret(TOKEN), "standard", "growth", {"seats": 8}, SCALE)
    crm = connect(SPEC, account, declared=FIELDS)
    return Ledger(open_store(folder / "workbench.db"), engagement_id="e1").guard(crm, settle_seconds=0.3)


def push(guard: Guard, theirs: list[str]) -> bool:
    """Everything of the first delivery; `theirs` are persons that were there before, taken over by our first two."""
    for plan in [*FIELDS, *guard.extra_fields(["organization", "person", "deal"])]:
        guard.create_field(plan)
    orgs = loaded(guard, "organization", organizations())
    people = persons(orgs)
    there = people.head(len(theirs)).assign(id=theirs, migration_key__c=people["key"].head(len(theirs)))
    taken = loaded(guard, "person", there.drop(columns="organization"))
    made = loaded(guard, "person", people.iloc[len(theirs) :])
    if len(orgs) + len(taken) + len(made) < ORGS + PERSONS:
        return False
    ids = {**taken, **made}
    sold = loaded(guard, "deal", deals(orgs, ids))
    done = loaded(guard, "activity", activities(sold, ids))
    said = loaded(guard, "note", notes(sold))
    return len(sold) + len(done) + len(said) == DEALS + ACTIVITIES + NOTES


def push_delta(guard: Guard) -> bool:
    """What a later export says otherwise: changed fields of records over there, and a few new ones."""
    ids, orgs = guard.ledger.ids("person"), guard.ledger.ids("organization")
    keys = [f"p:persons:{n}" for n in range(0, PERSONS, 3)]
    frame = pd.DataFrame({"key": keys, "id": [ids[key] for key in keys]})
    changed = loaded(guard, "person", frame.assign(job_title=[f"Delta {n}" for n in range(len(keys))], score__c=99))
    more = persons(orgs, start=PERSONS, count=MORE)
    return len(changed) == len(keys) and len(loaded(guard, "person", more)) == MORE


def loaded(guard: Guard, object_: str, frame: pd.DataFrame) -> dict[str, str]:
    """Key → id of what is there after as many tries as faults may make necessary."""
    for _ in range(12):
        outcome = load(frame, guard, object_).frame
        if (outcome["state"] == "done").all():
            break
    done = outcome[outcome["state"] == "done"]
    return dict(zip(done["key"], done["id"], strict=True))


def organizations() -> pd.DataFrame:
    numbers = range(ORGS)
    return pd.DataFrame(
        {
            "key": [f"p:orgs:{n}" for n in numbers],
            "name": [f"Company {n}" for n in numbers],
            "segment__c": ["A" if n % 2 else "B" for n in numbers],
        }
    )


def persons(orgs: dict[str, str], *, start: int = 0, count: int = PERSONS) -> pd.DataFrame:
    numbers = range(start, start + count)
    return pd.DataFrame(
        {
            "key": [f"p:persons:{n}" for n in numbers],
            "name": [f"Person {n}" for n in numbers],
            "emails": [f"person{n}@customers.example" for n in numbers],
            "job_title": [f"Title {n}" for n in numbers],
            "score__c": list(numbers),
            "organization": [orgs.get(f"p:orgs:{n % ORGS}") for n in numbers],
        }
    )


def deals(orgs: dict[str, str], people: dict[str, str]) -> pd.DataFrame:
    numbers = range(DEALS)
    return pd.DataFrame(
        {
            "key": [f"p:deals:{n}" for n in numbers],
            "title": [f"Deal {n}" for n in numbers],
            "value": [100 + n for n in numbers],
            "currency": "USD",
            "organization": [orgs[f"p:orgs:{n % ORGS}"] for n in numbers],
            "person": [people[f"p:persons:{n + 2}"] for n in numbers],
            "source_id__c": [f"S-{n}" for n in numbers],
        }
    )


def activities(sold: dict[str, str], people: dict[str, str]) -> pd.DataFrame:
    numbers = range(ACTIVITIES)
    return pd.DataFrame(
        {
            "key": [f"p:calls:{n}" for n in numbers],
            "subject": [f"Call {n}" for n in numbers],
            "note": [f"spoke {n}" for n in numbers],
            "deal": [sold[f"p:deals:{n % DEALS}"] for n in numbers],
        }
    )


def notes(sold: dict[str, str]) -> pd.DataFrame:
    numbers = range(NOTES)
    return pd.DataFrame(
        {
            "key": [f"p:notes:{n}" for n in numbers],
            "content": [f"note {n}" for n in numbers],
            "deal": [sold[f"p:deals:{n % DEALS}"] for n in numbers],
        }
    )


def back(guard: Guard) -> Unloaded:
    for _ in range(12):
        result = unload(guard)
        if result.errored.empty:
            break
    return result


if __name__ == "__main__":
    what, folder, url, *theirs = sys.argv[1:]
    guard = guard_of(Path(folder), url)
    steps = {"load": lambda: push(guard, theirs), "delta": lambda: push_delta(guard), "back": lambda: back(guard).errored.empty}
    sys.exit(0 if steps[what]() else 1)
