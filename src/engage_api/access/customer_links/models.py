"""The family of links between a customer and an account."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import ForeignKeyConstraint, Index, String
from sqlmodel import Field as Column
from sqlmodel import SQLModel

from engage_api.access.members.models import Email
from engage_api.core.model import Input, Moment, Reference, Resource
from engage_api.db.base import Instant
from engage_api.db.kind import Equal, Kind
from engage_api.db.row import KEY, Row

LinkState = Literal["pending", "linked"]


class AccountLinkCreate(Input):
    """Whose account to link."""

    email: Email = Field(
        description="Where the mail is sent. Whoever agrees has an account with this address.",
        examples=["zoe@example.org"],
    )


class AccountLink(Resource):
    """That an account is a customer's, or may become it. Refused, ended or expired it is gone."""

    id: str = Field(examples=["lnk_01kb0m5xnye0rt2e5v3h4q8zj9"])
    customer_id: Reference
    state: LinkState = Field(description="`pending` until the person has agreed.")
    hint: str = Field(description="The address, with its person left out.", examples=["z…@example.org"])
    expires_at: Moment | None = Field(description="Until then somebody can agree; null once somebody has.")
    linked_at: Moment | None = Field(description="When the person agreed.", examples=[None])


class AccountLinkRow(Row, table=True):
    """A link's row. Who it is about stands apart."""

    __tablename__ = "account_link"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "customer_id"],
            ["customer.workspace_id", "customer.id"],
            name="account_link_customer",
        ),
        Index("account_link_created", "workspace_id", "customer_id", "created_at", "id"),
        Index("account_link_updated", "workspace_id", "customer_id", "updated_at", "id"),
        Index("account_link_expires", "expires_at"),
    )

    customer_id: str = Column(sa_type=KEY)
    state: str = Column(sa_type=KEY)
    expires_at: datetime | None = Column(default=None, sa_type=Instant)


class CustomerAccountRow(SQLModel, table=True):
    """Whom a link is about: kept apart, because documents stay in the log. It goes when its link or its account goes.

    `account_id` is empty until the person has agreed. `asked_by` is who has asked, and whose applications the link
    counts for: the organization, or where it does not see the workspace the application alone. For each an account
    is at most one customer of a workspace.
    """

    __tablename__ = "customer_account"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "link_id"], ["account_link.workspace_id", "account_link.id"], ondelete="CASCADE"
        ),
        Index("customer_account_once", "workspace_id", "asked_by", "account_id", unique=True),
        Index("customer_account_address", "workspace_id", "customer_id", "folded", unique=True),
        Index("customer_account_folded", "folded"),
        Index("customer_account_of", "account_id"),
    )

    workspace_id: str = Column(primary_key=True, sa_type=KEY)
    link_id: str = Column(primary_key=True, sa_type=KEY)
    customer_id: str = Column(sa_type=KEY)
    email: str = Column(sa_type=String)
    folded: str = Column(sa_type=KEY)
    asked_by: str = Column(sa_type=KEY)
    account_id: str | None = Column(default=None, foreign_key="account.id", ondelete="CASCADE", sa_type=KEY)


def _columns(link: AccountLink) -> dict[str, Any]:
    return {name: getattr(link, name) for name in ("customer_id", "state", "expires_at")}


ACCOUNT_LINK = Kind(
    "account-link",
    "lnk",
    AccountLink,
    AccountLinkRow,
    _columns,
    filters={"customer_id": Equal("customer_id"), "state": Equal("state")},
    happens={
        "created": "A link to an account was sent to a customer.",
        "linked": "The person agreed: the account is the customer's.",
        "expired": "Nobody agreed in time, or the account is gone.",
        "deleted": "The link was ended.",
    },
)
