"""Tables that a route derives: pictures out of texts, files out of a list, each with a row and each accounted for."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from small_route import aside, column, ends, route, source, table

from workbench.engagement import Engagement, new_engagement
from workbench.flow.derived import derive, unlisted
from workbench.frames.inline import address_of, decoded, filled_in, keys_in, pictures, with_addresses
from workbench.frames.staged import Staged
from workbench.specs import Route, Source

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==")
INLINE = f'<img alt="a dot" src="data:image/png;base64,{base64.b64encode(PNG).decode()}">'
LIMIT = 200

LIST = {"name": "files", "kind": "files", "table": "listed", "column": "path", "about": "", "limit": LIMIT}
LIST |= {"file_name": "name", "bytes": "size", "sha256": "digest", "content_type": "kind"}
TEXTS = {"name": "note_images", "kind": "images", "table": "notes", "column": "body", "about": ""}


class Desk:
    """An engagement with one delivery, whose source and route are the test's own."""

    def __init__(self, folder: Path, *derived: Mapping[str, Any], feeds: list[Mapping[str, Any]]) -> None:
        exports = folder / "exports"
        exports.mkdir(parents=True)
        (exports / "cover_letter.txt").write_text("nothing\n")
        made = new_engagement(folder / "e", exports=exports, route="promio_to_freshsales", customer="X", key="k")
        self.source = source({"listed": "path", "notes": "id"})
        self.route = route(*feeds, derived=derived, scope=[WAY])
        self.engagement = _with(made, self.route, self.source)
        self.exports = self.engagement.exports()

    def put(self, path: str, content: bytes) -> str:
        target = self.exports / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return hashlib.sha256(content).hexdigest()

    def derived(self, *rows: Mapping[str, object], name: str = "listed", way: str = "") -> pd.DataFrame:
        """The derived table of these rows."""
        for each in ("listed", "notes"):
            frame = table(each, *rows) if each == name and rows else pd.DataFrame({"_row": pd.Series(dtype="str")})
            for key in ("path", "id"):
                frame[key] = frame[key] if key in frame else pd.Series(pd.NA, index=frame.index, dtype="str")
            self.engagement.save(f"tables/{each}", frame)
        self.engagement.save("rows_read", pd.DataFrame({"table": ["listed", "notes"], "records": [0, 0]}))
        derive(self.engagement, scope={"large": way} if way else None)
        return self.engagement.load(f"tables/{self.route.derived[0].name}")


WAY = {
    "name": "large",
    "question": "And large files?",
    "options": ["split", "compress", "link", "skip", "manual"],
    "default": "manual",
}
FILES = {"name": "uploads", "table": "files", "object": "contact", "fields": [{"column": "file_name", "to": "last_name"}]}
NOTES = {"name": "notes", "table": "notes", "fields": [{"column": "body", "to": "last_name", "recipe": "html"}]}
IMAGES = {"name": "images", "table": "note_images", "fields": [{"column": "file_name", "to": "last_name"}]}


def _with(made: Engagement, chosen: Route, known: Source) -> Engagement:
    from dataclasses import replace

    return replace(made, route=chosen, source=known)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    yield Desk(tmp_path, {**LIST, "over_limit": "scope:large"}, feeds=[FILES])


@pytest.fixture
def texts(tmp_path: Path) -> Iterator[Desk]:
    yield Desk(tmp_path, TEXTS, feeds=[IMAGES, NOTES])


def said(frame: pd.DataFrame, *columns: str) -> list[tuple[object, ...]]:
    return [tuple(None if pd.isna(cell) else cell for cell in row) for row in frame[list(columns)].to_numpy()]


# ---------------------------------------------------------------- files


def test_a_listed_file_is_looked_at_where_it_lies(desk: Desk) -> None:
    digest = desk.put("files/a b.pdf", b"%PDF 1")
    made = desk.derived({"path": "files/a b.pdf", "name": "Plan.pdf", "size": "6", "digest": digest.upper(), "for": "c-1"})
    assert said(made, "_row", "file_id", "file", "file_name", "bytes", "sha256", "content_type", "problem", "for") == [
        (
            "listed.csv:2!file",
            "files/a b.pdf",
            "exports/main/files/a b.pdf",
            "Plan.pdf",
            "6",
            digest,
            "application/pdf",
            None,
            "c-1",
        )
    ]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"path": "files/gone.pdf"}, "file_missing"),
        ({"path": ""}, "file_missing"),
        ({"path": "../../engagement.toml"}, "file_outside"),
        ({"path": "files/empty.txt"}, "file_empty"),
        ({"path": "files/a.txt", "size": "99"}, "file_differs"),
        ({"path": "files/a.txt", "digest": "00"}, "file_differs"),
        ({"path": "files/" + "n" * 300}, "file_missing"),
        ({"path": "files/big.bin"}, "file_over_limit"),
        ({"path": "/files/a.txt"}, None),
        ({"path": "files\\a.txt"}, None),
        ({"path": "files/Mu\u0308ller.txt"}, None),
    ],
)
def test_what_is_wrong_with_a_file_is_said(desk: Desk, row: dict[str, str], problem: str | None) -> None:
    desk.put("files/a.txt", b"hello")
    desk.put("files/empty.txt", b"")
    desk.put("files/big.bin", b"x" * (LIMIT + 1))
    desk.put("files/M\u00fcller.txt", b"accents")
    assert said(desk.derived(row), "problem") == [(problem,)]


@pytest.mark.row("RF10")
def test_a_file_over_the_limit_is_split_and_its_parts_make_it_again(desk: Desk) -> None:
    content = bytes(range(256)) * 2
    desk.put("files/film.mp4", content)
    made = desk.derived({"path": "files/film.mp4", "for": "c-1"}, way="split")
    assert said(made, "_row", "file_id", "file_name", "part", "problem", "for") == [
        (f"listed.csv:2!part{n}", f"files/film.mp4!part{n}", f"film.mp4.{n:03d}", f"{n}/3", None, "c-1") for n in (1, 2, 3)
    ]
    parts = [(desk.engagement.root / path).read_bytes() for path in made["file"]]
    assert b"".join(parts) == content
    assert [hashlib.sha256(part).hexdigest() for part in parts] == list(made["sha256"])
    assert [str(len(part)) for part in parts] == list(made["bytes"])


def test_a_file_over_the_limit_is_compressed_where_that_helps(desk: Desk) -> None:
    desk.put("files/text.txt", b"a" * 5_000)
    made = desk.derived({"path": "files/text.txt", "size": "5000"}, way="compress")
    assert said(made, "file_name", "content_type", "problem") == [("text.txt.zip", "application/zip", None)]
    with zipfile.ZipFile(desk.engagement.root / made["file"][0]) as archive:
        assert archive.read("text.txt") == b"a" * 5_000
    again = desk.derived({"path": "files/text.txt"}, way="compress")
    assert again["sha256"][0] == made["sha256"][0]
    desk.put("files/noise.bin", hashlib.sha256(b"1").digest() * 4 + hashlib.sha512(b"2").digest() * 2)
    tough = desk.derived({"path": "files/noise.bin"}, way="skip")
    assert said(tough, "problem") == [("file_skipped",)]


@pytest.mark.parametrize(
    ("way", "end"),
    [("skip", ("excluded", "file_skipped")), ("link", ("excluded", "file_linked")), ("manual", ("held", "file_over_limit"))],
)
@pytest.mark.row("SF10", "FF8", "RP11")
def test_a_file_over_the_limit_ends_as_it_was_decided(desk: Desk, way: str, end: tuple[str, str]) -> None:
    desk.put("files/big.bin", b"x" * (LIMIT + 1))
    desk.put("files/a.txt", b"x")
    rows = [{"path": "files/big.bin"}, {"path": "files/a.txt"}, {"path": "files/gone"}]
    made = _staged(desk, desk.derived(*rows, way=way))["uploads"]
    assert [found[:2] for found in ends(made)] == [end, ("load", None), ("rejected", "file_missing")]


def test_files_that_no_list_names_do_not_go_unseen(desk: Desk) -> None:
    desk.put("files/a.txt", b"x")
    desk.put("files/deep/b.txt", b"x")
    desk.derived({"path": "files/a.txt"})
    assert unlisted(desk.engagement, "main", desk.exports) == ({"files"}, ["files/deep/b.txt"])


# ---------------------------------------------------------------- pictures


def _staged(desk: Desk, *frames: pd.DataFrame) -> dict[str, Staged]:
    from small_route import plans

    from workbench.stages.transform import stage_all

    names = desk.route.tables()
    return stage_all(plans(desk.route, desk.source), {name: desk.engagement.load(f"tables/{name}") for name in names})


def test_pictures_become_files_and_the_text_says_where_they_go(texts: Desk) -> None:
    digest = texts.put("img/plan one.png", PNG)
    body = f'<p>Hi</p>{INLINE}\n<!-- {INLINE} --><img src="img/plan%20one.png"><img src="https://cdn.test/x.png?e=1" alt="old">'
    rows = [
        {"id": "n-1", "body": body, "who": "c-1"},
        {"id": "n-2", "body": '<img src="gone.png" alt="g"><img src="data:x">'},
        {"id": "n-3", "body": "plain"},
        {"id": "n-4"},
    ]
    made = texts.derived(*rows, name="notes")
    assert said(made, "_row", "file_id", "file_name", "content_type", "problem", "who") == [
        ("notes.csv:2!image1", "n-1!image1", "image1.png", "image/png", None, "c-1"),
        ("notes.csv:2!image2", "n-1!image2", "plan one.png", "image/png", None, "c-1"),
        ("notes.csv:2!image3", "n-1!image3", None, None, "image_elsewhere", "c-1"),
        ("notes.csv:3!image1", "n-2!image1", "gone.png", None, "image_missing", None),
        ("notes.csv:3!image2", "n-2!image2", None, None, "image_unreadable", None),
    ]
    assert (texts.engagement.root / made["file"][0]).read_bytes() == PNG
    assert made["sha256"][0] == made["sha256"][1] == digest
    assert "body" not in made
    assert texts.engagement.load("rows_read").set_index("table")["records"]["note_images"] == 5
    staged = _staged(texts)
    assert [found[:2] for found in ends(staged["images"])] == [
        ("load", None),
        ("load", None),
        ("excluded", "image_elsewhere"),
        ("rejected", "image_missing"),
        ("rejected", "image_unreadable"),
    ]
    first, second, *_ = column(staged["notes"], "last_name")
    assert first == (
        '<p>Hi</p><img src="workbench-file:images/n-1!image1" alt="a dot">\n<img src="workbench-file:images/n-1!image2">'
        '<a href="https://cdn.test/x.png?e=1">old</a>'
    )
    assert second == "[g][picture]"
    assert keys_in(str(first)) == ("images/n-1!image1", "images/n-1!image2")
    assert {(row, why) for row, _, _, why in aside(staged["notes"])} == {
        ("notes.csv:2", "images_as_links"),
        ("notes.csv:3", "images_as_links"),
    }


def test_the_address_of_an_uploaded_file_takes_its_place_and_without_one_the_words_stay() -> None:
    key = "images/a b&c!image1"
    text = with_addresses('<p>x<img src="a.png" alt="plan &amp; co"></p>', [address_of(key)])
    assert keys_in(text) == (key,)
    assert filled_in(text, {key: "https://new.test/f?a=1&b=2"}) == (
        '<p>x<img src="https://new.test/f?a=1&amp;b=2" alt="plan &amp; co"></p>'
    )
    assert filled_in(text, {}) == "<p>x[plan &amp; co]</p>"
    assert (
        filled_in(f"see [plan: {address_of(key)}] there", {key: "https://new.test/f"}) == "see [plan: https://new.test/f] there"
    )
    assert filled_in(f"see [plan: {address_of(key)}] there", {}) == "see [plan] there"


@pytest.mark.parametrize("text", ["", "no tags", "<p>\n\n<b>x</b>", '<script>"<img src=a>"</script>', "<!-- <img src=a> -->"])
def test_a_text_without_pictures_stays_as_it_is(text: str) -> None:
    assert pictures(text) == ()
    assert with_addresses(text, []) == text


def test_pictures_are_found_where_they_stand_whatever_the_line_ends() -> None:
    text = '<p>\r\n a<IMG\nsrc=x.png>\r b</p>\u2028<img src="y.png"/>'
    assert [text[each.start : each.end] for each in pictures(text)] == ["<IMG\nsrc=x.png>", '<img src="y.png"/>']


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("data:image/png;base64,aGk=", (b"hi", "image/png")),
        ("data:image/svg+xml;charset=utf-8,%3Csvg/%3E", (b"<svg/>", "image/svg+xml")),
        ("data:image/png;base64,!!", None),
        ("data:image/png;base64,", None),
        ("https://x.test/a.png", None),
    ],
)
def test_an_address_that_holds_its_picture_is_read(source: str, found: object) -> None:
    assert decoded(source) == found
