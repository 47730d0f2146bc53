"""A worker in a process of its own, to be killed or stopped: `python -m tests.jobs.process DATABASE SECONDS [NAME]`.

Its handler leaves the mark `begun`, takes so many seconds and finishes the job with the mark `process`. With a name it
leaves that mark alone. It says `ready` when it looks for work.
"""

import asyncio
import sys
from typing import Any

from engage_api.db import Database, open_database
from engage_api.jobs import Job, Registry, Worker
from tests.jobs.work import LEASE, finish, leave_mark


async def main(url: str, seconds: float, name: str = "") -> None:
    database, registry, stop = await open_database(url), Registry(), asyncio.Event()

    @registry.job("post", lease=LEASE)
    async def post(db: Database, job: Job[Any]) -> None:
        if not name:
            await leave_mark(db, job, "begun")
        await asyncio.sleep(seconds)
        await finish(db, job, name or "process")

    hearing = asyncio.create_task(database.pulse.run(stop))
    working = asyncio.create_task(Worker(database, registry).run(stop))
    if name:
        print("ready", flush=True)  # noqa: T201  # to whoever waits for it
    await asyncio.gather(hearing, working)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), *sys.argv[3:]))
