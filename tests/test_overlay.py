"""A later delivery over the first one."""

from __future__ import annotations

import pandas as pd
import pytest

from workbench.errors import SpecError
from workbench.frames.overlay import carried, overlay
from workbench.specs import Table

CUSTOMERS = Table(files=("customers.csv",), key=("ID",), key_prefix="C-")


def table(*rows: tuple[str | None, str], delivery: str = "") -> pd.DataFrame:
    """Rows of a key and a city, with ids of their delivery."""
    full = [(f"{delivery}customers.csv:{line}", *row) for line, row in enumerate(rows, 2)]
    return pd.DataFrame(full, columns=["_row", "ID", "City"], dtype="str")


FIRST = table(("C-1", "Rye"), ("C-2", "Ely"), ("C-3", "Wem"))


def test_a_changed_row_takes_the_place_of_the_first_one_in_either_spelling_of_its_key() -> None:
    both = overlay(FIRST, table(("2", "Bath"), delivery="delta/"), CUSTOMERS)
    assert both["City"].tolist() == ["Rye", "Bath", "Wem"]
    assert both["_row"].tolist() == ["customers.csv:2", "delta/customers.csv:2", "customers.csv:4"]
    assert both.columns.tolist() == ["_row", "ID", "City"]


def test_new_rows_and_rows_without_a_key_come_last_in_their_order() -> None:
    both = overlay(FIRST, table(("9", "Bath"), (None, "Hay"), ("1", "Ryde"), delivery="delta/"), CUSTOMERS)
    assert both["City"].tolist() == ["Ryde", "Ely", "Wem", "Bath", "Hay"]


def test_an_empty_delivery_changes_nothing() -> None:
    assert overlay(FIRST, FIRST.head(0), CUSTOMERS).equals(FIRST)


def test_a_delivery_over_nothing_is_the_delivery() -> None:
    assert overlay(FIRST.head(0), FIRST, CUSTOMERS)["City"].tolist() == FIRST["City"].tolist()


def test_rows_without_a_key_stay_as_they_were_delivered() -> None:
    first = table((None, "Rye"), ("C-2", "Ely"))
    assert overlay(first, table(("2", "Bath")), CUSTOMERS)["City"].tolist() == ["Rye", "Bath"]


def test_places_are_counted_whatever_the_index_of_the_first_delivery() -> None:
    first = FIRST.set_axis([7, 0, 3])
    assert overlay(first, table(("3", "Bath"), ("1", "Ryde")), CUSTOMERS)["City"].tolist() == ["Ryde", "Ely", "Bath"]


def test_a_number_that_either_delivery_has_twice_keeps_every_later_row() -> None:
    first = table(("C-1", "Rye"), ("C-2", "Ely"), ("C-1", "Hay"))
    both = overlay(first, table(("1", "Bath"), ("1", "Wells")), CUSTOMERS)
    assert both["City"].tolist() == ["Bath", "Wells", "Ely"]


def test_a_column_that_the_later_delivery_leaves_out_is_not_emptied() -> None:
    both = overlay(FIRST, table(("2", ""), ("9", "")).drop(columns="City"), CUSTOMERS)
    assert both["City"].fillna("nothing").tolist() == ["Rye", "Ely", "Wem", "nothing"]


def test_a_column_that_only_the_later_delivery_has_is_empty_in_the_first() -> None:
    both = overlay(FIRST, table(("2", "Bath")).assign(Tier="A"), CUSTOMERS)
    assert both["Tier"].fillna("nothing").tolist() == ["nothing", "A", "nothing"]


def test_without_the_key_column_nothing_is_laid_over_anything() -> None:
    with pytest.raises(SpecError, match="no column 'ID'"):
        overlay(FIRST, FIRST.drop(columns="ID"), CUSTOMERS)


# ---------------------------------------------------------------- decisions of the first delivery


def test_what_was_decided_about_a_row_holds_for_the_row_that_took_its_place() -> None:
    both = overlay(FIRST, table(("2", "Bath"), ("3", "Wells"), delivery="delta/"), CUSTOMERS)
    found = carried({"customers.csv:3": "contacts/C-1", "customers.csv:4": ""}, FIRST, both, CUSTOMERS)
    assert found["delta/customers.csv:2"] == "contacts/C-1"
    assert found["delta/customers.csv:3"] == ""


def test_a_later_decision_about_the_new_row_overrules_the_first_one() -> None:
    both = overlay(FIRST, table(("2", "Bath"), delivery="delta/"), CUSTOMERS)
    found = carried({"customers.csv:3": "contacts/C-1", "delta/customers.csv:2": ""}, FIRST, both, CUSTOMERS)
    assert found["delta/customers.csv:2"] == ""


def test_of_a_number_that_stands_twice_only_the_row_that_was_decided_on_is_carried() -> None:
    first = table(("2", "Rye"), ("2", "Ely"))
    both = overlay(first, table(("2", "Rye"), ("2", "Ely"), delivery="delta/"), CUSTOMERS)
    found = carried({first["_row"].iloc[1]: "contacts/C-9"}, first, both, CUSTOMERS)
    assert "delta/customers.csv:2" not in found
    assert found["delta/customers.csv:3"] == "contacts/C-9"
