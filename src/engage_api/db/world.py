"""Worlds: what makes a sandbox repeatable. Its time and its ids come from here; its writes take turns."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, bindparam, insert, select, update
from sqlmodel import Field, SQLModel

from engage_api.core import clock
from engage_api.core import world as worlds
from engage_api.core.clock import Clock
from engage_api.core.world import SandboxBusy, World
from engage_api.db.base import Instant
from engage_api.db.engine import Database, Transaction
from engage_api.db.row import KEY
from engage_api.db.sql import Query

SANDBOX = "sbx_"
"""How the id of a sandbox begins. No other workspace has a world of its own."""
AGAIN = "1"  # seconds until a busy sandbox may be asked again


class WorldRow(SQLModel, table=True):
    """The world of a sandbox.

    When the host's clock said `since`, the sandbox's said `at`; since then it goes `pace` times as fast. `number`
    counts the ids that it gave out, of `quota`. While it is `busy`, only who makes it busy writes in it: `done` of
    `total`. `base_number` and `base_sequence` are what had been given out before it was seeded: a reset goes back to
    there. `epoch` counts how often its log has begun anew. `first_key` is a copy's, whose log need not tell of it.
    """

    __tablename__ = "world"

    workspace_id: str = Field(primary_key=True, sa_type=KEY)
    seed: str = Field(sa_type=KEY)
    number: int = Field(sa_type=BigInteger)
    quota: int = Field(sa_type=BigInteger)
    at: datetime = Field(sa_type=Instant)
    since: datetime = Field(sa_type=Instant)
    pace: int = Field(sa_type=BigInteger)
    busy: str | None = Field(default=None, sa_type=KEY)
    done: int = Field(sa_type=BigInteger)
    total: int = Field(sa_type=BigInteger)
    base_number: int = Field(sa_type=BigInteger)
    base_sequence: int = Field(sa_type=BigInteger)
    epoch: int = Field(sa_type=BigInteger)
    first_key: str | None = Field(default=None, sa_type=KEY)


_t = WorldRow.__table__  # type: ignore[attr-defined]
_mine = _t.c.workspace_id == bindparam("at_workspace")
_ADD = Query(insert(_t), [c.name for c in _t.columns])
_FIND = Query(select(_t).where(_mine))
_ENTER = Query(
    select(_t.c.seed, _t.c.number, _t.c.quota, _t.c.at, _t.c.since, _t.c.pace, _t.c.busy, _t.c.epoch)
    .where(_mine)
    .with_for_update()
)
_COUNT = Query(update(_t).where(_mine).values(number=bindparam("number"), at=bindparam("at"), since=bindparam("since")))
_SET = Query(update(_t).where(_mine).values(at=bindparam("at"), since=bindparam("since"), pace=bindparam("pace")))
_BUSY = Query(update(_t).where(_mine).values(busy=bindparam("busy"), done=bindparam("done"), total=bindparam("total")))
_BASE = Query(
    update(_t).where(_mine).values(base_number=bindparam("base_number"), base_sequence=bindparam("base_sequence"))
)

_REWIND = Query(update(_t).where(_mine, _t.c.base_sequence > 0).values(number=_t.c.base_number))
_BEGAN = Query(
    update(_t)
    .where(_mine)
    .values(number=bindparam("number"), base_number=bindparam("number"), base_sequence=bindparam("base_sequence"))
)


async def add(tx: Transaction, workspace: str, *, seed: str, start: Clock, quota: int, busy: str | None = None) -> None:
    """Give a new sandbox its world. `tx` stands at the live workspace, or at the sandbox itself."""
    values: dict[str, Any] = {"number": 0, "done": 0, "total": 0, "base_number": 0, "base_sequence": 0, "epoch": 0}
    values |= {"seed": seed, "quota": quota, "busy": busy, "at": start.at, "since": start.since, "pace": start.pace}
    await tx.run(_ADD, workspace_id=workspace, first_key=None, **values)


async def began(tx: Transaction, world: World, *, sequence: int) -> None:
    """Keep what a world gave out in the transaction that made it, as where a reset goes back to.

    That transaction stands somewhere else, so it could not enter the world.
    """
    await tx.run(_BEGAN, at_workspace=world.workspace, number=world.number, base_sequence=sequence)


async def rewind(tx: Transaction) -> None:
    """Give out the same ids again from where the sandbox that the transaction stands at was laid to begin.

    Where no key was first, keys stay that were made later: there ids go on, or two would be the same.
    """
    await tx.run(_REWIND, at_workspace=tx.wall)


async def find(db: Database, workspace: str) -> Any:
    """The row of a sandbox's world as it is now (`WorldRow`), or None."""
    return await db.one(_FIND, workspace, at_workspace=workspace)


async def time(tx: Transaction, workspace: str) -> datetime:
    """What a sandbox's clock says, as it is in this transaction, whatever this process knows of it."""
    row = await tx.one(_FIND, at_workspace=workspace)
    return clock.host() if row is None else Clock(row.at, row.since, row.pace).now()


async def follow(db: Database, workspace: str) -> None:
    """Learn what a sandbox's clock is, for who asks for its time outside of a write. No other workspace has one."""
    row = await find(db, workspace) if has_world(workspace) else None
    clock.follow(workspace, None if row is None else Clock(row.at, row.since, row.pace))
    worlds.note(workspace, None if row is None else row.busy)


async def set_clock(tx: Transaction, wanted: Clock) -> None:
    """Set the clock of the sandbox that the transaction stands at, as its last statement.

    This process follows it from here on. Should the commit fail, it learns better with the next write or look-up.
    """
    await tx.run(_SET, at_workspace=tx.wall, at=wanted.at, since=wanted.since, pace=wanted.pace)
    if tx.wall is not None:
        clock.follow(tx.wall, wanted)


async def progress(tx: Transaction, busy: str | None, done: int = 0, total: int = 0) -> None:
    """Say what the sandbox that the transaction stands at is busy with, and how far that is."""
    await tx.run(_BUSY, at_workspace=tx.wall, busy=busy, done=done, total=total)


async def lay_base(tx: Transaction, *, sequence: int) -> None:
    """Let a reset go back to here: to the ids drawn so far, and this number of the log."""
    world = worlds.standing(tx.wall or "")
    assert world is not None  # noqa: S101  # only a sandbox is reset
    await tx.run(_BASE, at_workspace=tx.wall, base_number=world.number, base_sequence=sequence)


@asynccontextmanager
async def entered(tx: Transaction) -> AsyncIterator[None]:
    """What a write in a sandbox does first and last: it takes its turn, and stands at its moment; then the ids that it
    drew are counted, and the clock stands where it went. No later write stands at an earlier moment, also where the
    host's time is behind.

    Raises:
        SandboxBusy: it may not write there now.
    """
    workspace = tx.wall
    row = await tx.one(_ENTER, at_workspace=workspace)
    if row is None or workspace is None:
        yield
        return
    if row.busy is not None and not worlds.is_working():
        raise SandboxBusy(headers={"Retry-After": AGAIN})
    was = Clock(row.at, row.since, row.pace)
    clock.follow(workspace, was)
    with worlds.entered(World(workspace, row.seed, row.number, row.quota, was.now(), row.epoch)) as world:
        yield
        if tx.failure is not None:
            return
        if world.number != row.number:
            kept = was.told_from(world.moment)
            await tx.run(_COUNT, at_workspace=workspace, number=world.number, at=kept.at, since=kept.since)
        if world.moved:
            await set_clock(tx, Clock(world.moment, clock.host(), row.pace))


def has_world(wall: str | None) -> bool:
    """Whether a workspace may have a world of its own."""
    return wall is not None and wall.startswith(SANDBOX)
