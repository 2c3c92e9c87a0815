"""What becomes of Lanternfield's rows where subscriptions and sites are records of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from sample_exports.fasttrack_objects import PLANS
from sample_exports.tenant import Item, Verdict, flat

__all__ = ["SCOPE", "as_modules"]

SCOPE = {"custom_objects": "modules"}
OTHER = Verdict("excluded", "other_answer")


def as_modules(items: Sequence[Item]) -> list[Item]:
    """The same rows with the other truth; those of other tables stay as they are."""
    accounts = {item.key: item.verdicts["accounts"].record for item in items if item.table == "companies"}
    people = {
        item.key: end.record for item in items if item.table == "contacts" for end in item.verdicts.values() if end.record
    }
    made: dict[str, Callable[[Item], Item]] = {
        "subscription": lambda item: _made(item, "subscriptions", _subscription(item), accounts, {}),
        "site": lambda item: _made(item, "sites", _site(item), accounts, people),
    }
    return [made[item.table](item) if item.table in made else item for item in items]


def _made(item: Item, feed: str, values: dict[str, str], accounts: Mapping[str, str], people: Mapping[str, str]) -> Item:
    row = flat(item.row)
    home, person = str(row["company_id"]), str(row.get("properties.contact_id", ""))
    links = {"sales_account": accounts.get(home, ""), **({"contact": people.get(person, "")} if person else {})}
    name = f"{feed}_module"
    return replace(
        item,
        verdicts={feed: OTHER, name: Verdict("loaded", "", f"{name}/{item.key}")},
        values={name: {**values, **links}},
        aside=((name, "", "parent_missing"),) if not links["sales_account"] else (),
    )


def _subscription(item: Item) -> dict[str, str]:
    row = flat(item.row)
    plan = str(row["plan"])
    single = {"sso__c": "true"} if row.get("properties.sso") else {}
    return {
        "name": f"{plan} {item.key}", "plan__c": plan, "mrr__c": str(row["mrr"]),
        "seats__c": str(row[f"properties.{PLANS[plan]}"]), "subscription_id__c": item.key, **single,
    }  # fmt: skip


def _site(item: Item) -> dict[str, str]:
    row = flat(item.row)
    return {
        "name": str(row["address.street"]), "city__c": str(row["address.city"]), "opening__c": str(row["properties.opening"]),
        "site_id__c": item.key,
    }  # fmt: skip
