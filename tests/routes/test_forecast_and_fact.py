"""What a load was foretold to take, and what it took: by part, on both destinations, with and without a sample before it.

Where a sample has been compared before, the account holds five hundred records of others in the list of the people.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import httpx
import pandas as pd
import pytest
from test_promio_on_pipedrive import staged as staged_on_pipedrive  # noqa: F401  # a fixture
from walk import TOKEN, Walk, load_main, resumed

from workbench.flow.forecasting import forecast
from workbench.flow.tally import PARTS
from workbench.flow.transfer import read_back, transfer
from workbench.stages import provisioning

AGREES = 0.05
STRANGERS = 500
LISTS = {"freshsales": "contacts", "pipedrive": "api/v2/persons"}
SWITCHES = {"freshsales": {"created_at": "honoured"}}
"""So that people can be in the account for years."""


@pytest.mark.parametrize("sampled", [True, False], ids=["after a sample", "at once"])
@pytest.mark.parametrize("vendor", ["freshsales", "pipedrive"])
def test_forecast_and_fact_agree_within_five_in_a_hundred_in_each_part(
    vendor: str, sampled: bool, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    place: Path = request.getfixturevalue("staged" if vendor == "freshsales" else "staged_on_pipedrive")
    with resumed(place, tmp_path / "walk", vendor=vendor, switches=SWITCHES.get(vendor) if sampled else None) as walk:
        foretold, took = _sampled(walk, vendor) if sampled else _at_once(walk)
        for part in (*PARTS, "calls", "tokens"):
            said, fact = int(foretold[part].sum()), int(took[part].sum())
            assert abs(said - fact) <= AGREES * fact, f"{part}: {said} foretold, {fact} in fact\n{foretold}\n{took}"
        assert took["feed"].tolist() == foretold["feed"].tolist()


def _sampled(walk: Walk, vendor: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Production after a signed sample, with its comparison of everything; the forecast is the one that it kept."""
    _strangers(walk, vendor)
    assert "nobody has looked" in forecast(walk.engagement).text()
    result = load_main(walk.engagement)
    assert "look-ups" in result._repr_html_()
    assert "nobody has looked" not in forecast(walk.engagement).text()
    return walk.engagement.load("foretold"), walk.engagement.load("took")


def _strangers(walk: Walk, vendor: str) -> None:
    """People whom others have put into the account years ago."""
    headers = {"Authorization": f"Token token={TOKEN}"} if vendor == "freshsales" else {"x-api-token": TOKEN}
    with httpx.Client(headers=headers, timeout=60, trust_env=False) as http:
        for number in range(STRANGERS):
            name, email = f"Stranger {number}", f"s{number}@else.example"
            made = f"{date(2021, 3, 4) - timedelta(days=number)}T05:06:07Z"
            person = {"last_name": name, "emails": [email], "created_at": made}
            body = {"contact": person} if vendor == "freshsales" else {"name": name}
            answer = http.post(f"{walk.tenant.url}/{LISTS[vendor]}", json=body)
            assert answer.is_success, answer.text


def _at_once(walk: Walk) -> tuple[pd.DataFrame, pd.DataFrame]:
    provisioning.run(walk.engagement)
    foretold = forecast(walk.engagement).frame
    transfer(walk.engagement, certify=True)
    read_back(walk.engagement, noted=True)
    return foretold, walk.engagement.load("took")
