"""A tenant recipe made from a running account opens another one that cannot be told from it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from workbench.rehearsal import Rehearsal, recipe_of, running

KEY = "0123456789abcdef0123456789abcdef01234567"
METADATA = (
    "v1/users/me",
    "v1/users",
    "v1/currencies",
    "v1/activityTypes",
    "v1/leadLabels",
    "api/v2/pipelines",
    "api/v2/stages",
    "api/v2/dealFields",
    "api/v2/personFields",
    "api/v2/organizationFields",
    "api/v2/productFields",
    "api/v2/activityFields",
)


def client(stand_in: Rehearsal) -> httpx.Client:
    return httpx.Client(base_url=stand_in.url, headers={"x-api-token": KEY}, trust_env=False, timeout=60)


def metadata(stand_in: Rehearsal) -> dict[str, Any]:
    with client(stand_in) as http:
        return {path: http.get(f"/{path}", params={"limit": 500} if "v2" in path else {}).json() for path in METADATA}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """An account that has moved on from its own recipe."""
    state = tmp_path_factory.mktemp("first") / "s"
    with running("pipedrive", state=state, token=KEY, switches={"limits": "off"}) as stand_in:
        with client(stand_in) as http:
            for made in (
                http.post("/v1/activityTypes", json={"name": "Video call", "icon_key": "camera", "color": "A0B1C2"}),
                http.post("/v1/leadLabels", json={"name": "Storm", "color": "dark-gray"}),
                http.post("/api/v2/pipelines", json={"name": "Renewals", "is_deal_probability_enabled": False}),
                http.post("/api/v2/stages", json={"name": "Due", "pipeline_id": 3, "deal_probability": 40}),
                http.post("/api/v2/dealFields", json={"field_name": "Roof area", "field_type": "double"}),
                http.post(
                    "/api/v2/personFields",
                    json={"field_name": "Roles", "field_type": "set", "options": [{"label": "Owner"}, {"label": "Tenant"}]},
                ),
            ):
                assert made.json()["success"], made.text
            assert http.delete("/api/v2/stages/1").status_code == 200
        stand_in.admin_create_fields([{"object": "organization", "label": "Region", "type": "enum", "choices": ["N", "S"]}])
        yield stand_in


def test_the_second_account_answers_as_the_first(first: Rehearsal, tmp_path: Path) -> None:
    recipe = tmp_path / "copy.toml"
    recipe.write_text(recipe_of("pipedrive", url=first.url, token=KEY), encoding="utf-8")
    with running("pipedrive", state=tmp_path / "s", token=KEY, tenant=recipe, switches={"limits": "off"}) as second:
        ours, theirs = metadata(second), metadata(first)
        for path in METADATA:
            assert ours[path] == theirs[path], path
        with client(second) as http:  # what is made later takes no id that the recipe has named
            taken = {row["id"] for row in theirs["api/v2/stages"]["data"]}
            assert http.post("/api/v2/stages", json={"name": "New", "pipeline_id": 3}).json()["data"]["id"] not in taken


def test_a_recipe_is_made_by_get_alone_and_holds_no_key(first: Rehearsal) -> None:
    before = len(first.log())
    recipe = tomllib.loads(recipe_of("pipedrive", url=first.url, token=KEY))
    asked = first.log().iloc[before:]
    assert set(asked["method"]) == {"GET"}
    assert set(asked["status"]) == {200}
    assert KEY not in str(recipe)
    assert recipe["account"]["seats"] == 7  # the active users
    assert [row["field_name"] for row in recipe["fields"]] == ["Roof area", "Roles", "Region"]


def test_every_page_of_a_long_list_is_read(first: Rehearsal) -> None:
    with client(first) as http:
        made = [http.post("/api/v2/stages", json={"name": f"S{n}", "pipeline_id": 2}).json()["data"]["id"] for n in range(510)]
        stages = tomllib.loads(recipe_of("pipedrive", url=first.url, token=KEY))["pipelines"][1]["stages"]
        for number in made:
            http.delete(f"/api/v2/stages/{number}")
    assert {stage["id"] for stage in stages} >= set(made)
