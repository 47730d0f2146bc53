"""Organizations over HTTP."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from engage_api.access.guard import guard
from engage_api.access.organizations import service
from engage_api.access.organizations.models import (
    ORGANIZATION,
    Organization,
    OrganizationCreate,
    OrganizationState,
    OrganizationUpdate,
)
from engage_api.core.model import Input
from engage_api.core.scopes import Scope
from engage_api.http.call import Call
from engage_api.http.pages import SORTED, Filter, Page, ResourceQuery
from engage_api.http.route import DirectRoute
from engage_api.http.strict import json_body

PATH = "/organizations"
LIVE = {"x-problems": ["needs-live"]}
router = APIRouter(prefix=PATH, tags=["Organizations"], route_class=DirectRoute)
Read = Annotated[Call, guard(Scope.ORGANIZATIONS_READ)]
Admin = Annotated[Call, guard(Scope.ADMIN_ORGANIZATIONS)]
NewOrganization = Annotated[OrganizationCreate, json_body(OrganizationCreate)]
Patch = Annotated[OrganizationUpdate, json_body(OrganizationUpdate)]

Sort = Annotated[Literal["createdAt", "-createdAt", "updatedAt", "-updatedAt"], Field(description=SORTED)]


class OrganizationTransition(Input):
    """Where an organization is to go."""

    to: OrganizationState = Field(examples=["approved"])


Move = Annotated[OrganizationTransition, json_body(OrganizationTransition)]


class OrganizationQuery(ResourceQuery):
    """Which organizations."""

    sort: Sort = "-createdAt"
    search: Filter | None = Field(None, description="Words of the name.")
    state: OrganizationState | None = Field(None, description="Only those in this state.")


@router.post("", status_code=201, response_model=Organization, summary="Create an organization", openapi_extra=LIVE)
async def create_organization(call: Admin, body: NewOrganization) -> Response:
    """A new organization is pending and has an empty sandbox. Approve it before its applications go live."""
    return await call.create(PATH, lambda tx: service.create(tx, call.principal, body))


@router.get("", response_model=Page[Organization], summary="List organizations")
async def list_organizations(call: Read, query: Annotated[OrganizationQuery, Query()]) -> Response:
    """All of them for internal applications, your own for everybody else. A sandbox has none."""
    return await call.page(ORGANIZATION, query)


@router.get("/{organization_id}", response_model=Organization, summary="Read an organization")
async def get_organization(organization_id: str, call: Read) -> Response:
    """One organization."""
    return await call.document(ORGANIZATION, organization_id)


@router.patch("/{organization_id}", response_model=Organization, summary="Update an organization")
async def update_organization(organization_id: str, call: Admin, body: Patch) -> Response:
    """A JSON Merge Patch: what is absent stays, what is null goes. Another plan holds for tokens within a second."""
    return await call.change(lambda tx: service.change(tx, call.principal, organization_id, body, call.if_match))


@router.post(
    "/{organization_id}/transitions",
    response_model=Organization,
    summary="Transition an organization to another state",
    openapi_extra={"x-problems": ["operators-own"]},
)
async def transition_organization(organization_id: str, call: Admin, body: Move) -> Response:
    """Pending, approved, suspended, and approved again.

    No credential of a suspended organization works: in this process from the next request on, in others within a
    second.
    """
    answer = await call.act(lambda tx: service.move(tx, call.principal, organization_id, body.to, call.if_match))
    call.services.doorkeeper.forget_all()
    return answer
