"""Jobs that a test enqueues and claims by hand, without a worker."""

from datetime import timedelta
from typing import Any

from engage_api.db import Database
from engage_api.jobs import queue
from engage_api.jobs.limits import Backoff, Limits
from engage_api.jobs.queue import Job, enqueue
from tests.jobs.schema import MARK

LEASE = timedelta(seconds=30)
MOST = 3  # attempts
KINDS = {"post": Limits(MOST, LEASE, backoff=Backoff(timedelta(seconds=10))), "tidy": Limits()}


async def add(database: Database, payload: Any = None, /, kind: str = "post", wall: str = "w", **more: Any) -> str:
    async with database.write(wall) as tx:
        made = await enqueue(tx, kind, payload or {}, **more)
    assert made is not None
    return made


async def claim(database: Database, most: int = 10) -> list[Job[Any]]:
    return await queue.claim(database.system, KINDS, most)


async def claim_one(database: Database) -> Job[Any]:
    (job,) = await claim(database)
    return job


async def finish(database: Database, job: Job[Any], then: int = 1) -> None:
    """Leave a mark and complete the job in one transaction, which fails when `then` is 0."""
    async with database.write(job.workspace) as tx:
        await tx.run(MARK, job=job.id, attempt=job.attempts, who="me")
        await job.finish(tx)
        assert 1 / then


async def bury(database: Database) -> None:
    """The only job that is due fails for the last time."""
    job = await claim_one(database)
    job.attempts = MOST
    await queue.fail(database.system, job, "x")
