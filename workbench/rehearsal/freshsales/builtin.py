"""The built-in fields of Freshsales objects, as its field metadata lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workbench.rehearsal.engine import Json
from workbench.rehearsal.freshsales.tenant import ACTIVITY_TYPES, MODELS, Catalog
from workbench.rehearsal.freshsales.zones import zones


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """One field that every account has, as a live Suite account of May 2023 listed it."""

    label: str
    name: str
    type: str
    place: int  # within its group of the form
    quick: int | None = None  # place in the short form
    source: str = ""  # of its choices
    required: bool = False
    shown: bool = True  # in the form, unless the account moves it


CONTACT = (
    BuiltIn("First name", "first_name", "text", 1, quick=3),
    BuiltIn("Last name", "last_name", "text", 2, quick=4),
    BuiltIn("Accounts", "sales_accounts", "group_field", 3, quick=5),
    BuiltIn("Emails", "emails", "group_field", 4, quick=6, source="email_labels"),
    BuiltIn("Mobile", "mobile_number", "text", 1, quick=8),
    BuiltIn("Work", "work_number", "text", 2, quick=9),
    BuiltIn("External ID", "external_id", "text", 6, quick=10, shown=False),
    BuiltIn("Sales owner", "owner_id", "dropdown", 7, quick=11, source="owners"),
    BuiltIn("Subscription status", "subscription_status", "dropdown", 8, quick=12, source="subscription_status"),
    BuiltIn("Subscription types", "subscription_types", "multi_select_dropdown", 1, source="subscription_types"),
    BuiltIn("Unsubscribe reason", "unsubscription_reason", "dropdown", 2, source="unsubscription_reason"),
    BuiltIn("Other unsubscribe reasons", "other_unsubscription_reason", "text", 1),
    BuiltIn("WhatsApp subscription status", "whatsapp_subscription_status", "dropdown", 9, quick=16, source="channel_status"),
    BuiltIn("SMS subscription status", "sms_subscription_status", "dropdown", 10, quick=17, source="channel_status"),
    BuiltIn("Lifecycle stage", "lifecycle_stage_id", "dropdown", 11, quick=18, source="lifecycle_stages"),
    BuiltIn("Status", "contact_status_id", "dropdown", 1, source="contact_statuses"),
    BuiltIn("Lost reason", "lost_reason_id", "dropdown", 1, source="lost_reasons"),
    BuiltIn("Original campaign", "first_campaign", "text", 12),
    BuiltIn("Original medium", "first_medium", "text", 13),
    BuiltIn("Original source", "first_source", "text", 14),
    BuiltIn("Created through campaign", "last_campaign", "text", 15),
    BuiltIn("Created from medium", "last_medium", "text", 16),
    BuiltIn("Created from source", "last_source", "text", 17),
    BuiltIn("Most recent campaign", "latest_campaign", "text", 18),
    BuiltIn("Most recent medium", "latest_medium", "text", 19),
    BuiltIn("Most recent source", "latest_source", "text", 20),
    BuiltIn("Work email", "work_email", "text", 1, shown=False),
    BuiltIn("Tags", "tags", "auto_complete", 2, shown=False),
    BuiltIn("Job title", "job_title", "text", 3, shown=False),
    BuiltIn("Time zone", "time_zone", "dropdown", 5, source="time_zones", shown=False),
    BuiltIn("Other phone numbers", "phone_numbers", "group_field", 6, source="phone_labels", shown=False),
    BuiltIn("Address", "address", "text", 1, shown=False),
    BuiltIn("City", "city", "text", 2, shown=False),
    BuiltIn("State", "state", "text", 3, shown=False),
    BuiltIn("Zipcode", "zipcode", "text", 4, shown=False),
    BuiltIn("Country", "country", "text", 5, shown=False),
    BuiltIn("Facebook", "facebook", "text", 1, shown=False),
    BuiltIn("Twitter", "twitter", "text", 2, shown=False),
    BuiltIn("LinkedIn", "linkedin", "text", 3, shown=False),
    BuiltIn("Territory", "territory_id", "dropdown", 10, source="territories", shown=False),
    BuiltIn("Source", "lead_source_id", "dropdown", 1, source="lead_sources", shown=False),
    BuiltIn("Campaign", "campaign_id", "dropdown", 2, source="campaigns", shown=False),
    BuiltIn("Medium", "medium", "text", 3, shown=False),
    BuiltIn("Keyword", "keyword", "text", 4, shown=False),
    BuiltIn("Lists", "lists", "auto_complete", 5, shown=False),
    BuiltIn("Last seen on chat", "last_seen_chat", "date", 1, shown=False),
    BuiltIn("Total chat sessions", "total_sessions", "number", 2, shown=False),
    BuiltIn("Locale", "locale", "text", 3, shown=False),
    BuiltIn("First seen on chat", "first_seen_chat", "date", 4, shown=False),
    BuiltIn("Last contacted time", "last_contacted", "date", 5, shown=False),
    BuiltIn("Last contacted mode", "last_contacted_mode", "dropdown", 6, source="contact_modes", shown=False),
    BuiltIn("Last activity type", "last_contacted_sales_activity_mode", "dropdown", 7, source="activity_modes", shown=False),
    BuiltIn("Last activity date", "last_contacted_via_sales_activity", "date", 8, shown=False),
    BuiltIn("Active sales sequences", "active_sales_sequences", "multi_select_dropdown", 9, shown=False),
    BuiltIn("Completed sales sequences", "completed_sales_sequences", "multi_select_dropdown", 10, shown=False),
    BuiltIn("Last seen on web", "last_seen", "date", 11, shown=False),
    BuiltIn("Score", "lead_score", "number", 12, shown=False),
    BuiltIn("Customer fit", "customer_fit", "dropdown", 13, source="customer_fit", shown=False),
    BuiltIn("Recent note", "recent_note", "textarea", 14, shown=False),
    BuiltIn("Created by", "creater_id", "dropdown", 15, source="owners", shown=False),
    BuiltIn("Created at", "created_at", "date", 16, shown=False),
    BuiltIn("Updated by", "updater_id", "dropdown", 17, source="owners", shown=False),
    BuiltIn("Updated at", "updated_at", "date", 18, shown=False),
    BuiltIn("Web forms", "web_form_ids", "multi_select_dropdown", 19, shown=False),
    BuiltIn("Last assigned at", "last_assigned_at", "date", 20, shown=False),
)
ACCOUNT = (
    BuiltIn("Name", "name", "text", 1, quick=3, required=True),
    BuiltIn("Website", "website", "text", 2),
    BuiltIn("Phone", "phone", "text", 3),
    BuiltIn("Sales owner", "owner_id", "dropdown", 4, quick=6, source="owners"),
    BuiltIn("Number of employees", "number_of_employees", "dropdown", 1, source="employees", shown=False),
    BuiltIn("Annual revenue", "annual_revenue", "number", 2, shown=False),
    BuiltIn("Tags", "tags", "auto_complete", 3, shown=False),
    BuiltIn("Industry type", "industry_type_id", "dropdown", 4, source="industry_types", shown=False),
    BuiltIn("Business type", "business_type_id", "dropdown", 5, source="business_types", shown=False),
    BuiltIn("Territory", "territory_id", "dropdown", 6, source="territories", shown=False),
    BuiltIn("Address", "address", "text", 1, shown=False),
    BuiltIn("City", "city", "text", 2, quick=17, shown=False),
    BuiltIn("State", "state", "text", 3, quick=18, shown=False),
    BuiltIn("Zipcode", "zipcode", "text", 4, shown=False),
    BuiltIn("Country", "country", "text", 5, quick=20, shown=False),
    BuiltIn("Facebook", "facebook", "text", 1, shown=False),
    BuiltIn("Twitter", "twitter", "text", 2, shown=False),
    BuiltIn("LinkedIn", "linkedin", "text", 3, shown=False),
    BuiltIn("Last contacted time", "last_contacted", "date", 1, shown=False),
    BuiltIn("Last contacted mode", "last_contacted_mode", "dropdown", 2, source="contact_modes", shown=False),
    BuiltIn("Last activity type", "last_contacted_sales_activity_mode", "dropdown", 3, source="activity_modes", shown=False),
    BuiltIn("Last activity date", "last_contacted_via_sales_activity", "date", 4, shown=False),
    BuiltIn("Web forms", "web_form_ids", "multi_select_dropdown", 5),
    BuiltIn("Active sales sequences", "active_sales_sequences", "multi_select_dropdown", 6, shown=False),
    BuiltIn("Completed sales sequences", "completed_sales_sequences", "multi_select_dropdown", 7, shown=False),
    BuiltIn("Recent note", "recent_note", "textarea", 8, shown=False),
    BuiltIn("Created by", "creater_id", "dropdown", 9, source="owners", shown=False),
    BuiltIn("Created at", "created_at", "date", 10, shown=False),
    BuiltIn("Updated by", "updater_id", "dropdown", 11, source="owners", shown=False),
    BuiltIn("Updated at", "updated_at", "date", 12, shown=False),
    BuiltIn("Last assigned at", "last_assigned_at", "date", 13, shown=False),
    BuiltIn("Parent account", "parent_sales_account_id", "auto_complete", 7, shown=False),  # newer than the recording
)
DEAL = (
    BuiltIn("Name", "name", "text", 1, quick=3, required=True),
    BuiltIn("Deal value", "amount", "number", 2, quick=4, required=True),
    BuiltIn("Account name", "sales_account_id", "auto_complete", 3, quick=5),
    BuiltIn("Related contacts", "contacts", "auto_complete", 4, quick=6),
    BuiltIn("Deal pipeline", "deal_pipeline_id", "dropdown", 5, source="deal_pipelines"),
    BuiltIn("Deal stage", "deal_stage_id", "dropdown", 1, source="deal_stages"),
    BuiltIn("Lost reason", "deal_reason_id", "dropdown", 1, source="deal_reasons"),
    BuiltIn("Closed date", "closed_date", "date", 2),
    BuiltIn("Sales owner", "owner_id", "dropdown", 6, quick=11, source="owners"),
    BuiltIn("Currency", "currency_id", "dropdown", 7, quick=12, source="currencies"),
    BuiltIn("Tags", "tags", "auto_complete", 1, shown=False),
    BuiltIn("Deal value in Base Currency", "base_currency_amount", "number", 2, shown=False),
    BuiltIn("Payment status", "deal_payment_status_id", "dropdown", 3, source="deal_payment_statuses", shown=False),
    BuiltIn("Probability (%)", "probability", "number", 4, shown=False),
    BuiltIn("Territory", "territory_id", "dropdown", 5, source="territories", shown=False),
    BuiltIn("Forecast category", "forecast_category", "dropdown", 6, source="forecast_category", shown=False),
    BuiltIn("Expected close date", "expected_close", "date", 1, shown=False),
    BuiltIn("Type", "deal_type_id", "dropdown", 1, source="deal_types", shown=False),
    BuiltIn("Source", "lead_source_id", "dropdown", 2, source="lead_sources", shown=False),
    BuiltIn("Campaign", "campaign_id", "dropdown", 3, source="campaigns", shown=False),
    BuiltIn("Last activity type", "last_contacted_sales_activity_mode", "dropdown", 1, source="activity_modes", shown=False),
    BuiltIn("Last activity date", "last_contacted_via_sales_activity", "date", 2, shown=False),
    BuiltIn("Age (in days)", "age", "number", 3, shown=False),
    BuiltIn("Recent note", "recent_note", "textarea", 4, shown=False),
    BuiltIn("Active sales sequences", "active_sales_sequences", "multi_select_dropdown", 5, shown=False),
    BuiltIn("Completed sales sequences", "completed_sales_sequences", "multi_select_dropdown", 6, shown=False),
    BuiltIn("Created by", "creater_id", "dropdown", 7, source="owners", shown=False),
    BuiltIn("Created at", "created_at", "date", 8, shown=False),
    BuiltIn("Updated by", "updater_id", "dropdown", 9, source="owners", shown=False),
    BuiltIn("Updated at", "updated_at", "date", 10, shown=False),
    BuiltIn("Web form", "web_form_id", "dropdown", 11, shown=False),
    BuiltIn("Upcoming activities", "upcoming_activities_time", "date", 12, shown=False),
    BuiltIn("Deal stage updated at", "stage_updated_time", "date", 13, shown=False),
    BuiltIn("Last assigned at", "last_assigned_at", "date", 14, shown=False),
    BuiltIn("Expected deal value", "expected_deal_value", "number", 15, shown=False),
    BuiltIn("Product", "deal_product_id", "dropdown", 5, source="deal_products", shown=False),  # of older accounts
)
LEAD = (  # of the Classic edition, of which nothing was recorded
    BuiltIn("First name", "first_name", "text", 1),
    BuiltIn("Last name", "last_name", "text", 2, required=True),
    BuiltIn("Emails", "emails", "group_field", 3, source="email_labels"),
    BuiltIn("Mobile", "mobile_number", "text", 4),
    BuiltIn("Work", "work_number", "text", 5),
    BuiltIn("Job title", "job_title", "text", 6),
    BuiltIn("Company", "company", "group_field", 7),
    BuiltIn("Deal", "deal", "group_field", 8),
    BuiltIn("Lead stage", "lead_stage_id", "dropdown", 9, source="lead_stages"),
    BuiltIn("Unqualified reason", "lead_reason_id", "dropdown", 10, source="lead_reasons"),
    BuiltIn("Source", "lead_source_id", "dropdown", 11, source="lead_sources"),
    BuiltIn("Campaign", "campaign_id", "dropdown", 12, source="campaigns"),
    BuiltIn("Sales owner", "owner_id", "dropdown", 13, source="owners"),
    BuiltIn("Address", "address", "textarea", 14),
    BuiltIn("City", "city", "text", 15),
    BuiltIn("State", "state", "text", 16),
    BuiltIn("Zipcode", "zipcode", "text", 17),
    BuiltIn("Country", "country", "text", 18),
)
ACTIVITY = (
    BuiltIn("Title", "title", "text", 1, quick=3, required=True),
    BuiltIn("Start date", "start_date", "date_time_split", 2, quick=4, required=True),
    BuiltIn("End date", "end_date", "date_time_split", 3, quick=5, required=True),
    BuiltIn("Related entity", "targetable", "auto_complete", 4, quick=6, required=True, shown=False),
    BuiltIn("Related to", "targetables", "auto_complete", 5, quick=7, required=True),
    BuiltIn("Owner", "owner_id", "dropdown", 6, quick=8, source="owners"),
    BuiltIn("Notes", "notes", "textarea", 7, quick=9),
    BuiltIn(
        "Sales activity type", "sales_activity_type_id", "dropdown", 1, quick=11, source="custom_activity_types", required=True
    ),
    BuiltIn("Location", "location", "text", 1),
    BuiltIn("Checked in time", "checkedin_at", "date", 2),
    BuiltIn("Checked out location", "checkedout_location", "text", 3),
    BuiltIn("Checked out time", "checkedout_at", "date", 4),
    BuiltIn("Time spent (in seconds)", "checkedin_duration", "number", 5),
    BuiltIn("Outcome", "sales_activity_outcome_id", "dropdown", 6, source="sales_activity_outcomes"),
    BuiltIn("Mark as completed", "status", "checkbox", 7, source="done"),
    BuiltIn("Completed date", "completed_date", "date_time_split", 1),
)
BUILT_IN = {"contacts": CONTACT, "sales_accounts": ACCOUNT, "deals": DEAL, "leads": LEAD, "sales_activities": ACTIVITY}
CONTACT_MODES = (
    "Email Incoming", "Email Outgoing", "Call Incoming", "Call Outgoing", "Email Opened", "Chat Conversation",
    "Sales Activity", "SMS",
)  # fmt: skip
LABELS = {
    "email_labels": {"32009647295": "Work", "32009647296": "Personal", "32009647297": "Other"},
    "phone_labels": {"32009647306": "Personal", "32009647307": "Home", "32009647308": "Other"},
    "subscription_status": {
        "0": "Unsubscribed", "1": "Subscribed", "2": "Not subscribed", "3": "Reported as spam", "4": "Bounced",
    },
    "subscription_types": {
        "2": "Newsletter", "3": "Promotional", "4": "Product updates", "5": "Conferences & Events",
        "1": "Non-marketing emails from our company",
    },
    "unsubscription_reason": {
        "6": "I no longer want to receive emails from you", "7": "I receive too many emails from you",
        "8": "The emails are inappropriate", "9": "The emails are spam", "10": "Others",
    },
    "channel_status": {"0": "Unsubscribed", "1": "Subscribed", "2": "Not subscribed"},
    "customer_fit": {fit: fit for fit in "543210"},
    "contact_modes": {mode: mode for mode in CONTACT_MODES},
    "activity_modes": {mode: mode for mode in ACTIVITY_TYPES},
    "forecast_category": {"1": "Committed", "2": "Best-case"},
    "done": {"32009647448": "true", "32009647449": "false"},
}  # fmt: skip
EMPLOYEES = {
    1: "1-10", 11: "11-50", 51: "51-200", 201: "201-500", 501: "501-1000", 1001: "1001-5000", 5001: "5001-10000",
    10001: "More than 10000",
}  # fmt: skip
CHOICE_KEYS = ("choice_type", "is_active", "deal_pipeline_id", "forecast_type")
TEXT_IDS = ("lifecycle_stages", "lost_reasons")
"""Choices whose ids the field metadata writes as text, while the selectors write the same ids as numbers."""


SOURCES_AT_FIRST = ("Web", "Organic Search", "Email", "Phone", "Chat", "Web Form")
"""Lead sources that no account can delete; the rest are choices like any other."""
FULL = "/search/auto_suggest/{}_full_details.json?&{}q="
ANYONE = "/search?per_page=5&include=lead,contact,sales_account,deal&q="
SUGGESTED: Mapping[str, Json] = {
    "sales_account_id": {
        "auto_suggest_url": FULL.format("sales_accounts", ""), "creatable": True, "creatable_data_key": "sales_account",
    },
    "parent_sales_account_id": {"auto_suggest_url": FULL.format("sales_accounts", "")},
    "contacts": {"auto_suggest_url": FULL.format("contacts", "sales_account_id=&"), "multiple": True},
    "lists": {"auto_suggest_url": "/search/auto_suggest/lists.json?&q=", "multiple": True},
    "targetable": {"auto_suggest_url": ANYONE},
    "targetables": {"auto_suggest_url": ANYONE, "multiple": True},
}  # fmt: skip
"""What a field says whose choices are asked for as one types."""


def metadata(object_: str, catalog: Catalog) -> list[Json]:
    """The built-in fields of an object with their choices."""
    return [_described(object_, number, field, catalog) for number, field in enumerate(BUILT_IN[object_], 1)]


def _described(object_: str, number: int, field: BuiltIn, catalog: Catalog) -> Json:
    described: Json = {
        "id": number,
        "label": field.label,
        "name": field.name,
        "type": field.type,
        "default": True,
        "actionable": True,
        "position": field.place,
        "choices": _choices(field.source, catalog),
        "base_model": MODELS.get(object_, "SalesActivity"),
        "required": field.required,
        "quick_add_position": field.quick,
        "visible": field.shown,
    }
    return described | (_tags(object_) if field.name == "tags" else SUGGESTED.get(field.name, {}))


def _tags(object_: str) -> Json:
    url = f"/search/auto_suggest/tags.json?&tag_type={object_.removesuffix('s')}&q="
    return {"auto_suggest_url": url, "creatable": True, "creatable_data_key": "tags", "multiple": True}


def _choices(source: str, catalog: Catalog) -> list[Json]:
    rows: Mapping[str, str] | Mapping[int, str] = EMPLOYEES if source == "employees" else LABELS.get(source, {})
    if source == "time_zones":
        rows = zones()
    if rows:
        return [{"id": key, "value": value, "position": n} for n, (key, value) in enumerate(rows.items(), 1)]
    return [_choice(source, place, row, catalog) for place, row in enumerate(catalog.selector(source), 1)]


def _choice(source: str, place: int, row: Json, catalog: Catalog) -> Json:
    label = row.get("name") or row.get("display_name") or row.get("currency_code")
    known = {**row, **_also(source, row, catalog)}
    extra: Json = {name: known[name] for name in CHOICE_KEYS if name in known}
    return {"id": str(row["id"]) if source in TEXT_IDS else row["id"], "value": label, "position": place, **extra}


def _also(source: str, row: Json, catalog: Catalog) -> Json:
    """What the choices of a few fields tell besides: of which make they are, and in which pipeline a user starts."""
    if source == "owners":
        return {"deal_pipeline_id": catalog.pipelines[0]["id"]}
    built_in = {"lead_sources": row.get("name") in SOURCES_AT_FIRST, "deal_pipelines": row.get("is_default", False)}
    made = {**built_in, "custom_activity_types": False, "sales_activity_outcomes": False}
    return {"choice_type": 1 if made[source] else 2} if source in made else {}
