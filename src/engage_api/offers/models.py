"""The offer family: what a caller may say, what is answered, what is kept."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from sqlalchemy import Index
from sqlmodel import Field as Column

from engage_api.core.model import (
    ExternalId,
    Input,
    Metadata,
    MetadataPatch,
    Model,
    Moment,
    Money,
    Name,
    Partly,
    Resource,
    Text,
    Whole,
    needed,
    shown_as,
)
from engage_api.customers.models import Channel
from engage_api.db.base import Instant
from engage_api.db.kind import Equal, Kind, Term, Within
from engage_api.db.row import KEY, TimedRow, moments_of

OfferState = Literal["draft", "active", "retired"]
ALWAYS = datetime(1, 1, 1, tzinfo=UTC)
NEVER = datetime(9999, 12, 31, tzinfo=UTC)


class Component(Input):
    """A part of what is offered."""

    name: Name = Field(examples=["Advice at home"])
    description: Text | None = None
    quantity: Whole = Field(1, ge=1, le=1_000_000)
    price: Money | None = Field(None, description="What this part costs for itself.")


class Price(Input):
    """What the offer costs."""

    money: Money
    period: Annotated[str, StringConstraints(pattern=r"^P([0-9]{1,3}[YMWD])$")] | None = Field(
        None, description="ISO 8601 duration after which it is due again; null: once.", examples=["P1M"]
    )


class OfferBase(Model):
    """What is known of an offer."""

    external_id: ExternalId | None = None
    title: Name = Field(examples=["Home energy check"])
    description: Text | None = None
    components: list[Component] = Field(default_factory=list, max_length=100)
    price: Price | None = Field(None, description="Null: free of charge.")
    channels: list[Channel] = Field(
        default_factory=list, max_length=10, description="Where it is made; empty: anywhere."
    )
    valid_from: Moment | None = Field(None, description="From when it holds; null: always.")
    valid_until: Moment | None = Field(
        None,
        description="Until when it holds, that moment excluded; null: no end. Then an active offer is retired.",
        examples=["2036-11-21T20:00:00.000Z"],
    )
    metadata: Metadata = Field(default_factory=dict)


class OfferCreate(OfferBase, Input):
    """A new offer, or all that is to be known of one."""

    @field_validator("valid_until")
    @classmethod
    def _ends_after_it_begins(cls, until: datetime | None, others: ValidationInfo) -> datetime | None:
        begins = others.data.get("valid_from")
        if begins and until and until <= begins:
            raise PydanticCustomError("validity", "validUntil must be later than validFrom")
        return until


class OfferUpdate(Input):
    """Changes as a JSON Merge Patch: what is absent stays, what is null goes (RFC 7396)."""

    model_config = shown_as(title="Home energy check, with advice", channels=["web", "desk"])

    external_id: ExternalId | None = None
    title: Name | None = needed()
    description: Text | None = None
    components: list[Component] | None = Field(None, max_length=100)
    price: Annotated[dict[str, Any], Partly(Price)] | None = Field(None, max_length=2)
    channels: list[Channel] | None = Field(None, max_length=10)
    valid_from: Moment | None = None
    valid_until: Moment | None = None
    metadata: MetadataPatch | None = None


class Offer(OfferBase, Resource):
    """An offer."""

    id: str = Field(examples=["off_01kb0m5xnye0rt2e5v3h4q8zj9"])
    state: OfferState = Field(description="Changes by a transition only.")


class OfferRow(TimedRow, table=True):
    """An offer's row. From `valid_after` until `valid_before` it holds, which is never while it is not active."""

    __tablename__ = "offer"
    __table_args__ = (
        Index("offer_external", "workspace_id", "external_id", unique=True),
        Index("offer_created", "workspace_id", "created_at", "id"),
        Index("offer_updated", "workspace_id", "updated_at", "id"),
        Index("offer_state", "workspace_id", "state", "created_at", "id"),
        moments_of("offer"),
    )

    external_id: str | None = Column(default=None, sa_type=KEY)
    state: str = Column(sa_type=KEY)
    valid_after: datetime = Column(sa_type=Instant)
    valid_before: datetime = Column(sa_type=Instant)


def _columns(offer: Offer) -> dict[str, Any]:
    active = offer.state == "active"
    return {
        "external_id": offer.external_id,
        "state": offer.state,
        "valid_after": (offer.valid_from or ALWAYS) if active else NEVER,
        "valid_before": (offer.valid_until or NEVER) if active else ALWAYS,
    }


def _moment(offer: Offer) -> datetime | None:
    return offer.valid_until if offer.state == "active" else None


def _words(offer: Offer) -> Iterator[str]:
    yield offer.title
    yield from (component.name for component in offer.components)


def _terms(offer: Offer) -> Iterator[tuple[str, str]]:
    yield from (("channel", channel) for channel in offer.channels or ("any",))


OFFER = Kind(
    "offer",
    "off",
    Offer,
    OfferRow,
    _columns,
    _words,
    _terms,
    filters={
        "state": Equal("state"),
        "channel": Term("channel"),
        "valid_at": Within("valid_after", "valid_before"),
    },
    happens={
        "created": "A draft of an offer was made.",
        "updated": "Fields of the offer changed.",
        "active": "The offer was published.",
        "retired": "The offer was retired.",
        "expired": "The offer's validity ended (`validUntil`), and with that it is retired.",
        "deleted": "The draft was deleted.",
    },
    moment=_moment,
)
