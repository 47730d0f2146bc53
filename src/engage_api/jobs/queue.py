"""The way of a job: enqueued with the write that promises it, claimed under a lease, done once or dead.

Every write of whoever claimed a job is conditional on the token of that claim. Leases compare the hosts' clocks, which
must agree to well within a lease.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Generic, TypeVar

import structlog
from pydantic import BaseModel
from sqlalchemy import bindparam, delete, false, literal_column, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from engage_api.core import clock, ids
from engage_api.db.engine import Database, Transaction
from engage_api.db.sql import Query
from engage_api.jobs.limits import Limits
from engage_api.jobs.models import DEAD, QUEUED, JobRow

P = TypeVar("P")
LONGEST_KEY = 200  # characters of a unique key
LONGEST_ERROR = 500  # characters
LOST = "its worker vanished"

_log = structlog.get_logger("engage.jobs")
_t = JobRow.__table__  # type: ignore[attr-defined]
# A literal: a partial index serves only statements that say its condition word for word.
_queued = _t.c.state == literal_column(f"'{QUEUED}'")
_here = or_(_t.c.workspace_id == bindparam("at_workspace"), _t.c.workspace_id.is_(None))  # no workspace: the service's
_held = (_t.c.id == bindparam("at_id"), _t.c.token == bindparam("at_token"), _here, _queued)
_passed_on = {"token": _t.c.token + 1, "lease_until": None}

_NEW: dict[str, Any] = dict.fromkeys(c.name for c in _t.columns) | {"attempts": 0, "token": 0}
_ADD = Query(insert(_t).on_conflict_do_nothing(), [c.name for c in _t.columns])  # SQLite says it the same way
_TAKE = Query(
    update(_t)
    .where(_t.c.id == bindparam("at_id"))  # it is locked by now
    .values(token=_t.c.token + 1, attempts=_t.c.attempts + 1, lease_until=bindparam("until"))
)
_BEAT = Query(update(_t).where(*_held).values(lease_until=bindparam("until")))
_DONE = Query(delete(_t).where(*_held))
_AGAIN = Query(update(_t).where(*_held).values(**_passed_on, run_at=bindparam("at"), last_error=bindparam("error")))
_BURY = Query(
    update(_t)
    .where(*_held)
    .values(**_passed_on, state=DEAD, finished_at=bindparam("at"), last_error=bindparam("error"))
)
_unbegun = {**_passed_on, "attempts": _t.c.attempts - 1}
_GIVE_BACK = Query(update(_t).where(*_held).values(**_unbegun))
_PUT_OFF = Query(update(_t).where(*_held).values(**_unbegun, run_at=bindparam("at")))
_HASTEN = Query(
    update(_t)
    .where(
        _t.c.workspace_id == bindparam("at_workspace"),
        _t.c.kind == bindparam("at_kind"),
        _t.c.unique_key == bindparam("at_key"),
        _queued,
        _t.c.lease_until.is_(None),
        _t.c.run_at > bindparam("to"),
    )
    .values(run_at=bindparam("to"))
)


class Stale(Exception):
    """The job is somebody else's by now; what was to be written with it is undone."""


@dataclass(slots=True, eq=False)
class Job(Generic[P]):
    """A claimed job. `attempts` counts this one."""

    id: str
    workspace: str | None
    kind: str
    payload: P
    attempts: int
    token: int
    limits: Limits
    finished: bool = False

    @property
    def last(self) -> bool:
        """Whether no further attempt follows this one."""
        return self.attempts >= self.limits.max_attempts

    async def finish(self, tx: Transaction) -> None:
        """Complete the job in the transaction of the handler's own write, as its last statement.

        The transaction stands at the job's workspace (or is `system.write(None)` for a job of the service). Either both
        are kept or neither. Raises Stale, which must leave the transaction, when another worker has the job by now.
        """
        if not await tx.run(_DONE, **_claim_of(self)):
            raise Stale(self.id)
        self.finished = True


async def enqueue(
    tx: Transaction,
    kind: str,
    payload: Mapping[str, Any] | BaseModel,
    *,
    workspace: str | None = None,
    run_at: datetime | None = None,
    unique_key: str | None = None,
) -> str | None:
    """Promise work in the caller's transaction: undone with it, and run at least once after its commit.

    The job belongs to the workspace that the transaction stands at; `system.write(None)` may name another, or none for
    a job of the service. The payload should name things by their ids: it stays until the job is done or swept.
    `run_at` is host time, at once by default. As long as a job of this kind and workspace with the same `unique_key`
    is unfinished, nothing is enqueued; that one may be under way already and not see what is written here.

    Returns the job's id, or None when the key was taken. ValueError for a key above 200 characters and for a workspace
    beyond the transaction's wall.
    """
    if tx.wall is not None and workspace not in {None, tx.wall}:
        raise ValueError("a transaction at one workspace cannot enqueue for another")
    if unique_key is not None and len(unique_key) > LONGEST_KEY:
        raise ValueError(f"a unique key has at most {LONGEST_KEY} characters")
    now, job_id = clock.host(), ids.new("job")
    named = payload.model_dump(mode="json") if isinstance(payload, BaseModel) else dict(payload)
    values = {"id": job_id, "kind": kind, "payload": named, "unique_key": unique_key, "state": QUEUED}
    place = {"workspace_id": tx.wall if workspace is None else workspace, "run_at": run_at or now, "created_at": now}
    if not await tx.run(_ADD, **_NEW | values | place):
        return None
    if run_at is None or run_at <= now:
        await tx.ring("jobs")
    return job_id


async def hasten(
    tx: Transaction, kind: str, unique_key: str, *, workspace: str | None = None, to: datetime | None = None
) -> None:
    """Let the job with this key begin at this time of the host, by default now, instead of later, unless it is under
    way. `workspace` as for `enqueue`.
    """
    now = clock.host()
    at = {"at_workspace": tx.wall if workspace is None else workspace, "at_kind": kind, "at_key": unique_key}
    if await tx.run(_HASTEN, **at, to=to or now) and (to is None or to <= now):
        await tx.ring("jobs")


async def claim(system: Database, kinds: Mapping[str, Limits], most: int) -> list[Job[Any]]:
    """At most so many due jobs of these kinds, oldest first, each under its lease. Nobody else gets them meanwhile.

    A look that finds nothing is one read. Jobs whose last worker vanished on their last attempt are buried, not run.
    """
    names, now = tuple(sorted(kinds)), clock.host()
    look, take = _due(names)
    if await system.one_raw(look, None, now=now) is None:
        return []
    async with system.write(None) as tx:
        found = [(row, kinds[row.kind]) for row in await tx.fetch(take, now=now, most=most)]
        lost = [row for row, limits in found if row.attempts >= limits.max_attempts]
        taken = [(row, limits) for row, limits in found if row.attempts < limits.max_attempts]
        await tx.many(_TAKE, [{"at_id": row.id, "until": now + limits.lease} for row, limits in taken])
        for row in lost:
            await tx.run(_BURY, at_id=row.id, at_token=row.token, at_workspace=row.workspace_id, at=now, error=LOST)
    for row in lost:
        _log.error("job is dead", job=row.id, kind=row.kind, attempts=row.attempts, error=LOST)
    return [
        Job(row.id, row.workspace_id, row.kind, row.payload, row.attempts + 1, row.token + 1, limits)
        for row, limits in taken
    ]


async def heartbeat(system: Database, job: Job[Any]) -> bool:
    """Renew the lease. False when the job is no longer ours (done, given up, or somebody else's)."""
    return await _write(system, job, _BEAT, until=clock.host() + job.limits.lease)


async def hold(tx: Transaction, job: Job[Any]) -> None:
    """Say that the job is still ours, as the first statement of a transaction in a handler that has several.

    Nobody else can claim it before the end of that transaction, and its lease begins anew. Raises Stale, which must
    leave the transaction, when another worker has the job by now.
    """
    if not await tx.run(_BEAT, **_claim_of(job), until=clock.host() + job.limits.lease):
        raise Stale(job.id)


async def complete(system: Database, job: Job[Any]) -> bool:
    """The job is done. False as for `heartbeat`."""
    return await _write(system, job, _DONE)


async def fail(system: Database, job: Job[Any], error: str, delay: timedelta | None = None) -> bool:
    """Try again after `delay` (by default as the kind backs off), or bury it after the last attempt. False as above.

    `error` is kept for operators in one line of at most 500 characters: it must not quote a secret.
    """
    now, line = clock.host(), _line(error)
    if job.last:
        return await _write(system, job, _BURY, at=now, error=line)
    wait = job.limits.backoff.delay(job.attempts) if delay is None else delay
    return await _write(system, job, _AGAIN, at=now + wait, error=line)


async def release(system: Database, jobs: Iterable[Job[Any]]) -> int:
    """Give back what will not be worked on; the attempt does not count. Returns how many were still ours."""
    async with system.write(None) as tx:
        await tx.ring("jobs")
        return sum([await tx.run(_GIVE_BACK, **_claim_of(job)) for job in jobs])


async def put_off(system: Database, job: Job[Any], pause: timedelta) -> None:
    """Called by a handler that has not begun: the job comes again after a pause, and the attempt does not count."""
    await _write(system, job, _PUT_OFF, at=clock.host() + pause)
    job.finished = True


async def _write(system: Database, job: Job[Any], query: Query, **values: Any) -> bool:
    async with system.write(None) as tx:
        return bool(await tx.run(query, **_claim_of(job), **values))


def _claim_of(job: Job[Any]) -> dict[str, Any]:
    return {"at_id": job.id, "at_token": job.token, "at_workspace": job.workspace}


def _line(text: str) -> str:
    """Bounded, and nothing in it that a database refuses or a terminal obeys."""
    return "".join(c if c.isprintable() else " " for c in text[:LONGEST_ERROR])


@lru_cache(maxsize=64)
def _due(kinds: tuple[str, ...]) -> tuple[Query, Query]:
    """Whether anything of these kinds is due, and a lock on what is and nobody else is just taking."""
    free = or_(_t.c.lease_until.is_(None), _t.c.lease_until <= bindparam("now"))
    known = or_(false(), *(_t.c.kind == kind for kind in kinds))
    due = (_queued, _t.c.run_at <= bindparam("now"), free, known)
    columns = (_t.c.id, _t.c.workspace_id, _t.c.kind, _t.c.payload, _t.c.attempts, _t.c.token)
    # Ordered, both of them: PostgreSQL would read the whole table for any one row.
    look = select(_t.c.id).where(*due).order_by(_t.c.run_at, _t.c.id).limit(1)
    take = select(*columns).where(*due).order_by(_t.c.run_at, _t.c.id).limit(bindparam("most"))
    return Query(look), Query(take.with_for_update(skip_locked=True))
