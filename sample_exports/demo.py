"""One whole engagement on this machine: a rehearsal account, nine notebooks, a signed package, and the way back.

``python -m sample_exports.demo`` is what `make demo` runs; ``--route`` names another route than Promio's. With ``--record``
the decisions of the sample are recorded again, by somebody who knows the truth; where no file holds them, they are made
on the way.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import sys
import time
from pathlib import Path

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from sample_exports import proving
from sample_exports.proving import Proof
from sample_exports.samples import Sample, routes, sample_of
from sample_exports.taking import take
from sample_exports.watching import Watched
from workbench import notebooks, rehearsal
from workbench.engagement import Engagement, new_engagement
from workbench.errors import WorkbenchError
from workbench.package import Package, build, verify
from workbench.rehearsal import Rehearsal, canonical

FIRST_ROUTE = "promio_to_freshsales"
SAID = {"closes": "adds up"}
"""Columns of the row accounting that people call otherwise."""
TIME_SCALE = 1200.0
"""An hour of the destination's limits passes in three seconds."""


def main(arguments: list[str] | None = None) -> int:
    """Run the demonstration and print what it came to; 1 where something does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--route", default=FIRST_ROUTE, help=f"one of {', '.join(routes())}")
    parser.add_argument("--size", choices=["small", "medium"], default="small")
    parser.add_argument("--into", type=Path, default=Path("demo"), help="folder that is made, or made anew")
    parser.add_argument("--record", action="store_true", help="record the decisions of the sample again")
    parser.add_argument("--time-scale", type=float, default=TIME_SCALE)
    chosen = parser.parse_args(arguments)
    console = Console()
    try:
        sample = sample_of(chosen.route, size=chosen.size)
        shown = Demonstration(console, sample, chosen.into.absolute(), record=chosen.record, time_scale=chosen.time_scale)
        return 0 if shown.run() else 1
    except WorkbenchError as error:
        console.print(str(error), style="red", markup=False)
        return 1


def begin(root: Path, sample: Path, *, url: str, key: str, time_scale: float, route: str = FIRST_ROUTE) -> Engagement:
    """An engagement over the files of a sample's folder: its main delivery, its delta, and what was asked for."""
    return _opened(root, sample_of(route, folder=sample), url=url, key=key, time_scale=time_scale)


def _opened(root: Path, sample: Sample, *, url: str, key: str, time_scale: float) -> Engagement:
    """A new engagement with its notebooks; a source with an API is read later, others have sent their files."""
    engagement = new_engagement(
        root,
        route=sample.route.name,
        customer=sample.customer,
        exports=None if sample.by_api else sample.folder,
        deliveries=sample.deliveries,
        base_url=url,
        key=key,
        time_scale=time_scale,
    )
    if not sample.by_api:
        sample.complete(engagement.root / "exports")
    notebooks.render(engagement)
    return engagement


class Demonstration:
    """A route from its source to the destination and back, with everything that has to hold on the way."""

    def __init__(self, console: Console, sample: Sample, folder: Path, *, record: bool, time_scale: float) -> None:
        self.console, self.sample, self.folder = console, sample, folder
        self.record, self.time_scale = record, time_scale
        self.watched = Watched(console, sample.truth)
        self.token = secrets.token_hex(16)
        self.proofs: list[Proof] = []
        self.extracted: list[Proof] = []

    def run(self) -> bool:
        """All of it; whether everything holds."""
        os.environ.pop("WORKBENCH_KEY", None)  # a key for another account, where one is set; the stand-in has its own
        _anew(self.folder)
        begun = time.monotonic()
        vendor, state = self.sample.route.destination, self.folder / "tenant.db"
        with rehearsal.running(
            vendor, state=state, token=self.token, tenant=self.sample.account, time_scale=self.time_scale
        ) as tenant:
            before = canonical(tenant.dump())
            self._say(f"{self.sample.route.title}: {self.sample.customer}; the rehearsal account answers at {tenant.url}")
            engagement = self._loaded(tenant)
            package = self._handed_over(engagement)
            requests = len(tenant.log())
        self._proved(
            proving.taken_back(
                engagement,
                state=state,
                folder=self.folder / "taken-back",
                before=before,
                token=self.token,
                time_scale=self.time_scale,
            )
        )
        self._say(f"  {requests:,} requests were made, {time.monotonic() - begun:.0f} s in all")
        self._places(engagement.root, package.archive)
        return all(proof.holds for proof in self.proofs)

    # ------------------------------------------------------------ the way there

    def _loaded(self, tenant: Rehearsal) -> Engagement:
        """Main delivery, delta, and a second pass, each asked of the account."""
        root = self.folder / "engagement"
        engagement = _opened(root, self.sample, url=tenant.url, key=self.token, time_scale=self.time_scale)
        engagement = self._taken(engagement, "main")
        recorded = self.sample.recorded
        if recorded.is_file() and not self.record:
            self._say(f"{engagement.decisions.read_jsonl(recorded)} recorded decisions of {recorded.parent.name}")
        with self.watched:
            self.watched.run(engagement, "intake", "production")
            for delivery in self.sample.deliveries[1:]:
                engagement = self._taken(engagement, delivery)
            self.watched.run(engagement, "cutover", "cutover")
            second = proving.second_run(engagement, tenant)
            self.watched.run(engagement, "handoff", "handoff")
        self._told(engagement)
        self._proved(second)
        return engagement

    def _taken(self, engagement: Engagement, delivery: str) -> Engagement:
        """Read a delivery from the source's own API, where it has one."""
        if not self.sample.by_api:
            return engagement
        taken = take(engagement, self.sample, delivery, folder=self.folder, time_scale=self.time_scale)
        self.extracted.append(proving.extracted(taken))
        return taken.engagement

    def _handed_over(self, engagement: Engagement) -> Package:
        """The signed package, checked; the decisions too, where they are to be recorded."""
        if self.record:
            engagement.decisions.write_jsonl(self.sample.recorded)
            self._say(f"decisions recorded in {self.sample.recorded}")
        notebooks.write_pages(engagement)
        package = build(engagement.root)
        good = verify(package.archive, fingerprint=package.fingerprint).good
        self._proved(Proof(good, "the package verifies: every byte is as it was signed"))
        return package

    # ------------------------------------------------------------ what is seen

    def _told(self, engagement: Engagement) -> None:
        """The accounts as tables, and what they come to."""
        for delivery in engagement.deliveries():
            self.console.print(_table(proving.account_of(engagement, delivery), delivery))
        for proof in self.extracted:
            self._proved(proof)
        self._proved(proving.closing(engagement))
        self._proved(proving.as_told(engagement, self.sample))
        self._proved(proving.read_back(engagement))
        self._proved(proving.passed(engagement, seconds=sum(self.watched.seconds.values())))

    def _proved(self, proof: Proof) -> None:
        self.proofs.append(proof)
        self.console.print(
            f"[{'green' if proof.holds else 'red'}]{'✓' if proof.holds else '✗'}[/] {proof.words}", highlight=False
        )
        if not proof.holds and proof.detail:
            self.console.print(proof.detail, style="red", markup=False, highlight=False)

    def _places(self, root: Path, archive: Path) -> None:
        back = self.folder / "taken-back"
        for label, path in (
            ("engagement", root),
            ("notebooks", root / "executed"),
            ("package", archive),
            ("taken back", back / "engagement" / "executed" / "rollback.html"),
        ):
            self.console.print(f"  {label:<11}{path}", highlight=False, soft_wrap=True)

    def _say(self, words: str) -> None:
        self.console.print(words, highlight=False, markup=False)


def _anew(folder: Path) -> None:
    """Take away an earlier demonstration, and nothing that is not one."""
    if folder.exists() and any(folder.iterdir()) and not (folder / "tenant.db").is_file():
        raise WorkbenchError("the folder holds something else", where=str(folder), todo="name another one: make demo DEMO=…")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _table(frame: pd.DataFrame, delivery: str) -> Table:
    """The row accounting of a delivery as it is printed."""
    title = f"rows of the {delivery}" if delivery != "main" else "rows of the export, and where they ended"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for column in map(str, frame.columns):  # numbers are shown whole, however narrow the window is
        if column == "feed":
            table.add_column(column, overflow="fold")
        else:
            said = SAID.get(column, column)
            table.add_column(said, justify="right", no_wrap=True, min_width=len(said))
    for row in frame.to_dict("records"):
        table.add_row(*("✓" if value is True else "✗" if value is False else f"{value}" for value in row.values()))
    return table


if __name__ == "__main__":
    sys.exit(main())
