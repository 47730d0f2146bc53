"""PostgreSQL: asyncpg, statements prepared once per connection, one round trip a read."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, Literal

import asyncpg

from engage_api.db.engine import patience
from engage_api.db.errors import Unavailable
from engage_api.db.postgres_session import LOST, Session, is_lost, open_session, surface
from engage_api.db.sql import Query

APP, SYSTEM = "engage_app", "engage_system"  # roles: behind row-level security, and across all workspaces
SET_WALL = "SELECT set_config('app.workspace', $1, false)"

Method = Callable[..., Awaitable[Any]]


class Postgres:
    """Connections wait in a plain list, last used first; asyncpg's own pool costs as much again as a read by id.

    Each keeps the workspace that it was last used for (`app.workspace`, which row-level security compares). A checkout
    prefers a connection that is there already and sets another; this is the only door, so none is ever handed out under
    a foreign wall. A connection found dead is replaced and a read asked again, once; a write only before its first
    statement.
    """

    dialect: Literal["postgresql"] = "postgresql"

    def __init__(self, url: str, role: str = APP, size: int = 8) -> None:
        self.committed = asyncio.Event()
        self.system: Postgres = self if role == SYSTEM else Postgres(url, SYSTEM, 3)
        self._url = url
        self._role = role
        self._free = asyncio.Semaphore(size)
        self._idle: list[Session] = []
        self._writers: set[asyncio.Task[Any] | None] = set()
        self._closed = False

    # ── reads ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def fetch(self, query: Query, wall: str | None, /, **values: Any) -> list[Any]:
        plan = query.postgres
        return plan.rows(await self._read(asyncpg.Connection.fetch, wall, plan.sql, plan.arguments(values)))

    async def one(self, query: Query, wall: str | None, /, **values: Any) -> Any:
        plan = query.postgres
        raw = await self._read(asyncpg.Connection.fetchrow, wall, plan.sql, plan.arguments(values))
        return None if raw is None else plan.row(raw)

    async def raw(self, query: Query, wall: str | None, /, **values: Any) -> list[Any]:
        plan = query.postgres
        rows: list[Any] = await self._read(asyncpg.Connection.fetch, wall, plan.sql, plan.arguments(values))
        return rows

    async def one_raw(self, query: Query, wall: str | None, /, **values: Any) -> Any:
        plan = query.postgres
        return await self._read(asyncpg.Connection.fetchrow, wall, plan.sql, plan.arguments(values))

    async def _read(self, method: Method, wall: str | None, sql: str, arguments: list[Any]) -> Any:
        session = await self._take(wall)
        try:
            try:
                return await method(session.connection, sql, *arguments)
            except Exception as error:  # noqa: BLE001  # `surface` raises it again
                if not is_lost(error, session):
                    surface(error, session)
            session = await self._replace(session)
            try:
                return await method(session.connection, sql, *arguments)
            except Exception as error:  # noqa: BLE001  # `surface` raises it again
                surface(error, session)
        finally:
            self._give(session)

    # ── writes ───────────────────────────────────────────────────────────────────────────────────────────────────────

    @asynccontextmanager
    async def write(self, wall: str | None, /) -> AsyncIterator["PostgresTransaction"]:
        session = await self._begin(wall)
        writer = asyncio.current_task()
        self._writers.add(writer)
        tx = PostgresTransaction(session, wall)
        try:
            async with patience("a transaction"):
                yield tx
            if tx.failure is not None:
                raise tx.failure
        except BaseException:
            await self._end(session, "ROLLBACK")
            raise
        else:
            await self._end(session, "COMMIT")
        finally:
            tx.over = True
            self._writers.discard(writer)

    async def _begin(self, wall: str | None) -> Session:
        session = await self._take(wall)
        try:
            try:
                await session.connection.execute("BEGIN")
            except Exception as error:  # noqa: BLE001  # `surface` raises it again
                if not is_lost(error, session):
                    surface(error, session)
                session = await self._replace(session)
                await session.connection.execute("BEGIN")
        except BaseException as error:
            self._give(session)
            if isinstance(error, Exception):
                surface(error, session)
            raise
        return session

    async def _end(self, session: Session, word: str) -> None:
        """In a task of its own: whoever is cancelled meanwhile leaves a connection that is at rest."""
        task = asyncio.create_task(self._finish(session, word))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.shield(task)

    async def _finish(self, session: Session, word: str) -> None:
        try:
            said = await session.connection.execute(word)
        except Exception as error:  # noqa: BLE001  # `surface` raises it again
            if word == "COMMIT":
                surface(error, session)
        else:
            if said != word:  # COMMIT of a failed transaction answers ROLLBACK and no error
                raise Unavailable("the server undid the transaction")
            if word == "COMMIT":
                self.committed.set()
        finally:
            self._give(session)

    # ── checkout ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _take(self, wall: str | None) -> Session:
        if self._writers and asyncio.current_task() in self._writers:
            raise RuntimeError("inside write(): use its transaction")
        if self._free.locked():
            async with patience("waiting for a connection"):
                await self._free.acquire()
        else:
            await self._free.acquire()
        try:
            return await self._at(wall or "")
        except BaseException:
            self._free.release()
            raise

    async def _at(self, wall: str) -> Session:
        """A connection at this wall: one that is there, one that is moved there, or a new one."""
        if self._closed:
            raise Unavailable("the database is closed")
        idle = self._idle
        for at in range(len(idle) - 1, -1, -1):
            if idle[at].wall == wall:
                session = idle.pop(at)
                if not session.connection.is_closed():
                    return session
        while idle:
            session = idle.pop(0)  # the one unused for longest: the others' walls may be asked for again soon
            if session.connection.is_closed():
                continue
            try:
                await session.connection.fetchval(SET_WALL, wall)
            except BaseException as error:
                session.connection.terminate()  # nobody knows where it stands
                if not is_lost(error, session):
                    raise
                break
            session.wall = wall
            return session
        return await open_session(self._url, self._role, wall)

    async def _replace(self, session: Session) -> Session:
        """A new connection for one that is dead. The others may be dead too, and would be found one by one."""
        session.connection.terminate()
        return await open_session(self._url, self._role, session.wall)

    def _give(self, session: Session) -> None:
        connection = session.connection
        if self._closed or connection.is_closed() or connection.is_in_transaction():
            connection.terminate()
        else:
            self._idle.append(session)
        self._free.release()

    async def close(self) -> None:
        """Closes what is idle; a connection in use goes when it is given back."""
        self._closed = True
        idle, self._idle = self._idle, []
        for session in idle:
            try:
                await session.connection.close(timeout=1)
            except (TimeoutError, *LOST):
                session.connection.terminate()
        if self.system is not self:
            await self.system.close()


class PostgresTransaction:
    """One transaction on one connection."""

    __slots__ = ("_session", "failure", "over", "wall")

    dialect: Literal["postgresql"] = "postgresql"

    def __init__(self, session: Session, wall: str | None) -> None:
        self.wall = wall
        self.failure: BaseException | None = None
        self.over = False
        self._session = session

    async def fetch(self, query: Query, /, **values: Any) -> list[Any]:
        plan = query.postgres
        return plan.rows(await self._do(asyncpg.Connection.fetch, plan.sql, *plan.arguments(values)))

    async def one(self, query: Query, /, **values: Any) -> Any:
        plan = query.postgres
        raw = await self._do(asyncpg.Connection.fetchrow, plan.sql, *plan.arguments(values))
        return None if raw is None else plan.row(raw)

    async def run(self, query: Query, /, **values: Any) -> int:
        plan = query.postgres
        said = await self._do(asyncpg.Connection.execute, plan.sql, *plan.arguments(values))  # "UPDATE 3"
        return int(said.rpartition(" ")[2])

    async def many(self, query: Query, several: Iterable[dict[str, Any]], /) -> None:
        plan = query.postgres
        await self._do(asyncpg.Connection.executemany, plan.sql, [plan.arguments(values) for values in several])

    async def _do(self, method: Method, *arguments: Any) -> Any:
        if self.over or self.failure is not None:
            raise RuntimeError("the transaction is over") from self.failure
        try:
            return await method(self._session.connection, *arguments)
        except BaseException as error:  # noqa: BLE001  # `surface` raises it again
            self.failure = error
            try:
                surface(error, self._session)
            except Exception as known:
                self.failure = known
                raise
