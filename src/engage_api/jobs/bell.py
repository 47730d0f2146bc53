"""When a worker looks for work: at once when there may be some, and now and then in any case."""

import asyncio
from collections.abc import Collection
from time import monotonic

GAP = 0.02  # seconds at least between two looks that commits cause: many commits cause one look
IDLE = (
    0.02,
    1.0,
)  # seconds between two looks when nothing happens here: for work of other processes, due times, leases
GROWTH = 2  # of that pause, from look to look


class Bell:
    """Rung by hand, by what this process commits, and by the clock.

    A worker is not the only one that waits for commits, and an event that is cleared by one is missed by another. On
    PostgreSQL requests' commits (`theirs`) are the sequencer's to clear, so this only listens to them and clears those
    of `system` (`own`). SQLite has one event for both and no sequencer.
    """

    def __init__(self, own: asyncio.Event, theirs: asyncio.Event) -> None:
        self._own = own
        self._theirs = theirs
        self._heard = asyncio.Event()
        self._rung = asyncio.Event()
        self._pause = IDLE[0]
        self._looked = 0.0

    def ring(self) -> None:
        """Look now."""
        self._rung.set()

    def hush(self) -> None:
        """Before a look: what happens from here on is worth another one."""
        for event in (self._rung, self._own, self._heard):
            event.clear()
        self._looked = monotonic()

    async def listen(self) -> None:
        """Hear what is not ours to clear, until cancelled. If nobody clears it, only the clock rings."""
        while self._theirs is not self._own:
            await self._theirs.wait()
            self._heard.set()
            while self._theirs.is_set():  # noqa: ASYNC110  # no event tells that another was cleared
                await asyncio.sleep(GAP)
            self._heard.set()  # once more, for the commits that came in the meantime

    async def wait(self, stop: asyncio.Event, *, full: bool) -> None:
        """Until it is time for a look, or to stop. `full`: more work cannot be taken, so commits do not matter."""
        if full:
            await any_of({self._rung, stop}, IDLE[1])
        elif await any_of({self._rung, stop, self._own, self._heard}, self._pause):
            self._pause = IDLE[0]
            await any_of({self._rung, stop}, self._looked + GAP - monotonic())
        else:
            self._pause = min(self._pause * GROWTH, IDLE[1])


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
