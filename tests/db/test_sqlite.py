"""SQLite's own half: the shared commit, the file that others lock, reads that are slow."""

import asyncio
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, Self

import pytest
from sqlalchemy import text

from engage_api.db import Query, Unavailable, engine, open_database, sqlite_file
from engage_api.db.sqlite import Sqlite, _Item
from tests.db.schema import ADD_SMALL, COUNT, IDS

W = {"workspace_id": "w"}
# Counts to a number: a second or so for some ten million.
SLOW = Query(
    text("WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < :n) SELECT count(*) FROM c")
)


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[Sqlite]:
    opened = await open_database(sqlite_url)
    assert isinstance(opened, Sqlite)
    yield opened
    await opened.close()


@pytest.fixture
def path(sqlite_url: str) -> str:
    return sqlite_url.removeprefix("sqlite:///")


async def write(database: Sqlite, *names: str) -> None:
    async with database.write("w") as tx:
        for name in names:
            await tx.run(ADD_SMALL, **W, id=name)


async def ids(database: Sqlite) -> list[str]:
    return [found.id for found in await database.fetch(IDS, "w", **W)]


def seen(path: str) -> list[str]:
    """What another process would see."""
    with sqlite3.connect(path) as connection:
        found = [name for (name,) in connection.execute("SELECT id FROM item ORDER BY id")]
    connection.close()
    return found


class Gaps:
    """How long the loop was kept from its other work, in seconds."""

    async def __aenter__(self) -> Self:
        self.longest = 0.0
        self._task = asyncio.create_task(self._look())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _look(self) -> None:
        while True:
            before = monotonic()
            await asyncio.sleep(0.001)
            self.longest = max(self.longest, monotonic() - before - 0.001)


class Statements:
    """What reached the writer."""

    def __init__(self, database: Sqlite) -> None:
        self.said: list[str] = []
        database._writer.set_trace_callback(self.said.append)

    def count(self, word: str) -> int:
        return sum(statement.startswith(word) for statement in self.said)


# ── profile ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_commits_reach_the_disk_and_foreign_keys_hold(database: Sqlite) -> None:
    for connection, only in ((database._writer, 0), (database._reader, 1)):
        said = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "query_only")
        }
        expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 0, "query_only": only}
        assert said == expected


# ── group commit ─────────────────────────────────────────────────────────────────────────────────────────────────────


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
    writers = [asyncio.create_task(write(database, name)) for name in "abc"]
    await asyncio.sleep(0.05)
    database._writer.execute("ROLLBACK")  # as SQLite does by itself when the disk fails
    held.go.set()
    done = await asyncio.gather(*writers, return_exceptions=True)
    assert [type(one) for one in done] == [Unavailable] * 3
    assert (seen(path), database.committed.is_set()) == ([], False)
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
    with pytest.raises(Unavailable), _Item(Spoiled(connection, "SAVEPOINT item"), None):  # type: ignore[arg-type]
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


# ── disk full ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_full_disk_keeps_what_was_acknowledged(database: Sqlite, path: str) -> None:
    full = database._writer.execute("PRAGMA page_count").fetchone()[0] + 60
    database._writer.execute(f"PRAGMA max_page_count={full}")
    done: list[str] = []

    async def fill(number: int) -> None:
        name = f"{number:04}" + "x" * 500
        await write(database, name)
        done.append(name)

    results = []
    for start in range(0, 640, 32):
        results += await asyncio.gather(*map(fill, range(start, start + 32)), return_exceptions=True)
    refused = [one for one in results if one is not None]
    assert {type(one) for one in refused} == {Unavailable}
    assert 32 < len(done) < 640
    assert seen(path) == sorted(done)
    assert (await database.one(COUNT, "w", **W)).n == len(done)
    database._writer.execute("PRAGMA max_page_count=1000000")
    await write(database, "z")
    assert seen(path) == sorted([*done, "z"])


# ── other processes ──────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def locked(path: str) -> Iterator[sqlite3.Connection]:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield other
    finally:
        other.close()


async def test_a_file_that_another_holds_is_waited_for_outside_the_loop(database: Sqlite) -> None:
    with locked(database_path(database)) as other:
        writer = asyncio.create_task(write(database, "a"))
        async with Gaps() as gaps:
            await asyncio.sleep(0.3)
        assert not writer.done()
        assert await ids(database) == []  # readers do not wait
        other.execute("ROLLBACK")
        await writer
    assert await ids(database) == ["a"]
    assert gaps.longest < 0.05


def database_path(database: Sqlite) -> str:
    [(_, _, path)] = database._reader.execute("PRAGMA database_list").fetchall()
    return str(path)


async def test_a_file_that_stays_locked_is_unavailable_to_all_who_wait(
    database: Sqlite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All after the time that one waits, not one after the other."""
    monkeypatch.setattr(engine, "PATIENCE", 0.2)
    with locked(database_path(database)):
        before = monotonic()
        done = await asyncio.gather(*(write(database, f"{n}") for n in range(20)), return_exceptions=True)
        assert monotonic() - before < 1
    assert [type(one) for one in done] == [Unavailable] * 20
    await write(database, "a")
    assert await ids(database) == ["a"]


async def test_close_ends_the_wait_for_the_file(database: Sqlite) -> None:
    with locked(database_path(database)):
        writer = asyncio.create_task(write(database, "a"))
        await asyncio.sleep(0.01)
        database._closed = True
        with pytest.raises(Unavailable, match="closed"):
            await writer
    database._closed = False


async def test_a_mistake_in_beginning_is_not_waited_out(database: Sqlite) -> None:
    database._writer.execute("BEGIN")
    with pytest.raises(sqlite3.OperationalError, match="within a transaction"):
        await write(database, "a")
    database._writer.execute("ROLLBACK")


async def test_a_read_that_meets_a_busy_file_waits_in_a_thread(
    database: Sqlite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As while another process recovers the log after a crash."""
    await write(database, "a")
    busy = sqlite3.OperationalError("database is locked")
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY_RECOVERY

    class Busy:
        def execute(self, *_: object) -> None:
            raise busy

        def close(self) -> None: ...

    reader = database._reader
    database._reader = Busy()  # type: ignore[assignment]
    assert await ids(database) == ["a"]
    assert await database.one(COUNT, "w", **W) == (1,)
    database._reader = reader


OPEN_AT_ONCE = """
import asyncio, sys
sys.path[:0] = [{root!r}]
from engage_api.db import open_database
from tests.db.schema import ADD_SMALL

async def main():
    database = await open_database({url!r})
    for number in range(50):
        async with database.write("w") as tx:
            await tx.run(ADD_SMALL, workspace_id="w", id=f"{{sys.argv[1]}}-{{number:02}}")
    await database.close()

asyncio.run(main())
"""


async def test_several_processes_share_a_file(database: Sqlite, sqlite_url: str, path: str) -> None:
    root = str(Path(__file__).parents[2])
    code = OPEN_AT_ONCE.format(root=root, url=sqlite_url)
    others = [await asyncio.create_subprocess_exec(sys.executable, "-c", code, name) for name in "abc"]
    await asyncio.gather(*(write(database, f"d-{number:02}") for number in range(50)))
    codes = await asyncio.gather(*(other.wait() for other in others))
    assert codes == [0, 0, 0]
    assert seen(path) == sorted(f"{name}-{number:02}" for name in "abcd" for number in range(50))


def test_a_new_file_may_be_opened_by_many_at_once(tmp_path: Path) -> None:
    path = str(tmp_path / "new.db")
    found: list[str] = []

    def work() -> None:
        connection = sqlite_file.connect(path)
        found.append(connection.execute("PRAGMA journal_mode").fetchone()[0])
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["wal"] * 16


def test_a_file_whose_mode_cannot_be_changed_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "PATIENCE", 0.05)
    path = tmp_path / "held.db"
    with locked(str(path)) as other:
        other.execute("CREATE TABLE t (n)")
        with pytest.raises(Unavailable, match="locked"):
            sqlite_file.connect(str(path))


# ── slow reads ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_slow_read_leaves_the_loop_alone(database: Sqlite) -> None:
    """At once in a thread after 5 ms; nobody has to say so beforehand."""
    async with Gaps() as gaps:
        before = monotonic()
        [(counted,)] = await database.raw(SLOW, None, n=1_500_000)
        took = monotonic() - before
    assert (counted, await database.one(SLOW, None, n=100)) == (1_500_000, (100,))
    assert took > 0.05
    assert gaps.longest < 0.05


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
    assert (await database.one(SLOW, None, n=1_000_000)) == (1_000_000,)
    assert monotonic() - before < 3


async def test_a_read_without_end_is_unavailable(database: Sqlite, monkeypatch: pytest.MonkeyPatch) -> None:
    """As PostgreSQL's statement_timeout has it."""
    monkeypatch.setattr(sqlite_file, "PATIENCE", 0.1)
    with pytest.raises(Unavailable, match="interrupted"):
        await database.raw(SLOW, None, n=10**12)


def test_errors_without_a_code_are_ours() -> None:
    with pytest.raises(sqlite3.ProgrammingError):
        sqlite_file.surface(sqlite3.ProgrammingError("no code"))
