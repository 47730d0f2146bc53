"""The rules for organizations."""

from engage_api.access import worlds
from engage_api.access.organizations.models import (
    OPERATOR,
    ORGANIZATION,
    Organization,
    OrganizationCreate,
    OrganizationState,
    OrganizationUpdate,
)
from engage_api.access.sandboxes import making as sandboxes
from engage_api.core.principal import Principal
from engage_api.core.problem import NotFound
from engage_api.core.states import require_transition
from engage_api.db import reader, store
from engage_api.db.engine import Transaction
from engage_api.db.store import Stored
from engage_api.http import etags
from engage_api.http.patches import patched

TRANSITIONS: dict[str, tuple[OrganizationState, ...]] = {
    "pending": ("approved", "suspended"),
    "approved": ("suspended",),
    "suspended": ("approved",),
}


async def create(tx: Transaction, principal: Principal, wanted: OrganizationCreate) -> Stored[Organization]:
    """Make an organization, with its default sandbox. A new one is pending: it works in its sandbox only.

    Raises:
        NeedsLive: the principal acts in a sandbox.
        UnknownReference: there is no such plan.
    """
    worlds.require_live(principal)
    await worlds.require_plan(tx, wanted.plan)
    stored = await store.create(tx, principal, ORGANIZATION, {**dict(wanted), "state": "pending"})
    own = sandboxes.New(stored.model.id, stored.model.name, owner=stored.model.id)
    await sandboxes.make(tx, principal, own)
    return stored


async def change(
    tx: Transaction, principal: Principal, organization_id: str, patch: OrganizationUpdate, if_match: str | None
) -> Stored[Organization]:
    """Apply a merge patch to the version that the caller has read."""
    was = await require(tx, principal, organization_id)
    etags.require(if_match, was.document)
    wanted = patched(OrganizationCreate, was.model, patch)
    await worlds.require_plan(tx, wanted.plan)
    return await store.change(tx, principal, ORGANIZATION, was, dict(wanted))


async def move(
    tx: Transaction, principal: Principal, organization_id: str, to: OrganizationState, if_match: str | None
) -> Stored[Organization]:
    """Approve it, or suspend it: then none of its credentials works any more, until it is approved again."""
    was = await require(tx, principal, organization_id)
    etags.check(if_match, was.document)
    if organization_id == OPERATOR:
        raise worlds.OperatorsOwn
    require_transition(TRANSITIONS, was.model.state, to)
    return await store.change(tx, principal, ORGANIZATION, was, {"state": to}, store.Happened(to))


async def require(tx: Transaction, principal: Principal, organization_id: str) -> Stored[Organization]:
    """The organization, or NotFound."""
    found = await reader.find(tx, principal, ORGANIZATION, organization_id)
    if found is None:
        raise NotFound
    return found
