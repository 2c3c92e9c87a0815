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
    typer.echo(shown(text_table(planned, caption="made or changed by us")))
    if plan:
        return
    if not yes and not typer.confirm("Put all of this back?"):
        raise typer.Exit(FAILED)
    result = stage.run(engagement)
    kept = result.frame[result.frame["verdict"] != "reversed"]
    typer.echo(f"{len(result.frame) - len(kept)} reversed, {len(kept)} kept or errored")
    if len(kept):
        typer.echo(shown(text_table(kept, limit=500)))
        raise typer.Exit(FAILED)
