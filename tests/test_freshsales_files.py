"""Files and links of Freshsales, by the client against the rehearsal: sent from the disk, listed with their parent."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from freshsales_objects import TOKEN, Crm, by_key, comes_and_goes, crm, loses_no_answer, not_made, round_trip, shown
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.destinations import Draft
from workbench.destinations.freshsales.marker import named, unnamed
from workbench.ledger.loading import load
from workbench.ledger.unloading import unload

STYLE = " [{key}]"
MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crm]:
    with crm(tmp_path_factory.mktemp("files")) as made:
        yield made


def staged(folder: Path, content: bytes = b"%PDF-1.7 roof", name: str = "Dach – Plan.pdf") -> dict[str, Any]:
    path = folder / "staged.bin"
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    return {"file": str(path), "sha256": digest, "bytes": len(content), "content_type": "application/pdf", "file_name": name}


def link(there: Crm, parent: str = "contact") -> dict[str, Any]:
    return {"name": "Plan.pdf", "url": "https://files.example/plan.pdf?x=1", "shared": True, parent: there.parents[parent]}


@pytest.mark.parametrize("parent", ["contact", "sales_account", "deal"])
def test_a_file_arrives_to_the_byte_and_keeps_its_name(there: Crm, tmp_path: Path, parent: str) -> None:
    values = {**staged(tmp_path, bytes(range(256)) * 700), parent: there.parents[parent]}
    record = round_trip(there, "file", values, key=f"p:files:{parent}")
    (held,) = [row for number, row in there.records("documents").items() if number == record.id.rpartition("/")[2]]
    assert held["content_sha256"] == values["sha256"]
    assert held["name"] == f"Dach – Plan [p:files:{parent}].pdf"


def test_what_the_account_shows_of_a_file_leads_to_it(there: Crm, tmp_path: Path) -> None:
    """A note that tells of a picture needs the address of the file that it has become."""
    values = {**staged(tmp_path, b"\x89PNG picture"), "contact": there.parents["contact"]}
    (outcome,) = there.client().write("file", [Draft("p:files:url", values)])
    address = str(there.client().read("file", [outcome.id])[0].values["url"])
    answer = httpx.get(address, headers={"Authorization": f"Token token={TOKEN}"})
    assert answer.content == b"\x89PNG picture"


def test_a_large_file_is_never_in_memory(tmp_path: Path) -> None:
    with crm(tmp_path) as there:
        values = {**staged(tmp_path, b"x" * (24 * MEGABYTE)), "deal": there.parents["deal"]}
        client = there.client()
        client.metadata()
        tracemalloc.start()
        (outcome,) = client.write("file", [Draft("p:files:large", values)])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert outcome.state == "done" and peak < 4 * MEGABYTE
        assert client.read("file", [outcome.id])[0].values["bytes"] == 24 * MEGABYTE


def test_a_file_goes_again_from_its_beginning_after_a_429(there: Crm, tmp_path: Path) -> None:
    values = {**staged(tmp_path, b"once more" * 5000), "contact": there.parents["contact"]}
    there.rehearsal.order_fault("429", path="/documents", method="POST")
    (outcome,) = there.client().write("file", [Draft("p:files:429", values)])
    assert outcome.state == "done"
    assert there.records("documents")[outcome.id.rpartition("/")[2]]["content_sha256"] == values["sha256"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sha256": "0" * 64}, "not the one that was staged"),
        ({"sha256": None}, "not the one that was staged"),
        ({"bytes": 5}, "staged with 5"),
        ({"file": "/nowhere/at/all.pdf"}, "cannot be read"),
        ({"file_name": "x" * 250 + ".pdf"}, "255 at most"),
        ({"contact": None}, "none is named"),
    ],
)
def test_a_file_that_is_not_what_was_staged_is_not_sent(there: Crm, tmp_path: Path, change: dict[str, Any], words: str) -> None:
    client = there.client()
    client.metadata()
    before = len(there.rehearsal.log())
    values = {**staged(tmp_path), "contact": there.parents["contact"], **change}
    (outcome,) = client.write("file", [Draft("p:files:unfit", values)])
    assert outcome.state == "rejected" and words in outcome.words
    assert len(there.rehearsal.log()) == before


@pytest.mark.parametrize(("extra", "state"), [(0, "done"), (1, "rejected")])
@pytest.mark.row("RF10", "SF10", "FF8")
def test_the_limit_of_25_megabytes_holds_to_the_byte(tmp_path: Path, extra: int, state: str) -> None:
    with crm(tmp_path) as there:
        size, path = 25 * MEGABYTE + extra, tmp_path / "sparse.bin"
        with path.open("wb") as stream:
            stream.truncate(size)
        digest = hashlib.sha256(bytes(size)).hexdigest()
        values = {"file": str(path), "sha256": digest, "bytes": size, "file_name": "a.bin", "contact": there.parents["contact"]}
        (outcome,) = there.client().write("file", [Draft("p:files:edge", values)])
        assert outcome.state == state
        assert "25 MB" in outcome.words or state == "done"


def test_what_the_account_refuses_comes_back_in_its_own_words(tmp_path: Path) -> None:
    with crm(tmp_path, switches={"file_megabytes": "1"}) as there:
        values = {**staged(tmp_path, b"x" * (MEGABYTE + 1)), "contact": there.parents["contact"]}
        (outcome,) = there.client().write("file", [Draft("p:files:refused", values)])
        assert outcome.state == "rejected" and "should not exceed 1 MB" in outcome.words


@pytest.mark.parametrize("object_", ["file", "document_link"])
def test_a_lost_answer_is_looked_for_where_it_hangs(there: Crm, tmp_path: Path, object_: str) -> None:
    values = link(there) if object_ == "document_link" else {**staged(tmp_path), "contact": there.parents["contact"]}
    path = "/document_links" if object_ == "document_link" else "/documents"
    loses_no_answer(there, object_, values, path)
    not_made(there, object_, values, path)


def test_files_of_everybody_are_swept_or_only_where_ours_are(tmp_path: Path) -> None:
    with crm(tmp_path) as there:
        client = there.client(files_seen="known")
        values = {**staged(tmp_path), "contact": there.parents["contact"]}
        client.write("file", [Draft("p:files:1", values)])
        theirs = {
            "url": "https://x.example/a",
            "name": "a",
            "targetable_type": "Deal",
            "targetable_id": int(there.parents["deal"]),
        }
        there.person("POST", "document_links", theirs)
        assert [record.key for record in client.sweep("file")] == ["p:files:1"]
        assert list(there.client(files_seen="known").sweep("document_link")) == []
        assert [record.values["name"] for record in there.client().sweep("document_link")] == ["a"]


def test_only_the_records_that_ours_hang_on_are_asked_and_all_where_one_of_ours_is_gone(tmp_path: Path) -> None:
    """By a client that has sent none of them, too: the ledger knows where they were sent."""
    with crm(tmp_path, switches={"attachment_delete": "accept"}) as there:
        for number in range(12):
            there.person("POST", "contacts", {"contact": {"last_name": f"N{number}", "email": f"n{number}@x.example"}})
        values = {**staged(tmp_path), "contact": there.parents["contact"]}
        before = len(there.rehearsal.log())
        loaded = load([[Draft(f"p:files:{n}", values) for n in range(3)]], there.guard(), "file", certify=True)
        assert loaded.certificate is not None and loaded.certificate.matched == 3
        asked = [call for call in there.calls(before) if call.endswith("document_associations")]
        assert len(asked) == 2, "once for our keys before anything is sent, once for the certificate"
        before = len(there.rehearsal.log())
        assert there.guard().certify("file").holds
        assert len([call for call in there.calls(before) if call.endswith("document_associations")]) == 1
        there.person("DELETE", f"documents/{loaded.frame['id'][1].rpartition('/')[2]}", None)
        before = len(there.rehearsal.log())
        assert not there.guard().certify("file").holds
        asked = [call for call in there.calls(before) if call.endswith("document_associations")]
        assert len(set(asked)) == 15, "every contact, the account and the deal"


@pytest.mark.parametrize("parent", ["contact", "sales_account", "deal"])
def test_a_link_reads_back_as_it_was_sent(there: Crm, parent: str) -> None:
    round_trip(there, "document_link", link(there, parent), key=f"p:links:{parent}")


def test_a_file_is_not_changed_and_one_that_stays_as_it_is_counts_as_done(there: Crm, tmp_path: Path) -> None:
    client = there.client()
    values = {**staged(tmp_path), "contact": there.parents["contact"]}
    number = client.write("file", [Draft("p:files:fixed", values)])[0].id
    same, other = client.write(
        "file",
        [Draft("p:files:fixed", {"file_name": values["file_name"]}, number), Draft("p:files:fixed", {"bytes": 1}, number)],
    )
    assert same.state == "done" and other.state == "rejected" and "cannot be changed" in other.words


@pytest.mark.parametrize("object_", ["file", "document_link"])
def test_where_the_api_takes_files_away_a_rollback_leaves_the_account_as_it_was(tmp_path: Path, object_: str) -> None:
    with crm(tmp_path, switches={"attachment_delete": "accept"}) as there:
        files = {**staged(tmp_path), "contact": there.parents["contact"]}
        values = link(there) if object_ == "document_link" else files
        comes_and_goes(there, object_, [Draft(f"p:files:{n}", values) for n in range(3)])


@pytest.mark.parametrize("removal", ["try", "never"])
def test_where_it_does_not_they_go_with_our_records_and_stay_on_those_of_others(tmp_path: Path, removal: str) -> None:
    """The rollback takes the contact although our file hangs on it, and leaves the one on which others have put theirs."""
    with crm(tmp_path, settings={"removal": removal}) as there:
        guard = there.guard()
        people = [Draft(f"p:contacts:{n}", {"last_name": f"N{n}", "emails": f"n{n}@x.example"}) for n in range(2)]
        load([people], guard, "contact", certify=True)
        ids = guard.resolve_ids("contact")
        on = [ids["p:contacts:0"], ids["p:contacts:1"], there.parents["contact"]]
        drafts = [Draft(f"p:files:{n}", {**staged(tmp_path), "contact": number}) for n, number in enumerate(on)]
        load([drafts], guard, "file", certify=True)
        theirs = {"url": "https://x.example/a", "name": "a", "targetable_type": "Contact", "targetable_id": int(on[1])}
        there.person("POST", "document_links", theirs)
        result = unload(there.guard())
        assert set(result.reversed["key"]) == {"p:contacts:0", "p:files:0"}
        assert list(result.kept["key"]) == ["p:contacts:1"] and "document_link" in result.kept["words"][0]
        assert set(result.errored["key"]) == {"p:files:1", "p:files:2"}
        assert result.errored["words"].str.contains("they go with their record").all()
        assert set(there.records("contacts")) == {on[1], on[2]}
        again = unload(there.guard())
        assert set(again.errored["key"]) == {"p:files:1", "p:files:2"}


def test_a_product_takes_files_too(there: Crm, tmp_path: Path) -> None:
    client = there.client()
    number = client.write("product", [Draft("p:products:file", {"name": "Tile"})])[0].id
    values = {**staged(tmp_path), "product": number}
    (outcome,) = client.write("file", [Draft("p:files:product", values)])
    assert outcome.id.startswith(f"cpq/products/{number}/")
    (record,) = client.read("file", [outcome.id])
    assert shown(record, ["product", "bytes"]) == {"product": number, "bytes": values["bytes"]}
    assert client.children("product", number) == [("file", outcome.id)]


def test_a_file_of_our_key_is_found_among_those_of_a_parent(there: Crm, tmp_path: Path) -> None:
    client = there.client()
    values = {**staged(tmp_path), "deal": there.parents["deal"]}
    client.write("file", [Draft("p:files:a", values), Draft("p:files:b", values)])
    found = by_key(client.bearing("file", ["p:files:a", "p:files:b"]))
    assert found.keys() == {"p:files:a", "p:files:b"}


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=80)


@settings(max_examples=80, deadline=None)
@given(NAMES, NAMES)
def test_name_and_key_come_apart_as_they_went_together(name: str, key: str) -> None:
    clean = unnamed(name, style=STYLE).text
    found = unnamed(named(clean, key, style=STYLE), style=STYLE)
    assert (found.text, found.key) == (clean, key)
