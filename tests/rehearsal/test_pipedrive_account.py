"""The rehearsal of Pipedrive lets in whom the vendor lets in, says who is there, and what each request costs."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from pipedrive_small import opened

from workbench import rehearsal
from workbench.errors import SpecError
from workbench.rehearsal import Rehearsal, running
from workbench.rehearsal.pipedrive import Pipedrive

KEY = "0123456789abcdef0123456789abcdef01234567"
SHARED = Path(os.environ.get("WORKBENCH_SHARED", Path(__file__).resolve().parents[2].parent / "shared"))
TENANT = Path(rehearsal.__file__).parent / "tenants" / "pipedrive_growth.toml"
COSTS = SHARED / "spec" / "pipedrive-ops-costs.tsv"


def asking(stand_in: Rehearsal, **headers: str) -> httpx.Client:
    return httpx.Client(base_url=stand_in.url, headers=headers, trust_env=False, timeout=60)


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    state = tmp_path_factory.mktemp("pipedrive") / "state.sqlite"
    with running("pipedrive", state=state, token=KEY, time_scale=1000, switches={"limits": "off"}) as running_one:
        yield running_one


@pytest.fixture
def api(stand_in: Rehearsal) -> Iterator[httpx.Client]:
    with asking(stand_in, **{"x-api-token": KEY}) as http:
        yield http


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[..., httpx.Client]]:
    """Starts a stand-in with switches of its own; the client carries no key."""
    with ExitStack() as stack:

        def start(**switches: str) -> httpx.Client:
            running_one = stack.enter_context(running("pipedrive", state=tmp_path / "s", token=KEY, switches=switches))
            return stack.enter_context(asking(running_one))

        yield start


@pytest.fixture
def inside(tmp_path: Path) -> Iterator[Pipedrive]:
    """A stand-in without a server."""
    made, state = opened(tmp_path / "state.sqlite")
    yield made
    state.close()


@pytest.mark.parametrize("path", ["/v1/users/me", "/api/v2/deals", "/v1/there/is/no/such/path", "/nor/this", "/"])
def test_without_a_key_every_path_gives_the_401_of_the_gateway(stand_in: Rehearsal, path: str) -> None:
    with asking(stand_in) as http:
        for answer in (http.get(path), http.put(path, headers={"x-api-token": "another"})):
            assert answer.status_code == 401
            assert answer.json() == {
                "success": False,
                "error": "unauthorized access",
                "errorCode": 401,
                "error_info": "Please check developers.pipedrive.com",
            }
            assert answer.headers["x-401-by-gw"] == "true"
            assert len(answer.headers["x-correlation-id"]) == 36


def test_the_key_opens_from_the_header_and_from_the_query(stand_in: Rehearsal) -> None:
    with asking(stand_in) as http:
        assert http.get("/v1/users/me", headers={"x-api-token": KEY}).status_code == 200
        assert http.get("/api/v2/pipelines", params={"api_token": KEY}).status_code == 200
        assert http.get("/v1/users/me", headers={"Authorization": f"Bearer {KEY}"}).status_code == 401
    assert KEY not in stand_in.log().to_csv()


def test_the_key_in_the_query_can_be_refused(served: Callable[..., httpx.Client]) -> None:
    http = served(query_token="refuse")
    assert http.get("/v1/users/me", params={"api_token": KEY}).status_code == 401
    assert http.get("/v1/users/me", headers={"x-api-token": KEY}).status_code == 200


@pytest.mark.parametrize("path", ["/v1/users/me", "/api/v1/users/me", "/api/v2/stages", "/v2/stages"])
def test_both_versions_answer_under_their_prefixes(api: httpx.Client, path: str) -> None:
    assert api.get(path).status_code == 200


def test_v2_without_api_can_be_unknown(served: Callable[..., httpx.Client]) -> None:
    http = served(bare_v2_prefix="off")
    assert http.get("/v2/stages", headers={"x-api-token": KEY}).status_code == 404
    assert http.get("/api/v2/stages", headers={"x-api-token": KEY}).status_code == 200


def test_me_names_the_company_and_the_user_of_the_key(api: httpx.Client) -> None:
    me = api.get("/v1/users/me").json()["data"]
    assert me["company_domain"] == "brightroof"
    assert me["email"] == "migration.admin@brightroof.example"
    assert me["is_you"] is True
    assert [part["admin"] for part in me["access"]] == [True]


def test_users_are_listed_with_those_who_left_and_found_by_address(api: httpx.Client) -> None:
    users = {user["email"]: user for user in api.get("/v1/users", params={"start": 3, "limit": 1}).json()["data"]}
    assert len(users) == 8
    assert users["jon.pryce@brightroof.example"]["active_flag"] is False
    dana = users["dana.ortiz@brightroof.example"]
    assert api.get(f"/v1/users/{dana['id']}").json()["data"] == dana
    found = api.get("/v1/users/find", params={"term": "dana.ortiz@", "search_by_email": 1}).json()["data"]
    assert found == [dana]
    assert api.get("/v1/users/find", params={"term": "dana.ortiz@"}).json()["data"] == []
    assert api.get("/v1/users/find").status_code == 400
    assert api.get("/v1/users/99").status_code == 404


def test_paging_users_ends_where_it_is_honoured(served: Callable[..., httpx.Client]) -> None:
    http, seen, start, more = served(users_paging="honour"), [], 0, True
    while more:
        page = http.get("/v1/users", params={"start": start, "limit": 3}, headers={"x-api-token": KEY}).json()
        pagination = page["additional_data"]["pagination"]
        seen += [user["id"] for user in page["data"]]
        more, start = pagination["more_items_in_collection"], pagination.get("next_start", 0)
    assert len(seen) == len(set(seen)) == 8


def test_reading_lists_of_the_company(api: httpx.Client) -> None:
    euro = api.get("/v1/currencies", params={"term": "eur"}).json()["data"]
    assert [(row["code"], row["decimal_points"]) for row in euro] == [("EUR", 2)]
    assert {"name": "API"} in api.get("/v1/leadSources").json()["data"]
    assert api.get("/v1/roles").json()["data"][0]["assignment_count"] == "8"
    sets = api.get("/v1/permissionSets").json()["data"]
    assert {row["type"]: row["assignment_count"] for row in sets} == {"admin": 2, "regular": 6}


def test_a_tenant_whose_api_user_is_nobody_is_refused_in_words(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(TENANT.read_text(encoding="utf-8").replace("migration.admin@", "nobody@", 1), encoding="utf-8")
    with (
        pytest.raises(SpecError, match="not among the users"),
        running("pipedrive", state=tmp_path / "s", token=KEY, tenant=own),
    ):
        pass


@pytest.mark.parametrize(("plan", "levels"), [("lite", (1, 3)), ("growth", (1, 3)), ("premium", (1, 3, 5, 7))])
def test_visibility_levels_come_with_the_plan(tmp_path: Path, plan: str, levels: tuple[int, ...]) -> None:
    made, state = opened(tmp_path / "state.sqlite", plan=plan)
    assert made.account.visibility == levels
    state.close()


def test_every_served_operation_costs_what_the_vendor_s_list_says(inside: Pipedrive) -> None:
    if not COSTS.exists():
        pytest.skip("the shared folder is not there")
    with COSTS.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    said: dict[tuple[str, str], int] = {}
    for row in sorted(rows, key=lambda row: row["spec"] == "v1-2026-01-14.yaml"):  # the older list only for what went
        path = "/".join("#" if part.startswith("{") else part for part in row["path"].strip("/").split("/"))
        said.setdefault((row["method"], path), int(row["token_cost"]))
    assert inside.operations
    wrong = [
        f"{each.method} {each.version} {each.path}: {each.tokens}, not {said.get(key, 'listed')}"
        for each in inside.operations
        if said.get(key := (each.method, f"api/{each.version}/{each.path}")) != each.tokens
    ]
    assert not wrong
