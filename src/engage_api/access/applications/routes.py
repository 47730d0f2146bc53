"""Applications and their client secrets over HTTP."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from engage_api.access.applications import secrets, service
from engage_api.access.applications.models import (
    APPLICATION,
    Application,
    ApplicationCreate,
    ApplicationState,
    ApplicationUpdate,
    Environment,
)
from engage_api.access.applications.secret_models import (
    CLIENT_SECRET,
    ClientSecret,
    ClientSecretCreate,
    ClientSecretWithSecret,
)
from engage_api.access.guard import guard
from engage_api.access.models import Scopes
from engage_api.core.model import Input, Reference
from engage_api.core.scopes import Scope
from engage_api.db.engine import Transaction
from engage_api.http.call import Call, shown_once
from engage_api.http.idempotency import Answer
from engage_api.http.pages import SORTED, Filter, ListQuery, Page, ResourceQuery
from engage_api.http.route import DirectRoute
from engage_api.http.strict import json_body

PATH = "/applications"
NEW = {"x-problems": ["needs-live", "too-many-applications"]}
CHANGED = {"x-problems": ["application-revoked", "operators-own"]}
router = APIRouter(prefix=PATH, tags=["Applications"], route_class=DirectRoute)
Read = Annotated[Call, guard(Scope.APPLICATIONS_READ)]
Write = Annotated[Call, guard(Scope.APPLICATIONS_WRITE)]
Admin = Annotated[Call, guard(Scope.ADMIN_APPLICATIONS)]
NewApplication = Annotated[ApplicationCreate, json_body(ApplicationCreate)]
Patch = Annotated[ApplicationUpdate, json_body(ApplicationUpdate)]
NewSecret = Annotated[ClientSecretCreate, json_body(ClientSecretCreate)]

Sort = Annotated[Literal["createdAt", "-createdAt", "updatedAt", "-updatedAt"], Field(description=SORTED)]


class ApplicationTransition(Input):
    """Where an application is to go."""

    to: ApplicationState = Field(examples=["live"])
    scopes: Scopes | None = Field(
        None, description="What it may do in the live workspace, of what it asks for.", examples=[["cases:read"]]
    )


Move = Annotated[ApplicationTransition, json_body(ApplicationTransition)]


class ApplicationQuery(ResourceQuery):
    """Which applications."""

    sort: Sort = "-createdAt"
    search: Filter | None = Field(None, description="Words of the name.")
    state: ApplicationState | None = Field(None, description="Only those in this state.")
    organization_id: Reference | None = Field(None, description="Only those of this organization.")


class SecretQuery(ListQuery):
    """Which client secrets."""

    sort: Sort = "-createdAt"
    environment: Environment | None = Field(None, description="Only those of one client id.")


@router.post("", status_code=201, response_model=Application, summary="Create an application", openapi_extra=NEW)
async def create_application(call: Write, body: NewApplication) -> Response:
    """A new application works in the sandboxes of its organization. An operator lets it into the live workspace."""
    return await call.create(PATH, lambda tx: service.create(tx, call.principal, body))


@router.get("", response_model=Page[Application], summary="List applications")
async def list_applications(call: Read, query: Annotated[ApplicationQuery, Query()]) -> Response:
    """All of them for internal applications, those of your organization for everybody else. A sandbox has none."""
    return await call.page(APPLICATION, query)


@router.get("/{application_id}", response_model=Application, summary="Read an application")
async def get_application(application_id: str, call: Read) -> Response:
    """One application, with its client ids."""
    return await call.document(APPLICATION, application_id)


@router.patch("/{application_id}", response_model=Application, summary="Update an application", openapi_extra=CHANGED)
async def update_application(application_id: str, call: Write, body: Patch) -> Response:
    """A JSON Merge Patch. A scope that it no longer asks for is no longer granted. A new one an operator grants.

    A new redirect URI of a live application needs all the scopes that it asks for or has, and a new scope of one with a
    live secret needs that scope: nobody gets at more than they have.
    """
    answer = await call.change(lambda tx: service.change(tx, call.principal, application_id, body, call.if_match))
    call.services.doorkeeper.forget_all()
    return answer


@router.post(
    "/{application_id}/transitions",
    response_model=Application,
    summary="Transition an application to another state",
    openapi_extra={"x-problems": ["operators-own", "organization-not-approved"]},
)
async def transition_application(application_id: str, call: Admin, body: Move) -> Response:
    """Sandbox-only, live, revoked. To go live name the `scopes` that it gets; live again: with others.

    No credential of a revoked application works: in this process from the next request on, in others within a second.
    """
    answer = await call.act(
        lambda tx: service.move(tx, call.principal, application_id, body.to, body.scopes, call.if_match)
    )
    call.services.doorkeeper.forget_all()
    return answer


@router.post(
    "/{application_id}/secrets",
    status_code=201,
    response_model=ClientSecretWithSecret,
    summary="Create a client secret",
    openapi_extra={"x-problems": ["application-revoked", "operators-own", "public-client", "too-many-secrets"]},
)
async def create_client_secret(application_id: str, call: Write, body: NewSecret) -> Response:
    """The answer is the only one that shows the secret. To rotate: create a second one, use it, delete the first.

    A live secret needs all the scopes that the application asks for or has: nobody gives away more than they have.
    """

    async def work(tx: Transaction) -> Answer:
        stored, made = await secrets.create(tx, call.principal, call.services.pepper, application_id, body)
        return shown_once(stored, "secret", made)

    return await call.services.once.run(call.request, call.principal, work)


@router.get(
    "/{application_id}/secrets", response_model=Page[ClientSecret], summary="List the client secrets of an application"
)
async def list_client_secrets(application_id: str, call: Read, query: Annotated[SecretQuery, Query()]) -> Response:
    """Which there are, without the secrets themselves."""
    await call.require(APPLICATION, application_id)
    return await call.page(CLIENT_SECRET, query, application_id=application_id)


@router.delete("/{application_id}/secrets/{credential_id}", status_code=204, summary="Delete a client secret")
async def delete_client_secret(application_id: str, credential_id: str, call: Write) -> Response:
    """It ends at once, and so do the tokens that were issued for it: in this process with the next request, in others
    within a second.
    """
    answer = await call.remove(lambda tx: secrets.delete(tx, call.principal, application_id, credential_id))
    call.services.doorkeeper.forget_all()
    return answer
