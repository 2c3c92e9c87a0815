"""Files and links of the rehearsal Freshsales: every byte comes back, and limits are told in words."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from freshsales_account import Started, client, contact, made, messages, upload
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.rehearsal import Rehearsal, canonical

SUITE = Path(__file__).parents[2] / "workbench" / "rehearsal" / "tenants" / "freshsales_suite.toml"
MEGABYTE = 1024 * 1024
BOUNDARY = b"--tear-here"


@pytest.fixture(scope="module")
def owner(suite: Rehearsal) -> dict[str, str]:
    with client(suite) as http:
        person = contact(http, email="files@brightroof.example")
    return {"targetable_type": "Contact", "targetable_id": str(person["id"])}


def test_a_file_answers_id_msg_and_url_and_is_listed_with_its_parent(api: httpx.Client, owner: dict[str, str]) -> None:
    answer = upload(api, b"%PDF-1.7", is_shared="true", **owner)  # §2.11
    listed = api.get(f"/contacts/{owner['targetable_id']}/document_associations").json()

    assert list(answer.json()) == ["id", "msg", "url"]
    assert list(listed) == ["users", "documents", "document_links"]
    assert list(listed["documents"][0]) == [
        "id", "url", "name", "is_shared", "content_file_size", "content_content_type", "content_updated_at",
        "content_file_size_readable", "created_at", "is_attached", "creater_id",
    ]  # fmt: skip
    shown = listed["documents"][0]
    assert (shown["name"], shown["is_shared"], shown["content_file_size"]) == ("plan.pdf", True, 8)
    assert (shown["content_file_size_readable"], shown["content_content_type"]) == ("8 Bytes", "application/pdf")
    assert [user["id"] for user in listed["users"]] == [shown["creater_id"]]


def test_a_link_goes_bare_and_is_listed_beside_the_files(api: httpx.Client) -> None:
    account = made(api, "/sales_accounts", name="Linked Roofs")
    link = {"url": "https://photos.example/roof", "name": "Photos", "is_shared": True}

    answer = api.post("/document_links", json={**link, "targetable_type": "SalesAccount", "targetable_id": account["id"]})
    listed = api.get(f"/sales_accounts/{account['id']}/document_associations").json()

    assert list(answer.json()) == ["id", "msg", "url"]
    assert list(listed["document_links"][0]) == ["id", "url", "name", "is_shared", "created_at", "is_attached", "creater_id"]
    assert {key: listed["document_links"][0][key] for key in link} == link
    assert listed["documents"] == []


@given(
    content=st.lists(
        st.one_of(st.binary(max_size=40), st.sampled_from([b"\r\n", b"\n", b"\r", b"--", BOUNDARY, b"\r\n" + BOUNDARY[:-1]]))
    ).map(b"".join)
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_byte_of_a_file_comes_back(suite: Rehearsal, owner: dict[str, str], content: bytes) -> None:
    if b"\r\n" + BOUNDARY in content:
        return  # no form can carry its own boundary
    lines = [
        b'Content-Disposition: form-data; name="%s"\r\n\r\n%s' % (key.encode(), text.encode()) for key, text in owner.items()
    ]
    lines.append(
        b'Content-Disposition: form-data; name="file"; filename="raw.bin"\r\nContent-Type: image/png\r\n\r\n' + content
    )
    body = b"".join(BOUNDARY + b"\r\n" + line + b"\r\n" for line in lines) + BOUNDARY + b"--\r\n"
    with client(suite) as http:
        answer = http.post("/documents", content=body, headers={"Content-Type": "multipart/form-data; boundary=tear-here"})
        back = http.get(answer.json()["url"])

    assert back.content == content
    assert (back.headers["content-type"], back.headers["x-content-type-options"]) == ("image/png", "nosniff")


def test_a_large_file_survives_and_its_odd_name_too(api: httpx.Client, owner: dict[str, str]) -> None:
    content = bytes(range(256)) * 12_000

    back = api.get(upload(api, content, name='Größe "3".pdf', **owner).json()["url"])

    assert back.content == content
    assert back.headers["content-disposition"] == "attachment; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%223%22.pdf"


def test_a_type_that_is_none_is_kept_as_plain_bytes(api: httpx.Client, owner: dict[str, str]) -> None:
    answer = api.post("/documents", files={"file": ("x", b"x", "text/html\tevil; a=b")}, data=owner)

    assert api.get(answer.json()["url"]).headers["content-type"] == "application/octet-stream"


def test_only_the_key_opens_a_file(suite: Rehearsal, api: httpx.Client, owner: dict[str, str]) -> None:
    url = upload(api, b"secret roof", **owner).json()["url"]

    assert httpx.get(url, trust_env=False).status_code == 401
    with client(suite) as http:
        assert http.get(url).content == b"secret roof"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"targetable_type": "Contact", "targetable_id": "1"}, "Targetable is invalid"),
        ({"targetable_type": "Invoice", "targetable_id": "31000000001"}, "Targetable is invalid"),
        ({}, "Targetable is invalid"),
    ],
)
def test_a_file_needs_a_parent_that_is_there(api: httpx.Client, fields: dict[str, str], words: str) -> None:
    assert messages(upload(api, b"x", **fields)) == [words]


def test_a_body_that_is_no_form_is_refused_in_words(api: httpx.Client, owner: dict[str, str]) -> None:
    multipart = {"Content-Type": "multipart/form-data; boundary=b"}

    assert messages(api.post("/documents", json=owner)) == ["The request is not multipart/form-data"]
    assert messages(api.post("/documents", content=b"no part", headers=multipart)) == ["The multipart body cannot be read"]
    assert messages(api.post("/documents", content=b"", headers={"Content-Type": "multipart/form-data"})) == [
        "The multipart body cannot be read"
    ]
    assert messages(api.post("/documents", files={"other": ("x", b"x")}, data=owner)) == ["File can't be blank"]
    for url, said in ((None, "Url can't be blank"), ("roof", "Url is invalid"), (7, "Url is invalid")):
        assert messages(api.post("/document_links", json={**owner, "url": url})) == [said]


def test_the_plan_and_its_storage_hold(started: Started, tmp_path: Path) -> None:  # §2.11 Size
    recipe = tmp_path / "small.toml"
    recipe.write_text(SUITE.read_text("utf-8").replace("[account]", "[account]\nstorage_megabytes = 1", 1), "utf-8")
    _, free = started(plan="free")
    _, small = started(tenant=str(recipe))

    def given_to(http: httpx.Client) -> dict[str, str]:
        return {"targetable_type": "Contact", "targetable_id": str(contact(http, email="s@brightroof.example")["id"])}

    none = upload(free, b"x", **given_to(free))
    owner = given_to(small)
    sizes = [upload(small, b"x" * (MEGABYTE // 2), **owner) for _ in range(3)]

    assert (none.status_code, messages(none)) == (403, ["Your plan has no file storage"])
    assert [answer.status_code for answer in sizes] == [200, 200, 400]
    assert messages(sizes[-1]) == ["File storage limit exceeded"]


def test_files_and_links_go_with_their_parent(started: Started) -> None:
    stand_in, http = started()
    before = canonical(stand_in.dump())
    person = contact(http, email="going@brightroof.example")
    target = {"targetable_type": "Contact", "targetable_id": str(person["id"])}
    url = upload(http, b"x", **target).json()["url"]
    http.post("/document_links", json={"url": "https://x.example", **target})
    http.post("/phone_calls", data={"phone_call[targetable_type]": "Contact", "phone_call[targetable][id]": str(person["id"])},
              files={"phone_call[ignored]": ("", b"")})  # fmt: skip

    http.delete(f"/contacts/{person['id']}")
    binned = http.get(url).status_code
    http.delete(f"/contacts/{person['id']}/forget")

    assert binned == 404
    assert canonical(stand_in.dump()) == before


def test_a_deleted_file_is_gone_and_each_stands_in_the_dump_by_its_digest(started: Started) -> None:
    stand_in, http = started(attachment_delete="accept")
    person = contact(http, email="kept@brightroof.example")
    target = {"targetable_type": "Contact", "targetable_id": str(person["id"])}
    one, two = (upload(http, content, **target).json() for content in (b"one", b"two"))

    kept = stand_in.dump()["records"]["documents"]
    gone = http.delete(f"/documents/{one['id']}")

    assert len({row["content_sha256"] for row in kept.values()}) == 2
    assert gone.json() == {"success": "200"}
    assert (http.get(one["url"]).status_code, http.get(two["url"]).content) == (404, b"two")


def test_a_product_has_files_too_and_takes_them_along(started: Started) -> None:  # §2.11 targetable_type
    stand_in, http = started(plan="enterprise")
    before = canonical(stand_in.dump())
    product = http.post("/cpq/products", json={"product": {"name": "Shingle"}}).json()["product"]
    listing = f"/cpq/products/{product['id']}/document_associations"

    upload(http, b"sheet", targetable_type="Product", targetable_id=str(product["id"]))
    http.delete(f"/cpq/products/{product['id']}")
    binned = canonical(stand_in.dump())
    http.put(f"/cpq/products/{product['id']}/restore")

    assert binned == before
    assert [row["name"] for row in http.get(listing).json()["documents"]] == ["plan.pdf"]


def test_every_file_and_link_of_a_record_is_listed(api: httpx.Client) -> None:  # §2.11 List
    person = contact(api, email="every.file@brightroof.example")["id"]
    whom = {"targetable_type": "Contact", "targetable_id": str(person)}
    files = [upload(api, b"x", name, **whom).json()["id"] for name in ("a.pdf", "b.pdf", "c.pdf")]
    links = [api.post("/document_links", json={"url": f"https://x.example/{n}", **whom}).json()["id"] for n in (1, 2)]
    listed = api.get(f"/contacts/{person}/document_associations").json()
    assert [row["id"] for row in listed["documents"]] == files
    assert [row["id"] for row in listed["document_links"]] == links
