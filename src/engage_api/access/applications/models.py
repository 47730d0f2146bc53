"""The application family."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError
from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field as Column

from engage_api.access.applications import redirects
from engage_api.access.models import Scopes
from engage_api.core.model import (
    ExternalId,
    Input,
    Metadata,
    MetadataPatch,
    Model,
    Name,
    Reference,
    Resource,
    needed,
    shown_as,
)
from engage_api.db.kind import Equal, Kind
from engage_api.db.row import KEY, Row

OPERATOR = "app_operator"
ApplicationState = Literal["sandbox-only", "live", "revoked"]
Environment = Literal["test", "live"]
ClientType = Literal["confidential", "public"]
AccessTokenFormat = Literal["opaque", "jwt"]
MOST_REDIRECTS = 20


def _redirect(uri: str) -> str:
    if told := redirects.fault(uri):
        raise PydanticCustomError("redirect_uri", "{told}", {"told": told})
    return uri


RedirectUri = Annotated[
    str,
    StringConstraints(min_length=1, max_length=redirects.LONGEST),
    AfterValidator(_redirect),
    Field(json_schema_extra={"format": "uri", "pattern": redirects.PATTERN}),
]


class ApplicationBase(Model):
    """What is known of an application."""

    external_id: ExternalId | None = Field(
        None, description="Your own id for it, unique among the applications of the organization."
    )
    name: Name = Field(description="What people see when they are asked to agree.", examples=["Permit assistant"])
    scopes: Scopes = Field(
        description="What it asks for. In sandboxes it gets that; in the live workspace what an operator grants of it.",
        examples=[["customers:read", "cases:read"]],
    )
    redirect_uris: list[RedirectUri] = Field(
        default_factory=list,
        max_length=MOST_REDIRECTS,
        description="Where people may be led back to once they have signed in. Compared as text, whole; of "
        "`http://127.0.0.1`, `http://[::1]` and `http://localhost` the port may be any.",
        examples=[["https://app.example.org/signed-in"]],
    )
    client_type: ClientType = Field(
        "confidential",
        description="`public`: it cannot keep a secret, because it runs at its users'. It has none, and acts for "
        "people only. This cannot be changed.",
    )
    access_token_format: AccessTokenFormat = Field(
        "opaque", description="`jwt`: access tokens that others can read and check (RFC 9068)."
    )
    metadata: Metadata = Field(default_factory=dict)


class ApplicationCreate(ApplicationBase, Input):
    """A new application."""

    organization_id: Reference | None = Field(
        None, description="Whose it is; null: your own.", examples=["org_01kb0m5xnye0rt2e5v3h4q8zj9"]
    )


class ApplicationUpdate(Input):
    """Changes as a JSON Merge Patch (RFC 7396). Whose it is stays."""

    model_config = shown_as(name="Permit assistant 2")

    external_id: ExternalId | None = None
    name: Name | None = needed()
    scopes: Scopes | None = needed()
    redirect_uris: Annotated[list[RedirectUri], Field(max_length=MOST_REDIRECTS)] | None = None
    access_token_format: AccessTokenFormat | None = None
    metadata: MetadataPatch | None = None


class Application(ApplicationBase, Resource):
    """An application: a program of an organization that calls the API."""

    id: str = Field(examples=["app_01kb0m5xnye0rt2e5v3h4q8zj9"])
    organization_id: Reference = Field(description="Whose it is.")
    state: ApplicationState = Field(description="Changes by a transition only.")
    granted_scopes: list[str] = Field(description="What it may do in the live workspace.", examples=[["cases:read"]])
    test_client_id: str = Field(
        description="Its OAuth client id for sandboxes.", examples=["app_01kb0m5xnye0rt2e5v3h4q8zj9.test"]
    )
    live_client_id: str = Field(
        description="Its OAuth client id for the live workspace.", examples=["app_01kb0m5xnye0rt2e5v3h4q8zj9.live"]
    )


class ApplicationRow(Row, table=True):
    """An application's row, in the live workspace. Other workspaces name it by its id alone."""

    __tablename__ = "application"
    __table_args__ = (
        UniqueConstraint("id", name="application_id_alone"),
        ForeignKeyConstraint(
            ["workspace_id", "organization_id"],
            ["organization.workspace_id", "organization.id"],
            name="application_organization",
        ),
        Index("application_external", "workspace_id", "organization_id", "external_id", unique=True),
        Index("application_created", "workspace_id", "created_at", "id"),
        Index("application_updated", "workspace_id", "updated_at", "id"),
        Index("application_state", "workspace_id", "state", "created_at", "id"),
        Index("application_of_organization", "workspace_id", "organization_id", "created_at", "id"),
        {"info": {"organization": "organization_id"}},
    )

    external_id: str | None = Column(default=None, sa_type=KEY)
    organization_id: str = Column(sa_type=KEY)
    state: str = Column(sa_type=KEY)


def _application_columns(application: Application) -> dict[str, Any]:
    return {name: getattr(application, name) for name in ("external_id", "organization_id", "state")}


def _words(application: Application) -> Iterator[str]:
    yield application.name


APPLICATION = Kind(
    "application",
    "app",
    Application,
    ApplicationRow,
    _application_columns,
    _words,
    filters={"state": Equal("state"), "organization_id": Equal("organization_id")},
    happens={
        "created": "An application was registered.",
        "updated": "Fields of the application changed.",
        "live": "The application may work in the live workspace, with the scopes in `grantedScopes`.",
        "revoked": "The application was revoked: nothing of it works any more.",
        "deleted": "A guest's application went with their last sandbox.",
    },
)
