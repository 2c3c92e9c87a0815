"""Files of the rehearsal Pipedrive: uploaded to the byte, described by a form, linked from elsewhere; and pictures."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pipedrive_tenant import ME, Asking, account

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xc0\x00\x11\x08" + struct.pack(
    ">HH", 256, 256
)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with account(tmp_path_factory.mktemp("files")) as asking:
        yield asking


@pytest.fixture(scope="module")
def deal(api: Asking) -> int:
    return int(api.post("deals", {"title": "Roof"})["id"])


def upload(api: Asking, name: str, content: bytes, **links: object) -> dict[str, Any]:
    answer = api.http.post("/v1/files", files={"file": (name, content)}, data={key: str(value) for key, value in links.items()})
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()["data"]
    return made


def picture(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", width, height) + b"\x08\x02\x00\x00\x00"


def test_a_file_is_answered_with_its_name_its_size_and_what_it_hangs_on(api: Asking, deal: int) -> None:
    made = upload(api, "plan.pdf", b"%PDF-1.7", deal_id=deal)
    assert (made["name"], made["file_size"], made["file_type"], made["user_id"]) == ("plan.pdf", 8, "pdf", ME)
    assert (made["deal_id"], made["deal_name"], made["person_id"]) == (deal, "Roof", None)
    assert made["file_name"].startswith("plan_")
    assert made["file_name"].endswith(".pdf")
    assert made["url"].endswith(f"/files/{made['id']}/download")
    assert (made["active_flag"], made["inline_flag"], made["description"]) == (True, False, None)
    assert api.get(f"/v1/files/{made['id']}") == made


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([b"\r\n", b"--", b"\r\n--X", b"\0", b"\xff\xfe", b"a", b'"', b"Content-Type: x\r\n\r\n"])))
def test_the_bytes_come_back_as_they_were(api: Asking, deal: int, parts: list[bytes]) -> None:
    content = b"".join(parts)
    number = upload(api, "a b – é.bin", content, deal_id=deal)["id"]
    answer = api.http.get(f"/v1/files/{number}/download")
    assert (answer.content, answer.headers["content-type"]) == (content, "application/octet-stream")


def test_a_file_is_described_afterwards_by_a_form(api: Asking, deal: int) -> None:
    number = upload(api, "a.txt", b"a", deal_id=deal)["id"]
    answer = api.http.put(f"/v1/files/{number}", data={"name": "Contract é.txt", "description": "signed & sealed"})
    assert (answer.json()["data"]["name"], answer.json()["data"]["description"]) == ("Contract é.txt", "signed & sealed")
    assert answer.json()["data"]["file_name"].startswith("a_")
    assert api.http.get(f"/v1/files/{number}/download").content == b"a"


def test_a_request_without_a_file_or_for_an_unknown_record_is_refused(api: Asking, deal: int) -> None:
    assert api.http.post("/v1/files", data={"deal_id": str(deal)}).status_code == 400
    assert api.http.post("/v1/files", content=b"--x", headers={"content-type": "multipart/form-data"}).status_code == 400
    wrong = api.http.post("/v1/files", files={"file": ("a", b"a")}, data={"deal_id": "99999"})
    assert (wrong.status_code, wrong.json()["success"]) == (400, False)
    api.refusal("GET", "/v1/files/99999", expect=404)
    api.refusal("GET", "/v1/files/99999/download", expect=404)


def test_one_file_may_hang_on_several_records_or_on_the_first_as_the_switch_says(
    api: Asking, deal: int, tmp_path: Path
) -> None:
    person = api.post("persons", {"name": "Ann"})["id"]
    made = upload(api, "a.txt", b"a", deal_id=deal, person_id=person)
    assert (made["deal_id"], made["person_id"], made["person_name"]) == (deal, person, "Ann")
    assert made["id"] in [row["id"] for row in api.get(f"/v1/persons/{person}/files")]
    with account(tmp_path, file_several_links="first", file_megabytes="0.001") as other:
        deal, person = other.post("deals", {"title": "Roof"})["id"], other.post("persons", {"name": "Ann"})["id"]
        made = upload(other, "a.txt", b"a", deal_id=deal, person_id=person)
        assert (made["deal_id"], made["person_id"]) == (deal, None)
        large = other.http.post("/v1/files", files={"file": ("a", b"a" * 1100)}, data={"deal_id": str(deal)})
        assert (large.status_code, "0.001 MB" in large.json()["error"]) == (400, True)


def test_a_download_leads_to_the_storage_where_the_switch_says_so(tmp_path: Path) -> None:
    with account(tmp_path, download="redirect") as api:
        number = upload(api, "a.txt", b"abc", deal_id=api.post("deals", {"title": "Roof"})["id"])["id"]
        answer = api.http.get(f"/v1/files/{number}/download")
        assert (answer.status_code, answer.content) == (302, b"")
        assert api.http.get(answer.headers["location"]).content == b"abc"


def test_files_are_listed_a_hundred_a_page_at_most(api: Asking) -> None:
    page = api.send("GET", "/v1/files", limit=500).json()["additional_data"]["pagination"]
    assert page["limit"] == 100
    two = [upload(api, "a.txt", b"a", org_id=api.post("organizations", {"name": "A"})["id"])["id"] for _ in range(2)]
    newest = [row["id"] for row in api.get("/v1/files", sort="id DESC", limit=2)]
    assert newest == two[::-1]


def test_a_deleted_file_is_gone_with_its_bytes_out_of_reach(api: Asking, deal: int) -> None:
    number = upload(api, "a.txt", b"a", deal_id=deal)["id"]
    assert api.delete(f"/v1/files/{number}") == {"id": number}
    api.refusal("GET", f"/v1/files/{number}", expect=404)
    api.refusal("GET", f"/v1/files/{number}/download", expect=404)
    assert number not in [row["id"] for row in api.get(f"/v1/deals/{deal}/files")]


def test_a_file_on_google_drive_is_made_or_linked_by_a_form(api: Asking, deal: int) -> None:
    item = {"item_type": "deal", "item_id": str(deal), "remote_location": "googledrive"}
    made = api.http.post("/v1/files/remote", data={"file_type": "gdoc", "title": "Offer", **item}).json()["data"]
    assert (made["name"], made["file_type"], made["remote_location"], made["deal_id"]) == ("Offer", "gdoc", "googledrive", deal)
    linked = api.http.post("/v1/files/remoteLink", data={"remote_id": "drive-7", **item}).json()["data"]
    assert (linked["remote_id"], linked["deal_id"]) == ("drive-7", deal)
    for wrong in (
        {"file_type": "exe"},
        {"title": ""},
        {"item_type": "product"},
        {"remote_location": "dropbox"},
        {"item_id": "9999"},
    ):
        answer = api.http.post("/v1/files/remote", data={"file_type": "gdoc", "title": "Offer", **item, **wrong})
        assert answer.status_code == 400, wrong


def test_a_square_picture_of_128_pixels_is_taken_and_everything_else_refused(api: Asking) -> None:
    person = api.post("persons", {"name": "Ann"})["id"]
    path = f"/v1/persons/{person}/picture"
    for content in (picture(128, 256), picture(64, 64), b"not a picture", b""):
        assert api.http.post(path, files={"file": ("a.png", content)}).status_code == 400
    api.refusal("GET", f"persons/{person}/picture", expect=404)
    made = api.http.post(path, files={"file": ("a.png", picture(128, 128))}).json()["data"]
    assert (made["item_id"], sorted(made["pictures"])) == (person, ["128", "512"])
    assert api.get(f"persons/{person}")["picture_id"] == made["id"]
    crop = {"crop_x": "0", "crop_y": "0", "crop_width": "128", "crop_height": "128"}
    assert api.http.post(path, files={"file": ("a.png", picture(300, 200))}, data=crop).status_code == 200
    replaced = api.http.post(path, files={"file": ("a.jpg", JPEG)}).json()["data"]["id"]
    assert api.get(f"persons/{person}/picture")["id"] == replaced
    assert api.delete(path) == {"id": replaced}
    assert api.get(f"persons/{person}")["picture_id"] is None
