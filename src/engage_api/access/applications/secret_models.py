"""The client secret family."""

from datetime import datetime
from typing import Any

from pydantic import Field
from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field as Column
from sqlmodel import SQLModel

from engage_api.access.applications.models import Environment
from engage_api.core.model import Input, Model, Moment, Reference, Resource
from engage_api.db.base import Instant
from engage_api.db.kind import Equal, Kind
from engage_api.db.row import KEY, TimedRow, moments_of


class ClientSecretBase(Model):
    """What says where a client secret is for."""

    environment: Environment = Field(description="Which of the two client ids it belongs to.")
    expires_at: Moment | None = Field(
        None, description="When it stops working; null: never.", examples=["2036-11-21T20:00:00.000Z"]
    )


class ClientSecretCreate(ClientSecretBase, Input):
    """A new client secret. The others go on working."""


class ClientSecret(ClientSecretBase, Resource):
    """A client secret, without the secret itself."""

    id: str = Field(examples=["sec_01kb0m5xnye0rt2e5v3h4q8zj9"])
    application_id: Reference
    organization_id: Reference
    hint: str = Field(description="Its beginning and its last four characters.", examples=["eng_test_secret_…x7Qz"])
    expired_at: Moment | None = Field(None, description="When it stopped working because of `expiresAt`.")


class ClientSecretWithSecret(ClientSecret):
    """A new client secret, with the secret itself. It is shown this once."""

    secret: str = Field(examples=["eng_test_secret_" + "0" * 36])


class ClientSecretRow(TimedRow, table=True):
    """A client secret's row; what proves the secret is in `client_secret_mark`.

    Tokens, in whatever workspace, name it by its id alone.
    """

    __tablename__ = "client_secret"
    __table_args__ = (
        UniqueConstraint("id", name="client_secret_id_alone"),
        ForeignKeyConstraint(
            ["workspace_id", "application_id"],
            ["application.workspace_id", "application.id"],
            name="client_secret_application",
        ),
        Index("client_secret_created", "workspace_id", "created_at", "id"),
        Index("client_secret_updated", "workspace_id", "updated_at", "id"),
        Index("client_secret_of_application", "workspace_id", "application_id", "created_at", "id"),
        moments_of("client_secret"),
        {"info": {"organization": "organization_id"}},
    )

    application_id: str = Column(sa_type=KEY)
    organization_id: str = Column(sa_type=KEY)
    environment: str = Column(sa_type=KEY)
    expires_at: datetime | None = Column(default=None, sa_type=Instant)


class ClientSecretMarkRow(SQLModel, table=True):
    """The fingerprint of a client secret: an HMAC, and all that is kept of it. It goes when its secret goes."""

    __tablename__ = "client_secret_mark"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "secret_id"], ["client_secret.workspace_id", "client_secret.id"], ondelete="CASCADE"
        ),
        Index("client_secret_fingerprint", "fingerprint", unique=True),
    )

    workspace_id: str = Column(primary_key=True, sa_type=KEY)
    secret_id: str = Column(primary_key=True, sa_type=KEY)
    fingerprint: bytes = Column(sa_type=LargeBinary)


def _secret_columns(secret: ClientSecret) -> dict[str, Any]:
    names = ("application_id", "organization_id", "environment", "expires_at")
    return {name: getattr(secret, name) for name in names}


def _moment(secret: ClientSecret) -> datetime | None:
    return None if secret.expired_at else secret.expires_at


CLIENT_SECRET = Kind(
    "client-secret",
    "sec",
    ClientSecret,
    ClientSecretRow,
    _secret_columns,
    filters={"application_id": Equal("application_id"), "environment": Equal("environment")},
    schema=2,
    happens={
        "created": "A client secret was made.",
        "deleted": "The client secret was deleted.",
        "expired": "The client secret stopped working: its `expiresAt` passed.",
    },
    moment=_moment,
)
