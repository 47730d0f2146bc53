"""Members over the API: who sees them, who may change them, and that an owner stays."""

import asyncio

import pytest

from engage_api.core.scopes import Scope
from tests.accounts.browsing import Town
from tests.members.people import Person, member, party
from tests.running import Answer, Application

IF_MATCH = [("If-Match", "*")]
ADMIN = sorted(scope.value for scope in Scope if scope.administers)


async def patch(town: Town, key: str, who: Person, role: str) -> Answer:
    return await town.service.ask("PATCH", f"/v1/members/{who.member}", {"role": role}, key=key, headers=IF_MATCH)


async def delete(town: Town, key: str, who: Person) -> Answer:
    return await town.service.ask("DELETE", f"/v1/members/{who.member}", key=key, headers=IF_MATCH)


async def test_members_are_seen_changed_and_let_go(town: Town) -> None:
    key = await town.service.key()
    owner = await member(town)
    other = await member(town, "viewer", owner.organization)
    listed = await town.service.ask("GET", f"/v1/organizations/{owner.organization}/members", key=key)
    assert {one["id"]: one["role"] for one in listed.json["items"]} == {owner.member: "owner", other.member: "viewer"}
    assert set(listed.json["items"][0]) == {
        *("id", "organizationId", "accountId", "name", "role"),
        *("createdAt", "updatedAt", "version"),
    }
    path = f"/v1/organizations/{owner.organization}/members?role=viewer"
    assert [one["id"] for one in (await town.service.ask("GET", path, key=key)).json["items"]] == [other.member]
    unconditional = await town.service.ask("PATCH", f"/v1/members/{other.member}", {"role": "owner"}, key=key)
    assert unconditional.status == 428
    assert (await patch(town, key, other, "developer")).json["role"] == "developer"
    assert (await patch(town, key, other, "king")).status == 400
    assert (await delete(town, key, other)).status == 204
    assert (await delete(town, key, other)).status == 404
    for wrong in ("org_none", "x"):
        assert (await town.service.ask("GET", f"/v1/organizations/{wrong}/members", key=key)).status == 404


async def test_a_party_sees_its_own_members_alone(town: Town) -> None:
    ours, theirs = await town.service.application(), await town.service.application()
    owner = await member(town, "owner", f"org_{ours.id}")
    mine, foreign = await town.service.key(who=ours), await town.service.key(who=theirs)
    for path in (f"/v1/members/{owner.member}", f"/v1/organizations/org_{ours.id}/members"):
        assert (await town.service.ask("GET", path, key=mine)).status == 200
        assert (await town.service.ask("GET", path, key=foreign)).status == 404
    assert (await patch(town, foreign, owner, "viewer")).status == 404
    assert (await delete(town, foreign, owner)).status == 404
    sandbox = await town.service.key(who=await town.service.sandbox())
    assert (await town.service.ask("GET", f"/v1/members/{owner.member}", key=sandbox)).status == 404


async def test_the_last_owner_stays(town: Town) -> None:
    key, owner = await town.service.key(), await member(town)
    for answer in (await patch(town, key, owner, "viewer"), await delete(town, key, owner)):
        assert (answer.status, answer.code) == (409, "last-owner")
    assert (await patch(town, key, owner, "owner")).status == 200
    second = await member(town, "owner", owner.organization)
    assert (await delete(town, key, owner)).status == 204
    assert (await delete(town, key, second)).code == "last-owner"


@pytest.mark.parametrize("verb", [patch, delete])
async def test_of_owners_who_go_at_once_one_stays(town: Town, verb: object) -> None:
    key, first = await town.service.key(), await member(town)
    owners = [first, *[await member(town, "owner", first.organization) for _ in range(3)]]
    for one in owners[:2]:
        await member(town, "viewer", one.organization)
    calls = [patch(town, key, one, "viewer") if verb is patch else delete(town, key, one) for one in owners]
    answers = await asyncio.gather(*calls)
    assert sorted(answer.status for answer in answers) == [200 if verb is patch else 204] * 3 + [409]


async def test_nobody_gives_a_role_that_may_more_than_they(town: Town) -> None:
    """What applications of a party have: everything but to administer lets them give every role of a party."""
    everything = [scope.value for scope in Scope]
    rows = [
        ("viewer", [one for one in everything if one.endswith(":read")], True),
        ("viewer", ["members:write", "members:read", "cases:write"], False),
        ("developer", [one for one in everything if one not in ADMIN], True),
        ("developer", [one for one in everything if one.endswith(":read")], False),
        ("owner", [one for one in everything if one not in ADMIN], True),
        ("owner", [one for one in everything if one not in [*ADMIN, "cases:write"]], False),
    ]
    owner = await member(town)
    other = await member(town, "viewer", owner.organization)
    for role, scopes, may in rows:
        key = await town.service.key(" ".join({*scopes, "members:write"}))
        answer = await patch(town, key, other, role)
        assert answer.status == (200 if may else 403), (role, answer.body)
        body = {"email": town.somebody(), "role": role}
        path = f"/v1/organizations/{owner.organization}/invitations"
        invited = await town.service.ask("POST", path, body, key=key)
        assert invited.status == (201 if may else 403), (role, invited.body)


async def test_to_administer_is_for_internal_organizations(town: Town) -> None:
    internal = await party(town, "internal")
    owner = await member(town, "owner", internal)
    other = await member(town, "viewer", internal)
    less = await town.service.key(" ".join(scope.value for scope in Scope if not scope.administers))
    told = await patch(town, less, other, "owner")
    assert (told.status, told.json["requiredScope"]) == (403, ADMIN[0])
    assert (await patch(town, less, other, "developer")).status == 200
    assert (await patch(town, await town.service.key(), other, "owner")).status == 200
    assert owner.organization == internal


async def test_scopes_of_others_do_nothing_here(town: Town) -> None:
    owner = await member(town)
    reads = await town.service.key("members:read")
    told = await patch(town, reads, owner, "viewer")
    assert (told.status, told.json["requiredScope"]) == (403, "members:write")
    sandbox = await town.service.key(who=Application((await town.service.sandbox()).id, "live"))
    assert (await delete(town, sandbox, owner)).status in (401, 404)
