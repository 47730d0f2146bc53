"""Where worlds stand while they are copied: held, busy, and at the same place as another. Across workspaces."""

import asyncio
from time import monotonic
from typing import Any

from sqlalchemy import bindparam, select, update

from engage_api.core.clock import Clock
from engage_api.core.problem import NotFound
from engage_api.core.world import SandboxBusy
from engage_api.db.engine import Transaction
from engage_api.db.row import CounterRow, EventRow
from engage_api.db.sql import Query
from engage_api.db.world import AGAIN, WorldRow
from engage_api.sandbox.clocks import advances

NUMBERED_WITHIN, LOOK = 2.0, 0.01  # seconds: events of a process that died are numbered within one
CLOSED = "failed"
"""What a world is busy with that is neither as it was nor as it should be: nobody reads or writes in it."""
_world = WorldRow.__table__  # type: ignore[attr-defined]
_event, _counter = EventRow.__table__, CounterRow.__table__  # type: ignore[attr-defined]
_mine = _world.c.workspace_id == bindparam("at_workspace")
_LOCK = Query(select(_world).where(_mine).with_for_update())
_names = ("seed", "number", "at", "since", "pace", "base_number", "base_sequence", "quota")
_STAND = Query(
    update(_world)
    .where(_mine)
    .values({name: bindparam(name) for name in _names} | {"busy": None, "done": 0, "total": 0})
)
_GO_BACK = Query(
    update(_world)
    .where(_mine)
    .values(number=bindparam("number"), at=bindparam("at"), since=bindparam("since"), pace=bindparam("pace"))
)
_LAY = Query(
    update(_world).where(_mine).values(base_number=bindparam("base_number"), base_sequence=bindparam("base_sequence"))
)
_BUSY = Query(
    update(_world).where(_mine).values(busy=bindparam("busy"), done=bindparam("done"), total=bindparam("total"))
)
_LAST = Query(select(_counter.c.last).where(_counter.c.workspace_id == bindparam("at_workspace")))
_UNNUMBERED = Query(
    select(_event.c.id).where(_event.c.workspace_id == bindparam("at_workspace"), _event.c.sequence.is_(None)).limit(1)
)


async def hold(tx: Transaction, workspace: str, *, ends: bool = False) -> Any:
    """The row of a world (`WorldRow`), which nobody writes in until the transaction ends; all its events are numbered.
    What is in it `ends`, or is copied: then it must not have failed, nor be amid an advance, for a copy's clock would
    stand where that one's has come to, for good.

    The sequencer numbers them in a transaction of its own: whoever did so in one that lasts would hold up the events of
    all workspaces.

    Raises:
        SandboxBusy: somebody makes it busy, or moves its clock, or nobody numbers its events.
    """
    row = await locked(tx, workspace)
    if row is None:
        raise NotFound
    if row.busy is not None and not (ends and row.busy == CLOSED):
        raise SandboxBusy(headers={"Retry-After": AGAIN})
    if not ends and await advances.current(tx, workspace) is not None:
        raise SandboxBusy("Its clock is being moved: wait for the advance.", headers={"Retry-After": AGAIN})
    until = monotonic() + NUMBERED_WITHIN
    while tx.dialect == "postgresql" and await tx.one(_UNNUMBERED, at_workspace=workspace) is not None:
        if monotonic() > until:
            raise SandboxBusy(headers={"Retry-After": AGAIN})
        await asyncio.sleep(LOOK)
    return row


async def locked(tx: Transaction, workspace: str) -> Any:
    """The row of a world (`WorldRow`) as it is, whatever makes it busy."""
    return await tx.one(_LOCK, at_workspace=workspace)


async def stand_alike(tx: Transaction, source: str, target: str) -> None:
    """The world of a copy goes on where that of its parent is: the same clock, and the same ids next."""
    row = await locked(tx, source)
    await tx.run(_STAND, at_workspace=target, **{name: getattr(row, name) for name in _names})


async def go_back(tx: Transaction, workspace: str, number: int, clock: Clock) -> None:
    """So many ids were given out, and so goes the clock."""
    await tx.run(_GO_BACK, at_workspace=workspace, number=number, at=clock.at, since=clock.since, pace=clock.pace)


async def lay(tx: Transaction, workspace: str, number: int, clock: Clock, base: tuple[int, int]) -> None:
    """The same for a new world, and where a reset goes back to: so many ids, and so many events."""
    await go_back(tx, workspace, number, clock)
    await tx.run(_LAY, at_workspace=workspace, base_number=base[0], base_sequence=base[1])


async def busy(tx: Transaction, workspace: str, what: str | None, done: int = 0, total: int = 0) -> None:
    """What a world is busy with, and how far that is; None: nothing any more."""
    await tx.run(_BUSY, at_workspace=workspace, busy=what, done=done, total=total)


async def last(tx: Transaction, workspace: str) -> int:
    """The number of the last event."""
    row = await tx.one(_LAST, at_workspace=workspace)
    return 0 if row is None else int(row.last)
