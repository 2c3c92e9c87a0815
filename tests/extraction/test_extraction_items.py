"""Rows are cut out of a page byte for byte, and a page that cannot be taken apart is never taken for a whole one."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as some

from workbench.extraction.items import inner_bytes, read_lines, read_page
from workbench.extraction.shelf import file_name

texts = some.text(alphabet=some.characters(blacklist_categories=["Cs"]), max_size=12)
plain = some.none() | some.booleans() | some.integers() | texts
values = some.recursive(plain, lambda v: some.lists(v, max_size=3) | some.dictionaries(texts, v, max_size=3), max_leaves=5)
rows = some.lists(some.dictionaries(texts.filter(lambda name: name.lower() != "error"), values, max_size=4), max_size=6)
beside = some.dictionaries(texts.filter(lambda name: name not in ("Records", "a")), values, max_size=3)


@settings(max_examples=150, deadline=None)
@given(rows, beside, some.booleans(), some.sampled_from([None, 1, 2]))
def test_every_row_comes_out_as_it_went_in(
    found: list[dict[str, object]], around: dict[str, object], first: bool, indent: int | None
) -> None:
    listed: dict[str, object] = {"Records": found}
    body = json.dumps({**listed, **around} if first else {**around, **listed}, indent=indent, ensure_ascii=False).encode()
    page = read_page(body, ("Records",))
    assert page is not None
    assert [json.loads(raw) for raw, _, _ in page.rows] == found
    assert [value for _, value, _ in page.rows] == found
    assert all(raw in body for raw, _, _ in page.rows)
    assert page.beside == around


@settings(max_examples=150, deadline=None)
@given(rows.filter(bool), some.data())
def test_a_page_that_is_cut_anywhere_is_no_page(found: list[dict[str, object]], data: some.DataObject) -> None:
    body = json.dumps({"Status": 1, "Records": found}).encode()
    at = data.draw(some.integers(0, len(body) - 1))
    assert read_page(body[:at], ("Records",)) is None


def test_a_list_within_a_list_of_names_is_found() -> None:
    body = b'{"errors": [1], "data": {"rows": {"n": 2, "nodes": [{"id": 1}, null], "x": {"y": 1}}}}'
    page = read_page(body, ("data", "rows", "nodes"))
    assert page is not None
    assert [reason for _, _, reason in page.rows] == ["", "not_an_object"]
    assert page.beside == {"errors": [1], "data.rows.n": 2, "data.rows.x": {"y": 1}}


def test_bytes_that_are_no_text_stay_as_they_are() -> None:
    page = read_page(b'{"Records":[{"a":"\xff\xfe"},{"a":"b"}]}', ("Records",))
    assert page is not None
    assert [(raw, reason) for raw, _, reason in page.rows] == [(b'{"a":"\xff\xfe"}', "unreadable_bytes"), (b'{"a":"b"}', "")]


def test_a_page_without_its_list_is_none_and_an_empty_list_is_one() -> None:
    assert read_page(b'{"Status":1}', ("Records",)) is None
    page = read_page(b'{"Status":1,"Records":[]}', ("Records",))
    assert page is not None and page.rows == ()


def test_a_page_nested_too_deep_is_none() -> None:
    assert read_page(b'{"Records":' + b"[" * 100_000, ("Records",)) is None


def test_lines_of_an_export_are_rows_and_a_cut_one_is_broken() -> None:
    found = read_lines(b'{"id":1}\n\n{"id":2}\r\n{"id":')
    assert [reason for _, _, reason in found] == ["", "", "broken_json"]


def test_the_bytes_of_a_broken_row_are_told_from_what_stands_around_them() -> None:
    assert inner_bytes(b'{"Status":1,"Records":[{"a":"b]}', "Records") == b'{"a":"b'
    assert inner_bytes(b"<html>", "Records") == b"<html>"


@settings(max_examples=200, deadline=None)
@given(some.text(max_size=300))
def test_every_name_becomes_one_that_stays_in_its_folder(name: str) -> None:
    made = file_name(name)
    assert made and "/" not in made and "\0" not in made and made not in (".", "..") and len(made.encode()) <= 200
