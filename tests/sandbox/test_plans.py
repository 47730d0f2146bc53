"""A transaction looks things up as befits tables of today, whatever a connection thought of when they were small: also
PostgreSQL itself, when it looks for what refers to a row.
"""

import asyncio

import pytest
from sqlalchemy import text

from engage_api.core.world import working
from engage_api.db import Database, postgres
from engage_api.db.sql import Query
from engage_api.sandbox import seeding
from engage_api.sandbox.wipe import wipe
from tests.sandbox.stories import sandbox

NUMBER = Query(text("SELECT pg_backend_pid()"))
FLUSH = Query(text("SELECT pg_stat_force_next_flush()"))
WALKED = Query(text("SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname IN ('case', 'task', 'customer')"))
pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


async def think(db: Database, workspace: str, *, indexes: bool) -> int:
    """Let the connection think of nothing but indexes from here on, or of anything but them; its number."""
    with working():
        async with db.write(workspace) as tx:
            for name in ("indexscan", "indexonlyscan", "bitmapscan"):
                await tx.fetch(Query(text(f"SET enable_{name} = {indexes}")))
            await tx.fetch(Query(text(f"SET enable_seqscan = {not indexes}")))
            return int((await tx.one(NUMBER))[0])


async def walked(db: Database, workspace: str) -> dict[str, int]:
    """How often a table was walked through."""
    with working():
        async with db.write(workspace) as tx:
            await tx.fetch(FLUSH)
        async with db.system.write(None) as tx:
            return dict(await tx.fetch(WALKED))


@pytest.mark.parametrize("work", ["fills", "empties"])
async def test_what_was_thought_of_small_tables_is_soon_forgotten(database: Database, work: str) -> None:
    one, two = await sandbox(database, "one"), await sandbox(database, "two")
    if work == "empties":
        await seeding.seed(database, one, "tiny")
        await seeding.seed(database, two, "tiny")
    number = await think(database, one.workspace, indexes=False)
    start = await walked(database, one.workspace)
    await (seeding.seed(database, one, "tiny") if work == "fills" else wipe(database, one.workspace))
    before = await walked(database, one.workspace)
    assert before != start, "there was something to forget"
    await asyncio.sleep(postgres.ANEW)
    assert await think(database, two.workspace, indexes=True) == number
    await (seeding.seed(database, two, "tiny") if work == "fills" else wipe(database, two.workspace))
    assert await walked(database, two.workspace) == before
