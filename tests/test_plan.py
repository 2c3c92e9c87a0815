"""What becomes of each column: the route's expectation, overruled by what a person confirmed."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import SpecError
from workbench.frames.plan import FeedPlan, FieldAnswer, FieldPlan, declared_fields, declared_name, native_field, plan_feed
from workbench.specs import DestinationSpec, Route, Source, load_destination, load_route, load_source

ROUTE: Route = load_route("promio_to_freshsales")
SOURCE: Source = load_source("promio")
DESTINATION: DestinationSpec = load_destination("freshsales")


def planned(
    feed: str = "contacts",
    *,
    answers: Mapping[str, FieldAnswer] | None = None,
    values: Mapping[str, str] | None = None,
    scope: Mapping[str, str] | None = None,
    route: Route = ROUTE,
) -> FeedPlan:
    """The plan of a feed of the first route."""
    return plan_feed(
        route,
        SOURCE,
        DESTINATION,
        route.feed(feed),
        answers=answers or {},
        values=values or {},
        owners={},
        merges={},
        scope=scope,
    )


def of(plan: FeedPlan, field: str) -> FieldPlan:
    """What one field is made from."""
    return next(each for each in plan.fields if each.field == field)


def changed(feed: str, **said: object) -> Route:
    """The route with one feed that says something else."""
    feeds = [each.model_dump(by_alias=True) | (said if each.name == feed else {}) for each in ROUTE.feeds]
    return Route.model_validate({**ROUTE.model_dump(by_alias=True), "feeds": feeds})


def test_a_standard_date_with_a_time_keeps_its_time_where_nobody_says_how_it_is_read() -> None:
    """A task's due date, the ends of an appointment and of a sales activity; a custom field of that type holds days."""
    answers = {"leads/When": FieldAnswer("new:When", type="datetime"), "leads/Due": FieldAnswer("due_date")}
    feeds = [{**each.model_dump(by_alias=True), **({"object": "task"} if each.name == "leads" else {})} for each in ROUTE.feeds]
    on_tasks = Route.model_validate({**ROUTE.model_dump(by_alias=True), "feeds": feeds})
    plan = planned("leads", answers=answers, route=on_tasks)
    assert (of(plan, "due_date").recipe, of(plan, "due_date").options) == ("moment", {"zone": SOURCE.zone})
    assert of(plan, "when__c").recipe == "day"


def test_without_a_decision_the_route_is_followed() -> None:
    plan = planned()
    assert {(f.column, f.field) for f in plan.fields} >= {("Email", "emails"), ("Zip", "zipcode")}
    assert of(plan, "first_job__c").options == {"order": "mdy"}
    assert plan.source == "promio"
    assert plan.table.key == ("Customer ID",)


def test_a_decision_sends_a_column_elsewhere_and_drops_the_rules_options() -> None:
    plan = planned(answers={"contacts/First Job": FieldAnswer(target="job_title")})
    assert of(plan, "job_title").recipe == "text"
    assert of(plan, "job_title").options == {}
    assert "first_job__c" not in {f.field for f in plan.fields}


def test_a_column_left_behind_has_no_field() -> None:
    assert "City" not in {f.column for f in planned(answers={"contacts/City": FieldAnswer(target="")}).fields}


def test_a_decision_that_agrees_with_the_route_keeps_its_rule_and_its_own_word_wins() -> None:
    answer = FieldAnswer(target="first_job__c", recipe="text", options={"max_length": 9})
    plan = of(planned(answers={"contacts/First Job": answer}), "first_job__c")
    assert plan.recipe == "text"
    assert plan.options == {"order": "mdy", "max_length": 9}


def test_answers_for_other_feeds_do_not_count_here() -> None:
    plan = planned(answers={"leads/Zip": FieldAnswer(target=""), "contacts2/Zip": FieldAnswer(target="")})
    assert of(plan, "zipcode").column == "Zip"


def test_a_whole_name_is_split_and_only_its_last_part_is_required() -> None:
    plan = planned()
    assert (of(plan, "first_name").recipe, of(plan, "first_name").required) == ("split_first_name", False)
    assert (of(plan, "last_name").recipe, of(plan, "last_name").required) == ("split_last_name", True)


def test_a_split_name_keeps_its_fallback_its_values_and_what_an_error_means() -> None:
    rule = {"column": "Customer Name", "to": "full_name", "fallback": ["Company"], "on_error": "hold", "required": True}
    plan = planned(route=changed("contacts", fields=[rule]), values={"contacts/Customer Name=J. D.": "Jane Doe"})
    for part in ("first_name", "last_name"):
        assert of(plan, part).fallback == ("Company",)
        assert of(plan, part).on_error == "hold"
        assert of(plan, part).substitutes == {"J. D.": "Jane Doe"}


def test_values_of_a_choice_become_its_map_and_those_of_other_columns_stand_in() -> None:
    plan = planned(values={"contacts/Lifecycle=At Risk": "At-Risk", "contacts/City=N/Y": "New York", "leads/City=x": "y"})
    lifecycle = of(plan, "lifecycle_segment__c").options["mapping"]
    assert isinstance(lifecycle, dict)
    assert lifecycle["At Risk"] == "At-Risk"
    assert lifecycle["Lapsed"] == "Lapsed"  # the field was made for the column: its own choices map to themselves
    assert of(plan, "city").substitutes == {"N/Y": "New York"}


def test_a_value_may_hold_an_equals_sign() -> None:
    assert of(planned(values={"contacts/City=a=b": "c"}), "city").substitutes == {"a=b": "c"}


def test_an_account_list_is_not_shared_with_other_objects() -> None:
    plan = planned("leads")
    assert not of(plan, "lead_source").shared
    assert of(plan, "emails").shared


def test_two_columns_may_not_fill_one_field() -> None:
    with pytest.raises(SpecError, match="City and Company"):
        planned(answers={"contacts/Company": FieldAnswer(target="city")})


@pytest.mark.parametrize("field", ["owner", "sales_accounts", "key", "marker", "row", "record"])
def test_no_column_may_overwrite_the_owner_a_link_or_what_names_a_record(field: str) -> None:
    with pytest.raises(SpecError, match="two columns fill one field"):
        planned(answers={"contacts/Company": FieldAnswer(target=field)})


def test_constants_take_the_answer_to_a_question() -> None:
    assert planned("deals", scope={"campaign_pipeline": "Campaigns"}).constants == {"deal_pipeline": "Campaigns"}
    assert planned("deals").constants == {}
    route = changed("deals", constants={"deal_pipeline": "Sales"})
    assert planned("deals", route=route).constants == {"deal_pipeline": "Sales"}


def test_prefixes_of_every_feed_are_known() -> None:
    assert planned("deals").prefixes["contacts"] == "C-"
    assert planned("deals").prefixes["leads"] == ""


def test_a_field_to_be_made_is_declared_once_with_the_promise_of_its_feed() -> None:
    answers = {
        "contacts/Roof Age (yrs)": FieldAnswer(target="new:Roof Age (yrs)", type="integer"),
        "leads/Roof Age (yrs)": FieldAnswer(target="new:Roof Age (yrs)", type="integer"),
        "contacts/Tier": FieldAnswer(target="new:Tier", type="picklist", choices=("Gold", "None")),
        "contacts/City": FieldAnswer(target=""),
    }
    made = declared_fields(ROUTE, answers)[len(ROUTE.custom_fields) :]
    assert [(f.object, f.name, f.type) for f in made] == [
        ("contact", "roof_age_yrs__c", "integer"),
        ("lead", "roof_age_yrs__c", "integer"),
        ("contact", "tier__c", "picklist"),
    ]
    assert made[0].rows == ROUTE.feed("contacts").rows
    plan = planned(answers=answers)
    assert of(plan, "roof_age_yrs__c").recipe == "integer"
    assert of(plan, "tier__c").options["mapping"] == {"Gold": "Gold", "None": "None"}


def test_a_field_that_the_route_declares_is_not_made_again() -> None:
    answers = {"contacts/Segment": FieldAnswer(target="new:Lifecycle Segment", type="text")}
    assert declared_fields(ROUTE, answers) == ROUTE.custom_fields


def test_an_answer_for_a_feed_that_is_not_there_lists_the_feeds() -> None:
    with pytest.raises(SpecError, match="no feed 'people'"):
        declared_fields(ROUTE, {"people/A": FieldAnswer(target="new:A")})


def test_declared_names_read_like_their_labels() -> None:
    assert declared_name("Roof Age (yrs)") == "roof_age_yrs__c"
    assert declared_name("Façade Größe") == "facade_grosse__c"


def test_labels_without_latin_letters_do_not_share_a_name() -> None:
    assert declared_name("电话") != declared_name("地址")


@settings(max_examples=80, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_every_label_gives_a_name_that_a_field_may_have(label: str) -> None:
    assert re.fullmatch(r"[a-z0-9]+(?:_[a-z0-9]+)*__c", declared_name(label))
    assert declared_name(label) == declared_name(label)


def test_a_standard_field_is_found_on_its_own_object_only() -> None:
    field = native_field(DESTINATION, "deal", "amount")
    assert field is not None
    assert field.type == "money"
    assert native_field(DESTINATION, "contact", "amount") is None
    assert native_field(DESTINATION, "nothing", "amount") is None
