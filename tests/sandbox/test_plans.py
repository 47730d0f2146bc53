"""Long work looks things up as befits tables of today, whatever a connection thought of when they were small."""

import pytest
from sqlalchemy import text

from engage_api.core.world import working
from engage_api.db import Database
from engage_api.db.sql import Query
from engage_api.sandbox import seeding
from engage_api.sandbox.wipe import wipe
from tests.sandbox.stories import sandbox, seeded

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


async def test_emptying_walks_through_no_table(database: Database) -> None:
    (one, _), (two, _) = await seeded(database, "one"), await seeded(database, "two")
    number = await think(database, one.workspace, indexes=False)
    start = await walked(database, one.workspace)
    await wipe(database, one.workspace)
    assert await think(database, two.workspace, indexes=True) == number
    before = await walked(database, two.workspace)
    assert before != start, "there was something to forget"
    await wipe(database, two.workspace)
    assert await walked(database, two.workspace) == before


async def test_filling_does_not_either_once_it_is_large(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeding, "MANY", -1)
    one, two = await sandbox(database, "one"), await sandbox(database, "two")
    number = await think(database, one.workspace, indexes=False)
    start = await walked(database, one.workspace)
    await seeding.seed(database, one, "tiny")
    assert await think(database, two.workspace, indexes=True) == number
    before = await walked(database, two.workspace)
    assert before != start, "there was something to forget"
    await seeding.seed(database, two, "tiny")
    assert await walked(database, two.workspace) == before
