"""A worker in a process of its own, to be killed: `python -m tests.sandbox.process LEASE`, in seconds.

It moves clocks on, and says `ready` before that. Its settings come from the environment.
"""

import asyncio
import sys
from datetime import timedelta

from engage_api import beside
from engage_api.db import open_database
from engage_api.events.webhooks.sender import Sender
from engage_api.jobs import Registry
from engage_api.sandbox.clocks import mover
from engage_api.settings import Settings


async def main(settings: Settings, lease: float) -> None:
    mover.LEASE = timedelta(seconds=lease)
    database, jobs = await open_database(settings.database), Registry()
    mover.Mover(Sender.open(settings)).join(jobs)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.gather(*beside.runs(database, jobs, asyncio.Event()))


if __name__ == "__main__":
    asyncio.run(main(Settings(), float(sys.argv[1])))
