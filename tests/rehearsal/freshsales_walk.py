"""A small migration into the rehearsal Freshsales and back out again, step by step, as a client would go about it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
from freshsales_account import KEY, Json, client, finished, view_of

from workbench.rehearsal import Rehearsal

PATIENCE = 60.0
"""Real seconds that the walk waits for what lags behind, or for a limit to pass."""
LONG_AGO = "2019-03-04T05:06:07Z"
WRAPPER = {
    "contacts": "contact",
    "sales_accounts": "sales_account",
    "deals": "deal",
    "leads": "lead",
    "notes": "note",
    "tasks": "task",
    "appointments": "appointment",
    "sales_activities": "sales_activity",
    "cpq/products": "product",
    "cpq/cpq_documents": "cpq_document",
    "settings/module_customizations": "module_customization",
    "custom_module/cm_roof": "cm_roof",
}
FORGOTTEN = ("contacts", "sales_accounts", "deals", "leads", "cpq/cpq_documents", "custom_module/cm_roof")
"""What is deleted into the Recycle Bin and can be forgotten from there."""


class Patient(httpx.HTTPTransport):
    """Sends a request again as long as a limit stands before it."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        end = time.monotonic() + PATIENCE
        while True:
            answer = super().handle_request(request)
            if answer.status_code != 429 or time.monotonic() > end:
                return answer
            answer.read()
            time.sleep(0.02)


def patient(stand_in: Rehearsal) -> httpx.Client:
    headers = {"Authorization": f"Token token={KEY}"}
    return httpx.Client(base_url=stand_in.url, headers=headers, transport=Patient(), timeout=60)


class Walk:
    """What came of each step: what is read back of it, or the status with which it was refused."""

    def __init__(self, stand_in: Rehearsal, http: httpx.Client) -> None:
        self.stand_in = stand_in
        self.http = http
        self.seen: dict[str, object] = {}
        self._made: dict[tuple[str, int], bool] = {}  # and whether it still has to be deleted
        self._fields: list[str] = []

    def send(self, method: str, path: str, body: object = None, **more: Any) -> httpx.Response:
        return self.http.request(method, f"/{path}", json=body, **more)

    def get(self, path: str) -> Json:
        answer = self.send("GET", path)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        return dict(answer.json())

    def tried(self, step: str, method: str, path: str, body: object = None, *, tell: str = "", custom: str = "") -> Json:
        """One request; its step shows the named key of the record, ``done``, or the status of a refusal."""
        answer = self.send(method, path, body)
        if answer.status_code >= 300:
            self.seen[step] = answer.status_code
            return {}
        row = _record(path, answer.json())
        self.seen[step] = row["custom_field"][custom] if custom else row[tell] if tell else "done"
        return row

    def made(self, step: str, kind: str, *, include: str = "", tell: str = "", **keys: object) -> Json:
        """A new record, which ``unmade`` deletes again; empty where it was refused."""
        row = self.tried(step, "POST", f"{kind}?include={include}", {WRAPPER[kind]: keys}, tell=tell)
        if row:
            self.undo(kind, row["id"])
        return row

    def undo(self, kind: str, number: int, *, binned: bool = False) -> None:
        self._made[kind, number] = not binned

    def converted(self, number: int) -> None:
        """A lead that is one no more."""
        del self._made["leads", number]

    def field(self, step: str, object_: str, wish: Json) -> Json:
        """A field made through the API; the admin makes it where the API may not."""
        answer = self.send("POST", f"settings/{object_}/forms/{self.form(object_)}/fields", wish)
        self.seen[step] = "done" if answer.status_code < 300 else answer.status_code
        if answer.status_code == 403:
            return self.by_hand(object_, wish)
        return self.kept(object_, answer.json()["field"]) if answer.status_code < 300 else {}

    def by_hand(self, object_: str, wish: Json) -> Json:
        return self.kept(object_, self.stand_in.admin_create_fields([{"object": object_, **wish}])[0])

    def form(self, object_: str) -> int:
        return int(self.get(f"settings/{object_}/forms")["forms"][0]["id"])

    def kept(self, object_: str, row: Json) -> Json:
        self._fields.append(f"settings/{object_}/forms/{row['form_id']}/fields/{row['id']}")
        return row

    def unmade(self) -> None:
        """Delete and forget everything, the last first; then none of it is there."""
        gone = [path for made, live in reversed(self._made.items()) for path in _ways_out(*made)[0 if live else 1 :]]
        self.seen["delete"] = sorted({self.send("DELETE", path).status_code for path in gone})
        looked = [f"{kind}/{number}" for kind, number in self._made if kind in FORGOTTEN[:3]]
        self.seen["deleted, by id"] = sorted({self.send("GET", path).status_code for path in looked})
        bins = [f"{kind}/view/{view_of(self.http, kind, 'Recycle Bin')}" for kind in FORGOTTEN[:3]]
        self.seen["bins"] = self.awaited(lambda: [self.get(path)["meta"]["total"] for path in bins], [0, 0, 0])
        self.seen["fields deleted"] = sorted({self.send("DELETE", path).status_code for path in reversed(self._fields)})

    def awaited(self, look: Callable[[], object], wanted: object) -> object:
        """What is seen once it is as wanted, or at the end of the patience."""
        end = time.monotonic() + PATIENCE
        while (seen := look()) != wanted and time.monotonic() < end:
            time.sleep(0.02)
        return seen


def walked(stand_in: Rehearsal, http: httpx.Client) -> Mapping[str, object]:
    """The whole way: fields, records, everything read back, everything deleted and forgotten."""
    walk = Walk(stand_in, http)
    fields = _settings(walk)
    firm, branch = _accounts(walk)
    people = _contacts(walk, firm, fields["legacy"])
    _bulk(walk, fields["legacy"])
    product = _products(walk)
    deal = _deals(walk, firm, people, product)
    _values(walk, deal, fields)
    _activities(walk, people, deal)
    _files(walk, firm, people[0])
    _leads(walk)
    _extras(walk, deal)
    _lists(walk, [firm, branch], people, deal)
    _doors(walk)
    walk.unmade()
    return walk.seen


def _record(path: str, body: Json) -> Json:
    """The record of an answer, which stands in its wrapper."""
    kind = next((kind for kind in WRAPPER if path.partition("?")[0].startswith(kind)), "")
    found = body.get("contact" if "/convert" in path else WRAPPER.get(kind, "")) or body.get("field")
    return dict(found) if isinstance(found, dict) else {}


def _ways_out(kind: str, number: int) -> list[str]:
    return [f"{kind}/{number}", *([f"{kind}/{number}/forget"] if kind in FORGOTTEN else [])]


def _settings(walk: Walk) -> dict[str, str]:
    """The fields; their keys on the wire."""
    walk.seen["users"] = len(walk.get("selector/owners")["users"])
    legacy = walk.field("field", "contacts", {"label": "Legacy id", "type": "text", "unique": True})
    walk.seen["unique field"] = legacy["field_options"]["unique"]
    wishes: dict[str, Json] = {
        "source": {"label": "Source", "type": "dropdown", "choices": ["Fair", "Web"]},
        "roofs": {"label": "Roofs", "type": "multi_select_dropdown", "choices": ["A", "B"]},
        "age": {"label": "Age", "type": "number"},
        "day": {"label": "Day", "type": "date"},
        "counted": {"label": "Counted", "type": "auto_number"},
    }
    made = {name: walk.field("deal fields", "deals", wish) for name, wish in wishes.items()}
    walk.seen["choices"] = [choice["value"] for choice in made["source"]["choices"]]
    for step, wish in (("numbered type", {"field_type": 5}), ("lookup field", {"type": "lookup"})):
        answer = walk.send("POST", f"settings/deals/forms/{walk.form('deals')}/fields", {"label": step, **wish})
        walk.seen[step] = "done" if answer.status_code < 300 else answer.status_code
        if answer.status_code < 300:
            walk.kept("deals", answer.json()["field"])
    return {"legacy": legacy["name"], **{name: row["name"] for name, row in made.items()}}


def _accounts(walk: Walk) -> tuple[int, int]:
    """An account and a branch of it."""
    answer = walk.send("POST", "sales_accounts", {"sales_account": {"name": "Acme", "tags": ["a"], "created_at": LONG_AGO}})
    walk.seen["create"] = answer.status_code
    firm = answer.json()["sales_account"]
    walk.undo("sales_accounts", firm["id"])
    walk.seen["made long ago"] = firm["created_at"][:4] == LONG_AGO[:4]
    path = f"sales_accounts/{firm['id']}"
    walk.tried("employees", "PUT", path, {"sales_account": {"number_of_employees": 230}}, tell="number_of_employees")
    walk.tried("tags", "PUT", path, {"sales_account": {"tags": ["b"]}}, tell="tags")
    leaver = next(row["id"] for row in walk.get("selector/owners")["users"] if not row["is_active"])
    walk.tried("owner who left", "PUT", path, {"sales_account": {"owner_id": leaver}})
    branch = walk.made("branch", "sales_accounts", name="Acme North", parent_sales_account_id=firm["id"])["id"]
    walk.made("second of the name", "sales_accounts", name="Acme")
    shown = walk.get(f"sales_accounts/{branch}?include=parent_sales_account")["sales_account"]
    assert shown["parent_sales_account_id"] == firm["id"]
    parent = walk.made("passing parent", "sales_accounts", name="Passing")["id"]
    walk.send("PUT", f"sales_accounts/{branch}", {"sales_account": {"parent_sales_account_id": parent}})
    walk.send("DELETE", f"sales_accounts/{parent}")
    walk.undo("sales_accounts", parent, binned=True)
    orphan = walk.get(f"sales_accounts/{branch}?include=parent_sales_account")["sales_account"]
    walk.seen["parent of the orphan"] = orphan["parent_sales_account_id"]
    return int(firm["id"]), int(branch)


def _contacts(walk: Walk, firm: int, legacy: str) -> list[int]:
    """Two persons; the second by an upsert."""
    at = {"sales_accounts": [{"id": firm, "is_primary": True}]}
    ada: Json = {"last_name": "Quill", "email": "ada@acme.example", "external_id": "C-1", "mobile_number": "+16145550101"}
    one = walk.made("contact", "contacts", **ada, **at, custom_field={legacy: "L-1"})["id"]
    walk.made("second of the address", "contacts", last_name="Twin", email="ada@acme.example")
    walk.made("second of the number", "contacts", last_name="T", email="t@acme.example", mobile_number="+16145550101")
    walk.made("name alone", "contacts", last_name="Alone")
    walk.made("number alone", "contacts", last_name="Alone", mobile_number="+16145550102")
    walk.made("address alone", "contacts", email="alone@acme.example")
    again = {"unique_identifier": {"external_id": "C-1"}, "contact": {"city": "Lima"}}
    assert walk.tried("upsert", "POST", "contacts/upsert", again)["id"] == one
    bob = {"unique_identifier": {"emails": "bob@acme.example"}, "contact": {"city": "Rio"}}
    new = walk.send("POST", "contacts/upsert", bob)
    walk.seen["upsert of a new one"] = new.status_code
    two = new.json()["contact"]["id"]
    walk.undo("contacts", two)
    either = {"external_id": "nobody", "emails": "bob@acme.example"}
    walk.tried("upsert by either", "POST", "contacts/upsert", {"unique_identifier": either, "contact": {"city": "Rio"}})
    by_field = {"unique_identifier": {legacy: "L-1"}, "contact": {"city": "Lima"}}
    walk.tried("upsert by the field", "POST", "contacts/upsert", by_field)
    _places(walk, one)
    binned = walk.made("one for the bin", "contacts", last_name="Bin", email="bin@acme.example", external_id="C-9")["id"]
    walk.send("DELETE", f"contacts/{binned}")
    walk.undo("contacts", binned, binned=True)
    walk.made("key of the bin", "contacts", last_name="Key", email="key@acme.example", external_id="C-9")
    other = {"last_name": "Copy", "emails": "copy@acme.example"}
    copy = walk.tried("copy", "POST", f"contacts/{one}/clone", {"contact": other})
    if copy:
        walk.undo("contacts", copy["id"])
    return [int(one), int(two)]


def _places(walk: Walk, contact: int) -> None:
    """Lifecycle stages, their statuses, and how they are asked for."""
    stages = walk.get("selector/lifecycle_stages")["lifecycle_stages"]
    for step, other in (("status", 0), ("status of another stage", 1)):
        pair = {"lifecycle_stage_id": stages[0]["id"], "contact_status_id": stages[other]["contact_status_ids"][0]}
        walk.tried(step, "PUT", f"contacts/{contact}", {"contact": pair})
    words = ("lifecycle_stage", "lifecycle_stages")
    found = [walk.get(f"contacts/{contact}?include={word}")["contact"] for word in words]
    walk.seen["stage by include"] = ["lifecycle_stage_id" in row for row in found]


def _bulk(walk: Walk, legacy: str) -> None:
    """Contacts in jobs, which tell no ids, and away with them in another."""

    def rows(keys: Sequence[Json]) -> Json:
        return {"contacts": [{**key, "data": {"last_name": f"Bulk {place}"}} for place, key in enumerate(keys)]}

    def job(step: str, keys: Sequence[Json]) -> None:
        answer = walk.send("POST", "contacts/bulk_upsert", rows(keys))
        status = answer.status_code
        walk.seen[step] = finished(walk.http, answer)["record_status"]["failed"] if status < 300 else status

    addresses = [f"bulk{place}@acme.example" for place in range(3)]
    first = walk.send("POST", "contacts/bulk_upsert", rows([{"emails": address} for address in addresses[:2]]))
    walk.seen["bulk"] = first.status_code
    finished(walk.http, first)
    walk.seen["job's data"] = type(walk.http.get(first.json()["job_status_url"]).json()["data"]).__name__
    job("three at once", [{"emails": address} for address in addresses])
    job("bulk by external id", [{"external_id": "C-1"}])
    job("bulk by the field", [{legacy: "L-1"}])
    walk.seen["too many at once"] = walk.send("POST", "contacts/bulk_upsert", rows([{"emails": "x"}] * 101)).status_code
    found = []
    for address in addresses[:2]:
        same = {"unique_identifier": {"emails": address}, "contact": {"tags": ["bulk"]}}
        found.append(walk.send("POST", "contacts/upsert", same).json()["contact"]["id"])
    third = walk.send("POST", "contacts/upsert", {"unique_identifier": {"emails": addresses[2]}, "contact": {"tags": ["bulk"]}})
    found.append(third.json()["contact"]["id"])
    walk.send("POST", "contacts/bulk_destroy", {"selected_ids": found})
    gone = walk.awaited(lambda: [walk.send("GET", f"contacts/{number}").status_code for number in found], [404] * 3)
    walk.seen["bulk delete"] = gone
    for number in found:
        walk.undo("contacts", number, binned=True)


def _products(walk: Walk) -> int:
    price = {"currency_code": "USD", "unit_price": 7}
    row = walk.made("product", "cpq/products", name="Tile", pricing_type=1, product_pricings=[price])
    walk.seen["price in base currency"] = row["base_currency_amount"]
    passing = walk.made("passing product", "cpq/products", name="Passing")["id"]
    walk.seen["product's farewell"] = list(walk.send("DELETE", f"cpq/products/{passing}").json())
    back = walk.tried("restored product", "PUT", f"cpq/products/{passing}/restore", tell="is_deleted")
    assert back["id"] == passing
    return int(row["id"])


def _deals(walk: Walk, firm: int, people: list[int], product: int) -> int:
    """A deal with people and lines, and one that is won."""
    stages = walk.get("selector/deal_stages")["deal_stages"]
    won = next(row for row in stages if row["forecast_type"] == "Closed Won")
    hangs = {"sales_account_id": firm, "contacts_added_list": people, "deal_stage_id": stages[1]["id"]}
    line = {"id": product, "quantity": 3, "unit_price": 100, "discount": 30, "discount_type": 1}
    sides = "contacts,products,sales_account,deal_stage"
    deal = walk.made("deal", "deals", include=sides, name="Roof", amount=500, **hangs)
    assert (deal["contact_ids"], deal["sales_account_id"], deal["deal_stage_id"]) == (people, firm, stages[1]["id"])
    path = f"deals/{deal['id']}"
    lined = walk.tried("lines", "PUT", f"{path}?include=products", {"deal": {"products": [line]}})
    assert [(row["id"], row["quantity"]) for row in lined["products"]] == [(product, 3)]
    walk.seen["has lines"] = lined["has_products"]
    later = walk.send("PUT", path, {"deal": {"amount": 999}}).json()["deal"]
    walk.seen["amount"] = (lined["amount"], later["amount"])
    walk.made("deal without amount", "deals", name="Free")
    closed = walk.made("won deal", "deals", name="Gutter", amount=1, deal_stage_id=won["id"], closed_date="2020-01-15")
    walk.seen["closed when it was"] = closed["closed_date"] == "2020-01-15"
    return int(deal["id"])


def _values(walk: Walk, deal: int, fields: Mapping[str, str]) -> None:
    """Custom values one by one, as each may be refused."""

    def put(step: str, name: str, value: object) -> None:
        key = fields.get(name, name)
        body = {"deal": {"custom_field": {key: value}}}
        walk.tried(step, "PUT", f"deals/{deal}", body, custom=key if name in fields else "")

    put("choice", "source", "Fair")
    put("odd choice", "source", "Odd")
    put("several choices", "roofs", ["A", "B"])
    put("number", "age", 11)
    put("number as text", "age", "12")
    put("day", "day", "2024-02-29")
    put("own number", "counted", 77)
    put("unknown field", "cf_nowhere", 1)


def _activities(walk: Walk, people: list[int], deal: int) -> None:
    both = {"targetables": [{"type": "Contact", "id": people[0]}, {"type": "Deal", "id": deal}]}
    kind = walk.get("selector/sales_activity_types")["sales_activity_types"][0]["id"]
    times = {"start_date": "2024-01-02T09:00:00Z", "end_date": "2024-01-02T09:30:00Z"}
    walk.made("note", "notes", description="Called", targetable_type="Contact", targetable_id=people[0])
    last = {"description": "Goes with its contact", "targetable_type": "Contact", "targetable_id": people[1]}
    walk.tried("note that nobody deletes", "POST", "notes", {"note": last})
    done = {"due_date": "2020-01-15T12:00:00Z", "status": 1, "completed_date": "2020-01-14T12:00:00Z"}
    task = walk.made("task", "tasks", title="Call", **done, **both)
    walk.seen["done when it was"] = (task["completed_date"] or "")[:10]
    appointment = {"title": "Visit", "from_date": times["start_date"], "end_date": times["end_date"]}
    walk.made("appointment", "appointments", **appointment, **both)
    walk.made("sales activity", "sales_activities", title="Imported", sales_activity_type_id=kind, **times, **both)
    for name, count in (("notes", 1), ("tasks", 1), ("appointments", 1), ("sales_activities", 1)):
        assert len(walk.get(f"contacts/{people[0]}/{name}")[name]) == count, name
    call = {"targetable_type": "Contact", "targetable": {"id": people[0]}, "note": {"description": "Rang"}}
    walk.seen["call as JSON"] = walk.send("POST", "phone_calls", {"phone_call": call}).status_code


def _files(walk: Walk, firm: int, person: int) -> None:
    def sent(size: int, model: str, number: int) -> httpx.Response:
        owner = {"targetable_type": model, "targetable_id": str(number), "file_name": "plan.bin"}
        return walk.send("POST", "documents", files={"file": ("plan.bin", b"\0" * size, "text/plain")}, data=owner)

    small, large = sent(9, "Contact", person), sent(1024 * 1024 + 1, "SalesAccount", firm)
    walk.seen["file"], walk.seen["large file"] = small.status_code < 300, large.status_code < 300
    shown = walk.get(f"contacts/{person}/document_associations")["documents"]
    walk.seen["file, read back"] = [walk.send("GET", f"documents/{row['id']}").content == b"\0" * 9 for row in shown]
    link = {"url": "https://acme.example/plan", "targetable_type": "Contact", "targetable_id": person}
    number = walk.send("POST", "document_links", link).json()["id"]
    walk.seen["link deleted"] = walk.send("DELETE", f"document_links/{number}").status_code


def _leads(walk: Walk) -> None:
    """Classic only: a lead that stays, and ones that become contacts."""
    walk.made("lead", "leads", last_name="Lead", email="lead@acme.example")
    walk.made("second lead of the address", "leads", last_name="Lead", email="lead@acme.example")
    for step, address in (("converted lead", "new@acme.example"), ("lead whom a contact is", "ada@acme.example")):
        lead = walk.made(f"{step}, made", "leads", last_name="Quill", email=address)
        contact = walk.tried(step, "POST", f"leads/{lead.get('id', 1)}/convert", {})
        if contact:
            walk.converted(lead["id"])
            if address.startswith("new"):
                walk.undo("contacts", contact["id"])


def _extras(walk: Walk, deal: int) -> None:
    """What only some plans have: quotes and custom modules."""
    walk.made("quote", "cpq/cpq_documents", deal_id=deal, document_type="Quote")
    names = {"singular_name": "Roof", "plural_name": "Roofs", "entity_name": "cm_roof", "icon": "x"}
    module = walk.tried("module", "POST", "settings/module_customizations", {"module_customization": names})
    record = walk.tried("module's record", "POST", "custom_module/cm_roof", {"cm_roof": {"name": "Slate"}})
    if not module:
        walk.seen["module with a record stays"] = False
        return
    own = f"settings/module_customizations/{module['id']}"
    walk.seen["module with a record stays"] = walk.send("DELETE", own).status_code == 400
    if walk.seen["module with a record stays"]:
        for path in (*_ways_out("custom_module/cm_roof", record["id"]), own):
            assert walk.send("DELETE", path).status_code == 200, path


def _lists(walk: Walk, accounts: list[int], people: list[int], deal: int) -> None:
    """Every kind is listed and found, if need be after a while."""

    def ids(path: str, kind: str) -> list[int]:
        return [row["id"] for row in walk.get(path)[kind]]

    def found() -> object:
        return [int(row["id"]) for row in walk.send("GET", "search?q=acme north&include=sales_account").json()]

    all_of = view_of(walk.http, "sales_accounts", "All Accounts")
    walk.seen["scroll"] = walk.awaited(lambda: set(accounts) <= set(_scrolled(walk, all_of)), True)
    paged = ids(f"sales_accounts/view/{all_of}?per_page=100", "sales_accounts")
    walk.seen["view"] = [accounts.index(number) for number in paged if number in accounts]
    open_deals = view_of(walk.http, "deals", "Open Deals")
    walk.seen["open deals"] = walk.awaited(lambda: deal in ids(f"deals/view/{open_deals}?per_page=100", "deals"), True)
    walk.seen["search"] = walk.awaited(found, accounts[1:]) == accounts[1:]
    rule = {"filter_rule": [{"attribute": "contact_email.email", "operator": "is_in", "value": "bob@acme.example"}]}
    looked = walk.awaited(
        lambda: [row["id"] for row in walk.send("POST", "filtered_search/contact", rule).json()["contacts"]], people[1:]
    )
    walk.seen["filtered search"] = looked == people[1:]
    nested = walk.get("lookup?q=ACME NORTH&f=name&entities=sales_account")["sales_accounts"]["sales_accounts"]
    walk.seen["found by another case"] = [row["id"] for row in nested] == accounts[1:]
    assert ids(f"contacts/{people[0]}/deals", "deals") == ids(f"sales_accounts/{accounts[0]}/deals", "deals") == [deal]


def _scrolled(walk: Walk, view: int) -> list[int]:
    rows: list[int] = []
    while page := walk.get(f"sales_accounts/scroll/{view}?limit=1&last_fetched_id={rows[-1] if rows else 0}")["sales_accounts"]:
        rows += [row["id"] for row in page]
    return rows


def _doors(walk: Walk) -> None:
    """What a client may meet and had better not rely on."""
    with client(walk.stand_in, key="wrong") as stranger:
        answers = [walk.send("GET", "nowhere"), stranger.get("/selector/owners")]
    walk.seen["refusals"] = [answer.headers["content-type"].partition(";")[0] for answer in answers]
    said = walk.send("POST", "sales_accounts", {"sales_account": {}}).json()["errors"]["message"][0]
    walk.seen["what is said"] = type(said).__name__
    walk.by_hand("sales_accounts", {"label": "Must", "type": "text", "required": True})
    walk.made("required field left empty", "sales_accounts", name="Empty")
