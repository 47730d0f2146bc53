"""Usage: every answer to a known caller is counted once, and shown to whom it belongs."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from engage_api.access.usage import service as usage
from engage_api.access.usage.service import Ledger
from engage_api.db.errors import Unavailable
from tests.api.harness import Client, Service, places, refused
from tests.api.plans import make_plan

FIGURES = ("calls", "clientErrors", "serverErrors", "limited")
ALL = "day,application,credential,operation"


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(datetime(2026, 11, 21, 12, tzinfo=UTC), tick=False) as traveller:
        yield traveller


async def ledger(service: Service) -> Ledger:
    """One that carries away at once what this service has counted."""
    return Ledger(service.db, service.services.tally, service.services.limits._quotas)


async def figures(service: Service, who: Client, **params: Any) -> list[dict[str, Any]]:
    await (await ledger(service)).flush()
    return list((await who.read("/usage", **params))["items"])


def numbers(row: dict[str, Any]) -> list[int]:
    return [row[name] for name in FIGURES]


async def test_calls_errors_and_limits_are_counted_apart(service: Service, clock: time_machine.Traveller) -> None:
    caller = await service.caller("customers:read usage:read", plan=await make_plan(service, window=5))
    for path in ("/customers", "/customers", "/customers/none", "/customers?limit=0", "/customers", "/customers"):
        await caller.get(path)
    refused(await caller.get("/cases"), 403, "insufficient-scope")
    rows = await figures(service, caller, groupBy=ALL, limit=200)
    mine = {row["operation"]: numbers(row) for row in rows if row["credential"] != "access-token"}
    assert mine["list_customers"] == [5, 1, 0, 1]
    assert mine["get_customer"] == [1, 1, 0, 0]
    assert mine["list_cases"] == [1, 1, 0, 0]
    assert {row["day"] for row in rows} == {"2026-11-21"}


async def test_what_breaks_is_counted_as_ours(service: Service, api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from engage_api.db import reader  # noqa: PLC0415  # what will break

    async def broken(*_: Any, **__: Any) -> None:
        raise Unavailable

    with monkeypatch.context() as planted:
        planted.setattr(reader, "document", broken)
        refused(await api.get("/offers/x"), 503, "unavailable")
    [row] = await figures(service, api, operation="get_offer", groupBy="operation")
    assert numbers(row) == [1, 0, 1, 0]


async def test_figures_add_up_however_they_are_grouped(service: Service, partner: Client) -> None:
    second = await service.caller(who=service.world.partner)
    session = await partner.made("/customers", {"kind": "person", "displayName": "Zoë"})
    token = (await partner.made(f"/customers/{session['id']}/sessions", {}))["token"]
    customer = await service.client(token)
    for who, path, times in (
        (partner, "/cases", 3),
        (second, "/cases", 4),
        (second, "/offers", 2),
        (customer, "/me", 5),
    ):
        for _ in range(times):
            await who.get(path)
    rows = await figures(service, partner, groupBy=ALL, limit=200)
    by_credential: dict[str, int] = {}
    for row in rows:
        by_credential[row["credential"]] = by_credential.get(row["credential"], 0) + row["calls"]
    assert by_credential["customer-token"] == 5
    assert sorted(by_credential.values())[:3] == [5, 5, 6]
    for groups in ("day", "application", "credential", "operation", "operation,day", "credential,application"):
        found = await figures(service, partner, groupBy=groups, limit=200)
        assert sum(row["calls"] for row in found) >= sum(row["calls"] for row in rows)
        named = {"day": "day", "application": "applicationId", "credential": "credential", "operation": "operation"}
        for row in found:
            assert {name for name, field in named.items() if row[field] is not None} == set(groups.split(","))
    [cases] = await figures(service, partner, operation="list_cases", groupBy="operation")
    assert cases["calls"] == 7
    key = next(name for name, calls in by_credential.items() if calls == 6 and name.startswith("key_"))
    found = await figures(service, partner, credential=key, groupBy="operation")
    assert {row["operation"]: row["calls"] for row in found} == {"list_cases": 4, "list_offers": 2}
    assert await figures(service, partner, applicationId="app_none") == []


async def test_each_sees_their_own_and_the_operator_all_of_the_workspace(
    service: Service, api: Client, partner: Client, other: Client
) -> None:
    for who in (api, partner, other):
        await who.get("/tasks")
    world = service.world
    seen = {}
    for name, who in (("api", api), ("partner", partner), ("other", other)):
        seen[name] = {row["applicationId"] for row in await figures(service, who, groupBy="application")}
    assert seen["partner"] == {world.partner.id}
    assert seen["other"] == {world.developer.id}
    assert {world.partner.id, world.operator.id} <= seen["api"]
    assert world.developer.id not in seen["api"]
    assert await figures(service, partner, applicationId=world.operator.id) == []


async def test_pages_go_through_all_of_it_once(service: Service, api: Client) -> None:
    for path in ("/cases", "/offers", "/tasks", "/customers", "/api-keys"):
        await api.get(path)
    whole = await figures(service, api, groupBy="operation,credential", limit=200)
    items: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await api.read(
            "/usage", groupBy="operation,credential", limit=2, **({"cursor": cursor} if cursor else {})
        )
        items += page["items"]
        cursor = page["nextCursor"]
    assert [(row["credential"], row["operation"]) for row in items] == [
        (row["credential"], row["operation"]) for row in whole
    ]
    first = await api.read("/usage", groupBy="operation,credential", limit=2)
    for question in ({"groupBy": "operation"}, {"groupBy": "operation,credential", "operation": "list_cases"}):
        refused(await api.get("/usage", params=question | {"cursor": first["nextCursor"]}), 400, "invalid-cursor")


async def test_days_are_chosen_and_old_ones_forgotten(service: Service, clock: time_machine.Traveller) -> None:
    caller = await service.caller()
    for day in (0, 1, 45, 400):
        clock.move_to(_before(day))
        await caller.get("/offers")
    clock.move_to(_before(0))
    only = {"operation": "list_offers", "credential": await _key_of(service, caller)}

    def days(rows: list[dict[str, Any]]) -> list[str]:
        return [row["day"] for row in rows]

    assert days(await figures(service, caller, **only)) == ["2026-11-20", "2026-11-21"]
    everything = await figures(service, caller, dayFrom="2025-01-01", **only)
    assert days(everything) == ["2025-10-17", "2026-10-07", "2026-11-20", "2026-11-21"]
    some = await figures(service, caller, dayFrom="2026-10-07", dayUntil="2026-11-21", **only)
    assert days(some) == ["2026-10-07", "2026-11-20"]
    await usage.sweep(service.db)
    assert days(await figures(service, caller, dayFrom="2025-01-01", **only))[0] == "2026-10-07"


def _before(days: int) -> datetime:
    return datetime.fromtimestamp(datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp() - days * 86_400, UTC)


async def _key_of(service: Service, caller: Client) -> str:
    who = await service.services.doorkeeper.recognise(caller.key)
    assert who
    return who.credential


async def test_what_is_no_question_is_refused(api: Client) -> None:
    for name, wrong in {
        "dayFrom": ["2026-99-01", "yesterday", "2026-11-21T00:00:00Z", "20261121", ""],
        "dayUntil": ["2026-02-30"],
        "groupBy": ["", "week", "day,", "day;operation", "day,day,day,day,day"],
        "limit": ["0", "201", "x"],
        "nothing": ["x"],
    }.items():
        for value in wrong:
            problem = refused(await api.get("/usage", params={name: value}), 400, "invalid-request")
            assert places(problem) == {name}, (name, value)
    refused(await api.get("/usage", params={"cursor": "x"}), 400, "invalid-cursor")


async def test_a_stranger_is_not_counted(service: Service) -> None:
    await (await ledger(service)).flush()
    nobody = await service.client()
    for path in ("/cases", "/nothing"):
        await nobody.get(path)
    assert service.services.tally.take() == []
