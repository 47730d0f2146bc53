"""SQLite's file: full, locked by others, opened by many."""

import asyncio
import sqlite3
import sys
import threading
from pathlib import Path
from time import monotonic

import pytest

from engage_api.db import Unavailable, engine, sqlite_file
from engage_api.db.sqlite import Sqlite
from tests.db.schema import COUNT
from tests.db.tools import Gaps, W, ids, locked, seen, write


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


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


async def test_a_file_that_another_holds_is_waited_for_outside_the_loop(database: Sqlite, path: str) -> None:
    with locked(path) as other:
        writer = asyncio.create_task(write(database, "a"))
        async with Gaps() as gaps:
            await asyncio.sleep(0.3)
        assert not writer.done()
        assert await ids(database) == []  # readers do not wait
        other.execute("ROLLBACK")
        await writer
    assert await ids(database) == ["a"]
    assert gaps.longest < 1  # SQLite's own patience would keep the loop from letting go for 5 s


async def test_a_file_that_stays_locked_is_unavailable_to_all_who_wait(
    database: Sqlite, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All after the time that one waits, not one after the other."""
    with locked(path), monkeypatch.context() as patch:
        patch.setattr(engine, "PATIENCE", 0.2)
        before = monotonic()
        done = await asyncio.gather(*(write(database, f"{n}") for n in range(20)), return_exceptions=True)
        assert monotonic() - before < 2
    assert [type(one) for one in done] == [Unavailable] * 20
    await write(database, "a")
    assert await ids(database) == ["a"]


async def test_close_ends_the_wait_for_the_file(database: Sqlite, path: str) -> None:
    with locked(path):
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
