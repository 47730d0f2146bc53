"""PostgreSQL: asyncpg, statements prepared once per connection, one round trip a read."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from time import monotonic
from typing import Any, Literal

import asyncpg

from engage_api.db.engine import PATIENCE, patience
from engage_api.db.errors import Unavailable
from engage_api.db.postgres_checkout import Checkout
from engage_api.db.postgres_pulse import CHANNEL, NOTIFY, Line
from engage_api.db.postgres_session import Session, is_lost, open_session, surface
from engage_api.db.pulse import Pulse, Topic
from engage_api.db.sql import Query
from engage_api.db.world import entered, has_world

ANEW = 1.0  # seconds that plans are kept where somebody writes
APP, SYSTEM = "engage_app", "engage_system"  # roles: behind row-level security, and across all workspaces

Method = Callable[..., Awaitable[Any]]


class Postgres:
    """Reads take one round trip on a connection that stands at the caller's wall; a write has it for one transaction.

    A connection found dead is replaced and a read asked again, once; a write only before its first statement.
    """

    dialect: Literal["postgresql"] = "postgresql"

    def __init__(self, url: str, role: str = APP, size: int = 8, first: "Postgres | None" = None) -> None:
        self.system: Postgres = self if role == SYSTEM else Postgres(url, SYSTEM, 3)
        first = first or (None if self.system is self else self.system)
        self._line: Line = Line(partial(open_session, url, role, "")) if first is None else first._line  # noqa: SLF001
        self.pulse: Pulse = Pulse(self._line.listen) if first is None else first.pulse
        self._checkout = Checkout(url, role, size)
        self._writers: set[asyncio.Task[Any] | None] = set() if first is None else first._writers  # noqa: SLF001
        self.aside: Postgres = self if role == SYSTEM else Postgres(url, SYSTEM, 2, first=self.system)

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
        session = await self._take(wall or "")
        try:
            try:
                return await method(session.connection, sql, *arguments)
            except Exception as error:  # noqa: BLE001  # `surface` raises it again
                if not is_lost(error, session):
                    surface(error, session)
            session = await self._checkout.replace(session)
            try:
                return await method(session.connection, sql, *arguments)
            except Exception as error:  # noqa: BLE001  # `surface` raises it again
                surface(error, session)
        finally:
            self._checkout.give(session)

    # ── writes ───────────────────────────────────────────────────────────────────────────────────────────────────────

    @asynccontextmanager
    async def write(self, wall: str | None, /) -> AsyncIterator["PostgresTransaction"]:
        session = await self._begin(wall or "")
        writer = asyncio.current_task()
        self._writers.add(writer)
        tx = PostgresTransaction(session, wall, self._line)
        try:
            async with patience("a transaction"):
                if has_world(wall):
                    async with entered(tx):
                        yield tx
                else:
                    yield tx
            if tx.failure is not None:
                raise tx.failure
        except BaseException:
            tx.over = True
            await self._end(tx, "ROLLBACK")
            raise
        else:
            tx.over = True
            await self._end(tx, "COMMIT")
        finally:
            self._writers.discard(writer)

    async def _begin(self, wall: str) -> Session:
        session = await self._take(wall)
        try:
            try:
                await session.connection.execute(_first_word(session))
            except Exception as error:  # noqa: BLE001  # `surface` raises it again
                if not is_lost(error, session):
                    surface(error, session)
                session = await self._checkout.replace(session)
                await session.connection.execute("BEGIN")
        except BaseException as error:
            session.connection.terminate()  # a BEGIN that was cancelled may still have been heard
            self._checkout.give(session)
            if isinstance(error, Exception):
                surface(error, session)
            raise
        session.until += 2 * PATIENCE  # for the work, and for the end of it
        return session

    async def _end(self, tx: "PostgresTransaction", word: str) -> None:
        """In a task of its own: whoever is cancelled meanwhile leaves a connection that is at rest."""
        task = asyncio.create_task(self._finish(tx, word))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.shield(task)

    async def _finish(self, tx: "PostgresTransaction", word: str) -> None:
        session = tx.session
        try:
            said = await session.connection.execute(word)
        except Exception as error:  # noqa: BLE001  # `surface` raises it again
            session.connection.terminate()  # nobody knows in what state it is
            if word == "COMMIT":
                surface(error, session)
        else:
            if said != word:  # COMMIT of a failed transaction answers ROLLBACK and no error
                raise Unavailable("the server undid the transaction")
            if word == "COMMIT":
                self.pulse.ring("commit", *tx.rings)
        finally:
            self._checkout.give(session)

    async def close(self) -> None:
        await self._checkout.close()
        if self.system is not self:
            await self.aside.close()
            await self.system.close()

    async def _take(self, wall: str) -> Session:
        if self._writers and asyncio.current_task() in self._writers:
            raise RuntimeError("inside write(): use its transaction")
        return self._checkout.ready(wall) or await self._checkout.take(wall)


def _first_word(session: Session) -> str:
    """How a transaction begins: with plans that are not old.

    With a few rows in a table, or none, each index that has the workspace costs the same, so PostgreSQL may keep a plan
    that takes another than the unique one, also for its own looks at what refers to a row, and walks through a whole
    workspace every time. It thinks again when it has counted the rows, a minute after they came: they can be many.
    """
    now = monotonic()
    if now < session.planned + ANEW:
        return "BEGIN"
    session.planned = now
    return "BEGIN; DISCARD PLANS"


class PostgresTransaction:
    """One transaction on one connection."""

    __slots__ = ("_line", "failure", "over", "rings", "session", "wall")

    dialect: Literal["postgresql"] = "postgresql"
    waiting = None
    in_the_way = False

    def __init__(self, session: Session, wall: str | None, line: Line) -> None:
        self.wall = wall
        self.session = session
        self.rings: set[Topic] = set()
        self.failure: BaseException | None = None
        self.over = False
        self._line = line

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

    async def late(self, query: Query, /, **values: Any) -> None:
        await self.run(query, **values)

    async def ring(self, topic: Topic) -> None:
        if topic not in self.rings:
            self.rings.add(topic)
            await self._do(asyncpg.Connection.fetchval, NOTIFY, CHANNEL, self._line.words(topic))

    async def _do(self, method: Method, *arguments: Any) -> Any:
        if self.over or self.failure is not None:
            raise RuntimeError("the transaction is over") from self.failure
        try:
            return await method(self.session.connection, *arguments)
        except BaseException as error:  # noqa: BLE001  # `surface` raises it again
            self.failure = error
            try:
                surface(error, self.session)
            except Exception as known:
                self.failure = known
                raise
