"""How a token ends: it is revoked, it expires, or whoever holds it may not act any more."""

import asyncio
from datetime import timedelta
from time import monotonic
from typing import Any

import pytest
import time_machine

from engage_api.access.oauth import housekeeping, tokens
from engage_api.core import clock
from tests.oauth import parties
from tests.oauth.parties import GRANT, REVOKE, TOKEN, Credential, Party, introspected, post, token
from tests.oauth.test_refused import issued
from tests.running import BASE_URL, Answer, Service
from tests.running import service as running

INACTIVE = {"active": False}


async def opens(service: Service, key: str) -> bool:
    """Whether a token lets its holder in."""
    answer = await service.ask("GET", "/v1/customers", key=key)
    if answer.status != 200:
        assert (answer.status, answer.code) == (401, "unauthenticated")
        assert 'error="invalid_token"' in (answer.header("www-authenticate") or "")
    return answer.status == 200


async def revoked(service: Service, who: Credential, text: str, **more: str) -> Answer:
    return await post(service, REVOKE, {"token": text, **more}, who)


# ── introspection ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("environment", ["test", "live"])
async def test_a_client_learns_what_its_own_token_may_do(service: Service, ours: Party, environment: str) -> None:
    who, before = getattr(ours, environment), clock.host().timestamp()
    told = await introspected(service, who, await token(service, who, scope="cases:read"))
    assert before - 1 <= told.pop("iat") <= clock.host().timestamp()
    assert before + 3599 <= told.pop("exp") <= clock.host().timestamp() + 3600
    assert told == {
        "active": True,
        "iss": BASE_URL,
        "sub": ours.application,
        "aud": f"{BASE_URL}/v1" if environment == "live" else f"{BASE_URL}/v1/sandboxes/{ours.sandbox}",
        "client_id": who.id,
        "token_type": "Bearer",
        "scope": "cases:read",
    }


async def test_what_is_not_its_own_token_is_inactive_to_a_client(service: Service, ours: Party, theirs: Party) -> None:
    own, other = await token(service, ours.test), await token(service, theirs.test)
    for text in (
        other,
        await token(service, ours.live),
        ours.operator,
        ours.test.secret,
        f"{own}0",
        own[:-1],
        "x",
        "é",
    ):
        assert await introspected(service, ours.test, text) == INACTIVE
    assert (await introspected(service, ours.test, own))["active"] is True


# ── revocation ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("hint", ["", "access_token", "refresh_token", "nobody knows it"])
async def test_a_revoked_token_ends_with_the_next_call(service: Service, ours: Party, hint: str) -> None:
    key, kept = await token(service, ours.test), await token(service, ours.test)
    assert await opens(service, key)
    answer = await revoked(service, ours.test, key, token_type_hint=hint)
    assert (answer.status, answer.json, answer.header("cache-control")) == (200, {}, "no-store")
    assert not await opens(service, key)
    assert await introspected(service, ours.test, key) == INACTIVE
    assert (await revoked(service, ours.test, key)).status == 200
    assert await opens(service, kept)


async def test_nobody_ends_what_is_not_theirs(service: Service, ours: Party, theirs: Party) -> None:
    held = [await token(service, theirs.test), await token(service, ours.live), ours.operator]
    for text in (*held, "x", "é"):
        assert (await revoked(service, ours.test, text)).status == 200
    assert all([await opens(service, key) for key in held])


async def test_in_other_processes_a_token_ends_within_a_second(service: Service, ours: Party) -> None:
    async with running(service.settings.database) as elsewhere:
        key = await token(service, ours.live)
        assert await opens(elsewhere, key)
        await revoked(service, ours.live, key)
        began = monotonic()
        while await opens(elsewhere, key):
            assert monotonic() - began < 1.5  # one second, and what a busy machine takes
            await asyncio.sleep(0.02)


async def test_whoever_finds_a_token_may_end_it(service: Service, ours: Party) -> None:
    key, kept = await token(service, ours.test), await token(service, ours.test)
    for _ in range(2):
        assert (await service.ask("POST", "/v1/api-keys/leaked", {"key": key})).status == 204
        assert not await opens(service, key)
    assert await opens(service, kept)


# ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_token_lasts_an_hour(service: Service, ours: Party) -> None:
    key = await token(service, ours.test)
    with time_machine.travel(clock.host() + timedelta(minutes=59), tick=True):
        assert await opens(service, key)
    with time_machine.travel(clock.host() + timedelta(minutes=60), tick=True):
        assert not await opens(service, key)
        assert await introspected(service, ours.test, key) == INACTIVE


async def test_an_expired_secret_gets_no_token(service: Service, ours: Party) -> None:
    end = clock.wire(clock.host() + timedelta(minutes=5))
    text = await parties.secret(service, ours.operator, ours.application, "test", expiresAt=end)
    short = Credential(ours.test.id, text)
    assert await token(service, short)
    with time_machine.travel(clock.host() + timedelta(minutes=6), tick=True):
        refused = await post(service, TOKEN, {"grant_type": GRANT}, short)
        assert (refused.status, refused.json["error"]) == (401, "invalid_client")
        assert await token(service, ours.test)


async def test_expired_tokens_are_forgotten(
    service: Service, ours: Party, theirs: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "PORTION", 2)
    job: Any = None
    with time_machine.travel(clock.host() + timedelta(minutes=61), tick=True):
        await housekeeping.sweep_tokens(service.db, job)  # those of other tests
    for who in (ours.test, ours.test, ours.test, ours.live, theirs.test):
        await token(service, who)
    with time_machine.travel(clock.host() + timedelta(minutes=61), tick=True):
        key, before = await token(service, ours.test), await issued(service)
        await housekeeping.sweep_tokens(service.db, job)
        assert await issued(service) == before - 5
        assert await opens(service, key)


# ── who may not act ──────────────────────────────────────────────────────────────────────────────────────────────────


async def barred(service: Service, who: Credential) -> str:
    """What a client that gets no token is told."""
    refused = await post(service, TOKEN, {"grant_type": GRANT}, who)
    assert (refused.status, refused.json["error"]) == (400, "unauthorized_client")
    return str(refused.json["error_description"])


async def test_tokens_of_a_revoked_application_end_with_the_next_call(service: Service, ours: Party) -> None:
    held = [(who, await token(service, who)) for who in (ours.test, ours.live)]
    assert all([await opens(service, key) for _, key in held])
    await parties.moved(service, ours.operator, f"/applications/{ours.application}", "revoked")
    for who, key in held:
        assert not await opens(service, key)
        assert await introspected(service, who, key) == INACTIVE
        assert await barred(service, who) == "The application is revoked."


async def test_tokens_of_a_suspended_organization_rest_until_it_is_approved(service: Service, ours: Party) -> None:
    held = [(who, await token(service, who)) for who in (ours.test, ours.live)]
    path = f"/organizations/{ours.organization}"
    await parties.moved(service, ours.operator, path, "suspended")
    for who, key in held:
        assert not await opens(service, key)
        assert await barred(service, who) == "The organization is suspended."
    await parties.moved(service, ours.operator, path, "approved")
    assert all([await opens(service, key) for _, key in held])


async def test_a_leaked_token_ends_also_while_its_organization_is_suspended(service: Service, ours: Party) -> None:
    leaked = await token(service, ours.live)
    path = f"/organizations/{ours.organization}"
    await parties.moved(service, ours.operator, path, "suspended")
    assert (await service.ask("POST", "/v1/api-keys/leaked", {"key": leaked})).status == 204
    await parties.moved(service, ours.operator, path, "approved")
    assert not await opens(service, leaked)


async def test_what_an_application_loses_its_tokens_lose(service: Service, ours: Party) -> None:
    key = await token(service, ours.live)
    assert await opens(service, key)
    await parties.moved(service, ours.operator, f"/applications/{ours.application}", "live", scopes=["cases:read"])
    assert (await introspected(service, ours.live, key))["scope"] == "cases:read"
    refused = await service.ask("GET", "/v1/customers", key=key)
    assert (refused.status, refused.json["requiredScope"]) == (403, "customers:read")
    assert (await service.ask("GET", "/v1/cases", key=key)).status == 200


async def test_before_it_is_live_an_application_works_in_its_sandbox_alone(service: Service) -> None:
    operator = await service.key()
    organization = await parties.made(service, operator, "/organizations", {"name": "New", "kind": "developer"})
    wanted = {"name": "New", "scopes": ["customers:read"], "organizationId": organization["id"]}
    application = await parties.made(service, operator, "/applications", wanted)
    who = {
        environment: Credential(
            application[f"{environment}ClientId"],
            await parties.secret(service, operator, application["id"], environment),
        )
        for environment in ("test", "live")
    }
    assert await opens(service, await token(service, who["test"]))
    assert await barred(service, who["live"]) == "The application is not live: use its test client id."
    await parties.moved(service, operator, f"/organizations/{organization['id']}", "approved")
    await parties.moved(service, operator, f"/applications/{application['id']}", "live", scopes=["customers:read"])
    assert await opens(service, await token(service, who["live"]))


async def test_an_organization_that_is_not_approved_has_nothing_live(service: Service, ours: Party) -> None:
    """No transition leads there; a hand in the database could."""
    held = [(who, await token(service, who)) for who in (ours.test, ours.live)]
    async with service.db.system.write(None) as tx:
        await tx.run(parties.SET_STATE, at_id=ours.organization, state="pending")
    service.services.doorkeeper.forget_all()
    assert [await opens(service, key) for _, key in held] == [True, False]
    assert await barred(service, ours.live) == "The organization is not approved: use the test client id."
    assert await token(service, ours.test)
