"""All of Lanternfield Software at FastTrack, as it stood on the day of the main export and two days later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from sample_exports.crowd import Crowd
from sample_exports.fasttrack_history import Activities, Files, Notes, Parents, event_items, on_an_email
from sample_exports.fasttrack_modules import SCOPE as MODULES
from sample_exports.fasttrack_modules import as_modules
from sample_exports.fasttrack_objects import Objects
from sample_exports.fasttrack_people import UNASSIGNED, Companies, People, value_plans
from sample_exports.fasttrack_rows import DELTA_NOW, FALLBACK, MAIN_NOW, OBJECTS, SIZES, USERS, Draws, Size, stamp, user_items
from sample_exports.fasttrack_sales import BARE_PRICE, Deals, Goods, pipeline_items, stage_plans, with_sums
from sample_exports.promio_rows import share
from sample_exports.tenant import File, Item, State, write_state
from sample_exports.tenant_truth import Change, Decision, Truth, write_truth

__all__ = ["CUSTOMER", "SIZES", "generate"]

CUSTOMER = "Lanternfield Software"

RECORDS = {
    "accounts": "sales_account", "contacts": "contact", "leads": "lead", "deals": "deal", "products": "product",
    "lines": "deal_product", "tasks": "task", "calls": "sales_activity", "emails": "sales_activity", "meetings": "appointment",
    "activity_notes": "note", "notes": "note", "files": "file",
}  # fmt: skip
"""Feed → object of its records."""

SCOPE = {"custom_objects": "fields", "deal_currency": "USD", "large_files": "link", "existing_records": "hold"}
ACCEPTED = "Accepted by the head of sales, by mail: sums and plans on the account will do."
"""What the customer wrote of subscriptions and sites that do not stay records of their own."""
MADE = ((UNASSIGNED, "name", "Unassigned Account"), (UNASSIGNED, "owner", FALLBACK))


def generate(out: Path, *, size: str, seed: int) -> int:
    """Write tenant/, tenant-delta/ and expected/ into a folder; the number of rows of both states comes back."""
    draws = Draws(Crowd(seed), SIZES[size])
    items, files = _main(draws)
    later, changes = _Later(draws, items).made()
    states = [
        State("main", "tenant", stamp(MAIN_NOW), items, files),
        State("delta", "tenant-delta", stamp(DELTA_NOW), later, files),
    ]
    for state in states:
        write_state(out, state, OBJECTS, product="fasttrack")
    write_truth(out / "expected", states, Truth(RECORDS, changes, decisions(), MADE))
    write_truth(out / "expected" / "modules", *_under_modules(states, changes))
    return len(items) + len(later)


def _under_modules(states: Sequence[State], changes: Sequence[Change]) -> tuple[list[State], Truth]:
    """The same rows, where subscriptions and sites become records of their own."""
    decided = [
        *decisions(),
        *(Decision("scope", question, answer, "bought Enterprise") for question, answer in MODULES.items()),
    ]
    objects = {**RECORDS, "subscriptions_module": "cm_subscription", "sites_module": "cm_site"}
    return [replace(state, items=as_modules(state.items)) for state in states], Truth(objects, changes, decided, MADE)


def _main(draws: Draws) -> tuple[list[Item], list[File]]:
    companies = Companies(draws).draw()
    people = People(draws, companies)
    contacts, links = people.draw()
    leads = [each for each in contacts if each.verdicts["leads"].bucket == "loaded"]
    deals = Deals(draws, people.homes, contacts).draw(leads)
    products, lines = Goods(draws, deals).draw()
    deals = with_sums(deals, lines, draws)
    subscriptions, sites = Objects(draws, people.homes, contacts).draw(leads)
    parents = Parents(draws, companies, contacts, deals)
    rows, files = Files(draws, parents).draw()
    activities = Activities(draws, parents).draw()
    rows = on_an_email(rows, activities, draws.size.dirt)
    history = [*activities, *Notes(draws, parents).draw(), *rows, *event_items(draws, contacts)]
    sold = [*pipeline_items(), *deals, *products, *lines, *subscriptions, *sites]
    return [*user_items(), *companies, *contacts, *links, *sold, *history], files


@dataclass
class _Later:
    """The state two days later: a full export again. What was deleted shows by its absence alone."""

    draws: Draws
    items: Sequence[Item]
    changes: list[Change] = field(default_factory=list)

    def made(self) -> tuple[list[Item], list[Change]]:
        """The rows of the later state, and what differs."""
        size = self.draws.size
        rows = list(self.items)
        self._change(rows, "contacts", share(size.contacts, 0.03, least=3), self._new_phone)
        self._change(rows, "deals", share(size.deals, 0.05, least=2), self._new_stage)
        self._change(rows, "companies", share(size.companies, 0.02, least=2), self._new_tier)
        rows = self._without(rows, "notes", size.dirt)
        return self._with_new(rows, size), self.changes

    def _change(self, rows: list[Item], table: str, count: int, change: Callable[[Item], Item]) -> None:
        plain = [
            n for n, each in enumerate(rows)
            if each.table == table and not each.twins and not each.raw and not each.aside
            and any(end.bucket == "loaded" for end in each.verdicts.values())
            and ("", "in_a_view") not in each.dirt and ("stage", "in_a_view") not in each.dirt
        ]  # fmt: skip
        for n in self.draws.rng.sample(plain, count):
            rows[n] = change(rows[n])

    def _set(self, item: Item, feed: str, name: str, value: str) -> dict[str, dict[str, str]]:
        known = dict(item.values[feed])
        self.changes.append(Change(item.verdicts[feed].record, name, known.get(name, ""), value))
        return {**{key: dict(text) for key, text in item.values.items()}, feed: {**known, name: value}}

    def _new_phone(self, item: Item) -> Item:
        digits = self.draws.roster.phone()
        values = self._set(item, next(iter(item.values)), "mobile_number", f"+1{digits}")
        return replace(item, row={**item.row, "phone": digits, "updated_at": self._touched()}, values=values)

    def _new_stage(self, item: Item) -> Item:
        pipeline, won = ("pl-1", "Won"), item.row["stage"]
        ends = {"pl-1": "Won", "pl-2": "Renewed", "pl-3": "Active"}
        stage = ends.get(str(item.row["pipeline_id"]), pipeline[1])
        if stage == won:
            stage = {"Won": "Lost", "Renewed": "Churned", "Active": "Ended"}[stage]
        values = self._set(item, "deals", "deal_stage", stage)
        return replace(item, row={**item.row, "stage": stage, "updated_at": self._touched()}, values=values)

    def _new_tier(self, item: Item) -> Item:
        known = item.values["accounts"]["company_tier__c"]
        tier = next(word for word in ("Gold", "Silver", "Bronze") if word != known)
        properties = {**item.row["properties"], "tier": tier}  # type: ignore[dict-item]
        values = self._set(item, "accounts", "company_tier__c", tier)
        return replace(item, row={**item.row, "properties": properties, "updated_at": self._touched()}, values=values)

    def _touched(self) -> str:
        return stamp(MAIN_NOW + timedelta(minutes=self.draws.rng.randint(30, 2700)))

    def _without(self, rows: list[Item], table: str, count: int) -> list[Item]:
        gone = [n for n, each in enumerate(rows) if each.table == table and each.values and not each.dirt][-count:]
        self.changes += [Change(end.record, "", "", "gone") for n in gone for end in rows[n].verdicts.values()]
        return [each for n, each in enumerate(rows) if n not in gone]

    def _with_new(self, rows: list[Item], size: Size) -> list[Item]:
        """New contacts, each with a link to a company that is there; they stand behind the others of their table."""
        people = People(self.draws, [each for each in rows if each.table == "companies"])
        number = sum(each.table == "contacts" for each in rows)
        for n in range(size.new):
            at = stamp(MAIN_NOW + timedelta(hours=3 + n * 40 // size.new))
            people.add(number + 1 + n, at)
        self.changes += [
            Change(end.record, "", "", "created") for each in people.items for end in each.verdicts.values() if end.record
        ]
        return [*rows, *people.items, *people.links]


def decisions() -> list[Decision]:
    """Owners and values, as somebody decides them who knows the customer."""
    owners = [Decision("owner", "(blank)", FALLBACK, "nobody owns it: the fallback user")]
    owners += [
        Decision("owner", user.email, user.at or FALLBACK, "the same person" if user.at else "has left") for user in USERS
    ]
    plans = {**value_plans(), **stage_plans()}
    values = [
        Decision("value", f"{column}={word}", option, "") for column, plan in plans.items() for word, option in plan.items()
    ]
    scope = [Decision("scope", question, answer, "the default") for question, answer in SCOPE.items()]
    scope.append(Decision("waiver", "custom_objects/fields", ACCEPTED, "as the customer wrote"))
    values.append(Decision("value", f"products/price={BARE_PRICE}", f"{BARE_PRICE} USD", "the currency of all other prices"))
    return [*scope, *owners, *values]
