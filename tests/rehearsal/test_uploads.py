"""Forms as both stand-ins take them apart: text, files to the byte, and what is no form."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.rehearsal.engine import Call
from workbench.rehearsal.engine.uploads import MULTIPART, Form, Upload, media_type, multipart, urlencoded

BOUNDARY = "----w0"
NAMES, TEXTS = (st.text(st.characters(codec="utf-8"), min_size=least) for least in (1, 0))


def called(body: bytes, kind: str) -> Call:
    return Call("POST", ("files",), {}, {"content-type": kind}, body, "http://127.0.0.1", 0.0)


def sent(request: httpx.Request) -> Call:
    return called(request.read(), request.headers["content-type"])


@settings(max_examples=60)
@given(st.dictionaries(st.text("abc[]", min_size=1), TEXTS, max_size=4), st.binary(max_size=500))
def test_a_form_in_parts_comes_back_as_a_client_sent_it(fields: dict[str, str], content: bytes) -> None:
    files = {"file": ("Anhänge \u2013 1.bin", content, "image/png")}
    form = multipart(sent(httpx.Request("POST", "http://127.0.0.1/", data=fields, files=files)))
    assert form == Form(fields, {"file": Upload("Anhänge \u2013 1.bin", "image/png", content)})


@settings(max_examples=60)
@given(st.dictionaries(NAMES, TEXTS, max_size=4))
def test_a_form_on_one_line_comes_back_with_its_empty_values(fields: dict[str, str]) -> None:
    assert urlencoded(sent(httpx.Request("POST", "http://127.0.0.1/", data=fields or {"a": ""}))).fields == (
        fields or {"a": ""}
    )


def test_a_file_without_a_type_is_bytes() -> None:
    part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n--{BOUNDARY}--\r\n'
    form = multipart(called(part.encode(), f"{MULTIPART}; boundary={BOUNDARY}"))
    assert form == Form({}, {"file": Upload("a", "application/octet-stream", b"x")})


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"a=1", MULTIPART),
        (b"a=1", f"{MULTIPART}; boundary={BOUNDARY}"),
        (f"--{BOUNDARY}\r\nno header\r\n\r\nx".encode(), f"{MULTIPART}; boundary={BOUNDARY}"),
    ],
)
def test_what_cannot_be_taken_apart_is_no_form(body: bytes, kind: str) -> None:
    assert multipart(called(body, kind)) is None


def test_the_type_of_a_body_is_told_without_its_parameters() -> None:
    assert media_type(called(b"", "Multipart/Form-Data; boundary=x")) == MULTIPART
    assert media_type(Call("GET", (), {}, {}, b"", "http://127.0.0.1", 0.0)) == ""
