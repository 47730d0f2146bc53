"""The rules for webhook endpoints."""

from engage_api.access.applications.models import OPERATOR
from engage_api.core.principal import Principal
from engage_api.core.problem import InsufficientScope, NotFound, Problem
from engage_api.core.scopes import Scope
from engage_api.core.secret import Secret
from engage_api.core.states import require_transition
from engage_api.db import reader, store, turns
from engage_api.db.engine import Transaction
from engage_api.db.store import Stored
from engage_api.events.webhooks import drains, ledger, secrets
from engage_api.events.webhooks.models import (
    WEBHOOK_ENDPOINT,
    State,
    WebhookEndpoint,
    WebhookEndpointCreate,
    WebhookEndpointUpdate,
)
from engage_api.events.webhooks.schedule import WELL
from engage_api.events.webhooks.secret_models import (
    WebhookSecret,
    WebhookSecretCreate,
)
from engage_api.events.webhooks.sender import Sender
from engage_api.http import etags
from engage_api.http.patches import patched

MOST = 20  # of an application
TRANSITIONS: dict[str, tuple[State, ...]] = {
    "enabled": ("paused", "failing", "disabled"),
    "paused": ("enabled",),
    "failing": ("enabled", "paused", "disabled"),
    "disabled": ("enabled",),
}
BY_OWNERS: dict[str, tuple[State, ...]] = {
    state: tuple(to for to in following if to in ("enabled", "paused")) for state, following in TRANSITIONS.items()
}
"""Those that somebody asks for; the others follow from what the receiver answers."""


class TooManyEndpoints(Problem):
    """An application has at most twenty webhook endpoints in a workspace. Delete one that is not used any more."""

    code, status, title = "too-many-endpoints", 409, "The application has enough webhook endpoints"


class EndpointDisabled(Problem):
    """Nothing is sent to a disabled webhook endpoint. Bring it to `enabled` first."""

    code, status, title = "endpoint-disabled", 409, "The webhook endpoint is disabled"


class EndpointOfAnother(Problem):
    """Whoever sees a webhook endpoint may pause or delete it; its secrets are for its own application alone."""

    code, status, title = "endpoint-of-another", 403, "The webhook endpoint is another application's"


async def create(
    tx: Transaction, principal: Principal, sender: Sender, wanted: WebhookEndpointCreate
) -> tuple[Stored[WebhookEndpoint], Secret]:
    """Make an endpoint with its first secret. What happens after this transaction is sent to it.

    Raises:
        InsufficientScope: the principal may not see events.
        InvalidRequest: nothing would be sent to this URL.
        TooManyEndpoints: the application has twenty.
    """
    _require_sight(principal)
    sender.require(wanted.url)
    await turns.take(tx, principal.workspace, f"webhook endpoints of {principal.application}")
    own = {"application_id": principal.application}
    if await reader.number(tx, principal, WEBHOOK_ENDPOINT, own) >= MOST:
        raise TooManyEndpoints(f"The application has {MOST} webhook endpoints, and may have no more: delete one.")
    after = await ledger.hold(tx, principal.workspace)
    fields = {**dict(wanted), **own, "state": "enabled", "state_reason": None}
    stored = await store.create(tx, principal, WEBHOOK_ENDPOINT, fields)
    await ledger.add(tx, principal.workspace, stored.model.id, after)
    _, shown = await secrets.create(tx, principal, sender.box, stored.model)
    return stored, shown


async def change(
    tx: Transaction,
    principal: Principal,
    sender: Sender,
    endpoint_id: str,
    patch: WebhookEndpointUpdate,
    if_match: str | None,
) -> Stored[WebhookEndpoint]:
    """Apply a merge patch to the version that the caller has read. What waits goes to the new URL, too.

    Raises:
        InsufficientScope: the principal may not see events.
        InvalidRequest: nothing would be sent to this URL.
    """
    await ledger.lock(tx, principal.workspace, endpoint_id)
    was = await require(tx, principal, endpoint_id)
    etags.require(if_match, was.document)
    _require_sight(principal)
    wanted = patched(WebhookEndpointCreate, was.model, patch)
    if wanted.url != was.model.url:
        sender.require(wanted.url)
    if wanted.ordered != was.model.ordered:  # what comes next is another one
        await drains.ask(tx, endpoint_id)
    return await store.change(tx, principal, WEBHOOK_ENDPOINT, was, dict(wanted))


async def move(
    tx: Transaction, principal: Principal, endpoint_id: str, to: State, if_match: str | None
) -> Stored[WebhookEndpoint]:
    """Pause it, or let it go on: what waited while it was paused is sent then.

    One that was disabled missed what happened meanwhile, and goes on with what happens from now on.
    """
    workspace = principal.workspace
    after = await ledger.hold(tx, workspace)
    await ledger.lock(tx, workspace, endpoint_id)
    was = await require(tx, principal, endpoint_id)
    etags.check(if_match, was.document)
    require_transition(BY_OWNERS, was.model.state, to)
    if to == "enabled":
        await ledger.save(tx, workspace, endpoint_id, WELL)
        await drains.ask(tx, endpoint_id)
        if was.model.state == "disabled":
            await ledger.start(tx, workspace, endpoint_id, after)
    changes = {"state": to, "state_reason": None}
    return await store.change(tx, principal, WEBHOOK_ENDPOINT, was, changes, store.Happened(to))


async def delete(tx: Transaction, principal: Principal, endpoint_id: str, if_match: str | None) -> None:
    """Delete it with its secrets at once, and what it was sent soon."""
    await ledger.lock(tx, principal.workspace, endpoint_id)
    was = await require(tx, principal, endpoint_id)
    etags.require(if_match, was.document)
    await secrets.remove_all(tx, principal, endpoint_id)
    await store.remove(tx, principal, WEBHOOK_ENDPOINT, was)
    await drains.ask_to_forget(tx, endpoint_id)


async def rotate(
    tx: Transaction, principal: Principal, sender: Sender, endpoint_id: str, wanted: WebhookSecretCreate
) -> tuple[Stored[WebhookSecret], Secret]:
    """A new secret of an endpoint.

    Raises:
        EndpointOfAnother: the principal would be shown what another application's receiver trusts.
    """
    endpoint = await require(tx, principal, endpoint_id)
    if principal.application not in (endpoint.model.application_id, OPERATOR):
        raise EndpointOfAnother
    return await secrets.rotate(tx, principal, sender.box, endpoint.model, wanted)


def _require_sight(principal: Principal) -> None:
    if Scope.EVENTS_READ not in principal.scopes:
        told = f"A webhook endpoint is sent events, so it needs {Scope.EVENTS_READ}, too."
        raise InsufficientScope(told, more={"requiredScope": str(Scope.EVENTS_READ)})


async def require(tx: Transaction, principal: Principal, endpoint_id: str) -> Stored[WebhookEndpoint]:
    """The endpoint, or NotFound."""
    found = await reader.find(tx, principal, WEBHOOK_ENDPOINT, endpoint_id)
    if found is None:
        raise NotFound
    return found
