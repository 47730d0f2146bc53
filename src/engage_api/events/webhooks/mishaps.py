"""Deliveries of a sandbox that are late or made twice, because somebody who tests wants them so."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam, literal_column, update

from engage_api.access.faults import store
from engage_api.core import clock
from engage_api.core.mishaps import DELAY, DUPLICATE, Rule
from engage_api.db.engine import Transaction
from engage_api.db.log import Head
from engage_api.db.sql import Query
from engage_api.db.world import has_world
from engage_api.events.webhooks.deliveries import Settled
from engage_api.events.webhooks.delivery_models import PENDING, WebhookDeliveryRow

_t = WebhookDeliveryRow.__table__  # type: ignore[attr-defined]
_LATE = Query(
    update(_t)
    .where(
        _t.c.workspace_id == bindparam("at_workspace"),
        _t.c.endpoint_id == bindparam("at_endpoint"),
        _t.c.event_id == bindparam("at_event"),
        _t.c.state == literal_column(f"'{PENDING}'"),
        _t.c.attempts == 0,
    )
    .values(due_at=bindparam("due_at"))
)


async def delay(tx: Transaction, workspace: str, wanted: Sequence[tuple[str, Head]]) -> None:
    """Let those wait that are to be late; all have just been put on their way."""
    rules = await _rules(tx, workspace, DELAY)
    for endpoint, line in wanted if rules else ():
        rule = await _hit(tx, workspace, rules)
        if rule is not None:
            due = clock.business(workspace) + timedelta(seconds=rule.mishap.wait or 0)
            at = {"at_workspace": workspace, "at_endpoint": endpoint, "at_event": line.id}
            await tx.run(_LATE, **at, due_at=due)


async def repeat(tx: Transaction, workspace: str, settled: Sequence[Settled], now: datetime) -> list[Settled]:
    """Where deliveries stand after their attempts. Those that were taken at once and are to come twice are tried again,
    as if the receiver's answer had been lost.
    """
    rules = await _rules(tx, workspace, DUPLICATE)
    found = []
    for one in settled:
        first = bool(rules) and one.state == "delivered" and one.due.tries == 0
        again = first and await _hit(tx, workspace, rules) is not None
        found.append(one._replace(state=PENDING, due_at=now) if again else one)
    return found


async def _rules(tx: Transaction, workspace: str, webhook: str) -> list[Rule]:
    return await store.of_webhooks(tx, workspace, webhook) if has_world(workspace) else []


async def _hit(tx: Transaction, workspace: str, rules: list[Rule]) -> Rule | None:
    for rule in rules:
        if await store.hits(tx, workspace, rule):
            return rule
    return None
