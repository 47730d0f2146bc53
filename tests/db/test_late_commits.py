"""Why events are not numbered at their insert: readers would lose what is committed late, and see gaps."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import bindparam, select

from engage_api.db import Query, open_database
from engage_api.db.postgres import Postgres
from engage_api.db.sequencer import Sequencer
from tests.db.schema import event
from tests.db.test_sequencer import Reader, happen, running, until

BY_INSERT = Query(  # the trap: `n` is drawn at the insert
    select(event.c.n, event.c.id)
    .where(event.c.workspace_id == bindparam("workspace_id"), event.c.n > bindparam("last"))
    .order_by(event.c.n)
)


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Postgres]:
    opened = await open_database(postgres_url, size=20)
    assert isinstance(opened, Postgres)
    yield opened
    await opened.close()


async def test_by_the_number_of_the_insert_a_late_commit_is_lost_and_by_the_sequence_it_is_not(
    database: Postgres,
) -> None:
    """16 writers, one in four sleeps up to 100 ms before its commit; both readers look every 5 ms at the same log."""
    random.seed(4)
    trapped, ours = Reader(database, "w", BY_INSERT), Reader(database, "w")
    made: list[str] = []

    async def write(number: int) -> None:
        for turn in range(15):
            name = f"{number:02}-{turn:02}"
            await happen(database, "w", name, pause=random.random() * 0.1 if random.random() < 0.25 else 0)
            made.append(name)

    async def follow(stop: asyncio.Event) -> None:
        while not stop.is_set():
            await asyncio.gather(trapped.look(), ours.look())
            await asyncio.sleep(0.005)

    async def all_read() -> bool:
        return len(ours.names) == len(made)

    stop = asyncio.Event()
    async with running(Sequencer(database)):
        following = asyncio.create_task(follow(stop))
        await asyncio.gather(*map(write, range(16)))
        await until(all_read)
        stop.set()
        await following
    assert (sorted(ours.names), ours.faults) == (sorted(made), [])
    lost = set(made) - set(trapped.names)
    assert lost, "the trap did not bite: this test proves nothing"
    assert trapped.faults
