"""The command that asks an account what its vendor's pages leave open."""

from __future__ import annotations

from typing import Annotated

import typer

from workbench.cli.terminal import FAILED, Root, command, shown

__all__: list[str] = []


@command
def probe(
    directory: Root,
    yes: Annotated[bool, typer.Option("--yes", help="The customer agrees to sentinel records in the account.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Show what would be asked and made, and send nothing.")] = False,
) -> None:
    """Settle what the vendor's pages leave open, with sentinel records that are gone at the end."""
    from workbench.engagement import open_engagement
    from workbench.show import text_table
    from workbench.stages import probes as stage

    engagement = open_engagement(directory)
    typer.echo(shown(text_table(stage.plan(engagement), limit=100)))
    if plan:
        return
    if not yes and not stage.rehearsed(engagement) and not typer.confirm("Make these sentinels in the live account?"):
        raise typer.Exit(FAILED)
    result = stage.run(
        engagement, agreed=True, on_verdict=lambda verdict: typer.echo(shown(_line(verdict.setting, verdict.words)))
    )
    for words in result.conflicts:
        typer.echo(f"conflict: {shown(words)}", err=True)
    for words in result.left:
        typer.echo(f"left behind: {shown(words)}", err=True)
    if result.left:
        raise typer.Exit(FAILED)


def _line(setting: str, words: str) -> str:
    return f"{setting:20} {words}"
