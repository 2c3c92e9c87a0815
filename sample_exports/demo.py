"""One whole engagement on this machine: a rehearsal tenant, nine notebooks, a signed package, and what they say.

``python -m sample_exports.demo`` is what `make demo` runs. With ``--record`` the decisions of the sample are recorded
again, by somebody who knows the truth; with ``--size medium`` they are made on the way, as no file holds them.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from sample_exports.generate import generate_promio
from workbench import notebooks, rehearsal
from workbench.engagement import PHASES, Engagement, new_engagement
from workbench.errors import DecisionMissing, WorkbenchError
from workbench.package import build, verify

HERE = Path(__file__).resolve().parent
CONSULTANT = "Kim Larsen <kim.larsen@consultants.example>"
SIGNER = {"name": "Dana Ortiz", "role": "Sales lead, Bright Roof Services", "statement": "I have checked the sample"}
SIGNED_BY = "Dana Ortiz <dana.ortiz@brightroof.example>"
SURE = 0.85
TIME_SCALE = 1200.0
"""An hour of the destination's limits passes in three seconds."""


def main(arguments: list[str] | None = None) -> int:
    """Run the demonstration and print what it came to; 1 where something does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=["small", "medium"], default="small")
    parser.add_argument("--into", type=Path, default=Path("demo"), help="folder that is made, or made anew")
    parser.add_argument("--record", action="store_true", help="record the decisions of the sample again")
    parser.add_argument("--time-scale", type=float, default=TIME_SCALE)
    chosen = parser.parse_args(arguments)
    console = Console()
    try:
        return _demonstrate(console, chosen.size, chosen.into.absolute(), record=chosen.record, time_scale=chosen.time_scale)
    except WorkbenchError as error:
        console.print(str(error), style="red", markup=False)
        return 1


def _demonstrate(console: Console, size: str, folder: Path, *, record: bool, time_scale: float) -> int:
    os.environ.pop("WORKBENCH_KEY", None)  # a key for another account, where one is set; the tenant has its own
    sample = _sample(console, size, folder)
    _anew(folder)
    token = secrets.token_hex(16)
    with rehearsal.running("freshsales", state=folder / "tenant.db", token=token, time_scale=time_scale) as tenant:
        console.print(f"rehearsal Freshsales on {tenant.url}, an empty tenant", highlight=False)
        engagement = begin(folder / "engagement", sample, url=tenant.url, key=token, time_scale=time_scale)
        recorded = sample / "decisions.jsonl"
        if recorded.is_file() and not record:
            console.print(f"{engagement.decisions.read_jsonl(recorded)} recorded decisions of {recorded.parent.name}")
        seconds = _watched(console, engagement, sample)
        if record:
            engagement.decisions.write_jsonl(recorded)
            console.print(f"decisions recorded in {recorded}")
        pages = notebooks.write_pages(engagement)
        package = build(engagement.root)
        verdict = verify(package.archive, fingerprint=package.fingerprint)
        requests = len(tenant.log())
    return _summary(console, engagement, verdict.good, package.archive, pages[0].parent, seconds, requests)


def _sample(console: Console, size: str, folder: Path) -> Path:
    if size == "small":
        return HERE / "promio"
    sample = HERE / f"promio-{size}"
    if not (sample / "request.json").is_file():
        console.print(f"making the {size} sample in {sample.name}, once")
        generate_promio(sample, size=size)
    return sample


def _anew(folder: Path) -> None:
    """Take away an earlier demonstration, and nothing that is not one."""
    if folder.exists() and any(folder.iterdir()) and not (folder / "tenant.db").is_file():
        raise WorkbenchError("the folder holds something else", where=str(folder), todo="name another one: make demo DEMO=…")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def begin(root: Path, sample: Path, *, url: str, key: str, time_scale: float) -> Engagement:
    """An engagement over a sample: its main delivery, its delta, and what was asked for."""
    customer = json.loads((sample / "request.json").read_text(encoding="utf-8"))["customer"]
    engagement = new_engagement(
        root,
        route="promio_to_freshsales",
        customer=customer,
        exports=sample,
        deliveries=("main", "delta"),
        base_url=url,
        key=key,
        time_scale=time_scale,
    )
    notebooks.render(engagement)
    return engagement


def answer(engagement: Engagement, sample: Path) -> int:
    """Decide what is open as somebody who knows the truth would, and return how much that was."""
    truth = {
        (said["kind"], said["subject"].strip()): said["value"]
        for said in json.loads((sample / "expected" / "decisions.json").read_text(encoding="utf-8"))
    }
    count = 0
    open_scope = set(engagement.decisions.missing("scope"))
    defaults = {question.name: question.default for question in engagement.route.scope if question.name in open_scope}
    count += _confirm(engagement, "scope", defaults, "agreed with the customer when the scope was written")
    for kind in ("duplicate", "field", "value", "owner"):
        known = {subject: value for (of, subject), value in truth.items() if of == kind}
        asked = set(engagement.decisions.missing(kind))
        # What nobody proposed is decided too: two people of one household look alike to no machine.
        told = [subject for subject in known if subject in asked or kind == "duplicate"]
        told = [subject for subject in told if engagement.decisions.value(kind, subject) is None]
        count += _confirm(engagement, kind, {subject: known[subject] for subject in told}, "known to the office")
        count += len(engagement.decisions.accept(SURE, by=CONSULTANT, kinds=(kind,)))
        if kind == "duplicate":
            apart = {subject: {"into": ""} for subject in engagement.decisions.missing(kind)}
            count += _confirm(engagement, kind, apart, "looked at: not the same")
    ticks = dict.fromkeys(engagement.decisions.missing("quiet"), "done")
    count += _confirm(engagement, "quiet", ticks, "seen to in the account")
    conflicts = dict.fromkeys(engagement.decisions.missing("conflict"), "ours")
    return count + _confirm(engagement, "conflict", conflicts, "the destination is newer") + _sign(engagement)


def _confirm(engagement: Engagement, kind: str, answers: dict[str, object], why: str) -> int:
    rows = pd.DataFrame({"subject": list(answers), "value": list(answers.values())}, dtype="object")
    if len(rows):
        engagement.decisions.confirm_many(kind, rows, by=CONSULTANT, why=why)
    return len(rows)


def _sign(engagement: Engagement) -> int:
    """Sign the sample, where it waits for nothing else."""
    asked = engagement.decisions.proposals("signoff")
    if engagement.decisions.missing("signoff") != ["sample"]:
        return 0
    evidence = asked.set_index("subject").at["sample", "value"]["evidence"]
    engagement.decisions.confirm("signoff", "sample", {**SIGNER, "evidence": evidence}, by=SIGNED_BY, shown=evidence)
    return 1


def _watched(console: Console, engagement: Engagement, sample: Path) -> dict[str, float]:
    """Run the nine notebooks behind a progress bar, deciding where decisions are missing; seconds by notebook."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    seconds: dict[str, float] = {}
    with Progress(*columns, TimeElapsedColumn(), console=console) as bars:
        task = bars.add_task("notebooks", total=len(PHASES))
        begun = time.monotonic()

        def tell(step: notebooks.Progress) -> None:
            nonlocal begun
            if step.state == "running":
                begun = time.monotonic()
                bars.update(task, description=step.stem)
            elif step.state == "passed":
                seconds[step.stem] = seconds.get(step.stem, 0.0) + time.monotonic() - begun
                bars.update(task, advance=1)
                bars.console.print(f"  ✓ {step.stem:<18}{seconds[step.stem]:6.1f} s", highlight=False)

        _run_deciding(engagement, sample, tell)
    return seconds


def _run_deciding(engagement: Engagement, sample: Path, tell: Callable[[notebooks.Progress], None]) -> None:
    reached: list[str] = []

    def follow(step: notebooks.Progress) -> None:
        reached.append(step.stem)
        tell(step)

    first: str | None = None
    while True:
        try:
            notebooks.run_all(engagement, first=first, on_progress=follow)
            return
        except DecisionMissing:
            if not answer(engagement, sample):
                raise
            first = reached[-1]


def _summary(
    console: Console, engagement: Engagement, sealed: bool, archive: Path, pages: Path, seconds: dict[str, float], requests: int
) -> int:
    holds = _accounts(console, engagement, "main") & _accounts(console, engagement, "delta")
    compared = engagement.load("comparison")
    cells, wrong = int(compared["cells"].sum()), int(compared["wrong"].sum())
    intended = int(compared["intended"].sum())
    phases = engagement.status()
    passed = bool((phases["state"] == "passed").all())
    lines = [
        (holds, "source rows = loaded + merged + excluded + rejected + held + failed"),
        (not wrong, f"{cells:,} values read back; {intended:,} differ in writing only, {wrong} are not explained"),
        (passed, f"{(phases['state'] == 'passed').sum()} of {len(phases)} phases passed, {sum(seconds.values()):.0f} s"),
        (sealed, "the package verifies: every byte is as it was signed"),
    ]
    for good, words in lines:
        console.print(f"[{'green' if good else 'red'}]{'✓' if good else '✗'}[/] {words}", highlight=False)
    console.print(f"  {requests:,} requests were made", highlight=False)
    for label, path in (("engagement", engagement.root), ("notebooks", pages), ("package", archive)):
        console.print(f"  {label:<11}{path}", highlight=False, soft_wrap=True)
    return 0 if all(good for good, _ in lines) else 1


def _accounts(console: Console, engagement: Engagement, delivery: str) -> bool:
    """Print the row accounting of a delivery; whether every feed closes."""
    frame = engagement.load("accounting", delivery=delivery)
    frame = frame[frame["rows"] > 0]
    title = "rows of the delta" if delivery != "main" else "rows of the export, and where they ended"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for column in frame.columns:
        table.add_column(str(column), justify="left" if column == "feed" else "right", no_wrap=True)
    for row in frame.to_dict("records"):
        table.add_row(*("✓" if value is True else "✗" if value is False else f"{value}" for value in row.values()))
    console.print(table)
    return bool(frame["closes"].all())


if __name__ == "__main__":
    sys.exit(main())
