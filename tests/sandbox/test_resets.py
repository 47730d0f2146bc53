"""A reset is done by one at a time: whoever was overtaken leaves a sandbox alone that is in use again."""

from typing import Any

import pytest
from sqlalchemy import select

from engage_api.db import Query
from engage_api.jobs import Registry, queue
from engage_api.jobs.models import JobRow
from engage_api.sandbox import endpoints, seeding, wipe
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
