"""What is kept of people. On PostgreSQL only `engage_system` reaches these tables: they belong to no workspace."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text
from sqlmodel import Field, SQLModel

from engage_api.db.base import Instant
from engage_api.db.row import KEY

CONFIRM, RESET = "confirm", "reset"
"""What a token is for."""


class AccountRow(SQLModel, table=True):
    """A person with an e-mail address and a password.

    `email` is as it was typed, `folded` is what two addresses of one person have in common. `confirmed_at` is empty
    until somebody has shown that they read the mails of the address; until then a new sign-up takes the place of this.
    """

    __tablename__ = "account"
    __table_args__ = (Index("account_folded", "folded", unique=True), Index("account_created", "created_at", "id"))

    id: str = Field(primary_key=True, sa_type=KEY)
    email: str = Field(sa_type=String)
    folded: str = Field(sa_type=KEY)
    name: str = Field(sa_type=String)
    password: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)
    confirmed_at: datetime | None = Field(default=None, sa_type=Instant)
    disabled_at: datetime | None = Field(default=None, sa_type=Instant)
    signed_in_at: datetime | None = Field(default=None, sa_type=Instant)


class AccountTokenRow(SQLModel, table=True):
    """What a mailed link is known by: its HMAC, nothing else. Used once: whoever deletes the row has it."""

    __tablename__ = "account_token"
    __table_args__ = (
        Index("account_token_of", "account_id"),
        Index("account_token_expires", "expires_at"),
    )

    fingerprint: bytes = Field(primary_key=True, sa_type=LargeBinary)
    account_id: str = Field(sa_type=KEY, sa_column_args=[ForeignKey("account.id", ondelete="CASCADE")])
    purpose: str = Field(sa_type=KEY)
    expires_at: datetime = Field(sa_type=Instant)


class AccountSessionRow(SQLModel, table=True):
    """A browser in which somebody is signed in, known by the HMAC of its cookie. Times are the host's."""

    __tablename__ = "account_session"
    __table_args__ = (
        Index("account_session_of", "account_id", "created_at"),
        Index("account_session_expires", "expires_at"),
        Index("account_session_fingerprint", "fingerprint", unique=True),
    )

    id: str = Field(primary_key=True, sa_type=KEY)
    fingerprint: bytes = Field(sa_type=LargeBinary)
    account_id: str = Field(sa_type=KEY, sa_column_args=[ForeignKey("account.id", ondelete="CASCADE")])
    created_at: datetime = Field(sa_type=Instant)
    last_seen_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    user_agent: str = Field(sa_type=String)
    address: str = Field(sa_type=String)


@dataclass(frozen=True, slots=True)
class Account:
    """Who is signed in, and in which session."""

    id: str
    email: str
    name: str
    session: str


@dataclass(frozen=True, slots=True)
class Visitor:
    """Where a request comes from, as far as a session remembers it: the program in few words, and the address."""

    user_agent: str
    address: str
