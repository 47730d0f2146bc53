"""When a worker looks for work: at once when there may be some, and now and then in any case."""

import asyncio
from collections.abc import Collection
from time import monotonic

from engage_api.db.engine import Database

GAP = 0.02  # seconds at least between two looks that commits cause: many commits cause one look
IDLE = (
    0.02,
    1.0,
)  # seconds between two looks when nothing happens here: for work of other processes, due times, leases


class Bell:
    """Rung by hand, by what this process commits, and by the clock.

    A worker is not the only one that waits for commits, and an event that is cleared by one is missed by another. On
    PostgreSQL requests' commits are the sequencer's to clear, so this only listens to them and clears `system`'s; one
    that came and was cleared during a look is found by the next look, within a second. SQLite has one event for both
    and no sequencer.
    """

    def __init__(self, database: Database) -> None:
        self._rung = asyncio.Event()
        self._own = database.system.committed
        self._commits = {database.committed, self._own}
        self._pause = IDLE[0]
        self._looked = 0.0

    def ring(self) -> None:
        """Look now."""
        self._rung.set()

    def hush(self) -> None:
        """Before a look: what happens from here on is worth another one."""
        self._rung.clear()
        self._own.clear()
        self._looked = monotonic()

    async def wait(self, stop: asyncio.Event, *, full: bool) -> None:
        """Until it is time for a look, or to stop. `full`: more work cannot be taken, so commits do not matter."""
        if full:
            await any_of({self._rung, stop}, IDLE[1])
            return
        # One that is still set is somebody else's to clear: it says nothing, the pauses must do.
        fresh = {event for event in self._commits if event is self._own or not event.is_set()}
        if await any_of({self._rung, stop, *fresh}, self._pause):
            self._pause = IDLE[0]
            await any_of({self._rung, stop}, self._looked + GAP - monotonic())
        else:
            self._pause = min(self._pause * 2, IDLE[1])


async def any_of(events: Collection[asyncio.Event], seconds: float) -> bool:
    """Whether one of them is set, or was within that time."""
    already = any(event.is_set() for event in events)
    if already or seconds <= 0:
        return already
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        done, _ = await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    return bool(done)
