"""PostgreSQL's connections: who waits for one, who goes meanwhile, and in what state it comes back."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from engage_api.db import Query, Unavailable, postgres_checkout
from engage_api.db.postgres import Postgres
from tests.db.tools import ids, write

PID = Query(text("SELECT pg_backend_pid()"))
SLEEP = Query(text("SELECT pg_sleep(:seconds)"))


@pytest.fixture
def database_url(postgres_url: str) -> str:
    return postgres_url


@pytest.fixture
async def single(postgres_url: str) -> AsyncIterator[Postgres]:
    """With one connection."""
    opened = Postgres(postgres_url, size=1)
    yield opened
    await opened.close()


async def test_whoever_is_cancelled_while_beginning_leaves_a_connection_at_rest(single: Postgres) -> None:
    for steps in range(12):
        task = asyncio.create_task(write(single, f"{steps:02}"))
        for _ in range(steps):
            await asyncio.sleep(0.0002)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await ids(single)
        [session] = single._checkout._idle  # not dropped, as one that is found inside a transaction would be
        assert not session.connection.is_in_transaction()  # as the server said with its last answer


async def test_who_waits_is_served_in_the_order_of_coming(single: Postgres) -> None:
    order: list[int] = []

    async def read(number: int) -> None:
        await single.one(SLEEP, "w" if number % 2 else "x", seconds=0)
        order.append(number)

    await asyncio.gather(*map(read, range(10)))
    assert order == list(range(10))


async def test_who_waits_too_long_is_told(single: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_checkout, "PATIENCE", 0.05)
    done = await asyncio.gather(*(single.one(SLEEP, "w", seconds=0.2) for _ in range(4)), return_exceptions=True)
    assert [type(one) for one in done] == [tuple, Unavailable, Unavailable, Unavailable]
    assert await ids(single) == []


async def test_who_goes_while_waiting_takes_no_connection_along(single: Postgres) -> None:
    checkout = single._checkout
    session = await checkout.take("w")
    waiting = [asyncio.create_task(checkout.take("w")) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    checkout.give(session)
    waiting[1].cancel()  # whose turn has come, and who does not know yet
    gone = await asyncio.gather(*waiting[:2], return_exceptions=True)
    assert [type(one) for one in gone] == [asyncio.CancelledError, asyncio.CancelledError]
    async with asyncio.timeout(5):
        checkout.give(await waiting[2])
    assert checkout._left == 1


async def test_a_connection_given_back_after_the_end_is_closed(single: Postgres) -> None:
    reader = asyncio.create_task(single.one(SLEEP, "w", seconds=0.1))
    await asyncio.sleep(0.05)
    await single.close()
    await reader
    assert (single._checkout._idle, single._checkout._busy) == ([], set())


async def test_the_look_for_silence_rests_when_nothing_is_in_use(database: Postgres) -> None:
    looks = []
    for _ in range(2):
        await ids(database)
        looks.append(database._checkout._look)
        database._checkout._end_silence()
        looks.append(database._checkout._look)
    assert [look is None for look in looks] == [False, True, False, True]
    for look in looks:
        if look:
            look.cancel()


async def test_system_has_connections_of_its_own_and_the_same_pulse(database: Postgres) -> None:
    system = database.system
    async with system.write(None) as tx:
        assert await tx.one(Query(text("SELECT current_user"))) == ("engage_system",)
    assert system.system is system
    assert system.pulse is database.pulse
