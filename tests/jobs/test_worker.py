"""Workers at work: everything is done once, failures come again, and one bad job harms no other."""

import asyncio
import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel
from structlog.testing import capture_logs

from engage_api.db import Database, Unavailable, open_database
from engage_api.jobs import Backoff, Job, Later, Registry, queue, replay
from engage_api.jobs import registry as service
from engage_api.jobs.housekeeping import SWEEP
from engage_api.jobs.limits import USUAL
from tests.jobs.schema import all_done, jobs, marks, periods
from tests.jobs.work import add, finish, leave_mark, until, working

SOON = Backoff(timedelta(milliseconds=20), longest=timedelta(milliseconds=50))


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.mark.parametrize("joined", [True, False], ids=["finished by the handler", "completed by the worker"])
async def test_four_workers_do_500_jobs_once_each(database: Database, database_url: str, joined: bool) -> None:
    made = await add(database, "post", 500)
    others = [await open_database(database_url) for _ in range(4)]
    try:

        async def work(mine: Database, who: str) -> None:
            registry = Registry()

            @registry.job("post")
            async def post(db: Database, job: Job[Any]) -> None:
                await asyncio.sleep(random.random() / 200)
                await (finish if joined else leave_mark)(db, job, who)

            async with working(mine, registry):
                await until(lambda: all_done(mine), 60)

        await asyncio.gather(*(work(mine, f"worker {n}") for n, mine in enumerate(others)))
    finally:
        await asyncio.gather(*(other.close() for other in others))
    found = await marks(database)
    assert sorted(row.job for row in found) == sorted(made)
    shares = Counter(row.who for row in found)
    assert len(shares) == 4
    assert max(shares.values()) <= 2 * min(shares.values()), shares
    assert await jobs(database) == []


async def test_a_failed_attempt_comes_again(database: Database, registry: Registry) -> None:
    @registry.job("post", backoff=SOON)
    async def post(db: Database, job: Job[Any]) -> None:
        await leave_mark(db, job, "me")
        if job.attempts < 3:
            raise ConnectionError("https://user:hunter2@example.org")

    (made,) = await add(database, "post")
    with capture_logs() as lines:
        async with working(database, registry):
            await until(lambda: all_done(database))
    assert [(row.job, row.attempt) for row in await marks(database)] == [(made, 1), (made, 2), (made, 3)]
    assert [line["event"] for line in lines] == ["job failed", "job failed"]


async def test_poison_is_parked_and_blocks_nothing(database: Database, registry: Registry) -> None:
    @registry.job("post", max_attempts=3, backoff=SOON)
    async def post(db: Database, job: Job[Any]) -> None:
        if job.payload.get("poison"):
            raise ValueError("hunter2")
        await finish(db, job, "me")

    poison = await add(database, "post", 8, poison=True)
    good = await add(database, "post", 50)
    with capture_logs() as lines:
        async with working(database, registry):
            await until(lambda: all_done(database))
    assert sorted(row.job for row in await marks(database)) == sorted(good)
    left = await jobs(database)
    assert sorted(row.id for row in left) == sorted(poison)
    assert {(row.state, row.attempts) for row in left} == {("dead", 3)}
    assert {row.last_error.split(":")[0] for row in left} == {"ValueError at engage_api.jobs.registry"}
    dead = [line for line in lines if line["event"] == "job is dead"]
    assert sorted(line["job"] for line in dead) == sorted(poison)
    assert {line["log_level"] for line in dead} == {"error"}


async def test_the_dead_work_again_when_they_are_replayed(database: Database, registry: Registry) -> None:
    cured = asyncio.Event()

    @registry.job("post", max_attempts=1)
    async def post(db: Database, job: Job[Any]) -> None:
        if not cured.is_set():
            raise ValueError
        await finish(db, job, "me")

    (made,) = await add(database, "post")
    async with working(database, registry):
        await until(lambda: all_done(database))
        cured.set()
        async with database.system.write(None) as tx:
            await replay(tx, made)
        await until(lambda: all_done(database))
    assert [row.job for row in await marks(database)] == [made]


async def test_a_handler_says_when_it_wants_to_be_tried_again(database: Database, registry: Registry) -> None:
    @registry.job("post")
    async def post(db: Database, job: Job[Any]) -> None:
        raise Later("the receiver asked for an hour", timedelta(hours=1))

    await add(database, "post")
    async with working(database, registry):
        await until(lambda: _failed(database))
    (row,) = await jobs(database)
    assert row.last_error == "the receiver asked for an hour"
    assert timedelta(minutes=59) < row.run_at - row.created_at <= timedelta(minutes=61)


async def test_a_payload_comes_as_its_model_or_the_attempt_fails(database: Database, registry: Registry) -> None:
    class Letter(BaseModel):
        to: str

    @registry.job("post", payload=Letter, max_attempts=1)
    async def post(db: Database, job: Job[Letter]) -> None:
        await leave_mark(db, job, job.payload.to)

    await add(database, "post", to="x")
    await add(database, "post", to=1)
    async with working(database, registry):
        await until(lambda: all_done(database))
    assert [row.who for row in await marks(database)] == ["x"]
    (row,) = await jobs(database)
    assert row.last_error.startswith("ValidationError at ")


async def test_an_attempt_has_a_deadline(database: Database, registry: Registry) -> None:
    @registry.job("post", max_attempts=1, deadline=timedelta(milliseconds=50))
    async def post(db: Database, job: Job[Any]) -> None:
        await asyncio.sleep(60)

    await add(database, "post")
    async with working(database, registry):
        await until(lambda: all_done(database))
    assert (await jobs(database))[0].last_error.startswith("TimeoutError at ")


async def test_no_more_run_at_once_than_there_is_room_for(database: Database, registry: Registry) -> None:
    running: set[str] = set()
    most = 0

    @registry.job("post")
    async def post(db: Database, job: Job[Any]) -> None:
        nonlocal most
        running.add(job.id)
        most = max(most, len(running))
        held = [row for row in await jobs(db) if row.lease_until]
        assert len(held) <= 3, "claimed and not running"
        await asyncio.sleep(0.02)
        running.discard(job.id)

    await add(database, "post", 20)
    async with working(database, registry, pools={USUAL: 3}):
        await until(lambda: all_done(database))
    assert most == 3


@pytest.mark.parametrize("trouble", [Unavailable("gone"), ZeroDivisionError()])
async def test_a_look_that_fails_is_logged_and_not_the_last(
    database: Database, registry: Registry, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    registry.job("post")(lambda db, job: finish(db, job, "me"))
    claim, troubles = queue.claim, [trouble, trouble]

    async def flaky(*given: Any) -> list[Job[Any]]:
        if troubles:
            raise troubles.pop()
        return await claim(*given)

    monkeypatch.setattr(queue, "claim", flaky)
    await add(database, "post")
    with capture_logs() as lines:
        async with working(database, registry):
            await until(lambda: all_done(database))
    assert len(lines) == 2


async def test_the_service_sweeps_its_own_dead(database: Database) -> None:
    async def swept() -> bool:
        return SWEEP in await periods(database) and await all_done(database)

    async with working(database, service):
        await until(swept)


async def _failed(database: Database) -> bool:
    return all(row.last_error for row in await jobs(database))
