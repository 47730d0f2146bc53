"""Workers that are killed or stopped in the middle of a job: it is done once all the same, and soon."""

import asyncio
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from engage_api.db import Database
from engage_api.jobs import Registry
from tests.jobs.schema import all_done, jobs, marks
from tests.jobs.work import LEASE, add, finish, until, working

ROOT = Path(__file__).parents[2]
KILLS = 5
SLACK = 5  # seconds that a job may take beyond its lease to be done by another


@contextmanager
def process(url: str, seconds: float) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.jobs.process", url, str(seconds)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as running:
        try:
            yield running
        finally:
            running.kill()


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.job("post", lease=LEASE)(lambda db, job: finish(db, job, "me"))
    return registry


async def begun(database: Database) -> list[Any]:
    return [row for row in await marks(database) if row.who == "begun"]


async def test_jobs_of_killed_workers_are_done_once(database: Database, database_url: str, registry: Registry) -> None:
    made = await add(database, "post", 200)
    for _ in range(KILLS):
        before = len(await begun(database))
        with process(database_url, 0.05) as running:
            await until(partial(_more, database, before))
            await asyncio.sleep(random.random() / 5)
            running.kill()
            said, _ = await asyncio.to_thread(running.communicate)
        assert said == b""
    killed = monotonic()
    held = [row.id for row in await jobs(database) if row.lease_until]
    async with working(database, registry):
        await until(lambda: all_done(database), 60)
    assert held, "none was killed in the middle of a job"
    assert monotonic() - killed < LEASE.total_seconds() + SLACK
    found = await marks(database)
    assert sorted(row.job for row in found if row.who != "begun") == sorted(made)
    again = Counter(row.job for row in found if row.who == "begun")
    assert sum(count - 1 for count in again.values()) <= KILLS * 4


async def _more(database: Database, than: int) -> bool:
    return len(await begun(database)) > than


async def test_a_worker_that_was_stopped_for_too_long_cannot_write(
    database: Database, database_url: str, registry: Registry
) -> None:
    made = await add(database, "post", 4)
    with process(database_url, 0.5) as running:
        await until(partial(_more, database, 3))
        running.send_signal(signal.SIGSTOP)
        async with working(database, registry):
            await until(lambda: all_done(database))
        running.send_signal(signal.SIGCONT)
        async with asyncio.timeout(20):
            lost = 0
            while lost < 4:
                line = await asyncio.to_thread(running.stdout.readline)  # type: ignore[union-attr]  # it is a pipe
                assert line, "it ended"
                lost += b"job was lost" in line
    assert sorted((row.job, row.who) for row in await marks(database) if row.who != "begun") == [
        (job, "me") for job in sorted(made)
    ]
