"""Tables of JSON objects: every line is a row or a reject, and what is nested becomes columns."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import ExportError
from workbench.readers import read_export
from workbench.readers.ndjson import flat


def written(folder: Path, *lines: str | bytes, name: str = "contacts.ndjson", end: str = "\n") -> Path:
    raw = [line.encode() if isinstance(line, str) else line for line in lines]
    path = folder / name
    path.write_bytes(b"\n".join(raw) + end.encode())
    return path


def row(path: Path, line: int) -> dict[str, object]:
    found = read_export(path).frame.loc[line]
    return {str(name): None if pd.isna(value) else value for name, value in found.items()}


def test_each_object_is_a_row_by_its_line_and_columns_may_come_late(tmp_path: Path) -> None:
    path = written(tmp_path, '{"id":"1","name":"Ann"}', "", '{"id":"2","phone":"0123"}')
    export = read_export(path)
    assert list(export.frame.index) == [1, 3]
    assert row(path, 1) == {"id": "1", "name": "Ann", "phone": None}
    assert row(path, 3) == {"id": "2", "name": None, "phone": "0123"}
    assert (export.report.rows, export.report.blank, export.report.physical_records, export.report.format) == (
        2,
        1,
        3,
        "ndjson",
    )


def test_numbers_keep_their_digits_and_nested_objects_become_columns(tmp_path: Path) -> None:
    nested = '"properties":{"score":"43","a":{"b":2}}'
    said = '{"id":7,"amount":1.10,"big":12345678901234567890,"ok":true,"none":null,' + nested + "}"
    path = written(tmp_path, '{"id":00,"x":1}', said)
    assert row(path, 2) == {
        "id": "7", "amount": "1.10", "big": "12345678901234567890", "ok": "true", "none": None,
        "properties.score": "43", "properties.a.b": "2",
    }  # fmt: skip
    assert read_export(path).rejects.to_numpy().tolist() == [[1, "not_json", '{"id":00,"x":1}']]


def test_a_list_is_one_cell_and_a_list_of_objects_has_columns_as_well(tmp_path: Path) -> None:
    path = written(tmp_path, '{"tags":["a","b"],"tiers":[{"price":1.50},{"price":2}],"empty":[]}')
    whole = '[{"price": "1.50"}, {"price": "2"}]'
    parts = {"tiers.0.price": "1.50", "tiers.1.price": "2"}
    assert row(path, 1) == {"tags": "a|b", "empty": None, "tiers": whole, **parts}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"id":', "not_json"),
        ("[1]", "not_json"),
        ('{"id":"4","error":"unreadable"}', "unreadable"),
        (b'{"id":"\xff"}', "unreadable_bytes"),
        ('{"id":"1","id":"2"}', "key_twice"),
        ('{"a.b":"1","a":{"b":"2"}}', "key_twice"),
    ],
)
def test_a_line_that_is_no_row_is_kept_with_its_reason(tmp_path: Path, line: str | bytes, reason: str) -> None:
    export = read_export(written(tmp_path, '{"id":"1"}', line, '{"id":"3"}'))
    assert list(export.frame["id"]) == ["1", "3"]
    assert list(export.rejects["reason"]) == [reason]
    assert list(export.rejects["line"]) == [2]


def test_a_last_line_cut_in_the_middle_is_told_from_a_broken_one(tmp_path: Path) -> None:
    export = read_export(written(tmp_path, '{"id":"1"}', '{"id":"2","na', end=""))
    assert list(export.rejects["reason"]) == ["cut_line"]


def test_an_array_of_objects_is_read_by_the_lines_of_its_objects(tmp_path: Path) -> None:
    path = written(tmp_path, "[", ' {"id": 1},', ' {"id": 2, "on": {"x": [1, 2]}}', "]", name="workflows.json")
    assert row(path, 3) == {"id": "2", "on.x": "1|2"}
    cut = written(tmp_path, '[{"id": 1},', '{"id": ', name="cut.json")
    assert read_export(cut).rejects["line"].tolist() == [2]


@pytest.mark.parametrize("end", ["", "\n", "\n \n"])
def test_a_file_without_lines_is_a_table_of_no_rows(tmp_path: Path, end: str) -> None:
    export = read_export(written(tmp_path, end=end))
    assert (export.report.rows, len(export.rejects), list(export.frame.columns)) == (0, 0, [])


def test_a_document_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="no objects"):
        read_export(written(tmp_path, "[", "]", name="workflows.json"))
    with pytest.raises(ExportError, match="empty"):
        read_export(written(tmp_path, name="workflows.json", end=""))


def test_damage_is_found_as_in_any_other_export(tmp_path: Path) -> None:
    export = read_export(written(tmp_path, '{"id":"1","name":"Jos\u00c3\u00a9","blank":"  "}'))
    assert {"mojibake", "blank_cells"} <= set(export.findings["code"])


PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=6)


@given(st.dictionaries(st.text(alphabet="abc", min_size=1, max_size=2), PLAIN | st.lists(PLAIN, max_size=3), max_size=4))
@settings(max_examples=60, deadline=None)
def test_no_value_of_an_object_is_lost(row: dict[str, object]) -> None:
    cells = flat(json.loads(json.dumps(row)))
    assert set(cells) == set(row)
    for name, value in row.items():
        if isinstance(value, str):
            assert cells[name] == value
