"""Fifty receivers that misbehave beside fifty that do not: one worker, the good ones are not slowed, memory is flat."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import psutil
import pytest

from engage_api.settings import Settings
from tests import running
from tests.api.harness import Client, Service, make_settings
from tests.attack.certificates import Authority
from tests.attack.receivers import Behaviour, hang, repeats, resets, says
from tests.attack.receivers import Receiver as Raw
from tests.attack.receivers import receiving as misbehaving
from tests.counts import Count
from tests.running import Application
from tests.webhooks.receiver import Receiver, receiving
from tests.webhooks.sent import AT, Body, delivery, listed

SOAK = "ENGAGE_TEST_MINUTES" in os.environ
SANDBOXES, GOOD = 5, 10  # each has one receiver of every bad kind, too
ROUNDS = 60 if SOAK else 4  # in each of them every sandbox has an event
ALONE = 1  # round before there are bad ones: what this machine can do just now
PAUSE = 0.5  # seconds between two events, each of which goes to twenty receivers
# Seconds until 95 of 100 have arrived at the good ones: told always, and held to by `make soak`, which has the machine
# for itself. In the suite, which keeps all cores busy, what counts is that everything arrives, in a minute.
SLOWEST = 2.0
GROWTH = 50 * 2**20  # bytes
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n"
OFFERS = ["engage.offer.created.v1"]


def answers(status: int, **headers: str) -> Behaviour:
    told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return says(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n{told}\r\n".encode())


DATABASES = ["sqlite", "postgresql"] if SOAK else ["postgresql"]  # which has more to do for each delivery


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """The worker is a process of its own."""
    return make_settings(database_url, tmp_path, outbound_loopback=True, worker=False)


@asynccontextmanager
async def bad(folder: Path, canary: Raw) -> AsyncIterator[dict[str, str]]:
    """A URL of each kind."""
    authority = Authority(folder)
    behaviours: dict[str, Behaviour] = {
        "hangs": hang,
        "drips": repeats(HEAD, b"x", 600, 0.5),
        "fails": answers(500),
        "is gone": answers(410),
        "redirects": answers(307, Location=f"http://127.0.0.1:{canary.port}/"),
        "100 MB": repeats(HEAD, b"\0" * 65_536, 1_600),
        "resets": resets(b""),
        "no HTTP": says(b"220 mail.example ESMTP\r\n\r\n"),
    }
    async with AsyncExitStack() as stack:
        urls = {"no name": "https://receiver.invalid/"}
        for name, behaviour in behaviours.items():
            made = await stack.enter_async_context(misbehaving(behaviour))
            urls[name] = f"http://127.0.0.1:{made.port}/"
        secure = authority.context("other.example", self_signed=True)
        made = await stack.enter_async_context(misbehaving(hang, secure))
        yield urls | {"bad TLS": f"https://127.0.0.1:{made.port}/"}


@asynccontextmanager
async def worker(settings: Settings) -> AsyncIterator[psutil.Process]:
    """`engage worker`, as an operator runs it."""
    given = {"DATABASE_URL": settings.database, "SECRET_KEY": settings.secret_key.get_secret_value()}
    told = {f"ENGAGE_{name}": value for name, value in {**given, "OUTBOUND_LOOPBACK": "true"}.items()}
    command = [sys.executable, "-m", "engage_api", "worker"]
    process = await asyncio.create_subprocess_exec(*command, cwd=settings.data_dir, env=os.environ | told)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.kill()
        await process.wait()


class Memory:
    """The most that a process takes, looked at again and again."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self.begun = self.most = process.memory_info().rss

    async def watch(self) -> None:
        while True:
            self.most = max(self.most, self._process.memory_info().rss)
            await asyncio.sleep(0.05)


async def sandbox(service: Service, name: str) -> Application:
    """A developer's application with a sandbox of its own."""
    who = Application(f"app_{name}", f"sbx_{name}")
    async with service.db.system.write(None) as tx:
        organization = await running.add_party(tx, "live", who.id, "developer", "sandbox-only")
        await running.add_workspace(tx, who.workspace, "sandbox", organization)
    return who


async def register(api: Client, urls: dict[str, str]) -> dict[str, Body]:
    """An endpoint for each; by what they are."""
    return {name: await api.made(AT, {"url": url, "types": OFFERS}) for name, url in urls.items()}


def share(seconds: list[float], part: float) -> float:
    return sorted(seconds)[int(len(seconds) * part)]


async def rounds(callers: list[Client], good: Receiver, number: int) -> list[float]:
    """Events in every sandbox, and the seconds until each arrived at each of the good ones."""
    begun, made_at = len(good.got), {}
    for _ in range(number):
        for api in callers:
            offer = await api.made("/offers", {"title": "Advice"})
            made_at[offer["id"]] = monotonic()
            await asyncio.sleep(PAUSE)
    wanted = number * len(callers) * GOOD
    arrived = (await good.until(begun + wanted, 60))[begun:]
    assert len(arrived) == len({(got.path, got.id) for got in arrived}) == wanted
    return [got.at - made_at[json.loads(got.body)["subject"]] for got in arrived]


class Tried(NamedTuple):
    """Seconds that 95 of 100 took without bad receivers, seconds that all took beside them, and the bad endpoints."""

    alone: float
    took: list[float]
    theirs: list[dict[str, Body]]

    @property
    def p95(self) -> float:
        return share(self.took, 0.95)


async def tried(callers: list[Client], good: Receiver, folder: Path, canary: Raw) -> Tried:
    alone = share(await rounds(callers, good, ALONE), 0.95)
    async with bad(folder, canary) as urls:
        theirs = [await register(api, urls) for api in callers]
        return Tried(alone, await rounds(callers, good, ROUNDS), theirs)


@pytest.mark.soak
@pytest.mark.slow
@pytest.mark.parametrize("database_url", DATABASES, indirect=True)
async def test_good_receivers_do_not_notice_bad_ones(
    service: Service, settings: Settings, tmp_path: Path, count: Count
) -> None:
    callers = [await service.caller(who=await sandbox(service, f"beside_{n}")) for n in range(SANDBOXES)]
    async with receiving() as good, misbehaving(hang) as canary, worker(settings) as process:
        for api in callers:
            await register(api, {f"good {n}": f"{good.url}/{n}" for n in range(GOOD)})
            await api.made("/offers", {"title": "First"})  # waits for the worker to start
        await good.until(SANDBOXES * GOOD, 60)
        memory = Memory(process)
        watch = asyncio.create_task(memory.watch())
        done = await tried(callers, good, tmp_path, canary)
        watch.cancel()
    grown = memory.most - memory.begun
    name = f"bad receivers beside good ones ({service.db.dialect})"
    count(name, good=len(done.took), most_p95=done.p95, most_p95_alone=done.alone, most_megabytes=grown / 2**20)
    assert canary.connections == 0
    assert not SOAK or done.p95 <= SLOWEST
    assert grown < GROWTH
    await told(callers[0], done.theirs[0])


REASONS = {
    "fails": "The receiver answered 500.",
    "is gone": "The receiver answered 410: it wants nothing any more.",
    "redirects": "The receiver answered 307: redirects are not followed.",
    "resets": "The host did not answer as HTTP has it.",
    "no HTTP": "The host did not answer as HTTP has it.",
    "no name": "The host has no public address, or not only public ones.",
    "bad TLS": "The certificate of the host is not valid for it.",
}


async def told(api: Client, theirs: dict[str, Body]) -> None:
    """Each owner reads what is wrong, and no address."""
    for name, reason in REASONS.items():
        log: list[Any] = []
        for found in await listed(api, theirs[name]):
            log += (await delivery(api, found))["log"]
        assert log, name
        assert {attempt["error"] for attempt in log} == {reason}, name
    assert (await api.read(f"{AT}/{theirs['is gone']['id']}"))["state"] == "disabled"
