"""Stand-ins that speak the vendors' APIs over loopback, so that a whole migration can be rehearsed on a laptop."""

from __future__ import annotations

import errno
import importlib
import logging
import os
import socket
import ssl
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import uvicorn

from workbench.errors import EditError, PortInUse, SpecError
from workbench.rehearsal.child import Rehearsal, running
from workbench.rehearsal.engine import Clock, House, Json, State, Switch, Switches
from workbench.rehearsal.engine.dumps import VOLATILE, canonical, copies, dump
from workbench.rehearsal.engine.dumps import read_log as log
from workbench.rehearsal.engine.faults import FAULTS, Faults, wish
from workbench.rehearsal.engine.limits import CLOCK_SWITCHES, LIMIT_SWITCHES
from workbench.rehearsal.engine.live import Reader, recipe_text
from workbench.rehearsal.engine.wire import Wire

if TYPE_CHECKING:  # pandas takes longer to import than a stand-in takes to start
    import pandas as pd

__all__ = [
    "VOLATILE",
    "Rehearsal",
    "canonical",
    "copies",
    "dump",
    "faults",
    "log",
    "recipe_of",
    "running",
    "serve",
    "switches",
]

TENANTS = Path(__file__).parent / "tenants"
LOOPBACK = "127.0.0.1"


def serve(
    destination: str,
    *,
    port: int,
    state: Path,
    token: str,
    tenant: str | Path | None = None,
    time_scale: float = 1.0,
    switches: Mapping[str, str] | None = None,
    faults: Sequence[str] = (),
    seed: int = 0,
    tls: tuple[Path, Path] | None = None,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve a stand-in on 127.0.0.1 until the process is stopped.

    ``port`` 0 takes a free one; ``on_ready`` is called with the base URL of the API once requests are accepted.
    ``tenant`` names a recipe of the package (``freshsales_suite``) or a TOML file; it shapes a new state file only,
    an existing one stays as it is. ``time_scale`` 60 lets a minute of the limits and of the jobs pass in one second.
    ``faults`` are texts such as ``drop_after=0.05,path=contacts``; with the same ``seed`` the same requests meet them.
    ``tls`` is a certificate and its key as PEM files, for clients that insist on https.
    Raises ``PortInUse``, and ``SpecError`` for an unknown destination, tenant, switch or fault.
    """
    module = _module(destination)
    if time_scale <= 0:
        raise EditError(
            "time does not stand still",
            expected="a time scale above 0; 60 lets a minute pass in a second",
            found=f"{time_scale:g}",
            todo="give another time scale",
        )
    met = Faults([wish(spec) for spec in faults], seed=seed, able=getattr(module, "FAULT_POINTS", ()))
    secured = _secured(tls) if tls else None
    if not state.exists():  # so that a wrong name makes no file
        Switches(_table(module), {**_read(_named(tenant, module)).get("switches", {}), **(switches or {})})
    with closing(_listen(port)) as listener, closing(State(state, first_ids=module.FIRST_IDS)) as kept:
        recipe = _recipe(kept, module, tenant)
        chosen = Switches(_table(module), {**recipe.get("switches", {}), **(switches or {})})
        house = House(kept, Clock(time_scale, chosen.number("skew_seconds")), chosen, recipe, met)
        stand_in = module.open_stand_in(house)
        bound = int(listener.getsockname()[1])
        url = f"{'https' if secured else 'http'}://{LOOPBACK}:{bound}{stand_in.base}"
        _Server(Wire(house, stand_in, token=token, port=bound), url, on_ready, secured).run(sockets=[listener])


def switches(destination: str) -> pd.DataFrame:
    """Every unknown of the vendor's API that this stand-in settles: name, default, allowed values, meaning, source."""
    import pandas as pd

    rows = [
        {
            "name": switch.name,
            "default": switch.default,
            "allowed": switch.takes,
            "meaning": switch.meaning,
            "source": switch.source,
        }
        for switch in _table(_module(destination))
    ]
    return pd.DataFrame(rows)


def faults(destination: str) -> pd.DataFrame:
    """Every kind of fault that this stand-in can meet: name, rows of the fault matrix, phase, what it does, parameters."""
    import pandas as pd

    able = getattr(_module(destination), "FAULT_POINTS", ())
    rows = [
        {
            "name": fault.name,
            "rows": ", ".join(fault.rows),
            "phase": fault.phase,
            "does": fault.does,
            "requests": {"write": "all but GET", "any": "all"}[fault.method],
            "parameters": ", ".join(fault.parameters),
        }
        for fault in FAULTS.values()
        if not fault.needs or fault.needs in able
    ]
    return pd.DataFrame(rows)


def recipe_of(destination: str, *, url: str, token: str) -> str:
    """A tenant recipe, as TOML, from the settings of a live account; nothing but GET is ever sent.

    ``url`` is the address of its API, as for the destination itself. Raises ``WrongKey``, ``DestinationBusy``, and
    ``SpecError`` where the destination has no such way or the address is none.
    """
    _module(destination)
    name = f"{__name__}.{destination}.recipe"
    if find_spec(name) is None:
        raise SpecError(f"no recipe can be made from a live {destination}", todo="write the tenant's TOML by hand")
    recipe = importlib.import_module(name)
    with Reader(url, recipe.headers(token)) as reader:
        return recipe_text(reader, recipe.tenant_of)


class _Server(uvicorn.Server):
    """Uvicorn that says when it accepts requests."""

    def __init__(self, app: Wire, url: str, on_ready: Callable[[str], None] | None, secured: ssl.SSLContext | None) -> None:
        logging.getLogger("uvicorn").setLevel(logging.ERROR)
        super().__init__(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                proxy_headers=False,
                server_header=False,
                date_header=False,  # the wire writes it by the vendor's clock
                timeout_keep_alive=75,
                timeout_graceful_shutdown=1,
            )
        )
        self._wire = app
        self._url = url
        self._on_ready = on_ready
        self._secured = secured

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.config.ssl = self._secured
        await super().startup(sockets)
        if self._on_ready:
            self._on_ready(self._url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._wire.stop()
        await super().shutdown(sockets)


def _module(destination: str) -> ModuleType:
    name = f"{__name__}.{destination}"
    if not destination.isidentifier() or find_spec(name) is None or not hasattr(importlib.import_module(name), "open_stand_in"):
        raise SpecError(f"there is no rehearsal of {destination!r}", todo="name a destination such as freshsales")
    return importlib.import_module(name)


def _table(module: ModuleType) -> tuple[Switch, ...]:
    return (*module.SWITCHES, *LIMIT_SWITCHES, *CLOCK_SWITCHES)


def _secured(tls: tuple[Path, Path]) -> ssl.SSLContext:
    """What the server shows to a client that asks for TLS; checked before anything is opened."""
    certificate, key = tls
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password="")  # a key with a password fails instead of asking for it
    except OSError as error:
        raise SpecError(
            "the certificate and its key cannot be used",
            expected="a PEM file with the certificate and one with its key, which has no password",
            found=error.strerror or str(error),
            where=f"{certificate}, {key}",
            todo="name two files that belong together",
        ) from None
    return context


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or asyncio leaves Nagle on
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(256)
    except OSError as error:
        listener.close()
        if error.errno != errno.EADDRINUSE:
            raise
        raise PortInUse(
            f"port {port} is taken",
            where=f"{LOOPBACK}:{port}",
            todo="stop the other program, or take another port (0: any free one)",
        ) from None
    return listener


def _recipe(kept: State, module: ModuleType, tenant: str | Path | None) -> Json:
    """The recipe that shaped the state; a new state takes the named one, or the destination's own default."""
    recipe = kept.meta("recipe")
    if recipe is None:
        recipe = _read(_named(tenant, module))
        with kept.transaction():
            kept.set_meta("recipe", recipe)
    return recipe


def _named(tenant: str | Path | None, module: ModuleType) -> str | Path:
    return tenant if tenant is not None else str(module.TENANT)


def _read(tenant: str | Path) -> Json:
    own = isinstance(tenant, Path) or os.sep in tenant or tenant.endswith(".toml")
    path = Path(tenant) if own else TENANTS / f"{tenant}.toml"
    if not Path(path).is_file():
        known = ", ".join(sorted(file.stem for file in TENANTS.glob("*.toml")))
        raise SpecError(
            f"there is no tenant {tenant}", expected=f"{known}, or the path of a TOML file", todo="name one that is there"
        )
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SpecError(
            "the tenant is not TOML", where=str(path), found=str(error), todo="mend the line that it names"
        ) from None
