"""The hash of a log as a stranger computes it: from the events alone, by what the guide says."""

import hashlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engage_api.sandbox import canonical, log_hash
from engage_api.settings import Settings
from tests.api.harness import Client, Service, make_settings, refused
from tests.sandbox.clockwork import Sandbox, sandbox

MASKED = ("hint", "publicKey", "lastUsedAt")
EVENTS = 620  # more than are read at once


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return make_settings(database_url, tmp_path)


def written(value: Any) -> str:
    """RFC 8785, by somebody else: numbers here have few digits, and names are ASCII."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{written(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    if isinstance(value, Decimal):
        return f"{value:f}".rstrip("0").rstrip(".") if "." in f"{value:f}" else f"{value:f}"
    return json.dumps(value, ensure_ascii=False)


async def recomputed(client: Client, application: str, organization: str) -> tuple[str, int, str | None]:
    digest, number, last, cursor = hashlib.sha256(), 0, None, None
    while True:
        asked = {"limit": 200} | ({"cursor": cursor} if cursor else {})
        page = json.loads((await client.get("/events", params=asked)).text, parse_float=Decimal)
        for event in page["items"]:
            data = {name: None if name in MASKED else value for name, value in event["data"].items()}
            line = {name: event[name] for name in ("sequence", "id", "type", "subject", "time")} | {"data": data}
            text = written(line).replace(f'"{application}"', '"app_self"')
            text = text.replace(f'"{organization}"', '"org_self"').replace(f'"x.{organization}.', '"x.org_self.')
            digest.update(text.encode() + b"\n")
            number, last = number + 1, event["id"]
        cursor = page["nextCursor"]
        if cursor is None:
            return f"sha256:{digest.hexdigest()}", number, last


async def fill(box: Sandbox) -> None:
    organization = f"org_{box.owner.id}"
    key = await box.client.made("/api-keys", {"name": "Spare", "scopes": ["cases:read"]})
    await box.client.made(f"/api-keys/{key['id']}/rotations", {"overlap": "PT1H"})
    data = {"measured": 93.50, "limit": 80, "small": 0.000001, "hint": "secret", "text": 'Zoë "ü"\n\u2028', "x": [None]}
    await box.client.made("/events", {"type": f"x.{organization}.meter.read", "subject": "meter-1", "data": data})
    await box.client.made("/webhook-endpoints", {"url": "https://receiver.invalid/", "signing": "ed25519"})
    for number in range(EVENTS):
        await box.client.made("/offers", {"title": f"Offer {number}"})


async def test_a_stranger_computes_the_same(service: Service) -> None:
    box = await sandbox(service, pace=1)
    await fill(box)
    await box.client.events(1)
    told = await box.hash()
    found = await recomputed(box.client, box.owner.id, f"org_{box.owner.id}")
    assert (told["hash"], told["events"], told["lastEventId"]) == found
    assert told["events"] > EVENTS
    operator = await service.caller()
    assert (await operator.read(f"/sandboxes/{box.id}/log-hash")) == told
    await box.client.made("/offers", {"title": "One more"})
    assert (await box.hash())["hash"] != told["hash"]


async def test_a_long_log_is_hashed_once_and_in_several_calls(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    real = log_hash.line

    def noted(event: Any, own: Any) -> str:
        hashed.append(event["id"])
        return real(event, own)

    monkeypatch.setattr(log_hash, "line", noted)
    monkeypatch.setattr(log_hash, "PORTION", 2)
    box = await sandbox(service)
    for number in range(5):
        await box.client.made("/offers", {"title": f"Offer {number}"})
    told = await box.hash()
    assert len(hashed) == told["events"]
    await box.client.made("/offers", {"title": "One more"})
    assert (await box.hash())["events"] == len(hashed) == told["events"] + 1, "it went on where it was"
    await box.client.made("/offers", {"title": "The last one"})
    monkeypatch.setattr(log_hash, "PATIENCE", 0.0)
    answer = await box.client.get(f"/sandboxes/{box.id}/log-hash")
    refused(answer, 503, "unavailable")
    assert answer.headers["Retry-After"] == "1"
    monkeypatch.setattr(log_hash, "PATIENCE", 20.0)
    snapshot = await box.client.made(f"/sandboxes/{box.id}/snapshots", {"name": "Before"})
    operator = await service.caller()

    async def other(title: str) -> Any:
        await operator.made(f"/sandboxes/{box.id}/restorations", {"snapshotId": snapshot["id"]})
        await (await service.caller(who=box.owner)).made("/offers", {"title": title})
        return await operator.read(f"/sandboxes/{box.id}/log-hash")

    one, two = await other("This"), await other("That")
    assert one["lastEventId"] == two["lastEventId"], "the same ids are drawn again"
    assert one["hash"] != two["hash"]
    assert await other("This") == one


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ({"b": 1, "a": [True, None, "é"]}, '{"a":[true,null,"é"],"b":1}'),
        ({"\U0001f600": 1, "\ufb33": 2, "\u20ac": 3}, '{"\u20ac":3,"\U0001f600":1,"\ufb33":2}'),  # RFC 8785, 3.2.3
        (
            [0.0, -0.0, 1.0, -1.5, 1e20, 123456789012345680000.0],
            "[0,0,1,-1.5,100000000000000000000,123456789012345680000]",
        ),
        ([1e21, 1.5e300, 1e-6, 1e-7, 1.25e-9], "[1e+21,1.5e+300,0.000001,1e-7,1.25e-9]"),
        ('\u2028"\\\n\x01', '"\u2028\\"\\\\\\n\\u0001"'),
    ],
)
def test_there_is_one_form_only(value: Any, wanted: str) -> None:
    assert canonical.text(value) == wanted
