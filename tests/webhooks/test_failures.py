"""What is not taken is tried again; a receiver that takes nothing is asked less and less, and given up in the end."""

import asyncio
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import bindparam, update

from engage_api.core import clock
from engage_api.db.sql import Query
from engage_api.events.webhooks import secrets
from engage_api.events.webhooks.models import WebhookHealthRow
from tests.api.harness import Client, Service, eventually, refused
from tests.people import add_member
from tests.webhooks.receiver import Receiver, says
from tests.webhooks.sent import AT, Body, delivery, listed, settled, state

_health = WebhookHealthRow.__table__  # type: ignore[attr-defined]
_names = ("failures", "failing_since", "warned_at", "open_until")
HEALTH = Query(
    update(_health)
    .where(_health.c.endpoint_id == bindparam("at_id"))
    .values({name: bindparam(name) for name in _names})
)
SCHEDULE = "engage_api.events.webhooks.schedule"
OFFER = {"title": "Advice"}
OFFERS = {"types": ["engage.offer.*"]}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Pauses of milliseconds, so many attempts, and how long a receiver is left alone at first."""

    def set_up(attempts: int = 12, pause: float = 0.02, rest: float = 0.02) -> None:
        monkeypatch.setattr(f"{SCHEDULE}.PAUSES", (timedelta(seconds=pause),) * (attempts - 1))
        monkeypatch.setattr(f"{SCHEDULE}.ATTEMPTS", attempts)
        monkeypatch.setattr(f"{SCHEDULE}.FIRST_REST", timedelta(seconds=rest))
        monkeypatch.setattr(f"{SCHEDULE}.LONGEST_REST", timedelta(seconds=2 * rest))

    set_up()
    return set_up


async def add_mailbox(service: Service) -> tuple[Client, Callable[[], list[tuple[str, str]]]]:
    """A developer in a sandbox whose organization has an owner, and what the owner is told."""
    organization = f"org_{service.world.developer.id}"
    await add_member(service.db, organization, "owner")
    outbox = service.services.accounts.outbox
    return await service.caller(who=service.world.developer), lambda: [
        (kept.mail.subject, kept.mail.text) for kept in reversed(outbox.mails)
    ]


async def test_it_is_tried_again_with_the_same_id_and_bytes(
    api: Client, receiver: Receiver, quick: Callable[..., None]
) -> None:
    answers = iter([500, 302, 404])
    location = {"location": receiver.url}

    async def answer(_: Any) -> tuple[int, dict[str, str], bytes]:
        return next(answers, 204), location, b""

    receiver.answer = answer
    made = await api.made(AT, {"url": receiver.url, **OFFERS})
    await api.made("/offers", OFFER)
    [found] = await settled(api, made, 1)
    log = (await delivery(api, found))["log"]
    assert [one["answer"]["status"] for one in log] == [500, 302, 404, 204]
    assert log[1]["error"] == "The receiver answered 302: redirects are not followed."
    assert len({(got.id, got.body) for got in receiver.got}) == 1
    assert len(receiver.got) == 4


async def test_it_is_not_tried_before_the_receiver_wishes(api: Client, receiver: Receiver) -> None:
    receiver.answer = says(503, retry_after=7_200)
    made = await api.made(AT, {"url": receiver.url, **OFFERS})
    await api.made("/offers", OFFER)
    await receiver.until(1)

    async def look() -> Body | None:
        return next((one for one in await listed(api, made) if one["attempts"]), None)

    found = await eventually(look)
    wait = datetime.fromisoformat(found["nextAttemptAt"]) - clock.host()
    assert timedelta(minutes=119) < wait <= timedelta(hours=2)
    assert (await state(api, made, "enabled"))["stateReason"] is None


async def test_in_the_end_it_has_failed_and_can_be_sent_again(
    api: Client, receiver: Receiver, quick: Callable[..., None]
) -> None:
    quick(attempts=3)
    receiver.answer = 500
    made = await api.made(AT, {"url": receiver.url, **OFFERS})
    await api.made("/offers", OFFER)
    [found] = await settled(api, made, 1, "failed")
    assert (found["attempts"], found["nextAttemptAt"]) == (3, None)
    receiver.answer = 200
    assert (await api.post(f"/webhook-deliveries/{found['id']}/resends")).status_code == 202
    [found] = await settled(api, made, 1)
    assert found["attempts"] == 4


async def test_in_order_one_that_fails_holds_up_those_behind_it(
    api: Client, receiver: Receiver, quick: Callable[..., None]
) -> None:
    async def answer(got: Any) -> tuple[int, dict[str, str], bytes]:
        return (500 if len(receiver.got) <= 4 else 200), {}, b""

    receiver.answer = answer
    made = await api.made(AT, {"url": receiver.url, "ordered": True, **OFFERS})
    for n in range(6):
        await api.made("/offers", {"title": str(n)})
    await settled(api, made, 6)
    titles = [json.loads(got.body)["data"]["title"] for got in receiver.got]
    assert titles == ["0"] * 4 + ["0", "1", "2", "3", "4", "5"]
    assert receiver.most == 1


async def test_out_of_order_one_that_fails_holds_up_nobody(api: Client, receiver: Receiver) -> None:
    async def answer(got: Any) -> tuple[int, dict[str, str], bytes]:
        return (500 if json.loads(got.body)["data"]["title"] == "0" else 200), {}, b""

    receiver.answer = answer
    made = await api.made(AT, {"url": receiver.url, **OFFERS})
    for n in range(6):
        await api.made("/offers", {"title": str(n)})
    await settled(api, made, 5)
    [waiting] = await listed(api, made, state="pending")
    assert waiting["attempts"] == 1
    await api.made("/offers", {"title": "6"})
    await settled(api, made, 6)
    assert len(receiver.got) == 7, "what is new goes at once, what failed waits for its time"


async def test_a_receiver_that_says_gone_is_sent_nothing_any_more(service: Service, receiver: Receiver) -> None:
    api, told = await add_mailbox(service)
    receiver.answer = 410
    made = await api.made(AT, {"url": receiver.url, "ordered": True, **OFFERS})
    await api.moved(f"{AT}/{made['id']}", "paused")
    for _ in range(3):
        await api.made("/offers", OFFER)
    await settled(api, made, 3, "pending")
    await api.moved(f"{AT}/{made['id']}", "enabled")
    assert (await state(api, made, "disabled"))["stateReason"] == "gone"
    assert len(receiver.got) == 1
    [gone] = await settled(api, made, 1, "failed")
    refused(await api.post(f"/webhook-deliveries/{gone['id']}/resends"), 409, "endpoint-disabled")
    await api.made("/offers", OFFER)
    [event] = (await api.read("/events", type="engage.webhook-endpoint.disabled.v1"))["items"]
    assert event["data"]["stateReason"] == "gone"
    subject, text = (await eventually(lambda: _first(told)))[0]
    assert subject == "A webhook endpoint was disabled"
    assert made["id"] in text
    assert receiver.url not in text
    receiver.answer = 200
    await api.moved(f"{AT}/{made['id']}", "enabled")
    await settled(api, made, 2)
    await api.made("/offers", OFFER)
    await settled(api, made, 3)
    assert len(await listed(api, made)) == 4, "what happened while it was disabled is not sent"


async def _first(told: Callable[[], list[Any]]) -> list[Any] | None:
    return told() or None


async def test_a_receiver_that_fails_is_asked_by_one_at_a_time_until_it_is_well(
    service: Service, receiver: Receiver, quick: Callable[..., None]
) -> None:
    quick(attempts=200, rest=0.05)
    api, told = await add_mailbox(service)
    receiver.answer = says(500)
    made = await api.made(AT, {"url": receiver.url, **OFFERS})
    await asyncio.gather(*(api.made("/offers", OFFER) for _ in range(30)))
    assert (await state(api, made, "failing"))["stateReason"] is None
    assert [subject for subject, _ in await eventually(lambda: _first(told))] == ["A webhook endpoint does not answer"]
    begun, receiver.most = len(receiver.got), 0
    await asyncio.sleep(1)
    assert receiver.most == 1
    assert len(receiver.got) - begun < 40, "it is left alone for a while after each"
    receiver.answer = 200
    await settled(api, made, 30)
    await state(api, made, "enabled")
    happened = [event["type"] for event in await api.events(3, subject=made["id"])]
    assert happened == [f"engage.webhook-endpoint.{what}.v1" for what in ("created", "failing", "enabled")]
    assert len(told()) == 1


async def test_owners_are_told_a_day_before_it_is_disabled(
    service: Service, receiver: Receiver, quick: Callable[..., None]
) -> None:
    quick(attempts=200)
    api, told = await add_mailbox(service)
    receiver.answer = 500
    made = await api.made(AT, {"url": receiver.url, **OFFERS})
    await api.made("/offers", OFFER)
    await state(api, made, "failing")

    async def has_failed(since: float, warned: float | None) -> None:
        now = clock.host()
        given = {"failing_since": now - timedelta(days=since), "open_until": None, "failures": 20}
        given["warned_at"] = None if warned is None else now - timedelta(days=warned)
        async with service.db.write(service.world.developer.workspace) as tx:
            await tx.run(HEALTH, at_id=made["id"], **given)

    async def so_many(number: int) -> list[Any]:
        async def look() -> list[Any] | None:
            return told() if len(told()) >= number else None

        return await eventually(look)

    await so_many(1)
    await has_failed(6, None)
    subject, text = (await so_many(2))[1]
    assert subject == "A webhook endpoint will be disabled"
    assert f"{clock.host() + timedelta(days=1):%d %B %Y}" in text
    await state(api, made, "failing")
    await has_failed(6, 1.1)
    assert (await state(api, made, "disabled"))["stateReason"] == "failing"
    assert (await so_many(3))[2][0] == "A webhook endpoint was disabled"
    assert await listed(api, made, state="pending"), "what waits is kept for when it is enabled again"


async def test_without_a_secret_nothing_is_sent_unsigned(service: Service, api: Client, receiver: Receiver) -> None:
    made = await api.made(AT, {"url": receiver.url, **OFFERS})
    sender = service.services.webhooks
    object.__setattr__(sender, "box", secrets.Box(bytes(32)))  # the service's secret was lost
    await api.made("/offers", OFFER)
    assert (await state(api, made, "disabled"))["stateReason"] == "unsigned"
    refused(await api.post(f"{AT}/{made['id']}/test-deliveries", json={}), 409, "nothing-to-sign-with")
    await api.made(f"{AT}/{made['id']}/secrets", {})
    await api.moved(f"{AT}/{made['id']}", "enabled")
    await settled(api, made, 1)
    assert len(receiver.got) == 1
