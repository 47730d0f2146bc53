"""A worker in a process of its own, to be killed: `python -m tests.sandbox.process LEASE [ROWS]`, in seconds.

It moves clocks on and copies sandboxes, so many rows in each transaction, and says `ready` before that. Its settings
come from the environment.
"""

import asyncio
import sys
from datetime import timedelta

from engage_api import beside
from engage_api.db import open_database
from engage_api.events.webhooks.sender import Sender
from engage_api.jobs import Registry
from engage_api.sandbox import portions
from engage_api.sandbox.clocks import mover
from engage_api.sandbox.copies.jobs import Copier
from engage_api.settings import Settings


async def main(settings: Settings, lease: float, rows: int | None = None) -> None:
    mover.LEASE = timedelta(seconds=lease)
    if rows is not None:
        portions.FIRST = portions.LEAST = portions.MOST = rows
        portions.SPAN = 0.001
    database, jobs, sender = await open_database(settings.database), Registry(), Sender.open(settings)
    mover.Mover(sender).join(jobs)
    Copier(sender.box).join(jobs)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.gather(*beside.runs(database, jobs, asyncio.Event()))


if __name__ == "__main__":
    asyncio.run(main(Settings(), float(sys.argv[1]), *map(int, sys.argv[2:])))
