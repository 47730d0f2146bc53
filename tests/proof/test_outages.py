"""The database goes away under load and comes back: writes are refused meanwhile, nothing is lost, nobody helps."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

import pytest

from engage_api.db.migrate import upgrade
from tests import servers
from tests.counts import Count
from tests.db.test_restarted import restart
from tests.proof.divergence import divergences, stored
from tests.proof.journal import Ask, Journal, audit, writer
from tests.running import Answer, Headers, Service, service

RESTARTS, CLIENTS, READERS = 2, 8, 2
LONGEST = 20.0  # seconds until it goes on; 5 on a machine that does nothing else
ROOM = 20  # pages of SQLite's until the disk is full


class Load:
    """Clients that write and some that read, and what they met."""

    def __init__(self, running: Service, key: str) -> None:
        self.journal = Journal()
        self.reads = {200: 0, 503: 0}
        self._running, self._key, self._stop = running, key, asyncio.Event()
        work = [writer(self.journal, self.ask, f"c{at}", self._stop) for at in range(CLIENTS)]
        self._tasks = [asyncio.create_task(one) for one in [*work, *(self._read() for _ in range(READERS))]]

    async def ask(self, method: str, path: str, body: Any = None, headers: Headers = ()) -> Answer:
        answer = await self._running.ask(method, path, body, key=self._key, headers=headers)
        if answer.status >= 500 and (answer.status != 503 or not answer.header("retry-after")):
            self.journal.wrong.append(f"{method} {path}: {answer.status} {answer.body[:200]!r}")
        return answer

    async def _read(self) -> None:
        while not self._stop.is_set():
            answer = await self.ask("GET", "/v1/customers?limit=1")
            self.reads[answer.status] = self.reads.get(answer.status, 0) + 1
            await asyncio.sleep(0.01)

    async def until(self, more: int, of: str) -> float:
        """Seconds until so many more writes were acknowledged, or refused."""
        began, at = monotonic(), self._number(of)
        async with asyncio.timeout(60):
            while self._number(of) < at + more:  # noqa: ASYNC110  # the clients go on by themselves
                await asyncio.sleep(0.01)
        return monotonic() - began

    def _number(self, of: str) -> int:
        return len(self.journal.acknowledged) if of == "acknowledged" else self.journal.refused

    async def end(self) -> list[str]:
        """Stop, and what was wrong."""
        self._stop.set()
        await asyncio.gather(*self._tasks)
        numbered: Ask = self.ask
        if self._running.db.dialect == "postgresql":
            await asyncio.sleep(0.5)  # the sequencer's longest pause, while nobody commits
        return [*await audit(self.journal, numbered), *divergences(await stored(self._running.db))]


@asynccontextmanager
async def loaded(url: str) -> AsyncIterator[tuple[Service, Load]]:
    async with service(url) as running:
        yield running, Load(running, await running.key())


@pytest.fixture
def own_url() -> Iterator[str]:
    """A PostgreSQL that may be restarted: nobody else is on it."""
    data = servers.folder() / f"outage_{os.getpid()}"
    server = servers.make_server(data)
    yield server
    servers.stop_server(data)


@pytest.mark.slow
async def test_a_restarted_postgresql_heals(own_url: Any, count: Count) -> None:
    url = own_url.get_uri()
    await asyncio.to_thread(upgrade, url)
    async with loaded(url) as (_, load):
        waited = []
        for _ in range(RESTARTS):
            await load.until(50, "acknowledged")
            await asyncio.to_thread(restart, own_url)
            waited.append(await load.until(20, "acknowledged"))
        wrong = await load.end()
        done, refused = len(load.journal.acknowledged), load.journal.refused + load.reads[503]
    count(
        "restarts of PostgreSQL",
        restarts=RESTARTS,
        acknowledged=done,
        refused=refused,
        wrong=len(wrong),
        most_seconds=max(waited),
    )
    assert not wrong, "\n".join(wrong[:20])
    assert set(load.reads) == {200, 503}
    assert refused > 0
    assert max(waited) < LONGEST


async def test_a_full_disk_refuses_writes_alone(sqlite_url: str, count: Count) -> None:
    async with loaded(sqlite_url) as (running, load):
        await load.until(50, "acknowledged")
        disk: Any = running.db
        pages = disk._writer.execute("PRAGMA page_count").fetchone()[0]
        disk._writer.execute(f"PRAGMA max_page_count={pages + ROOM}")
        await load.until(50, "refused")
        before, done = dict(load.reads), len(load.journal.acknowledged)
        await load.until(100, "refused")
        assert load.reads[503] == 0
        assert load.reads[200] > before[200]
        assert len(load.journal.acknowledged) <= done + CLIENTS
        disk._writer.execute("PRAGMA max_page_count=1000000")
        waited = await load.until(50, "acknowledged")
        wrong = await load.end()
    count(
        "full disk",
        acknowledged=len(load.journal.acknowledged),
        refused=load.journal.refused,
        wrong=len(wrong),
        most_seconds=waited,
    )
    assert not wrong, "\n".join(wrong[:20])
    assert waited < LONGEST
