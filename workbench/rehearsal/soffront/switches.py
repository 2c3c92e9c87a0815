"""Everything that no public page tells of Soffront's web services, and how the rehearsal settles it unless told otherwise."""

from __future__ import annotations

from workbench.rehearsal.engine import Switch
from workbench.rehearsal.engine.corruption import FORMS

ON_OFF = ("on", "off")
SWITCHES = (
    Switch("paging", "offset", ("offset", "cursor", "ceiling"), "how one comes by the second page", "sources §0.2"),
    Switch("rowcount_above", "cut", ("obey", "cut", "refuse"), "a rowcount above 500", "sources §0.2, §1.6"),
    Switch("rows_most", "500", (), "the rowcount that is the default and may be the ceiling", "sources §1.2"),
    Switch("count_call", "on", ON_OFF, "whether the count can be asked for", "sources §1.6"),
    Switch("count_in_page", "absent", ("absent", "page", "total"), "what Count beside the rows is", "sources §1.6"),
    Switch("start_index", "1", ("0", "1"), "the number of the first row", "sources §1.6"),
    Switch("order", "key", ("key", "modified"), "the order of the rows", "sources §1.6"),
    Switch("orderby", "honour", ("honour", "ignore"), "whether orderby is heeded", "sources §1.4"),
    Switch("change_every", "0", (), "pages after which a row is added, or by order of modification touched", "sources §1.6"),
    Switch("token_calls", "0", (), "calls that a token lasts; 0: no end", "sources §1.6"),
    Switch("token_seconds", "0", (), "rehearsal seconds that a token lasts; 0: no end", "sources §1.4"),
    Switch("expired_form", "status", ("status", "http", "html"), "what a dead token meets", "sources §1.5"),
    Switch("error_status", "200", ("200", "400"), "the HTTP status of a refusal with Status 0", "sources §1.5"),
    Switch("html_every", "0", (), "every so many calls an HTML page under 200", "sources §1.6"),
    Switch("burst_every", "0", (), "every so many calls a burst of 503", "sources §1.6"),
    Switch("burst_length", "5", (), "calls of such a burst", "sources §1.6"),
    Switch("jsonp", "off", ON_OFF, "whether answers are wrapped in a call", "sources §1.1"),
    Switch("dates", "iso", ("iso", "ms", "us"), "2026-03-04T…, /Date(…)/, or 03/04/26 12:32 PM", "sources §1.5"),
    Switch("picklists", "label", ("label", "code"), "what a picklist holds", "sources §1.4"),
    Switch("owners", "user", ("user", "id", "name"), "what stands where a user is meant", "sources §1.4"),
    Switch("empty", "null", ("null", "blank", "absent"), "a field without a value", "sources §1.4"),
    Switch("numbers", "number", ("number", "text"), "how numbers are written", "sources §1.6"),
    Switch("slow_rows", "0", (), "rows from which on a page times out; 0: none does", "sources §1.6"),
    Switch("forbidden", "on", ON_OFF, "whether objects that the folder marks so are refused", "sources §1.6"),
    Switch("hidden_fields", "on", ON_OFF, "whether fields that the folder marks so are absent in rows", "sources §1.6"),
    Switch("corrupt_share", "0", (), "the share of rows that cannot be read", "issue 5"),
    Switch("corrupt_form", "mixed", ("mixed", *FORMS), "what comes in their place", "issue 5"),
    Switch("calls_per_minute", "0", (), "calls in any 60 rehearsal seconds; 0: no limit", "sources §1.4"),
    Switch("limit_form", "429", ("429", "503"), "the status beyond the limit", "sources §1.4"),
    Switch("retry_after", "seconds", ("seconds", "date", "none"), "Retry-After beyond the limit", "sources §1.4"),
)
