"""Everything that the pages about Freshsales leave open, and how the rehearsal settles it unless told otherwise."""

from __future__ import annotations

from workbench.rehearsal.engine import Switch
from workbench.rehearsal.freshsales.tenant import HOURLY

ON_OFF = ("on", "off")
SWITCHES = (
    Switch("plan", "tenant", ("tenant", *HOURLY), "the account's plan, if not the recipe's", "§7"),
    Switch("create_status", "200", ("200", "201"), "status of a create", "§2 General, §12.6"),
    Switch("upsert_create_status", "201", ("201", "200"), "status of an upsert that creates", "§2 General"),
    Switch("bulk_status", "202", ("202", "200"), "status of an accepted bulk request", "§3"),
    Switch("error_bodies", "json", ("json", "text", "html"), "form of 401 and 404 bodies", "§2 Error bodies"),
    Switch("body_429", "text", ("text", "json", "html"), "form of 429 bodies", "§2 Error bodies, §7"),
    Switch("error_messages", "strings", ("strings", "hashes"), "items of the message list", "§2 Error bodies"),
    Switch("reset_unit", "seconds", ("seconds", "milliseconds", "epoch"), "unit of x-ratelimit-reset", "§7"),
    Switch("limit_window", "fixed", ("fixed", "rolling"), "kind of the limits' windows", "§7, reliability §9"),
    Switch("minute_cap", "400", (), "requests a minute, 0 for no such cap", "§7"),
    Switch("contact_required", "identifier", ("identifier", "email", "none"), "what a new contact must have", "§2.1, §12.5"),
    Switch("deal_amount_required", "on", ON_OFF, "whether a deal needs an amount", "§2.3"),
    Switch("unique_email", "on", ON_OFF, "whether contact e-mails are unique", "§4"),
    Switch("unique_mobile", "off", ON_OFF, "whether contact mobile numbers are unique", "§4"),
    Switch("unique_account_name", "on", ON_OFF, "whether account names are unique", "§4"),
    Switch("unique_lead_email", "on", ON_OFF, "whether lead e-mails are unique (Classic)", "§1 Leads"),
    Switch("name_case", "insensitive", ("insensitive", "sensitive"), "how names are compared", "§4"),
    Switch("recycle_bin_keys", "free", ("free", "held"), "whether binned records hold their unique values", "§4, §12.9"),
    Switch("upsert_identifiers", "or", ("or", "and"), "several unique identifiers in one upsert", "§4, §12.9"),
    Switch("created_at", "ignored", ("ignored", "honoured"), "whether a sent created_at counts", "§9 created_at"),
    Switch("closed_date", "honoured", ("honoured", "ignored"), "whether a deal's closed_date can be set", "§2.3"),
    Switch("completed_date", "ignored", ("ignored", "honoured"), "whether a task's completed_date can be set", "§2.5"),
    Switch("inactive_owner", "reject", ("reject", "accept"), "an owner who is not active", "§9 Owner"),
    Switch("status_stage_mismatch", "reject", ("reject", "accept"), "a status of another lifecycle stage", "§1 Leads"),
    Switch(
        "include_lifecycle",
        "lifecycle_stage",
        ("lifecycle_stage", "lifecycle_stages", "any"),
        "include word of the stage",
        "§2.1",
    ),
    Switch("employees", "bucket", ("bucket", "exact"), "number_of_employees as its range's lower bound", "§2.2"),
    Switch("tags_put", "replace", ("replace", "merge"), "tags in an update", "§9 Tags"),
    Switch("type_check", "strict", ("strict", "coerce"), "text where a custom field holds a number or checkbox", "§9 Checkbox"),
    Switch(
        "unknown_choice", "reject", ("reject", "store"), "a label that is not among a custom field's choices", "§9 Dropdowns"
    ),
    Switch("unknown_custom_field", "reject", ("reject", "ignore"), "a cf_ key that the account does not have", "§9"),
    Switch("multi_select_out", "string", ("string", "array"), "how a custom multi-select reads back", "§9 Multi-select"),
    Switch("custom_date_out", "date", ("date", "datetime"), "how a custom date reads back", "§9 Checkbox"),
    Switch("view_order", "id", ("id", "updated_at"), "order of a view when none is asked for", "§6 Views"),
    Switch("index_lag_seconds", "0", (), "rehearsal seconds until a new record can be searched", "§6 search"),
    Switch("bulk_max", "100", (), "most rows of a bulk request", "§3 Batch size"),
    Switch("bulk_jobs", "8", (), "bulk upserts at work before 405 is answered", "§3 Concurrency"),
    Switch("bulk_external_id", "accept", ("accept", "refuse"), "external_id as row identifier", "§12.4"),
    Switch("bulk_custom_identifier", "accept", ("accept", "refuse"), "a unique custom field as row identifier", "§12.4"),
    Switch("job_seconds", "1", (), "rehearsal seconds that a job takes", "§3 Asynchronous"),
    Switch("job_seconds_per_row", "0.02", (), "and for each of its rows", "§3 Asynchronous"),
    Switch(
        "job_running", "IN_PROGRESS", ("IN_PROGRESS", "QUEUED", "PROCESSING"), "status word before the end", "§3 job_statuses"
    ),
    Switch("job_data", "string", ("string", "object"), "form of a job's data", "§3 job_statuses"),
    Switch("field_create", "accept", ("accept", "refuse"), "creating fields through the API", "§5, §12.1"),
    Switch("field_create_choices", "accept", ("accept", "ignore"), "choices in such a request", "§5"),
    Switch("field_create_unique", "accept", ("accept", "ignore"), "uniqueness in such a request", "§12.1"),
    Switch("field_delete", "accept", ("accept", "refuse"), "deleting fields through the API", "§5"),
    Switch("field_quota", "on", ON_OFF, "the plan's number of custom fields", "§5 Limits"),
)
