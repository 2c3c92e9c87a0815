"""Campaigns of the sample, their monthly figures, and what cannot be carried over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from sample_exports.promio_owners import draw_owner, user_of
from sample_exports.promio_rows import Cell, Row, Size, Verdict, share, us_day

COLUMNS = (
    "Campaign ID", "Campaign Name", "Customer ID", "Status", "Budget", "Start Date", "End Date", "Channels", "Owner",
    "Landing Page URL", "Objective",
)  # fmt: skip
PERFORMANCE = ("Campaign Name", "Month", "Impressions", "Clicks", "Leads", "Calls", "Spend", "Revenue")
ASSETS = ("Type", "Name", "URL or ID", "Status", "Trigger", "Notes")
SEASONS = ("Spring", "Summer", "Fall", "Winter")
THEMES = (
    "Gutter Push", "Roof Checkup", "Storm Response", "Siding Refresh", "Skylight Offer", "Ice Dam Watch",
    "Shingle Upgrade", "Neighbor Referral", "Solar Ready", "Warranty Renewal",
)  # fmt: skip
RENAMED = {"Spring Gutters (old)": "Spring Gutter Push 2024", "Fall Roof Check": "Fall Roof Checkup 2024"}
"""Names that leads still carry, and what the campaigns are called now."""

DELETED = "Flash Hail Repair 2022"
STATUSES = ("Draft", "Scheduled", "Live", "Live", "Paused", "Completed", "Completed", "Cancelled")
STATUS_SPELLINGS = {"Canceled": "Cancelled", "live ": "Live"}
CHANNELS = {
    "Google Ads": ("Google Ads",),
    "Google Ads, Display": ("Google Ads", "Display"),
    "Google Ads + Bing": ("Google Ads", "Bing Ads"),
    "Bing Ads": ("Bing Ads",),
    "PPC/Display": ("Google Ads", "Display"),
    "FB": ("Facebook Ads",),
    "Display, FB": ("Display", "Facebook Ads"),
    "Facebook Ads": ("Facebook Ads",),
}
CHANNEL_WORDS = {"FB": "Facebook Ads", "PPC": "Google Ads", "Bing": "Bing Ads"}
OBJECTIVES = ("Booked inspections", "Calls", "Brand awareness", "Win back lapsed customers", "=SUM(A1:A9)", "-5% off coupon")


@dataclass(frozen=True)
class Campaign:
    """A campaign before its row is written."""

    number: str  # empty where the export has none
    name: str
    start: date
    flaw: str  # monthly, ongoing, unknown_customer, or nothing


def draft_campaigns(rng: Random, size: Size) -> list[Campaign]:
    """The campaigns: at least two pairs of one name, some without a number, at least one flaw of each kind."""
    names = [f"{season} {theme} {year}" for year in (2024, 2025, 2026) for theme in THEMES for season in SEASONS]
    kept = [name for name in names if name not in RENAMED.values()]
    pairs = share(size.campaigns, 0.027, least=2)
    distinct = [*RENAMED.values(), *rng.sample(kept, min(len(kept), size.campaigns) - pairs - len(RENAMED))]
    distinct += [f"{name} B" for name in distinct[: size.campaigns - pairs - len(distinct)]]
    listed = distinct + distinct[2 : 2 + pairs]
    rng.shuffle(listed)
    flaws = ["monthly"] * share(size.campaigns, 0.1, least=3) + ["ongoing"] * share(size.campaigns, 0.08, least=2)
    flaws += ["unknown_customer"] + [""] * size.campaigns
    flaws = flaws[: size.campaigns]
    rng.shuffle(flaws)
    unnumbered = set(rng.sample([i for i, name in enumerate(listed) if listed.count(name) == 1], 3))
    return [
        Campaign("" if i in unnumbered else f"CMP-{i + 1:04d}", name, _start(rng, name), flaws[i])
        for i, name in enumerate(listed)
    ]


def _start(rng: Random, name: str) -> date:
    year = next(int(word) for word in name.split() if word.isdigit())
    month = {"Spring": 3, "Summer": 6, "Fall": 9, "Winter": 1}[name.split()[0]]
    return date(year, month, 1) + timedelta(days=rng.randint(0, 27))


def campaign_rows(rng: Random, campaigns: Sequence[Campaign], customers: Sequence[Row]) -> list[Row]:
    """The rows of the sheet Campaigns; customers that merged into another one are among those pointed at."""
    firms = [row for row in customers if row.verdicts["accounts"].record and row.record]
    merged = [row for row in customers if row.verdicts["contacts"].reason == "same_person"]
    pool = [*firms, *firms, *[row for row in customers if row.record]]
    chosen = [rng.choice(pool) for _ in campaigns]
    for position, row in zip(_spots(campaigns), (merged[0], firms[0]), strict=False):
        chosen[position] = row
    first_spot, second_spot = _spots(campaigns)[:2]
    rows = []
    for position, (campaign, customer) in enumerate(zip(campaigns, chosen, strict=True)):
        cells, dirt = _cells(rng, campaign, customer.key)
        if position == second_spot:
            cells["Customer ID"] = customer.key.removeprefix("C-")
            dirt.append(("Customer ID", "id_without_prefix"))
        if position == first_spot:
            dirt.append(("Customer ID", "customer_merged"))
        rows.append(_row(campaign, cells, dirt, customer))
    return rows


def _spots(campaigns: Sequence[Campaign]) -> list[int]:
    return [position for position, campaign in enumerate(campaigns) if not campaign.flaw and campaign.number]


def _cells(rng: Random, campaign: Campaign, customer: str) -> tuple[dict[str, Cell], list[tuple[str, str]]]:
    dirt: list[tuple[str, str]] = []
    status = rng.choice(STATUSES) if rng.random() < 0.88 else rng.choice(list(STATUS_SPELLINGS))
    dirt += [("Status", "status_spelling")] if status in STATUS_SPELLINGS else []
    owner, odd = draw_owner(rng, blank=0.1, odd=0.1)
    dirt += [("Owner", odd)] if odd else []
    channels = rng.choice(list(CHANNELS))
    dirt += [("Channels", "channel_spelling")] if any(word in CHANNEL_WORDS for word in _parts(channels)) else []
    slug = campaign.name.lower().replace(" ", "-")
    cells: dict[str, Cell] = {
        "Campaign ID": campaign.number,
        "Campaign Name": campaign.name,
        "Customer ID": "C-99901" if campaign.flaw == "unknown_customer" else customer,
        "Status": status,
        "Budget": _budget(rng, campaign, dirt),
        "Start Date": _day(rng, campaign.start, "Start Date", dirt),
        "End Date": _end(rng, campaign, dirt),
        "Channels": channels,
        "Owner": owner,
        "Landing Page URL": f"https://go.brightroof.example/{slug}" if rng.random() < 0.7 else "",
        "Objective": rng.choice((*OBJECTIVES[:4], *OBJECTIVES[:4], *OBJECTIVES)),
    }
    dirt += [("Objective", "formula_like")] if str(cells["Objective"])[:1] in "=-" and cells["Objective"] else []
    dirt += [("Customer ID", "unknown_customer")] if campaign.flaw == "unknown_customer" else []
    return cells, dirt


def _parts(channels: str) -> list[str]:
    for mark in "+/":
        channels = channels.replace(mark, ",")
    return [part.strip() for part in channels.split(",")]


def _budget(rng: Random, campaign: Campaign, dirt: list[tuple[str, str]]) -> Cell:
    amount = rng.randint(4, 90) * 250
    if campaign.flaw == "monthly":
        dirt.append(("Budget", "budget_monthly"))
        return f"${amount // 10:,}/mo"
    if rng.random() < 0.4:
        dirt.append(("Budget", "budget_as_text"))
        return f"${amount:,}.00"
    return amount if rng.random() < 0.8 else amount + 0.5


def _day(rng: Random, at: date, column: str, dirt: list[tuple[str, str]]) -> Cell:
    if rng.random() < 0.65:
        return at
    dirt.append((column, "date_as_text"))
    return us_day(at)


def _end(rng: Random, campaign: Campaign, dirt: list[tuple[str, str]]) -> Cell:
    if campaign.flaw == "ongoing":
        dirt.append(("End Date", "end_ongoing"))
        return "ongoing"
    if rng.random() < 0.15:
        return ""
    return _day(rng, campaign.start + timedelta(days=rng.randint(20, 150)), "End Date", dirt)


def _row(campaign: Campaign, cells: dict[str, Cell], dirt: list[tuple[str, str]], customer: Row) -> Row:
    key = campaign.number or _fallback_key(campaign.name, cells["Start Date"])
    dirt += [] if campaign.number else [("Campaign ID", "id_missing")]
    verdict = Verdict("loaded", "", f"deals/{key}")
    if campaign.flaw == "monthly":
        verdict = Verdict("held", "not_an_amount")
    elif campaign.flaw == "unknown_customer":
        verdict = Verdict("held", "parent_missing")
    loaded = verdict.bucket == "loaded"
    ongoing = loaded and campaign.flaw == "ongoing"
    return Row(
        key=key,
        cells=cells,
        verdicts={"deals": verdict},
        values={"deals": _values(campaign, cells, customer) if loaded else {}},
        dirt=tuple(dirt),
        aside=(("deals", "End Date", "not_a_date"),) if ongoing else (),
    )


def _fallback_key(name: str, start: Cell) -> str:
    text = start.isoformat() if isinstance(start, date) else str(start)
    return "-".join(f"{name}|{text}".strip().lower().split())


def _values(campaign: Campaign, cells: Mapping[str, Cell], customer: Row) -> dict[str, str]:
    status, budget = str(cells["Status"]), str(cells["Budget"])
    values = {
        "name": campaign.name,
        "amount": f"{float(budget.replace('$', '').replace(',', '')):.2f}",
        "deal_stage": STATUS_SPELLINGS.get(status, status),
        "campaign_start__c": campaign.start.isoformat(),
        "campaign_channels__c": ";".join(CHANNELS[str(cells["Channels"])]),
        "promio_campaign_id__c": campaign.number,
        "contacts": customer.record,
        "sales_account": customer.verdicts["accounts"].record,
        "owner": user_of(str(cells["Owner"])),
    }
    return {name: value for name, value in values.items() if value}


def performance_rows(rng: Random, campaigns: Sequence[Campaign], total: int) -> list[Row]:
    """Monthly figures, joined by the campaign's name only; they do not add up to the budgets."""
    rows: list[Row] = []
    months = -(-total // len(campaigns))
    for campaign in campaigns:
        for month in range(min(months, total - len(rows))):
            at = date(
                campaign.start.year + (campaign.start.month + month - 1) // 12, (campaign.start.month + month - 1) % 12 + 1, 1
            )
            rows.append(_figures(rng, campaign.name, at))
    return rows


def _figures(rng: Random, name: str, month: date) -> Row:
    clicks, spend = rng.randint(20, 900), rng.randint(8, 300) * 5
    cells: dict[str, Cell] = {
        "Campaign Name": name,
        "Month": f"{month:%b-%y}",
        "Impressions": clicks * rng.randint(20, 60),
        "Clicks": clicks,
        "Leads": clicks // 20,
        "Calls": clicks // 30,
        "Spend": spend,
        "Revenue": spend * 3 if rng.random() < 0.7 else None,
    }
    return Row(f"{name}|{month:%b-%y}", cells, {"performance": Verdict("excluded", "documented")})


def asset_rows(rng: Random, names: Sequence[str], total: int) -> list[Row]:
    """Landing pages, automations and ad accounts: listed, never loaded."""
    kinds = ("landing page", "landing page", "automation", "ad account")
    rows = []
    for position in range(total):
        kind, name = kinds[position % len(kinds)], names[position % len(names)]
        cells: dict[str, Cell] = {
            "Type": kind,
            "Name": f"{name} {kind} {position + 1}",
            "URL or ID": f"https://go.brightroof.example/p/{position + 1}"
            if kind == "landing page"
            else f"A-{7000 + position}",
            "Status": rng.choice(("live", "paused", "")),
            "Trigger": rng.choice(("lead created", "30 days without a job", "review below 4")) if kind == "automation" else "",
            "Notes": "",
        }
        rows.append(Row(f"{kind}|{cells['Name']}", cells, {"assets": Verdict("excluded", "documented")}))
    return rows
