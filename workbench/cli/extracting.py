"""The command that reads a source through its own API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.terminal import FAILED, Root, command, shown

if TYPE_CHECKING:  # pandas takes longer to import than any command takes to answer
    from workbench.destinations import Wait

__all__: list[str] = []

TOLD = 2.0
"""Seconds from which on a wait is worth a line."""


@command
def extract(
    directory: Root,
    delivery: Annotated[str, typer.Option(help="What the delivery is called.")] = "main",
) -> None:
    """Read the source through its own API, whose address stands under [source]; ends with 1 where it does not add up."""
    from workbench.engagement import open_engagement
    from workbench.extraction import extract as read
    from workbench.show import text_table

    done = read(open_engagement(directory), delivery=delivery, on_wait=_tell)
    typer.echo(shown(text_table(done.frame, limit=500)))
    took = f"{done.calls:,} calls in {done.seconds:,.1f} s"
    typer.echo(f"{took}; {len(done.quarantine):,} rows set aside, {len(done.files):,} files")
    if not done.good:
        raise typer.Exit(FAILED)


def _tell(wait: Wait) -> None:
    if wait.seconds >= TOLD:
        typer.echo(shown(f"waiting {wait.seconds:.0f} s: {wait.reason}"), err=True)
