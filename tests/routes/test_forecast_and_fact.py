"""What a load was foretold to take, and what it took: by part, on both destinations, with and without a sample before it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from test_promio_on_pipedrive import staged as staged_on_pipedrive  # noqa: F401  # a fixture
from walk import Walk, load_main, resumed

from workbench.flow.forecasting import forecast
from workbench.flow.tally import PARTS
from workbench.flow.transfer import read_back, transfer
from workbench.stages import provisioning

AGREES = 0.05


@pytest.mark.parametrize("sampled", [True, False], ids=["after a sample", "at once"])
@pytest.mark.parametrize("vendor", ["freshsales", "pipedrive"])
def test_forecast_and_fact_agree_within_five_in_a_hundred_in_each_part(
    vendor: str, sampled: bool, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    place: Path = request.getfixturevalue("staged" if vendor == "freshsales" else "staged_on_pipedrive")
    with resumed(place, tmp_path / "walk", vendor=vendor) as walk:
        foretold, took = _sampled(walk) if sampled else _at_once(walk)
        for part in (*PARTS, "calls", "tokens"):
            said, fact = int(foretold[part].sum()), int(took[part].sum())
            assert abs(said - fact) <= AGREES * fact, f"{part}: {said} foretold, {fact} in fact\n{foretold}\n{took}"
        assert took["feed"].tolist() == foretold["feed"].tolist()


def _sampled(walk: Walk) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Production after a signed sample, with its comparison of everything; the forecast is the one that it kept."""
    result = load_main(walk.engagement)
    assert "look-ups" in result._repr_html_()
    return walk.engagement.load("foretold"), walk.engagement.load("took")


def _at_once(walk: Walk) -> tuple[pd.DataFrame, pd.DataFrame]:
    provisioning.run(walk.engagement)
    foretold = forecast(walk.engagement).frame
    transfer(walk.engagement, certify=True)
    read_back(walk.engagement, noted=True)
    return foretold, walk.engagement.load("took")
