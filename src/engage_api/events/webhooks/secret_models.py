"""The family of the secrets of webhook endpoints."""

from datetime import datetime
from typing import Any

from pydantic import Field
from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary
from sqlmodel import Field as Column
from sqlmodel import SQLModel

from engage_api.access.models import KeyRotation, Overlap
from engage_api.core.model import Moment, Reference, Resource
from engage_api.db.base import Instant
from engage_api.db.kind import Equal, Kind
from engage_api.db.row import KEY, Row
from engage_api.events.webhooks.models import Signing


class WebhookSecretCreate(KeyRotation):
    """A new secret in the place of the present one, which goes on signing beside it for a while."""

    overlap: Overlap = Field(
        "PT24H",
        description="How long the present secret goes on signing: hours and minutes, or days (ISO 8601), at most 30 "
        "days. `PT0H`: it ends at once.",
        examples=["PT24H"],
    )


class WebhookSecret(Resource):
    """What deliveries of an endpoint are signed with, without the secret itself."""

    id: str = Field(examples=["whs_01kb0m5xnye0rt2e5v3h4q8zj9"])
    endpoint_id: Reference
    signing: Signing
    hint: str = Field(description="Its beginning and its last four characters.", examples=["whsec_…x7Q="])
    public_key: str | None = Field(None, description="With `ed25519`: what receivers verify with.", examples=[None])
    expires_at: Moment | None = Field(
        None, description="When it stops signing; null: it is the present one.", examples=[None]
    )


class WebhookSecretWithSecret(WebhookSecret):
    """A new secret, with the secret itself. It is shown this once."""

    secret: str = Field(
        description="`whsec_…`; or with `ed25519` the public key, `whpk_…`.", examples=["whsec_" + "0" * 43 + "="]
    )


class WebhookSecretRow(Row, table=True):
    """A secret's row; the secret itself is in `webhook_secret_seal`."""

    __tablename__ = "webhook_secret"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "endpoint_id"],
            ["webhook_endpoint.workspace_id", "webhook_endpoint.id"],
            name="webhook_secret_endpoint",
        ),
        Index("webhook_secret_created", "workspace_id", "created_at", "id"),
        Index("webhook_secret_updated", "workspace_id", "updated_at", "id"),
        Index("webhook_secret_of_endpoint", "workspace_id", "endpoint_id", "created_at", "id"),
    )

    endpoint_id: str = Column(sa_type=KEY)
    expires_at: datetime | None = Column(default=None, sa_type=Instant)


class WebhookSecretSealRow(SQLModel, table=True):
    """A secret, encrypted with a key of the service: whoever signs must be able to read it."""

    __tablename__ = "webhook_secret_seal"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "secret_id"], ["webhook_secret.workspace_id", "webhook_secret.id"], ondelete="CASCADE"
        ),
    )

    workspace_id: str = Column(primary_key=True, sa_type=KEY)
    secret_id: str = Column(primary_key=True, sa_type=KEY)
    sealed: bytes = Column(sa_type=LargeBinary)


def _secret_columns(secret: WebhookSecret) -> dict[str, Any]:
    return {name: getattr(secret, name) for name in ("endpoint_id", "expires_at")}


WEBHOOK_SECRET = Kind(
    "webhook-secret",
    "whs",
    WebhookSecret,
    WebhookSecretRow,
    _secret_columns,
    filters={"endpoint_id": Equal("endpoint_id")},
    happens={
        "created": "A secret of a webhook endpoint was made.",
        "updated": "The secret was replaced: it is valid until `expiresAt`.",
        "deleted": "The secret is not valid any more.",
    },
)
