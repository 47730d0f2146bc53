"""The job that sends what waits for an endpoint. One at a time does so for each endpoint, under the lease of its job.

What came of an attempt is written in a transaction that holds the job: who has lost it, stopped for longer than its
lease, writes nothing. So an attempt may be made twice, with the same `webhook-id`, and is never forgotten.
"""

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta
from time import monotonic

from engage_api.core import clock
from engage_api.db import log
from engage_api.db.engine import Database, Transaction
from engage_api.events.webhooks import deliveries, drains, ledger, schedule, secrets, turns
from engage_api.events.webhooks.deliveries import Due, Settled
from engage_api.events.webhooks.ledger import Standing
from engage_api.events.webhooks.schedule import WELL, Health
from engage_api.events.webhooks.sender import Outcome, Sender
from engage_api.events.webhooks.shares import Shares
from engage_api.events.webhooks.signing import Key
from engage_api.jobs import Backoff, Job, queue
from engage_api.jobs.registry import Registry

WIDTH = 8  # attempts at once, unless one after the other is asked for or enough
MOST = 50  # in one run of the job: then others have their turn,
SPAN = 20.0  # as after so many seconds: nothing is begun any more
TURN = (5.0, 15.0)  # seconds until an organization that has its share is looked at again: between, as the dice fall
LEASE = timedelta(seconds=30)  # of a worker that has vanished: then another one goes on
FRESH = 1.0  # seconds for which an endpoint and its secrets are believed
AWAY = timedelta(minutes=10)  # until it is seen whether an application has been let in again
NOW = timedelta(0)
POOL = "webhooks"
SENDS = frozenset({"enabled", "failing"})

Result = tuple[Due, Outcome | None]
"""What came of an attempt; None: the event may not be seen any more, and was not sent."""


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
        self._db, self._sender, self._shares, self._job = db, sender, shares, job
        self._workspace, self._endpoint = job.workspace or "", job.payload.endpoint
        self._standing: Standing | None = None
        self._keys: list[Key] = []
        self._began = self._looked = 0.0
        self._health: Health = WELL
        self._over = False
        self._pause = NOW

    async def run(self) -> None:
        await self._look()
        with self._shares.run(self._organization) as fits:
            if fits or self._over:
                await self._send()
                away = self._standing is not None and self._standing.principal is None
                await self._end(AWAY if away else self._pause)
            else:
                await self._end(_turn())

    @property
    def _organization(self) -> str:
        """Whose share it takes; nobody's when nothing is sent."""
        principal = self._standing and self._standing.principal
        return principal.organization if principal else ""

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
                    self._over, self._pause = True, _turn()  # they wait as they did
                if told := [(due, one) for due, one in results if one is None or not one.unsent]:
                    await self._record(told)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _begin(self) -> list[Due]:
        """What is to be sent, the last one first."""
        if self._standing is None or self._over:
            return []
        ordered = self._standing.model.ordered
        found = await deliveries.due(self._db, self._workspace, self._endpoint, ordered=ordered, most=MOST)
        return found[::-1]

    async def _look(self) -> None:
        """At the endpoint, its owner and its secrets, as they are now. They are believed from when they have been read:
        else nothing would be sent where that takes longer than they are fresh.
        """
        found = self._standing = await ledger.one(self._db, self._workspace, self._endpoint)
        if found is None or found.model.state not in SENDS:
            self._over = True
            return
        self._health = found.health
        self._keys = await secrets.keys(self._db, self._sender.box, self._workspace, self._endpoint)
        if found.principal is None:
            self._over = True
            if not found.revoked:
                return  # it may be let in again: what waits is kept
            async with self._db.write(self._workspace) as tx:
                await self._alone(tx)
                await deliveries.cancel_all(tx, self._workspace, self._endpoint)
        elif not self._keys:
            self._over = True
            async with self._db.write(self._workspace) as tx:
                if await self._alone(tx) is not None:
                    await turns.disable(tx, found.principal, self._endpoint, "unsigned")
        elif self._health.rests(clock.host()):
            self._over = True
        self._looked = monotonic()

    async def _start(self, waiting: list[Due], running: dict[asyncio.Task[Outcome | None], Due]) -> None:
        """As many attempts as may be under way at once."""
        while waiting and not self._over and monotonic() - self._began < SPAN:
            found = self._standing
            alone = found is None or found.model.ordered or self._health.probing
            alone = alone or not self._shares.is_wide(self._organization)
            if len(running) >= (1 if alone else WIDTH):
                return
            if monotonic() - self._looked > FRESH:
                await self._look()
                continue
            due = waiting.pop()
            task = asyncio.create_task(self._attempt(due))
            self._shares.begin(task, self._organization)
            running[task] = due

    async def _attempt(self, due: Due) -> Outcome | None:
        found = self._standing
        assert found is not None  # noqa: S101  # else nothing is started
        assert found.principal is not None  # noqa: S101  # as above
        line = await log.one(self._db, found.principal, due.event_id)
        if line is None:
            return None
        url, organization = found.model.url, found.principal.organization
        return await self._sender.attempt(url, self._keys, line.id, line.document, organization)

    async def _record(self, results: Sequence[Result]) -> None:
        """Write down what came of attempts, and what follows from it for the endpoint."""
        found, now = self._standing, clock.host()
        async with self._db.write(self._workspace) as tx:
            was = health = await self._alone(tx)
            if health is None or found is None or found.principal is None:
                self._over = True  # it has been deleted, or has lost its owner
                return
            told = [(due, outcome) for due, outcome in results if outcome is not None]
            await deliveries.settle(tx, self._workspace, [_settled(due, outcome) for due, outcome in results])
            await deliveries.note(tx, [outcome.row(self._workspace, due.id, due.attempts + 1) for due, outcome in told])
            for _, outcome in told:
                health = WELL if outcome.taken else health.worse(now)
            if health != was:
                health = await turns.follow(tx, found.principal, self._endpoint, health)
                await ledger.save(tx, self._workspace, self._endpoint, health)
            if any(outcome.gone for _, outcome in told):
                await turns.disable(tx, found.principal, self._endpoint, "gone")
        self._health = health
        stuck = found.model.ordered and any(not outcome.taken for _, outcome in told)
        if stuck or health.rests(clock.host()) or any(outcome.gone for _, outcome in told):
            self._over = True

    async def _alone(self, tx: Transaction) -> Health | None:
        """Lock the endpoint's health, and be sure that the job is still ours."""
        health = await ledger.lock(tx, self._workspace, self._endpoint)
        await queue.hold(tx, self._job)
        return health

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
                now = clock.host()
                rest = health.open_until if health.rests(now) else None
                await drains.ask(tx, self._endpoint, max(soonest, rest or soonest, now + pause))


def _turn() -> timedelta:
    """How long to leave the way to others."""
    return timedelta(seconds=random.uniform(*TURN))  # noqa: S311  # it hides nothing


def _settled(due: Due, outcome: Outcome | None) -> Settled:
    if outcome is None:
        return Settled(due, "cancelled", due.tries, due.attempts, due.due_at)
    tries, attempts = due.tries + 1, due.attempts + 1
    if outcome.taken:
        return Settled(due, "delivered", tries, attempts, due.due_at)
    wait = None if outcome.gone else schedule.pause(tries, outcome.wish)
    if wait is None:
        return Settled(due, "failed", tries, attempts, due.due_at)
    return Settled(due, "pending", tries, attempts, clock.host() + wait)
