"""What owners are told about endpoints, and how often."""

import asyncio

import pytest

from tests.api.harness import Service, eventually
from tests.webhooks.receiver import Receiver
from tests.webhooks.sent import AT, Body, state
from tests.webhooks.test_failures import OFFER, OFFERS, add_mailbox


async def test_owners_are_told_once_a_day_however_often_it_happens(
    service: Service, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    api, told = await add_mailbox(service)
    monkeypatch.setattr("engage_api.events.webhooks.letters.MOST", 2)
    receiver.answer = 410

    async def disabled(endpoint: Body) -> None:
        await api.made("/offers", OFFER)
        await state(api, endpoint, "disabled")

    async def so_many(number: int) -> bool | None:
        return True if len(told()) >= number else None

    made = [await api.made(AT, {"url": receiver.url, **OFFERS})]
    for _ in range(3):
        await disabled(made[0])
        await eventually(lambda: so_many(1))
        await api.moved(f"{AT}/{made[0]['id']}", "enabled")
    await api.moved(f"{AT}/{made[0]['id']}", "paused")
    for _ in range(2):  # of these the second is one too many
        made.append(await api.made(AT, {"url": receiver.url, **OFFERS}))
        await disabled(made[-1])
        await eventually(lambda: so_many(2))
    await asyncio.sleep(0.5)
    assert len(told()) == 2
    assert all(one["id"] in text for one, (_, text) in zip(made, told(), strict=False))
