"""Every operation for a person of each role, and for one who is no member: registry and roles are what happens."""

import pytest

from engage_api.access import operator
from engage_api.access.members import service as members
from engage_api.access.members.roles import ROLES, Role, allows
from engage_api.access.oauth import clients, consents, store, tokens
from engage_api.access.oauth.tokens import Purpose
from engage_api.access.worlds import LIVE
from engage_api.core import clock, secret
from engage_api.core.scopes import Scope
from tests.attack.catalogue import Operation, operations
from tests.attack.test_scopes import ask, happened, world
from tests.attack.world import World
from tests.counts import Count
from tests.oauth import parties
from tests.people import add_account

__all__ = ["world"]

STRANGER = "no member"
WORDS = [scope.value for scope in Scope]
LEAST = 150  # cells on each database


async def person(world: World, application: str, account: str) -> str:
    """A token of an application that acts for this person, who allowed it everything."""
    running = world.service
    client = await clients.find(running.db, f"{application}.live")
    made = secret.make("live", "token")
    async with running.db.system.write(None) as tx:
        consent = await consents.agree(tx, client, account, LIVE, WORDS)
        grant = await store.begin(tx, consent, WORDS, clock.host())
        purpose = Purpose(client.id, None, application, LIVE, " ".join(WORDS), grant)
        await tokens.add(tx, running.services.pepper, made, purpose)
    return made.reveal()


async def people(world: World) -> dict[str, str]:
    """Tokens of one internal application by whom they act for."""
    internal = await parties.join(world.service, "City", "internal", scopes=tuple(WORDS))
    who = await operator.principal(world.service.db, LIVE)
    found = {STRANGER: await person(world, internal.application, await add_account(world.service.db))}
    for role in ROLES:
        account = await add_account(world.service.db)
        async with world.service.db.write(LIVE) as tx:
            await members.join(tx, who, internal.organization, (account, "Ada"), role)
        found[role] = await person(world, internal.application, account)
    return found


def expected(operation: Operation, role: Role | None) -> str:
    scopes = [scope for scope in Scope if scope.value in operation.scopes]
    may = [role is not None and allows(role, scope) and scope is not Scope.ME_READ for scope in scopes]
    return "in" if all(may) else "403"  # nobody here is a customer


async def wrong_cells(world: World, count: Count) -> list[str]:
    wrong, cells, keys = [], 0, await people(world)
    for operation in operations():
        for caller in keys:
            if operation.name == "revoke_api_key":  # it may be there once
                world.ids["key_id"] = "key_unknown"
            answer = await ask(world, operation, caller, keys)
            cells += 1
            if happened(answer, operation) != expected(operation, next((one for one in ROLES if one == caller), None)):
                wrong.append(f"{operation.name} for {caller}: {answer.status} {answer.body[:200]!r}")
    count("roles", cells=cells, wrong=len(wrong))
    assert cells >= LEAST
    return wrong


async def test_every_cell_is_as_declared(world: World, count: Count) -> None:
    assert await wrong_cells(world, count) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_role_that_nobody_looks_at_is_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: every member may do everything."""
    monkeypatch.setattr(tokens, "allows", lambda *_: True)
    assert len(await wrong_cells(world, lambda *_, **__: None)) > LEAST / 4


def test_what_roles_mean_is_as_the_pages_say() -> None:
    by_role = {role: {scope for scope in Scope if allows(role, scope)} for role in ROLES}
    assert by_role["viewer"] < by_role["developer"] < by_role["owner"] == set(Scope) - {Scope.ME_READ}
    assert {scope for scope in by_role["viewer"] if not scope.value.endswith(":read")} == set()
    assert not any(scope.administers for scope in by_role["developer"])
