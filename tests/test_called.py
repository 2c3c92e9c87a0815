"""What a person reads has names: of records, lists, fields and types, where programs have codes."""

from __future__ import annotations

import pandas as pd
import pytest

from workbench.flow.delta import Called, Cutover, Difference
from workbench.flow.overview import table
from workbench.reports.differences import differences_table, record_called
from workbench.show import labelled
from workbench.specs import load_destination
from workbench.stages.provisioning import Provisioning
from workbench.stages.rollback import Preview, Rollback
from workbench.stages.sample import Selection
from workbench.stages.transform import Staging
from workbench.stages.validate import Validation

FEEDS = {"contacts": "Customer → Contact"}
CALLED = Called(FEEDS, {"contact": "Contact"}, {("contacts", "mobile_number"): "Mobile"}, {"promio:contacts:c-7": "Ann Lee"})
CHANGED = pd.DataFrame(
    [
        ["contacts", "promio:contacts:c-7", "mobile_number", "1", "2", "1", "take"],
        ["contacts", "promio:contacts:c-8", "x__c", "1", "2", "3", "conflict"],
    ],
    columns=["feed", "key", "field", "base", "theirs", "ours", "verdict"],
)
COUNTED = pd.DataFrame([["contacts", 0, 1, 0], ["nothing", 0, 0, 0]], columns=["feed", "new", "changed", "gone"])
GONE = pd.DataFrame([["contacts", "contacts/c-9", "Bo Ray", "customers.csv:4"]], columns=["feed", "key", "name", "row"])
ROWS = pd.DataFrame(
    [["contacts", 3, 2, 1, 0, 0, 0, 0, True], ["nothing", 0, 0, 0, 0, 0, 0, 0, True]],
    columns=["feed", "rows", "loaded", "merged", "excluded", "rejected", "held", "failed", "closes"],
)


def test_a_delta_names_records_lists_and_fields_as_people_do() -> None:
    told = Difference(frame=CHANGED, records=COUNTED, gone=GONE, called=CALLED)._repr_html_()
    for words in (
        "what was loaded; nothing in 1 other list",
        "Ann Lee (c-7)",
        "<td>c-8</td>",
        "Mobile",
        "x__c",
        "Customer → Contact",
        "Bo Ray (c-9)",
    ):
        assert words in told, words
    for code in ("mobile_number", "promio:", "contacts/", "<td>contacts", "<td>nothing"):
        assert code not in told, code
    assert told.index("c-8") < told.index("Ann Lee"), "what asks for an answer comes first"


def test_what_a_delta_brought_names_them_too_and_leaves_lists_without_rows_out() -> None:
    certificate = pd.DataFrame([["contact", "3 one to one", True]], columns=["object", "told", "holds"])
    edits = CHANGED[["feed", "key", "field"]]
    told = Cutover(COUNTED, ROWS, True, GONE, edits=edits, certificate=certificate, called=CALLED)._repr_html_()
    for words in ("Customer → Contact", "<td>Contact</td>", "Ann Lee (c-7)", "Mobile", "Bo Ray (c-9)"):
        assert words in told, words
    for code in ("mobile_number", "promio:", "contacts/", "<td>contacts", "<td>contact<", "<td>nothing"):
        assert code not in told, code


@pytest.mark.parametrize(
    ("key", "name", "said"),
    [
        ("promio:contacts:c-1", "Ann Lee", "Ann Lee (c-1)"),
        ("promio:contacts:a:b", "", "a:b"),
        ("contacts/c/1", "", "c/1"),
        ("c-1", "Ann Lee", "Ann Lee (c-1)"),
    ],
)
def test_a_record_is_called_by_its_name_and_its_own_key(key: str, name: str, said: str) -> None:
    assert record_called(key, name) == said


def test_what_has_no_label_keeps_its_code() -> None:
    frame = labelled(pd.DataFrame({"feed": ["contacts", "deals"], "rows": [1, 2]}), FEEDS)
    assert frame.to_dict("list") == {"what": ["Customer → Contact", "deals"], "rows": [1, 2]}


@pytest.mark.parametrize(
    ("destination", "kind", "words"), [("pipedrive", "enum", "Single option"), ("freshsales", "textarea", "Text area")]
)
def test_fields_to_be_made_stand_under_the_words_of_the_destinations_own_settings(
    destination: str, kind: str, words: str
) -> None:
    spec = load_destination(destination)
    row = ["deal", "x__c", "Gate Code", kind, "", "missing", ""]
    frame = pd.DataFrame([row], columns=["object", "field", "label", "type", "choices", "state", "detail"])
    made = Provisioning(frame, 1, frame, objects={"deal": spec.object_label("deal")}, types={kind: spec.type_label(kind)})
    told = made._repr_html_()
    assert f"<td>{words}</td>" in told
    assert "<td>Deal</td>" in told
    assert "x__c" not in told
    assert kind not in told.replace("wb-", "")


@pytest.mark.parametrize("destination", ["freshsales", "pipedrive"])
def test_every_type_of_a_custom_field_has_words_and_no_two_share_them(destination: str) -> None:
    spec = load_destination(destination)
    kinds = set(spec.types.values())
    assert set(spec.type_labels) <= kinds
    assert len({spec.type_label(kind) for kind in kinds}) == len(kinds)
    assert not [kind for kind in kinds if "_" in spec.type_label(kind)]


def test_staging_sample_and_rules_name_the_lists() -> None:
    reasons = pd.DataFrame([["contacts", "merged", "confirmed_duplicate", 1]], columns=["feed", "bucket", "reason", "rows"])
    cells = pd.DataFrame([["contacts", "Email", "lowercased", 1]], columns=["feed", "column", "reason", "cells"])
    staged = ROWS.rename(columns={"loaded": "load"})
    chosen = pd.DataFrame([["contacts", "contacts/c-1", "spread over the whole"]], columns=["feed", "key", "because"])
    columns = ["object", "column", "words", "checked", "empty", "broken", "passed", "examples"]
    rules = pd.DataFrame([["contacts", "email", "is there", 3, 0, 1, False, "c-1"]], columns=columns)
    for told in (
        Staging(staged, reasons, cells, FEEDS)._repr_html_(),
        Selection(chosen, FEEDS)._repr_html_(),
        Validation(rules, rules.iloc[:0], (), FEEDS)._repr_html_(),
    ):
        assert "Customer → Contact" in told
        assert "contacts" not in told


def test_two_moments_that_differ_in_their_hour_are_shown_with_it() -> None:
    columns = ["feed", "key", "field", "expected", "actual", "class", "reason"]
    sent, found = "2025-03-02T14:48:00+01:00", "2025-03-02T13:48:00Z"
    difference = ["notes", "n", "add_time", sent, found, "intended", "the same moment, written in another time zone"]
    summary = pd.DataFrame([["notes", "add_time", 1, 0, 1, 0, 0]], columns=["feed", "field", "filled", *CLASSES])
    told = differences_table(summary, pd.DataFrame([difference], columns=columns))
    assert sent.replace("T", " ") in told
    assert found.replace("T", " ") in told


CLASSES = ("equal", "intended", "lossy", "wrong")


def test_a_rollback_names_the_objects_before_and_after() -> None:
    planned = pd.DataFrame([["deal_product", "create", 61]], columns=["object", "verb", "records"])
    frame = pd.DataFrame(
        [["deal_product", "profi:sold:en-1", "7", "kept", "somebody edited it"]],
        columns=["object", "key", "id", "verdict", "words"],
    )
    objects = {"deal_product": "Deal product"}
    for told in (Preview(planned, objects)._repr_html_(), Rollback(frame, objects=objects)._repr_html_()):
        assert "<td>Deal product</td>" in told
        assert "deal_product" not in told


def test_the_status_fits_eighty_letters_and_leaves_out_what_never_happened() -> None:
    label = "Package of an enrolment → product of the Deal"
    counted = ["rows", "loaded", "merged", "excluded", "rejected", "held"]
    frame = pd.DataFrame([[label, *[193] * 6, True]], columns=["what", *counted, "adds up"])
    lines = table(frame, width=80).splitlines()
    assert max(map(len, lines)) <= 80
    assert " ".join(line[:24].strip() for line in lines[1:]) == label
    assert lines[1].split()[-7:] == ["193"] * 6 + ["yes"]
