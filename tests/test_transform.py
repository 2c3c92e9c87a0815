"""Every row of an export becomes a record, or gets its reason: the rules one by one, and what holds for any table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from workbench.errors import IntegrityError, SpecError
from workbench.frames.plan import FeedPlan, FieldPlan
from workbench.frames.staged import CELL_COLUMNS, VERDICT_COLUMNS
from workbench.frames.transform import Staged, marker_of, transform
from workbench.specs import Feed, Table

COLUMNS = ("ID", "First", "Name", "Mail", "Worth", "Tier", "Owner", "Parent", "Lead")
OWNERS = {"ann": "ann@new.example", "(blank)": "ops@new.example", "gone": ""}
TABLE = Table(files=("people.csv",), key=("ID",), key_prefix="C-", key_fallback=("Mail",))


def field(column: str, name: str, recipe: str = "text", **said: Any) -> FieldPlan:
    return FieldPlan(column=column, field=name, recipe=recipe, options=said.pop("options", {}), **said)


FIELDS = (
    field("Name", "last_name", required=True),
    field("First", "first_name"),
    field("Mail", "emails", "email"),
    field("Worth", "worth", "integer"),
)


def rows(*said: Mapping[str, object] | str, file: str = "people.csv") -> pd.DataFrame:
    """A table of these rows, from line 2 on; a text stands for a row with that id, and what is not said has a default."""
    known = [{"ID": each} if isinstance(each, str) else dict(each) for each in said]
    full = [{"Name": f"Name {place}", "Owner": "ann", "_row": f"{file}:{place + 2}", **row} for place, row in enumerate(known)]
    return pd.DataFrame(full, columns=["_row", *COLUMNS], dtype="str")


def plan(*fields: FieldPlan, name: str = "contacts", table: Table = TABLE, **said: Any) -> FeedPlan:
    """A plan of one feed; what belongs to the feed itself is told from what was decided by its name."""
    decided = {key: said.pop(key) for key in [*said] if key in FeedPlan.__dataclass_fields__}
    feed = {"name": name, "rows": ["X"], "label": name, "about": "", "table": "people", "object": "contact", **said}
    made = FeedPlan(feed=Feed.model_validate(feed), source="promio", table=table, fields=fields or FIELDS, owners=OWNERS)
    return replace(made, **decided)


def verdicts(staged: Staged) -> list[tuple[str, str | None, str | None]]:
    """Bucket, reason and record, row by row."""
    frame = staged.verdicts[["bucket", "reason", "record"]].astype("object")
    return [tuple(None if pd.isna(cell) else cell for cell in row) for row in frame.to_numpy()]  # type: ignore[misc]


def aside(staged: Staged) -> list[tuple[str, str, str]]:
    """Row, field and reason of the cells that could not come along."""
    return [tuple(row) for row in staged.cells[["row", "field", "reason"]].to_numpy()]  # type: ignore[misc]


def column(staged: Staged, name: str) -> list[object]:
    """A field of the records, None where it is empty."""
    return [value if isinstance(value, list) or not pd.isna(value) else None for value in staged.records[name]]


# ---------------------------------------------------------------- which rows


def test_a_row_becomes_a_record_with_key_marker_and_row() -> None:
    staged = transform(rows("C-1"), plan())
    assert verdicts(staged) == [("load", None, "contacts/C-1")]
    assert staged.records[["key", "marker", "row"]].to_numpy().tolist() == [
        ["contacts/C-1", "promio:contacts:c-1", "people.csv:2"]
    ]
    assert tuple(staged.verdicts.columns) == VERDICT_COLUMNS
    assert tuple(staged.cells.columns) == CELL_COLUMNS


def test_an_exclusion_comes_before_everything_else_and_names_its_rule() -> None:
    test_rows = {"rule": "test_row", "about": "", "when": {"column": "Name", "is": ["test"]}}
    staged = transform(rows({"Name": "Test"}, {"ID": "1", "Name": "Ann"}), plan(exclude=[test_rows]))
    assert verdicts(staged) == [("excluded", "test_row", None), ("load", None, "contacts/C-1")]


def test_rows_that_the_feed_is_not_for_are_excluded_by_name() -> None:
    staged = transform(
        rows({"ID": "1", "Tier": "B"}, "2"), plan(when={"column": "Tier", "is": ["b"]}, otherwise="not_a_business")
    )
    assert verdicts(staged) == [("load", None, "contacts/C-1"), ("excluded", "not_a_business", None)]


def test_a_row_without_a_key_is_rejected_and_the_fallback_is_a_key() -> None:
    staged = transform(rows({"Mail": "A@b.example"}, {"ID": "n/a"}), plan())
    assert verdicts(staged) == [("load", None, "contacts/a@b.example"), ("rejected", "key_missing", None)]


# ---------------------------------------------------------------- the same number twice


def test_a_repeated_row_is_merged_into_the_first_one() -> None:
    first = {"ID": "C-1", "Name": "Ann", "Mail": "a@b.example"}
    staged = transform(rows(first, {**first, "ID": "1", "Name": " Ann "}), plan())
    assert verdicts(staged) == [("load", None, "contacts/C-1"), ("merged", "repeated_row", "contacts/C-1")]


@pytest.mark.parametrize(
    ("decided", "verdict"),
    [
        ({}, ("held", "undecided_duplicate", None)),
        ({"people.csv:3": "contacts/C-1"}, ("merged", "same_key", "contacts/C-1")),
        ({"people.csv:3": ""}, ("held", "same_key_kept_apart", None)),
        ({"people.csv:3": "contacts/C-2"}, ("merged", "same_person", "contacts/C-2")),
    ],
)
def test_a_differing_row_with_the_same_number_goes_where_a_person_said(
    decided: dict[str, str], verdict: tuple[str, str, str | None]
) -> None:
    staged = transform(rows("1", "1", "2"), plan(merges=decided))
    assert verdicts(staged) == [("load", None, "contacts/C-1"), verdict, ("load", None, "contacts/C-2")]


def test_a_test_row_with_the_same_number_does_not_count_as_the_first() -> None:
    test_rows = {"rule": "test_row", "about": "", "when": {"column": "Name", "is": ["test"]}}
    staged = transform(rows({"ID": "1", "Name": "Test"}, {"ID": "1", "Name": "Ann"}), plan(exclude=[test_rows]))
    assert verdicts(staged)[1] == ("load", None, "contacts/C-1")


def test_a_table_of_nothing_but_keys_has_repeated_rows_too() -> None:
    table = pd.DataFrame({"_row": ["a", "b"], "ID": ["1", "1"]}, dtype="str")
    staged = transform(table, plan(field("ID", "number"), table=Table(files=("x",), key=("ID",))))
    assert [bucket for bucket, *_ in verdicts(staged)] == ["load", "merged"]


# ---------------------------------------------------------------- decided duplicates


def test_a_decided_duplicate_is_merged_and_a_separation_is_a_record() -> None:
    staged = transform(rows("1", "2", "3"), plan(merges={"people.csv:3": "contacts/C-1", "people.csv:4": ""}))
    assert verdicts(staged)[1:] == [("merged", "same_person", "contacts/C-1"), ("load", None, "contacts/C-3")]


def test_companies_are_merged_as_companies() -> None:
    staged = transform(rows("1", "2"), plan(merges={"people.csv:3": "contacts/C-1"}, duplicates="companies"))
    assert verdicts(staged)[1] == ("merged", "same_company", "contacts/C-1")


def test_a_chain_of_merges_ends_in_one_record() -> None:
    decided = {"people.csv:2": "contacts/C-2", "people.csv:3": "contacts/C-3"}
    staged = transform(rows("1", "2", "3"), plan(merges=decided))
    assert [record for *_, record in verdicts(staged)] == ["contacts/C-3"] * 3
    assert len(staged.records) == 1


def test_rows_merged_into_each_other_wait_for_somebody() -> None:
    decided = {"people.csv:2": "contacts/C-2", "people.csv:3": "contacts/C-1"}
    staged = transform(rows("1", "2"), plan(merges=decided))
    assert verdicts(staged) == [("held", "survivor_not_loaded", None)] * 2


def test_a_row_about_which_nobody_has_said_anything_is_held() -> None:
    staged = transform(rows("1", "2"), plan(undecided=frozenset({"people.csv:3"})))
    assert verdicts(staged)[1] == ("held", "undecided_duplicate", None)


@pytest.mark.parametrize("into", ["contacts/C-9", "contacts/", "C-1", "accounts/C-1"])
def test_a_row_merged_into_nothing_is_held(into: str) -> None:
    staged = transform(rows("1", "2"), plan(merges={"people.csv:3": into}))
    assert verdicts(staged)[1] == ("held", "survivor_not_loaded", None)


def test_a_row_merged_into_a_rejected_one_is_held() -> None:
    staged = transform(rows({"ID": "1", "Name": ""}, "2"), plan(merges={"people.csv:3": "contacts/C-1"}))
    assert verdicts(staged) == [("rejected", "required_field_empty", None), ("held", "survivor_not_loaded", None)]


# ---------------------------------------------------------------- merges into an earlier feed

BY_LEAD = {"column": "ID", "feed": "contacts", "with": "Lead", "reason": "became_customer"}
BY_MAIL = {"column": "Mail", "feed": "contacts", "with": "Mail", "recipe": "email", "reason": "same_email"}
LEADS = Table(files=("leads.csv",), key=("ID",))


def staged_after(
    contacts: pd.DataFrame, leads: pd.DataFrame, *, first: Mapping[str, Any] | None = None, **said: Any
) -> tuple[Staged, Staged]:
    """Contacts, and the leads staged after them."""
    parent = transform(contacts, plan(**(first or {})))
    said = {"merge": [BY_LEAD, BY_MAIL], **said}
    return parent, transform(
        leads, plan(name="leads", table=LEADS, **said), parents={"contacts": parent}, tables={"contacts": contacts}
    )


def leads(*said: Mapping[str, object] | str) -> pd.DataFrame:
    return rows(*said, file="leads.csv")


def test_a_row_is_merged_by_the_first_way_that_finds_its_record() -> None:
    contacts = rows({"ID": "1", "Lead": "L1"}, {"ID": "2", "Mail": "A@b.example"})
    _, staged = staged_after(contacts, leads({"ID": "L1", "Mail": "a@b.example"}, {"ID": "L2", "Mail": "a@B.example"}, "L3"))
    assert verdicts(staged) == [
        ("merged", "became_customer", "contacts/C-1"),
        ("merged", "same_email", "contacts/C-2"),
        ("load", None, "leads/L3"),
    ]


def test_empty_cells_find_nobody() -> None:
    _, staged = staged_after(rows({"ID": "1", "Lead": "", "Mail": "n/a"}), leads({"ID": "L1", "Mail": "n/a"}, {"ID": "L2"}))
    assert [bucket for bucket, *_ in verdicts(staged)] == ["load", "load"]


def test_a_row_follows_its_record_into_the_one_that_survived() -> None:
    contacts = rows("1", {"ID": "2", "Lead": "L1"})
    _, staged = staged_after(contacts, leads("L1"), first={"merges": {"people.csv:3": "contacts/C-1"}})
    assert verdicts(staged) == [("merged", "became_customer", "contacts/C-1")]


def test_a_row_of_a_held_record_is_a_record_of_its_own() -> None:
    contacts = rows({"ID": "1", "Lead": "L1", "Owner": "gone"})
    _, staged = staged_after(contacts, leads("L1"), first={"owner": "Owner"})
    assert verdicts(staged) == [("load", None, "leads/L1")]


def test_a_person_may_merge_a_row_into_another_feeds_record_that_was_merged_itself() -> None:
    first = {"merges": {"people.csv:3": "contacts/C-1"}}
    decided = {"leads.csv:2": "contacts/C-2", "leads.csv:3": "leads/L1"}
    _, staged = staged_after(rows("1", "2"), leads("L1", "L2"), first=first, merges=decided)
    assert [record for *_, record in verdicts(staged)] == ["contacts/C-1"] * 2
    assert staged.records.empty
    assert staged.additions["record"].tolist() == ["contacts/C-1"] * 2


def test_a_person_who_merges_a_row_into_a_held_record_makes_it_wait() -> None:
    contacts = rows({"ID": "1", "Owner": "gone"})
    _, staged = staged_after(contacts, leads("L1"), first={"owner": "Owner"}, merges={"leads.csv:2": "contacts/C-1"})
    assert verdicts(staged) == [("held", "survivor_not_loaded", None)]


def test_a_repeated_number_follows_its_first_row_into_the_other_feed() -> None:
    contacts = rows({"ID": "1", "Lead": "L1"})
    _, staged = staged_after(contacts, leads("L1", "L1"), merges={"leads.csv:3": "leads/L1"})
    assert verdicts(staged) == [("merged", "became_customer", "contacts/C-1"), ("merged", "same_key", "contacts/C-1")]


def test_what_a_merged_row_says_is_offered_to_the_other_feed() -> None:
    contacts = rows({"ID": "1", "Lead": "L1"})
    fields = (field("Name", "last_name"), field("Tier", "tier", shared=False), field("Worth", "worth", "integer"))
    parent = transform(contacts, plan())
    own = plan(*fields, name="leads", table=LEADS, merge=[BY_LEAD])
    staged = transform(
        leads({"ID": "L1", "Worth": "7", "Tier": "A"}), own, parents={"contacts": parent}, tables={"contacts": contacts}
    )
    assert staged.additions.columns.tolist() == ["record", "row", "last_name", "worth"]
    assert staged.additions["worth"].tolist() == [7]


# ---------------------------------------------------------------- a merged row fills gaps


def test_a_merged_row_fills_gaps_and_the_records_own_word_stays() -> None:
    staged = transform(
        rows({"ID": "1", "Name": "Ann", "Worth": "5"}, {"ID": "2", "Name": "Anne", "First": "A", "Mail": "a@b.example"}),
        plan(merges={"people.csv:3": "contacts/C-1"}),
    )
    assert staged.records[["last_name", "first_name", "emails", "worth"]].to_numpy().tolist() == [
        ["Ann", "A", "a@b.example", 5]
    ]
    assert aside(staged) == [("people.csv:3", "last_name", "record_kept_its_own")]


def test_of_two_merged_rows_the_first_fills_the_gap_and_the_second_is_set_aside() -> None:
    decided = {"people.csv:3": "contacts/C-1", "people.csv:4": "contacts/C-1"}
    staged = transform(
        rows({"ID": "1", "Name": "A"}, *({"ID": n, "Name": "A", "Worth": w} for n, w in [("2", "7"), ("3", "8")])),
        plan(merges=decided),
    )
    assert column(staged, "worth") == [7]
    assert aside(staged) == [("people.csv:4", "worth", "record_kept_its_own")]


def test_filling_a_gap_keeps_lists_and_whole_numbers_as_they_are() -> None:
    tags = field("Tier", "tags", "tags")
    staged = transform(
        rows({"ID": "1"}, {"ID": "2", "Tier": "a;b", "Worth": "7"}, {"ID": "3", "Tier": "c"}),
        plan(*FIELDS, tags, merges={"people.csv:3": "contacts/C-1"}),
    )
    assert column(staged, "tags") == [["a", "b"], ["c"]]
    assert [type(value) for value in column(staged, "worth")] == [int, type(None)]


def test_a_broken_cell_of_a_merged_row_is_named_even_where_the_field_is_required() -> None:
    worth = field("Worth", "worth", "integer", required=True)
    staged = transform(
        rows({"ID": "1", "Worth": "5"}, {"ID": "2", "Worth": "a lot"}),
        plan(FIELDS[0], worth, merges={"people.csv:3": "contacts/C-1"}),
    )
    assert ("people.csv:3", "worth", "not_an_integer") in aside(staged)


# ---------------------------------------------------------------- what a cell does to its row


@pytest.mark.parametrize(
    ("said", "cell", "verdict"),
    [
        ({}, "x", "load"),
        ({"on_error": "reject"}, "x", "rejected"),
        ({"on_error": "hold"}, "x", "held"),
        ({"on_error": "hold"}, "", "load"),
        ({"required": True}, "x", "rejected"),
        ({"required": True}, "n/a", "rejected"),
        ({"required": True, "on_error": "hold"}, "x", "held"),
        ({"required": True, "on_error": "hold"}, "", "rejected"),
    ],
)
def test_a_cell_that_cannot_be_converted_does_what_the_rule_says(said: dict[str, Any], cell: str, verdict: str) -> None:
    staged = transform(rows({"ID": "1", "Worth": cell}), plan(FIELDS[0], field("Worth", "worth", "integer", **said)))
    assert verdicts(staged)[0][0] == verdict
    if verdict == "load":
        assert aside(staged) == ([("people.csv:2", "worth", "not_an_integer")] if cell == "x" else [])
    else:
        assert staged.verdicts["detail"].tolist() == [f"Worth = {cell}"]
        assert staged.cells.empty  # the row itself is accounted for


def test_a_placeholder_is_an_empty_cell_and_no_error() -> None:
    staged = transform(rows({"ID": "1", "Worth": "n/a", "Mail": "NULL"}), plan())
    assert column(staged, "worth") == [None]
    assert staged.cells.empty


def test_a_decided_value_stands_in_and_one_left_empty_is_named() -> None:
    worth = field("Worth", "worth", "integer", substitutes={"a lot": "100", "tbd": ""})
    staged = transform(rows({"ID": "1", "Worth": " a lot"}, {"ID": "2", "Worth": "tbd"}), plan(FIELDS[0], worth))
    assert column(staged, "worth") == [100, None]
    assert staged.cells[["value", "reason"]].to_numpy().tolist() == [["tbd", "left_empty"]]


def test_a_fallback_column_speaks_where_the_first_is_empty() -> None:
    name = field("Name", "last_name", fallback=("First", "Mail"), required=True)
    staged = transform(
        rows({"ID": "1", "Name": "-", "First": "Al"}, {"ID": "2", "Name": None, "Mail": "a@b.example"}), plan(name)
    )
    assert column(staged, "last_name") == ["Al", "a@b.example"]


def test_a_whole_name_is_split() -> None:
    halves = (field("Name", "first_name", "split_first_name"), field("Name", "last_name", "split_last_name"))
    staged = transform(rows({"ID": "1", "Name": "Ludwig van Beethoven"}, {"ID": "2", "Name": "Cher"}), plan(*halves))
    assert column(staged, "first_name") == ["Ludwig", None]
    assert column(staged, "last_name") == ["van Beethoven", "Cher"]


def test_a_constant_stands_on_every_record_that_says_nothing_else() -> None:
    staged = transform(rows("1", {"ID": "2", "Tier": "Sales"}), plan(constants={"pipeline": "P", "stage": "New"}))
    assert column(staged, "pipeline") == ["P", "P"]
    staged = transform(
        rows("1", {"ID": "2", "Tier": "Sales"}), plan(*FIELDS, field("Tier", "pipeline"), constants={"pipeline": "P"})
    )
    assert column(staged, "pipeline") == ["P", "Sales"]


# ---------------------------------------------------------------- owners and parents


def test_owners_are_named_by_decision_and_unresolved_ones_make_the_row_wait() -> None:
    table = rows(*({"ID": str(n), "Owner": o} for n, o in enumerate([" ann ", None, "n/a", "bob", "gone"])))
    staged = transform(table, plan(owner="Owner"))
    assert column(staged, "owner") == ["ann@new.example", "ops@new.example", "ops@new.example"]
    assert verdicts(staged)[3:] == [("held", "owner_unresolved", None)] * 2
    assert staged.verdicts["detail"].tolist()[3:] == ["Owner = bob", "Owner = gone"]


def test_where_nobody_stands_in_for_blank_owners_the_rows_wait() -> None:
    staged = transform(rows({"ID": "1", "Owner": ""}), plan(owner="Owner", owners={}))
    assert staged.verdicts["detail"].tolist() == ["Owner = (blank)"]
    assert verdicts(staged) == [("held", "owner_unresolved", None)]


@pytest.mark.parametrize("required", [True, False])
def test_a_link_follows_the_parents_key_in_either_spelling(required: bool) -> None:
    contacts = rows("C-1", "2", {"ID": "3", "Name": ""})
    parent = transform(contacts, plan(merges={"people.csv:3": "contacts/C-1"}))
    lookup = {"to": "contact", "feed": "contacts", "column": "Parent", "required": required}
    table = rows(*({"ID": f"D{n}", "Parent": p} for n, p in enumerate(["1", "c-2", "3", "9", None])), file="deals.csv")
    staged = transform(
        table,
        plan(name="deals", table=LEADS, lookups=[lookup], prefixes={"contacts": "C-"}),
        parents={"contacts": parent},
        tables={"contacts": contacts},
    )
    found: list[object] = ["contacts/C-1", "contacts/C-1"]
    assert column(staged, "contact") == (found if required else [*found, None, None, None])
    held = [("held", "parent_missing", None)] * 3
    assert verdicts(staged)[2:] == held if required else all(bucket == "load" for bucket, *_ in verdicts(staged))
    if required:
        assert staged.verdicts["detail"].tolist()[3:] == ["Parent = 9", "Parent = "]


# ---------------------------------------------------------------- what no two records may share


def test_the_second_record_goes_without_a_value_that_only_one_may_have() -> None:
    staged = transform(rows({"ID": "1", "Mail": "a@b.example"}, {"ID": "2", "Mail": "A@B.example"}), plan(unique="emails"))
    assert column(staged, "emails") == ["a@b.example", None]
    assert [reason for *_, reason in aside(staged)] == ["lower_cased", "taken_by_another_record"]


def test_where_the_value_is_required_the_second_record_waits() -> None:
    staged = transform(rows({"ID": "1", "Name": "A"}, {"ID": "2", "Name": "a"}), plan(unique="last_name"))
    assert verdicts(staged)[1] == ("held", "taken_by_another_record", None)
    assert staged.verdicts["detail"].tolist()[1] == "Name = a"


def test_a_row_that_is_not_loaded_takes_nothing_from_others() -> None:
    table = rows({"ID": "1", "Mail": "a@b.example", "Owner": "bob"}, {"ID": "2", "Mail": "a@b.example"})
    staged = transform(table, plan(unique="emails", owner="Owner"))
    assert column(staged, "emails") == ["a@b.example"]


def test_a_value_of_an_earlier_feeds_record_is_taken() -> None:
    contacts = rows({"ID": "1", "Mail": "a@b.example"})
    _, staged = staged_after(contacts, leads({"ID": "L1", "Mail": "a@b.example"}), merge=[BY_LEAD], unique="emails")
    assert column(staged, "emails") == [None]


def test_a_merged_row_gives_its_record_no_value_that_another_one_has() -> None:
    contacts = rows({"ID": "1", "Lead": "L1"}, {"ID": "2", "Mail": "a@b.example"})
    _, staged = staged_after(contacts, leads({"ID": "L1", "Mail": "a@b.example"}), unique="emails")
    assert staged.additions["emails"].isna().all()
    assert aside(staged) == [("leads.csv:2", "emails", "taken_by_another_record")]


def test_what_a_merged_row_gives_its_record_is_taken_for_the_rows_after_it() -> None:
    contacts = rows({"ID": "1", "Lead": "L1"})
    table = leads({"ID": "L1", "Mail": "a@b.example"}, {"ID": "L2", "Mail": "a@b.example"})
    _, staged = staged_after(contacts, table, unique="emails")
    assert staged.additions["emails"].tolist() == ["a@b.example"]
    assert column(staged, "emails") == [None]


# ---------------------------------------------------------------- tables that lack something


@pytest.mark.parametrize("count", [0, 3])
@pytest.mark.parametrize("dtype", ["str", "object", "float64"])
def test_columns_without_a_single_value_are_staged(count: int, dtype: str) -> None:
    table = pd.DataFrame({"_row": pd.Series([f"people.csv:{n}" for n in range(count)], dtype="str")})
    for name in COLUMNS:
        table[name] = pd.Series([None] * count, dtype=dtype)
    table["ID"] = pd.Series([str(n) for n in range(count)], dtype="str")
    staged = transform(table, plan(field("First", "first_name"), field("Worth", "worth", "integer"), owner="Owner"))
    assert len(staged.records) == len(staged.verdicts) == count
    assert list(staged.records.columns) == ["key", "marker", "row", "owner", "first_name", "worth"]


def test_an_empty_table_passes_every_step() -> None:
    lookup = {"to": "parent", "feed": "contacts", "column": "Parent", "required": True}
    _, staged = staged_after(rows(), leads(), owner="Owner", lookups=[lookup], unique="emails", constants={"a": "b"})
    assert staged.records.empty
    assert staged.verdicts.empty
    assert staged.additions.empty


def test_columns_that_only_fill_fields_may_be_missing() -> None:
    contacts = rows("1")
    lookup = {"to": "parent", "feed": "contacts", "column": "Parent", "required": False}
    table = leads("L1").drop(columns=["First", "Worth", "Owner", "Parent"])
    fields = (
        field("Name", "last_name", fallback=("Absent",)),
        field("First", "first_name"),
        field("Worth", "worth", "integer"),
    )
    staged = transform(
        table,
        plan(*fields, name="leads", table=LEADS, owner="Owner", lookups=[lookup]),
        parents={"contacts": transform(contacts, plan())},
        tables={"contacts": contacts},
    )
    assert column(staged, "owner") == ["ops@new.example"]
    assert column(staged, "first_name") == [None]


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("ID", {}),
        ("Tier", {"when": {"column": "Tier", "is": ["a"]}, "otherwise": "x"}),
        ("Mail", {"merge": [BY_MAIL]}),
    ],
)
def test_columns_by_which_rows_are_chosen_named_or_merged_may_not(missing: str, said: dict[str, Any]) -> None:
    contacts = rows("1")
    with pytest.raises(SpecError, match=f"no column '{missing}'"):
        staged_after(contacts, leads("L1").drop(columns=[missing]), **{"merge": [], **said})


def test_two_rows_of_one_name_are_refused() -> None:
    with pytest.raises(IntegrityError, match="two rows have one id"):
        transform(rows({"ID": "1", "_row": "a:2"}, {"ID": "2", "_row": "a:2"}), plan())


def test_the_table_that_came_in_is_left_as_it_was() -> None:
    table = rows("1", {"ID": "2", "Worth": "x"})
    before = table.copy(deep=True)
    transform(table, plan(merges={"people.csv:3": "contacts/C-1"}, unique="emails"))
    pd.testing.assert_frame_equal(table, before)


# ---------------------------------------------------------------- markers


def test_a_marker_is_the_key_in_small_letters() -> None:
    assert marker_of("promio", "contacts/C-01001") == "promio:contacts:c-01001"
    assert marker_of("promio", "deals/spring-sale|01/02/2026") == "promio:deals:spring-sale|01/02/2026"


@pytest.mark.parametrize(
    ("left", "right"),
    [("00aB", "00Ab"), ("x" * 80, "x" * 79), ("A" * 80, "a" * 80), ("Straße", "STRASSE"), ("Ähre", "ähre"), ("a/b", "a@b")],
)
def test_two_keys_have_two_markers(left: str, right: str) -> None:
    assert marker_of("promio", f"contacts/{left}") != marker_of("promio", f"contacts/{right}")


@pytest.mark.parametrize("natural", ["ß" * 59, "İ" * 40, "\ud800", "x" * 500, "/", "a/b/c", "a@b", "名前"])
def test_a_marker_is_at_most_sixty_characters_of_small_letters(natural: str) -> None:
    marker = marker_of("promio", f"contacts/{natural}")
    assert len(marker) <= 60
    assert marker == marker.casefold()


def test_numbers_that_only_capitals_tell_apart_wait() -> None:
    staged = transform(rows("AB", "ab"), plan(table=LEADS))
    assert verdicts(staged) == [("load", None, "contacts/AB"), ("held", "key_too_alike", None)]


# ---------------------------------------------------------------- whatever the table

IDS = st.sampled_from(["1", "C-1", "c-1", "2", "3", "4", "5", "A/b", "a/B", "x@y", "ß" * 40, "n/a", "", " ", "名", None])
MAILS = st.sampled_from(["a@b.example", "A@B.example", "c@d.example", "no mail", "", None])
WORDS = st.sampled_from(["Ann", "test", "", "n/a", None, "x" * 300])
PEOPLE = st.fixed_dictionaries(
    {
        "ID": IDS,
        "Name": WORDS,
        "First": WORDS,
        "Mail": MAILS,
        "Worth": st.sampled_from(["1", "x", "", None]),
        "Owner": st.sampled_from(["ann", "gone", "bob", "", None]),
        "Parent": IDS,
        "Lead": IDS,
    }
)
NO_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)  # a pipeline of frames takes minutes to shrink
INTO = st.sampled_from(["", *(f"{feed}/{key}" for feed in ("contacts", "leads") for key in ("C-1", "1", "2", "C-2", "3", "9"))])


def decisions(file: str) -> st.SearchStrategy[dict[str, str]]:
    return st.dictionaries(st.integers(2, 9).map(lambda line: f"{file}:{line}"), INTO, max_size=6)


def holds_together(staged: Staged, table: pd.DataFrame, earlier: Sequence[Staged]) -> None:
    """What is true of every staged feed."""
    found, records = staged.verdicts, staged.records
    assert found["row"].tolist() == table["_row"].tolist()
    assert set(found["bucket"]) <= {"load", "merged", "excluded", "rejected", "held"}
    assert found.loc[found["bucket"] != "load", "reason"].notna().all()
    loaded = found[found["bucket"] == "load"]
    assert loaded[["record", "row"]].to_numpy().tolist() == records[["key", "row"]].to_numpy().tolist()
    assert records["key"].is_unique
    assert records["marker"].is_unique
    assert records["marker"].str.len().le(60).all()
    made = set(records["key"]).union(*(parent.records["key"] for parent in earlier))
    assert set(found.loc[found["bucket"] == "merged", "record"]) <= made
    assert found.loc[~found["bucket"].isin(["load", "merged"]), "record"].isna().all()
    assert set(staged.cells["row"]) <= set(found.loc[found["bucket"].isin(["load", "merged"]), "row"])
    assert set(staged.additions["record"]) <= made - set(records["key"])
    mails = [each["emails"].dropna().str.casefold() for each in [staged.records, *(parent.records for parent in earlier)]]
    assert pd.concat(mails).is_unique


@settings(max_examples=60, deadline=None, phases=NO_SHRINKING)
@given(
    st.lists(PEOPLE, max_size=8),
    st.lists(PEOPLE, max_size=8),
    decisions("people.csv"),
    decisions("leads.csv"),
    st.frozensets(st.integers(2, 9).map(lambda line: f"leads.csv:{line}"), max_size=2),
)
def test_whatever_the_table_every_row_ends_exactly_once(
    people: list[dict[str, object]],
    others: list[dict[str, object]],
    merges: dict[str, str],
    more: dict[str, str],
    undecided: frozenset[str],
) -> None:
    contacts, later = rows(*people), leads(*others)
    test_rows = {"rule": "test_row", "about": "", "when": {"column": "Name", "is": ["test"]}}
    lookup = {"to": "parent", "feed": "contacts", "column": "Parent", "required": True}
    first = {"merges": merges, "owner": "Owner", "unique": "emails", "exclude": [test_rows]}
    parent, staged = staged_after(
        contacts,
        later,
        first=first,
        merges=more,
        undecided=undecided,
        unique="emails",
        lookups=[lookup],
        prefixes={"contacts": "C-"},
    )
    holds_together(parent, contacts, [])
    holds_together(staged, later, [parent])
    assert set(staged.records["parent"]) <= set(parent.records["key"])
