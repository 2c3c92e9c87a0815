"""What all commands share: how they are registered, how their errors end, what may reach a terminal."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, ParamSpec

import typer

from workbench.errors import DecisionMissing, EditError, GateClosed, WorkbenchError

__all__ = ["FAILED", "As", "Root", "app", "command", "key_of", "shown"]

OK, FAILED, MISSING, CLOSED, STOPPED = 0, 1, 3, 4, 130
P = ParamSpec("P")

app = typer.Typer(
    help="Move a CRM: map, confirm, rehearse, sign off, load, prove, put back.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Root = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the engagement.")]
As = Annotated[str, typer.Option("--as", metavar="NAME", help='Who decides, as in "Ada Byron <ada@example.org>".')]


def command(function: Callable[P, None]) -> Callable[P, None]:
    """Register a command whose errors end as words on stderr and as an exit code, never as a stack."""

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except WorkbenchError as error:
            typer.echo(f"{type(error).__name__}: {shown(str(error))}", err=True)
            raise typer.Exit(_code(error)) from None
        except OSError as refused:
            where = f"\n  where: {refused.filename}" if refused.filename else ""
            todo = "\n  → see that you may write there and the disk has room, then run the same command again"
            typer.echo(shown(f"the computer refuses: {refused.strerror or refused}{where}{todo}"), err=True)
            raise typer.Exit(FAILED) from None
        except KeyboardInterrupt:
            typer.echo("stopped; what was done is kept, and the same command goes on from here", err=True)
            raise typer.Exit(STOPPED) from None

    told = " ".join((function.__doc__ or "").partition("\n\n")[0].split())  # whole, and not as much of it as fits a line
    app.command(name=function.__name__.strip("_").replace("_", "-"), short_help=told)(guarded)
    return guarded


def _code(error: WorkbenchError) -> int:
    return {DecisionMissing: MISSING, GateClosed: CLOSED}.get(type(error), FAILED)


def shown(text: str) -> str:
    """Text for a terminal: what could move its cursor or retitle its window is shown instead of sent."""
    return "".join(c if c == "\n" or c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def key_of(key_file: str) -> str | None:
    """The key in a file; None for `env`, which leaves it in the environment, and where no file is named."""
    if key_file == "env":
        if not os.environ.get("WORKBENCH_KEY", "").strip():
            raise EditError("$WORKBENCH_KEY is empty", todo="set it to the key of the destination, then run this again")
        return None
    if not key_file:
        return None
    try:
        key = Path(key_file).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as refused:
        found = refused.strerror if isinstance(refused, OSError) else "what is no plain text"
        todo = "name a text file with the key and nothing else"
        raise EditError("the file with the key cannot be read", found=found or "", where=key_file, todo=todo) from None
    if not key or len(key.split()) > 1:
        found = f"{len(key.split())} words"
        raise EditError("the file with the key holds no key", expected="one word", found=found, where=key_file, todo="mend it")
    return key
