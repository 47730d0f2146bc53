"""A sandbox is as it was made: by whoever asks for that and waits, or by a job."""

from collections.abc import Awaitable, Callable
from time import monotonic

from engage_api.access import operator
from engage_api.access.sandboxes.models import SANDBOX, Sandbox
from engage_api.access.worlds import LIVE
from engage_api.core.world import working
from engage_api.db import ends, reader, world
from engage_api.db.engine import Database
from engage_api.db.store import Stored
from engage_api.sandbox import filling, wipe

BETWEEN = 0.5  # seconds between two notes of how far it is


async def again(db: Database, sandbox_id: str) -> Stored[Sandbox] | None:
    """Empty it but for its first key, and fill it from its seed. None when it is gone, or nobody wants that now."""
    found = await reader.stored(db, await operator.principal(db, LIVE), SANDBOX, sandbox_id)
    row = await world.find(db, sandbox_id)
    if found is None or row is None or found.model.state != "resetting":
        return None
    await _rewind(db, sandbox_id)  # whoever else fills it gives up
    await wipe.wipe(db, sandbox_id, after=row.base_sequence)
    await _rewind(db, sandbox_id)
    return await filling.fill(db, found, _notes(db, sandbox_id))


async def _rewind(db: Database, sandbox_id: str) -> None:
    with working():
        async with db.write(sandbox_id) as tx:
            await world.rewind(tx)
            await ends.begin_anew(tx, sandbox_id)


def _notes(db: Database, sandbox_id: str) -> Callable[[int, int], Awaitable[None]]:
    """Writes down how far it is, now and then."""
    last = monotonic()

    async def note(done: int, total: int) -> None:
        nonlocal last
        if monotonic() - last >= BETWEEN:
            last = monotonic()
            with working():
                async with db.write(sandbox_id) as tx:
                    await world.progress(tx, "resetting", done, total)

    return note
