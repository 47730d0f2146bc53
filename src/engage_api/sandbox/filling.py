"""A sandbox is filled: at once by whoever made or reset it, or by a job.

Both may come to it, so each has a turn: whoever takes the next one lets its log begin anew, and each step of who had
the last one looks whether that is over.
"""

from datetime import timedelta
from time import monotonic
from typing import Any

import structlog

from engage_api.access import operator
from engage_api.access.sandboxes.models import SANDBOX, Persona, Sandbox, SandboxState
from engage_api.access.worlds import LIVE
from engage_api.core import clock
from engage_api.core import world as worlds
from engage_api.core.clock import Clock
from engage_api.db import ends, reader, sequencer, store, world
from engage_api.db.engine import Database, Transaction
from engage_api.db.errors import Unavailable
from engage_api.db.store import Happened, Stored
from engage_api.jobs import Job, job
from engage_api.jobs.limits import SANDBOXES
from engage_api.sandbox import seeding, wipe
from engage_api.sandbox.copies import mending, standing
from engage_api.sandbox.jobs import SEED, Wanted
from engage_api.sandbox.taking_turns import in_turn

_log = structlog.get_logger("engage.sandbox")
BETWEEN = 0.5  # seconds between two notes of how far it is


async def fill(
    db: Database, found: Stored[Sandbox], note: seeding.Note = seeding.nobody, epoch: int = 0
) -> Stored[Sandbox] | None:
    """Fill a sandbox that is empty but for its first key, let its clock run, and say that it is ready. None when it is
    gone by then. `epoch` is that of its log: 0 of one that was just made.

    Raises:
        Unavailable: somebody else has begun anew since then.
    """
    sandbox = found.model
    who = await operator.principal(db, sandbox.id, application=found.made_by)
    personas = await seeding.seed(db, who, sandbox.size, note=note, ends=sandbox.starts_at, epoch=epoch)
    try:
        await sequencer.settle(db)  # who is told that it is ready reads its log next
    except Unavailable as error:  # somebody else numbers it later: no reason to begin anew
        _log.warning("a log waits for its numbers", sandbox=sandbox.id, error=str(error))
    return await _ready(db, sandbox, epoch, personas)


async def _ready(db: Database, sandbox: Sandbox, epoch: int, personas: list[Persona]) -> Stored[Sandbox] | None:
    who, begun = await operator.principal(db, LIVE), Clock(sandbox.starts_at, clock.host(), sandbox.start_pace)
    async with db.system.write(None) as tx:
        found = await reader.find(tx, who, SANDBOX, sandbox.id)
        if found is None:
            return None
        row = await standing.locked(tx, sandbox.id)
        _require(row, epoch)
        await standing.go_back(tx, sandbox.id, row.number, begun)
        await standing.busy(tx, sandbox.id, None)
        facts = {"state": "ready", "personas": personas}
        stored = await store.change(tx, who, SANDBOX, found, facts, Happened("ready"))
        await mending.call_off_resets(tx, sandbox.id)  # here, where nobody can have asked for the next one yet
    await world.follow(db, sandbox.id)
    return stored


async def anew(db: Database, sandbox_id: str, state: SandboxState) -> Stored[Sandbox] | None:
    """Fill a sandbox that is in this state from the beginning, whatever somebody has left who began and did not end.
    None when it is not in this state any more, or is gone.

    Raises:
        Unavailable: somebody else has begun anew since then.
    """
    who = await operator.principal(db, LIVE)
    async with db.system.write(None) as tx:
        found = await reader.find(tx, who, SANDBOX, sandbox_id)
        if found is None or found.model.state != state:
            return None
        row = await standing.locked(tx, sandbox_id)
        epoch, begun = row.epoch, state == "resetting" or row.number > row.base_number
        if begun:
            await ends.begin_anew(tx, sandbox_id)
    if begun:
        epoch = await empty(db, sandbox_id, row.base_sequence, epoch + 1)
    return await fill(db, found, Notes(db, sandbox_id, state, epoch).note, epoch)


@job(SEED, payload=Wanted, max_attempts=3, deadline=timedelta(minutes=30), pool=SANDBOXES)
@in_turn
async def seed_sandbox(db: Database, wanted: Job[Wanted]) -> None:
    """Fill it, from the beginning if somebody has begun and did not end. After the last attempt it has failed."""
    try:
        await anew(db, wanted.payload.sandbox, "seeding")
    except Exception:
        if wanted.last:
            await mending.give_up(db, wanted.payload)
        raise


async def empty(db: Database, sandbox_id: str, base: int, epoch: int) -> int:
    """All goes that came after this number of the log. Whoever follows it is told; its epoch from here on.

    Raises:
        Unavailable: somebody else has begun anew since then.
    """

    async def still(_: Transaction, __: int) -> None:
        _require(worlds.standing(sandbox_id), epoch)

    await wipe.wipe(db, sandbox_id, after=base, told=still)
    with worlds.working():
        async with db.write(sandbox_id) as tx:
            _require(worlds.standing(sandbox_id), epoch)
            await world.rewind(tx)
            await ends.begin_anew(tx, sandbox_id)
    return epoch + 1


def _require(found: Any, epoch: int) -> None:
    """The world as it is in this transaction is as whoever has the turn left it."""
    if found is None or found.epoch != epoch:
        raise Unavailable("somebody else fills the sandbox")


class Notes:
    """Writes down how far it is with what a sandbox is `busy` with, now and then, as long as it is so in this epoch."""

    def __init__(self, db: Database, sandbox_id: str, busy: str, epoch: int) -> None:
        self._db = db
        self._sandbox = sandbox_id
        self._busy = busy
        self._epoch = epoch
        self._last = 0.0

    async def note(self, done: int, total: int) -> None:
        """So much of so much."""
        if monotonic() - self._last < BETWEEN:
            return
        self._last = monotonic()
        with worlds.working():
            async with self._db.write(self._sandbox) as tx:
                _require(worlds.standing(self._sandbox), self._epoch)
                await world.progress(tx, self._busy, done, total)
