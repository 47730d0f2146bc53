"""What operators see of jobs, and what they do with those that nobody does any more."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, bindparam, case, delete, func, literal, select, update

from engage_api.core import clock
from engage_api.db.base import Instant
from engage_api.db.engine import Database, Transaction
from engage_api.db.row import KEY
from engage_api.db.sql import Query
from engage_api.jobs.models import DEAD, QUEUED, JobRow

RUNNING = "running"  # queued, and somebody has it: so it is shown, and not stored

_t = JobRow.__table__  # type: ignore[attr-defined]
_queued = _t.c.state == QUEUED
_leased = and_(_queued, _t.c.lease_until > bindparam("now", type_=Instant))
_state = case((_leased, literal(RUNNING)), else_=_t.c.state).label("state")
_lease = case((_leased, _t.c.lease_until), else_=None).label("lease_until")
_same = ("id", "kind", "workspace_id", "attempts", "run_at", "last_error", "created_at")
_COLUMNS = (*(_t.c[name] for name in _same), _t.c.finished_at.label("died_at"), _state, _lease)
_FILTERS: Mapping[str, ColumnElement[bool]] = {
    "kind": _t.c.kind == bindparam("by_kind", type_=KEY),
    "workspace_id": _t.c.workspace_id == bindparam("by_workspace_id", type_=KEY),
    "state": _state == bindparam("by_state", type_=KEY),
}
_ONE = Query(select(*_COLUMNS).where(_t.c.id == bindparam("id")))
_COUNTS = Query(
    select(
        _t.c.kind,
        _state,
        func.count().label("jobs"),
        func.min(_t.c.run_at).label("since"),
    ).group_by(_t.c.kind, _state)
)
_REPLAY = Query(
    update(_t)
    .where(_t.c.id == bindparam("at_id"), _t.c.state == DEAD)
    .values(state=QUEUED, run_at=bindparam("at"), attempts=0, finished_at=None)
)
_SWEEP = Query(delete(_t).where(_t.c.state == DEAD, _t.c.finished_at < bindparam("before")))


class Ask(NamedTuple):
    """Which jobs: filters by name (`kind`, `workspace_id`, `state`), after which id, at most how many."""

    filters: Mapping[str, str]
    after: str | None
    limit: int


class Count(NamedTuple):
    """How many jobs of a kind are in a state, and the earliest time at which one of them may begin, or could have."""

    kind: str
    state: str
    jobs: int
    since: datetime


async def page(system: Database, ask: Ask) -> list[Any]:
    """Jobs of all workspaces, the newest first, without their payloads."""
    values = {f"by_{name}": value for name, value in ask.filters.items()}
    if ask.after is not None:
        values["after"] = ask.after
    query = _page(tuple(sorted(ask.filters)), after=ask.after is not None)
    return await system.fetch(query, None, now=clock.host(), limit=ask.limit, **values)


async def one(system: Database, job_id: str) -> Any:
    """One of them, or None."""
    return await system.one(_ONE, None, id=job_id, now=clock.host())


async def look(tx: Transaction, job_id: str) -> Any:
    """The same inside a transaction."""
    return await tx.one(_ONE, id=job_id, now=clock.host())


async def counts(system: Database) -> list[Count]:
    """How many there are, by kind and state. Reads the whole table, which is as small as the work ahead."""
    rows = await system.fetch(_COUNTS, None, now=clock.host())
    return [Count(row.kind, row.state, row.jobs, row.since) for row in rows]


async def replay(tx: Transaction, job_id: str) -> bool:
    """Queue a dead job anew, with all its attempts. False when there is no such dead job.

    Raises Conflict when an unfinished job has its unique key.
    """
    if not await tx.run(_REPLAY, at_id=job_id, at=clock.host()):
        return False
    await tx.ring("jobs")
    return True


async def sweep(tx: Transaction, older_than: timedelta) -> int:
    """Delete the jobs that died longer ago. Returns how many."""
    return await tx.run(_SWEEP, before=clock.host() - older_than)


@lru_cache(maxsize=16)
def _page(filters: tuple[str, ...], *, after: bool) -> Query:
    statement = select(*_COLUMNS).where(*(_FILTERS[name] for name in filters))
    if after:
        statement = statement.where(_t.c.id < bindparam("after"))
    return Query(statement.order_by(_t.c.id.desc()).limit(bindparam("limit")))
