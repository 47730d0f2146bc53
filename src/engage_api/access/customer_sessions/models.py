"""The session of a customer: what may be asked, what is answered, what is kept."""

from datetime import datetime
from typing import Annotated

from pydantic import Field
from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary
from sqlmodel import Field as Column
from sqlmodel import SQLModel

from engage_api.access.worded import Worded
from engage_api.core.model import Input, Model, Moment, Reference
from engage_api.db.base import Instant
from engage_api.db.row import KEY


class CustomerSessionCreate(Input):
    """A new session."""

    lifetime: Annotated[str, Worded(r"^PT([0-9]{1,2}M|1H)$", "One minute to one hour, such as PT15M")] = Field(
        "PT15M", description="How long it works (ISO 8601): one minute to one hour.", examples=["PT15M"]
    )


class CustomerSession(Model):
    """A session of a customer, with its token. The token is shown this once."""

    id: str = Field(examples=["cse_01kb0m5xnye0rt2e5v3h4q8zj9"])
    customer_id: Reference = Field(examples=["cus_01kb0m5xnye0rt2e5v3h4q8zj9"])
    created_at: Moment = Field(description="When it began.")
    expires_at: Moment = Field(description="When it ends by itself.", examples=["2026-11-21T20:15:00.000Z"])
    token: str = Field(description="For the front end.", examples=["eng_test_customer_" + "0" * 36])


class CustomerSessionRow(SQLModel, table=True):
    """A customer's token: an HMAC is all that is kept of it. It goes with its customer, and with the key that it was
    got with.
    """

    __tablename__ = "customer_session"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "customer_id"],
            ["customer.workspace_id", "customer.id"],
            name="customer_session_customer",
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["workspace_id", "key_id"],
            ["api_key.workspace_id", "api_key.id"],
            name="customer_session_key",
            ondelete="CASCADE",
        ),
        Index("customer_session_fingerprint", "fingerprint", unique=True),
        Index("customer_session_of", "workspace_id", "customer_id"),
        Index("customer_session_key_id", "workspace_id", "key_id"),
        Index("customer_session_expiry", "workspace_id", "expires_at"),
    )

    workspace_id: str = Column(primary_key=True, sa_type=KEY)
    id: str = Column(primary_key=True, sa_type=KEY)
    fingerprint: bytes = Column(sa_type=LargeBinary)
    customer_id: str = Column(sa_type=KEY)
    application_id: str = Column(foreign_key="application.id", sa_type=KEY)
    key_id: str | None = Column(default=None, sa_type=KEY)
    created_at: datetime = Column(sa_type=Instant)
    expires_at: datetime = Column(sa_type=Instant)
