"""Everything that is not known of FastTrack's API, which is all of it, and how the rehearsal settles it by itself."""

from __future__ import annotations

from workbench.rehearsal.engine import Switch
from workbench.rehearsal.engine.corruption import FORMS

ON_OFF = ("on", "off")
SWITCHES = (
    Switch("calls_per_minute", "0", (), "calls of the tenant in any 60 rehearsal seconds; 0: no limit", "sources §3.4"),
    Switch("calls_per_day", "0", (), "calls of the tenant from one midnight UTC to the next; 0: no limit", "sources §3.4"),
    Switch("lift_calls", "0", (), "calls for which the throttle is lifted, before it holds again", "sources §3.4"),
    Switch("limit_form", "429", ("429", "503"), "the status beyond the limit", "sources §3.4"),
    Switch("retry_after", "seconds", ("seconds", "date", "none"), "Retry-After beyond the limit", "sources §3.4"),
    Switch("limit_headers", "off", ON_OFF, "whether answers tell what is left", "sources §3.4"),
    Switch("limit_most", "100", (), "rows that a page has at most", "sources §3.4"),
    Switch("total", "on", ON_OFF, "whether a page tells the number of all rows", "sources §3.4"),
    Switch("graphql_only", "on", ON_OFF, "whether custom objects are reached by GraphQL alone", "sources §3.3"),
    Switch("export_to", "ignore", ("ignore", "refuse"), "an end of an export, which always runs to today", "sources §3.4"),
    Switch("export_stamp", "start", ("start", "finish"), "which moment an export runs to", "sources §3.4"),
    Switch("export_seconds", "2", (), "rehearsal seconds that an export takes", "sources §3.4"),
    Switch("export_cut", "off", ON_OFF, "whether the last line of an export is cut in the middle", "sources §5.4"),
    Switch("grows", "0", (), "rows that are added to an object by the end of an export", "sources §3.4"),
    Switch("poison_cursor", "on", ON_OFF, "whether a page of one unreadable row tells the way behind it", "sources §3.4"),
    Switch("masked", "off", ON_OFF, "whether names, e-mails and telephones come as asterisks", "sources §3.4"),
    Switch("corrupt_share", "0", (), "the share of rows that cannot be read", "sources §3.4"),
    Switch("corrupt_form", "mixed", ("mixed", *FORMS), "what comes in their place", "sources §3.4"),
)
