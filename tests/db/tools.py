"""What the tests of `db/` share."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, thread_time
from typing import Self

from engage_api.db import Database
from tests.db.schema import ADD_SMALL, IDS

W = {"workspace_id": "w"}


async def write(database: Database, *names: str) -> None:
    """Items of these names, in one transaction."""
    async with database.write("w") as tx:
        await tx.many(ADD_SMALL, [W | {"id": name} for name in names])


async def ids(database: Database) -> list[str]:
    return [found.id for found in await database.fetch(IDS, "w", **W)]


def seen(path: str) -> list[str]:
    """What another process would see in a SQLite file."""
    with sqlite3.connect(path) as connection:
        found = [name for (name,) in connection.execute("SELECT id FROM item ORDER BY id")]
    connection.close()
    return found


@contextmanager
def locked(path: str) -> Iterator[sqlite3.Connection]:
    """Another holds the write lock of a SQLite file."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield other
    finally:
        other.close()


class Gaps:
    """How long the loop was kept from its other work, in seconds: by the clock, and by its own computing.

    The clock also counts what other processes took on a busy machine.
    """

    async def __aenter__(self) -> Self:
        self.longest = self.busiest = 0.0
        self._task = asyncio.create_task(self._look())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _look(self) -> None:
        while True:
            before, worked = monotonic(), thread_time()
            await asyncio.sleep(0.001)
            self.longest = max(self.longest, monotonic() - before - 0.001)
            self.busiest = max(self.busiest, thread_time() - worked)
