"""What every resource table has, and the tables that serve all of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Identity, Index, LargeBinary, SmallInteger, String, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlmodel import Field, SQLModel

from engage_api.db.base import Instant

KEY = String().with_variant(String(collation="C"), "postgresql")
"""Text that is compared byte by byte on both databases."""


class Row(SQLModel):
    """Columns for what is filtered, sorted, joined and constrained, and `document`: the JSON bytes that the API
    answers.

    `made_by` is the application that made the row, `rendered` the schema version of the document.
    """

    workspace_id: str = Field(primary_key=True, sa_type=KEY)
    id: str = Field(primary_key=True, sa_type=KEY)
    version: int = Field(sa_type=BigInteger)
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)
    made_by: str = Field(sa_type=KEY)
    rendered: int = Field(sa_type=SmallInteger)
    document: bytes = Field(sa_type=LargeBinary)


class TimedRow(Row):
    """A row that time changes: `moment_at` is when it does so next, in the workspace's time. Null: never."""

    moment_at: datetime | None = Field(default=None, sa_type=Instant)


def moments_of(table: str) -> Index:
    """The index by which the next moment of a workspace is found."""
    some = "moment_at IS NOT NULL"
    return Index(f"{table}_moment", "workspace_id", "moment_at", "id", postgresql_where=some, sqlite_where=some)


class EventRow(SQLModel, table=True):
    """One line of a workspace's log (CloudEvents 1.0). `data` is the document as it was written with the event.

    `sequence` counts without gaps within the workspace. On PostgreSQL it is empty until the sequencer has numbered the
    committed row, in the order of `n`; SQLite has one writer and numbers at once.
    """

    __tablename__ = "event"
    __table_args__ = (
        UniqueConstraint("workspace_id", "sequence", name="event_sequence"),
        Index("event_type", "workspace_id", "type", "sequence"),
        Index("event_subject", "workspace_id", "subject", "sequence"),
        Index("event_made_by", "workspace_id", "made_by", "sequence"),
        Index("event_unnumbered", "n", postgresql_where="sequence IS NULL", sqlite_where="sequence IS NULL"),
    )

    workspace_id: str = Field(primary_key=True, sa_type=KEY)
    id: str = Field(primary_key=True, sa_type=KEY)
    n: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), nullable=True))
    sequence: int | None = Field(default=None, sa_type=BigInteger)
    type: str = Field(sa_type=KEY)
    subject: str = Field(sa_type=KEY)
    time: datetime = Field(sa_type=Instant)
    recorded_time: datetime = Field(sa_type=Instant)
    actor: str = Field(sa_type=Text)
    made_by: str = Field(sa_type=KEY)
    data: bytes = Field(sa_type=LargeBinary)


class CounterRow(SQLModel, table=True):
    """The last sequence number that a workspace's log has given out."""

    __tablename__ = "counter"

    workspace_id: str = Field(primary_key=True, sa_type=KEY)
    last: int = Field(sa_type=BigInteger)


class TermRow(SQLModel, table=True):
    """An exact value by which a resource is found: `customer.segment=vip`. Sorted as the lists are by default."""

    __tablename__ = "term"
    __table_args__ = ({"sqlite_with_rowid": False},)  # all of it is key: kept once, not as a table and its index

    workspace_id: str = Field(primary_key=True, sa_type=KEY)
    term: str = Field(primary_key=True, sa_type=KEY)
    created_at: datetime = Field(primary_key=True, sa_type=Instant)
    resource_id: str = Field(primary_key=True, sa_type=KEY)


class SearchRow(SQLModel, table=True):
    """The words of a resource. A full-text index on both: `tsvector` on PostgreSQL, FTS5 on SQLite (see `db/search`).

    `number` is a hash of workspace and resource: FTS5 finds rows by a number alone.
    """

    __tablename__ = "search"
    __table_args__ = (Index("search_words", "words", postgresql_using="gin"),)

    workspace_id: str = Field(primary_key=True, sa_type=KEY)
    number: int = Field(primary_key=True, sa_type=BigInteger)
    resource_id: str = Field(sa_type=KEY)
    words: Any = Field(sa_type=TSVECTOR)
