"""Numbers committed events on PostgreSQL, without gaps and without holding any writer up.

A number drawn before its commit can become readable after a later one, and a reader that asks for "after 7" never sees
6 again. So events are inserted unnumbered, and numbered once they are committed: a late commit is still unnumbered and
gets its turn. `n`, drawn at insert, keeps the order of one resource's events. SQLite has one writer and numbers inside
the transaction.
"""

import asyncio
import logging

from sqlalchemy import text

from engage_api.db.engine import Database, Transaction
from engage_api.db.errors import Unavailable
from engage_api.db.sql import Query

PAUSE = 0.005  # seconds between two rounds while there is work: each takes what has come meanwhile
IDLE = (
    0.05,
    1.0,
)  # seconds between two looks when nobody here commits: events of a process that died before numbering them
BATCH = 2000  # events in one round

_WAITING = Query(text("SELECT 1 FROM event WHERE sequence IS NULL LIMIT 1"))
# A statement of its own: the next one's snapshot must be younger than what the last holder committed.
_LOCK = Query(text("SELECT pg_advisory_xact_lock(7283)"))
_NUMBER = Query(
    text(f"""
    WITH ready AS (
        SELECT workspace_id, id, row_number() OVER (PARTITION BY workspace_id ORDER BY n) AS place
        FROM (SELECT workspace_id, id, n FROM event WHERE sequence IS NULL ORDER BY n LIMIT {BATCH}) AS first
    ), total AS (
        SELECT workspace_id, count(*) AS found FROM ready GROUP BY workspace_id
    ), moved AS (
        INSERT INTO counter AS kept (workspace_id, last) SELECT workspace_id, found FROM total ORDER BY workspace_id
        ON CONFLICT (workspace_id) DO UPDATE SET last = kept.last + excluded.last
        RETURNING workspace_id, last
    )
    UPDATE event SET sequence = moved.last - total.found + ready.place
    FROM ready JOIN total USING (workspace_id) JOIN moved USING (workspace_id)
    WHERE event.workspace_id = ready.workspace_id AND event.id = ready.id
    """)  # noqa: S608  # BATCH is a constant
)

_log = logging.getLogger(__name__)


async def number(tx: Transaction) -> int:
    """One round: how many events got their number, at most BATCH. Several at once take turns."""
    await tx.one(_LOCK)
    found = await tx.run(_NUMBER)
    if found:
        await tx.ring("log")
    return found


async def settle(database: Database) -> None:
    """Number all that is committed by now, for whoever reads it next or begins with what happens next."""
    if database.dialect != "postgresql":
        return
    sequencer = Sequencer(database)
    while await sequencer.run_once() == BATCH:
        pass


class Sequencer:
    """Runs in every process that commits; several at once are safe. Each round that numbers some rings `log`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run_once(self) -> int:
        """How many events got their number. An idle look is one read and takes no lock."""
        system = self._database.system
        if await system.one_raw(_WAITING, None) is None:
            return 0
        async with system.write(None) as tx:
            return await number(tx)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`: after every commit of this process, and now and then for those of others."""
        idle, longest = IDLE
        wait = idle
        with self._database.pulse.hear("commit", stop=stop) as ear:
            while not stop.is_set():
                try:
                    found = await self.run_once()
                except Unavailable as error:
                    _log.warning("events wait for their numbers: %s", error)
                    found = 0
                if found:
                    wait = idle
                    await asyncio.sleep(PAUSE if found < BATCH else 0)
                elif await ear.wait(wait):
                    wait = idle
                else:
                    wait = min(wait * 2, longest)
