"""What is kept of sign-ins elsewhere. On PostgreSQL only `engage_system` reaches these tables, as with accounts."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, Text
from sqlmodel import Field, SQLModel

from engage_api.db.base import Instant
from engage_api.db.row import KEY


class OutsideIdentityRow(SQLModel, table=True):
    """Who somebody is elsewhere, by what that never changes (OpenID Connect Core section 5.7). One at each provider."""

    __tablename__ = "outside_identity"
    __table_args__ = (Index("outside_identity_of", "account_id", "issuer", unique=True),)

    issuer: str = Field(primary_key=True, sa_type=KEY)
    subject: str = Field(primary_key=True, sa_type=KEY)
    account_id: str = Field(sa_type=KEY, sa_column_args=[ForeignKey("account.id", ondelete="CASCADE")])
    linked_at: datetime = Field(sa_type=Instant)


class OutsideAttemptRow(SQLModel, table=True):
    """Somebody who has gone to the provider and may come back, once: the HMACs of the state they carry and of the
    cookie of their browser. `account_id` is who wants to connect; empty for who wants to sign in.
    """

    __tablename__ = "outside_attempt"
    __table_args__ = (
        Index("outside_attempt_expires", "expires_at"),
        Index("outside_attempt_of", "account_id"),
    )

    fingerprint: bytes = Field(primary_key=True, sa_type=LargeBinary)
    browser: bytes = Field(sa_type=LargeBinary)
    account_id: str | None = Field(
        default=None, sa_type=KEY, sa_column_args=[ForeignKey("account.id", ondelete="CASCADE")]
    )
    wanted: str = Field(sa_type=Text)
    expires_at: datetime = Field(sa_type=Instant)
