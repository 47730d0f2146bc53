"""The SQLite file: how a connection is opened, reads in threads, what its errors mean."""

import asyncio
import re
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep
from typing import Any, NoReturn

from engage_api.db.engine import PATIENCE
from engage_api.db.errors import Conflict, Unavailable

BUSY = sqlite3.SQLITE_BUSY
# By primary code: not the caller's fault, and it may pass.
TROUBLE = {
    BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PROTOCOL,
}
STEPS = 20_000  # of SQLite's virtual machine between two looks at the clock: each look takes the interpreter's lock
FAILED = re.compile(r"^[A-Z ]+ constraint failed(: )?")


def connect(path: str, *, query_only: bool = False, timeout: float = 0.0) -> sqlite3.Connection:
    """A connection in WAL mode whose commits reach the disk (`synchronous=FULL`), in autocommit until BEGIN is said.

    Opening waits up to PATIENCE seconds for other processes that open or recover the file; afterwards a busy file is
    waited for `timeout` seconds. Unavailable when that is not enough.
    """
    connection = sqlite3.connect(
        path, timeout=PATIENCE, isolation_level=None, check_same_thread=False, cached_statements=512
    )
    try:
        _use_wal(connection)
        for pragma in ("synchronous=FULL", "foreign_keys=ON", "cache_size=-65536", f"query_only={query_only:d}"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(f"PRAGMA busy_timeout={timeout * 1000:.0f}")
    except sqlite3.Error as error:
        connection.close()
        surface(error)
    return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    """The change of mode wants the file alone and does not wait for it: ask again."""
    deadline = monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != BUSY or monotonic() > deadline:
                raise
        sleep(0.01)


class Scans:
    """Reads that may take long, in two threads with a connection each, at most PATIENCE seconds from the question on.

    Whoever stops waiting stops the read.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._threads = ThreadPoolExecutor(2, "scan")
        self._own = threading.local()
        self._connections: list[sqlite3.Connection] = []

    async def fetch(self, sql: str, arguments: list[Any]) -> list[Any]:
        until = [monotonic() + PATIENCE]
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._work, sql, arguments, until)
        except sqlite3.Error as error:
            surface(error)
        finally:
            until[0] = 0.0

    def _work(self, sql: str, arguments: list[Any], until: list[float]) -> list[Any]:
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = connect(self._path, query_only=True, timeout=PATIENCE)
            self._connections.append(connection)
        connection.set_progress_handler(lambda: monotonic() > until[0], STEPS)
        return connection.execute(sql, arguments).fetchall()

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)
        for connection in self._connections:
            connection.close()


def surface(error: Exception) -> NoReturn:
    """Raise what the error means: Conflict, Unavailable, or itself when it is a mistake of ours."""
    if isinstance(error, sqlite3.IntegrityError):
        raise _conflict(str(error)) from error
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in TROUBLE:
        raise Unavailable(str(error)) from error
    raise error


def _conflict(message: str) -> Conflict:
    """From "UNIQUE constraint failed: customer.workspace_id, customer.external_id" or "… failed: index 'name'"."""
    what = FAILED.sub("", message)
    return Conflict(message, what.removeprefix("index ").strip("'") or None)
