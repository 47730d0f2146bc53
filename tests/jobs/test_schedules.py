"""Recurring jobs: once in every period, whoever enqueues them."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from engage_api.db import Database, open_database
from engage_api.jobs import Job, Limits, Registry, queue
from engage_api.jobs.schedules import fire, period_of
from tests.jobs.conftest import Now
from tests.jobs.schema import jobs, marks, periods
from tests.jobs.work import leave_mark, until, working

HOUR = timedelta(hours=1)


async def empty(database: Database) -> None:
    """Do what is queued."""
    for job in await queue.claim(database.system, {"tidy": Limits()}, 10):
        await queue.complete(database.system, job)


def test_periods_are_counted_from_1970() -> None:
    assert period_of(datetime(1970, 1, 1, 0, 59, 59, tzinfo=UTC), HOUR) == 0
    assert period_of(datetime(1970, 1, 1, 1, tzinfo=UTC), HOUR) == 1
    assert period_of(datetime(1970, 1, 2, tzinfo=UTC), timedelta(seconds=1)) == 86_400


async def test_of_several_processes_one_fires(database: Database, database_url: str) -> None:
    others = [await open_database(database_url) for _ in range(2)]
    try:
        for period in range(100, 110):
            every = [database, *others]
            fired = await asyncio.gather(*(fire(mine.system, "tidy", period) for mine in every for _ in range(2)))
            assert fired.count(True) == 1
            (row,) = await jobs(database)
            assert (row.kind, row.workspace_id, row.payload) == ("tidy", None, {})
            await empty(database)
    finally:
        await asyncio.gather(*(other.close() for other in others))


async def test_a_period_is_fired_once_also_after_its_job_is_done(database: Database) -> None:
    assert await fire(database.system, "tidy", 7)
    await empty(database)
    assert not await fire(database.system, "tidy", 7)
    assert not await fire(database.system, "tidy", 6), "a host whose clock is a little late"
    assert await jobs(database) == []
    assert await fire(database.system, "tidy", 8)


async def test_a_job_that_outlasts_its_period_is_not_doubled(database: Database) -> None:
    await fire(database.system, "tidy", 7)
    await fire(database.system, "tidy", 8)
    assert len(await jobs(database)) == 1
    assert await periods(database) == {"tidy": 8}


async def test_a_clock_that_was_ahead_does_not_silence_a_schedule(database: Database) -> None:
    await fire(database.system, "tidy", 1000)
    await empty(database)
    assert await fire(database.system, "tidy", 7)
    assert not await fire(database.system, "tidy", 7)


async def test_three_workers_run_a_schedule_once_in_every_period(
    database: Database, database_url: str, now: Now
) -> None:
    registry = Registry()

    @registry.job("tidy")
    async def tidy(db: Database, job: Job[Any]) -> None:
        await leave_mark(db.system, job, "me")

    registry.schedule("tidy", every=HOUR)
    now.time = datetime(2026, 11, 21, 20, 30, tzinfo=UTC)
    others = [await open_database(database_url) for _ in range(2)]
    try:
        async with working(database, registry), working(others[0], registry), working(others[1], registry):
            for hour in range(1, 4):
                await until(partial(_marked, database, hour))
                now.move(minutes=20)
                await asyncio.sleep(1.2)  # every worker has looked again
                assert len(await marks(database)) == hour
                now.move(minutes=40)
    finally:
        await asyncio.gather(*(other.close() for other in others))


async def _marked(database: Database, times: int) -> bool:
    return len(await marks(database)) == times and not await jobs(database)


def test_a_schedule_needs_a_handler_and_a_sensible_period() -> None:
    registry = Registry()
    with pytest.raises(ValueError, match="handler of tidy"):
        registry.schedule("tidy", every=HOUR)
    registry.job("tidy")(lambda db, job: asyncio.sleep(0))
    with pytest.raises(ValueError, match="second"):
        registry.schedule("tidy", every=timedelta(milliseconds=999))


def test_a_kind_has_one_handler() -> None:
    registry = Registry()
    registry.job("tidy")(lambda db, job: asyncio.sleep(0))
    with pytest.raises(ValueError, match="two handlers of tidy"):
        registry.job("tidy")
