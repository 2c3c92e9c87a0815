"""Stand-ins that speak the vendors' APIs over loopback, so that a whole migration can be rehearsed on a laptop."""

from __future__ import annotations

import errno
import gc
import importlib
import logging
import os
import socket
import ssl
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import TYPE_CHECKING

import uvicorn

from workbench.additions import folders, module_path
from workbench.errors import EditError, PortInUse, SpecError, listed
from workbench.rehearsal.child import Rehearsal, running
from workbench.rehearsal.engine import Clock, House, Json, Refusal, StandIn, State, Switch, Switches
from workbench.rehearsal.engine.dumps import VOLATILE, canonical, copies, dump
from workbench.rehearsal.engine.dumps import read_log as log
from workbench.rehearsal.engine.faults import FAULTS, Faults, wish
from workbench.rehearsal.engine.limits import CLOCK_SWITCHES, LIMIT_SWITCHES
from workbench.rehearsal.engine.recipes import Part, checked, fits
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

__path__ = module_path(__path__, "rehearsal")  # stand-ins of one's own are packages like ours

SELDOM = (50_000, 20, 50)
"""How rarely the collector looks for cycles while a stand-in serves."""
TENANTS = Path(__file__).parent / "tenants"
RECIPES = "rehearsal/tenants"
"""Where tenants are, in the package and in a folder of one's own."""
LOOPBACK = "127.0.0.1"
FOLDER = "folder"
"""The key of a recipe under which it names a folder with the rows of a source, seen from the recipe's own file."""


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
    Raises ``PortInUse``, ``EditError`` for a state file that it cannot serve, and ``SpecError`` for an unknown
    destination, switch or fault, and for a tenant whose recipe does not open; such a one makes no state file.
    """
    vendor = Vendor(destination, _module(destination))
    if time_scale <= 0:
        raise EditError(
            "time does not stand still",
            expected="a time scale above 0; 60 lets a minute pass in a second",
            found=f"{time_scale:g}",
            todo="give another time scale",
        )
    met = Faults([wish(spec, able=vendor.able) for spec in faults], seed=seed, able=vendor.able)
    secured = _secured(tls) if tls else None
    new = None if _holds(state) else vendor.tried(tenant, switches or {})  # first, so that a mistake makes no file
    with closing(_listen(port)) as listener, closing(State(state, first_ids=vendor.first_ids)) as kept:
        recipe = vendor.kept(kept, state) or _begun(kept, destination, new or vendor.tried(tenant, switches or {}))
        chosen = vendor.chosen(recipe, switches or {})
        house = House(kept, Clock(time_scale, chosen.number("skew_seconds")), chosen, recipe, met)
        stand_in = vendor.opened(house, where=str(state))
        bound = int(listener.getsockname()[1])
        url = f"{'https' if secured else 'http'}://{LOOPBACK}:{bound}{stand_in.base}"
        _Server(Wire(house, stand_in, token=token, port=bound), url, on_ready, secured).run(sockets=[listener])


def switches(destination: str) -> pd.DataFrame:
    """Every unknown of the vendor's API that this stand-in settles: name, default, allowed values, meaning, source."""
    import pandas as pd

    vendor = Vendor(destination, _module(destination))
    rows = [
        {
            "name": switch.name,
            "default": switch.default,
            "allowed": switch.takes,
            "meaning": switch.meaning,
            "source": switch.source,
        }
        for switch in vendor.table
    ]
    return pd.DataFrame(rows)


def faults(destination: str) -> pd.DataFrame:
    """Every kind of fault that this stand-in can meet: name, rows of the fault matrix, phase, what it does, parameters."""
    import pandas as pd

    able = Vendor(destination, _module(destination)).able
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

    ``url`` is the address of its API, as for the destination itself. Raises ``WrongKey``, ``DestinationBusy``,
    ``WaitError`` where nobody answers, and ``EditError`` where the destination has no such way, the address is none or
    the account's certificate is not trusted: an authority of your own is named in ``$SSL_CERT_FILE``.
    """
    from workbench.rehearsal.engine.live import Reader, address_of, recipe_text  # with an HTTP client, which no server needs

    _module(destination)
    name = f"{__name__}.{destination}.recipe"
    if find_spec(name) is None:
        raise SpecError(f"no recipe can be made from a live {destination}", todo="write the tenant's TOML by hand")
    if not (token.isascii() and token.isprintable()):
        raise SpecError("the key holds what no key may", expected="plain letters and digits", todo="copy the key again")
    recipe = importlib.import_module(name)
    with Reader(recipe.root(address_of(url)), recipe.headers(token), address=recipe.ADDRESS) as reader:
        return recipe_text(reader, recipe.tenant_of, probes=recipe.PROBES)


@dataclass(frozen=True)
class Vendor:
    """A destination that can be rehearsed: what its package says of it, and how a tenant of it is opened."""

    name: str
    module: ModuleType

    @property
    def table(self) -> tuple[Switch, ...]:
        """Its switches, and those that all have."""
        return (*self.module.SWITCHES, *LIMIT_SWITCHES, *CLOCK_SWITCHES)

    @property
    def able(self) -> Sequence[str]:
        """What some faults need, as far as it has it."""
        return tuple(getattr(self.module, "FAULT_POINTS", ()))

    @property
    def first_ids(self) -> Mapping[str, int]:
        found: Mapping[str, int] = self.module.FIRST_IDS
        return found

    @cached_property
    def model(self) -> type[Part]:
        """What a recipe of it may say."""
        found: type[Part] = importlib.import_module(f"{self.module.__name__}.spec").Tenant
        return found

    def chosen(self, recipe: Json, told: Mapping[str, str]) -> Switches:
        """The switches as the recipe settles them, and as the start does, which goes before."""
        return Switches(self.table, {**recipe.get("switches", {}), **told})

    def tried(self, tenant: str | Path | None, told: Mapping[str, str]) -> Json:
        """The recipe for a new state, after a stand-in has opened with it on a file that is thrown away."""
        named = tenant if tenant is not None else str(self.module.TENANT)
        recipe = _read(named, self.name)
        self._not_of_another(recipe, f"the tenant recipe {named}", str(named))
        checked(recipe, self.model, where=str(named))
        with _located(f"{named}: [switches]"):
            self.chosen(recipe, {})
        switches = self.chosen(recipe, told)
        with TemporaryDirectory() as folder, closing(State(Path(folder) / "trial", first_ids=self.first_ids)) as trial:
            self.opened(House(trial, Clock(), switches, recipe), where=str(named))
        return recipe

    def kept(self, state: State, file: Path) -> Json | None:
        """The recipe that shaped the state, none where it is new; ``SpecError`` where it is another destination's tenant."""
        recipe, mark = state.meta("recipe"), state.meta("destination")
        if recipe is not None and mark is None:  # a state file of 0.1
            self._not_of_another(recipe, "this state file", str(file))
        elif mark is not None and mark["name"] != self.name:
            raise self._another(str(mark["name"]), "this state file", str(file))
        return recipe

    def opened(self, house: House, *, where: str) -> StandIn:
        """The stand-in; a recipe that it cannot open is told in words, also one of a state file of 0.1."""
        try:
            with _located(where):
                made: StandIn = self.module.open_stand_in(house)
        except (ArithmeticError, LookupError, Refusal, StopIteration, TypeError, ValueError):
            checked(house.tenant, self.model, where=where)
            raise
        return made

    def _not_of_another(self, recipe: Json, what: str, where: str) -> None:
        if fits(recipe, self.model):
            return
        for name in _destinations():
            if name != self.name and fits(recipe, Vendor(name, _module(name)).model):
                raise self._another(name, what, where)

    def _another(self, name: str, what: str, where: str) -> SpecError:
        return SpecError(
            f"{what} is of another destination",
            expected=f"a tenant of {self.name}",
            found=f"one of {name}",
            where=where,
            todo=f"rehearse {name} with it, or name another file; this one was left as it is",
        )


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
        gc.freeze()  # what stands now stays; and a body of JSON makes many objects, but no cycles to be searched for
        gc.set_threshold(*SELDOM)
        if self._on_ready:
            self._on_ready(self._url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._wire.stop()
        await super().shutdown(sockets)


def _module(destination: str) -> ModuleType:
    if destination in _packages():
        found = importlib.import_module(f"{__name__}.{destination}")
        if hasattr(found, "open_stand_in"):
            return found
    raise SpecError(f"there is no rehearsal of {destination!r}", expected=listed(_destinations()), todo="name one of these")


def _destinations() -> list[str]:
    """Names of the packages beside this module, or in a folder of one's own, that have an ``open_stand_in``."""
    return [name for name in _packages() if hasattr(importlib.import_module(f"{__name__}.{name}"), "open_stand_in")]


@contextmanager
def _located(where: str) -> Iterator[None]:
    """Lets a mistake in a recipe say in which file and table it stands."""
    try:
        yield
    except SpecError as error:
        place = f"{where}: {error.where}" if error.where else where
        todo = error.todo or "mend the recipe"
        raise SpecError(error.message, expected=error.expected, found=error.found, where=place, todo=todo) from None


def _packages() -> list[str]:
    return sorted(found.name for found in iter_modules(map(str, folders("rehearsal"))) if found.ispkg)


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


def _holds(state: Path) -> bool:
    """Whether there is something at this place already."""
    return state.exists() and not (state.is_file() and state.stat().st_size == 0)


def _begun(kept: State, destination: str, recipe: Json) -> Json:
    with kept.transaction():
        kept.set_meta("destination", {"name": destination})
        kept.set_meta("recipe", recipe)
    return recipe


def _read(tenant: str | Path, destination: str) -> Json:
    own = isinstance(tenant, Path) or os.sep in tenant or tenant.endswith(".toml")
    if own and Path(tenant).is_dir():  # of a source, whose rows lie in files
        return {FOLDER: str(Path(tenant).resolve())}
    path = Path(tenant) if own else _recipe_file(str(tenant))
    if not Path(path).is_file():
        known = ", ".join(sorted(file.stem for folder in folders(RECIPES) for file in folder.glob(f"{destination}_*.toml")))
        raise SpecError(
            f"there is no tenant {tenant}", expected=f"{known}, or the path of a TOML file", todo="name one that is there"
        )
    try:
        return _placed(tomllib.loads(Path(path).read_text(encoding="utf-8")), Path(path).parent)
    except UnicodeDecodeError as error:
        raise SpecError(
            "the tenant is not TOML", expected="a text in UTF-8", found=str(error), where=str(path), todo="save it as UTF-8"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise SpecError(
            "the tenant is not TOML", where=str(path), found=str(error), todo="mend the line that it names"
        ) from None


def _recipe_file(tenant: str) -> Path:
    """Where the recipe of that name is, in the package or in a folder of one's own."""
    known = [folder / f"{tenant}.toml" for folder in folders(RECIPES)]
    return next((file for file in known if file.is_file()), known[0])


def _placed(recipe: Json, beside: Path) -> Json:
    """The recipe with the whole path of the folder that it names."""
    named = recipe.get(FOLDER)
    return {**recipe, FOLDER: str((beside / named).resolve())} if isinstance(named, str) else recipe
