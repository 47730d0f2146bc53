"""Reading a sandbox's clock, changing how it goes, and moving it on."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from time import monotonic

from engage_api.core import clock
from engage_api.core.clock import FROZEN, Clock
from engage_api.core.problem import Fault, InvalidRequest, NotFound, Problem
from engage_api.db import world
from engage_api.db.engine import Database, Transaction
from engage_api.events.webhooks import drains, player
from engage_api.sandbox.clocks import advances
from engage_api.sandbox.clocks.models import (
    LONGEST,
    RUNNING,
    Advance,
    AdvanceCreate,
    SandboxClock,
    SandboxClockUpdate,
)

PATIENCE = 2.0  # seconds that an answer waits for its advance
LOOK = (0.005, 0.1)  # seconds between two looks at it: the first, and the longest
END = datetime(2300, 1, 1, tzinfo=UTC)  # no clock goes further
_PARTS = {"W": "weeks", "D": "days", "H": "hours", "M": "minutes", "S": "seconds"}


class AdvanceUnderWay(Problem):
    """The clock of the sandbox is being moved, by one advance at a time. `advance` names the one that is under way.

    Read it, or the clock, until it is done.
    """

    code, status, title = "advance-under-way", 409, "The clock is being moved"


async def read(db: Database, workspace: str) -> SandboxClock:
    """What the clock says now.

    Raises:
        NotFound: the sandbox has just gone.
    """
    row = await advances.clock_of(db, workspace)
    if row is None:
        raise NotFound
    now = Clock(row.at, row.since, row.pace).now()
    return _shown(now, row.pace if row.advance is None else row.goes_on, row.advance)


async def change(db: Database, workspace: str, wanted: SandboxClockUpdate) -> SandboxClock:
    """Let it stand still, or run at a pace. What waits for its time is rung for that.

    Raises:
        InvalidRequest: `now` is given, or a pace for a clock that stands still.
        AdvanceUnderWay: it is being moved.
    """
    async with db.write(workspace) as tx:
        await _require_rest(tx, workspace)
        pace = _pace(wanted, clock.of(workspace))
        now = clock.business(workspace)
        await world.set_clock(tx, Clock(now, clock.host(), pace))
        await player.wake(tx, workspace)
    return _shown(now, pace, None)


async def begin(tx: Transaction, workspace: str, wanted: AdvanceCreate) -> Advance:
    """Begin to move it on. Meanwhile it stands wherever it has come to, and afterwards goes on as before.

    Raises:
        InvalidRequest: not one of both is given, or it is in the past or too far.
        AdvanceUnderWay: it is being moved already.
    """
    await _require_rest(tx, workspace)
    now, kept = clock.business(workspace), clock.of(workspace)
    to = _target(wanted, now)
    made = await advances.add(tx, workspace, now, to, kept.pace if kept else FROZEN)
    await world.set_clock(tx, Clock(now, clock.host(), FROZEN))
    await drains.ask_to_play(tx, workspace)
    return made


async def one(db: Database, workspace: str, advance_id: str) -> Advance:
    """An advance as it is now.

    Raises:
        NotFound: there is none.
    """
    found = await advances.one(db, workspace, advance_id)
    if found is None:
        raise NotFound
    return found


async def wait(db: Database, workspace: str, advance_id: str) -> Advance:
    """An advance once it is done, or as it is after two seconds. This process knows the clock then.

    Raises:
        NotFound: there is no such advance.
    """
    until, (pause, longest) = monotonic() + PATIENCE, LOOK
    while True:
        found = await one(db, workspace, advance_id)
        if found.state != RUNNING or monotonic() >= until:
            await world.follow(db, workspace)
            return found
        await asyncio.sleep(pause)
        pause = min(2 * pause, longest)


async def _require_rest(tx: Transaction, workspace: str) -> None:
    under_way = await advances.current(tx, workspace)
    if under_way is not None:
        raise AdvanceUnderWay(more={"advance": under_way.id})


def _pace(wanted: SandboxClockUpdate, kept: Clock | None) -> int:
    given, was = wanted.model_fields_set, kept.pace if kept else FROZEN
    missing = [name for name in ("mode", "pace") if name in given and getattr(wanted, name) is None]
    faults = [Fault("missing", "It cannot be null.", pointer=f"/{name}") for name in missing]
    if "now" in given:
        told = "Time goes on and is not set: POST …/clock/advances with `to`."
        faults.append(Fault("not-applicable", told, pointer="/now"))
    frozen = wanted.mode == "frozen" if wanted.mode is not None else was == FROZEN
    if frozen and wanted.pace is not None:
        told = 'It stands still: give "mode": "running", too.'
        faults.append(Fault("not-applicable", told, pointer="/pace"))
    if faults:
        raise InvalidRequest(errors=faults)
    return FROZEN if frozen else wanted.pace or was or 1


def _target(wanted: AdvanceCreate, now: datetime) -> datetime:
    if (wanted.to is None) == (wanted.by is None):
        raise InvalidRequest(errors=[Fault("one-of", "Give `to` or `by`, one of both.", pointer="/to")])
    name = "by" if wanted.to is None else "to"
    try:
        to = wanted.to or now + _span(wanted.by or "")
    except OverflowError:
        to = END
    if to <= now:
        told = f"The clock says {clock.wire(now)}, and time does not go back. Reset the sandbox, or restore a snapshot."
        raise InvalidRequest(errors=[Fault("past", told, pointer=f"/{name}")])
    if to - now > timedelta(days=LONGEST) or to >= END:
        raise InvalidRequest(errors=[Fault("too-long", "At most five years, and not beyond 2299.", pointer=f"/{name}")])
    return to


def _span(text: str) -> timedelta:
    days, _, times = text.removeprefix("P").partition("T")
    parts = [(number, letter) for part in (days, times) for number, letter in re.findall(r"(\d+)([A-Z])", part)]
    return sum((timedelta(**{_PARTS[letter]: int(number)}) for number, letter in parts), timedelta())


def _shown(now: datetime, pace: int, advance_id: str | None) -> SandboxClock:
    return SandboxClock(now=now, mode="running" if pace else "frozen", pace=pace, advance_id=advance_id)
