"""A small migration into the rehearsal Pipedrive and back out again, step by step, as a client would go about it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from pipedrive_tenant import DANA, Asking

NOBODY = 987654
LONG_AGO = {"add_time": "2019-03-04T05:06:07Z"}
PATIENCE = 60.0
"""Real seconds that the walk waits for what lags behind."""
Row = dict[str, Any]


class Walk:
    """What came of each step: what is read back of it, or the status with which it was refused."""

    def __init__(self, api: Asking) -> None:
        self.api = api
        self.seen: dict[str, object] = {}
        self._made: dict[str, Any] = {}

    def tried(self, step: str, method: str, path: str, body: Any = None, *, tell: str = "", **query: Any) -> Row:
        """One request; its step shows the named key of the answer, ``done``, or the status of a refusal."""
        answer = self.api.send(method, path, body, **query)
        assert answer.status_code < 500, f"{step}: {answer.text[:300]}"
        if answer.status_code >= 300:
            self.seen[step] = answer.status_code
            return {}
        data: Any = answer.json()["data"]
        self.seen[step] = data[tell] if tell else "done"
        return data if isinstance(data, dict) else {}

    def made(self, step: str, path: str, body: Any, *, below: str = "") -> Row:
        """A new record, which ``unmade`` deletes again; empty where it was refused."""
        row = self.tried(step, "POST", path, body)
        if row:
            self.undo(f"{below or path}/{row.get('id', row.get('field_code'))}")
        return row

    def undo(self, path: str, body: Any = None) -> None:
        self._made[path] = body

    def unmade(self) -> None:
        """Delete everything, the last first; then none of it is there, or only as deleted."""
        answers = [self.api.send("DELETE", path, body) for path, body in reversed(self._made.items())]
        self.seen["delete"] = sorted({answer.status_code for answer in answers})
        records = [path for path in self._made if path.startswith(("persons", "/v1/notes", "/v1/files", "/v1/leads"))]
        self.seen["deleted, by id"] = sorted({self.api.send("GET", path).status_code for path in records})
        listed = [path for path in self._made if path.startswith(("persons/", "deals/")) and path.count("/") == 1]
        self.seen["deleted, change"] = {self.api.refusal("PATCH", path, {"label_ids": []}, expect=404) for path in listed}

    def awaited(self, look: Callable[[], object], wanted: object) -> object:
        """What is seen once it is as wanted, or at the end of the patience."""
        end = time.monotonic() + PATIENCE
        while (seen := look()) != wanted and time.monotonic() < end:
            time.sleep(0.02)
        return seen


def walked(api: Asking) -> Mapping[str, object]:
    """The whole way: settings, records, everything read back, everything deleted."""
    walk = Walk(api)
    place = _settings(walk)
    people = _people(walk)
    deals = _deals(walk, place, people)
    _activities(walk, people, deals)
    _notes_and_files(walk, people, deals)
    _leads(walk, people, place)
    _lists(walk, people, deals)
    _doors(walk)
    walk.unmade()
    return walk.seen


def _settings(walk: Walk) -> Row:
    api = walk.api
    walk.seen["users"] = len(api.get("/v1/users"))
    walk.seen["users, a page"] = len(api.get("/v1/users", start=0, limit=3))
    text = walk.made("text field", "dealFields", {"field_name": "Legacy id", "field_type": "varchar"})["field_code"]
    choice = walk.made(
        "choice field", "dealFields", {"field_name": "Source", "field_type": "enum", "options": [{"label": "Fair"}]}
    )
    walk.made("person field", "personFields", {"field_name": "Legacy id", "field_type": "varchar"})
    walk.made("activity field", "activityFields", {"field_name": "Mood", "field_type": "varchar"})
    grown = api.post(f"dealFields/{choice['field_code']}/options", [{"label": "Web"}])
    labels = api.send("POST", "dealFields/label_ids/options", [{"label": "Import"}])
    walk.seen["label option"] = labels.status_code
    label = labels.json()["data"][0]["id"] if labels.status_code == 200 else None
    if label:
        walk.undo("dealFields/label_ids/options", [{"id": label}])
    pipeline = walk.made("pipeline", "pipelines", {"name": "Imported"})["id"]
    walk.seen["stages of a new pipeline"] = len(api.get("stages", pipeline_id=pipeline))
    stages = [walk.made(f"stage {name}", "stages", {"name": name, "pipeline_id": pipeline})["id"] for name in ("In", "Out")]
    return {"text": text, "choice": choice, "web": grown[0]["id"], "label": label, "pipeline": pipeline, "stages": stages}


def _people(walk: Walk) -> list[int]:
    """An organization and two persons in it."""
    address = {"value": "1 Mill Lane, Dayton", "locality": "Dayton"}
    firm = walk.made("organization", "organizations", {"name": "Acme", "address": address, **LONG_AGO})
    assert (firm["address"]["locality"], firm["add_time"]) == ("Dayton", LONG_AGO["add_time"])
    walk.tried("profile", "PATCH", f"organizations/{firm['id']}", {"website": "acme.example"}, tell="website")
    ada = {"emails": [{"value": "ada@acme.example", "primary": True, "label": "work"}], "owner_id": DANA, **LONG_AGO}
    one = walk.made("person", "persons", {"name": "Ada Quill", "org_id": firm["id"], **ada})["id"]
    two = walk.made("second person", "persons", {"name": "Bob Reed", "phones": [{"value": "+1 614 555 0111"}]})["id"]
    path = f"persons/{two}"
    walk.tried("odd address", "PATCH", path, {"emails": [{"value": "bob at home"}]})
    walk.tried("birthday", "PATCH", path, {"birthday": "1990-01-02"}, tell="birthday")
    walk.tried("marketing", "PATCH", path, {"marketing_status": "subscribed"})
    walk.tried("group's own", "PATCH", path, {"visible_to": 7}, tell="visible_to")
    walk.tried("unknown employer", "PATCH", path, {"org_id": NOBODY}, tell="org_id")
    return [int(firm["id"]), int(one), int(two)]


def _deals(walk: Walk, place: Row, people: list[int]) -> list[int]:
    firm, one, two = people
    values = {"custom_fields": {place["text"]: "L-1", place["choice"]["field_code"]: place["web"]}}
    labels = {"label_ids": [place["label"]]} if place["label"] else {}
    body = {"title": "Roof", "value": 7, "stage_id": place["stages"][1], "org_id": firm, "person_id": one}
    roof = walk.made("deal", "deals", {**body, **values, **labels})["id"]
    won = walk.made("won deal", "deals", {"title": "Gutter", "status": "won", "won_time": "2024-05-06T07:08:09Z"})
    lost = walk.made("lost deal", "deals", {"title": "Porch", "status": "lost", "lost_reason": "price"})
    walk.seen["outcomes"] = (won["won_time"], lost["lost_reason"])
    walk.made("dated deal", "deals", {"title": "Old", **LONG_AGO})
    walk.made("dated deal of v1", "/v1/deals", {"title": "Old", **LONG_AGO}, below="deals")
    path = f"deals/{roof}"
    walk.tried("participant", "POST", f"/v1/{path}/participants", {"person_id": two})
    product = walk.made("product", "products", {"name": "Tile", "code": "T1", "prices": [{"price": 5, "currency": "USD"}]})[
        "id"
    ]
    line = {"product_id": product, "item_price": 5, "quantity": 2}
    walk.made("line", f"{path}/products", line)
    walk.made("recurring line", f"{path}/products", {**line, "quantity": 1, "billing_frequency": "monthly"})
    walk.seen["value"] = walk.api.get(path)["value"]
    walk.tried("channel", "PATCH", path, {"channel_id": "fair-7"}, tell="channel_id")
    nested = walk.api.send("PATCH", path, {"custom_fields": {"custom_fields": values["custom_fields"]}})
    walk.seen["nested values"] = nested.status_code
    walk.tried("unknown label", "PATCH", path, {"label_ids": [NOBODY]})
    first = walk.api.get("pipelines")[0]["id"]
    both = {"stage_id": place["stages"][0], "pipeline_id": first}
    moved = walk.tried("stage of another pipeline", "PATCH", path, both)
    assert not moved or moved["pipeline_id"] == place["pipeline"]
    kept = walk.api.patch(path, {"custom_fields": {}})["custom_fields"]
    walk.seen["custom values"] = (kept[place["text"]], kept[place["choice"]["field_code"]] == place["web"])
    walk.tried("archive", "PATCH", f"deals/{lost['id']}", {"is_archived": True}, tell="is_archived")
    walk.tried("unarchive", "PATCH", f"deals/{lost['id']}", {"is_archived": False}, tell="is_archived")
    return [int(roof), int(won["id"]), int(lost["id"])]


def _activities(walk: Walk, people: list[int], deals: list[int]) -> None:
    who = {"participants": [{"person_id": people[1]}, {"person_id": people[2]}]}
    call = {"subject": "First call", "type": "call", "done": True, "due_date": "2024-01-02", "deal_id": deals[0], **who}
    made = walk.made("activity", "activities", call)
    walk.seen["whom it is with"] = made.get("person_id") == people[1]
    path = f"activities/{made['id']}"
    walk.tried("short time", "PATCH", path, {"due_time": "09:30"})
    walk.tried("long time", "PATCH", path, {"due_time": "09:30:00"})
    walk.made("unknown type", "activities", {"subject": "Out", "type": "picnic"})
    assert walk.api.get(path)["done"] is True


def _notes_and_files(walk: Walk, people: list[int], deals: list[int]) -> None:
    api, roof = walk.api, deals[0]
    content = "<b>Called</b><!-- twice -->"
    note = {"content": content, "deal_id": roof, "org_id": people[0], "add_time": "2019-03-04 05:06:07"}
    row = walk.made("note", "/v1/notes", note)
    walk.seen["note, read back"] = (row["content"], row["add_time"])
    walk.made("long note", "/v1/notes", {"content": "x" * 2000, "deal_id": roof})
    bytes_ = b"\0\r\n" * 400_000
    links = {"deal_id": str(roof), "person_id": str(people[1])}
    sent = api.http.post("/v1/files", files={"file": ("plan.bin", bytes_)}, data=links)
    walk.seen["large file"] = sent.status_code
    small = api.http.post("/v1/files", files={"file": ("plan.txt", b"\0\r\n")}, data=links).json()["data"]
    for made in (small, *([sent.json()["data"]] if sent.status_code == 200 else [])):
        walk.undo(f"/v1/files/{made['id']}")
    walk.seen["file hangs on"] = [key for key in links if small[key]]
    got = api.http.get(f"/v1/files/{small['id']}/download")
    walk.seen["download"] = got.status_code
    whole = api.http.get(got.headers["location"]) if got.status_code == 302 else got
    assert whole.content == b"\0\r\n"


def _leads(walk: Walk, people: list[int], place: Row) -> None:
    """A lead that stays, and one that becomes a deal."""
    api = walk.api
    body = {"title": "Shed", "person_id": people[1], "value": {"amount": 5, "currency": "EUR"}, place["text"]: "L-2"}
    lead = walk.made("lead", "/v1/leads", body)
    assert api.get(f"/v1/leads/{lead['id']}")[place["text"]] == "L-2"
    walk.made("lead with an odd key", "/v1/leads", {"title": "Shed", "person_id": people[1], "colour": "red"})
    walk.tried("archive a lead", "PATCH", f"/v1/leads/{lead['id']}", {"is_archived": True}, tell="is_archived")
    walk.tried("unarchive a lead", "PATCH", f"/v1/leads/{lead['id']}", {"is_archived": False}, tell="is_archived")
    other = api.post("/v1/leads", {"title": "Fence", "organization_id": people[0]})["id"]
    path = f"leads/{other}/convert"
    number = api.post(f"{path}/deal", {"stage_id": place["stages"][0]})["conversion_id"]

    def status() -> object:
        return api.get(f"{path}/status/{number}")["status"]

    walk.seen["conversion"] = walk.awaited(status, "completed")
    deal = api.get(f"{path}/status/{number}")["deal_id"]
    walk.undo(f"deals/{deal}")
    assert api.get(f"deals/{deal}")["title"] == "Fence"


def _lists(walk: Walk, people: list[int], deals: list[int]) -> None:
    """Every kind is listed and found, if need be after a while."""
    api = walk.api

    def ids(path: str, **query: object) -> Callable[[], object]:
        return lambda: [row["id"] for row in api.get(path, **query) or ()]

    walk.seen["persons"] = walk.awaited(ids("persons"), people[1:]) == people[1:]
    walk.seen["organizations"] = walk.awaited(ids("organizations"), people[:1]) == people[:1]
    walk.seen["deals of the person"] = walk.awaited(ids("deals", person_id=people[1]), deals[:1]) == deals[:1]
    walk.seen["people of the deal"] = walk.awaited(ids("persons", deal_id=deals[0]), people[1:]) == people[1:]
    notes = len(api.stand_in.dump()["records"]["notes"])
    walk.seen["notes"] = walk.awaited(lambda: len(api.get("/v1/notes", deal_id=deals[0]) or ()), notes) == notes

    def found() -> object:
        return [hit["item"]["id"] for hit in api.get("persons/search", term="ada@acme", fields="email")["items"]]

    walk.seen["search"] = walk.awaited(found, people[1:2]) == people[1:2]

    def both_ways() -> object:  # awaited, as a lagging list may take in the last deal between the two
        return _paged(api, "deals") == _paged(api, "deals", sort_direction="desc")[::-1]

    walk.seen["page by page"] = walk.awaited(both_ways, True)


def _paged(api: Asking, path: str, **query: str) -> list[int]:
    rows: list[int] = []
    while True:
        page = api.send("GET", path, **query, limit="2").json()
        rows += [row["id"] for row in page["data"]]
        if page["additional_data"]["next_cursor"] is None:
            return rows
        query["cursor"] = page["additional_data"]["next_cursor"]


def _doors(walk: Walk) -> None:
    """What a client may try and had better not rely on."""
    walk.tried("many on a page", "GET", "persons", limit=501)
    walk.tried("odd cursor", "GET", "persons", cursor="x")
    walk.tried("many hits", "GET", "persons/search", term="ada", limit=101)
    walk.tried("recent changes", "GET", "/v1/recents", since_timestamp="2020-01-01 00:00:00")
    walk.tried("old deals list", "GET", "/v1/deals")
    walk.tried("bare v2", "GET", "/v2/stages")
    with Asking(walk.api.stand_in).http as stranger:
        token = stranger.headers.pop("x-api-token")
        walk.seen["key in the query"] = stranger.get("/v1/users/me", params={"api_token": token}).status_code
