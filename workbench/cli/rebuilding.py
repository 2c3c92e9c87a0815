"""The command that makes a lost ledger again."""

from __future__ import annotations

from typing import Annotated

import typer

from workbench.cli.terminal import FAILED, Root, command, shown

__all__: list[str] = []


@command
def rebuild_ledger(
    directory: Root,
    anyway: Annotated[bool, typer.Option("--anyway", help="Though it is intact; it is kept beside the new one.")] = False,
) -> None:
    """Make a lost or damaged ledger again from the keys that the records bear; the old database is set aside."""
    from workbench.show import text_table
    from workbench.stages import rebuilding

    result = rebuilding.run(directory, anyway=anyway)
    typer.echo(shown(text_table(result.frame, caption="records that bear a key of ours")))
    if len(result.twins):
        typer.echo(shown(text_table(result.twins, caption="the same key twice: the older record counts", limit=500)))
    if len(result.unstaged):
        typer.echo(shown(text_table(result.unstaged, caption="keys of which nothing staged speaks", limit=500)))
    for sentence in result.words:
        typer.echo(f"- {shown(sentence)}")
    if len(result.twins) or len(result.unstaged):
        raise typer.Exit(FAILED)
