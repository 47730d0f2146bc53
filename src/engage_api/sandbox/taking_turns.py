"""An organization has one sandbox at a time filled, copied or reset by a process: however many it asks for, others wait
for one of them and not for all. Guests are one organization.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from engage_api.access import worlds
from engage_api.core.dice import DICE
from engage_api.db.engine import Database
from engage_api.events.webhooks.shares import Shares
from engage_api.jobs import Job, put_off

ONE = (1, 1)  # job of an organization at once, however many there are in all
TURN = (0.5, 1.5)  # seconds until one that has its share is looked at again: between, as the dice fall
_shares = Shares()
Handler = Callable[[Database, Job[Any]], Awaitable[None]]


def in_turn(do: Handler) -> Handler:
    """The handler of jobs whose payload names a `sandbox`, for when it is its organization's turn."""

    @wraps(do)
    async def turn(db: Database, job: Job[Any]) -> None:
        with _shares.run(await worlds.owner(db, job.payload.sandbox), ONE) as fits:
            if fits:
                await do(db, job)
            else:
                await put_off(db.system, job, timedelta(seconds=DICE.uniform(*TURN)))

    return turn
