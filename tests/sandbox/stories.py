"""Seeded sandboxes, and all that is in them."""

import asyncio
import hashlib
import json
import sys
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from engage_api.access import operator
from engage_api.access.sandboxes.models import Persona
from engage_api.app import create_app  # noqa: F401  # every kind is known, and all that time does
from engage_api.core import clock
from engage_api.core.clock import FROZEN, Clock
from engage_api.core.principal import Principal
from engage_api.core.scopes import EVERYTHING
from engage_api.db import Database, log, open_database, reader, sequencer, world
from engage_api.db.kind import Kind
from engage_api.db.sql import Query
from engage_api.events.webhooks.delivery_models import WebhookDeliveryRow
from engage_api.sandbox import seeding

START = datetime(2026, 3, 4, 11, 30, tzinfo=UTC)
SEED = "spring"
DELIVERIES = Query(select(WebhookDeliveryRow.__table__.c.id))  # type: ignore[attr-defined]


async def sandbox(db: Database, name: str, *, seed: str = SEED) -> Principal:
    """An empty one whose clock stands at START."""
    who = Principal("seed", "app_operator", "org_operator", f"sbx_{name}", False, EVERYTHING, operator.NO_LIMIT, True)
    async with db.write(who.workspace) as tx:
        await world.add(
            tx, who.workspace, seed=seed, start=Clock(START, clock.host(), FROZEN), quota=1_000_000, busy="seeding"
        )
    return who


async def seeded(db: Database, name: str, *, seed: str = SEED, size: str = "tiny") -> tuple[Principal, list[Persona]]:
    """One with a past."""
    who = await sandbox(db, name, seed=seed)
    return who, await seeding.seed(db, who, size)


async def events(db: Database, who: Principal) -> list[bytes]:
    """The whole log."""
    if db.dialect == "postgresql":
        await sequencer.settle(db)
    return [line.document for line in await log.page(db, who, after=0, limit=1_000_000, filters={})]


async def documents(db: Database, who: Principal, kind: Kind[Any]) -> list[bytes]:
    """All resources of a kind, the first made first."""
    return await reader.every(db, who, kind, {}, "createdAt")


async def everything(db: Database, who: Principal) -> list[bytes]:
    """The log and all resources."""
    found = await events(db, who)
    for name in sorted(Kind.known):
        found += await documents(db, who, Kind.known[name])
    return found


def digest(lines: list[bytes]) -> str:
    """Of all these bytes."""
    return hashlib.sha256(b"\n".join(lines)).hexdigest()


async def tell(url: str) -> str:
    """The digest of everything in a new sandbox."""
    db = await open_database(url)
    who, people = await seeded(db, "told")
    told = [json.dumps([person.model_dump() for person in people]).encode()]
    found = digest(await everything(db, who) + told)
    await db.close()
    return found


if __name__ == "__main__":
    print(asyncio.run(tell(sys.argv[1])))  # noqa: T201  # it is asked for
