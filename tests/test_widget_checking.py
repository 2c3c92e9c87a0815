"""The look at the destination: what it says when there is nothing to look at."""

from __future__ import annotations

from pathlib import Path

from workbench.engagement import new_engagement
from workbench.widgets.checking import Check


def test_a_destination_that_cannot_be_reached_is_told_in_words_and_may_be_asked_again(tmp_path: Path) -> None:
    engagement = new_engagement(tmp_path / "engagement", route="promio_to_freshsales", customer="Harbour & Sons")
    check = Check(engagement)
    check.button.click()
    assert "could not be checked" in check.said.value
    assert 'class="wb wb-note"' in check.said.value, "what to do is missing"
    assert (check.button.disabled, check.button.description) == (False, "Check the destination")
    assert engagement.decisions.history().empty
