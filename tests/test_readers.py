"""Exports as they arrive: every physical record ends in one place, and nothing in a cell changes unseen."""

from __future__ import annotations

import csv
import datetime as dt
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from counting import calls_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.errors import EditError, ExportError
from workbench.readers import Export, list_sheets, read_export


@pytest.fixture
def export(tmp_path: Path) -> Callable[..., Path]:
    def write(content: str | bytes, name: str = "leads.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write


@pytest.fixture
def workbook(tmp_path: Path) -> Callable[..., Path]:
    def write(rows: list[list[object]], *, merge: str = "", formats: dict[str, str] | None = None) -> Path:
        book = openpyxl.Workbook()
        sheet = book.active
        sheet.title = "Campaigns"
        for row in rows:
            sheet.append(row)
        for cell, code in (formats or {}).items():
            sheet[cell].number_format = code
        if merge:
            sheet.merge_cells(merge)
        book.save(tmp_path / "book.xlsx")
        return tmp_path / "book.xlsx"

    return write


def codes(found: Export, column: str = "") -> set[str]:
    return set(found.findings.loc[found.findings["column"] == column, "code"])


def closes(found: Export) -> bool:
    r = found.report
    return r.preamble + r.header + r.blank + r.trailers + r.rows + r.rejected == r.physical_records and r.rows == len(
        found.frame
    )


# -- encodings


def test_a_cp1252_export_keeps_its_apostrophes(export: Callable[..., Path]) -> None:
    found = read_export(export("Name,City\nO’Neil,Köln\nAnn,Paris\n", encoding="cp1252"))

    assert found.frame["Name"].tolist() == ["O’Neil", "Ann"]
    assert found.report.encoding == "cp1252"
    assert set(found.report.non_ascii) == {"O’Neil", "Köln"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_exports_are_read_whatever_their_width(export: Callable[..., Path], encoding: str) -> None:
    found = read_export(export("Name;City\r\nZoë 🙂;Łódź\r\n", encoding=encoding))

    assert found.frame.iloc[0].tolist() == ["Zoë 🙂", "Łódź"]
    assert list(found.frame.columns) == ["Name", "City"]
    assert ("byte_order_mark" in codes(found)) == (encoding in ("utf-8-sig", "utf-16"))


def test_a_cyrillic_export_is_not_taken_for_western(export: Callable[..., Path]) -> None:
    names = ["Иван Петров,Москва", "Анна Смирнова,Санкт-Петербург", "Сергей Кузнецов,Новосибирск", "Ольга Попова,Казань"]
    found = read_export(export("Имя,Город\n" + "\n".join(names * 10) + "\n", encoding="cp1251"))

    assert found.frame.iloc[0].tolist() == ["Иван Петров", "Москва"]


def test_stray_bytes_in_a_utf8_export_reject_their_row_and_no_other(export: Callable[..., Path]) -> None:
    good = "Zoë,Köln\nJörg,Łódź\n".encode()
    found = read_export(export(b"Name,City\n" + good + b"Ren\xe9,Paris\n" + good))

    assert found.report.encoding == "utf-8"
    assert found.rejects.to_dict("records") == [{"line": 4, "reason": "unreadable_bytes", "raw": "Ren\\xe9,Paris"}]
    assert found.frame.index.tolist() == [2, 3, 5, 6]


def test_a_stated_encoding_is_used_and_an_unknown_one_refused(export: Callable[..., Path]) -> None:
    path = export("Name,City\nŻółw,Łódź\n", encoding="cp1250")

    assert read_export(path, encoding="cp1250").frame["Name"].tolist() == ["Żółw"]
    with pytest.raises(EditError, match="latin-99"):
        read_export(path, encoding="latin-99")


# -- dialects and records


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_separators_line_breaks_and_quotes_inside_quotes_stay_in_their_cell(
    export: Callable[..., Path], delimiter: str
) -> None:
    rows = [
        ["Id", "Note", "City"],
        ["1", f"a{delimiter} b\r\nsecond", "Rome"],
        ["2", 'she said "no"', "Oslo"],
        ["3", "x", "Bonn"],
    ]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)

    found = read_export(export(text.getvalue()))

    assert found.report.delimiter == delimiter
    assert found.frame.values.tolist() == rows[1:]
    assert found.frame.index.tolist() == [2, 4, 5]
    assert found.frame.index.name == "line"


def test_a_table_separated_by_blanks_is_told_from_a_list_of_names(export: Callable[..., Path]) -> None:
    table = read_export(export("id first last\n1 Ann Lee\n2 Bob Ray\n3 Cy Fox\n"))
    names = read_export(export("Full Name\nAnn Lee\nBob Ray\nCy Fox\n", name="names.csv"))

    assert table.frame.shape == (3, 3)
    assert names.frame["Full Name"].tolist() == ["Ann Lee", "Bob Ray", "Cy Fox"]


def test_a_blank_after_each_comma_belongs_to_the_dialect(export: Callable[..., Path]) -> None:
    found = read_export(export('id, name, city\n1, "Lee, Ann", Rome\n2, Bob, \n'))

    assert found.frame["name"].tolist() == ["Lee, Ann", "Bob"]
    assert found.frame["city"].isna().tolist() == [False, True]
    assert "space_after_delimiter" in codes(found)


def test_a_stated_delimiter_and_no_quotes_are_obeyed(export: Callable[..., Path]) -> None:
    path = export('size;name\n5" pipe;"a\n6" pipe;b"\n')

    found = read_export(path, delimiter=";", quote="")

    assert found.frame.values.tolist() == [['5" pipe', '"a'], ['6" pipe', 'b"']]
    with pytest.raises(EditError, match="one character"):
        read_export(path, delimiter="||")


@pytest.mark.parametrize("next_row", ['3,Cy,"fine"', "3,Cy,fine", '3,"Cy",fine'])
def test_a_quote_that_is_never_closed_costs_its_own_line_only(export: Callable[..., Path], next_row: str) -> None:
    found = read_export(export(f'id,name,note\n1,Ann,ok\n2,Bob,"open\n{next_row}\n4,Di,ok\n5,Ed,ok\n'))

    assert found.rejects[["line", "reason"]].values.tolist() == [[3, "unclosed_quote"]]
    assert found.rejects["raw"].tolist() == ['2,Bob,"open']
    assert found.frame["id"].tolist() == ["1", "3", "4", "5"]
    assert found.frame.index.tolist() == [2, 4, 5, 6]


def test_quotes_that_cannot_be_read_for_certain_are_rejected_not_smoothed(export: Callable[..., Path]) -> None:
    found = read_export(export('id,body,city\n1,"<p class=""a"">x</p>",Rome\n2,"<p class="b">y</p>",Oslo\n3,5" pipe,Bonn\n'))

    assert found.frame["body"].tolist() == ['<p class="a">x</p>', '5" pipe']
    assert found.rejects.values.tolist() == [[3, "broken_quotes", '2,"<p class="b">y</p>",Oslo']]


def test_quotes_escaped_by_a_backslash_are_read_and_paths_keep_theirs(export: Callable[..., Path]) -> None:
    escaped = read_export(export('a,b\n1,"say \\"hi\\", ok"\n2,"x"\n3,"y \\"z\\""\n'))
    paths = read_export(export('a,b\n1,"C:\\temp\\"\n2,"D:\\"\n', name="paths.csv"))

    assert escaped.frame["b"].tolist() == ['say "hi", ok', "x", 'y "z"']
    assert escaped.report.escape == "\\"
    assert paths.frame["b"].tolist() == ["C:\\temp\\", "D:\\"]


def test_a_note_of_a_megabyte_is_read_whole(export: Callable[..., Path]) -> None:
    note = "<p>long</p>\n" * 80_000
    found = read_export(export(f'id,note\n1,"{note}"\n2,short\n'))

    assert found.frame["note"].iloc[0] == note
    assert found.frame.index.tolist() == [2, 80_003]


def test_short_and_long_rows_are_rejected_with_line_and_reason(export: Callable[..., Path]) -> None:
    found = read_export(export("a,b,c\n1,x,y\n2,x\n3,x,y,z\n4,x,y,,\n5,x,y\n"))

    assert found.rejects.values.tolist() == [[3, "too_few_cells", "2,x"], [4, "too_many_cells", "3,x,y,z"]]
    assert found.frame["a"].tolist() == ["1", "4", "5"]
    assert "surplus_cells_trimmed" in codes(found)
    assert closes(found)


def test_a_file_that_habitually_leaves_out_trailing_cells_is_padded_in_order(export: Callable[..., Path]) -> None:
    body = "".join(f"{i},x\n" if i % 2 else f"{i},x,y\n" for i in range(20))
    found = read_export(export("id,b,c\n" + body))

    assert found.frame["id"].tolist() == [str(i) for i in range(20)]
    assert found.frame["c"].isna().sum() == 10
    assert found.findings.set_index("code").loc["short_rows_padded", "count"] == 10


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.lists(
            st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=8),
            min_size=3,
            max_size=3,
        ),
        min_size=2,
        max_size=12,
    )
)
def test_what_a_csv_writer_wrote_comes_back_cell_by_cell(tmp_path: Path, rows: list[list[str]]) -> None:
    path = tmp_path / "round.csv"
    with path.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle, quoting=csv.QUOTE_ALL).writerows([["Alpha", "Beta", "Gamma"], *rows, ["end", "of", "rows"]])

    found = read_export(path, encoding="utf-8", delimiter=",", quote='"', header_line=1)

    assert found.frame.values.tolist() == [*rows, ["end", "of", "rows"]]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet='ab1,;"\n\r\t \xe9', min_size=1, max_size=200).filter(lambda text: text.strip() != ""))
def test_no_record_of_a_polluted_file_vanishes(tmp_path: Path, text: str) -> None:
    path = tmp_path / "dirt.csv"
    path.write_bytes(text.encode("cp1252"))

    found = read_export(path, duplicates="number")

    assert closes(found)
    assert found.frame.index.is_monotonic_increasing
    assert set(found.frame.dtypes.astype(str)) <= {"str"}


# -- header, preamble, trailer


def test_a_preamble_above_the_header_is_set_aside(export: Callable[..., Path]) -> None:
    found = read_export(export("Lead report\nFrom 2024-01-01\n\nId,Name,City\n1,Ann,Rome\n2,Bob,Oslo\n"))

    assert found.report.header_line == 4
    assert (found.report.preamble, found.report.blank, found.report.rows) == (2, 1, 2)
    assert closes(found)


@pytest.mark.parametrize("title", ["sep=;\n", "Lead list\n", "Lead list;\n\n"])
def test_a_title_or_separator_hint_above_two_columns_is_not_the_header(export: Callable[..., Path], title: str) -> None:
    found = read_export(export(title + "Name;City\nAnn;Rome\nBob;Oslo\n"))

    assert list(found.frame.columns) == ["Name", "City"]
    assert found.report.preamble == 1
    assert len(found) == 2


def test_old_mac_line_ends_and_a_comma_too_many_are_no_obstacle(export: Callable[..., Path]) -> None:
    found = read_export(export("Name,City,\rAnn,Rome,\rBob,Oslo,\r"))

    assert found.frame.to_dict("index") == {2: {"Name": "Ann", "City": "Rome"}, 3: {"Name": "Bob", "City": "Oslo"}}
    assert found.report.columns == ("Name", "City")


def test_a_cell_beyond_all_measure_is_rejected(export: Callable[..., Path]) -> None:
    found = read_export(export("Id,Note\n1," + "x" * 4_100_000 + "\n2,ok\n"))

    assert found.rejects[["line", "reason"]].values.tolist() == [[2, "cell_too_long"]]
    assert found.frame["Id"].tolist() == ["2"]


def test_an_evident_file_without_header_loses_no_row(export: Callable[..., Path]) -> None:
    found = read_export(export("1,ann@example.com,2024-01-02\n2,bob@example.com,2024-01-03\n3,cy@example.com,2024-01-04\n"))

    assert list(found.frame.columns) == ["col_0", "col_1", "col_2"]
    assert len(found) == 3
    assert found.report.header_line is None


def test_a_year_in_the_header_does_not_make_it_data(export: Callable[..., Path]) -> None:
    found = read_export(export("Name,Region,2023,2024\nAnn,North,10,20\nBob,South,30,40\n"))

    assert list(found.frame.columns) == ["Name", "Region", "2023", "2024"]


def test_the_stated_header_line_wins_and_a_wrong_one_is_named(export: Callable[..., Path]) -> None:
    path = export("a,b\nname,city\nAnn,Rome\n")

    assert list(read_export(path, header_line=2).frame.columns) == ["name", "city"]
    assert len(read_export(path, header_line=0)) == 3
    with pytest.raises(EditError, match="line 9"):
        read_export(path, header_line=9)


def test_header_names_are_trimmed_named_and_reported(export: Callable[..., Path]) -> None:
    found = read_export(export("Id ,\u00a0Name,,City\n1,Ann,x,Rome\n2,Bob,y,Oslo\n"))

    assert list(found.frame.columns) == ["Id", "Name", "column_3", "City"]
    assert {"header_blanks_stripped", "header_named"} <= codes(found)


def test_a_name_used_twice_is_refused_in_words_or_numbered(export: Callable[..., Path]) -> None:
    path = export("Email,Name,Email\na@x.test,Ann,b@x.test\n")

    with pytest.raises(ExportError) as refused:
        read_export(path)
    assert "'Email' in columns 1, 3" in str(refused.value)
    assert 'duplicates="number"' in refused.value.todo
    assert list(read_export(path, duplicates="number").frame.columns) == ["Email", "Name", "Email_2"]


@pytest.mark.parametrize("last", ["Total,,4200", "Grand total:,2,4200", ",Sum,4200", "Total", "Total rows: 3"])
def test_an_evident_total_is_a_trailer_with_its_line(export: Callable[..., Path], last: str) -> None:
    found = read_export(export(f"Name,City,Fee\nAnn,Rome,1200\nBob,Oslo,1500\nCy,Bonn,1500\n\n{last}\n"))

    assert found.report.trailers == 1
    assert found.report.trailer_rows[0].line == 6
    assert len(found) == 3
    assert closes(found)


def test_a_company_named_total_is_a_row(export: Callable[..., Path]) -> None:
    found = read_export(export("Name,City,Fee\nAcme,Rome,1200\nSumner Ltd,Oslo,1500\nTotal Wine & More,Bonn,1500\n"))

    assert found.report.trailers == 0
    assert found.frame["Name"].iloc[-1] == "Total Wine & More"


def test_only_a_header_is_a_table_of_no_rows(export: Callable[..., Path]) -> None:
    found = read_export(export("Id,Name\n"))

    assert found.frame.shape == (0, 2)
    assert found.frame.index.name == "line"


# -- damage


def test_damage_is_found_and_left_as_it_is(export: Callable[..., Path]) -> None:
    zips = ["02134", "10001", "60601", "94105", "2134", "30301"]
    phones = ["6.17555E+09", "######", "+1 617 555 0100", "", "-", "n/a"]
    notes = ['=HYPERLINK("http://x.test")', "MÃ¼ller", "a\u00a0b", "zero\u200bwidth", "-5", "#N/A"]
    ids = ["123456789012345678", "1", "2", "3", "4", "5"]
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["Zip", "Phone", "Note", "Ref"], *zip(zips, phones, notes, ids, strict=True)])

    found = read_export(export(text.getvalue()))

    assert codes(found, "Zip") == {"lost_leading_zero"}
    assert codes(found, "Phone") == {"scientific_notation", "hash_filled", "placeholder"}
    assert codes(found, "Note") == {"formula_like", "mojibake", "no_break_space", "zero_width", "error_value", "placeholder"}
    assert codes(found, "Ref") == {"over_2_53"}
    assert found.frame["Note"].tolist() == notes
    assert found.frame["Zip"].tolist() == zips


def test_day_counts_among_dates_are_found(export: Callable[..., Path]) -> None:
    found = read_export(export("Id,Created\n1,01/02/2024\n2,45293\n3,03/04/2024\n4,05/06/2024\n"))

    assert codes(found, "Created") == {"date_serial"}


def test_a_cell_of_nothing_but_blanks_is_missing_and_counted(export: Callable[..., Path]) -> None:
    found = read_export(export("Id,Name,City\n1,   ,Rome\n2,Bob,\n3,Cy,Oslo\n"))

    assert found.frame["Name"].isna().tolist() == [True, False, False]
    assert found.frame["City"].isna().tolist() == [False, True, False]
    assert not (found.frame == "").any().any()
    assert "blank_cells" in codes(found, "Name")


def test_a_hostile_cell_stays_a_cell_in_html(export: Callable[..., Path]) -> None:
    found = read_export(export("Id,<b>Name</b>\n1,<script>alert(1)</script>\n2,x\n", name="<i>.csv"))

    shown = found._repr_html_() + found.report._repr_html_()

    assert "<script>" not in shown and "<b>" not in shown and "<i>" not in shown
    assert "&lt;script&gt;" in shown


# -- workbooks


def test_a_workbook_reads_as_a_person_sees_it(workbook: Callable[..., Path]) -> None:
    path = workbook(
        [
            ["Campaigns of 2024"],
            [],
            [],
            ["Name", "Zip", "Budget", "Start", "Seen", "Live", "Share", "Long"],
            [
                "Spring",
                501,
                1200.0,
                dt.date(2024, 3, 1),
                dt.datetime(2024, 3, 1, 9, 5),
                True,
                0.1 + 0.2,
                dt.timedelta(hours=30),
            ],
            ["Autumn", 60601, "$1,200/mo", "ongoing", None, False, 12.5, dt.time(7, 30)],
            ["Subtotal", None, 2400],
        ],
        merge="A1:H1",
        formats={"B5": "00000", "B6": "00000"},
    )

    found = read_export(path)

    assert found.frame.loc[5].tolist() == [
        "Spring",
        "00501",
        "1200",
        "2024-03-01",
        "2024-03-01T09:05:00",
        "TRUE",
        "0.3",
        "30:00:00",
    ]
    assert found.frame.loc[6].fillna("").tolist() == [
        "Autumn",
        "60601",
        "$1,200/mo",
        "ongoing",
        "",
        "FALSE",
        "12.5",
        "07:30:00",
    ]
    assert "zero_from_format" in codes(found, "Zip")
    assert (found.report.header_line, found.report.preamble, found.report.blank, found.report.trailers) == (4, 1, 2, 1)
    assert found.report.sheet == "Campaigns"


def test_text_that_looks_like_a_number_keeps_its_zeros(workbook: Callable[..., Path]) -> None:
    found = read_export(workbook([["Zip", "Ref"], ["00501", "123456789012345678"], ["02134", "7"]]))

    assert found.frame["Zip"].tolist() == ["00501", "02134"]
    assert found.frame["Ref"].iloc[0] == "123456789012345678"


def test_a_table_that_starts_in_the_middle_of_the_sheet_is_found(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for cell, value in {"C3": "Name", "D3": "City", "C4": "Ann", "D4": "Rome", "C5": "Bob", "D5": "Oslo"}.items():
        book.active[cell] = value
    book.save(tmp_path / "b.xlsx")

    found = read_export(tmp_path / "b.xlsx")

    assert found.frame.to_dict("index") == {4: {"Name": "Ann", "City": "Rome"}, 5: {"Name": "Bob", "City": "Oslo"}}
    assert closes(found)


def test_formulas_without_value_and_error_cells_are_told(workbook: Callable[..., Path]) -> None:
    found = read_export(workbook([["Name", "Sum", "Look"], ["Ann", "=1+1", "#N/A"], ["Bob", 2, "x"]]))

    assert "formula_without_value" in codes(found, "Sum")
    assert found.frame["Sum"].isna().tolist() == [True, False]
    assert found.frame["Look"].iloc[0] == "#N/A"
    assert "error_value" in codes(found, "Look")


def test_the_first_visible_sheet_with_content_is_read_and_the_others_are_named(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "Cover"
    hidden = book.create_sheet("Secret")
    hidden.append(["a", "b"])
    hidden.sheet_state = "hidden"
    sheet = book.create_sheet("Leads <1>")
    for row in (["Id", "Name"], [1, "Ann"]):
        sheet.append(row)
    book.create_chartsheet("Chart")
    path = tmp_path / "b.xlsx"
    book.save(path)

    found, sheets = read_export(path), list_sheets(path)

    assert found.report.sheet == "Leads <1>"
    assert "other_sheets" in codes(found)
    assert read_export(path, sheet="Secret").report.sheet == "Secret"
    assert sheets["name"].tolist() == ["Cover", "Secret", "Leads <1>"]
    assert sheets["visible"].tolist() == [True, False, True]
    assert sheets.loc[2, ["rows", "columns"]].tolist() == [2, 2]
    with pytest.raises(EditError) as refused:
        read_export(path, sheet="Lead")
    assert "'Cover', 'Secret', 'Leads <1>'" in refused.value.expected


# -- bombs


def with_part(path: Path, part: str, content: bytes) -> Path:
    bomb = path.with_name("bomb.xlsx")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, content if name == part else source.read(name))
    return bomb


SHEET = "xl/worksheets/sheet1.xml"
XMLNS = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


@pytest.mark.parametrize(
    "cell",
    [
        b'<c r="XFD1048576"><v>1</v></c>',
        b"<c r='XFD1048576'><v>1</v></c>",
        b'<c r = "XFD1048576"><v>1</v></c>',
        b'<c\tr="XFD1048576"><v>1</v></c>',
        b'<c r="&#88;FD1048576"><v>1</v></c>',
        b'<c r="XFD1&#48;48576"><v>1</v></c>',
        b'<c s="0"r="XFD1048576"><v>1</v></c>',
        b'<c r="xfd1048576"><v>1</v></c>',
        b'<c r="ZZZZ1"><v>1</v></c>',
    ],
)
def test_a_cell_at_the_far_corner_is_refused_before_it_is_loaded(
    workbook: Callable[..., Path], cell: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b"<worksheet " + XMLNS + b'><dimension ref="A1:B2"/><sheetData><row r="1"><c r="A1"><v>1</v></c></row><row>'
    path = with_part(workbook([["a", "b"], [1, 2]]), SHEET, body + cell + b"</row></sheetData></worksheet>")

    with monkeypatch.context() as loading:
        loading.setattr("python_calamine.CalamineWorkbook", None)
        with pytest.raises(ExportError, match="out of all proportion"):
            read_export(path)
        with pytest.raises(ExportError, match="out of all proportion"):
            list_sheets(path)


def test_entities_and_extreme_compression_are_refused(workbook: Callable[..., Path]) -> None:
    plain = workbook([["a", "b"], [1, 2]])
    entity = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet ' + XMLNS + b"><sheetData/></worksheet>"
    with pytest.raises(ExportError, match="entity"):
        read_export(with_part(plain, SHEET, entity))
    with pytest.raises(ExportError, match=":1"):
        read_export(with_part(plain, SHEET, b"<worksheet " + XMLNS + b">" + b" " * 30_000_000 + b"</worksheet>"))
    with pytest.raises(ExportError, match="entity"):
        read_export(with_part(plain, "xl/workbook.xml", entity))
    with pytest.raises(ExportError, match="UTF-8"):
        read_export(with_part(plain, SHEET, ("<worksheet/>").encode("utf-16")))


def test_a_truncated_workbook_is_an_error_in_words(workbook: Callable[..., Path]) -> None:
    path = workbook([["a", "b"], [1, 2]])
    path.write_bytes(path.read_bytes()[:-200])

    with pytest.raises(ExportError, match="damaged"):
        read_export(path)


# -- what is not an export


def test_what_is_no_export_is_refused_with_advice(export: Callable[..., Path], tmp_path: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr("leads.csv", "a,b\n1,2\n")
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
    for content, word in (
        (b"", "empty"),
        (b"\n\n  \n", "no text"),
        (b"%PDF-1.7 ...", "PDF"),
        (archive.getvalue(), "unpack"),
        (ole, "save it as XLSX"),
        (ole + "EncryptedPackage".encode("utf-16-le"), "password"),
        (b"<html><table><tr><td>1</td></tr></table></html>", "web page"),
        (bytes(range(1, 256)) * 8, "not text"),
        (b"\x00\x01\x02\x03" * 100, "not text"),
    ):
        with pytest.raises(ExportError, match=word) as refused:
            read_export(export(content, name="odd.xls"))
        assert refused.value.todo
    with pytest.raises(EditError, match="folder"):
        read_export(tmp_path)
    with pytest.raises(EditError, match="no such file"):
        read_export(tmp_path / "gone.csv")
    with pytest.raises(EditError, match="no sheets"):
        read_export(export("a,b\n1,2\n"), sheet="Leads")


def test_a_file_without_read_permission_is_told_so(export: Callable[..., Path]) -> None:
    path = export("a,b\n1,2\n")
    path.chmod(0)
    user = os.geteuid()
    try:
        if user == 0:  # root may read anything, so an ordinary user is borrowed for the attempt
            os.seteuid(65534)
        with pytest.raises(EditError, match="read permission"):
            read_export(path)
    finally:
        os.seteuid(user)


def test_a_large_csv_is_read_without_a_function_of_ours_for_each_cell(tmp_path: Path) -> None:
    rows, columns = 16_000, 25
    paths = [tmp_path / "half.csv", tmp_path / "whole.csv"]
    for path, count in zip(paths, (rows // 2, rows), strict=True):
        with path.open("w", newline="", encoding="cp1252") as handle:
            writer = csv.writer(handle)
            writer.writerow([f"Column {i}" for i in range(columns)])
            writer.writerows(
                [f"C-{row}", "O’Neil\nsecond line", *(f"value {row % 97}" for _ in range(columns - 2))] for row in range(count)
            )

    half, whole = (calls_of(lambda path=path: read_export(path)) for path in paths)

    assert len(read_export(paths[1])) == rows
    assert (whole - half) / (rows / 2) < 16  # a row; it is 11


def test_the_account_is_a_table(export: Callable[..., Path]) -> None:
    account = read_export(export("Id,Name\n1,Ann\n")).report.account()

    pd.testing.assert_series_equal(account["records"], pd.Series([0, 1, 0, 0, 1, 0, 2], name="records"))
