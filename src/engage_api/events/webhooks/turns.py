"""What follows for an endpoint from how its receiver does: its state changes, and its owners are told."""

from dataclasses import replace

from engage_api.core import clock
from engage_api.core.principal import Principal
from engage_api.db import reader, store
from engage_api.db.engine import Transaction
from engage_api.db.store import Happened
from engage_api.events.webhooks import letters
from engage_api.events.webhooks.models import WEBHOOK_ENDPOINT, Reason
from engage_api.events.webhooks.schedule import Health

FAILING, DISABLED, ENABLED = Happened("failing"), Happened("disabled"), Happened("enabled")


async def follow(tx: Transaction, principal: Principal, endpoint_id: str, health: Health) -> Health:
    """Bring the endpoint into the state that fits, in the transaction in which its health is locked."""
    found = await reader.find(tx, principal, WEBHOOK_ENDPOINT, endpoint_id)
    if found is None or found.model.state not in ("enabled", "failing"):
        return health
    if health.failures == 0:
        if found.model.state == "failing":
            await store.change(tx, principal, WEBHOOK_ENDPOINT, found, {"state": "enabled"}, ENABLED)
        return health
    now = clock.business(principal.workspace)
    match health.turn(found.model.state, now):
        case "failing":
            await store.change(tx, principal, WEBHOOK_ENDPOINT, found, {"state": "failing"}, FAILING)
            await letters.ask(tx, endpoint_id, "failing")
        case "warned":
            await letters.ask(tx, endpoint_id, "warned")
            return replace(health, warned_at=now)
        case "disabled":
            await disable(tx, principal, endpoint_id, "failing")
    return health


async def disable(tx: Transaction, principal: Principal, endpoint_id: str, reason: Reason) -> None:
    """Send nothing to it any more, until somebody enables it again."""
    found = await reader.find(tx, principal, WEBHOOK_ENDPOINT, endpoint_id)
    if found is None or found.model.state == "disabled":
        return
    changes = {"state": "disabled", "state_reason": reason}
    await store.change(tx, principal, WEBHOOK_ENDPOINT, found, changes, DISABLED)
    await letters.ask(tx, endpoint_id, "disabled")
