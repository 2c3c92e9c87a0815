"""Commands on what the customer receives: seal it, and check it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.terminal import FAILED, Root, command, shown
from workbench.errors import EditError

if TYPE_CHECKING:
    from workbench.verification import Finding

__all__: list[str] = []


@command
def package(directory: Root, out: Annotated[Path | None, typer.Option(help="Where the zip goes.")] = None) -> None:
    """Seal and sign what the customer receives, and zip it."""
    from workbench.engagement import open_engagement
    from workbench.notebooks import write_pages
    from workbench.package import build
    from workbench.rendering import write_start

    engagement = open_engagement(directory)
    write_pages(engagement)
    built = build(engagement.root, out)
    engagement.journal.append("packaged", detail={"files": len(built.frame), "signing key": built.fingerprint})
    write_start(engagement)
    typer.echo(f"{built.files} files in {built.archive}")
    typer.echo(f"tell the customer by telephone or on paper: {built.fingerprint}")


@command
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
        typer.echo(f"{finding.state:8} {shown(finding.file)}  {shown(finding.detail)}")
    if not checked.good:
        changed = sum(finding.file != ARCHIVE for finding in wrong)
        said = f"{changed} of {checked.files} files are" if changed else "the archive is"
        typer.echo(f"NOT GOOD: {said} not as signed", err=True)
        raise typer.Exit(FAILED)
    typer.echo(f"good: {checked.files} files are as they were signed\nkey {checked.fingerprint}")
