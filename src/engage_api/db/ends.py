"""Where a log ends, and how often it has begun anew: a reset or a restoration makes the log of a sandbox shorter."""

from typing import NamedTuple

from sqlalchemy import bindparam, select, update

from engage_api.db.engine import Database, Transaction
from engage_api.db.row import CounterRow
from engage_api.db.sql import Query
from engage_api.db.world import WorldRow, has_world

_counter, _world = CounterRow.__table__, WorldRow.__table__  # type: ignore[attr-defined]
_LAST = select(_counter.c.last).where(_counter.c.workspace_id == bindparam("at_workspace"))
_EPOCH = select(_world.c.epoch).where(_world.c.workspace_id == bindparam("at_workspace"))
_END = Query(select(_LAST.scalar_subquery().label("last"), _EPOCH.scalar_subquery().label("epoch")))
_ANEW = Query(update(_world).where(_world.c.workspace_id == bindparam("at_workspace")).values(epoch=_world.c.epoch + 1))


class End(NamedTuple):
    """The highest number that can be read, 0 when there is none; and how often the log has begun anew."""

    last: int
    epoch: int


async def end(db: Database, workspace: str) -> End:
    """Of the log of a workspace, whoever may see that event."""
    row = await db.one(_END, workspace, at_workspace=workspace)
    return End(int(row.last or 0), int(row.epoch or 0))


async def epoch(db: Database, workspace: str) -> int:
    """How often the log of a workspace has begun anew: only that of a sandbox ever does."""
    return (await end(db, workspace)).epoch if has_world(workspace) else 0


async def begin_anew(tx: Transaction, workspace: str) -> None:
    """What follows is another log: whoever follows the one that was is told so after the commit."""
    await tx.run(_ANEW, at_workspace=workspace)
    await tx.ring("log")
