"""One look at the rehearsal Pipedrive for each of its switches: requests, and what is seen of the switch in the answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from pipedrive_tenant import KEY, Asking

Probe = Callable[[Asking], object]
Ways = tuple[tuple[str, str, dict[str, object]], ...]
NOBODY = 987654
APP = ("rehearsal", KEY)


def said(answer: httpx.Response) -> int:
    """The status of an answer that is a success or a refusal in words; whatever else came is no answer at all."""
    assert answer.status_code in (200, 201, 302, 400, 401, 402, 403, 404, 405, 429), answer.text[:500]
    return answer.status_code


def deal(api: Asking, **keys: object) -> dict[str, Any]:
    made: dict[str, Any] = api.post("deals", {"title": "Roof", **keys})
    return made


def person(api: Asking, name: str = "Ada", **keys: object) -> int:
    return int(api.post("persons", {"name": name, **keys})["id"])


def uploaded(api: Asking, content: bytes, **links: object) -> httpx.Response:
    data = {key: str(value) for key, value in links.items()}
    return api.http.post("/v1/files", files={"file": ("a.txt", content)}, data=data)


# ---- ways in


def bare_v2_prefix(api: Asking) -> object:
    return said(api.send("GET", "/v2/stages")), said(api.send("GET", "/api/v2/stages"))


def query_token(api: Asking) -> object:
    with httpx.Client(base_url=api.stand_in.url, trust_env=False, timeout=60) as stranger:
        return said(stranger.get("/v1/users/me", params={"api_token": KEY}))


def paid_for(api: Asking) -> object:
    return [said(api.send("GET", path)) for path in ("deals", "/v1/users/me")]


def v1_removed(api: Asking) -> object:
    return [said(api.send("GET", f"/v1/{kind}")) for kind in ("deals", "persons", "organizations")]


def limit_above(api: Asking) -> object:
    paths = ("persons", "dealFields", "pipelines", "/v1/notes", f"/v1/deals/{deal(api)['id']}/files")
    return [said(api.send("GET", path, limit=501)) for path in paths]


def bad_cursor(api: Asking) -> object:
    number = deal(api)["id"]
    lists = [said(api.send("GET", path, cursor="x")) for path in ("persons", "personFields", "pipelines")]
    changes = said(api.send("GET", f"/v1/deals/{number}/changelog", cursor="x"))
    return [*lists, changes, said(api.send("GET", "persons/search", term="ada", cursor="x"))]


def search_limit(api: Asking) -> object:
    return said(api.send("GET", "persons/search", term="ada", limit=101))


def users_paging(api: Asking) -> object:
    return len(api.get("/v1/users", start=1, limit=2))


def body_404(api: Asking) -> object:
    paths = (f"deals/{NOBODY}", f"pipelines/{NOBODY}", "dealFields/nowhere", f"persons/{NOBODY}/picture")
    return [api.refusal("GET", path, expect=404) for path in paths]


# ---- records


def deal_add_time(api: Asking) -> object:
    """Whether the day holds through v2, and through v1."""
    moment = {"add_time": "2019-03-04T05:06:07Z"}
    answers = (api.send("POST", "deals", {"title": "Old", **moment}), api.send("POST", "/v1/deals", {"title": "Old", **moment}))
    return [said(one) < 300 and one.json()["data"]["add_time"][:10] == "2019-03-04" for one in answers]


def deal_channel(api: Asking) -> object:
    """What a new and a changed deal show of the channel, or the words of the refusal."""
    number = deal(api)["id"]
    ways: Ways = (("POST", "deals", {"title": "x"}), ("PATCH", f"deals/{number}", {}))
    answers = [api.send(method, path, {**body, "channel_id": "fair-7"}) for method, path, body in ways]
    return [one.json()["data"]["channel_id"] if said(one) < 300 else one.json()["error"] for one in answers]


def nested_custom_fields(api: Asking) -> object:
    """The refusals of one nesting too many, and how many records it has made."""
    before = len(api.get("persons", limit=500))
    nested = {"custom_fields": {"custom_fields": {"a" * 40: "x"}}}
    ways: Ways = (("POST", "persons", {"name": "x"}), ("PATCH", f"deals/{deal(api)['id']}", {}))
    answers = [api.send(method, path, {**body, **nested}) for method, path, body in ways]
    return [(one.status_code, one.json()) for one in answers], len(api.get("persons", limit=500)) - before


def unknown_link(api: Asking) -> object:
    """A deal's organization and owner, a follower, a note's deal, a file's person, a lead's person and owner, and each kind
    of custom field that names something, in a deal and in a lead."""
    lead = {"title": "Gutter", "person_id": person(api)}
    kinds = ("org", "people", "user")
    codes = [api.post("dealFields", {"field_name": kind, "field_type": kind})["field_code"] for kind in kinds]
    answers = (
        *(api.send("POST", "deals", {"title": "x", "custom_fields": {code: NOBODY}}) for code in codes),
        *(api.send("POST", "/v1/leads", {**lead, code: NOBODY}) for code in codes),
        api.send("POST", "deals", {"title": "x", "org_id": NOBODY}),
        api.send("POST", "deals", {"title": "x", "owner_id": NOBODY}),
        api.send("POST", f"deals/{deal(api)['id']}/followers", {"user_id": NOBODY}),
        api.send("POST", "/v1/notes", {"content": "x", "deal_id": NOBODY}),
        uploaded(api, b"a", person_id=NOBODY),
        api.send("POST", "/v1/leads", {**lead, "person_id": NOBODY}),
        api.send("POST", "/v1/leads", {**lead, "owner_id": NOBODY}),
    )
    return {200 if said(one) < 300 else said(one) for one in answers}


def unknown_activity_type(api: Asking) -> object:
    answer = api.send("POST", "activities", {"type": "picnic"})
    return answer.json()["data"]["type"] if said(answer) < 300 else answer.json()["error"].split(": ", 1)[1]


def unknown_label(api: Asking) -> object:
    bodies = {"deals": {"title": "x"}, "persons": {"name": "x"}, "organizations": {"name": "x"}}
    answers = [api.send("POST", kind, {**body, "label_ids": [NOBODY]}) for kind, body in bodies.items()]
    return [answer.json()["data"]["label_ids"] if said(answer) < 300 else said(answer) for answer in answers]


def pipeline_stages(api: Asking) -> object:
    number = api.post("pipelines", {"name": "Repairs"})["id"]
    names = [row["name"] for row in api.get("stages", pipeline_id=number)]
    api.delete(f"pipelines/{number}")
    return names


def stage_mismatch(api: Asking) -> object:
    first, second = (row["id"] for row in api.get("pipelines")[:2])
    last = api.get("stages", pipeline_id=second)[-1]["id"]
    answer = api.send("POST", "deals", {"title": "x", "stage_id": last, "pipeline_id": first})
    return answer.json()["data"]["pipeline_id"] == second if said(answer) < 300 else said(answer)


def due_time_form(api: Asking) -> object:
    answers = [api.send("POST", "activities", {"subject": "x", "due_time": form}) for form in ("09:30", "09:30:00")]
    return [said(answer) < 300 for answer in answers]


def empty_built_in(api: Asking) -> object:
    shown = deal(api)
    return "won_time" in shown, "title" in shown, "person_id" in api.get("deals", ids=shown["id"])[0]


def email_syntax(api: Asking) -> object:
    return said(api.send("POST", "persons", {"name": "x", "emails": [{"value": "ada at home"}]}))


def empty_custom_fields(api: Asking) -> object:
    code = api.post("dealFields", {"field_name": "Emptied", "field_type": "varchar"})["field_code"]
    number = deal(api, custom_fields={code: "kept"})["id"]
    return api.patch(f"deals/{number}", {"custom_fields": {}})["custom_fields"][code]


def deal_value(api: Asking) -> object:
    number, product = deal(api, value=7)["id"], api.post("products", {"name": "Tile"})["id"]
    api.post(f"deals/{number}/products", {"product_id": product, "item_price": 5, "quantity": 2})
    return api.get(f"deals/{number}")["value"], api.get("deals", ids=number)[0]["value"]


def contact_sync(api: Asking) -> object:
    """Whether a birthday is taken, shown, and among the fields."""
    answer = api.send("POST", "persons", {"name": "x", "birthday": "1990-01-02"})
    shown = said(answer) < 300 and api.get(f"persons/{answer.json()['data']['id']}")["birthday"]
    return said(answer), shown, "birthday" in [row["field_code"] for row in api.get("personFields", limit=500)]


def campaigns(api: Asking) -> object:
    answer = api.send("POST", "persons", {"name": "x", "marketing_status": "subscribed"})
    if said(answer) >= 300:
        return said(answer)
    return api.get(f"persons/{answer.json()['data']['id']}", include_fields="marketing_status")["marketing_status"]


def profile_fields(api: Asking) -> object:
    answer = api.send("POST", "organizations", {"name": "x", "website": "x.example"})
    shown = said(answer) < 300 and api.get(f"organizations/{answer.json()['data']['id']}")["website"]
    return said(answer), shown, "website" in [row["field_code"] for row in api.get("organizationFields", limit=500)]


def deleted_record(api: Asking) -> object:
    one, note, file = person(api), api.post("/v1/notes", {"content": "x", "deal_id": deal(api)["id"]})["id"], 0
    file = uploaded(api, b"a").json()["data"]["id"]
    lead = api.post("/v1/leads", {"title": "Gutter", "person_id": person(api)})["id"]
    paths = (f"persons/{one}", f"/v1/notes/{note}", f"/v1/files/{file}", f"/v1/leads/{lead}")
    for path in paths:
        api.delete(path)
    return [said(api.send("GET", path)) for path in paths], [
        said(api.send("PATCH", path, {"name": "x"})) for path in (paths[0], paths[-1])
    ]


def unarchive(api: Asking) -> object:
    number = deal(api, is_archived=True)["id"]
    lead = api.post("/v1/leads", {"title": "Gutter", "person_id": person(api)})["id"]
    api.patch(f"/v1/leads/{lead}", {"is_archived": True})
    return [said(api.send("PATCH", path, {"is_archived": False})) for path in (f"deals/{number}", f"/v1/leads/{lead}")]


def activity_primary(api: Asking) -> object:
    made = api.post("activities", {"subject": "x", "participants": [{"person_id": person(api)}, {"person_id": person(api)}]})
    return [row["primary"] for row in made["participants"]], made.get("person_id") is not None


def activity_outcome(api: Asking) -> object:
    answer = api.send("POST", "activities", {"subject": "x", "outcome": "no_show"})
    held = api.post("activities", {"subject": "y"})
    return said(answer), "outcome" in held, "outcome" in [row["field_code"] for row in api.get("activityFields", limit=500)]


def label_options(api: Asking) -> object:
    return [said(api.send("POST", f"{name}Fields/label_ids/options", [{"label": "Cool"}])) for name in ("deal", "person")]


def activity_fields(api: Asking) -> object:
    answer = api.send("POST", "activityFields", {"field_name": "Mood", "field_type": "varchar"})
    return said(answer), "Mood" in [row["field_name"] for row in api.get("activityFields", limit=500)]


# ---- v1


def note_html(api: Asking) -> object:
    content = "<p>Called</p><script>x()</script><!-- twice --><marquee>!</marquee>"
    return api.post("/v1/notes", {"content": content, "deal_id": deal(api)["id"]})["content"]


def note_kilobytes(api: Asking) -> object:
    number = deal(api)["id"]
    notes = ({"content": "x" * size, "deal_id": number} for size in (2048, 102_400, 102_401))
    return [said(api.send("POST", "/v1/notes", note)) for note in notes]


def file_megabytes(api: Asking) -> object:
    return [said(uploaded(api, b"x" * size)) for size in (1_048_576, 1_048_577)]


def download(api: Asking) -> object:
    number = uploaded(api, b"the bytes").json()["data"]["id"]
    answer = api.http.get(f"/v1/files/{number}/download")
    last = api.http.get(answer.headers["location"]) if said(answer) == 302 else answer
    return answer.status_code, last.content


def file_several_links(api: Asking) -> object:
    links = {"deal_id": deal(api)["id"], "person_id": person(api)}
    shown = uploaded(api, b"a", **links).json()["data"]
    return [shown[key] == number for key, number in links.items()]


def lead_keys(api: Asking) -> object:
    return said(api.send("POST", "/v1/leads", {"title": "Gutter", "person_id": person(api), "colour": "red"}))


def recents_beyond(api: Asking) -> object:
    return said(api.send("GET", "/v1/recents", since_timestamp="2020-01-01 00:00:00"))


# ---- time


def conversion_seconds(api: Asking) -> object:
    lead = api.post("/v1/leads", {"title": "Gutter", "person_id": person(api)})["id"]
    number = api.post(f"leads/{lead}/convert/deal", {})["conversion_id"]
    return api.get(f"leads/{lead}/convert/status/{number}")["status"] == "completed"


def list_lag_seconds(api: Asking) -> object:
    """Whether new persons and notes are listed at once; one by its id is."""
    number, on = person(api), deal(api)["id"]
    note = api.post("/v1/notes", {"content": "x", "deal_id": on})["id"]
    listed = [row["id"] for row in api.get("persons", limit=500)], [row["id"] for row in api.get("/v1/notes", limit=500) or ()]
    return number in listed[0], note in listed[1], api.get(f"persons/{number}")["id"] == number


def index_lag_seconds(api: Asking) -> object:
    number = person(api, "Zebedee")
    return number in [hit["item"]["id"] for hit in api.get("persons/search", term="zebedee")["items"]]


def index_lag_least_seconds(api: Asking) -> object:
    """Whether any of forty persons is found well before the twenty seconds that the lag takes at most."""
    for place in range(40):
        person(api, f"Magpie {place}")
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if api.get("persons/search", term="magpie")["items"]:
            return True
        time.sleep(0.1)
    return False


def skew_seconds(api: Asking) -> object:
    """Minutes by which the vendor's clock is ahead, in the header and in what it writes."""
    answer = api.send("POST", "persons", {"name": "x"})
    date = parsedate_to_datetime(answer.headers["date"]).timestamp()
    made = parsedate_to_datetime(answer.headers["date"]).strftime("%Y-%m-%dT%H:%M") == answer.json()["data"]["add_time"][:16]
    return round((date - time.time()) / 60), made or answer.json()["data"]["add_time"]


def grant(api: Asking) -> dict[str, Any]:
    place = api.http.get("/oauth/authorize", params={"client_id": "rehearsal"}).headers["location"]
    return tokens(api, grant_type="authorization_code", code=parse_qs(urlsplit(place).query)["code"][0])


def tokens(api: Asking, **form: str) -> dict[str, Any]:
    answer = api.http.post("/oauth/token", auth=APP, data=form)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def oauth_rotation(api: Asking) -> object:
    """Whether a refresh gives another refresh token, and what the first one is still worth."""
    form = {"grant_type": "refresh_token", "refresh_token": grant(api)["refresh_token"]}
    second = tokens(api, **form)
    return second["refresh_token"] != form["refresh_token"], said(api.http.post("/oauth/token", auth=APP, data=form))


def oauth_seconds(api: Asking) -> object:
    given = grant(api)
    time.sleep(1.1)
    with httpx.Client(base_url=api.stand_in.url, trust_env=False, timeout=60) as other:
        answer = other.get("/v1/users/me", headers={"authorization": f"Bearer {given['access_token']}"})
    return given["expires_in"], said(answer)


# ---- limits; the burst of two seconds takes longer than any of these looks


def until(api: Asking, *ends: int, most: int = 60) -> list[httpx.Response]:
    """The answers to the same request up to one with such a status."""
    answers: list[httpx.Response] = []
    while len(answers) < most and not (answers and answers[-1].status_code in ends):
        answers.append(api.send("GET", "stages"))
        said(answers[-1])
    return answers


def limits(api: Asking) -> object:
    answers = until(api, 429, most=30)
    return len(answers), answers[-1].status_code, "x-ratelimit-limit" in answers[0].headers


def plan(api: Asking) -> object:
    """The burst, the day, whether an owner's group may alone see a record, and whether a product may recur."""
    answer = api.send("GET", "stages")
    numbers = [int(answer.headers[name]) for name in ("x-ratelimit-limit", "x-daily-ratelimit-token-limit")]
    grouped = said(api.send("POST", "persons", {"name": "x", "visible_to": 7})) < 300
    number, product = deal(api)["id"], api.post("products", {"name": "Care"})["id"]
    line = {"product_id": product, "item_price": 5, "quantity": 1, "billing_frequency": "monthly"}
    return *numbers, grouped, said(api.send("POST", f"deals/{number}/products", line)) < 300


def failed_cost(api: Asking) -> object:
    """Tokens that a refused request is charged, in the headers of the next and in the log."""
    before = int(api.send("GET", "/v1/users/me").headers["x-daily-ratelimit-token-remaining"])
    api.refusal("POST", "pipelines", {"nome": "x"})
    after = int(api.send("GET", "/v1/users/me").headers["x-daily-ratelimit-token-remaining"])
    return before - after - 2, int(api.stand_in.log()["tokens"].iloc[-2])


def retry_after(api: Asking) -> object:
    last = until(api, 429)[-1]
    return last.status_code, "retry-after" in last.headers


def limit_headers(api: Asking) -> object:
    names = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-daily-ratelimit-token-remaining")
    headers = api.send("GET", "stages").headers
    return [name in headers for name in names]


def limit_counts_refused(api: Asking) -> object:
    """Tokens of the day that a request beyond the burst costs."""
    until(api, 429)
    one, other = (int(api.send("GET", "stages").headers["x-daily-ratelimit-token-remaining"]) for _ in range(2))
    return one - other


def ignored_429(api: Asking) -> object:
    """How many requests are refused before the page that is no JSON comes, if it comes."""
    statuses = [answer.status_code for answer in until(api, 403)]
    return statuses.count(429) if 403 in statuses else None


def blocked_seconds(api: Asking) -> object:
    assert until(api, 403)[-1].status_code == 403
    time.sleep(1.2)
    return said(api.send("GET", "stages"))


DAY = 4.0
"""Real seconds that a day of the family ``days`` takes: 86,400 rehearsal seconds at 21,600 in one."""


def reset_hour(api: Asking) -> object:
    """Whether the budget of the day is whole again when noon has passed."""
    while True:
        time.sleep((0.4 * DAY - time.time()) % DAY)
        begun, lefts, phases = time.time(), [], []
        for phase in (0.0, 0.2):
            time.sleep(max(0.0, begun + phase * DAY - time.time()))
            phases.append(time.time() % DAY / DAY)
            lefts.append(int(api.send("GET", "/v1/users").headers["x-daily-ratelimit-token-remaining"]))
            phases.append(time.time() % DAY / DAY)
        if 0.4 <= phases[0] < phases[1] < 0.5 < phases[2] < phases[3]:  # else the machine dawdled, and it was another hour
            return lefts[1] >= lefts[0]
