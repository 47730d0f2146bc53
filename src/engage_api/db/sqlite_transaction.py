"""One writer's part of a shared transaction: a savepoint, and what is to be done at its end."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from typing import Any, Literal

from engage_api.db.errors import Conflict, Unavailable
from engage_api.db.pulse import Topic
from engage_api.db.sql import Query
from engage_api.db.sqlite_file import surface

Late = tuple[str, list[Any]]  # a statement and its parameters


class Turn:
    """Whoever holds its lock is alone with the writer; entered by those who write, of whom it knows how many wait."""

    __slots__ = ("lock", "queue")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.queue = 0

    async def __aenter__(self) -> None:
        self.queue += 1
        try:
            await self.lock.acquire()
        finally:
            self.queue -= 1

    async def __aexit__(self, *_: object) -> None:
        self.lock.release()

    async def wait(self, commit: "asyncio.Task[None]") -> None:
        """For the commit of what is written: it comes when all have had their turn who wait by then."""
        self.queue += 1
        try:
            await asyncio.shield(commit)
        finally:
            self.queue -= 1


class SqliteTransaction:
    """One savepoint of the shared transaction."""

    __slots__ = ("_connection", "_turn", "failure", "later", "over", "rings", "wall")

    dialect: Literal["sqlite"] = "sqlite"
    waiting = None

    def __init__(self, connection: sqlite3.Connection, wall: str | None, turn: Turn) -> None:
        self.wall = wall
        self.later: list[Late] = []
        self.rings: set[Topic] = set()
        self.failure: BaseException | None = None
        self.over = False
        self._connection = connection
        self._turn = turn

    @property
    def in_the_way(self) -> bool:
        return self._turn.queue > 0

    async def fetch(self, query: Query, /, **values: Any) -> list[Any]:
        return query.sqlite.rows(self._execute(query, values).fetchall())

    async def one(self, query: Query, /, **values: Any) -> Any:
        raws = self._execute(query, values).fetchall()  # all: a RETURNING that is left half-way stays open
        return query.sqlite.row(raws[0]) if raws else None

    async def run(self, query: Query, /, **values: Any) -> int:
        return self._execute(query, values).rowcount

    async def many(self, query: Query, several: Iterable[dict[str, Any]], /) -> None:
        plan = query.sqlite
        self._do(self._connection.executemany, plan.sql, [plan.arguments(values) for values in several])

    async def late(self, query: Query, /, **values: Any) -> None:
        self._refuse_end()
        self.later.append((query.sqlite.sql, query.sqlite.arguments(values)))

    async def ring(self, topic: Topic) -> None:
        self._refuse_end()
        self.rings.add(topic)

    def _execute(self, query: Query, values: dict[str, Any]) -> sqlite3.Cursor:
        return self._do(self._connection.execute, query.sqlite.sql, query.sqlite.arguments(values))

    def _do(self, method: Callable[[str, list[Any]], sqlite3.Cursor], sql: str, arguments: list[Any]) -> sqlite3.Cursor:
        self._refuse_end()
        if not self._connection.in_transaction:  # SQLite undid the group; the statement would be kept by itself
            self.failure = Unavailable("the transaction that this write shared has failed")
            raise self.failure
        try:
            return method(sql, arguments)
        except Exception as error:  # noqa: BLE001  # `surface` raises it again, or what it means
            self.failure = error
            try:
                surface(error)
            except (Conflict, Unavailable) as known:
                self.failure = known
                raise

    def _refuse_end(self) -> None:
        if self.over or self.failure is not None:
            raise RuntimeError("the transaction is over") from self.failure


class Savepoint:
    """A savepoint around one writer's work. Without a transaction nothing is left to undo, and its COMMIT will fail."""

    __slots__ = ("_connection", "_tx")

    def __init__(self, connection: sqlite3.Connection, wall: str | None, turn: Turn) -> None:
        self._connection = connection
        self._tx = SqliteTransaction(connection, wall, turn)

    def __enter__(self) -> SqliteTransaction:
        self._do("SAVEPOINT item")
        return self._tx

    def __exit__(self, kind: object, *_: object) -> None:
        self._tx.over = True
        failure = self._tx.failure
        if self._connection.in_transaction:
            if kind is not None or failure is not None:
                self._do("ROLLBACK TO item")
            self._do("RELEASE item")
        if kind is None and failure is not None:
            raise failure

    def _do(self, statement: str) -> None:
        try:
            self._connection.execute(statement)
        except sqlite3.Error as error:  # nobody knows what is left of the group: let its commit fail
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise Unavailable(str(error)) from error
