"""A recipe read from an account opens a stand-in that describes itself as the account does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
import tomli_w
from freshsales_account import Started, contact, field, made

from workbench.rehearsal.freshsales import SELECTORS
from workbench.rehearsal.freshsales.recipe import headers, tenant_of

TENANTS = Path(__file__).parents[2] / "workbench" / "rehearsal" / "tenants"
CHANGED = (
    ('utc_offset = "-05:00"', 'utc_offset = "+02:00"'),
    ('made_at = "2026-01-05T14:00:00Z"', 'made_at = "2024-07-01T08:00:00Z"'),
    ('name = "Follow-up", probability = 25', 'name = "Nachfassen", probability = 33'),
    ('code = "CAD"\nrate = "1.36"', 'code = "CHF"\nrate = "0.8812"'),
    ('"Yard Sign"', '"Gartenschild"'),
    ('"Answered", "Missed"', '"Angenommen", "Verpasst"'),
    ('name = "Customer"\ntype = "Customer"', 'name = "Kunde"\ntype = "Custom"'),
    ('{ name = "All Contacts", rule = "all" }', '{ name = "Alle Kontakte", rule = "all" }'),
    ('{ name = "Won Deals", rule = "won" }', '{ name = "Gewonnen", rule = "won" }'),
    ('{ name = "Slipping away", rule = "none", default = false }', '{ name = "Stammkunden", rule = "none", default = false }'),
    ('"Junk Lead"', '"Unsinn"'),
)
FIELDS = """
[[fields]]
object = "contact"
label = "Promio customer id"
type = "text"
unique = true

[[fields]]
object = "contact"
label = "Segment"
name = "cf_an_older_label"
type = "dropdown"
choices = ["Neu", "Über 60"]

[[fields]]
object = "deal"
label = "Warranty until"
type = "date"
required = false
"""


def metadata(http: httpx.Client, objects: tuple[str, ...]) -> dict[str, Any]:
    """Everything that the account says of itself, without the ids of custom fields, which no recipe can choose."""
    told: dict[str, Any] = {name: http.get(f"/selector/{name}").json() for name in SELECTORS}
    for name in objects:
        told[f"{name} filters"] = http.get(f"/{name}/filters").json()
        told[f"{name} fields"] = _without_ids(http.get(f"/settings/{name}/fields").json()["fields"])
        told[f"{name} forms"] = _without_ids(http.get(f"/settings/{name}/forms").json()["forms"][0]["fields"])
    return told


def _without_ids(fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for row in fields:
        if row["name"].startswith("cf_"):
            row.pop("id")
            row["choices"] = [choice["value"] for choice in row["choices"]]
    return fields


def asking(http: httpx.Client) -> Any:
    def get(path: str) -> Any:
        answer = http.get(f"/{path}")
        assert answer.request.method == "GET"
        return answer.json() if answer.status_code == 200 else None

    return get


@pytest.mark.parametrize("edition", ["suite", "classic"])
def test_an_account_read_and_opened_again_describes_itself_alike(started: Started, tmp_path: Path, edition: str) -> None:
    text = (TENANTS / f"freshsales_{edition}.toml").read_text("utf-8")
    for old, new in CHANGED:
        assert old in text, old
        text = text.replace(old, new, 1)
    live = tmp_path / "live.toml"
    live.write_text(text + FIELDS, "utf-8")
    _, account = started(tenant=str(live))
    made(account, "/deals", name="Sold", amount=1, deal_stage_id=_won(account))
    contact(account, email="someone@brightroof.example")
    copy = tmp_path / "copy.toml"

    recipe = tenant_of(asking(account))
    copy.write_text(tomli_w.dumps(recipe), "utf-8")
    _, stand_in = started(tenant=str(copy))

    objects = ("contacts", "sales_accounts", "deals", *(("leads",) if edition == "classic" else ()))
    assert metadata(stand_in, objects) == metadata(account, objects)
    rules = {row["name"]: row["rule"] for rows in recipe["views"].values() for row in rows}
    assert (rules["Gewonnen"], rules["Alle Kontakte"], rules["Open Deals"], rules["Recycle Bin"]) == (
        "won",
        "all",
        "open",
        "deleted",
    )
    assert rules["Stammkunden"] == "none"
    assert recipe["account"]["edition"] == edition
    assert any("Stammkunden" in words for words in recipe["account"]["unsure"])


def _won(http: httpx.Client) -> int:
    stages = http.get("/selector/deal_stages").json()["deal_stages"]
    return next(row["id"] for row in stages if row["forecast_type"] == "Closed Won")


def test_custom_modules_come_along_with_their_fields(started: Started, tmp_path: Path) -> None:
    _, account = started(plan="enterprise")
    names = {"singular_name": "Roof", "plural_name": "Roofs", "entity_name": "cm_roof", "icon": "home"}
    account.post("/settings/module_customizations", json={"module_customization": names})
    field(account, "cm_roof", "Pitch", "dropdown", choices=["low", "steep"])
    field(account, "cm_roof", "Serial", "text", unique=True)
    copy = tmp_path / "copy.toml"

    copy.write_text(tomli_w.dumps(tenant_of(asking(account))), "utf-8")
    _, stand_in = started(tenant=str(copy))

    def told(http: httpx.Client) -> list[tuple[str, bool, list[str]]]:
        (group,) = http.get("/settings/cm_roof/forms").json()["forms"][0]["fields"]
        choices = [[choice["value"] for choice in row["choices"]] for row in group["fields"]]
        unique = [row["field_options"]["unique"] for row in group["fields"]]
        return list(zip([row["name"] for row in group["fields"]], unique, choices, strict=True))

    assert told(stand_in) == told(account)
    assert len(told(account)) == 3


def test_reading_an_account_changes_nothing_and_asks_by_get_alone(started: Started) -> None:
    stand_in, http = started()

    tenant_of(asking(http))

    assert set(stand_in.log()["method"]) == {"GET"}


def test_the_headers_open_the_account(started: Started) -> None:
    stand_in, _ = started()

    answer = httpx.get(f"{stand_in.url}/selector/owners", headers=headers(str.__str__(stand_in.token)), trust_env=False)

    assert answer.status_code == 200
