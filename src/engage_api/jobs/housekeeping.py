"""The engine's own job: dead letters that nobody replayed are not kept for ever."""

from datetime import timedelta
from typing import Any

from engage_api.db.engine import Database
from engage_api.jobs.operators import sweep
from engage_api.jobs.queue import Job
from engage_api.jobs.registry import job, schedule

KEPT = timedelta(days=30)
SWEEP = "job.sweep"


@job(SWEEP)
async def sweep_dead(db: Database, job: Job[dict[str, Any]]) -> None:
    """Delete the dead of all workspaces whose time is over."""
    async with db.system.write(None) as tx:
        await sweep(tx, KEPT)
        await job.finish(tx)


schedule(SWEEP, every=timedelta(days=1))
