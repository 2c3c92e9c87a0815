"""Files of Pipedrive as they are sent: a form with the bytes, the one record that they hang on, and our key in the name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from workbench.destinations import Draft
from workbench.destinations.http.staged import NotStaged, opened
from workbench.destinations.http.wire import Form as Parts
from workbench.destinations.http.wire import Upload
from workbench.destinations.pipedrive.marker import named
from workbench.destinations.pipedrive.records import Form, Unfit
from workbench.destinations.pipedrive.values import id_out

__all__ = ["kept_as_it_is", "parts_of"]

LONGEST_NAME = 255
PLAIN = "application/octet-stream"
LEAD = "lead_id"
"""The one link that is no number."""


@contextmanager
def parts_of(form: Form, draft: Draft) -> Iterator[Parts]:
    """A new file as it is sent, straight from the disk, as long as somebody is in here. Raises Unfit."""
    fields, name, dials = _parent(form, draft), _name(form, draft), form.dials
    try:
        with opened(draft.values, most=dials.file_megabytes) as stream:
            kind = str(draft.values.get("content_type") or PLAIN)
            yield Parts(fields, Upload("file", name, kind, stream), seconds=dials.upload_seconds)
    except NotStaged as unlike:
        raise Unfit(str(unlike)) from None


def kept_as_it_is(draft: Draft, held: dict[str, object]) -> bool:
    """Whether a change would leave a file as it is; no other is possible, as no call exchanges bytes or moves a file."""
    return all(str("" if value is None else value) == str(held.get(name) or "") for name, value in draft.values.items())


def _name(form: Form, draft: Draft) -> str:
    name = named(str(draft.values.get("file_name") or ""), draft.key, style=form.dials.file_marker_style)
    if len(name) > LONGEST_NAME:
        raise Unfit(f"the name with our key has {len(name)} characters, and {LONGEST_NAME} at most may be sent")
    return name


def _parent(form: Form, draft: Draft) -> dict[str, str]:
    """The one record that the file hangs on: nobody says what becomes of one that is sent with several."""
    said = {wire: draft.values.get(name) for name, wire in form.wires.items() if wire.kind == "lookup"}
    found = [(wire, one) for wire, value in said.items() for one in (value if isinstance(value, list) else [value]) if one]
    if len(found) != 1:
        raise Unfit(f"a file hangs on one record, {f'not on {len(found)}' if found else 'and none is named'}")
    wire, number = found[0]
    return {wire.key: str(number) if wire.key == LEAD else str(id_out(wire.label, number))}
