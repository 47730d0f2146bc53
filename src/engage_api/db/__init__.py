"""Two databases behind one pair of doors: reads of what is committed, and `write()` for everything that changes."""

import asyncio
from pathlib import Path

from engage_api.db.base import Exact, Instant, Json
from engage_api.db.engine import Database, Transaction
from engage_api.db.errors import Conflict, Unavailable
from engage_api.db.sql import Plan, Query

__all__ = [
    "Conflict",
    "Database",
    "Exact",
    "Instant",
    "Json",
    "Plan",
    "Query",
    "Transaction",
    "Unavailable",
    "open_database",
]

SQLITE = "sqlite:///"
POSTGRES = ("postgresql://", "postgres://")


async def open_database(url: str, *, group_commit: bool = True, size: int = 8) -> Database:
    """The database at `sqlite:///relative.db`, `sqlite:////absolute.db` or `postgresql://user@host/name`.

    A SQLite file and its folder are made when they are missing. PostgreSQL is connected to at first use, by at most
    `size` connections and three more for `system`; `group_commit` is SQLite's (off, every writer syncs for itself).
    ValueError for any other address.
    """
    if url.startswith(POSTGRES):
        from engage_api.db.postgres import Postgres  # noqa: PLC0415  # whoever uses SQLite need not load the driver

        return Postgres(url, size=size)
    path = url.removeprefix(SQLITE)
    if path in {url, "", ":memory:"}:
        raise ValueError("a database is sqlite:///FILE or postgresql://…")
    from engage_api.db.sqlite import Sqlite  # noqa: PLC0415  # as above

    await asyncio.to_thread(Path(path).parent.mkdir, parents=True, exist_ok=True)
    return await asyncio.to_thread(Sqlite, path, group_commit=group_commit)
