"""What is proposed for a column of which the route says nothing: no field that the account lacks, and none twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sample_exports.tenant_delivery import make_delivery
from workbench import rehearsal
from workbench.engagement import Engagement, new_engagement
from workbench.stages import intake, mapping

SAMPLES = Path(__file__).resolve().parents[1] / "sample_exports"
KEY = "proposals-tenant-0123456789"


@contextmanager
def account(folder: Path, route: str, tenant: str, exports: Path) -> Iterator[Engagement]:
    """An engagement whose files are read, and an account as its customer has prepared it."""
    vendor = route.rpartition("_")[2]
    with rehearsal.running(vendor, state=folder / "tenant.db", token=KEY, tenant=tenant) as served:
        made = new_engagement(folder / "e", route=route, exports=exports, base_url=served.url, key=KEY)
        intake.run(made)
        yield made
        made.store.dispose()


def proposed(engagement: Engagement) -> dict[str, dict[str, Any]]:
    """Column → its proposal."""
    mapping.propose(engagement)
    return {row["subject"]: row for row in engagement.decisions.proposals("field").to_dict("records")}


@pytest.fixture(scope="module")
def profi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("profi")
    with account(folder, "profi_to_pipedrive", "pipedrive_profi", SAMPLES / "profi") as engagement:
        yield proposed(engagement)


def test_a_column_that_stands_in_a_composed_text_is_not_loaded_a_second_time(profi: dict[str, dict[str, Any]]) -> None:
    """RP1: street, postcode, city and country are one text; the street alone is no address."""
    for column in ("street", "postcode", "city", "country"):
        assert profi[f"clients/{column}"]["value"]["target"] == "", column
    assert "made of several columns" in profi["clients/street"]["reasons"]


def test_a_field_that_the_account_lacks_is_proposed_to_nobody(profi: dict[str, dict[str, Any]]) -> None:
    """A birthday, notes and the postal address of a person come with the synchronisation of contacts alone."""
    lacking = {"birthday", "notes", "postal_address", "job_title"}
    offered = {answer for subject, row in profi.items() if subject.startswith("clients/") for answer in row["alternatives"]}
    assert "emails" in offered and not offered & lacking


def test_no_field_is_to_be_made_on_an_object_that_takes_none(tmp_path: Path) -> None:
    """FF5: products have no fields of one's own; what the route does not name stays behind, and the proposal says why."""
    make_delivery(SAMPLES / "fasttrack" / "tenant", tmp_path / "exports" / "main", largest=1000)
    with account(tmp_path, "fasttrack_to_freshsales", "freshsales_fasttrack", tmp_path / "exports") as engagement:
        found = proposed(engagement)
        specs = engagement.destination.objects
        without = {feed.name for feed in engagement.route.feeds if feed.kind == "record" and not specs[feed.object].own_fields}
    assert "products" in without
    assert not [s for s, row in found.items() if s.split("/")[0] in without and row["value"]["target"].startswith("new:")]
    assert found["products/price_tiers.0.from"]["value"]["target"] == ""
