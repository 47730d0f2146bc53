"""Large copies: in portions, begun again from their beginning when a worker was lost, and failing as a whole."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from engage_api.access import operator
from engage_api.access.sandboxes.models import SANDBOX, SandboxState
from engage_api.access.worlds import LIVE
from engage_api.core.principal import Principal
from engage_api.db import reader, sequencer, store
from engage_api.db.engine import Database, Transaction
from engage_api.db.store import Happened
from engage_api.events.webhooks.secrets import Box
from engage_api.jobs import Job, Registry, hold
from engage_api.jobs.limits import EMPTYING, SANDBOXES
from engage_api.sandbox import copying, endpoints, portions, wipe
from engage_api.sandbox.copies import first_key, mending, resetting, service, standing
from engage_api.sandbox.copies.models import SNAPSHOT
from engage_api.sandbox.copies.orders import (
    EMPTY,
    FORK,
    RESET,
    RESTORE,
    SNAP,
    Emptying,
    Forking,
    Resetting,
    Restoring,
    Snapping,
)
from engage_api.sandbox.copying import Way
from engage_api.sandbox.taking_turns import in_turn

ATTEMPTS, LONGEST = 3, timedelta(hours=1)


class Copier:
    """Does these jobs; `box` has the key that secrets of webhooks are encrypted with."""

    def __init__(self, box: Box) -> None:
        self._box = box

    def join(self, registry: Registry) -> None:
        """Add them to those of a process."""
        for kind, payload, do in (
            (FORK, Forking, self.fork),
            (SNAP, Snapping, self.snap),
            (RESTORE, Restoring, self.restore),
            (RESET, Resetting, self.reset),
        ):
            limits = registry.job(kind, payload=payload, max_attempts=ATTEMPTS, deadline=LONGEST, pool=SANDBOXES)
            limits(in_turn(_careful(do)))
        registry.job(EMPTY, payload=Emptying, deadline=LONGEST, pool=EMPTYING)(empty)

    async def fork(self, db: Database, job: Job[Forking]) -> None:
        """Copy a sandbox to another one, and let its first key open that one."""
        order, who = job.payload, await operator.principal(db, LIVE)
        way = Way(order.sandbox, order.target, self._box)
        target = await reader.stored(db, who, SANDBOX, order.target)
        if target is not None and target.model.state != "copying":
            return
        task = _Task(db, job, who, (way.source, way.target))
        await task.copy(way, wipe.Stays(way.target, 0, events=False), "copying")
        async with task.entered() as tx:
            await endpoints.place(tx, way.target)
            await standing.stand_alike(tx, way.source, way.target)
            await first_key.keep(tx, way.target, order.key)
            await standing.busy(tx, way.source, None)
            for sandbox_id in (way.source, way.target):
                await become(tx, who, sandbox_id, "ready")
            await job.finish(tx)

    async def snap(self, db: Database, job: Job[Snapping]) -> None:
        """Copy a sandbox to a snapshot."""
        order, who = job.payload, await operator.principal(db, LIVE)
        found = await reader.stored(db, who, SNAPSHOT, order.snapshot)
        if found is None or found.model.state != "copying":
            return
        task = _Task(db, job, who, (order.sandbox,))
        await task.copy(Way(order.sandbox, order.snapshot, self._box), None, "copying")
        async with task.entered() as tx:
            await store.change(tx, who, SNAPSHOT, found, {"state": "ready"}, Happened("ready"))
            await standing.busy(tx, order.sandbox, None)
            await become(tx, who, order.sandbox, "ready")
            await job.finish(tx)

    async def restore(self, db: Database, job: Job[Restoring]) -> None:
        """Empty a sandbox, and copy a snapshot to it."""
        order, who = job.payload, await operator.principal(db, LIVE)
        found = await reader.stored(db, who, SNAPSHOT, order.snapshot)
        if not await _is(db, who, order.sandbox, "restoring"):
            return
        if found is None:
            raise Gone
        task = _Task(db, job, who, (order.sandbox,))
        await task.copy(Way(order.snapshot, order.sandbox, self._box), service.since(found.model), "restoring")
        async with task.entered() as tx:
            await endpoints.place(tx, order.sandbox)
            await service.come_back(tx, found.model)
            await standing.busy(tx, order.sandbox, None)
            await become(tx, who, order.sandbox, "ready")
            await job.finish(tx)

    async def reset(self, db: Database, job: Job[Resetting]) -> None:
        """Make a sandbox as it was made, if nobody has by now."""
        await resetting.again(db, job.payload.sandbox)


async def empty(db: Database, job: Job[Emptying]) -> None:
    """Take away what is in a workspace."""
    await wipe.wipe(db, job.payload.workspace)


class Gone(Exception):
    """What was to be copied, or where to, has ended meanwhile."""


@dataclass(frozen=True, slots=True)
class _Task:
    """A job under way, for as long as it is ours and these sandboxes are there."""

    db: Database
    job: Job[Any]
    who: Principal
    sandboxes: tuple[str, ...]

    async def copy(self, way: Way, stays: wipe.Stays | None, what: SandboxState) -> None:
        """Whatever an earlier attempt has left goes first."""
        db = self.db
        await sequencer.settle(db)
        await portions.in_turn(self.entered, wipe.parts(db.dialect, way.target, stays), wipe.nobody)
        total = await copying.total(db, way.source)

        async def tell(tx: Transaction, done: int) -> None:
            for workspace in self.sandboxes:
                await standing.busy(tx, workspace, what, min(done, total), total)

        await portions.in_turn(self.entered, copying.parts(way), tell)

    @asynccontextmanager
    async def entered(self) -> AsyncIterator[Transaction]:
        """A transaction across workspaces, in which none of them ends."""
        async with self.db.aside.write(None) as tx:
            await hold(tx, self.job)
            for sandbox_id in self.sandboxes:
                if await reader.find(tx, self.who, SANDBOX, sandbox_id) is None:
                    raise Gone
            yield tx


async def _end(db: Database, job: Job[Any]) -> None:
    """There is nothing to be copied any more, so nobody waits for it."""
    who = await operator.principal(db, LIVE)
    async with db.system.write(None) as tx:
        await hold(tx, job)
        await mending.fail(tx, who, job.payload)
        await job.finish(tx)


def _careful(do: Callable[[Database, Job[Any]], Awaitable[None]]) -> Callable[[Database, Job[Any]], Awaitable[None]]:
    """After the last attempt everybody is told that it has failed. Whose worker was lost then is told by `mending`."""

    async def careful(db: Database, job: Job[Any]) -> None:
        try:
            await do(db, job)
        except Gone:
            await _end(db, job)
        except Exception:
            if job.last:
                await mending.give_up(db, job.payload)
            raise

    return careful


async def _is(db: Database, who: Principal, sandbox_id: str, state: SandboxState) -> bool:
    found = await reader.stored(db, who, SANDBOX, sandbox_id)
    return found is not None and found.model.state == state


async def become(tx: Transaction, who: Principal, sandbox_id: str, state: SandboxState) -> None:
    """Bring a sandbox into this state, unless it is gone."""
    found = await reader.find(tx, who, SANDBOX, sandbox_id)
    if found is not None:
        await store.change(tx, who, SANDBOX, found, {"state": state}, Happened(state))
