"""The tables of the job engine, and one in which handlers leave a mark, so that every run of a job is seen."""

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
from sqlalchemy import BigInteger, Column, Index, MetaData, Table, Text, bindparam, insert, select, update
from sqlalchemy.schema import CreateIndex, CreateTable

from engage_api.db import Database, Query
from engage_api.db.sql import POSTGRES, SQLITE
from engage_api.jobs.models import JobRow, JobScheduleRow
from tests.db.schema import GRANTS, ROLES, WALL

job: Table = JobRow.__table__  # type: ignore[attr-defined]
schedule: Table = JobScheduleRow.__table__  # type: ignore[attr-defined]
mark = Table("mark", MetaData(), Column("job", Text), Column("attempt", BigInteger), Column("who", Text))

MARK = Query(insert(mark), ["job", "attempt", "who"])
MARKS = Query(select(mark).order_by(mark.c.job, mark.c.attempt))
JOBS = Query(select(job).order_by(job.c.created_at, job.c.id))
HAND_OVER = Query(
    update(job).where(job.c.id == bindparam("at_id")).values(token=job.c.token + 1, lease_until=bindparam("until"))
)


async def jobs(database: Database) -> list[Any]:
    """All rows, oldest first."""
    return await database.system.fetch(JOBS, None)


async def marks(database: Database) -> list[Any]:
    return await database.system.fetch(MARKS, None)


def build(url: str) -> None:
    """Make the tables in an empty database."""
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            for table in (job, schedule, mark):
                connection.execute(str(CreateTable(table).compile(dialect=SQLITE)))
            for index in _indexes():
                connection.execute(str(CreateIndex(index).compile(dialect=SQLITE)))
        connection.close()
        return
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _build(url)).result()


async def _build(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for table in (job, schedule, mark):
            await connection.execute(str(CreateTable(table).compile(dialect=POSTGRES)))
        for index in _indexes():
            await connection.execute(str(CreateIndex(index).compile(dialect=POSTGRES)))
        await connection.execute(ROLES + GRANTS + WALL.format("job"))
    finally:
        await connection.close()


def _indexes() -> list[Index]:
    return sorted(job.indexes, key=lambda index: str(index.name))
