"""The job that sends what waits for an endpoint. One at a time does so for each endpoint, under the lease of its job.

In a sandbox whose clock stands still it leaves all to the one job that does things in order (`drains.PLAY`).
"""

import asyncio
from datetime import timedelta
from time import monotonic

from engage_api.core import clock
from engage_api.core.dice import DICE
from engage_api.db.engine import Database
from engage_api.events.webhooks import deliveries, drains, ledger
from engage_api.events.webhooks.deliveries import Due
from engage_api.events.webhooks.handover import Handover
from engage_api.events.webhooks.ledger import SENDS
from engage_api.events.webhooks.sender import Outcome, Sender
from engage_api.events.webhooks.shares import Shares
from engage_api.jobs import Backoff, Job
from engage_api.jobs.registry import Registry

WIDTH = 8  # attempts at once, unless one after the other is asked for or enough
MOST = 50  # in one run of the job: then others have their turn,
SPAN = 20.0  # as after so many seconds: nothing is begun any more
TURN = (5.0, 15.0)  # seconds until an organization that has its share is looked at again: between, as the dice fall
LEASE = timedelta(seconds=30)  # of a worker that has vanished: then another one goes on
FRESH = 1.0  # seconds for which an endpoint and its secrets are believed
AWAY = timedelta(minutes=10)  # until it is seen whether an application has been let in again
POOL = "webhooks"


class Courier:
    """Does these jobs in a process that knows the way out."""

    def __init__(self, sender: Sender) -> None:
        self._sender, self._shares = sender, Shares()

    def join(self, registry: Registry) -> None:
        """Add these jobs to those of a process."""
        registry.job(
            drains.DELIVER,
            payload=drains.Wanted,
            max_attempts=1_000,  # it is the deliveries that are given up, one by one
            lease=LEASE,
            deadline=timedelta(minutes=5),
            backoff=Backoff(first=timedelta(seconds=1), longest=timedelta(minutes=1)),
            pool=POOL,
        )(self.deliver)

    async def deliver(self, db: Database, job: Job[drains.Wanted]) -> None:
        """Send what is due, and see to it that what is not will be."""
        await _Run(db, self._sender, self._shares, job).run()


class _Run:
    """One run of the job."""

    def __init__(self, db: Database, sender: Sender, shares: Shares, job: Job[drains.Wanted]) -> None:
        self._db, self._shares, self._job = db, shares, job
        self._workspace, self._endpoint = job.workspace or "", job.payload.endpoint
        self._hand = Handover(db, sender, job, self._endpoint)
        self._began = 0.0
        self._pause = drains.NOW

    async def run(self) -> None:
        await self._look()
        hand = self._hand
        with self._shares.run(hand.organization) as fits:
            if fits or hand.over:
                await self._send()
                away = hand.standing is not None and hand.standing.principal is None
                await self._end(AWAY if away else self._pause)
            else:
                await self._end(_turn())

    async def _look(self) -> None:
        await self._hand.look()
        self._hand.over = self._hand.over or clock.is_frozen(self._workspace)

    async def _send(self) -> None:
        running: dict[asyncio.Task[Outcome | None], Due] = {}
        try:
            waiting, self._began = await self._begin(), monotonic()
            while True:
                await self._start(waiting, running)
                if not running:
                    break
                done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                results = [(running.pop(task), task.result()) for task in done]
                if any(outcome is not None and outcome.unsent for _, outcome in results):
                    self._hand.over, self._pause = True, _turn()  # they wait as they did
                if told := [(due, one) for due, one in results if one is None or not one.unsent]:
                    await self._hand.record(told)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _begin(self) -> list[Due]:
        """What is to be sent, the last one first."""
        if self._hand.standing is None or self._hand.over:
            return []
        ordered = self._hand.standing.model.ordered
        found = await deliveries.due(self._db, self._workspace, self._endpoint, ordered=ordered, most=MOST)
        return found[::-1]

    async def _start(self, waiting: list[Due], running: dict[asyncio.Task[Outcome | None], Due]) -> None:
        """As many attempts as may be under way at once."""
        while waiting and not self._hand.over and monotonic() - self._began < SPAN:
            found = self._hand.standing
            alone = found is None or found.model.ordered or self._hand.health.probing
            alone = alone or not self._shares.is_wide(self._hand.organization)
            if len(running) >= (1 if alone else WIDTH):
                return
            if monotonic() - self._hand.looked > FRESH:
                await self._look()
                continue
            if self._hand.held():
                self._hand.over, self._pause = True, _turn()  # they wait as they did
                return
            due = waiting.pop()
            task = asyncio.create_task(self._hand.attempt(due))
            self._shares.begin(task, self._hand.organization)
            running[task] = due

    async def _end(self, pause: timedelta) -> None:
        """Complete the job; if something is left to do, promise another one, that does not begin before a pause."""
        async with self._db.write(self._workspace) as tx:
            health = await ledger.lock(tx, self._workspace, self._endpoint)
            await self._job.finish(tx)
            if health is None:
                return
            model = await ledger.model(tx, self._workspace, self._endpoint)
            if model.state not in SENDS:
                return
            soonest = await deliveries.soonest(tx, self._workspace, self._endpoint, ordered=model.ordered)
            if soonest is not None:
                rest = health.open_until if health.rests(clock.business(self._workspace)) else None
                await drains.ask(tx, self._endpoint, max(soonest, rest or soonest), pause=pause)


def _turn() -> timedelta:
    """How long to leave the way to others."""
    return timedelta(seconds=DICE.uniform(*TURN))
