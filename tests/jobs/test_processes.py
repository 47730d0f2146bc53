"""Workers in several processes share the jobs; killed or stopped in the middle of one, it is done once all the same,
and soon. `make soak` tries it with as many jobs, kills and stops as the goals name.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engage_api.db import Database
from engage_api.jobs import Registry
from tests.counts import Count
from tests.jobs.schema import all_done, jobs, marks
from tests.jobs.work import LEASE, add, finish, until, working

ROOT = Path(__file__).parents[2]
SOAK = "ENGAGE_TEST_MINUTES" in os.environ
SHARED, PROCESSES = (10_000, 4) if SOAK else (400, 3)
JOBS, KILLS, TAKES = (5_000, 50, 0.05) if SOAK else (100, 2, 0.4)
"""So many jobs, kills, and seconds that a job takes: a pause of the machine may not be enough to do them all."""
STOPS = 20 if SOAK else 1
SLACK = 5  # seconds that a job may take beyond its lease to be done by another


@contextmanager
def process(url: str, seconds: float, *name: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.jobs.process", url, str(seconds), *name]
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


@pytest.mark.soak
async def test_several_processes_share_the_jobs_and_do_each_once(
    database: Database, database_url: str, count: Count
) -> None:
    with ExitStack() as running:
        for at in range(PROCESSES):
            started = running.enter_context(process(database_url, 0.0, f"worker {at}"))
            assert await asyncio.to_thread(started.stdout.readline) == b"ready\n"  # type: ignore[union-attr]  # a pipe
        made = await add(database, "post", SHARED)
        took = await until(lambda: all_done(database), 300)
    found = await marks(database)
    shares = Counter(row.who for row in found)
    most, least = max(shares.values()), min(shares.values())
    count(
        f"shared jobs ({database.dialect})",
        jobs=SHARED,
        each_second=round(SHARED / took),
        most_share=most,
        least_share=least,
    )
    assert sorted(row.job for row in found) == sorted(made), "each once"
    assert len(shares) == PROCESSES
    assert not SOAK or most <= 2 * least, f"{shares}: too few jobs, and a pause of the machine decides"


@pytest.mark.soak
async def test_jobs_of_killed_workers_are_done_once(
    database: Database, database_url: str, registry: Registry, count: Count
) -> None:
    made = await add(database, "post", JOBS)
    for _ in range(KILLS):
        before = len(await begun(database))
        with process(database_url, TAKES) as running:
            await until(partial(_more, database, before, running), 60)
            await asyncio.sleep(random.random() / 5)
            running.kill()
            said, _ = await asyncio.to_thread(running.communicate)
        assert said == b""
    held = {row.id for row in await jobs(database) if row.lease_until}
    assert held, "none was killed in the middle of a job"
    async with working(database, registry):
        delay = await until(partial(_none_of, database, held), LEASE.total_seconds() + SLACK)
        await until(lambda: all_done(database), 300)
    found = await marks(database)
    assert sorted(row.job for row in found if row.who != "begun") == sorted(made)
    again = sum(number - 1 for number in Counter(row.job for row in found if row.who == "begun").values())
    assert again <= KILLS * 4
    count(f"killed workers ({database.dialect})", jobs=JOBS, kills=KILLS, begun_again=again, most_seconds=delay)


async def _none_of(database: Database, held: set[str]) -> bool:
    return not any(row.id in held for row in await jobs(database))


async def _more(database: Database, than: int, running: subprocess.Popen[bytes]) -> bool:
    assert running.poll() is None, running.stdout and running.stdout.read()
    return len(await begun(database)) > than


@pytest.mark.soak
async def test_a_worker_that_was_stopped_for_too_long_cannot_write(
    database: Database, database_url: str, registry: Registry
) -> None:
    made = []
    for _ in range(STOPS):
        made += await _stopped_for_too_long(database, database_url, registry)
    assert sorted((row.job, row.who) for row in await marks(database) if row.who != "begun") == [
        (job, "me") for job in sorted(made)
    ]


async def _stopped_for_too_long(database: Database, database_url: str, registry: Registry) -> list[str]:
    before = len(await begun(database))
    made = await add(database, "post", 4)
    with process(database_url, 1.0) as running:
        await until(partial(_more, database, before + 3, running), 60)
        await asyncio.sleep(0.1)  # amid the jobs: stopped amid a write it would keep SQLite's lock, and all others out
        running.send_signal(signal.SIGSTOP)
        async with working(database, registry):
            await until(lambda: all_done(database), 60)
        running.send_signal(signal.SIGCONT)
        async with asyncio.timeout(20):
            lost = 0
            while lost < 4:
                line = await asyncio.to_thread(running.stdout.readline)  # type: ignore[union-attr]  # it is a pipe
                assert line, "it ended"
                lost += b"job was lost" in line
    return made
