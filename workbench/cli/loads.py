"""Commands on what was loaded."""

from __future__ import annotations

from typing import Annotated

import typer

from workbench.cli.terminal import FAILED, Root, command, shown

__all__: list[str] = []


@command
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
    typer.echo(shown(repr(planned)))
    if plan:
        return
    if not yes and not typer.confirm("Put all of this back?"):
        raise typer.Exit(FAILED)
    result = stage.run(engagement)
    for name, meaning in stage.ENDS.items():
        part = getattr(result, name)
        typer.echo(f"{len(part):>7,} {shown(meaning)}")
    for name in ("errored", "kept"):
        part = getattr(result, name)
        if len(part):
            typer.echo(shown(text_table(part, caption=name, limit=500)))
    if len(result.edits):
        typer.echo(shown(text_table(result.edits, caption="what people changed", limit=500)))
    if result.residual.changes:
        typer.echo(str(result.residual))
    if not result.done:
        raise typer.Exit(FAILED)


@command
def second_pass(directory: Root) -> None:
    """Hold what was staged against the destination once more, and change nothing; ends with 1 where something differs."""
    from workbench.engagement import open_engagement
    from workbench.show import text_table
    from workbench.stages import secondpass

    result = secondpass.run(open_engagement(directory))
    typer.echo(shown(result.words()))
    if not result.good:
        typer.echo(shown(text_table(result.frame, limit=500)))
        raise typer.Exit(FAILED)
