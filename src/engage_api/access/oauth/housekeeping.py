"""What the tables of tokens and grants need now and then."""

from datetime import timedelta
from typing import Any

from engage_api.access.oauth import devices, store, tokens
from engage_api.db.engine import Database
from engage_api.jobs import Job, job, schedule

SWEEP = "oauth.sweep"


@job(SWEEP)
async def sweep_tokens(db: Database, _: Job[dict[str, Any]]) -> None:
    """Forget expired tokens, in portions that hold no writer up, grants, and devices that wait no more."""
    await tokens.sweep(db)
    await store.sweep(db)
    await devices.sweep(db)


schedule(SWEEP, every=timedelta(hours=1))
