"""A world that is held for a copy holds up nobody else: neither who numbers events nor who looks up credentials."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from engage_api.access.faults import store
from engage_api.access.faults.models import FaultRule
from engage_api.core.world import SandboxBusy
from engage_api.db.engine import Database
from engage_api.db.postgres import Postgres
from engage_api.sandbox.copies import standing
from tests.api.harness import eventually


class Tx:
    """A transaction that only reads: the world, and so many times that an event has no number yet."""

    dialect = "postgresql"

    def __init__(self, looks: float) -> None:
        self.looks = looks

    async def one(self, query: Any, **_: Any) -> Any:
        if query is standing._LOCK:
            return SimpleNamespace(busy=None)
        if query is not standing._UNNUMBERED:
            return None
        self.looks -= 1
        return SimpleNamespace(id="evt") if self.looks >= 0 else None


async def test_events_are_numbered_by_the_sequencer_and_not_in_the_transaction_of_a_copy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: Any = Tx(2)
    assert (await standing.hold(waits, "sbx_1")).busy is None
    monkeypatch.setattr(standing, "NUMBERED_WITHIN", 0.03)
    never: Any = Tx(float("inf"))
    with pytest.raises(SandboxBusy):
        await standing.hold(never, "sbx_1")


async def test_copies_and_faults_take_no_connection_of_those_that_credentials_are_looked_up_by(
    postgres_url: str,
) -> None:
    db, stop, inside = Postgres(postgres_url), asyncio.Event(), []

    async def hold(door: Database) -> None:
        async with door.write(None):
            inside.append(door)
            await stop.wait()

    held = [asyncio.create_task(hold(door)) for door in (db.aside, db.aside, db.system, db.system, db.system)]
    try:
        await eventually(lambda: every(inside, 5), 3)
        async with asyncio.timeout(3):
            assert not await store.count(db, "sbx_1", FaultRule(fault="status=503").rule("flt_1"))
    finally:
        stop.set()
        await asyncio.gather(*held)
        await db.close()


async def every(inside: list[Database], number: int) -> bool | None:
    return True if len(inside) == number else None
