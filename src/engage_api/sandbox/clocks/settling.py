"""Before something is written in a sandbox whose clock stands still, what came of the last write is done.

So a script that writes, and waits for nothing, finds the same world whenever it runs.
"""

import asyncio
from contextlib import suppress
from time import monotonic
from typing import Any, cast

from sqlalchemy import BindParameter, and_, bindparam, exists, literal, or_, select

from engage_api.core import clock
from engage_api.core.world import SandboxFull
from engage_api.db.engine import Database, Transaction
from engage_api.db.row import CounterRow, EventRow
from engage_api.db.sql import Query
from engage_api.events.webhooks.models import WebhookCursorRow
from engage_api.jobs import moments
from engage_api.jobs.models import QUEUED, JobRow
from engage_api.sandbox.clocks.models import RUNNING, AdvanceRow

PATIENCE = 3.0  # seconds at most: a receiver may write here before it answers, and would wait for itself
LOOK = (0.002, 0.05)  # seconds between two looks: the first, and the longest
TIRED = 10.0  # seconds for which it is not tried again where that came to nothing
MOST = 1_000  # sandboxes that this is remembered of
SPAN = 1.0  # seconds for what time has done while the clock stood still: what was due already when it was written

_job, _event = JobRow.__table__, EventRow.__table__  # type: ignore[attr-defined]
_cursor, _counter = WebhookCursorRow.__table__, CounterRow.__table__  # type: ignore[attr-defined]
_advance = AdvanceRow.__table__  # type: ignore[attr-defined]
_here: BindParameter[str] = bindparam("workspace")
_jobs = exists().where(_job.c.workspace_id == _here, _job.c.state == QUEUED, _job.c.run_at <= bindparam("now"))
_hooks = exists().where(_cursor.c.workspace_id == _here)
_behind = exists().where(
    _cursor.c.workspace_id == _here, _counter.c.workspace_id == _here, _counter.c.last > _cursor.c.sequence
)
_unnumbered = exists().where(_event.c.workspace_id == _here, _event.c.sequence.is_(None))
_moved = exists().where(_advance.c.workspace_id == _here, _advance.c.state == RUNNING)
_UNDER_WAY = Query(select(literal(1).label("one")).where(or_(_jobs, _behind, and_(_hooks, _unnumbered)), ~_moved))


class Settler:
    """Waits in one process. Where it has waited in vain, as nobody does the work, it does not for a while."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._tired: dict[str, float] = {}

    async def settle(self, workspace: str) -> None:
        """Wait until all is done that is due in a sandbox, for three seconds at most. While its clock is being moved
        there is nothing to wait for, and while it runs, either.
        """
        if not clock.is_frozen(workspace) or self._tired.get(workspace, 0.0) > monotonic():
            return
        end, (pause, longest) = monotonic() + PATIENCE, LOOK
        while monotonic() < end:
            if await self._db.system.one_raw(_UNDER_WAY, None, workspace=workspace, now=clock.host()) is None:
                if not await _is_due(self._db, workspace):
                    return
                with suppress(SandboxFull):  # the write itself is told, if it needs more room
                    await moments.catch_up(self._db, workspace, clock.business(workspace), seconds=SPAN)
                continue
            await asyncio.sleep(pause)
            pause = min(2 * pause, longest)
        if len(self._tired) >= MOST:
            self._tired.clear()
        self._tired[workspace] = monotonic() + TIRED


async def _is_due(db: Database, workspace: str) -> bool:
    look = cast("Transaction", _Look(db, workspace))
    return await moments.registry.first(look, workspace, clock.business(workspace)) is not None


class _Look:
    """Reads as a transaction does, of what is committed: nothing is locked to see that nothing is to be done."""

    def __init__(self, db: Database, wall: str) -> None:
        self._db, self.wall, self.dialect = db, wall, db.dialect

    async def one(self, query: Query, /, **values: Any) -> Any:
        return await self._db.one(query, self.wall, **values)

    async def fetch(self, query: Query, /, **values: Any) -> list[Any]:
        return await self._db.fetch(query, self.wall, **values)
