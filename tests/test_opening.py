"""What a notebook waits for before it can show anything: only what it shows is loaded."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from workbench import widgets

HEAVY = ("cryptography", "email_validator", "great_expectations", "httpx", "jinja2", "openpyxl", "rich", "stamina", "uvicorn")
TELL = "import json, sys; print(json.dumps(sorted(sys.modules)))"


def loaded(statement: str) -> set[str]:
    """The modules that a fresh interpreter has after the statement."""
    said = subprocess.run([sys.executable, "-c", f"{statement}\n{TELL}"], check=True, capture_output=True, text=True)
    return set(json.loads(said.stdout))


def test_importing_the_workbench_loads_no_library() -> None:
    added = {name.partition(".")[0] for name in loaded("import workbench") - loaded("pass")}
    assert added - sys.stdlib_module_names == {"workbench"}


def test_the_table_of_decisions_is_there_without_spreadsheets_pages_and_clients_of_http() -> None:
    opened = loaded("import workbench as wb\nfrom workbench import widgets\nwb.open_engagement\nwidgets.decision_table")
    assert "anywidget" in opened
    assert "pandas" in opened
    assert opened.isdisjoint(HEAVY)
    assert "workbench.ledger" not in opened, "the books of the loader are opened by whoever loads"
    assert "workbench.widgets.forms" not in opened, "a form is loaded by the notebook that shows it"


def test_commands_are_listed_without_a_frame_and_a_database() -> None:
    assert loaded("from workbench.cli import app").isdisjoint({"pandas", "sqlalchemy", *HEAVY} - {"rich"})


def test_what_a_notebook_loads_first_is_out_of_the_collectors_sight() -> None:
    told = "import gc\nassert gc.isenabled() and gc.get_freeze_count() > 10_000"
    assert "pandas" in loaded(f"import workbench as wb\nfrom workbench import widgets\n{told}")


def test_somebody_who_pauses_the_collector_finds_it_paused() -> None:
    assert "pandas" in loaded("import gc\ngc.disable()\nimport workbench as wb\nwb.open_engagement\nassert not gc.isenabled()")


@pytest.mark.parametrize("first", ["", "from workbench.widgets import header, loading, progress\n"])
def test_every_widget_is_a_thing_to_call_in_whichever_order_they_are_asked_for(first: str) -> None:
    orders = [widgets.__all__, widgets.__all__[::-1]]
    checks = "".join(f"assert callable(widgets.{name}), {name!r}\n" for order in orders for name in order)
    loaded(f"{first}from workbench import widgets\n{checks}")


def test_the_names_of_the_widgets_are_all_there_and_no_others() -> None:
    assert dir(widgets) == widgets.__all__
    with pytest.raises(AttributeError, match="no_such_widget"):
        _ = widgets.no_such_widget
