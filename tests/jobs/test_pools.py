"""Slow kinds have slots of their own, and what waits in one pool is no reason for another to wait."""

import asyncio
from collections import Counter
from time import monotonic
from typing import Any

import pytest

from engage_api.db import Database
from engage_api.jobs import Job, Registry, queue, worker
from engage_api.jobs.limits import USUAL, WEBHOOKS, Limits
from tests.jobs.hand import add as add_by_hand
from tests.jobs.hand import claim_one
from tests.jobs.schema import MARK, all_done, jobs, marks
from tests.jobs.work import add, finish, until, working


class Held:
    """A kind of job that ends when it is told to."""

    def __init__(self, registry: Registry, kind: str, pool: str) -> None:
        self.running: set[str] = set()
        self.go = asyncio.Event()
        registry.job(kind, pool=pool)(self)

    async def __call__(self, db: Database, job: Job[Any]) -> None:
        self.running.add(job.id)
        await self.go.wait()
        await finish(db, job, job.kind)


async def test_slow_kinds_take_no_slot_of_the_others(database: Database) -> None:
    registry = Registry()
    slow, stuck = Held(registry, "slow", WEBHOOKS), Held(registry, "stuck", USUAL)
    registry.job("post")(lambda db, job: finish(db, job, "post"))
    await add(database, "slow", 10)
    async with working(database, registry, pools={USUAL: 2, WEBHOOKS: 3}):
        await until(lambda: len(slow.running) == 3)
        await add(database, "post", 20)
        await until(lambda: _done(database, post=20))
        await add(database, "stuck", 5)
        await until(lambda: len(stuck.running) == 2)
        slow.go.set()
        await until(lambda: _done(database, post=20, slow=10))
        assert len(stuck.running) == 2, "nor do they take theirs"
        stuck.go.set()
        await until(lambda: all_done(database))


async def test_a_worker_without_a_pool_leaves_its_jobs_alone(database: Database) -> None:
    registry = Registry()
    slow = Held(registry, "slow", WEBHOOKS)
    registry.job("post")(lambda db, job: finish(db, job, "post"))
    await add(database, "slow")
    await add(database, "post")
    async with working(database, registry, pools={USUAL: 2}):
        await until(lambda: _done(database, post=1))
    assert not slow.running


async def test_many_slots_are_filled_in_portions(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    registry, asked = Registry(), list[int]()
    slow, claim = Held(registry, "slow", WEBHOOKS), queue.claim

    async def noted(system: Database, kinds: Any, most: int) -> list[Job[Any]]:
        asked.append(most)
        return await claim(system, kinds, most)

    monkeypatch.setattr(queue, "claim", noted)
    await add(database, "slow", 150)
    async with working(database, registry, pools={WEBHOOKS: 100}):
        took = await until(lambda: len(slow.running) == 100)
        slow.go.set()
        await until(lambda: all_done(database))
    assert max(asked) == worker.PORTION
    assert took < 5


async def test_a_kind_belongs_to_a_pool_that_there_is() -> None:
    with pytest.raises(ValueError, match="no pool slow"):
        Registry().job("post", pool="slow")


async def test_thousands_that_are_due_in_one_pool_hide_nothing_of_another(database: Database) -> None:
    async with database.write("w") as tx:
        for _ in range(5000):
            await queue.enqueue(tx, "slow", {})
    await queue.claim(database.system, {"slow": Limits()}, 32)
    made = await add_by_hand(database)
    start = monotonic()
    assert (await claim_one(database)).id == made
    assert monotonic() - start < 1


async def test_a_job_is_held_in_each_of_several_transactions(database: Database) -> None:
    await add_by_hand(database)
    job = await claim_one(database)
    before = (await jobs(database))[0].lease_until
    for who in ("first", "second"):
        async with database.write("w") as tx:
            await queue.hold(tx, job)
            await tx.run(MARK, job=job.id, attempt=1, who=who)
    assert (await jobs(database))[0].lease_until > before
    assert await queue.complete(database.system, job)
    assert len(await marks(database)) == 2


@pytest.mark.parametrize("how", ["claimed by another", "done", "released"])
async def test_who_has_lost_a_job_cannot_hold_it(database: Database, how: str) -> None:
    await add_by_hand(database)
    job = await claim_one(database)
    if how == "done":
        await queue.complete(database.system, job)
    else:
        await queue.release(database.system, [job])
    if how == "claimed by another":
        await claim_one(database)

    async def write() -> None:
        async with database.write("w") as tx:
            await tx.run(MARK, job=job.id, attempt=1, who="late")
            await queue.hold(tx, job)

    with pytest.raises(queue.Stale):
        await write()
    assert await marks(database) == []


async def _done(database: Database, **counts: int) -> bool:
    return Counter(row.who for row in await marks(database)) == counts
