"""Refresh tokens: each is exchanged for the next one, all of a sign-in are one family, and they end together."""

import asyncio
from datetime import timedelta
from time import monotonic
from typing import Any

import pytest
import time_machine
from sqlalchemy import bindparam, update

from engage_api.access.accounts.models import AccountRow
from engage_api.access.oauth import store
from engage_api.core import clock
from engage_api.db import Query
from tests.accounts.browsing import Town
from tests.members import people
from tests.members.people import Person
from tests.members.test_members import delete, patch
from tests.oauth import parties, programs
from tests.oauth.parties import INTROSPECT, REVOKE, introspected
from tests.oauth.programs import Program
from tests.oauth.test_ends import INACTIVE, opens
from tests.running import Answer
from tests.running import service as running

_account = AccountRow.__table__  # type: ignore[attr-defined]
DISABLE = Query(update(_account).where(_account.c.id == bindparam("at_id")), ["disabled_at"])


def later(**more: float) -> Any:
    """Another time, with a clock that goes on."""
    return time_machine.travel(clock.host() + timedelta(**more), tick=True)


def refused(answer: Answer, error: str = "invalid_grant") -> None:
    assert (answer.status, answer.json["error"]) == (400, error), answer.body


async def test_each_is_exchanged_for_the_next_one(town: Town, program: Program, ada: Person) -> None:
    seen, got = set(), await program.tokens(ada.browser)
    for _ in range(4):
        seen.add(got["refresh_token"])
        answer = await program.refresh(got["refresh_token"])
        assert (answer.status, answer.header("cache-control")) == (200, "no-store")
        assert answer.json.keys() == {"access_token", "refresh_token", "token_type", "expires_in", "scope"}
        assert answer.json["scope"] == got["scope"]
        got = answer.json
        assert await opens(town.service, got["access_token"])
    assert len(seen | {got["refresh_token"]}) == 5


async def test_for_ten_seconds_one_that_was_used_is_answered_again_with_the_same(
    town: Town, program: Program, ada: Person
) -> None:
    """Two tabs, or an answer that was lost on its way."""
    first = await program.tokens(ada.browser)
    second = (await program.refresh(first["refresh_token"])).json
    with later(seconds=9):
        again = (await program.refresh(first["refresh_token"])).json
        assert again["refresh_token"] == second["refresh_token"]
        assert all([await opens(town.service, got["access_token"]) for got in (second, again)])
        third = (await program.refresh(again["refresh_token"])).json
        assert third["refresh_token"] not in (first["refresh_token"], second["refresh_token"])


async def test_afterwards_its_use_ends_all_of_its_family(town: Town, program: Program, ada: Person) -> None:
    first, apart = await program.tokens(ada.browser), await program.tokens(ada.browser)
    second = (await program.refresh(first["refresh_token"])).json
    third = (await program.refresh(second["refresh_token"])).json
    assert await opens(town.service, third["access_token"])
    with later(seconds=11):
        for old in (first, second, third):
            refused(await program.refresh(old["refresh_token"]))
        assert not any([await opens(town.service, got["access_token"]) for got in (first, second, third)])
        assert await introspected(town.service, program.who, third["refresh_token"]) == INACTIVE
        assert await opens(town.service, apart["access_token"])
        assert (await program.refresh(apart["refresh_token"])).status == 200


async def test_the_newest_may_be_used_late(program: Program, ada: Person) -> None:
    got = await program.tokens(ada.browser)
    with later(days=29):
        got = (await program.refresh(got["refresh_token"])).json
    with later(days=60):
        refused(await program.refresh(got["refresh_token"]))


async def test_a_family_ends_after_ninety_days(program: Program, ada: Person) -> None:
    got = await program.tokens(ada.browser)
    for days in (29, 58, 87, 89):
        with later(days=days):
            got = (await program.refresh(got["refresh_token"])).json
    with later(days=90, seconds=1):
        refused(await program.refresh(got["refresh_token"]))


async def test_scopes_become_fewer_for_one_token_and_never_more(town: Town, program: Program, ada: Person) -> None:
    got = await program.tokens(ada.browser, scope="customers:read cases:read")
    less = (await program.refresh(got["refresh_token"], scope="cases:read")).json
    assert less["scope"] == "cases:read"
    refused(await program.refresh(less["refresh_token"], scope="customers:write"), "invalid_scope")
    refused(await program.refresh(less["refresh_token"], scope="cases:read admin:organizations"), "invalid_scope")
    whole = (await program.refresh(less["refresh_token"])).json
    assert whole["scope"] == "customers:read cases:read"
    answer = await town.service.ask("GET", "/v1/customers", key=less["access_token"])
    assert (answer.status, answer.json["requiredScope"]) == (403, "customers:read")


@pytest.mark.parametrize("more", [{"scope": "cases:read"}, {"scope": "cases:write"}, {"resource": "x"}])
async def test_a_refused_request_uses_nothing_up(program: Program, ada: Person, more: dict[str, str]) -> None:
    got = await program.tokens(ada.browser)
    assert (await program.refresh(got["refresh_token"], **more)).status == 400
    with later(seconds=30):
        assert (await program.refresh(got["refresh_token"])).status == 200


async def test_another_client_gets_nothing_and_ends_nothing(town: Town, program: Program, ada: Person) -> None:
    other = await programs.make(town)
    got = await program.tokens(ada.browser)
    for who in (other, program.at(program.live)):
        refused(await who.refresh(got["refresh_token"]))
        await who.post({"token": got["refresh_token"]}, REVOKE)
        assert await introspected(town.service, who.who, got["refresh_token"]) == INACTIVE
    for text in (got["access_token"], "x", "", program.who.secret, got["refresh_token"][:-1]):
        assert (await program.refresh(text)).status == 400
    new = (await program.refresh(got["refresh_token"])).json
    with later(seconds=30):
        refused(await other.refresh(got["refresh_token"]))
        assert await opens(town.service, new["access_token"])


# ── what else ends them ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_revoked_refresh_token_ends_its_family(town: Town, program: Program, ada: Person) -> None:
    got, apart = await program.tokens(ada.browser), await program.tokens(ada.browser)
    answer = await program.post({"token": got["refresh_token"], "token_type_hint": "refresh_token"}, REVOKE)
    assert (answer.status, answer.json) == (200, {})
    assert not await opens(town.service, got["access_token"])
    refused(await program.refresh(got["refresh_token"]))
    assert await opens(town.service, apart["access_token"])
    await program.post({"token": apart["access_token"]}, REVOKE)
    assert not await opens(town.service, apart["access_token"])
    assert (await program.refresh(apart["refresh_token"])).status == 200, "an access token ends alone"


async def test_a_client_without_a_secret_ends_its_own(town: Town) -> None:
    program = await programs.make(town, public=True)
    got = await program.tokens((await people.member(town, "owner", program.organization)).browser)
    assert (await program.post({"token": got["refresh_token"]}, REVOKE)).status == 200
    assert not await opens(town.service, got["access_token"])


async def test_what_introspection_says_of_one(town: Town, program: Program, ada: Person) -> None:
    got = await program.tokens(ada.browser)
    told = await introspected(town.service, program.who, got["refresh_token"])
    month = clock.host().timestamp() + 30 * 86_400
    assert month - 60 < told.pop("exp") <= month
    assert (told.pop("active"), told.pop("sub"), told.pop("scope")) == (True, ada.id, "customers:read")
    assert told.keys() == {"iss", "client_id"}
    await program.refresh(got["refresh_token"])
    assert await introspected(town.service, program.who, got["refresh_token"]) == INACTIVE
    assert (await program.post({"token": "x"}, INTROSPECT)).json == INACTIVE


async def test_a_code_shown_again_ends_what_was_got_for_it(town: Town, program: Program, ada: Person) -> None:
    code = (await program.allowed(ada.browser))["code"]
    got = (await program.redeem(code)).json
    assert await opens(town.service, got["access_token"])
    refused(await program.redeem(code, code_verifier=programs.pkce()[0]))
    assert not await opens(town.service, got["access_token"])
    refused(await program.refresh(got["refresh_token"]))


async def test_a_code_is_good_for_a_minute(program: Program, ada: Person) -> None:
    early, late = [(await program.allowed(ada.browser))["code"] for _ in range(2)]
    with later(seconds=58):
        assert (await program.redeem(early)).status == 200
    with later(seconds=61):
        refused(await program.redeem(late))


async def test_a_disabled_account_does_nothing(town: Town, program: Program, ada: Person) -> None:
    got, code = await program.tokens(ada.browser), (await program.allowed(ada.browser))["code"]
    for at in (clock.host(), None):
        async with town.service.db.system.write(None) as tx:
            await tx.run(DISABLE, at_id=ada.id, disabled_at=at)
        town.service.services.doorkeeper.forget_all()
        assert await opens(town.service, got["access_token"]) is (at is None)
        assert (await program.refresh(got["refresh_token"])).status == (400 if at else 200)
        assert (await program.redeem(code)).status == (400 if at else 200)


async def test_a_lesser_role_and_the_end_of_it_bite_at_once(town: Town, program: Program) -> None:
    key, grace = program.operator, await people.member(town, "developer", program.organization)
    got = await program.tokens(grace.browser, scope="openid customers:read customers:write")
    body = {"kind": "person", "displayName": "Ada"}
    assert (await patch(town, key, grace, "viewer")).status == 200
    assert (await town.service.ask("POST", "/v1/customers", body, key=got["access_token"])).status == 403
    assert await opens(town.service, got["access_token"])
    lesser = (await program.refresh(got["refresh_token"])).json
    assert lesser["scope"] == "openid customers:read"
    assert (await delete(town, key, grace)).status == 204
    for token in (got["access_token"], lesser["access_token"]):
        assert (await town.service.ask("GET", "/v1/customers", key=token)).status == 403
    assert (await program.refresh(lesser["refresh_token"])).json["scope"] == "openid"


async def test_in_other_processes_a_family_ends_within_a_second(town: Town, program: Program, ada: Person) -> None:
    async with running(town.service.settings.database, worker=False) as elsewhere:
        got = await program.tokens(ada.browser)
        assert await opens(elsewhere, got["access_token"])
        await program.post({"token": got["refresh_token"]}, REVOKE)
        began = monotonic()
        while await opens(elsewhere, got["access_token"]):
            assert monotonic() - began < 1.5  # one second, and what a busy machine takes
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(("of", "to"), [("applications", "revoked"), ("organizations", "suspended")])
async def test_nothing_works_for_who_may_not_act(town: Town, program: Program, ada: Person, of: str, to: str) -> None:
    got, code = await program.tokens(ada.browser), (await program.allowed(ada.browser))["code"]
    which = program.application if of == "applications" else program.organization
    await parties.moved(town.service, program.operator, f"/{of}/{which}", to)
    assert not await opens(town.service, got["access_token"])
    refused(await program.refresh(got["refresh_token"]), "unauthorized_client")
    refused(await program.redeem(code), "unauthorized_client")
    assert f"is {to}" in (await ada.browser.get(program.path())).text


async def test_whoever_finds_a_refresh_token_may_end_it(town: Town, program: Program, ada: Person) -> None:
    got = await program.tokens(ada.browser)
    told = await town.service.ask("POST", "/v1/api-keys/leaked", {"key": got["refresh_token"]})
    assert told.status == 204
    assert not await opens(town.service, got["access_token"])
    refused(await program.refresh(got["refresh_token"]))


async def test_what_has_expired_is_forgotten(town: Town, program: Program, ada: Person) -> None:
    with later(days=91):
        await store.sweep(town.service.db)  # what other tests have left
    used, _ = await program.tokens(ada.browser), await program.allowed(ada.browser)
    with later(minutes=2):
        assert await store.sweep(town.service.db) == 1, "a code that nobody used"
        assert (await program.refresh(used["refresh_token"])).status == 200
    with later(days=31):
        assert await store.sweep(town.service.db) == 2, "two refresh tokens"
    with later(days=91):
        assert await store.sweep(town.service.db) == 1, "the grant"
