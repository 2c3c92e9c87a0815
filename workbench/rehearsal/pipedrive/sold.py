"""The deals in which a product is sold, as v1 alone lists them."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.rehearsal.engine import House, Reply
from workbench.rehearsal.pipedrive.answers import Asked, Operation
from workbench.rehearsal.pipedrive.deals import LINES
from workbench.rehearsal.pipedrive.offsets import Offsets
from workbench.rehearsal.pipedrive.records import Records
from workbench.rehearsal.pipedrive.rows import Rows


class Sold:
    """Where products stand in deals."""

    def __init__(self, house: House, records: Records, rows: Rows, offsets: Offsets) -> None:
        self._state = house.state
        self._records = records
        self._rows = rows
        self._offsets = offsets

    def operations(self) -> Iterable[Operation]:
        yield Operation("v1", "GET", "products/#/deals", 20, self._list)

    def _list(self, asked: Asked) -> Reply:
        product = self._records.live("v1", "products", asked.number())
        lines = (self._state.get(LINES, number) for number in self._state.children("products", product.id, LINES))
        numbers = dict.fromkeys(line.body["deal_id"] for line in lines if line is not None)
        deals = (self._state.get("deals", number) for number in numbers)
        return self._offsets.page(asked, [self._rows.of(deal) for deal in deals if deal is not None])
