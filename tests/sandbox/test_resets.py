"""A reset is done by one at a time: whoever was overtaken leaves a sandbox alone that is in use again."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from engage_api.access.sandboxes.models import Persona, SandboxState
from engage_api.core.principal import Principal
from engage_api.db import Database, Query, world
from engage_api.jobs import Registry, queue
from engage_api.jobs.models import JobRow
from engage_api.sandbox import endpoints, filling, seeding, wipe
from engage_api.sandbox.copies import orders, resetting
from engage_api.sandbox.copies import service as copies
from engage_api.sandbox.copies.jobs import Copier
from tests.api.harness import Client, Service, answered, refused, works
from tests.sandbox.full import fill
from tests.sandbox.test_copies import sandbox

_job = JobRow.__table__  # type: ignore[attr-defined]
KINDS = Query(select(_job.c.kind))


@pytest.fixture
async def api(service: Service) -> Client:
    return await service.caller()


async def spare(service: Service) -> int:
    """How many jobs wait to reset something."""
    return [row.kind for row in await service.db.system.fetch(KINDS, None)].count(orders.RESET)


async def test_no_job_is_left_to_hit_the_next_one(service: Service, api: Client) -> None:
    made = await api.made("/sandboxes", {"size": "tiny"})
    for _ in range(2):
        assert (await api.made(f"/sandboxes/{made['id']}/resets", {}))["state"] == "ready"
        assert await spare(service) == 0
    assert await resetting.again(service.db, made["id"]) is None, "it is ready"


async def test_whoever_comes_too_late_to_begin_leaves_it_alone(
    service: Service, api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Just before the clock is set back to where the story begins, a job has done it all."""
    states: Iterator[SandboxState] = iter(("seeding", "resetting"))
    real = seeding.seed

    async def overtaken(db: Database, who: Principal, size: str, **more: Any) -> list[Persona]:
        with monkeypatch.context() as aside:
            aside.setattr(seeding, "seed", real)
            state = next(states)
            assert await filling.anew(db, who.workspace, state) is not None
            if state == "seeding":  # and it has been reset as well
                await api.made(f"/sandboxes/{who.workspace}/resets", {})
        return await real(db, who, size, **more)

    monkeypatch.setattr(seeding, "seed", overtaken)
    wanted = {"size": "tiny", "clock": {"mode": "running"}}
    made = answered(await api.post("/sandboxes", json=wanted), 201)
    assert made["state"] == "seeding", "it is answered as it was"
    owner = await service.client(made["key"])
    assert (await owner.read(f"/sandboxes/{made['id']}/clock"))["mode"] == "running"
    assert answered(await api.post(f"/sandboxes/{made['id']}/resets", json={}), 201)["state"] == "resetting"
    assert (await owner.read(f"/sandboxes/{made['id']}/clock"))["mode"] == "running"
    assert (await api.read(f"/sandboxes/{made['id']}"))["state"] == "ready"


async def test_the_end_of_one_reset_leaves_the_job_of_the_next(
    service: Service, api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await api.made("/sandboxes", {"size": "small"})
    assert await filling.anew(service.db, made["id"], "seeding") is not None
    await api.made(f"/sandboxes/{made['id']}/resets", {})
    real = world.follow

    async def seen(db: Database, sandbox_id: str) -> Any:
        """Somebody sees that it is ready, and asks again."""
        monkeypatch.undo()
        answered(await api.post(f"/sandboxes/{made['id']}/resets", json={}), 201)
        return await real(db, sandbox_id)

    monkeypatch.setattr(world, "follow", seen)
    await resetting.again(service.db, made["id"])
    assert (await api.read(f"/sandboxes/{made['id']}"))["state"] == "resetting"
    assert await spare(service) == 1


@pytest.mark.parametrize("where", [(wipe, "wipe"), (seeding, "seed")])
async def test_whoever_is_overtaken_leaves_it_alone(
    service: Service, api: Client, monkeypatch: pytest.MonkeyPatch, where: tuple[Any, str]
) -> None:
    """The job comes while whoever asked still empties or fills it, or is about to say that it is ready."""
    made = await api.made("/sandboxes", {"size": "tiny", "seed": "spring"})
    owner, real = await service.client(made["key"]), getattr(*where)
    used: list[str] = []

    async def overtaken(*given: Any, **more: Any) -> Any:
        monkeypatch.undo()
        if where[0] is seeding:
            await real(*given, **more)
        assert await resetting.again(service.db, made["id"]) is not None
        used.append((await owner.made("/offers", {"title": "In use"}))["id"])
        return [] if where[0] is seeding else await real(*given, **more)

    monkeypatch.setattr(*where, overtaken)
    answer = answered(await api.post(f"/sandboxes/{made['id']}/resets", json={}), 201)
    assert (answer["state"], (await api.read(f"/sandboxes/{made['id']}"))["state"]) == ("resetting", "ready")
    assert used[0] in await owner.ids("/offers"), "it is as whoever came first has made it"
    assert len((await api.read(f"/sandboxes/{made['id']}"))["personas"]) > 1


async def test_a_fork_that_failed_is_opened_by_its_key_after_a_reset(
    service: Service, api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent, owner = await sandbox(api, service)
    await fill(owner)
    with monkeypatch.context() as patched:
        patched.setattr(copies, "SMALL", 0)
        made = await api.made(f"/sandboxes/{parent}/forks", {})
    registry = Registry()
    Copier(service.services.webhooks.box).join(registry)
    with monkeypatch.context() as patched:
        patched.setattr(endpoints, "place", None)
        [job] = await queue.claim(service.db.system, registry.limits, 1)
        job.attempts = job.limits.max_attempts
        with pytest.raises(TypeError):
            await registry.kinds[job.kind].run(service.db, job)
    path = f"/sandboxes/{made['id']}"
    assert (await api.read(path))["state"] == "failed"
    client = await service.client(made["key"])
    refused(await client.get("/offers"), 503, "unavailable")
    answered(await api.post(f"{path}/resets", json={}), 201)
    assert await resetting.again(service.db, made["id"]) is not None
    assert (await api.read(path))["state"] == "ready"
    assert await works(service, made["key"], path="/offers")
    await client.made("/offers", {"title": "Mine"})
    assert len(await client.ids("/offers")) == 1, "nothing is left of what was half"
