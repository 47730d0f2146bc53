"""The organization family: what an operator may say, what is answered, what is kept."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field as Column

from engage_api.access.worlds import USUAL_PLAN
from engage_api.core.model import (
    ExternalId,
    Input,
    Metadata,
    MetadataPatch,
    Model,
    Name,
    Resource,
    Word,
    needed,
    shown_as,
)
from engage_api.db.kind import Equal, Kind
from engage_api.db.row import KEY, Row

OPERATOR = "org_operator"
OrganizationKind = Literal["internal", "partner", "developer", "hackathon-team"]
OrganizationState = Literal["pending", "approved", "suspended"]


class OrganizationBase(Model):
    """What is known of an organization."""

    external_id: ExternalId | None = None
    name: Name = Field(examples=["Bouwadvies Utrecht"])
    kind: OrganizationKind = Field(
        description="`internal` ones see the whole live workspace, all others what they made themselves."
    )
    plan: Word = Field(USUAL_PLAN, description="The plan that limits its access tokens.", examples=["partner"])
    metadata: Metadata = Field(default_factory=dict)


class OrganizationCreate(OrganizationBase, Input):
    """A new organization."""


class OrganizationUpdate(Input):
    """Changes as a JSON Merge Patch (RFC 7396). Its kind stays."""

    model_config = shown_as(plan="partner")

    external_id: ExternalId | None = None
    name: Name | None = needed()
    plan: Word | None = Field(None, description="Another plan; null: `developer`.")
    metadata: MetadataPatch | None = None


class Organization(OrganizationBase, Resource):
    """An organization."""

    id: str = Field(examples=["org_01kb0m5xnye0rt2e5v3h4q8zj9"])
    state: OrganizationState = Field(description="Changes by a transition only.")


class OrganizationRow(Row, table=True):
    """An organization's row, in the live workspace. Other workspaces name it by its id alone."""

    __tablename__ = "organization"
    __table_args__ = (
        UniqueConstraint("id", name="organization_id_alone"),
        Index("organization_external", "workspace_id", "external_id", unique=True),
        Index("organization_created", "workspace_id", "created_at", "id"),
        Index("organization_updated", "workspace_id", "updated_at", "id"),
        Index("organization_state", "workspace_id", "state", "created_at", "id"),
        {"info": {"organization": "id"}},
    )

    external_id: str | None = Column(default=None, sa_type=KEY)
    kind: str = Column(sa_type=KEY)
    state: str = Column(sa_type=KEY)
    plan: str = Column(foreign_key="plan.name", sa_type=KEY)


def _columns(organization: Organization) -> dict[str, Any]:
    return {name: getattr(organization, name) for name in ("external_id", "kind", "state", "plan")}


def _words(organization: Organization) -> Iterator[str]:
    yield organization.name


ORGANIZATION = Kind(
    "organization",
    "org",
    Organization,
    OrganizationRow,
    _columns,
    _words,
    filters={"state": Equal("state")},
    happens={
        "created": "An organization signed up or was entered.",
        "updated": "Fields of the organization changed.",
        "approved": "The organization may work in the live workspace.",
        "suspended": "The organization was suspended: nothing of it works any more.",
    },
)
