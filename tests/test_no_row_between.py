"""Whatever stands in the columns by which feeds divide a table among them, one feed takes the row, and only one."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.frames.select import holds
from workbench.specs import Route, load_route

ACTIVITIES = {
    "fasttrack_to_freshsales": ("type", ("tasks", "calls", "emails", "meetings", "activity_notes")),
    "soffront_to_freshsales": ("Type", ("calls", "emails", "meetings", "tasks", "other_activities")),
}
WORDS = ("call", "Email", " meeting ", "TASK", "note", "lvm", "Spoke", "Appointment", "sms", "calls", "task 2", "", None, "n/a")
KINDS = st.one_of(st.sampled_from(WORDS), st.text(max_size=12), st.none())


def taken(route: Route, feeds: Sequence[str], table: pd.DataFrame) -> list[int]:
    """How many of the feeds take each row."""
    conditions = [route.feed(name).when for name in feeds]
    assert all(condition is not None for condition in conditions)
    return [int(n) for n in sum(holds(table, each).astype(int) for each in conditions if each is not None)]  # type: ignore[union-attr]


@pytest.mark.parametrize("name", sorted(ACTIVITIES))
@settings(max_examples=150, deadline=None)
@given(kinds=st.lists(KINDS, min_size=1, max_size=8))
def test_an_activity_of_any_kind_is_taken_by_one_feed(name: str, kinds: list[str | None]) -> None:
    column, feeds = ACTIVITIES[name]
    table = pd.DataFrame({column: pd.Series(kinds, dtype="str")})
    assert taken(load_route(name), feeds, table) == [1] * len(kinds)


@settings(max_examples=150, deadline=None)
@given(marks=st.lists(st.one_of(st.sampled_from(("true", "True ", "false", "yes", "1", "0", "", None)), st.text(max_size=6))))
def test_a_person_is_a_contact_or_a_lead_whatever_the_mark_of_conversion_says(marks: list[str | None]) -> None:
    homes = ["ct-1", None] * len(marks)
    table = pd.DataFrame({"converted": pd.Series([m for m in marks for _ in "ab"], dtype="str"), "has_company": homes})
    assert taken(load_route("fasttrack_to_freshsales"), ("contacts", "leads"), table.astype("str")) == [1] * len(table)


@pytest.mark.parametrize(("mark", "feed"), [("true", "contacts"), ("false", "leads"), (None, "leads"), ("n/a", "leads")])
def test_somebody_without_a_company_is_a_lead_unless_marked_as_converted(mark: str | None, feed: str) -> None:
    table = pd.DataFrame({"converted": pd.Series([mark], dtype="str"), "has_company": pd.Series([None], dtype="str")})
    when = load_route("fasttrack_to_freshsales").feed(feed).when
    assert when is not None and bool(holds(table, when).all())
