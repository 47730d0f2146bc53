"""A worker in a process of its own, to be killed or stopped: `python -m tests.jobs.process DATABASE SECONDS`.

Its handler leaves the mark `begun`, takes so many seconds and finishes the job with the mark `process`.
"""

import asyncio
import sys
from typing import Any

from engage_api.db import Database, open_database
from engage_api.jobs import Job, Registry, Worker
from tests.jobs.work import LEASE, finish, leave_mark


async def main(url: str, seconds: float) -> None:
    database, registry = await open_database(url), Registry()

    @registry.job("post", lease=LEASE)
    async def post(db: Database, job: Job[Any]) -> None:
        await leave_mark(db, job, "begun")
        await asyncio.sleep(seconds)
        await finish(db, job, "process")

    await Worker(database, registry).run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
