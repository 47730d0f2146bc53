"""API keys: how they end, and how their use is noted."""

import asyncio
from time import monotonic
from typing import Any

import pytest
from sqlalchemy import Table, bindparam, update

from engage_api.access.applications.models import ApplicationRow
from engage_api.access.organizations.models import OrganizationRow
from engage_api.db.sql import Query
from engage_api.settings import Settings
from tests.api.harness import Client, Service, answered, eventually, refused, serving, works

PLAIN: dict[str, Any] = {"name": "Nightly", "scopes": ["cases:read"]}


async def test_a_revoked_key_ends_with_the_next_call_here_and_within_a_second_elsewhere(
    service: Service, api: Client, settings: Settings
) -> None:
    made = await api.made("/api-keys", PLAIN)
    async with serving(settings, service.world) as elsewhere:
        there = await elsewhere.client(made["key"])
        assert await works(service, made["key"])
        await there.read("/cases")
        assert (await api.delete(f"/api-keys/{made['id']}")).status_code == 204
        began = monotonic()
        assert not await works(service, made["key"])

        async def ended() -> bool | None:
            return (await there.get("/cases")).status_code == 401 or None

        await eventually(ended)
        assert monotonic() - began < 1.5  # one second, and what a busy machine takes
    refused(await api.get(f"/api-keys/{made['id']}"), 404, "not-found")


async def test_a_key_may_end_itself(service: Service) -> None:
    clerk = await service.caller("keys:read keys:write")
    (own,) = [one["id"] for one in (await clerk.read("/api-keys"))["items"] if one["hint"].endswith(clerk.key[-4:])]
    assert (await clerk.delete(f"/api-keys/{own}")).status_code == 204
    refused(await clerk.get("/api-keys"), 401, "unauthenticated")


async def test_whoever_finds_a_key_may_end_it(service: Service, api: Client, nobody: Client) -> None:
    made = await api.made("/api-keys", PLAIN)
    body = {"key": made["key"]}
    answers = await asyncio.gather(*(nobody.post("/api-keys/leaked", json=body) for _ in range(5)))
    answers += [
        await nobody.post("/api-keys/leaked", json=body),
        await nobody.post("/api-keys/leaked", json={"key": "eng_live_key_" + "0" * 36}),
        await nobody.post("/api-keys/leaked", json={"key": "anything"}),
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(204, b"")}
    assert not await works(service, made["key"])
    events = await api.events(2, subject=made["id"])
    assert [event["type"] for event in events] == ["engage.api-key.created.v1", "engage.api-key.leaked.v1"]
    assert [event["actor"] for event in events] == ["application:app_operator", "anonymous"]
    assert await works(service, api.key, path="/offers")


async def test_a_leaked_key_ends_whoever_made_it(service: Service, api: Client, nobody: Client) -> None:
    partner = await service.caller("cases:read", who=service.world.partner)
    (own,) = [one["id"] for one in (await api.read("/api-keys"))["items"] if one["hint"].endswith(partner.key[-4:])]
    new = await api.made(f"/api-keys/{own}/rotations", {})
    assert new["applicationId"] == service.world.partner.id
    assert (await nobody.post("/api-keys/leaked", json={"key": new["key"]})).status_code == 204
    assert not await works(service, new["key"])


async def test_a_key_that_ended_elsewhere_is_reported_like_any_other(
    service: Service, api: Client, settings: Settings
) -> None:
    made = await api.made("/api-keys", PLAIN)
    async with serving(settings, service.world) as elsewhere:
        await (await elsewhere.client(made["key"])).read("/cases")
        assert (await api.delete(f"/api-keys/{made['id']}")).status_code == 204
        stranger = await elsewhere.client()
        answers = [await stranger.post("/api-keys/leaked", json={"key": made["key"]}) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [204, 204]


async def test_its_last_use_is_written_down_without_an_event(service: Service, api: Client, settings: Settings) -> None:
    made = await api.made("/api-keys", PLAIN)
    async with serving(settings, service.world) as elsewhere:  # writes down at its end
        caller = await elsewhere.client(made["key"])
        await caller.read("/cases")
    read = await api.read(f"/api-keys/{made['id']}")
    assert read["lastUsedAt"] >= made["createdAt"]
    assert read | {"lastUsedAt": None, "key": made["key"]} == made
    answered(await api.post("/offers", json={"title": "marker"}), 201)
    await api.events(1, type="engage.offer.created.v1")
    assert len(await api.events(1, subject=made["id"])) == 1


@pytest.mark.parametrize(("row", "state"), [(ApplicationRow, "revoked"), (OrganizationRow, "suspended")])
async def test_a_key_ends_with_its_application_or_organization(service: Service, row: Any, state: str) -> None:
    partner = await service.caller(who=service.world.partner)
    await partner.read("/cases")
    table: Table = row.__table__
    owner = service.world.partner.id if row is ApplicationRow else f"org_{service.world.partner.id}"
    change = Query(update(table).where(table.c.id == bindparam("at")), ["state"])
    async with service.db.system.write(None) as tx:
        assert await tx.run(change, at=owner, state=state) == 1

    async def ended() -> bool | None:
        return (await partner.get("/cases")).status_code == 401 or None

    await eventually(ended)


async def test_a_sandbox_application_opens_nothing_live(service: Service) -> None:
    """Its key would have to be in the live workspace, and is good for nothing there."""
    trespasser = service.world.developer._replace(workspace=service.world.operator.workspace)
    key = await service.key(who=trespasser)
    assert not await works(service, key)
