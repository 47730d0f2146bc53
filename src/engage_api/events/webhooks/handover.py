"""What is between us and one endpoint while a job sends to it: how it stands, an attempt, and what comes of it.

What came of an attempt is written in a transaction that holds the job: who has lost it, stopped for longer than its
lease, writes nothing. So an attempt may be made twice, with the same `webhook-id`, and is never forgotten.
"""

from collections.abc import Sequence
from datetime import datetime
from time import monotonic
from typing import Any

from engage_api.core import clock, world
from engage_api.db import log
from engage_api.db import world as worlds
from engage_api.db.engine import Database, Transaction
from engage_api.events.webhooks import deliveries, ledger, mishaps, schedule, secrets, turns
from engage_api.events.webhooks.deliveries import Due, Settled
from engage_api.events.webhooks.ledger import SENDS, Standing
from engage_api.events.webhooks.schedule import WELL, Health
from engage_api.events.webhooks.sender import BOUNDS, Outcome, Sender
from engage_api.events.webhooks.signing import Key
from engage_api.jobs import Job, queue

Result = tuple[Due, Outcome | None]
"""What came of an attempt; None: the event may not be seen any more, and was not sent."""


class Handover:
    """To one endpoint. `over`: nothing is to be begun any more."""

    def __init__(self, db: Database, sender: Sender, job: Job[Any], endpoint: str) -> None:
        self._db, self._sender, self._job = db, sender, job
        self._workspace, self._endpoint = job.workspace or "", endpoint
        self._keys: list[Key] = []
        self.standing: Standing | None = None
        self.health: Health = WELL
        self.over = False
        self.looked = 0.0

    @property
    def organization(self) -> str:
        """Whose share it takes; nobody's when nothing is sent."""
        principal = self.standing and self.standing.principal
        return principal.organization if principal else ""

    async def look(self) -> None:
        """At the endpoint, its owner and its secrets, as they are now. They are believed from when they have been read:
        else nothing would be sent where that takes longer than they are fresh.
        """
        await worlds.follow(self._db, self._workspace)
        found = self.standing = await ledger.one(self._db, self._workspace, self._endpoint)
        if found is None or found.model.state not in SENDS:
            self.over = True
            return
        self.health = found.health
        self._keys = await secrets.keys(self._db, self._sender.box, self._workspace, self._endpoint)
        if found.principal is None:
            self.over = True
            if not found.revoked:
                return  # it may be let in again: what waits is kept
            async with self._db.write(self._workspace) as tx:
                await self.alone(tx)
                await deliveries.cancel_all(tx, self._workspace, self._endpoint)
        elif not self._keys:
            self.over = True
            async with self._db.write(self._workspace) as tx:
                if await self.alone(tx) is not None:
                    await turns.disable(tx, found.principal, self._endpoint, "unsigned")
        elif self.health.rests(clock.business(self._workspace)):
            self.over = True
        self.looked = monotonic()

    async def attempt(self, due: Due, seconds: float = BOUNDS.seconds) -> Outcome | None:
        """Send it once, within so many seconds. None: it may not be seen any more."""
        found = self.standing
        assert found is not None  # noqa: S101  # else nothing is started
        assert found.principal is not None  # noqa: S101  # as above
        line = await log.one(self._db, found.principal, due.event_id)
        if line is None:
            return None
        url, organization = found.model.url, found.principal.organization
        outcome = await self._sender.attempt(url, self._keys, line.id, line.document, organization, seconds=seconds)
        if worlds.has_world(self._workspace) and not outcome.unsent:
            self._sender.brake.note(self._workspace, organization, url, taken=outcome.taken)
        return outcome

    def held(self) -> float:
        """For how many seconds the receiver is not to be asked, as sandboxes have asked it in vain too often, or too
        often altogether; 0: it is asked now.
        """
        found = self.standing
        if found is None or not worlds.has_world(self._workspace):
            return 0.0
        return self._sender.brake.turn(self._workspace, self.organization, found.model.url)

    async def record(self, results: Sequence[Result], at: datetime | None = None) -> None:
        """Write down what came of attempts, and what follows from it for the endpoint. `at`: the moment to which the
        sandbox has come with them.
        """
        found, told = self.standing, [(due, outcome) for due, outcome in results if outcome is not None]
        async with self._db.write(self._workspace) as tx:
            was = health = await self.alone(tx)
            if health is None or found is None or found.principal is None:
                self.over = True  # it has been deleted, or has lost its owner
                return
            here = world.standing(self._workspace)
            if at is not None and here is not None and at > here.moment:
                here.move(at)
            now = clock.business(self._workspace)
            settled = [self._settled(*one, now) for one in results]
            await deliveries.settle(tx, self._workspace, await mishaps.repeat(tx, self._workspace, settled, now))
            await deliveries.note(tx, [outcome.row(self._workspace, due.id, due.attempts + 1) for due, outcome in told])
            for _, outcome in told:
                dice = schedule.dice(self._workspace, self._endpoint, health.failures)
                health = WELL if outcome.taken else health.worse(now, dice)
            if health != was:
                health = await turns.follow(tx, found.principal, self._endpoint, health)
                await ledger.save(tx, self._workspace, self._endpoint, health)
            gone = any(outcome.gone for _, outcome in told)
            if gone:
                await turns.disable(tx, found.principal, self._endpoint, "gone")
        self.health = health
        stuck = found.model.ordered and any(not outcome.taken for _, outcome in told)
        self.over = self.over or stuck or gone or health.rests(clock.business(self._workspace))

    async def alone(self, tx: Transaction) -> Health | None:
        """Lock the endpoint's health, and be sure that the job is still ours."""
        health = await ledger.lock(tx, self._workspace, self._endpoint)
        await queue.hold(tx, self._job)
        return health

    def _settled(self, due: Due, outcome: Outcome | None, now: datetime) -> Settled:
        if outcome is None:
            return Settled(due, "cancelled", due.tries, due.attempts, due.due_at)
        tries, attempts = due.tries + 1, due.attempts + 1
        if outcome.taken:
            return Settled(due, "delivered", tries, attempts, due.due_at)
        dice = schedule.dice(self._workspace, due.event_id, self._endpoint, attempts)
        wait = None if outcome.gone else schedule.pause(tries, outcome.wish, dice)
        if wait is None:
            return Settled(due, "failed", tries, attempts, due.due_at)
        return Settled(due, "pending", tries, attempts, now + wait)
