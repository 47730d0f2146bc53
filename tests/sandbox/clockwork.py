"""Sandboxes whose clock a test moves: each with a key, and nothing else in it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

from engage_api.access import operator
from engage_api.access.sandboxes import making
from engage_api.access.sandboxes.models import SandboxState, Size
from engage_api.access.worlds import LIVE
from engage_api.core import clock
from engage_api.core.clock import FROZEN, Clock
from engage_api.sandbox import filling
from tests.api.harness import Client, Service, eventually
from tests.running import Application, add_party

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
SANDBOXES = "/sandboxes"
Body = dict[str, Any]
_made = count(1)


@dataclass(frozen=True)
class Sandbox:
    """A sandbox, whose it is, and a client with a key to it."""

    owner: Application
    client: Client

    @property
    def id(self) -> str:
        return self.owner.workspace

    @property
    def clock(self) -> str:
        return f"{SANDBOXES}/{self.id}/clock"

    async def advance(self, **how: str) -> Body:
        """Move the clock on, and be sure that it got there."""
        made = await self.client.made(f"{self.clock}/advances", how)

        async def look() -> Body | None:
            found = await self.client.read(f"{self.clock}/advances/{made['id']}")
            return found if found["state"] != "running" else None

        done = made if made["state"] != "running" else await eventually(look, 20)
        assert done["state"] == "done", done
        return done

    async def hash(self) -> Body:
        return await self.client.read(f"{SANDBOXES}/{self.id}/log-hash")


async def sandbox(
    service: Service, *, seed: str = "one", start: datetime = START, pace: int = FROZEN, size: Size = "empty"
) -> Sandbox:
    """A new one, of a developer of its own."""
    name = f"app_clock_{next(_made)}"
    async with service.db.system.write(None) as tx:
        organization = await add_party(tx, LIVE, name, "developer", "sandbox-only")
    who = await operator.principal(service.db, LIVE, application=name)
    async with service.db.system.write(None) as tx:
        begin = Clock(start, clock.host(), pace)
        state: SandboxState = "ready" if size == "empty" else "seeding"
        new = making.New(organization, "Test", seed=seed, start=begin, size=size, state=state)
        made = await making.make(tx, who, new)
    if size != "empty":
        await filling.fill(service.db, made)
    owner = Application(name, made.model.id)
    return Sandbox(owner, await service.caller(who=owner))
