"""Who may write to a ledger: a lease that says who does, and an epoch that keeps everybody else from it.

Safety is the epoch's: it goes up with each claim, and every commit looks at it in its own transaction, so a run that was
passed by finds out before it sends. The lease is only courtesy, and no clock of the wall decides it. Each commit counts as
a sign of life, a silent holder gives one every few seconds, and whoever wants to take over has to see none of them for the
whole lease by his own monotonic clock. A holder whose process, or whose session at the server, is known to be gone is not
waited for.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, func, insert, select, update
from sqlalchemy.engine.interfaces import DBAPICursor

from workbench.clock import now
from workbench.errors import EngagementLocked, Fenced, WorkbenchError
from workbench.journal import person
from workbench.ledger.soundness import HEADLESS, Head, Mark, changed, check, head_of, opened
from workbench.store import driven, operations, writers, writing
from workbench.store.sealing import SEALED_HEAD, added, seal

__all__ = ["LEASE_SECONDS", "Writer"]

LEASE_SECONDS = 15.0
"""How long a holder may be silent before another may take over."""
BEATS = 3
"""Signs of life within a lease."""
ATTEMPTS = 3
SESSION = "session"


class Writer:
    """One run's right to write to one ledger; shared by all threads of the run.

    A ledger that nobody has claimed may be written without a claim, until somebody claims it.
    """

    def __init__(self, store: Engine, *, engagement_id: str, lease_seconds: float = LEASE_SECONDS) -> None:
        self.epoch: int | None = None  # of this run; None before it has written
        self._store = store
        self._engagement = engagement_id
        self._lease = lease_seconds
        self._where = store.url.render_as_string(hide_password=True)
        self._token = ""
        self._claiming = threading.Lock()
        self._checking = threading.Lock()
        self._checked = -1  # the commit up to which the ledger is known to be intact
        self._mark = Mark(store, engagement_id=engagement_id)
        self._look = driven(store, select(writers).where(writers.c.engagement == "").with_for_update())
        self._any = driven(store, select(func.max(operations.c.op)).where(operations.c.engagement == ""))
        every: dict[str, Any] = {column.name: bindparam(column.name) for column in writers.columns}
        self._insert = driven(store, insert(writers).values(every).inline())
        self._peek = driven(store, select(writers.c.epoch, writers.c.token, writers.c.holder).where(writers.c.engagement == ""))
        names = ("commits", "rows", "total", "seal")
        turned = update(writers).where(writers.c.engagement == "").values(dict.fromkeys(names, 0))
        self._turn = driven(store, turned)

    # ------------------------------------------------------------ claiming

    @contextmanager
    def claim(self) -> Iterator[None]:
        """Be the only one who writes, from here to the end of the block.

        EngagementLocked names whoever holds the ledger while he gives signs of life; it takes up to the lease to find
        out. IntegrityError where the ledger is not what was written.
        """
        if not self._claiming.acquire(blocking=False):
            raise _locked("this very run", self._where)
        try:
            with self._session() as session:
                self._take(self._silent(session), session=session)
                over = threading.Event()
                beats = threading.Thread(target=self._beat, args=(over,), name="lease", daemon=True)
                beats.start()
                try:
                    yield
                finally:
                    over.set()
                    beats.join()
                    self._release()
        finally:
            self._claiming.release()

    def intact(self) -> None:
        """Check the ledger, unless this run has done so already; IntegrityError where it is not what was written."""
        with self._checking:
            if self._checked < 0:
                self._check()

    def _check(self) -> Head | None:
        head = check(self._store, engagement_id=self._engagement)
        self._checked = head.commits if head else 0
        return head

    def _silent(self, session: bool) -> Head | None:
        """None where nobody holds the ledger; else who does, once he has shown no life for the whole lease."""
        seen, since = self._holder(), time.monotonic()
        while seen is not None and not _gone(seen, session) and time.monotonic() - since < self._lease:
            time.sleep(self._lease / 60)
            newer = self._holder()
            if newer is not None and _signs(newer) != _signs(seen):
                raise _locked(newer.holder, self._where)
            seen = newer
        return seen

    def _holder(self) -> Head | None:
        with self._store.connect() as connection:
            head = head_of(connection, self._engagement)
        return head if head and head.token else None

    def _take(self, silent: Head | None, *, session: bool) -> None:
        """Begin a new epoch over an intact ledger; EngagementLocked where somebody else was quicker."""
        token = uuid.uuid4().hex
        with self._checking:
            for _ in range(ATTEMPTS):
                try:
                    with writing(self._store, alone=False) as connection:
                        head = self._read(connection)
                        if head.token if silent is None else _signs(head) != _signs(silent):
                            break
                        if head.commits == self._checked:
                            self._hold(connection, head, token=token, session=session)
                            self.epoch, self._token = head.epoch + 1, token  # before any thread of ours can look
                except BaseException:
                    self.epoch, self._token = None, ""
                    raise
                if self._token:
                    self.turned(head)
                    return
                self._check()
        raise _locked(head.holder or "a run that writes without having claimed it", self._where)

    def _hold(self, connection: Connection, head: Head, *, token: str, session: bool) -> None:
        who = f"{person()}, process {os.getpid()} on {socket.gethostname()}, since {now()}" if token else ""
        place = f"{SESSION if session else 'process'} {_process(os.getpid())}" if token else ""
        values = {"epoch": head.epoch + 1 if token else head.epoch, "token": token, "holder": who, "place": place}
        values |= {"since": now(), "heartbeat": head.heartbeat + 1, "commits": head.commits + 1}
        sealed = {"engagement": head.engagement, "rows": head.rows, "total": head.total} | values
        values["seal"] = seal([sealed[name] for name in SEALED_HEAD])
        connection.execute(update(writers).where(writers.c.engagement == self._engagement).values(values))

    def _release(self) -> None:
        token, self._token, self.epoch = self._token, "", None
        with suppress(WorkbenchError), writing(self._store, alone=False) as connection:
            head = self._read(connection)
            if head.token == token:
                self._hold(connection, head, token="", session=False)
                self._checked = max(self._checked, head.commits + 1)

    def _beat(self, over: threading.Event) -> None:
        """A sign of life whenever there was no commit for a while, such as during a wait for the next hour."""
        seen = self._checked
        while not over.wait(self._lease / BEATS):
            if seen == self._checked:
                mine = (writers.c.engagement == self._engagement) & (writers.c.token == self._token)
                # whatever a driver or its pool raises: a silent end of this thread would give the lease away
                with suppress(Exception), writing(self._store, alone=False) as connection:
                    connection.execute(update(writers).where(mine).values(heartbeat=writers.c.heartbeat + 1))
            seen = self._checked

    @contextmanager
    def _session(self) -> Iterator[bool]:
        """PostgreSQL knows by itself when a holder's connection has ended; the lock of the session tells others."""
        if self._store.dialect.name != "postgresql":
            yield False
            return
        with self._store.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.detach()  # so that it is closed at the end, and its lock with it
            for name, value in (("idle", 5), ("interval", 2), ("count", 3)):
                connection.exec_driver_sql(f"SET tcp_keepalives_{name} = {value}")
            key = seal([self._engagement])
            yield bool(connection.exec_driver_sql("SELECT pg_try_advisory_lock(%s)", (key,)).scalar())

    # ------------------------------------------------------------ writing

    def head(self, cursor: DBAPICursor) -> Head:
        """The head of the ledger, kept from others until the transaction ends; Fenced where this run was passed by."""
        head = self._found(cursor) or self._first(cursor)
        if self.epoch is None:
            if head.token:
                raise _locked(head.holder, self._where)
            self.epoch = head.epoch
        elif head.epoch != self.epoch or head.token != self._token:
            raise self._passed(head.epoch, head.holder)
        return head

    def stands(self) -> None:
        """Fenced where this run was passed by since its last commit: one look, for the moment before a change is sent."""
        if self.epoch is None:
            return
        with closing(self._store.raw_connection()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute(self._peek, (self._engagement,))
            rows = cursor.fetchall()
        epoch, token, holder = rows[0] if rows else (-1, "", "")
        if epoch != self.epoch or token != self._token:
            raise self._passed(epoch, holder)

    def _passed(self, epoch: int, holder: str) -> Fenced:
        return Fenced(
            "another run has taken over this engagement",
            expected=f"epoch {self.epoch}, that of this run",
            found=f"epoch {epoch}: {holder or 'a run that has ended'}",
            where=self._where,
            todo="end this run; nothing more was sent, and what it had begun is settled by the other or by the next",
        )

    def turn(self, cursor: DBAPICursor, head: Head, *, rows: int, seals: list[int]) -> None:
        """Count one more commit, with so many rows more and these seals, those taken away with a minus."""
        total = added(head.total, seals)
        values = (head.engagement, head.epoch, head.token, head.commits + 1, head.rows + rows, total)
        cursor.execute(self._turn, (*values[3:], seal(values), self._engagement))

    def turned(self, head: Head) -> None:
        """To be called once the transaction of `turn` is on disk."""
        self._checked = max(self._checked, head.commits + 1)
        self._mark.keep(head.commits + 1)

    def _read(self, connection: Connection) -> Head:
        with closing(connection.connection.cursor()) as cursor:
            return self._found(cursor) or self._first(cursor)

    def _found(self, cursor: DBAPICursor) -> Head | None:
        cursor.execute(self._look, (self._engagement,))
        rows = cursor.fetchall()
        return opened(rows[0], where=self._where) if rows else None

    def _first(self, cursor: DBAPICursor) -> Head:
        """Begin the ledger; IntegrityError where it has rows and has lost its head."""
        cursor.execute(self._any, (self._engagement,))
        if cursor.fetchall()[0][0] is not None:
            if begun := self._found(cursor):  # by another, whose first rows came between our two looks
                return begun
            raise changed(HEADLESS, where=self._where)
        values = (self._engagement, 0, "", "", "", now(), 0, 0, 0, 0, seal((self._engagement, 0, "", 0, 0, 0)))
        cursor.execute(f"{self._insert} ON CONFLICT (engagement) DO NOTHING", values)
        found = self._found(cursor)
        assert found is not None
        return found


def _locked(holder: str, where: str) -> EngagementLocked:
    return EngagementLocked(
        "another run is writing to this engagement",
        found=holder,
        where=where,
        todo="wait until it has ended, or end it; what it has done is kept",
    )


def _signs(head: Head) -> tuple[str, int, int]:
    return head.token, head.heartbeat, head.commits


def _gone(head: Head, session: bool) -> bool:
    """Whether the holder is known to have ended: his session, whose lock we have now, or his process on this machine."""
    kind, _, process = head.place.partition(" ")
    if kind == SESSION and session:
        return True
    machine, _, number = process.rpartition(" ")[0].rpartition(" ")
    return bool(process) and number.isdecimal() and machine == _machine() and _process(int(number)) != process


def _machine() -> str:
    """This boot of this machine, and this space of process numbers; empty where the system does not say."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    return ""


def _process(number: int) -> str:
    """A process so that no other is ever named alike: machine, number, when it began; empty where there is none."""
    with suppress(OSError):
        said = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
        return f"{_machine()} {number} {said[19]}" if said[0] not in "ZX" else ""
    return ""
