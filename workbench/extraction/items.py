"""The rows of a page as they stand in its bytes, each by itself, so that a bad one spoils no other."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass

__all__ = ["BROKEN", "ENCODING", "NO_OBJECT", "UNREADABLE", "Page", "inner_bytes", "key_text", "read_lines", "read_page"]

BLANK = " \t\r\n"
DECODER = json.JSONDecoder()
Spans = Generator[tuple[tuple[str, ...], int, int], None, int]
SURROGATES = ("\ud800", "\udfff")
UNREADABLE, NO_OBJECT, ENCODING, BROKEN = "unreadable_item", "not_an_object", "unreadable_bytes", "broken_json"
"""Why a row is set aside: the source says that it cannot read it; it is none; its bytes are no UTF-8, or no JSON."""


@dataclass(frozen=True)
class Page:
    """What stands beside the rows, by name, and the rows: bytes, values unless it is no object, and a reason or none."""

    beside: dict[str, object]
    rows: tuple[tuple[bytes, dict[str, object] | None, str], ...]


def read_page(body: bytes, path: Sequence[str]) -> Page | None:
    """The page of a JSON answer whose rows are the list at `path`; None where it cannot be taken apart.

    Bytes that are no UTF-8 are kept as they are: a row that holds some has the reason `unreadable_bytes`.
    """
    text = body.decode("utf-8-sig", "surrogateescape").strip(BLANK)
    beside: dict[str, object] = {}
    rows: list[tuple[bytes, dict[str, object] | None, str]] | None = None
    try:
        for steps, start, end in _walk(text, tuple(path)):
            if steps == tuple(path):
                value = json.loads(text[start:end])
                rows = [] if rows is None else rows
                rows.append(_row(text[start:end], value))
            elif start == end:
                rows = [] if rows is None else rows
            else:
                beside[".".join(steps)] = json.loads(text[start:end])
    except (ValueError, RecursionError):
        return None
    return None if rows is None else Page(beside, tuple(rows))


def read_lines(body: bytes) -> tuple[tuple[bytes, dict[str, object] | None, str], ...]:
    """The rows of an export, a line each; what is no JSON, such as a last line that was cut, is `broken_json`."""
    return tuple(_of_line(line) for line in body.split(b"\n") if line.strip())


def _of_line(line: bytes) -> tuple[bytes, dict[str, object] | None, str]:
    text = line.decode("utf-8", "surrogateescape").strip(BLANK)
    try:
        return _row(text, json.loads(text))
    except (ValueError, RecursionError):
        return line, None, BROKEN


def inner_bytes(body: bytes, name: str) -> bytes:
    """Of a page of one row that cannot be taken apart: what stands in its list of this name, or all of it."""
    start = body.find(b'"' + name.encode() + b'"')
    start = body.find(b"[", start) + 1 if start >= 0 else 0
    end = body.rfind(b"]")
    return body[start:end] if 0 < start < end else body


def key_text(value: object) -> str:
    """A key as text that can be written anywhere; empty where it is no plain value."""
    if value is None or isinstance(value, dict | list):
        return ""
    return str(value).encode("utf-8", "backslashreplace").decode()


def _row(text: str, value: object) -> tuple[bytes, dict[str, object] | None, str]:
    raw = text.encode("utf-8", "surrogateescape")
    if not isinstance(value, dict):
        return raw, None, NO_OBJECT
    if not text.isascii() and any(SURROGATES[0] <= letter <= SURROGATES[1] for letter in text):
        return raw, value, ENCODING
    if set(map(str.lower, value)) & {"error"} and len(value) <= 2:
        return raw, value, UNREADABLE
    return raw, value, ""


def _walk(text: str, path: tuple[str, ...]) -> Generator[tuple[tuple[str, ...], int, int], None, None]:
    """Spans of values: each row of the list at the path, and all that stands beside the way to it.

    An empty span tells that the list is there, though it may have no rows.
    """
    end = yield from _object(text, _skip(text, 0), path, ())
    if _skip(text, end) != len(text):
        raise ValueError("something stands behind the answer")


def _object(text: str, at: int, path: tuple[str, ...], way: tuple[str, ...]) -> Spans:
    at = _skip(text, _expect(text, at, "{"))
    while text[at : at + 1] != "}":
        name, at = DECODER.raw_decode(text, at)
        if not isinstance(name, str):
            raise ValueError("expected a name")
        at = _skip(text, _expect(text, _skip(text, at), ":"))
        steps = (*way, name)
        if steps == path and text[at : at + 1] == "[":
            at = yield from _list(text, at, steps)
        elif steps == path[: len(steps)] and text[at : at + 1] == "{":
            at = yield from _object(text, at, path, steps)
        else:
            end = DECODER.raw_decode(text, at)[1]
            yield steps, at, end
            at = end
        at = _next(text, at, "}")
    return at + 1


def _list(text: str, at: int, steps: tuple[str, ...]) -> Spans:
    yield (*steps, ""), at, at
    at = _skip(text, at + 1)
    while text[at : at + 1] != "]":
        end = DECODER.raw_decode(text, at)[1]
        yield steps, at, end
        at = _next(text, end, "]")
    return at + 1


def _next(text: str, at: int, close: str) -> int:
    """Where the next value begins, or the bracket that closes."""
    at = _skip(text, at)
    return at if text[at : at + 1] == close else _skip(text, _expect(text, at, ","))


def _expect(text: str, at: int, letter: str) -> int:
    if text[at : at + 1] != letter:
        raise ValueError(f"expected {letter}")
    return at + 1


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in BLANK:
        at += 1
    return at
