"""An organization has one sandbox at a time filled, copied or reset by a process: however many it asks for, others wait
for one of them and not for all. Guests are one organization.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import wraps
from time import monotonic
from typing import Any

from engage_api.access import worlds
from engage_api.core.dice import DICE
from engage_api.db.engine import Database
from engage_api.db.errors import Unavailable
from engage_api.events.webhooks.shares import Shares
from engage_api.jobs import Job, put_off

ONE = (1, 1)  # job of an organization at once, however many there are in all
TURN = (0.5, 1.5)  # seconds until one that has to wait is looked at again: between, as the dice fall
LONGEST = 20  # times as long, one for each that waits: looking at all of them is not to be the work
GONE = 2 * LONGEST * TURN[1]  # seconds after which who was not looked at again is done elsewhere
_shares = Shares()
_waiting: dict[str, dict[str, float]] = {}  # by organization: which jobs, and when each was looked at
Handler = Callable[[Database, Job[Any]], Awaitable[None]]


def in_turn(do: Handler) -> Handler:
    """The handler of jobs whose payload names a `sandbox`, for when it is its organization's turn. Until it begins no
    attempt counts, whatever becomes of the database.
    """

    @wraps(do)
    async def turn(db: Database, job: Job[Any]) -> None:
        try:
            owner = await worlds.owner(db, job.payload.sandbox)
        except Unavailable:
            await _later(db, job, 1)
            return
        with _shares.run(owner, ONE) as fits:
            if fits:
                _waiting.pop(owner, None)  # the others are counted anew
                await do(db, job)
                return
        await _later(db, job, _ahead(owner, job.id))

    return turn


async def _later(db: Database, job: Job[Any], times: int) -> None:
    """Have it looked at again. While the database cannot write that down, this process tries again."""
    while True:
        pause = DICE.uniform(*TURN)
        try:
            return await put_off(db.system, job, timedelta(seconds=pause * times))
        except Unavailable:
            await asyncio.sleep(pause)


def _ahead(owner: str, job_id: str) -> int:
    """How many of an organization wait, this one too, as far as this process knows; `LONGEST` at most."""
    now, waiting = monotonic(), _waiting.pop(owner, {})
    kept = {one: at for one, at in waiting.items() if at > now - GONE} | {job_id: now}
    while _waiting and max(next(iter(_waiting.values())).values()) <= now - GONE:  # who waits longest comes first
        del _waiting[next(iter(_waiting))]
    _waiting[owner] = kept
    return min(len(kept), LONGEST)
