"""A job that waits for its time begins earlier when there is more to do."""

from datetime import timedelta

from engage_api.db import Database
from engage_api.jobs import queue
from tests.jobs.conftest import Now
from tests.jobs.hand import add, claim, claim_one


async def test_a_job_that_waits_can_begin_at_once_unless_it_is_under_way(database: Database, now: Now) -> None:
    later = now.time + timedelta(hours=1)
    made = await add(database, run_at=later, unique_key="one")
    async with database.write("other") as tx:
        await queue.hasten(tx, "post", "one")
    assert await claim(database) == []
    async with database.system.write(None) as tx:
        await queue.hasten(tx, "post", "one", workspace="w")
    job = await claim_one(database)
    assert job.id == made
    async with database.write("w") as tx:
        await queue.hasten(tx, "post", "one")
    assert await claim(database) == []


async def test_it_begins_when_it_is_asked_for_but_never_later_than_it_would(database: Database, now: Now) -> None:
    hour = timedelta(hours=1)
    await add(database, run_at=now.time + 24 * hour, unique_key="one")
    for to in (hour, 2 * hour):
        async with database.write("w") as tx:
            await queue.hasten(tx, "post", "one", to=now.time + to)
    assert await claim(database) == []
    now.time += hour
    await claim_one(database)
