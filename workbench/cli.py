"""The command line: thin commands over the same functions that a notebook calls."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Annotated, ParamSpec

import typer

from workbench.errors import DecisionMissing, EditError, GateClosed, WorkbenchError

if TYPE_CHECKING:  # pandas takes longer to import than any command takes to answer
    from workbench.engagement import Engagement
    from workbench.notebooks import Progress
    from workbench.verification import Finding

__all__ = ["app"]

OK, FAILED, MISSING, CLOSED, STOPPED = 0, 1, 3, 4, 130
P = ParamSpec("P")

app = typer.Typer(
    help="Move a CRM: map, confirm, rehearse, sign off, load, prove, put back.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Root = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the engagement.")]
As = Annotated[str, typer.Option("--as", metavar="NAME", help='Who decides, as in "Ada Byron <ada@example.org>".')]


def _command(function: Callable[P, None]) -> Callable[P, None]:
    """Register a command whose errors end as words on stderr and as an exit code, never as a stack."""

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except WorkbenchError as error:
            typer.echo(f"{type(error).__name__}: {_shown(str(error))}", err=True)
            raise typer.Exit(_code(error)) from None
        except OSError as refused:
            where = f"\n  where: {refused.filename}" if refused.filename else ""
            todo = "\n  → see that you may write there and the disk has room, then run the same command again"
            typer.echo(_shown(f"the computer refuses: {refused.strerror or refused}{where}{todo}"), err=True)
            raise typer.Exit(FAILED) from None
        except KeyboardInterrupt:
            typer.echo("stopped; what was done is kept, and the same command goes on from here", err=True)
            raise typer.Exit(STOPPED) from None

    app.command(name=function.__name__.strip("_").replace("_", "-"))(guarded)
    return guarded


@_command
def new(
    directory: Root,
    route: Annotated[str, typer.Option(help="A route by name, or a TOML file of your own.")],
    exports: Annotated[Path | None, typer.Option(help="The folder with the customer's files; they are copied.")] = None,
    delivery: Annotated[list[str] | None, typer.Option(help="A further delivery beside main in that folder.")] = None,
    customer: Annotated[str, typer.Option(help="Whose CRM is moved.")] = "",
    url: Annotated[str, typer.Option(help="The destination's address, up to and with /api.")] = "",
    key_file: Annotated[str, typer.Option(help="A file with the key, or `env` for $WORKBENCH_KEY, which is not stored.")] = "",
    edition: Annotated[str, typer.Option(help="The destination's edition.")] = "suite",
    plan: Annotated[str, typer.Option(help="The destination's plan, which sets its limits.")] = "growth",
    time_scale: Annotated[float, typer.Option(help="Of a rehearsal; 1 in earnest.")] = 1.0,
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
        key=_key(key_file),
        edition=edition,
        plan=plan,
        time_scale=time_scale,
    )
    written = render(made)
    typer.echo(f"{made.route.title}: {made.root}")
    typer.echo(f"{len(written)} notebooks in {made.root / 'notebooks'}; begin with {written[0].name}")


@_command
def receive(
    directory: Root,
    folder: Annotated[Path, typer.Argument(help="The folder with the newer exports.")],
    delivery: Annotated[str, typer.Option(help="What the delivery is called.")] = "delta",
) -> None:
    """Copy a further delivery of exports into the engagement."""
    from workbench.engagement import open_engagement

    typer.echo(f"received as {open_engagement(directory).receive(folder, delivery=delivery)}")


@_command
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

    for phase in (first, last):
        if phase is not None and phase not in PHASES:
            raise typer.BadParameter(f"{phase} is no phase; take one of {', '.join(PHASES)}")
    if accept_proposals is not None and not who.strip():
        raise typer.BadParameter('proposals are accepted by a person: add --as "Name <mail>"')
    engagement = open_engagement(directory)
    if accept_proposals is None:
        run_all(engagement, first=first, last=last, on_progress=_tell)
    else:
        _run_accepting(engagement, accept_proposals, who, first=first, last=last)
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
            typer.echo(
                f"  accepted {len(accepted)} proposals of confidence {threshold:g} and above, as {_shown(who)}", err=True
            )
            first = begun[-1]


@_command
def status(directory: Root, json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show how each phase ended, where the rows ended, and what is left to decide."""
    from workbench.engagement import open_engagement
    from workbench.flow.overview import overview

    seen = overview(open_engagement(directory))
    typer.echo(seen.json() if json else _shown(seen.text(get_terminal_size((120, 24)).columns)))


@_command
def rehearse(
    destination: Annotated[str, typer.Argument(help="The destination to stand in for.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    state: Annotated[Path | None, typer.Option(help="The file that keeps the tenant.")] = None,
    token: Annotated[str, typer.Option(help="The key that it accepts; $WORKBENCH_KEY when empty.")] = "",
    tenant: Annotated[str | None, typer.Option(help="A recipe by name, or a TOML file.")] = None,
    plan: Annotated[str, typer.Option(help="The account's plan, if not the recipe's.")] = "",
    time_scale: Annotated[float, typer.Option(help="How much faster limits and jobs pass.")] = 1.0,
    seed: Annotated[int, typer.Option(help="The same seed and the same requests meet the same faults.")] = 0,
    fault: Annotated[
        list[str] | None, typer.Option(metavar="SPEC", help="Such as drop_after=0.05,path=contacts; --faults lists them.")
    ] = None,
    switch: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Settle an unknown of the vendor's API.")
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Serve https with this certificate, a PEM file.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key, where the certificate's file has none.")] = None,
    switches: Annotated[bool, typer.Option("--switches", help="List the switches and end.")] = False,
    faults: Annotated[bool, typer.Option("--faults", help="List the kinds of fault and end.")] = False,
    dump: Annotated[Path | None, typer.Option(help="Write the tenant of --state there as canonical JSON, and end.")] = None,
    log: Annotated[Path | None, typer.Option(help="Write the request log of --state there as CSV, and end.")] = None,
) -> None:
    """Serve a stand-in of the destination on 127.0.0.1 until Ctrl-C."""
    from workbench import rehearsal

    if switches or faults:
        _list_settings(destination, switches=switches, faults=faults)
        return
    key = token or os.environ.get("WORKBENCH_KEY", "")
    if state is None or not (key or dump or log):
        raise typer.BadParameter("a rehearsal needs --state FILE, and --token KEY or $WORKBENCH_KEY")
    if tls_key and not tls_cert:
        raise typer.BadParameter("--tls-key belongs to --tls-cert")
    if dump or log:
        typer.echo("\n".join(f"written to {file}" for file in rehearsal.copies(state, tenant=dump, log=log)))
        return
    rehearsal.serve(
        destination,
        port=port,
        state=state,
        token=key,
        tenant=tenant,
        time_scale=time_scale,
        switches=_switches(switch or [], plan),
        faults=fault or [],
        seed=seed,
        tls=(tls_cert, tls_key or tls_cert) if tls_cert else None,
        on_ready=partial(_ready, destination),
    )


@_command
def tenant(
    destination: Annotated[str, typer.Argument(help="The destination that the account is of.")],
    url: Annotated[str, typer.Option(help="Its address: of Freshsales up to and with /api, of Pipedrive the bare host.")],
    key_file: Annotated[str, typer.Option(help="A file with the key, or `env` for $WORKBENCH_KEY.")],
    out: Annotated[Path, typer.Option(help="Where the recipe goes; --tenant takes it.")],
) -> None:
    """Shape a rehearsal like a live account: read its settings, by GET alone, and write them as a tenant recipe."""
    from workbench import rehearsal

    if out.exists():
        raise EditError("the recipe would overwrite a file", where=str(out), todo="take another --out, or remove that file")
    key = _key(key_file or "env") or os.environ["WORKBENCH_KEY"].strip()
    recipe = rehearsal.recipe_of(destination, url=url, token=key)
    with out.open("x", encoding="utf-8") as file:
        file.write(recipe)
    typer.echo(f"written to {out}: workbench rehearse {destination} --tenant {out} takes it")


@_command
def package(directory: Root, out: Annotated[Path | None, typer.Option(help="Where the zip goes.")] = None) -> None:
    """Seal and sign what the customer receives, and zip it."""
    from workbench.engagement import open_engagement
    from workbench.notebooks import write_pages
    from workbench.package import build

    engagement = open_engagement(directory)
    write_pages(engagement)
    built = build(engagement.root, out)
    engagement.journal.append("packaged", detail={"files": len(built.frame), "signing key": built.fingerprint})
    typer.echo(f"{built.files} files in {built.archive}")
    typer.echo(f"tell the customer by telephone or on paper: {built.fingerprint}")


@_command
def verify(
    path: Annotated[Path, typer.Argument(metavar="PACKAGE", help="The folder or the zip.")],
    fingerprint: Annotated[str, typer.Option(help="The one that the consultant told you.")] = "",
) -> None:
    """Check every file of a package against its signed manifest; ends with 1 where one byte is not as it was."""
    from workbench.verification import ARCHIVE, check, inside

    if not path.exists():
        raise EditError("there is no such package", where=str(path), todo="name the folder or the zip")
    checked = check(inside(path), fingerprint=fingerprint)
    wrong: list[Finding] = [finding for finding in checked.findings if finding.state != "ok"]
    for finding in wrong:
        typer.echo(f"{finding.state:8} {_shown(finding.file)}  {_shown(finding.detail)}")
    if not checked.good:
        changed = sum(finding.file != ARCHIVE for finding in wrong)
        said = f"{changed} of {checked.files} files are" if changed else "the archive is"
        typer.echo(f"NOT GOOD: {said} not as signed", err=True)
        raise typer.Exit(FAILED)
    typer.echo(f"good: {checked.files} files are as they were signed\nkey {checked.fingerprint}")


@_command
def rollback(
    directory: Root,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Show what would be put back, and change nothing.")] = False,
) -> None:
    """Put the destination back as it was; what people edited since is kept and listed."""
    from workbench.engagement import open_engagement
    from workbench.show import text_table
    from workbench.stages import rollback as stage

    engagement = open_engagement(directory)
    planned = stage.plan(engagement)
    typer.echo(_shown(text_table(planned, caption="made or changed by us")))
    if plan:
        return
    if not yes and not typer.confirm("Put all of this back?"):
        raise typer.Exit(FAILED)
    result = stage.run(engagement)
    kept = result.frame[result.frame["verdict"] != "reversed"]
    typer.echo(f"{len(result.frame) - len(kept)} reversed, {len(kept)} kept or errored")
    if len(kept):
        typer.echo(_shown(text_table(kept, limit=500)))
        raise typer.Exit(FAILED)


@_command
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
        typer.echo(_shown(text_table(told, limit=500)))


@_command
def export_decisions(
    directory: Root, file: Annotated[Path, typer.Argument(help="Where to: .jsonl for all, .xlsx for the customer.")]
) -> None:
    """Write the decisions as .jsonl, or the questions with drop-downs as .xlsx."""
    from workbench.engagement import open_engagement

    decisions = open_engagement(directory).decisions
    written = decisions.to_workbook(file) if file.suffix.lower() == ".xlsx" else decisions.write_jsonl(file)
    typer.echo(f"written to {written}")


def _code(error: WorkbenchError) -> int:
    return {DecisionMissing: MISSING, GateClosed: CLOSED}.get(type(error), FAILED)


def _shown(text: str) -> str:
    """Text for a terminal: what could move its cursor or retitle its window is shown instead of sent."""
    return "".join(c if c == "\n" or c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _key(key_file: str) -> str | None:
    if key_file == "env":
        if not os.environ.get("WORKBENCH_KEY", "").strip():
            raise EditError("$WORKBENCH_KEY is empty", todo="set it to the key of the destination, then run this again")
        return None
    if not key_file:
        return None
    try:
        key = Path(key_file).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as refused:
        found = refused.strerror if isinstance(refused, OSError) else "what is no plain text"
        todo = "name a text file with the key and nothing else"
        raise EditError("the file with the key cannot be read", found=found or "", where=key_file, todo=todo) from None
    if not key or len(key.split()) > 1:
        found = f"{len(key.split())} words"
        raise EditError("the file with the key holds no key", expected="one word", found=found, where=key_file, todo="mend it")
    return key


def _pairs(said: list[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in said]
    for name, sign, _ in pairs:
        if not sign:
            raise typer.BadParameter(f"--switch {name}: write it as name=value")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _list_settings(destination: str, *, switches: bool, faults: bool) -> None:
    from workbench import rehearsal
    from workbench.show import text_table

    for wanted, listed in ((switches, rehearsal.switches), (faults, rehearsal.faults)):
        if wanted:
            typer.echo(text_table(listed(destination), limit=500))


def _switches(said: list[str], plan: str) -> dict[str, str]:
    pairs = _pairs(said)
    if plan and pairs.setdefault("plan", plan) != plan:
        raise typer.BadParameter(f"--plan {plan} and --switch plan={pairs['plan']} contradict each other")
    return pairs


def _ready(destination: str, url: str) -> None:
    typer.echo(f"{destination} is rehearsed at {url}")
    sys.stdout.flush()


def _tell(progress: Progress) -> None:
    mark = {"running": "…", "passed": "✓", "failed": "✗"}.get(progress.state, " ")
    typer.echo(f"{mark} {progress.position}/{progress.count} {progress.stem}", err=True)
