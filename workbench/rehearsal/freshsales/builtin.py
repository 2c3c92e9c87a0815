"""The built-in fields of Freshsales objects, as its field metadata lists them."""

from __future__ import annotations

from workbench.rehearsal.engine import Json
from workbench.rehearsal.freshsales.tenant import MODELS, Catalog

# label, name, type, required, where its choices come from
CONTACT = (
    ("First name", "first_name", "text", False, ""),
    ("Last name", "last_name", "text", False, ""),
    ("Accounts", "sales_accounts", "group_field", False, ""),
    ("Emails", "emails", "group_field", False, "email_labels"),
    ("Mobile", "mobile_number", "text", False, ""),
    ("Work", "work_number", "text", False, ""),
    ("Other phone numbers", "phone_numbers", "group_field", False, "phone_labels"),
    ("External ID", "external_id", "text", False, ""),
    ("Sales owner", "owner_id", "dropdown", False, "owners"),
    ("Subscription status", "subscription_status", "dropdown", False, "subscription_status"),
    ("Subscription types", "subscription_types", "multi_select_dropdown", False, "subscription_types"),
    ("Lifecycle stage", "lifecycle_stage_id", "dropdown", False, "lifecycle_stages"),
    ("Status", "contact_status_id", "dropdown", False, "contact_statuses"),
    ("Lost reason", "lost_reason_id", "dropdown", False, "lost_reasons"),
    ("Work email", "work_email", "text", False, ""),
    ("Tags", "tags", "auto_complete", False, ""),
    ("Job title", "job_title", "text", False, ""),
    ("Time zone", "time_zone", "dropdown", False, ""),
    ("Address", "address", "textarea", False, ""),
    ("City", "city", "text", False, ""),
    ("State", "state", "text", False, ""),
    ("Zipcode", "zipcode", "text", False, ""),
    ("Country", "country", "text", False, ""),
    ("Territory", "territory_id", "dropdown", False, "territories"),
    ("Source", "lead_source_id", "dropdown", False, "lead_sources"),
    ("Campaign", "campaign_id", "dropdown", False, "campaigns"),
    ("Medium", "medium", "text", False, ""),
    ("Keyword", "keyword", "text", False, ""),
    ("Facebook", "facebook", "text", False, ""),
    ("Twitter", "twitter", "text", False, ""),
    ("LinkedIn", "linkedin", "text", False, ""),
    ("Score", "lead_score", "number", False, ""),
    ("Created by", "creater_id", "dropdown", False, "owners"),
    ("Created at", "created_at", "date", False, ""),
    ("Updated by", "updater_id", "dropdown", False, "owners"),
    ("Updated at", "updated_at", "date", False, ""),
)
ACCOUNT = (
    ("Name", "name", "text", True, ""),
    ("Website", "website", "text", False, ""),
    ("Phone", "phone", "text", False, ""),
    ("Parent account", "parent_sales_account_id", "auto_complete", False, ""),
    ("Sales owner", "owner_id", "dropdown", False, "owners"),
    ("Number of employees", "number_of_employees", "dropdown", False, "employees"),
    ("Annual revenue", "annual_revenue", "number", False, ""),
    ("Industry type", "industry_type_id", "dropdown", False, "industry_types"),
    ("Business type", "business_type_id", "dropdown", False, "business_types"),
    ("Territory", "territory_id", "dropdown", False, "territories"),
    ("Tags", "tags", "auto_complete", False, ""),
    ("Address", "address", "textarea", False, ""),
    ("City", "city", "text", False, ""),
    ("State", "state", "text", False, ""),
    ("Zipcode", "zipcode", "text", False, ""),
    ("Country", "country", "text", False, ""),
    ("Facebook", "facebook", "text", False, ""),
    ("Twitter", "twitter", "text", False, ""),
    ("LinkedIn", "linkedin", "text", False, ""),
    ("Created by", "creater_id", "dropdown", False, "owners"),
    ("Created at", "created_at", "date", False, ""),
    ("Updated by", "updater_id", "dropdown", False, "owners"),
    ("Updated at", "updated_at", "date", False, ""),
)
DEAL = (
    ("Name", "name", "text", True, ""),
    ("Deal value", "amount", "number", True, ""),
    ("Account name", "sales_account_id", "auto_complete", False, ""),
    ("Related contacts", "contacts", "auto_complete", False, ""),
    ("Deal pipeline", "deal_pipeline_id", "dropdown", False, "deal_pipelines"),
    ("Deal stage", "deal_stage_id", "dropdown", False, "deal_stages"),
    ("Lost reason", "deal_reason_id", "dropdown", False, "deal_reasons"),
    ("Closed date", "closed_date", "date", False, ""),
    ("Sales owner", "owner_id", "dropdown", False, "owners"),
    ("Currency", "currency_id", "dropdown", False, "currencies"),
    ("Tags", "tags", "auto_complete", False, ""),
    ("Deal value in Base Currency", "base_currency_amount", "number", False, ""),
    ("Payment status", "deal_payment_status_id", "dropdown", False, "deal_payment_statuses"),
    ("Probability (%)", "probability", "number", False, ""),
    ("Territory", "territory_id", "dropdown", False, "territories"),
    ("Forecast category", "forecast_category", "dropdown", False, "forecast_category"),
    ("Expected close date", "expected_close", "date", False, ""),
    ("Type", "deal_type_id", "dropdown", False, "deal_types"),
    ("Source", "lead_source_id", "dropdown", False, "lead_sources"),
    ("Campaign", "campaign_id", "dropdown", False, "campaigns"),
    ("Product", "deal_product_id", "dropdown", False, "deal_products"),
    ("Age (in days)", "age", "number", False, ""),
    ("Recent note", "recent_note", "textarea", False, ""),
    ("Created by", "creater_id", "dropdown", False, "owners"),
    ("Created at", "created_at", "date", False, ""),
    ("Updated by", "updater_id", "dropdown", False, "owners"),
    ("Updated at", "updated_at", "date", False, ""),
)
LEAD = (
    ("First name", "first_name", "text", False, ""),
    ("Last name", "last_name", "text", True, ""),
    ("Emails", "emails", "group_field", False, "email_labels"),
    ("Mobile", "mobile_number", "text", False, ""),
    ("Work", "work_number", "text", False, ""),
    ("Job title", "job_title", "text", False, ""),
    ("Company", "company", "group_field", False, ""),
    ("Deal", "deal", "group_field", False, ""),
    ("Lead stage", "lead_stage_id", "dropdown", False, "lead_stages"),
    ("Unqualified reason", "lead_reason_id", "dropdown", False, "lead_reasons"),
    ("Source", "lead_source_id", "dropdown", False, "lead_sources"),
    ("Campaign", "campaign_id", "dropdown", False, "campaigns"),
    ("Sales owner", "owner_id", "dropdown", False, "owners"),
    ("Address", "address", "textarea", False, ""),
    ("City", "city", "text", False, ""),
    ("State", "state", "text", False, ""),
    ("Zipcode", "zipcode", "text", False, ""),
    ("Country", "country", "text", False, ""),
)
ACTIVITY = (
    ("Title", "title", "text", True, ""),
    ("Type", "sales_activity_type_id", "dropdown", True, "custom_activity_types"),
    ("Start date", "start_date", "date_time_split", True, ""),
    ("End date", "end_date", "date_time_split", True, ""),
    ("Related to", "targetables", "auto_complete", True, ""),
    ("Sales owner", "owner_id", "dropdown", False, "owners"),
    ("Outcome", "sales_activity_outcome_id", "dropdown", False, "sales_activity_outcomes"),
    ("Notes", "notes", "textarea", False, ""),
    ("Location", "location", "text", False, ""),
)
BUILT_IN = {"contacts": CONTACT, "sales_accounts": ACCOUNT, "deals": DEAL, "leads": LEAD, "sales_activities": ACTIVITY}
LABELS = {
    "email_labels": {"32009647295": "Work", "32009647296": "Personal", "32009647297": "Other"},
    "phone_labels": {"32009647305": "Personal", "32009647306": "Home", "32009647307": "Other"},
    "subscription_status": {
        "0": "Unsubscribed", "1": "Subscribed", "2": "Not subscribed", "3": "Reported as spam", "4": "Bounced",
    },
    "subscription_types": {
        "2": "Newsletter", "3": "Promotional", "4": "Product updates", "5": "Conferences & Events",
        "1": "Non-marketing emails from our company",
    },
    "forecast_category": {"1": "Committed", "2": "Best-case"},
}  # fmt: skip
EMPLOYEES = {
    1: "1-10", 11: "11-50", 51: "51-200", 201: "201-500", 501: "501-1000", 1001: "1001-5000", 5001: "5001-10000",
    10001: "More than 10000",
}  # fmt: skip
TEXT_IDS = ("lifecycle_stages", "lost_reasons")
"""Choices whose ids the field metadata writes as text, while the selectors write the same ids as numbers."""


def metadata(object_: str, catalog: Catalog) -> list[Json]:
    """The built-in fields of an object with their choices."""
    rows = BUILT_IN[object_]
    return [_described(object_, place, row, catalog) for place, row in enumerate(rows, 1)]


def _described(object_: str, place: int, row: tuple[str, str, str, bool, str], catalog: Catalog) -> Json:
    label, name, kind, required, source = row
    described: Json = {
        "id": place,
        "label": label,
        "name": name,
        "type": kind,
        "default": True,
        "actionable": True,
        "position": place,
        "choices": _choices(source, catalog),
        "base_model": MODELS.get(object_, "SalesActivity"),
        "required": required,
        "quick_add_position": None,
        "visible": True,
    }
    if kind == "auto_complete":
        described |= {"auto_suggest_url": f"/search/auto_suggest/{name}.json?&q=", "creatable": name == "tags"}
    if name == "tags":
        described |= {"creatable_data_key": "tags", "multiple": True}
    return described


def _choices(source: str, catalog: Catalog) -> list[Json]:
    if source in LABELS:
        return [{"id": key, "value": value, "position": n} for n, (key, value) in enumerate(LABELS[source].items(), 1)]
    if source == "employees":
        return [{"id": key, "value": value, "position": n} for n, (key, value) in enumerate(EMPLOYEES.items(), 1)]
    return [_choice(source, place, row) for place, row in enumerate(catalog.selector(source), 1)]


def _choice(source: str, place: int, row: Json) -> Json:
    label = row.get("name") or row.get("display_name") or row.get("currency_code")
    extra: Json = {name: row[name] for name in ("choice_type", "forecast_type", "is_active", "deal_pipeline_id") if name in row}
    return {"id": str(row["id"]) if source in TEXT_IDS else row["id"], "value": label, "position": place, **extra}
