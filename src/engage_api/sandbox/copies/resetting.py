"""A sandbox is as it was made: by whoever asks for that and waits, or by a job."""

from engage_api.access import operator
from engage_api.access.sandboxes.models import SANDBOX, Sandbox
from engage_api.access.worlds import LIVE
from engage_api.db import reader, world
from engage_api.db.engine import Database
from engage_api.db.store import Stored
from engage_api.sandbox import filling


async def again(db: Database, sandbox_id: str) -> Stored[Sandbox] | None:
    """Empty it but for its first key, and fill it from its seed. None when it is gone, or nobody wants that now."""
    found = await reader.stored(db, await operator.principal(db, LIVE), SANDBOX, sandbox_id)
    row = await world.find(db, sandbox_id)
    if found is None or row is None or found.model.state != "resetting":
        return None
    await filling.empty(db, sandbox_id, row.base_sequence)
    return await filling.fill(db, found, filling.Notes(db, sandbox_id, "resetting").note)
