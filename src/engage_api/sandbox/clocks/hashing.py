"""The hash of a sandbox's log for whoever manages it."""

from dataclasses import replace

from engage_api.core.principal import Principal
from engage_api.db import sequencer
from engage_api.db.engine import Database
from engage_api.sandbox import log_hash, own
from engage_api.sandbox.clocks.models import LogHash
from engage_api.sandbox.service import require


async def read(db: Database, who: Principal, sandbox_id: str) -> LogHash:
    """Of all that is committed by now.

    Raises:
        NotFound: they manage no such sandbox.
        Unavailable: the log is a long one; whoever asks again goes on from there.
    """
    stored = await require(db, who, sandbox_id)
    await sequencer.settle(db)
    whole = replace(who, workspace=sandbox_id, live=False, sees_workspace=True, customer="")
    found = await log_hash.read(db, whole, await own.names(db, who, stored), stored.model.version)
    return LogHash(hash=found.hash, events=found.events, last_event_id=found.last)
