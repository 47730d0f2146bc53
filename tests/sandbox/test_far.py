"""A season in one call: everything that becomes due in ninety days happens once and in order, whoever is killed."""

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from time import monotonic

import pytest

from engage_api.access import operator
from engage_api.access.sandboxes.models import Size
from engage_api.cases.tasks import service as tasks
from engage_api.cases.tasks.models import TaskCreate
from engage_api.core import clock
from engage_api.events.webhooks import drains
from engage_api.events.webhooks.sender import Sender
from engage_api.jobs import Limits, queue
from engage_api.sandbox.clocks import mover
from engage_api.settings import Settings
from tests.api.harness import Service, eventually, make_settings
from tests.counts import Count
from tests.sandbox.clockwork import START, Body, Sandbox, sandbox

ROOT = Path(__file__).parents[2]
SOAK = "ENGAGE_TEST_MINUTES" in os.environ
MOMENTS, KILLS, PORTION = (10_000, 3, 250) if SOAK else (1_000, 1, 250)
SIZE: Size = "large" if SOAK else "empty"
LEASE = 1.0  # seconds
DAYS = timedelta(days=90)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Its workers are processes of their own."""
    return make_settings(database_url, tmp_path, worker=False)


@asynccontextmanager
async def working(settings: Settings, *rows: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker, killed when the block is left. It copies so many rows in a transaction."""
    given = {"DATABASE_URL": settings.database, "SECRET_KEY": settings.secret_key.get_secret_value()}
    told = {f"ENGAGE_{name}": value for name, value in given.items()}
    command = [sys.executable, "-m", "tests.sandbox.process", str(LEASE), *map(str, rows)]
    pipe = asyncio.subprocess.PIPE
    worker = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=os.environ | told, stdout=pipe)
    try:
        assert worker.stdout is not None
        async with asyncio.timeout(60):
            assert await worker.stdout.readline() == b"ready\n"
        yield worker
    finally:
        if worker.returncode is None:
            worker.kill()
        await worker.wait()


async def fill(service: Service, box: Sandbox) -> tuple[str, list[str]]:
    """A case with tasks that are due on any minute of the ninety days. Its id, and when they are, in that order."""
    case = await box.client.made("/cases", {"type": "permit", "title": "Dormer"})
    pick = random.Random(1)
    due = [START + pick.randrange(1, 90 * 24 * 60) * timedelta(minutes=1) for _ in range(MOMENTS)]
    who = await operator.principal(service.db, box.id)
    for at in range(0, MOMENTS, PORTION):
        async with service.db.write(box.id) as tx:
            for one in due[at : at + PORTION]:
                await tasks.create(tx, who, case["id"], TaskCreate(title="Step", due_at=one))
    return case["id"], sorted(clock.wire(one) for one in due)


async def look(box: Sandbox, advance: Body) -> Body:
    return await box.client.read(f"{box.clock}/advances/{advance['id']}")


async def overdue(box: Sandbox) -> list[Body]:
    """All tasks that the log tells of, in its order."""
    found: list[Body] = []
    asked = {"limit": "200", "type": "engage.task.overdue.v1"}
    while True:
        page = await box.client.read("/events", **asked)
        found += page["items"]
        if page["nextCursor"] is None:
            return found
        asked = {"limit": "200", "type": "engage.task.overdue.v1", "cursor": page["nextCursor"]}


async def test_each_moment_passes_once_and_in_order_though_workers_are_killed(
    service: Service, settings: Settings, count: Count
) -> None:
    box = await sandbox(service, size=SIZE)
    case, wanted = await fill(service, box)
    advance = await box.client.made(f"{box.clock}/advances", {"by": "P90D"})
    assert (advance["state"], advance["moments"]) == ("running", 0), "nobody does it yet"
    again = await box.client.post(f"{box.clock}/advances", json={"by": "P1D"})
    assert (again.status_code, again.json()["advance"]) == (409, advance["id"])
    assert (await box.client.patch(box.clock, json={"mode": "running"})).status_code == 409
    began, amid = monotonic(), []
    for kill in range(1, KILLS + 1):
        async with working(settings):
            async with asyncio.timeout(120):
                while (now := await look(box, advance))["moments"] < kill * MOMENTS // (KILLS + 4):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        amid.append(now["moments"])
    now = await look(box, advance)
    assert now["state"] == "running"
    assert now["moments"] < MOMENTS, "it was killed half-way"

    async def done() -> Body | None:
        found = await look(box, advance)
        return found if found["state"] != "running" else None

    async with working(settings):
        ended = await eventually(done, 300)
    spent = monotonic() - began
    assert ended["state"] == "done"
    assert ended["moments"] == MOMENTS or SIZE == "large"
    assert (await box.client.read(box.clock))["now"] == clock.wire(START + DAYS)
    events = await overdue(box)
    assert [event["time"] for event in events] == sorted(event["time"] for event in events)
    assert len({event["subject"] for event in events}) == len(events)
    assert [event["time"] for event in events if event["data"]["caseId"] == case] == wanted
    count(f"ninety days ({service.db.dialect})", moments=ended["moments"], kills=len(amid), seconds=spent)


async def test_an_advance_that_cannot_go_on_fails_and_the_clock_goes_on(
    service: Service, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = await sandbox(service, pace=60)

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr("engage_api.jobs.moments.play", broken)
    made = await box.client.made(f"{box.clock}/advances", {"by": "P30D"})
    [job] = await queue.claim(service.db.system, {drains.PLAY: Limits(max_attempts=1)}, 10)
    sender = Sender.open(settings)
    try:
        with pytest.raises(RuntimeError):
            await mover.Mover(sender).play(service.db, job)
    finally:
        sender.close()
    assert (await box.client.read(f"{box.clock}/advances/{made['id']}"))["state"] == "failed"
    found = await box.client.read(box.clock)
    assert (found["mode"], found["pace"], found["advanceId"]) == ("running", 60, None)
    assert found["now"] < clock.wire(START + DAYS)
