"""What the table of usage needs now and then."""

from datetime import timedelta
from typing import Any

from engage_api.access.usage import service
from engage_api.db.engine import Database
from engage_api.jobs import Job, job, schedule

SWEEP = "usage.sweep"


@job(SWEEP)
async def sweep_usage(db: Database, _: Job[dict[str, Any]]) -> None:
    """Forget the figures of old days."""
    await service.sweep(db)


schedule(SWEEP, every=timedelta(days=1))
