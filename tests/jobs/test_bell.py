"""Workers look at once when there may be work, and seldom when there is none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from time import monotonic
from typing import Any

import pytest

from engage_api.core import clock
from engage_api.db import Database, open_database
from engage_api.db.sequencer import Sequencer
from engage_api.jobs import Registry, bell, enqueue, queue
from tests.jobs.schema import LEFT, all_done
from tests.jobs.work import add, finish, until, working

QUIET = 3  # seconds after which the pauses are at their longest
SOON = 5  # seconds, on a machine that has much else to do


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.job("post")(lambda db, job: finish(db, job, "me"))
    return registry


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When workers looked."""
    times: list[float] = []
    claim = queue.claim

    async def noted(*given: Any) -> Any:
        times.append(asyncio.get_running_loop().time())
        return await claim(*given)

    monkeypatch.setattr(queue, "claim", noted)
    return times


@pytest.fixture
def deaf_to_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a moment nobody looks for a minute, unless something wakes him."""
    monkeypatch.setattr(bell, "IDLE", (0.02, 60.0))
    monkeypatch.setattr(bell, "GROWTH", 10_000)


@asynccontextmanager
async def serving(database: Database, registry: Registry) -> AsyncIterator[None]:
    """A worker as it is in the service: it hears others, and the sequencer is beside it."""
    stop = asyncio.Event()
    beside = [asyncio.create_task(database.pulse.run(stop))]
    if database.dialect == "postgresql":
        beside.append(asyncio.create_task(Sequencer(database).run(stop)))
    try:
        async with working(database, registry):
            await asyncio.sleep(0.3)
            yield
    finally:
        stop.set()
        await asyncio.gather(*beside)


@pytest.mark.usefixtures("deaf_to_the_clock")
async def test_work_of_this_process_is_begun_at_once(database: Database, registry: Registry) -> None:
    async with serving(database, registry):
        for _ in range(5):
            await add(database, "post")
            await until(lambda: all_done(database), SOON)
            await asyncio.sleep(0.3)


@pytest.mark.usefixtures("deaf_to_the_clock")
async def test_work_of_the_service_is_begun_at_once(database: Database, registry: Registry) -> None:
    registry.job("tidy")(lambda db, job: finish(db.system, job, "me"))
    async with serving(database, registry):
        async with database.system.write(None) as tx:
            await enqueue(tx, "tidy", {})
        await until(lambda: all_done(database), SOON)


@pytest.mark.usefixtures("deaf_to_the_clock")
async def test_work_of_another_process_is_begun_at_once(
    database: Database, database_url: str, registry: Registry
) -> None:
    other = await open_database(database_url)
    try:
        async with serving(database, registry):
            await add(other, "post")
            await until(lambda: all_done(database), SOON)
    finally:
        await other.close()


async def test_work_of_another_process_that_nobody_told_of_is_found_soon(
    database: Database, database_url: str, registry: Registry
) -> None:
    other = await open_database(database_url)
    try:
        async with working(database, registry):
            await asyncio.sleep(QUIET)
            await add(other, "post")
            await until(lambda: all_done(database), SOON)
    finally:
        await other.close()


async def test_work_is_begun_when_its_time_comes(database: Database, registry: Registry) -> None:
    async with working(database, registry):
        async with database.write("w") as tx:
            await enqueue(tx, "post", {}, run_at=clock.host() + timedelta(seconds=1))
        assert await until(lambda: all_done(database), SOON) > 0.9


async def test_a_quiet_worker_looks_once_a_second(database: Database, registry: Registry, looks: list[float]) -> None:
    async with working(database, registry):
        await asyncio.sleep(QUIET)
        before = len(looks)
        await asyncio.sleep(2)
    assert len(looks) - before <= 3


async def test_many_new_jobs_cause_few_looks_and_other_commits_none(database: Database, looks: list[float]) -> None:
    async with serving(database, Registry()):
        for write, most in ((lambda tx: enqueue(tx, "unknown", {}), 1 / bell.GAP), (lambda tx: tx.one(LEFT), 3)):
            looks.clear()
            start = monotonic()
            for _ in range(100):
                async with database.write("w") as tx:
                    await write(tx)
            assert len(looks) <= most * (monotonic() - start) + 3
