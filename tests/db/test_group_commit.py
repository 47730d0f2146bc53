"""SQLite's shared commit: who waits together is kept together, and is told only then."""

import asyncio
import sqlite3
import threading
from concurrent.futures import Future
from typing import Any

import pytest

from engage_api.db import Unavailable, open_database
from engage_api.db.sqlite import Sqlite
from engage_api.db.sqlite_transaction import Savepoint, Turn
from tests.db.schema import ADD_SMALL
from tests.db.tools import W, ids, seen, write


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


class Statements:
    """What reached the writer."""

    def __init__(self, database: Sqlite) -> None:
        self.said: list[str] = []
        database._writer.set_trace_callback(self.said.append)

    def count(self, word: str) -> int:
        return sum(statement.startswith(word) for statement in self.said)


async def test_commits_reach_the_disk_and_foreign_keys_hold(database: Sqlite) -> None:
    for connection, only in ((database._writer, 0), (database._reader, 1)):
        said = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "query_only")
        }
        expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 0, "query_only": only}
        assert said == expected


async def test_writers_who_wait_together_share_one_commit(database: Sqlite) -> None:
    said = Statements(database)
    await asyncio.gather(*(write(database, f"{number}") for number in range(32)))
    assert (said.count("BEGIN"), said.count("SAVEPOINT"), said.count("COMMIT")) == (1, 32, 1)
    assert len(await ids(database)) == 32


async def test_without_group_commit_each_has_its_own(sqlite_url: str) -> None:
    database = await open_database(sqlite_url, group_commit=False)
    assert isinstance(database, Sqlite)
    said = Statements(database)
    await asyncio.gather(*(write(database, f"{number}") for number in range(8)))
    assert (said.count("BEGIN"), said.count("COMMIT")) == (8, 8)
    await database.close()


@pytest.mark.parametrize("group_commit", [True, False])
async def test_who_writes_knows_whether_others_wait(sqlite_url: str, *, group_commit: bool) -> None:
    database = await open_database(sqlite_url, group_commit=group_commit)
    async with database.write("w") as tx:
        await asyncio.sleep(0.01)  # the commit of its own group waits by now, and is nobody
        known = [tx.in_the_way]
        other = asyncio.create_task(write(database, "other"))
        await asyncio.sleep(0.01)
        known.append(tx.in_the_way)
        other.cancel()
        await asyncio.sleep(0.01)
        known.append(tx.in_the_way)
    assert known == [False, True, False]
    await database.close()


async def test_whoever_waits_for_a_commit_waits_too(database: Sqlite) -> None:
    """The commit comes when all have had their turn who came before it: the last of them keeps the first waiting."""
    begun = asyncio.Event()

    async def first() -> None:
        async with database.write("w"):
            begun.set()
            await asyncio.sleep(0.01)

    async def second() -> bool:
        await begun.wait()
        async with database.write("w") as tx:
            await asyncio.sleep(0.01)
            return tx.in_the_way

    _, kept_waiting = await asyncio.gather(first(), second())
    assert kept_waiting


async def test_writers_take_turns_in_the_order_they_came(database: Sqlite) -> None:
    order: list[int] = []

    async def turn(number: int) -> None:
        async with database.write("w"):
            order.append(number)
            await asyncio.sleep(0)

    await asyncio.gather(*map(turn, range(20)))
    assert order == list(range(20))


class Held:
    """Stands in for the thread that commits: nothing happens until it is let go."""

    def __init__(self, database: Sqlite) -> None:
        self.go = threading.Event()
        self._threads = database._commits
        database._commits = self  # type: ignore[assignment]

    def submit(self, work: Any, *arguments: Any) -> "Future[Any]":
        def later() -> Any:
            self.go.wait(5)
            return work(*arguments)

        return self._threads.submit(later)

    def shutdown(self) -> None:
        self._threads.shutdown()


async def acknowledged_too_early(database: Sqlite, path: str) -> bool:
    """Whether a writer was told "done" while another process could not see its row yet."""
    held = Held(database)
    writer = asyncio.create_task(write(database, "a"))
    done, _ = await asyncio.wait({writer}, timeout=0.1)
    assert seen(path) == []
    held.go.set()
    await writer
    async with asyncio.timeout(5):
        while seen(path) != ["a"]:  # noqa: ASYNC110  # another process tells nobody
            await asyncio.sleep(0.01)
    return bool(done)


async def test_nobody_is_told_before_the_commit(database: Sqlite, path: str) -> None:
    assert not await acknowledged_too_early(database, path)


async def test_an_acknowledgement_before_the_commit_would_be_noticed(
    database: Sqlite, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted fault: writers do not wait for their group."""

    async def at_once(_: object) -> None: ...

    monkeypatch.setattr(asyncio, "shield", at_once)
    assert await acknowledged_too_early(database, path)


async def test_a_commit_that_fails_is_told_to_its_whole_group(database: Sqlite, path: str) -> None:
    held = Held(database)
    with database.pulse.hear("commit") as ear:
        writers = [asyncio.create_task(write(database, name)) for name in "abc"]
        await asyncio.sleep(0.05)
        database._writer.execute("ROLLBACK")  # as SQLite does by itself when the disk fails
        held.go.set()
        done = await asyncio.gather(*writers, return_exceptions=True)
        assert [type(one) for one in done] == [Unavailable] * 3
        assert (seen(path), await ear.wait(0)) == ([], False)
    await write(database, "d")
    assert seen(path) == ["d"]


class Spoiled:
    """A connection of which one statement fails."""

    def __init__(self, connection: sqlite3.Connection, statement: str) -> None:
        self._connection = connection
        self._statement = statement

    def execute(self, statement: str, *arguments: Any) -> sqlite3.Cursor:
        if statement == self._statement:
            raise sqlite3.OperationalError("disk I/O error")
        return self._connection.execute(statement, *arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@pytest.mark.parametrize("statement", ["COMMIT", "SAVEPOINT item", "RELEASE item", "ROLLBACK TO item"])
async def test_a_statement_of_ours_that_fails_undoes_the_group(database: Sqlite, path: str, statement: str) -> None:
    whole = database._writer
    database._writer = Spoiled(whole, statement)  # type: ignore[assignment]

    async def fail() -> None:
        async with database.write("w") as tx:
            await tx.run(ADD_SMALL, **W, id="b")
            raise LookupError

    writers = [write(database, "a"), fail() if statement.startswith("ROLLBACK") else write(database, "c")]
    done = await asyncio.gather(*writers, return_exceptions=True)
    assert [type(one) for one in done] == [Unavailable, Unavailable]
    assert not whole.in_transaction
    database._writer = whole
    await write(database, "d")
    assert seen(path) == ["d"]


def test_a_savepoint_that_fails_with_nothing_open_is_unavailable() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    with pytest.raises(Unavailable), Savepoint(Spoiled(connection, "SAVEPOINT item"), None, Turn()):  # type: ignore[arg-type]
        pass
    connection.close()


async def test_whoever_joins_a_group_that_is_lost_is_told(database: Sqlite) -> None:
    told = asyncio.Event()

    async def first() -> None:
        async with database.write("w") as tx:
            await tx.run(ADD_SMALL, **W, id="a")
            database._writer.execute("ROLLBACK")
            told.set()

    async def second() -> None:
        await told.wait()
        async with database.write("w"):
            pytest.fail("there is no transaction to write in")

    done = await asyncio.gather(first(), second(), return_exceptions=True)
    assert [type(one) for one in done] == [Unavailable, Unavailable]
    assert await ids(database) == []


async def test_a_statement_after_sqlite_undid_the_group_does_not_commit_by_itself(database: Sqlite, path: str) -> None:
    """Outside a transaction a statement would be kept at once, whatever the block ends with."""

    async def fail() -> None:
        async with database.write("w") as tx:
            database._writer.execute("ROLLBACK")
            await tx.run(ADD_SMALL, **W, id="a")

    with pytest.raises(Unavailable):
        await fail()
    assert seen(path) == []
