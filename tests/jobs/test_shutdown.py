"""How a worker ends: what is under way first, the rest given back, never two at once."""

import asyncio
import contextlib
from time import monotonic
from typing import Any

import pytest
from structlog.testing import capture_logs

from engage_api.db import Database, Unavailable
from engage_api.jobs import Job, Registry, Worker, queue
from tests.jobs.schema import all_done, jobs, marks
from tests.jobs.work import add, finish, until


@pytest.fixture
def registry() -> Registry:
    return Registry()


async def start(database: Database, registry: Registry, **options: Any) -> tuple[asyncio.Task[None], asyncio.Event]:
    """A worker that has begun its only job."""
    begun, stop = registry_begun(registry), asyncio.Event()
    await add(database, "post")
    running = asyncio.create_task(Worker(database, registry, **options).run(stop))
    await begun.wait()
    return running, stop


def registry_begun(registry: Registry) -> asyncio.Event:
    """Set when the handler of `post` begins."""
    begun, kind = asyncio.Event(), registry.kinds.pop("post")

    @registry.job("post", lease=kind.limits.lease)
    async def post(db: Database, job: Job[Any]) -> None:
        begun.set()
        await kind.handler(db, job)

    return begun


async def test_what_is_under_way_is_ended_first_and_nothing_else_begun(database: Database, registry: Registry) -> None:
    @registry.job("post")
    async def post(db: Database, job: Job[Any]) -> None:
        await asyncio.sleep(0.3)
        await finish(db, job, "me")

    running, stop = await start(database, registry)
    stop.set()
    more = await add(database, "post")
    await running
    assert len(await marks(database)) == 1
    assert [row.id for row in await jobs(database)] == more


@pytest.mark.parametrize("how", ["stopped", "cancelled"])
async def test_what_takes_too_long_is_given_back(database: Database, registry: Registry, how: str) -> None:
    @registry.job("post")
    async def post(db: Database, job: Job[Any]) -> None:
        await asyncio.sleep(60)

    running, stop = await start(database, registry, grace=0.1)
    if how == "stopped":
        stop.set()
        await running
    else:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    (row,) = await jobs(database)
    assert (row.lease_until, row.attempts, row.last_error) == (None, 0, None)


async def test_a_handler_that_will_not_end_keeps_its_lease(database: Database, registry: Registry) -> None:
    let_go = asyncio.Event()

    @registry.job("post")
    async def post(db: Database, job: Job[Any]) -> None:
        while not let_go.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await let_go.wait()

    running, stop = await start(database, registry, grace=0.1)
    stop.set()
    began = monotonic()
    await running
    assert monotonic() - began < 3
    (row,) = await jobs(database)
    assert row.lease_until is not None
    let_go.set()
    await until(lambda: all_done(database))


async def test_a_database_that_is_away_does_not_hold_up_the_end(
    database: Database, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> int:
        raise Unavailable("gone")

    registry.job("post")(lambda db, job: asyncio.sleep(60))
    running, stop = await start(database, registry, grace=0.1)
    monkeypatch.setattr(queue, "release", away)
    stop.set()
    with capture_logs() as lines:
        await running
    assert lines[-1]["event"] == "jobs wait for their leases to end"
