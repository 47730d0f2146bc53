"""Webhooks of a sandbox whose clock stands still or is being moved: one attempt after the other, each at its moment.

It is a source of what time does (`jobs/moments`), for the one job that lets it happen there (`drains.PLAY`).
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from time import monotonic
from typing import Any

from engage_api.core import clock
from engage_api.core.event_types import matches
from engage_api.db import sequencer
from engage_api.db.engine import Database, Transaction
from engage_api.events.webhooks import deliveries, drains, ledger
from engage_api.events.webhooks.deliveries import Due as Waiting
from engage_api.events.webhooks.fanout import Fanout
from engage_api.events.webhooks.handover import Handover
from engage_api.events.webhooks.ledger import Sending
from engage_api.events.webhooks.restraint import Patience
from engage_api.events.webhooks.schedule import Health
from engage_api.events.webhooks.sender import Outcome, Sender
from engage_api.jobs import Job
from engage_api.jobs.timed import Due, Source

NAME = "webhook"
LOG = ""  # in the place of an endpoint: what is new in the log becomes deliveries
SECONDS, SLOW = 5.0, 2.5  # of an attempt: at most, and so many that it counts as one without an answer
LOOKS = 50  # events at which it is seen whether somebody wants them
BUSY, AGAIN = 25, 0.2  # how often, and after how many seconds, a way out that is taken is tried again


class Player:
    """Does this for one run of the job, which waits for nobody beyond `ends` (`monotonic`). `silent` counts the steps
    that were no attempts.
    """

    def __init__(self, db: Database, sender: Sender, job: Job[Any], ends: float) -> None:
        self._db, self._sender, self._job, self._ends = db, sender, job, ends
        self._fanout = Fanout(db)
        self.patience = Patience((job.payload or {}).get(drains.TRIED, {}))
        self._left: set[str] = set()  # endpoints to which nothing can be sent now
        self.silent = 0

    def source(self) -> Source:
        """What it adds to what time does."""
        return Source(NAME, first=self.first, waiting=_nothing, outside=self.step)

    async def first(self, tx: Transaction, workspace: str, until: datetime) -> Due | None:
        """The first attempt that is due until then, or before it the first event that somebody wants."""
        sends = [one for one in await ledger.sending(tx, workspace) if one.model.id not in self._left]
        if not sends:
            return None
        now, found = clock.business(workspace), []
        for one in sends:
            soonest = await deliveries.soonest(tx, workspace, one.model.id, ordered=one.model.ordered)
            if soonest is not None:
                found.append(Due(_rested(one, soonest, now), NAME, one.model.id))
        new = _wanted(await ledger.unseen(tx, workspace, LOOKS), sends)
        if new is not None:
            found.append(Due(min(_rested(one, new, now) for one in sends), NAME, LOG))
        return min((due for due in found if due.at <= until), default=None)

    async def step(self, db: Database, workspace: str, due: Due) -> None:
        """One attempt, or what is new in the log becomes deliveries."""
        if due.id == LOG:
            self.silent += 1
            await sequencer.settle(db)
            await self._fanout.catch_up(workspace)
            return
        hand = Handover(db, self._sender, self._job, due.id)
        await hand.look()
        standing, found = hand.standing, []
        if standing is not None and not hand.over:
            found = await deliveries.due(db, workspace, due.id, ordered=standing.model.ordered, most=1)
        if not found:
            self.silent += 1
            self._left.add(due.id)
            return
        if self.patience.refusal(due.id) is None and not await self._may(hand):
            self.silent += 1
            return
        outcome = await self._attempt(hand, due.id, found[0])
        await hand.record([(found[0], outcome)], due.at)

    async def _may(self, hand: Handover) -> bool:
        """Wait until the receiver may be asked. False: the time of the run is over before."""
        while wait := hand.held():  # others may have their turn before, and then it is longer
            left = self._ends - monotonic()
            if left <= 0:
                return False
            await asyncio.sleep(min(wait, left))
        return True

    async def _attempt(self, hand: Handover, endpoint: str, waiting: Waiting) -> Outcome | None:
        refusal = self.patience.refusal(endpoint)
        if refusal is not None:
            self.patience.unasked(endpoint)
            return Outcome(clock.host(), 0.0, {}, None, refusal)
        outcome = await hand.attempt(waiting, SECONDS)
        for _ in range(BUSY):
            if outcome is None or not outcome.unsent:
                break
            await asyncio.sleep(AGAIN)
            outcome = await hand.attempt(waiting, SECONDS)
        if outcome is not None:
            late = outcome.answer is None or outcome.seconds >= SLOW
            self.patience.asked(endpoint, taken=outcome.taken, late=late)
        return outcome


async def wake(tx: Transaction, workspace: str) -> None:
    """The clock of a sandbox goes otherwise from here on: let whatever waits be sent when it is due by that."""
    await ledger.lock_all(tx, workspace)
    for endpoint, soonest in await deliveries.waits(tx, workspace):
        await drains.ask(tx, endpoint, soonest)


def _rested(one: Sending, at: datetime, now: datetime) -> datetime:
    """When an attempt can be made that is due then, to an endpoint that may be left alone for longer."""
    rest = one.open_until if Health(open_until=one.open_until).rests(now) else None
    return at if rest is None else max(at, rest)


def _wanted(new: list[tuple[str, datetime]], sends: list[Sending]) -> datetime | None:
    """When the first of these events happened that one of them takes; if there are many, of the last one at most."""
    for type_, recorded in new:
        if any(matches(pattern, type_) for one in sends for pattern in one.model.types):
            return recorded
    return new[-1][1] if len(new) >= LOOKS else None


async def _nothing(_: Database) -> Iterable[tuple[str, datetime]]:
    """Elsewhere the couriers do it."""
    return ()
