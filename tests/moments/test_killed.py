"""Killed amid it, what time does goes on where it was: nothing is lost, nothing happens twice."""

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from engage_api.core import clock
from engage_api.core import world as worlds
from engage_api.db import Database, world
from engage_api.jobs import moments
from tests.counts import Count
from tests.moments.story import DAY, END, START, Event, case, faults, sandbox, told

ROOT = Path(__file__).parents[2]
SOAK = "ENGAGE_TEST_MINUTES" in os.environ
HOUR = DAY / 24
CASES, TASKS, KILLS = (100, 99, 20) if SOAK else (8, 49, 3)


@contextmanager
def playing(url: str, workspace: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that plays, until the block is left."""
    command = [sys.executable, "-m", "tests.moments.process", url, workspace, END.isoformat()]
    with subprocess.Popen(command, cwd=ROOT) as running:
        try:
            yield running
        finally:
            running.kill()


async def place(db: Database, workspace: str) -> datetime:
    """Where the clock of a frozen sandbox stands."""
    at: datetime = (await world.find(db, workspace)).at
    return at


def apart(events: list[Event], wanted: dict[str, datetime | None], at: datetime) -> list[str]:
    """What is wrong with a log beside a clock that stands there: every earlier moment has passed, and no later one."""
    passed = {one for one, due in wanted.items() if due is not None and due < at}
    early = {event.subject for event in events if event.time > at}
    return faults(events, passed) + [f"early: {one}" for one in sorted(early)]


@pytest.mark.soak
async def test_a_kill_loses_nothing(database: Database, database_url: str, count: Count) -> None:
    principal, pick = await sandbox(database, "a"), random.Random(1)
    wanted: dict[str, datetime | None] = {}
    for _ in range(CASES):
        due = [START + pick.randrange(1, 90 * 24) * HOUR for _ in range(TASKS + 1)]
        wanted |= await case(database, principal, due[0], due[1:])
    amid, events = 0, list[Event]()
    for _ in range(KILLS):
        before = await place(database, principal.workspace)
        with playing(database_url, principal.workspace) as running:
            async with asyncio.timeout(60):
                while await place(database, principal.workspace) == before:  # it is another process
                    assert running.poll() is None
                    await asyncio.sleep(0.01)
            await asyncio.sleep(random.uniform(0, 0.05))
        events, at = await told(database, principal), await place(database, principal.workspace)
        assert apart(events, wanted, at) == []
        amid += START < at < END
    assert amid, "none was killed in the middle"
    await world.follow(database, principal.workspace)
    left = len(wanted) - len(events)
    assert await moments.play(database, principal.workspace, END, seconds=60) == (left, True)
    assert faults(await told(database, principal), wanted.keys()) == []
    assert clock.business(principal.workspace) == END
    count(f"moments with kills ({database.dialect})", moments=len(wanted), kills=KILLS, amid=amid)


async def test_a_clock_that_goes_ahead_would_be_seen(database: Database) -> None:
    principal = await sandbox(database, "a")
    wanted = await case(database, principal, START + DAY, [START + 2 * DAY])
    await moments.play(database, principal.workspace, START + 1.5 * DAY, seconds=60)
    events = await told(database, principal)
    assert apart(events, wanted, await place(database, principal.workspace)) == []
    async with database.write(principal.workspace):
        standing = worlds.standing(principal.workspace)
        assert standing is not None
        standing.move(END)
    assert [fault.split(":")[0] for fault in apart(events, wanted, END)] == ["lost"]
    assert [fault.split(":")[0] for fault in apart(events, wanted, START)] == ["early"]
