"""Workers that are killed, or stopped for longer than their lease: everything arrives, and nothing stale is written."""

import asyncio
import hashlib
import json
import os
import random
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import pytest

from engage_api.events.webhooks.courier import WIDTH
from engage_api.settings import Settings
from tests.api.harness import Client, Service, make_settings
from tests.counts import Count
from tests.webhooks.receiver import Answer, Got, receiving
from tests.webhooks.sent import AT, Body, delivery, settled

ROOT = Path(__file__).parents[2]
SOAK = "ENGAGE_TEST_MINUTES" in os.environ
ENDPOINTS, EVENTS, KILLS = (20, 250, 50) if SOAK else (5, 60, 2)
LEASE = 1.5  # seconds
SLACK = 5.0  # seconds after a lease


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Its workers are processes of their own."""
    return make_settings(database_url, tmp_path, outbound_loopback=True, worker=False)


@asynccontextmanager
async def working(settings: Settings, number: int) -> AsyncIterator[list[asyncio.subprocess.Process]]:
    workers = list(await asyncio.gather(*(begin(settings) for _ in range(number))))
    try:
        yield workers
    finally:
        for worker in workers:
            if worker.returncode is None:
                worker.kill()
            await worker.wait()


async def begin(settings: Settings) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", "tests.webhooks.process", str(LEASE)]
    given = {"DATABASE_URL": settings.database, "SECRET_KEY": settings.secret_key.get_secret_value()}
    told = {f"ENGAGE_{name}": value for name, value in {**given, "OUTBOUND_LOOPBACK": "true"}.items()}
    pipe = asyncio.subprocess.PIPE
    worker = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=os.environ | told, stdout=pipe)
    assert worker.stdout is not None
    async with asyncio.timeout(60):
        assert await worker.stdout.readline() == b"ready\n"
    return worker


async def make_events(api: Client, number: int) -> dict[str, float]:
    """When each happened, by what it is about."""
    happened = {}
    for n in range(number):
        happened[(await api.made("/offers", {"title": str(n)}))["id"]] = monotonic()
        await asyncio.sleep(0)
    return happened


async def endpoints(api: Client, url: str) -> list[Body]:
    """Each with a path of its own, and every other one in order."""
    return [
        await api.made(AT, {"url": f"{url}/{n}", "types": ["engage.offer.*"], "ordered": bool(n % 2)})
        for n in range(ENDPOINTS)
    ]


@pytest.mark.soak
@pytest.mark.slow
async def test_everything_arrives_although_workers_are_killed(
    settings: Settings, service: Service, api: Client, count: Count
) -> None:
    chance, kills = random.Random(7), []  # seeded: a run can be repeated
    happened: dict[str, float] = {}
    arrived: dict[tuple[str, str], list[bytes]] = defaultdict(list)

    async def answer(got: Got) -> Answer:
        await asyncio.sleep(0.02)
        arrived[got.path, got.id].append(hashlib.sha256(got.body).digest())
        return 200, {}, b""

    async with receiving(answer) as receiver, working(settings, 2) as workers:
        made = await endpoints(api, receiver.url)
        for n in range(KILLS):
            before = len(receiver.got)
            writing = asyncio.create_task(make_events(api, EVENTS // KILLS))
            await receiver.until(before + chance.randint(1, EVENTS * ENDPOINTS // KILLS // 2), 60)
            workers[n % 2].kill()
            kills.append(monotonic())
            happened |= await writing
            await workers[n % 2].wait()
            workers[n % 2] = await begin(settings)
        async with asyncio.timeout(60 + EVENTS * ENDPOINTS / 50):
            while len(arrived) < EVENTS * ENDPOINTS:  # noqa: ASYNC110  # other processes send
                await asyncio.sleep(0.02)
        for endpoint in made:
            await settled(api, endpoint, min(EVENTS, 200))
        twice = sum(len(bodies) - 1 for bodies in arrived.values())
        delay = longest_delay(receiver.got, happened, kills)
    numbers = {"kills": KILLS, "deliveries": len(arrived), "twice": twice, "most_seconds": delay}
    count(f"webhooks, workers killed ({service.db.dialect})", **numbers)
    assert all(len(set(bodies)) == 1 for bodies in arrived.values()), "the same bytes under the same id"
    assert twice <= KILLS * ENDPOINTS * WIDTH
    assert delay <= LEASE + SLACK


def longest_delay(got: list[Got], happened: dict[str, float], kills: list[float]) -> float:
    """From a kill until an endpoint for which something waits is sent something, be it what it has had already: whoever
    had that endpoint, and however often whoever has it next is killed, too.
    """
    arrivals: dict[str, list[float]] = defaultdict(list)
    for one in got:
        arrivals[one.path].append(one.at)
    firsts = {(one.path, one.id): one for one in reversed(got)}.values()
    delays = [0.0]
    for kill in kills:
        waiting = {one.path for one in firsts if happened[json.loads(one.body)["subject"]] < kill < one.at}
        delays += [min(at for at in arrivals[path] if at > kill) - kill for path in waiting]
    return max(delays)


@pytest.mark.soak
@pytest.mark.slow
async def test_who_was_stopped_for_longer_than_the_lease_writes_nothing(settings: Settings, api: Client) -> None:
    """The late answer comes while somebody else has the job and is not done with it yet."""
    late, in_time = asyncio.Event(), asyncio.Event()

    async def answer(got: Got) -> Answer:
        first = len(receiver.got) == 1
        await (late if first else in_time).wait()
        return (500, {}, b"late") if first else (200, {}, b"in time")

    async with receiving(answer) as receiver, working(settings, 1) as workers:
        made = await api.made(AT, {"url": receiver.url, "types": ["engage.offer.*"]})
        await api.made("/offers", {"title": "A"})
        await receiver.until(1, 30)
        workers[0].send_signal(signal.SIGSTOP)
        workers.append(await begin(settings))
        await receiver.until(2, 30)
        workers[0].send_signal(signal.SIGCONT)
        late.set()
        await asyncio.sleep(1)  # to write it, if it could
        in_time.set()
        [found] = await settled(api, made, 1)
        log = (await delivery(api, found))["log"]
    assert [(one["number"], one["answer"]["body"]) for one in log] == [(1, "in time")]
    assert len({(got.id, got.body) for got in receiver.got}) == 1
