"""The tables of an engagement's database, as they are today."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, Table, Text, text

__all__ = ["books", "decisions", "metadata", "operations", "phases", "proposals", "sendings", "versions", "writers"]

metadata = MetaData()

versions = Table("schema_version", metadata, Column("version", Integer, primary_key=True), Column("at", Text, nullable=False))

proposals = Table(
    "proposals",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("engagement", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("value", Text, nullable=False),  # JSON, null where the machine has no answer
    Column("confidence", Float, nullable=False),
    Column("reasons", Text, nullable=False),  # JSON
    Column("alternatives", Text, nullable=False),  # JSON
    Column("shown", Text, nullable=False),  # JSON
    Column("at", Text, nullable=False),
    Column("retired", Text),  # when a newer set took its place
    Index("proposals_live", "engagement", "kind", "retired"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("engagement", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("value", Text),  # JSON; NULL takes an earlier decision back
    Column("previous", Text),  # JSON; what it took the place of
    Column("by", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("shown", Text, nullable=False),  # JSON; what the person saw
    Index("decisions_subject", "engagement", "kind", "subject"),
)

sendings = Table(
    "sendings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("engagement", Text, nullable=False),
    Column("workbook", Text, nullable=False),
    Column("row", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("answer", Text, nullable=False),  # as it stood in the cell
    Column("decided", Text),  # JSON; the decision of that moment, NULL where there was none
    Column("options", Text, nullable=False),  # JSON; answer text → value
    Column("at", Text, nullable=False),
    Index("sendings_workbook", "engagement", "workbook"),
)

phases = Table(
    "phases",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("engagement", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reasons", Text, nullable=False),  # JSON
    Column("summary", Text, nullable=False),  # JSON
    Column("at", Text, nullable=False),
    Index("phases_phase", "engagement", "phase"),
)

operations = Table(
    "operations",
    metadata,
    Column("op", Integer, primary_key=True),
    Column("engagement", Text, nullable=False),
    Column("batch", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("verb", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("id", Text, nullable=False, default=""),  # the destination's
    Column("attempt", Integer, nullable=False),
    Column("payload_sha", Text, nullable=False),
    Column("payload", Text, nullable=False),  # JSON; what was asked for
    Column("pre", Text),  # JSON; the record before an update or a delete
    Column("post", Text),  # JSON; the record as it was seen afterwards, where it was looked at
    Column("words", Text, nullable=False, default=""),
    Column("at", Text, nullable=False),  # of the latest state, UTC
    Column("job", Text, nullable=False, server_default=""),  # the destination's, where it works on the batch later
    Column("epoch", Integer, nullable=False, server_default="0"),  # the writer's, when the intent was written
    Column("seal", BigInteger, nullable=False, server_default="0"),  # over all that stands before it
    Index("operations_key", "engagement", "object", "key"),
    Index("operations_id", "engagement", "object", "id"),
    Index(
        "operations_open",  # small, since nearly all are settled
        "engagement",
        "state",
        "object",
        sqlite_where=text("state IN ('intent', 'unknown')"),
        postgresql_where=text("state IN ('intent', 'unknown')"),
    ),
)

writers = Table(
    "writers",
    metadata,
    Column("engagement", Text, primary_key=True),
    Column("epoch", Integer, nullable=False),  # one more with every claim
    Column("token", Text, nullable=False),  # of the claim; empty while nobody holds it
    Column("holder", Text, nullable=False),  # who, in words
    Column("place", Text, nullable=False),  # which process on which machine, to see whether it is gone
    Column("since", Text, nullable=False),  # UTC, for people; nothing is reckoned with it
    Column("heartbeat", BigInteger, nullable=False),  # counts on while the holder is alive and has nothing to commit
    Column("commits", BigInteger, nullable=False),  # transactions so far
    Column("rows", BigInteger, nullable=False),  # operations so far
    Column("total", BigInteger, nullable=False),  # of their seals, modulo 2^64
    Column("seal", BigInteger, nullable=False),  # over epoch, token, commits, rows and total
)

books = Table(
    "books",
    metadata,
    Column("engagement", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("text", Text, nullable=False),
    Column("at", Text, nullable=False),
)
