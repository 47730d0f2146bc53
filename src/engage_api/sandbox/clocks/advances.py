"""Advances as they are kept: one at a time is under way in a sandbox."""

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, insert, literal_column, select, update

from engage_api.core import clock, ids
from engage_api.db.engine import Database, Transaction
from engage_api.db.sql import Query
from engage_api.db.world import WorldRow
from engage_api.sandbox.clocks.models import RUNNING, Advance, AdvanceRow, AdvanceState

PREFIX = "adv"
MOST = 1_000  # that a sandbox remembers

_t = AdvanceRow.__table__  # type: ignore[attr-defined]
_mine = _t.c.workspace_id == bindparam("at_workspace")
_running = _t.c.state == literal_column(f"'{RUNNING}'")  # literally, as the partial index says it
_ADD = Query(insert(_t), [c.name for c in _t.columns])
_ONE = Query(select(_t).where(_mine, _t.c.id == bindparam("at_id")))
_RUNNING = Query(select(_t).where(_mine, _running))
_world = WorldRow.__table__  # type: ignore[attr-defined]
_CLOCK = Query(
    select(_world.c.at, _world.c.since, _world.c.pace, _t.c.id.label("advance"), _t.c.pace.label("goes_on"))
    .select_from(_world.outerjoin(_t, (_t.c.workspace_id == _world.c.workspace_id) & _running))
    .where(_world.c.workspace_id == bindparam("at_workspace"))
)
_OLD = Query(
    delete(_t).where(
        _mine,
        ~_running,
        _t.c.id.not_in(
            select(_t.c.id).where(_mine).order_by(_t.c.started_at.desc(), _t.c.id.desc()).limit(bindparam("most"))
        ),
    )
)
_COUNT = Query(update(_t).where(_mine, _running).values(moments=_t.c.moments + bindparam("more")))
_END = Query(update(_t).where(_mine, _running).values(state=bindparam("to_state"), finished_at=bindparam("now")))


async def add(tx: Transaction, workspace: str, begin: datetime, to: datetime, pace: int) -> Advance:
    """Begin one. `pace` is how the clock goes on after it. Of many, the oldest is forgotten.

    Raises:
        Conflict: one is under way.
    """
    values: dict[str, Any] = {"workspace_id": workspace, "id": ids.new(PREFIX), "from_": begin, "to": to, "pace": pace}
    values |= {"state": RUNNING, "moments": 0, "started_at": clock.host(), "finished_at": None}
    await tx.run(_OLD, at_workspace=workspace, most=MOST - 1)
    await tx.run(_ADD, **values)
    return shown(AdvanceRow(**values))


async def one(db: Database, workspace: str, advance_id: str) -> Advance | None:
    """One of them, as it is now."""
    row = await db.one(_ONE, workspace, at_workspace=workspace, at_id=advance_id)
    return None if row is None else shown(row)


async def clock_of(db: Database, workspace: str) -> Any:
    """How a sandbox's clock stands at this instant: `at`, `since` and `pace`; and `advance`, the one that is under way,
    after which it goes on at the pace `goes_on`. None when the sandbox is gone.
    """
    return await db.one(_CLOCK, workspace, at_workspace=workspace)


async def under_way(db: Database, workspace: str) -> Any:
    """The row of the one that is under way, or None."""
    return await db.one(_RUNNING, workspace, at_workspace=workspace)


async def current(tx: Transaction, workspace: str) -> Any:
    """The same inside a transaction."""
    return await tx.one(_RUNNING, at_workspace=workspace)


async def count(tx: Transaction, workspace: str, more: int) -> None:
    """So much more has happened in the one that is under way."""
    await tx.run(_COUNT, at_workspace=workspace, more=more)


async def end(tx: Transaction, workspace: str, state: AdvanceState) -> None:
    """The one that is under way has come to this end."""
    await tx.run(_END, at_workspace=workspace, to_state=state, now=clock.host())


def shown(row: Any) -> Advance:
    """An advance as it is answered."""
    return Advance.model_construct(**{name: getattr(row, name) for name in Advance.model_fields})
