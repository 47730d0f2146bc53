"""Large copies are jobs: nobody writes meanwhile, nothing half is seen, and whoever is lost is followed by another."""

from typing import Any

import pytest
from sqlalchemy import select, update

from engage_api.access import operator
from engage_api.access.sandboxes.models import SANDBOX
from engage_api.access.worlds import LIVE
from engage_api.db import Query, reader, store
from engage_api.jobs import Registry, queue
from engage_api.jobs.models import JobRow
from engage_api.sandbox import copying, endpoints, portions
from engage_api.sandbox import service as sandboxes
from engage_api.sandbox.copies import mending, orders
from engage_api.sandbox.copies import service as copies
from engage_api.sandbox.copies.jobs import Copier
from engage_api.sandbox.copies.models import SNAPSHOT
from tests.api.harness import Client, Service, answered, refused, works
from tests.sandbox.dumps import alike
from tests.sandbox.full import fill
from tests.sandbox.test_copies import look, sandbox, world_of

_job = JobRow.__table__  # type: ignore[attr-defined]
LOST = Query(update(_job).where(_job.c.lease_until.is_not(None)).values(lease_until=None))
KINDS = Query(select(_job.c.kind, _job.c.state))


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "SMALL", 0)
    monkeypatch.setattr(portions, "FIRST", 2)
    monkeypatch.setattr(portions, "SPAN", 0.001)


@pytest.fixture
async def api(service: Service) -> Client:
    return await service.caller()


class Stopped(BaseException):
    """A worker is killed: nothing of it runs any more, not even what it would do about a failure."""


async def work(service: Service, *, last: bool = False) -> None:
    """What a worker does with the next job of ours, once."""
    registry = Registry()
    Copier(service.services.webhooks.box).join(registry)
    registry.job(orders.MEND)(mending.mend)
    [job] = await queue.claim(service.db.system, registry.limits, 1)
    if last:
        job.attempts = job.limits.max_attempts
    await registry.kinds[job.kind].run(service.db, job)
    if not job.finished:
        await queue.complete(service.db.system, job)


async def killed(service: Service, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """A worker that is killed after so many transactions of the copy."""
    real, left = copying.parts, after

    def parts(way: copying.Way) -> Any:
        nonlocal left
        for part in real(way):
            yield part
            left -= 1
            if left < 0:
                raise Stopped

    with monkeypatch.context() as patched:
        patched.setattr(copying, "parts", parts)
        with pytest.raises(Stopped):
            await work(service)
    async with service.db.system.write(None) as tx:
        await tx.run(LOST)


async def state(api: Client, sandbox_id: str) -> str:
    found: str = (await api.read(f"/sandboxes/{sandbox_id}"))["state"]
    return found


@pytest.mark.parametrize("kills", [0, 1])
async def test_a_fork(service: Service, api: Client, monkeypatch: pytest.MonkeyPatch, kills: int) -> None:
    parent, owner = await sandbox(api, service)
    await fill(owner)
    before = await look(service, parent)
    made = await api.made(f"/sandboxes/{parent}/forks", {})
    fork = made["id"]
    assert (made["state"], await state(api, parent)) == ("copying", "copying")
    refused(await owner.post("/offers", json={"title": "Not now"}), 409, "sandbox-busy")
    refused(await api.post(f"/sandboxes/{parent}/forks", json={}), 409, "sandbox-busy")
    assert await owner.ids("/offers"), "reading works"
    for n in range(kills):
        await killed(service, monkeypatch, 3 + n)
        assert not await works(service, made["key"], path="/offers"), "nothing half is seen"
        assert (await api.read(f"/sandboxes/{fork}"))["work"]["kind"] == "copying"
    await work(service)
    assert (await state(api, fork), await state(api, parent)) == ("ready", "ready")
    client = await service.client(made["key"])
    assert alike(world_of(before), parent, fork) == alike(world_of(await look(service, fork)), fork, fork)
    assert await owner.read("/events", limit=200) == await client.read("/events", limit=200)
    await client.made("/offers", {"title": "Mine"})
    await owner.made("/offers", {"title": "Mine"})


async def test_a_fork_that_fails_for_good(service: Service, api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether its last worker could say so, or was lost: then somebody else finds out."""
    parent, owner = await sandbox(api, service)
    await fill(owner)
    for lost in (False, True):
        made = await api.made(f"/sandboxes/{parent}/forks", {})
        if lost:
            await killed(service, monkeypatch, 3)
            async with service.db.system.write(None) as tx:
                await tx.run(Query(update(_job).values(state="dead")))
            await mending.mend(service.db, None)  # type: ignore[arg-type]  # it needs nothing of its job
        else:
            with monkeypatch.context() as patched:
                patched.setattr(endpoints, "place", None)
                with pytest.raises(TypeError):
                    await work(service, last=True)
        assert (await state(api, made["id"]), await state(api, parent)) == ("failed", "ready")
        refused(await (await service.client(made["key"])).get("/offers"), 503, "unavailable")
        await owner.made("/offers", {"title": "We can write again"})
        async with service.db.system.write(None) as tx:
            await tx.run(Query(_job.delete()))
        gone = await api.delete(f"/sandboxes/{made['id']}", headers={"If-Match": "*"})
        assert gone.status_code == 204, gone.text


@pytest.mark.parametrize("kills", [0, 2])
async def test_back_to_a_snapshot(service: Service, api: Client, monkeypatch: pytest.MonkeyPatch, kills: int) -> None:
    sandbox_id, owner = await sandbox(api, service)
    await fill(owner)
    before = await look(service, sandbox_id)
    taken = await api.made(f"/sandboxes/{sandbox_id}/snapshots", {})
    path = f"/sandboxes/{sandbox_id}/snapshots/{taken['id']}"
    assert taken["state"] == "copying"
    refused(await api.delete(path, headers={"If-Match": "*"}), 409, "sandbox-busy")
    for _ in range(kills):
        await killed(service, monkeypatch, 3)
    await work(service)
    assert ((await api.read(path))["state"], await state(api, sandbox_id)) == ("ready", "ready")
    await owner.made("/customers", {"kind": "person", "displayName": "Later"})
    answered(await api.post(f"/sandboxes/{sandbox_id}/restorations", json={"snapshotId": taken["id"]}), 201)
    for _ in range(kills):
        await killed(service, monkeypatch, 3)
        refused(await owner.get("/customers"), 503, "unavailable")
    await work(service)
    assert await state(api, sandbox_id) == "ready"
    assert world_of(await look(service, sandbox_id)) == world_of(before)
    await owner.made("/customers", {"kind": "person", "displayName": "Later"})


async def test_a_snapshot_stays_until_the_sandbox_is_back(service: Service, api: Client) -> None:
    """And should it be gone after all, nobody waits for it for ever."""
    sandbox_id, owner = await sandbox(api, service)
    await fill(owner)
    taken = await api.made(f"/sandboxes/{sandbox_id}/snapshots", {})
    path = f"/sandboxes/{sandbox_id}/snapshots/{taken['id']}"
    await work(service)
    answered(await api.post(f"/sandboxes/{sandbox_id}/restorations", json={"snapshotId": taken["id"]}), 201)
    refused(await api.delete(path, headers={"If-Match": "*"}), 409, "sandbox-busy")
    who = await operator.principal(service.db, LIVE)
    async with service.db.system.write(None) as tx:
        found = await reader.find(tx, who, SNAPSHOT, taken["id"])
        assert found is not None
        await copies.forget(tx, who, found)
    await work(service)
    assert await state(api, sandbox_id) == "failed"
    assert (await api.delete(f"/sandboxes/{sandbox_id}", headers={"If-Match": "*"})).status_code == 204


async def test_a_fork_ends_while_it_is_made(service: Service, api: Client) -> None:
    """Its parent is free, and nothing is written into what is being taken away."""
    parent, owner = await sandbox(api, service)
    await fill(owner)
    made = await api.made(f"/sandboxes/{parent}/forks", {})
    who = await operator.principal(service.db, LIVE)
    async with service.db.system.write(None) as tx:
        found = await reader.find(tx, who, SANDBOX, made["id"])
        assert found is not None
        await sandboxes.end(tx, who, found, store.DELETED)
    await work(service)
    assert await state(api, parent) == "ready"
    assert "customer" not in await look(service, made["id"])
    await owner.made("/offers", {"title": "We can write again"})


async def test_what_takes_too_long_at_once_is_promised(
    service: Service, api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also an honest small one, of large signals."""
    parent, owner = await sandbox(api, service)
    await fill(owner)
    monkeypatch.setattr(copies, "SMALL", 1_000)
    for what, value in ((portions, "AT_ONCE"), (copies, "LIGHT")):
        with monkeypatch.context() as patched:
            patched.setattr(what, value, 0)
            made = await api.made(f"/sandboxes/{parent}/forks", {})
            assert (made["state"], await state(api, parent)) == ("copying", "copying")
            assert "customer" not in await look(service, made["id"]), "nothing is left of the first try"
            await work(service)
            assert (await state(api, made["id"]), await state(api, parent)) == ("ready", "ready")
            refused(await api.get(f"/sandboxes/{parent}/export"), 409, "needs-snapshot")
    taken = await api.made(f"/sandboxes/{parent}/snapshots", {})
    monkeypatch.setattr(portions, "AT_ONCE", 0)
    back = await api.made(f"/sandboxes/{parent}/restorations", {"snapshotId": taken["id"]})
    assert (taken["state"], back["state"]) == ("ready", "restoring")
    await work(service)
    assert await owner.ids("/offers")


async def test_a_filling_whose_worker_is_lost_for_good(service: Service, api: Client) -> None:
    made = await api.made("/sandboxes", {"size": "small"})
    refused(await api.delete(f"/sandboxes/{made['id']}", headers={"If-Match": "*"}), 409, "sandbox-busy")
    async with service.db.system.write(None) as tx:
        await tx.run(Query(update(_job).values(state="dead")))
    await mending.mend(service.db, None)  # type: ignore[arg-type]  # it needs nothing of its job
    assert await state(api, made["id"]) == "failed"
    assert (await api.made(f"/sandboxes/{made['id']}/resets", {}))["state"] == "resetting"


async def test_a_reset(service: Service, api: Client) -> None:
    made = await api.made("/sandboxes", {"size": "empty", "seed": "spring"})
    owner = await service.client(made["key"])
    await fill(owner)
    again = await api.made(f"/sandboxes/{made['id']}/resets", {})
    assert again["state"] == "resetting"
    async with service.db.system.write(None) as tx:
        await tx.run(Query(update(_job).values(run_at=_job.c.created_at)))
    await work(service)
    assert await state(api, made["id"]) == "ready"
    assert len((await look(service, made["id"]))["event"]) == 1


async def test_snapshots_go_with_their_sandbox(service: Service, api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "SMALL", 1_000)
    sandbox_id, owner = await sandbox(api, service)
    await fill(owner)
    taken = await api.made(f"/sandboxes/{sandbox_id}/snapshots", {})
    assert await look(service, taken["id"])
    who = await operator.principal(service.db, LIVE)
    await copies.forget_all(service.db, who, sandbox_id)
    assert await api.ids(f"/sandboxes/{sandbox_id}/snapshots") == []
    await work(service)
    assert await look(service, taken["id"]) == {}
