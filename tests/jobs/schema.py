"""The migrated schema, and a table in which handlers leave a mark, so that every run of a job is seen."""

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
from sqlalchemy import BigInteger, Column, MetaData, Table, Text, bindparam, insert, select, update
from sqlalchemy.schema import CreateTable

from engage_api.db import Database, Query
from engage_api.db.migrate import upgrade
from engage_api.db.sql import POSTGRES, SQLITE
from engage_api.jobs.models import JobRow, JobScheduleRow

job: Table = JobRow.__table__  # type: ignore[attr-defined]
schedule: Table = JobScheduleRow.__table__  # type: ignore[attr-defined]
mark = Table("mark", MetaData(), Column("job", Text), Column("attempt", BigInteger), Column("who", Text))

MARK = Query(insert(mark), ["job", "attempt", "who"])
MARKS = Query(select(mark).order_by(mark.c.job, mark.c.attempt))
JOBS = Query(select(job).order_by(job.c.created_at, job.c.id))
PERIODS = Query(select(schedule))
LEFT = Query(select(job.c.id).where(job.c.state == "queued").limit(1))
HAND_OVER = Query(update(job).where(job.c.id == bindparam("at_id")).values(token=job.c.token + 1))


async def jobs(database: Database) -> list[Any]:
    """All rows, oldest first."""
    return await database.system.fetch(JOBS, None)


async def all_done(database: Database) -> bool:
    """Whether nothing is left to do; the dead do not count."""
    return await database.system.one(LEFT, None) is None


async def periods(database: Database) -> dict[str, int]:
    """The period for which each recurring job was enqueued last."""
    return {row.kind: row.period for row in await database.system.fetch(PERIODS, None)}


async def marks(database: Database) -> list[Any]:
    return await database.system.fetch(MARKS, None)


def build(url: str) -> None:
    """Make the tables in an empty database."""
    with ThreadPoolExecutor(1) as thread:  # where no event loop is, so that both may run their own
        thread.submit(upgrade, url).result()
        thread.submit(_add_mark, url).result()


def _add_mark(url: str) -> None:
    if not url.startswith("sqlite"):
        asyncio.run(_add_mark_to_postgres(url))
        return
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    connection.execute(str(CreateTable(mark).compile(dialect=SQLITE)))
    connection.close()


async def _add_mark_to_postgres(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(str(CreateTable(mark).compile(dialect=POSTGRES)))
        await connection.execute("GRANT SELECT, INSERT ON mark TO engage_app, engage_system")
    finally:
        await connection.close()
