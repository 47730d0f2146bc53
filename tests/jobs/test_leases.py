"""What a worker does with its leases: keeps them while it works, and obeys when they are lost."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from engage_api.db import Database, Unavailable, open_database
from engage_api.jobs import Job, Registry, queue
from tests.jobs.schema import HAND_OVER, all_done, jobs, marks
from tests.jobs.work import add, finish, leave_mark, until, working

SHORT = timedelta(milliseconds=300)


@pytest.fixture
def registry() -> Registry:
    return Registry()


async def hand_over(database: Database, job_id: str) -> None:
    """Somebody else claims it, as happens when a worker was silent for too long."""
    async with database.system.write(None) as tx:
        await tx.run(HAND_OVER, at_id=job_id)


async def test_a_job_longer_than_its_lease_is_done_once(
    database: Database, database_url: str, registry: Registry
) -> None:
    @registry.job("post", lease=SHORT * 3)
    async def post(db: Database, job: Job[Any]) -> None:
        await leave_mark(db, job, "me")
        await asyncio.sleep(2)

    await add(database, "post")
    other = await open_database(database_url)
    try:
        async with working(database, registry), working(other, registry):
            await until(lambda: all_done(database))
    finally:
        await other.close()
    assert [row.attempt for row in await marks(database)] == [1]


async def test_whoever_loses_a_job_is_stopped(database: Database, registry: Registry) -> None:
    stopped = asyncio.Event()

    @registry.job("post", lease=SHORT)
    async def post(db: Database, job: Job[Any]) -> None:
        await hand_over(db, job.id)
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()

    await add(database, "post")
    with capture_logs() as lines:
        async with working(database, registry):
            await until(stopped.is_set)
    assert [line["event"] for line in lines] == ["job was lost"]
    (row,) = await jobs(database)
    assert (row.token, row.attempts) == (2, 1), "as the other claimed it"


@pytest.mark.parametrize("joined", [True, False], ids=["finished by the handler", "completed by the worker"])
async def test_a_late_result_is_undone(database: Database, registry: Registry, joined: bool) -> None:
    @registry.job("post")
    async def post(db: Database, job: Job[Any]) -> None:
        await hand_over(db, job.id)
        if joined:
            await finish(db, job, "zombie")

    await add(database, "post")
    with capture_logs() as lines:
        async with working(database, registry):
            await until(lambda: bool(lines))
    assert [line["event"] for line in lines] == ["job was lost"]
    assert await marks(database) == []
    assert len(await jobs(database)) == 1


async def test_what_comes_after_the_end_of_a_job_needs_no_lease(database: Database, registry: Registry) -> None:
    @registry.job("post", lease=SHORT)
    async def post(db: Database, job: Job[Any]) -> None:
        await finish(db, job, "me")
        await asyncio.sleep(0.5)
        await leave_mark(db, job, "after")

    await add(database, "post")
    with capture_logs() as lines:
        async with working(database, registry):
            await until(lambda: _two_marks(database))
    assert lines == []


async def _two_marks(database: Database) -> bool:
    return len(await marks(database)) == 2


# ── the outcome ──────────────────────────────────────────────────────────────────────────────────────────────────────


def troubled(monkeypatch: pytest.MonkeyPatch, name: str, troubles: list[Exception]) -> None:
    """The function of `queue` raises these first, the last one next."""
    real = getattr(queue, name)

    async def flaky(*given: Any) -> Any:
        if troubles:
            raise troubles.pop()
        return await real(*given)

    monkeypatch.setattr(queue, name, flaky)


async def test_an_outcome_is_written_as_soon_as_the_database_is_back(
    database: Database, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.job("post")(lambda db, job: leave_mark(db, job, "me"))
    troubled(monkeypatch, "complete", [Unavailable("gone")] * 3)
    await add(database, "post")
    async with working(database, registry):
        await until(lambda: all_done(database))
    assert [row.attempt for row in await marks(database)] == [1]


async def test_an_outcome_that_cannot_be_written_within_the_lease_is_left(
    database: Database, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.job("post", lease=SHORT)(lambda db, job: leave_mark(db, job, "me"))
    troubled(monkeypatch, "complete", [Unavailable("gone")] * 5)
    await add(database, "post")
    with capture_logs() as lines:
        async with working(database, registry):
            await until(lambda: all_done(database))
    assert len(await marks(database)) > 1, "somebody else has done it again"
    assert lines[0]["event"] == "the outcome of a job could not be written"


async def test_a_mistake_in_writing_an_outcome_is_told(
    database: Database, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.job("post", lease=SHORT)(lambda db, job: leave_mark(db, job, "me"))
    troubled(monkeypatch, "complete", [ZeroDivisionError()])
    await add(database, "post")
    with capture_logs() as lines:
        async with working(database, registry):
            await until(lambda: all_done(database))
    assert lines[0]["event"] == "the outcome of a job could not be written"
    assert isinstance(lines[0]["exc_info"], ZeroDivisionError)


async def test_a_heartbeat_that_fails_is_tried_again(
    database: Database, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.job("post", lease=SHORT * 5)(lambda db, job: asyncio.sleep(2))
    troubled(monkeypatch, "heartbeat", [Unavailable("gone")])
    await add(database, "post")
    with capture_logs() as lines:
        async with working(database, registry):
            await until(lambda: all_done(database))
    assert [line["event"] for line in lines] == ["the lease of a job could not be renewed"]
