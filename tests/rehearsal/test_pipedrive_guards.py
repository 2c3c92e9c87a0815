"""What the rehearsal Pipedrive holds at its edges: places beyond a list, codes nobody uses, breakdowns, and v1's followers."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pipedrive_small import SMALL, opened
from pipedrive_tenant import DANA, KEY, PRIYA, Asking, account

from workbench.rehearsal.engine import Call, Clock, Reply, State
from workbench.rehearsal.pipedrive import Pipedrive
from workbench.rehearsal.pipedrive.oauth import OPEN_CODES

APP = ("rehearsal", KEY)
ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("WORKBENCH_SHARED", ROOT.parent / "shared"))
COSTS = SHARED / "spec" / "pipedrive-ops-costs.tsv"
TOLD_AS = {"persons/#/products": "products of a person", "products/#/deals": "below a stage, pipeline or product"}
"""Operations that the page names in words of its own."""
BROKEN_V2 = {"success": False, "error": "Internal Server Error", "code": "ERR_UNKNOWN"}
BROKEN_V1 = {
    "success": False,
    "error": "Internal Server Error",
    "error_info": "Please check developers.pipedrive.com for more information about Pipedrive API.",
    "data": None,
    "additional_data": None,
}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with account(tmp_path_factory.mktemp("guards"), users_paging="honour") as asking:
        yield asking


@pytest.mark.parametrize("start", ["9999999999", "9" * 18, "9" * 5000])
def test_a_start_beyond_a_list_is_no_start_at_its_beginning(api: Asking, start: str) -> None:
    deal = api.post("deals", {"title": "Roof"})["id"]
    api.post("/v1/notes", {"content": "x", "deal_id": deal})
    for path in ("/v1/notes", "/v1/users", f"/v1/deals/{deal}/participants"):
        page = api.send("GET", path, start=start).json()
        assert not page["data"], path
        assert page["additional_data"]["pagination"]["more_items_in_collection"] is False


def test_a_limit_of_any_length_is_above_the_greatest(api: Asking) -> None:
    assert api.send("GET", "/v1/notes", limit="9" * 12).json()["additional_data"]["pagination"]["limit"] == 500


# ---- a breakdown comes in the envelope of its version


@pytest.mark.parametrize("kind", ["500_before", "500_after"])
@pytest.mark.parametrize(("path", "said"), [("persons", BROKEN_V2), ("/v2/persons", BROKEN_V2), ("/v1/leadLabels", BROKEN_V1)])
def test_a_broken_server_speaks_the_version_of_the_path(api: Asking, kind: str, path: str, said: dict[str, Any]) -> None:
    api.stand_in.order_fault(kind)
    answer = api.send("POST", path, {"name": "Ada", "color": "blue"})
    assert (answer.status_code, answer.json()) == (500, said)


def test_what_the_wire_refuses_of_itself_speaks_the_version_too(tmp_path: Path) -> None:
    vendor, state = opened(tmp_path / "state.sqlite")
    told = [json.loads(_refused(vendor, path, status).body) for path in ("api/v2/deals", "v1/notes") for status in (500, 413)]
    state.close()

    assert told[0] == BROKEN_V2
    assert told[1] == {"success": False, "error": "Too large"}
    assert told[2] == BROKEN_V1
    assert told[3] == {**BROKEN_V1, "error": "Too large"}


def _refused(vendor: Pipedrive, path: str, status: int) -> Reply:
    call = Call("POST", tuple(path.split("/")), {}, {}, b"", "http://127.0.0.1", 0.0)
    return vendor.refuse(status, ("Too large",), call=call)


# ---- codes of OAuth


def _kept(state: State) -> dict[str, Any]:
    return state.meta("oauth") or {}


def _code(vendor: Pipedrive, now: float) -> str:
    call = Call("GET", ("oauth", "authorize"), {"client_id": "rehearsal"}, {}, b"", "http://127.0.0.1", now)
    return parse_qs(urlsplit(vendor.answer(call).headers["location"]).query)["code"][0]


def _used(vendor: Pipedrive, code: str, now: float) -> int:
    head = {"authorization": httpx.BasicAuth(*APP)._auth_header}
    body = f"grant_type=authorization_code&code={code}".encode()
    call = Call("POST", ("oauth", "token"), {}, head, body, "http://127.0.0.1", now)
    vendor.authorised(call, KEY)
    return vendor.answer(call).status


def test_codes_that_nobody_uses_are_few_and_used_ones_are_forgotten(tmp_path: Path) -> None:
    vendor, state = opened(tmp_path / "state.sqlite")
    now = Clock().now()
    with state.transaction():
        codes = [_code(vendor, now + place / 1000) for place in range(OPEN_CODES + 20)]
        assert len(_kept(state)["codes"]) == OPEN_CODES
        assert [_used(vendor, code, now + 1) for code in (codes[0], codes[-1], codes[-1], codes[20])] == [400, 200, 400, 200]
        assert _kept(state)["used"] == {}
        last = _code(vendor, now + 400)
        assert len(_kept(state)["codes"]) == 1
        assert [_used(vendor, code, now + 401) for code in (codes[-2], last)] == [400, 200]
    state.close()


def test_the_code_of_the_recipe_stays_used(tmp_path: Path) -> None:
    recipe = {**SMALL, "oauth": {"code": "told-by-the-admin"}}
    vendor, state = opened(tmp_path / "state.sqlite", recipe)
    now = Clock().now()
    with state.transaction():
        assert [_used(vendor, "told-by-the-admin", now + later) for later in (0, 1, 10**6)] == [200, 400, 400]
        assert _used(vendor, _code(vendor, now + 10**6), now + 10**6) == 200
        assert len(_kept(state)["used"]) == 1
    state.close()


# ---- followers of v1


@pytest.mark.parametrize(
    ("kind", "key", "status"),
    [
        ("deals", "deal_id", 200),
        ("persons", "person_id", 200),
        ("organizations", "org_id", 200),
        ("products", "product_id", 201),
    ],
)
def test_v1_and_v2_tell_of_the_same_followers(api: Asking, kind: str, key: str, status: int) -> None:
    number = api.post(kind, {"title": "x"} if kind == "deals" else {"name": "x"})["id"]
    path = f"/v1/{kind}/{number}/followers"
    made = api.send("POST", path, {"user_id": DANA})
    row = made.json()["data"]
    api.post(f"{kind}/{number}/followers", {"user_id": PRIYA})

    assert (made.status_code, row["user_id"], row[key]) == (status, DANA, number)
    assert [each["user_id"] for each in api.get(path)] == [DANA, PRIYA]
    assert [each["user_id"] for each in api.get(f"{kind}/{number}/followers")] == [DANA, PRIYA]
    assert api.delete(f"{path}/{row['id']}") == {"id": row["id"]}
    assert [each["user_id"] for each in api.get(path)] == [PRIYA]
    assert api.refusal("DELETE", f"{path}/{row['id']}", expect=404) == "Follower not found"


def test_v1_refuses_followers_in_its_own_envelope(api: Asking) -> None:
    number = api.post("deals", {"title": "x"})["id"]
    path = f"/v1/deals/{number}/followers"
    api.post(path, {"user_id": DANA})
    for body in ({"user_id": DANA}, {"user_id": 1}, {"user_id": "x"}, {}):
        answer = api.send("POST", path, body)
        assert (answer.status_code, answer.json()["data"], "error_info" in answer.json()) == (400, None, True), body
    api.refusal("POST", "/v1/deals/99999/followers", {"user_id": DANA}, expect=404)


def test_a_client_that_fails_a_test_is_closed_all_the_same(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), account(tmp_path) as asking:
        raise ZeroDivisionError
    assert asking.http.is_closed


def _stems(text: str) -> set[str]:
    return {word.lower().rstrip("s") for word in re.findall(r"[A-Za-z]{3,}", text)}


def test_what_the_vendor_serves_and_the_rehearsal_does_not_is_named_on_the_page(tmp_path: Path) -> None:
    if not COSTS.exists():
        pytest.skip("the shared folder is not there")
    page = " ".join((ROOT / "docs" / "rehearsal.md").read_text(encoding="utf-8").partition("## What is not there")[2].split())
    named = _stems(page.partition("**Pipedrive**")[2]) - {"deal", "person", "product", "organization"}
    vendor, state = opened(tmp_path / "state.sqlite", v1_removed="answer")
    served = {(each.method, each.version, each.path) for each in vendor.operations}
    state.close()
    with COSTS.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines, delimiter="\t") if row["spec"] != "v1-2026-01-14.yaml"]
    unnamed = []
    for row in rows:
        version, _, path = re.sub(r"\{\w+\}", "#", row["path"]).strip("/").removeprefix("api/").partition("/")
        told = TOLD_AS.get(path, "") in page if path in TOLD_AS else bool(_stems(path) & named)
        project = path.startswith("project")  # their templates and fields too
        if (row["method"], version, path) not in served and not told and not project and not path.startswith("oauth/"):
            unnamed.append(f"{row['method']} {version} {path}")

    assert len(rows) > 300
    assert not unnamed
