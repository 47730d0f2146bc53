"""PostgreSQL's own half: connections that die, wait, hang, and what its errors mean."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic

import asyncpg
import pytest
from sqlalchemy import text

from engage_api.db import Query, Unavailable, open_database, postgres_checkout, postgres_session
from engage_api.db.postgres import Postgres
from tests.db.schema import ADD_SMALL, IDS, LOCK, SET_N

W = {"workspace_id": "w"}
PID = Query(text("SELECT pg_backend_pid()"))
SLEEP = Query(text("SELECT pg_sleep(:seconds)"))


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Postgres]:
    opened = await open_database(postgres_url)
    assert isinstance(opened, Postgres)
    yield opened
    await opened.close()


@pytest.fixture
async def single(postgres_url: str) -> AsyncIterator[Postgres]:
    """With one connection."""
    opened = Postgres(postgres_url, size=1)
    yield opened
    await opened.close()


async def write(database: Postgres, *names: str) -> None:
    async with database.write("w") as tx:
        for name in names:
            await tx.run(ADD_SMALL, **W, id=name)


async def ids(database: Postgres) -> list[str]:
    return [found.id for found in await database.fetch(IDS, "w", **W)]


async def pid(database: Postgres, wall: str | None = "w") -> int:
    [found] = await database.one_raw(PID, wall)
    return int(found)


def owner(url: str, statement: str) -> None:
    """Say something as the owner while this loop stands still: it cannot notice what happens to its connections."""

    async def say() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, say()).result()


def cut(url: str) -> None:
    """End every connection of the product's to this database, from the server's side."""
    ours = "datname = current_database() AND application_name = 'engage'"
    owner(url, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}")  # noqa: S608  # a constant


@contextmanager
def stopped(process: int) -> Iterator[None]:
    """A server process that says nothing any more."""
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


# ── connections that die ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_read_on_a_dead_connection_is_asked_again(database: Postgres, postgres_url: str) -> None:
    await write(database, "a")
    before = await pid(database)
    cut(postgres_url)
    assert await ids(database) == ["a"]
    assert await pid(database) != before


async def test_a_read_is_asked_again_once(
    database: Postgres, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pid(database)
    again = database._checkout.replace

    async def replace(session: postgres_session.Session) -> postgres_session.Session:
        fresh = await again(session)
        cut(postgres_url)
        return fresh

    monkeypatch.setattr(database._checkout, "replace", replace)
    cut(postgres_url)
    with pytest.raises(Unavailable):
        await ids(database)
    assert await ids(database) == []


async def test_a_dead_connection_that_is_noticed_is_not_used(database: Postgres, postgres_url: str) -> None:
    before = await pid(database)
    await asyncio.to_thread(cut, postgres_url)
    await asyncio.sleep(0.05)
    assert await pid(database, "x") != before


async def test_a_write_on_a_dead_connection_begins_again(database: Postgres, postgres_url: str) -> None:
    await pid(database)
    cut(postgres_url)
    await write(database, "a")
    assert await ids(database) == ["a"]


async def test_a_write_that_dies_between_is_not_repeated(database: Postgres, postgres_url: str) -> None:
    async def die(*names: str) -> None:
        async with database.write("w") as tx:
            await tx.run(ADD_SMALL, **W, id="a")
            cut(postgres_url)
            for name in names:
                await tx.run(ADD_SMALL, **W, id=name)

    for names in ([], ["b"]):  # at the commit, whose outcome nobody knows then, and at a statement
        database.committed.clear()
        with pytest.raises(Unavailable):
            await die(*names)
        assert not database.committed.is_set()
    assert await ids(database) == []
    await write(database, "c")
    assert await ids(database) == ["c"]


async def test_moving_a_dead_connection_opens_another(database: Postgres, postgres_url: str) -> None:
    await pid(database, "x")
    cut(postgres_url)
    await write(database, "a")
    assert await ids(database) == ["a"]


async def test_a_server_that_is_not_there_is_unavailable(postgres_url: str) -> None:
    database = Postgres(postgres_url.replace("?host=", "?host=/nowhere"))
    with pytest.raises(Unavailable, match="cannot connect"):
        await ids(database)
    with pytest.raises(Unavailable, match="cannot connect"):
        await write(database, "a")
    await database.close()


async def test_more_connections_than_the_server_gives_is_unavailable(database: Postgres, postgres_url: str) -> None:
    name = postgres_url.partition("@/")[2].partition("?")[0]
    owner(postgres_url, f"ALTER DATABASE {name} CONNECTION LIMIT 2")
    done = await asyncio.gather(*(database.one(SLEEP, "w", seconds=0.05) for _ in range(8)), return_exceptions=True)
    assert {type(one) for one in done if isinstance(one, Exception)} == {Unavailable}
    assert await ids(database) == []


async def test_a_role_that_is_missing_is_a_mistake_of_ours(postgres_url: str) -> None:
    database = Postgres(postgres_url, role="engage_nobody")
    with pytest.raises(asyncpg.PostgresError, match="engage_nobody"):
        await ids(database)
    await database.close()


# ── what errors mean ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_statement_that_takes_too_long_is_unavailable(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(postgres_session.SETTINGS, "statement_timeout", "50")
    database = Postgres(postgres_url)
    with pytest.raises(Unavailable, match="statement timeout"):
        await database.one(SLEEP, "w", seconds=5)
    assert await ids(database) == []
    await database.close()


async def test_a_row_that_stays_locked_is_unavailable(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(postgres_session.SETTINGS, "lock_timeout", "50")
    database = Postgres(postgres_url)
    await write(database, "a")

    async def take() -> None:
        async with database.write("w") as tx:
            await tx.one(LOCK, **W, id="a")
            await asyncio.sleep(0.3)

    done = await asyncio.gather(take(), take(), return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["NoneType", "Unavailable"]
    await database.close()


async def test_a_deadlock_is_unavailable_to_one_of_two(database: Postgres) -> None:
    await write(database, "a", "b")

    async def cross(first: str, second: str) -> None:
        async with database.write("w") as tx:
            await tx.run(SET_N, n=None, w="w", i=first)
            await asyncio.sleep(0.05)
            await tx.run(SET_N, n=None, w="w", i=second)

    done = await asyncio.gather(cross("a", "b"), cross("b", "a"), return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["NoneType", "Unavailable"]


async def test_a_commit_that_the_server_turned_into_a_rollback_is_noticed(database: Postgres) -> None:
    """PostgreSQL answers the COMMIT of a failed transaction with ROLLBACK and no error."""

    async def spoil() -> None:
        async with database.write("w") as tx:
            await tx.run(ADD_SMALL, **W, id="a")
            with pytest.raises(asyncpg.PostgresError):
                await tx._session.connection.execute("SELECT 1 / 0")

    with pytest.raises(Unavailable, match="undid"):
        await spoil()
    assert (await ids(database), database.committed.is_set()) == ([], False)


async def test_a_server_that_says_nothing_is_unavailable(database: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_checkout, "SILENCE", 0.1)
    for ask in (ids, write):
        before = monotonic()
        with stopped(await pid(database)), pytest.raises(Unavailable):
            await ask(database)
        assert monotonic() - before < 4
    assert await ids(database) == []


async def test_a_server_that_says_nothing_does_not_hold_up_the_end(database: Postgres) -> None:
    with stopped(await pid(database)):
        before = monotonic()
        await database.close()
        assert monotonic() - before < 4


async def test_whoever_is_cancelled_while_beginning_leaves_a_connection_at_rest(single: Postgres) -> None:
    for steps in range(12):
        task = asyncio.create_task(write(single, f"{steps:02}"))
        for _ in range(steps):
            await asyncio.sleep(0.0002)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await ids(single)
        [session] = single._checkout._idle
        assert not session.connection.is_in_transaction()  # as the server said with its last answer


# ── waiting for a connection ─────────────────────────────────────────────────────────────────────────────────────────


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
    holder = asyncio.create_task(single.one(SLEEP, "w", seconds=0.1))
    await asyncio.sleep(0.02)
    waiting = [asyncio.create_task(ids(single)) for _ in range(4)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await holder
    waiting[1].cancel()  # whose turn has just come
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one) for one in done] == [asyncio.CancelledError, asyncio.CancelledError, list, list]
    assert single._checkout._left == 1
    assert await ids(single) == []


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


async def test_system_has_connections_and_an_event_of_its_own(database: Postgres) -> None:
    system = database.system
    async with system.write(None) as tx:
        assert await tx.one(Query(text("SELECT current_user"))) == ("engage_system",)
    assert (system.committed.is_set(), database.committed.is_set()) == (True, False)
    assert system.system is system
