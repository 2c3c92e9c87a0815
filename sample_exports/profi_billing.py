"""Invoices of Northlight: paid, late, in parts, given back, and numbered twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from random import Random

from sample_exports.profi_enrolments import Enrolment
from sample_exports.profi_rows import FRESHSALES, MAIN_ENDS, PIPEDRIVE, day, money
from sample_exports.profi_sessions import Guests
from sample_exports.promio_rows import Row, Verdict

COLUMNS = (
    "invoice_no", "client_email", "package_name", "issued_on", "due_on", "status", "amount", "amount_paid", "currency", "tax",
    "payment_method", "next_billing_date", "pdf",
)  # fmt: skip
STATUSES = {
    "paid": "Paid", "open": "Open", "overdue": "Overdue", "past due": "Overdue", "Overdue": "Overdue", "void": "Void",
    "refunded": "Refunded", "partially paid": "Partially paid",
}  # fmt: skip
KINDS = ("paid", "paid", "open", "overdue", "refund", "partial", "void", "overpaid", "parts_in_one_cell")


def invoice_rows(rng: Random, count: int, enrolments: Sequence[Enrolment], guests: Guests) -> list[Row]:
    """So many invoices; a refund comes under the number of the invoice that it gives back."""
    rows: list[Row] = []
    bought = [enrolment for enrolment in enrolments if not enrolment.gift]
    for n in range(count):
        kind = KINDS[n % 14] if n % 14 < len(KINDS) else "paid"
        if kind == "refund" and rows:
            rows.append(_refund(rows[-1], guests))
        else:
            rows.append(_invoice(rng, n, kind if kind != "refund" else "paid", bought[n * 7 % len(bought)], guests))
    return rows


def _invoice(rng: Random, n: int, kind: str, enrolment: Enrolment, guests: Guests) -> Row:
    amount = enrolment.package.fee * enrolment.discount
    issued = min(enrolment.start + timedelta(days=rng.randint(0, 3)), MAIN_ENDS.date())
    half = money(round(amount / 2, 2))
    paid, status = {
        "paid": (money(amount), "paid"),
        "open": ("0.00", "open"),
        "overdue": ("", rng.choice(("overdue", "past due", "Overdue"))),
        "partial": (half, "partially paid"),
        "void": ("", "void"),
        "overpaid": (money(amount + 20), "paid"),
        "parts_in_one_cell": (f"{half} + {half}", "paid"),
    }[kind]
    monthly = enrolment.package.billing == "monthly"
    number = f"NL-{issued:%Y}-{n + 1:04d}"
    cells = {
        "invoice_no": number,
        "client_email": enrolment.client.email.strip(),
        "package_name": enrolment.package.name,
        "issued_on": day(issued),
        "due_on": day(issued + timedelta(days=14)),
        "status": status,
        "amount": money(amount),
        "amount_paid": paid,
        "currency": enrolment.package.currency,
        "tax": money(round(amount * 0.19 / 1.19, 2)),
        "payment_method": rng.choice(("card", "SEPA", "bank transfer", "PayPal")),
        "next_billing_date": day(issued + timedelta(days=30)) if monthly else "",
        "pdf": f"files/invoices/{number}.pdf" if n % 9 == 0 else "",
    }
    return _placed(cells, guests, () if kind in ("paid", "open") else (("amount_paid", kind),))


def _refund(before: Row, guests: Guests) -> Row:
    cells = {name: str(value) for name, value in before.cells.items()}
    amount = cells["amount"].removeprefix("-")
    cells |= {"status": "refunded", "amount": f"-{amount}", "amount_paid": f"-{amount}", "tax": f"-{cells['tax']}", "pdf": ""}
    later = MAIN_ENDS.date() - timedelta(days=1)
    cells["issued_on"], cells["due_on"] = day(later), ""
    return _placed(cells, guests, (("invoice_no", "number_again"), ("amount", "refund")))


def _placed(cells: dict[str, str], guests: Guests, dirt: tuple[tuple[str, str], ...]) -> Row:
    key = f"{cells['invoice_no']}|{cells['issued_on']}"
    record = guests.of(cells["client_email"])
    verdict = Verdict("loaded", "", f"invoices/{key}") if record else Verdict("held", guests.missing(cells["client_email"]))
    ends = {f"{FRESHSALES}/invoices": verdict, f"{PIPEDRIVE}/invoices": Verdict("excluded", "documented")}
    values = {f"{FRESHSALES}/invoices": {"contact": record}} if record else {}
    return Row(key, cells, ends, values, dirt)
