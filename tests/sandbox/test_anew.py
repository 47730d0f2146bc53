"""Who follows the log of a sandbox that goes back is told so: nobody waits at a place that is none any more."""

import asyncio
from time import process_time

import pytest

from engage_api.db import ends, sequencer
from engage_api.db.errors import Unavailable
from tests.api.harness import Client, Service, answered, refused
from tests.sandbox.clockwork import sandbox
from tests.taps.reading import newest, reading


async def write(client: Client, number: int) -> None:
    for at in range(number):
        await client.made("/offers", {"title": f"Offer {at}"})


async def test_who_follows_a_log_that_begins_anew_is_told_so(service: Service) -> None:
    box = await sandbox(service)
    await write(box.client, 2)
    snapshot = (await box.client.made(f"/sandboxes/{box.id}/snapshots", {"name": "Before"}))["id"]
    kept = await newest(box.client)

    async def back() -> None:
        answered(await box.client.post(f"/sandboxes/{box.id}/restorations", json={"snapshotId": snapshot}), 201)

    await write(box.client, 5)
    lost = await newest(box.client)
    async with reading(box.client, f"after={kept}") as live:
        await live.until(5)
        waiting = asyncio.create_task(box.client.get("/events", params={"after": lost, "wait": 30}))
        await asyncio.sleep(0.1)
        await back()
        async with reading(box.client) as new:  # at a place before that of those who are still there
            refused(await box.client.get("/events", params={"after": lost}), 410, "event-gone")
            refused(await waiting, 410, "event-gone")
            await live.until(over=True)
            assert live.problem["code"] == "event-gone"
            assert len(live.events) == 5
            began = process_time()
            await asyncio.sleep(0.5)
            assert process_time() - began < 0.25, "it does not wait, it loops"
            await write(box.client, 1)
            await new.until(1)
    again = answered(await box.client.get("/events", params={"after": kept}), 200)
    assert [item["id"] for item in again["items"]] == new.ids
    refused(await box.client.get("/events/stream", headers={"Last-Event-ID": lost}), 410, "event-gone")


async def test_another_log_of_the_same_length_is_another_log(service: Service) -> None:
    """The ids are the same again, so that nothing but the count of beginnings tells."""
    box = await sandbox(service)
    await write(box.client, 1)
    here = await newest(box.client)
    async with reading(box.client, f"after={here}") as live:
        await asyncio.sleep(0.1)
        async with service.db.system.write(None) as tx:  # as a restoration in another process ends
            await ends.begin_anew(tx, box.id)
        await live.until(over=True, seconds=3)
        assert live.problem["code"] == "event-gone"


async def test_the_key_of_a_copy_stays_when_it_goes_back_though_no_log_tells_of_it(service: Service) -> None:
    box = await sandbox(service, size="tiny")
    first = answered(await box.client.get("/events", params={"limit": 1}), 200)["items"][0]
    assert first["type"] != "engage.api-key.created.v1"
    fork = await box.client.made(f"/sandboxes/{box.id}/forks", {"name": "What if"})
    client = await service.client(fork["key"])
    snapshot = await client.made(f"/sandboxes/{fork['id']}/snapshots", {"name": "Before"})
    spare = await client.made("/api-keys", {"name": "Spare", "scopes": ["cases:read"]})
    back = f"/sandboxes/{fork['id']}/restorations"
    answered(await client.post(back, json={"snapshotId": snapshot["id"]}), 201)
    assert await client.read("/customers")
    refused(await (await service.client(spare["key"])).get("/cases"), 401, "unauthenticated")


async def test_the_log_of_a_new_one_is_whole_however_late_events_get_their_numbers(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = await service.caller()
    monkeypatch.setattr(sequencer, "PAUSE", 3)
    await api.made("/offers", {"title": "Whoever numbers this rests"})
    await asyncio.sleep(0.1)
    made = await api.made("/sandboxes", {})
    own = await service.client(made["key"])
    found = answered(await own.get("/events", params={"limit": 100}), 200)["items"]
    assert len(found) == 100
    assert found[0]["type"] == "engage.api-key.created.v1"


async def test_a_new_one_is_ready_although_nobody_can_number_its_events_now(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def settle(_: object) -> None:
        raise Unavailable("the server is busy")

    monkeypatch.setattr(sequencer, "settle", settle)
    made = await (await service.caller()).made("/sandboxes", {})
    assert made["state"] == "ready"


async def test_who_follows_is_told_of_a_reset_too(service: Service) -> None:
    box = await sandbox(service, size="tiny")
    async with reading(box.client) as live:
        answered(await box.client.post(f"/sandboxes/{box.id}/resets", json={}), 201)
        await live.until(over=True)
        assert live.problem["code"] in {"event-gone", "unavailable"}, "as it is refused while it is being reset"
