"""The body of a request: taken in up to a limit, and read as JSON proper."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO

from pydantic_core import from_json
from starlette.types import Receive

from workbench.rehearsal.engine.contract import Reply

GREATEST = 64 * 1024 * 1024
"""Bytes that a body may have where the stand-in says nothing else."""
FORM = bytes(ord("0") if chr(n).isdecimal() else ord("e") if chr(n) in "eE" else n for n in range(128)) + bytes(range(128, 256))
"""Makes every digit a 0 and every E an e."""
SUSPECT = (b"e000", b"e+000", b"0" * 300)
"""What every number that is greater than any float has in that form; most bodies hold nothing of the kind."""
PIECE, SEAM = 1024 * 1024, 300
"""So many bytes are looked through at a time, since each look copies them, and so many of the next with them."""


class TooLarge(Exception):
    """The body is larger than it may be; nothing of it is kept."""


def too_large(most: int) -> Reply:
    """The answer to a request whose body is larger than that."""
    words = f"The body of a request may have {most:,} bytes at most here.\n"
    return Reply(413, words.encode(), "text/plain; charset=utf-8")


async def taken(receive: Receive, headers: Mapping[str, str], *, most: int) -> bytes | None:
    """The whole body, or none where the connection ended within it; ``TooLarge`` above ``most`` bytes.

    What the client says of the length goes first, so that a body that cannot be taken is not waited for.
    """
    said = headers.get("content-length", "")
    if said.isdecimal() and int(said) > most:
        raise TooLarge
    kept, size = BytesIO(), 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part: bytes = message["body"]
        size += len(part)
        if size > most:
            raise TooLarge
        if not message["more_body"] and not kept.tell():
            return part
        kept.write(part)
        if not message["more_body"]:
            return kept.getvalue()  # the bytes as they lie there, not copied


def parsed(body: bytes) -> object:
    """What a body of JSON says; ``ValueError`` for all that is none.

    That is text that is not UTF-8, NaN and Infinity and numbers that become it, half a surrogate pair, and what is
    nested deeper than 200 levels.
    """
    value: object = from_json(body.removeprefix(b"\xef\xbb\xbf"), allow_inf_nan=False)
    if any(_suspect(body[at : at + PIECE + SEAM].translate(FORM)) for at in range(0, len(body), PIECE)):
        json.dumps(value, allow_nan=False)
    return value


def _suspect(form: bytes) -> bool:
    return any(mark in form for mark in SUSPECT)
