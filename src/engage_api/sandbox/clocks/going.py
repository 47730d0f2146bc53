"""An advance from its beginning to its end, in a process that may be the only one: the command line's."""

import asyncio

from engage_api.access import expiry as _keys  # noqa: F401  # registers what time does, as all of these
from engage_api.cases import overdue as _overdue  # noqa: F401
from engage_api.db.engine import Database
from engage_api.events.webhooks.sender import Sender
from engage_api.jobs import Registry, Worker
from engage_api.offers import expiry as _offers  # noqa: F401
from engage_api.sandbox.clocks import service
from engage_api.sandbox.clocks.models import RUNNING, Advance, AdvanceCreate
from engage_api.sandbox.clocks.mover import Mover
from engage_api.sandbox.scenarios import service as _stories  # noqa: F401


async def through(db: Database, sender: Sender, workspace: str, wanted: AdvanceCreate) -> Advance:
    """Move the clock on. Workers elsewhere may do it; if there is none, this process does."""
    async with db.write(workspace) as tx:
        made = await service.begin(tx, workspace, wanted)
    jobs, stop = Registry(), asyncio.Event()
    Mover(sender).join(jobs)
    working = asyncio.create_task(Worker(db, jobs).run(stop))
    try:
        while (found := await service.wait(db, workspace, made.id)).state == RUNNING:
            pass
        return found
    finally:
        stop.set()
        await working
        sender.close()
