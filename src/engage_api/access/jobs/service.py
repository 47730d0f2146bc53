"""Which jobs there are, and how a dead one runs again. For the operator: jobs belong to all workspaces."""

from typing import Any

from engage_api.access.jobs.models import Job
from engage_api.core.principal import Principal
from engage_api.core.problem import InvalidTransition, NotFound, Problem
from engage_api.db.engine import Database, Transaction
from engage_api.db.errors import Conflict
from engage_api.jobs import operators
from engage_api.jobs.models import DEAD

PORTION = 200  # jobs that are looked up at once


class AlreadyQueued(Problem):
    """A job that does the same work was queued after this one died. Nothing need be done: that one runs."""

    code, status, title = "already-queued", 409, "The same work is queued already"


def sees(principal: Principal) -> bool:
    """Whether there are jobs for whoever asks: in the live workspace, for who sees the whole of it."""
    return principal.live and principal.sees_workspace


async def find(db: Database, ask: operators.Ask) -> list[Job]:
    """A part of the list."""
    return [_shown(row) for row in await operators.page(db.system, ask)]


async def one(db: Database, job_id: str) -> Job:
    """One job.

    Raises:
        NotFound: there is none, or it is done.
    """
    row = await operators.one(db.system, job_id)
    if row is None:
        raise NotFound
    return _shown(row)


async def replay(tx: Transaction, job_id: str) -> Job:
    """Let a dead job run again.

    Raises:
        NotFound: there is no such job.
        InvalidTransition: it is not dead.
        AlreadyQueued: another one does the same work.
    """
    try:
        queued = await operators.replay(tx, job_id)
    except Conflict:
        raise AlreadyQueued from None
    row = await operators.look(tx, job_id)
    if row is None:
        raise NotFound
    if not queued:
        raise InvalidTransition("Only a dead job can run again.", more={"state": row.state, "allowed": []})
    return _shown(row)


async def replay_all(db: Database, kind: str | None) -> tuple[int, int]:
    """Let all dead jobs run again, or those of one kind, each in a transaction of its own. How many are queued now, and
    how many were left because another job does the same work.
    """
    filters = {"state": DEAD} | ({"kind": kind} if kind else {})
    queued = left = 0
    after: str | None = None
    while rows := await operators.page(db.system, operators.Ask(filters, after, PORTION)):
        for row in rows:
            try:
                async with db.system.write(None) as tx:
                    queued += await operators.replay(tx, row.id)
            except Conflict:
                left += 1
        after = rows[-1].id
    return queued, left


def _shown(row: Any) -> Job:
    return Job.model_validate(row._asdict())
