"""What the table of customers' sessions needs now and then."""

from datetime import timedelta
from typing import Any

from engage_api.access.customer_sessions import service
from engage_api.db.engine import Database
from engage_api.jobs import Job, job, schedule

SWEEP = "customer-session.sweep"


@job(SWEEP)
async def sweep_sessions(db: Database, _: Job[dict[str, Any]]) -> None:
    """Forget expired sessions."""
    await service.sweep(db)


schedule(SWEEP, every=timedelta(hours=1))
