"""A fork goes its own way and its parent keeps every byte; a restoration brings every byte back."""

from typing import Any

import pytest

from engage_api.sandbox.copies import service as copies
from engage_api.sandbox.tables import MEANS, Means
from tests.api.harness import Client, Service, answered, refused, works
from tests.sandbox.dumps import Dump, alike, dump
from tests.sandbox.full import fill

ANY = {"If-Match": "*"}
WORLD = {name for name, means in MEANS.items() if means is Means.COPIED}


def world_of(dumped: Dump) -> Dump:
    """What a copy has of it, but for secrets, which are encrypted anew, and the number that an event was written as."""
    found = {name: rows for name, rows in dumped.items() if name in WORLD}
    found["webhook_secret_seal"] = [row[:2] for row in found.get("webhook_secret_seal", [])]
    found["event"] = [row[:2] + row[3:] for row in found["event"]]
    return found


async def sandbox(api: Client, service: Service, **wanted: Any) -> tuple[str, Client]:
    """A sandbox that the operator made, and who has its first key."""
    made = await api.made("/sandboxes", {"size": "empty", "clock": {"mode": "frozen"}, **wanted})
    return made["id"], await service.client(made["key"])


async def look(service: Service, sandbox_id: str) -> Dump:
    found = await dump(service.db, sandbox_id)
    found.pop("usage", None)
    found.pop("idempotency", None)
    return found


@pytest.fixture
async def api(service: Service) -> Client:
    return await service.caller()


async def forked(api: Client, service: Service, sandbox_id: str) -> tuple[str, Client]:
    made = await api.made(f"/sandboxes/{sandbox_id}/forks", {"name": "What if"})
    return made["id"], await service.client(made["key"])


async def test_a_fork_is_alike_and_leaves_its_parent_as_it_is(service: Service, api: Client) -> None:
    parent, owner = await sandbox(api, service)
    await fill(owner)
    before = await look(service, parent)
    fork, client = await forked(api, service, parent)
    assert alike(world_of(before), parent, fork) == alike(world_of(await look(service, fork)), fork, fork)
    assert await owner.read("/events", limit=200) == await client.read("/events", limit=200)
    await fill_other(client)
    assert await look(service, parent) == before


async def fill_other(client: Client) -> None:
    """Diverge: in every table."""
    one = (await client.ids("/customers", segment="vip"))[0]
    answered(await client.change(f"/customers/{one}", {"displayName": "Somebody else", "segments": []}), 200)
    assert await client.ids("/customers", search="somebody") == [one]
    assert await client.ids("/customers", search="zoe") == []
    case = (await client.ids("/cases"))[0]
    await client.moved(f"/cases/{case}", "accepted")
    offer = (await client.ids("/offers"))[0]
    assert (await client.delete(f"/offers/{offer}", headers={"If-Match": "*"})).status_code == 204
    hook = (await client.ids("/webhook-endpoints"))[0]
    answered(await client.post(f"/webhook-endpoints/{hook}/secrets", json={}), 201)


async def test_the_same_calls_go_on_alike_in_both(service: Service, api: Client) -> None:
    parent, owner = await sandbox(api, service)
    await fill(owner)
    _fork, client = await forked(api, service, parent)
    last = (await owner.read("/events", limit=200))["items"][-1]
    logs = []
    for who in (owner, client):
        await who.made("/customers", {"kind": "person", "displayName": "New"})
        number = int(last["sequence"]) + 1
        events = await who.events(1, after=last["id"])
        assert [int(event["sequence"]) for event in events] == [number]
        logs.append(events)
    assert logs[0] == logs[1], "the same ids and times"


async def test_what_lets_somebody_in_is_not_copied(service: Service, api: Client) -> None:
    parent, owner = await sandbox(api, service)
    await fill(owner)
    spare = await owner.made("/api-keys", {"name": "Spare", "scopes": ["customers:read"]})
    fork, client = await forked(api, service, parent)
    found = await look(service, fork)
    ended = {name for name, means in MEANS.items() if means is Means.ENDED}
    assert {name: len(rows) for name, rows in found.items() if name in ended} == {"api_key": 1, "credential": 1}
    [key] = (await client.read("/api-keys"))["items"]
    assert key["id"] == (await client.read("/events"))["items"][0]["subject"], "the log tells of it"
    assert (await client.get(f"/api-keys/{spare['id']}")).status_code == 404


async def test_webhooks_of_a_fork_begin_at_the_end_of_its_log(service: Service, api: Client) -> None:
    parent, owner = await sandbox(api, service)
    await fill(owner)
    fork, _client = await forked(api, service, parent)
    found = await look(service, fork)
    [(_, end)] = found["counter"]
    assert found["webhook_cursor"] == [(fork, end)]
    assert [row[2] for row in found["webhook_health"]] == [end]
    box = service.services.webhooks.box
    keys = []
    for workspace in (parent, fork):
        [(_, secret_id, sealed)] = (await look(service, workspace))["webhook_secret_seal"]
        keys.append(box.open(workspace, secret_id, sealed))
    assert keys[0] == keys[1] is not None


async def test_a_restoration_brings_every_byte_back(service: Service, api: Client) -> None:
    sandbox_id, owner = await sandbox(api, service)
    await fill(owner)
    kept = await owner.made("/api-keys", {"name": "Before", "scopes": ["customers:read"]})
    before = await look(service, sandbox_id)
    taken = await api.made(f"/sandboxes/{sandbox_id}/snapshots", {"name": "Before the storm"})
    assert taken["state"] == "ready"
    assert [(sandbox_id, taken["events"])] == before["counter"]
    await fill_other(owner)
    later = await owner.made("/api-keys", {"name": "After", "scopes": ["customers:read"]})
    restored = await api.made(f"/sandboxes/{sandbox_id}/restorations", {"snapshotId": taken["id"]})
    assert restored["state"] == "ready"
    after = await look(service, sandbox_id)
    assert world_of(after) == world_of(before)
    assert after["world"][0][2] == before["world"][0][2], "as many ids were given out"
    assert await works(service, owner.key, path="/customers")
    assert await works(service, kept["key"], path="/customers")
    assert not await works(service, later["key"], path="/customers")
    again = await api.made(f"/sandboxes/{sandbox_id}/restorations", {"snapshotId": taken["id"]})
    assert again["state"] == "ready"
    assert world_of(await look(service, sandbox_id)) == world_of(before)


async def test_a_reset_makes_the_same_again(service: Service, api: Client) -> None:
    made = await api.made("/sandboxes", {"size": "tiny", "seed": "spring", "clock": {"mode": "frozen"}})
    sandbox_id, client = made["id"], await service.client(made["key"])
    before = await look(service, sandbox_id)
    await fill_some(client)
    assert world_of(await look(service, sandbox_id)) != world_of(before)
    answer = await client.post(f"/sandboxes/{sandbox_id}/resets", json={})
    assert answered(answer, 201)["state"] == "ready"
    after = await look(service, sandbox_id)
    secrets = {"webhook_secret", "webhook_secret_seal"}
    assert {n: r for n, r in world_of(after).items() if n not in secrets | {"event"}} == {
        n: r for n, r in world_of(before).items() if n not in secrets | {"event"}
    }


async def fill_some(client: Client) -> None:
    await client.made("/customers", {"kind": "person", "displayName": "More"})


async def test_a_sandbox_has_so_many_snapshots(service: Service, api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "MOST", 1)
    sandbox_id, _ = await sandbox(api, service)
    path = f"/sandboxes/{sandbox_id}/snapshots"
    taken = await api.made(path, {})
    told = refused(await api.post(path, json={}), 409, "too-many-snapshots")["detail"]
    assert told.startswith("A sandbox has 1 at most: delete one")
    assert (await api.delete(f"{path}/{taken['id']}", headers=ANY)).status_code == 204
    await api.made(path, {})


async def test_nobody_else_has_a_way_to_copies(service: Service, api: Client) -> None:
    sandbox_id, _ = await sandbox(api, service)
    other_id, _other = await sandbox(api, service)
    stranger = await service.caller(who=service.world.developer)
    taken = await api.made(f"/sandboxes/{sandbox_id}/snapshots", {})
    for path, body in (("forks", {}), ("snapshots", {}), ("resets", {}), ("restorations", {"snapshotId": taken["id"]})):
        refused(await stranger.post(f"/sandboxes/{sandbox_id}/{path}", json=body), 404, "not-found")
    for path in ("snapshots", f"snapshots/{taken['id']}"):
        refused(await stranger.get(f"/sandboxes/{sandbox_id}/{path}"), 404, "not-found")
    answer = await api.post(f"/sandboxes/{other_id}/restorations", json={"snapshotId": taken["id"]})
    refused(answer, 400, "unknown-reference")
    refused(await api.get(f"/sandboxes/{other_id}/snapshots/{taken['id']}"), 404, "not-found")
    refused(await api.delete(f"/sandboxes/{other_id}/snapshots/{taken['id']}", headers=ANY), 404, "not-found")
    assert (await api.delete(f"/sandboxes/{sandbox_id}/snapshots/{taken['id']}", headers=ANY)).status_code == 204
    refused(await api.get(f"/sandboxes/{sandbox_id}/snapshots/{taken['id']}"), 404, "not-found")
