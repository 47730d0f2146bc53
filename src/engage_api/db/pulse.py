"""Who waits for something to happen is woken: by this process at once, by others soon.

A ring says "look again", never what there is, and it may be lost when a connection breaks. So whoever listens also
looks by itself every second: a lost ring costs that second and nothing else.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Literal, get_args

Topic = Literal["commit", "log", "jobs"]
"""`commit`: this process committed. `log`: events became readable. `jobs`: a job was enqueued or queued again."""
TOPICS: tuple[Topic, ...] = get_args(Topic)
SHARED: tuple[Topic, ...] = ("log", "jobs")  # what other processes are told, too


class Ear:
    """One listener's own flag: nobody else can clear it."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """From the loop's own thread."""
        self._rung.set()

    async def wait(self, seconds: float) -> bool:
        """True when it was rung since the last wait, at once if that was meanwhile; False when the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        rung = self._rung.is_set()
        self._rung.clear()
        return rung


class Pulse:
    """One for each opened database. What others do reaches it through `others`, while `run` runs."""

    def __init__(self, others: Callable[["Pulse", asyncio.Event], Awaitable[None]]) -> None:
        self._others = others
        self._ears: dict[Topic, set[Ear]] = {topic: set() for topic in TOPICS}

    def ring(self, *topics: Topic) -> None:
        """Wake those in this process. Who changes data says `tx.ring(topic)`, which waits for the commit."""
        for topic in topics:
            for ear in self._ears[topic]:
                ear.ring()

    @contextmanager
    def hear(self, *topics: Topic, stop: asyncio.Event | None = None) -> Iterator[Ear]:
        """An ear for these as long as the block lasts; `stop` rings it, too."""
        ear = Ear()
        told = None if stop is None else asyncio.create_task(_pass_on(stop, ear))
        for topic in topics:
            self._ears[topic].add(ear)
        try:
            yield ear
        finally:
            for topic in topics:
                self._ears[topic].discard(ear)
            if told is not None:
                told.cancel()

    @property
    def heard(self) -> bool:
        """Whether anybody listens to what others do."""
        return any(self._ears[topic] for topic in SHARED)

    async def run(self, stop: asyncio.Event) -> None:
        """Hear other processes that use the same database, until `stop`. No failure of that ends it."""
        await self._others(self, stop)


async def _pass_on(stop: asyncio.Event, ear: Ear) -> None:
    await stop.wait()
    ear.ring()
