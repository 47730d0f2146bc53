"""When a worker looks for work: at once when there may be some, and now and then in any case."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from engage_api.db.pulse import Ear, Pulse

GAP = 0.02  # seconds at least between two looks that others cause: many new jobs cause one look
IDLE = (
    0.02,
    1.0,
)  # seconds between two looks when nothing happens: for due times, leases, and rings that were lost
GROWTH = 2  # of that pause, from look to look


class Bell:
    """Rung by hand, by jobs that are enqueued here or elsewhere, and by the clock."""

    def __init__(self, anybody: Ear, hand: Ear) -> None:
        self._anybody = anybody
        self._hand = hand
        self._pause = IDLE[0]

    def ring(self) -> None:
        """Look now."""
        self._hand.ring()
        self._anybody.ring()

    async def wait(self) -> None:
        """Until it is time for a look, or to stop."""
        looked = monotonic()
        if await self._anybody.wait(self._pause):
            self._pause = IDLE[0]
            await self._hand.wait(looked + GAP - monotonic())
        else:
            self._pause = min(self._pause * GROWTH, IDLE[1])


@contextmanager
def listening(pulse: Pulse, stop: asyncio.Event) -> Iterator[Bell]:
    """A bell for as long as the block lasts, which `stop` rings, too."""
    with pulse.hear("jobs", stop=stop) as anybody, pulse.hear(stop=stop) as hand:
        yield Bell(anybody, hand)
