"""The 51 rows of the scope documents: what flows where, which values are which row's, and which tests prove it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.specs import Feed, Route

TESTS = Path(__file__).parent
MARK = "row"
"""`@pytest.mark.row("RF4")`, `@pytest.mark.row("FF1-FF10")`: what a test proves."""


@dataclass(frozen=True)
class Row:
    """One promise; the source's word and the destination's, as the scope document has them."""

    id: str
    source: str
    target: str


@dataclass(frozen=True)
class Proof:
    """A test that fails where a row is not kept."""

    test: str
    file: str  # below tests/
    line: int  # of the mark's test, which only orders the list

    def __str__(self) -> str:
        return f"`{self.test}` ({self.file})"


ROWS: Mapping[str, tuple[Row, ...]] = {
    "promio_to_freshsales": (
        Row("PF1", "Lead", "Lead"),
        Row("PF2", "Customer", "Contact"),
        Row("PF3", "Customer (business)", "Account"),
        Row("PF4", "Campaign", "Deal"),
        Row("PF5", "Custom properties", "Custom fields"),
        Row("PF6", "Reputation, reviews", "Contact fields"),
        Row("PF7", "Call metadata", "Contact fields"),
        Row("PF8", "Owner", "User"),
    ),
    "profi_to_freshsales": (
        Row("RF1", "Member", "Contact"),
        Row("RF2", "Member (organisation)", "Account"),
        Row("RF3", "Session", "Deal"),
        Row("RF4", "Package, plan", "Deal fields"),
        Row("RF5", "Course", "Contact fields"),
        Row("RF6", "Booking", "Appointment"),
        Row("RF7", "Session note", "Note"),
        Row("RF8", "Invoice", "Deal fields, note"),
        Row("RF9", "Owner", "User"),
        Row("RF10", "Attachment", "File"),
        Row("RF11", "Workflow", "Document"),
    ),
    "profi_to_pipedrive": (
        Row("RP1", "Client", "Person"),
        Row("RP2", "Client organisation", "Organization"),
        Row("RP3", "Session booking", "Activity"),
        Row("RP4", "Package enrolment", "Deal"),
        Row("RP5", "Package tier", "Deal picklist"),
        Row("RP6", "Session status", "Activity outcome"),
        Row("RP7", "Content room, course", "Person fields"),
        Row("RP8", "Recurring pattern", "Text"),
        Row("RP9", "Note, journal entry", "Note"),
        Row("RP10", "Owner, coach", "User"),
        Row("RP11", "Attachment", "File"),
        Row("RP12", "Custom field", "Person field"),
    ),
    "soffront_to_freshsales": (
        Row("SF1", "Contact", "Contact"),
        Row("SF2", "Account", "Account"),
        Row("SF3", "Deal", "Deal"),
        Row("SF4", "Deal stage", "Deal stage"),
        Row("SF5", "Activity", "Task, appointment, sales activity"),
        Row("SF6", "Knowledge-base article", "Import package"),
        Row("SF7", "Ticket", "Deal, notes"),
        Row("SF8", "Custom object", "Account fields, or a module"),
        Row("SF9", "Project", "Document, notes"),
        Row("SF10", "Attachment", "File"),
    ),
    "fasttrack_to_freshsales": (
        Row("FF1", "Contact", "Contact"),
        Row("FF2", "Contact (unconverted)", "Lead"),
        Row("FF3", "Company", "Account"),
        Row("FF4", "Deal", "Deal"),
        Row("FF5", "Pipeline", "Sales pipeline"),
        Row("FF6", "Custom object", "Account fields, or a module"),
        Row("FF7", "Task, activity", "Task, sales activity"),
        Row("FF8", "Note, attachment", "Note, file"),
        Row("FF9", "Owner", "User"),
        Row("FF10", "Product, line item", "Product, deal product"),
    ),
}
"""By the name of the route."""

OWNERS = ("PF8", "RF9", "RP10", "FF9")
"""Rows that have the owners of all records of their route; Soffront's scope document has none."""

OWN: Mapping[tuple[str, str], str] = {
    ("PF", "contacts.sales_accounts"): "PF3",
    ("RF", "clients.sales_accounts"): "RF2",
    ("RP", "clients.organization"): "RP2",
    ("RP", "sessions.outcome"): "RP6",
    ("RP", "sessions.done"): "RP6",
    ("RP", "sessions.note"): "RP8",
    ("SF", "contacts.sales_accounts"): "SF2",
    ("SF", "deals.deal_stage"): "SF4",
    ("SF", "deals.deal_pipeline"): "SF4",
    ("FF", "contacts.sales_accounts"): "FF3",
    ("FF", "deals.deal_pipeline"): "FF5",
}
"""Prefix of the route, `feed.field` → the row whose promise this value is, where the route itself does not tell it apart."""

FOUND = {"PF": "PF5", "RF": "RF1", "RP": "RP12", "SF": "SF1", "FF": "FF1"}
"""The row of fields that no route names, and that somebody decided on."""


def prefix_of(row: str) -> str:
    """`RF` of `RF10`."""
    return row.rstrip("0123456789")


def row_of(route: Route, feed: Feed, field: str) -> str:
    """The row whose promise a field of a feed's records is."""
    first = next(row for row in feed.rows)
    prefix = prefix_of(first)
    if field == "owner":
        return next((row for row in OWNERS if prefix_of(row) == prefix), first)
    if (prefix, f"{feed.name}.{field}") in OWN:
        return OWN[prefix, f"{feed.name}.{field}"]
    plain = {rule.to for rule in feed.fields} | {lookup.to for lookup in feed.lookups} | set(feed.constants)
    attached = [
        each.rows[0]
        for each in route.feeds
        if each.kind == "attach" and feed.name in {match.feed for match in each.match} and field in {r.to for r in each.fields}
    ]
    if attached and field not in plain:
        return attached[0]
    declared = [row for each in route.custom_fields if each.name == field for row in each.rows]
    return next((row for row in declared if row in feed.rows), first if field in plain else FOUND[prefix])


# ---------------------------------------------------------------- which tests


def proofs() -> dict[str, list[Proof]]:
    """Every row that a test of this folder names in its mark → those tests, in the order of files and lines."""
    found: dict[str, list[Proof]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        for node, rows in _marked(ast.parse(text)) if f"mark.{MARK}(" in text else ():
            for row in rows:
                found.setdefault(row, []).append(Proof(node.name, path.relative_to(TESTS).as_posix(), node.lineno))
    return found


def _marked(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef, list[str]]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            said = [
                call
                for call in node.decorator_list
                if isinstance(call, ast.Call) and ast.unparse(call.func).endswith(f"mark.{MARK}")
            ]
            rows = [row for call in said for text in call.args for row in spread(ast.literal_eval(text))]
            if rows:
                yield node, rows


def spread(text: str) -> list[str]:
    """`RF1-RF3` → RF1, RF2, RF3; a single row is itself."""
    first, _, last = text.partition("-")
    prefix, numbers = prefix_of(first), [int(re.sub(r"\D", "", end)) for end in (first, last or first)]
    return [f"{prefix}{number}" for number in range(numbers[0], numbers[1] + 1)]
