"""Commands of the rehearsals: serve a stand-in, and shape one like a live account."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.terminal import command, key_of
from workbench.errors import EditError

__all__: list[str] = []


@command
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


@command
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
    key = key_of(key_file or "env") or os.environ["WORKBENCH_KEY"].strip()
    recipe = rehearsal.recipe_of(destination, url=url, token=key)
    with out.open("x", encoding="utf-8") as file:
        file.write(recipe)
    typer.echo(f"written to {out}: workbench rehearse {destination} --tenant {out} takes it")


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
