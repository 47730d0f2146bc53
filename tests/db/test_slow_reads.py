"""SQLite's reads that take long: in a thread, not in the loop, and not for ever."""

import asyncio
import sqlite3
from time import monotonic

import pytest
from sqlalchemy import text

from engage_api.db import Query, Unavailable, sqlite_file
from engage_api.db.sqlite import Sqlite
from tests.db.tools import Gaps

# Counts to a number: a second or so for some ten million.
SLOW = Query(
    text("WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < :n) SELECT count(*) FROM c")
)


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


async def test_a_slow_read_leaves_the_loop_alone(database: Sqlite) -> None:
    """At once in a thread after 5 ms; nobody has to say so beforehand."""
    async with Gaps() as gaps:
        before = monotonic()
        [(counted,)] = await database.raw(SLOW, None, n=1_500_000)
        took = monotonic() - before
    assert (counted, await database.one(SLOW, None, n=100)) == (1_500_000, (100,))
    assert took > 0.05
    assert gaps.busiest < 0.03


async def test_a_first_row_may_be_slow_too(database: Sqlite) -> None:
    assert await database.one_raw(SLOW, None, n=1_000_000) == (1_000_000,)
    never = Query(text("SELECT 1 FROM item WHERE id = 'none' AND (SELECT count(*) FROM item a, item b, item c) >= 0"))
    assert await database.one(never, None) is None


async def test_a_slow_read_that_nobody_waits_for_ends(database: Sqlite) -> None:
    readers = [asyncio.create_task(database.raw(SLOW, None, n=10**12)) for _ in range(6)]  # two run, four wait
    await asyncio.sleep(0.1)
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    before = monotonic()
    assert (await database.raw(SLOW, None, n=500_000)) == [(500_000,)]
    assert monotonic() - before < 4  # those would have gone on until their time was up, 5 s from then


async def test_a_read_without_end_is_unavailable(database: Sqlite, monkeypatch: pytest.MonkeyPatch) -> None:
    """As PostgreSQL's statement_timeout has it."""
    monkeypatch.setattr(sqlite_file, "PATIENCE", 0.1)
    with pytest.raises(Unavailable, match="interrupted"):
        await database.raw(SLOW, None, n=10**12)


def test_errors_without_a_code_are_ours() -> None:
    with pytest.raises(sqlite3.ProgrammingError):
        sqlite_file.surface(sqlite3.ProgrammingError("no code"))
