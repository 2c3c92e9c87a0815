"""Notes and logged calls of Freshsales, which are shown with their parent only, by the client against the rehearsal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from freshsales_objects import Crm, by_key, comes_and_goes, crm, loses_no_answer, not_made, round_trip, states
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.destinations import Draft
from workbench.destinations.freshsales.marker import marked, parted
from workbench.ledger.loading import load
from workbench.ledger.unloading import unload

STYLE = "[migration key: {key}]"
HTML = "<p>Zoë’s <b>roof</b>, 5 < 6</p><ul><li>one</li></ul>"


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crm]:
    with crm(tmp_path_factory.mktemp("notes")) as made:
        yield made


def note(there: Crm, text: str = HTML, parent: str = "contact") -> dict[str, Any]:
    return {"description": text, parent: there.parents[parent]}


def call(there: Crm, parent: str = "contact") -> dict[str, Any]:
    return {"incoming": True, "note": "asked for\na price", parent: there.parents[parent]}


@pytest.mark.parametrize("parent", ["contact", "sales_account", "deal"])
@pytest.mark.parametrize("text", [HTML, "plain\ntext & more"])
def test_a_note_reads_back_as_it_was_sent_on_each_kind_of_parent(there: Crm, parent: str, text: str) -> None:
    key = f"p:notes:{parent}:{len(text)}"
    record = round_trip(there, "note", note(there, text, parent), key=key)
    path = {"contact": "contacts", "sales_account": "sales_accounts", "deal": "deals"}[parent]
    assert record.id.startswith(f"{path}/{there.parents[parent]}/")
    held = there.records("notes")[record.id.rpartition("/")[2]]["description"]
    assert held.startswith(text) and held.endswith(f"[migration key: {key}]")


def test_a_look_at_notes_costs_a_call_a_parent_and_a_sweep_a_page_of_parents(there: Crm) -> None:
    client = there.client()
    drafts = [Draft(f"p:cost:{n}", note(there, f"N{n}", "deal")) for n in range(6)]
    ids = [outcome.id for outcome in client.write("note", drafts)]
    other = there.client()
    other.metadata()
    before = len(there.rehearsal.log())
    assert [record.id for record in other.read("note", ids)] == ids
    assert len(there.rehearsal.log()) - before == 1
    before = len(there.rehearsal.log())
    assert {f"p:cost:{n}" for n in range(6)} <= by_key(other.sweep("note")).keys()
    assert len(there.rehearsal.log()) - before == 8  # three objects' views, and the five of them that make the whole


@pytest.mark.parametrize("notes_by", ["include", "parents"])
def test_a_sweep_shows_every_note_of_everybody_once(tmp_path: Path, notes_by: str) -> None:
    with crm(tmp_path, settings={"page_rows": 5, "notes_by": notes_by}) as there:
        drafts = [Draft(f"p:notes:{n}", note(there, f"N{n}", ("contact", "deal")[n % 2])) for n in range(17)]
        assert states(there.client().write("note", drafts)) == ["done"] * 17
        on = {"targetable_type": "SalesAccount", "targetable_id": int(there.parents["sales_account"])}
        there.person("POST", "notes", {"note": {"description": "theirs", **on}})
        both = [{"type": "Deal", "id": int(there.parents["deal"])}, {"type": "Contact", "id": int(there.parents["contact"])}]
        there.person("POST", "notes", {"note": {"description": "on two", "targetables": both}})
        swept = list(there.client().sweep("note"))
        assert sorted(str(record.values["description"]) for record in swept) == sorted(
            [*(f"N{n}" for n in range(17)), "theirs", "on two"]
        )
        assert by_key(swept).keys() == {draft.key for draft in drafts}


def test_a_change_of_a_note_keeps_our_key_and_its_place(there: Crm) -> None:
    client = there.client()
    number = client.write("note", [Draft("p:notes:changed", note(there))])[0].id
    (changed,) = client.write("note", [Draft("p:notes:changed", {"description": "new"}, number)])
    (record,) = client.read("note", [number])
    assert changed.state == "done" and (record.key, record.values["description"]) == ("p:notes:changed", "new")
    (moved,) = client.write("note", [Draft("p:notes:changed", note(there, "new", "deal"), number)])
    assert moved.state == "rejected" and "stays where it hangs" in moved.words


def test_a_lost_note_is_looked_for_where_it_hangs(there: Crm) -> None:
    values = note(there)
    loses_no_answer(there, "note", values, "/notes")
    not_made(there, "note", values, "/notes")


def test_after_a_crash_the_ledger_knows_where_to_look(there: Crm) -> None:
    """The parent stands in the ledger as the job of the draft, so that no sweep is needed."""
    client = there.client()
    guard = there.guard(client)

    keeper: Any = client._keepers["note"]
    made = keeper.made

    def made_then_dead(*asked: Any) -> None:
        made(*asked)
        raise KeyboardInterrupt

    keeper.made = made_then_dead
    with pytest.raises(KeyboardInterrupt):
        guard.write("note", [Draft("p:notes:crash", note(there, "crash"))])
    before = len(there.rehearsal.log())
    (known,) = there.guard().write("note", [Draft("p:notes:crash", note(there, "crash"))])
    assert known.state == "done"
    listed = [call for call in there.calls(before) if "/view/" in call or call.endswith("/notes")]
    assert listed == [f"GET /crm/sales/api/contacts/{there.parents['contact']}/notes"]


@pytest.mark.parametrize("object_", ["note", "phone_call"])
def test_a_parent_that_is_gone_has_no_notes(there: Crm, object_: str) -> None:
    assert there.client().read(object_, ["contacts/999/5", "nonsense", "7"]) == []


def test_a_rollback_takes_notes_away_and_nothing_else(tmp_path: Path) -> None:
    with crm(tmp_path) as there:
        there.person("POST", "notes", {"note": {"description": "theirs", **contact_of(there)}})
        comes_and_goes(there, "note", [Draft(f"p:notes:{n}", note(there, f"N{n}")) for n in range(7)])


def contact_of(there: Crm) -> dict[str, object]:
    return {"targetable_type": "Contact", "targetable_id": int(there.parents["contact"])}


def test_a_note_of_ours_does_not_keep_its_contact_and_one_of_others_does(tmp_path: Path) -> None:
    with crm(tmp_path) as there:
        people = [Draft(f"p:contacts:{n}", {"last_name": f"N{n}", "emails": f"n{n}@x.example"}) for n in range(2)]
        guard = there.guard()
        load([people], guard, "contact", certify=True)
        ids = guard.resolve_ids("contact")
        drafts = [Draft(f"p:notes:{n}", {"description": "ours", "contact": ids[f"p:contacts:{n}"]}) for n in range(2)]
        load([drafts], guard, "note", certify=True)
        theirs = {"targetable_type": "Contact", "targetable_id": int(ids["p:contacts:1"])}
        there.person("POST", "notes", {"note": {"description": "theirs", **theirs}})
        result = unload(there.guard())
        assert list(result.kept["key"]) == ["p:contacts:1"] and "note contacts/" in result.kept["words"][0]
        assert set(result.reversed["key"]) == {"p:contacts:0", "p:notes:0", "p:notes:1"}


# ---------------------------------------------------------------- calls


@pytest.mark.parametrize("parent", ["contact", "sales_account", "deal"])
def test_a_call_goes_in_parts_and_reads_back_as_it_was_sent(there: Crm, parent: str) -> None:
    round_trip(there, "phone_call", call(there, parent), key=f"p:calls:{parent}")


def test_a_call_without_words_is_still_found_by_its_key(there: Crm) -> None:
    values = {"incoming": False, "contact": there.parents["contact"]}
    record = round_trip(there, "phone_call", values, key="p:calls:silent")
    assert record.values["note"] is None


def test_a_logged_call_cannot_be_changed(there: Crm) -> None:
    client = there.client()
    number = client.write("phone_call", [Draft("p:calls:fixed", call(there))])[0].id
    (outcome,) = client.write("phone_call", [Draft("p:calls:fixed", {"note": "other"}, number)])
    assert outcome.state == "rejected" and "cannot be changed" in outcome.words


def test_a_lost_call_is_looked_for_where_it_hangs(there: Crm) -> None:
    loses_no_answer(there, "phone_call", call(there), "/phone_calls")
    not_made(there, "phone_call", call(there), "/phone_calls")


def test_calls_that_the_api_takes_away_leave_nothing(tmp_path: Path) -> None:
    with crm(tmp_path, switches={"attachment_delete": "accept"}) as there:
        comes_and_goes(there, "phone_call", [Draft(f"p:calls:{n}", call(there)) for n in range(3)])


def test_calls_that_the_api_does_not_take_away_go_with_our_contact_and_stay_on_that_of_others(tmp_path: Path) -> None:
    with crm(tmp_path) as there:
        guard = there.guard()
        load([[Draft("p:contacts:1", {"last_name": "N1", "emails": "n1@x.example"})]], guard, "contact", certify=True)
        ours = guard.resolve_ids("contact")["p:contacts:1"]
        before = there.records("contacts")
        drafts = [
            Draft("p:calls:ours", {"incoming": True, "contact": ours}),
            Draft("p:calls:theirs", {"incoming": True, "contact": there.parents["contact"]}),
        ]
        load([drafts], guard, "phone_call", certify=True)
        result = unload(there.guard())
        assert set(result.reversed["key"]) == {"p:contacts:1", "p:calls:ours"}
        assert list(result.errored["key"]) == ["p:calls:theirs"] and "takes none of these away" in result.errored["words"][0]
        assert set(there.records("contacts")) == set(before) - {ours} and len(there.records("phone_calls")) == 1


# ---------------------------------------------------------------- the key in a text

KEYS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=60)


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=200), KEYS)
def test_text_and_key_come_apart_as_they_went_together(text: str, key: str) -> None:
    clean = parted(text, style=STYLE).text
    held = marked(clean, key, style=STYLE)
    found = parted(held, style=STYLE)
    assert (found.text, found.key) == (clean, key)


@pytest.mark.parametrize("wrap", ["<div>{}</div>", "{}<br>&nbsp;", "{}\n", "<p>{}</p>"])
def test_the_key_is_found_whatever_an_editor_puts_around_it(wrap: str) -> None:
    held = wrap.format(marked("<b>x</b>", "s:notes:a b/c", style=STYLE)).replace("key: ", "key:&nbsp;")
    assert parted(held, style=STYLE).key == "s:notes:a b/c"


def test_of_two_keys_the_last_one_counts() -> None:
    quoted = marked("somebody's", "s:notes:1", style=STYLE)
    assert parted(marked(quoted, "s:notes:2", style=STYLE), style=STYLE).key == "s:notes:2"
