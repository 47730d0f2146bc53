"""What a transaction promises, the same on both databases."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from engage_api.db import Conflict, Database, Query, Unavailable, engine
from tests.db.schema import (
    ADD,
    ADD_PLAN,
    ADD_SMALL,
    COUNT,
    GET,
    GET_PLAN,
    LIST,
    LOCK,
    SET_N,
)
from tests.db.tools import W, ids, write

NOWHERE = Query(text("SELECT 1 FROM nowhere"))


async def run(database: Database, query: Query, values: dict[str, Any]) -> None:
    async with database.write("w") as tx:
        await tx.run(query, **values)


async def elsewhere(database: Database, query: Query, **values: Any) -> Any:
    """What a caller beside this one sees."""
    return await asyncio.create_task(database.one(query, "w", **values))


async def test_a_row_is_there_when_the_block_is_left(database: Database) -> None:
    with database.pulse.hear("commit") as ear:
        async with database.write("w") as tx:
            assert (tx.dialect, tx.wall) == (database.dialect, "w")
            assert await tx.run(ADD_SMALL, **W, id="a") == 1
            assert not await ear.wait(0)
        assert await ids(database) == ["a"]
        assert await ear.wait(0)


async def test_tables_without_a_workspace_need_no_wall(database: Database) -> None:
    async with database.write(None) as tx:
        await tx.run(ADD_PLAN, id="free", n=10)
        assert tx.wall is None
    assert await database.one(GET_PLAN, None, id="free") == ("free", 10)


async def test_a_transaction_reads_its_own_writes_and_nobody_else_does(database: Database) -> None:
    await write(database, "a")
    async with database.write("w") as tx:
        assert await tx.run(SET_N, n=5, w="w", i="a") == 1
        assert await tx.run(SET_N, n=5, w="w", i="none") == 0
        assert (await tx.one(GET, **W, id="a")).n == 5
        assert [found.n for found in await tx.fetch(LIST, **W)] == [5]
        assert await tx.one(GET, **W, id="none") is None
        assert (await elsewhere(database, GET, **W, id="a")).n is None
    assert (await database.one(GET, "w", **W, id="a")).n == 5


async def test_fifty_who_read_then_decide_then_write_lose_no_update(database: Database) -> None:
    """On PostgreSQL the read must take the row (FOR UPDATE); SQLite has one writer at a time."""
    await write(database, "a")
    async with database.write("w") as tx:
        await tx.run(SET_N, n=0, w="w", i="a")

    async def increase() -> None:
        async with database.write("w") as tx:
            found = await tx.one(LOCK, **W, id="a")
            await asyncio.sleep(0.001)
            await tx.run(SET_N, n=found.n + 1, w="w", i="a")

    await asyncio.gather(*(increase() for _ in range(50)))
    assert (await database.one(GET, "w", **W, id="a")).n == 50


async def test_an_exception_undoes_its_own_block_alone(database: Database) -> None:
    async def keep(name: str) -> None:
        async with database.write("w") as tx:
            await tx.run(ADD_SMALL, **W, id=name)
            await asyncio.sleep(0)
            if name == "b":
                raise LookupError(name)

    done = await asyncio.gather(*map(keep, "abc"), return_exceptions=True)
    assert [type(one) for one in done] == [type(None), LookupError, type(None)]
    assert await ids(database) == ["a", "c"]


async def test_a_conflict_in_some_of_forty_leaves_the_others_whole(database: Database) -> None:
    await write(database, "taken")

    async def keep(number: int) -> None:
        async with database.write("w") as tx:
            await tx.run(ADD_SMALL, **W, id=f"{number:02}")
            await asyncio.sleep(0)
            await tx.run(ADD_SMALL, **W, id="taken" if number % 6 == 0 else f"{number:02}+")

    done = await asyncio.gather(*map(keep, range(40)), return_exceptions=True)
    refused = [number for number, one in enumerate(done) if isinstance(one, Conflict)]
    assert refused == [number for number in range(40) if number % 6 == 0]
    kept = [f"{number:02}{more}" for number in range(40) if number not in refused for more in ("", "+")]
    assert await ids(database) == sorted([*kept, "taken"])


async def test_a_conflict_says_what_refused(database: Database, row: dict[str, Any]) -> None:
    async with database.write("w") as tx:
        await tx.run(ADD, **row | {"id": "a", "n": 1})
        await tx.run(ADD_PLAN, id="free", n=1)
    found: dict[str, str | None] = {}
    for name, query, values in (
        ("unique", ADD, row | {"id": "b", "n": 1}),
        ("index", ADD_PLAN, {"id": "FREE", "n": 1}),
        ("check", ADD, row | {"id": "b", "n": -1}),
        ("foreign key", ADD, row | {"id": "b", "parent": "none"}),
        ("not null", ADD, row | {"id": None}),
    ):
        with pytest.raises(Conflict) as refused:
            await run(database, query, values)
        found[name] = refused.value.constraint
    named = {"index": "plan_name", "check": "item_n_positive"}
    if database.dialect == "sqlite":
        columns = {"unique": "item.workspace_id, item.n", "foreign key": None, "not null": "item.id"}
        assert found == named | columns
    else:
        assert found == named | {"unique": "item_n", "foreign key": "item_parent", "not null": None}


async def test_a_failed_transaction_cannot_be_carried_on(database: Database) -> None:
    """PostgreSQL would answer the COMMIT with a silent ROLLBACK, SQLite would keep half of it."""
    await write(database, "a")

    async def swallow() -> None:
        async with database.write("w") as tx:
            await tx.run(ADD_SMALL, **W, id="b")
            with pytest.raises(Conflict):
                await tx.run(ADD_SMALL, **W, id="a")
            with pytest.raises(RuntimeError, match="over"):
                await tx.run(ADD_SMALL, **W, id="c")

    with pytest.raises(Conflict):  # the one that was swallowed
        await swallow()
    assert await ids(database) == ["a"]


async def test_a_transaction_ends_with_its_block(database: Database) -> None:
    async with database.write("w") as tx:
        await tx.run(ADD_SMALL, **W, id="a")
    for use in (tx.run(ADD_SMALL, **W, id="b"), tx.one(GET, **W, id="a"), tx.fetch(LIST, **W)):
        with pytest.raises(RuntimeError, match="over"):
            await use
    assert await ids(database) == ["a"]


async def test_inside_a_transaction_nothing_goes_past_it(database: Database) -> None:
    with pytest.raises(RuntimeError, match="inside write"):
        async with database.write("w"), database.write("w"):
            pass
    with pytest.raises(RuntimeError, match="inside write"):
        async with database.write("w"), database.system.write(None):
            pass
    for read in (database.one, database.fetch, database.raw, database.one_raw):
        with pytest.raises(RuntimeError, match="inside write"):
            async with database.write("w"):
                await read(GET, "w", **W, id="a")
    await write(database, "a")


async def test_a_body_that_takes_too_long_is_undone(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:

    async def slow() -> None:
        async with database.write("w") as tx:
            await tx.run(ADD_SMALL, **W, id="slow")
            await asyncio.sleep(10)

    with monkeypatch.context() as patch:
        patch.setattr(engine, "PATIENCE", 0.1)
        with pytest.raises(Unavailable, match=r"more than 0\.1 s"):
            await slow()
    await write(database, "next")
    assert await ids(database) == ["next"]


async def test_a_timeout_of_the_body_is_its_own(database: Database) -> None:

    async def fail() -> None:
        async with database.write("w") as tx:
            await tx.run(ADD_SMALL, **W, id="a")
            raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        await fail()
    assert await ids(database) == []


async def test_a_missing_value_spoils_nothing(database: Database) -> None:
    async with database.write("w") as tx:
        with pytest.raises(KeyError):
            await tx.run(ADD_SMALL, **W)
        await tx.run(ADD_SMALL, **W, id="a")
    assert await ids(database) == ["a"]


async def test_a_mistake_of_ours_is_not_dressed_up(database: Database) -> None:
    """Not Unavailable: nobody should ask again."""
    with pytest.raises(Exception, match="nowhere") as raised:
        await database.fetch(NOWHERE, "w")
    assert not isinstance(raised.value, Unavailable | Conflict)
    with pytest.raises(Exception, match="nowhere") as raised:
        async with database.write("w") as tx:
            await tx.fetch(NOWHERE)
    assert not isinstance(raised.value, Unavailable | Conflict)


async def test_after_close_nothing_is_available(database: Database) -> None:
    await database.close()
    with pytest.raises(Unavailable):
        await database.one(COUNT, "w", **W)
    with pytest.raises(Unavailable):
        await database.raw(COUNT, "w", **W)
    with pytest.raises(Unavailable):
        async with database.write("w"):
            pass
    await database.close()
