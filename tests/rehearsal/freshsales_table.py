"""What the rehearsal Freshsales says, as one table: the fact sheet's row, a request, and the shape of the answer."""

from __future__ import annotations

import re
from dataclasses import dataclass

from freshsales_account import Json
from freshsales_shape import DAY, DIGITS, MONEY, STAMP, UTC, Each, Has, Keys

GATED = "owner_id lifecycle_stage_id contact_status_id lead_source_id campaign_id territory_id sales_accounts"
USER = "id display_name avatar type is_active work_number mobile_number email uuid"
FILTER = "id name model_class_name user_id is_default updated_at user_name current_user_permissions"
FIELD = "id label name type default actionable position choices base_model required quick_add_position visible"
TASK = """id status title description created_at updated_at owner_id due_date completed_date creater_id updater_id
    outcome_id task_type_id targetables"""
NOTE = "id description created_at updated_at url duration creater_id has_access collab_context targetables"
PAGED: Json = {"total_pages": int, "total": int}
LATER = "Updating now... we'll let you know once this is done."
TARGET: Json = {"targetable_type": "Contact", "targetable_id": "{contact}"}


@dataclass(frozen=True)
class Row:
    """The sheet's row, the request, and what is to come back; braces name records of the fixture."""

    sheet: str
    request: str
    shape: object
    body: Json | None = None
    status: int = 200


def refused(*words: str, code: int = 400) -> Json:
    return {"errors": {"code": code, "message": list(words)}}


def one_of(name: str, shape: object) -> Json:
    """A single record: its wrapper, and ``meta`` that is null."""
    return {name: shape, "meta": None}


REFUSALS = (
    Row(
        "§2 Error bodies: duplicate account",
        "POST /sales_accounts",
        refused("Name has already been taken"),
        {"name": "Twice"},
        400,
    ),
    Row(
        "§2 Error bodies: Suite duplicate contact",
        "POST /contacts",
        refused("Email is not unique"),
        {"last_name": "B", "email": "TWICE@brightroof.example"},
        400,
    ),
    Row(
        "§4 Unique fields: external_id",
        "POST /contacts",
        refused("ExternalId is not unique"),
        {"last_name": "B", "external_id": "twice"},
        400,
    ),
    Row(
        "§2 Error bodies: object for array",
        "POST /contacts",
        refused("The type for sales_accounts is invalid."),
        {"last_name": "B", "email": "o@brightroof.example", "sales_accounts": {"id": 1}},
        400,
    ),
    Row(
        "§2.1 Required",
        "POST /contacts",
        refused("Contact needs an email, a mobile number or an external id"),
        {"last_name": "B"},
        400,
    ),
    Row("§2.2 name required", "POST /sales_accounts", refused("Name can't be blank"), {"city": "Columbus"}, 400),
    Row("§2.3 amount required", "POST /deals", refused("Amount can't be blank"), {"name": "Roof"}, 400),
    Row("§2.3 amount is a number", "POST /deals", refused("Amount is not a number"), {"name": "Roof", "amount": "a lot"}, 400),
    Row(
        "§2.3 stage of another pipeline",
        "POST /deals",
        refused("Deal stage is invalid"),
        {"name": "Roof", "amount": 1, "deal_stage_id": 7},
        400,
    ),
    Row(
        "§2.5 due date required",
        "POST /tasks",
        refused("Due date can't be blank", "Targetable can't be blank"),
        {"title": "Call"},
        400,
    ),
    Row("§2.5 one filter is mandatory", "GET /tasks", refused("filter is invalid"), status=400),
    Row(
        "§2.6 dates required",
        "POST /appointments",
        refused("From date can't be blank", "End date can't be blank"),
        {"title": "Visit", **TARGET},
        400,
    ),
    Row("§2.7 description required", "POST /notes", refused("Description can't be blank"), {"description": "", **TARGET}, 400),
    Row(
        "§2.7 PascalCase targetable",
        "POST /notes",
        refused("Targetable is invalid", "Targetable can't be blank"),
        {"description": "x", "targetable_type": "contact", "targetable_id": "{contact}"},
        400,
    ),
    Row(
        "§2.8 required",
        "POST /sales_activities",
        refused("Sales activity type can't be blank"),
        {"title": "x", "start_date": "2017-12-04T11:30:00Z", "end_date": "2017-12-04T12:00:00Z", **TARGET},
        400,
    ),
    Row(
        "§2.11 parent",
        "POST /document_links",
        refused("Targetable is invalid"),
        {"url": "https://x.example", "targetable_type": "Contact", "targetable_id": 7},
        400,
    ),
    Row(
        "§9 Owner: inactive",
        "POST /sales_accounts",
        refused("Owner is not active"),
        {"name": "Left", "owner_id": "{leaver}"},
        400,
    ),
    Row(
        "§9 custom field unknown",
        "POST /sales_accounts",
        refused("cf_no is not a custom field of this object"),
        {"name": "Odd", "custom_field": {"cf_no": 1}},
        400,
    ),
    Row("§4 unique_identifier missing", "POST /contacts/upsert", refused("unique_identifier is missing"), {"contact": {}}, 400),
    Row(
        "§4 no such identifier",
        "POST /deals/upsert",
        refused("unique_identifier city is invalid"),
        {"unique_identifier": {"city": "x"}, "deal": {}},
        400,
    ),
    Row("§3 nothing to do", "POST /contacts/bulk_upsert", refused("contacts is missing"), {"rows": []}, 400),
    Row("§3 nothing selected", "POST /contacts/bulk_destroy", refused("selected_ids is missing"), {}, 400),
    Row("§6 no such route", "POST /contacts/search", refused("Not found", code=404), {}, 404),
    Row("§1 no leads in Suite", "GET /leads/filters", refused("Not found", code=404), status=404),
    Row("§2.7 no GET of a note", "GET /notes/{note}", refused("Not found", code=404), status=404),
    Row("§2 gone", "GET /contacts/7", refused("Record not found", code=404), status=404),
    Row("§6 lookup needs all three", "GET /lookup?q=x", refused("q, f and entities are needed"), status=400),
    Row("§6 search needs q", "GET /search?include=contact", refused("q is missing"), status=400),
)

DELETES = (
    Row("§2 DELETE contacts", "DELETE /contacts/{old_contact}", True),
    Row("§2 DELETE sales_accounts", "DELETE /sales_accounts/{old_account}", True),
    Row("§2 DELETE deals", "DELETE /deals/{old_deal}", True),
    Row("§2 forget", "DELETE /deals/{forgotten}/forget", True),
    Row("§2 DELETE notes", "DELETE /notes/{old_note}", {"success": "200"}),
    Row("§2 DELETE tasks", "DELETE /tasks/{old_task}", {"success": "200"}),
    Row("§2 DELETE appointments", "DELETE /appointments/{old_appointment}", {"success": "200"}),
    Row("§2 DELETE sales_activities", "DELETE /sales_activities/{old_activity}", {"success": "200"}),
    Row("§2.11 DELETE documents is unknown", "DELETE /documents/{document}", refused("Not found", code=404), status=404),
)

RECORDS = (
    Row("§2 Read wrapper: one", "GET /contacts/{contact}", Keys("contact meta")),
    Row("§2.1 Read-back trap", "GET /contacts/{contact}", one_of("contact", Has({"custom_field": dict}, GATED))),
    Row(
        "§2.1 Read-back trap: included",
        "GET /contacts/{contact}?include=owner,contact_status,lifecycle_stage,sales_accounts",
        Keys("users contact_statuses lifecycle_stages contact meta"),
    ),
    Row(
        "§2.1 sales_accounts out",
        "GET /contacts/{contact}?include=sales_accounts",
        one_of(
            "contact",
            Has(
                {
                    "sales_accounts": Each(
                        {
                            "partial": True,
                            "id": int,
                            "name": "Gated Roofs",
                            "avatar": None,
                            "website": None,
                            "last_contacted": None,
                            "record_type_id": DIGITS,
                            "is_primary": True,
                        }
                    )
                }
            ),
        ),
    ),
    Row(
        "§2.1 emails out",
        "GET /contacts/{contact}",
        one_of(
            "contact",
            Has(
                {
                    "email": "gated@brightroof.example",
                    "emails": Each(
                        {"id": int, "value": "gated@brightroof.example", "is_primary": True, "label": None, "_destroy": False}
                    ),
                }
            ),
        ),
    ),
    Row(
        "§2.1 also returned",
        "GET /contacts/{contact}",
        one_of(
            "contact",
            Has(
                {
                    "lead_score": 0,
                    "mcr_id": int,
                    "subscription_status": 1,
                    "subscription_types": "1;2;3;4;5",
                    "system_tags": [],
                    "links": dict,
                    "is_deleted": False,
                    "phone_numbers": [],
                }
            ),
        ),
    ),
    Row("§2 Timestamps out", "GET /contacts/{contact}", one_of("contact", Has({"created_at": STAMP, "updated_at": STAMP}))),
    Row(
        "§2 Money out: contacts",
        "GET /contacts/{contact}",
        one_of("contact", Has({"open_deals_amount": MONEY, "won_deals_amount": "0.0"})),
    ),
    Row(
        "§2.2 default response",
        "GET /sales_accounts/{account}",
        one_of(
            "sales_account",
            Has(
                {"owner_id": None, "parent_sales_account_id": None, "custom_field": dict},
                "industry_type_id business_type_id territory_id",
            ),
        ),
    ),
    Row(
        "§2.2 industry included",
        "GET /sales_accounts/{account}?include=industry_type",
        {"industry_types": Each(Keys("id name position partial")), **one_of("sales_account", Has({"industry_type_id": int}))},
    ),
    Row(
        "§2 Money out: annual_revenue is a number",
        "GET /sales_accounts/{account}",
        one_of("sales_account", Has({"annual_revenue": 120000})),
    ),
    Row(
        "§2.2 number_of_employees is a bucket",
        "GET /sales_accounts/{account}",
        one_of("sales_account", Has({"number_of_employees": 201})),
    ),
    Row(
        "§2.3 default response",
        "GET /deals/{deal}",
        one_of(
            "deal",
            Has(
                {"deal_pipeline_id": int, "deal_stage_id": int},
                "owner_id sales_account_id deal_type_id currency_id deal_reason_id lead_source_id contacts",
            ),
        ),
    ),
    Row(
        "§2 Money out: deals",
        "GET /deals/{deal}",
        one_of("deal", Has({"amount": "5600.0", "expected_deal_value": "560.0", "base_currency_amount": "5600.0"})),
    ),
    Row("§2 date-only", "GET /deals/{deal}", one_of("deal", Has({"expected_close": DAY, "closed_date": None}))),
    Row(
        "§2.3 contacts included",
        "GET /deals/{deal}?include=contacts",
        {"contacts": Each(Has({"id": int, "display_name": str})), **one_of("deal", Has({"contact_ids": Each(int)}))},
    ),
    Row(
        "§2.3 leaks tokens",
        "GET /deals/{deal}",
        one_of("deal", Has({"fc_widget_collaboration": Keys("convo_token auth_token encoded_jwt_token")})),
    ),
    Row("§2.5 one", "GET /tasks/{task}", {"task": Keys(TASK)}),
    Row(
        "§2.5 include",
        "GET /tasks/{task}?include=targetable,users",
        {
            "contacts": Each(Keys("id avatar display_name first_name last_name email work_number mobile_number")),
            "users": Each(Keys(USER)),
            "task": Keys(f"{TASK} user_ids targetable"),
        },
    ),
    Row(
        "§2.5 done keeps completed_date null",
        "PUT /tasks/{task}",
        {
            "users": Each(Keys(USER)),
            "contacts": Each(dict),
            "task": Has({"status": 1, "completed_date": None, "targetable": {"type": "contact", "id": int}}),
        },
        {"task": {"status": 1}},
    ),
    Row("§2.5 targetables", "GET /tasks/{task}", {"task": Has({"targetables": Each({"id": int, "type": "Contact"})})}),
    Row("§2.6 order", "GET /appointments/{appointment}", Keys("appointment_attendees conferences notes appointment")),
    Row(
        "§2.6 PUT adds contacts",
        "PUT /appointments/{appointment}",
        Keys("appointment_attendees contacts conferences notes appointment"),
        {"appointment": {"title": "Later"}},
    ),
    Row(
        "§2.6 past dates are kept",
        "GET /appointments/{appointment}",
        Has({"appointment": Has({"from_date": "2016-06-20T00:00:00-05:00"})}),
    ),
    Row("§2.7 response", "PUT /notes/{note}", {"note": Keys(NOTE)}, {"note": {"description": "<b>Leak</b>"}}),
    Row(
        "§2.8 its own historical date",
        "GET /sales_activities/{activity}",
        {
            "sales_activity": Has(
                {
                    "start_date": "2017-12-04T06:30:00-05:00",
                    "conversation_time": "2017-12-04T07:00:00-05:00",
                    "created_at": re.compile("^20[2-9]"),
                    "status": False,
                    "custom_field": {},
                    "targetable_type": "Contact",
                }
            )
        },
    ),
    Row(
        "§9 created_at is ignored",
        "POST /sales_accounts",
        one_of("sales_account", Has({"created_at": re.compile("^20[2-9]")})),
        {"name": "Old", "created_at": "2001-01-01T00:00:00Z"},
    ),
    Row(
        "§9 creater is the server's",
        "GET /contacts/{contact}?include=creater",
        {"users": Each(Keys(USER)), **one_of("contact", Has({"creater_id": int}))},
    ),
)

LISTS = (
    Row(
        "§2 Key order of a list",
        "GET /contacts/view/{all_contacts}?per_page=1",
        {"contacts": Each(dict), "meta": {**PAGED, "avatar_data": Keys("Contact")}},
    ),
    Row("§2 Key order with include", "GET /contacts/view/{all_contacts}?include=owner", Keys("users contacts meta")),
    Row("§6 Page past the end", "GET /contacts/view/{all_contacts}?page=999", {"contacts": [], "meta": Has({"total": int})}),
    Row("§6 Views", "GET /deals/filters", {"filters": Each(Keys(FILTER)), "meta": {}}),
    Row("§6 Scroll", "GET /sales_accounts/scroll/{all_accounts}?limit=2", Keys("sales_accounts meta")),
    Row(
        "§2.5 meta has no total_pages",
        "GET /tasks?filter=open&include=owner,targetable",
        Has(
            {
                "users": Each(Keys(USER)),
                "tasks": Each(Has({"targetable": {"type": "contact", "id": int}})),
                "meta": {"total": int},
            }
        ),
    ),
    Row("§2.6 meta has no total_pages", "GET /appointments?filter=past", {"appointments": Each(dict), "meta": {"total": int}}),
    Row("§2.8 meta has total_pages", "GET /sales_activities?per_page=1", {"sales_activities": Each(dict), "meta": PAGED}),
    Row("§2.7 by their parent", "GET /contacts/{contact}/notes", {"notes": Each(Keys(NOTE)), "meta": PAGED}),
    Row(
        "§2.11 List",
        "GET /contacts/{contact}/document_associations",
        {
            "users": Each(dict),
            "documents": Each(
                Has({"url": re.compile(r"^http://127\.0\.0\.1:\d+/crm/sales/documents/\d+$"), "created_at": STAMP})
            ),
            "document_links": [],
        },
    ),
    Row(
        "§6 Activities",
        "GET /contacts/{contact}/activities",
        {
            "activities": Each(Has({"created_at": STAMP, "targetable_type": "Contact"})),
            "meta": {"has_next": bool, "has_previous": False},
        },
    ),
    Row(
        "§6 search is a flat list with ids as text",
        "GET /search?q=gated&include=contact",
        Each(
            Has(
                {
                    "id": DIGITS,
                    "type": "contact",
                    "email": str,
                    "owner": {"id": int, "name": str},
                    "primary_sales_account_name": "Gated Roofs",
                }
            )
        ),
    ),
    Row(
        "§6 lookup nests twice",
        "GET /lookup?q=gated@brightroof.example&f=email&entities=contact,sales_account",
        {
            "contacts": {"contacts": Each(Has({"partial": True}, "custom_field owner_id sales_accounts"))},
            "sales_accounts": {"sales_accounts": []},
        },
    ),
    Row(
        "§6 filtered_search is partial",
        "POST /filtered_search/contact",
        {"contacts": Each(Has({"partial": True, "display_name": str}, "custom_field owner_id")), "meta": {"total": int}},
        {"filter_rule": [{"attribute": "contact_email.email", "operator": "is_in", "value": ["gated@brightroof.example"]}]},
    ),
)

BULK = (
    Row(
        "§3 Asynchronous",
        "POST /sales_accounts/bulk_upsert",
        {"message": str, "job_status_url": re.compile(r"^http://127\.0\.0\.1:\d+/crm/sales/api/job_statuses/\d+$")},
        {"sales_accounts": [{"name": "Later", "data": {}}]},
        202,
    ),
    Row(
        "§3 job_statuses",
        "GET /job_statuses/{job}",
        {
            "status": "SUCCESS",
            "job_type_name": "bulk_upsert",
            "created_at": UTC,
            "status_updated_at": UTC,
            "progress": 100,
            "data": re.compile(
                r'^\{"record_status": \{"succeeded": 1, "failed": 1\}, "detailed_failure_report": '
                r'\[\{"emails": "bad@brightroof\.example", "error_message": \["Owner is invalid"\]\}\]\}$'
            ),
        },
    ),
    Row("§3 bulk_destroy", "POST /deals/bulk_destroy", {"message": LATER}, {"selected_ids": [7]}),
    Row("§3 bulk_assign_owner", "POST /contacts/bulk_assign_owner", {"message": LATER}, {"selected_ids": [7], "owner_id": 1}),
    Row(
        "§4 upsert makes",
        "POST /contacts/upsert",
        one_of("contact", Has({"display_name": "new@brightroof.example", "first_name": None})),
        {"unique_identifier": {"emails": "new@brightroof.example"}, "contact": {}},
        201,
    ),
    Row(
        "§4 upsert finds",
        "POST /contacts/upsert",
        one_of("contact", Has({"city": "Columbus"})),
        {"unique_identifier": {"emails": "GATED@brightroof.example"}, "contact": {}},
    ),
    Row(
        "§2.11 POST documents",
        "POST /document_links",
        {"id": int, "msg": str, "url": "https://x.example"},
        {"url": "https://x.example", **TARGET},
    ),
)

METADATA = (
    Row("§5 fields", "GET /settings/sales_activities/fields", {"fields": Each(Keys(FIELD, first=True))}),
    Row(
        "§5 owners come under users",
        "GET /selector/owners",
        {"users": Each(Keys("id display_name email is_active work_number mobile_number"))},
    ),
    Row(
        "§2.4 pipelines",
        "GET /selector/deal_pipelines",
        {
            "deal_pipelines": Each(
                {
                    "partial": True,
                    "id": int,
                    "name": str,
                    "position": int,
                    "is_default": bool,
                    "rotting_days": int,
                    "configs": list,
                    "aggregated_field": "expected_deal_value",
                    "deal_stages": Each(
                        {
                            "id": int,
                            "value": str,
                            "name": str,
                            "position": int,
                            "forecast_type": str,
                            "deal_pipeline_id": int,
                            "choice_type": int,
                            "is_deleted": False,
                            "probability": int,
                            "updated_at": UTC,
                        }
                    ),
                }
            )
        },
    ),
    Row(
        "§5 currencies",
        "GET /selector/currencies",
        {
            "currencies": Each(
                {
                    "partial": True,
                    "id": int,
                    "is_active": True,
                    "currency_code": re.compile("^[A-Z]{3}$"),
                    "exchange_rate": re.compile(r"^\d+\.\d+$"),
                    "currency_type": int,
                    "schedule_info": None,
                }
            )
        },
    ),
    Row(
        "§1 lifecycle stages",
        "GET /selector/lifecycle_stages",
        {
            "lifecycle_stages": Each(
                {
                    "id": int,
                    "name": str,
                    "position": int,
                    "disabled": False,
                    "default": True,
                    "type": str,
                    "contact_status_ids": Each(int),
                }
            )
        },
    ),
    Row(
        "§1 contact statuses",
        "GET /selector/contact_statuses",
        {
            "contact_statuses": Each(
                Has({"lifecycle_stage_id": int, "forecast_type": re.compile("^(Open|Closed Won|Closed Lost)$")})
            )
        },
    ),
    Row(
        "§2.8 built-in types stand in the selector",
        "GET /selector/sales_activity_types",
        {
            "sales_activity_types": Each(
                Keys(
                    "partial id name internal_name show_in_conversation position is_default is_checkedin "
                    "is_checkedin_mandatory is_outcome_mandatory"
                )
            )
        },
    ),
    Row(
        "§5 generic selector",
        "GET /selector/lead_sources",
        {"lead_sources": Each({"id": int, "name": str, "position": int, "partial": True})},
    ),
    Row(
        "§5 entity types",
        "GET /selector/sales_activity_entity_types",
        {"sales_activity_entity_types": Each(Keys("partial id name sales_activity_type_id position sales_activity_type_name"))},
    ),
)

TABLE = (*REFUSALS, *RECORDS, *LISTS, *BULK, *METADATA, *DELETES)
CLASSIC = (
    Row(
        "§2 Error bodies: Classic duplicate contact",
        "POST /contacts",
        refused("Email has already been taken"),
        {"last_name": "B", "email": "classic@brightroof.example"},
        400,
    ),
    Row("§2 Timestamps out: Classic", "GET /contacts/{contact}", one_of("contact", Has({"created_at": UTC}))),
    Row("§1 Leads: GET", "GET /leads/{lead}", one_of("lead", Keys("id job_title department email", first=True))),
    Row(
        "§1 Leads: nested company and deal",
        "GET /leads/{lead}",
        one_of(
            "lead",
            Has(
                {
                    "company": {"name": "Lead Co"},
                    "deal": None,
                    "lead_stage_id": None,
                    "do_not_disturb": False,
                    "has_authority": False,
                    "email_status": "Active",
                    "custom_field": {},
                    "links": Has({"notes": re.compile("^/leads/")}),
                }
            ),
        ),
    ),
    Row("§1 Leads: filters", "GET /leads/filters", {"filters": Each(Keys(FILTER)), "meta": {}}),
    Row("§1 Leads: view", "GET /leads/view/{all_leads}", {"leads": Each(dict), "meta": PAGED}),
    Row("§1 Leads: fields", "GET /settings/leads/fields", {"fields": Each(Keys(FIELD, first=True))}),
    Row(
        "§1 Leads: lookup",
        "GET /lookup?q=lead@brightroof.example&f=email&entities=lead",
        {"leads": {"leads": Each(Has({"partial": True}))}},
    ),
    Row("§1 Leads: required", "POST /leads", refused("Last name can't be blank"), {"lead": {}}, 400),
    Row("§1 Leads: convert", "POST /leads/{lead}/convert", one_of("contact", Has({"email": "lead@brightroof.example"})), {}),
    Row("§1 Leads: converted", "GET /leads/{lead}", refused("Record not found", code=404), status=404),
    Row("§2 DELETE leads", "DELETE /leads/{old_lead}", True),
)
