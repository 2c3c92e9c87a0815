"""The way from an export to a loaded tenant, step by step through the stages, with places from which a test can set out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
from killing import answered

from workbench import rehearsal
from workbench.engagement import Engagement, new_engagement, open_engagement
from workbench.rehearsal import Rehearsal
from workbench.settings import write_settings
from workbench.stages import cutover, discovery, intake, mapping, owners, production, provisioning, sample, transform

SAMPLE = Path(__file__).resolve().parents[2] / "sample_exports" / "promio"
TOKEN = "route-tenant-0123456789abcdef"
TIME_SCALE = 3600.0
"""An hour of the destination's limits passes in one second."""
KIM = "Kim Larsen <kim.larsen@consultants.example>"
DANA = "Dana Ortiz <dana.ortiz@brightroof.example>"
READ_ONLY = ("filtered_search",)
"""POSTs that change nothing."""


@dataclass(frozen=True)
class Walk:
    """An engagement and the tenant that it speaks to."""

    engagement: Engagement
    tenant: Rehearsal

    def ask(self, method: str, path: str, body: object = None, *, expected: int | None = None) -> Any:
        """One call of a person or of the test itself, past our client and past our ledger; an error where it is refused."""
        headers = {"Authorization": f"Token token={TOKEN}"}
        answer = httpx.request(method, f"{self.tenant.url}/{path}", headers=headers, json=body, timeout=60, trust_env=False)
        assert answer.is_success if expected is None else answer.status_code == expected, answer.text
        return answer.json() if answer.content else None

    def requests(self) -> int:
        """How many requests the tenant has answered so far."""
        return answered(self.tenant.state)

    def writes(self, since: int) -> list[str]:
        """Method and path of the requests after the first ``since`` ones that could have changed something."""
        log = self.tenant.log(since)
        changing = log[(log["method"] != "GET") & ~log["path"].str.contains("|".join(READ_ONLY))]
        return [f"{row.method} {row.path}" for row in changing.itertuples()]


Resume = Callable[..., Walk]
"""What the fixture ``resume`` gives: a copy of a walk with a tenant of its own."""


# ---------------------------------------------------------------- steps


def stage_main(engagement: Engagement) -> None:
    """From the files to staged records, with the recorded decisions; nothing is sent."""
    decide_main(engagement)
    transform.run(engagement)


def decide_main(engagement: Engagement) -> None:
    """From the files to what provisioning would make."""
    intake.run(engagement)
    discovery.propose(engagement)
    discovery.run(engagement)
    mapping.propose(engagement)
    mapping.propose_options(engagement)
    mapping.run(engagement)
    owners.propose(engagement)
    owners.run(engagement)
    provisioning.plan(engagement)


def load_main(engagement: Engagement) -> production.Production:
    """Provision, load the sample, have it signed, load everything."""
    engagement.gate("provisioning")
    provisioning.run(engagement)
    load_sample(engagement)
    engagement.gate("production")
    return production.run(engagement)


def load_sample(engagement: Engagement) -> sample.Sample:
    """Load the sample and have it signed as it stands."""
    engagement.gate("sample")
    sample.plan(engagement)
    loaded = sample.run(engagement)
    sign(engagement, loaded.evidence)
    return loaded


def sign(engagement: Engagement, evidence: Mapping[str, str]) -> None:
    """Dana signs what she was shown."""
    said = {"name": "Dana Ortiz", "role": "Sales lead", "statement": "I have checked the sample", "evidence": dict(evidence)}
    engagement.decisions.confirm("signoff", "sample", said, by=DANA, shown=dict(evidence))


def stage_delta(engagement: Engagement) -> None:
    """Read and stage what came later; nothing is sent."""
    intake.run(engagement, "delta")
    discovery.propose(engagement, "delta")
    mapping.propose_options(engagement)
    owners.propose(engagement)
    transform.run(engagement, "delta")


def cut_over(engagement: Engagement) -> cutover.Cutover:
    """Compare the three sides and send the delta."""
    engagement.gate("cutover")
    cutover.plan(engagement)
    return cutover.run(engagement)


# ---------------------------------------------------------------- places to set out from


@contextmanager
def fresh(
    folder: Path,
    *,
    edition: str = "suite",
    deliveries: Sequence[str] = ("main", "delta"),
    tenant: str | None = None,
    switches: Mapping[str, str] | None = None,
) -> Iterator[Walk]:
    """A new engagement over the small sample with its recorded decisions, and an empty tenant."""
    with serve(folder, tenant=tenant, switches=switches) as served:
        engagement = new_engagement(
            folder / "engagement",
            route="promio_to_freshsales",
            customer="Bright Roof Services",
            exports=SAMPLE,
            deliveries=deliveries,
            base_url=served.url,
            edition=edition,
            key=TOKEN,
            time_scale=TIME_SCALE,
        )
        engagement.decisions.read_jsonl(SAMPLE / "decisions.jsonl")
        yield Walk(engagement, served)
        engagement.store.dispose()


@contextmanager
def resumed(
    place: Path,
    folder: Path,
    *,
    vendor: str = "freshsales",
    switches: Mapping[str, str] | None = None,
    faults: Sequence[str] = (),
    seed: int = 0,
) -> Iterator[Walk]:
    """A copy of a place in which a walk stopped, with a tenant of its own that stands as it stood then."""
    shutil.copytree(place, folder, dirs_exist_ok=True)
    with serve(folder, vendor=vendor, switches=switches, faults=faults, seed=seed) as served:
        stopped = open_engagement(folder / "engagement")
        write_settings(stopped.root, stopped.settings.model_copy(update={"base_url": served.url}))
        stopped.store.dispose()
        engagement = open_engagement(folder / "engagement")
        yield Walk(engagement, served)
        engagement.store.dispose()


@contextmanager
def serve(
    folder: Path,
    *,
    vendor: str = "freshsales",
    tenant: str | None = None,
    switches: Mapping[str, str] | None = None,
    faults: Sequence[str] = (),
    seed: int = 0,
) -> Iterator[Rehearsal]:
    with rehearsal.running(
        vendor,
        state=folder / "tenant.db",
        token=TOKEN,
        tenant=tenant,
        time_scale=TIME_SCALE,
        switches=switches,
        faults=faults,
        seed=seed,
    ) as served:
        yield served


def write_decision(engagement: Engagement, kind: str, subject: str, value: object) -> None:
    """Kim decides something otherwise."""
    engagement.decisions.confirm(kind, subject, value, by=KIM, why="decided in this test")


def expected(name: str) -> pd.DataFrame:
    """A file of the truth, as text; what is empty is an empty text."""
    return pd.read_csv(SAMPLE / "expected" / f"{name}.csv", dtype="str", keep_default_na=False)
