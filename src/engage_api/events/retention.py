"""Old events are forgotten, if the operator wants that; never one that webhooks have not been offered.

Not in a sandbox, which begins with a past, has a clock of its own, and ends as a whole; nor in a snapshot, which is
there to be as it was.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, select

from engage_api.core import clock
from engage_api.db import kept, world
from engage_api.db.engine import Database
from engage_api.db.row import CounterRow
from engage_api.db.sql import Query
from engage_api.events.webhooks.models import WebhookCursorRow
from engage_api.jobs import Job, Registry

SWEEP = "event.sweep"
_counter, _cursor = CounterRow.__table__, WebhookCursorRow.__table__  # type: ignore[attr-defined]
SNAPSHOT = "snp_"
"""How the id of a snapshot begins."""
_WORKSPACES = Query(select(_counter.c.workspace_id).order_by(_counter.c.workspace_id))
_OFFERED = Query(select(_cursor.c.sequence).where(_cursor.c.workspace_id == bindparam("workspace_id")))


class Retention:
    """Keeps events for a while, counted from when they were written down."""

    def __init__(self, span: timedelta) -> None:
        self._span = span

    def join(self, registry: Registry) -> None:
        """Once a day."""
        registry.job(SWEEP, deadline=timedelta(hours=1))(self.sweep)
        registry.schedule(SWEEP, every=timedelta(days=1))

    async def sweep(self, db: Database, _: Job[dict[str, Any]]) -> None:
        """In portions: nobody waits for a long transaction."""
        for found in await db.system.fetch(_WORKSPACES, None):
            if not found.workspace_id.startswith((world.SANDBOX, SNAPSHOT)):
                while await self._forget(db, found.workspace_id):
                    pass

    async def _forget(self, db: Database, workspace: str) -> bool:
        before = clock.business(workspace) - self._span
        async with db.system.write(None) as tx:
            offered = await tx.one(_OFFERED, workspace_id=workspace)
            return await kept.forget(tx, workspace, before=before, upto=offered.sequence if offered else None)
