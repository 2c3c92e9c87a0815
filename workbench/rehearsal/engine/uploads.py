"""What a form in a request carries, sent in parts or as one line: its text fields by name, and its files to the byte."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from urllib.parse import parse_qsl

from python_multipart import create_form_parser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File

from workbench.rehearsal.engine.contract import Call

MULTIPART = "multipart/form-data"
URLENCODED = "application/x-www-form-urlencoded"
PIECE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Upload:
    """One file of a form: the name and the type that the client gave it, and its bytes."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """A form, taken apart; only one that came in parts can hold files, and of one name the last counts."""

    fields: Mapping[str, str]
    files: Mapping[str, Upload] = field(default_factory=dict)


def media_type(call: Call) -> str:
    """What the request says that its body is, in lower case and without parameters."""
    return call.headers.get("content-type", "").partition(";")[0].strip().lower()


def urlencoded(call: Call) -> Form:
    """The form of a body that is one line of names and values."""
    return Form(dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True)))


def multipart(call: Call) -> Form | None:
    """The form of a body in parts; none where they cannot be told apart."""
    fields: dict[str, str] = {}
    files: dict[str, Upload] = {}

    def on_field(part: Field) -> None:
        fields[_text(part.field_name)] = _text(part.value)

    def on_file(part: File) -> None:
        kind = part.content_type or "application/octet-stream"
        files[_text(part.field_name)] = Upload(_text(part.file_name), kind, _content(part))
        part.close()

    headers = {"Content-Type": call.headers["content-type"].encode("latin-1")}
    # In memory throughout, as the body already is: a spool file would be a second place that holds the customer's bytes.
    config = {"MAX_MEMORY_FILE_SIZE": len(call.body) + 1}
    try:
        parser = create_form_parser(headers, on_field, on_file, config)
        for at in range(0, len(call.body), PIECE):  # the parser copies what it is given
            parser.write(call.body[at : at + PIECE])
        parser.finalize()
    except (FormParserError, ValueError):
        return None
    return Form(fields, files)


def _content(part: File) -> bytes:
    if isinstance(part.file_object, BytesIO):
        return part.file_object.getvalue()  # the bytes as they lie there, not copied
    part.file_object.seek(0)
    return part.file_object.read()


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")
