"""A new sandbox: its workspace, its world, and the resource that stands for both in the live workspace."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engage_api.access import worlds
from engage_api.access.sandboxes.models import SANDBOX, Persona, Sandbox, SandboxState, Size
from engage_api.core import clock, ids
from engage_api.core.clock import Clock
from engage_api.core.principal import Principal
from engage_api.db import store, world
from engage_api.db.engine import Transaction
from engage_api.db.store import Stored

QUOTA = 2_000_000  # ids that a sandbox may give out: of resources and events together


@dataclass(frozen=True, slots=True)
class New:
    """What is to be made: of whose organization, and how it begins. `seed`: None for one that nobody else has.

    `owner`: whose it is, if not the application's that makes it.
    """

    organization: str
    name: str
    id: str = field(default_factory=lambda: ids.new(SANDBOX.prefix))
    size: Size = "empty"
    state: SandboxState = "ready"
    seed: str | None = None
    start: Clock | None = None
    expires_at: datetime | None = None
    parent: str | None = None
    owner: str | None = None
    quota: int = QUOTA
    metadata: dict[str, str] = field(default_factory=dict)
    personas: tuple[Persona, ...] = ()


async def make(tx: Transaction, maker: Principal, new: New) -> Stored[Sandbox]:
    """Make it. `maker` stands in the live workspace, and its application made it.

    What is not ready is busy, with its clock standing still, until whoever fills it says otherwise.
    """
    now, seed = clock.host(), new.seed or secrets.token_hex(8)
    start = new.start or Clock(now, now)
    fields: dict[str, Any] = {name: getattr(new, name) for name in ("id", "name", "size", "state", "metadata")}
    fields |= {
        "seed": seed,
        "parent_id": new.parent,
        "expires_at": new.expires_at,
        "personas": list(new.personas),
        "work": None,
    }
    fields |= {"starts_at": start.at, "start_pace": start.pace}
    stored = await store.create(tx, maker, SANDBOX, fields, made_by=new.owner)
    busy = None if new.state == "ready" else new.state
    await worlds.open_sandbox(tx, new.id, new.name, new.organization, new.expires_at)
    begun = start if busy is None else Clock(start.at, start.since, clock.FROZEN)
    await world.add(tx, new.id, seed=seed, start=begun, quota=new.quota, busy=busy)
    return stored
