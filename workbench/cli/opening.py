"""Commands of the way in: JupyterLab on an engagement, and a waiver where no notebook is open."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.terminal import As, Root, command, shown

__all__: list[str] = []

QUIET = Path(__file__).parent / "lab"
"""Settings that are laid over JupyterLab's: no news is fetched, and nobody is asked whether it should be."""

# Nothing else is asked of the network either: no newer version, no list of extensions.
OFFLINE = (
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
    "--KernelManager.transport_encryption=auto",
)


@command
def open_(
    directory: Root,
    port: Annotated[int, typer.Option(help="Where JupyterLab listens, on this machine alone.")] = 8888,
    base_url: Annotated[str, typer.Option(help="The prefix under which a proxy hands it on, as in /user/kim/.")] = "/",
    browser: Annotated[bool, typer.Option(help="Open the browser too.")] = True,
) -> None:
    """Open the engagement in JupyterLab, at its start page; it goes on until Ctrl-C."""
    from workbench.engagement import open_engagement
    from workbench.rendering import START, trust_start, write_start

    engagement = open_engagement(directory)
    trust_start(write_start(engagement))
    engagement.store.dispose()
    settings = {
        "ServerApp.root_dir": str(engagement.root),
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": str(port),
        "ServerApp.base_url": f"/{base_url.strip('/')}/".replace("//", "/"),
        "LabApp.default_url": f"/lab/tree/{START}.ipynb",
        "LabApp.extra_labextensions_path": str(QUIET / "labextensions"),  # the card in the launcher
    }
    told = [f"--{name}={value}" for name, value in settings.items()]
    more = [*([] if browser else ["--no-browser"]), *(["--allow-root"] if os.geteuid() == 0 else [])]
    sys.stdout.flush()
    # In place of this process, so that Ctrl-C and the exit code are JupyterLab's own.
    arguments = [sys.executable, "-m", "jupyterlab", *told, *OFFLINE, *more]
    os.execve(sys.executable, arguments, {**os.environ, **_surroundings(engagement.root)})


def _surroundings(root: Path) -> dict[str, str]:
    """What the server and its kernels find in their environment."""
    paths = [str(QUIET), os.environ.get("JUPYTER_CONFIG_PATH", "")]
    return {"WORKBENCH_ENGAGEMENT": str(root), "JUPYTER_CONFIG_PATH": os.pathsep.join(path for path in paths if path)}


@command
def waive(
    directory: Root,
    subject: Annotated[str, typer.Argument(help="A phase, or a problem of the intake as `workbench status` names it.")],
    reason: Annotated[str, typer.Option(help="Why it may go on all the same.")],
    role: Annotated[str, typer.Option(help="What the person answers for.")],
    who: As,
) -> None:
    """Let a phase or a problem pass, by name, role and reason; it stands in the certificate that the customer receives."""
    from workbench.engagement import open_engagement
    from workbench.rendering import write_start

    engagement = open_engagement(directory)
    waiver = engagement.waive(subject, reason=reason, by=who, role=role)
    write_start(engagement)
    typer.echo(shown(f"{waiver.subject} is waived by {waiver}\n  it covers: {waiver.words}"))
