"""Cursors of Pipedrive's lists: handed back they go on, changed they are refused or begin anew."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.rehearsal.engine import Json, Refusal, Switches
from workbench.rehearsal.pipedrive import SWITCHES
from workbench.rehearsal.pipedrive.cursors import after, held_in, packed, place_in

REJECT, FIRST = (Switches(SWITCHES, {"bad_cursor": value}) for value in ("reject", "first"))
BAD = [
    "x",
    "é",
    "{}",
    *(base64.urlsafe_b64encode(text).decode() for text in (b"[]", b"{}", b'{"from":-1}', b"\xff", b"[" * 9000)),
]


def test_a_list_goes_on_where_it_was_cut_and_ends_without_a_cursor() -> None:
    assert place_in(after(100, 101), REJECT) == 100
    assert after(100, 100) is None
    assert place_in(None, REJECT) == place_in("", REJECT) == 0


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(st.characters(codec="utf-8"))))
def test_a_cursor_holds_what_was_packed(held: Json) -> None:
    assert held_in(packed(held), dict, REJECT) == held


@pytest.mark.parametrize("cursor", BAD)
def test_a_bad_cursor_is_refused_or_means_the_first_page(cursor: str) -> None:
    assert place_in(cursor, FIRST) == 0
    with pytest.raises(Refusal) as refusal:
        place_in(cursor, REJECT)
    assert refusal.value.status == 400
    assert refusal.value.reply is not None
    assert b"cursor: The value is not a valid cursor" in refusal.value.reply.body
