"""Migrations: bring a database to the schema of this version. Alembic is loaded only when there is something to do."""

import asyncio
import sqlite3
from pathlib import Path

from engage_api.db.errors import Unavailable

PLACES = (Path(__file__).parents[1] / "_migrations", Path(__file__).parents[3] / "migrations")
"""Where the revisions are: in the wheel, or beside the sources."""
SQLITE = "sqlite:///"


def upgrade(url: str) -> bool:
    """Migrate to the newest revision. True when there was something to do.

    `url` is the owner's: on PostgreSQL it must be able to make roles the first time. Safe to run in several processes
    at once: the others wait. Must not be called inside a running event loop.
    """
    folder = next(place for place in PLACES if (place / "env.py").is_file())
    if _current(url) == newest(folder):
        return False
    from alembic import command  # noqa: PLC0415  # half a second that a start without changes need not spend
    from alembic.config import Config  # noqa: PLC0415  # as above

    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    if url.startswith(SQLITE):
        Path(url.removeprefix(SQLITE)).parent.mkdir(parents=True, exist_ok=True)
    command.upgrade(config, "head")
    return True


def newest(folder: Path) -> str:
    """The newest revision: files are named by a number that counts up."""
    return max(path.name.split("_", 1)[0] for path in (folder / "versions").glob("[0-9]*_*.py"))


def _current(url: str) -> str | None:
    return _current_sqlite(url.removeprefix(SQLITE)) if url.startswith(SQLITE) else asyncio.run(_current_postgres(url))


def _current_sqlite(path: str) -> str | None:
    if not Path(path).is_file():
        return None
    connection = sqlite3.connect(path, timeout=30)
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError:
        return None
    finally:
        connection.close()
    return str(row[0]) if row else None


async def _current_postgres(url: str) -> str | None:
    import asyncpg  # noqa: PLC0415  # whoever uses SQLite need not load the driver

    try:
        connection = await asyncpg.connect(url)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Unavailable(f"the database cannot be reached: {error}") from error
    try:
        value = await connection.fetchval("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        return None
    finally:
        await connection.close()
    return None if value is None else str(value)
