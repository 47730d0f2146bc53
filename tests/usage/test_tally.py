"""What is counted in memory gets into the database: all of it, once, whoever else writes."""

import asyncio
from typing import Any

import pytest

from engage_api.access.usage.service import Ledger
from engage_api.core.principal import Principal
from engage_api.core.scopes import EVERYTHING
from engage_api.db.errors import Unavailable
from engage_api.http import tally
from engage_api.http.quotas import Quotas
from engage_api.http.tally import Tally
from tests.api.harness import Service, serving
from tests.usage.test_usage import figures, numbers


async def test_the_end_of_a_service_writes_down_what_it_counted(service: Service) -> None:
    key = await service.key("offers:read", who=service.world.operator)
    async with serving(service.settings, service.world) as second:
        caller = await second.client(key)
        who = await second.services.doorkeeper.recognise(key)
        for _ in range(7):
            await caller.get("/offers")
    assert who
    [row] = await figures(service, await service.caller(), credential=who.credential, groupBy="credential")
    assert row["calls"] == 7


def principal(service: Service, n: int = 0) -> Principal:
    plan: Any = None
    world = service.world.partner
    return Principal(f"key_{n}", world.id, f"org_{world.id}", world.workspace, True, EVERYTHING, plan, False)


async def test_processes_add_up_and_wait_for_nobody(service: Service) -> None:
    """Eight writers of the same rows at once, in ten rounds."""
    quotas, ledgers = Quotas(None), []  # type: ignore[arg-type]  # nobody has a quota
    for _ in range(10):
        counted = [Tally() for _ in range(8)]
        for one in counted:
            for n in range(30):
                one.count(principal(service, n), "list_cases", 200 if n else 404)
        ledgers = [Ledger(service.db, one, quotas) for one in counted]
        await asyncio.gather(*(one.flush() for one in ledgers))
    caller = await service.caller(who=service.world.partner)
    rows = await figures(service, caller, groupBy="credential", operation="list_cases", limit=200)
    assert {numbers(row)[0] for row in rows} == {80}
    assert len(rows) == 30
    assert sum(row["clientErrors"] for row in rows) == 80


async def test_what_cannot_be_written_waits(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Tally()
    one = Ledger(service.db, counted, Quotas(None))  # type: ignore[arg-type]
    counted.count(principal(service, 77), "list_tasks", 200)

    def away(*_: Any) -> Any:
        raise Unavailable

    with monkeypatch.context() as planted:
        planted.setattr(type(service.db.system), "write", away)
        for _ in range(2):
            with pytest.raises(Unavailable):
                await one.flush()
        counted.count(principal(service, 77), "list_tasks", 500)
    await one.flush()
    await one.flush()
    caller = await service.caller(who=service.world.partner)
    [row] = await figures(service, caller, credential="key_77", groupBy="credential")
    assert numbers(row) == [2, 0, 1, 0]


async def test_memory_is_bounded_and_nothing_is_lost(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "MOST", 50)
    counted = Tally()
    for n in range(400):
        counted.count(principal(service, n), f"operation_{n}", 200)
    taken = counted.take()
    assert len(taken) == 51
    assert sum(one.calls for one in taken) == 400
    assert [(one.operation, one.calls) for one in taken[50:]] == [("other", 350)]
    assert counted.take() == []
    counted.count(principal(service, 500), "operation_0", 200)
    monkeypatch.setattr(tally, "MOST", 0)
    counted.count(principal(service, 501), "list_offers", 404)
    await Ledger(service.db, counted, Quotas(None)).flush()  # type: ignore[arg-type]
    rows = await figures(service, await service.caller(who=service.world.partner), groupBy="credential,operation")
    assert [(row["credential"], numbers(row)) for row in rows if row["operation"] == "other"] == [
        ("other", [1, 1, 0, 0])
    ]
