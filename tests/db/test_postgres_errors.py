"""What PostgreSQL's errors mean, and a server that says nothing at all."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import asyncpg
import pytest
from sqlalchemy import text

from engage_api.db import Query, Unavailable, postgres_checkout, postgres_session
from engage_api.db.postgres import Postgres
from tests.db.schema import ADD_SMALL, LOCK, SET_N
from tests.db.tools import W, ids, write

PID = Query(text("SELECT pg_backend_pid()"))
SLEEP = Query(text("SELECT pg_sleep(:seconds)"))


@pytest.fixture
def database_url(postgres_url: str) -> str:
    return postgres_url


async def pid(database: Postgres, wall: str | None = "w") -> int:
    [found] = await database.one_raw(PID, wall)
    return int(found)


@contextmanager
def stopped(process: int) -> Iterator[None]:
    """A server process that says nothing any more."""
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


async def test_a_statement_that_takes_too_long_is_unavailable(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(postgres_session.SETTINGS, "statement_timeout", "500")
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
                await tx.session.connection.execute("SELECT 1 / 0")

    with database.pulse.hear("commit") as ear:
        with pytest.raises(Unavailable, match="undid"):
            await spoil()
        assert (await ids(database), await ear.wait(0)) == ([], False)


async def test_a_server_that_says_nothing_is_unavailable(database: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    for ask in (ids, write):
        process = await pid(database)
        before = monotonic()
        with monkeypatch.context() as patch, stopped(process):
            patch.setattr(postgres_checkout, "SILENCE", 0.1)
            with pytest.raises(Unavailable):
                await ask(database)
        assert monotonic() - before < 4
    assert await ids(database) == []


async def test_a_server_that_says_nothing_does_not_hold_up_the_end(database: Postgres) -> None:
    with stopped(await pid(database)):
        before = monotonic()
        await database.close()
        assert monotonic() - before < 4
