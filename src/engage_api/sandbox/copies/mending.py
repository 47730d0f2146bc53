"""What could not be filled or copied has failed, and holds nobody up any more."""

from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, delete, select

from engage_api.access import operator
from engage_api.access.sandboxes.models import SANDBOX, SandboxState
from engage_api.access.worlds import LIVE
from engage_api.core.principal import Principal
from engage_api.db import reader, store
from engage_api.db.engine import Database, Transaction
from engage_api.db.sql import Query
from engage_api.db.store import Happened
from engage_api.jobs import Job, enqueue, job, schedule
from engage_api.jobs.models import DEAD, JobRow
from engage_api.sandbox.copies import first_key, standing
from engage_api.sandbox.copies.models import SNAPSHOT
from engage_api.sandbox.copies.orders import EMPTY, MEND, ORDERS, RESET, Emptying, Forking, Order, Resetting, Restoring
from engage_api.sandbox.jobs import Wanted

_job = JobRow.__table__  # type: ignore[attr-defined]
_DEAD = Query(
    select(_job.c.id, _job.c.kind, _job.c.payload).where(_job.c.kind == bindparam("kind"), _job.c.state == DEAD)
)
_FORGET = Query(delete(_job).where(_job.c.id == bindparam("at_id"), _job.c.state == DEAD))
_CALL_OFF = Query(delete(_job).where(_job.c.id == bindparam("at_id"), _job.c.lease_until.is_(None)))


_CALL_OFF_RESETS = Query(
    delete(_job).where(
        _job.c.kind == RESET,
        _job.c.unique_key >= bindparam("first"),
        _job.c.unique_key < bindparam("beyond"),
        _job.c.lease_until.is_(None),
    )
)


async def call_off_resets(tx: Transaction, sandbox_id: str) -> None:
    """The jobs that were to reset a sandbox should nobody else do it: one amid the next reset would take its turn."""
    await tx.run(_CALL_OFF_RESETS, first=f"{sandbox_id}.", beyond=f"{sandbox_id}/")


async def call_off(tx: Transaction, job_id: str) -> bool:
    """A job is not to be done. False when somebody does it, or has done it."""
    return bool(await tx.run(_CALL_OFF, at_id=job_id))


@job(MEND)
async def mend(db: Database, _: Job[dict[str, Any]]) -> None:
    """Jobs whose last worker was lost could not say that they failed."""
    for kind, order in ORDERS.items():
        for row in await db.system.fetch(_DEAD, None, kind=kind):
            await give_up(db, order.model_validate(row.payload))
            async with db.system.write(None) as tx:
                await tx.run(_FORGET, at_id=row.id)


schedule(MEND, every=timedelta(minutes=1))


async def give_up(db: Database, order: Order) -> None:
    """Say that it has failed, if that was not said. What was only read can be written in again."""
    who = await operator.principal(db, LIVE)
    async with db.system.write(None) as tx:
        await fail(tx, who, order)


async def fail(tx: Transaction, who: Principal, order: Order) -> None:
    """The same in a transaction across workspaces. Whatever has ended meanwhile holds nobody up either."""
    match order:
        case Forking():
            failed = await _fail(tx, who, order.target, "copying", standing.CLOSED)
            if failed:  # the key that was shown opens it once somebody has reset it
                await first_key.keep(tx, order.target, order.key)
            if failed or await reader.find(tx, who, SANDBOX, order.target) is None:
                await _release(tx, who, order.sandbox)
        case Restoring():
            await _fail(tx, who, order.sandbox, "restoring", standing.CLOSED)
        case Resetting():
            await _fail(tx, who, order.sandbox, "resetting", standing.CLOSED)
        case Wanted():
            await _fail(tx, who, order.sandbox, "seeding", None)
        case _:
            found = await reader.find(tx, who, SNAPSHOT, order.snapshot)
            if found is not None and found.model.state == "copying":
                await store.change(tx, who, SNAPSHOT, found, {"state": "failed"}, Happened("failed"))
                await enqueue(tx, EMPTY, Emptying(workspace=order.snapshot), workspace=LIVE)
                await _release(tx, who, order.sandbox)


async def _fail(tx: Transaction, who: Principal, sandbox_id: str, was: SandboxState, busy: str | None) -> bool:
    """Whether it was in this state until now."""
    found = await reader.find(tx, who, SANDBOX, sandbox_id)
    if found is None or found.model.state != was:
        return False
    await standing.busy(tx, sandbox_id, busy)
    await store.change(tx, who, SANDBOX, found, {"state": "failed"}, Happened("failed"))
    return True


async def _release(tx: Transaction, who: Principal, sandbox_id: str) -> None:
    """It was copied from, and is as it was."""
    found = await reader.find(tx, who, SANDBOX, sandbox_id)
    if found is not None and found.model.state == "copying":
        await standing.busy(tx, sandbox_id, None)
        await store.change(tx, who, SANDBOX, found, {"state": "ready"}, Happened("ready"))
