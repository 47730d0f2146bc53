"""The family of API keys."""

from datetime import datetime
from ipaddress import IPv4Network, ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints
from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary
from sqlmodel import Field as Column
from sqlmodel import SQLModel

from engage_api.core.model import Input, Model, Moment, Name, Reference, Resource
from engage_api.core.scopes import Scope
from engage_api.db.base import Instant
from engage_api.db.kind import Kind
from engage_api.db.row import KEY, TimedRow, moments_of

MAPPED = 96  # bits before an IPv4 address that is written as an IPv6 one


def _network(text: str) -> str:
    """An address of IPv4 is one, however it is written: that is how callers are known."""
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise ValueError("not an address or a range such as 192.0.2.0/24") from None
    if isinstance(network, IPv4Network):
        return str(network)
    if network.network_address.scope_id:
        raise ValueError("an address with a zone means something on one machine only")
    inner = network.network_address.ipv4_mapped
    return str(network if inner is None else IPv4Network((inner, network.prefixlen - MAPPED)))


Network = Annotated[
    str, StringConstraints(max_length=50), AfterValidator(_network), Field(examples=["192.0.2.0/24", "2001:db8::/32"])
]
Scopes = Annotated[list[Annotated[Scope, Field(strict=False)]], Field(min_length=1, max_length=100)]


class ApiKeyBase(Model):
    """What says where a key is for."""

    name: Name = Field(description="What the key is for, in your words.", examples=["Nightly synchronisation"])
    scopes: Scopes = Field(description="What it may do.", examples=[["customers:read", "cases:read"]])
    expires_at: Moment | None = Field(
        None, description="When it stops working; null: never.", examples=["2036-11-21T20:00:00.000Z"]
    )
    networks: list[Network] = Field(
        default_factory=list, max_length=50, description="Addresses it may be used from; empty: any."
    )


class ApiKeyCreate(ApiKeyBase, Input):
    """A new key. It gets no scope, no address and no time that the key that makes it does not have."""


class ApiKey(ApiKeyBase, Resource):
    """An API key, without the key itself."""

    id: str = Field(examples=["key_01kb0m5xnye0rt2e5v3h4q8zj9"])
    application_id: Reference
    plan: str = Field(description="The plan that limits it.", examples=["developer"])
    hint: str = Field(description="Its beginning and its last four characters.", examples=["eng_test_key_…x7Qz"])
    last_used_at: Moment | None = Field(None, description="When it was last used, to the minute; null: never.")
    replaced_by: Reference | None = Field(None, description="The key that a rotation put in its place.")
    expired_at: Moment | None = Field(None, description="When it stopped working because of `expiresAt`.")


class ApiKeyWithSecret(ApiKey):
    """A new key, with the key itself. It is shown this once."""

    key: str = Field(examples=["eng_test_key_" + "0" * 36])


Overlap = Annotated[str, StringConstraints(pattern=r"^(PT[0-9]{1,4}H([0-9]{1,4}M)?|PT[0-9]{1,4}M|P[0-9]{1,2}D)$")]


class KeyRotation(Input):
    """A new key in the place of an old one, which goes on working for a while."""

    overlap: Overlap = Field(
        "PT24H", description="How long the old key goes on working (ISO 8601, at most 30 days).", examples=["PT24H"]
    )


class LeakedKey(Input):
    """A key that somebody found where it should not be."""

    key: Annotated[str, StringConstraints(min_length=1, max_length=5_000)] = Field(
        examples=["eng_test_key_" + "0" * 36]
    )


class ApiKeyRow(TimedRow, table=True):
    """A key's row; what proves the key is in `credential`."""

    __tablename__ = "api_key"
    __table_args__ = (
        Index("api_key_created", "workspace_id", "created_at", "id"),
        Index("api_key_updated", "workspace_id", "updated_at", "id"),
        moments_of("api_key"),
    )

    application_id: str = Column(foreign_key="application.id", sa_type=KEY)
    plan: str = Column(foreign_key="plan.name", sa_type=KEY)
    expires_at: datetime | None = Column(default=None, sa_type=Instant)


class CredentialRow(SQLModel, table=True):
    """The fingerprint of a key: an HMAC, and all that is kept of it. It goes when its key goes."""

    __tablename__ = "credential"
    __table_args__ = (
        ForeignKeyConstraint(["workspace_id", "key_id"], ["api_key.workspace_id", "api_key.id"], ondelete="CASCADE"),
        Index("credential_fingerprint", "fingerprint", unique=True),
    )

    workspace_id: str = Column(primary_key=True, sa_type=KEY)
    key_id: str = Column(primary_key=True, sa_type=KEY)
    fingerprint: bytes = Column(sa_type=LargeBinary)


def _columns(key: ApiKey) -> dict[str, Any]:
    return {"application_id": key.application_id, "plan": key.plan, "expires_at": key.expires_at}


def _moment(key: ApiKey) -> datetime | None:
    return None if key.expired_at else key.expires_at


API_KEY = Kind(
    "api-key",
    "key",
    ApiKey,
    ApiKeyRow,
    _columns,
    schema=3,
    happens={
        "created": "An API key was made.",
        "updated": "The key was rotated: it ends at `expiresAt`.",
        "deleted": "The key was revoked.",
        "leaked": "Somebody reported the key itself, and it ended.",
        "expired": "The key stopped working: its `expiresAt` passed.",
    },
    moment=_moment,
)
