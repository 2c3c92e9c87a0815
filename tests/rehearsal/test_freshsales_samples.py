"""Answers have the keys, their order and their types that recorded answers of a live Suite account of May 2023 have.

The keys are facts read from the samples of the client python-freshworks-crm (§0); `i` stands for a whole number, `f` for one
with a point, `s` text, `b` yes or no, `l` list, `d` object; `?` for what was null in every sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from freshsales_account import FREE, KEY, Json, client, contact, made, view_of

from workbench.rehearsal import running

PRODUCT = """id:i name:s category:s custom_field:d product_code:s sku_number:s parent_product:? territory_id:? valid_till:?
    is_active:b owner_id:? is_deleted:b created_at:s updated_at:s pricing_type:i"""
PRODUCT_END = "creater_id:i updater_id:i description:s"
QUOTE = """id:i deal_id:i contact_id:i sales_account_id:? document_type:s stage:? valid_till:? shipping_address:?
    shipping_city:? shipping_state:? shipping_zipcode:? shipping_country:? billing_address:? billing_city:? billing_state:?
    billing_zipcode:? billing_country:? owner_id:? amount:f currency_code:s"""
QUOTE_ON = """creater_id:i updater_id:? custom_field:d created_at:s updated_at:s is_deleted:b document_number:s territory_id:?
    is_deal_primary:b"""
QUOTE_PAGE = "html_content:? html_content_css:? html_content_settings:d html_header:? html_footer:?"
QUOTE_END = """email_template_id:? cpq_document_template_name:s has_products:b pricing_table_settings:s signatures:l
    signed_url:? has_signatures:b signing_order_modified:?"""
DEAL = """id:i name:s amount:s base_currency_amount:s expected_close:s closed_date:? stage_updated_time:s custom_field:d
    probability:i updated_at:s created_at:s deal_pipeline_id:i deal_stage_id:i age:i links:d recent_note:s
    completed_sales_sequences:? active_sales_sequences:? web_form_id:? upcoming_activities_time:s collaboration:d
    last_assigned_at:s last_contacted_sales_activity_mode:? last_contacted_via_sales_activity:? expected_deal_value:s
    is_deleted:b team_user_ids:? avatar:? fc_widget_collaboration:d forecast_category:i deal_prediction:i
    deal_prediction_last_updated_at:? freddy_forecast_metrics:? last_deal_prediction:? has_products:b"""
TASK = """id:i status:i title:s description:s created_at:s updated_at:s owner_id:i due_date:s completed_date:? creater_id:i
    updater_id:i outcome_id:? task_type_id:i targetables:l"""
APPOINTMENT = """id:i time_zone:s title:s description:s location:s is_allday:b outcome_id:i from_date:s end_date:s created_at:s
    updated_at:s provider:s creater_id:i latitude:? longitude:? checkedin_at:? can_checkin_checkout:b checkedout_latitude:?
    checkedout_longitude:? checkedout_location:? checkedout_at:? checkedin_duration:? can_checkin:b conference_id:?
    targetables:l"""
FIELD = """id:i label:s name:s type:s default:b actionable:b position:i choices:l base_model:s required:b
    quick_add_position:i visible:b"""
ACCOUNT_LINKS = "conversations:s document_associations:s notes:s tasks:s appointments:s"
CONTACT_FIELDS = """first_name:1:3 last_name:2:4 sales_accounts:3:5 emails:4:6 mobile_number:1:8 work_number:2:9
    external_id:6:10 owner_id:7:11 subscription_status:8:12 subscription_types:1 unsubscription_reason:2
    other_unsubscription_reason:1 whatsapp_subscription_status:9:16 sms_subscription_status:10:17
    lifecycle_stage_id:11:18 contact_status_id:1 lost_reason_id:1 first_campaign:12 first_medium:13 first_source:14
    last_campaign:15 last_medium:16 last_source:17 latest_campaign:18 latest_medium:19 latest_source:20 work_email:1
    tags:2 job_title:3 time_zone:5 phone_numbers:6 address:1 city:2 state:3 zipcode:4 country:5 facebook:1 twitter:2
    linkedin:3 territory_id:10 lead_source_id:1 campaign_id:2 medium:3 keyword:4 lists:5 last_seen_chat:1
    total_sessions:2 locale:3 first_seen_chat:4 last_contacted:5 last_contacted_mode:6
    last_contacted_sales_activity_mode:7 last_contacted_via_sales_activity:8 active_sales_sequences:9
    completed_sales_sequences:10 last_seen:11 lead_score:12 customer_fit:13 recent_note:14 creater_id:15 created_at:16
    updater_id:17 updated_at:18 web_form_ids:19 last_assigned_at:20"""
ACCOUNT_FIELDS = """name:1:3 website:2 phone:3 owner_id:4:6 number_of_employees:1 annual_revenue:2 tags:3
    industry_type_id:4 business_type_id:5 territory_id:6 address:1 city:2:17 state:3:18 zipcode:4 country:5:20
    facebook:1 twitter:2 linkedin:3 last_contacted:1 last_contacted_mode:2 last_contacted_sales_activity_mode:3
    last_contacted_via_sales_activity:4 web_form_ids:5 active_sales_sequences:6 completed_sales_sequences:7
    recent_note:8 creater_id:9 created_at:10 updater_id:11 updated_at:12 last_assigned_at:13"""
DEAL_FIELDS = """name:1:3 amount:2:4 sales_account_id:3:5 contacts:4:6 deal_pipeline_id:5 deal_stage_id:1
    deal_reason_id:1 closed_date:2 owner_id:6:11 currency_id:7:12 tags:1 base_currency_amount:2 deal_payment_status_id:3
    probability:4 territory_id:5 forecast_category:6 expected_close:1 deal_type_id:1 lead_source_id:2 campaign_id:3
    last_contacted_sales_activity_mode:1 last_contacted_via_sales_activity:2 age:3 recent_note:4
    active_sales_sequences:5 completed_sales_sequences:6 creater_id:7 created_at:8 updater_id:9 updated_at:10
    web_form_id:11 upcoming_activities_time:12 stage_updated_time:13 last_assigned_at:14 expected_deal_value:15"""
ACTIVITY_FIELDS = """title:1:3 start_date:2:4 end_date:3:5 targetable:4:6 targetables:5:7 owner_id:6:8 notes:7:9
    sales_activity_type_id:1:11 location:1 checkedin_at:2 checkedout_location:3 checkedout_at:4 checkedin_duration:5
    sales_activity_outcome_id:6 status:7 completed_date:1"""
SAMPLES = {
    "contact": """id:i first_name:s last_name:s display_name:s avatar:s job_title:s city:s state:s zipcode:s country:s email:s
        emails:l time_zone:s work_number:s mobile_number:s address:s last_seen:? lead_score:i last_contacted:s
        open_deals_amount:s won_deals_amount:s links:d last_contacted_sales_activity_mode:s custom_field:d created_at:s
        updated_at:s keyword:s medium:s last_contacted_mode:s recent_note:s won_deals_count:i
        last_contacted_via_sales_activity:s completed_sales_sequences:? active_sales_sequences:? web_form_ids:?
        open_deals_count:i last_assigned_at:s facebook:s twitter:s linkedin:s is_deleted:b team_user_ids:? external_id:?
        work_email:? subscription_status:i subscription_types:s unsubscription_reason:? other_unsubscription_reason:?
        customer_fit:i whatsapp_subscription_status:i sms_subscription_status:i last_seen_chat:? first_seen_chat:? locale:?
        total_sessions:? system_tags:l first_campaign:? first_medium:? first_source:? last_campaign:? last_medium:?
        last_source:? latest_campaign:? latest_medium:? latest_source:? mcr_id:i phone_numbers:l tags:l""",
    "email": "id:i value:s is_primary:b label:? _destroy:b",
    "links of a contact": """conversations:s timeline_feeds:s document_associations:s notes:s tasks:s appointments:s reminders:s
        duplicates:s connections:s""",
    "sales_account": """id:i name:s address:s city:s state:s zipcode:s country:s number_of_employees:i annual_revenue:i
        website:s owner_id:i phone:s open_deals_amount:s open_deals_count:i won_deals_amount:s won_deals_count:i
        last_contacted:s last_contacted_mode:s facebook:s twitter:s linkedin:s links:d custom_field:d created_at:s
        updated_at:s avatar:? parent_sales_account_id:? recent_note:s last_contacted_via_sales_activity:s
        last_contacted_sales_activity_mode:s completed_sales_sequences:? active_sales_sequences:? last_assigned_at:s
        is_deleted:b team_user_ids:? web_form_ids:? tags:l""",
    "links of an account": ACCOUNT_LINKS,
    "deal": f"{DEAL} rotten_days:i tags:l",
    "deal with lines": f"{DEAL} products:l rotten_days:i tags:l",
    "links of a deal": ACCOUNT_LINKS,
    "line of a deal": """product_id:i unit_price:f setup_fee:? billing_type:? billing_cycle:? currency_code:s quantity:i
        discount:f discount_type:i deal_id:i association_id:i _id:s id:i name:s pricing_type:i avatar:? owner_id:?
        category:s""",
    "product": f"{PRODUCT} avatar:? base_currency_amount:? {PRODUCT_END}",
    "priced product": f"{PRODUCT} product_pricings:l avatar:? base_currency_amount:f {PRODUCT_END}",
    "price": "id:i currency_code:s _destroy:b billing_cycle:? billing_type:? unit_price:f setup_fee:? is_locked:b",
    "quote": f"{QUOTE} base_currency_amount:? {QUOTE_ON} products:l display_name:s {QUOTE_PAGE} {QUOTE_END}",
    "changed quote": f"{QUOTE} base_currency_amount:f {QUOTE_ON} display_name:s {QUOTE_END}",
    "quote with lines": f"{QUOTE} base_currency_amount:f {QUOTE_ON} products:l display_name:s {QUOTE_END}",
    "line of a quote": """id:i product_id:i cpq_document_id:i currency_code:s billing_cycle:? billing_type:? unit_price:f
        setup_fee:? quantity:i discount:f item_id:s name:s pricing_type:i avatar:? owner_id:? association_id:i
        discount_type:i custom_columns:d""",
    "related product": f"{PRODUCT} product_pricings:l avatar:? base_currency_amount:f {PRODUCT_END} lookup_information:d",
    "list": "id:i name:s",
    "found contact": """partial:b id:i job_title:s lead_score:i email:s work_number:s mobile_number:s open_deals_amount:s
        display_name:s avatar:s last_contacted_mode:s last_contacted:s first_name:s last_name:s city:s country:s created_at:s
        updated_at:s""",
    "field": FIELD,
    "field with choices made on the fly": f"{FIELD} auto_suggest_url:s creatable:b creatable_data_key:s multiple:b",
    "view": """id:i name:s model_class_name:s user_id:i is_default:b updated_at:s user_name:? current_user_permissions:l""",
    "person beside": "id:i avatar:s display_name:s first_name:s last_name:s email:s work_number:s mobile_number:s",
    "account beside": "id:i avatar:? name:s",
    "deal beside": "id:i avatar:? name:s deal_pipeline_id:i",
    "new task": TASK,
    "task looked at": f"{TASK} user_ids:l targetable:d",
    "changed task": f"{TASK} user_ids:l targetable:d",
    "task of a list": f"{TASK} targetable:d",
    "new appointment": f"{APPOINTMENT} appointment_attendee_ids:l note_id:?",
    "changed appointment": f"{APPOINTMENT} appointment_attendee_ids:l targetable:d note_id:?",
    "appointment of a list": APPOINTMENT,
    "field of a user": f"{FIELD}",
    "field of another record": f"{FIELD} auto_suggest_url:s creatable:b creatable_data_key:s",
    "field of other records": f"{FIELD} auto_suggest_url:s multiple:b",
    "choice of a user": "id:i value:s position:i is_active:b deal_pipeline_id:i",
    "choice of a source": "id:i value:s position:i choice_type:i",
    "choice of a stage": "id:i value:s position:i choice_type:i deal_pipeline_id:i forecast_type:s",
    "choice of a zone": "id:s value:s position:i",
    "territory": "id:i name:s position:i",
    "business type": "id:i name:s position:i partial:b",
}
SIDES = {
    "task looked at": "contacts users task",
    "changed task": "users contacts task",
    "tasks": "users sales_accounts deals contacts tasks meta",
    "new task": "task",
    "new appointment": "appointment_attendees conferences notes appointment",
    "changed appointment": "appointment_attendees contacts conferences notes appointment",
    "appointments": "appointments meta",
}
"""Keys of the whole answers, side-loaded collections first."""
BUILT_IN = {
    "contacts": CONTACT_FIELDS,
    "sales_accounts": ACCOUNT_FIELDS,
    "deals": DEAL_FIELDS,
    "sales_activities": ACTIVITY_FIELDS,
}
"""The first built-in fields of each object in their order, as name:place:place in the short form."""
TYPES: dict[type, str] = {bool: "b", int: "i", float: "f", str: "s", list: "l", dict: "d"}
ACTIVITY_KEYS = ("last_contacted_mode", "last_contacted_sales_activity_mode", "last_contacted_via_sales_activity")
EMPTY_HERE = {"avatar", "last_contacted", *ACTIVITY_KEYS, "recent_note", "upcoming_activities_time", "quick_add_position"}
"""Keys that only use fills, and nobody uses a rehearsal."""
PERSON = {
    "first_name": "Ada", "last_name": "Stone", "job_title": "Owner", "city": "Dayton", "state": "Ohio", "zipcode": "45402",
    "country": "USA", "email": "ada@brightroof.example", "time_zone": "Arizona", "work_number": "5550101",
    "mobile_number": "5550102", "address": "1 Elm St", "keyword": "roof", "medium": "web", "facebook": "ada", "twitter": "ada",
    "linkedin": "ada", "tags": ["vip"],
}  # fmt: skip
COMPANY = {
    "name": "Stone Ltd", "address": "1 Elm St", "city": "Dayton", "state": "Ohio", "zipcode": "45402", "country": "USA",
    "number_of_employees": 11, "annual_revenue": 5, "website": "stone.example", "phone": "5550103", "facebook": "stone",
    "twitter": "stone", "linkedin": "stone", "tags": ["vip"],
}  # fmt: skip
ARTICLE = {"name": "Gutter", "category": "Roof", "product_code": "G", "sku_number": "G-1", "description": "6 inch"}
OFFER = {"document_type": "Quote", "display_name": "Offer", "cpq_document_template_name": "Plain"}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Json]:
    """One answer of each shape, by the name of its sample."""
    state = tmp_path_factory.mktemp("told") / "state.sqlite"
    chosen = {**FREE, "quotes": "all", "created_at": "honoured"}
    with running("freshsales", state=state, token=KEY, time_scale=1000, switches=chosen) as stand_in, client(stand_in) as http:
        yield {**people(http), **goods(http), **activities(http), **settings(http)}


def people(http: httpx.Client) -> Json:
    owner = http.get("/selector/owners").json()["users"][0]["id"]
    account = made(http, "/sales_accounts", **COMPANY, owner_id=owner)
    person = contact(http, **PERSON, owner_id=owner, sales_accounts=[{"id": account["id"], "is_primary": True}])
    more = {"expected_close": "2026-03-16", "forecast_category": 1, "tags": ["vip"], "created_at": "2025-01-01T00:00:00Z"}
    deal = made(http, "/deals", name="Roof", amount=5600, owner_id=owner, **more)
    due = {"title": "Call", "due_date": "2099-01-01T00:00:00Z"}
    for model, one in (("Contact", person), ("SalesAccount", account), ("Deal", deal)):
        made(http, "/tasks", **due, targetable_type=model, targetable_id=one["id"])
    sides = http.get("/tasks?filter=open&include=targetable").json()
    rule = {"attribute": "contact_email.email", "operator": "is_in", "value": PERSON["email"]}
    fields = http.get("/settings/contacts/fields").json()["fields"]
    return {
        "contact": person,
        "email": person["emails"][0],
        "links of a contact": person["links"],
        "sales_account": account,
        "links of an account": account["links"],
        "deal": deal,
        "links of a deal": deal["links"],
        "found contact": http.post("/filtered_search/contact", json={"filter_rule": [rule]}).json()["contacts"][0],
        "field": fields[0],
        "field with choices made on the fly": next(row for row in fields if row["name"] == "tags"),
        "view": http.get("/contacts/filters").json()["filters"][0],
        "person beside": sides["contacts"][0],
        "account beside": sides["sales_accounts"][0],
        "deal beside": sides["deals"][0],
    }


def goods(http: httpx.Client) -> Json:
    person = contact(http, last_name="Goods", email="goods@brightroof.example")["id"]
    owner = http.get("/selector/owners").json()["users"][0]["id"]
    more = {"expected_close": "2026-03-16", "forecast_category": 1, "created_at": "2025-01-01T00:00:00Z", "owner_id": owner}
    deal = made(http, "/deals", name="Goods", amount=1, **more)["id"]
    article = http.post("/cpq/products", json={"product": ARTICLE}).json()["product"]
    prices = {"pricing_type": 1, "product_pricings": [{"currency_code": "USD", "unit_price": 1000}]}
    path = f"/cpq/products/{article['id']}?include=product_pricings"
    priced = http.put(path, json={"product": prices}).json()["product"]
    lines = [{"id": article["id"], "quantity": 2, "discount": 10}]
    lined = http.put(f"/deals/{deal}?include=products", json={"deal": {"products": lines}}).json()["deal"]
    offer = {**OFFER, "deal_id": deal, "contact_id": person}
    quote = http.post("/cpq/cpq_documents", json={"cpq_document": offer}).json()["cpq_document"]
    path = f"/cpq/cpq_documents/{quote['id']}"
    changed = http.put(path, json={"cpq_document": {"display_name": "Better"}}).json()["cpq_document"]
    filled = http.put(f"{path}?include=products", json={"cpq_document": {"products": lines}}).json()["cpq_document"]
    return {
        "deal with lines": lined,
        "line of a deal": lined["products"][0],
        "product": article,
        "priced product": priced,
        "price": priced["product_pricings"][0],
        "quote": quote,
        "changed quote": changed,
        "quote with lines": filled,
        "line of a quote": filled["products"][0],
        "related product": http.get(f"{path}/related_products").json()["products"][0],
        "list": http.post("/lists", json={"name": "Storm"}).json()["list"],
    }


def activities(http: httpx.Client) -> Json:
    person = contact(http, last_name="Busy", email="busy@brightroof.example")["id"]
    account, deal = made(http, "/sales_accounts", name="Busy Ltd")["id"], made(http, "/deals", name="Busy", amount=1)["id"]
    kind = http.get("/selector/sales_activity_entity_types").json()["sales_activity_entity_types"][0]["id"]
    due = {"title": "Call", "description": "soon", "due_date": "2099-01-01T00:00:00Z", "task_type_id": kind}
    targets = (("Contact", person), ("Deal", deal), ("SalesAccount", account))  # listed from the last
    tasks = [http.post("/tasks", json={**due, "targetable_type": model, "targetable_id": one}).json() for model, one in targets]
    path = f"/tasks/{tasks[0]['task']['id']}"
    outcome = http.get("/selector/sales_activity_outcomes").json()["sales_activity_outcomes"][0]["id"]
    visit = {"title": "Visit", "description": "roof", "location": "Dayton", "time_zone": "Chennai", "outcome_id": outcome}
    hours = {"from_date": "2016-06-20T05:00:00Z", "end_date": "2016-06-20T06:00:00Z"}
    whom = {"targetable_type": "Contact", "targetable_id": person}
    appointment = http.post("/appointments", json={**visit, **hours, **whom}).json()
    return {
        "new task": tasks[0],
        "task looked at": http.get(f"{path}?include=targetable,users").json(),
        "changed task": http.put(path, json={"task": {"title": "Call again"}}).json(),
        "tasks": http.get("/tasks?filter=open&include=owner,targetable&per_page=3").json(),
        "new appointment": appointment,
        "changed appointment": http.put(f"/appointments/{appointment['appointment']['id']}", json={"title": "Later"}).json(),
        "appointments": http.get("/appointments?filter=past").json(),
    }


def settings(http: httpx.Client) -> Json:
    lists = {name: http.get(f"/settings/{name}/fields").json()["fields"] for name in BUILT_IN}
    deals = {row["name"]: row for row in lists["deals"]}
    zones = next(row for row in lists["contacts"] if row["name"] == "time_zone")
    return {
        "fields": lists,
        "field of a user": deals["owner_id"],
        "field of another record": deals["sales_account_id"],
        "field of other records": deals["contacts"],
        "choice of a user": deals["owner_id"]["choices"][0],
        "choice of a source": deals["lead_source_id"]["choices"][0],
        "choice of a stage": deals["deal_stage_id"]["choices"][0],
        "choice of a zone": zones["choices"][0],
        "territory": http.get("/selector/territories").json()["territories"][0],
        "business type": http.get("/selector/business_types").json()["business_types"][0],
    }


@pytest.mark.parametrize("sample", SAMPLES)
def test_an_answer_has_the_keys_their_order_and_the_types_of_its_sample(told: Json, sample: str) -> None:
    expected = dict(pair.split(":") for pair in SAMPLES[sample].split())
    answer = row_of(told, sample)
    assert list(answer) == list(expected)
    types = {key: "null" if value is None else TYPES[type(value)] for key, value in answer.items()}
    wrong = {
        key: types[key]
        for key, kind in expected.items()
        if kind not in ("?", types[key]) and not (types[key] == "null" and key in EMPTY_HERE)
    }
    assert not wrong


def row_of(told: Json, sample: str) -> dict[str, Any]:
    """The record of a sample, out of the answer that it stands in."""
    if " of a list" in sample:
        kind = f"{sample.removesuffix(' of a list')}s"
        return dict(told[kind][kind][0])
    return dict(told[sample][SIDES[sample].split()[-1]] if sample in SIDES else told[sample])


def test_every_sample_is_told_and_no_other(told: Json) -> None:
    assert set(told) | {"task of a list", "appointment of a list"} == {*SAMPLES, *SIDES, "fields"}


@pytest.mark.parametrize("answer", SIDES)
def test_what_is_loaded_beside_stands_first_in_its_order(told: Json, answer: str) -> None:
    assert list(told[answer]) == SIDES[answer].split()


@pytest.mark.parametrize("object_", BUILT_IN)
def test_the_built_in_fields_are_those_of_a_live_account_in_their_places(told: Json, object_: str) -> None:
    rows = [row for row in told["fields"][object_] if row["default"]]
    assert [row["id"] for row in rows] == list(range(1, len(rows) + 1))
    shown = [
        f"{row['name']}:{row['position']}" + (f":{row['quick_add_position']}" if row["quick_add_position"] else "")
        for row in rows
    ]
    expected = BUILT_IN[object_].split()
    assert shown[: len(expected)] == expected
    assert {row.partition(":")[0] for row in shown[len(expected) :]} <= {"parent_sales_account_id", "deal_product_id"}


def test_an_appointment_in_a_list_tells_its_attendees_only_when_asked(told: Json, suite: object, api: httpx.Client) -> None:
    person = contact(api, email="attends@brightroof.example")["id"]
    hours = {"from_date": "2016-06-20T05:00:00Z", "end_date": "2016-06-20T06:00:00Z"}
    attendees = [{"attendee_type": "Contact", "attendee_id": str(person)}]
    keys = {"targetable_type": "Contact", "targetable_id": person, "appointment_attendees_attributes": attendees}
    visit = made(api, "/appointments", title="Visit", **hours, **keys)
    asked = api.get(f"/contacts/{person}/appointments?include=targetable,appointment_attendees,conference,note").json()
    assert list(asked) == ["contacts", "appointment_attendees", "conferences", "notes", "appointments", "meta"]
    row = asked["appointments"][0]
    assert list(row)[-3:] == ["appointment_attendee_ids", "targetable", "note_id"]
    assert row["appointment_attendee_ids"] == visit["appointment_attendee_ids"] == [asked["appointment_attendees"][0]["id"]]
    assert "appointment_attendee_ids" not in api.get(f"/contacts/{person}/appointments").json()["appointments"][0]


def test_lists_of_records_carry_their_pictures_in_meta(told: Json, suite: object, api: httpx.Client) -> None:
    made(api, "/deals", name="Pictured", amount=1)
    made(api, "/sales_accounts", name="Pictured Ltd")
    contact(api, email="pictured@brightroof.example")
    for kind, model, view in (
        ("contacts", "Contact", "All Contacts"),
        ("sales_accounts", "SalesAccount", "All Accounts"),
        ("deals", "Deal", "Open Deals"),
    ):
        page = api.get(f"/{kind}/view/{view_of(api, kind, view)}").json()
        assert list(page) == [kind, "meta"] and list(page["meta"]) == ["total_pages", "total", "avatar_data"]
        assert list(page["meta"]["avatar_data"]) == [model]
        assert set(page["meta"]["avatar_data"][model]) == {str(row["id"]) for row in page[kind]}
