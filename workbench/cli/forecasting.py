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
    from workbench.flow.forecasting import beside, foretold
    from workbench.flow.forecasting import forecast as made
    from workbench.show import text_table

    engagement = open_engagement(directory)
    found = made(engagement, start=datetime.now(UTC))
    typer.echo(shown(found.text()))
    if engagement.has("took"):
        frame = beside(foretold(engagement), engagement.load("took"), pace=engagement.settings.time_scale)
        typer.echo(shown("\n" + text_table(frame, caption="forecast and fact")))
