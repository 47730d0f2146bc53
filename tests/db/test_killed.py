"""Processes killed while they write: what was acknowledged is there."""

import asyncio
import random
import signal
import sqlite3
import sys
from pathlib import Path

from sqlalchemy import select

from engage_api.db import Database, Query
from tests.db.schema import ADD_PLAN, GET_PLAN, LIST, item

KILLS = 6
ROOT = Path(__file__).parents[2]
COUNTED = Query(select(item.c.n).where(item.c.n.is_not(None)).order_by(item.c.n))


def size(journal: Path) -> int:
    return journal.stat().st_size


async def killed(url: str, journal: Path, name: str) -> None:
    """A process of sixteen writers, killed a moment after its first acknowledgement."""
    before = size(journal)
    writers = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.db.writers", url, str(journal), name, cwd=ROOT
    )
    async with asyncio.timeout(60):
        while size(journal) == before:  # noqa: ASYNC110  # a file tells nobody
            await asyncio.sleep(0.005)
    await asyncio.sleep(random.random() * 0.3)
    writers.send_signal(signal.SIGKILL)
    assert await writers.wait() == -signal.SIGKILL


async def test_what_was_acknowledged_outlives_the_process(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    """Both rows of each write or neither, numbered without a gap."""
    random.seed(11)
    journal = tmp_path / "journal"
    journal.touch()
    async with database.write(None) as tx:
        await tx.run(ADD_PLAN, id="writers", n=0)
    for kill in range(KILLS):
        await killed(database_url, journal, f"{kill}")
    await asyncio.sleep(0.2)  # a server process may finish what its client no longer awaits
    acknowledged = set(journal.read_text().split())
    kept = {found.id for found in await database.fetch(LIST, "w", workspace_id="w")}
    whole = {name for name in kept if not name.endswith("+")}
    print(f"{KILLS} kills, {len(acknowledged)} acknowledged, {len(whole)} kept")  # noqa: T201  # for the record
    assert len({name.partition("-")[0] for name in acknowledged}) == KILLS
    assert acknowledged <= whole
    assert kept == whole | {f"{name}+" for name in whole}
    numbers = [found.n for found in await database.fetch(COUNTED, "w")]
    assert numbers == list(range(1, len(whole) + 1))
    assert (await database.one(GET_PLAN, None, id="writers")).n == len(whole)
    if database.dialect == "sqlite":
        with sqlite3.connect(database_url.removeprefix("sqlite:///")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
