"""Receivers whose names cannot be looked up just now, since too many others are."""

import asyncio

import pytest

from engage_api.events.webhooks import courier
from engage_api.http import lookups
from tests.api.harness import Client
from tests.webhooks.receiver import Receiver
from tests.webhooks.sent import AT, listed, settled


async def test_too_many_names_to_look_up_are_nobodys_failure(
    api: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "SHARE", 0)
    monkeypatch.setattr(courier, "TURN", (0.1, 0.2))
    made = await api.made(
        AT, {"url": f"http://localhost:{receiver.port}/", "ordered": True, "types": ["engage.offer.*"]}
    )
    await api.made("/offers", {"title": "A"})
    await asyncio.sleep(1)
    waiting = await listed(api, made)
    assert [(one["state"], one["attempts"]) for one in waiting] == [("pending", 0)]
    monkeypatch.setattr(lookups, "SHARE", 1)
    assert (await settled(api, made, 1))[0]["attempts"] == 1
