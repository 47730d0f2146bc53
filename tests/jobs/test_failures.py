"""What becomes of a job that fails: later, later still, dead, replayed, swept."""

from datetime import timedelta

import pytest

from engage_api.db import Conflict, Database
from engage_api.jobs import operators, queue
from tests.jobs.conftest import Now
from tests.jobs.hand import LEASE, MOST, add, bury, claim, claim_one
from tests.jobs.schema import jobs


async def test_a_failed_job_comes_again_later_and_is_dead_at_last(database: Database, now: Now) -> None:
    await add(database)
    for attempt, delay in [(1, 10), (2, 20)]:
        job = await claim_one(database)
        assert job.attempts == attempt
        assert await queue.fail(database.system, job, f"no {attempt}")
        (row,) = await jobs(database)
        assert (row.state, row.last_error, row.lease_until) == ("queued", f"no {attempt}", None)
        assert delay * 0.8 <= (row.run_at - now.time).total_seconds() <= delay * 1.2
        assert await claim(database) == []
        now.move(seconds=delay * 1.2)
    assert await queue.fail(database.system, await claim_one(database), "no 3")
    (row,) = await jobs(database)
    assert (row.state, row.last_error, row.finished_at, row.attempts) == ("dead", "no 3", now.time, 3)
    now.move(days=400)
    assert await claim(database) == []


async def test_a_delay_may_be_given(database: Database, now: Now) -> None:
    await add(database)
    await queue.fail(database.system, await claim_one(database), "slow down", timedelta(hours=2))
    assert (await jobs(database))[0].run_at == now.time + timedelta(hours=2)


async def test_an_error_is_kept_in_one_bounded_line(database: Database) -> None:
    await add(database)
    await queue.fail(database.system, await claim_one(database), "a\nb\x00c\ud800\x1b[31m é" + "x" * 1000)
    (row,) = await jobs(database)
    assert row.last_error.startswith("a b c  [31m é")
    assert len(row.last_error) == 500


async def test_a_job_whose_workers_vanish_is_buried_without_another_try(database: Database, now: Now) -> None:
    await add(database)
    good = await add(database, kind="tidy")
    for _ in range(MOST):
        assert len(await claim(database)) == 2
        now.time += LEASE
    assert [job.id for job in await claim(database)] == [good]
    row = next(row for row in await jobs(database) if row.id != good)
    assert (row.state, row.attempts, row.last_error) == ("dead", 3, "its worker vanished")


async def test_a_dead_job_is_replayed_with_all_its_attempts(database: Database, now: Now) -> None:
    made = await add(database, {"n": 1})
    await bury(database)
    now.move(days=1)
    async with database.system.write(None) as tx:
        assert await operators.replay(tx, made)
        assert not await operators.replay(tx, made), "it is queued by now"
        assert not await operators.replay(tx, "job_none")
    job = await claim_one(database)
    assert (job.id, job.attempts, job.payload) == (made, 1, {"n": 1})
    assert (await jobs(database))[0].finished_at is None


async def test_a_dead_job_is_not_replayed_beside_another_of_its_key(database: Database) -> None:
    made = await add(database, unique_key="k")
    await bury(database)
    await add(database, unique_key="k")
    with pytest.raises(Conflict):
        async with database.system.write(None) as tx:
            await operators.replay(tx, made)


async def test_the_dead_are_swept_after_a_while(database: Database, now: Now) -> None:
    await add(database)
    await bury(database)
    await add(database, run_at=now.time)
    now.move(days=30)
    async with database.system.write(None) as tx:
        assert await operators.sweep(tx, timedelta(days=30)) == 0
    now.move(milliseconds=1)
    async with database.system.write(None) as tx:
        assert await operators.sweep(tx, timedelta(days=30)) == 1
    assert [row.state for row in await jobs(database)] == ["queued"]
