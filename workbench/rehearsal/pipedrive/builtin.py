"""The built-in fields of each Pipedrive object, as its field lists name them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workbench.rehearsal.engine import Json


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """One built-in field; an optional one is answered only if ``include_fields`` asks for it."""

    code: str
    name: str
    type: str
    options: tuple[Json, ...] | None = None
    optional: bool = False
    writable: bool = True


def _read(code: str, name: str, type_: str) -> BuiltIn:
    return BuiltIn(code, name, type_, writable=False)


def _asked(code: str, name: str, type_: str) -> BuiltIn:
    return BuiltIn(code, name, type_, optional=True, writable=False)


def _words(*pairs: tuple[str, str]) -> tuple[Json, ...]:
    return tuple({"id": word, "label": label} for word, label in pairs)


VISIBLE: tuple[Json, ...] = (
    {"id": 1, "label": "Item owner"},
    {"id": 3, "label": "All users"},
    {"id": 5, "label": "Item owner's visibility group and sub-groups"},
    {"id": 7, "label": "All users in the company"},
)
FREQUENCIES = _words(
    ("one-time", "One-time"),
    ("annually", "Annually"),
    ("semi-annually", "Semi-annually"),
    ("quarterly", "Quarterly"),
    ("monthly", "Monthly"),
    ("weekly", "Weekly"),
)
ENDS = (
    _read("add_time", "Created on", "date"),
    _read("update_time", "Updated on", "date"),
    _read("is_deleted", "Deleted", "boolean"),
)
ACTIVITY_COUNTS = (
    _asked("next_activity_id", "Next activity", "activity"),
    _asked("last_activity_id", "Last activity", "activity"),
    _asked("files_count", "Files", "int"),
    _asked("notes_count", "Notes", "int"),
    _asked("followers_count", "Followers", "int"),
    _asked("email_messages_count", "Email messages count", "int"),
    _asked("activities_count", "Total activities", "int"),
    _asked("done_activities_count", "Done activities", "int"),
    _asked("undone_activities_count", "Activities to do", "int"),
)
MAIL_TIMES = (
    _asked("last_incoming_mail_time", "Last email received", "date"),
    _asked("last_outgoing_mail_time", "Last email sent", "date"),
)
BCC = _asked("smart_bcc_email", "Smart Bcc email", "varchar")
DEAL_COUNTS = (
    _asked("open_deals_count", "Open deals", "int"),
    _asked("related_open_deals_count", "Related open deals", "int"),
    _asked("closed_deals_count", "Closed deals", "int"),
    _asked("related_closed_deals_count", "Related closed deals", "int"),
    _asked("won_deals_count", "Won deals", "int"),
    _asked("related_won_deals_count", "Related won deals", "int"),
    _asked("lost_deals_count", "Lost deals", "int"),
    _asked("related_lost_deals_count", "Related lost deals", "int"),
)
PERSON_COUNTS = (
    _asked("participant_open_deals_count", "Open deals as participant", "int"),
    _asked("participant_closed_deals_count", "Closed deals as participant", "int"),
)
MARKETING = _words(
    ("no_consent", "No consent"), ("unsubscribed", "Unsubscribed"), ("subscribed", "Subscribed"), ("archived", "Archived")
)

DEAL = (
    _read("id", "ID", "int"),
    BuiltIn("title", "Title", "varchar"),
    _read("creator_user_id", "Creator", "user"),
    BuiltIn("owner_id", "Owner", "user"),
    BuiltIn("value", "Value", "monetary"),
    BuiltIn("currency", "Currency", "varchar"),
    BuiltIn("person_id", "Contact person", "people"),
    BuiltIn("org_id", "Organization", "org"),
    BuiltIn("pipeline_id", "Pipeline", "double"),
    BuiltIn("stage_id", "Stage", "stage"),
    BuiltIn("label_ids", "Label", "set", ()),
    BuiltIn("status", "Status", "status", _words(("open", "Open"), ("won", "Won"), ("lost", "Lost"), ("deleted", "Deleted"))),
    BuiltIn("probability", "Probability", "int"),
    BuiltIn("lost_reason", "Lost reason", "varchar_options"),
    BuiltIn("visible_to", "Visible to", "visible_to", VISIBLE),
    BuiltIn("expected_close_date", "Expected close date", "date"),
    BuiltIn("close_time", "Deal closed on", "date"),
    BuiltIn("won_time", "Won time", "date"),
    BuiltIn("lost_time", "Lost time", "date"),
    _read("stage_change_time", "Last stage change", "date"),
    BuiltIn("is_archived", "Archived", "boolean"),
    BuiltIn("archive_time", "Archive time", "date"),
    _read("origin", "Source origin", "varchar"),
    _read("origin_id", "Source origin ID", "varchar"),
    _read("channel", "Source channel", "enum"),
    _read("channel_id", "Source channel ID", "varchar"),
    _read("acv", "Annual contract value", "monetary"),
    _read("arr", "Annual recurring revenue", "monetary"),
    _read("mrr", "Monthly recurring revenue", "monetary"),
    *ENDS,
    *ACTIVITY_COUNTS,
    _asked("first_won_time", "First won time", "date"),
    _asked("products_count", "Products count", "int"),
    _asked("participants_count", "Participants", "int"),
    *MAIL_TIMES,
    BCC,
    _asked("source_lead_id", "Source lead", "lead"),
)
PERSON = (
    _read("id", "ID", "int"),
    BuiltIn("name", "Name", "varchar"),
    BuiltIn("first_name", "First name", "varchar"),
    BuiltIn("last_name", "Last name", "varchar"),
    BuiltIn("emails", "Email", "varchar"),
    BuiltIn("phones", "Phone", "phone"),
    BuiltIn("owner_id", "Owner", "user"),
    BuiltIn("org_id", "Organization", "org"),
    BuiltIn("label_ids", "Label", "set", ()),
    BuiltIn("visible_to", "Visible to", "visible_to", VISIBLE),
    _read("picture_id", "Profile picture", "picture"),
    *ENDS,
    *ACTIVITY_COUNTS,
    *DEAL_COUNTS,
    *PERSON_COUNTS,
    *MAIL_TIMES,
    BuiltIn("marketing_status", "Marketing status", "enum", MARKETING, optional=True),
    _asked("doi_status", "Double opt-in", "enum"),
    BCC,
)
CONTACT_SYNC = (
    BuiltIn("postal_address", "Postal address", "address"),
    BuiltIn("notes", "Notes", "text"),
    BuiltIn("im", "Instant messenger", "varchar"),
    BuiltIn("birthday", "Birthday", "date"),
    BuiltIn("job_title", "Job title", "varchar"),
)
"""What a person has besides, once contact sync is on."""
ORGANIZATION = (
    _read("id", "ID", "int"),
    BuiltIn("name", "Name", "varchar"),
    BuiltIn("owner_id", "Owner", "user"),
    BuiltIn("label_ids", "Label", "set", ()),
    BuiltIn("address", "Address", "address"),
    BuiltIn("visible_to", "Visible to", "visible_to", VISIBLE),
    *ENDS,
    *ACTIVITY_COUNTS,
    _asked("people_count", "People", "int"),
    *DEAL_COUNTS,
    BCC,
)
INDUSTRIES = ("Agriculture", "Construction", "Education", "Finance", "Health care", "Manufacturing", "Professional services")
PROFILE = (
    BuiltIn("website", "Website", "varchar"),
    BuiltIn("linkedin", "LinkedIn profile", "varchar"),
    BuiltIn(
        "industry",
        "Industry",
        "enum",
        tuple({"id": number, "label": name} for number, name in enumerate(INDUSTRIES, start=1)),
    ),
    BuiltIn("annual_revenue", "Annual revenue", "int"),
    BuiltIn("employee_count", "Number of employees", "int"),
)
"""What an organization has besides, where the account has the feature."""
PRODUCT = (
    _read("id", "ID", "int"),
    BuiltIn("name", "Name", "varchar"),
    BuiltIn("code", "Product code", "varchar"),
    BuiltIn("description", "Description", "text"),
    BuiltIn("unit", "Unit", "varchar"),
    BuiltIn("tax", "Tax", "double"),
    BuiltIn("category", "Category", "enum", ()),
    BuiltIn("owner_id", "Owner", "user"),
    BuiltIn("is_linkable", "Active", "boolean"),
    BuiltIn("visible_to", "Visible to", "visible_to", VISIBLE),
    BuiltIn("prices", "Prices", "price_list"),
    BuiltIn("billing_frequency", "Billing frequency", "billing_frequency", FREQUENCIES),
    BuiltIn("billing_frequency_cycles", "Billing frequency cycles", "int"),
    *ENDS,
)
ACTIVITY = (
    _read("id", "ID", "int"),
    BuiltIn("subject", "Subject", "varchar"),
    BuiltIn("type", "Type", "enum", ()),
    BuiltIn("owner_id", "Assigned to user", "user"),
    _read("creator_user_id", "Creator", "user"),
    BuiltIn("deal_id", "Deal", "deal"),
    BuiltIn("lead_id", "Lead", "lead"),
    _read("person_id", "Contact person", "people"),
    BuiltIn("org_id", "Organization", "org"),
    BuiltIn("project_id", "Project", "project"),
    BuiltIn("due_date", "Due date", "date"),
    BuiltIn("due_time", "Due time", "time"),
    BuiltIn("duration", "Duration", "time"),
    BuiltIn("busy", "Free/busy", "boolean"),
    BuiltIn("done", "Done", "boolean"),
    _read("marked_as_done_time", "Marked as done time", "date"),
    BuiltIn("location", "Location", "address"),
    BuiltIn("participants", "Participants", "json"),
    BuiltIn("public_description", "Public description", "text"),
    BuiltIn(
        "priority", "Priority", "enum", ({"id": 1, "label": "High"}, {"id": 2, "label": "Medium"}, {"id": 3, "label": "Low"})
    ),
    BuiltIn("note", "Note", "text"),
    BuiltIn("outcome", "Outcome", "varchar"),
    *ENDS,
    BuiltIn("attendees", "Attendees", "json", optional=True),
)
BUILT_IN: Mapping[str, tuple[BuiltIn, ...]] = {
    "deal": DEAL,
    "person": PERSON,
    "organization": ORGANIZATION,
    "product": PRODUCT,
    "activity": ACTIVITY,
}
TEMPERATURES: tuple[Json, ...] = (
    {"label": "Customer", "color": "green"},
    {"label": "Hot lead", "color": "red"},
    {"label": "Warm lead", "color": "yellow"},
    {"label": "Cold lead", "color": "blue"},
)
LABELS: Mapping[str, tuple[Json, ...]] = {
    "deal": ({"label": "Hot", "color": "red"}, {"label": "Warm", "color": "yellow"}, {"label": "Cold", "color": "blue"}),
    "person": TEMPERATURES,
    "organization": TEMPERATURES,
}
"""The labels of a new account, unless the recipe's ``[labels]`` names others."""
