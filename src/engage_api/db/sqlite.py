"""SQLite: one writer whose transactions share a commit, readers beside it, nothing slow in the loop."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, nullcontext
from time import monotonic
from typing import Any, Literal, Self

from engage_api.db.engine import patience
from engage_api.db.errors import Unavailable
from engage_api.db.pulse import SHARED, Pulse, Topic
from engage_api.db.sql import Query
from engage_api.db.sqlite_file import BUSY, Scans, connect, surface
from engage_api.db.sqlite_transaction import Late, Savepoint, SqliteTransaction, Turn
from engage_api.db.world import entered, has_world

BUDGET = 0.005  # seconds that a read may take in the loop before it moves to a thread
AT_ONCE = 50  # late statements of some 20 µs between two looks at the loop
LOOK = 0.05  # seconds between two looks at what other processes did to the file
STEPS = 2000  # of SQLite's virtual machine between two looks at the clock: some 50 µs


class Sqlite:
    """One file, opened inside a running loop. Several processes may open the same file.

    Writers take turns, first come first served, each in its own savepoint of one shared transaction. Its COMMIT runs
    in a thread, behind everyone who waits when the group begins, so that one sync of the disk serves them all. Nobody
    is told "done" before that commit. When it fails, the group is undone whole and each writer meets Unavailable.

    Reads run in the loop while they are quick, and again in a thread when they are not: nobody has to know beforehand.
    """

    dialect: Literal["sqlite"] = "sqlite"

    def __init__(self, path: str, *, group_commit: bool = True) -> None:
        self.pulse = Pulse(self._watch)
        self._writer = connect(path)
        self._reader = connect(path, query_only=True)
        self._reader.set_progress_handler(lambda: monotonic() > self._until, STEPS)
        self._until = 0.0
        self._scans = Scans(path)
        self._turn = Turn()
        self._group: asyncio.Task[None] | None = None
        self._late: list[Late] = []  # what the group does just before its commit
        self._rings: set[Topic] = set()  # and whom it wakes after it
        self._owner: asyncio.Task[Any] | None = None
        self._commits = ThreadPoolExecutor(1, "commit")
        # Without group commit a writer keeps all others out until its own commit is done.
        self._alone = None if group_commit else Turn()
        self._closed = False

    @property
    def system(self) -> Self:
        return self

    @property
    def aside(self) -> Self:
        return self

    async def fetch(self, query: Query, wall: str | None, /, **values: Any) -> list[Any]:
        return query.sqlite.rows(await self.raw(query, wall, **values))

    async def one(self, query: Query, wall: str | None, /, **values: Any) -> Any:
        raw = await self.one_raw(query, wall, **values)
        return None if raw is None else query.sqlite.row(raw)

    async def raw(self, query: Query, _wall: str | None, /, **values: Any) -> list[Any]:
        sql, arguments = query.sqlite.sql, query.sqlite.arguments(values)
        if self._owner is not None:
            self._refuse_owner()
        self._until = monotonic() + BUDGET
        try:
            return self._reader.execute(sql, arguments).fetchall()
        except sqlite3.Error as error:
            return await self._again(error, sql, arguments)

    async def one_raw(self, query: Query, _wall: str | None, /, **values: Any) -> Any:
        sql, arguments = query.sqlite.sql, query.sqlite.arguments(values)
        if self._owner is not None:
            self._refuse_owner()
        self._until = monotonic() + BUDGET
        try:
            return self._reader.execute(sql, arguments).fetchone()
        except sqlite3.Error as error:
            rows = await self._again(error, sql, arguments)
            return rows[0] if rows else None

    async def _again(self, error: sqlite3.Error, sql: str, arguments: list[Any]) -> list[Any]:
        """In a thread, which may take its time: the budget is spent, or another process recovers the file."""
        if self._closed:
            raise Unavailable("the database is closed") from error
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in {sqlite3.SQLITE_INTERRUPT, BUSY}:
            surface(error)
        return await self._scans.fetch(sql, arguments)

    @asynccontextmanager
    async def write(self, wall: str | None, /) -> AsyncIterator[SqliteTransaction]:
        self._refuse_owner()
        async with self._alone or nullcontext():
            async with patience("a transaction"), self._turn:
                self._owner = asyncio.current_task()
                try:
                    group = await self._join()
                    with Savepoint(self._writer, wall, self._alone or self._turn) as tx:
                        if has_world(wall):
                            async with entered(tx):
                                yield tx
                        else:
                            yield tx
                    self._late += tx.later
                    self._rings |= tx.rings
                finally:
                    self._owner = None
            await self._turn.wait(group)

    async def _join(self) -> "asyncio.Task[None]":
        """The group that is open, or a new one. Its commit queues behind everyone who waits by now."""
        if self._group is None:
            await self._begin()
            self._group = asyncio.create_task(self._commit())
            # Its writers may all be gone by then, and an exception that nobody took is a warning.
            self._group.add_done_callback(lambda done: done.cancelled() or done.exception())
        if not self._writer.in_transaction:  # SQLite undid the whole group: disk full, I/O error
            raise Unavailable("the transaction that this write shared has failed")
        return self._group

    async def _begin(self) -> None:
        """Take the file's write lock. Another process may hold it: ask again, never wait inside SQLite."""
        while not self._closed:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != BUSY:
                    surface(error)
            await asyncio.sleep(0.001)
        raise Unavailable("the database is closed")

    async def _commit(self) -> None:
        async with self._turn.lock:
            late, rings = self._late, self._rings
            self._group, self._late, self._rings = None, [], set()
            try:
                await self._do_late(late)
                # Never Connection.commit(): without a transaction it succeeds and says nothing.
                await asyncio.get_running_loop().run_in_executor(self._commits, self._writer.execute, "COMMIT")
            except sqlite3.Error as error:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise Unavailable("the commit failed, nothing of it is kept") from error
        self.pulse.ring("commit", *rings)

    async def _do_late(self, late: list[Late]) -> None:
        """FTS5 writes its index at every savepoint, so words wait for the end: now it does so once for all of them.

        In the loop, because a thread would have to ask for the interpreter's lock after every statement.
        """
        for number, (sql, arguments) in enumerate(late, 1):
            if not self._writer.in_transaction:  # SQLite undid the group; the statement would be kept by itself
                return
            self._writer.execute(sql, arguments)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _watch(self, pulse: Pulse, stop: asyncio.Event) -> None:
        """Whether another process has committed shows at the writer's connection, whose own commits do not count."""
        last = None
        with pulse.hear(stop=stop) as ear:
            while not stop.is_set():
                if pulse.heard and (version := await self._version()) != last:
                    last = version
                    pulse.ring(*SHARED)
                await ear.wait(LOOK)

    async def _version(self) -> int | None:
        async with self._turn.lock:
            try:
                (version,) = self._writer.execute("PRAGMA data_version").fetchone()
            except sqlite3.Error:  # closed, or another process recovers the file
                return None
            return int(version)

    def _refuse_owner(self) -> None:
        if self._owner is not None and self._owner is asyncio.current_task():
            raise RuntimeError("inside write(): use its transaction")

    async def close(self) -> None:
        """After the commit that is under way."""
        async with self._turn.lock:
            self._closed = True
            self._commits.shutdown()
            self._scans.close()
            self._reader.close()
            self._writer.close()
