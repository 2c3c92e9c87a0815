"""Lay the tables out as three deliveries: the first one with gaps, the whole one, and what came after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

from sample_exports import promio_calls, promio_campaigns, promio_customers, promio_leads, promio_owners, promio_reputation
from sample_exports.promio_files import Sheet, Style, write_text, write_workbook
from sample_exports.promio_letters import Asked, Stated, write_letter, write_request
from sample_exports.promio_rows import (
    DELTA_ENDS,
    FIRST_DAY,
    LAST_MONTH_ENDS,
    LEADS_FROM,
    MAIN_ENDS,
    Row,
    Size,
)
from sample_exports.promio_world import Tables, World

LEADS = Style(encoding="cp1252")
CUSTOMERS = Style(encoding="utf-8-sig", newline="\n", headers={"Lifecycle": "Lifecycle "})
REPUTATION = Style(delimiter=";", newline="\n")
CALLS = Style(preamble=("Promio call log", "Account: Bright Roof Services", "Times are local to the caller"))
OWNERS = Style()
OTHER_HEADERS = {"Lead ID": "Lead No", "First Name": "First", "Last Name": "Last", "Email": "E-mail", "Phone": "Phone Number"}
TITLE = ("Bright Roof Services: campaigns", "as of 10/30/2026", "")


@dataclass(frozen=True)
class Placed:
    """A row, and where it stands: delivery, file (with its sheet) and line."""

    delivery: str
    file: str
    line: int
    row: Row


@dataclass(frozen=True)
class Gap:
    """Something that a delivery lacks, or that its letter states otherwise than its files."""

    delivery: str
    table: str
    file: str
    kind: str
    stated: str
    found: str


def write_main(folder: Path, tables: Tables) -> list[Placed]:
    """The whole delivery; the letter counts the header of customers.csv as a row."""
    folder.mkdir(parents=True, exist_ok=True)
    placed = _texts(folder, "main", tables)
    placed += _text(folder, "main", "reputation.csv", promio_reputation.COLUMNS, tables.reputation, REPUTATION)
    placed += _text(folder, "main", "owners.csv", promio_owners.COLUMNS, tables.owners, OWNERS)
    placed += _book(folder, "main", "campaigns.xlsx", _campaign_sheets(tables))
    placed += _book(folder, "main", "assets_inventory.xlsx", [Sheet("Inventory", promio_campaigns.ASSETS, tables.assets)])
    stated = [
        Stated("leads.csv", len(tables.leads), LEADS_FROM, MAIN_ENDS),
        Stated("customers.csv", len(tables.customers) + 1, FIRST_DAY, MAIN_ENDS),
        Stated("campaigns.xlsx, sheet Campaigns", len(tables.campaigns)),
        Stated("campaigns.xlsx, sheet Performance", len(tables.performance)),
        Stated("reputation.csv", len(tables.reputation)),
        Stated("calls.csv", len(tables.calls), LEADS_FROM, MAIN_ENDS),
        Stated("owners.csv", len(tables.owners)),
        Stated("assets_inventory.xlsx", len(tables.assets)),
    ]
    write_letter(
        folder / "cover_letter.txt",
        day=MAIN_ENDS,
        opening="this is the complete export that you asked for, including what was missing from our first one.",
        stated=stated,
        closing="Call recordings stay available under their links until the account is closed.",
    )
    return placed


def write_delta(folder: Path, tables: Tables) -> list[Placed]:
    """The delivery before the cutover: all customers, and what is new of leads and calls."""
    folder.mkdir(parents=True, exist_ok=True)
    placed = _texts(folder, "delta", tables)
    since = MAIN_ENDS + timedelta(days=1)
    write_letter(
        folder / "cover_letter.txt",
        day=DELTA_ENDS,
        opening="here is the update since our delivery of 10/30/2026. The customer file is complete again.",
        stated=[
            Stated("leads.csv", len(tables.leads), since, DELTA_ENDS, "new since 10/30/2026"),
            Stated("customers.csv", len(tables.customers), FIRST_DAY, DELTA_ENDS),
            Stated("calls.csv", len(tables.calls), since, DELTA_ENDS, "new since 10/30/2026"),
        ],
        closing="Customer numbers now come out of our new reporting without their prefix.",
    )
    return placed


def _texts(folder: Path, delivery: str, tables: Tables) -> list[Placed]:
    placed = _text(folder, delivery, "leads.csv", promio_leads.COLUMNS, tables.leads, LEADS)
    placed += _text(folder, delivery, "customers.csv", promio_customers.COLUMNS, tables.customers, CUSTOMERS)
    placed += _text(folder, delivery, "calls.csv", promio_calls.COLUMNS, tables.calls, CALLS)
    return placed


def _campaign_sheets(tables: Tables) -> list[Sheet]:
    return [
        Sheet("Campaigns", promio_campaigns.COLUMNS, tables.campaigns, title=TITLE, total="Budget"),
        Sheet("Performance", promio_campaigns.PERFORMANCE, tables.performance, computed=("Revenue", "G{line}*3")),
    ]


def _text(folder: Path, delivery: str, file: str, columns: Sequence[str], rows: Sequence[Row], style: Style) -> list[Placed]:
    lines = write_text(folder / file, columns, rows, style)
    return [Placed(delivery, file, line, row) for line, row in zip(lines, rows, strict=True)]


def _book(folder: Path, delivery: str, file: str, sheets: Sequence[Sheet]) -> list[Placed]:
    lines = write_workbook(folder / file, sheets)
    several = len(sheets) > 1
    return [
        Placed(delivery, f"{file}#{sheet.name}" if several else file, line, row)
        for sheet, numbers in zip(sheets, lines, strict=True)
        for line, row in zip(numbers, sheet.rows, strict=True)
    ]


def write_incomplete(folder: Path, tables: Tables, size: Size) -> list[Gap]:
    """The first delivery: no reviews, leads to last month and broken off, two columns and a sheet left out."""
    folder.mkdir(parents=True, exist_ok=True)
    due = [row for row in tables.leads if row.when and row.when <= LAST_MONTH_ENDS]
    leads = due[: size.cut]
    calls = [row for row in tables.calls if row.when and row.when <= LAST_MONTH_ENDS]
    customers = [row for row in tables.customers if row.when and row.when <= LAST_MONTH_ENDS]
    less = [column for column in promio_customers.COLUMNS if column != "Lifetime Value"]
    unnumbered = [column for column in promio_campaigns.COLUMNS if column != "Campaign ID"]
    kept = calls[: len(calls) * 9 // 10]
    write_text(folder / "leads.csv", promio_leads.COLUMNS, leads, replace(LEADS, headers=OTHER_HEADERS))
    write_text(folder / "customers.csv", less, customers, CUSTOMERS)
    write_text(folder / "calls.csv", promio_calls.COLUMNS, kept, CALLS)
    write_text(folder / "owners.csv", promio_owners.COLUMNS, tables.owners, OWNERS)
    write_workbook(folder / "campaigns.xlsx", [Sheet("Campaigns", unnumbered, tables.campaigns, title=TITLE, total="Budget")])
    write_letter(
        folder / "cover_letter.txt",
        day=datetime(2026, 10, 12),
        opening="enclosed is the export of your account.",
        stated=[
            Stated("leads.csv", len(due), LEADS_FROM, LAST_MONTH_ENDS),
            Stated("customers.csv", len(customers), FIRST_DAY, LAST_MONTH_ENDS),
            Stated("campaigns.xlsx", len(tables.campaigns)),
            Stated("calls.csv", len(calls), LEADS_FROM, LAST_MONTH_ENDS),
            Stated("owners.csv", len(tables.owners)),
        ],
        closing="Please tell us if you need anything else.",
    )
    return _gaps(leads, len(due), kept, len(calls))


def _gaps(leads: Sequence[Row], leads_due: int, calls: Sequence[Row], calls_due: int) -> list[Gap]:
    """What the first delivery lacks, against its letter and against the request."""
    last = max(row.when for row in leads if row.when)
    first_call = min(row.when for row in calls if row.when)
    asked, here = MAIN_ENDS.date().isoformat(), "incomplete"
    return [
        Gap(here, "reputation", "reputation.csv", "file_missing", "", ""),
        Gap(here, "assets", "assets_inventory.xlsx", "file_missing", "", ""),
        Gap(here, "performance", "campaigns.xlsx#Performance", "sheet_missing", "", ""),
        Gap(here, "customers", "customers.csv", "column_missing", "Lifetime Value", ""),
        Gap(here, "campaigns", "campaigns.xlsx#Campaigns", "column_missing", "Campaign ID", ""),
        Gap(here, "leads", "leads.csv", "count_differs", str(leads_due), str(len(leads))),
        Gap(here, "leads", "leads.csv", "row_limit", "", str(len(leads))),
        Gap(here, "leads", "leads.csv", "range_short", asked, last.date().isoformat()),
        Gap(here, "calls", "calls.csv", "count_differs", str(calls_due), str(len(calls))),
        Gap(here, "calls", "calls.csv", "range_short", LEADS_FROM.date().isoformat(), first_call.date().isoformat()),
        Gap(here, "calls", "calls.csv", "range_short", asked, LAST_MONTH_ENDS.date().isoformat()),
    ]


def main_gaps(tables: Tables) -> list[Gap]:
    """What the letter of the whole delivery states otherwise than its files."""
    count = len(tables.customers)
    return [Gap("main", "customers", "customers.csv", "header_counted", str(count + 1), str(count))]


def write_asked(path: Path) -> None:
    """What Promio was asked for."""
    to = MAIN_ENDS.date()
    leads, customers, always = LEADS_FROM.date(), FIRST_DAY.date(), None
    asked: list[tuple[str, str, Sequence[str], date | None, str]] = [
        ("leads", "leads.csv", promio_leads.COLUMNS, leads, ""),
        ("customers", "customers.csv", promio_customers.COLUMNS, customers, ""),
        ("campaigns", "campaigns.xlsx", promio_campaigns.COLUMNS, always, "Campaigns"),
        ("performance", "campaigns.xlsx", promio_campaigns.PERFORMANCE, always, "Performance"),
        ("reputation", "reputation.csv", promio_reputation.COLUMNS, always, ""),
        ("calls", "calls.csv", promio_calls.COLUMNS, leads, ""),
        ("owners", "owners.csv", promio_owners.COLUMNS, always, ""),
        ("assets", "assets_inventory.xlsx", promio_campaigns.ASSETS, always, ""),
    ]
    write_request(
        path, [Asked(table, file, columns, first, to if first else None, sheet) for table, file, columns, first, sheet in asked]
    )


def write_deliveries(out: Path, world: World, size: Size) -> tuple[list[Placed], list[Gap]]:
    """All files that somebody at Promio would have sent, and our request; where each row stands, and what is missing."""
    placed = write_main(out / "main", world.main) + write_delta(out / "delta", world.delta)
    gaps = write_incomplete(out / "incomplete", world.main, size)
    write_asked(out / "request.json")
    return placed, gaps + main_gaps(world.main)
