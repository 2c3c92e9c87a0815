"""Rich text: formatting is kept as far as it is safe, and everything else is said."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from workbench.recipes import convert

WORD = '<html xmlns:o="x"><head><style>p {color:red}</style></head><body><!--[if gte mso 9]><xml>x</xml><![endif]-->'
WORD += '<p class="MsoNormal" style="margin:0"><o:p>Goal: <b>sleep</b></o:p></p></body></html>'


def made(text: str, recipe: str = "html", **options: object) -> tuple[object, object, set[str]]:
    done = convert(pd.Series([text], dtype="str"), recipe, options=options)
    value, reason, note = (None if pd.isna(each.iloc[0]) else each.iloc[0] for each in (done.values, done.reasons, done.notes))
    return value, reason, set(str(note).split(";")) if note else set()


def test_basic_formatting_comes_along_and_nothing_is_said_of_it() -> None:
    text = '<p>Hi <b>Ann</b>, <i>see</i> <a href="https://x.test/a?b=1&amp;c=2">this</a></p><ul><li>one</li><li>two</li></ul>'
    assert made(text) == (text, None, set())


def test_what_would_run_is_taken_out_with_its_content_and_said() -> None:
    text = (
        '<p onclick="x()">A</p><script>alert("b")</script><iframe src="https://x.test">c</iframe><a href="javascript:x()">d</a>'
    )
    value, reason, notes = made(text)
    assert (value, reason, notes) == ("<p>A</p><a>d</a>", None, {"html_cleaned"})


def test_what_word_leaves_behind_is_dropped_and_the_words_stay() -> None:
    value, _, notes = made(WORD)
    assert value == "<p>Goal: <b>sleep</b></p>"
    assert notes == {"formatting_dropped"}


def test_a_picture_that_becomes_a_file_stays_and_one_from_elsewhere_becomes_a_link() -> None:
    text = '<p><img src="workbench-file:images/n-1!image1" alt="plan"><img alt="old" src="https://cdn.test/a.png?sig=1"></p>'
    value, _, notes = made(text)
    assert value == (
        '<p><img src="workbench-file:images/n-1!image1" alt="plan"><a href="https://cdn.test/a.png?sig=1">old</a></p>'
    )
    assert notes == {"images_as_links"}
    assert made('<p><img src="cid:1" alt="x<y"></p>')[0] == "<p>[x&lt;y]</p>"


def test_plain_text_keeps_its_lines_and_its_signs() -> None:
    assert made("a < b & c\nsecond")[0] == "a &lt; b &amp; c<br>second"
    assert made("Tom &amp; Jerry")[0] == "Tom &amp; Jerry"


def test_an_address_in_angle_brackets_is_no_tag_and_stays() -> None:
    mail = "From: Ann <ann@mail.example>\nSee <https://shop.example/a?b=1> and <mailto:bo@mail.example>"
    plain, marked = pd.Series([mail]), pd.Series([f"<p>{mail}</p><a href='mailto:x@y.example'>write</a>"])
    assert list(convert(plain, "note_text").values) == [mail]
    shown = "From: Ann &lt;ann@mail.example&gt;<br>See &lt;https://shop.example/a?b=1&gt; and &lt;mailto:bo@mail.example&gt;"
    assert list(convert(plain, "html").values) == [shown]
    (said,) = convert(marked, "note_text").values
    assert "Ann <ann@mail.example>" in said and "<https://shop.example/a?b=1>" in said and said.endswith("(mailto:x@y.example)")
    (kept,) = convert(marked, "html").values
    assert (
        "&lt;bo@mail.example" not in kept
        and "&lt;mailto:bo@mail.example&gt;" in kept
        and '<a href="mailto:x@y.example">' in kept
    )


@pytest.mark.parametrize("text", ["<p></p>", "<p>&nbsp;</p>", "<script>x</script>", "<br><br>"])
def test_a_text_that_shows_nothing_is_empty(text: str) -> None:
    assert made(text)[0] is None
    assert made(text)[1] is None


def test_a_text_that_is_too_long_is_rejected_or_cut_where_its_tags_close() -> None:
    text = "<ul>" + "<li><b>word</b> &amp; more</li>" * 40 + "</ul>"
    assert made(text, max_length=300)[:2] == (None, "too_long")
    value, reason, notes = made(text, max_length=300, cut=True)
    assert isinstance(value, str)
    assert len(value) <= 300
    assert value.endswith("</ul> […]")
    assert (reason, notes) == (None, {"cut_short_marked"})
    assert value.count("<li>") == value.count("</li>")


def test_as_plain_text_lists_links_and_lines_are_still_to_be_seen() -> None:
    text = '<p>Hi <b>Ann</b></p><ul><li>one</li><li>two</li></ul><p>see <a href="https://x.test">this</a><br>end</p>'
    assert made(text, "note_text")[0] == "Hi Ann\n\n- one\n- two\n\nsee this (https://x.test)\nend"
    assert made("a &lt; b\nc", "note_text")[0] == "a < b\nc"
    assert made("<p>" + "x" * 50 + "</p>", "note_text", max_length=20, cut=True)[0] == "x" * 16 + " […]"


TAGS = ["<p>", "</p>", "<b>", "</b>", "<script>", "</script>", "<style>", "</style>", "<li>", "<!--", "-->"]
ODD = ["text", "&", '"', "\n", "<", ">", "é", "<img src=x onerror=y>", '<a href="javascript:1">', "<svg/onload=1>"]
PIECES = st.sampled_from(TAGS + ODD)


@example(["<script>", "<img src=x onerror=y>", "</script>", "<img src=x onerror=y>"], 10)
@example(["<!--", "<img src=x onerror=y>", "-->", "<img src=x onerror=y>"], 10)
@given(st.lists(PIECES, max_size=12), st.integers(10, 60))
@settings(max_examples=150, deadline=None)
def test_nothing_that_runs_survives_and_no_limit_is_broken(pieces: list[str], limit: int) -> None:
    for options in ({}, {"max_length": limit, "cut": True}):
        value, reason, _ = made("".join(pieces), **options)
        if isinstance(value, str):
            assert not re.search(r"(?i)<script|<svg|<style|\son\w+=|href=.javascript", value)
            assert len(value) <= options.get("max_length", 64_000)
        else:
            assert reason in (None, "too_long")
        again = (
            convert(pd.Series([value], dtype="str"), "html").values.iloc[0]
            if isinstance(value, str) and "<" in value
            else value
        )
        assert again == value or options or not isinstance(value, str)
