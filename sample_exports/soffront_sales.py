"""Deals and installed assets at Soffront: stage words of two pipelines, some of them dead, and a custom object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from sample_exports.promio_rows import share
from sample_exports.soffront_rows import MAIN_NOW, Draws, day, draw_owner, moments, stamp, there
from sample_exports.tenant import Item, Json, Verdict

SALES = {"Lead In": "New", "Contact Made": "New", "Needs Analysis": "Qualified", "Site Visit": "Qualified",
         "Quote Sent": "Proposal", "Quote Revised": "Proposal", "Verbal Yes": "Negotiation", "Contract Out": "Negotiation",
         "Closed Won": "Won", "Closed Lost": "Lost"}  # fmt: skip
SERVICE = {"Renewal Due": "Upcoming", "Inspection": "Inspection", "Offer Out": "Offer", "Haggling": "Offer",
           "Signed": "Renewed", "Gone": "Lapsed", "Paused": "Upcoming"}  # fmt: skip
DEAD = {"Sales": {"Trade Fair 2015": "New", "Old Import": "New", "Duplicate?": "Lost"},
        "Service Contracts": {"Legacy": "Upcoming", "Do not use": "Lapsed", "Winback 2016": "Upcoming"}}  # fmt: skip
"""Words that nobody uses any more, though deals still stand in them; with the others they make twenty-three."""

PIPELINES = {"Sales": SALES | DEAD["Sales"], "Service Contracts": SERVICE | DEAD["Service Contracts"]}


def stage_plans() -> dict[str, dict[str, str]]:
    """The pipeline, and pipeline with stage as the route puts them together → the option. An empty pipeline is Sales."""
    stages = {f"{name}: {word}": to for name, words in PIPELINES.items() for word, to in words.items()}
    stages |= {f": {word}": to for word, to in PIPELINES["Sales"].items()}
    pipelines = {name: name for name in PIPELINES}
    return {"deals/Pipeline": pipelines, "deals/PipelineStage": stages, "deals/Currency": {"USD": "USD", "EUR": "EUR"}}


class Deals:
    """The deals: amounts with a currency sign, probabilities that contradict the stage, owners who are disabled."""

    def __init__(self, draws: Draws, accounts: Sequence[Item], contacts: Sequence[Item]) -> None:
        self.draws, self.accounts = draws, accounts
        self.contacts = [each for each in contacts if each.verdicts["contacts"].bucket == "loaded"]

    def draw(self) -> list[Item]:
        """All of them."""
        size, dirt = self.draws.size.deals, self.draws.size.dirt
        kinds = ["currency_sign"] * share(size, 0.05, least=2) + ["no_pipeline"] * share(size, 0.05, least=2)
        kinds += ["no_amount"] * share(size, 0.02, least=1) + ["stage_dead"] * share(size, 0.05, least=2)
        kinds += ["probability_contradicts"] * share(size, 0.05, least=2) + ["account_gone"] * dirt
        kinds += ["other_currency", "no_currency"] * dirt
        kinds += [""] * (size - len(kinds))
        self.draws.rng.shuffle(kinds)
        return [
            self._deal(n, stamp(at), kind)
            for n, (at, kind) in enumerate(zip(moments(self.draws.rng, size), kinds, strict=True), 1)
        ]

    def _deal(self, number: int, at: str, kind: str) -> Item:
        rng, key = self.draws.rng, str(50_000 + number)
        owner, user, dirt = draw_owner(rng)
        account, contact = rng.choice(self.accounts), rng.choice(self.contacts)
        pipeline = "Sales" if kind == "no_pipeline" else rng.choice(("Sales", "Sales", "Service Contracts"))
        words = DEAD[pipeline] if kind == "stage_dead" else SALES if pipeline == "Sales" else SERVICE
        stage = rng.choice(list(words))
        amount = rng.randint(10, 900) * 50
        closes = day(MAIN_NOW + timedelta(days=rng.randrange(-900, 200))) if rng.random() < 0.85 else None
        chance = 95 if kind == "probability_contradicts" else rng.choice((10, 30, 50, 70))
        coin = "EUR" if kind == "other_currency" else "USD"
        said = None if kind == "no_currency" else coin
        sums: dict[str, Json] = {"currency_sign": f"${amount:,.2f}", "no_amount": None}
        row: dict[str, Json] = {
            "DealID": int(key),
            "DealName": f"{str(account.row['AccountName']).strip()} - {rng.choice(('boiler', 'service', 'retrofit'))} {number}",
            "AccountID": 999_999 if kind == "account_gone" else int(account.key), "ContactID": int(contact.key),
            "Pipeline": None if kind == "no_pipeline" else pipeline, "Stage": stage, "Probability": chance,
            "Amount": sums.get(kind, f"{amount}.00"), "Currency": said, "CloseDate": closes, "Owner": owner,
            "CreatedDate": at, "ModifiedDate": at,
        }  # fmt: skip
        values = {
            "name": str(row["DealName"]), "amount": "0" if kind == "no_amount" else f"{amount}.00", "deal_pipeline": pipeline,
            "deal_stage": words[stage], "expected_close": closes or "", "owner": user, "contacts": f"contacts/{contact.key}",
            "sales_account": "" if kind == "account_gone" else f"accounts/{account.key}",
            "currency": coin, "soffront_currency__c": said or "",
            "soffront_probability__c": str(chance), "soffront_deal_id__c": key, "soffront_created_at__c": there(at),
        }  # fmt: skip
        aside = (("deals", "", "parent_missing"),) if kind == "account_gone" else ()
        dirt += (("", kind),) if kind else ()
        return Item("deals", key, row, {"deals": Verdict("loaded", "", f"deals/{key}")}, {"deals": values}, aside, dirt)


def asset_items(draws: Draws, accounts: Sequence[Item]) -> list[Item]:
    """The installed assets: rows of a custom object whose schema only the metadata tell."""
    made = []
    for number in range(1, draws.size.assets + 1):
        rng, key, gone = draws.rng, str(90_000 + number), number <= draws.size.dirt
        home = rng.choice(accounts[: max(len(accounts) // 3, 4)])
        serial, ends = f"{rng.randint(1, 9999):08d}", f"2027-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
        row: dict[str, Json] = {
            "AssetID": int(key), "AccountID": 999_999 if gone else int(home.key), "SerialNo": serial, "LeaseEnd": ends,
            "Value": f"{rng.randint(5, 90) * 100}.00", "Model": rng.choice(("HX-20", "HX-40", "Duo 7")),
            "Warranty": rng.random() < 0.5,
        }  # fmt: skip
        end = Verdict("rejected", "no_account_for_asset") if gone else Verdict("merged", "attached", f"accounts/{home.key}")
        made.append(Item("InstalledAsset", key, row, {"assets": end, "assets_module": Verdict("excluded", "other_answer")},
                         dirt=(("SerialNo", "leading_zero"),)))  # fmt: skip
    return _totalled(made)


def _totalled(items: Sequence[Item]) -> list[Item]:
    """What the assets of one account come to, stated with the first of them."""
    again, seen = list[Item](), set[str]()
    for item in items:
        record = item.verdicts["assets"].record
        mine = [each for each in items if record and each.verdicts["assets"].record == record]
        if mine and item.row["LeaseEnd"] != min(str(each.row["LeaseEnd"]) for each in mine):
            item = replace(item, aside=(("assets", "LeaseEnd", "other_row_counts"),))
        if not record or record in seen:
            again.append(item)
            continue
        seen.add(record)
        values = {
            "asset_serials__c": "; ".join(dict.fromkeys(str(each.row["SerialNo"]) for each in mine)),
            "asset_count__c": str(len(mine)),
            "asset_value__c": f"{sum((Decimal(str(each.row['Value'])) for each in mine), Decimal(0)):.2f}",
            "asset_lease_ends__c": min(str(each.row["LeaseEnd"]) for each in mine),
            "asset_details__c": "\n\n".join(
                f"{each.row['Model']} {each.row['SerialNo']}\nValue: {each.row['Value']}\nLease ends: {each.row['LeaseEnd']}\n"
                f"Under warranty: {str(each.row['Warranty']).lower()}"
                for each in mine
            ),
        }
        again.append(replace(item, values={"assets": values}))
    return again
