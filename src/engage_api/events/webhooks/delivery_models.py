"""Deliveries: one for each event and endpoint, with every attempt that was made. They are no resources of the log."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from sqlalchemy import BigInteger, Boolean, ForeignKeyConstraint, Index, LargeBinary, SmallInteger, Text, text
from sqlmodel import Field as Column
from sqlmodel import SQLModel

from engage_api.core import event_types
from engage_api.core.model import Input, Model, Moment, Reference
from engage_api.db.base import Instant, Json
from engage_api.db.row import KEY
from engage_api.events.models import require_known

PENDING = "pending"
DeliveryState = Literal["pending", "delivered", "failed", "cancelled"]
_IS_PENDING = text("state = 'pending'")


class AnswerShown(Model):
    """What a receiver answered, as far as it is kept."""

    status: int = Field(examples=[200])
    headers: dict[str, str]
    body: str = Field(description="Its first 2 KB.", examples=["ok"])


class Attempt(Model):
    """One attempt to deliver."""

    number: int = Field(ge=1, examples=[1])
    at: Moment = Field(description="When it was made, by the host's clock: what `webhook-timestamp` says.")
    milliseconds: int = Field(ge=0, description="How long it took in all.", examples=[84])
    request_headers: dict[str, str] = Field(description="What was sent beside the event, without the signature.")
    answer: AnswerShown | None = Field(None, description="Null: there was none.")
    error: str | None = Field(
        None,
        description="Why it came to nothing; null: it was taken.",
        examples=[None],
    )


class WebhookDelivery(Model):
    """An event on its way to an endpoint."""

    id: str = Field(examples=["whd_01kb0m5xnye0rt2e5v3h4q8zj9"])
    endpoint_id: Reference = Field(examples=["whe_01kb0m5xnye0rt2e5v3h4q8zj9"])
    event_id: Reference = Field(
        description="The event's id, which every attempt sends as `webhook-id`.",
        examples=["evt_01kb0m5xnye0rt2e5v3h4q8zj9"],
    )
    type: str = Field(description="The event's type.", examples=["engage.case.delivered.v1"])
    test: bool = Field(description="Whether it was a test, of an event that never happened.", examples=[False])
    state: DeliveryState = Field(
        description="`pending`: to be tried (again); `delivered`; `failed`: not tried any more; `cancelled`: when its "
        "turn came, the event was not kept any more, or your application might not see it.",
        examples=["delivered"],
    )
    attempts: int = Field(ge=0, description="How many there have been.", examples=[1])
    created_at: Moment
    next_attempt_at: Moment | None = Field(
        None,
        description="When it is tried (again), at the earliest; null: while nothing is sent to the endpoint.",
        examples=[None],
    )
    finished_at: Moment | None = Field(None, description="When it came to an end; null: it has not.")


class WebhookDeliveryWithAttempts(WebhookDelivery):
    """The same with its newest 50 attempts, the oldest first."""

    log: list[Attempt]


class WebhookTestCreate(Input):
    """Which event is made up."""

    type: event_types.Type | None = Field(
        None, description="Its type; null: the first that the endpoint takes.", examples=["engage.case.created.v1"]
    )


class WebhookReplay(Input):
    """Which events are to be sent (again): those written down in this span."""

    from_: Moment = Field(alias="from", description="From this time on.", examples=["2026-11-21T00:00:00.000Z"])
    to: Moment = Field(description="Before this time.", examples=["2026-11-22T00:00:00.000Z"])
    types: list[Annotated[event_types.Pattern, AfterValidator(require_known)]] | None = Field(
        None,
        min_length=1,
        max_length=50,
        description="Only these types, of those that the endpoint takes.",
        examples=[["engage.case.*"]],
    )


class WebhookReplayed(Model):
    """What a replay has put on its way."""

    queued: int = Field(ge=0, description="How many deliveries wait now.", examples=[42])


class WebhookDeliveryRow(SQLModel, table=True):
    """A delivery. `sequence` is the event's, `tries` counts the attempts since it was put on its way (again).

    It goes some time after `changed_at`, pending or not. Nothing refers to its endpoint, so that one with a long log
    can be deleted at once and its log bit by bit.
    """

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        Index("webhook_delivery_once", "workspace_id", "endpoint_id", "event_id", unique=True),
        Index("webhook_delivery_list", "workspace_id", "endpoint_id", "id"),
        Index(
            "webhook_delivery_due",
            "workspace_id",
            "endpoint_id",
            "due_at",
            "sequence",
            postgresql_where=_IS_PENDING,
            sqlite_where=_IS_PENDING,
        ),
        Index(
            "webhook_delivery_next",
            "workspace_id",
            "endpoint_id",
            "sequence",
            postgresql_where=_IS_PENDING,
            sqlite_where=_IS_PENDING,
        ),
        Index("webhook_delivery_age", "changed_at"),
    )

    workspace_id: str = Column(primary_key=True, sa_type=KEY)
    id: str = Column(primary_key=True, sa_type=KEY)
    endpoint_id: str = Column(sa_type=KEY)
    event_id: str = Column(sa_type=KEY)
    sequence: int = Column(sa_type=BigInteger)
    type: str = Column(sa_type=KEY)
    test: bool = Column(sa_type=Boolean)
    state: str = Column(sa_type=KEY)
    tries: int = Column(sa_type=SmallInteger)
    attempts: int = Column(sa_type=BigInteger)
    due_at: datetime = Column(sa_type=Instant)
    created_at: datetime = Column(sa_type=Instant)
    changed_at: datetime = Column(sa_type=Instant)


class WebhookAttemptRow(SQLModel, table=True):
    """An attempt; what was sent is the event."""

    __tablename__ = "webhook_attempt"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "delivery_id"],
            ["webhook_delivery.workspace_id", "webhook_delivery.id"],
            ondelete="CASCADE",
        ),
    )

    workspace_id: str = Column(primary_key=True, sa_type=KEY)
    delivery_id: str = Column(primary_key=True, sa_type=KEY)
    number: int = Column(primary_key=True, sa_type=BigInteger)
    at: datetime = Column(sa_type=Instant)
    milliseconds: int = Column(sa_type=BigInteger)
    request_headers: dict[str, Any] = Column(sa_type=Json)
    status: int | None = Column(default=None, sa_type=SmallInteger)
    answer_headers: dict[str, Any] | None = Column(default=None, sa_type=Json)
    answer_body: bytes | None = Column(default=None, sa_type=LargeBinary)
    error: str | None = Column(default=None, sa_type=Text)
