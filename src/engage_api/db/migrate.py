"""Migrations: bring a database to the schema of this version. Alembic is loaded only when there is something to do."""

import asyncio
import sqlite3
from pathlib import Path

from engage_api.db.errors import Unavailable

PLACES = (Path(__file__).parents[1] / "_migrations", Path(__file__).parents[3] / "migrations")
"""Where the revisions are: in the wheel, or beside the sources."""
SQLITE = "sqlite:///"
HOW = "ENGAGE_DATA_DIR or ENGAGE_DATABASE_URL says where yours is, and `engage migrate` makes a new one"


def upgrade(url: str, *, new: bool = True) -> bool:
    """Migrate to the newest revision. True when there was something to do.

    `url` is the owner's: on PostgreSQL it must be able to make roles the first time. Safe to run in several processes
    at once: the others wait. Must not be called inside a running event loop. Unless it may be `new`, a database that is
    not there (PostgreSQL: is empty) is Unavailable: whoever looks for what is in it has come to the wrong place.
    """
    folder = next(place for place in PLACES if (place / "env.py").is_file())
    current = _current(url)
    if current == newest(folder):
        return False
    if current is None and not new:
        raise Unavailable(f"there is no database at {place(url)}: {HOW}")
    from alembic import command  # noqa: PLC0415  # half a second that a start without changes need not spend
    from alembic.config import Config  # noqa: PLC0415  # as above

    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    if url.startswith(SQLITE):
        path = Path(url.removeprefix(SQLITE))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(0o600)  # what people told is for nobody else on this machine; the files beside it follow
    command.upgrade(config, "head")
    return True


def place(url: str) -> str:
    """Where a database is, without the password."""
    return str(Path(url.removeprefix(SQLITE)).resolve()) if url.startswith(SQLITE) else url.rpartition("@")[2]


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
