"""All of Northgate Heating & Cooling at Soffront: two states of instance A, and the first under the names of B and C."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from sample_exports import soffront_modules, soffront_people, soffront_tickets
from sample_exports.crowd import Crowd
from sample_exports.promio_rows import share
from sample_exports.soffront_history import Activities, Attachments, Parents
from sample_exports.soffront_instances import instance_b, write_on_premise
from sample_exports.soffront_modules import SCOPE as MODULES
from sample_exports.soffront_modules import as_modules
from sample_exports.soffront_people import Accounts, Contacts
from sample_exports.soffront_rows import (
    DELTA_NOW,
    FALLBACK,
    MAIN_NOW,
    OBJECTS,
    SIZES,
    Draws,
    group_items,
    people,
    stamp,
    user_items,
)
from sample_exports.soffront_sales import PIPELINES, Deals, asset_items, stage_plans
from sample_exports.soffront_tickets import Tickets, article_items, category_items, message_items, project_items, task_items
from sample_exports.tenant import File, Item, State, write_state
from sample_exports.tenant_truth import Change, Decision, Truth, write_truth

__all__ = ["CUSTOMER", "SIZES", "generate", "main_state"]

CUSTOMER = "Northgate Heating & Cooling"

RECORDS = {
    "accounts": "sales_account", "contacts": "contact", "deals": "deal", "tickets": "deal", "messages": "note",
    "calls": "sales_activity", "emails": "sales_activity", "meetings": "appointment", "tasks": "task",
    "project_notes": "note", "files": "file", "other_activities": "note",
}  # fmt: skip
"""Feed → object of its records."""

ACCEPTED = "Accepted by R. Okafor, by mail: lists on the account will do, the machines stay in our service files."
"""What the customer wrote of assets that do not stay records of their own."""

SCOPE = {
    "ticket_target": "deal", "ticket_pipeline": "Support", "group_target": "tags", "custom_objects": "fields",
    "deal_currency": "USD", "large_files": "link", "existing_records": "hold",
}  # fmt: skip


def generate(out: Path, *, size: str, seed: int) -> int:
    """Write both tenants of A, B's, C's files and expected/ into a folder; the rows of both states of A come back."""
    draws = Draws(Crowd(seed), SIZES[size])
    first = _state(draws)
    later, changes = _Later(draws, first.items).made()
    second = State("delta", "tenant-delta", stamp(DELTA_NOW), later, first.files)
    for state in (first, second):
        write_state(out, state, OBJECTS, product="soffront")
    other, objects = instance_b(first)
    write_state(out, other, objects, product="soffront")
    write_truth(out / "expected", [first, second], Truth(RECORDS, changes, decisions(SIZES[size].users)))
    write_truth(out / "expected" / "modules", *_under_modules([first, second], changes, SIZES[size].users))
    write_on_premise(out, first)
    return len(first.items) + len(later)


def _under_modules(states: Sequence[State], changes: Sequence[Change], users: int) -> tuple[list[State], Truth]:
    """The same rows, where tickets and installed assets become records of their own."""
    other = [replace(state, items=as_modules(state.items)) for state in states]
    there = {end.record for item in other[0].items for end in item.verdicts.values()}
    left = [change for change in changes if change.new == "created" or change.record in there]
    decided = [
        *decisions(users),
        *(Decision("scope", question, answer, "bought Enterprise") for question, answer in MODULES.items()),
    ]
    plans = soffront_modules.value_plans().items()
    decided += [Decision("value", f"{column}={word}", option, "") for column, plan in plans for word, option in plan.items()]
    objects = {**RECORDS, "tickets_module": "cm_ticket", "assets_module": "cm_installed_asset"}
    return other, Truth(objects, left, decided)


def main_state(*, size: str = "small", seed: int = 7) -> State:
    """The first state, for those who need its files."""
    return _state(Draws(Crowd(seed), SIZES[size]))


def _state(draws: Draws) -> State:
    items, files = _main(draws)
    return State("main", "tenant", stamp(MAIN_NOW), items, files)


def _main(draws: Draws) -> tuple[list[Item], list[File]]:
    accounts = Accounts(draws).draw()
    # The account whose line is torn in the files of instance C: nothing hangs on it, so that one truth holds for all.
    homes = [each for each in accounts if ("AccountName", "apostrophe") not in each.dirt]
    contacts = Contacts(draws, homes).draw()
    deals = Deals(draws, homes, contacts).draw()
    categories = category_items(draws)
    tickets = Tickets(draws, homes, contacts, categories).draw()
    messages, articles = message_items(draws, tickets), article_items(draws, categories)
    projects = project_items(draws, homes, deals)
    tasks, assets = task_items(draws, projects), asset_items(draws, homes)
    parents = Parents(
        draws, {"accounts": homes, "contacts": contacts, "deals": deals, "tickets": tickets, "projects": projects}
    )
    rows, files = Attachments(draws, parents).draw()
    people = [*user_items(draws.size), *group_items(), *accounts, *contacts]
    history = [*Activities(draws, parents).draw(), *tickets, *messages, *categories, *articles]
    return [*people, *deals, *history, *projects, *tasks, *assets, *rows], files


@dataclass
class _Later:
    """The state two days later: rows changed, some are new, one is gone."""

    draws: Draws
    items: Sequence[Item]
    changes: list[Change] = field(default_factory=list)

    def made(self) -> tuple[list[Item], list[Change]]:
        """The rows of the later state, and what differs."""
        rows, size = list(self.items), self.draws.size
        self._change(rows, "contacts", share(size.contacts, 0.03, least=3), self._new_phone)
        self._change(rows, "deals", share(size.deals, 0.05, least=2), self._new_stage)
        self._change(rows, "accounts", share(size.accounts, 0.02, least=2), self._new_tier)
        gone = [each for each in rows if each.table == "activities" and each.values and not each.dirt][-size.dirt :]
        self.changes += [Change(end.record, "", "", "gone") for each in gone for end in each.verdicts.values() if end.record]
        rows = [each for each in rows if all(each is not other for other in gone)]
        return self._with_new(rows, size.new), self.changes

    def _change(self, rows: list[Item], table: str, count: int, change: Callable[[Item], Item]) -> None:
        plain = [n for n, each in enumerate(rows) if each.table == table and each.values and not each.twins and not each.aside]
        for n in self.draws.rng.sample(plain, count):
            rows[n] = change(rows[n])

    def _set(self, item: Item, feed: str, name: str, value: str) -> dict[str, dict[str, str]]:
        known = dict(item.values[feed])
        self.changes.append(Change(item.verdicts[feed].record, name, known.get(name, ""), value))
        return {feed: {**known, name: value}}

    def _new_phone(self, item: Item) -> Item:
        digits = self.draws.roster.phone()
        values = self._set(item, "contacts", "mobile_number", f"+1{digits}")
        return replace(item, row={**item.row, "Phone": digits, "ModifiedDate": self._touched()}, values=values)

    def _new_stage(self, item: Item) -> Item:
        known = item.values["deals"]
        words = PIPELINES[known["deal_pipeline"]]
        word = next(
            each
            for each in ("Closed Won", "Closed Lost", "Signed", "Gone")
            if words.get(each) not in (None, known["deal_stage"])
        )
        values = self._set(item, "deals", "deal_stage", words[word])
        return replace(item, row={**item.row, "Stage": word, "ModifiedDate": self._touched()}, values=values)

    def _new_tier(self, item: Item) -> Item:
        known = item.values["accounts"]["service_tier__c"]
        tier = next(word for word in soffront_people.TIERS if word != known)
        values = self._set(item, "accounts", "service_tier__c", tier)
        return replace(item, row={**item.row, "ServiceTier": tier, "ModifiedDate": self._touched()}, values=values)

    def _touched(self) -> str:
        return stamp(MAIN_NOW + timedelta(minutes=self.draws.rng.randint(30, 2700)))

    def _with_new(self, rows: list[Item], count: int) -> list[Item]:
        contacts = Contacts(self.draws, [each for each in rows if each.table == "accounts" and each.values and not each.aside])
        number = sum(each.table == "contacts" for each in rows)
        for n in range(count):
            made = contacts.add(number + 1 + n, stamp(MAIN_NOW + timedelta(hours=3 + n * 40 // count)))
            self.changes.append(Change(made.verdicts["contacts"].record, "", "", "created"))
        return [*rows, *contacts.items]


def decisions(users: int) -> list[Decision]:
    """Owners and values, as somebody decides them who knows the customer."""
    owners = [Decision("owner", "(blank)", FALLBACK, "nobody owns it: the fallback user"),
              Decision("owner", "Support", FALLBACK, "a group, and no person")]  # fmt: skip
    owners += [
        Decision("owner", user.name, user.at or FALLBACK, "the same person" if user.at else "has left")
        for user in people(replace(SIZES["small"], users=users))
    ]
    plans = {**soffront_people.value_plans(), **stage_plans(), **soffront_tickets.value_plans()}
    values = [
        Decision("value", f"{column}={word}", option, "") for column, plan in plans.items() for word, option in plan.items()
    ]
    scope = [Decision("scope", question, answer, "the default") for question, answer in SCOPE.items()]
    scope.append(Decision("waiver", "custom_objects/fields", ACCEPTED, "as the customer wrote"))
    return [*scope, *owners, *values]
