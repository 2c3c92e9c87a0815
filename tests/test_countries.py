"""Telephone numbers that name no country are those of the customer's, wherever they are read or compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from small_route import aside, column, ends, route, source, staged, table

from workbench.engagement import Engagement, new_engagement
from workbench.errors import WorkbenchError
from workbench.flow.countries import country_asked, country_question
from workbench.flow.planning import feed_plans
from workbench.matching.records import match_records
from workbench.recipes import convert
from workbench.recipes.countries import region_named
from workbench.stages import discovery, intake

NATIONAL = {"DE": "030 12345678", "AT": "0664 1234567", "GB": "020 7946 0018", "US": "(617) 555-0123"}
WHOLE = {"DE": "+493012345678", "AT": "+436641234567", "GB": "+442079460018", "US": "+16175550123"}

PEOPLE = {
    "name": "people", "table": "people", "object": "contact",
    "fields": [{"column": "name", "to": "last_name", "required": True}, {"column": "phone", "to": "mobile_number"}],
}  # fmt: skip
LEADS = {
    "name": "leads", "table": "leads", "object": "contact",
    "merge": [{"column": "phone", "feed": "people", "with": "phone", "recipe": "phone", "reason": "one_phone"}],
    "fields": [{"column": "name", "to": "last_name", "required": True}],
}  # fmt: skip
CALLS = {
    "name": "calls", "kind": "attach", "table": "calls", "object": "contact",
    "match": [{"column": "caller", "feed": "people", "with": "phone", "recipe": "phone"}],
    "newest": "on", "newest_recipe": "day", "superseded": "earlier", "unmatched": "nobody",
    "fields": [{"column": "note", "to": "job_title", "recipe": "text"}],
}  # fmt: skip
RATES = {
    "name": "rates", "table": "leads", "object": "contact",
    "joins": [{"column": "phone", "table": "people", "with": "phone", "recipe": "phone", "bring": {"who": "name"}}],
    "fields": [
        {"column": "name", "to": "last_name", "required": True}, {"column": "who", "to": "job_title", "recipe": "text"},
    ],
}  # fmt: skip


def tables(region: str) -> list[pd.DataFrame]:
    """Somebody with a number as people write it at home, and the same number with its country elsewhere."""
    return [
        table("people", {"id": "1", "name": "Ada", "phone": NATIONAL[region]}),
        table("leads", {"id": "1", "name": "Ada again", "phone": WHOLE[region]}),
        table("calls", {"id": "1", "caller": WHOLE[region], "on": "2026-03-01", "note": "rang"}),
    ]


KEYS = {"people": "id", "leads": "id", "calls": "id"}


@pytest.mark.parametrize("region", ["DE", "AT", "GB", "US"])
def test_merges_matches_and_joins_find_a_number_that_names_no_country_under_the_customers_own(region: str) -> None:
    made = staged(route(PEOPLE, LEADS, CALLS), source(KEYS, region=region), tables(region))
    assert column(made["people"], "mobile_number") == [WHOLE[region]]
    assert ends(made["leads"]) == [("merged", "one_phone", "people/1")]
    assert ends(made["calls"]) == [("merged", "attached", "people/1")]
    joined = staged(route(PEOPLE, RATES), source(KEYS, region=region), tables(region))
    assert column(joined["rates"], "job_title") == ["Ada"]


@pytest.mark.parametrize(("of", "supposed"), [("AT", "GB"), ("GB", "DE"), ("US", "GB"), ("AT", "US"), ("DE", "US")])
def test_under_another_country_nobody_is_taken_for_somebody_else_and_the_number_is_spoken_of(of: str, supposed: str) -> None:
    made = staged(route(PEOPLE, LEADS, CALLS), source(KEYS, region=supposed), tables(of))
    assert ends(made["leads"]) == [("load", None, "leads/1")]
    assert ends(made["calls"]) == [("rejected", "nobody", None)]
    assert {reason for _, name, _, reason in aside(made["people"]) if name == "phone"} & {
        "other_country", "not_a_phone", "not_in_numbering_plan",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["0316 123456", "(0664) 123456", "0049 30 1234"])
def test_a_number_that_begins_as_none_of_the_country_does_is_refused_and_not_given_its_code(text: str) -> None:
    done = convert(pd.Series([text], dtype="str"), "phone", options={"region": "US"})
    assert done.values.isna().all() and list(done.reasons) == ["other_country"]


def test_people_are_one_by_phone_under_the_right_country_only() -> None:
    rows = [("a", "Ada Berg", NATIONAL["AT"]), ("b", "Ada Berg", WHOLE["AT"]), ("c", "Ada Berg", "+496641234567")]
    people = pd.DataFrame(rows, columns=["id", "name", "phone"], dtype="str")

    def sure(region: str) -> set[tuple[str, str]]:
        found = match_records(people, key="id", phone="phone", name="name", region=region).frame
        return set(found.loc[found["confidence"] >= 0.9, ["left", "right"]].itertuples(index=False, name=None))

    assert sure("AT") == {("a", "b")}
    assert sure("DE") == {("a", "c")}
    assert sure("US") == set()


AT_HOME = [
    {"id": "1", "name": "Ada", "phone": "0664 1234567", "land": "Österreich"},
    {"id": "2", "name": "Bea", "phone": "0664 1234567", "land": "DE"},
    {"id": "3", "name": "Cem", "phone": "0664 1234567"},
    {"id": "4", "name": "Dea", "phone": "030 12345678", "land": "Austria"},
    {"id": "5", "name": "Eva", "phone": "+49 30 12345678", "land": "AT"},
]


def test_a_number_is_one_of_the_country_that_its_own_record_names_where_that_country_knows_it() -> None:
    made = staged(route(PEOPLE), source({"people": "id"}, region="DE", country=["land"]), [table("people", *AT_HOME)])
    read = [WHOLE["AT"], "+496641234567", "+496641234567", WHOLE["DE"], WHOLE["DE"]]
    assert column(made["people"], "mobile_number") == read


def test_merges_matches_and_joins_read_a_number_by_the_record_on_each_side() -> None:
    known = source(KEYS, region="DE", country=["land"])
    rows = [
        table("people", {"id": "1", "name": "Ada", "phone": NATIONAL["AT"], "land": "AT"}),
        table(
            "leads", {"id": "1", "name": "Ada again", "phone": WHOLE["AT"]}, {"id": "2", "name": "x", "phone": NATIONAL["AT"]}
        ),
        table("calls", {"id": "1", "caller": WHOLE["AT"], "on": "2026-03-01", "note": "rang"}),
    ]
    made = staged(route(PEOPLE, LEADS, CALLS), known, rows)
    assert ends(made["leads"]) == [("merged", "one_phone", "people/1"), ("load", None, "leads/2")]
    assert ends(made["calls"]) == [("merged", "attached", "people/1")]
    assert column(staged(route(PEOPLE, RATES), known, rows)["rates"], "job_title") == ["Ada", None]


@pytest.mark.parametrize(
    ("text", "region"),
    [("at", "AT"), ("Autriche", "AT"), ("Österreich", "AT"), ("United States", "US"), ("USA", "US"), ("UK", "GB"),
     ("The Netherlands", "NL"), ("Atlantis", None), ("", None), ("x", None)],
)  # fmt: skip
def test_a_country_is_known_by_its_letters_and_by_its_names(text: str, region: str | None) -> None:
    assert region_named(text) == region


def engagement(folder: Path, phones: list[str], *, region: str = "") -> Engagement:
    exports = folder / "exports"
    exports.mkdir()
    (exports / "cover_letter.txt").write_text("nothing\n")
    made = new_engagement(folder / "e", exports=exports, route="promio_to_freshsales", region=region, key="k")
    rows = [{"id": str(n), "name": f"Ada {n}", "phone": phone} for n, phone in enumerate(phones)]
    made.save("tables/people", table("people", *rows))
    return replace(made, route=route(PEOPLE), source=source({"people": "id"}))


AUSTRIAN = [f"0664 12345{n:02}" for n in range(20)]


def test_numbers_that_the_supposed_country_does_not_know_are_asked_about(tmp_path: Path) -> None:
    here = engagement(tmp_path, AUSTRIAN)
    asked = country_question(here, feed_plans(here))
    assert asked is not None and asked["subject"] == "region" and "AT" in asked["alternatives"]
    assert "knows 0% of them" in asked["reasons"]


def test_numbers_that_name_another_country_speak_for_it(tmp_path: Path) -> None:
    here = engagement(tmp_path, [*AUSTRIAN, *(f"+43 664 99345{n:02}" for n in range(9))])
    asked = country_question(here, feed_plans(here))
    assert asked is not None and asked["value"] == "AT" and "those that name one are of AT (9)" in asked["reasons"]


def test_numbers_that_would_be_mobiles_of_a_country_that_others_name_are_asked_about(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    both = engagement(tmp_path / "one", [*AUSTRIAN, "+43 664 9934501", "+43 664 9934502"])
    both = replace(both, source=source({"people": "id"}, region="DE"))
    asked = country_question(both, feed_plans(both))
    assert asked is not None and "20 of them would be mobiles of AT" in asked["reasons"]
    alone = replace(engagement(tmp_path / "two", AUSTRIAN), source=source({"people": "id"}, region="DE"))
    assert country_question(alone, feed_plans(alone)) is None


def test_records_that_name_their_country_are_not_asked_about_and_speak_for_the_others(tmp_path: Path) -> None:
    here = engagement(tmp_path, [])
    here = replace(here, source=source({"people": "id"}, region="DE", country=["land"]))
    rows = [{"id": str(n), "name": "Ada", "phone": phone, "land": "AT"} for n, phone in enumerate(AUSTRIAN)]
    here.save("tables/people", table("people", *rows))
    assert country_question(here, feed_plans(here)) is None
    more = [{"id": f"x{n}", "name": "Bea", "phone": f"0664 99345{n:02}"} for n in range(9)]
    here.save("tables/people", table("people", *rows, *more))
    asked = country_question(here, feed_plans(here))
    assert asked is not None and asked["value"] == "AT" and "AT (20)" in asked["reasons"]


def test_nothing_is_asked_where_the_numbers_fit_or_somebody_has_said_it(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    fits = engagement(tmp_path / "one", [f"(617) 555-01{n:02}" for n in range(20)])
    assert country_question(fits, feed_plans(fits)) is None
    said = engagement(tmp_path / "two", AUSTRIAN, region="AT")
    assert country_question(said, feed_plans(said)) is None
    assert feed_plans(said)["people"].fields[1].options == {"region": "AT"}


def test_the_answer_counts_wherever_numbers_are_read(tmp_path: Path) -> None:
    here = engagement(tmp_path, AUSTRIAN)
    assert feed_plans(here)["people"].fields[1].options == {"region": "US"}
    here.decisions.confirm("scope", "region", "AT", by="Kim <kim@x.test>")
    assert feed_plans(here)["people"].fields[1].options == {"region": "AT"}


def test_the_question_stands_among_those_of_the_scope_and_the_map_waits_for_it(tmp_path: Path) -> None:
    here = engagement(tmp_path, AUSTRIAN)
    here.save("rejects", pd.DataFrame({"row": []}))
    discovery.propose(here)
    asked = country_asked(here)
    assert [each.name for each in asked] == ["region"] and "AT" in asked[0].options
    assert "region" in here.decisions.missing("scope")


def test_a_country_in_the_settings_is_two_capital_letters(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError):
        engagement(tmp_path, [], region="Austria")


def test_the_sample_raises_no_such_question(tmp_path: Path) -> None:
    sample = Path(__file__).parents[1] / "sample_exports" / "promio"
    here = new_engagement(tmp_path / "e", exports=sample / "main", route="promio_to_freshsales", key="k")
    intake.run(here)
    assert country_question(here, feed_plans(here)) is None
