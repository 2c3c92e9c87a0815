"""The customer's own properties: columns that no specification of the source knows."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random

from sample_exports.promio_rows import us_day

SERVICES = ("Roof Repair", "Roof Replacement", "Gutters", "Siding", "Skylights", "Inspection")
TIERS = ("Bronze", "Silver", "Gold", "Platinum")
PETS = ("Dog", "Cat", "Horse", "Chickens")
NOTES = (
    "Prefers mornings",
    "Gate on the left, ring twice",
    "Customer’s neighbor, met at the Home Show",
    'Asked for "architectural" shingles',
    "Wants a written quote; second opinion",
    "Leak over the kitchen\nSeen on Tuesday",
    "Insurance claim open\nAdjuster comes on the 4th\nCall back after that",
)
FORMULAS = ('=HYPERLINK("http://promo.example/win","Click")', "+1 call", "@home after six", "-5% off promised")


def lead_cells(rng: Random, cells: dict[str, str], created: datetime) -> list[tuple[str, str]]:
    """Fill the custom columns of a lead; the dirt that this planted comes back."""
    dirt: list[tuple[str, str]] = []
    if rng.random() < 0.6:
        cells["Service Interest"] = ";".join(rng.sample(SERVICES, rng.choice((1, 1, 2, 3))))
    cells["Est. Job Value"] = _filled(rng, f"${rng.randint(3, 240) * 100:,}.00", "Est. Job Value", dirt)
    cells["Roof Age (yrs)"] = _filled(rng, str(rng.randint(0, 45)), "Roof Age (yrs)", dirt)
    if rng.random() < 0.3:
        cells["Preferred Appt"] = us_day((created + timedelta(days=rng.randint(2, 21))).date())
    luck = rng.random()
    if luck < 0.02:
        cells["Notes"] = rng.choice(FORMULAS)
        dirt.append(("Notes", "formula_like"))
    elif luck < 0.2:
        cells["Notes"] = rng.choice(NOTES)
        dirt += [("Notes", "quoted_newline")] if "\n" in cells["Notes"] else []
        dirt += [("Notes", "cp1252_apostrophe")] if "’" in cells["Notes"] else []
    return dirt


def customer_cells(rng: Random, cells: dict[str, str], created: datetime) -> list[tuple[str, str]]:
    """Fill the custom columns of a customer; the dirt that this planted comes back."""
    dirt: list[tuple[str, str]] = []
    if rng.random() < 0.5:
        cells["Membership Tier"] = rng.choice(TIERS)
    if rng.random() < 0.35:
        cells["Pets on Site"] = ";".join(rng.sample(PETS, rng.choice((1, 1, 2))))
    if rng.random() < 0.4:
        ends = date(created.year + rng.choice((5, 10)), created.month, min(created.day, 28))
        cells["Warranty Ends"] = us_day(ends)
    if rng.random() < 0.3:
        cells["Gate Code"] = f"{rng.randint(0, 9999):04d}"
        dirt += [("Gate Code", "leading_zero_kept")] if cells["Gate Code"].startswith("0") else []
    return dirt


def _filled(rng: Random, value: str, column: str, dirt: list[tuple[str, str]]) -> str:
    luck = rng.random()
    if luck < 0.55:
        return value
    if luck < 0.65:
        dirt.append((column, "placeholder"))
        return rng.choice(("n/a", "-"))
    return ""
