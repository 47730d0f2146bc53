"""Workers are killed while they copy a world: in the end the copy is whole, or failed; half of it is never ready."""

import asyncio
import os
from pathlib import Path

import pytest
from sqlalchemy import select, update

from engage_api.access.sandboxes.models import Size
from engage_api.db import Query
from engage_api.jobs.models import JobRow
from engage_api.sandbox.copies import mending
from engage_api.sandbox.copies import service as copies
from engage_api.sandbox.copies.orders import FORK, RESTORE
from engage_api.settings import Settings
from tests.api.harness import Client, Service, answered, eventually, make_settings, refused, works
from tests.counts import Count
from tests.sandbox import clockwork
from tests.sandbox.dumps import Dump, alike
from tests.sandbox.test_copies import look, world_of
from tests.sandbox.test_far import working

SOAK = "ENGAGE_TEST_MINUTES" in os.environ
SIZE: Size = "medium" if SOAK else "small"
KILLS, ROWS = (2, 200) if SOAK else (1, 10)
"""How often each copy is killed: it is tried three times. Rows of a transaction: so few that there is time for that."""
_job = JobRow.__table__  # type: ignore[attr-defined]
CLAIMED = Query(
    select(_job.c.id).where(_job.c.lease_until.is_not(None), (_job.c.kind == FORK) | (_job.c.kind == RESTORE))
)
LOST = Query(update(_job).where(_job.c.lease_until.is_not(None)).values(lease_until=None))


@pytest.fixture
def settings(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Its workers are processes of their own, and every copy is a job."""
    monkeypatch.setattr(copies, "SMALL", 0)
    return make_settings(database_url, tmp_path, worker=False)


class Watch:
    """Kills workers while they make a sandbox busy."""

    def __init__(self, service: Service, settings: Settings, api: Client) -> None:
        self._service, self._settings, self._api = service, settings, api
        self.kills = 0

    async def state(self, sandbox_id: str) -> str:
        return str((await self._api.read(f"/sandboxes/{sandbox_id}"))["state"])

    async def kill(self, sandbox_id: str, share: float) -> None:
        """A worker, when it has done so much of it; then its lease is over."""
        async with working(self._settings, ROWS), asyncio.timeout(120):
            while True:
                work = (await self._api.read(f"/sandboxes/{sandbox_id}"))["work"]
                assert work is not None, "it was done before it could be killed"
                far = work["total"] and work["done"] >= share * work["total"]  # perhaps the one before came so far
                if far and await self._service.db.system.fetch(CLAIMED, None):
                    break
                await asyncio.sleep(0.01)
        self.kills += 1
        async with self._service.db.system.write(None) as tx:
            await tx.run(LOST)

    async def done(self, *sandboxes: str) -> list[str]:
        """The states that they come to, with a worker that nobody kills."""

        async def over() -> list[str] | None:
            found = [await self.state(one) for one in sandboxes]
            return found if {*found} <= {"ready", "failed"} else None

        async with working(self._settings):
            return await eventually(over, 300)


async def forked(service: Service, watch: Watch, api: Client, box: clockwork.Sandbox, before: Dump) -> None:
    made = await api.made(f"/sandboxes/{box.id}/forks", {})
    for kill in range(KILLS):
        await watch.kill(box.id, (kill + 1) / (KILLS + 1))
        assert (await watch.state(made["id"]), await watch.state(box.id)) == ("copying", "copying")
        assert not await works(service, made["key"], path="/offers"), "nobody sees half of it"
        refused(await box.client.post("/offers", json={"title": "Not now"}), 409, "sandbox-busy")
    assert await watch.done(made["id"], box.id) == ["ready", "ready"]
    there = world_of(await look(service, made["id"]))
    assert alike(there, made["id"], made["id"]) == alike(before, box.id, made["id"])
    client = await service.client(made["key"])
    await client.made("/offers", {"title": "Mine"})


async def restored(service: Service, watch: Watch, api: Client, box: clockwork.Sandbox, before: Dump) -> None:
    taken = await api.made(f"/sandboxes/{box.id}/snapshots", {})
    assert await watch.done(box.id) == ["ready"]
    await box.client.made("/customers", {"kind": "person", "displayName": "Later"})
    answered(await api.post(f"/sandboxes/{box.id}/restorations", json={"snapshotId": taken["id"]}), 201)
    for kill in range(KILLS):
        await watch.kill(box.id, (kill + 1) / (KILLS + 1))
        assert await watch.state(box.id) == "restoring"
        refused(await box.client.get("/offers"), 503, "unavailable")
    assert await watch.done(box.id) == ["ready"]
    assert world_of(await look(service, box.id)) == before
    await box.client.made("/offers", {"title": "Mine"})


async def failed(service: Service, watch: Watch, api: Client, box: clockwork.Sandbox) -> None:
    """Three workers are lost: then nobody begins again, and what is half is not seen."""
    before = world_of(await look(service, box.id))
    made = await api.made(f"/sandboxes/{box.id}/forks", {})
    for _ in range(3):
        await watch.kill(box.id, 0.3)
    async with working(watch._settings):

        async def dead() -> bool | None:
            await mending.mend(service.db, None)  # type: ignore[arg-type]  # it needs nothing of its job
            return await watch.state(made["id"]) == "failed" or None

        await eventually(dead, 60)
    assert await watch.state(box.id) == "ready"
    refused(await (await service.client(made["key"])).get("/offers"), 503, "unavailable")
    assert world_of(await look(service, box.id)) == before


async def test_a_copy_is_whole_or_failed_though_workers_are_killed(
    service: Service, settings: Settings, count: Count
) -> None:
    box, api = await clockwork.sandbox(service, size=SIZE), await service.caller()
    before, watch = world_of(await look(service, box.id)), Watch(service, settings, api)
    await forked(service, watch, api, box, before)
    await restored(service, watch, api, box, before)
    if SOAK:
        await failed(service, watch, api, box)
    rows = sum(len(found) for found in before.values())
    count(f"copies ({service.db.dialect})", rows=rows, kills=watch.kills)
