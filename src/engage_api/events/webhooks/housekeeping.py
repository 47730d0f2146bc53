"""What has been sent is forgotten after a while, and at once when its endpoint is gone."""

from collections import Counter
from datetime import timedelta
from typing import Any

import structlog

from engage_api.db import world
from engage_api.db.engine import Database
from engage_api.events.webhooks import deliveries, drains
from engage_api.events.webhooks.delivery_models import PENDING
from engage_api.jobs import Job, job, schedule

SWEEP = "webhook.sweep"
KEPT = timedelta(days=30)

_log = structlog.get_logger("engage.webhooks")


@job(SWEEP)
async def sweep_deliveries(db: Database, _: Job[dict[str, Any]]) -> None:
    """Of all endpoints, with their attempts; in a sandbox as its clock says. What was never sent is told."""
    unsent: Counter[str] = Counter()
    for sandbox in (None, *await deliveries.worlds(db.system)):
        last = deliveries.PORTION
        if sandbox is not None:
            await world.follow(db, sandbox)
        while last == deliveries.PORTION:
            async with db.system.write(None) as tx:
                gone = await deliveries.sweep(tx, KEPT, sandbox)
            last = len(gone)
            unsent.update(one.endpoint_id for one in gone if one.state == PENDING)
    for endpoint, number in unsent.items():
        _log.warning("deliveries were forgotten unsent", endpoint=endpoint, number=number)


@job(drains.FORGET, payload=drains.Wanted)
async def forget_deliveries(db: Database, found: Job[drains.Wanted]) -> None:
    """Of one endpoint that was deleted."""
    workspace, last = found.workspace or "", deliveries.PORTION
    while last == deliveries.PORTION:
        async with db.write(workspace) as tx:
            last = await deliveries.forget(tx, workspace, found.payload.endpoint)


schedule(SWEEP, every=timedelta(hours=1))
