"""Notes of the rehearsal Pipedrive: what they hang on, how they are dated, pinned, cleaned and commented on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pipedrive_tenant import DANA, ME, Asking, account

from workbench.rehearsal import canonical


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with account(tmp_path_factory.mktemp("notes")) as asking:
        yield asking


@pytest.fixture
def deal(api: Asking) -> int:
    return int(api.post("deals", {"title": "Roof"})["id"])


def note(api: Asking, content: str = "Called", **keys: Any) -> dict[str, Any]:
    made: dict[str, Any] = api.post("/v1/notes", {"content": content, **keys})
    return made


def test_a_note_shows_its_author_and_the_names_of_what_it_hangs_on(api: Asking, deal: int) -> None:
    person = api.post("persons", {"name": "Ann Lee"})["id"]
    lead = api.post("/v1/leads", {"title": "Gutter", "person_id": person})["id"]
    made = note(api, deal_id=deal, person_id=person, lead_id=lead)
    assert (made["deal"], made["person"], made["lead"]) == ({"title": "Roof"}, {"name": "Ann Lee"}, {"title": "Gutter"})
    assert (made["organization"], made["org_id"], made["project_id"]) == (None, None, None)
    assert made["user"] == {
        "email": "migration.admin@brightroof.example",
        "name": "Morgan Ellery",
        "icon_url": None,
        "is_you": True,
    }
    assert api.get(f"/v1/notes/{made['id']}") == made


def test_a_note_without_a_record_or_without_content_is_refused(api: Asking, deal: int) -> None:
    assert "deal_id" in api.refusal("POST", "/v1/notes", {"content": "x"})
    assert "content" in api.refusal("POST", "/v1/notes", {"content": "  ", "deal_id": deal})
    assert "content" in api.refusal("POST", "/v1/notes", {"deal_id": deal})


def test_a_note_on_a_record_that_is_not_there_is_refused(api: Asking) -> None:
    for wrong in ({"deal_id": 987654}, {"lead_id": "no-such-lead"}, {"project_id": 1}, {"deal_id": True}, {"deal_id": 2**70}):
        assert "was not found" in api.refusal("POST", "/v1/notes", {"content": "x", **wrong})


def test_a_note_keeps_the_date_that_it_is_given_and_its_own_change_time(api: Asking, deal: int) -> None:
    old, ahead = (
        note(api, deal_id=deal, add_time="2019-03-04 05:06:07"),
        note(api, deal_id=deal, add_time="2031-01-01 00:00:00"),
    )
    assert (old["add_time"], ahead["add_time"]) == ("2019-03-04 05:06:07", "2031-01-01 00:00:00")
    assert old["update_time"] > "2026"
    changed = api.send("PUT", f"/v1/notes/{old['id']}", {"content": "Called twice"}).json()["data"]
    assert (changed["add_time"], changed["content"]) == ("2019-03-04 05:06:07", "Called twice")
    assert changed["last_update_user_id"] == ME
    assert "add_time" in api.refusal("POST", "/v1/notes", {"content": "x", "deal_id": deal, "add_time": "yesterday"})


def test_a_pin_goes_in_as_a_number_and_comes_out_as_a_boolean(api: Asking, deal: int) -> None:
    made = note(api, deal_id=deal, pinned_to_deal_flag=1, pinned_to_person_flag=0)
    assert (made["pinned_to_deal_flag"], made["pinned_to_person_flag"]) == (True, False)
    unpinned = api.send("PUT", f"/v1/notes/{made['id']}", {"pinned_to_deal_flag": 0}).json()["data"]
    assert unpinned["pinned_to_deal_flag"] is False
    for wrong in ({"pinned_to_deal_flag": True}, {"pinned_to_person_flag": 1}):
        assert next(iter(wrong)) in api.refusal("POST", "/v1/notes", {"content": "x", "deal_id": deal, **wrong})


def test_scripts_and_comments_are_taken_out_of_a_note_and_simple_tags_stay(api: Asking, deal: int) -> None:
    made = note(
        api,
        "<p onclick='x()'>A <b>bold</b> &amp; <i>fine</i><script>bad()</script><!-- id:7 --></p><ul><li>1</li></ul>",
        deal_id=deal,
    )
    assert made["content"] == "<p>A <b>bold</b> &amp; <i>fine</i></p><ul><li>1</li></ul>"


def test_a_note_is_kept_as_it_is_where_the_switch_says_so(tmp_path: Path) -> None:
    with account(tmp_path, note_html="keep", note_kilobytes="1") as api:
        deal = api.post("deals", {"title": "Roof"})["id"]
        assert note(api, "a<!-- id:7 --><script>", deal_id=deal)["content"] == "a<!-- id:7 --><script>"
        assert "1 KB" in api.refusal("POST", "/v1/notes", {"content": "é" * 513, "deal_id": deal})


def test_an_admin_may_name_another_author_who_exists(api: Asking, deal: int) -> None:
    assert note(api, deal_id=deal, user_id=DANA)["user_id"] == DANA
    assert "User" in api.refusal("POST", "/v1/notes", {"content": "x", "deal_id": deal, "user_id": 5})


def test_notes_are_listed_by_record_pin_and_date_in_pages(api: Asking) -> None:
    deal = api.post("deals", {"title": "Many"})["id"]
    made = [note(api, f"n{n}", deal_id=deal, add_time=f"2020-01-0{n} 00:00:00")["id"] for n in range(1, 6)]
    first = api.send("GET", "/v1/notes", deal_id=deal, limit=2).json()
    assert [row["id"] for row in first["data"]] == made[:2]
    assert first["additional_data"]["pagination"] == {
        "start": 0,
        "limit": 2,
        "more_items_in_collection": True,
        "next_start": 2,
    }
    last = api.send("GET", "/v1/notes", deal_id=deal, limit=2, start=4).json()
    assert last["additional_data"]["pagination"] == {"start": 4, "limit": 2, "more_items_in_collection": False}
    newest = api.get("/v1/notes", deal_id=deal, sort="add_time DESC")
    assert [row["id"] for row in newest] == made[::-1]
    between = api.get("/v1/notes", deal_id=deal, start_date="2020-01-02", end_date="2020-01-03")
    assert [row["id"] for row in between] == made[1:3]
    assert api.get("/v1/notes", deal_id=deal, pinned_to_deal_flag=1) is None
    assert len(api.get("/v1/notes", deal_id=deal, updated_since="2026-01-01T00:00:00Z")) == 5
    assert api.get("/v1/notes", deal_id=deal, updated_since="2040-01-01T00:00:00Z") is None


def test_comments_hang_on_their_note_and_go_with_it(api: Asking, deal: int) -> None:
    path = f"/v1/notes/{note(api, deal_id=deal)['id']}"
    made = api.post(f"{path}/comments", {"content": "Yes"})
    assert (made["object_id"], made["object_type"], made["user_id"]) == (path.rpartition("/")[2], "note", ME)
    assert api.get(f"{path}/comments/{made['uuid']}") == made
    changed = api.send("PUT", f"{path}/comments/{made['uuid']}", {"content": "No"}).json()["data"]
    assert [row["content"] for row in api.get(f"{path}/comments")] == [changed["content"]] == ["No"]
    assert api.delete(f"{path}/comments/{made['uuid']}") is True
    api.refusal("GET", f"{path}/comments/{made['uuid']}", expect=404)


def test_a_deleted_note_is_gone_and_can_be_read_where_the_switch_says_so(api: Asking, deal: int, tmp_path: Path) -> None:
    number = note(api, deal_id=deal)["id"]
    assert api.delete(f"/v1/notes/{number}") is True
    assert api.refusal("GET", f"/v1/notes/{number}", expect=404) == "Note not found"
    with account(tmp_path, deleted_record="answer") as other:
        number = note(other, deal_id=other.post("deals", {"title": "Roof"})["id"])["id"]
        other.delete(f"/v1/notes/{number}")
        assert other.get(f"/v1/notes/{number}")["active_flag"] is False
        other.refusal("PUT", f"/v1/notes/{number}", {"content": "x"}, expect=404)


def test_taking_everything_back_leaves_the_tenant_as_it_was(api: Asking) -> None:
    before = canonical(api.stand_in.dump())
    org, linked = (api.post("organizations", {"name": name})["id"] for name in ("A", "B"))
    deal = api.post("deals", {"title": "Gone", "org_id": org})["id"]
    lead = api.post("/v1/leads", {"title": "Gone", "organization_id": org})["id"]
    number = note(api, deal_id=deal, lead_id=lead)["id"]
    api.post(f"/v1/notes/{number}/comments", {"content": "Yes"})
    file = api.http.post("/v1/files", files={"file": ("a.txt", b"a")}, data={"deal_id": str(deal)}).json()["data"]["id"]
    api.post("/v1/organizationRelationships", {"type": "related", "rel_owner_org_id": org, "rel_linked_org_id": linked})
    call = {"outcome": "busy", "to_phone_number": "1", "start_time": "2026-01-01 10:00:00", "end_time": "2026-01-01 10:01:00"}
    logged = api.post("/v1/callLogs", {**call, "deal_id": deal})["id"]
    field = api.post("/v1/dealFields", {"name": "Gone", "field_type": "enum", "options": [{"label": "x"}]})["id"]
    for path in (f"files/{file}", f"callLogs/{logged}", f"notes/{number}", f"leads/{lead}", f"dealFields/{field}"):
        api.delete(f"/v1/{path}")
    for path in (f"deals/{deal}", f"organizations/{org}", f"organizations/{linked}"):
        api.delete(path)
    assert canonical(api.stand_in.dump()) == before


def test_what_lies_in_the_bin_for_thirty_days_is_purged(tmp_path: Path) -> None:
    with account(tmp_path, scale=30 * 86_400 * 10) as api:
        deal = api.post("deals", {"title": "Roof"})["id"]
        number = note(api, deal_id=deal)["id"]
        api.delete(f"/v1/notes/{number}")
        for _ in range(100):
            if not api.stand_in.dump()["recycle_bin"]:
                return
        raise AssertionError("the note still lies in the bin")
