"""Who looks after the time in the live workspace and in sandboxes whose clock runs."""

import asyncio
from datetime import datetime, timedelta
from time import monotonic
from typing import NoReturn

import pytest
from sqlalchemy import bindparam, select

from engage_api.access.worlds import LIVE
from engage_api.cases.tasks.models import TASK, Task, TaskRow
from engage_api.core import clock
from engage_api.core.principal import Principal
from engage_api.core.world import working
from engage_api.db import Database, Query, world
from engage_api.db.engine import Transaction
from engage_api.db.store import Stored
from engage_api.jobs import moments, timekeeper
from engage_api.jobs.moments import Registry
from engage_api.jobs.timekeeper import Timekeeper
from tests.moments.story import DAY, START, case, faults, sandbox, told, who

_task = TaskRow.__table__  # type: ignore[attr-defined]
HOLD = Query(
    select(_task.c.id)
    .where(_task.c.workspace_id == bindparam("workspace"), _task.c.id == bindparam("id"))
    .with_for_update()
)
SOON = timedelta(seconds=0.4)


async def task(db: Database, principal: Principal, due: datetime) -> str:
    return list(await case(db, principal, None, [due]))[1]


async def test_it_plays_where_time_passes(database: Database) -> None:
    now = clock.host()
    live, runs = who(LIVE), await sandbox(database, "runs", pace=1, start=START)
    frozen, busy = await sandbox(database, "frozen"), await sandbox(database, "busy", pace=1)
    quick = await sandbox(database, "quick", pace=86_400)
    await world.follow(database, quick.workspace)
    over = []
    for principal, due in ((live, now - DAY), (runs, START - DAY), (quick, clock.business(quick.workspace) + DAY / 5)):
        over.append((principal, due, await task(database, principal, due)))
    for principal in (live, runs):
        await task(database, principal, now + DAY)
    for principal in (frozen, busy):
        await task(database, principal, START - DAY)
    with working():
        async with database.write(busy.workspace) as tx:
            await world.progress(tx, "copying", 1, 2)
    await asyncio.sleep(0.25)
    await Timekeeper(database).run_once()
    for principal, due, one in over:
        (event,) = await told(database, principal)
        assert event.subject == one
        made = datetime.fromisoformat(event.data["createdAt"])
        assert event.time == max(due, made), "when it was written, if that is later"
        assert event.data["overdueAt"] == clock.wire(event.time)
    assert await told(database, frozen) == await told(database, busy) == []
    await Timekeeper(database).run_once()
    assert len(await told(database, live)) == 1


async def test_it_looks_until_it_is_stopped(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timekeeper, "IDLE", 0.05)
    live, stop = who(LIVE), asyncio.Event()
    wanted = {await task(database, live, clock.host() + SOON): None}
    both = asyncio.gather(*(Timekeeper(database).run(stop) for _ in range(2)))
    async with asyncio.timeout(10):
        while not (events := await told(database, live)):  # noqa: ASYNC110  # it is the keepers that work
            await asyncio.sleep(0.02)
    wait = clock.host() - events[0].time
    await asyncio.sleep(0.2)
    stop.set()
    began = monotonic()
    await both
    assert monotonic() - began < 1
    assert faults(await told(database, live), wanted.keys()) == []
    assert timedelta() <= wait < timedelta(seconds=3)


async def test_a_look_writes_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await task(database, await sandbox(database, "a", pace=1, start=clock.host()), clock.host() + DAY)

    def refused(*_: object) -> NoReturn:
        raise AssertionError("a look wrote")

    monkeypatch.setattr(type(database), "write", refused)
    assert await Timekeeper(database).due() == {}
    await Timekeeper(database).run_once()


async def test_what_fails_in_one_workspace_holds_up_no_other(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timekeeper, "RESTS", (0.2, 0.3))
    live, tried, sources = who(LIVE), [], Registry()
    principals = [await sandbox(database, name, pace=1) for name in ("a", "b")]
    for principal in (*principals, live):
        await task(database, principal, START)

    @sources.passes(TASK)
    async def fail(tx: Transaction, time: Principal, one: Stored[Task], at: datetime) -> Stored[Task]:
        tried.append(time.workspace)
        if time.workspace == "sbx_a":
            raise RuntimeError("planted")
        return await moments.registry.handler("task")(tx, time, one, at)

    keeper = Timekeeper(database, sources)
    for _ in range(3):
        await keeper.run_once()
    assert sorted(tried) == ["live", "sbx_a", "sbx_b"], "it rests"
    await asyncio.sleep(0.25)
    await keeper.run_once()
    assert tried.count("sbx_a") == 2
    assert len(await told(database, principals[1])) == len(await told(database, live)) == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_it_does_not_wait_for_who_writes(database: Database) -> None:
    """Else each could wait for the other. SQLite has one writer."""
    live, now = who(LIVE), clock.host()
    first, second = await task(database, live, now - DAY), await task(database, live, now - DAY / 2)
    async with database.write(LIVE) as tx:
        await tx.one(HOLD, workspace=LIVE, id=first)
        began = monotonic()
        playing = asyncio.create_task(moments.play(database, LIVE, now, seconds=0.3))
        assert await playing == (0, False)
        assert monotonic() - began < 2
    assert await moments.play(database, LIVE, now, seconds=5) == (2, True)
    assert [event.subject for event in await told(database, live)] == [first, second]
