"""Scope, role and operation: what a token of a person may do is what the registry and their role say, in every cell."""

from dataclasses import replace

import pytest

from engage_api.access.guard import Doorkeeper
from engage_api.access.members.roles import ROLES, Role, allows
from engage_api.core.principal import Principal
from engage_api.core.scopes import EVERYTHING, Scope
from tests.accounts.browsing import Town
from tests.attack.catalogue import Operation, operations
from tests.attack.corpus import plain
from tests.attack.test_scopes import happened
from tests.counts import Count
from tests.members import people
from tests.oauth import programs
from tests.oauth.programs import Program, led_back, said
from tests.running import Answer

LEAST = 200  # cells on each database


@pytest.fixture
async def program(town: Town) -> Program:
    """An internal application that may everything in the live workspace."""
    internal = await people.party(town, "internal")
    made = await programs.make(town, organization=internal, scopes=sorted(EVERYTHING))
    return made.at(made.live)


async def token(town: Town, program: Program, role: Role | None) -> tuple[str, str]:
    """All that a person with this role can give, and which scopes that are."""
    browser = (await people.member(town, role, program.organization)).browser if role else await town.signed_in()
    scope = " ".join(["openid", *sorted(EVERYTHING)])
    page = await browser.get(program.path(scope=scope))
    got = (await program.redeem(led_back(await said(browser, page, "allow"))["code"])).json
    return got["access_token"], got["scope"]


async def ask(town: Town, operation: Operation, key: str) -> Answer:
    path = operation.at(dict.fromkeys(operation.parameters, "unknown"))
    body = plain(operation) if operation.schema else None
    match = [("If-Match", '"stale"')] if operation.method in {"PATCH", "DELETE"} else []
    return await town.service.ask(operation.method, path, body, key=key, headers=match)


async def wrong_cells(town: Town, program: Program, count: Count) -> list[str]:
    wrong, cells = [], 0  # `me:read` is for whoever is a customer there, not for members
    for role in (*ROLES, None):
        key, scope = await token(town, program, role)
        may = [one.value for one in Scope if role is not None and allows(role, one) and one is not Scope.ME_READ]
        if scope.split(" ") != ["openid", *may]:
            wrong.append(f"{role} gives {scope}")
        for operation in operations():
            cells += 1
            expected = "in" if not operation.scopes or operation.scopes[0] in may else "403"
            if (found := happened(await ask(town, operation, key), operation)) != expected:
                wrong.append(f"{operation.name} for {role}: {found}, {expected} expected")
    count("roles", cells=cells, wrong=len(wrong))
    assert cells >= LEAST
    return wrong


async def test_every_cell_is_as_declared(town: Town, program: Program, count: Count) -> None:
    assert await wrong_cells(town, program, count) == []


async def test_a_guard_that_forgets_the_role_is_found(
    town: Town, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    recognise = Doorkeeper.recognise

    async def planted(keeper: Doorkeeper, text: str) -> Principal | None:
        principal = await recognise(keeper, text)
        return principal and replace(principal, scopes=EVERYTHING)

    monkeypatch.setattr(Doorkeeper, "recognise", planted)
    assert len(await wrong_cells(town, program, lambda *_, **__: None)) > LEAST / 4
