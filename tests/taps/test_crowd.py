"""Many at once: what they share, how many there may be, and those who do not read."""

import asyncio
import gc
import json
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from engage_api.db import log
from engage_api.events import hub, portions, stream
from tests.api.harness import Client, Service, eventually, refused
from tests.taps.reading import Reading, newest, reading

BIG = "x" * 4_000


@pytest.fixture
async def crowd(api: Client) -> AsyncIterator[list[Reading]]:
    """As many streams of one caller as there may be."""
    start = await newest(api)
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(reading(api, f"after={start}")) for _ in range(hub.FOR_ONE)]


async def test_who_stands_at_the_same_place_shares_one_read(
    api: Client, crowd: list[Reading], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads, real = 0, log.page

    async def page(*args: Any, **named: Any) -> Any:
        nonlocal reads
        reads += 1
        return await real(*args, **named)

    monkeypatch.setattr(log, "page", page)
    for number in range(1, 4):
        made = await api.made("/offers", {"title": "A"})
        for live in crowd:
            assert json.loads((await live.until(number)).events[-1])["subject"] == made["id"]
    assert reads <= 4, "three events for twenty readers; a fourth read may have met the first before its commit"


async def test_one_caller_has_twenty_and_gets_a_place_back_when_one_leaves(
    service: Service, api: Client, partner: Client, crowd: list[Reading]
) -> None:
    start = await newest(api)
    again = await service.caller()  # another key of the same application is no second allowance
    for caller in (api, again):
        answer = await caller.get("/events/stream")
        assert "20 streams" in refused(answer, 429, "too-many-streams")["detail"]
        assert answer.headers["Retry-After"] == "10"
        wanted: dict[str, str | int] = {"after": start, "wait": 1, "type": "engage.case.*"}
        refused(await caller.get("/events", params=wanted), 429, "too-many-streams")
    assert (await api.get("/events", params={"wait": 1})).status_code == 200  # there is something: nobody waits
    async with reading(partner) as other:
        assert other.status == 200
    crowd[0].leave()

    async def let_in() -> bool | None:
        async with reading(api) as one:
            return one.status == 200 or None

    assert await eventually(let_in)


async def test_a_process_has_so_many_and_no_more(
    service: Service, api: Client, partner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "FOR_ALL", 2)
    async with reading(api), reading(partner):
        answer = await partner.get("/events/stream")
        refused(answer, 503, "unavailable")
        assert answer.headers["Retry-After"] == "10"
        figures = (await (await service.client()).get("http://engage.test/metrics")).text
        assert "engage_taps_open 2.0" in figures
    assert "engage_taps_open 0.0" in (await (await service.client()).get("http://engage.test/metrics")).text


# ── those who do not read ────────────────────────────────────────────────────────────────────────────────────────────


async def fill(api: Client, number: int) -> None:
    await asyncio.gather(*(api.made("/offers", {"title": "Big", "description": BIG}) for _ in range(number)))


async def test_who_does_not_read_is_let_go_with_the_reason_if_it_can_be_told(
    service: Service, api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "SLOWEST", 0.3)
    monkeypatch.setattr(stream, "HURRY", 2.0)
    start = await newest(api)
    async with reading(api, f"after={start}") as good, reading(api, f"after={start}") as late:
        async with reading(api, f"after={start}") as never:
            late.takes.clear()
            never.takes.clear()
            await fill(api, 5)
            await good.until(5)
            await asyncio.sleep(0.5)
            late.takes.set()  # in time to hear why
            await late.until(over=True)
            assert late.problem["code"] == "too-slow"

            async def ended() -> bool | None:
                return service.services.taps.ended["too-slow"] == 2 or None

            assert await eventually(ended)
            assert never.events == []
        assert not good.over
    figures = (await (await service.client()).get("http://engage.test/metrics")).text
    assert 'engage_streams_ended_total{reason="too-slow"} 2.0' in figures


async def test_slow_readers_cost_no_memory_and_miss_nothing(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes a piece now and then, from a log that is far ahead of it: what is kept does not grow with the log."""
    monkeypatch.setattr(stream, "SLOWEST", 100.0)
    start = await newest(api)
    async with AsyncExitStack() as stack:
        slow = [await stack.enter_async_context(reading(api, f"after={start}")) for _ in range(10)]
        for live in slow:
            live.takes.clear()
        gc.collect()
        tracemalloc.start()
        try:
            await fill(api, 100)
            kept = _kept()
            for _ in range(3):
                await fill(api, 100)
                assert _kept() - kept < 1_000_000, "the log has grown by 500 KB, ten times unread"
        finally:
            tracemalloc.stop()
        for live in slow:
            live.takes.set()
        whole = (await slow[0].until(400)).events
        for live in slow:
            assert (await live.until(400)).events == whole


def _kept() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def test_a_piece_is_whole_events_up_to_a_bound() -> None:
    def line(size: int) -> log.Line:
        return log.Line("evt_x", b"d" * size, 1, "t", "s")

    sizes = [
        len(piece) for piece in portions.pieces([line(30_000), line(30_000), line(30_000), line(200_000), line(1)])
    ]
    assert sizes == [2 * 30_018, 30_018, 200_018, 19]
    assert [len(piece) for piece in portions.pieces([line(1)])] == [19]
