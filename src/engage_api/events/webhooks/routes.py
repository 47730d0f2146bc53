"""Webhook endpoints over HTTP."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from engage_api.access.guard import guard
from engage_api.core.model import Input
from engage_api.core.scopes import Scope
from engage_api.db import sequencer
from engage_api.db.engine import Transaction
from engage_api.events.webhooks import service
from engage_api.events.webhooks.models import (
    WEBHOOK_ENDPOINT,
    State,
    WebhookEndpoint,
    WebhookEndpointCreate,
    WebhookEndpointUpdate,
    WebhookEndpointWithSecret,
)
from engage_api.events.webhooks.secret_models import (
    WEBHOOK_SECRET,
    WebhookSecret,
    WebhookSecretCreate,
    WebhookSecretWithSecret,
)
from engage_api.http.call import Call, shown_once
from engage_api.http.idempotency import Answer
from engage_api.http.pages import SORTED, Filter, ListQuery, Page, ResourceQuery
from engage_api.http.route import DirectRoute
from engage_api.http.strict import json_body

PATH = "/webhook-endpoints"
router = APIRouter(prefix=PATH, tags=["Webhooks"], route_class=DirectRoute)
Read = Annotated[Call, guard(Scope.WEBHOOKS_READ)]
Write = Annotated[Call, guard(Scope.WEBHOOKS_WRITE)]
NewEndpoint = Annotated[WebhookEndpointCreate, json_body(WebhookEndpointCreate)]
Patch = Annotated[WebhookEndpointUpdate, json_body(WebhookEndpointUpdate)]
NewSecret = Annotated[WebhookSecretCreate, json_body(WebhookSecretCreate)]
SAME = WebhookSecretCreate()

Sort = Annotated[Literal["createdAt", "-createdAt", "updatedAt", "-updatedAt"], Field(description=SORTED)]


class WebhookEndpointTransition(Input):
    """Where an endpoint is to go."""

    to: Literal["enabled", "paused"] = Field(examples=["paused"])


Move = Annotated[WebhookEndpointTransition, json_body(WebhookEndpointTransition)]


class WebhookEndpointQuery(ResourceQuery):
    """Which endpoints."""

    sort: Sort = "-createdAt"
    search: Filter | None = Field(None, description="Words of the description.")
    state: State | None = Field(None, description="Only those in this state.")


class WebhookSecretQuery(ListQuery):
    """Which secrets."""

    sort: Sort = "-createdAt"


@router.post(
    "",
    status_code=201,
    response_model=WebhookEndpointWithSecret,
    summary="Create a webhook endpoint",
    openapi_extra={"x-problems": ["too-many-endpoints"]},
)
async def create_webhook_endpoint(call: Write, body: NewEndpoint) -> Response:
    """What happens from now on is posted to it, as far as you may see it. This needs `events:read`, too.

    The answer is the only one that shows the secret.
    """

    async def work(tx: Transaction) -> Answer:
        stored, shown = await service.create(tx, call.principal, call.services.webhooks, body)
        return shown_once(stored, "secret", shown, f"{call.request.scope['root_path']}{PATH}/{stored.model.id}")

    await sequencer.settle(call.db)
    return await call.services.once.run(call.request, call.principal, work)


@router.get("", response_model=Page[WebhookEndpoint], summary="List webhook endpoints")
async def list_webhook_endpoints(call: Read, query: Annotated[WebhookEndpointQuery, Query()]) -> Response:
    """The endpoints that you may see, filtered, searched and sorted."""
    return await call.page(WEBHOOK_ENDPOINT, query)


@router.get("/{endpoint_id}", response_model=WebhookEndpoint, summary="Read a webhook endpoint")
async def get_webhook_endpoint(endpoint_id: str, call: Read) -> Response:
    """One endpoint."""
    return await call.document(WEBHOOK_ENDPOINT, endpoint_id)


@router.patch("/{endpoint_id}", response_model=WebhookEndpoint, summary="Update a webhook endpoint")
async def update_webhook_endpoint(endpoint_id: str, call: Write, body: Patch) -> Response:
    """A JSON Merge Patch. Other `types` hold for what happens from now on; what waits goes to a new URL, too."""
    sender, who = call.services.webhooks, call.principal
    return await call.change(lambda tx: service.change(tx, who, sender, endpoint_id, body, call.if_match))


@router.delete("/{endpoint_id}", status_code=204, summary="Delete a webhook endpoint")
async def delete_webhook_endpoint(endpoint_id: str, call: Write) -> Response:
    """With its secrets and its deliveries. Nothing is sent to it any more."""
    return await call.remove(lambda tx: service.delete(tx, call.principal, endpoint_id, call.if_match))


@router.post(
    "/{endpoint_id}/transitions",
    response_model=WebhookEndpoint,
    summary="Transition a webhook endpoint to another state",
)
async def transition_webhook_endpoint(endpoint_id: str, call: Write, body: Move) -> Response:
    """While it is paused, events wait, for 30 days at most. After you have mended a receiver, `enabled` tries at once.

    One that was disabled goes on with what happens from now on: replay the rest.
    """
    if body.to == "enabled":
        await sequencer.settle(call.db)
    return await call.act(lambda tx: service.move(tx, call.principal, endpoint_id, body.to, call.if_match))


@router.post(
    "/{endpoint_id}/secrets",
    status_code=201,
    response_model=WebhookSecretWithSecret,
    summary="Rotate the secret of a webhook endpoint",
    openapi_extra={"x-problems": ["endpoint-of-another"]},
)
async def rotate_webhook_secret(endpoint_id: str, call: Write, body: NewSecret = SAME) -> Response:
    """For the `overlap`, a day if you say nothing, deliveries are signed with both.

    The answer is the only one that shows the secret.
    """

    async def work(tx: Transaction) -> Answer:
        stored, shown = await service.rotate(tx, call.principal, call.services.webhooks, endpoint_id, body)
        return shown_once(stored, "secret", shown)

    return await call.services.once.run(call.request, call.principal, work)


@router.get(
    "/{endpoint_id}/secrets", response_model=Page[WebhookSecret], summary="List the secrets of a webhook endpoint"
)
async def list_webhook_secrets(endpoint_id: str, call: Read, query: Annotated[WebhookSecretQuery, Query()]) -> Response:
    """The one that signs and the one before it, without the secrets themselves."""
    await call.require(WEBHOOK_ENDPOINT, endpoint_id)
    return await call.page(WEBHOOK_SECRET, query, endpoint_id=endpoint_id)
