"""The rehearsal Freshsales answers as the fact sheet records: each row of the table is asked and compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from freshsales_account import FREE, KEY, Json, client, contact, finished, made, upload, view_of
from freshsales_shape import Each, Has, Keys, misfits
from freshsales_table import CLASSIC, TABLE, TARGET, Row

from workbench.rehearsal import Rehearsal, running


@dataclass
class Told:
    """A stand-in with records in it, and the ids that braces stand for."""

    http: httpx.Client
    ids: dict[str, int] = field(default_factory=dict)

    def ask(self, row: Row) -> httpx.Response:
        method, path = row.request.split(" ", 1)
        return self.http.request(method, path.format_map(self.ids), json=self.filled(row.body))

    def filled(self, body: Any) -> Any:
        if isinstance(body, Mapping):
            return {key: self.filled(value) for key, value in body.items()}
        return self.ids[body[1:-1]] if isinstance(body, str) and body.startswith("{") else body


@pytest.fixture(scope="module")
def told(suite: Rehearsal) -> Iterator[Told]:
    with client(suite) as http:
        yield Told(http, _records(http))


def _records(http: httpx.Client) -> dict[str, int]:
    users = http.get("/selector/owners").json()["users"]
    status = http.get("/selector/contact_statuses").json()["contact_statuses"][1]["id"]
    industry = http.get("/selector/industry_types").json()["industry_types"][0]["id"]
    kind = http.get("/selector/sales_activity_types").json()["sales_activity_types"][-1]["id"]
    account = made(
        http, "/sales_accounts", name="Gated Roofs", industry_type_id=industry, annual_revenue=120000, number_of_employees=230
    )
    person = contact(http, email="gated@brightroof.example", city="Columbus", owner_id=users[1]["id"], contact_status_id=status,
                     sales_accounts=[{"id": account["id"], "is_primary": True}])  # fmt: skip
    made(http, "/sales_accounts", name="Twice")
    contact(http, email="twice@brightroof.example", external_id="twice")
    target = {"targetable_type": "Contact", "targetable_id": person["id"]}
    visit = {"from_date": "2016-06-20T05:00:00Z", "end_date": "2016-06-20T06:00:00Z", **target}
    talk = {"start_date": "2017-12-04T11:30:00Z", "end_date": "2017-12-04T12:00:00Z", "sales_activity_type_id": kind, **target}
    due = {"due_date": "2099-01-01T09:00:00Z", **target}
    deal = made(http, "/deals", name="Re-roof", amount=5600, expected_close="2027-03-16", contacts_added_list=[person["id"]])
    rows = [{"emails": "fine@brightroof.example", "data": {}}, {"emails": "bad@brightroof.example", "data": {"owner_id": 7}}]
    answer = http.post("/contacts/bulk_upsert", json={"contacts": rows})
    finished(http, answer)
    made(http, "/tasks", title="Stays open", **due)
    return {
        "contact": person["id"],
        "account": account["id"],
        "deal": deal["id"],
        "leaver": next(user["id"] for user in users if not user["is_active"]),
        "note": made(http, "/notes", description="Leak", **target)["id"],
        "task": made(http, "/tasks", title="Call", **due)["id"],
        "appointment": made(http, "/appointments", title="Visit", **visit)["id"],
        "activity": made(http, "/sales_activities", title="Talk", **talk)["id"],
        "document": upload(http, b"x", targetable_type="Contact", targetable_id=str(person["id"])).json()["id"],
        "job": int(answer.json()["job_status_url"].rpartition("/")[2]),
        "all_contacts": view_of(http, "contacts", "All Contacts"),
        "all_accounts": view_of(http, "sales_accounts", "All Accounts"),
        "old_contact": contact(http, email="gone@brightroof.example")["id"],
        "old_account": made(http, "/sales_accounts", name="Gone")["id"],
        "old_deal": made(http, "/deals", name="Gone", amount=1)["id"],
        "forgotten": made(http, "/deals", name="Forgotten", amount=1)["id"],
        "old_note": made(http, "/notes", description="Gone", **target)["id"],
        "old_task": made(http, "/tasks", title="Gone", **due)["id"],
        "old_appointment": made(http, "/appointments", title="Gone", **visit)["id"],
        "old_activity": made(http, "/sales_activities", title="Gone", **talk)["id"],
    }


@pytest.fixture(scope="module")
def classic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    state = tmp_path_factory.mktemp("classic") / "state.sqlite"
    opened = running("freshsales", state=state, token=KEY, tenant="freshsales_classic", time_scale=1000, switches=FREE)
    with opened as stand_in, client(stand_in) as http:
        lead = {"last_name": "Lead", "email": "lead@brightroof.example", "company": {"name": "Lead Co"}}
        ids = {
            "contact": contact(http, email="classic@brightroof.example")["id"],
            "lead": http.post("/leads", json={"lead": lead}).json()["lead"]["id"],
            "old_lead": http.post("/leads", json={"lead": {"last_name": "Gone"}}).json()["lead"]["id"],
            "all_leads": view_of(http, "leads", "All Leads"),
        }
        yield Told(http, ids)


def check(told: Told, row: Row) -> None:
    answer = told.ask(row)

    assert answer.status_code == row.status, answer.text
    assert misfits(answer.json(), row.shape) == [], row.sheet


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.sheet)
def test_an_answer_has_the_shape_that_the_sheet_records(told: Told, row: Row) -> None:
    check(told, row)


@pytest.mark.parametrize("row", CLASSIC, ids=lambda row: row.sheet)
def test_an_answer_of_classic_has_the_shape_that_the_sheet_records(classic: Told, row: Row) -> None:
    check(classic, row)


@pytest.mark.parametrize(
    ("path", "wrapper", "record"),
    [
        ("/sales_accounts", "sales_account", {"name": "Bare Roofs", "city": "Dayton"}),
        ("/contacts", "contact", {"last_name": "Bare", "email": "bare@brightroof.example"}),
        ("/deals", "deal", {"name": "Bare", "amount": 7}),
        ("/tasks", "task", {"title": "Bare", "due_date": "2099-01-01T09:00:00Z", **TARGET}),
        ("/notes", "note", {"description": "Bare", **TARGET}),
    ],
)
def test_wrapped_and_bare_bodies_make_the_same_record(told: Told, path: str, wrapper: str, record: Json) -> None:
    """§2 Unwrapped bodies are accepted too."""
    bare = told.filled(record)
    other = {key: f"x{value}" if key in ("name", "email") else value for key, value in bare.items()}

    one = told.http.post(path, json=bare).json()[wrapper]
    two = told.http.post(path, json={wrapper: other}).json()[wrapper]

    assert list(one) == list(two)
    kept = [key for key in bare if key in one and key not in ("name", "email", "due_date")]
    assert {key: one[key] for key in kept} == {key: two[key] for key in kept} == {
        key: bare[key] for key in kept
    } or wrapper == "deal"


def test_mcr_id_lies_beyond_what_javascript_counts(told: Told) -> None:  # §2.1 Also returned
    assert told.http.get(f"/contacts/{told.ids['contact']}").json()["contact"]["mcr_id"] > 2**53


def test_only_custom_activity_types_are_choices_of_the_field(told: Told) -> None:  # §2.8
    fields = told.http.get("/settings/sales_activities/fields").json()["fields"]
    types = told.http.get("/selector/sales_activity_types").json()["sales_activity_types"]
    choices = next(row["choices"] for row in fields if row["name"] == "sales_activity_type_id")

    assert [row["value"] for row in choices] == [row["name"] for row in types if not row["is_default"]]
    assert {"chat", "phone", "appointment", "task", "email"} <= {row["internal_name"] for row in types if row["is_default"]}


def test_an_answer_that_does_not_fit_is_told() -> None:
    assert misfits({"a": 1, "b": "x"}, {"b": str, "a": int}) == ["answer has the keys ['a', 'b'], not ['b', 'a']"]
    assert misfits({"a": 1.0}, {"a": int}) and misfits({"a": True}, {"a": 1}) and misfits([], Each(int))
    assert misfits({"owner_id": 1}, Has({}, "owner_id")) == ["answer has owner_id"]
    assert misfits({"a": [{"b": 1}]}, {"a": Each(Keys("b c"))}) == ["answer.a[] has the keys ['b']"]
