"""Who waits is woken: at once here, soon elsewhere, never by what was undone, and everybody by the same ring."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import pytest

from engage_api.db import Database, open_database, postgres_pulse
from engage_api.db.postgres import Postgres
from engage_api.db.pulse import Pulse, Topic
from tests.db.schema import ADD_SMALL
from tests.db.test_dead_connections import cut

SOON = 5  # seconds, on a machine that has much else to do


async def nobody(_pulse: Pulse, _stop: asyncio.Event) -> None:
    pass


async def ring(database: Database, topic: Topic, name: str = "a") -> None:
    async with database.write("w") as tx:
        await tx.run(ADD_SMALL, workspace_id="w", id=name)
        await tx.ring(topic)
        await tx.ring(topic)


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[Database]:
    """The same data, opened by somebody else."""
    opened = await open_database(database_url)
    yield opened
    await opened.close()


@asynccontextmanager
async def hearing(database: Database) -> AsyncIterator[None]:
    stop = asyncio.Event()
    running = asyncio.create_task(database.pulse.run(stop))
    try:
        yield
    finally:
        stop.set()
        async with asyncio.timeout(2):
            await running


async def test_every_ear_has_its_own_flag() -> None:
    pulse = Pulse(nobody)
    with pulse.hear("log") as one, pulse.hear("log", "jobs") as two, pulse.hear("jobs") as three:
        pulse.ring("log")
        assert [await ear.wait(0) for ear in (one, one, two, three)] == [True, False, True, False]
        pulse.ring("jobs")
        pulse.ring("jobs")
        assert [await ear.wait(0) for ear in (one, two, two, three)] == [False, True, False, True]
    pulse.ring("log")
    assert not await one.wait(0), "it has gone"
    assert not pulse.heard


async def test_a_wait_ends_with_the_ring_or_with_the_time() -> None:
    pulse = Pulse(nobody)
    with pulse.hear("jobs") as ear:
        start = monotonic()
        assert not await ear.wait(0.05)
        assert 0.04 < monotonic() - start < SOON
        asyncio.get_running_loop().call_later(0.05, pulse.ring, "jobs")
        assert await ear.wait(60)
        assert not await ear.wait(-1)
        ear.ring()
        assert await ear.wait(-1)
    assert len(asyncio.all_tasks()) == 1


async def test_stop_rings_too() -> None:
    pulse, stop = Pulse(nobody), asyncio.Event()
    with pulse.hear("jobs", stop=stop) as ear:
        assert not await ear.wait(0.01)
        stop.set()
        assert await ear.wait(60)
    with pulse.hear(stop=asyncio.Event()):
        pass
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == 1


async def test_a_transaction_rings_when_it_is_kept(database: Database) -> None:
    async def undone() -> None:
        async with database.write("w") as tx:
            await tx.ring("log")
            raise ZeroDivisionError

    with database.pulse.hear("log") as log, database.pulse.hear("jobs", "commit") as others:
        with pytest.raises(ZeroDivisionError):
            await undone()
        assert not await log.wait(0)
        async with database.write("w") as tx:
            await tx.ring("log")
            assert not await log.wait(0)
        assert (await log.wait(0), await others.wait(0)) == (True, True)
        with pytest.raises(RuntimeError):
            await tx.ring("jobs")
        async with database.system.write(None) as tx:
            await tx.run(ADD_SMALL, workspace_id="w", id="b")
        assert (await log.wait(0), await others.wait(0)) == (False, True)


async def test_another_process_hears_it(database: Database, other: Database) -> None:
    async with hearing(other):
        with other.pulse.hear("log") as log, other.pulse.hear("jobs") as jobs, other.pulse.hear("commit") as commit:
            for ear in (log, jobs):  # what was done before it listened
                await ear.wait(SOON)
            await asyncio.sleep(0.2)
            for name, topic, ear in (("a", "jobs", jobs), ("b", "log", log)):
                await ring(database, topic, name)  # type: ignore[arg-type]  # a topic
                assert await ear.wait(SOON), topic
            assert not await commit.wait(0.2)


async def test_ones_own_words_are_not_heard_twice(database: Database) -> None:
    async with hearing(database):
        with database.pulse.hear("log") as ear:
            await ear.wait(0.5)  # what was done before
            await ring(database, "log")
            assert await ear.wait(0)
            assert not await ear.wait(0.5)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_lost_line_is_opened_again(
    database: Database,
    other: Database,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(postgres_pulse, "RETRY", 0.1)
    monkeypatch.setattr(postgres_pulse, "STILL_THERE", 0.05)
    async with hearing(other):
        with other.pulse.hear("log") as ear, caplog.at_level(logging.WARNING):
            assert await ear.wait(SOON)
            assert not await ear.wait(0.3)
            await asyncio.to_thread(cut, database_url)
            assert await ear.wait(SOON), "there may have been something meanwhile"
            for name in "ab":  # the first may meet a dead connection
                with contextlib.suppress(Exception):
                    await ring(database, "log", name)
                    break
            assert await ear.wait(SOON)
    assert any("other processes are not heard" in line for line in caplog.messages)


async def test_where_nobody_lets_us_in_it_goes_on_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_pulse, "RETRY", 0.01)
    database = Postgres("postgresql://nobody@127.0.0.1:1/none")
    async with hearing(database):
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_closed_file_tells_nothing(database: Database, other: Database) -> None:
    async with hearing(other):
        with other.pulse.hear("log") as ear:
            assert await ear.wait(SOON)
            await other.close()
            await ear.wait(0.2)
            assert not await ear.wait(0.2)
