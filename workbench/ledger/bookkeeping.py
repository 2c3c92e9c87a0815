"""What a client has used of the account's limits, kept in the engagement's database for the next run."""

from __future__ import annotations

from sqlalchemy import Engine, insert, select, update

from workbench.clock import now
from workbench.store import books, writing

__all__ = ["StoreBook"]


class StoreBook:
    """A text by name, the last one counts; a `Book` of the destination's protocol."""

    def __init__(self, store: Engine, *, engagement_id: str, name: str) -> None:
        self._store = store
        self._engagement = engagement_id
        self._name = name
        self._mine = (books.c.engagement == engagement_id) & (books.c.name == name)

    def read(self) -> str:
        """The text kept last; empty at first."""
        with self._store.connect() as connection:
            return connection.scalar(select(books.c.text).where(self._mine)) or ""

    def keep(self, text: str) -> None:
        """Keep this text in place of the last one; it is on disk when this returns."""
        with writing(self._store) as connection:
            if not connection.execute(update(books).where(self._mine).values(text=text, at=now())).rowcount:
                row = {"engagement": self._engagement, "name": self._name, "text": text, "at": now()}
                connection.execute(insert(books).values(row))
