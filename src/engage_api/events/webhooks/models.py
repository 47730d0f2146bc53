"""The family of webhook endpoints, and what stands beside them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints
from sqlalchemy import BigInteger, ForeignKeyConstraint, Index
from sqlmodel import Field as Column
from sqlmodel import SQLModel

from engage_api.core import event_types
from engage_api.core.model import (
    ExternalId,
    Input,
    Metadata,
    MetadataPatch,
    Model,
    Reference,
    Resource,
    Text,
    needed,
    shown_as,
)
from engage_api.db.base import Instant
from engage_api.db.kind import Equal, Kind
from engage_api.db.row import KEY, Row
from engage_api.events.models import Subject, require_known
from engage_api.http.urls import LONGEST

State = Literal["enabled", "paused", "failing", "disabled"]
Reason = Literal["gone", "failing", "unsigned"]
Signing = Literal["hmac", "ed25519"]

WHERE = "Where events are posted to: https, on a public host with a name. No redirect is followed."
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_LAST = "[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PORT = "443|102[4-9]|10[3-9][0-9]|1[1-9][0-9]{2}|[2-9][0-9]{3}|[1-5][0-9]{4}|6[0-4][0-9]{3}"
URL = rf"^https://(?:{_LABEL}\.)+{_LAST}(?::(?:{_PORT}))?(?:[/?][A-Za-z0-9._~:/?@!$&'()*+,;=%-]*)?$"
"""What a URL must look like, unless this machine may be posted to, too (`Sender.require`)."""

_Url = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST)]
Url = Annotated[_Url, Field(json_schema_extra={"pattern": URL})]
_Types = Annotated[list[event_types.Pattern], Field(min_length=1, max_length=50)]
Types = Annotated[_Types, AfterValidator(lambda found: [require_known(one) for one in found])]


class WebhookEndpointBase(Model):
    """What is known of an endpoint."""

    external_id: ExternalId | None = None
    url: _Url = Field(description=WHERE, examples=["https://hooks.example.org/engage"])
    types: _Types = Field(
        default_factory=lambda: ["*"],
        description="Which events: types, beginnings of types that end in `.*`, or `*` for all that you may see.",
        examples=[["engage.case.*", "engage.offer.active.v1"]],
    )
    subject: Subject | None = Field(
        None, description="Only what happens to the resource with this id; null: whichever.", examples=[None]
    )
    description: Text | None = Field(None, description="What it is for, in your words.", examples=["Planning board"])
    ordered: bool = Field(
        False, description="Send one at a time, in the order of the log, and wait while one is not taken."
    )
    signing: Signing = Field(
        "hmac",
        description="How deliveries are signed: with a shared secret, or so that only we can. It cannot be changed.",
    )
    api_version: Literal["v1"] = Field("v1", description="The version of the API whose events are sent.")
    metadata: Metadata = Field(default_factory=dict)


class WebhookEndpointCreate(WebhookEndpointBase, Input):
    """A new endpoint. It gets what happens from now on."""

    url: Url = Field(description=WHERE, examples=["https://hooks.example.org/engage"])
    types: Types = Field(
        default_factory=lambda: ["*"],
        description="Which events: types, beginnings of types that end in `.*`, or `*` for all that you may see. One "
        "that names no event there can be is refused.",
        examples=[["engage.case.*", "engage.offer.active.v1"]],
    )


class WebhookEndpointUpdate(Input):
    """Changes as a JSON Merge Patch (RFC 7396)."""

    model_config = shown_as(types=["engage.case.*"])

    external_id: ExternalId | None = None
    url: Url | None = needed()
    types: Types | None = needed()
    subject: Subject | None = None
    description: Text | None = None
    ordered: bool | None = needed()
    metadata: MetadataPatch | None = None


class WebhookEndpoint(WebhookEndpointBase, Resource):
    """A place that events are posted to."""

    id: str = Field(examples=["whe_01kb0m5xnye0rt2e5v3h4q8zj9"])
    application_id: Reference = Field(description="Whose it is: it gets what this application may see.")
    state: State = Field(description="Changes by a transition, or because the receiver does not answer.")
    state_reason: Reason | None = Field(
        None,
        description="Why it is disabled: the receiver said 410 (`gone`), has taken nothing for five days (`failing`), "
        "or there is no secret left to sign with (`unsigned`).",
        examples=[None],
    )


class WebhookEndpointWithSecret(WebhookEndpoint):
    """A new endpoint, with what its receiver verifies with. It is shown this once."""

    secret: str = Field(
        description="`whsec_…`; or with `ed25519` the public key, `whpk_…`.", examples=["whsec_" + "0" * 43 + "="]
    )


class WebhookEndpointRow(Row, table=True):
    """An endpoint's row. Where it stands with its receiver is in `webhook_health`."""

    __tablename__ = "webhook_endpoint"
    __table_args__ = (
        Index("webhook_endpoint_external", "workspace_id", "application_id", "external_id", unique=True),
        Index("webhook_endpoint_created", "workspace_id", "created_at", "id"),
        Index("webhook_endpoint_updated", "workspace_id", "updated_at", "id"),
        Index("webhook_endpoint_state", "workspace_id", "state", "created_at", "id"),
    )

    external_id: str | None = Column(default=None, sa_type=KEY)
    application_id: str = Column(foreign_key="application.id", sa_type=KEY)
    state: str = Column(sa_type=KEY)


class WebhookHealthRow(SQLModel, table=True):
    """How it stands between us and a receiver, in the workspace's time. Whoever writes about deliveries locks it first.

    Events after `starts_after` are sent. `failures` counts those in a row, `failing_since` is when they began,
    `warned_at` when the owners were told that it will be disabled; until `open_until` nothing is sent.
    """

    __tablename__ = "webhook_health"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "endpoint_id"],
            ["webhook_endpoint.workspace_id", "webhook_endpoint.id"],
            name="webhook_health_endpoint",
            ondelete="CASCADE",
        ),
    )

    workspace_id: str = Column(primary_key=True, sa_type=KEY)
    endpoint_id: str = Column(primary_key=True, sa_type=KEY)
    starts_after: int = Column(sa_type=BigInteger)
    failures: int = Column(sa_type=BigInteger)
    failing_since: datetime | None = Column(default=None, sa_type=Instant)
    warned_at: datetime | None = Column(default=None, sa_type=Instant)
    open_until: datetime | None = Column(default=None, sa_type=Instant)


class WebhookCursorRow(SQLModel, table=True):
    """Up to which event of a workspace's log deliveries have been made. It goes when the last endpoint has gone."""

    __tablename__ = "webhook_cursor"

    workspace_id: str = Column(primary_key=True, sa_type=KEY)
    sequence: int = Column(sa_type=BigInteger)


def _columns(endpoint: WebhookEndpoint) -> dict[str, Any]:
    return {name: getattr(endpoint, name) for name in ("external_id", "application_id", "state")}


def _words(endpoint: WebhookEndpoint) -> Iterator[str]:
    if endpoint.description:
        yield endpoint.description


WEBHOOK_ENDPOINT = Kind(
    "webhook-endpoint",
    "whe",
    WebhookEndpoint,
    WebhookEndpointRow,
    _columns,
    _words,
    filters={"state": Equal("state"), "application_id": Equal("application_id")},
    happens={
        "created": "A webhook endpoint was made.",
        "updated": "Fields of the webhook endpoint changed.",
        "enabled": "Events are sent to the webhook endpoint.",
        "paused": "The webhook endpoint was paused: events wait.",
        "failing": "The webhook endpoint does not take what is sent to it.",
        "disabled": "Nothing is sent to the webhook endpoint any more.",
        "deleted": "The webhook endpoint was deleted.",
    },
)
