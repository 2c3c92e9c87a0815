"""The official Pipedrive client for Node, as published, writes and reads the rehearsal."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sdk import Sdk, calling
from talking import ClientError, a_file, content_of

from workbench.rehearsal import Rehearsal, running

pytestmark = pytest.mark.clients
KEY = "rehearsal-key-6d17"


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """A new account without limits."""
    state = tmp_path_factory.mktemp("pipedrive") / "state.sqlite"
    with running("pipedrive", state=state, token=KEY, time_scale=1000, switches={"limits": "off"}) as stand_in:
        yield stand_in


@pytest.fixture(scope="module")
def sdk(tenant: Rehearsal) -> Iterator[Sdk]:
    with calling(tenant, key=KEY) as client:
        yield client


@pytest.fixture
def firm(sdk: Sdk) -> tuple[int, int, int]:
    """An organization, a person in it, and a deal of both."""
    organization = sdk.data("v2.OrganizationsApi.addOrganization", AddOrganizationRequest={"name": "Bell & Söhne"})["id"]
    person = sdk.data("v2.PersonsApi.addPerson", AddPersonRequest={"name": "Ann Bell", "org_id": organization})["id"]
    wish = {"title": "Roof", "person_id": person, "org_id": organization, "value": 1250.5, "currency": "USD"}
    return organization, person, sdk.data("v2.DealsApi.addDeal", AddDealRequest=wish)["id"]


LIVES: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "organizations": (
        "v2.OrganizationsApi",
        "Organization",
        {"name": "Öl & Gas", "add_time": "2019-03-04T05:06:07Z", "visible_to": 3, "website": "https://oil.example"},
        {"name": "Öl", "employee_count": 12},
    ),
    "persons": (
        "v2.PersonsApi",
        "Person",
        {
            "name": "Dana Otis",
            "emails": [{"value": "dana@otis.example", "primary": True, "label": "home"}],
            "phones": [{"value": "+1 614 555 0190", "primary": True, "label": "mobile"}],
            "add_time": "2019-03-04T05:06:07Z",
        },
        {"emails": [{"value": "d@otis.example", "primary": True, "label": "work"}]},
    ),
    "deals": (
        "v2.DealsApi",
        "Deal",
        {"title": "Gym", "value": 990, "currency": "CAD", "status": "won", "won_time": "2020-02-03T04:05:06Z"},
        {"title": "Gymnasium", "expected_close_date": "2027-01-15"},
    ),
    "activities": (
        "v2.ActivitiesApi",
        "Activity",
        {
            "subject": "Visit",
            "type": "meeting",
            "due_date": "2021-05-06",
            "due_time": "09:30",
            "duration": "01:00",
            "done": True,
        },
        {"subject": "Second visit", "note": "<p>On the roof</p>"},
    ),
    "products": (
        "v2.ProductsApi",
        "Product",
        {"name": "Slate", "code": "0042", "unit": "m²", "prices": [{"currency": "USD", "price": 12.5, "cost": 7}]},
        {"name": "Welsh slate"},
    ),
}


@pytest.mark.parametrize("kind", LIVES)
def test_a_record_lives_and_ends_as_the_client_says(sdk: Sdk, kind: str) -> None:
    api, one, first, change = LIVES[kind]
    made = sdk.data(f"{api}.add{one}", **{f"Add{one}Request": first})
    _reads(sdk, kind, made["id"], first)
    body = f"{'Add' if one == 'Activity' else 'Update'}{one}Request"
    sdk.data(f"{api}.update{one}", id=made["id"], **{body: change})
    _reads(sdk, kind, made["id"], {**first, **change})
    assert sdk.data(f"{api}.delete{one}", id=made["id"]) == {"id": made["id"]}
    assert sdk.where(kind, made["id"]) == "recycle_bin"
    with pytest.raises(ClientError) as caught:
        sdk(f"{api}.get{one}", id=made["id"])
    assert (caught.value.kind, caught.value.said["success"]) == ("rejected", False)


def _reads(sdk: Sdk, kind: str, number: int, expected: dict[str, Any]) -> None:
    """The client reads what it wrote, and the tenant holds it."""
    api, one, _, _ = LIVES[kind]
    read, held = sdk.data(f"{api}.get{one}", id=number), sdk.held(kind, number)
    for name, value in expected.items():
        assert _like(read[name], value), (name, read[name])
        if name not in TIMES:
            assert _like(held[name], value), (name, held[name])


TIMES = ("add_time", "won_time", "due_time", "duration")
"""What the tenant holds in a form of its own; the answer says whether it is right."""


def _like(found: Any, sent: Any) -> bool:
    """Whether all that was sent is there; times may carry seconds, and rows more keys."""
    if isinstance(sent, list):
        return len(found) == len(sent) and all(_like(one, other) for one, other in zip(found, sent, strict=True))
    if isinstance(sent, dict):
        return all(_like(found[key], value) for key, value in sent.items())
    return bool(found == sent or (isinstance(sent, str) and len(sent) == 5 and found == f"{sent}:00"))


def test_links_arrive_and_can_be_listed_from_both_ends(sdk: Sdk, firm: tuple[int, int, int]) -> None:
    organization, person, deal = firm
    other = sdk.data("v2.PersonsApi.addPerson", AddPersonRequest={"first_name": "Bo", "last_name": "Reyes"})["id"]
    sdk.data("v1.DealsApi.addDealParticipant", id=deal, AddDealParticipantRequest={"person_id": other})
    assert {row["id"] for row in sdk.data("v2.PersonsApi.getPersons", deal_id=deal)} == {person, other}
    assert [row["id"] for row in sdk.data("v2.DealsApi.getDeals", org_id=organization)] == [deal]
    assert sorted(sdk.held("deals", deal)["participants"]) == sorted([person, other])
    visit = {"subject": "Visit", "type": "call", "deal_id": deal, "participants": [{"person_id": person, "primary": True}]}
    activity = sdk.data("v2.ActivitiesApi.addActivity", AddActivityRequest=visit)
    assert (activity["person_id"], activity["deal_id"]) == (person, deal)
    assert [row["id"] for row in sdk.data("v2.ActivitiesApi.getActivities", deal_id=deal)] == [activity["id"]]


def test_a_cursor_brings_every_person_once(sdk: Sdk) -> None:
    for number in range(23):
        sdk.data("v2.PersonsApi.addPerson", AddPersonRequest={"name": f"Paged {number}"})
    before = len(sdk.tenant.log())
    seen: list[int] = []
    at: dict[str, str] = {}
    while True:
        page = sdk("v2.PersonsApi.getPersons", limit=7, sort_by="id", sort_direction="desc", **at)
        seen += [row["id"] for row in page["data"]]
        at = {"cursor": page["additional_data"]["next_cursor"]}
        if at["cursor"] is None:
            break
    held = sorted((int(number) for number in sdk.tenant.dump()["records"]["persons"]), reverse=True)
    assert seen == held
    lines = sdk.tenant.log(before)["path"]
    assert len(lines) == -(-len(held) // 7)
    assert lines.str.contains("cursor=").tolist() == [False] + [True] * (len(lines) - 1)


def test_a_note_keeps_its_date_and_its_place(sdk: Sdk, firm: tuple[int, int, int]) -> None:
    organization, person, deal = firm
    wish = {"content": "<p>Wants <b>slate</b></p>", "deal_id": deal, "person_id": person, "org_id": organization}
    wish |= {"add_time": "2018-07-06 05:04:03", "pinned_to_deal_flag": 1}
    made = sdk.data("v1.NotesApi.addNote", AddNoteRequest=wish)
    assert (made["add_time"], made["pinned_to_deal_flag"]) == ("2018-07-06 05:04:03", True)
    assert (made["deal"]["title"], made["person"]["name"], made["organization"]["name"]) == ("Roof", "Ann Bell", "Bell & Söhne")
    assert sdk.held("notes", made["id"])["content"] == wish["content"]
    sdk.data("v1.NotesApi.updateNote", id=made["id"], NoteRequest={"content": "Wants tile"})
    assert [row["content"] for row in sdk.data("v1.NotesApi.getNotes", deal_id=deal)] == ["Wants tile"]
    sdk.data("v1.NotesApi.addNoteComment", id=made["id"], CommentPostPutObject={"content": "Sure?"})
    assert [row["content"] for row in sdk.data("v1.NotesApi.getNoteComments", id=made["id"])] == ["Sure?"]
    sdk("v1.NotesApi.deleteNote", id=made["id"])
    assert sdk.where("notes", made["id"]) != "records"
    assert sdk.data("v1.NotesApi.getNotes", deal_id=deal) in ([], None)


@pytest.mark.parametrize(
    ("name", "size"),
    [("plan ü.pdf", 300_000), ("empty.txt", 0), ("100% 'Ähre'.bin", 1000)],
    ids=["large", "empty", "odd"],
)
def test_a_file_comes_back_byte_for_byte(sdk: Sdk, firm: tuple[int, int, int], name: str, size: int) -> None:
    content = random.Random(size).randbytes(size) + b"\r\n--boundary\r\n\r\n\0" * (size > 0)
    made = sdk.data("v1.FilesApi.addFile", file=a_file(name, "application/octet-stream", content), deal_id=firm[2])
    assert (made["name"], made["file_size"], made["deal_id"]) == (name, len(content), firm[2])
    assert sdk.held("files", made["id"])["deal_id"] == firm[2]
    assert content_of(sdk("v1.FilesApi.downloadFile", id=made["id"])) == content
    changed = sdk.data("v1.FilesApi.updateFile", id=made["id"], name="plan.pdf", description="Höhe 3 m")
    assert (changed["name"], changed["description"]) == ("plan.pdf", "Höhe 3 m")
    listed = sdk.data("v1.DealsApi.getDealFiles", id=firm[2])
    assert [(row["id"], row["name"]) for row in listed] == [(made["id"], "plan.pdf")]
    sdk("v1.FilesApi.deleteFile", id=made["id"])
    assert sdk.where("files", made["id"]) != "records"


VALUES: dict[str, Any] = {
    "varchar": "Ähren",
    "text": "Two\nlines",
    "double": 12.5,
    "monetary": {"value": 500, "currency": "USD"},
    "date": "2024-02-29",
    "daterange": {"value": "2024-01-01", "until": "2024-01-31"},
    "time": {"value": "09:00:00", "timezone_name": "Europe/London"},
    "phone": "+1 614 555 0190",
    "address": {"value": "1 Elm St"},
}


@pytest.mark.parametrize("object_", ["deal", "person", "organization", "product"])
def test_fields_and_their_options_are_made_and_used(sdk: Sdk, object_: str) -> None:
    title = object_.capitalize()
    api = f"v2.{title}FieldsApi"
    body = {"field_name": "Roof type", "field_type": "set", "options": [{"label": "Slate"}, {"label": "Tile"}]}
    made = sdk.data(f"{api}.add{title}Field", **{f"Add{title}FieldRequest": body})
    code, (slate, tile) = made["field_code"], (row["id"] for row in made["options"])
    assert (len(code), made["is_custom_field"]) == (40, True)
    added = sdk.data(f"{api}.add{title}FieldOptions", field_code=code, AddDealFieldOptionsRequestInner=[{"label": "Thatch"}])
    thatch = added[0]["id"]
    renamed = [{"id": tile, "label": "Clay tile"}]
    sdk.data(f"{api}.update{title}FieldOptions", field_code=code, UpdateDealFieldOptionsRequestInner=renamed)
    sdk.data(f"{api}.delete{title}FieldOptions", field_code=code, DeleteDealFieldOptionsRequestInner=[{"id": slate}])
    options = sdk.data(f"{api}.get{title}Field", field_code=code)["options"]
    assert [(row["id"], row["label"]) for row in options] == [(tile, "Clay tile"), (thatch, "Thatch")]
    number = _with_fields(sdk, object_, {code: [tile, thatch]})
    assert sdk.held(f"{object_}s", number)["custom_fields"][code] == [tile, thatch]
    sdk.data(f"{api}.update{title}Field", field_code=code, **{f"Update{title}FieldRequest": {"field_name": "Roof"}})
    assert code in {row["field_code"] for row in _all_fields(sdk, f"{api}.get{title}Fields") if row["field_name"] == "Roof"}
    sdk.data(f"{api}.delete{title}Field", field_code=code)
    assert code not in {row["field_code"] for row in _all_fields(sdk, f"{api}.get{title}Fields")}


def _with_fields(sdk: Sdk, object_: str, custom: dict[str, Any]) -> int:
    title = object_.capitalize()
    named = {"title" if object_ == "deal" else "name": "With fields"}
    body = {f"Add{title}Request": {**named, "custom_fields": custom}}
    made = sdk.data(f"v2.{title}sApi.add{title}", **body)
    assert {code: made["custom_fields"][code] for code in custom} == custom
    number: int = made["id"]
    return number


def _all_fields(sdk: Sdk, call: str) -> list[dict[str, Any]]:
    rows, cursor = [], None
    while True:
        page = sdk(call, limit=20, **({"cursor": cursor} if cursor else {}))
        rows += page["data"]
        cursor = page["additional_data"]["next_cursor"]
        if cursor is None:
            return rows


def test_values_of_every_kind_read_back_as_written(sdk: Sdk) -> None:
    codes = {}
    for kind in VALUES:
        body = {"field_name": f"A {kind}", "field_type": kind}
        codes[kind] = sdk.data("v2.DealFieldsApi.addDealField", AddDealFieldRequest=body)["field_code"]
    wish = {"title": "Valued", "custom_fields": {codes[kind]: value for kind, value in VALUES.items()}}
    made = sdk.data("v2.DealsApi.addDeal", AddDealRequest=wish)["id"]
    read = sdk.data("v2.DealsApi.getDeal", id=made)["custom_fields"]
    for kind, value in VALUES.items():
        assert _like(read[codes[kind]], value), kind
    bare = sdk.data("v2.DealsApi.addDeal", AddDealRequest={"title": "Bare"})["custom_fields"]
    assert set(read) == set(bare)
    assert {bare[code] for code in codes.values()} == {None}


def test_a_deal_takes_lines(sdk: Sdk, firm: tuple[int, int, int]) -> None:
    product = sdk.data("v2.ProductsApi.addProduct", AddProductRequest={"name": "Gutter"})["id"]
    line = {"product_id": product, "item_price": 35, "quantity": 3}
    made = sdk.data("v2.DealProductsApi.addDealProduct", id=firm[2], AddDealProductRequest=line)
    assert (made["product_id"], made["sum"]) == (product, 105)
    many = {"data": [{**line, "quantity": quantity} for quantity in (1, 2)]}
    sdk.data("v2.DealProductsApi.addManyDealProducts", id=firm[2], CreateManyDealProductRequest=many)
    listed = sdk.data("v2.DealProductsApi.getDealProducts", id=firm[2])
    assert sorted(row["quantity"] for row in listed) == [1, 2, 3]
    assert sdk.data("v2.DealsApi.getDeal", id=firm[2])["value"] == 210


def test_a_lead_is_made_labelled_archived_and_deleted(sdk: Sdk, firm: tuple[int, int, int]) -> None:
    label = sdk.data("v1.LeadLabelsApi.addLeadLabel", AddLeadLabelRequest={"name": "Storm", "color": "blue"})["id"]
    wish = {"title": "Hail", "organization_id": firm[0], "label_ids": [label], "value": {"amount": 5, "currency": "USD"}}
    made = sdk.data("v1.LeadsApi.addLead", AddLeadRequest=wish)
    assert (made["label_ids"], made["value"], made["organization_id"]) == ([label], wish["value"], firm[0])
    sdk.data("v1.LeadsApi.updateLead", id=made["id"], UpdateLeadRequest={"title": "Hailstorm"})
    assert sdk.data("v1.LeadsApi.getLead", id=made["id"])["title"] == "Hailstorm"
    assert made["id"] in str(sdk.tenant.dump()["records"]["leads"])
    sdk.data("v1.LeadsApi.updateLead", id=made["id"], UpdateLeadRequest={"is_archived": True})
    assert made["id"] in {row["id"] for row in sdk.data("v1.LeadsApi.getArchivedLeads")}
    assert sdk.data("v1.LeadsApi.deleteLead", id=made["id"]) == {"id": made["id"]}


def test_a_search_finds_what_was_written(sdk: Sdk) -> None:
    wish = {"name": "Quetzal Findling", "emails": [{"value": "quetzal@find.example"}]}
    made = sdk.data("v2.PersonsApi.addPerson", AddPersonRequest=wish)["id"]
    found = sdk.data("v2.PersonsApi.searchPersons", term="quetzal@find.example", fields="email", exact_match=True)
    assert [row["item"]["id"] for row in found["items"]] == [made]
    found = sdk.data("v2.ItemSearchApi.searchItem", term="Findling", item_types="person,organization")
    assert [(row["item"]["type"], row["item"]["id"]) for row in found["items"]] == [("person", made)]


def test_the_account_is_told(sdk: Sdk) -> None:
    recipe = sdk.tenant.dump()["meta"]["recipe"]
    assert sdk.data("v1.UsersApi.getCurrentUser")["company_id"] == recipe["account"]["company_id"]
    assert [row["id"] for row in sdk.data("v1.UsersApi.getUsers")] == [row["id"] for row in recipe["users"]]
    kinds = {row["key_string"] for row in sdk.data("v1.ActivityTypesApi.getActivityTypes")}
    assert {"call", "meeting", "task"} <= kinds
    pipelines = sdk.data("v2.PipelinesApi.getPipelines")
    assert [row["name"] for row in pipelines] == [row["name"] for row in recipe["pipelines"]]
    stages = [stage["name"] for row in recipe["pipelines"] for stage in row["stages"]]
    assert sorted(row["name"] for row in sdk.data("v2.StagesApi.getStages")) == sorted(stages)


def test_a_wrong_key_is_refused_in_the_words_of_the_gateway(sdk: Sdk) -> None:
    with pytest.raises(ClientError) as caught:
        sdk.with_key("wrong", "v2.PersonsApi.getPersons")
    assert caught.value.said == {
        "success": False,
        "error": "unauthorized access",
        "errorCode": 401,
        "error_info": "Please check developers.pipedrive.com",
    }
    assert sdk.tenant.log().iloc[-1]["status"] == 401


def test_a_key_that_nobody_knows_is_refused_by_name(sdk: Sdk) -> None:
    before = len(sdk.tenant.dump()["records"].get("deals", {}))
    with pytest.raises(ClientError) as caught:
        sdk("v2.DealsApi.addDeal", AddDealRequest={"title": "Strict", "colour": "red"})
    assert caught.value.said["code"] == "ERR_SCHEMA_VALIDATION_FAILED"
    assert "colour: Parameter 'colour' is not allowed for this request" in caught.value.said["error"]
    assert len(sdk.tenant.dump()["records"].get("deals", {})) == before


def test_an_access_token_opens_until_it_is_renewed(sdk: Sdk) -> None:
    """The client's own OAuth: consent, code, access token, and a new one for the refresh token."""
    root = sdk.tenant.url.removesuffix("/")
    app = {"host": root, "clientId": "rehearsal", "clientSecret": KEY, "redirectUri": "http://127.0.0.1/callback"}
    consent = httpx.get(sdk("oauth.open", **app), trust_env=False)
    granted = sdk("oauth.authorize", code=httpx.URL(consent.headers["location"]).params["code"])
    assert granted["token_type"].lower() == "bearer"
    made = sdk.with_key("", "v2.PersonsApi.addPerson", AddPersonRequest={"name": "By grant"})["data"]["id"]
    assert sdk.held("persons", made)["name"] == "By grant"
    renewed = sdk("oauth.renew")
    assert renewed["access_token"] != granted["access_token"]
    assert sdk.with_key("", "v2.PersonsApi.getPerson", id=made)["data"]["name"] == "By grant"
    secrets = (granted["access_token"], granted["refresh_token"], renewed["access_token"], KEY)
    kept = f"{sdk.tenant.dump()}{sdk.tenant.log().to_csv()}"
    assert not [secret for secret in secrets if secret in kept]


def test_a_burst_meets_the_limit(tmp_path: Path) -> None:
    """The Lite plan lets 20 requests of one key through in two seconds; here time runs slowly, so that all fall into them."""
    slow = running("pipedrive", state=tmp_path / "state.sqlite", token="key-5b", time_scale=0.05, switches={"plan": "lite"})
    with slow as tenant, calling(tenant, key="key-5b") as client:
        for number in range(20):
            client.data("v2.PersonsApi.addPerson", AddPersonRequest={"name": f"Person {number}"})
        with pytest.raises(ClientError) as caught:
            client("v2.PersonsApi.addPerson", AddPersonRequest={"name": "Person 20"})
        log, held = tenant.log(), tenant.dump()["records"]["persons"]
    assert caught.value.said["errorCode"] == 429
    assert log["status"].tolist() == [200] * 20 + [429]
    assert (len(held), log["tokens"].tolist()[:20]) == (20, [5] * 20)
