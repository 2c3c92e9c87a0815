"""One look at the rehearsal Freshsales for each of its switches: requests, and what is seen of the switch in the answers."""

from __future__ import annotations

import time

import httpx
from freshsales_account import Json, client, contact, finished, in_view, made, upload, view_of

from workbench.rehearsal import Rehearsal

JOB = "/job_statuses/31700000001"


def said(answer: httpx.Response) -> list[str]:
    """The messages of a refusal, as words or as hashes; none where there is no refusal."""
    rows = answer.json().get("errors", {}).get("message", [])
    return [row["message"] if isinstance(row, dict) else row for row in rows]


def passed(answer: httpx.Response) -> bool:
    assert answer.status_code in (200, 201, 202, 400, 403, 404), answer.text
    return answer.status_code < 300


def admin(stand_in: Rehearsal, label: str, kind: str, object_: str = "contacts", **more: object) -> str:
    """A field that the admin makes; its key."""
    return str(stand_in.admin_create_fields([{"object": object_, "label": label, "type": kind, **more}])[0]["name"])


def body_kind(answer: httpx.Response) -> str:
    return answer.headers["content-type"].partition(";")[0]


# ---- statuses and bodies


def create_status(stand_in: Rehearsal, http: httpx.Client) -> object:
    return http.post("/sales_accounts", json={"name": "Status"}).status_code


def upsert_create_status(stand_in: Rehearsal, http: httpx.Client) -> object:
    return http.post("/sales_accounts/upsert", json={"unique_identifier": {"name": "Up"}, "sales_account": {}}).status_code


def bulk_status(stand_in: Rehearsal, http: httpx.Client) -> object:
    return http.post("/deals/bulk_upsert", json={"deals": [{"name": "B", "data": {"amount": 1}}]}).status_code


def error_bodies(stand_in: Rehearsal, http: httpx.Client) -> object:
    with client(stand_in, key="wrong") as stranger:
        return body_kind(http.get("/nowhere")), body_kind(stranger.get("/selector/owners"))


def error_messages(stand_in: Rehearsal, http: httpx.Client) -> object:
    return http.post("/sales_accounts", json={}).json()["errors"]["message"]


def body_429(stand_in: Rehearsal, http: httpx.Client) -> object:
    answers = [http.get("/selector/designations") for _ in range(2)]
    return answers[-1].status_code, body_kind(answers[-1])


def reset_unit(stand_in: Rehearsal, http: httpx.Client) -> object:
    number = int(http.get("/selector/designations").headers["x-ratelimit-reset"])
    return "epoch" if number > 10**9 else "milliseconds" if number > 3600 else "seconds"


def plan(stand_in: Rehearsal, http: httpx.Client) -> object:
    return http.get("/selector/designations").headers["x-ratelimit-remaining"]


def minute_cap(stand_in: Rehearsal, http: httpx.Client) -> object:
    return http.get("/selector/designations").headers["x-ratelimit-remaining"]


def limit_window(stand_in: Rehearsal, http: httpx.Client) -> object:
    """Two requests on either side of a full rehearsal minute, of two real seconds; only a rolling window counts both."""
    time.sleep(2 - time.time() % 2 + 1.4)
    http.get("/selector/designations")
    time.sleep(1)
    return http.get("/selector/designations").headers["x-ratelimit-remaining"]


# ---- what must be there, and what must be unique


def contact_required(stand_in: Rehearsal, http: httpx.Client) -> object:
    bodies = ({"last_name": "R", "mobile_number": "+16145550199"}, {"last_name": "R"}, {"email": "r@brightroof.example"})
    return [passed(http.post("/contacts", json=body)) for body in bodies]


def deal_amount_required(stand_in: Rehearsal, http: httpx.Client) -> object:
    return said(http.post("/deals", json={"name": "Free"}))


def twice(http: httpx.Client, path: str, first: Json, second: Json) -> object:
    assert passed(http.post(path, json=first))
    return passed(http.post(path, json=second))


def unique_email(stand_in: Rehearsal, http: httpx.Client) -> object:
    body = {"last_name": "U", "email": "u@brightroof.example"}
    return twice(http, "/contacts", body, body)


def unique_mobile(stand_in: Rehearsal, http: httpx.Client) -> object:
    body: Json = {"last_name": "M", "mobile_number": "+16145550142"}
    return twice(http, "/contacts", {**body, "email": "m1@brightroof.example"}, {**body, "email": "m2@brightroof.example"})


def unique_account_name(stand_in: Rehearsal, http: httpx.Client) -> object:
    return twice(http, "/sales_accounts", {"name": "Same"}, {"name": "Same"})


def unique_lead_email(stand_in: Rehearsal, http: httpx.Client) -> object:
    body = {"last_name": "L", "email": "l@brightroof.example"}
    return twice(http, "/leads", body, body)


def name_case(stand_in: Rehearsal, http: httpx.Client) -> object:
    made(http, "/sales_accounts", name="Mixed Case")
    return len(http.get("/lookup?q=MIXED CASE&f=name&entities=sales_account").json()["sales_accounts"]["sales_accounts"])


def recycle_bin_keys(stand_in: Rehearsal, http: httpx.Client) -> object:
    body: Json = {"last_name": "K", "external_id": "binned-key"}
    first = contact(http, **body, email="k1@brightroof.example")
    http.delete(f"/contacts/{first['id']}")
    return passed(http.post("/contacts", json={**body, "email": "k2@brightroof.example"}))


def upsert_identifiers(stand_in: Rehearsal, http: httpx.Client) -> object:
    first = contact(http, email="i@brightroof.example", external_id="i-1")
    wish = {"unique_identifier": {"external_id": "i-2", "emails": "i@brightroof.example"}, "contact": {"city": "Lima"}}
    http.post("/contacts/upsert", json=wish)
    return http.get(f"/contacts/{first['id']}").json()["contact"]["city"]


def lead_twin(stand_in: Rehearsal, http: httpx.Client) -> object:
    contact(http, email="t@brightroof.example")
    lead = http.post("/leads", json={"lead": {"last_name": "T", "email": "t@brightroof.example"}}).json()["lead"]
    return passed(http.post(f"/leads/{lead['id']}/convert", json={}))


# ---- single values


def created_at(stand_in: Rehearsal, http: httpx.Client) -> object:
    return contact(http, email="c@brightroof.example", created_at="2001-02-03T00:00:00Z")["created_at"][:4] == "2001"


def closed_date(stand_in: Rehearsal, http: httpx.Client) -> object:
    stage = next(row["id"] for row in http.get("/selector/deal_stages").json()["deal_stages"] if row["forecast_type"] != "Open")
    return (
        made(http, "/deals", name="C", amount=1, deal_stage_id=stage, closed_date="2020-01-15")["closed_date"] == "2020-01-15"
    )


def completed_date(stand_in: Rehearsal, http: httpx.Client) -> object:
    target = {"targetable_type": "Contact", "targetable_id": contact(http, email="d@brightroof.example")["id"]}
    wish = {"title": "T", "due_date": "2020-01-15T12:00:00Z", "status": 1, "completed_date": "2020-01-14T12:00:00Z"}
    return (made(http, "/tasks", **wish, **target)["completed_date"] or "")[:10]


def inactive_owner(stand_in: Rehearsal, http: httpx.Client) -> object:
    leaver = next(row["id"] for row in http.get("/selector/owners").json()["users"] if not row["is_active"])
    return said(http.post("/sales_accounts", json={"name": "Leaver", "owner_id": leaver}))


def status_stage_mismatch(stand_in: Rehearsal, http: httpx.Client) -> object:
    stages = http.get("/selector/lifecycle_stages").json()["lifecycle_stages"]
    pair = {"lifecycle_stage_id": stages[0]["id"], "contact_status_id": stages[1]["contact_status_ids"][0]}
    return said(http.post("/contacts", json={"last_name": "S", "email": "s@brightroof.example", **pair}))


def include_lifecycle(stand_in: Rehearsal, http: httpx.Client) -> object:
    number = contact(http, email="il@brightroof.example")["id"]
    names = ("lifecycle_stage", "lifecycle_stages")
    return ["lifecycle_stage_id" in http.get(f"/contacts/{number}?include={name}").json()["contact"] for name in names]


def employees(stand_in: Rehearsal, http: httpx.Client) -> object:
    return made(http, "/sales_accounts", name="Staff", number_of_employees=230)["number_of_employees"]


def tags_put(stand_in: Rehearsal, http: httpx.Client) -> object:
    number = made(http, "/sales_accounts", name="Tagged", tags=["a", "b"])["id"]
    return http.put(f"/sales_accounts/{number}", json={"tags": ["c"]}).json()["sales_account"]["tags"]


def custom(stand_in: Rehearsal, http: httpx.Client, label: str, kind: str, value: object, **more: object) -> object:
    """How a value reads back from a custom field of a deal, or the refusal."""
    key = admin(stand_in, label, kind, "deals", **more)
    answer = http.post("/deals", json={"name": label, "amount": 1, "custom_field": {key: value}})
    return answer.json()["deal"]["custom_field"][key] if passed(answer) else said(answer)


def type_check(stand_in: Rehearsal, http: httpx.Client) -> object:
    return [custom(stand_in, http, "N", "number", "12"), custom(stand_in, http, "C", "checkbox", "true")]


def unknown_choice(stand_in: Rehearsal, http: httpx.Client) -> object:
    return custom(stand_in, http, "Choice", "dropdown", "Odd", choices=["Even"])


def unknown_custom_field(stand_in: Rehearsal, http: httpx.Client) -> object:
    return said(http.post("/sales_accounts", json={"name": "Unknown", "custom_field": {"cf_nowhere": 1}}))


def multi_select_out(stand_in: Rehearsal, http: httpx.Client) -> object:
    return custom(stand_in, http, "Several", "multi_select_dropdown", ["A", "B"], choices=["A", "B"])


def custom_date_out(stand_in: Rehearsal, http: httpx.Client) -> object:
    return custom(stand_in, http, "Day", "date", "2024-02-29")


# ---- fields


def creation(http: httpx.Client, **wish: object) -> httpx.Response:
    form = http.get("/settings/sales_accounts/forms").json()["forms"][0]["id"]
    return http.post(f"/settings/sales_accounts/forms/{form}/fields", json=wish)


def field_create(stand_in: Rehearsal, http: httpx.Client) -> object:
    return passed(creation(http, label="Created", type="text"))


def field_create_choices(stand_in: Rehearsal, http: httpx.Client) -> object:
    choices = creation(http, label="Chosen", type="dropdown", choices=["A"]).json()["field"]["choices"]
    return [choice["value"] for choice in choices]


def field_create_unique(stand_in: Rehearsal, http: httpx.Client) -> object:
    return creation(http, label="Only one", type="text", unique=True).json()["field"]["field_options"]["unique"]


def field_delete(stand_in: Rehearsal, http: httpx.Client) -> object:
    key = admin(stand_in, "Passing", "text")
    number = next(row["id"] for row in http.get("/settings/contacts/fields").json()["fields"] if row["name"] == key)
    return passed(http.delete(f"/settings/contacts/forms/1/fields/{number}"))


def field_quota(stand_in: Rehearsal, http: httpx.Client) -> object:
    return passed(creation(http, label="Looking up", type="lookup"))


def field_type_numbers(stand_in: Rehearsal, http: httpx.Client) -> object:
    answer = creation(http, label="Numbered type", field_type=5)
    return answer.json()["field"]["type"] if passed(answer) else said(answer)


def custom_required(stand_in: Rehearsal, http: httpx.Client) -> object:
    admin(stand_in, "Must", "text", "leads", required=True)
    return said(http.post("/leads", json={"lead": {"last_name": "R", "email": "must@brightroof.example"}}))


def read_only_field(stand_in: Rehearsal, http: httpx.Client) -> object:
    return custom(stand_in, http, "Counted", "auto_number", 77)


# ---- reading


def view_order(stand_in: Rehearsal, http: httpx.Client) -> object:
    ids = [contact(http, email=f"vo{n}@brightroof.example")["id"] for n in range(2)]
    shown = [number for number in in_view(http, "contacts", "All Contacts") if number in ids]
    return [ids.index(number) for number in shown]


def list_lag_seconds(stand_in: Rehearsal, http: httpx.Client) -> object:
    """Whether each way of listing shows a contact that was just made, and whether its own address does."""
    number = contact(http, email="ll@brightroof.example")["id"]
    scrolled = http.get(f"/contacts/scroll/{view_of(http, 'contacts', 'All Contacts')}").json()["contacts"]
    direct = http.get(f"/contacts/{number}").status_code
    return number in in_view(http, "contacts", "All Contacts"), number in [row["id"] for row in scrolled], direct


def index_lag_seconds(stand_in: Rehearsal, http: httpx.Client) -> object:
    made(http, "/sales_accounts", name="Lagging")
    return len(http.get("/search?q=lagging&include=sales_account").json())


def index_lag_least(stand_in: Rehearsal, http: httpx.Client) -> object:
    for number in range(60):
        made(http, "/deals", name=f"Scattered {number}", amount=1)
    time.sleep(0.5)
    return http.post("/filtered_search/deal", json={}).json()["meta"]["total"] > 0


def forget_live(stand_in: Rehearsal, http: httpx.Client) -> object:
    path = f"/contacts/{contact(http, email='fl@brightroof.example')['id']}"
    return http.delete(f"{path}/forget").status_code, http.get(path).status_code


# ---- files and calls


def call_json(stand_in: Rehearsal, http: httpx.Client) -> object:
    target = {"targetable_type": "Contact", "targetable": {"id": contact(http, email="cj@brightroof.example")["id"]}}
    call = http.post("/phone_calls", json={"phone_call": {"call_direction": True, **target}}).json()["phone_calls"][0]
    note = http.post("/phone_calls", json={"phone_call": {"note": {"description": "x"}}}).status_code
    return call["targetable"] is not None, note < 300


def owner_of(http: httpx.Client, name: str) -> dict[str, str]:
    return {"targetable_type": "SalesAccount", "targetable_id": str(made(http, "/sales_accounts", name=name)["id"])}


def file_megabytes(stand_in: Rehearsal, http: httpx.Client) -> object:
    return said(upload(http, bytes(2 * 1024 * 1024), **owner_of(http, "Large")))


def file_storage(stand_in: Rehearsal, http: httpx.Client) -> object:
    return passed(upload(http, b"x", **owner_of(http, "Stored")))


def attachment_delete(stand_in: Rehearsal, http: httpx.Client) -> object:
    number = upload(http, b"x", **owner_of(http, "Attached")).json()["id"]
    link = http.post("/document_links", json={"url": "https://x.example", **owner_of(http, "Linked")}).json()["id"]
    call = http.post("/phone_calls", json={"phone_call": {}}).json()["phone_calls"][0]["id"]
    paths = (f"/documents/{number}", f"/document_links/{link}", f"/phone_calls/{call}")
    return [http.delete(path).status_code for path in paths]


# ---- bulk


def rows_of(size: int, name: str) -> Json:
    return {"deals": [{"name": f"{name} {n}", "data": {"amount": 1}} for n in range(size)]}


def bulk_max(stand_in: Rehearsal, http: httpx.Client) -> object:
    return [passed(http.post("/deals/bulk_upsert", json=rows_of(size, "Most"))) for size in (2, 3, 100, 101)]


def bulk_jobs(stand_in: Rehearsal, http: httpx.Client) -> object:
    return [http.post("/deals/bulk_upsert", json=rows_of(1, f"J{n}")).status_code < 300 for n in range(9)].count(True)


def failures(http: httpx.Client, row: Json) -> object:
    report = finished(http, http.post("/contacts/bulk_upsert", json={"contacts": [row]}))
    return report["record_status"]["failed"]


def bulk_external_id(stand_in: Rehearsal, http: httpx.Client) -> object:
    return failures(http, {"external_id": "be-1", "data": {"last_name": "E", "email": "be@brightroof.example"}})


def bulk_custom_identifier(stand_in: Rehearsal, http: httpx.Client) -> object:
    key = admin(stand_in, "Bulk key", "text", unique=True)
    return failures(http, {key: "bk-1", "data": {"last_name": "E", "email": "bk@brightroof.example"}})


def done_at_once(stand_in: Rehearsal, http: httpx.Client) -> object:
    http.post("/deals/bulk_upsert", json=rows_of(2, "Slow"))
    time.sleep(0.2)
    return http.get(JOB).json()["progress"] == 100


def job_running(stand_in: Rehearsal, http: httpx.Client) -> object:
    http.post("/deals/bulk_upsert", json=rows_of(1, "Running"))
    return http.get(JOB).json()["status"]


def job_data(stand_in: Rehearsal, http: httpx.Client) -> object:
    answer = http.post("/deals/bulk_upsert", json=rows_of(1, "Data"))
    finished(http, answer)
    return type(http.get(answer.json()["job_status_url"]).json()["data"]).__name__


# ---- copies, products, quotes, modules


def clone_unique(stand_in: Rehearsal, http: httpx.Client) -> object:
    number = contact(http, email="cu@brightroof.example", external_id="cu-1")["id"]
    wish = {"contact": {"last_name": "Copy", "emails": "cu2@brightroof.example"}}
    answer = http.post(f"/contacts/{number}/clone", json=wish)
    return answer.json()["contact"]["external_id"] if passed(answer) else said(answer)


def priced(http: httpx.Client, price: float) -> Json:
    wish = {"name": "Gutter", "pricing_type": 1, "product_pricings": [{"currency_code": "USD", "unit_price": price}]}
    return http.post("/cpq/products?include=product_pricings", json={"product": wish}).json()["product"]


def lined(http: httpx.Client, **line: object) -> Json:
    """A deal of 500 that was given one line."""
    number = made(http, "/deals", name="Lined", amount=500)["id"]
    products = [{"id": priced(http, 100)["id"], **line}]
    return http.put(f"/deals/{number}?include=products", json={"deal": {"products": products}}).json()["deal"]


def line_amount(stand_in: Rehearsal, http: httpx.Client) -> object:
    deal = lined(http, quantity=3)
    later = http.put(f"/deals/{deal['id']}", json={"deal": {"amount": 999}}).json()["deal"]
    return deal["amount"], later["amount"]


def has_products(stand_in: Rehearsal, http: httpx.Client) -> object:
    return lined(http)["has_products"]


def discount_1(stand_in: Rehearsal, http: httpx.Client) -> object:
    """With ``line_amount`` as it comes, the amount is the sum of the lines."""
    return lined(http, quantity=2, discount=30, discount_type=1)["amount"]


def product_base_amount(stand_in: Rehearsal, http: httpx.Client) -> object:
    return priced(http, 7)["base_currency_amount"]


def product_delete(stand_in: Rehearsal, http: httpx.Client) -> object:
    return list(http.delete(f"/cpq/products/{priced(http, 1)['id']}").json())


def quotes(stand_in: Rehearsal, http: httpx.Client) -> object:
    return http.post("/cpq/cpq_documents", json={}).status_code


def module(http: httpx.Client, name: str) -> httpx.Response:
    names = {"singular_name": name, "plural_name": f"{name}s", "entity_name": f"cm_{name.lower()}", "icon": "x"}
    return http.post("/settings/module_customizations", json={"module_customization": names})


def custom_modules(stand_in: Rehearsal, http: httpx.Client) -> object:
    return passed(module(http, "Gate"))


def module_delete(stand_in: Rehearsal, http: httpx.Client) -> object:
    one = module(http, "Passing").json()["module_customization"]
    assert passed(http.post("/custom_module/cm_passing", json={"cm_passing": {"name": "x"}}))
    return passed(http.delete(f"/settings/module_customizations/{one['id']}"))
