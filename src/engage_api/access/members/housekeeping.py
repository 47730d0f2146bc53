"""Invitations whose time is over end, and their addresses with them."""

from datetime import timedelta
from typing import Any

from engage_api.access import operator
from engage_api.access.members import addresses, invitations
from engage_api.access.worlds import LIVE
from engage_api.core import clock
from engage_api.db.engine import Database
from engage_api.jobs import Job, job, schedule

SWEEP = "invitation.sweep"
MOST = 1_000  # at a time


@job(SWEEP)
async def sweep_invitations(db: Database, _: Job[dict[str, Any]]) -> None:
    """End what has expired."""
    who = await operator.principal(db, LIVE)
    for invitation_id in await addresses.expired(db, clock.business(LIVE), MOST):
        await invitations.expire(db, who, invitation_id)


schedule(SWEEP, every=timedelta(hours=1))
