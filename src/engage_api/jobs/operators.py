"""What operators do with jobs that nobody does any more."""

from datetime import timedelta

from sqlalchemy import bindparam, delete, update

from engage_api.core import clock
from engage_api.db.engine import Transaction
from engage_api.db.sql import Query
from engage_api.jobs.models import DEAD, QUEUED, JobRow

_t = JobRow.__table__  # type: ignore[attr-defined]
_REPLAY = Query(
    update(_t)
    .where(_t.c.id == bindparam("at_id"), _t.c.state == DEAD)
    .values(state=QUEUED, run_at=bindparam("at"), attempts=0, finished_at=None)
)
_SWEEP = Query(delete(_t).where(_t.c.state == DEAD, _t.c.finished_at < bindparam("before")))


async def replay(tx: Transaction, job_id: str) -> bool:
    """Queue a dead job anew, with all its attempts. False when there is no such dead job.

    Raises Conflict when an unfinished job has its unique key.
    """
    if not await tx.run(_REPLAY, at_id=job_id, at=clock.host()):
        return False
    await tx.ring("jobs")
    return True


async def sweep(tx: Transaction, older_than: timedelta) -> int:
    """Delete the jobs that died longer ago. Returns how many."""
    return await tx.run(_SWEEP, before=clock.host() - older_than)
