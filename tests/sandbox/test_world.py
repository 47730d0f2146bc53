"""The world of a sandbox: its time and its ids come from its clock and its seed, and writes in it take turns."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from engage_api.access import operator
from engage_api.access.worlds import LIVE
from engage_api.core import clock, ids
from engage_api.core import world as worlds
from engage_api.core.clock import FROZEN, Clock
from engage_api.core.principal import Principal
from engage_api.core.scopes import EVERYTHING
from engage_api.core.world import SandboxBusy, SandboxFull
from engage_api.customers import service as customers
from engage_api.customers.models import CUSTOMER, Customer, CustomerCreate
from engage_api.db import Database, log, reader, world
from engage_api.db.sequencer import Sequencer

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def who(workspace: str) -> Principal:
    return Principal("test", "app_operator", "org_operator", workspace, False, EVERYTHING, operator.NO_LIMIT, True)


async def sandbox(db: Database, name: str, *, seed: str = "one", pace: int = FROZEN, quota: int = 1000) -> Principal:
    async with db.write(LIVE) as tx:
        await world.add(tx, f"sbx_{name}", seed=seed, start=Clock(START, clock.host(), pace), quota=quota)
    return who(f"sbx_{name}")


async def write(db: Database, principal: Principal, name: str) -> Customer:
    async with db.write(principal.workspace) as tx:
        made = await customers.create(tx, principal, CustomerCreate(kind="person", display_name=name))
    return made.model


async def story(db: Database, principal: Principal) -> list[bytes]:
    """All that is in the log and in the list of customers."""
    if db.dialect == "postgresql":
        await Sequencer(db).run_once()
    events = await log.page(db, principal, after=0, limit=200, filters={})
    return [event.document for event in events] + await reader.every(db, principal, CUSTOMER, {}, "createdAt")


async def test_the_same_seed_and_clock_give_the_same_bytes(database: Database) -> None:
    twins = [await sandbox(database, "a"), await sandbox(database, "b")]
    other = await sandbox(database, "c", seed="two")
    for principal in (*twins, other):
        for name in ("Zoë", "Ahmed", "Maria"):
            await write(database, principal, name)
    told = [await story(database, principal) for principal in (*twins, other)]
    assert told[0] == told[1]
    assert len(told[0]) == 6
    assert not set(told[0]) & set(told[2])


async def test_ids_are_uuids_that_sort_as_they_were_made(database: Database) -> None:
    principal = await sandbox(database, "a")
    made = [(await write(database, principal, str(number))).id for number in range(5)]
    assert made == sorted(set(made))
    assert ids.seeded("cus", START, "one", 1) == made[0]
    assert all(len(one) == len(ids.new("cus")) for one in made)
    assert ids.seeded("cus", START, "one", (1 << 30) + 1) > made[-1]


async def test_a_write_stands_at_one_moment_and_may_move_on(database: Database) -> None:
    principal = await sandbox(database, "a", pace=1)
    async with database.write(principal.workspace) as tx:
        first = clock.business(principal.workspace)
        await asyncio.sleep(0.005)
        assert clock.business(principal.workspace) == first
        standing = worlds.standing(principal.workspace)
        assert standing is not None
        standing.move(START + DAY)
        made = await customers.create(tx, principal, CustomerCreate(kind="person", display_name="Zoë"))
        with pytest.raises(ValueError, match="backwards"):
            standing.move(START)
    assert made.model.created_at == START + DAY
    assert START + DAY <= clock.business(principal.workspace) < START + DAY + timedelta(minutes=1)
    assert (await write(database, principal, "Ahmed")).created_at >= START + DAY


async def test_a_host_that_is_behind_writes_nothing_earlier(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two hosts a second apart, and a sandbox in which an hour passes meanwhile."""
    principal = await sandbox(database, "a", pace=3600)
    begun = clock.host()

    async def written(seconds: float) -> timedelta:
        monkeypatch.setattr(clock, "host", lambda: begun + timedelta(seconds=seconds))
        return (await write(database, principal, "Zoë")).created_at - START

    times = [await written(after) for after in (10, 9, 9.5, 10.5, 10)]
    assert times == sorted(times)
    assert times[1] == times[0], "it waits"
    assert times[3] - times[0] == timedelta(minutes=30), "and goes no faster for that"


async def fail(db: Database, principal: Principal) -> None:
    async with db.write(principal.workspace) as tx:
        standing = worlds.standing(principal.workspace)
        assert standing is not None
        standing.move(START + DAY)
        await customers.create(tx, principal, CustomerCreate(kind="person", display_name="Ahmed"))
        raise RuntimeError("planted")


async def test_nothing_is_kept_of_a_write_that_fails(database: Database) -> None:
    principal = await sandbox(database, "a")
    first = await write(database, principal, "Zoë")
    with pytest.raises(RuntimeError, match="planted"):
        await fail(database, principal)
    second = await write(database, principal, "Maria")
    assert second.created_at == START
    assert second.id == ids.seeded("cus", START, "one", 3)
    assert first.id == ids.seeded("cus", START, "one", 1)


async def test_writers_at_once_take_turns(database: Database) -> None:
    principal = await sandbox(database, "a")
    made = await asyncio.gather(*(write(database, principal, str(number)) for number in range(20)))
    assert {one.id for one in made} == {ids.seeded("cus", START, "one", number) for number in range(1, 41, 2)}


async def test_a_frozen_clock_stands_and_another_keeps_its_pace(database: Database) -> None:
    frozen, quick = await sandbox(database, "a"), await sandbox(database, "b", pace=86_400)
    await write(database, frozen, "Zoë")
    await write(database, quick, "Zoë")
    await asyncio.sleep(0.05)
    assert clock.business(frozen.workspace) == START
    assert clock.business(quick.workspace) > START + timedelta(hours=1)
    assert clock.host_of(frozen.workspace, START + DAY) is None
    until = clock.host_of(quick.workspace, START + 1000 * DAY)
    assert until is not None
    assert timedelta(seconds=950) < until - clock.host() < timedelta(seconds=1001)
    assert clock.host_of(frozen.workspace, START - DAY) is not None
    assert clock.host_of(LIVE, START) == START


async def test_another_process_learns_what_the_clock_is(database: Database) -> None:
    principal = await sandbox(database, "a")
    clock.follow(principal.workspace, None)
    assert clock.business(principal.workspace) > START + DAY  # nobody here has heard of it
    await world.follow(database, principal.workspace)
    assert clock.business(principal.workspace) == START


async def test_what_is_busy_is_written_by_nobody_else(database: Database) -> None:
    principal = await sandbox(database, "a")
    async with database.write(principal.workspace) as tx:
        await world.progress(tx, "copying", 1, 2)
    with pytest.raises(SandboxBusy) as told:
        await write(database, principal, "Zoë")
    assert told.value.headers == {"Retry-After": "1"}
    with worlds.working():
        await write(database, principal, "Zoë")
        async with database.write(principal.workspace) as tx:
            await world.progress(tx, None)
    await write(database, principal, "Ahmed")
    row = await world.find(database, principal.workspace)
    assert (row.busy, row.done, row.total, row.number) == (None, 0, 0, 4)


async def test_a_sandbox_grows_to_its_quota_and_no_further(database: Database) -> None:
    principal = await sandbox(database, "a", quota=4)
    await write(database, principal, "Zoë")
    await write(database, principal, "Ahmed")
    with pytest.raises(SandboxFull):
        await write(database, principal, "Maria")
    assert len(await reader.every(database, principal, CUSTOMER, {}, "createdAt")) == 2


async def test_a_base_is_where_the_ids_stood(database: Database) -> None:
    principal = await sandbox(database, "a")
    async with database.write(principal.workspace) as tx:
        await customers.create(tx, principal, CustomerCreate(kind="person", display_name="Zoë"))
        await world.lay_base(tx, sequence=1)
    row = await world.find(database, principal.workspace)
    assert (row.base_number, row.base_sequence) == (2, 1)


async def test_the_live_workspace_and_others_have_no_world(database: Database) -> None:
    for principal in (who(LIVE), who("sbx_without")):
        made = await write(database, principal, "Zoë")
        assert made.created_at > START + DAY
        assert worlds.standing(principal.workspace) is None
