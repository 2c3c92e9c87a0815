"""The command that says beforehand what a load will take."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from workbench.cli.terminal import Root, command, shown

__all__: list[str] = []


@command
def forecast(directory: Root) -> None:
    """Show calls, tokens, hours and finish by object and by plan, before anything is sent; and the fact beside it after."""
    from workbench.engagement import open_engagement
    from workbench.flow.forecasting import forecast as foretold

    found = foretold(open_engagement(directory), start=datetime.now(UTC))
    typer.echo(shown(found.text()))
