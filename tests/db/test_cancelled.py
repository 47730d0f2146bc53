"""Whoever is cancelled, once or twice, leaves all or nothing, and a database that works."""

import asyncio
import random
from time import monotonic

from engage_api.db import Database
from tests.db.schema import ADD_SMALL, COUNT, LIST
from tests.db.tools import W, ids, write


async def test_writers_that_are_cancelled_leave_all_or_nothing(database: Database) -> None:
    """800 writers in rounds of 40, stopped at random points of the time that a round takes, half of them twice."""
    random.seed(7)
    done: set[str] = set()

    async def keep(number: int) -> None:
        async with database.write("w") as tx:
            for part in range(3):
                await tx.run(ADD_SMALL, **W, id=f"{number:03}-{part}")
            if number % 2:
                await asyncio.sleep(0)
        done.add(f"{number:03}")

    async def stop(number: int, longest: float) -> None:
        task = asyncio.create_task(keep(number))
        for _ in range(1 + number % 2):
            await asyncio.sleep(random.random() * longest)
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    for start in range(0, 800, 40):
        before = monotonic()
        await asyncio.gather(*map(keep, range(900 + start // 10, 904 + start // 10)))
        longest = 10 * (monotonic() - before)
        await asyncio.gather(*(stop(number, longest) for number in range(start, start + 40)))
    found = await ids(database)
    whole = {name[:3] for name in found}
    assert len(found) == 3 * len(whole)
    assert done <= whole
    stopped = 800 - sum(name < "800" for name in done)
    assert 50 < stopped < 750, "too early or too late to mean anything"


async def test_reads_that_are_cancelled_harm_nobody(database: Database) -> None:
    random.seed(8)
    await write(database, *(f"{number:03}" for number in range(200)))

    async def stopped() -> None:
        task = asyncio.create_task(database.fetch(LIST, "w", **W))
        await asyncio.sleep(random.random() * 0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    for _ in range(10):
        await asyncio.gather(*(stopped() for _ in range(20)))
        counted = await asyncio.gather(*(database.one(COUNT, "w", **W) for _ in range(20)))
        assert {one.n for one in counted} == {200}
