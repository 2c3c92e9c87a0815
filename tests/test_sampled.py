"""What somebody reads before signing a sample: each field and each record that differs, the gravest first, nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path

import pandas as pd
import pytest

from workbench import widgets
from workbench.engagement import new_engagement
from workbench.reports.sampled import sample_diff
from workbench.widgets.signing import STATEMENT, SignOff

SUMMARY = pd.DataFrame(
    [
        ["contacts", "city", 3, 3, 0, 0, 0],
        ["contacts", "worth__c", 3, 1, 2, 0, 0],
        ["contacts", "notes", 3, 2, 0, 0, 1],
        ["deals", "amount", 1, 0, 0, 1, 0],
    ],
    columns=["feed", "field", "cells", "equal", "intended", "lossy", "wrong"],
)
DIFFERENCES = pd.DataFrame(
    [
        ["contacts", "promio:contacts:c-1", "worth__c", "8922.00", "8922", "intended", "the same number"],
        ["contacts", "promio:contacts:c-2", "worth__c", "10.0", "10", "intended", "the same number"],
        ["contacts", "promio:contacts:c-2", "notes", "<b>hi</b>", None, "wrong", "the value is not there"],
        ["deals", "promio:deals:d-1", "amount", "1.005", "1.01", "lossy", "two decimals are kept"],
    ],
    columns=["feed", "key", "field", "expected", "actual", "class", "reason"],
)
RECORDS = pd.DataFrame(
    [
        ["promio:contacts:c-1", "Ann Lee", "customers.csv:2"],
        ["promio:contacts:c-2", "Bo Ray", "customers.csv:3"],
        ["promio:contacts:c-3", "Cy Poe", "customers.csv:4"],
        ["promio:deals:d-1", "", "deals.csv:2"],
    ],
    columns=["key", "name", "row"],
)


def lines(page: str) -> list[list[str]]:
    """The cells of every table row, as they read."""
    rows = re.findall(r"<tr>(.*?)</tr>", page, flags=re.S)
    return [[unescape(re.sub(r"<[^>]*>", "", cell)) for cell in re.findall(r"<td.*?</td>", row, flags=re.S)] for row in rows]


def test_fields_and_records_stand_with_their_classes_the_gravest_first() -> None:
    page = sample_diff(SUMMARY, DIFFERENCES, records=RECORDS)
    told = [row for row in lines(page) if row]
    assert [row[0] for row in told[:3]] == ["contacts · notes", "deals · amount", "contacts · worth"]
    assert "1 field arrived as sent" in page
    assert "3 of 4 differ somewhere, 1 arrived value for value" in page
    notes = "notes: “<b>hi</b>” → nothing (the value is not there)"
    assert told[3:] == [
        ["contacts", "Bo Ray (c-2)", "customers.csv line 3", "1", "0", "1", f"{notes}; worth: “10.0” → “10”"],
        ["deals", "d-1", "deals.csv line 2", "0", "1", "0", "amount: “1.005” → “1.01” (two decimals are kept)"],
        ["contacts", "Ann Lee (c-1)", "customers.csv line 2", "0", "0", "1", "worth: “8922.00” → “8922”"],
    ]
    assert "<b>hi" not in page, "a hostile cell is markup"


def test_a_class_that_does_not_occur_has_no_column_but_wrong_always_has() -> None:
    only = DIFFERENCES[DIFFERENCES["class"] == "intended"]
    page = sample_diff(SUMMARY.head(2), only, records=RECORDS)
    assert '<th scope="col" class="n">wrong</th>' in page
    assert ">lossy</th>" not in page


def test_a_record_that_is_not_there_counts_as_wrong() -> None:
    gone = pd.DataFrame([["contacts", "promio:contacts:c-3", "", "", "", "missing", ""]], columns=DIFFERENCES.columns)
    told = [row for row in lines(sample_diff(SUMMARY.head(1), gone, records=RECORDS)) if row]
    assert told == [["contacts", "Cy Poe (c-3)", "customers.csv line 4", "1", "the record is not there"]]


def test_a_sample_without_a_difference_says_so() -> None:
    page = sample_diff(SUMMARY.head(1), DIFFERENCES.head(0), records=RECORDS)
    assert "0 of 4 differ somewhere, 4 arrived value for value." in page
    assert "<table" not in page


@dataclass(frozen=True)
class Seen:
    wrong: int
    evidence: Mapping[str, str] = field(default_factory=lambda: {"differences": "a" * 64})


def test_nobody_signs_over_a_wrong_difference_and_what_a_signature_binds_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WORKBENCH_HEADLESS", raising=False)
    engagement = new_engagement(tmp_path / "e", route="promio_to_freshsales", customer="Harbour & Sons")
    for wrong in (2, 0):
        form = widgets.sign_off(engagement, Seen(wrong))
        assert isinstance(form, SignOff)
        form.name.value, form.role.value, form.statement.value = "Ann Lee", "Sales lead", STATEMENT
        form.button.click()
        if wrong:
            assert form.state.value.startswith("2 differences are unexplained, and nobody signs over a wrong one")
            assert engagement.decisions.mapping("signoff") == {}
    assert form.state.value == f"“{STATEMENT}” Ann Lee, Sales lead"
    assert "aaaaaaaaaaaa" in form.bound.value
    assert "wb-good" in form.state._dom_classes
