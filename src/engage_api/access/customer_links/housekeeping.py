"""Links that nobody agreed to in time end, and so do those whose account is gone."""

from datetime import timedelta
from typing import Any

from engage_api.access.customer_links import people, service
from engage_api.db.engine import Database
from engage_api.jobs import Job, job, schedule

SWEEP = "customer-link.sweep"
MOST = 1_000  # at a time


@job(SWEEP)
async def sweep_links(db: Database, _: Job[dict[str, Any]]) -> None:
    """End what has ended for its person already."""
    for workspace, link_id in await people.ended(db, MOST):
        await service.expire(db, workspace, link_id)


schedule(SWEEP, every=timedelta(hours=1))
