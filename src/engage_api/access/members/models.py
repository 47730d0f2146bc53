"""The family of members, and that of invitations."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints
from sqlalchemy import ForeignKeyConstraint, Index, String
from sqlmodel import Field as Column
from sqlmodel import SQLModel

from engage_api.access.accounts import emails
from engage_api.access.members.roles import Role
from engage_api.access.worded import Worded
from engage_api.core.model import Input, Moment, Name, Reference, Resource, needed
from engage_api.db.base import Instant
from engage_api.db.kind import Equal, Kind
from engage_api.db.row import KEY, Row

ROLE = "`owner`: everything, members too; `developer`: applications, keys and data; `viewer`: looks."
Email = Annotated[
    str,
    StringConstraints(max_length=emails.LONGEST),
    Worded(emails.PATTERN, "This should be an e-mail address such as ada@example.org"),
]


class MemberFields(Input):
    """What can be said of a member."""

    role: Role


class MemberUpdate(Input):
    """Another role, as a JSON Merge Patch (RFC 7396)."""

    role: Role | None = needed()


class Member(Resource):
    """A person in an organization."""

    id: str = Field(examples=["mem_01kb0m5xnye0rt2e5v3h4q8zj9"])
    organization_id: Reference
    account_id: Reference = Field(description="The account that this person signs in with.")
    name: Name = Field(description="What they called themselves when they joined.", examples=["Ada Lovelace"])
    role: Role = Field(description=ROLE, examples=["developer"])


class MemberRow(Row, table=True):
    """A member's row, in the live workspace."""

    __tablename__ = "member"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "organization_id"],
            ["organization.workspace_id", "organization.id"],
            name="member_organization",
        ),
        Index("member_of_organization", "organization_id", "account_id", unique=True),
        Index("member_account", "account_id"),
        Index("member_created", "workspace_id", "organization_id", "created_at", "id"),
        Index("member_updated", "workspace_id", "organization_id", "updated_at", "id"),
        {"info": {"organization": "organization_id"}},
    )

    organization_id: str = Column(sa_type=KEY)
    account_id: str = Column(foreign_key="account.id", sa_type=KEY)
    role: str = Column(sa_type=KEY)


class InvitationCreate(Input):
    """Whom to invite, and as what."""

    email: Email = Field(
        description="Where the invitation is sent. Whoever accepts it has an account with this address.",
        examples=["ada@example.org"],
    )
    role: Role = Field(description=ROLE, examples=["developer"])


class Invitation(Resource):
    """An invitation that is open: accepted, declined, withdrawn or expired it is gone, and its address with it."""

    id: str = Field(examples=["inv_01kb0m5xnye0rt2e5v3h4q8zj9"])
    organization_id: Reference
    role: Role = Field(description=ROLE, examples=["developer"])
    hint: str = Field(description="The address, with its person left out.", examples=["a…@example.org"])
    invited_by: Name = Field(description="Who invites: a member, or an application.", examples=["Grace Hopper"])
    expires_at: Moment = Field(description="Until then it can be accepted.")


class InvitationRow(Row, table=True):
    """An invitation's row, in the live workspace."""

    __tablename__ = "invitation"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "organization_id"],
            ["organization.workspace_id", "organization.id"],
            name="invitation_organization",
        ),
        Index("invitation_created", "workspace_id", "organization_id", "created_at", "id"),
        Index("invitation_updated", "workspace_id", "organization_id", "updated_at", "id"),
        Index("invitation_expires", "workspace_id", "expires_at"),
        {"info": {"organization": "organization_id"}},
    )

    organization_id: str = Column(sa_type=KEY)
    expires_at: datetime = Column(sa_type=Instant)


class InvitationAddressRow(SQLModel, table=True):
    """Whom an invitation is for: kept apart, because documents stay in the log. It goes when its invitation goes.

    `inviter` is the account of who invites (None: an application, for itself), `inviter_at` the organization that they
    did it as a member of.
    """

    __tablename__ = "invitation_address"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "invitation_id"], ["invitation.workspace_id", "invitation.id"], ondelete="CASCADE"
        ),
        Index("invitation_address_once", "organization_id", "folded", unique=True),
        Index("invitation_address_folded", "folded"),
    )

    workspace_id: str = Column(primary_key=True, sa_type=KEY)
    invitation_id: str = Column(primary_key=True, sa_type=KEY)
    organization_id: str = Column(sa_type=KEY)
    email: str = Column(sa_type=String)
    folded: str = Column(sa_type=KEY)
    inviter: str | None = Column(default=None, sa_type=KEY)
    inviter_at: str = Column(sa_type=KEY)


def _member_columns(member: Member) -> dict[str, Any]:
    return {name: getattr(member, name) for name in ("organization_id", "account_id", "role")}


def _invitation_columns(invitation: Invitation) -> dict[str, Any]:
    return {"organization_id": invitation.organization_id, "expires_at": invitation.expires_at}


MEMBER = Kind(
    "member",
    "mem",
    Member,
    MemberRow,
    _member_columns,
    filters={
        "organization_id": Equal("organization_id"),
        "account_id": Equal("account_id"),
        "role": Equal("role"),
    },
    happens={
        "created": "Somebody became a member of an organization.",
        "updated": "The member has another role.",
        "deleted": "Somebody is no member any more.",
    },
)
INVITATION = Kind(
    "invitation",
    "inv",
    Invitation,
    InvitationRow,
    _invitation_columns,
    filters={"organization_id": Equal("organization_id")},
    happens={
        "created": "Somebody was invited.",
        "accepted": "Who was invited accepted, and is a member.",
        "declined": "Who was invited declined.",
        "expired": "Nobody accepted the invitation in time.",
        "deleted": "The invitation was withdrawn.",
    },
)
