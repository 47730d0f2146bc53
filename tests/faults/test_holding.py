"""Calls that are held up keep their connections, so there are only so many: of one organization, and of all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from engage_api.access.faults.making import MOST_OF_GUESTS, MOST_OF_ONE, MOST_WAITING, Maker
from engage_api.access.worlds import GUESTS
from engage_api.core.problem import TooManyRequests

LONG = 3_600.0  # seconds


@asynccontextmanager
async def held(maker: Maker, organization: str, number: int) -> AsyncIterator[None]:
    calls = [asyncio.create_task(maker._hold(organization, LONG)) for _ in range(number)]
    await asyncio.sleep(0)
    yield
    assert not any(call.done() for call in calls)
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)


async def test_so_many_calls_are_held_up_and_no_more() -> None:
    maker = Maker(None)  # type: ignore[arg-type]  # it counts in memory
    for organization, most in ((GUESTS, MOST_OF_GUESTS), ("org_a", MOST_OF_ONE)):
        async with held(maker, organization, most):
            with pytest.raises(TooManyRequests, match=f"At most {most} calls") as refused:
                await maker._hold(organization, LONG)
            assert refused.value.headers == {"Retry-After": "1"}
            await maker._hold("org_b", 0)
    assert not maker._waiting, "those that were let go are still counted"
    half = MOST_WAITING // 2
    async with held(maker, "org_a", half), held(maker, "org_b", half):
        with pytest.raises(TooManyRequests):
            await maker._hold("org_c", LONG)
    await maker._hold("org_c", 0)
