"""The job that lets happen, in order, what is due in a sandbox whose clock stands still or is being moved.

There is one at a time in a sandbox. Clock, transitions and count commit together, so whoever goes on after it was
killed goes on where it was. After a while it leaves the rest to another job, so that other sandboxes have their turn.
"""

from datetime import timedelta
from time import monotonic
from typing import Any

from engage_api.access import worlds
from engage_api.core import clock
from engage_api.core.clock import Clock
from engage_api.core.dice import DICE
from engage_api.core.world import SandboxBusy, SandboxFull, working
from engage_api.db import world
from engage_api.db.engine import Database, Transaction
from engage_api.events.webhooks import drains, ledger, player
from engage_api.events.webhooks.player import Player
from engage_api.events.webhooks.sender import Sender
from engage_api.events.webhooks.shares import Shares
from engage_api.jobs import Backoff, Job, Later, Registry, hold, moments
from engage_api.jobs.limits import CLOCKS
from engage_api.jobs.moments import Played
from engage_api.sandbox.clocks import advances

SPAN = 10.0  # seconds of one job, the answers of receivers included: then the rest is another one's
SHARE = (2, 4)  # jobs of an organization at once, unless there are fewer in all; guests are one organization
TURN = (1.0, 2.0)  # seconds until one that has its share is looked at again: between, as the dice fall
LEASE = timedelta(seconds=10)  # of a worker that has vanished: then another one goes on
BUSY = timedelta(seconds=5)  # until a sandbox that is being copied or reset is looked at again


class Mover:
    """Does these jobs in a process that knows the way out."""

    def __init__(self, sender: Sender) -> None:
        self._sender, self._shares = sender, Shares()

    def join(self, registry: Registry) -> None:
        """Add these jobs to those of a process."""
        registry.job(
            drains.PLAY,
            max_attempts=100,
            lease=LEASE,
            deadline=timedelta(minutes=5),
            backoff=Backoff(first=timedelta(seconds=1), longest=timedelta(seconds=10)),
            pool=CLOCKS,
        )(self.play)

    async def play(self, db: Database, job: Job[dict[str, Any]]) -> None:
        """Until all is done that is due by the clock, or until the advance that is under way has come to its end."""
        run = _Run(db, self._sender, job)
        try:
            with self._shares.run(await worlds.owner(db, job.workspace or ""), SHARE) as fits:
                if not fits:
                    await run.leave(timedelta(seconds=DICE.uniform(*TURN)))
                while not job.finished:
                    await run.round()
        except SandboxFull:
            await run.give_up(finish=True)
        except SandboxBusy:
            if job.last:
                with working():
                    await run.give_up()
            raise Later("the sandbox is busy", BUSY) from None
        except Exception:
            if job.last:
                await run.give_up()
            raise


class _Run:
    """One run of the job."""

    def __init__(self, db: Database, sender: Sender, job: Job[dict[str, Any]]) -> None:
        self._db, self._job, self._workspace = db, job, job.workspace or ""
        self._ends = monotonic() + SPAN
        self._player = Player(db, sender, job, self._ends)
        self._sources = moments.registry.copy()
        self._sources.add(self._player.source())

    async def round(self) -> None:
        """Go on, until the job is done or its time is over."""
        await world.follow(self._db, self._workspace)
        under_way = await advances.under_way(self._db, self._workspace)
        until = clock.business(self._workspace) if under_way is None else under_way.to
        left = max(0.0, self._ends - monotonic())
        played = await moments.play(
            self._db, self._workspace, until, seconds=left, sources=self._sources, note=self._note
        )
        if played.done:
            async with self._db.write(self._workspace) as tx:
                await self._end(tx)
        elif monotonic() >= self._ends:
            await self.leave(drains.NOW)

    async def leave(self, pause: timedelta) -> None:
        """Another job goes on where this one has come to."""
        async with self._db.write(self._workspace) as tx:
            await self._job.finish(tx)
            await drains.ask_to_play(tx, self._workspace, pause, self._player.patience.kept)

    async def give_up(self, *, finish: bool = False) -> None:
        """The advance fails: the clock goes on from where it has come to. `finish`: trying again would be in vain."""
        async with self._db.write(self._workspace) as tx:
            await (self._job.finish(tx) if finish else hold(tx, self._job))
            under_way = await advances.current(tx, self._workspace)
            await advances.end(tx, self._workspace, "failed")
            if under_way is not None:
                await self._go_on(tx, under_way.pace)

    async def _note(self, tx: Transaction, played: Played) -> None:
        await hold(tx, self._job)
        happened, self._player.silent = played.moments - self._player.silent, 0
        if happened > 0:
            await advances.count(tx, self._workspace, happened)

    async def _end(self, tx: Transaction) -> None:
        """Complete the job, unless something more has come meanwhile."""
        await ledger.lock_all(tx, self._workspace)
        now, under_way = clock.business(self._workspace), await advances.current(tx, self._workspace)
        if under_way is not None and now < under_way.to:
            return
        if await self._sources.first(tx, self._workspace, now) is not None:
            return
        await self._job.finish(tx)
        if under_way is not None:
            await advances.end(tx, self._workspace, "done")
            await self._go_on(tx, under_way.pace)

    async def _go_on(self, tx: Transaction, pace: int) -> None:
        if pace:
            await world.set_clock(tx, Clock(clock.business(self._workspace), clock.host(), pace))
            await player.wake(tx, self._workspace)
