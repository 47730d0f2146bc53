"""A plan's quota: so many calls of an application on a day in UTC, whatever they are for."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine

from tests.api.harness import Client, Service, refused, serving
from tests.api.plans import fields, make_plan
from tests.usage.test_usage import ledger

NIGHT = datetime(2026, 11, 21, 23, 59, 30, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NIGHT, tick=False) as traveller:
        yield traveller


async def partner_with(service: Service, quota: int) -> Client:
    return await service.caller(who=service.world.partner, plan=await make_plan(service, quota=quota))


async def test_a_quota_is_told_spent_and_new_at_midnight(service: Service, clock: time_machine.Traveller) -> None:
    caller = await partner_with(service, 4)
    for left, path in ((3, "/customers"), (2, "/cases"), (1, "/offers/none"), (0, "/customers?limit=0")):
        answer = await caller.get(path)
        assert fields(answer, "RateLimit-Policy")["quota"] == {"q": 4, "w": 86_400}
        assert fields(answer, "RateLimit")["quota"] == {"r": left, "t": 30}
        assert fields(answer, "RateLimit")["window"]["r"] > 900
    for path in ("/customers", "/cases"):
        answer = await caller.get(path)
        told = refused(answer, 429, "too-many-requests")["detail"]
        assert told == "The quota of 4 requests for today is used up. It returns at midnight UTC, in 30 seconds."
        assert answer.headers["Retry-After"] == "30"
        assert fields(answer, "RateLimit") == {"quota": {"r": 0, "t": 30}}
    second = await service.caller(who=service.world.partner, plan=await make_plan(service, quota=4))
    assert (await second.get("/cases")).status_code == 429, "a second key is no second quota"
    clock.shift(29)
    assert (await caller.get("/cases")).status_code == 429
    clock.shift(1)
    answer = await caller.get("/cases")
    assert fields(answer, "RateLimit")["quota"] == {"r": 3, "t": 86_400}


async def test_of_a_hundred_at_once_the_quota_is_let_in(service: Service, clock: time_machine.Traveller) -> None:
    caller = await partner_with(service, 40)
    answers = await asyncio.gather(*(caller.get("/customers") for _ in range(100)))
    assert Counter(answer.status_code for answer in answers) == {200: 40, 429: 60}


async def test_a_quota_outlives_a_restart_and_holds_for_another_process(
    service: Service, clock: time_machine.Traveller
) -> None:
    caller = await partner_with(service, 6)
    async with serving(service.settings, service.world) as first:
        for _ in range(3):
            assert (await (await first.client(caller.key)).get("/cases")).status_code == 200
    async with serving(service.settings, service.world) as second:
        there = await second.client(caller.key)
        assert fields(await there.get("/cases"), "RateLimit")["quota"]["r"] == 2
        assert fields(await caller.get("/cases"), "RateLimit")["quota"]["r"] == 2, "not written down yet"
        await (await ledger(second)).flush()
        await (await ledger(service)).flush()
        assert fields(await caller.get("/cases"), "RateLimit")["quota"]["r"] == 0
        assert (await caller.get("/cases")).status_code == 429
        await (await ledger(service)).flush()
        await there.get("/cases")
        await (await ledger(second)).flush()
        assert (await there.get("/cases")).status_code == 429


async def test_customers_use_up_nothing_of_it(service: Service, clock: time_machine.Traveller) -> None:
    caller = await partner_with(service, 3)
    made = await caller.made("/customers", {"kind": "person", "displayName": "Zoë"})
    token = (await caller.made(f"/customers/{made['id']}/sessions", {}))["token"]
    customer = await service.client(token)
    for _ in range(5):
        answer = await customer.get("/me")
        assert answer.status_code == 200
        assert set(fields(answer, "RateLimit-Policy")) == {"window", "burst"}
    await (await ledger(service)).flush()
    assert (await caller.get("/cases")).status_code == 200
    assert (await caller.get("/cases")).status_code == 429


async def test_who_has_no_quota_is_told_of_none(service: Service, api: Client) -> None:
    answer = await api.get("/cases")
    assert set(fields(answer, "RateLimit-Policy")) == {"window", "burst"}
    assert set(fields(answer, "RateLimit")) == {"window"}
