"""What happens is posted to endpoints: the same events with the same bytes as in the list, signed, to whom may see."""

import asyncio
import json
from base64 import b64decode
from datetime import UTC, datetime

from sqlalchemy import bindparam, delete, update

from engage_api.access.applications.models import ApplicationRow
from engage_api.core import clock
from engage_api.db.log import EVENT
from engage_api.db.sql import Query
from engage_api.events.webhooks import signing
from engage_api.events.webhooks.signing import Key, sign
from tests.api.harness import Client, Service, refused
from tests.webhooks.receiver import Receiver, receiving, says
from tests.webhooks.sent import AT, delivery, listed, settled

_application = ApplicationRow.__table__  # type: ignore[attr-defined]
STATE = Query(update(_application).where(_application.c.id == bindparam("at_id")).values(state=bindparam("state")))
GONE = Query(delete(EVENT).where(EVENT.c.id == bindparam("at_id")))
OFFER = {"title": "Advice"}
OFFERS = ["engage.offer.*"]


async def test_what_is_posted_are_the_bytes_of_the_list_in_full_and_signed(api: Client, receiver: Receiver) -> None:
    await api.events(1)  # of its key, which PostgreSQL numbers after the commit
    made = await api.made(AT, {"url": receiver.url})
    offers = [await api.made("/offers", {**OFFER, "title": f"é {n}"}) for n in range(3)]
    for offer in offers:
        await api.moved(f"/offers/{offer['id']}", "active")
    await settled(api, made, 8)
    events = [event for event in await api.events(9) if not event["type"].startswith("engage.api-key.")]
    text = (await api.get("/events", params={"limit": 200})).content
    assert sorted(event["id"] for event in events) == sorted(receiver.ids)
    assert made["id"] in {event["subject"] for event in events}
    key = Key("hmac", b64decode(made["secret"].removeprefix("whsec_")))
    for got in receiver.got:
        assert got.body in text
        at = datetime.fromtimestamp(int(got.headers[signing.TIMESTAMP]), UTC)
        assert sign([key], got.id, at, got.body)[signing.SIGNATURE] == got.headers[signing.SIGNATURE]
        assert abs((clock.host() - at).total_seconds()) < 30
        assert got.headers["content-type"] == "application/json"
        assert json.loads(got.body)["id"] == got.id


async def test_everyone_is_sent_what_they_may_see_from_the_beginning_of_their_endpoint(
    api: Client, partner: Client, other: Client
) -> None:
    async with receiving() as ours, receiving() as theirs, receiving() as elsewhere:
        await api.made("/offers", OFFER)
        for caller, receiver in ((api, ours), (partner, theirs), (other, elsewhere)):
            await caller.made(AT, {"url": receiver.url, "types": OFFERS})
        made = [(await caller.made("/offers", OFFER))["id"] for caller in (api, partner, other)]
        await asyncio.gather(ours.until(2), theirs.until(1), elsewhere.until(1))
        subjects = [{json.loads(got.body)["subject"] for got in one.got} for one in (ours, theirs, elsewhere)]
        assert subjects == [set(made[:2]), {made[1]}, {made[2]}]
        assert "sequence" in json.loads(ours.got[0].body)
        assert "sequence" not in json.loads(theirs.got[0].body)
        [listed_there] = (await partner.read("/events", type="engage.offer.*"))["items"]
        assert theirs.got[0].body in (await partner.get("/events")).content
        assert listed_there["id"] == theirs.got[0].id


async def test_only_the_types_and_the_subject_that_were_asked_for(api: Client, receiver: Receiver) -> None:
    offers = [await api.made("/offers", OFFER) for _ in range(2)]
    asked = {"types": ["engage.offer.active.v1", "x.*"], "subject": offers[0]["id"]}
    made = await api.made(AT, {"url": receiver.url, **asked})
    for offer in offers:
        await api.change(f"/offers/{offer['id']}", {"title": "Other"})
        await api.moved(f"/offers/{offer['id']}", "active")
    marker = await api.made(AT, {"url": receiver.url, "types": ["engage.offer.retired.v1"]})
    await api.moved(f"/offers/{offers[1]['id']}", "retired")
    await settled(api, marker, 1)
    await settled(api, made, 1)
    told = [(one["type"], one["subject"]) for one in (json.loads(got.body) for got in receiver.got)]
    assert sorted(told) == [
        ("engage.offer.active.v1", offers[0]["id"]),
        ("engage.offer.retired.v1", offers[1]["id"]),
    ]


async def test_what_was_answered_is_kept(api: Client, receiver: Receiver) -> None:
    receiver.answer = says(200, b"\x00\xff" + b"x" * 5_000, x_thing="seen")
    made = await api.made(AT, {"url": receiver.url, "types": OFFERS})
    await api.made("/offers", OFFER)
    [found] = await settled(api, made, 1)
    whole = await delivery(api, found)
    [attempt] = whole["log"]
    assert (whole["state"], whole["attempts"], attempt["number"], attempt["error"]) == ("delivered", 1, 1, None)
    assert (attempt["answer"]["status"], attempt["answer"]["headers"]["x-thing"]) == (200, "seen")
    assert attempt["answer"]["body"].startswith("\x00\ufffdxxx")
    assert len(attempt["answer"]["body"].encode()) < 2_100
    assert attempt["requestHeaders"]["webhook-id"] == whole["eventId"] == receiver.got[0].id
    assert "webhook-signature" not in attempt["requestHeaders"]
    assert 0 <= attempt["milliseconds"] < 10_000
    assert (await api.get(f"/webhook-deliveries/{found['id']}")).headers["ETag"]


async def test_a_list_of_deliveries_is_paged_and_filtered(api: Client, receiver: Receiver) -> None:
    made = await api.made(AT, {"url": receiver.url, "types": OFFERS})
    for _ in range(5):
        await api.made("/offers", OFFER)
    whole = [one["id"] for one in (await settled(api, made, 5))[::-1]]
    at = f"{AT}/{made['id']}/deliveries"
    page = await api.read(at, limit=2)
    seen = [one["id"] for one in page["items"]]
    while page["nextCursor"] is not None:
        page = await api.read(at, limit=2, cursor=page["nextCursor"])
        seen += [one["id"] for one in page["items"]]
    assert seen == whole
    refused(await api.get(at, params={"cursor": page["items"][0]["id"]}), 400, "invalid-cursor")
    assert await listed(api, made, state="failed") == []
    assert [one["eventId"] for one in await listed(api, made, eventId=receiver.ids[0])] == [receiver.ids[0]]


async def test_a_new_secret_signs_beside_the_present_one(api: Client, receiver: Receiver) -> None:
    made = await api.made(AT, {"url": receiver.url, "types": OFFERS})
    second = await api.made(f"{AT}/{made['id']}/secrets", {})
    await api.made("/offers", OFFER)
    [got] = await receiver.until(1)
    at = datetime.fromtimestamp(int(got.headers[signing.TIMESTAMP]), UTC)
    keys = [Key("hmac", b64decode(one["secret"].removeprefix("whsec_"))) for one in (second, made)]
    assert sign(keys, got.id, at, got.body)[signing.SIGNATURE] == got.headers[signing.SIGNATURE]
    await api.made(f"{AT}/{made['id']}/secrets", {"overlap": "PT0H"})
    await asyncio.sleep(1.1)  # for which secrets are believed
    await api.made("/offers", OFFER)
    assert len((await receiver.until(2))[1].headers[signing.SIGNATURE].split(" ")) == 1


async def test_while_it_is_paused_events_wait(api: Client, receiver: Receiver) -> None:
    made = await api.made(AT, {"url": receiver.url, "types": OFFERS})
    await api.moved(f"{AT}/{made['id']}", "paused")
    for _ in range(3):
        await api.made("/offers", OFFER)
    waiting = await settled(api, made, 3, "pending")
    assert {one["nextAttemptAt"] for one in waiting} == {None}
    await asyncio.sleep(0.5)
    assert receiver.got == []
    await api.moved(f"{AT}/{made['id']}", "enabled")
    assert {got.id for got in await receiver.until(3)} == {one["eventId"] for one in waiting}


async def test_nothing_is_sent_for_an_application_that_may_see_nothing_any_more(
    service: Service, partner: Client, receiver: Receiver
) -> None:
    """Neither what waits nor what happens from then on. What waits is kept as long as it may be let in again."""
    made = await partner.made(AT, {"url": receiver.url, "types": OFFERS})
    await partner.moved(f"{AT}/{made['id']}", "paused")
    await partner.made("/offers", OFFER)
    await settled(partner, made, 1, "pending")
    api = await service.caller()

    async def become(state: str) -> None:
        async with service.db.system.write(None) as tx:
            await tx.run(STATE, at_id=service.world.partner.id, state=state)
        service.services.doorkeeper.forget_all()

    await become("sandbox-only")
    await api.moved(f"{AT}/{made['id']}", "enabled")
    await asyncio.sleep(0.5)
    assert len(await listed(api, made, state="pending")) == 1
    await become("revoked")
    await api.moved(f"{AT}/{made['id']}", "paused")
    await api.moved(f"{AT}/{made['id']}", "enabled")
    await settled(api, made, 1, "cancelled")
    await become("live")
    assert receiver.got == []
    await partner.made("/offers", OFFER)
    assert len(await receiver.until(1)) == 1


async def test_an_event_that_is_not_kept_any_more_is_cancelled(
    service: Service, api: Client, receiver: Receiver
) -> None:
    made = await api.made(AT, {"url": receiver.url, "types": OFFERS})
    await api.moved(f"{AT}/{made['id']}", "paused")
    await api.made("/offers", OFFER)
    [found] = await settled(api, made, 1, "pending")
    async with service.db.write(service.world.operator.workspace) as tx:
        await tx.run(GONE, at_id=found["eventId"])
    await api.moved(f"{AT}/{made['id']}", "enabled")
    await settled(api, made, 1, "cancelled")
    assert receiver.got == []
