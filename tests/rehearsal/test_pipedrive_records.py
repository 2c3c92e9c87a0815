"""Persons and organizations of the rehearsal Pipedrive keep the vendor's rules, and a deleted record leaves nothing behind."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pipedrive_tenant import DANA, ME, REFUSED, Asking, account

from workbench.rehearsal import canonical


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with account(tmp_path_factory.mktemp("records")) as asking:
        yield asking


@pytest.mark.parametrize(
    ("sent", "name", "first", "last"),
    [
        ({"name": "Ada"}, "Ada", "Ada", None),
        ({"name": "Ada King Lovelace"}, "Ada King Lovelace", "Ada", "King Lovelace"),
        ({"first_name": "Ada", "last_name": "Lovelace"}, "Ada Lovelace", "Ada", "Lovelace"),
    ],
)
def test_a_person_has_a_name_and_its_two_parts(api: Asking, sent: Any, name: str, first: str, last: str | None) -> None:
    person = api.post("persons", sent)
    assert (person["name"], person["first_name"], person["last_name"]) == (name, first, last)


def test_a_person_without_a_name_is_refused(api: Asking) -> None:
    for body in ({}, {"name": " "}, {"first_name": "Ada"}, {"last_name": "Lovelace"}):
        assert api.refusal("POST", "persons", body).startswith(REFUSED + "name: ")


def test_changing_a_part_remakes_the_name_and_changing_the_name_splits_it_anew(api: Asking) -> None:
    person = api.post("persons", {"name": "Ada Lovelace"})
    path = f"persons/{person['id']}"
    assert api.patch(path, {"first_name": "Augusta"})["name"] == "Augusta Lovelace"
    changed = api.patch(path, {"name": "Grace Hopper"})
    assert (changed["first_name"], changed["last_name"]) == ("Grace", "Hopper")


def test_addresses_get_a_label_and_one_primary(api: Asking) -> None:
    person = api.post(
        "persons", {"name": "Ada", "emails": [{"value": "a@x.example"}, {"value": "b@x.example", "label": "home"}]}
    )
    assert person["emails"] == [
        {"value": "a@x.example", "primary": True, "label": "work"},
        {"value": "b@x.example", "primary": False, "label": "home"},
    ]
    phones = [{"value": "1", "primary": False}, {"value": "2", "primary": True, "label": "anything"}]
    kept = api.patch(f"persons/{person['id']}", {"phones": phones})
    assert [row["primary"] for row in kept["phones"]] == [False, True]
    assert kept["emails"] == person["emails"]


def test_a_patch_replaces_the_whole_list_of_addresses(api: Asking) -> None:
    person = api.post("persons", {"name": "Ada", "emails": [{"value": "a@x.example"}, {"value": "b@x.example"}]})
    kept = api.patch(f"persons/{person['id']}", {"emails": [{"value": "c@x.example"}]})
    assert [row["value"] for row in kept["emails"]] == ["c@x.example"]
    assert api.patch(f"persons/{person['id']}", {"emails": []})["emails"] == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"emails": "a@x.example"}, "emails: The value is not a valid 'array'"),
        ({"emails": ["a@x.example"]}, "emails: The value is not a valid 'object'"),
        (
            {"emails": [{"value": "a", "primary": True}, {"value": "b", "primary": True}]},
            "emails: Only one value can be primary",
        ),
        ({"emails": [{"label": "work"}]}, "emails: value: The value is required"),
        ({"emails": [{"value": "a", "primary": "true"}]}, "emails: primary: The value is not a valid 'boolean'"),
        ({"org_id": "1"}, "org_id: The value is not a valid 'integer'"),
        ({"org_id": 987654}, "org_id: Organization 987654 does not exist"),
        ({"owner_id": 1}, "owner_id: User 1 does not exist"),
        ({"visible_to": "3"}, "visible_to: The value is not a valid 'integer'"),
        ({"visible_to": 7}, "visible_to: The value must be one of: 1, 3"),
        ({"label_ids": [987654]}, "label_ids: Label 987654 does not exist"),
        ({"email": "a@x.example"}, "email: Parameter 'email' is not allowed for this request"),
        ({"add_time": "yesterday"}, "add_time: The value is not a valid datetime"),
        ({"id": 3}, "id: Parameter 'id' is not allowed for this request"),
        ({"a" * 40: "x"}, f"{'a' * 40}: Parameter '{'a' * 40}' is not allowed for this request"),
    ],
)
def test_what_a_person_cannot_hold_is_named(api: Asking, body: Any, words: str) -> None:
    answer = api.send("POST", "persons", {"name": "Ada", **body})
    assert answer.status_code == 400
    assert answer.json() == {"success": False, "error": REFUSED + words, "code": "ERR_SCHEMA_VALIDATION_FAILED"}


def test_every_wrong_key_is_named_at_once(api: Asking) -> None:
    said = api.refusal("POST", "persons", {"name": "Ada", "title": "x", "phone": "1"})
    words = "title: Parameter 'title' is not allowed for this request; phone: Parameter 'phone' is not allowed for this request"
    assert said == REFUSED + words


@pytest.mark.parametrize("key", ["postal_address", "notes", "im", "birthday", "job_title", "marketing_status"])
def test_what_needs_a_feature_is_a_403_without_it(api: Asking, key: str) -> None:
    value = "subscribed" if key == "marketing_status" else "1980-01-01"
    assert api.refusal("POST", "persons", {"name": "Ada", key: value}, expect=403).startswith(key)


def test_features_that_are_switched_on_are_taken_and_shown(tmp_path: Path) -> None:
    with account(tmp_path, contact_sync="on", campaigns="on", profile_fields="off", email_syntax="reject") as api:
        sent = {"notes": "n", "birthday": "1980-01-01", "job_title": "Owner", "postal_address": {"value": "1 Main St"}}
        person = api.post("persons", {"name": "Ada", "marketing_status": "subscribed", **sent})
        assert {key: person[key] for key in ("notes", "birthday", "job_title")} == {
            key: sent[key] for key in sent if key[0] != "p"
        }
        assert (person["postal_address"]["value"], person["im"]) == ("1 Main St", None)
        status = api.get(f"persons/{person['id']}", include_fields="marketing_status")["marketing_status"]
        assert status == "subscribed"
        assert "job_title" in {row["field_code"] for row in api.get("personFields", limit=500)}
        assert api.refusal("POST", "persons", {"name": "Ada", "notes": "x" * 10_001}).startswith(REFUSED + "notes: ")
        said = api.refusal("POST", "persons", {"name": "Ada", "emails": [{"value": "ada at home"}]})
        assert said == REFUSED + "emails: The value 'ada at home' is not a valid email address"
        assert "website" not in api.post("organizations", {"name": "Acme"})
        api.refusal("POST", "organizations", {"name": "Acme", "website": "x.example"}, expect=403)


def test_persons_and_organizations_keep_the_time_of_their_making(api: Asking) -> None:
    for kind in ("persons", "organizations"):
        row = api.post(kind, {"name": "Ada", "add_time": "2019-03-04T05:06:07Z"})
        assert row["add_time"] == "2019-03-04T05:06:07Z"
        assert row["update_time"] > "2026"
        assert api.get(f"{kind}/{row['id']}")["add_time"] == "2019-03-04T05:06:07Z"


def test_a_record_belongs_to_the_user_of_the_key_unless_another_is_named(api: Asking) -> None:
    assert api.post("organizations", {"name": "Acme"})["owner_id"] == ME
    assert api.post("organizations", {"name": "Acme", "owner_id": DANA})["owner_id"] == DANA


def test_a_patch_of_an_address_erases_the_parts_that_it_leaves_out(api: Asking) -> None:
    place = {"value": "1 Main St, Columbus", "locality": "Columbus", "country": "US"}
    organization = api.post("organizations", {"name": "Acme", "address": place})
    assert organization["address"]["locality"] == "Columbus"
    assert organization["address"]["formatted_address"] == "1 Main St, Columbus"
    changed = api.patch(f"organizations/{organization['id']}", {"address": {"value": "2 Main St"}})
    assert changed["address"]["value"] == "2 Main St"
    assert {value for key, value in changed["address"].items() if key not in ("value", "formatted_address")} == {None}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "name: The value is required"),
        ({"name": ""}, "name: The value is required"),
        ({"name": "Acme", "address": "1 Main St"}, "address: The value is not a valid 'object'"),
        ({"name": "Acme", "address": {"locality": "X"}}, "address: value: The value is required"),
        ({"name": "Acme", "industry": 4711}, "industry: Unknown option '4711'"),
        ({"name": "Acme", "annual_revenue": "5"}, "annual_revenue: The value is not a valid 'integer'"),
    ],
)
def test_what_an_organization_cannot_hold_is_named(api: Asking, body: Any, words: str) -> None:
    assert api.refusal("POST", "organizations", body) == REFUSED + words


def test_labels_are_numbers_of_the_label_field(api: Asking) -> None:
    options = api.get("personFields/label_ids")["options"]
    hot = next(row["id"] for row in options if row["label"] == "Hot lead")
    person = api.post("persons", {"name": "Ada", "label_ids": [hot]})
    assert person["label_ids"] == [hot]
    shown = api.get(f"persons/{person['id']}", include_labels="true")
    assert shown["labels"] == [{"id": hot, "label": "Hot lead"}]


def test_an_unknown_record_is_a_404_in_the_words_of_the_object(api: Asking) -> None:
    for kind, words in (("persons", "Person"), ("organizations", "Organization"), ("products", "Product")):
        answer = api.send("GET", f"{kind}/987654")
        assert (answer.status_code, answer.json()) == (404, {"success": False, "error": f"{words} not found"})
        assert api.refusal("PATCH", f"{kind}/987654", {"name": "x"}, expect=404) == f"{words} not found"
        assert api.refusal("DELETE", f"{kind}/987654", expect=404) == f"{words} not found"


def test_a_deleted_organization_is_gone_and_its_persons_stand_alone(api: Asking) -> None:
    organization = api.post("organizations", {"name": "Acme"})["id"]
    person = api.post("persons", {"name": "Ada", "org_id": organization})["id"]
    assert api.delete(f"organizations/{organization}") == {"id": organization}
    assert api.get(f"persons/{person}")["org_id"] is None
    assert api.refusal("GET", f"organizations/{organization}", expect=404) == "Organization not found"
    assert api.refusal("DELETE", f"organizations/{organization}", expect=404) == "Organization not found"


def test_followers_come_and_go_and_both_is_told(api: Asking) -> None:
    for kind, body in (
        ("persons", {"name": "A"}),
        ("organizations", {"name": "A"}),
        ("deals", {"title": "A"}),
        ("products", {"name": "A"}),
    ):
        path = f"{kind}/{api.post(kind, body)['id']}/followers"
        assert api.send("POST", path, {"user_id": DANA}).status_code == 201
        assert [row["user_id"] for row in api.get(path)] == [DANA]
        assert set(api.get(path)[0]) == {"user_id", "add_time"}
        api.refusal("POST", path, {"user_id": DANA})
        assert api.delete(f"{path}/{DANA}") == {"user_id": DANA}
        assert api.get(path) == []
        assert [(row["action"], row["follower_user_id"]) for row in api.get(f"{path}/changelog")] == [
            ("added", DANA),
            ("removed", DANA),
        ]
        api.refusal("DELETE", f"{path}/{DANA}", expect=404)


def test_counters_come_only_when_they_are_asked_for(api: Asking) -> None:
    organization = api.post("organizations", {"name": "Acme"})["id"]
    person = api.post("persons", {"name": "Ada", "org_id": organization})["id"]
    deal = api.post("deals", {"title": "D", "person_id": person, "org_id": organization})["id"]
    api.post("deals", {"title": "D", "person_id": person, "status": "won"})
    late = api.post(
        "activities", {"subject": "b", "due_date": "2026-02-01", "participants": [{"person_id": person}], "deal_id": deal}
    )
    done = api.post(
        "activities", {"subject": "a", "due_date": "2026-01-01", "participants": [{"person_id": person}], "done": True}
    )
    names = "open_deals_count,closed_deals_count,won_deals_count,activities_count,done_activities_count,undone_activities_count"
    row = api.get(f"persons/{person}", include_fields=names + ",next_activity_id,last_activity_id,email_messages_count")
    assert [row[name] for name in names.split(",")] == [1, 1, 1, 2, 1, 1]
    assert (row["next_activity_id"], row["last_activity_id"], row["email_messages_count"]) == (late["id"], done["id"], 0)
    assert "open_deals_count" not in api.get(f"persons/{person}")
    assert api.get(f"organizations/{organization}", include_fields="people_count")["people_count"] == 1
    assert api.get(f"deals/{deal}", include_fields="participants_count")["participants_count"] == 1
    said = api.refusal("GET", f"persons/{person}", include_fields="nonsense")
    assert said.startswith(REFUSED + "include_fields: ")
    assert api.refusal("PATCH", f"persons/{person}", {}, include_fields="notes_count") == (
        REFUSED + "include_fields: Parameter 'include_fields' is not allowed for this request"
    )


STRANGE: tuple[Any, ...] = (
    *(None, True, 0, -1, 10**30, 1.5, 1e300, "", "x", "\x00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
    *([], [1], ["x"], [{}], [{"value": None}], [{"value": "x", "primary": 1}], [{"person_id": 10**30}]),
    *([{"currency": "USD", "price": 1e308}], {}, {"value": 5}, {"value": {"value": "x"}}),
)


@pytest.mark.parametrize("kind", ["persons", "organizations", "deals", "activities", "products"])
def test_no_value_of_any_key_breaks_it(api: Asking, kind: str) -> None:
    least = {"title": "x"} if kind == "deals" else {"name": "x"} if kind != "activities" else {}
    number = api.post(kind, least)["id"]
    keys = [
        row["field_code"]
        for row in api.get(f"{kind.removesuffix('s') if kind != 'activities' else 'activity'}Fields", limit=500)
    ]
    for key in [*keys, "custom_fields"]:
        for value in STRANGE:
            for method, path, body in (("POST", kind, {**least, key: value}), ("PATCH", f"{kind}/{number}", {key: value})):
                assert api.send(method, path, body).status_code < 500, (method, path, body)
        if key == "is_archived":
            api.patch(f"deals/{number}", {"is_archived": False})
    assert api.get(f"{kind}/{number}")["id"] == number


def test_after_all_is_deleted_and_purged_the_tenant_is_as_before(tmp_path: Path) -> None:
    with account(tmp_path, scale=2_000_000) as api:  # thirty days are 1.3 seconds
        before = canonical(api.stand_in.dump())
        field = api.post("dealFields", {"field_name": "Tier", "field_type": "set", "options": [{"label": "A"}]})
        label = api.post("dealFields/label_ids/options", [{"label": "Urgent"}])[0]["id"]
        option = field["options"][0]["id"]
        made = {
            "organizations": api.post("organizations", {"name": "Acme"})["id"],
            "persons": api.post("persons", {"name": "Ada", "org_id": 1})["id"],
            "products": api.post("products", {"name": "P"})["id"],
        }
        made["deals"] = api.post(
            "deals",
            {"title": "D", "person_id": 1, "org_id": 1, "label_ids": [label], "custom_fields": {field["field_code"]: [option]}},
        )["id"]
        made["activities"] = api.post("activities", {"deal_id": 1, "participants": [{"person_id": 1}]})["id"]
        api.post("deals/1/products", {"product_id": 1, "item_price": 5, "quantity": 2})
        api.post("deals/1/discounts", {"description": "d", "amount": 1, "type": "amount"})
        api.post("products/1/variations", {"name": "v"})
        api.post("deals/1/followers", {"user_id": DANA})
        assert canonical(api.stand_in.dump()) != before
        for kind, number in made.items():
            api.delete(f"{kind}/{number}")
        api.delete("dealFields/label_ids/options", [{"id": label}])
        api.delete(f"dealFields/{field['field_code']}")
        assert canonical(api.stand_in.dump()) == before
        assert {row["id"] for row in api.get("deals", status="deleted")} == {1}
        time.sleep(1.5)
        assert api.get("deals", status="deleted") == []
        assert api.stand_in.dump()["recycle_bin"] == {}
        assert canonical(api.stand_in.dump()) == before
