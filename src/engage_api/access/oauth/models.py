"""What people allow: consents, the grants that follow from them, and refresh tokens. Times are the host's.

On PostgreSQL only `engage_system` reaches these tables: they are about people, who are in no workspace.
"""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, Text
from sqlmodel import Field, SQLModel

from engage_api.db.base import Instant
from engage_api.db.row import KEY


class OauthConsentRow(SQLModel, table=True):
    """That somebody has allowed a client some scopes in a workspace, `place`. All grants from it end with it."""

    __tablename__ = "oauth_consent"
    __table_args__ = (
        Index("oauth_consent_of", "account_id", "client_id", "place", unique=True),
        Index("oauth_consent_application", "application_id"),
    )

    id: str = Field(primary_key=True, sa_type=KEY)
    account_id: str = Field(sa_type=KEY, foreign_key="account.id", ondelete="CASCADE")
    application_id: str = Field(foreign_key="application.id", sa_type=KEY)
    client_id: str = Field(sa_type=KEY)
    place: str = Field(sa_type=KEY)
    scopes: str = Field(sa_type=Text)
    given_at: datetime = Field(sa_type=Instant)


class OauthGrantRow(SQLModel, table=True):
    """One sign-in of a person at a client: the family of all tokens that follow from it, which end with it.

    It begins with a code, or at a device, which has none. `code` is the fingerprint of the code, good until
    `code_expires_at` and once: `redeemed_at` says that it was used. `signed_in_at` is when the person had shown who
    they are, `used_at` when a token was last got by it.
    """

    __tablename__ = "oauth_grant"
    __table_args__ = (
        Index("oauth_grant_code", "code", unique=True),
        Index("oauth_grant_consent", "consent_id"),
        Index("oauth_grant_expiry", "expires_at"),
        Index("oauth_grant_unused", "code_expires_at"),
    )

    id: str = Field(primary_key=True, sa_type=KEY)
    consent_id: str = Field(sa_type=KEY, foreign_key="oauth_consent.id", ondelete="CASCADE")
    scopes: str = Field(sa_type=Text)
    code: bytes | None = Field(default=None, sa_type=LargeBinary)
    redirect_uri: str = Field(sa_type=Text)
    challenge: str = Field(sa_type=KEY)
    nonce: str | None = Field(default=None, sa_type=Text)
    signed_in_at: datetime = Field(sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)
    code_expires_at: datetime | None = Field(default=None, sa_type=Instant)
    redeemed_at: datetime | None = Field(default=None, sa_type=Instant)
    used_at: datetime | None = Field(default=None, sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)


class OauthRefreshRow(SQLModel, table=True):
    """A refresh token: an HMAC, and when it was exchanged for the next one. `used_at` is empty for the newest."""

    __tablename__ = "oauth_refresh"
    __table_args__ = (
        Index("oauth_refresh_grant", "grant_id"),
        ForeignKeyConstraint(["grant_id"], ["oauth_grant.id"], ondelete="CASCADE"),
    )

    fingerprint: bytes = Field(primary_key=True, sa_type=LargeBinary)
    grant_id: str = Field(sa_type=KEY)
    expires_at: datetime = Field(sa_type=Instant)
    used_at: datetime | None = Field(default=None, sa_type=Instant)
