"""What has ended is not kept: links, sessions, and accounts that nobody confirmed."""

from datetime import timedelta
from typing import Any

from engage_api.access.accounts import store
from engage_api.access.accounts.outside import store as outside
from engage_api.access.accounts.service import IDLE
from engage_api.core import clock
from engage_api.db.engine import Database
from engage_api.jobs import Job, job, schedule

UNCONFIRMED = timedelta(days=7)
SWEEP = "account.sweep"


@job(SWEEP)
async def sweep_accounts(db: Database, job: Job[dict[str, Any]]) -> None:
    """Delete what has ended."""
    now = clock.host()
    async with db.system.write(None) as tx:
        await store.sweep(tx, now - IDLE, now - UNCONFIRMED)
        await outside.sweep(tx)
        await job.finish(tx)


schedule(SWEEP, every=timedelta(hours=1))
