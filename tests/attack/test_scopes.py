"""Every operation with no credential, with each scope alone and with all of them: the registry is what happens."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from fastapi import APIRouter, Response

from engage_api import app as composition
from engage_api.access.guard import Doorkeeper
from engage_api.app import create_api
from engage_api.core.principal import Principal
from engage_api.core.scopes import EVERYTHING, Scope
from engage_api.http import walk
from tests.attack.catalogue import Operation, operations
from tests.attack.corpus import plain
from tests.attack.world import World
from tests.counts import Count
from tests.running import Answer, service

NOBODY, ALL = "no credential", "*"
CALLERS = [NOBODY, *(scope.value for scope in Scope), ALL]
LEAST = 350  # cells on each database


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with service(database_url) as running:
        made = World(running, await running.key())
        await made.fill()
        yield made


async def ask(world: World, operation: Operation, caller: str, keys: dict[str, str]) -> Answer:
    path = operation.at(world.ids | {"external_id": "our:1"})
    body = plain(operation) if operation.schema else None
    match = [("If-Match", '"stale"')] if operation.method in {"PATCH", "DELETE"} else []
    return await world.service.ask(operation.method, path, body, key=keys.get(caller), headers=match)


def expected(operation: Operation, caller: str) -> str:
    if not operation.scopes or caller in {*operation.scopes, ALL}:
        return "in"
    if caller == NOBODY and operation.name in walk.WELCOME:
        return "in"
    return "401" if caller == NOBODY else "403"


def happened(answer: Answer, operation: Operation) -> str:
    """403 for another reason is what the operation itself has to say: the key would give away what it has not, or is no
    customer's.
    """
    if answer.status == 403 and answer.json.get("requiredScope") != operation.scopes[0]:
        return "in"
    return str(answer.status) if answer.status in {401, 403} else "in"


async def wrong_cells(world: World, count: Count) -> list[str]:
    keys = {caller: await world.service.key(caller) for caller in CALLERS if caller != NOBODY}
    wrong, cells = [], 0
    for operation in operations():
        for caller in CALLERS:
            if operation.name == "revoke_api_key":  # it may be there once
                world.ids["key_id"] = "key_unknown"
            answer = await ask(world, operation, caller, keys)
            cells += 1
            if happened(answer, operation) != expected(operation, caller):
                wrong.append(f"{operation.name} with {caller}: {answer.status}")
            if operation.scopes and answer.header("accepted-scopes") != operation.scopes[0]:
                wrong.append(f"{operation.name} says {answer.header('accepted-scopes')}")
            if answer.status == 401 and "resource_metadata=" not in (answer.header("www-authenticate") or ""):
                wrong.append(f"{operation.name} says nothing about how to get in")
    count("scopes", cells=cells, wrong=len(wrong))
    assert cells >= LEAST
    return wrong


async def test_every_cell_is_as_declared(world: World, count: Count) -> None:
    assert await wrong_cells(world, count) == []


async def test_an_expanded_customer_needs_its_own_scope(world: World) -> None:
    path = f"/v1/cases/{world.ids['case_id']}?expand=customer"
    for scopes, status in (("cases:read", 403), ("customers:read", 403), ("cases:read customers:read", 200)):
        assert (await world.service.ask("GET", path, key=await world.service.key(scopes))).status == status


async def test_no_key_makes_another_that_can_do_more(world: World) -> None:
    held = await world.service.key("keys:write")
    for scope in Scope:
        made = await world.service.ask("POST", "/v1/api-keys", {"name": "x", "scopes": [scope.value]}, key=held)
        assert made.status == (201 if scope is Scope.KEYS_WRITE else 403), scope
    rotated = await world.service.ask("POST", f"/v1/api-keys/{world.ids['key_id']}/rotations", {}, key=held)
    assert rotated.status == 403


async def test_a_guard_that_looks_at_nothing_is_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: a key of one scope has them all."""
    recognise = Doorkeeper.recognise

    async def planted(keeper: Doorkeeper, token: str) -> Principal | None:
        principal = await recognise(keeper, token)
        return principal and replace(principal, scopes=EVERYTHING)

    monkeypatch.setattr(Doorkeeper, "recognise", planted)
    assert len(await wrong_cells(world, lambda *_, **__: None)) > LEAST / 2


def test_a_route_that_somebody_forgot_to_guard_stops_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    router = APIRouter()

    @router.get("/forgotten")
    async def forgotten() -> Response:
        return Response()

    monkeypatch.setattr(composition, "ROUTERS", (*composition.ROUTERS, router))
    with pytest.raises(RuntimeError, match="without a guard: forgotten"):
        create_api()


def test_the_description_is_the_registry() -> None:
    declared = {one.name: () if one.scope is None else (one.scope.value,) for one in walk.operations(create_api())}
    assert declared == {one.name: one.scopes for one in operations()}
    assert {name for name, scopes in declared.items() if not scopes} == walk.PUBLIC
