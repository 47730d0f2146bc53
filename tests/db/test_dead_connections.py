"""PostgreSQL's connections that die: replaced where nothing can be done twice, told as Unavailable elsewhere."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest
from sqlalchemy import text

from engage_api.db import Query, Unavailable, postgres_session
from engage_api.db.postgres import Postgres
from tests.db.schema import ADD_SMALL
from tests.db.tools import W, ids, write

PID = Query(text("SELECT pg_backend_pid()"))
SLEEP = Query(text("SELECT pg_sleep(:seconds)"))


@pytest.fixture
def database_url(postgres_url: str) -> str:
    return postgres_url


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


async def test_a_driver_that_has_heard_half_of_the_goodbye_counts_as_dead(
    database: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the server's last message and the end of the stream asyncpg does not know where it stands."""
    before = await pid(database)
    fetch = asyncpg.Connection.fetch
    said = [asyncpg.InternalClientError("got result for unknown protocol state")]

    async def confused(connection: asyncpg.Connection, *arguments: object) -> object:
        if said:
            raise said.pop()
        return await fetch(connection, *arguments)

    monkeypatch.setattr(asyncpg.Connection, "fetch", confused)
    assert await ids(database) == []
    assert await pid(database) != before


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
        with database.pulse.hear("commit") as ear:
            with pytest.raises(Unavailable):
                await die(*names)
            assert not await ear.wait(0)
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


async def test_a_server_that_does_not_let_us_in_is_unavailable_and_says_why(postgres_url: str) -> None:
    database = Postgres(postgres_url, role="engage_nobody")
    with pytest.raises(Unavailable, match="engage_nobody"):
        await ids(database)
    await database.close()
