"""Turns: however many sandboxes an organization has filled and copied, others wait for one of them at most; and of two
who set faults at once one comes after the other.
"""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from engage_api.access import worlds
from engage_api.core import clock
from engage_api.db import Database, Query
from engage_api.db.errors import Unavailable
from engage_api.jobs import Job, Registry, queue
from engage_api.jobs.models import JobRow
from engage_api.sandbox import taking_turns
from engage_api.sandbox.jobs import SEED, Wanted
from engage_api.sandbox.taking_turns import in_turn
from tests.api.harness import Service, answered, eventually
from tests.sandbox.clockwork import sandbox

_job = JobRow.__table__  # type: ignore[attr-defined]
LEFT = Query(select(_job.c.attempts, _job.c.run_at, _job.c.lease_until).where(_job.c.kind == SEED))


async def test_an_organization_has_one_at_a_time(service: Service) -> None:
    api, stranger = await service.caller(), await service.client()
    ours = [(await api.made("/sandboxes", {"size": "small"}))["id"] for _ in range(2)]
    theirs = (await stranger.made("/sandboxes", {"size": "small"}))["id"]
    begun: list[str] = []
    go = asyncio.Event()

    async def fill(_: Database, job: Job[Any]) -> None:
        begun.append(job.payload.sandbox)
        await go.wait()

    registry = Registry()
    registry.job(SEED, payload=Wanted, max_attempts=1)(in_turn(fill))
    jobs = await queue.claim(service.db.system, registry.limits, 3)
    running = [asyncio.create_task(registry.kinds[SEED].run(service.db, job)) for job in jobs]

    async def put_off() -> list[Any] | None:
        left = [row for row in await service.db.system.fetch(LEFT, None) if row.lease_until is None]
        return left if len(begun) == 2 and left else None

    [other] = await eventually(put_off)
    assert (other.attempts, other.run_at > clock.host()) == (0, True), "it was no attempt, and it waits"
    assert set(begun) in ({theirs, ours[0]}, {theirs, ours[1]})
    go.set()
    await asyncio.gather(*running)
    for job in jobs:
        if not job.finished:
            await queue.complete(service.db.system, job)

    async def again() -> Job[Any] | None:
        found = await queue.claim(service.db.system, registry.limits, 1)
        return found[0] if found else None

    await registry.kinds[SEED].run(service.db, await eventually(again))
    assert set(begun) == {*ours, theirs}


def test_the_more_wait_the_less_often_each_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    monkeypatch.setattr(taking_turns, "monotonic", lambda: now)
    assert [taking_turns._ahead("org_many", f"job_{number}") for number in (1, 2, 3, 2)] == [1, 2, 3, 3]
    assert taking_turns._ahead("org_other", "job_1") == 1
    assert {taking_turns._ahead("org_many", f"job_{number}") for number in range(200)} == {*range(4, 21)}
    now += 61
    assert taking_turns._ahead("org_many", "job_1") == 1, "the others were done elsewhere"
    assert {"org_many", "org_other"} & set(taking_turns._waiting) == {"org_many"}, "and so was all of another one"


async def test_a_database_that_is_busy_uses_up_no_attempt(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    await (await service.caller()).made("/sandboxes", {"size": "small"})
    registry, busy = Registry(), [3]

    def once(real: Any) -> Any:
        async def tried(*args: Any) -> Any:
            busy[0] -= 1
            if busy[0] >= 0:
                raise Unavailable
            return await real(*args)

        return tried

    async def begun(_: Database, __: Job[Any]) -> None:
        raise AssertionError("its turn has not come")

    registry.job(SEED, payload=Wanted, max_attempts=1)(in_turn(begun))
    [job] = await queue.claim(service.db.system, registry.limits, 1)
    monkeypatch.setattr(taking_turns, "TURN", (0.01, 0.02))
    monkeypatch.setattr(worlds, "owner", once(worlds.owner))
    monkeypatch.setattr(taking_turns, "put_off", once(queue.put_off))
    await registry.kinds[SEED].run(service.db, job)
    [left] = await service.db.system.fetch(LEFT, None)
    assert (job.finished, left.attempts, left.lease_until, busy[0] < 0) == (True, 0, None, True)


async def test_of_those_who_set_faults_at_once_one_is_the_last(service: Service) -> None:
    box = await sandbox(service)
    here = f"/sandboxes/{box.id}/faults"
    rules = [{"fault": "status=503", "methods": ["DELETE"], "after": number} for number in range(3)]
    put = [box.client.put(here, json={"rules": rules}) for _ in range(6)]
    for answer in await asyncio.gather(*put):
        answered(answer, 200)
    assert [one["after"] for one in (await box.client.read(here))["rules"]] == [0, 1, 2]
