"""The tables of the job engine."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, SmallInteger, Text
from sqlmodel import Field, SQLModel

from engage_api.db.base import Instant, Json
from engage_api.db.row import KEY

QUEUED, DEAD = "queued", "dead"
IS_QUEUED = f"state = '{QUEUED}'"


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
            *("workspace_id", "kind", "unique_key"),
            unique=True,
            postgresql_where=f"{IS_QUEUED} AND unique_key IS NOT NULL",
            sqlite_where=f"{IS_QUEUED} AND unique_key IS NOT NULL",
        ),
        Index(
            "job_unique_service",
            *("kind", "unique_key"),
            unique=True,
            postgresql_where=f"{IS_QUEUED} AND unique_key IS NOT NULL AND workspace_id IS NULL",
            sqlite_where=f"{IS_QUEUED} AND unique_key IS NOT NULL AND workspace_id IS NULL",
        ),
    )

    id: str = Field(primary_key=True, sa_type=KEY)  # type: ignore[call-overload]  # a type instance is fine
    workspace_id: str | None = Field(default=None, sa_type=KEY)  # type: ignore[call-overload]
    kind: str = Field(sa_type=KEY)  # type: ignore[call-overload]
    payload: dict[str, Any] = Field(sa_type=Json)
    unique_key: str | None = Field(default=None, sa_type=KEY)  # type: ignore[call-overload]
    state: str = Field(sa_type=KEY)  # type: ignore[call-overload]
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

    kind: str = Field(primary_key=True, sa_type=KEY)  # type: ignore[call-overload]
    period: int = Field(sa_type=BigInteger)
