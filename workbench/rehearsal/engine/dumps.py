"""The whole tenant as canonical JSON, and what may differ in it after a load was taken back."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import EditError
from workbench.rehearsal.engine import Json

if TYPE_CHECKING:  # pandas takes longer to import than a stand-in takes to start
    import pandas as pd

VOLATILE = (
    "counters",  # ids are never given out twice, so a load leaves them advanced
    "jobs",
    "log",
    "meta.blocked",  # a client that went on after 429
    "meta.oauth",
    "recycle_bin",  # a deleted record stays there for 90 days unless it is forgotten
    "records.*.*.updated_at",
    "records.*.*.updater_id",
    "records.*.*.last_assigned_at",
    "records.*.*.stage_updated_time",
    "records.*.*.emails.*.id",  # an address that was replaced and put back has a new id
    "records.deals.*.products.*.association_id",  # likewise a line of a deal,
    "records.cpq_documents.*.products.*.association_id",  # of a quote,
    "records.products.*.product_pricings.*.id",  # and a price
)
"""Paths in a dump, ``*`` standing for any one key or place, that a complete rollback need not restore."""


def dump(state_file: Path) -> Json:
    """The tenant in a state file: meta, records and recycle bin by kind and id, counters, jobs and length of the log."""
    db = _open(state_file)
    try:
        return tenant(db)
    finally:
        db.close()


def copies(state_file: Path, *, tenant: Path | None = None, log: Path | None = None) -> list[Path]:
    """Write what a state file holds, while a server may be running on it: canonical JSON, and the request log as CSV."""
    files = [file for file in (tenant, log) if file]
    for file in files:
        if file.exists() and state_file.exists() and file.samefile(state_file):
            raise EditError("the copy would overwrite the state itself", where=str(file), todo="name another file")
    if tenant:
        _written(tenant, canonical(dump(state_file)) + "\n")
    if log:
        _written(log, read_log(state_file).to_csv(index=False))
    return files


def _written(file: Path, text: str) -> None:
    """Put a text in a file's place in one go, for nobody else to read; what a link points at is left as it is."""
    if file.exists() and not file.is_file() and not file.is_dir():  # a pipe, or the screen
        file.write_text(text, encoding="utf-8")
        return
    part = None
    try:
        number, part = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name[:100]}.")  # with mode 0600
        with os.fdopen(number, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
        Path(part).replace(file)
    except OSError as error:
        if part:
            Path(part).unlink(missing_ok=True)
        found = error.strerror or str(error)
        raise EditError("the copy cannot be written", found=found, where=str(file), todo="name another file") from None


def read_log(state_file: Path, *, since: int = 0) -> pd.DataFrame:
    """The request log in a state file after line ``since``; ``at`` counts seconds since 1970, ``ms`` is server time."""
    import pandas as pd

    db = _open(state_file)
    try:
        return pd.read_sql_query("SELECT * FROM log WHERE n > ? ORDER BY n", db, params=(since,))
    finally:
        db.close()


def _open(state_file: Path) -> sqlite3.Connection:
    if not state_file.exists():
        raise EditError("there is no state file", where=str(state_file), todo="name the file that the rehearsal was given")
    db = None
    try:
        db = sqlite3.connect(f"{state_file.resolve().as_uri()}?mode=ro", uri=True)
        db.execute("BEGIN")  # all that is read stands for one moment, though a server goes on
        db.execute("SELECT max(n), (SELECT count(*) FROM meta) FROM log").fetchone()
    except sqlite3.Error as error:
        if db:
            db.close()
        todo = "name the file that the rehearsal was given"
        raise EditError("this is no tenant of a rehearsal", found=str(error), where=str(state_file), todo=todo) from None
    return db


def tenant(db: sqlite3.Connection) -> Json:
    """The same of an open state."""
    return {
        "meta": {name: json.loads(value) for name, value in db.execute("SELECT name, value FROM meta ORDER BY name")},
        "records": _records(db, "IS NULL"),
        "recycle_bin": _records(db, "IS NOT NULL"),
        "counters": dict(db.execute("SELECT kind, last FROM counter ORDER BY kind").fetchall()),
        "jobs": {str(number): json.loads(result or "null") for number, result in db.execute("SELECT id, result FROM job")},
        "log": {"requests": db.execute("SELECT count(*) FROM log").fetchone()[0]},
    }


def _records(db: sqlite3.Connection, gone: str) -> Json:
    kinds: Json = {}
    sql = f"SELECT kind, id, body, created, updated FROM record WHERE deleted {gone} ORDER BY kind, id"  # noqa: S608
    for kind, number, body, created, updated in db.execute(sql):
        times = {"created_at": created, "updated_at": updated}
        kinds.setdefault(kind, {})[str(number)] = {**json.loads(body), **times}
    return kinds


def canonical(whole: Json, *, volatile: Sequence[str] = VOLATILE) -> str:
    """A dump without its volatile paths and without kinds that hold nothing, keys sorted, one text to compare."""
    paths = [tuple(path.split(".")) for path in volatile]
    return json.dumps(_without(whole, paths), ensure_ascii=False, indent=1, sort_keys=True)


def _without(value: object, paths: Sequence[tuple[str, ...]]) -> object:
    if isinstance(value, dict):
        gone = {path[0] for path in paths if len(path) == 1}
        return {key: _without(item, _below(paths, key)) for key, item in value.items() if key not in gone}
    if isinstance(value, list):
        return [_without(item, _below(paths, str(place))) for place, item in enumerate(value)]
    return value


def _below(paths: Sequence[tuple[str, ...]], key: str) -> list[tuple[str, ...]]:
    return [path[1:] for path in paths if len(path) > 1 and path[0] in ("*", key)]
