"""Freshsales records in few words: as they stand beside others, and as searches return them."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.rehearsal.engine import Json, Record
from workbench.rehearsal.freshsales.drafts import display_name
from workbench.rehearsal.freshsales.values import keys

FOUND: Mapping[str, tuple[str, ...]] = {
    "contacts": keys(
        """job_title lead_score email work_number mobile_number open_deals_amount display_name avatar
        last_contacted_mode last_contacted first_name last_name city country"""
    ),
    "leads": keys(
        """job_title lead_score email work_number mobile_number display_name avatar last_contacted first_name
        last_name city country"""
    ),
    "sales_accounts": keys("name avatar website open_deals_amount last_contacted phone city country"),
    "deals": keys("name amount deal_pipeline_id deal_stage_id expected_close avatar"),
}
BESIDE: Mapping[str, tuple[str, ...]] = {
    "contacts": keys("avatar display_name first_name last_name email work_number mobile_number"),
    "leads": keys("avatar display_name first_name last_name email work_number mobile_number"),
    "sales_accounts": keys("avatar name"),
    "deals": keys("avatar name deal_pipeline_id"),
}
OTHER = keys("name title description targetables")


def found(record: Record, more: Json) -> Json:
    """A row of a search: partial, without custom fields and owner; ``more`` holds what others must add up, and the times."""
    known = _told(record) | more
    names = FOUND.get(record.kind) or tuple(name for name in OTHER if name in record.body)
    return {"partial": True, "id": record.id, **{name: known.get(name) for name in (*names, "created_at", "updated_at")}}


def beside(record: Record, more: Json) -> Json:
    """A row of a collection that ``include`` loads beside others."""
    if record.kind not in BESIDE:
        return found(record, more)
    known = _told(record)
    return {"id": record.id, **{name: known.get(name) for name in BESIDE[record.kind]}}


def _told(record: Record) -> Json:
    body = record.body
    if record.kind not in ("contacts", "leads"):
        return {**body}
    email = next((row["value"] for row in body.get("emails", []) if row["is_primary"]), None)
    return {**body, "email": email, "display_name": display_name(record.kind, body), "lead_score": body.get("lead_score", 0)}
