"""Where every row ended once the destination has answered."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.engagement import Engagement, new_engagement
from workbench.flow.accounting import close_accounts, final_verdicts
from workbench.frames.closure import BUCKETS
from workbench.frames.staged import VERDICT_COLUMNS


def verdicts(*rows: tuple[str, str | None, str | None], feed: str = "contacts") -> pd.DataFrame:
    """Verdicts from bucket, reason and record, row by row."""
    full = [(f"x.csv:{n}", feed, f"{n}", bucket, reason, record, pd.NA) for n, (bucket, reason, record) in enumerate(rows)]
    return pd.DataFrame(full, columns=list(VERDICT_COLUMNS), dtype="object")


def outcomes(*rows: tuple[str, str, str]) -> pd.DataFrame:
    full = [("contacts", key, key, state, "1", words) for key, state, words in rows]
    return pd.DataFrame(full, columns=["feed", "key", "marker", "state", "id", "words"], dtype="object")


def ends(frame: pd.DataFrame) -> list[list[object]]:
    return [[None if pd.isna(cell) else cell for cell in row] for row in frame[["bucket", "reason", "detail"]].to_numpy()]


@pytest.mark.parametrize(
    ("state", "words", "loaded", "merged"),
    [
        ("done", "", ["loaded", None, None], ["merged", "same_key", None]),
        ("rejected", "no such owner", *[["failed", "refused_by_destination", "no such owner"]] * 2),
        ("unknown", "timed out", *[["failed", "outcome_unknown", "timed out"]] * 2),
        ("held", "exists_already", *[["held", "exists_already", None]] * 2),
    ],
)
def test_a_row_and_those_merged_into_it_share_the_fate_of_their_record(
    state: str, words: str, loaded: list[object], merged: list[object]
) -> None:
    staged = verdicts(("load", None, "contacts/1"), ("merged", "same_key", "contacts/1"))
    assert ends(final_verdicts(staged, outcomes(("contacts/1", state, words)))) == [loaded, merged]


def test_rows_that_had_ended_before_stay_where_they_are() -> None:
    staged = verdicts(("excluded", "test_row", None), ("rejected", "key_missing", None), ("held", "parent_missing", None))
    found = final_verdicts(staged, outcomes(("contacts/1", "rejected", "no")))
    assert found.equals(staged)


def test_a_record_that_nobody_sent_leaves_its_row_open() -> None:
    found = final_verdicts(verdicts(("load", None, "contacts/1")), outcomes())
    assert found["bucket"].tolist() == ["load"]


def test_the_staged_verdicts_themselves_are_not_changed() -> None:
    staged = verdicts(("load", None, "contacts/1"))
    final_verdicts(staged, outcomes(("contacts/1", "done", "")))
    assert staged["bucket"].tolist() == ["load"]


STATES = st.sampled_from(["done", "rejected", "held", "unknown"])


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from("123"), STATES),
    st.lists(st.tuples(st.sampled_from(["load", "merged", "held"]), st.sampled_from("123"))),
)
def test_every_row_of_an_answered_record_ends_in_a_bucket(states: dict[str, str], rows: list[tuple[str, str]]) -> None:
    staged = verdicts(*((bucket, None, None if bucket == "held" else f"contacts/{key}") for bucket, key in rows))
    found = final_verdicts(staged, outcomes(*((f"contacts/{key}", state, "why") for key, state in states.items())))
    for (bucket, key), ended in zip(rows, found["bucket"], strict=True):
        if bucket == "held" or key not in states:
            assert ended == bucket
        else:
            assert ended == {"done": "loaded" if bucket == "load" else "merged", "held": "held"}.get(states[key], "failed")


# ---------------------------------------------------------------- the whole account


@pytest.fixture
def engagement(tmp_path: Path) -> Engagement:
    """An engagement whose contacts have four rows, and whose other feeds have none."""
    made = new_engagement(tmp_path / "eng", route="promio_to_freshsales", customer="Bright Roof")
    tables = sorted({feed.table for feed in made.route.feeds})
    made.save("rows_read", pd.DataFrame({"table": tables, "records": [4 if name == "customers" else 0 for name in tables]}))
    for feed in made.route.feeds:
        made.save(f"verdicts/{feed.name}", verdicts(feed=feed.name))
    own = (
        ("load", None, "contacts/1"),
        ("load", None, "contacts/2"),
        ("merged", "same_key", "contacts/2"),
        ("held", "x", None),
    )
    made.save("verdicts/contacts", verdicts(*own))
    made.save("verdicts/accounts", verdicts(*[("excluded", "not_a_business", None)] * 4, feed="accounts"))
    return made


def test_the_account_closes_where_every_row_that_was_read_is_in_one_bucket(engagement: Engagement) -> None:
    closed = close_accounts(engagement, outcomes(("contacts/1", "done", ""), ("contacts/2", "rejected", "no")))
    assert closed.frame["closes"].all()
    contacts = closed.frame.set_index("feed").loc["contacts"]
    assert contacts[["rows", *BUCKETS]].tolist() == [4, 1, 0, 0, 0, 1, 2]
    assert closed.unresolved["bucket"].tolist() == ["failed", "failed", "held"]
    assert engagement.load("final/contacts")["bucket"].tolist() == ["loaded", "failed", "failed", "held"]


def test_a_record_without_an_answer_keeps_its_feed_open(engagement: Engagement) -> None:
    closed = close_accounts(engagement, outcomes(("contacts/1", "done", "")))
    assert closed.frame.set_index("feed")["closes"].to_dict()["contacts"] is False
    assert closed.frame.set_index("feed")["closes"].drop("contacts").all()


def test_a_row_that_was_read_and_is_in_no_bucket_keeps_its_feed_open(engagement: Engagement) -> None:
    tables = engagement.load("rows_read")
    engagement.save("rows_read", tables.assign(records=tables["records"] + (tables["table"] == "customers")))
    closed = close_accounts(engagement, outcomes(("contacts/1", "done", ""), ("contacts/2", "done", "")))
    assert closed.frame.set_index("feed")["closes"].to_dict()["contacts"] is False
