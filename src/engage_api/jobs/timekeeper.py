"""Lets what time changes happen when it is due: in the live workspace, and in every sandbox whose clock runs.

It is in every process that does jobs. Several at once are safe: `moments.play` takes turns in a workspace. A sandbox
whose clock stands still, or that is busy, is let alone.
"""

import asyncio
import contextlib
from datetime import datetime
from functools import lru_cache
from time import monotonic
from typing import Any

import structlog
from sqlalchemy import column, func, or_, select, table

from engage_api.core import clock
from engage_api.core.clock import Clock
from engage_api.core.problem import Problem
from engage_api.db.engine import Database
from engage_api.db.errors import Conflict, Unavailable
from engage_api.db.kind import Kind
from engage_api.db.row import KEY
from engage_api.db.sql import Query
from engage_api.db.world import WorldRow, has_world
from engage_api.jobs import moments

IDLE = 1.0  # seconds between two looks
AT_ONCE = 8  # sandboxes; the live workspace waits for none of them
RESTS = (1.0, 60.0)  # seconds for which a workspace is let alone after a failure: at first, and at most

_log = structlog.get_logger("engage.moments")
_workspace = table("workspace", column("id", KEY))
_world = WorldRow.__table__  # type: ignore[attr-defined]


class Timekeeper:
    """Looks every second, with a read and no write, whether something is due somewhere."""

    def __init__(self, db: Database, sources: moments.Registry = moments.registry) -> None:
        self._db = db
        self._sources = sources
        self._sandboxes = asyncio.Semaphore(AT_ONCE)
        self._playing: dict[str, asyncio.Task[None]] = {}
        self._resting: dict[str, tuple[float, float]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. What has begun is broken off then: it goes on where it was, at the next start."""
        try:
            while not stop.is_set():
                try:
                    self._begin(await self.due())
                except (Conflict, Unavailable) as error:
                    _log.warning("time waits", error=str(error) or type(error).__name__)
                except Exception:  # noqa: BLE001  # a mistake that is logged every second is seen
                    _log.exception("nobody knows what is due")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), IDLE)
        finally:
            for task in self._playing.values():
                task.cancel()
            await asyncio.gather(*self._playing.values(), return_exceptions=True)

    async def run_once(self) -> None:
        """One look, and everything that is due by it."""
        self._begin(await self.due())
        await asyncio.gather(*self._playing.values())

    async def due(self) -> dict[str, datetime]:
        """The workspaces where something is due by now, each with its own time."""
        now, system = clock.host(), self._db.system
        rows = await system.fetch(_look(tuple(self._sources.kinds.values())), None)
        times = {row[0]: now if row.pace is None else Clock(row.at, row.since, row.pace).now() for row in rows}
        found = {row[0] for row in rows if any(at is not None and at <= times[row[0]] for at in row[4:])}
        for source in self._sources.sources.values():
            waiting = await source.waiting(self._db)
            found |= {workspace for workspace, at in waiting if workspace in times and at <= times[workspace]}
        return {workspace: times[workspace] for workspace in sorted(found)}

    def _begin(self, due: dict[str, datetime]) -> None:
        now = monotonic()
        for workspace, until in due.items():
            rests, _ = self._resting.get(workspace, (0.0, 0.0))
            if workspace not in self._playing and rests <= now:
                self._playing[workspace] = asyncio.create_task(self._play(workspace, until))

    async def _play(self, workspace: str, until: datetime) -> None:
        try:
            async with self._sandboxes if has_world(workspace) else contextlib.nullcontext():
                await moments.catch_up(self._db, workspace, until, seconds=IDLE, sources=self._sources)
            self._resting.pop(workspace, None)
            return
        except (Problem, Conflict, Unavailable) as error:
            _log.warning("time waits", workspace=workspace, error=str(error) or type(error).__name__)
        except Exception:  # noqa: BLE001  # it is tried again, and what is due elsewhere is not held up
            _log.exception("time waits", workspace=workspace)
        finally:
            del self._playing[workspace]
        first, longest = RESTS
        _, before = self._resting.get(workspace, (0.0, first / 2))
        self._resting[workspace] = (monotonic() + min(2 * before, longest), min(2 * before, longest))


@lru_cache(maxsize=8)
def _look(kinds: tuple[Kind[Any], ...]) -> Query:
    """Every workspace whose clock runs, with that and the first moment of each kind: one step down an index each."""
    firsts = [
        select(func.min(kind.table.c.moment_at))
        .where(kind.table.c.workspace_id == _workspace.c.id, kind.table.c.moment_at.is_not(None))
        .scalar_subquery()
        .label(f"first_{number}")
        for number, kind in enumerate(kinds)
    ]
    runs = or_(_world.c.workspace_id.is_(None), (_world.c.pace > 0) & _world.c.busy.is_(None))
    joined = _workspace.outerjoin(_world, _world.c.workspace_id == _workspace.c.id)
    columns = (_workspace.c.id, _world.c.at, _world.c.since, _world.c.pace, *firsts)
    return Query(select(*columns).select_from(joined).where(runs))
