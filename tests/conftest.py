"""What tests share: a PostgreSQL of their own beside SQLite, stand-ins that start at once, and few authorities to trust."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import certifi
import programs
import pytest
from hypothesis import HealthCheck, settings
from jupyter_client import launcher
from programs import warm_kernels, warm_programs
from sqlalchemy import Engine, create_engine
from warm_start import warm_starts

from workbench.frames.rules import without_iris
from workbench.rehearsal import child
from workbench.store import open_store

with without_iris():  # which every process of the tests would wait for
    import jsonschema  # noqa: F401

HERE = Path(__file__).parent
LONGEST = (
    "routes",
    "test_adding.py",
    "test_rollback_pipedrive.py",
    "test_probes.py",
    "rehearsal/test_freshsales_sequences.py",
    "extraction/test_extraction_resume.py",
    "test_bad_input.py",
    "test_load.py",
    "rehearsal/test_pipedrive_records.py",
    "test_ledger_faults.py",
)
"""Folders and files with minutes of work."""
PROGRAMS = Path("/usr/lib/postgresql")
ABSENT = "PostgreSQL is missing: make postgres (or, on a laptop, WORKBENCH_NO_POSTGRES=1 to leave its tests out)"
COLD = child._spawn
NOBODY = "postgres"  # whom Debian's package makes; the server refuses to run as root

# How long an example takes to make says how busy the machine is, and nothing of our code.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest go first, so that side by side no process is left alone with one of them at the end."""
    rank = {(HERE / name): place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: min((rank[path] for path in (item.path, item.path.parent) if path in rank), default=len(rank)))


def pytest_collection_finish() -> None:
    """Whatever is there by now stays: thousands of modules and tests, through which the collector went again and again."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_sessionfinish() -> None:
    gc.unfreeze()


@pytest.fixture(scope="session", autouse=True)
def stand_ins_start_warm() -> Iterator[None]:
    """Hundreds of tests have a stand-in of their own; reading its code for each took a fifth of the whole run."""
    with pytest.MonkeyPatch.context() as patch, warm_starts(child._spawn) as start:
        patch.setattr(child, "_spawn", start)
        yield


@pytest.fixture(scope="session", autouse=True)
def programs_start_warm() -> Iterator[None]:
    """A hundred tests start programs and kernels, each of which would read pandas and all of our code for itself."""
    with pytest.MonkeyPatch.context() as patch, warm_programs() as start:
        patch.setattr(programs, "started", start)
        patch.setattr(launcher, "Popen", warm_kernels(launcher.Popen))
        yield


@pytest.fixture(scope="session", autouse=True)
def one_authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Each HTTP client of a test reads all the authorities of the world, which takes longer than what it is made for.

    No test speaks to the world outside, so the first of them will do.
    """
    end = "-----END CERTIFICATE-----\n"
    bundle = tmp_path_factory.mktemp("trust") / "authorities.pem"
    bundle.write_text(certifi.contents().split(end)[0] + end, encoding="ascii")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certifi, "where", lambda: str(bundle))
        yield


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """A folder that all processes of this run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if hasattr(pytestconfig, "workerinput") else own


@pytest.fixture
def cold(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of the start itself: each stand-in and each kernel is a new interpreter and a child of ours, as for a user."""
    monkeypatch.setattr(child, "_spawn", COLD)
    monkeypatch.setattr(launcher, "Popen", subprocess.Popen)


@dataclass(frozen=True)
class Server:
    """A PostgreSQL on a socket in a folder that only its user may enter."""

    folder: Path

    def address(self, schema: str = "public") -> str:
        return f"postgresql+psycopg://{NOBODY}@/postgres?host={self.folder}&options=-csearch_path%3D{schema}"

    def database(self) -> str:
        """The address of a new, empty place for tables: a schema, which is made and left much quicker than a database."""
        name = f"t{uuid.uuid4().hex}"
        engine = create_engine(self.address(), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {name}")
        engine.dispose()
        return self.address(name)

    def end(self, session: int) -> None:
        """End one session of the server, as an administrator or a lost network does."""
        engine = create_engine(self.address(), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT pg_terminate_backend(%s, 5000)", (session,)).scalar()
        engine.dispose()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A private server for this run of the tests, ended by its own process."""
    if os.environ.get("WORKBENCH_NO_POSTGRES") == "1":
        pytest.skip("WORKBENCH_NO_POSTGRES is set")
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    user = NOBODY if os.getuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    try:
        yield from _served(folder, user)
    finally:
        shutil.rmtree(folder)


def _served(folder: Path, user: str | None) -> Iterator[Server]:
    made = ["-D", str(folder / "data"), "-U", NOBODY, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    done = subprocess.run([_program("initdb"), *made], user=user, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = {
        "listen_addresses": "",
        "unix_socket_directories": folder,
        "max_connections": 150,
        "shared_buffers": "32MB",
        "fsync": "off",
    }
    options = [part for name, value in said.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        arguments = [_program("postgres"), "-D", str(folder / "data"), *options]
        process = subprocess.Popen(arguments, user=user, cwd=folder, stdout=log, stderr=log)
    try:
        server = Server(folder)
        _wait_for(server, process)
        yield server
    finally:
        process.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
        process.wait(60)


def _wait_for(server: Server, process: subprocess.Popen[bytes]) -> None:
    engine = create_engine(server.address())
    for _ in range(1200):
        try:
            engine.connect().close()
            engine.dispose()
            return
        except Exception:
            assert process.poll() is None, (server.folder / "log").read_text()
            time.sleep(0.05)
    raise AssertionError((server.folder / "log").read_text())


def _program(name: str) -> str:
    newest = sorted(PROGRAMS.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    found = shutil.which(name) or (str(newest[-1]) if newest else "")
    if not found:
        pytest.fail(ABSENT, pytrace=False)
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new database may be: a file, and a database of the server."""
    if request.param == "sqlite":
        return str(tmp_path / "workbench.db")
    server: Server = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture
def store(address: str) -> Iterator[Engine]:
    """A new database of either kind, opened."""
    made = open_store(address)
    yield made
    made.dispose()
