"""A partner's application: it is in the operator's workspace, and sees what it made itself."""

import json
from base64 import urlsafe_b64decode

import pytest

from engage_api.http.cursors import SIGNATURE
from tests.api.harness import Client, Service, answered, refused
from tests.api.samples import SAMPLES, Sample


@pytest.fixture(params=SAMPLES)
def sample(request: pytest.FixtureRequest) -> Sample:
    return SAMPLES[request.param]


async def test_a_partner_sees_what_it_made_and_the_operator_sees_all(
    api: Client, partner: Client, sample: Sample
) -> None:
    ours = await sample.make(api, sample.full, externalId="ours")
    theirs = await sample.make(partner, sample.full, externalId="theirs")
    assert await partner.ids(sample.path) == [theirs["id"]]
    assert set(await api.ids(sample.path)) == {ours["id"], theirs["id"]}
    assert (await partner.read(sample.path, count="true"))["count"] == 1
    assert await partner.ids(sample.path, metadataKey=next(iter(sample.full["metadata"]))) == [theirs["id"]]
    assert await partner.ids(sample.path, externalId="ours") == []
    assert await partner.ids(sample.path, search=sample.full.get("title", "zoe")) == [theirs["id"]]
    assert await partner.read(sample.at(theirs)) == theirs
    refused(await partner.get(sample.at(ours)), 404, "not-found")
    refused(await partner.change(sample.at(ours), {}, "*"), 404, "not-found")


async def test_a_partner_reads_its_part_of_the_log_without_numbers(
    service: Service, api: Client, partner: Client
) -> None:
    for caller in (api, partner, api, partner):
        await caller.made("/offers", {"title": "A"})
    offer = (await partner.ids("/offers"))[0]
    answered(await api.change(f"/offers/{offer}", {"title": "B"}), 200)
    events = [event for event in await partner.events(4) if event["subject"][:4] == "off_"]
    assert [event["type"].split(".")[2] for event in events] == ["created", "created", "updated"]
    assert {event["actor"] for event in events[:2]} == {f"application:{service.world.partner.id}"}
    assert events[2]["actor"] == "application:app_operator"
    assert all("sequence" not in event for event in events)
    whole = {event["id"]: event for event in await api.events(7)}
    assert all(whole[event["id"]].items() >= event.items() for event in events)
    hidden = whole.keys() - set(await partner.ids("/events"))
    assert hidden
    for event_id in hidden:
        refused(await partner.get("/events", params={"after": event_id}), 400, "invalid-request")


async def test_a_cursor_in_the_log_says_nothing_of_what_is_hidden(api: Client, partner: Client) -> None:
    for caller in (partner, api, api, partner):
        await caller.made("/offers", {"title": "A"})
    await partner.events(2)
    page = await partner.read("/events", limit=1)
    cursor = page["nextCursor"]
    inside = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))[SIGNATURE:]
    assert json.loads(inside) == ["s", "", page["items"][0]["id"]]
    assert (await partner.read("/events", cursor=cursor, limit=1))["items"] != page["items"]


async def test_what_a_partner_may_not_see_it_cannot_refer_to(api: Client, partner: Client) -> None:
    customer, parent = await SAMPLES["customer"].make(api), await SAMPLES["case"].make(api)
    for more in ({"customerId": customer["id"]}, {"parentId": parent["id"]}):
        refused(await partner.post("/cases", json={"type": "a", "title": "A"} | more), 400, "unknown-reference")
    refused(await partner.post(f"/cases/{parent['id']}/tasks", json={"title": "A"}), 404, "not-found")


async def test_an_external_id_that_is_taken_unseen_is_taken(api: Client, partner: Client) -> None:
    body = {"kind": "person", "displayName": "A"}
    answered(await api.put("/customers/external/shared", json=body), 201)
    refused(await partner.put("/customers/external/shared", json=body), 409, "already-exists")
    refused(await partner.post("/customers", json=body | {"externalId": "shared"}), 409, "already-exists")
    refused(await partner.get("/customers/external/shared"), 404, "not-found")


async def test_a_partner_manages_the_keys_that_it_made(api: Client, partner: Client) -> None:
    own = await partner.made("/api-keys", {"name": "A", "scopes": ["cases:read"]})
    operators = await api.made("/api-keys", {"name": "B", "scopes": ["cases:read"]})
    found = await partner.ids("/api-keys")
    assert own["id"] in found
    assert operators["id"] not in found
    refused(await partner.delete(f"/api-keys/{operators['id']}"), 404, "not-found")
    refused(await partner.post(f"/api-keys/{operators['id']}/rotations", json={}), 404, "not-found")
    assert (await partner.delete(f"/api-keys/{own['id']}")).status_code == 204


async def test_a_delivery_counts_the_hands_that_a_partner_does_not_see(api: Client, partner: Client) -> None:
    case = await partner.made("/cases", {"type": "a", "title": "A"})
    await api.made(f"/cases/{case['id']}/tasks", {"title": "Ours", "mode": "manual"})
    for to in ("accepted", "in-progress"):
        await partner.moved(f"/cases/{case['id']}", to)
    assert (await partner.moved(f"/cases/{case['id']}", "delivered"))["straightThrough"] is False
