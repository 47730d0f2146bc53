"""A new sandbox is filled: at once by whoever made it, or by a job."""

from datetime import timedelta
from time import monotonic

from engage_api.access import operator
from engage_api.access.sandboxes.models import SANDBOX, Sandbox
from engage_api.access.worlds import LIVE
from engage_api.core import clock
from engage_api.core.clock import Clock
from engage_api.core.world import working
from engage_api.db import ends, reader, world
from engage_api.db.engine import Database
from engage_api.db.store import Stored
from engage_api.jobs import Job, job
from engage_api.jobs.limits import SANDBOXES
from engage_api.sandbox import seeding, service, wipe
from engage_api.sandbox.jobs import SEED, Wanted
from engage_api.sandbox.taking_turns import in_turn

BETWEEN = 0.5  # seconds between two notes of how far it is


async def fill(db: Database, found: Stored[Sandbox], note: seeding.Note = seeding.nobody) -> Stored[Sandbox] | None:
    """Fill a sandbox that is empty but for its first key, let its clock run, and say that it is ready. None when it is
    gone by then.
    """
    sandbox = found.model
    who = await operator.principal(db, sandbox.id, application=found.made_by)
    personas = await seeding.seed(db, who, sandbox.size, note=note, ends=sandbox.starts_at)
    with working():
        async with db.write(sandbox.id) as tx:
            await world.progress(tx, None)
            await world.set_clock(tx, Clock(sandbox.starts_at, clock.host(), sandbox.start_pace))
    return await service.become(db, sandbox.id, "ready", personas=personas)


@job(SEED, payload=Wanted, max_attempts=3, deadline=timedelta(minutes=30), pool=SANDBOXES)
@in_turn
async def seed_sandbox(db: Database, wanted: Job[Wanted]) -> None:
    """Fill it, from the beginning if somebody has begun and did not end. After the last attempt it has failed."""
    sandbox_id = wanted.payload.sandbox
    found = await reader.stored(db, await operator.principal(db, LIVE), SANDBOX, sandbox_id)
    if found is None or found.model.state != "seeding":
        return
    try:
        await begin_again(db, sandbox_id)
        await fill(db, found, Notes(db, sandbox_id, "seeding").note)
    except Exception:
        if wanted.last:
            await _give_up(db, sandbox_id)
        raise


async def begin_again(db: Database, sandbox_id: str) -> None:
    """Empty a sandbox whose filling was cut short."""
    row = await world.find(db, sandbox_id)
    if row is not None and row.number > row.base_number:
        await empty(db, sandbox_id, row.base_sequence)


async def empty(db: Database, sandbox_id: str, base: int) -> None:
    """All goes that came after this number of the log. Whoever else fills it gives up, and whoever follows is told."""
    await _rewind(db, sandbox_id)
    await wipe.wipe(db, sandbox_id, after=base)
    await _rewind(db, sandbox_id)


async def _rewind(db: Database, sandbox_id: str) -> None:
    with working():
        async with db.write(sandbox_id) as tx:
            await world.rewind(tx)
            await ends.begin_anew(tx, sandbox_id)


async def _give_up(db: Database, sandbox_id: str) -> None:
    with working():
        async with db.write(sandbox_id) as tx:
            await world.progress(tx, None)
    await service.become(db, sandbox_id, "failed")


class Notes:
    """Writes down how far it is with what a sandbox is `busy` with, now and then."""

    def __init__(self, db: Database, sandbox_id: str, busy: str) -> None:
        self._db = db
        self._sandbox = sandbox_id
        self._busy = busy
        self._last = 0.0

    async def note(self, done: int, total: int) -> None:
        """So much of so much."""
        if monotonic() - self._last < BETWEEN:
            return
        self._last = monotonic()
        with working():
            async with self._db.write(self._sandbox) as tx:
                await world.progress(tx, self._busy, done, total)
