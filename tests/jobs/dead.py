"""A job that died, of a kind that no worker knows."""

from datetime import timedelta

from engage_api.core import clock
from engage_api.db import Database
from engage_api.jobs import Limits, enqueue, queue

KIND = "test.dead"


async def dead_job(db: Database, unique_key: str | None = None) -> str:
    """Its id. It is the oldest, so that none that was replayed is taken in its place."""
    async with db.system.write(None) as tx:
        made = await enqueue(tx, KIND, {}, run_at=clock.host() - timedelta(days=1), unique_key=unique_key)
    (job,) = await queue.claim(db.system, {KIND: Limits(max_attempts=1)}, 1)
    assert job.id == made
    await queue.fail(db.system, job, "a reason")
    return job.id
