"""How far back the log is kept: its oldest events are forgotten, if the operator wants that."""

import re
from datetime import datetime, timedelta
from itertools import takewhile

from sqlalchemy import bindparam, delete, select

from engage_api.core import clock, ids
from engage_api.core.problem import Problem
from engage_api.db import ends
from engage_api.db.engine import Database, Transaction
from engage_api.db.row import CounterRow, EventRow
from engage_api.db.sql import Query

MOMENT = timedelta(milliseconds=1)  # as ids tell time
PORTION = 1000  # events that one transaction deletes at most
_ID = re.compile(r"evt_[0-7][0-9a-hjkmnp-tv-z]{25}")
_event, _counter = EventRow.__table__, CounterRow.__table__  # type: ignore[attr-defined]
_mine = _event.c.workspace_id == bindparam("workspace_id")
_OLDEST = Query(
    select(_event.c.id, _event.c.sequence, _event.c.recorded_time)
    .where(_mine, _event.c.sequence.is_not(None))
    .order_by(_event.c.sequence)
    .limit(bindparam("limit"))
)
_FORGET = Query(delete(_event).where(_mine, _event.c.sequence <= bindparam("upto")))
_NUMBERED = Query(select(_counter.c.last).where(_counter.c.workspace_id == bindparam("workspace_id")))


class EventGone(Problem):
    """The event is so old that it is not kept any more, nor is what came soon after it: you have missed events. Or it
    is of a sandbox that was reset or restored since, and is not in the log as it is now.

    Read the resources again that you keep a copy of, then go on with the oldest event that there is: ask without
    `after` and without a cursor.
    """

    code, status, title = "event-gone", 410, "The event is not kept any more"


async def is_gone(db: Database, workspace: str, event_id: str) -> bool:
    """Whether an event that is not there is older than what is kept: ids sort by the time they were made (UUIDv7).

    In a sandbox that went back, it may be of the log before that.
    """
    if not _ID.fullmatch(event_id):
        return False
    if await ends.epoch(db, workspace):
        return True
    oldest = await db.one(_OLDEST, workspace, workspace_id=workspace, limit=1)
    if oldest is not None:
        return bool(oldest.sequence > 1 and event_id < oldest.id)
    if await db.one(_NUMBERED, workspace, workspace_id=workspace) is None:
        return False
    return event_id < ids.seeded("evt", clock.business(workspace) + MOMENT, "", 0)


async def forget(tx: Transaction, workspace: str, *, before: datetime, upto: int | None) -> bool:
    """Delete the oldest events of a workspace, PORTION at most: those written down before a moment, as long as one
    follows the other, and none after the number `upto`. Whether there may be more.
    """
    oldest = await tx.fetch(_OLDEST, workspace_id=workspace, limit=PORTION)
    old = list(takewhile(lambda row: row.recorded_time < before and (upto is None or row.sequence <= upto), oldest))
    if old:
        await tx.run(_FORGET, workspace_id=workspace, upto=old[-1].sequence)
    return len(old) == PORTION
