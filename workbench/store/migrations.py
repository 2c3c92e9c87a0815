"""The ordered steps from an empty database to today's."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Column, Connection, inspect, select
from sqlalchemy.schema import CreateColumn, CreateIndex

from workbench.store.sealing import seal_all
from workbench.store.tables import books, decisions, metadata, operations, phases, proposals, sendings, writers

__all__ = ["MIGRATIONS", "Migration"]

Migration = Callable[[Connection], None]


def _first(connection: Connection) -> None:
    metadata.create_all(connection, tables=[proposals, decisions, sendings, phases])


def _second(connection: Connection) -> None:
    """The ledger as it was made beside the steps gets a job, an epoch and a seal in every row."""
    metadata.create_all(connection, tables=[writers, books])
    if not inspect(connection).has_table(operations.name):
        metadata.create_all(connection, tables=[operations])
        return
    for column in (operations.c.job, operations.c.epoch, operations.c.seal):
        _add(connection, column)
    connection.exec_driver_sql("DROP INDEX IF EXISTS operations_state")
    connection.execute(CreateIndex(next(index for index in operations.indexes if index.name == "operations_open")))
    for engagement in connection.scalars(select(operations.c.engagement).distinct()).all():
        seal_all(connection, engagement)


MIGRATIONS: tuple[Migration, ...] = (_first, _second)
"""Steps from an empty database to today's, in order; a released step is never changed, only followed by another."""


def _add(connection: Connection, column: Column[int] | Column[str]) -> None:
    shape = CreateColumn(column).compile(dialect=connection.dialect)
    connection.exec_driver_sql(f"ALTER TABLE operations ADD COLUMN {shape}")
