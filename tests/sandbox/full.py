"""A sandbox that has something of everything, made as its owner would."""

from engage_api.access.worlds import LIVE
from engage_api.core import clock
from engage_api.core.clock import FROZEN, Clock
from engage_api.db import Database, world
from tests.api.harness import Client, Service
from tests.running import Application


async def lay_base(db: Database, workspace: str) -> None:
    """What there is by now is where a reset goes back to."""
    async with db.write(workspace) as tx:
        await world.lay_base(tx, sequence=1)


async def full(service: Service) -> tuple[Application, Client]:
    """The application, and its first key's client. The clock is frozen."""
    owner = await service.application("hackathon-team", workspace="", state="sandbox-only")
    async with service.db.write(LIVE) as tx:
        start = Clock(clock.host(), clock.host(), FROZEN)
        await world.add(tx, owner.workspace, seed="full", start=start, quota=100_000)
    client = await service.caller(who=owner)
    await lay_base(service.db, owner.workspace)
    await fill(client)
    return owner, client


async def fill(client: Client) -> None:
    """Something in every table that a sandbox can have rows in."""
    zoe = await client.made("/customers", {"kind": "person", "displayName": "Zoë de Vries", "segments": ["vip"]})
    await client.made("/customers", {"kind": "person", "displayName": "Bram", "metadata": {"desk": "north"}})
    part = {"role": "applicant", "name": "Zoë", "customerId": zoe["id"]}
    case = {"type": "permit", "title": "Dormer", "customerId": zoe["id"], "participants": [part]}
    first = await client.made("/cases", {**case, "tasks": [{"title": "Check the drawings"}]})
    second = await client.made("/cases", {"type": "permit", "title": "House", "externalId": "our:1"})
    answer = await client.change(f"/cases/{first['id']}", {"parentId": second["id"]})  # its parent came after it
    assert answer.status_code == 200, answer.text
    await client.made("/offers", {"title": "Home energy check"})
    hook = await client.made("/webhook-endpoints", {"url": "https://receiver.invalid/", "description": "Board"})
    always = {"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}
    await client.events(8)
    answer = await client.post(f"/webhook-endpoints/{hook['id']}/replays", json=always)
    assert answer.json()["queued"] > 0, answer.text
    await client.made("/api-keys", {"name": "Spare", "scopes": ["cases:read"]})
    await client.made(f"/customers/{zoe['id']}/sessions", {})
    await client.made(f"/customers/{zoe['id']}/account-links", {"email": "zoe@example.org"})
    await client.post("/offers", json={"title": "Once"}, headers={"Idempotency-Key": "once"})
    assert (await client.get("/customers", params={"search": "zoe"})).json()["items"]
