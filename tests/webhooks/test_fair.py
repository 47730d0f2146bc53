"""What one receiver does holds up no other, and an old failure holds up nothing new."""

import asyncio
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import bindparam, select, update

from engage_api.core import clock
from engage_api.db.sql import Query
from engage_api.events.webhooks import ledger, schedule, sender, shares
from engage_api.events.webhooks.delivery_models import WebhookDeliveryRow
from engage_api.events.webhooks.shares import Shares
from engage_api.jobs.models import JobRow
from tests.api.harness import Client, Service, eventually
from tests.webhooks.receiver import Got, Receiver, says
from tests.webhooks.sent import AT, Body, listed, settled
from tests.webhooks.test_failures import HEALTH

_delivery = WebhookDeliveryRow.__table__  # type: ignore[attr-defined]
_job = JobRow.__table__  # type: ignore[attr-defined]
TRIED = Query(
    update(_delivery)
    .where(_delivery.c.endpoint_id == bindparam("at_id"))
    .values(tries=bindparam("tries"), due_at=bindparam("due_at"))
)
WAITS = Query(update(_job).where(_job.c.unique_key == bindparam("at_key")).values(run_at=bindparam("run_at")))
JOB = Query(select(_job.c.run_at, _job.c.attempts).where(_job.c.unique_key == bindparam("at_key")))
OFFER = {"title": "Advice"}
OFFERS = {"types": ["engage.offer.*"]}


async def first_attempt(api: Client, made: Body) -> Body:
    """The only delivery of an endpoint, once it has been tried and its job waits."""

    async def look() -> Body | None:
        return next((one for one in await listed(api, made) if one["attempts"]), None)

    return await eventually(look)


async def test_what_is_new_is_sent_after_a_rest_and_not_after_an_old_retry(
    service: Service, api: Client, receiver: Receiver
) -> None:
    receiver.answer = 500
    made = await api.made(AT, {"url": receiver.url, **OFFERS})
    await api.made("/offers", OFFER)
    await first_attempt(api, made)
    rest, tomorrow = clock.host() + timedelta(seconds=200), clock.host() + timedelta(days=1)
    async with service.db.system.write(None) as tx:
        await tx.run(HEALTH, at_id=made["id"], failures=9, failing_since=rest, warned_at=None, open_until=rest)
        await tx.run(TRIED, at_id=made["id"], tries=10, due_at=tomorrow)
        await tx.run(WAITS, at_key=made["id"], run_at=tomorrow)
    await api.made("/offers", OFFER)

    async def hastened() -> bool | None:
        row = await service.db.system.one(JOB, None, at_key=made["id"])
        return (row is not None and row.run_at == rest) or None

    await eventually(hastened)


async def test_what_a_receiver_says_and_a_mistake_of_ours_are_one_attempts_failure(
    service: Service, api: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.answer = says(503, retry_after="Mon, 01 Jan 99999999999999999999 00:00:00 GMT")
    made = await api.made(AT, {"url": receiver.url, **OFFERS})
    await api.made("/offers", OFFER)
    assert (await first_attempt(api, made))["state"] == "pending"

    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(schedule, "wish", broken)
    found = await api.made(f"{AT}/{made['id']}/test-deliveries", {})
    assert [one["error"] for one in found["log"]] == [sender.MISTAKE]


async def test_a_clock_that_is_set_back_makes_no_attempt_of_less_than_nothing(
    api: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await api.made(AT, {"url": f"http://127.0.0.1:{receiver.port + 1}/", **OFFERS})
    real, looks = clock.host, iter(range(1_000))

    class Back:
        @staticmethod
        def host() -> Any:
            return real() - timedelta(hours=next(looks))

    monkeypatch.setattr(sender, "clock", Back)
    [attempt] = (await api.made(f"{AT}/{made['id']}/test-deliveries", {}))["log"]
    assert attempt["milliseconds"] >= 0


async def test_something_is_sent_however_slow_the_database_is(
    api: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ledger.one

    async def slow(*args: Any) -> Any:
        await asyncio.sleep(0.05)
        return await real(*args)

    monkeypatch.setattr("engage_api.events.webhooks.courier.FRESH", 0.02)
    monkeypatch.setattr("engage_api.events.webhooks.courier.ledger.one", slow)
    made = await api.made(AT, {"url": receiver.url, **OFFERS})
    await api.made("/offers", OFFER)
    await settled(api, made, 1)


async def test_a_resend_during_the_last_attempt_is_sent(service: Service, api: Client, receiver: Receiver) -> None:
    began, gate = asyncio.Event(), asyncio.Event()

    async def answer(_: Got) -> tuple[int, dict[str, str], bytes]:
        began.set()
        await gate.wait()
        return (200 if len(receiver.got) > 2 else 500), {}, b""

    receiver.answer = answer
    made = await api.made(AT, {"url": receiver.url, **OFFERS})
    await api.made("/offers", OFFER)
    gate.set()
    found = await first_attempt(api, made)
    gate.clear()
    began.clear()
    async with service.db.system.write(None) as tx:
        await tx.run(TRIED, at_id=made["id"], tries=11, due_at=clock.host())
        await tx.run(WAITS, at_key=made["id"], run_at=clock.host())
    await began.wait()
    assert (await api.post(f"/webhook-deliveries/{found['id']}/resends")).status_code == 202
    gate.set()
    [found] = await settled(api, made, 1)
    assert found["attempts"] == 3


async def test_a_slow_receiver_gives_its_slot_back(
    api: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(_: Got) -> tuple[int, dict[str, str], bytes]:
        await asyncio.sleep(0.15)
        return 200, {}, b""

    ends: list[None] = []
    real = ledger.model

    async def counted(*args: Any) -> Any:
        ends.append(None)
        return await real(*args)

    monkeypatch.setattr("engage_api.events.webhooks.courier.SPAN", 0.1)
    monkeypatch.setattr("engage_api.events.webhooks.courier.ledger.model", counted)
    receiver.answer = answer
    made = await api.made(AT, {"url": receiver.url, "ordered": True, **OFFERS})
    await asyncio.gather(*(api.made("/offers", OFFER) for _ in range(4)))
    await settled(api, made, 4)

    async def each_in_a_run() -> bool | None:
        return len(ends) >= 4 or None

    await eventually(each_in_a_run)


async def test_an_organization_that_has_its_share_waits(
    api: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engage_api.events.webhooks.courier.TURN", (0.1, 0.2))
    for name in ("RUNS", "FREE_RUNS"):
        monkeypatch.setattr(shares, name, 1)
    made = [await api.made(AT, {"url": receiver.url, **OFFERS}) for _ in range(3)]

    async def answer(_: Got) -> tuple[int, dict[str, str], bytes]:
        await asyncio.sleep(0.2)
        return 200, {}, b""

    receiver.answer = answer
    await api.made("/offers", OFFER)
    for one in made:
        await settled(api, one, 1)
    assert receiver.most == 1


def test_shares() -> None:
    some = Shares()
    with ExitStack() as stack:
        assert all(stack.enter_context(some.run("a")) for _ in range(shares.FREE_RUNS)), "as long as there is enough"
        assert all(stack.enter_context(some.run("b")) for _ in range(shares.RUNS))
        assert not stack.enter_context(some.run("a"))
        assert not stack.enter_context(some.run("b"))
    with some.run("a") as fits:
        assert fits


async def test_shares_of_attempts() -> None:
    some, begun = Shares(), []

    def begin(organization: str) -> None:
        assert some.is_wide(organization)
        begun.append(asyncio.get_running_loop().create_future())
        some.begin(begun[-1], organization)

    for _ in range(shares.FREE_ATTEMPTS):
        begin("a")
    assert not some.is_wide("a")
    for _ in range(shares.ATTEMPTS):
        begin("b")
    assert not some.is_wide("b")
    for number in range(shares.MOST_ATTEMPTS - shares.FREE_ATTEMPTS - shares.ATTEMPTS):
        begin(str(number))
    assert not some.is_wide("c")
    for one in begun:
        one.cancel()
    await asyncio.sleep(0)
    assert some.is_wide("a")


async def test_many_endpoints_of_a_slow_receiver_make_no_more_attempts_than_their_share(
    api: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FREE_ATTEMPTS", "ATTEMPTS"):
        monkeypatch.setattr(shares, name, 2)

    async def answer(_: Got) -> tuple[int, dict[str, str], bytes]:
        await asyncio.sleep(0.2)
        return 200, {}, b""

    receiver.answer = answer
    made = [await api.made(AT, {"url": receiver.url, **OFFERS}) for _ in range(3)]
    for one in made:
        await api.moved(f"{AT}/{one['id']}", "paused")
    await asyncio.gather(*(api.made("/offers", OFFER) for _ in range(6)))
    for one in made:
        await settled(api, one, 6, "pending")
    for one in made:
        await api.moved(f"{AT}/{one['id']}", "enabled")
    for one in made:
        await settled(api, one, 6)
    assert receiver.most <= 2 + len(made)
