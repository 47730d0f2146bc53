"""What the web's own tables need now and then."""

from datetime import timedelta
from typing import Any

from engage_api.db.engine import Database
from engage_api.http.idempotency import forget_old
from engage_api.jobs import Job, job, schedule

SWEEP = "idempotency.sweep"


@job(SWEEP)
async def sweep_idempotency(db: Database, _: Job[dict[str, Any]]) -> None:
    """Forget the answers of yesterday, in portions that hold no writer up."""
    more = True
    while more:
        async with db.system.write(None) as tx:
            more = await forget_old(tx) > 0


schedule(SWEEP, every=timedelta(hours=1))
