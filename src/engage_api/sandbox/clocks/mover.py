"""The job that lets happen, in order, what is due in a sandbox whose clock stands still or is being moved.

There is one at a time in a sandbox. Clock, transitions and count commit together, so whoever goes on after it was
killed goes on where it was.
"""

from datetime import timedelta
from typing import Any

from engage_api.core import clock
from engage_api.core.clock import Clock
from engage_api.core.world import SandboxBusy
from engage_api.db import world
from engage_api.db.engine import Database, Transaction
from engage_api.events.webhooks import drains, ledger, player
from engage_api.events.webhooks.player import Player
from engage_api.events.webhooks.sender import Sender
from engage_api.jobs import Backoff, Job, Later, Registry, hold, moments
from engage_api.jobs.moments import Played
from engage_api.sandbox.clocks import advances

SPAN = 30.0  # seconds of one call of `play`: then it is seen whether the sandbox is still there
LEASE = timedelta(seconds=10)  # of a worker that has vanished: then another one goes on
BUSY = timedelta(seconds=5)  # until a sandbox that is being copied or reset is looked at again


class Mover:
    """Does these jobs in a process that knows the way out."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def join(self, registry: Registry) -> None:
        """Add these jobs to those of a process."""
        registry.job(
            drains.PLAY,
            max_attempts=100,
            lease=LEASE,
            deadline=timedelta(hours=1),
            backoff=Backoff(first=timedelta(seconds=1), longest=timedelta(seconds=10)),
        )(self.play)

    async def play(self, db: Database, job: Job[dict[str, Any]]) -> None:
        """Until all is done that is due by the clock, or until the advance that is under way has come to its end."""
        run = _Run(db, self._sender, job)
        try:
            while not await run.round():
                pass
        except SandboxBusy:
            raise Later("the sandbox is busy", BUSY) from None
        except Exception:
            if job.last:
                await run.give_up()
            raise


class _Run:
    """One run of the job."""

    def __init__(self, db: Database, sender: Sender, job: Job[dict[str, Any]]) -> None:
        self._db, self._job, self._workspace = db, job, job.workspace or ""
        self._player = Player(db, sender, job)
        self._sources = moments.registry.copy()
        self._sources.add(self._player.source())

    async def round(self) -> bool:
        """Go on for a while. Whether nothing is left, and the job is done."""
        await world.follow(self._db, self._workspace)
        under_way = await advances.under_way(self._db, self._workspace)
        until = clock.business(self._workspace) if under_way is None else under_way.to
        played = await moments.play(
            self._db, self._workspace, until, seconds=SPAN, sources=self._sources, note=self._note
        )
        if not played.done:
            return False
        async with self._db.write(self._workspace) as tx:
            return await self._end(tx)

    async def give_up(self) -> None:
        """The advance fails: the clock goes on from where it has come to."""
        async with self._db.write(self._workspace) as tx:
            await hold(tx, self._job)
            under_way = await advances.current(tx, self._workspace)
            await advances.end(tx, self._workspace, "failed")
            if under_way is not None:
                await self._go_on(tx, under_way.pace)

    async def _note(self, tx: Transaction, played: Played) -> None:
        await hold(tx, self._job)
        happened, self._player.silent = played.moments - self._player.silent, 0
        if happened > 0:
            await advances.count(tx, self._workspace, happened)

    async def _end(self, tx: Transaction) -> bool:
        """Complete the job, unless something more has come meanwhile."""
        await ledger.lock_all(tx, self._workspace)
        now, under_way = clock.business(self._workspace), await advances.current(tx, self._workspace)
        if under_way is not None and now < under_way.to:
            return False
        if await self._sources.first(tx, self._workspace, now) is not None:
            return False
        await self._job.finish(tx)
        if under_way is not None:
            await advances.end(tx, self._workspace, "done")
            await self._go_on(tx, under_way.pace)
        return True

    async def _go_on(self, tx: Transaction, pace: int) -> None:
        if pace:
            await world.set_clock(tx, Clock(clock.business(self._workspace), clock.host(), pace))
            await player.wake(tx, self._workspace)
