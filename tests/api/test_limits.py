"""Limits by plan: what is counted together, what the headers say, and that they tell the truth."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine

from tests.api.harness import Client, Service, refused
from tests.api.plans import fields, make_plan
from tests.api.samples import SAMPLES

NOW = datetime(2026, 11, 21, 20, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The host's time stands still until a test moves it on."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


async def statuses(caller: Client, number: int, path: str = "/customers") -> Counter[int]:
    return Counter([(await caller.get(path)).status_code for _ in range(number)])


async def test_a_window_is_spent_and_told_request_by_request(service: Service, clock: time_machine.Traveller) -> None:
    caller = await service.caller(plan=await make_plan(service, window=5, seconds=60, burst=100))
    for left in (4, 3, 2, 1, 0):
        answer = await caller.get("/customers")
        assert answer.status_code == 200
        assert fields(answer, "RateLimit-Policy") == {"window": {"q": 5, "w": 60}, "burst": {"q": 100, "w": 1}}
        told = fields(answer, "RateLimit")["window"]
        assert told["r"] == left
        assert 0 < told["t"] <= 60
    answer = await caller.get("/customers")
    refused(answer, 429, "too-many-requests")
    assert fields(answer, "RateLimit-Policy") == {"window": {"q": 5, "w": 60}, "burst": {"q": 100, "w": 1}}
    told = fields(answer, "RateLimit")["window"]
    assert told == {"r": 0, "t": int(answer.headers["Retry-After"])}


async def test_a_burst_is_a_limit_of_its_own(service: Service, clock: time_machine.Traveller) -> None:
    caller = await service.caller(plan=await make_plan(service, burst=3))
    answers = await asyncio.gather(*(caller.get("/customers") for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {200: 3, 429: 17}
    answer = next(answer for answer in answers if answer.status_code == 429)
    assert fields(answer, "RateLimit") == {"burst": {"r": 0, "t": 1}}
    assert answer.headers["Retry-After"] == "1"
    clock.shift(2)
    assert await statuses(caller, 4) == {200: 3, 429: 1}


async def test_l4_of_five_hundred_at_once_no_more_than_the_window_are_let_in(
    service: Service, clock: time_machine.Traveller
) -> None:
    caller = await service.caller(plan=await make_plan(service, window=100, burst=10_000))
    answers = await asyncio.gather(*(caller.get("/offers") for _ in range(500)))
    assert Counter(answer.status_code for answer in answers) == {200: 100, 429: 400}


async def test_whoever_waits_as_long_as_told_is_let_in(service: Service, clock: time_machine.Traveller) -> None:
    caller = await service.caller(plan=await make_plan(service, window=7, seconds=10, burst=4))
    waits = 0
    for _ in range(60):
        answer = await caller.get("/customers")
        if answer.status_code == 429:
            waits += 1
            clock.shift(int(answer.headers["Retry-After"]))
            assert (await caller.get("/customers")).status_code == 200
        clock.shift(0.13)
    assert waits > 5


async def test_no_window_lets_in_twice_what_it_says_at_its_edge(
    service: Service, clock: time_machine.Traveller
) -> None:
    caller = await service.caller(plan=await make_plan(service, window=20, seconds=60, burst=1000))
    clock.shift(58)
    assert await statuses(caller, 21) == {200: 20, 429: 1}
    clock.shift(4)  # into the next window, whose count begins with what is left of the last one
    assert (await statuses(caller, 20))[200] <= 3


async def test_l2_a_second_key_is_no_second_allowance(service: Service, clock: time_machine.Traveller) -> None:
    plan = await make_plan(service, window=6)
    first, second = await service.caller(plan=plan), await service.caller("customers:read", plan=plan)
    for caller in (first, second, first, second, first, second):
        assert (await caller.get("/customers")).status_code == 200
    assert (await statuses(first, 2), await statuses(second, 2)) == ({429: 2}, {429: 2})


async def test_applications_are_counted_apart(service: Service, clock: time_machine.Traveller) -> None:
    plan, world = await make_plan(service, window=2), service.world
    for who in (world.operator, world.partner, world.developer):
        assert await statuses(await service.caller(who=who, plan=plan), 3) == {200: 2, 429: 1}


async def test_groups_of_routes_are_counted_apart(service: Service, clock: time_machine.Traveller) -> None:
    caller = await service.caller(plan=await make_plan(service, window=3))
    for path in ("/customers", "/cases", "/offers", "/events", "/api-keys"):
        assert await statuses(caller, 4, path) == {200: 3, 429: 1}
    refused(await caller.post("/customers", json={}), 400, "invalid-request")


async def test_l3_every_way_into_a_group_is_counted_together(
    service: Service, api: Client, clock: time_machine.Traveller
) -> None:
    made = await SAMPLES["customer"].make(api, externalId="own")
    ways = [
        ("GET", "/customers"),
        ("GET", "/customers?limit=1"),
        ("HEAD", "/customers"),
        ("GET", f"/customers/{made['id']}"),
        ("GET", "/customers/unknown"),
        ("GET", "/customers/external/own"),
        ("GET", "/customers?limit=0"),
        ("GET", "/customers?cursor=wrong"),
    ]
    caller = await service.caller(who=service.world.partner, plan=await make_plan(service, window=len(ways)))
    for method, path in ways:
        assert (await caller.request(method, path)).status_code in {200, 400, 404}
    for method, path in ways:
        assert (await caller.request(method, path)).status_code == 429


async def test_whoever_lacks_the_scope_is_counted_too(service: Service, clock: time_machine.Traveller) -> None:
    caller = await service.caller("cases:read", plan=await make_plan(service, window=3))
    for left in (2, 1, 0):
        answer = await caller.get("/customers")
        refused(answer, 403, "insufficient-scope")
        assert fields(answer, "RateLimit")["window"]["r"] == left
    refused(await caller.get("/customers"), 429, "too-many-requests")


async def test_a_refused_request_has_no_effect(service: Service, api: Client, clock: time_machine.Traveller) -> None:
    caller = await service.caller(plan=await make_plan(service, window=1))
    for status in (201, 429, 429):
        assert (await caller.post("/offers", json={"title": "A"})).status_code == status
    assert len(await api.ids("/offers")) == 1


async def test_every_answer_to_a_known_caller_has_the_headers(api: Client) -> None:
    made = await SAMPLES["offer"].make(api)
    at, tag = f"/offers/{made['id']}", (await api.get(f"/offers/{made['id']}")).headers["ETag"]
    answers = [
        await api.get(at),
        await api.get(at, headers={"If-None-Match": tag}),
        await api.get("/offers/none"),
        await api.post("/offers", json={}),
        await api.post("/offers", content=b"x"),
        await api.patch(at, json={}),
        await api.post(f"{at}/transitions", json={"to": "retired"}),
        await api.delete(at, headers={"If-Match": tag}),
    ]
    assert [answer.status_code for answer in answers] == [200, 304, 404, 400, 415, 428, 409, 204]
    for answer in answers:
        assert fields(answer, "RateLimit-Policy")["window"]["q"] == 1_000_000_000
        assert fields(answer, "RateLimit")["window"]["r"] > 0
