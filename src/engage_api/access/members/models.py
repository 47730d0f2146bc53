"""The member family."""

from typing import Any

from pydantic import Field
from sqlalchemy import ForeignKeyConstraint, Index
from sqlmodel import Field as Column

from engage_api.access.members.roles import Role
from engage_api.core.model import Input, Name, Reference, Resource
from engage_api.db.kind import Equal, Kind
from engage_api.db.row import KEY, Row


class MemberUpdate(Input):
    """Another role."""

    role: Role = Field(examples=["developer"])


class Member(Resource):
    """A person in an organization."""

    id: str = Field(examples=["mem_01kb0m5xnye0rt2e5v3h4q8zj9"])
    organization_id: Reference
    account_id: Reference = Field(description="The account that this person signs in with.")
    name: Name = Field(description="What they called themselves when they joined.", examples=["Ada Lovelace"])
    role: Role = Field(
        description="`owner`: all, members too; `developer`: applications, keys and data; `viewer`: looks.",
        examples=["developer"],
    )


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


def _columns(member: Member) -> dict[str, Any]:
    return {name: getattr(member, name) for name in ("organization_id", "account_id", "role")}


MEMBER = Kind(
    "member",
    "mem",
    Member,
    MemberRow,
    _columns,
    filters={"organization_id": Equal("organization_id"), "role": Equal("role")},
)
