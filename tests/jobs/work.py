"""Workers for tests: started, watched, stopped."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from time import monotonic
from typing import Any

from engage_api.db import Database
from engage_api.jobs import Job, Registry, Worker, enqueue
from tests.jobs.schema import MARK

LEASE = timedelta(seconds=1.5)
"""Of the jobs of `process.py`."""


@asynccontextmanager
async def working(database: Database, registry: Registry, **options: Any) -> AsyncIterator[Worker]:
    """A worker that runs as long as the block."""
    worker, stop = Worker(database, registry, **options), asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    try:
        yield worker
    finally:
        stop.set()
        await running


async def until(true: Callable[[], bool | Awaitable[bool]], seconds: float = 20) -> float:
    """Wait until it is true. How many seconds it took."""
    start = monotonic()
    while True:
        found = true()
        if await found if inspect.isawaitable(found) else found:
            return monotonic() - start
        assert monotonic() - start < seconds, "it did not come true"
        await asyncio.sleep(0.005)


async def add(database: Database, kind: str, count: int = 1, **payload: Any) -> list[str]:
    made: list[str | None] = []
    while len(made) < count:
        async with database.write("w") as tx:
            made += [await enqueue(tx, kind, payload) for _ in range(min(500, count - len(made)))]
    return [one for one in made if one]


async def finish(database: Database, job: Job[Any], who: str) -> None:
    """Leave a mark and complete the job, in one transaction."""
    async with database.write(job.workspace) as tx:
        await tx.run(MARK, job=job.id, attempt=job.attempts, who=who)
        await job.finish(tx)


async def leave_mark(database: Database, job: Job[Any], who: str) -> None:
    async with database.write(job.workspace) as tx:
        await tx.run(MARK, job=job.id, attempt=job.attempts, who=who)
