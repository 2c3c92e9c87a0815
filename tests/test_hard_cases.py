"""What a route may say of rows that are no plain records: scope, joins, composed texts, groups, trees, many to many."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from small_route import aside, column, ends, plans, route, source, staged, table

from workbench.errors import SpecError
from workbench.frames.closure import row_closure
from workbench.frames.staged import Staged
from workbench.specs import Feed, Route, load_destination
from workbench.specs.fitting import check_route

NAME = {"column": "name", "to": "last_name", "recipe": "text", "required": True}
COMPANY = {"column": "name", "to": "name", "recipe": "text", "required": True}
ACCOUNTS = {"name": "accounts", "table": "companies", "object": "sales_account", "fields": [COMPANY]}
CONTACTS = {"name": "contacts", "table": "people", "fields": [NAME]}


def contacts(*rows: dict[str, object], **said: Any) -> Staged:
    """People as contacts, under whatever the feed says."""
    known = source({"people": "id", "users": "id"})
    decided = {key: said.pop(key) for key in ("scope", "merges", "undecided", "tables") if key in said}
    users = decided.pop("tables", table("users", {"id": "u1", "mail": "ann", "since": "2020-01-01"}))
    asked = said.pop("questions", [])
    chosen = route({**CONTACTS, **said}, scope=asked)
    return staged(chosen, known, [table("people", *rows), users], **decided)["contacts"]


def closes(made: dict[str, Staged], rows: dict[str, int]) -> bool:
    """Whether the buckets of every feed add up."""
    verdicts = pd.concat([each.verdicts for each in made.values()], ignore_index=True)
    return bool(row_closure(verdicts, rows=rows, staged=True)["closes"].all())


# ---------------------------------------------------------------- scope

TARGET = {"name": "target", "question": "What are they?", "options": ["people", "nothing"], "default": "people"}


@pytest.mark.parametrize(("answer", "end"), [("people", "load"), ("People ", "load"), ("nothing", "excluded"), ("", "load")])
def test_a_feed_is_taken_under_its_answer_only(answer: str, end: str) -> None:
    made = contacts({"id": "1", "name": "Ann"}, scope={"target": answer} if answer else {}, questions=[TARGET])
    assert ends(made)[0][0] == "load"
    known = source({"people": "id"})
    chosen = route({**CONTACTS, "scope": {"target": "people"}}, scope=[TARGET])
    found = staged(chosen, known, [table("people", {"id": "1", "name": "Ann"})], scope={"target": answer})["contacts"]
    assert ends(found)[0][:2] == (end, None if end == "load" else "other_answer")
    assert len(found.records) == (end == "load")


def test_a_field_and_a_rule_hold_under_their_answers_only() -> None:
    fields = [NAME, {"column": "team", "to": "job_title", "recipe": "text", "scope": {"target": ["nothing"]}}]
    rule = {"rule": "no_team", "about": "", "when": {"column": "team", "empty": True}, "scope": {"target": "nothing"}}
    chosen = route({**CONTACTS, "fields": fields, "exclude": [rule]}, scope=[TARGET])
    rows = table("people", {"id": "1", "name": "Ann", "team": "A"}, {"id": "2", "name": "Bo", "team": None})
    one = staged(chosen, source({"people": "id"}), [rows])["contacts"]
    other = staged(chosen, source({"people": "id"}), [rows], scope={"target": "nothing"})["contacts"]
    assert "job_title" not in one.records
    assert len(one.records) == 2
    assert column(other, "job_title") == ["A"]
    assert ends(other)[1][:2] == ("excluded", "no_team")


def test_an_attaching_feed_under_another_answer_leaves_its_rows_out() -> None:
    calls = {"name": "calls", "kind": "attach", "table": "calls", "unmatched": "nobody", "scope": {"target": "nothing"}}
    calls |= {"newest": "day", "superseded": "earlier", "match": [{"column": "who", "feed": "contacts", "with": "id"}]}
    chosen = route(CONTACTS, {**calls, "fields": [{"column": "day", "to": "job_title"}]}, scope=[TARGET])
    rows = [table("people", {"id": "1", "name": "Ann"}), table("calls", {"id": "9", "who": "1", "day": "2026-01-01"})]
    made = staged(chosen, source({"people": "id", "calls": "id"}), rows)
    assert ends(made["calls"]) == [("excluded", "other_answer", None)]


# ---------------------------------------------------------------- joins

OWNER = {"column": "boss", "table": "users", "with": "id", "bring": {"boss mail": "mail"}}


def test_a_join_brings_columns_that_may_be_loaded_asked_and_name_the_owner() -> None:
    fields = [NAME, {"column": "boss mail", "to": "job_title", "recipe": "text"}]
    made = contacts(
        {"id": "1", "name": "Ann", "boss": "u1"},
        {"id": "2", "name": "Bo", "boss": "u9"},
        joins=[OWNER],
        owner="boss mail",
        fields=fields,
        exclude=[{"rule": "lost", "about": "", "when": {"column": "boss mail", "is": ["nobody"]}}],
    )
    assert column(made, "job_title") == ["ann", None]
    assert column(made, "owner") == ["ann@new.example", "ops@new.example"]
    assert aside(made) == {("people.csv:3", "boss mail", "", "no_row_to_join")}


@pytest.mark.parametrize(("newest", "taken", "why"), [("", "ann", "first_of_several"), ("since", "bob", "newest_of_several")])
def test_of_several_rows_that_fit_one_counts_and_no_row_is_multiplied(newest: str, taken: str, why: str) -> None:
    users = table(
        "users", {"id": "u1", "mail": "ann", "since": "2020-01-01"}, {"id": "u1", "mail": "bob", "since": "2021-01-01"}
    )
    fields = [NAME, {"column": "boss mail", "to": "job_title", "recipe": "text"}]
    joins = [{**OWNER, "newest": newest, "newest_recipe": "day", "newest_options": {"order": "iso"}} if newest else OWNER]
    made = contacts({"id": "1", "name": "Ann", "boss": "u1"}, joins=joins, fields=fields, tables=users)
    assert column(made, "job_title") == [taken]
    assert aside(made) == {("people.csv:2", "boss mail", "", why)}


def test_a_join_may_ask_for_further_columns_to_say_the_same() -> None:
    """An invoice belongs to the member and the package, and not to whatever else the member has bought."""
    users = table(
        "users",
        {"id": "u1", "mail": "ann", "team": "North"},
        {"id": "u1", "mail": "bob", "team": " SOUTH"},
        {"id": "u1", "mail": "cy"},
    )
    fields = [NAME, {"column": "boss mail", "to": "job_title", "recipe": "text"}]
    people = [
        {"id": str(n), "name": "Ann", "boss": "u1", "group": group} for n, group in enumerate(("South", "North", "West", None))
    ]
    made = contacts(*people, joins=[{**OWNER, "also": {"group": "team"}}], fields=fields, tables=users)
    assert column(made, "job_title") == ["bob", "ann", None, None]
    said = {(4, "no_row_to_join"), (5, "several_records_fit")}
    assert aside(made) == {(f"people.csv:{line}", "boss mail", "", why) for line, why in said}


def test_a_row_that_says_nothing_in_a_further_column_has_what_all_that_fit_agree_on() -> None:
    """An enrolment without a tier is of the package of its name, where there is one; of two tiers nobody can say which."""
    users = table(
        "users",
        {"id": "u1", "mail": "ann", "team": "North"},
        {"id": "u2", "mail": "bob", "team": "North"},
        {"id": "u2", "mail": "cy", "team": "South"},
        {"id": "u3", "mail": "di", "team": "North"},
        {"id": "u3", "mail": "di", "team": "South"},
    )
    fields = [NAME, {"column": "boss mail", "to": "job_title", "recipe": "text"}]
    people = [{"id": str(n), "name": "Ann", "boss": boss, "group": None} for n, boss in enumerate(("u1", "u2", "u3", None))]
    made = contacts(*people, joins=[{**OWNER, "also": {"group": "team"}}], fields=fields, tables=users)
    assert column(made, "job_title") == ["ann", None, "di", None]
    assert aside(made) == {("people.csv:3", "boss mail", "", "several_records_fit")}


def test_a_join_by_a_text_knows_no_capital_letters_and_no_second_blank() -> None:
    users = table("users", {"id": "Scale-up  Circle", "mail": "ann"})
    fields = [NAME, {"column": "boss mail", "to": "job_title", "recipe": "text"}]
    people = [{"id": str(n), "name": "Ann", "boss": boss} for n, boss in enumerate((" SCALE-UP circle", "Scale-up", None))]
    made = contacts(*people, joins=[{**OWNER, "recipe": "text"}], fields=fields, tables=users)
    assert column(made, "job_title") == ["ann", None, None]
    assert aside(made) == {("people.csv:3", "boss mail", "", "no_row_to_join")}


def test_a_join_may_go_on_from_what_another_one_brought() -> None:
    known = source({"people": "id", "teams": "id", "users": "id"})
    joins = [
        {"column": "team", "table": "teams", "with": "id", "bring": {"lead": "lead"}},
        {"column": "lead", "table": "users", "with": "id", "bring": {"lead mail": "mail"}},
    ]
    chosen = route({**CONTACTS, "joins": joins, "fields": [NAME, {"column": "lead mail", "to": "job_title"}]})
    rows = [
        table("people", {"id": "1", "name": "Ann", "team": "t"}),
        table("teams", {"id": "t", "lead": "u"}),
        table("users", {"id": "u", "mail": "bob"}),
    ]
    assert column(staged(chosen, known, rows)["contacts"], "job_title") == ["bob"]


def test_a_name_that_the_table_has_already_is_refused() -> None:
    with pytest.raises(SpecError, match="already"):
        contacts({"id": "1", "name": "Ann", "boss": "u1", "boss mail": "x"}, joins=[OWNER])


def test_what_the_source_says_for_nothing_counts_as_nothing_and_is_noted() -> None:
    known = source({"people": "id"}, placeholders=["0001-01-01", "n/a"])
    fields = [NAME, {"column": "due", "to": "job_title", "recipe": "text", "fallback": ["day"]}]
    rows = table("people", {"id": "1", "name": "Ann", "due": "0001-01-01", "day": "2026-01-02"})
    made = staged(route({**CONTACTS, "fields": fields}), known, [rows])["contacts"]
    assert column(made, "job_title") == ["2026-01-02"]
    assert aside(made) == {("people.csv:2", "due", "", "placeholder")}


# ---------------------------------------------------------------- compose


def test_a_text_is_made_of_several_columns_without_the_lines_that_say_nothing() -> None:
    text = "Invoice {no}: {amount} {currency}\nDue: {due}\nPaid"
    fields = [NAME, {"column": "Invoice", "to": "job_title", "recipe": "long_text", "compose": text}]
    made = contacts(
        {"id": "1", "name": "Ann", "no": "7", "amount": "12.50", "currency": "EUR", "due": "2026-02-01"},
        {"id": "2", "name": "Bo", "no": "8", "amount": "n/a", "currency": "", "due": None},
        {"id": "3", "name": "Cy"},
        fields=fields,
    )
    assert column(made, "job_title") == ["Invoice 7: 12.50 EUR\nDue: 2026-02-01\nPaid", "Invoice 8:\nPaid", None]


def test_a_text_is_nothing_without_the_column_that_it_needs() -> None:
    fields = [
        NAME,
        {"column": "End", "to": "job_title", "recipe": "text", "compose": "{end:needed} {zone}", "fallback": ["day"]},
    ]
    rows = [
        {"id": "1", "name": "Ann", "end": "10:00", "zone": "UTC", "day": "x"},
        {"id": "2", "name": "Bo", "zone": "UTC", "day": "y"},
    ]
    assert column(contacts(*rows, fields=fields), "job_title") == ["10:00 UTC", "y"]


def test_a_composed_text_that_names_no_column_is_refused() -> None:
    with pytest.raises(ValidationError, match="names no column"):
        Feed.model_validate(
            {**CONTACTS, "rows": [], "label": "", "about": "", "object": "contact"}
            | {"fields": [{"column": "x", "to": "job_title", "compose": "nothing"}]}
        )


# ---------------------------------------------------------------- groups

MONEY = {"column": "fee", "to": "amount", "recipe": "money", "combine": "sum"}


def grouped(*rows: dict[str, object], fields: list[dict[str, Any]], **said: Any) -> Staged:
    decided = {key: said.pop(key) for key in ("merges", "undecided") if key in said}
    feed = {"name": "deals", "table": "rows", "object": "deal", "group": ["deal"], "fields": fields, **said}
    return staged(route(feed), source({"rows": "id"}), [table("rows", *rows)], **decided)["deals"]


DEAL = {"column": "deal", "to": "name", "recipe": "text", "required": True}


def test_rows_that_say_the_same_are_one_record_and_every_row_has_its_verdict() -> None:
    made = grouped(
        {"id": "1", "deal": "Big  Deal", "fee": "10"},
        {"id": "2", "deal": "big deal", "fee": "2.50"},
        {"id": "3", "deal": "Small", "fee": "1"},
        fields=[DEAL, MONEY],
    )
    assert ends(made) == [
        ("load", None, "deals/big-deal"),
        ("merged", "same_group", "deals/big-deal"),
        ("load", None, "deals/small"),
    ]
    assert column(made, "amount") == ["12.50", "1.00"]
    assert column(made, "name") == ["Big  Deal", "Small"]
    assert closes({"deals": made}, {"deals": 3})


@pytest.mark.parametrize(
    ("combine", "recipe", "cells", "found"),
    [
        ("first", "text", ["", "b", "c"], "b"),
        ("last", "text", ["a", "b", ""], "b"),
        ("join", "text", ["a", "b", "a"], "a; b"),
        ("join", "tags", ["a,b", "b,c", ""], ["a", "b", "c"]),
        ("sum", "integer", ["1", "2", ""], 3),
        ("count", "text", ["a", "b", ""], 2),
        ("min", "integer", ["10", "9", "100"], 9),
        ("max", "integer", ["10", "9", "100"], 100),
        ("max", "day", ["2026-01-02", "2026-03-01", "2025-12-31"], "2026-03-01"),
    ],
)
def test_a_field_is_made_of_several_rows_as_its_rule_says(combine: str, recipe: str, cells: list[str], found: object) -> None:
    options = {"order": "iso"} if recipe == "day" else {}
    rule = {"column": "cell", "to": "deal_reason", "recipe": recipe, "options": options, "combine": combine}
    rows = [{"id": str(n), "deal": "D", "cell": cell} for n, cell in enumerate(cells)]
    assert column(grouped(*rows, fields=[DEAL, rule]), "deal_reason") == [found]


def test_a_word_that_does_not_come_along_is_noted() -> None:
    rule = {"column": "cell", "to": "deal_reason", "recipe": "text", "combine": "last"}
    made = grouped({"id": "1", "deal": "D", "cell": "old"}, {"id": "2", "deal": "D", "cell": "new"}, fields=[DEAL, rule])
    assert aside(made) == {("rows.csv:2", "cell", "deal_reason", "other_row_counts")}


def test_a_broken_row_leaves_the_group_and_the_next_one_stands_for_it() -> None:
    fee = {**MONEY, "on_error": "hold"}
    made = grouped({"id": "1", "deal": "D", "fee": "lots"}, {"id": "2", "deal": "D", "fee": "5"}, fields=[DEAL, fee])
    assert [end[0] for end in ends(made)] == ["held", "load"]
    assert column(made, "amount") == ["5.00"]


def test_a_group_in_which_no_row_says_what_is_required_is_rejected_whole() -> None:
    fee = {**MONEY, "required": True}
    made = grouped({"id": "1", "deal": "D", "fee": ""}, {"id": "2", "deal": "D", "fee": ""}, fields=[DEAL, fee])
    assert [end[:2] for end in ends(made)] == [("rejected", "required_field_empty")] * 2


def test_groups_that_somebody_found_to_be_one_company_become_one_record() -> None:
    rows = [{"id": str(n), "deal": name} for n, name in enumerate(["Acme GmbH", "ACME", "acme", "Other"])]
    merges = {"deals": {"rows.csv:3": "deals/acme-gmbh"}}
    made = grouped(*rows, fields=[DEAL], merges=merges, duplicates="companies")
    assert [end[2] for end in ends(made)] == ["deals/acme-gmbh"] * 3 + ["deals/other"]
    assert [end[1] for end in ends(made)] == [None, "same_company", "same_company", None]
    waits = grouped(*rows, fields=[DEAL], undecided={"deals": ["rows.csv:3"]}, duplicates="companies")
    assert [end[0] for end in ends(waits)] == ["load", "held", "held", "load"]


def test_a_lookup_leads_to_a_group_by_what_the_group_is_named_by() -> None:
    orgs = {"name": "orgs", "table": "people", "object": "sales_account", "group": ["company"], "otherwise": "alone"}
    orgs |= {"fields": [{"column": "company", "to": "name", "required": True}], "when": {"column": "company", "empty": False}}
    people = {**CONTACTS, "lookups": [{"to": "sales_accounts", "feed": "orgs", "column": "company"}]}
    rows = [
        {"id": "1", "name": "A", "company": "Acme"},
        {"id": "2", "name": "B", "company": " ACME "},
        {"id": "3", "name": "C"},
    ]
    made = staged(route(orgs, people), source({"people": "id"}), [table("people", *rows)])
    assert column(made["contacts"], "sales_accounts") == ["orgs/acme", "orgs/acme", None]


@given(st.lists(st.tuples(st.sampled_from(["a", "A", "b", " b", "c", ""]), st.integers(-5, 5)), max_size=12))
@settings(max_examples=40, deadline=None)
def test_whatever_the_rows_each_has_one_verdict_and_no_money_is_lost(cells: list[tuple[str, int]]) -> None:
    rows = [{"id": str(n), "deal": name, "fee": str(fee)} for n, (name, fee) in enumerate(cells)]
    fee = {**MONEY, "recipe": "integer"}
    made = grouped(*(rows or [{"id": "0", "deal": "z", "fee": "0"}]), fields=[DEAL, fee])
    assert closes({"deals": made}, {"deals": len(rows or [1])})
    named = [value for name, value in cells if name.strip()]
    assert sum(int(str(value)) for value in column(made, "amount") if value is not None) == sum(named)
    assert len(made.records) == len({name.strip().casefold() for name, _ in cells if name.strip()}) or not cells


# ---------------------------------------------------------------- attached rows that all speak


def courses(**said: Any) -> Staged:
    feed = {"name": "courses", "kind": "attach", "table": "courses", "unmatched": "nobody"}
    feed |= {"match": [{"column": "who", "feed": "contacts", "with": "id"}]}
    fields = [
        {"column": "course", "to": "job_title", "recipe": "text", "combine": "join"},
        {"column": "done", "to": "department", "recipe": "integer", "combine": "max"},
    ]
    chosen = route(CONTACTS, {**feed, "fields": fields, **said})
    rows = [
        {"id": "1", "who": "1", "course": "Sleep", "done": "20", "at": "2026-01-01"},
        {"id": "2", "who": "1", "course": "Food", "done": "85", "at": "2026-02-01"},
        {"id": "3", "who": "9", "course": "Lost", "done": "1", "at": "2026-02-01"},
    ]
    tables = [table("people", {"id": "1", "name": "Ann"}), table("courses", *rows)]
    return staged(chosen, source({"people": "id", "courses": "id"}), tables)["courses"]


def test_every_row_of_a_record_speaks_where_fields_combine() -> None:
    made = courses()
    assert [end[:2] for end in ends(made)] == [("merged", "attached")] * 2 + [("rejected", "nobody")]
    assert made.additions[["record", "job_title", "department"]].to_numpy().tolist() == [["contacts/1", "Sleep; Food", 85]]
    assert aside(made) == {("courses.csv:2", "done", "department", "other_row_counts")}


def test_a_field_that_does_not_combine_takes_the_word_of_the_newest_row() -> None:
    fields = [
        {"column": "course", "to": "job_title", "recipe": "text"},
        {"column": "id", "to": "department", "recipe": "text", "combine": "count"},
    ]
    made = courses(fields=fields, newest="at", newest_recipe="day", newest_options={"order": "iso"}, superseded="earlier")
    assert made.additions[["job_title", "department"]].to_numpy().tolist() == [["Food", 2]]


# ---------------------------------------------------------------- lookups by another column


def people_of(*rows: dict[str, object], feed_says: dict[str, Any] | None = None, **said: Any) -> dict[str, Staged]:
    people = table(
        "people",
        {"id": "1", "name": "Ann", "mail": "a@x.test"},
        {"id": "2", "name": "Bo", "mail": "b@x.test"},
        {"id": "3", "name": "Cy", "mail": "b@x.test"},
    )
    lookup = {"to": "contacts", "feed": "contacts", "column": "who", "with": "mail", "recipe": "email", **said}
    deals = {"name": "deals", "table": "deals", "object": "deal", "fields": [COMPANY], "lookups": [lookup]}
    deals |= feed_says or {}
    known = source({"people": "id", "deals": "id"})
    return staged(route(CONTACTS, deals), known, [people, table("deals", *({"name": "D", **row} for row in rows))])


def test_a_parent_is_found_by_another_column_than_its_key() -> None:
    made = people_of(
        {"id": "1", "who": "A@X.test"}, {"id": "2", "who": "b@x.test"}, {"id": "3", "who": "z@x.test"}, {"id": "4"}
    )
    assert column(made["deals"], "contacts") == ["contacts/1", None, None, None]
    assert aside(made["deals"]) == {
        ("deals.csv:3", "", "contacts", "several_records_fit"),
        ("deals.csv:4", "", "contacts", "parent_missing"),
    }


def test_a_row_that_needs_its_parent_waits_for_it_and_says_why() -> None:
    made = people_of({"id": "1", "who": "b@x.test"}, {"id": "2", "who": "z@x.test"}, {"id": "3"}, required=True)
    assert [end[:2] for end in ends(made["deals"])] == [
        ("held", "several_records_fit"),
        ("held", "parent_missing"),
        ("held", "parent_missing"),
    ]
    assert list(made["deals"].verdicts["detail"]) == ["who = b@x.test", "who = z@x.test", "who = "]


def test_a_second_column_is_looked_at_where_the_first_is_empty() -> None:
    made = people_of({"id": "1", "who": "", "also": "a@x.test"}, fallback=["also"])
    assert column(made["deals"], "contacts") == ["contacts/1"]


def test_a_lookup_may_be_meant_for_some_rows_only() -> None:
    only = {"column": "kind", "is": ["client"]}
    made = people_of({"id": "1", "who": "a@x.test", "kind": "client"}, {"id": "2", "who": "a@x.test", "kind": "x"}, when=only)
    assert column(made["deals"], "contacts") == ["contacts/1", None]
    assert not aside(made["deals"])


def test_a_row_needs_one_of_several_parents() -> None:
    lookups = [
        {"to": "sales_account", "feed": "accounts", "column": "company"},
        {"to": "contacts", "feed": "contacts", "column": "who"},
    ]
    deals = {"name": "deals", "table": "deals", "object": "deal", "fields": [COMPANY], "lookups": lookups}
    deals |= {"needs": ["sales_account", "contacts"]}
    rows = [{"id": "1", "who": "1"}, {"id": "2", "company": "1"}, {"id": "3", "who": "8", "company": "9"}]
    tables = [
        table("companies", {"id": "1", "name": "Acme"}),
        table("people", {"id": "1", "name": "Ann"}),
        table("deals", *({"name": "D", "company": None, **row} for row in rows)),
    ]
    known = source({"companies": "id", "people": "id", "deals": "id"})
    made = staged(route(ACCOUNTS, CONTACTS, deals), known, tables)["deals"]
    assert [end[:2] for end in ends(made)] == [("load", None), ("load", None), ("held", "parent_missing")]


def test_a_row_that_needs_one_of_several_parents_says_why_it_has_none() -> None:
    made = people_of({"id": "1", "who": "b@x.test"}, {"id": "2", "who": ""}, feed_says={"needs": ["contacts"]})["deals"]
    assert [end[:2] for end in ends(made)] == [("held", "several_records_fit"), ("held", "parent_missing")]


# ---------------------------------------------------------------- trees


def tree(*rows: tuple[str, str | None], **said: Any) -> Staged:
    lookup = {"to": "parent_sales_account", "feed": "accounts", "column": "parent"}
    known = source({"companies": "id"})
    companies = table("companies", *({"id": key, "name": f"N{key}", "parent": parent} for key, parent in rows))
    return staged(route({**ACCOUNTS, "lookups": [lookup], **said}), known, [companies])["accounts"]


def test_parents_are_found_among_the_records_of_the_feed_whatever_the_order() -> None:
    made = tree(("5", "4"), ("4", "3"), ("3", "2"), ("2", "1"), ("1", None))
    assert column(made, "parent_sales_account") == ["accounts/4", "accounts/3", "accounts/2", "accounts/1", None]
    assert not aside(made)


def test_a_circle_is_cut_at_the_row_that_comes_last() -> None:
    made = tree(("1", "2"), ("2", "3"), ("3", "1"), ("4", "1"))
    assert column(made, "parent_sales_account") == ["accounts/2", "accounts/3", None, "accounts/1"]
    assert aside(made) == {("companies.csv:4", "", "parent_sales_account", "parent_cycle")}
    assert [end[0] for end in ends(made)] == ["load"] * 4


def test_a_record_that_is_its_own_parent_and_a_parent_that_is_not_there_are_set_aside() -> None:
    made = tree(("1", "1"), ("2", "9"))
    assert column(made, "parent_sales_account") == [None, None]
    assert {(row, why) for row, _, _, why in aside(made)} == {
        ("companies.csv:2", "own_parent"),
        ("companies.csv:3", "parent_missing"),
    }


@given(st.lists(st.integers(0, 9), min_size=1, max_size=9))
@settings(max_examples=60, deadline=None)
def test_whatever_parents_are_named_no_circle_is_left_and_only_circles_are_cut(parents: list[int]) -> None:
    made = tree(*((str(n), str(parent)) for n, parent in enumerate(parents)))
    leads = dict(zip(made.records["key"], column(made, "parent_sales_account"), strict=True))
    for start in leads:
        seen: set[object] = set()
        at: object = start
        while at is not None:
            assert at not in seen
            seen.add(at)
            at = leads[str(at)]
    told = {"own_parent": 0, "parent_missing": 0, "parent_cycle": 0}
    for _, _, _, why in aside(made):
        told[why] += 1
    assert sum(told.values()) == sum(1 for parent in leads.values() if parent is None)
    assert told["own_parent"] == sum(1 for n, parent in enumerate(parents) if n == parent)


# ---------------------------------------------------------------- many to many

THROUGH = {"table": "links", "mine": "person", "theirs": "company", "primary": "main"}


def many(*links: tuple[str, str, str | None], people: int = 2, **said: Any) -> dict[str, Staged]:
    lookup = {"to": "sales_accounts", "feed": "accounts", "through": THROUGH, **said.pop("lookup", {})}
    chosen = route(ACCOUNTS, {**CONTACTS, "lookups": [lookup]}, {"name": "links", "kind": "link", "table": "links"}, **said)
    tables = [
        table("companies", *({"id": str(n), "name": f"N{n}"} for n in range(1, 4))),
        table("people", *({"id": str(n), "name": f"P{n}"} for n in range(1, people + 1))),
        table("links", *({"person": a, "company": b, "main": main} for a, b, main in links)),
    ]
    return staged(chosen, source({"companies": "id", "people": "id", "links": "person"}), tables)


def test_a_table_of_links_gives_every_parent_the_primary_one_first() -> None:
    made = many(("1", "1", "no"), ("1", "2", "yes"), ("1", "3", None), ("1", "3", None), ("2", "3", "false"))
    assert column(made["contacts"], "sales_accounts") == [["accounts/2", "accounts/1", "accounts/3"], ["accounts/3"]]
    assert ends(made["links"]) == [("merged", "linked", "contacts/1")] * 4 + [("merged", "linked", "contacts/2")]
    assert closes(made, {"accounts": 3, "contacts": 2, "links": 5})


def test_of_two_primary_links_the_first_counts_and_the_other_is_noted() -> None:
    made = many(("1", "1", None), ("1", "2", "yes"), ("1", "3", "yes"))
    assert column(made["contacts"], "sales_accounts")[0] == ["accounts/2", "accounts/3", "accounts/1"]
    assert aside(made["links"]) == {("links.csv:4", "main", "sales_accounts", "second_primary")}


def test_a_link_of_which_one_end_is_not_there_is_rejected_with_both_ends() -> None:
    made = many(("1", "9", None), ("8", "1", None), ("1", "1", None))
    assert [end[:2] for end in ends(made["links"])] == [("rejected", "no_record_for_link")] * 2 + [("merged", "linked")]
    assert list(made["links"].verdicts["detail"].fillna("")) == ["1 → 9", "8 → 1", ""]


def test_those_without_a_parent_get_the_record_of_the_route() -> None:
    fixed = [{"feed": "accounts", "name": "unassigned", "fields": {"name": "Unassigned Account"}}]
    made = many(("1", "1", None), records=fixed, lookup={"otherwise_record": "unassigned", "required": True})
    assert column(made["contacts"], "sales_accounts") == [["accounts/1"], ["accounts/unassigned"]]
    assert column(made["accounts"], "name")[-1] == "Unassigned Account"
    assert made["accounts"].records["marker"].tolist()[-1] == "toy:accounts:unassigned"
    assert ends(made["accounts"])[-1] == ("load", None, "accounts/unassigned")


def test_the_record_of_the_route_is_not_made_where_nobody_needs_it() -> None:
    fixed = [{"feed": "accounts", "name": "unassigned", "fields": {"name": "Unassigned Account"}}]
    made = many(("1", "1", None), ("2", "1", None), records=fixed, lookup={"otherwise_record": "unassigned"})
    assert len(made["accounts"].records) == 3
    assert ends(made["accounts"])[-1] == ("excluded", "nobody_needs_it", None)


def test_links_may_name_the_other_side_by_another_column_and_two_ways_make_one_list() -> None:
    through = {"table": "guests", "mine": "session", "theirs": "mail", "with": "mail", "recipe": "email"}
    lookups = [
        {"to": "contacts", "feed": "contacts", "column": "who"},
        {"to": "contacts", "feed": "contacts", "through": through},
    ]
    deals = {
        "name": "deals",
        "table": "deals",
        "object": "deal",
        "fields": [COMPANY],
        "lookups": lookups,
        "needs": ["contacts"],
    }
    people = [{"id": str(n), "name": f"P{n}", "mail": f"p{n}@x.test"} for n in range(3)]
    sessions = [{"id": "s1", "name": "S", "who": "2"}, {"id": "s2", "name": "S", "who": None}, {"id": "s3", "name": "S"}]
    guests = [
        {"session": "s1", "mail": "P0@x.test"},
        {"session": "s1", "mail": "p2@x.test"},
        {"session": "s2", "mail": "z@x.test"},
    ]
    made = staged(
        route(CONTACTS, deals, {"name": "guests", "kind": "link", "table": "guests"}),
        source({"people": "id", "deals": "id", "guests": "session"}),
        [table("people", *people), table("deals", *sessions), table("guests", *guests)],
    )
    assert column(made["deals"], "contacts") == [["contacts/2", "contacts/0"]]
    assert [end[:2] for end in ends(made["deals"])] == [("load", None)] + [("held", "parent_missing")] * 2
    assert [end[0] for end in ends(made["guests"])] == ["merged", "merged", "rejected"]


# ---------------------------------------------------------------- parents of several kinds

KINDS = {"Contact": "contacts", "Account": "accounts"}


def kinds(*rows: tuple[str, str], more: bool = False, **said: Any) -> Staged:
    lookup = {"to": "contacts", "column": "parent", "by": "kind", "feeds": KINDS, **said}
    deals = {"name": "deals", "table": "deals", "object": "deal", "fields": [COMPANY], "lookups": [lookup]}
    tables = [
        table("companies", {"id": "1", "name": "Acme"}, *([{"id": "2", "name": "Bolt"}] if more else [])),
        table("people", {"id": "1", "name": "Ann"}),
        table("deals", *({"id": str(n), "name": "D", "kind": kind, "parent": parent} for n, (kind, parent) in enumerate(rows))),
    ]
    known = source({"companies": "id", "people": "id", "deals": "id"})
    return staged(route(ACCOUNTS, CONTACTS, deals), known, tables)["deals"]


def test_a_column_says_of_which_kind_the_parent_is() -> None:
    made = kinds(("contact", "1"), (" ACCOUNT", "1"), ("Contact", "9"), ("ticket", "1"), ("ticket", ""))
    assert column(made, "contacts") == ["contacts/1", "accounts/1", None, None, None]
    assert {(row, why) for row, _, _, why in aside(made)} == {
        ("deals.csv:4", "parent_missing"),
        ("deals.csv:5", "unknown_parent_kind"),
    }


def test_a_kind_may_be_records_of_several_feeds() -> None:
    made = kinds(("any", "1"), ("any", "2"), ("any", "3"), feeds={"any": ["contacts", "accounts"]}, more=True)
    assert column(made, "contacts") == ["contacts/1", "accounts/2", None]
    assert {(row, why) for row, _, _, why in aside(made)} == {("deals.csv:4", "parent_missing")}


def test_a_required_parent_of_an_unknown_kind_holds_the_row() -> None:
    made = kinds(("ticket", "1"), ("contact", "9"), required=True)
    assert [end[:2] for end in ends(made)] == [("held", "unknown_parent_kind"), ("held", "parent_missing")]


# ---------------------------------------------------------------- a route that does not fit


def toy(**said: Any) -> Route:
    return route(ACCOUNTS, {**CONTACTS, **said}, scope=[TARGET])


@pytest.mark.parametrize(
    "said",
    [
        {"joins": [{**OWNER, "table": "nowhere"}]},
        {"scope": {"nobody asked": "x"}},
        {"scope": {"target": "no such answer"}},
        {"lookups": [{"to": "sales_accounts", "feed": "accounts", "through": {**THROUGH, "table": "nowhere"}}]},
        {"lookups": [{"to": "sales_accounts", "feed": "accounts", "column": "x", "otherwise_record": "nobody"}]},
        {"lookups": [{"to": "sales_accounts", "by": "kind", "feeds": {"x": "nowhere"}, "column": "x"}]},
        {"constants": {"job_title": "scope:nobody asked"}},
        {"kind": "link", "table": "users"},
    ],
)
def test_a_route_that_names_what_does_not_exist_is_refused(said: dict[str, Any]) -> None:
    known = source({"companies": "id", "people": "id", "users": "id"})
    check_route(toy(), known, load_destination("freshsales"))
    with pytest.raises(SpecError, match="there is no"):
        check_route(toy(**said), known, load_destination("freshsales"))


def test_a_feed_that_points_forward_is_refused() -> None:
    known = source({"companies": "id", "people": "id"})
    people = {**CONTACTS, "lookups": [{"to": "sales_accounts", "feed": "accounts", "column": "company"}]}
    with pytest.raises(SpecError, match="comes after it"):
        check_route(route(people, ACCOUNTS), known, load_destination("freshsales"))


def test_plans_of_a_route_say_which_feeds_hold() -> None:
    chosen = route(ACCOUNTS, {**CONTACTS, "scope": {"target": ["nothing"]}}, scope=[TARGET])
    known = source({"companies": "id", "people": "id"})
    assert {name: plan.active for name, plan in plans(chosen, known).items()} == {"accounts": True, "contacts": False}
