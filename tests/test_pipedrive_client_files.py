"""Files of Pipedrive, by the client against the rehearsal: sent from the disk, found by their name, taken away again."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pipedrive_client_account import TOKEN, account, by_key, client, staged, written

from workbench.destinations import Draft
from workbench.destinations.pipedrive import Pipedrive
from workbench.destinations.pipedrive.marker import named, unnamed
from workbench.ledger import Guard, Ledger
from workbench.ledger.loading import load
from workbench.ledger.unloading import unload
from workbench.rehearsal import Rehearsal, canonical
from workbench.store import open_store

STYLE = " [{key}]"
MEGABYTE = 1024 * 1024
House = tuple[Pipedrive, Rehearsal]
PARENTS: dict[str, dict[str, object]] = {
    "organization": {"name": "Acme"},
    "person": {"name": "Ito"},
    "deal": {"title": "Roof"},
    "activity": {"subject": "Visit"},
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with account(tmp_path_factory.mktemp("files")) as made:
        yield made


def parent(crm: Pipedrive, object_: str, key: str) -> str:
    return written(crm, object_, f"p:parents:{key}", PARENTS[object_]).id


def plan(folder: Path, content: bytes = b"%PDF-1.7 roof", name: str = "Dach – Plan.pdf") -> dict[str, Any]:
    path = folder / "staged.bin"
    path.write_bytes(content)
    return {**staged(path, name), "content_type": "application/pdf"}


def guarded(crm: Pipedrive, folder: Path) -> Guard:
    return Ledger(open_store(folder / "workbench.db"), engagement_id="e1").guard(crm, settle_seconds=0.02)


def calls(rehearsal: Rehearsal, since: int, method: str) -> list[str]:
    return [str(row.path) for row in rehearsal.log(since).itertuples() if row.method == method]


@pytest.mark.parametrize("object_", list(PARENTS))
@pytest.mark.row("RP11")
def test_a_file_arrives_to_the_byte_and_keeps_its_name(house: House, tmp_path: Path, object_: str) -> None:
    crm, rehearsal = house
    values = {**plan(tmp_path, bytes(range(256)) * 700), object_: parent(crm, object_, f"bytes {object_}")}
    key = f"p:files:{object_}"
    (outcome,) = crm.write("file", [Draft(key, values)])
    assert (outcome.state, outcome.words) == ("done", "")
    other = client(rehearsal)
    (record,) = other.read("file", [outcome.id])
    assert record.key == key and outcome.after == record.values
    readable = ("file_name", "bytes", object_)
    assert {name: record.values[name] for name in readable} == {name: values[name] for name in readable}
    assert by_key(other.sweep("file"))[key].values == record.values
    assert [each.id for each in other.bearing("file", [key, "p:files:nobody"])] == [record.id]
    held = rehearsal.dump()["records"]["files"][outcome.id]
    assert held["name"] == f"Dach – Plan [p:files:{object_}].pdf"
    answer = httpx.get(str(record.values["url"]), headers={"x-api-token": TOKEN}, trust_env=False)
    assert answer.content == bytes(range(256)) * 700


def test_a_file_hangs_on_one_record(house: House, tmp_path: Path) -> None:
    """What becomes of one that is sent with several, nobody says."""
    crm, rehearsal = house
    two = {"person": parent(crm, "person", "one of two"), "deal": parent(crm, "deal", "two of two")}
    before = len(rehearsal.log())
    (several,) = crm.write("file", [Draft("p:files:two", {**plan(tmp_path), **two})])
    (none,) = crm.write("file", [Draft("p:files:none", plan(tmp_path))])
    assert (several.state, several.words) == ("rejected", "a file hangs on one record, not on 2")
    assert (none.state, none.words) == ("rejected", "a file hangs on one record, and none is named")
    assert len(rehearsal.log()) == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sha256": "0" * 64}, "not the one that was staged"),
        ({"sha256": None}, "not the one that was staged"),
        ({"bytes": 5}, "staged with 5"),
        ({"file": "/nowhere/at/all.pdf"}, "cannot be read"),
        ({"file_name": "x" * 250 + ".pdf"}, "255 at most"),
        ({"person": "nobody"}, "takes the number of a record"),
    ],
)
def test_a_file_that_is_not_what_was_staged_is_not_sent(
    house: House, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    crm, rehearsal = house
    values = {**plan(tmp_path), "person": parent(crm, "person", f"unfit {words}"), **change}
    before = len(rehearsal.log())
    (outcome,) = crm.write("file", [Draft("p:files:unfit", values)])
    assert outcome.state == "rejected" and words in outcome.words
    assert len(rehearsal.log()) == before


@pytest.mark.parametrize(("extra", "state"), [(0, "done"), (1, "rejected")])
def test_the_limit_of_25_megabytes_holds_to_the_byte_and_no_file_is_ever_in_memory(
    house: House, tmp_path: Path, extra: int, state: str
) -> None:
    crm, _ = house
    size, path = 25 * MEGABYTE + extra, tmp_path / "sparse.bin"
    with path.open("wb") as stream:
        stream.truncate(size)
    digest = hashlib.sha256(bytes(size)).hexdigest()
    values = {"file": str(path), "sha256": digest, "bytes": size, "file_name": "a.bin"}
    values["deal"] = parent(crm, "deal", f"edge {extra}")
    tracemalloc.start()
    (outcome,) = crm.write("file", [Draft(f"p:files:edge{extra}", values)])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert outcome.state == state and peak < 4 * MEGABYTE
    assert "25 MB" in outcome.words or state == "done"


def test_the_setting_of_the_account_moves_that_limit(house: House, tmp_path: Path) -> None:
    crm, rehearsal = house
    values = {**plan(tmp_path, b"x" * 2048), "person": parent(crm, "person", "setting")}
    (outcome,) = client(rehearsal, settings={"file_megabytes": 0.001}).write("file", [Draft("p:files:small", values)])
    assert outcome.state == "rejected" and "0.001 MB" in outcome.words


def test_what_the_account_refuses_comes_back_in_its_own_words(tmp_path: Path) -> None:
    with account(tmp_path, switches={"file_megabytes": "1"}) as (crm, _):
        values = {**plan(tmp_path, b"x" * (MEGABYTE + 1)), "person": parent(crm, "person", "refused")}
        (outcome,) = crm.write("file", [Draft("p:files:refused", values)])
        assert (outcome.state, outcome.words) == ("rejected", "The file is larger than 1 MB")


@pytest.mark.parametrize("fault", ["429", "late"])
def test_a_file_that_had_to_wait_arrives_whole_and_once(house: House, tmp_path: Path, fault: str) -> None:
    crm, rehearsal = house
    values = {**plan(tmp_path, b"once more" * 5000), "person": parent(crm, "person", fault)}
    rehearsal.order_fault(fault, path="/files", method="POST")
    (outcome,) = crm.write("file", [Draft(f"p:files:{fault}", values)])
    assert outcome.state == "done"
    assert [record.values["bytes"] for record in crm.bearing("file", [f"p:files:{fault}"])] == [45_000]


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "502_after", "no_id", "invalid_json", "swapped", "replay"])
def test_an_upload_whose_answer_is_lost_or_wrong_is_settled_by_looking_and_made_once(tmp_path: Path, fault: str) -> None:
    with account(tmp_path, settings={"lag_seconds": 1.0}) as (crm, rehearsal):
        person = parent(crm, "person", "lost")
        drafts = [Draft(f"p:files:{n}", {**plan(tmp_path), "person": person}) for n in range(3)]
        guard = guarded(crm, tmp_path)
        rehearsal.order_fault(fault, path="/files", method="POST", after=1)
        load([drafts], guard, "file", certify=True)
        loaded = load([drafts], guarded(client(rehearsal), tmp_path), "file", certify=True)
        assert list(loaded.frame["state"]) == ["done"] * 3
        assert loaded.certificate is not None and loaded.certificate.holds
        there = [record.key for record in crm.sweep("file")]
        assert sorted(there) == [f"p:files:{n}" for n in range(3)]


def test_files_come_once_and_go_without_a_trace(tmp_path: Path) -> None:
    with account(tmp_path) as (crm, rehearsal):
        deal = parent(crm, "deal", "comes and goes")
        before = canonical(rehearsal.dump())
        drafts = [Draft(f"p:files:{n}", {**plan(tmp_path), "deal": deal}) for n in range(3)]
        loaded = load([drafts], guarded(crm, tmp_path), "file", certify=True)
        assert loaded.certificate is not None and loaded.certificate.holds and loaded.certificate.matched == 3
        start = len(rehearsal.log())
        load([drafts], guarded(client(rehearsal), tmp_path), "file")
        assert calls(rehearsal, start, "POST") == []
        assert sorted(crm.children("deal", deal)) == sorted(("file", number) for number in loaded.frame["id"])
        assert unload(guarded(client(rehearsal), tmp_path)).complete
        assert canonical(rehearsal.dump()) == before


def test_a_file_whose_answer_was_lost_goes_with_the_others(tmp_path: Path) -> None:
    """Nobody has seen it as it was made, and where it came from is nothing that the account shows: that is no edit."""
    with account(tmp_path, settings={"lag_seconds": 1.0}) as (crm, rehearsal):
        deal = parent(crm, "deal", "lost and gone")
        guard = guarded(crm, tmp_path)
        rehearsal.order_fault("drop_after", path="/files", method="POST")
        (lost,) = guard.write("file", [Draft("p:files:0", {**plan(tmp_path), "deal": deal})])
        assert lost.state == "unknown"
        guard.settle("file")
        done = unload(guarded(client(rehearsal, settings={"lag_seconds": 1.0}), tmp_path))
        assert list(done.frame["verdict"]) == ["reversed"], done.frame.to_string()
        assert list(crm.sweep("file")) == []


def test_a_file_that_somebody_described_or_renamed_is_kept(tmp_path: Path) -> None:
    with account(tmp_path) as (crm, rehearsal):
        deal = parent(crm, "deal", "renamed")
        drafts = [Draft(f"p:files:{n}", {**plan(tmp_path), "deal": deal}) for n in range(2)]
        loaded = load([drafts], guarded(crm, tmp_path), "file", certify=True)
        renamed = str(loaded.frame["id"][0])
        answer = httpx.put(
            f"{rehearsal.url}/v1/files/{renamed}",
            data={"name": "Signed.pdf"},
            headers={"x-api-token": TOKEN},
            trust_env=False,
        )
        assert answer.status_code == 200
        done = unload(guarded(client(rehearsal), tmp_path))
        assert dict(zip(done.frame["id"], done.frame["verdict"], strict=True))[renamed] == "kept"
        assert [record.id for record in crm.sweep("file")] == [renamed]


def test_a_file_is_not_changed_and_one_that_stays_as_it_is_counts_as_done(house: House, tmp_path: Path) -> None:
    crm, _ = house
    values = {**plan(tmp_path), "person": parent(crm, "person", "fixed")}
    number = crm.write("file", [Draft("p:files:fixed", values)])[0].id
    same, other = crm.write(
        "file",
        [Draft("p:files:fixed", {"file_name": values["file_name"]}, number), Draft("p:files:fixed", {"bytes": 1}, number)],
    )
    assert same.state == "done" and other.state == "rejected" and "cannot be changed" in other.words


def test_files_are_read_a_hundred_a_page_each_once(tmp_path: Path) -> None:
    with account(tmp_path) as (crm, rehearsal):
        person = parent(crm, "person", "pages")
        drafts = [Draft(f"p:files:{n}", {**plan(tmp_path), "person": person}) for n in range(205)]
        loaded = load([drafts], guarded(crm, tmp_path), "file")
        start = len(rehearsal.log())
        assert [record.id for record in crm.sweep("file")] == sorted(loaded.frame["id"], key=int)
        assert len(calls(rehearsal, start, "GET")) == 3
        newest = crm.newest("file")
        assert newest == max(loaded.frame["id"], key=int)
        assert [record.id for record in crm.sweep("file", since=str(int(newest) - 2))] == [newest, str(int(newest) - 1)]


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=80)


@settings(max_examples=80, deadline=None)
@given(NAMES, NAMES)
def test_name_and_key_come_apart_as_they_went_together(name: str, key: str) -> None:
    clean = unnamed(name, style=STYLE).text
    found = unnamed(named(clean, key, style=STYLE), style=STYLE)
    assert (found.text, found.key) == (clean, key)
