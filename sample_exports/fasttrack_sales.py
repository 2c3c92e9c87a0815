"""What FastTrack knows of business: pipelines, deals, products and their lines, subscriptions and sites."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from sample_exports.fasttrack_rows import MAIN_NOW, Draws, day, draw_owner, moments, stamp, there
from sample_exports.promio_rows import share
from sample_exports.tenant import Item, Json, Verdict

VIEW = "All open deals"
TWELVE = tuple(10 * place for place in range(1, 13))
"""Quantities of the product with more steps than a reader gives columns of their own."""
FOREIGN = "GBP"
"""A currency that the account of the customer lacks."""
BARE_PRICE = 275
"""Of the products whose tiers name no currency: somebody says which one it is."""

PIPELINES: Mapping[str, tuple[str, tuple[tuple[str, float], ...]]] = {
    "pl-1": (
        "New Business",
        (
            ("New", 0.05),
            ("Qualified", 0.2),
            ("Demo", 0.4),
            ("Proposal", 0.6),
            ("Negotiation", 0.8),
            ("Won", 1.0),
            ("Lost", 0.0),
        ),
    ),
    "pl-2": (
        "Renewals",
        (("Upcoming", 30), ("Contacted", 50), ("Proposal", 70), ("Committed", 90), ("Renewed", 100), ("Churned", 0)),
    ),
    "pl-3": (
        "Partner",
        (("Intro", 0.1), ("Agreement", 0.3), ("Enablement", 50), ("Co-sell", 70), ("Active", 100), ("Ended", 0)),
    ),
    "pl-4": (VIEW, (("New", 0.05), ("Qualified", 0.2), ("Upcoming", 30), ("Intro", 0.1))),
}
"""Id, name, and stages with their probability: as a share in the first, as percent in the second, mixed in the third."""


def pipeline_items() -> list[Item]:
    """The four pipelines, one of which is only a view of the others."""
    rows = []
    for key, (name, stages) in PIPELINES.items():
        listed: list[Json] = [
            {"name": stage, "probability": chance, "position": n} for n, (stage, chance) in enumerate(stages, 1)
        ]
        kind = "view" if name == VIEW else "probability_as_share" if key == "pl-1" else "probability_as_percent"
        row: dict[str, Json] = {"id": key, "name": name, "stages": listed}
        kind = "probability_mixed" if key == "pl-3" else kind
        rows.append(Item("pipelines", key, row, {"pipelines": Verdict("excluded", "documented")}, dirt=(("stages", kind),)))
    return rows


def stage_plans() -> dict[str, dict[str, str]]:
    """Pipeline and stage, as the route puts them together → the option; a stage of another pipeline goes to the first."""
    names = dict(PIPELINES.values())
    known = {f"{name}: {stage}": stage for name, stages in names.items() for stage, _ in stages if name != VIEW}
    astray = {
        f"{name}: {stage}": stages[0][0]
        for name, stages in names.items()
        if name != VIEW
        for other in names.values()
        for stage, _ in other
        if f"{name}: {stage}" not in known
    }
    pipelines = {name: name for name in names if name != VIEW} | {VIEW: "New Business"}
    seen = {f"{VIEW}: {stage}": stage for stage, _ in PIPELINES["pl-4"][1]} | {
        f"{VIEW}: Upcoming": "Qualified",
        f"{VIEW}: Intro": "New",
    }
    currencies = {"USD": "USD", "EUR": "EUR", FOREIGN: ""}
    return {"deals/pipeline": pipelines, "deals/pipeline_stage": {**known, **astray, **seen}, "deals/currency": currencies}


class Deals:
    """The deals, with a stage that their pipeline lacks, without a company, without an amount."""

    def __init__(self, draws: Draws, homes: list[Item], contacts: list[Item]) -> None:
        self.draws, self.homes = draws, homes
        self.contacts = [each for each in contacts if "sales_accounts" in each.values.get("contacts", {})]
        self.plans = stage_plans()

    def draw(self, leads: list[Item]) -> list[Item]:
        """All of them, in the order in which they were made; one is with a person who became a lead, one in pounds."""
        made = self._drawn()
        plain = [n for n, each in enumerate(made) if not each.dirt and not each.aside]
        for n, lead in zip(plain, leads[: self.draws.size.dirt], strict=False):
            values = {"deals": {**made[n].values["deals"], "contacts": lead.verdicts["leads"].record}}
            row = {**made[n].row, "contact_id": lead.key}
            made[n] = replace(made[n], row=row, values=values, dirt=(("contact_id", "contact_is_a_lead"),))
        for n in plain[-self.draws.size.dirt :]:
            values = {"deals": {**made[n].values["deals"], "fasttrack_currency__c": FOREIGN, "currency": "USD"}}
            row = {**made[n].row, "currency": FOREIGN}
            made[n] = replace(made[n], row=row, values=values, dirt=(("currency", "currency_not_there"),))
        return made

    def _drawn(self) -> list[Item]:
        size, dirt = self.draws.size.deals, self.draws.size.dirt
        kinds = ["stage_astray"] * dirt + ["in_a_view"] * (2 * dirt) + ["no_amount"] * dirt + ["company_deleted"] * dirt
        kinds += ["no_company"] * share(size, 0.03, least=2)
        kinds += [""] * (size - len(kinds))
        self.draws.rng.shuffle(kinds)
        return [
            self._deal(n, stamp(at), kind)
            for n, (at, kind) in enumerate(zip(moments(self.draws.rng, size), kinds, strict=True), 1)
        ]

    def _deal(self, number: int, at: str, kind: str) -> Item:
        rng, key = self.draws.rng, f"dl-{number:05d}"
        owner, user, dirt = draw_owner(rng)
        pipeline, stage = self._place(kind)
        company, contact = rng.choice(self.homes), rng.choice(self.contacts) if rng.random() < 0.7 else None
        amount = f"{rng.randint(8, 900) * 50}.00"
        closes = day(MAIN_NOW + timedelta(days=rng.randrange(-400, 200))) if rng.random() < 0.8 else None
        currency = "EUR" if rng.random() < 0.15 else "USD"
        home = {"no_company": None, "company_deleted": "co-9999"}.get(kind, company.key)
        row: dict[str, Json] = {
            "id": key,
            "name": f"{company.row['name']} {rng.choice(('rollout', 'renewal', 'pilot', 'expansion'))} {number}",
            "company_id": home,
            "contact_id": contact.key if contact else None,
            "pipeline_id": pipeline,
            "stage": stage,
            "amount": None if kind == "no_amount" else amount,
            "currency": currency,
            "close_date": closes,
            "owner_id": owner,
            "created_at": at,
            "updated_at": at,
        }
        name = PIPELINES[pipeline][0]
        values = {
            "name": str(row["name"]),
            "amount": "0" if kind == "no_amount" else amount,
            "owner": user,
            "deal_pipeline": self.plans["deals/pipeline"][name],
            "deal_stage": self.plans["deals/pipeline_stage"][f"{name}: {stage}"],
            "expected_close": closes or "",
            "fasttrack_deal_id__c": key,
            "fasttrack_currency__c": currency,
            "currency": currency,
            "fasttrack_created_at__c": there(at),
            "contacts": contact.verdicts["contacts"].record if contact else "",
            "sales_account": f"accounts/{company.key}" if home == company.key else "",
        }
        dirt += (("stage" if kind in ("stage_astray", "in_a_view") else "", kind),) if kind else ()
        aside = (("deals", "", "parent_missing"),) if kind == "company_deleted" else ()
        return Item("deals", key, row, {"deals": Verdict("loaded", "", f"deals/{key}")}, {"deals": values}, aside, dirt)

    def _place(self, kind: str) -> tuple[str, str]:
        rng = self.draws.rng
        pipeline = "pl-4" if kind == "in_a_view" else rng.choice(("pl-1", "pl-1", "pl-2", "pl-3"))
        if kind == "stage_astray":
            return "pl-1", "Committed"
        return pipeline, rng.choice(PIPELINES[pipeline][1])[0]


class Goods:
    """The products with their prices by quantity, and the lines of the deals."""

    def __init__(self, draws: Draws, deals: list[Item]) -> None:
        self.draws = draws
        self.deals = [each for each in deals if each.verdicts["deals"].bucket == "loaded"]
        self.products: list[Item] = []

    def draw(self) -> tuple[list[Item], list[Item]]:
        """Products and lines."""
        words = [f"{kind} {module}" for module in MODULES for kind in KINDS]
        for number in range(1, self.draws.size.products + 1):
            self._product(number, words[(number - 1) % len(words)] + (f" {number}" if number > len(words) else ""))
        return self.products, self._lines()

    def _product(self, number: int, name: str) -> None:
        rng, key = self.draws.rng, f"pr-{number:04d}"
        twice = number in range(5, 5 + self.draws.size.dirt)
        sku = self.products[0 if self.draws.size.dirt == 1 else number - 5].row["sku"] if twice else f"LF-{number:04d}"
        bare = number in (3, 9)
        price = BARE_PRICE if bare else rng.randint(2, 60) * 25
        tier: dict[str, Json] = {"from": 1, "price": price, "currency": None if bare else "USD"}
        steps = TWELVE if number == 4 else (10, 100) if number % 3 == 0 else (10,)
        later = [(step, price * (20 - place) // 20) for place, step in enumerate(steps, 2)]
        tiers: list[Json] = [tier, *({"from": step, "price": cost, "currency": tier["currency"]} for step, cost in later)]
        text = f"{name}, billed by the seat" if number % 4 else None
        row: dict[str, Json] = {"id": key, "name": name, "sku": sku, "price_tiers": tiers, "description": text}
        told = f"{text}\n" if text else ""
        told += "\n".join(f"From {step}: {cost}" + ("" if bare else " USD") for step, cost in [(1, price), *later])
        values = {"name": name, "sku_number": str(sku), "prices": f"{price} USD", "description": told}
        kinds = (("sku", "sku_twice"),) if twice else ()
        kinds += (("price_tiers", "three_steps" if len(steps) == 2 else "thirteen_steps"),) * (len(steps) > 1)
        self.products.append(
            Item(
                "products",
                key,
                row,
                {"products": Verdict("loaded", "", f"products/{key}")},
                {"products": values},
                dirt=(*kinds, *((("price_tiers", "currency_missing"),) if bare else ())),
            )
        )

    def _lines(self) -> list[Item]:
        rng, wanted, lines = self.draws.rng, self.draws.size.lines, list[Item]()
        deals = [deal for deal in self.deals if rng.random() < 0.75]
        while len(lines) < wanted:
            for deal in deals:
                lines += self._lines_of(
                    deal, wanted - len(lines), {line.key for line in lines if line.row["deal_id"] == deal.key}
                )
        for place, kind in zip(range(2, 2 + 2 * self.draws.size.dirt), ("gone", "free") * self.draws.size.dirt, strict=False):
            lines[place * 3] = self._odd(lines[place * 3], kind, place)
        return lines

    def _lines_of(self, deal: Item, room: int, known: set[str]) -> list[Item]:
        rng, made = self.draws.rng, list[Item]()
        for product in rng.sample(self.products, min(rng.choice((1, 2, 3)), room)):
            key = f"{deal.key}|{product.key}"
            if key in known:
                continue
            quantity, price = rng.randint(1, 12), Decimal(str(product.row["price_tiers"][0]["price"]))  # type: ignore[index, call-overload]
            off = rng.choice(("0", "5", "10", None))
            row: dict[str, Json] = {
                "deal_id": deal.key,
                "product_id": product.key,
                "quantity": str(quantity),
                "price": f"{price}.00",
                "discount": off,
            }
            values = {
                "quantity": str(quantity),
                "unit_price": f"{price}.00",
                "discount": off or "0",
                "discount_type": "Percent",
                "deal": deal.verdicts["deals"].record,
                "product": f"products/{product.key}",
            }
            made.append(Item("deal_products", key, row, {"lines": Verdict("loaded", "", f"lines/{key}")}, {"lines": values}))
        return made

    def _odd(self, line: Item, kind: str, number: int) -> Item:
        if kind == "gone":
            product = f"pr-9{number:03d}"
            key = f"{line.row['deal_id']}|{product}"
            return replace(
                line,
                key=key,
                row={**line.row, "product_id": product},
                values={},
                dirt=(("product_id", "product_deleted"),),
                verdicts={"lines": Verdict("held", "parent_missing")},
            )
        values = {**line.values["lines"], "unit_price": "0.00"}
        return replace(line, row={**line.row, "price": "0.00"}, values={"lines": values}, dirt=(("price", "free_of_charge"),))


MODULES = ("Core", "Analytics", "Voice", "Inbox", "Planner", "Gateway", "Vault", "Studio")
KINDS = ("Licence", "Onboarding", "Support plan")


def with_sums(deals: list[Item], lines: list[Item], draws: Draws) -> list[Item]:
    """The deals with the amount that their lines come to, but for one in sixteen and those that have none at all."""
    sums: dict[str, Decimal] = {}
    for line in lines:
        amount = (
            Decimal(str(line.row["quantity"]))
            * Decimal(str(line.row["price"]))
            * (100 - Decimal(str(line.row["discount"] or 0)))
            / 100
        )
        sums[str(line.row["deal_id"])] = sums.get(str(line.row["deal_id"]), Decimal(0)) + amount
    again, left = list[Item](), share(len(sums), 0.06, least=2)
    for deal in deals:
        if deal.key in sums and deal.row["amount"] is not None and deal.values:
            if left:
                left -= 1
                again.append(replace(deal, dirt=(*deal.dirt, ("amount", "sum_differs"))))
                continue
            amount = f"{sums[deal.key]:.2f}"
            values = {**deal.values["deals"], "amount": amount}
            again.append(replace(deal, row={**deal.row, "amount": amount}, values={"deals": values}))
            continue
        again.append(deal)
    return again


__all__ = ["BARE_PRICE", "Deals", "Goods", "pipeline_items", "stage_plans", "with_sums"]
