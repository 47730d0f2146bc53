"""Looking for work costs the same however much is planned for later and however many are dead."""

import sqlite3
from datetime import timedelta

import asyncpg
import pytest

from engage_api.core import clock, ids
from engage_api.db import Database
from engage_api.jobs import queue
from tests.jobs.hand import KINDS
from tests.jobs.schema import job

NAMES = tuple(sorted(KINDS))


async def fill(database: Database) -> None:
    now = clock.host()
    same = dict.fromkeys(column.name for column in job.columns) | {"kind": "post", "payload": {}, "created_at": now}
    rows = [
        same | {"id": ids.new("job"), "attempts": 0, "token": 0, "state": state, "run_at": now + timedelta(hours=hours)}
        for state, hours in [("queued", 1), ("dead", -1)]
        for _ in range(3000)
    ]
    async with database.system.write(None) as tx:
        await tx.many(queue._ADD, rows)


@pytest.mark.parametrize("which", [0, 1], ids=["look", "take"])
async def test_due_jobs_are_found_through_the_index(database: Database, database_url: str, which: int) -> None:
    await fill(database)
    query, values = queue._due(NAMES)[which], {"now": clock.host(), "most": 4}
    if database.dialect == "sqlite":
        connection = sqlite3.connect(database_url.removeprefix("sqlite:///"))
        plan = [
            row[-1]
            for row in connection.execute(f"EXPLAIN QUERY PLAN {query.sqlite.sql}", query.sqlite.arguments(values))
        ]
        connection.close()
        assert plan == ["SEARCH job USING INDEX job_due (run_at<?)"]
        return
    postgres = await asyncpg.connect(database_url)
    try:
        await postgres.execute("ANALYZE job")
        await postgres.execute("SET plan_cache_mode = force_generic_plan")
        rows = await postgres.fetch(f"EXPLAIN {query.postgres.sql}", *query.postgres.arguments(values))
    finally:
        await postgres.close()
    assert any("Index Scan using job_due" in row[0] for row in rows), rows
