"""Commands on an engagement: make it, feed it, run it, look at it, decide."""

from __future__ import annotations

from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.terminal import As, Root, command, key_of, shown
from workbench.cli.watching import watching
from workbench.errors import DecisionMissing

if TYPE_CHECKING:  # pandas takes longer to import than any command takes to answer
    from workbench.engagement import Engagement
    from workbench.notebooks import Progress

__all__: list[str] = []


@command
def new(
    directory: Root,
    route: Annotated[str, typer.Option(help="A route by name, or a TOML file of your own.")],
    exports: Annotated[Path | None, typer.Option(help="The folder with the customer's files; they are copied.")] = None,
    delivery: Annotated[list[str] | None, typer.Option(help="A further delivery beside main in that folder.")] = None,
    customer: Annotated[str, typer.Option(help="Whose CRM is moved.")] = "",
    url: Annotated[str, typer.Option(help="The destination's address, as its API settings show it.")] = "",
    key_file: Annotated[str, typer.Option(help="A file with the key, or `env` for $WORKBENCH_KEY, which is not stored.")] = "",
    edition: Annotated[str, typer.Option(help="The destination's edition; its first one when empty.")] = "",
    plan: Annotated[str, typer.Option(help="The destination's plan, which sets its limits; else the usual one.")] = "",
    region: Annotated[str, typer.Option(help="Country of telephone numbers without one, such as AT; else the source's.")] = "",
    time_scale: Annotated[float, typer.Option(help="Of a rehearsal; 1 in earnest.")] = 1.0,
    source_url: Annotated[str, typer.Option(help="The address of the source's own API, where `extract` reads it.")] = "",
    store: Annotated[str, typer.Option(help="A PostgreSQL for several consultants, by URL; its password in $PGPASSWORD.")] = "",
) -> None:
    """Make an engagement with a copy of the exports and its notebooks."""
    from workbench.engagement import new_engagement
    from workbench.notebooks import render

    made = new_engagement(
        directory,
        route=Path(route) if route.endswith(".toml") else route,
        exports=exports,
        deliveries=("main", *(delivery or ())),
        customer=customer,
        base_url=url,
        key=key_of(key_file),
        edition=edition,
        plan=plan,
        region=region,
        time_scale=time_scale,
        source={"url": source_url} if source_url else None,
        store=store,
    )
    written = render(made)
    made.store.dispose()
    typer.echo(f"{made.route.title}: {made.root}")
    typer.echo(f"{len(written)} notebooks in {made.root / 'notebooks'}; begin with: workbench open {directory}")


@command
def upgrade(
    directory: Root, plan: Annotated[bool, typer.Option("--plan", help="Only show what would change.")] = False
) -> None:
    """Bring the notebooks up to newer templates; what was written or edited there is kept."""
    from workbench.engagement import open_engagement
    from workbench.upgrading import upgrade as bring

    for each in bring(open_engagement(directory), write=not plan):
        typer.echo(shown(each.text()))


@command
def receive(
    directory: Root,
    folder: Annotated[Path, typer.Argument(help="The folder with the newer exports.")],
    delivery: Annotated[str, typer.Option(help="What the delivery is called.")] = "delta",
) -> None:
    """Copy a further delivery of exports into the engagement."""
    from workbench.engagement import open_engagement
    from workbench.rendering import write_start

    engagement = open_engagement(directory)
    typer.echo(f"received as {engagement.receive(folder, delivery=delivery)}")
    write_start(engagement)


@command
def run(
    directory: Root,
    accept_proposals: Annotated[
        float | None, typer.Option(min=0, max=1, help="Confirm undecided proposals of at least this confidence.")
    ] = None,
    who: As = "",
    first: Annotated[str | None, typer.Option("--from", metavar="PHASE", help="Begin here.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="PHASE", help="End here.")] = None,
) -> None:
    """Execute the phase notebooks in order, with the decisions that are recorded; ends with 3 where one is missing."""
    from workbench.engagement import PHASES, open_engagement
    from workbench.notebooks import run_all
    from workbench.rendering import write_start

    for phase in (first, last):
        if phase is not None and phase not in PHASES:
            raise typer.BadParameter(f"{phase} is no phase; take one of {', '.join(PHASES)}")
    if accept_proposals is not None and not who.strip():
        raise typer.BadParameter('proposals are accepted by a person: add --as "Name <mail>"')
    engagement = open_engagement(directory)
    try:
        with watching(engagement.root):
            if accept_proposals is None:
                run_all(engagement, first=first, last=last, on_progress=_tell)
            else:
                _run_accepting(engagement, accept_proposals, who, first=first, last=last)
    finally:
        write_start(engagement)
    status(directory)


def _run_accepting(engagement: Engagement, threshold: float, who: str, *, first: str | None, last: str | None) -> None:
    """Run; where decisions are missing, accept what is proposed well enough and go on with the notebook that asked.

    Proposals come into being as the phases run, so they can only be accepted on the way. It ends when a stop brings
    nothing more that could be accepted.
    """
    from workbench.notebooks import run_all

    begun: list[str] = []

    def tell(progress: Progress) -> None:
        begun.append(progress.stem.partition("_")[2])
        _tell(progress)

    while True:
        try:
            run_all(engagement, first=first, last=last, on_progress=tell)
            return
        except DecisionMissing:
            accepted = engagement.decisions.accept(threshold, by=who)
            if accepted.empty:
                raise
            typer.echo(f"  accepted {len(accepted)} proposals of confidence {threshold:g} and above, as {shown(who)}", err=True)
            first = begun[-1]


@command
def status(directory: Root, json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show how each phase ended, where the rows ended, and what is left to decide."""
    from workbench.engagement import open_engagement
    from workbench.flow.overview import overview

    seen = overview(open_engagement(directory))
    typer.echo(seen.json() if json else shown(seen.text(get_terminal_size((120, 24)).columns)))


@command
def decide(
    directory: Root,
    file: Annotated[Path, typer.Argument(help="Decisions as .jsonl, or the workbook that came back as .xlsx.")],
    who: As,
) -> None:
    """Take over decisions from a file: recorded ones, or the workbook that the customer sent back."""
    from workbench.engagement import open_engagement
    from workbench.show import text_table

    decisions = open_engagement(directory).decisions
    if file.suffix.lower() != ".xlsx":
        typer.echo(f"{decisions.read_jsonl(file, by=who)} new decisions")
        return
    merged = decisions.merge_workbook(file, by=who)
    for verdict, count in merged["verdict"].value_counts().items():
        typer.echo(f"{count} {verdict}")
    told = merged[merged["verdict"] != "accepted"]
    if len(told):
        typer.echo(shown(text_table(told, limit=500)))


@command
def export_decisions(
    directory: Root, file: Annotated[Path, typer.Argument(help="Where to: .jsonl for all, .xlsx for the customer.")]
) -> None:
    """Write the decisions as .jsonl, or the questions with drop-downs as .xlsx."""
    from workbench.engagement import open_engagement

    decisions = open_engagement(directory).decisions
    written = decisions.to_workbook(file) if file.suffix.lower() == ".xlsx" else decisions.write_jsonl(file)
    typer.echo(f"written to {written}")


def _tell(progress: Progress) -> None:
    mark = {"running": "…", "passed": "✓", "failed": "✗"}.get(progress.state, " ")
    typer.echo(f"{mark} {progress.position}/{progress.count} {progress.stem}", err=True)
