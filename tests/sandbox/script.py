"""A script of a hundred calls against a sandbox whose clock stands still, in a process of its own.

`python -m tests.sandbox.script DATABASE_URL FOLDER PORT` prints the hash of its log: on any machine, whichever the
database, the same one. A receiver of webhooks listens at the port, and stops answering well in the middle.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from engage_api.core import clock
from engage_api.db.migrate import upgrade
from tests.api.harness import Client, Service, answered, make_settings, serving
from tests.sandbox.clockwork import START, Sandbox, sandbox
from tests.webhooks.receiver import Receiver, receiving

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NAMES = ("Zoë", "Ahmed", "Maria", "Łukasz", "Σοφία", "Nguyễn")


async def play(box: Sandbox, receiver: Receiver) -> int:
    """The script. How many calls it made."""
    calls: list[Any] = []

    async def note(response: Any) -> None:
        if "/advances/" not in response.request.url.path:  # how often an advance is looked at is chance
            calls.append(response)

    box.client.event_hooks = {"response": [note]}
    await _customers(box.client)
    await _hooks(box.client, receiver)
    cases = await _cases(box.client)
    await _offers(box.client)
    receiver.answer = 500
    await _keys(box)
    await _changes(box.client, cases)
    await box.advance(by="PT3H")
    receiver.answer = 200
    await box.advance(to=clock.wire(START + 6 * DAY))
    receiver.answer = 410
    await box.client.made("/offers", {"title": "The last one"})
    await box.client.made("/offers", {"title": "After it was gone"})
    await box.advance(by="P40D")
    return len(calls)


async def _customers(client: Client) -> None:
    for number, name in enumerate(NAMES):
        body = {"kind": "person", "displayName": name, "externalId": f"crm:{number}", "segments": ["vip", f"s{number}"]}
        made = await client.made("/customers", body)
        assert (await client.post("/customers", json=body)).status_code == 409
        assert (await client.patch(f"/customers/{made['id']}", json={"displayName": "?"})).status_code == 428
        answered(await client.change(f"/customers/{made['id']}", {"preferences": {"language": "nl"}}), 200)
    body = {"kind": "organization", "displayName": "Bakkerij"}
    for status in (201, 200):
        assert (await client.put("/customers/external/crm:bakery", json=body)).status_code == status
    assert (await client.get("/customers/cus_none")).status_code == 404
    assert (await client.post("/customers", json={"kind": "robot"})).status_code == 400


async def _hooks(client: Client, receiver: Receiver) -> None:
    url = receiver.url
    first = await client.made("/webhook-endpoints", {"url": f"{url}/all"})
    await client.made("/webhook-endpoints", {"url": f"{url}/offers", "types": ["engage.offer.*"], "ordered": True})
    await client.made(f"/webhook-endpoints/{first['id']}/secrets", {"overlap": "PT2H"})


async def _cases(client: Client) -> list[str]:
    found = []
    customers = sorted(await client.ids("/customers"))
    for number, customer in enumerate(customers):
        due = clock.wire(START + (number + 1) * DAY)
        tasks = [{"title": f"Step {step}", "dueAt": clock.wire(START + step * HOUR)} for step in range(3)]
        body = {"type": "permit", "title": f"Case {number}", "customerId": customer, "dueAt": due, "tasks": tasks}
        made = await client.made("/cases", body)
        await client.moved(f"/cases/{made['id']}", "accepted")
        assert (await client.post(f"/cases/{made['id']}/transitions", json={"to": "confirmed"})).status_code == 409
        found.append(made["id"])
    return found


async def _offers(client: Client) -> None:
    for number in range(6):
        until = clock.wire(START + number * DAY + HOUR)
        body = {"title": f"Offer {number}", "validUntil": until} if number else {"title": "For ever"}
        made = await client.post("/offers", json=body, headers={"Idempotency-Key": f"offer {number}"})
        again = await client.post("/offers", json=body, headers={"Idempotency-Key": f"offer {number}"})
        assert again.content == made.content, made.text
        if made.status_code == 201 and number % 2:
            await client.moved(f"/offers/{made.json()['id']}", "active")


async def _keys(box: Sandbox) -> None:
    expires = clock.wire(START + 10 * DAY)
    made = await box.client.made("/api-keys", {"name": "Spare", "scopes": ["cases:read"], "expiresAt": expires})
    await box.client.made(f"/api-keys/{made['id']}/rotations", {"overlap": "P1D"})
    assert (await box.client.post(f"/api-keys/{made['id']}/rotations", json={})).status_code == 409
    assert (await box.client.post("/api-keys", json={"name": "All", "scopes": ["nothing"]})).status_code == 400
    signal = {"type": f"x.org_{box.owner.id}.meter.read", "subject": "meter-1", "data": {"a": 1e-7, "b": 1.5, "é": []}}
    await box.client.made("/events", signal)


async def _changes(client: Client, cases: list[str]) -> None:
    for case in cases:
        await client.moved(f"/cases/{case}", "in-progress")
        [task, *_] = await client.ids(f"/cases/{case}/tasks")
        await client.moved(f"/tasks/{task}", "active")
        await client.moved(f"/tasks/{task}", "completed")
    answered(await client.change(f"/cases/{cases[0]}", {"title": "Another title", "metadata": {"a": "b"}}), 200)
    assert (await client.delete(f"/cases/{cases[0]}")).status_code == 405


@asynccontextmanager
async def fresh(url: str, folder: Path) -> AsyncIterator[Service]:
    """The service on a new database."""
    await asyncio.to_thread(upgrade, url)
    async with serving(make_settings(url, folder, outbound_loopback=True)) as service:
        yield service


async def main(url: str, folder: str, port: int) -> None:
    async with fresh(url, Path(folder)) as service, receiving(port=port) as receiver:
        box = await sandbox(service, seed="proof")
        calls = await play(box, receiver)
        found = await box.hash()
        events = await box.client.read("/events", limit=200, type="engage.webhook-endpoint.*")
        types = [event["type"] for event in events["items"]]
        sys.stdout.write(json.dumps({"calls": calls, **found, "sent": len(receiver.got), "endpoints": types}) + "\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
