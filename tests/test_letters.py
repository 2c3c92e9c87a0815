"""Cover letters and requests, as account managers and we ourselves write them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.errors import ExportError
from workbench.readers.letters import read_cover_letter, read_request

SAMPLES = Path(__file__).parent.parent / "sample_exports" / "promio"


def stated(tmp_path: Path, text: str, *, encoding: str = "utf-8") -> list[list[object]]:
    """What a letter states, file by file."""
    path = tmp_path / "cover_letter.txt"
    path.write_bytes(text.encode(encoding))
    return [list(row) for row in read_cover_letter(path).to_numpy()]


def test_the_letters_of_the_samples_state_every_file() -> None:
    frame = read_cover_letter(SAMPLES / "main" / "cover_letter.txt")
    assert frame["file"].nunique() == 7
    assert frame.set_index("file").loc["leads.csv"].tolist() == ["", 480, "2024-01-02", "2026-10-30"]
    assert frame.loc[frame["file"] == "campaigns.xlsx", "sheet"].tolist() == ["Campaigns", "Performance"]


@pytest.mark.parametrize(
    ("line", "file", "rows"),
    [
        ("leads.csv: 480 rows", "leads.csv", 480),
        ("leads.csv - 1,480 records", "leads.csv", 1480),
        ("leads.csv | 1.480 | no filter", "leads.csv", 1480),
        ("  * LEADS_2026-10-30.CSV (480)", "LEADS_2026-10-30.CSV", 480),
        ("leads.csv, as of 10/30/2026: 480 rows.", "leads.csv", 480),
        ("leads.csv, as of 2026-10-30, 480", "leads.csv", 480),
        ("leads.csv, Q3 of 2026: 480 rows", "leads.csv", 480),
        ("leads.csv, 4 columns short, 480 rows", "leads.csv", 480),
        ("480 rows are in leads.csv.", "leads.csv", 480),
        ("calls.tsv: 12 entries", "calls.tsv", 12),
        ("leads.csv: 0 rows", "leads.csv", 0),
    ],
)
def test_a_line_counts_where_it_names_a_file_and_its_rows(tmp_path: Path, line: str, file: str, rows: int) -> None:
    assert [each[:3] for each in stated(tmp_path, line)] == [[file, "", rows]]


@pytest.mark.parametrize(
    "line",
    ["", "Dear Ms. Ortiz,", "480 rows", "leads.csv is attached", "leads.csv of 10/30/2026", "leads.csv: 12,5", "a.pdf: 3 rows"],
)
def test_a_line_that_states_nothing_is_passed_over(tmp_path: Path, line: str) -> None:
    assert stated(tmp_path, line) == []


def test_two_files_in_one_line_are_two(tmp_path: Path) -> None:
    found = stated(tmp_path, "leads.csv: 480 rows, customers.csv: 166 rows and owners.csv")
    assert found == [["leads.csv", "", 480, "", ""], ["customers.csv", "", 166, "", ""]]


@pytest.mark.parametrize("way", ["#Campaigns", "/Campaigns", ", sheet Campaigns", " sheet 'Campaigns'"])
def test_a_sheet_is_named_in_several_ways(tmp_path: Path, way: str) -> None:
    assert stated(tmp_path, f"campaigns.xlsx{way}: 30 rows") == [["campaigns.xlsx", "Campaigns", 30, "", ""]]


@pytest.mark.parametrize("span", ["01/02/2024 to 10/30/2026", "2024-01-02 – 2026-10-30", "1/2/2024 through 10/30/2026"])
def test_days_come_back_in_one_way_of_writing(tmp_path: Path, span: str) -> None:
    assert stated(tmp_path, f"leads.csv: {span}, 480 rows") == [["leads.csv", "", 480, "2024-01-02", "2026-10-30"]]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
def test_a_letter_is_read_in_the_encodings_of_mail_programs(tmp_path: Path, encoding: str) -> None:
    assert stated(tmp_path, "Liebe Grüße – “Noel”\r\nleads.csv: 480 rows\r\n", encoding=encoding)[0][:3] == [
        "leads.csv",
        "",
        480,
    ]


def test_a_letter_of_stray_bytes_still_states_its_counts(tmp_path: Path) -> None:
    path = tmp_path / "cover_letter.txt"
    path.write_bytes(b"\x81\x8d\nleads.csv: 480 rows\n")
    assert read_cover_letter(path)["rows"].tolist() == [480]


def test_an_empty_letter_states_nothing_and_keeps_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "cover_letter.txt"
    path.write_text("")
    assert read_cover_letter(path).columns.tolist() == ["file", "sheet", "rows", "first", "last"]


def test_the_request_of_the_samples_names_tables_columns_and_days() -> None:
    request = read_request(SAMPLES / "request.json")
    leads = request.frame.set_index("table").loc["leads"]
    assert "Roof Age (yrs)" in leads["columns"]
    assert leads["last"] == "2026-10-30"


def test_a_request_may_leave_columns_and_days_open(tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    path.write_text(json.dumps({"from": "2024-01-01", "tables": {"leads": {}}}), encoding="utf-8-sig")
    request = read_request(path)
    assert request.frame.to_numpy().tolist() == [["leads", [], "", ""]]
    assert (request.first, request.last) == ("2024-01-01", "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"tables": []}',
        '{"tables": {"leads": []}}',
        '{"tables": {"leads": {"columns": "Lead ID"}}}',
    ],
)
def test_a_file_that_is_no_request_is_an_error_in_words(tmp_path: Path, text: str) -> None:
    path = tmp_path / "request.json"
    path.write_text(text)
    with pytest.raises(ExportError, match="the request cannot be read") as wrong:
        read_request(path)
    assert "request.json" in str(wrong.value)
