"""What is kept of the log for those who follow it: a moment, and up to a bound, however large events are."""

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import Any, cast

import pytest

from engage_api.core.principal import Plan, Principal
from engage_api.core.scopes import Scope
from engage_api.db import ends, log
from engage_api.db.ends import End
from engage_api.events import portions
from engage_api.events.channels import Seat
from engage_api.events.hub import FOR_ONE, FOR_ORGANIZATION, Hub, TooManyStreams
from tests.api.harness import Service

EVENTS, BIG = 40, 60_000
START = End(0, 0)


def principal(application: str = "app_x", organization: str = "org_x") -> Principal:
    plan = Plan("unlimited", 10**9, 60, 10**8)
    return Principal("key", application, organization, "wsp_x", False, frozenset([Scope.EVENTS_READ]), plan, True)


@pytest.fixture
async def hub(service: Service, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    """One whose log has large events."""

    async def last(*_: Any) -> int:
        return EVENTS

    async def page(*_: Any, after: int, limit: int, filters: Any) -> list[log.Line]:
        numbers = range(after + 1, min(after + limit, EVENTS) + 1)
        return [log.Line(f"evt_{number}", b"%05d" % number * (BIG // 5), number, "t", "s") for number in numbers]

    async def end(*_: Any) -> End:
        return End(EVENTS, 0)

    monkeypatch.setattr(ends, "end", end)
    monkeypatch.setattr(log, "last", last)
    monkeypatch.setattr(log, "page", page)
    made = Hub(service.db)
    yield made
    await made.end()


@pytest.fixture
def kept() -> Iterator[Any]:
    """How many bytes are kept by now."""

    def now() -> int:
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    yield now
    tracemalloc.stop()


async def read(seat: Seat) -> int:
    """How many events there were."""
    found = 0
    while seat.at < EVENTS:
        portion = await seat.next(1)
        assert portion is not None
        assert portion.size < portions.LARGEST + BIG, "one read is bounded"
        found += b"".join(portion.pieces).count(b"id: ")
    return found


async def test_who_has_read_all_and_idles_keeps_nothing(hub: Hub, kept: Any) -> None:
    before = kept()
    with ExitStack() as stack:
        for number in range(10):  # each with a channel of its own
            seat = stack.enter_context(hub.seat(principal(), {"subject": str(number)}, START))
            assert await read(seat) == EVENTS
        await asyncio.sleep(2.1 * portions.FRESH)
        assert kept() - before < BIG * EVENTS / 2, "10 have read 2.4 MB each"


async def test_all_that_is_kept_is_bounded(hub: Hub, kept: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portions, "ROOM", 3_000_000)
    monkeypatch.setattr(portions, "FRESH", 60)
    before = kept()
    with ExitStack() as stack:
        for number in range(10):
            assert await read(stack.enter_context(hub.seat(principal(), {"subject": str(number)}, START))) == EVENTS
        assert 1_000_000 < kept() - before < 4_000_000


def test_an_organization_takes_only_its_share_of_the_seats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Hub, "_begin", lambda _: None)
    hub = Hub(cast("Any", None))
    seats = [hub.seat(principal(f"app_{number // FOR_ONE}"), {}, START) for number in range(FOR_ORGANIZATION)]
    for application in ("app_0", "app_new"):
        with pytest.raises(TooManyStreams):
            hub.seat(principal(application), {}, START)
    with hub.seat(principal("app_else", "org_else"), {}, START):
        pass
    with pytest.raises(TooManyStreams, match=r"200 .* of your organization"), seats.pop():
        hub.seat(principal("app_new"), {}, START)
    hub.seat(principal("app_new"), {}, START)


async def test_large_events_make_small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    def lines(*sizes: int) -> list[log.Line]:
        return [log.Line("evt_x", b"d" * size, 1, "t", "s") for size in sizes]

    monkeypatch.setattr(portions, "LARGEST", 100)
    for sizes, number in (((), 0), ((500, 1), 1), ((50, 50, 1), 2), ((1, 2, 3), 3), ((1, 500, 1), 1)):
        assert portions.fitting(lines(*sizes)) == number, sizes
