"""Rows that a source can no longer read: which they are by seeded chance, and what the vendor sends in their place."""

from __future__ import annotations

import hashlib
import json

FORMS = ("marker", "not_object", "bytes", "broken_json", "poison")
"""An item that says so, something that is no object, bytes that are no UTF-8, half a row, and a page that answers 500."""


def flaw_of(object_: str, key: str, *, share: float, form: str) -> str:
    """The form in which a row is corrupt, or an empty text; always the same for the same row and share."""
    if not share:
        return ""
    chance = hashlib.sha256(f"{object_}:{key}".encode()).digest()
    if int.from_bytes(chance[:8], "big") / 2**64 >= share:
        return ""
    return FORMS[chance[8] % len(FORMS)] if form == "mixed" else form


def corrupted(raw: bytes, flaw: str, *, name: str, key: str) -> bytes:
    """The row as it is sent; ``name`` is the field that holds its key. A poisoned one is never sent at all."""
    if flaw == "marker":
        return json.dumps({name: key, "error": "unreadable"}).encode()
    if flaw == "not_object":
        return b'"unreadable item"'
    if flaw == "bytes":
        at = raw.rfind(b'"')
        return raw[:at] + b"\xff\xfe" + raw[at:]
    if flaw == "broken_json":
        return raw[: max(len(raw) * 2 // 3, 1)]
    return raw
