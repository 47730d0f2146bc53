"""The tables of the job engine."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, SmallInteger, Text, text
from sqlmodel import Field, SQLModel

from engage_api.db.base import Instant, Json
from engage_api.db.row import KEY

QUEUED, DEAD = "queued", "dead"
IS_QUEUED = text("state = 'queued'")
HAS_KEY = text("state = 'queued' AND unique_key IS NOT NULL")
IS_SERVICE_WITH_KEY = text("state = 'queued' AND unique_key IS NOT NULL AND workspace_id IS NULL")


class JobRow(SQLModel, table=True):
    """Work that has been promised and is not done yet.

    A job is `queued` until it is done, also while somebody works on it: `lease_until` says how long it is theirs, and
    `token` rises whenever it changes hands, so that a write of somebody who lost it changes nothing. After too many
    failures it is `dead`, until an operator replays it. A job that is done is deleted in the transaction of its last
    write: what it did stands in the log, its payload has no purpose any more, and the table stays as small as the work
    ahead.

    `workspace_id` is empty for jobs of the service itself. Times are the host's.
    """

    __tablename__ = "job"
    __table_args__ = (
        Index("job_due", "run_at", "id", postgresql_where=IS_QUEUED, sqlite_where=IS_QUEUED),
        # Two, because an empty workspace is never equal to another empty one.
        Index(
            "job_unique",
            "workspace_id",
            "kind",
            "unique_key",
            unique=True,
            postgresql_where=HAS_KEY,
            sqlite_where=HAS_KEY,
        ),
        Index(
            "job_unique_service",
            "kind",
            "unique_key",
            unique=True,
            postgresql_where=IS_SERVICE_WITH_KEY,
            sqlite_where=IS_SERVICE_WITH_KEY,
        ),
    )

    id: str = Field(primary_key=True, sa_type=KEY)
    workspace_id: str | None = Field(default=None, sa_type=KEY)
    kind: str = Field(sa_type=KEY)
    payload: dict[str, Any] = Field(sa_type=Json)
    unique_key: str | None = Field(default=None, sa_type=KEY)
    state: str = Field(sa_type=KEY)
    run_at: datetime = Field(sa_type=Instant)
    attempts: int = Field(sa_type=SmallInteger)
    lease_until: datetime | None = Field(default=None, sa_type=Instant)
    token: int = Field(sa_type=BigInteger)
    last_error: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)
    finished_at: datetime | None = Field(default=None, sa_type=Instant)


class JobScheduleRow(SQLModel, table=True):
    """The last period for which a recurring job was enqueued, whichever process did it."""

    __tablename__ = "job_schedule"

    kind: str = Field(primary_key=True, sa_type=KEY)
    period: int = Field(sa_type=BigInteger)
