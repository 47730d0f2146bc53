"""Sent again, and sent as a test."""

import asyncio
import json

import pytest

from tests.api.harness import Client, answered, refused
from tests.webhooks.receiver import Receiver, says
from tests.webhooks.sent import AT, delivery, listed, settled

OFFER = {"title": "Advice"}
OFFERS = ["engage.offer.*"]


async def test_a_test_is_sent_at_once_and_written_down(api: Client, receiver: Receiver) -> None:
    made = await api.made(AT, {"url": receiver.url, "types": ["engage.case.delivered.v1", "engage.offer.*"]})
    at = f"{AT}/{made['id']}/test-deliveries"
    for type_ in ("engage.case.delivered.v1", "engage.offer.active.v1"):
        found = await api.made(at, {} if "case" in type_ else {"type": type_})
        assert (found["test"], found["state"], found["type"], found["attempts"]) == (True, "delivered", type_, 1)
        assert found["log"][0]["answer"]["body"] == "ok"
        event = json.loads(receiver.got[-1].body)
        assert event["id"] == found["eventId"] == receiver.got[-1].id
        assert event["id"].startswith("evt_test_")
        assert event["type"] == type_
        assert event["data"]["id"] == event["subject"]
        assert found.pop("log")
        assert (await listed(api, made, eventId=event["id"])) == [found]
    refused(await api.post(at, json={"type": "engage.case.created.v1"}), 400, "invalid-request")
    receiver.answer = 500
    await api.moved(f"{AT}/{made['id']}", "paused")
    found = await api.made(at, {})
    assert (found["state"], found["log"][0]["error"]) == ("failed", "The receiver answered 500.")
    assert len(receiver.got) == 3, "a test is tried once"
    refused(await api.post(f"/webhook-deliveries/{found['id']}/resends"), 409, "not-resendable")


async def test_tests_are_few_at_once_and_one_that_is_asked_for_again_is_not_sent_again(
    api: Client, receiver: Receiver
) -> None:
    going = asyncio.Event()

    async def answer(_: object) -> tuple[int, dict[str, str], bytes]:
        await going.wait()
        return 200, {}, b""

    receiver.answer = answer
    made = await api.made(AT, {"url": receiver.url, "types": OFFERS})
    at = f"{AT}/{made['id']}/test-deliveries"
    once = {"Idempotency-Key": "one"}
    tasks = [asyncio.create_task(api.post(at, json={}, headers=once if n == 0 else {})) for n in range(4)]
    await receiver.until(4)
    refused(await api.post(at, json={}), 429, "too-many-requests")
    refused(await api.post(at, json={}, headers=once), 409, "still-running")
    going.set()
    first = (await asyncio.gather(*tasks))[0]
    again = await api.post(at, json={}, headers=once)
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (first.json(), "true")
    await api.made(at, {})
    assert len(receiver.got) == 5


async def test_one_is_sent_again_with_the_same_id_and_bytes(api: Client, partner: Client, receiver: Receiver) -> None:
    made = await api.made(AT, {"url": receiver.url, "types": OFFERS})
    await api.made("/offers", OFFER)
    [found] = await settled(api, made, 1)
    at = f"/webhook-deliveries/{found['id']}"
    refused(await partner.post(f"{at}/resends"), 404, "not-found")
    refused(await partner.get(at), 404, "not-found")
    assert answered(await api.post(f"{at}/resends"), 202)["state"] == "pending"
    first, second = await receiver.until(2)
    assert (first.id, first.body) == (second.id, second.body)
    await settled(api, made, 1)
    assert [one["number"] for one in (await delivery(api, found))["log"]] == [1, 2]


async def test_a_span_is_replayed_in_order_with_what_was_never_sent(
    api: Client, partner: Client, receiver: Receiver
) -> None:
    early = await api.made("/offers", OFFER)
    await partner.made("/offers", OFFER)
    await api.events(2, type="engage.offer.*")  # numbered by now, so they are none of the new endpoint's
    made = await api.made(AT, {"url": receiver.url, "types": OFFERS, "ordered": True})
    at = f"{AT}/{made['id']}/replays"
    late = await api.made("/offers", OFFER)
    await api.moved(f"/offers/{late['id']}", "active")
    events = await api.events(4, type="engage.offer.*")
    await settled(api, made, 2)
    sent = len(receiver.got)
    span = {"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}
    assert answered(await api.post(at, json=span), 202) == {"queued": 4}
    again = (await receiver.until(sent + 4))[sent:]
    assert [got.id for got in again] == [event["id"] for event in events]
    assert {early["id"]} <= {event["subject"] for event in events}
    some = {**span, "types": ["engage.offer.active.v1", "engage.case.*"]}
    assert answered(await api.post(at, json=some), 202) == {"queued": 1}
    exactly = {"from": events[1]["recordedtime"], "to": events[3]["recordedtime"]}
    inside = [one for one in events if exactly["from"] <= one["recordedtime"] < exactly["to"]]
    assert answered(await api.post(at, json=exactly), 202) == {"queued": len(inside)}
    refused(await api.post(at, json={"from": span["to"], "to": span["from"]}), 400, "invalid-request")


async def test_more_than_may_be_is_not_replayed(
    api: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await api.made(AT, {"url": receiver.url, "types": ["x.*"]})
    for _ in range(4):
        await api.made("/offers", OFFER)
    monkeypatch.setattr("engage_api.events.webhooks.replays.LOOKS", 3)
    span = {"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}
    await api.events(4)
    refused(await api.post(f"{AT}/{made['id']}/replays", json=span), 400, "invalid-request")


async def test_a_span_is_as_long_as_time_itself_and_no_event_is_read_in_full(
    api: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await api.made(AT, {"url": receiver.url, "types": OFFERS})
    await api.moved(f"{AT}/{made['id']}", "paused")
    await api.made("/offers", OFFER)
    await settled(api, made, 1, "pending")

    async def read(*_: object, **__: object) -> None:
        pytest.fail("what events say is not needed")

    monkeypatch.setattr("engage_api.db.log.page", read)
    monkeypatch.setattr("engage_api.events.webhooks.replays.PORTION", 1)
    at = f"{AT}/{made['id']}/replays"
    for first, last in (
        ("0001-01-01T00:00:05Z", "9999-12-31T23:59:59.999Z"),
        ("0001-01-01T00:00:00Z", "2100-01-01T00:00:00Z"),
    ):
        assert answered(await api.post(at, json={"from": first, "to": last}), 202) == {"queued": 1}


async def test_while_as_many_wait_as_may_be_none_are_replayed(
    api: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await api.made(AT, {"url": receiver.url, "types": OFFERS})
    await api.moved(f"{AT}/{made['id']}", "paused")
    monkeypatch.setattr("engage_api.events.webhooks.replays.MOST", 2)
    span, at = {"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}, f"{AT}/{made['id']}/replays"
    await api.made("/offers", OFFER)
    await settled(api, made, 1, "pending")
    assert answered(await api.post(at, json=span), 202) == {"queued": 1}
    await api.made("/offers", OFFER)
    await settled(api, made, 2, "pending")
    refused(await api.post(at, json=span), 409, "too-many-waiting")


async def test_of_many_attempts_the_newest_are_kept_and_a_little_of_each(
    api: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engage_api.events.webhooks.deliveries.KEPT", 3)
    receiver.answer = says(200, b"x" * 3_000, **{f"h{n}-{'n' * 190}": "v" * 300 for n in range(20)})
    made = await api.made(AT, {"url": receiver.url, "types": OFFERS})
    await api.made("/offers", OFFER)
    for sent in range(1, 6):
        await receiver.until(sent)
        [found] = await settled(api, made, 1)
        await api.post(f"/webhook-deliveries/{found['id']}/resends")
    await receiver.until(6)
    [found] = await settled(api, made, 1)
    whole = await api.get(f"/webhook-deliveries/{found['id']}")
    assert [one["number"] for one in whole.json()["log"]] == [4, 5, 6]
    assert whole.json()["attempts"] == 6
    assert len(whole.content) < 3 * 5_000
