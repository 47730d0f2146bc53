"""All that a database keeps, as bytes to search in."""

from pathlib import Path

import asyncpg


async def everything(url: str) -> bytes:
    """Every value of every row; of SQLite the files themselves, so also what is no row any more."""
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        return b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = [row for table in tables for row in await connection.fetch(f'SELECT * FROM "{table[0]}"')]  # noqa: S608
    finally:
        await connection.close()
    values = [value for row in rows for value in row.values()]
    return b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in values)
