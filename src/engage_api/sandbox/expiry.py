"""Sandboxes come to their end: their credentials at once, what is in them in portions that hold nobody up."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from engage_api.access import operator, worlds
from engage_api.access.applications.models import APPLICATION
from engage_api.access.sandboxes.models import SANDBOX
from engage_api.access.worlds import GUESTS, LIVE
from engage_api.core.principal import Principal
from engage_api.db import reader, store, world
from engage_api.db.engine import Database, Transaction
from engage_api.db.errors import Conflict
from engage_api.db.store import Happened
from engage_api.jobs import Job, Later, job, schedule
from engage_api.jobs.limits import EMPTYING
from engage_api.sandbox import service, wipe
from engage_api.sandbox.copies import service as snapshots
from engage_api.sandbox.jobs import EXPIRE, WIPE, Ended

EXPIRED = Happened("expired")
SOON = timedelta(minutes=1)


@job(EXPIRE)
async def expire_sandboxes(db: Database, _: Job[dict[str, Any]]) -> None:
    """End those whose time is over. Nobody could use them any more since then."""
    who = await operator.principal(db, LIVE)
    while over := await worlds.over(db):
        for sandbox_id in over:
            async with db.write(LIVE) as tx:
                found = await reader.find(tx, who, SANDBOX, sandbox_id)
                if found is None:  # somebody deleted it meanwhile
                    await worlds.end_sandbox(tx, sandbox_id)
                else:
                    await service.end(tx, who, found, EXPIRED)


@job(WIPE, payload=Ended, deadline=timedelta(minutes=30), pool=EMPTYING)
async def wipe_sandbox(db: Database, ended: Job[Ended]) -> None:
    """Take all away that is in one that has ended, and with a guest's last sandbox their application."""
    sandbox_id, who = ended.payload.sandbox, await operator.principal(db, LIVE)
    await snapshots.forget_all(db, who, sandbox_id)
    while await wipe.wipe(db, sandbox_id):
        pass  # whoever was about to write has written, or finds no world there any more
    async with db.write(LIVE) as tx:
        await worlds.forget_sandbox(tx, sandbox_id)
    await world.follow(db, sandbox_id)  # this process need not know of it any more
    async with db.write(LIVE) as tx:
        await _let_go(tx, who, ended.payload.application)


async def _let_go(tx: Transaction, who: Principal, application_id: str) -> None:
    """The application of a guest who has no sandbox any more.

    Raises:
        Later: another sandbox of theirs has ended, and its keys are still there.
    """
    found = await reader.find(tx, who, APPLICATION, application_id)
    if found is None or found.model.organization_id != GUESTS:
        return
    own = replace(who, application=application_id, organization="", sees_workspace=False)
    if await reader.has_any(tx, own, SANDBOX, {}):
        return
    try:
        await store.remove(tx, who, APPLICATION, found, store.DELETED)
    except Conflict:
        raise Later("another sandbox of this guest is not empty yet", SOON) from None


schedule(EXPIRE, every=timedelta(minutes=1))
