"""What v1 had of deals, persons and organizations before it went out of support, for as long as a switch lets it answer."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.rehearsal.engine import House, Json, Record, Refusal, Reply
from workbench.rehearsal.pipedrive.account import v1_stamp
from workbench.rehearsal.pipedrive.answers import Asked, Handler, Operation, no, one
from workbench.rehearsal.pipedrive.deals import DATED, LINES
from workbench.rehearsal.pipedrive.fields import Fields
from workbench.rehearsal.pipedrive.flat import lifted
from workbench.rehearsal.pipedrive.former import Former
from workbench.rehearsal.pipedrive.lines import named, total
from workbench.rehearsal.pipedrive.offsets import Offsets
from workbench.rehearsal.pipedrive.records import Records
from workbench.rehearsal.pipedrive.rows import Rows

KINDS = ("deals", "persons", "organizations")
NUMBERS = ("person_id", "org_id", "pipeline_id", "stage_id", "value", "probability", "visible_to", "owner_id")
TAKEN = (
    *NUMBERS,
    "title",
    "currency",
    "add_time",
    "status",
    "lost_reason",
    "expected_close_date",
    "won_time",
    "lost_time",
    "close_time",
)


class Removed:
    """The reads of v1 that are gone, and the one write that could date a deal."""

    def __init__(self, house: House, records: Records, fields: Fields, rows: Rows) -> None:
        self._switches = house.switches
        self._records = records
        self._fields = fields
        self._rows = rows
        self._offsets = Offsets(house, Former(house))

    def operations(self) -> Iterable[Operation]:
        if self._switches["v1_removed"] == "answer":
            for kind in KINDS:
                yield Operation("v1", "GET", kind, 20, self._list(kind))
                yield Operation("v1", "GET", f"{kind}/#", 2, self._get(kind))
            yield Operation("v1", "GET", "deals/#/products", 20, self._lines)
        if self._switches["deal_add_time"] == "v1":
            yield Operation("v1", "POST", "deals", 10, self._create)

    def _list(self, kind: str) -> Handler:
        return lambda asked: self._offsets.listed(asked, kind, self._rows.of)

    def _get(self, kind: str) -> Handler:
        return lambda asked: one(self._rows.of(self._records.live("v1", kind, asked.number())))

    def _lines(self, asked: Asked) -> Reply:
        deal = self._records.live("v1", "deals", asked.number())
        return self._offsets.listed(asked, LINES, _line, below=("deals", deal.id), sortable=("order_nr",))

    def _create(self, asked: Asked) -> Reply:
        """A deal of a v1 body, which may say when it was created; what v1 did not know is passed over."""
        if not str(asked.body.get("title") or "").strip():
            no("v1", 400, "Deal title must be given.")
        body = self._lifted({**asked.body, "owner_id": asked.body.get("user_id")})
        problems = DATED.problems(body)
        if problems:
            no("v1", 400, problems[0])
        try:
            return one(self._rows.of(self._records.create("deals", body, asked.now)), 201)
        except Refusal as refusal:
            no("v1", refusal.status, str(refusal.messages[0]).removeprefix("Validation failed: "))

    def _lifted(self, given: Json) -> Json:
        types = {code: field.type for code, field in self._fields.of("deal").items()}
        plain = {
            key: _number(given[key]) if key in NUMBERS else given[key] for key in TAKEN if given.get(key) not in (None, "")
        }
        return {**plain, "custom_fields": lifted(given, types, {})}


def _line(line: Record) -> Json:
    """A line of a deal in v1's words."""
    body = line.body
    quantity, plain = body["quantity"], body["item_price"] * body["quantity"]
    price = total(body)
    percentage = body.get("discount_type", "percentage") == "percentage"
    return {
        **named(line),
        "discount_percentage": body.get("discount", 0) if percentage else 0,
        "duration": 1,
        "duration_unit": None,
        "sum_no_discount": plain,
        "sum": price,
        "currency": body["currency"],
        "enabled_flag": body.get("is_enabled", True),
        "add_time": v1_stamp(line.created),
        "last_edit": v1_stamp(line.updated),
        "comments": body.get("comments"),
        "active_flag": True,
        "tax": body.get("tax", 0),
        "sum_formatted": f"{price:,.2f} {body['currency']}",
        "quantity_formatted": f"{quantity:g}",
        "quantity": quantity,
    }


def _number(value: object) -> object:
    """v1 takes a number as text too."""
    if isinstance(value, str) and value.lstrip("-").isdecimal():
        return int(value)
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value
