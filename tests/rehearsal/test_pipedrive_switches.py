"""Every switch of the rehearsal Pipedrive does what it says, under its default and under each other value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pipedrive_probes as look
import pytest
from pipedrive_tenant import Asking, account
from pipedrive_walk import walked

from workbench.rehearsal import canonical, switches

FAMILIES: Mapping[str, Mapping[str, str]] = {
    "plain": {},
    "paid": {},
    "timed": {"time_scale": "1"},
    "lagging": {"time_scale": "1", "index_lag_seconds": "20"},
    "planned": {"limits": "on"},
    "days": {"limits": "on", "plan": "lite", "time_scale": "21600"},
    **{
        name: {"limits": "on", "plan": "lite", "time_scale": "0.05"}
        for name in ("burst", "costing", "counting", "headed", "ignoring", "retrying")
    },
    "blocking": {"limits": "on", "plan": "lite", "time_scale": "0.05", "ignored_429": "1"},
}
"""Settings that a row needs beside its own; rows of one family share stand-ins, so they may not disturb one another."""


@dataclass(frozen=True)
class Row:
    """A switch, the family in which it is looked at, and what is seen under each of its values, the default first."""

    switch: str
    probe: look.Probe
    seen: Mapping[str, object]
    family: str = "plain"


STAGES = ["Qualified", "Contact Made", "Demo Scheduled", "Proposal Made", "Negotiations Started"]
WHOLE = "<p>Called</p><script>x()</script><!-- twice --><marquee>!</marquee>"
NO_CHANNEL = "Validation failed: channel_id: Parameter 'channel_id' is not allowed for this request"
BROKEN = {"success": False, "error": "Internal Server Error", "code": "ERR_UNKNOWN"}
NESTED = {
    "success": False,
    "error": "Validation failed: custom_fields: Unknown key 'custom_fields'",
    "code": "ERR_SCHEMA_VALIDATION_FAILED",
}
ROWS = (
    Row("bare_v2_prefix", look.bare_v2_prefix, {"on": (200, 200), "off": (404, 200)}),
    Row("query_token", look.query_token, {"accept": 200, "refuse": 401}),
    Row("account", look.paid_for, {"open": [200, 200], "closed": [402, 402]}, "paid"),
    Row("v1_removed", look.v1_removed, {"gone": [404] * 3, "answer": [200] * 3}),
    Row("limit_above", look.limit_above, {"cap": [200] * 5, "reject": [400] * 5}),
    Row("bad_cursor", look.bad_cursor, {"reject": [400] * 5, "first": [200] * 5}),
    Row("search_limit", look.search_limit, {"cap": 200, "reject": 400}),
    Row("users_paging", look.users_paging, {"ignore": 8, "honour": 2}),
    Row(
        "body_404",
        look.body_404,
        {
            "named": ["Deal not found", "Pipeline not found", "Field not found", "Person not found"],
            "generic": ["Not found"] * 4,
        },
    ),
    Row("deal_add_time", look.deal_add_time, {"reject": [False, False], "accept": [True, False], "v1": [False, True]}),
    Row("deal_channel", look.deal_channel, {"accept": ["fair-7"] * 2, "reject": [NO_CHANNEL] * 2}),
    Row(
        "nested_custom_fields",
        look.nested_custom_fields,
        {"break": ([(500, BROKEN)] * 2, 0), "reject": ([(400, NESTED)] * 2, 0)},
    ),
    Row("unknown_link", look.unknown_link, {"reject": {400}, "not_found": {404}, "accept": {200}}),
    Row(
        "unknown_activity_type",
        look.unknown_activity_type,
        {"reject": "type: Activity type 'picnic' does not exist", "accept": "picnic"},
    ),
    Row("unknown_label", look.unknown_label, {"reject": [400] * 3, "accept": [[look.NOBODY]] * 3}),
    Row("pipeline_stages", look.pipeline_stages, {"none": [], "default": STAGES}),
    Row("stage_mismatch", look.stage_mismatch, {"reject": 400, "stage": True}),
    Row("due_time_form", look.due_time_form, {"both": [True, True], "HH:MM": [True, False], "HH:MM:SS": [False, True]}),
    Row("empty_built_in", look.empty_built_in, {"null": (True, True, True), "absent": (False, True, False)}),
    Row("email_syntax", look.email_syntax, {"accept": 200, "reject": 400}),
    Row("empty_custom_fields", look.empty_custom_fields, {"ignore": "kept", "clear": None}),
    Row("deal_value", look.deal_value, {"lines": (10, 10), "own": (7, 7)}),
    Row("contact_sync", look.contact_sync, {"off": (403, False, False), "on": (200, "1990-01-02", True)}),
    Row("campaigns", look.campaigns, {"off": 403, "on": "subscribed"}),
    Row("profile_fields", look.profile_fields, {"on": (200, "x.example", True), "off": (403, False, False)}),
    Row("deleted_record", look.deleted_record, {"not_found": ([404] * 4, [404] * 2), "answer": ([200] * 4, [404] * 2)}),
    Row("unarchive", look.unarchive, {"accept": [200, 200], "refuse": [400, 400]}),
    Row("activity_outcome", look.activity_outcome, {"on": (200, True, True), "off": (400, False, False)}),
    Row("activity_primary", look.activity_primary, {"first": ([True, False], True), "none": ([False, False], False)}),
    Row("label_options", look.label_options, {"accept": [200, 200], "refuse": [403, 403]}),
    Row("activity_fields", look.activity_fields, {"refuse": (405, False), "accept": (200, True)}),
    Row("note_html", look.note_html, {"sanitise": "<p>Called</p>!", "keep": WHOLE}),
    Row("note_kilobytes", look.note_kilobytes, {"100": [200, 200, 400], "1": [400, 400, 400]}),
    Row("file_megabytes", look.file_megabytes, {"50": [200, 200], "1": [200, 400]}),
    Row("download", look.download, {"bytes": (200, b"the bytes"), "redirect": (302, b"the bytes")}),
    Row("file_several_links", look.file_several_links, {"keep": [True, True], "first": [True, False]}),
    Row("lead_keys", look.lead_keys, {"ignore": 201, "reject": 400}),
    Row("recents_beyond", look.recents_beyond, {"cut": 200, "reject": 400}),
    Row("conversion_seconds", look.conversion_seconds, {"4": False, "0": True}, "timed"),
    Row("list_lag_seconds", look.list_lag_seconds, {"0": (True, True, True), "60": (False, False, True)}, "timed"),
    Row("index_lag_seconds", look.index_lag_seconds, {"0": True, "60": False}, "timed"),
    Row("index_lag_least_seconds", look.index_lag_least_seconds, {"0": True, "20": False}, "lagging"),
    Row("skew_seconds", look.skew_seconds, {"0": (0, True), "-300": (-5, True), "7200": (120, True)}, "timed"),
    Row("oauth_rotation", look.oauth_rotation, {"on": (True, 400), "off": (False, 200)}),
    Row("oauth_seconds", look.oauth_seconds, {"3600": (3600, 200), "1": (1, 401)}, "timed"),
    Row("limits", look.limits, {"on": (21, 429, True), "off": (30, 200, False)}, "burst"),
    Row(
        "plan",
        look.plan,
        {
            "tenant": (40, 480_000, False, True),
            "lite": (20, 240_000, False, False),
            "growth": (40, 480_000, False, True),
            "premium": (100, 1_200_000, True, True),
            "ultimate": (120, 1_680_000, True, True),
        },
        "planned",
    ),
    Row("failed_cost", look.failed_cost, {"on": (5, 5), "off": (0, 0)}, "costing"),
    Row("retry_after", look.retry_after, {"off": (429, False), "on": (429, True)}, "retrying"),
    Row(
        "limit_headers",
        look.limit_headers,
        {"all": [True] * 4, "documented": [True, True, True, False], "none": [False] * 4},
        "headed",
    ),
    Row("limit_counts_refused", look.limit_counts_refused, {"off": 0, "on": 5}, "counting"),
    Row("ignored_429", look.ignored_429, {"20": 21, "1": 2, "0": None}, "ignoring"),
    Row("blocked_seconds", look.blocked_seconds, {"900": 403, "0.05": 429}, "blocking"),
    Row("reset_hour", look.reset_hour, {"0": False, "12": True}, "days"),
)


def settings_of(row: Row, value: str) -> dict[str, str]:
    """The settings of the stand-in in which this value is looked at: in each family the n-th values of all rows together."""
    place = list(row.seen).index(value)
    together = {}
    for other in ROWS:
        if other.family == row.family:
            values = list(other.seen)
            together[other.switch] = values[min(place, len(values) - 1)]
    return {**FAMILIES[row.family], **together, row.switch: value}


class Accounts:
    """Opens the stand-in of a row and a value; one at a time, since rows are looked at family by family."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: tuple[str, dict[str, str]] = ("", {})
        self._stack = ExitStack()
        self._there: Asking
        self._count = 0

    def of(self, family: str, settings: dict[str, str]) -> Asking:
        if (family, settings) != self._open:
            self.close()
            self._count += 1
            folder = self._folder / str(self._count)
            folder.mkdir()
            chosen = dict(settings)
            scale = float(chosen.pop("time_scale", "1000"))
            self._there = self._stack.enter_context(account(folder, scale=scale, **chosen))
            self._open = (family, settings)
        return self._there

    def close(self) -> None:
        self._stack.close()
        self._open = ("", {})


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    found = Accounts(tmp_path_factory.mktemp("switches"))
    yield found
    found.close()


LOOKS = sorted(
    ((row, value) for row in ROWS for value in row.seen), key=lambda look: (look[0].family, list(look[0].seen).index(look[1]))
)


@pytest.mark.parametrize(("row", "value"), LOOKS, ids=[f"{row.switch}={value}" for row, value in LOOKS])
def test_a_switch_does_what_its_value_says(accounts: Accounts, row: Row, value: str) -> None:
    assert row.probe(accounts.of(row.family, settings_of(row, value))) == row.seen[value], row.switch


def test_every_switch_and_every_value_is_looked_at() -> None:
    table = switches("pipedrive").set_index("name")
    assert [row.switch for row in ROWS] == list(dict.fromkeys(row.switch for row in ROWS))
    assert {row.switch for row in ROWS} == set(table.index)
    for row in ROWS:
        default, allowed = str(table.loc[row.switch, "default"]), str(table.loc[row.switch, "allowed"])
        named = set() if allowed.startswith("a number") else set(allowed.split(", "))
        assert named <= set(row.seen), f"{row.switch}: {named - set(row.seen)} is looked at by no row"
        assert next(iter(row.seen)) == default, row.switch
        assert len(row.seen) > 1, row.switch


def test_each_value_is_seen_to_differ_from_every_other() -> None:
    same = {row.switch for row in ROWS for one in row.seen if list(row.seen.values()).count(row.seen[one]) > 1}

    assert same == {"plan"}  # the recipe's own plan is Growth


# ---- a whole migration under each value

PLAIN_WALK: Mapping[str, object] = {
    **dict.fromkeys(
        (
            *("text field", "choice field", "person field", "pipeline", "stage In", "stage Out", "organization", "person"),
            *("second person", "deal", "won deal", "lost deal", "participant", "product", "line", "recurring line", "activity"),
            *("note", "long note", "lead", "lead with an odd key", "odd address", "short time", "long time"),
            *("many on a page", "many hits", "recent changes", "bare v2"),
        ),
        "done",
    ),
    **dict.fromkeys(("birthday", "marketing"), 403),
    **dict.fromkeys(("group's own", "unknown employer", "unknown label", "stage of another pipeline", "unknown type"), 400),
    **dict.fromkeys(("dated deal", "odd cursor"), 400),
    **dict.fromkeys(("dated deal of v1", "old deals list"), 404),
    **dict.fromkeys(
        ("persons", "organizations", "deals of the person", "people of the deal", "notes", "search", "page by page"), True
    ),
    "activity field": 405,
    "channel": "fair-7",
    "nested values": 500,
    "users": 8,
    "users, a page": 8,
    "label option": 200,
    "stages of a new pipeline": 0,
    "profile": "acme.example",
    "outcomes": ("2024-05-06T07:08:09Z", "price"),
    "value": 15,
    "custom values": ("L-1", True),
    "archive": True,
    "unarchive": False,
    "whom it is with": True,
    "note, read back": ("<b>Called</b>", "2019-03-04 05:06:07"),
    "large file": 200,
    "file hangs on": ["deal_id", "person_id"],
    "download": 200,
    "archive a lead": True,
    "unarchive a lead": False,
    "conversion": "completed",
    "key in the query": 200,
    "delete": [200],
    "deleted, by id": [404],
    "deleted, change": {"Person not found", "Deal not found"},
}
"""What comes of each step under every default; a number is the status of a refusal."""
OTHER_WALKS: Mapping[tuple[str, str], Mapping[str, object]] = {
    ("bare_v2_prefix", "off"): {"bare v2": 404},
    ("query_token", "refuse"): {"key in the query": 401},
    ("v1_removed", "answer"): {"old deals list": "done", "dated deal of v1": 405},
    ("limit_above", "reject"): {"many on a page": 400},
    ("bad_cursor", "first"): {"odd cursor": "done"},
    ("search_limit", "reject"): {"many hits": 400},
    ("users_paging", "honour"): {"users, a page": 3},
    ("body_404", "generic"): {"deleted, change": {"Not found"}},
    ("deal_add_time", "accept"): {"dated deal": "done"},
    ("deal_channel", "reject"): {"channel": 400},
    ("nested_custom_fields", "reject"): {"nested values": 400},
    ("deal_add_time", "v1"): {"dated deal of v1": "done", "old deals list": 405},
    ("unknown_link", "not_found"): {"unknown employer": 404},
    ("unknown_link", "accept"): {"unknown employer": look.NOBODY},
    ("unknown_activity_type", "accept"): {"unknown type": "done"},
    ("unknown_label", "accept"): {"unknown label": "done"},
    ("pipeline_stages", "default"): {"stages of a new pipeline": 5},
    ("stage_mismatch", "stage"): {"stage of another pipeline": "done"},
    ("due_time_form", "HH:MM"): {"long time": 400},
    ("due_time_form", "HH:MM:SS"): {"short time": 400},
    ("email_syntax", "reject"): {"odd address": 400},
    ("empty_custom_fields", "clear"): {"custom values": (None, False)},
    ("deal_value", "own"): {"value": 7},
    ("contact_sync", "on"): {"birthday": "1990-01-02"},
    ("campaigns", "on"): {"marketing": "done"},
    ("profile_fields", "off"): {"profile": 403},
    ("deleted_record", "answer"): {"deleted, by id": [200]},
    ("unarchive", "refuse"): {"unarchive": 400, "unarchive a lead": 400},
    ("activity_primary", "none"): {"whom it is with": False},
    ("label_options", "refuse"): {"label option": 403},
    ("activity_fields", "accept"): {"activity field": "done"},
    ("note_html", "keep"): {"note, read back": ("<b>Called</b><!-- twice -->", "2019-03-04 05:06:07")},
    ("note_kilobytes", "1"): {"long note": 400},
    ("file_megabytes", "1"): {"large file": 400},
    ("download", "redirect"): {"download": 302},
    ("file_several_links", "first"): {"file hangs on": ["deal_id"]},
    ("lead_keys", "reject"): {"lead with an odd key": 400},
    ("recents_beyond", "reject"): {"recent changes": 400},
    ("plan", "lite"): {"recurring line": 403, "value": 10},
    ("plan", "premium"): {"group's own": 7},
    ("plan", "ultimate"): {"group's own": 7},
}
"""The steps that come out otherwise under a value of a switch; under every other value all are as they were."""
TOGETHER: tuple[Mapping[str, str], ...] = (
    {
        "bare_v2_prefix": "off",
        "query_token": "refuse",
        "v1_removed": "answer",
        "limit_above": "reject",
        "bad_cursor": "first",
        "search_limit": "reject",
        "users_paging": "honour",
        "body_404": "generic",
        "empty_built_in": "absent",
        "plan": "growth",
        "limits": "off",
    },
    {
        "deal_add_time": "accept",
        "deal_channel": "reject",
        "nested_custom_fields": "reject",
        "unknown_link": "not_found",
        "unknown_label": "accept",
        "stage_mismatch": "stage",
        "email_syntax": "reject",
        "empty_custom_fields": "clear",
        "deal_value": "own",
        "contact_sync": "on",
        "campaigns": "on",
        "profile_fields": "off",
    },
    {
        "pipeline_stages": "default",
        "label_options": "refuse",
        "activity_fields": "accept",
        "unknown_activity_type": "accept",
        "due_time_form": "HH:MM",
        "activity_primary": "none",
        "activity_outcome": "off",
        "plan": "premium",
        "oauth_rotation": "off",
        "oauth_seconds": "1",
    },
    {
        "note_html": "keep",
        "note_kilobytes": "1",
        "file_megabytes": "1",
        "download": "redirect",
        "file_several_links": "first",
        "lead_keys": "reject",
        "recents_beyond": "reject",
        "unarchive": "refuse",
        "deleted_record": "answer",
        "conversion_seconds": "0",
        "plan": "lite",
    },
    {"deal_add_time": "v1", "unknown_link": "accept", "due_time_form": "HH:MM:SS", "skew_seconds": "-300"},
    {"index_lag_seconds": "60", "index_lag_least_seconds": "20", "list_lag_seconds": "60", "skew_seconds": "7200"},
    {
        "limits": "on",
        "plan": "ultimate",
        "failed_cost": "off",
        "retry_after": "on",
        "limit_headers": "none",
        "limit_counts_refused": "on",
        "reset_hour": "12",
        "ignored_429": "1",
        "blocked_seconds": "0.05",
    },
    {"limits": "on", "plan": "tenant", "limit_headers": "documented", "ignored_429": "0"},
)
"""Values under which one walk goes together: no two of them change the same step."""


def differing(chosen: Mapping[str, str]) -> dict[str, object]:
    """The steps that come out otherwise under several values at once."""
    steps: dict[str, object] = {}
    for one in chosen.items():
        other = OTHER_WALKS.get(one, {})
        assert not steps.keys() & other.keys(), f"{one} changes a step that another value changes too"
        steps |= other
    return steps


@pytest.mark.parametrize("chosen", [{}, *TOGETHER], ids=lambda chosen: "+".join(chosen) or "defaults")
def test_a_migration_goes_as_the_switches_say_and_leaves_nothing_behind(tmp_path: Path, chosen: Mapping[str, str]) -> None:
    with account(tmp_path, scale=1000, **chosen) as api:
        before = canonical(api.stand_in.dump())

        assert walked(api) == {**PLAIN_WALK, **differing(chosen)}
        assert canonical(api.stand_in.dump()) == before


def test_every_value_but_the_defaults_is_walked_under() -> None:
    table = switches("pipedrive").set_index("name")
    looked = {(row.switch, value) for row in ROWS for value in row.seen}
    walks = {one for chosen in TOGETHER for one in chosen.items()}
    usual = {(name, str(table.loc[name, "default"])) for name in table.index}

    shut = {("account", "closed")}  # whose every answer is a 402: no step can be taken
    assert looked - usual - shut <= walks
    assert set(OTHER_WALKS) <= walks
    assert all(PLAIN_WALK[step] != came for steps in OTHER_WALKS.values() for step, came in steps.items())
