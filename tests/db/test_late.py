"""What a transaction does just before its commit: part of it, whole or not at all."""

import asyncio
import sqlite3

import pytest

from engage_api.db import Conflict, Database, Unavailable
from engage_api.db.sqlite import AT_ONCE, Sqlite
from tests.db.schema import ADD_SMALL
from tests.db.tools import W, ids, write


async def add_late(database: Database, name: str, *, fails: bool = False) -> None:
    async with database.write("w") as tx:
        await tx.late(ADD_SMALL, **W, id=f"{name}-late")
        await tx.run(ADD_SMALL, **W, id=name)
        if fails:
            raise LookupError(name)


async def test_it_is_there_when_the_block_is_left(database: Database) -> None:
    await add_late(database, "a")
    assert await ids(database) == ["a", "a-late"]


async def test_it_is_undone_with_its_own_transaction_and_with_no_other(database: Database) -> None:
    wanted = [add_late(database, f"{number:02}", fails=number % 3 == 0) for number in range(30)]
    found = await asyncio.gather(*wanted, return_exceptions=True)
    assert [isinstance(one, LookupError) for one in found] == [number % 3 == 0 for number in range(30)]
    kept = [f"{number:02}" for number in range(30) if number % 3]
    assert await ids(database) == sorted([*kept, *(f"{name}-late" for name in kept)])


async def test_what_is_over_takes_no_more(database: Database) -> None:
    async with database.write("w") as tx:
        pass
    with pytest.raises(RuntimeError, match="over"):
        await tx.late(ADD_SMALL, **W, id="a")


async def test_what_has_failed_takes_no_more(database: Database) -> None:
    await write(database, "a")

    async def go_on() -> None:
        async with database.write("w") as tx:
            with pytest.raises(Conflict):
                await tx.run(ADD_SMALL, **W, id="a")
            with pytest.raises(RuntimeError, match="over"):
                await tx.late(ADD_SMALL, **W, id="b")

    with pytest.raises(Conflict):
        await go_on()
    assert await ids(database) == ["a"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_on_sqlite_a_group_does_it_once_after_its_last_savepoint(database: Sqlite) -> None:
    said: list[str] = []
    database._writer.set_trace_callback(said.append)
    await asyncio.gather(*(add_late(database, f"{number:02}") for number in range(8)))
    kinds = [statement.split()[0] for statement in said]
    last = max(at for at, kind in enumerate(kinds) if kind == "RELEASE")
    assert kinds[last + 1 :] == ["INSERT"] * 8 + ["COMMIT"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_on_sqlite_much_of_it_leaves_room_for_others(database: Sqlite) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += bool(database._writer.in_transaction)

    async with database.write("w") as tx:
        for number in range(AT_ONCE * 30):
            await tx.late(ADD_SMALL, **W, id=f"{number}")
        counting = asyncio.create_task(count())
    counting.cancel()
    assert turns >= 20
    assert len(await ids(database)) == AT_ONCE * 30


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_on_sqlite_a_failure_of_it_fails_the_group_and_no_later_one(database: Sqlite) -> None:
    await write(database, "there")

    async def wrong() -> None:
        async with database.write("w") as tx:
            await tx.late(ADD_SMALL, **W, id="there")

    found = await asyncio.gather(write(database, "a"), wrong(), write(database, "b"), return_exceptions=True)
    assert [type(one) for one in found] == [Unavailable] * 3
    assert await ids(database) == ["there"]
    await add_late(database, "c")
    assert await ids(database) == ["c", "c-late", "there"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_on_sqlite_nothing_of_it_is_kept_of_a_group_that_sqlite_undid(database: Sqlite, path: str) -> None:
    database._late = [("ROLLBACK", [])]  # as a full disk does
    with pytest.raises(Unavailable):
        await add_late(database, "a")
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT count(*) FROM item").fetchone() == (0,)
    other.close()
