"""The custom objects of FastTrack: subscriptions and sites, and what they come to on the account of their company."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from sample_exports.fasttrack_rows import Draws
from sample_exports.tenant import Item, Json, Verdict, flat

__all__ = ["PLANS", "Objects"]

PLANS = {"Basic": "seats", "Pro": "seat_count", "Enterprise": "licences"}
"""Plan → what its subscriptions call their seats."""


class Objects:
    """The two custom objects: a subscription whose properties differ by plan, and a site with an object inside."""

    def __init__(self, draws: Draws, homes: list[Item], contacts: list[Item]) -> None:
        self.draws, self.homes = draws, homes
        self.contacts = [each for each in contacts if "sales_accounts" in each.values.get("contacts", {})]
        self.people = {each.key: f"{each.row['first_name']} {each.row['last_name']}" for each in contacts if not each.raw
                       and "first_name" in each.row}  # fmt: skip

    def draw(self, leads: list[Item]) -> tuple[list[Item], list[Item]]:
        """Subscriptions and sites; of one site the contact became a lead."""
        subscriptions = [self._subscription(n) for n in range(1, self.draws.size.subscriptions + 1)]
        sites = [self._site(n) for n in range(1, self.draws.size.sites + 1)]
        for n, lead in enumerate(leads[: self.draws.size.dirt], 1):
            properties = {**sites[-n].row["properties"], "contact_id": lead.key}  # type: ignore[dict-item]
            kinds = (*sites[-n].dirt, ("properties.contact_id", "contact_is_a_lead"))
            sites[-n] = replace(sites[-n], row={**sites[-n].row, "properties": properties}, dirt=kinds)
        return _totalled(subscriptions), _addressed(sites, self.people)

    def _subscription(self, number: int) -> Item:
        rng, key = self.draws.rng, f"sub-{number:04d}"
        plan, gone = rng.choice(list(PLANS)), number <= self.draws.size.dirt
        home = self.homes[rng.randrange(len(self.homes) // 2)].key
        properties: dict[str, Json] = {PLANS[plan]: str(rng.randint(2, 90))}
        if plan != "Basic":
            properties["sso"] = True
        row: dict[str, Json] = {
            "id": key,
            "company_id": "co-9999" if gone else home,
            "plan": plan,
            "mrr": f"{rng.randint(5, 300) * 10}.50",
            "properties": properties,
        }
        return Item(
            "subscription",
            key,
            row,
            _attached("subscriptions", home, gone),
            dirt=(("properties", f"schema_of_{plan.lower()}"),),
        )

    def _site(self, number: int) -> Item:
        rng, key, gone = self.draws.rng, f"st-{number:04d}", number <= self.draws.size.dirt
        home, person = self.homes[rng.randrange(len(self.homes) // 2)].key, self.draws.roster.person()
        row: dict[str, Json] = {
            "id": key,
            "company_id": "co-9999" if gone else home,
            "address": {
                "street": person.street,
                "city": person.city,
                "geo": {"lat": f"4{rng.randint(0, 3)}.{rng.randint(100, 999)}", "lon": "-71.1"},
            },
            "properties": {"contact_id": rng.choice(self.contacts).key, "opening": rng.choice(("24/7", "Mon-Fri"))},
        }
        return Item("site", key, row, _attached("sites", home, gone), dirt=(("properties.contact_id", "circular_reference"),))


def _attached(feed: str, home: str, gone: bool) -> dict[str, Verdict]:
    ends = (
        Verdict("rejected", f"no_account_for_{feed.removesuffix('s')}")
        if gone
        else Verdict("merged", "attached", f"accounts/{home}")
    )
    return {feed: ends, f"{feed}_module": Verdict("excluded", "other_answer")}


def _totalled(items: list[Item]) -> list[Item]:
    """What the rows of one account come to, stated with the first of them."""
    by_home = _by_record(items, "subscriptions")
    again = []
    for item in items:
        mine = by_home.pop(item.verdicts["subscriptions"].record, [])
        total = sum((Decimal(str(each.row["mrr"])) for each in mine), Decimal(0))
        plans = "; ".join(dict.fromkeys(str(each.row["plan"]) for each in mine))
        values = {
            "subscription_plans__c": plans,
            "subscription_mrr__c": f"{total:.2f}",
            "subscription_count__c": str(len(mine)),
            "subscription_details__c": "\n\n".join(map(_in_words, mine)),
        }
        again.append(replace(item, values={"subscriptions": values}) if mine else item)
    return again


def _in_words(item: Item) -> str:
    """A subscription as a paragraph of its account."""
    row = flat(item.row)
    seats = next(str(row[f"properties.{name}"]) for name in PLANS.values() if f"properties.{name}" in row)
    lines = [f"{row['plan']} ({item.key})", f"Monthly fee: {row['mrr']}", f"Seats: {seats}"]
    return "\n".join(lines + ["Single sign-on: true"] * ("properties.sso" in row))


def _addressed(items: list[Item], people: Mapping[str, str]) -> list[Item]:
    by_home = _by_record(items, "sites")
    again = []
    for item in items:
        mine = by_home.pop(item.verdicts["sites"].record, [])
        rows = [flat(each.row) for each in mine]
        text = "\n\n".join(
            f"{row['address.street']}, {row['address.city']}\nOpening hours: {row['properties.opening']}\n"
            f"Contact: {people[str(row['properties.contact_id'])]}"
            for row in rows
        )
        again.append(replace(item, values={"sites": {"site_addresses__c": text}}) if mine else item)
    return again


def _by_record(items: list[Item], feed: str) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = {}
    for item in items:
        if item.verdicts[feed].bucket == "merged":
            found.setdefault(item.verdicts[feed].record, []).append(item)
    return found
