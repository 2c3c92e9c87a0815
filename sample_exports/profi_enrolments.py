"""Who bought which package when, and how the bookkeeping of Profi states it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from random import Random

from sample_exports.profi_catalogue import Catalogue, Package
from sample_exports.profi_people import QUIET, Client, coach_email
from sample_exports.profi_rows import FRESHSALES, MAIN_ENDS, PIPEDRIVE, Size, chance, day, money
from sample_exports.promio_rows import Row, Verdict

COLUMNS = (
    "enrolment_id", "client_email", "package_name", "tier", "fee", "currency", "enrolled_on", "expires_on",
    "sessions_remaining",
    "renewal_date", "status", "coach_email",
)  # fmt: skip
STATUSES = {
    "active": "Open", "Active": "Open", "completed": "Won", "expired": "Won", "cancelled": "Lost", "Canceled": "Lost",
}  # fmt: skip
"""What Profi says of an enrolment, and the state of the deal that somebody who knows chooses for it."""


@dataclass(frozen=True)
class Enrolment:
    """A package that a client bought; ``used`` grows with the sessions that are held."""

    n: int
    client: Client
    package: Package
    start: date
    end: date | None
    coach: str
    planned: int  # sessions of it that the calendar holds or will hold
    gift: bool = False
    discount: float = 1.0
    follows: bool = False  # bought again: its sessions come when those of the one before are used up

    @property
    def id(self) -> str:
        """The number of the enrolment at Profi; sessions have lost it."""
        return f"EN-{20001 + self.n}"


@dataclass(frozen=True)
class Book:
    """The enrolments, and how many sessions of each are used up."""

    enrolments: tuple[Enrolment, ...]
    used: Mapping[int, int] = field(default_factory=dict)


def draft_enrolments(rng: Random, size: Size, clients: Sequence[Client], catalogue: Catalogue) -> list[Enrolment]:
    """What each client bought: nothing, one package after the other, or several at once."""
    drafts: list[Enrolment] = []
    for client in clients:
        if client.kind in QUIET:
            continue
        drafts += _of_client(rng, size, client, catalogue)
    drafts.sort(key=lambda each: (each.start, each.client.n))
    return [replace(draft, n=n) for n, draft in enumerate(drafts)]


def _of_client(rng: Random, size: Size, client: Client, catalogue: Catalogue) -> list[Enrolment]:
    draw = rng.random()
    scale = size.enrolled
    begin = client.created.date() + timedelta(days=rng.randint(2, 21))
    if draw < 0.16 * scale:  # several at once; sometimes two tiers of one name
        twins = [package for package in catalogue.packages if package.twin]
        count = rng.choice((2, 2, 2, 3, 3, 4))
        chosen = twins if chance(rng, 0.12) else rng.sample(catalogue.packages, count)
        return [_enrolment(rng, size, client, package, begin + timedelta(days=rng.randint(0, 40))) for package in chosen]
    if draw < 0.16 * scale + 0.20 * scale:  # the same again, sometimes before the first is used up
        package = rng.choice(catalogue.packages)
        first = _enrolment(rng, size, client, package, begin)
        gap = _lasting(package) + rng.randint(-25, 20)
        second = _enrolment(rng, size, client, package, begin + timedelta(days=max(20, gap)))
        second = replace(second, follows=chance(rng, 0.85))
        return [each for each in (first, second) if each.start <= MAIN_ENDS.date()]
    if draw < 0.16 * scale + 0.20 * scale + 0.30:
        return [_enrolment(rng, size, client, rng.choice(catalogue.packages), begin)]
    return []


def _lasting(package: Package) -> int:
    """Days in which a package is usually used up."""
    return package.included * 12 if package.included else 150


def _enrolment(rng: Random, size: Size, client: Client, package: Package, start: date) -> Enrolment:
    start = min(start, MAIN_ENDS.date() - timedelta(days=3))
    endless = chance(rng, 0.06)
    planned = package.included if package.included else rng.randint(6, 18)
    if chance(rng, 0.25):
        planned = max(1, planned - rng.randint(1, 3))
    return Enrolment(
        n=0,
        client=client,
        package=package,
        start=start,
        end=None if endless else start + timedelta(days=package.validity),
        coach=client.coaches[0] if chance(rng, 0.8) else rng.choice(client.coaches),
        planned=min(planned, size.longest),
        gift=chance(rng, 0.02),
        discount=rng.choice((1.0, 1.0, 1.0, 1.0, 0.9, 0.8)),
    )


# ---------------------------------------------------------------- as Profi writes it


def enrolment_rows(rng: Random, book: Book, records: Mapping[str, str], shared: frozenset[str]) -> list[Row]:
    """The rows; ``records`` leads from an address to the record of its client, ``shared`` are those of two."""
    rows, dirty = [], _Dirt(rng, len(book.enrolments))
    for enrolment in book.enrolments:
        cells, dirt = _cells(enrolment, book.used.get(enrolment.n, 0)), []
        for column, kind, value in dirty.of(enrolment, cells):
            cells[column] = value
            dirt.append((column, kind))
        address = cells["client_email"]
        verdict = _verdict(enrolment, address, records, shared)
        if "," in cells["fee"]:
            verdict = Verdict("held", "decimal_mark_differs")
        values = {f"{PIPEDRIVE}/enrolments": _values(enrolment, cells, records)} if verdict.bucket == "loaded" else {}
        ends = {f"{PIPEDRIVE}/enrolments": verdict, f"{PIPEDRIVE}/sold": _sold(enrolment, verdict)}
        ends[f"{FRESHSALES}/enrolments"] = Verdict("excluded", "other_answer")
        rows.append(Row(enrolment.id, cells, ends, values, dirt=tuple(dirt)))
    return rows


def _verdict(enrolment: Enrolment, address: str, records: Mapping[str, str], shared: frozenset[str]) -> Verdict:
    key = address.strip().casefold()
    if key in shared:
        return Verdict("held", "several_records_fit")
    if key not in records:
        return Verdict("held", "parent_missing")
    return Verdict("loaded", "", f"enrolments/{enrolment.id}")


def _sold(enrolment: Enrolment, verdict: Verdict) -> Verdict:
    """Where the product of the deal ends: with its deal, without which it waits."""
    if verdict.bucket == "loaded":
        return Verdict("loaded", "", f"sold/{enrolment.id}")
    return verdict if verdict.reason == "decimal_mark_differs" else Verdict("held", "parent_missing")


def _values(enrolment: Enrolment, cells: Mapping[str, str], records: Mapping[str, str]) -> dict[str, str]:
    values = {
        "title": enrolment.package.name,
        "person": records[cells["client_email"].strip().casefold()],
        "package_tier__c": cells["tier"],
        "enrolled_on__c": cells["enrolled_on"],
        "package_expiry__c": cells["expires_on"],
        "sessions_remaining__c": cells["sessions_remaining"],
        "value": cells["fee"],
    }
    return {name: value for name, value in values.items() if value}


def _cells(enrolment: Enrolment, used: int) -> dict[str, str]:
    package, today = enrolment.package, MAIN_ENDS.date()
    remaining = package.included - used if package.included else None
    over = enrolment.end is not None and enrolment.end < today
    status = "completed" if remaining == 0 else "expired" if over else "active"
    renewal = ""
    if package.billing == "monthly" and status == "active":
        renewal = day(date(today.year, today.month, 1) + timedelta(days=32))
    return {
        "enrolment_id": enrolment.id,
        "client_email": enrolment.client.email,
        "package_name": package.name,
        "tier": package.tier,
        "fee": "0.00" if enrolment.gift else money(package.fee * enrolment.discount),
        "currency": package.currency,
        "enrolled_on": day(enrolment.start),
        "expires_on": day(enrolment.end) if enrolment.end else "",
        "sessions_remaining": "" if remaining is None else str(remaining),
        "renewal_date": renewal,
        "status": status,
        "coach_email": coach_email(enrolment.coach),
    }


class _Dirt:
    """Plants each kind in its share of the rows, and in one row at least."""

    KINDS = (
        ("email_changed", 0.03), ("remaining_impossible", 0.03), ("remaining_empty", 0.03), ("expiry_before_start", 0.01),
        ("decimal_comma", 0.01), ("status_spelling", 0.03), ("cancelled", 0.03), ("tier_empty", 0.01),
    )  # fmt: skip

    def __init__(self, rng: Random, total: int) -> None:
        self.rng = rng
        self.planted: dict[int, list[str]] = defaultdict(list)
        for kind, rate in self.KINDS:
            for n in rng.sample(range(total), max(1, round(total * rate))):
                self.planted[n].append(kind)

    def of(self, enrolment: Enrolment, cells: Mapping[str, str]) -> list[tuple[str, str, str]]:
        """Column, kind and new value of what is wrong with this row."""
        found, left = list[tuple[str, str, str]](), list[str]()
        for kind in self.planted[enrolment.n]:
            each = self._one(kind, enrolment, cells)
            if each and each[0] not in {column for column, _, _ in found}:
                found.append(each)
            else:
                left.append(kind)  # the next row that it fits has it
        self.planted[enrolment.n + 1] += left
        if enrolment.gift:
            found.append(("fee", "gift", cells["fee"]))
        return found

    def _one(self, kind: str, enrolment: Enrolment, cells: Mapping[str, str]) -> tuple[str, str, str] | None:
        match kind:
            case "email_changed":
                stem = cells["client_email"].partition("@")[0].strip().lower()
                return ("client_email", kind, f"{stem}@former-mail.test")
            case "remaining_impossible" if cells["sessions_remaining"]:
                wrong = self.rng.choice((-2, enrolment.package.included + 3))
                return ("sessions_remaining", kind, str(wrong))
            case "remaining_empty" if cells["sessions_remaining"]:
                return ("sessions_remaining", kind, "")
            case "expiry_before_start" if cells["expires_on"]:
                return ("expires_on", kind, day(enrolment.start - timedelta(days=30)))
            case "decimal_comma" if cells["fee"] != "0.00":
                return ("fee", kind, cells["fee"].replace(".", ","))
            case "status_spelling" if cells["status"] == "active":
                return ("status", kind, " Active")
            case "tier_empty" if not enrolment.package.twin:  # its package is the only one of its name
                return ("tier", kind, "")
            case "cancelled" if cells["status"] == "active":
                return ("status", kind, "Canceled")
        return None
