"""Recurring jobs: one row tells for which period a kind was enqueued last, and one process moves it on."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, or_
from sqlalchemy.dialects.postgresql import insert

from engage_api.db.engine import Database
from engage_api.db.sql import Query
from engage_api.jobs.models import JobScheduleRow
from engage_api.jobs.queue import enqueue

_t = JobScheduleRow.__table__  # type: ignore[attr-defined]
_first: Any = insert(_t).values(kind=bindparam("kind"), period=bindparam("period"))
_wanted = _first.excluded.period
_MOVE_ON = Query(
    _first.on_conflict_do_update(
        index_elements=["kind"],
        set_={"period": _wanted},
        # Far ahead of us is a clock that was wrong and was set back: waiting for that period would be a long silence.
        where=or_(_t.c.period < _wanted, _t.c.period > _wanted + 1),
    )
)


def period_of(moment: datetime, every: timedelta) -> int:
    """The number of the period that a moment lies in, counted from 1970."""
    return int(moment.timestamp() // every.total_seconds())


async def fire(system: Database, kind: str, period: int) -> bool:
    """Enqueue the job of this period, unless that was done. True when it was done now."""
    async with system.write(None) as tx:
        moved = bool(await tx.run(_MOVE_ON, kind=kind, period=period))
        if moved:
            await enqueue(tx, kind, {}, unique_key="schedule")
    return moved
