"""The service is killed again and again while eight clients write with keys: nothing is lost, nothing is doubled."""

import asyncio
import os
import random
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from time import monotonic

import pytest

from engage_api.db import open_database
from tests.attack.world import World
from tests.counts import Count
from tests.proof.divergence import divergences, stored
from tests.proof.journal import Journal, audit, everything, writer
from tests.running import Answer, service
from tests.serving import Caller, Server

KILLS, CLIENTS = 3, 8
LONGEST_START = 10.0  # seconds of work, on a core that others use too; what it was is told
MINUTES = float(os.environ.get("ENGAGE_TEST_MINUTES", "0"))


@pytest.fixture
async def server(database_url: str, tmp_path: Path) -> AsyncIterator[Server]:
    made = Server(database_url, tmp_path)
    yield made
    made.kill()


@pytest.mark.soak
@pytest.mark.slow
async def test_a_killed_service_keeps_its_word(server: Server, count: Count) -> None:
    random.seed(seed := random.randrange(2**32))
    key, journal, stop = await server.key(), Journal(), asyncio.Event()
    callers = [Caller(server, key) for _ in range(CLIENTS)]
    starts = [await server.start()]
    work = [asyncio.create_task(writer(journal, c.ask, f"c{at}", stop)) for at, c in enumerate(callers)]
    until, kills = monotonic() + 60 * MINUTES, 0
    while kills < KILLS or monotonic() < until:
        await asyncio.sleep(random.uniform(0.2, 1.2))
        server.kill()
        kills += 1
        starts.append(await server.start())
    stop.set()
    await asyncio.gather(*work)
    wrong = await audit(journal, callers[0].ask)
    for caller in callers:
        await caller.close()
    server.stop()
    wrong += await _inside(server)
    unknown = sum(write.unknown > 0 for write in journal.writes)
    name = f"kills ({server.settings.database.partition(':')[0]})"
    done = len(journal.acknowledged)
    count(name, kills=kills, acknowledged=done, unknown=unknown, wrong=len(wrong), most_start_seconds=max(starts))
    assert not wrong, f"seed {seed}: " + "\n".join(wrong[:20])
    assert done >= 10 * kills
    assert unknown > 0
    assert max(starts) < LONGEST_START


async def _inside(server: Server) -> list[str]:
    """What the auditor cannot see: that every stored place agrees, and that the file is whole."""
    db = await open_database(server.settings.database)
    try:
        wrong = divergences(await stored(db))
    finally:
        await db.close()
    if db.dialect == "sqlite":
        with sqlite3.connect(server.settings.database.removeprefix("sqlite:///")) as file:
            wrong += [row[0] for row in file.execute("PRAGMA integrity_check") if row[0] != "ok"]
        file.close()
    return wrong


async def test_the_auditor_sees_what_is_planted(sqlite_url: str) -> None:
    async with service(sqlite_url) as running:
        world, journal, stop = World(running, await running.key()), Journal(), asyncio.Event()

        async def ask(method: str, path: str, body: object = None, headers: object = ()) -> Answer | None:
            return await running.ask(method, path, body, key=world.key, headers=headers)  # type: ignore[arg-type]

        work = asyncio.create_task(writer(journal, ask, "w", stop))
        while len(journal.acknowledged) < 12:  # noqa: ASYNC110  # the writer goes on by itself
            await asyncio.sleep(0.01)
        stop.set()
        await work
        assert await audit(journal, ask) == []
        first = journal.writes[0]
        assert first.answer
        lost = replace(first, key="never", answer=replace(first.answer, body=b'{"id":"cus_never"}'))
        altered = replace(first, answer=replace(first.answer, body=first.answer.body.replace(b'"load"', b'"more"')))
        for planted, told in ((lost, "never is lost"), (altered, "another answer than the first")):
            found = await audit(Journal([*journal.writes[1:], planted]), ask)
            assert any(told in one for one in found), found
        other = next(iter(await everything(ask, "/v1/customers")))
        assert f"{other['externalId']} was never asked for" in await audit(Journal(), ask)
