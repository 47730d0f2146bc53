"""The two doors of `db/` as their users see them, whichever database stands behind."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Literal, Protocol

from engage_api.db.errors import Unavailable
from engage_api.db.pulse import Pulse, Topic
from engage_api.db.sql import Query

Dialect = Literal["sqlite", "postgresql"]

PATIENCE = 5.0  # seconds: for a turn or a connection, and for one transaction's own work


class Transaction(Protocol):
    """Reads its own writes; nobody else sees them before the commit.

    Conflict when a constraint refuses, Unavailable when the database cannot. After either the transaction is lost: a
    further statement raises RuntimeError, and leaving the block as if nothing had happened raises the first error
    again. Where a row may exist already, say so in the statement (`ON CONFLICT DO NOTHING`) and look at the row count.
    """

    @property
    def dialect(self) -> Dialect: ...
    @property
    def wall(self) -> str | None: ...
    @property
    def failure(self) -> BaseException | None: ...
    @property
    def in_the_way(self) -> bool:
        """Whether others of this process wait for it to end: on SQLite, where one writes at a time."""
        ...

    @property
    def waiting(self) -> "Waiting | None":
        """Where resources and events wait to be written together, if they do (`db/batch`)."""
        ...

    async def fetch(self, query: Query, /, **values: Any) -> list[Any]: ...
    async def one(self, query: Query, /, **values: Any) -> Any: ...
    async def run(self, query: Query, /, **values: Any) -> int:
        """Rows changed."""
        ...

    async def many(self, query: Query, several: Iterable[dict[str, Any]], /) -> None:
        """The statement once for each set of values, in one go."""
        ...

    async def late(self, query: Query, /, **values: Any) -> None:
        """Part of the transaction, but done just before the commit: for what nobody reads inside a transaction."""
        ...

    async def ring(self, topic: Topic) -> None:
        """After the commit, and only then, wake those who wait for this: here and in the other processes."""
        ...


class Waiting(Protocol):
    """What the funnel leaves to be written later, and finds again."""

    def put(self, kind: Any, was: Any, now: Any, values: dict[str, Any], /) -> None: ...
    def tell(self, line: dict[str, Any], /) -> None: ...
    def find(self, kind: Any, row_id: str, /) -> Any: ...
    def knows(self, row_id: str, /) -> bool: ...
    async def has_any(self, kind: Any, filters: Mapping[str, Any], /) -> bool: ...
    @property
    def stored(self) -> "Transaction": ...


class Database(Protocol):
    """Reads of what is committed, and `write()` for everything that changes.

    `wall` is the workspace of whoever asks, taken from the principal and never from the query's own parameters: on
    PostgreSQL it decides which rows exist at all. None sees no row of any workspace. Reads raise Unavailable when the
    database cannot answer. Inside `write()` use its transaction: a second `write()` or a read past it raises
    RuntimeError.
    """

    @property
    def dialect(self) -> Dialect: ...

    @property
    def system(self) -> "Database":
        """The same data across all workspaces, for the few modules that may: SQLite's is the database itself."""
        ...

    @property
    def aside(self) -> "Database":
        """The same as `system` on connections of its own, for transactions that take long: copies of whole worlds. On
        those of `system` every credential is looked up.
        """
        ...

    @property
    def pulse(self) -> Pulse:
        """Wakes those who wait for something to happen here; `system` has the same."""
        ...

    async def fetch(self, query: Query, wall: str | None, /, **values: Any) -> list[Any]:
        """Named rows with Python's own types."""
        ...

    async def raw(self, query: Query, wall: str | None, /, **values: Any) -> list[Any]:
        """The driver's rows as they come, to index or unpack: documents leave this way, nothing converted."""
        ...

    async def one(self, query: Query, wall: str | None, /, **values: Any) -> Any:
        """The first named row, or None."""
        ...

    async def one_raw(self, query: Query, wall: str | None, /, **values: Any) -> Any:
        """The driver's first row, or None."""
        ...

    def write(self, wall: str | None, /) -> AbstractAsyncContextManager[Transaction]:
        """One transaction of at most PATIENCE seconds, so no network inside.

        It is durable when the block is left; an exception undoes it alone.
        """
        ...

    async def close(self) -> None: ...


@asynccontextmanager
async def patience(what: str) -> AsyncIterator[None]:
    """At most PATIENCE seconds, then Unavailable. A TimeoutError of the block's own passes through."""
    limit = asyncio.timeout(PATIENCE)
    try:
        async with limit:
            yield
    except TimeoutError as error:
        if limit.expired():
            raise Unavailable(f"{what} took more than {PATIENCE:g} s") from error
        raise
