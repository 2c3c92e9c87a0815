"""FastTrack's API as it is imagined: throttled tenants, exports that run to now, GraphQL pages, rows that cannot be read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from extraction_tenant import healthy

from workbench.destinations import Secret, Wait
from workbench.errors import WaitError, WrongKey
from workbench.extraction import Extraction, SourceAccount, extract_into
from workbench.rehearsal import Rehearsal, running
from workbench.rehearsal.engine.corruption import flaw_of

KEY = "tenant-key-0123456789"
OBJECTS: tuple[dict[str, Any], ...] = (
    {"name": "contacts", "key": "id"},
    {"name": "links", "key": "contact_id,company_id"},
    {"name": "subscription", "key": "id", "custom": True, "graphql": True},
    {"name": "custom_events", "key": "id"},
    {"name": "files", "key": "id"},
)
COUNTS = {"contacts": 420, "links": 130, "subscription": 250, "custom_events": 205, "files": 0}


def tenant(folder: Path) -> Path:
    """A tenant in a folder."""
    folder.mkdir()
    (folder / "objects.json").write_text(json.dumps({"objects": OBJECTS}))
    for name, count in COUNTS.items():
        rows = [row(name, n) for n in range(1, count + 1)]
        (folder / f"{name}.ndjson").write_text("".join(json.dumps(each) + "\n" for each in rows))
    return folder


def row(name: str, n: int) -> dict[str, Any]:
    if name == "links":
        return {"contact_id": f"ct-{n}", "company_id": f"co-{n % 7}"}
    day = f"2026-{n % 12 + 1:02}-01T00:00:00Z"
    return {"id": f"{name}-{n}", "email": f"a{n}@example.com", "created_at": day, "properties": {"n": n}}


@contextmanager
def served(
    folder: Path, switches: Mapping[str, str] | None = None, *, scale: float = 60, faults: Sequence[str] = ()
) -> Iterator[Rehearsal]:
    path = folder / "tenant"
    path = path if path.exists() else tenant(path)
    state = folder / "state"
    with running(
        "fasttrack", state=state, token=KEY, tenant=path, time_scale=scale, switches=switches, faults=faults
    ) as stand_in:
        yield stand_in


def extracted(stand_in: Rehearsal, folder: Path, waits: list[Wait] | None = None, **settings: str | int) -> Extraction:
    who = SourceAccount(stand_in.url, Secret(KEY), settings=settings, time_scale=60)
    seen: list[Wait] = [] if waits is None else waits
    return extract_into(folder / "exports", "fasttrack", who, on_wait=seen.append)


def ids(folder: Path, name: str) -> list[object]:
    return [each.get("id", each.get("contact_id")) for each in healthy(folder / "exports" / f"{name}.ndjson")]


def bad(name: str, share: float, form: str) -> set[str]:
    keys = [",".join(map(str, list(row(name, n).values())[: 2 if name == "links" else 1])) for n in range(1, COUNTS[name] + 1)]
    return {key for key in keys if flaw_of(name, key, share=share, form=form)}


def test_listed_and_queried_objects_come_whole_and_nothing_is_written(tmp_path: Path) -> None:
    with served(tmp_path) as stand_in:
        done = extracted(stand_in, tmp_path)
        log = stand_in.log()
    assert done.good and done.frame["closes"].all()
    for name, count in COUNTS.items():
        assert not count or len(set(ids(tmp_path, name))) == count
    written = log[~log["method"].isin(["GET"])]
    assert set(written["path"]) == {"/graphql"}
    assert set(log["status"]) == {200}


@pytest.mark.parametrize("form", ["seconds", "date", "none"])
@pytest.mark.parametrize("status", ["429", "503"])
def test_a_throttled_tenant_is_waited_for_and_comes_whole(tmp_path: Path, form: str, status: str) -> None:
    waits: list[Wait] = []
    with served(tmp_path, {"calls_per_minute": "20", "retry_after": form, "limit_form": status}) as stand_in:
        done = extracted(stand_in, tmp_path, waits)
        refused = (stand_in.log()["status"] == int(status)).sum()
    assert done.good
    assert refused > 0 and waits
    assert len(ids(tmp_path, "contacts")) == COUNTS["contacts"]


def test_a_lift_that_ends_in_mid_run_is_survived(tmp_path: Path) -> None:
    with served(tmp_path, {"calls_per_minute": "15", "lift_calls": "12", "limit_headers": "on"}) as stand_in:
        assert extracted(stand_in, tmp_path).good


def test_a_days_budget_that_is_gone_ends_in_words_and_the_pages_are_kept(tmp_path: Path) -> None:
    with served(tmp_path, {"calls_per_day": "9"}, scale=1) as stand_in:
        with pytest.raises(WaitError, match="saying 'later'") as told:
            extracted(stand_in, tmp_path, patience=60)
        assert "resume after" in told.value.todo
    index = (tmp_path / "exports" / "raw" / "index.jsonl").read_text()
    assert index.count('"what":"page"') > 0
    with served(tmp_path, {"calls_per_day": "0"}) as stand_in:
        done = extracted(stand_in, tmp_path)
    assert done.good


@pytest.mark.parametrize("form", ["marker", "not_object", "bytes", "broken_json", "poison", "mixed"])
def test_a_corrupt_item_ends_in_quarantine_and_the_rest_comes(tmp_path: Path, form: str) -> None:
    with served(tmp_path, {"corrupt_share": "0.03", "corrupt_form": form}) as stand_in:
        done = extracted(stand_in, tmp_path)
    assert done.frame["closes"].all() and done.good
    for name in ("contacts", "links", "subscription"):
        wrong = bad(name, 0.03, form)
        assert wrong
        aside = done.quarantine[done.quarantine["object"] == name]
        assert len(aside) == len(wrong)
        assert len(ids(tmp_path, name)) == COUNTS[name] - len(wrong)
    if form in ("marker", "poison"):
        aside = done.quarantine[done.quarantine["object"] == "contacts"]
        assert set(aside["key"]) == bad("contacts", 0.03, form)


def test_a_poisoned_page_that_tells_no_way_on_is_reported_and_an_export_brings_the_rest(tmp_path: Path) -> None:
    switched = {"corrupt_share": "0.03", "corrupt_form": "poison", "poison_cursor": "off"}
    with served(tmp_path, switched) as stand_in:
        done = extracted(stand_in, tmp_path / "pages")
        told = done.frame.set_index("object").loc["contacts"]
        assert "no way behind it" in told["problem"] and not done.good
        whole = extracted(stand_in, tmp_path / "export", exports="contacts,links,custom_events")
    assert whole.good
    assert len(ids(tmp_path / "export", "contacts")) == COUNTS["contacts"] - len(bad("contacts", 0.03, "poison"))


@pytest.mark.parametrize("stamp", ["start", "finish"])
def test_an_export_runs_to_now_whatever_is_asked_and_later_rows_are_kept_apart(tmp_path: Path, stamp: str) -> None:
    with served(tmp_path, {"export_stamp": stamp, "grows": "4", "export_to": "refuse"}) as stand_in:
        done = extracted(stand_in, tmp_path, exports="custom_events", cut_off="2026-12-31T00:00:00Z")
    told = done.frame.set_index("object").loc["custom_events"]
    grown = 4 if stamp == "finish" else 0
    assert told["rows"] == COUNTS["custom_events"] + grown and told["closes"]
    late = tmp_path / "exports" / "raw" / "late" / "custom_events.ndjson"
    kept = len(ids(tmp_path, "custom_events"))
    assert kept + told["late"] == told["distinct"]
    assert late.exists() is bool(told["late"])


def test_the_last_line_of_an_export_that_is_cut_is_set_aside(tmp_path: Path) -> None:
    with served(tmp_path, {"export_cut": "on"}) as stand_in:
        done = extracted(stand_in, tmp_path, exports="custom_events")
    assert done.quarantine["reason"].tolist() == ["broken_json"]
    assert len(ids(tmp_path, "custom_events")) == COUNTS["custom_events"] - 1
    assert done.good


def test_an_export_that_was_begun_before_a_crash_is_asked_after_and_not_begun_again(tmp_path: Path) -> None:
    with served(tmp_path, {"export_seconds": "3"}) as stand_in:
        stand_in.order_fault("drop_before", path="/download", count=9, method="any")
        with pytest.raises(WaitError):
            extracted(stand_in, tmp_path, exports="custom_events")
        done = extracted(stand_in, tmp_path, exports="custom_events")
        begun = stand_in.log()["path"].eq("/api/v1/exports").sum()
    assert done.good and begun == 1


def test_columns_that_come_as_asterisks_are_refused(tmp_path: Path) -> None:
    with served(tmp_path, {"masked": "on"}) as stand_in:
        done = extracted(stand_in, tmp_path, objects="contacts")
    assert not done.good
    assert "only asterisks in email" in done.frame["problem"].iloc[0]
    assert "may not see it" in done._repr_html_()


def test_a_tenant_without_totals_is_read_to_its_end_and_nothing_is_claimed_of_it(tmp_path: Path) -> None:
    with served(tmp_path, {"total": "off"}) as stand_in:
        done = extracted(stand_in, tmp_path, objects="contacts,links")
    assert done.frame["closes"].isna().all()
    assert len(ids(tmp_path, "contacts")) == COUNTS["contacts"]
    assert "nothing proves that they are whole" in done._repr_html_()


def test_a_wrong_key_ends_in_words(tmp_path: Path) -> None:
    with served(tmp_path) as stand_in:
        who = SourceAccount(stand_in.url, Secret("another"), time_scale=60)
        with pytest.raises(WrongKey, match="does not know this key"):
            extract_into(tmp_path / "exports", "fasttrack", who)
