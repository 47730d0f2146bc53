"""Seeding: a new sandbox gets a past of four months, played through the usual services."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from time import monotonic
from typing import NamedTuple, Self

from engage_api.access.sandboxes.models import Persona
from engage_api.cases import seed as cases
from engage_api.core import clock, world
from engage_api.core.clock import FROZEN, Clock
from engage_api.core.principal import Principal
from engage_api.customers import seed as customers
from engage_api.db import world as worlds
from engage_api.db.batch import Batch
from engage_api.db.engine import Database, Transaction
from engage_api.db.errors import Unavailable
from engage_api.db.story import SHUT, Part, Setting, Step
from engage_api.events import seed as signals
from engage_api.events.webhooks import seed as webhooks
from engage_api.jobs import moments
from engage_api.offers import seed as offers
from engage_api.sandbox.personas import personas

PARTS: tuple[Part, ...] = (customers.told, offers.told, cases.told, signals.told, webhooks.told)
"""What each slice tells. At the same moment the first of them comes first."""
PAST = timedelta(days=120)
PORTION = 0.2  # seconds of one transaction when others wait to write
LONGEST = 0.5  # and when nobody of this process does: those of others are not seen to wait
AHEAD = 2_000  # steps that are told before their turn, while the database works
ATTEMPTS = 5
BREATH = 0.005  # seconds between two looks at the loop
TELLING = 0.002  # seconds of telling ahead at once: others have the loop in between


class Extent(NamedTuple):
    """How much is in a sandbox of some size."""

    customers: int
    cases: int


SIZES = {
    "tiny": Extent(12, 20),
    "small": Extent(100, 160),
    "medium": Extent(5_000, 4_000),
    "large": Extent(100_000, 12_000),
}
Note = Callable[[int, int], Awaitable[None]]


async def nobody(_done: int, _total: int) -> None:
    """Is told, and notes nothing."""


async def seed(
    db: Database, who: Principal, size: str, *, note: Note = nobody, ends: datetime | None = None, epoch: int = 0
) -> list[Persona]:
    """Fill the empty sandbox of `who`, and say whom to look for in it.

    The story ends where the sandbox's clock stands, or at `ends`; there the clock stands still when it is told, for the
    caller to let it run. `note` hears how many customers and cases there are, and how many there will be. `epoch` is
    that of the log of the empty sandbox.

    Raises:
        Unavailable: somebody else fills it, or has filled it since then.
    """
    if size == "empty":
        return []
    extent, total = SIZES[size], sum(SIZES[size])
    with world.working():
        setting, here = await _begin(db, who.workspace, extent, ends, epoch)
        batch = Batch(who.workspace)
        async with _Ahead(await asyncio.to_thread(told, setting)) as steps:
            player = _Player(who, setting, steps, here)
            while not player.over:
                await _play(db, player, batch)
                await note(player.made, total)
                await asyncio.sleep(0)
    return personas(setting)


async def _play(db: Database, player: "_Player", batch: Batch) -> None:
    """One portion. Whoever has to wait too long for the turn to write tries again; a story that was cut off amid a
    portion is begun anew by the caller.
    """
    for left in reversed(range(ATTEMPTS)):
        player.playing = False
        try:
            async with db.write(player.who.workspace) as tx, batch.within(tx):
                player.playing = True
                await player.play(batch)
        except Unavailable:
            if player.playing or not left:
                raise
        else:
            return


def told(setting: Setting) -> Iterator[Step]:
    """All parts in the order of time. Some look at the whole before their first step: in a thread."""
    return merge(*(part(setting) for part in PARTS), key=lambda step: step.at)


async def _begin(
    db: Database, workspace: str, extent: Extent, ends: datetime | None, epoch: int
) -> tuple[Setting, world.World]:
    """Set the clock back to where the story begins."""
    row = await worlds.find(db, workspace)
    ends = ends or Clock(row.at, row.since, row.pace).now()
    async with db.write(workspace) as tx:
        here = world.standing(workspace)
        if here is None or here.epoch != epoch or (epoch == 0 and here.number > row.base_number):
            raise Unavailable("somebody else has filled the sandbox")
        await worlds.set_clock(tx, Clock(ends - PAST, clock.host(), FROZEN))
    return Setting(row.seed, ends - PAST, ends, extent.customers, extent.cases), here


class _Ahead:
    """Steps of a story, told a little at a time whenever the loop has a turn: a commit has a processor of its own."""

    def __init__(self, steps: Iterator[Step]) -> None:
        self._steps = steps
        self._told: deque[Step] = deque()

    def __iter__(self) -> Iterator[Step]:
        return self

    def __next__(self) -> Step:
        if self._told:
            return self._told.popleft()
        if self._task.done():
            self._task.result()  # the story may have ended by an exception
        return next(self._steps)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._tell())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _tell(self) -> None:
        while True:
            full, breath = len(self._told) >= AHEAD, monotonic() + TELLING
            while not full and monotonic() < breath:
                step = next(self._steps, None)
                if step is None:
                    return
                self._told.append(step)
            await asyncio.sleep(BREATH if full else 0)


@dataclass(slots=True)
class _Player:
    """Plays steps in portions, and lets pass what becomes due between them."""

    who: Principal
    setting: Setting
    steps: Iterator[Step]
    here: world.World
    playing: bool = False
    made: int = 0
    over: bool = False

    async def play(self, tx: Transaction) -> None:
        """For a while. Unavailable when somebody else has begun anew since then: the sandbox is theirs."""
        here = world.standing(self.who.workspace)
        if here is None or (here.number, here.epoch) != (self.here.number, self.here.epoch):
            raise Unavailable("somebody else fills the sandbox")
        self.here = here
        begun = monotonic()
        breath = begun + BREATH
        for step in self.steps:
            await self._until(tx, here, step.at.replace(microsecond=0))  # finer than the wire shows is nobody's
            await step.do(tx, self.who)
            self.made += step.makes
            if (now := monotonic()) > breath:
                if now > begun + (PORTION if tx.in_the_way else LONGEST):
                    return
                await asyncio.sleep(0)
                breath = monotonic() + BREATH
        await self._until(tx, here, self.setting.ends)
        self.over = True

    async def _until(self, tx: Transaction, here: world.World, moment: datetime) -> None:
        """Time passes, and what was due meanwhile happens: in a story that is when the office shuts."""
        shut = datetime.combine(moment, SHUT, moment.tzinfo)
        shut -= timedelta(days=shut > moment)
        if shut > here.moment:
            while (due := await moments.registry.first(tx, here.workspace, shut)) is not None:
                here.move(max(due.at, here.moment))
                await moments.registry.let(tx, here.workspace, due)
        here.move(moment)
