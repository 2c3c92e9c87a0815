"""The forms that v1 takes, in all the ways in which clients send them."""

from __future__ import annotations

from workbench.rehearsal.engine import Call
from workbench.rehearsal.engine.bodies import parsed
from workbench.rehearsal.engine.uploads import MULTIPART, URLENCODED, Form, media_type, multipart, urlencoded
from workbench.rehearsal.pipedrive.answers import no


def form_of(call: Call) -> Form:
    """The form of a v1 request: multipart, form-urlencoded, or the keys of a JSON object; refused where it is none."""
    kind = media_type(call)
    if kind == URLENCODED:
        return urlencoded(call)
    form = multipart(call) if kind == MULTIPART else _keys(call.body)
    return form or no("v1", 400, "Bad request")


def _keys(body: bytes) -> Form | None:
    try:
        value = parsed(body or b"{}")
    except ValueError:
        return None
    return Form({key: str(item) for key, item in value.items() if item is not None}) if isinstance(value, dict) else None
