"""What time changes: one registry for all of it, and `play`, which lets it happen in order, each exactly once.

A kind of resource says when time changes it next (`Kind.moment`; the write funnel keeps that in `moment_at`), and here
what then happens:

    @moments.passes(TASK)
    async def task_overdue(tx, who, task: Stored[Task], at: datetime) -> Stored[Task]:
        return await store.change(tx, who, TASK, task, {"overdue_at": at}, store.Happened("overdue", at))

The handler writes with `store.change`, and its moment must have moved on by that: so nothing happens twice. `at` is
when it happened: the moment, or when the resource was last written if that is later. In a sandbox the world stands
there.

Whatever else comes by time joins as a `Source`, for example the steps of a scenario:

    moments.registry.add(moments.Source("scenario", first=first, waiting=waiting, passes=step))

    async def first(tx, workspace, until) -> Due | None     the earliest that is due until then, by (at, id)
    async def waiting(db) -> Iterable[tuple[str, datetime]]  the first moment of each workspace that has one, whether
                                                            due or not: read each second, so it must be cheap
    async def step(tx, workspace, due) -> None              lets it happen, in the transaction that `first` read in;
                                                            what `first` answers next is another

What needs the network gives `outside=run` in the place of `passes`: `async def run(db, workspace, due) -> None` happens
between two transactions, with the clock of a sandbox already at `due.at`. It claims what it does by itself (another
process may do the same at the same time), and it is done again if the process is killed amid it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import NamedTuple

from engage_api.core import world
from engage_api.db import turns
from engage_api.db.engine import Database, Transaction
from engage_api.jobs.timed import Due, Registry, Source, passes, registry

__all__ = ["Due", "Played", "Registry", "Source", "catch_up", "passes", "play", "registry"]

PORTION = 0.2  # seconds of one transaction: on SQLite nobody else writes meanwhile
BREATH = 0.005  # seconds between two looks at the loop, where readers wait
PAUSE = 0.02  # seconds until somebody who holds the next row may have let it go


class Played(NamedTuple):
    """How many moments have passed; `done`: none is left until then, and a sandbox's clock stands there."""

    moments: int
    done: bool


Note = Callable[[Transaction, Played], Awaitable[None]]


async def play(
    db: Database,
    workspace: str,
    until: datetime,
    *,
    seconds: float,
    sources: Registry = registry,
    note: Note | None = None,
) -> Played:
    """Let everything happen that is due in a workspace until a moment of its own time, the earliest first (at the same
    moment by name, then by id), for so many seconds of the host's; then say how far it came. Going on is calling again.

    Clock and changes commit together, in portions, so it may be killed at any time. In several processes at once each
    thing happens once. `note` is called in each of those transactions with what it has done.
    """
    return await _play(db, _Aim(sources, workspace, until, moves=True), seconds, note)


async def catch_up(
    db: Database, workspace: str, until: datetime, *, seconds: float, sources: Registry = registry
) -> Played:
    """The same for who does not move a sandbox's clock: nothing happens beyond what that says in the transaction
    itself, for it may have been set back or stopped since `until` was read.
    """
    return await _play(db, _Aim(sources, workspace, until, moves=False), seconds, None)


class _Aim(NamedTuple):
    """What is to happen where and until when; `moves`: a sandbox's clock goes there with it."""

    sources: Registry
    workspace: str
    until: datetime
    moves: bool


async def _play(db: Database, aim: _Aim, seconds: float, note: Note | None) -> Played:
    end, count, carried = monotonic() + seconds, 0, 0
    while True:
        portion = _Portion(aim, min(end, monotonic() + PORTION))
        async with db.write(aim.workspace) as tx:
            await portion.play(tx)
            if note is not None:
                await note(tx, Played(carried + portion.count, portion.done))
        count, carried = count + portion.count, 0
        if portion.outside is not None:
            await aim.sources.go_out(db, aim.workspace, portion.outside)
            count, carried = count + 1, 1
        elif portion.done or monotonic() >= end:
            return Played(count, portion.done)
        else:
            await asyncio.sleep(PAUSE if portion.blocked else 0)


@dataclass(slots=True)
class _Portion:
    """What happens in one transaction, and why it ends: `outside` is next, somebody `blocked` it, or all is done."""

    aim: _Aim
    end: float
    count: int = 0
    outside: Due | None = None
    blocked: bool = False
    done: bool = False

    async def play(self, tx: Transaction) -> None:
        sources, workspace, until, moves = self.aim
        await turns.take(tx, workspace, "moments")
        here, breath = world.standing(workspace), monotonic() + BREATH
        if here is not None and not moves:
            until = min(until, here.moment)
        while (now := monotonic()) < self.end:
            if now > breath:
                await asyncio.sleep(0)
                breath = monotonic() + BREATH
            due = await sources.first(tx, workspace, until)
            if here is not None:
                here.move(max(here.moment, until if due is None else due.at))
            if due is None:
                self.done = True
                return
            if sources.is_outside(due):
                self.outside = due
                return
            if not await sources.let(tx, workspace, due):
                self.blocked = True
                return
            self.count += 1
