"""Taps are cut again and again and the service is killed under them: each has the whole log, in order, once."""

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.counts import Count
from tests.serving import Caller, Server
from tests.taps.following import Follower, Pages, Streaming, Waiting, followed, partners, whole


class Size(NamedTuple):
    """How much is done."""

    events: int
    cuts: int
    kills: int


FULL, BOUNDED = Size(20_000, 500, 20), Size(1_000, 50, 2)
SIZE = FULL if float(os.environ.get("ENGAGE_TEST_MINUTES", "0")) else BOUNDED
WRITERS = 4


@pytest.fixture
async def server(database_url: str, tmp_path: Path) -> AsyncIterator[Server]:
    made = Server(database_url, tmp_path)
    yield made
    made.kill()


async def write(caller: Caller, name: str, number: int) -> None:
    """Make so many, each once: whoever does not know what became of one asks again with the same key."""
    for at in range(number):
        headers = [("Idempotency-Key", f"{name}-{at}")]
        while True:
            answer = await caller.ask("POST", "/v1/offers", {"title": f"{name} {at} ü"}, headers)
            if answer is not None and answer.status == 201:
                break
            assert answer is None or answer.status in (409, 503), answer.body
            await asyncio.sleep(0.02)


async def disturb(server: Server, followers: list[Follower], work: asyncio.Task[object], size: Size) -> None:
    """Cut and kill, spread over the time in which there is something written, and go on to the full number after it."""
    kills = sorted(random.sample(range(1, size.cuts), size.kills))
    for number in range(size.cuts):
        if number in kills:
            server.kill()
            await server.start()
        await asyncio.sleep(random.uniform(0.0, 0.1))
        async with asyncio.timeout(60):
            while not random.choice(followers).cut():  # noqa: ASYNC110  # one that is just connecting
                await asyncio.sleep(0.005)
    await work


@pytest.mark.soak
@pytest.mark.slow
async def test_every_tap_has_the_whole_log_once_however_it_is_cut(server: Server, count: Count) -> None:
    random.seed(seed := random.randrange(2**32))
    key, theirs = await server.key(), (await partners(server, 1))[0]
    ours: list[Follower] = [kind(server, key) for kind in (Pages, Waiting, Streaming, Streaming)]
    others: list[Follower] = [kind(server, theirs) for kind in (Pages, Waiting, Streaming)]
    followers = ours + others
    await server.start()
    callers = [Caller(server, key if at % 2 else theirs) for at in range(WRITERS)]
    async with followed(followers):
        each = SIZE.events // WRITERS
        work = asyncio.gather(*(write(caller, f"w{at}", each) for at, caller in enumerate(callers)))
        await disturb(server, followers, asyncio.ensure_future(work), SIZE)
        logs = {at: await complete(server, at, SIZE.events) for at in (key, theirs)}
        for follower in followers:
            await caught_up(follower, logs[follower._key])
    for caller in callers:
        await caller.close()
    wrong = [text for follower in followers for text in judged(follower, logs[follower._key])]
    database = server.settings.database.partition(":")[0]
    cuts = sum(follower.cuts for follower in followers)
    count(
        f"taps ({database})", events=len(logs[key]), cuts=cuts, kills=SIZE.kills, taps=len(followers), wrong=len(wrong)
    )
    assert not wrong, f"seed {seed}: " + "\n".join(wrong[:20])
    assert cuts >= SIZE.cuts
    numbers = [int(json.loads(event)["sequence"]) for event in logs[key]]
    assert numbers == list(range(1, len(numbers) + 1))
    made = [json.loads(event)["data"]["title"] for event in logs[key] if b'"engage.offer.created.v1"' in event]
    assert sorted(made) == sorted(f"w{at} {number} ü" for at in range(WRITERS) for number in range(each))
    assert sum(b'"engage.offer.created.v1"' in event for event in logs[theirs]) == SIZE.events // 2


async def complete(server: Server, key: str, events: int) -> list[bytes]:
    """The log once it does not grow any more: on PostgreSQL the last are numbered a moment after their commit."""
    found = await whole(server, key)
    async with asyncio.timeout(30):
        while len(await whole(server, key)) > len(found) or len(found) < events // 2:
            await asyncio.sleep(0.2)
            found = await whole(server, key)
    return found


async def caught_up(follower: Follower, log: list[bytes]) -> None:
    async with asyncio.timeout(60):
        while not follower.got or follower.got[-1] != log[-1]:  # noqa: ASYNC110  # another task follows
            await asyncio.sleep(0.02)


def judged(follower: Follower, log: list[bytes]) -> list[str]:
    """What is not as in the log."""
    name = type(follower).__name__
    found = [f"{name}: {text}" for text in follower.wrong]
    if follower.got == log:
        return found
    got, ids = [json.loads(event)["id"] for event in follower.got], [json.loads(event)["id"] for event in log]
    found += [f"{name}: {one} is missing" for one in sorted(set(ids) - set(got))]
    found += [f"{name}: {len(got) - len(set(got))} came twice"] if len(got) > len(set(got)) else []
    return found or [f"{name}: the same events in another order or in other bytes"]


def test_the_judge_sees_what_is_planted() -> None:
    log = [b'{"id":"evt_%d"}' % at for at in range(4)]
    follower = Pages.__new__(Pages)
    follower.wrong = []
    for got, told in (
        (log, ""),
        (log[:1] + log[2:], "evt_1 is missing"),
        ([*log[:2], *log[1:]], "1 came twice"),
        ([log[1], log[0], *log[2:]], "another order"),
        ([*log[:3], log[3].replace(b":", b": ")], "other bytes"),
    ):
        follower.got = got
        found = " ".join(judged(follower, log))
        assert (told in found) if told else not found
