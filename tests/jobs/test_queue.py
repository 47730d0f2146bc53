"""The way of a job, without a worker: every promise of `jobs/queue.py` on both databases."""

import asyncio
import itertools
from datetime import timedelta

import asyncpg
import pytest
from pydantic import BaseModel

from engage_api.db import Database, open_database
from engage_api.jobs import queue, replay
from engage_api.jobs.queue import Stale, enqueue
from tests.jobs.conftest import Now
from tests.jobs.hand import KINDS, LEASE, MOST, add, claim, claim_one, finish
from tests.jobs.schema import MARK, jobs, marks

# ── enqueued ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_job_is_claimed_with_what_was_enqueued(database: Database) -> None:
    made = await add(database, {"to": "é", "n": [1, None]})
    job = await claim_one(database)
    assert (job.id, job.workspace, job.kind, job.payload) == (made, "w", "post", {"to": "é", "n": [1, None]})
    assert (job.attempts, job.finished, job.limits) == (1, False, KINDS["post"])
    assert await claim(database) == []


async def test_a_job_is_undone_with_its_transaction(database: Database) -> None:
    async def change_ones_mind() -> None:
        async with database.write("w") as tx:
            await enqueue(tx, "post", {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await change_ones_mind()
    assert await jobs(database) == []


async def test_a_payload_may_be_a_model(database: Database) -> None:
    class Letter(BaseModel):
        to: str
        after: timedelta

    await add(database, Letter(to="x", after=timedelta(hours=1)))
    assert (await claim_one(database)).payload == {"to": "x", "after": "PT1H"}


async def test_the_oldest_come_first_and_none_before_its_time(database: Database, now: Now) -> None:
    late = await add(database, run_at=now.time + timedelta(seconds=10))
    first = await add(database, run_at=now.time - timedelta(minutes=2))
    second = await add(database, run_at=now.time - timedelta(minutes=1))
    assert [job.id for job in await claim(database, 1)] == [first]
    assert [job.id for job in await claim(database)] == [second]
    now.move(seconds=10)
    assert [job.id for job in await claim(database)] == [late]


async def test_a_kind_that_nobody_here_knows_stays_queued(database: Database) -> None:
    await add(database, kind="of another version")
    assert await claim(database) == []
    assert await queue.claim(database.system, {}, 10) == []
    assert [row.attempts for row in await jobs(database)] == [0]


async def test_it_belongs_to_the_workspace_of_the_transaction(database: Database) -> None:
    await add(database)
    await add(database, workspace="w")
    with pytest.raises(ValueError, match="workspace"):
        await add(database, workspace="another")
    async with database.system.write(None) as tx:
        await enqueue(tx, "post", {}, workspace="another")
        await enqueue(tx, "post", {})
    assert [job.workspace for job in await claim(database)] == ["w", "w", "another", None]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_request_has_only_the_jobs_of_its_workspace(database: Database) -> None:
    await add(database, wall="another")
    job = await claim_one(database)
    with pytest.raises(Stale):
        async with database.write("w") as tx:
            await job.finish(tx)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with database.write(None) as tx:
            await enqueue(tx, "post", {})
    assert len(await jobs(database)) == 1


# ── unique keys ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_unique_key_is_enqueued_once_until_it_is_done(database: Database) -> None:
    async def again() -> str | None:
        async with database.write("w") as tx:
            return await enqueue(tx, "post", {}, unique_key="k")

    assert await again() is not None
    assert await again() is None
    job = await claim_one(database)
    assert await again() is None, "under way is not done"
    await queue.complete(database.system, job)
    assert await again() is not None


async def test_a_unique_key_holds_for_one_kind_in_one_workspace(database: Database) -> None:
    made = [await add(database, unique_key="k"), await add(database, unique_key="k", wall="another")]
    made.append(await add(database, unique_key="k", kind="tidy"))
    async with database.system.write(None) as tx:
        service = [await enqueue(tx, "post", {}, unique_key="k") for _ in range(2)]
    assert [job.id for job in await claim(database)] == [*made, service[0]]
    assert service[1] is None


async def test_of_many_at_once_one_is_enqueued(database: Database) -> None:
    async def one() -> str | None:
        async with database.write("w") as tx:
            made = await enqueue(tx, "post", {}, unique_key="k")
            await asyncio.sleep(0.01)
            return made

    made = await asyncio.gather(*(one() for _ in range(7)))
    assert len([one for one in made if one]) == 1
    assert len(await jobs(database)) == 1


async def test_a_taken_key_leaves_the_rest_of_the_transaction_alone(database: Database) -> None:
    await add(database, unique_key="k")
    async with database.write("w") as tx:
        assert await enqueue(tx, "post", {}, unique_key="k") is None
        await tx.run(MARK, job="none", attempt=0, who="me")
    assert len(await marks(database)) == 1


async def test_a_unique_key_is_bounded(database: Database) -> None:
    await add(database, unique_key="k" * 200)
    with pytest.raises(ValueError, match="200"):
        await add(database, unique_key="k" * 201)


# ── claimed ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_nobody_gets_what_another_has_claimed(database: Database, database_url: str) -> None:
    made = [await add(database) for _ in range(60)]
    others = [await open_database(database_url) for _ in range(3)]
    try:

        async def take(mine: Database) -> list[str]:
            found: list[str] = []
            while jobs := await claim(mine, 4):
                found += [job.id for job in jobs]
            return found

        taken = await asyncio.gather(*(take(mine) for mine in [database, *others, database]))
    finally:
        await asyncio.gather(*(other.close() for other in others))
    assert sorted(itertools.chain(*taken)) == sorted(made)


async def test_a_job_comes_again_when_its_lease_ends(database: Database, now: Now) -> None:
    await add(database)
    first = await claim_one(database)
    now.time += LEASE - timedelta(milliseconds=1)
    assert await claim(database) == []
    now.move(milliseconds=1)
    second = await claim_one(database)
    assert second.id == first.id
    assert second.attempts == 2
    assert second.token > first.token


async def test_a_heartbeat_extends_the_lease(database: Database, now: Now) -> None:
    await add(database)
    job = await claim_one(database)
    now.move(seconds=20)
    assert await queue.heartbeat(database.system, job)
    now.move(seconds=20)
    assert await claim(database) == []
    now.move(seconds=10)
    assert len(await claim(database)) == 1


async def test_a_result_and_its_completion_are_one(database: Database) -> None:
    await add(database)
    job = await claim_one(database)
    with pytest.raises(ZeroDivisionError):
        await finish(database, job, 0)
    assert await marks(database) == []
    assert len(await jobs(database)) == 1
    await finish(database, job)
    assert job.finished
    assert len(await marks(database)) == 1
    assert await jobs(database) == []


@pytest.mark.parametrize("after", ["claimed", "done", "failed", "buried", "released"])
async def test_whoever_lost_a_job_changes_nothing(database: Database, now: Now, after: str) -> None:
    await add(database)
    zombie = await claim_one(database)
    now.time += LEASE
    other = await claim_one(database)
    if after == "done":
        await queue.complete(database.system, other)
    elif after == "failed":
        await queue.fail(database.system, other, "x")
    elif after == "buried":
        other.attempts = MOST
        await queue.fail(database.system, other, "x")
    elif after == "released":
        await queue.release(database.system, [other])
    before = await jobs(database)

    assert not await queue.heartbeat(database.system, zombie)
    assert not await queue.complete(database.system, zombie)
    assert not await queue.fail(database.system, zombie, "late")
    assert await queue.release(database.system, [zombie]) == 0
    with pytest.raises(Stale):
        await finish(database, zombie)
    assert not zombie.finished
    assert await marks(database) == []
    assert await jobs(database) == before


@pytest.mark.parametrize("how", ["failed", "released", "buried"])
async def test_giving_a_job_up_ends_the_right_to_it(database: Database, how: str) -> None:
    await add(database)
    job = await claim_one(database)
    if how == "released":
        await queue.release(database.system, [job])
    else:
        job.attempts = MOST if how == "buried" else 1
        await queue.fail(database.system, job, "x")
        async with database.system.write(None) as tx:
            await replay(tx, job.id)
    assert not await queue.complete(database.system, job)
    assert len(await jobs(database)) == 1


async def test_a_released_job_is_due_at_once_and_was_not_tried(database: Database) -> None:
    await add(database)
    await add(database)
    first, second = await claim(database)
    assert await queue.release(database.system, [first, second]) == 2
    assert [job.attempts for job in await claim(database)] == [1, 1]
