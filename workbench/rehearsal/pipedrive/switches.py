"""Everything that the pages about Pipedrive leave open, and how the rehearsal settles it unless told otherwise."""

from __future__ import annotations

from workbench.rehearsal.engine import Switch

ON_OFF = ("on", "off")
PLANS = ("lite", "growth", "premium", "ultimate")
SWITCHES = (
    Switch("plan", "tenant", ("tenant", *PLANS), "the account's plan, if not the recipe's", "§4"),
    Switch("account", "open", ("open", "closed"), "whether it is paid for; closed: a 402 to everything", "§1.6"),
    Switch("bare_v2_prefix", "on", ON_OFF, "whether /v2 answers beside /api/v2", "§1.1"),
    Switch("query_token", "accept", ("accept", "refuse"), "api_token in the query string", "§1.2, §9"),
    Switch(
        "deal_add_time", "reject", ("reject", "accept", "v1"), "add_time in a new deal; v1: through POST /v1/deals", "§2.3, §9"
    ),
    Switch("deal_channel", "accept", ("accept", "reject"), "channel_id in a deal, which no page of v2 names", "§2.3, §7"),
    Switch("v1_removed", "gone", ("gone", "answer"), "v1 calls that are out of support since 2026-08-01", "§1.3"),
    Switch("body_404", "named", ("named", "generic"), "words of a v2 404: 'Deal not found', or 'Not found'", "§1.6, §9"),
    Switch("limit_above", "cap", ("cap", "reject"), "a limit above the greatest allowed", "§1.5, §9"),
    Switch("bad_cursor", "reject", ("reject", "first"), "a cursor that is none", "§1.5, §9"),
    Switch(
        "unknown_link",
        "reject",
        ("reject", "not_found", "accept"),
        "an org_id, person_id or owner_id that does not exist",
        "§2, §9",
    ),
    Switch("unknown_activity_type", "reject", ("reject", "accept"), "an activity of a type that the account lacks", "§2.5, §9"),
    Switch("pipeline_stages", "none", ("none", "default"), "stages that a new pipeline comes with", "§2.10, §9"),
    Switch("stage_mismatch", "reject", ("reject", "stage"), "a stage of another pipeline; stage: the stage wins", "§2.3"),
    Switch("due_time_form", "both", ("both", "HH:MM", "HH:MM:SS"), "what v2 takes as due_time", "§2.5, §9"),
    Switch("empty_built_in", "null", ("null", "absent"), "built-in keys without a value", "§2.3, §9"),
    Switch("label_options", "accept", ("accept", "refuse"), "options of label fields through v2", "§2.9, §9"),
    Switch("activity_fields", "refuse", ("refuse", "accept"), "creating activity fields", "§2.9, §9"),
    Switch("note_html", "sanitise", ("sanitise", "keep"), "tags beyond simple ones, and comments, in notes", "§2.6, §9"),
    Switch("note_kilobytes", "100", (), "greatest note", "§2.6, §9"),
    Switch("file_megabytes", "50", (), "greatest file", "§2.7, §9"),
    Switch("download", "bytes", ("bytes", "redirect"), "answer of a download", "§2.7"),
    Switch("file_several_links", "keep", ("keep", "first"), "a file sent with several records", "§2.7"),
    Switch("lead_keys", "ignore", ("ignore", "reject"), "keys in a lead that nobody knows", "§2.4"),
    Switch("recents_beyond", "cut", ("cut", "reject"), "a since_timestamp older than a month; cut: one month ago", "§1.3"),
    Switch("conversion_seconds", "4", (), "rehearsal seconds from a conversion's request to its end", "§2.4"),
    Switch("email_syntax", "accept", ("accept", "reject"), "an e-mail address that is none", "§2.2"),
    Switch("empty_custom_fields", "ignore", ("ignore", "clear"), "custom_fields {} in a PATCH", "§2.9, §9"),
    Switch("nested_custom_fields", "break", ("break", "reject"), "custom_fields in custom_fields; break: a 500", "§1.6"),
    Switch("deal_value", "lines", ("lines", "own"), "value of a deal with products", "§2.8"),
    Switch("contact_sync", "off", ON_OFF, "whether the person's five contact sync keys are there", "§2.2"),
    Switch("campaigns", "off", ON_OFF, "whether a person's marketing_status can be set", "§2.2"),
    Switch("unknown_label", "reject", ("reject", "accept"), "a label id that the account lacks", "§2.9, §9"),
    Switch("deleted_record", "not_found", ("not_found", "answer"), "GET of a record deleted in the last 30 days", "§1.5"),
    Switch("unarchive", "accept", ("accept", "refuse"), "is_archived false, alone, for an archived deal", "§1.5"),
    Switch("activity_outcome", "on", ON_OFF, "whether activities have an outcome, which the SDK alone names", "§2.5"),
    Switch("activity_primary", "first", ("first", "none"), "the primary participant where none is named", "§2.5"),
    Switch("profile_fields", "on", ON_OFF, "whether the organization's five profile keys are there", "§2.1"),
    Switch("failed_cost", "on", ON_OFF, "whether refused requests cost tokens", "§4, §9"),
    Switch("retry_after", "off", ON_OFF, "Retry-After with a 429 of the burst limit", "§4, §9"),
    Switch("limit_headers", "all", ("all", "documented", "none"), "which limit headers come", "§4"),
    Switch("reset_hour", "0", (), "UTC hour at which the daily budget starts anew", "§4, §9"),
    Switch("ignored_429", "20", (), "requests after a 429 that end in the 403 page; 0: never", "§4"),
    Switch("blocked_seconds", "900", (), "rehearsal seconds that the 403 page stays", "§4"),
    Switch("index_lag_seconds", "0", (), "rehearsal seconds until a write can be searched", "§5"),
    Switch("index_lag_least_seconds", "0", (), "and the least of them, the rest by chance", "§5"),
    Switch("list_lag_seconds", "0", (), "rehearsal seconds until a write is listed", "reliability §4 F22"),
    Switch("search_limit", "cap", ("cap", "reject"), "a search limit above 100", "§1.5"),
    Switch("users_paging", "ignore", ("ignore", "honour"), "start and limit for users", "§2.10"),
    Switch("oauth_rotation", "on", ON_OFF, "whether a refresh gives a new refresh token", "§1.1, reliability §4 F15"),
    Switch("oauth_seconds", "3600", (), "rehearsal seconds that an access token lasts", "§1.1"),
)
