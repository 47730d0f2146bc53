"""Sandboxes end: nobody gets in any more at once, and then nothing is left of them. What was begun is ended."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, bindparam, func, select
from sqlmodel import SQLModel

from engage_api.core import clock, ids
from engage_api.db import Database, Query
from engage_api.db.sequencer import Sequencer
from engage_api.jobs import queue, registry
from engage_api.sandbox import expiry, seeding
from engage_api.sandbox.jobs import EXPIRE, SEED, WIPE, Wanted
from engage_api.settings import Settings
from tests.api.harness import Client, Service, make_settings, refused
from tests.running import Application, add_party, add_workspace

assert expiry.wipe_sandbox is registry.kinds[WIPE].handler  # whose jobs are tried
EMPTY = {"size": "empty"}


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Without a worker: each job is done when the test says so."""
    return make_settings(database_url, tmp_path, worker=False)


class Later:
    """The host's clock, some time ahead."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._host, self._ahead = clock.host, timedelta()
        patch.setattr(clock, "host", self)

    def __call__(self) -> datetime:
        return self._host() + self._ahead

    def go(self, **by: float) -> None:
        self._ahead += timedelta(**by)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    return Later(monkeypatch)


async def work(db: Database, kind: str) -> int:
    """Do what is due of a kind, as a worker does. How many that were."""
    kinds = {kind: registry.limits[kind]}
    found = await queue.claim(db.system, kinds, 32)
    for job in found:
        await registry.kinds[kind].run(db, job)
        await queue.complete(db.system, job)
    return len(found)


async def expire(db: Database) -> None:
    async with db.system.write(None) as tx:
        await queue.enqueue(tx, EXPIRE, {})
    assert await work(db, EXPIRE) == 1


async def left(db: Database, workspace: str) -> dict[str, int]:
    """The rows of a workspace by table."""
    found: dict[str, int] = {}
    for table in SQLModel.metadata.tables.values():
        if "workspace_id" in table.columns:
            found[table.name] = await _rows(db, table, workspace)
    return {name: n for name, n in found.items() if n}


async def _rows(db: Database, table: Table, workspace: str) -> int:
    count = select(func.count().label("n")).where(table.c.workspace_id == bindparam("at"))
    return int((await db.system.one(Query(count.select_from(table)), None, at=workspace)).n)


async def newcomer(service: Service) -> Client:
    name = ids.new("x")
    async with service.db.system.write(None) as tx:
        organization = await add_party(tx, "live", f"app_{name}", "developer", "sandbox-only")
        await add_workspace(tx, f"sbx_{name}", "sandbox", organization)
    return await service.caller(who=Application(f"app_{name}", f"sbx_{name}"))


async def numbered(db: Database) -> None:
    if db.dialect == "postgresql":
        await Sequencer(db).run_once()


async def test_one_whose_time_is_over_lets_nobody_in_and_then_is_gone(service: Service, later: Later) -> None:
    developer = await newcomer(service)
    made = await developer.made("/sandboxes", {"lifetime": "PT1M"})
    stays = await developer.made("/sandboxes", EMPTY)
    own = await service.client(made["key"])
    await own.made("/webhook-endpoints", {"url": "https://receiver.invalid/"})
    assert (await own.get("/customers")).status_code == 200
    later.go(seconds=61)
    service.services.doorkeeper.forget_all()
    refused(await own.get("/customers"), 401, "unauthenticated")
    refused(await developer.get(f"/sandboxes/{made['id']}"), 404, "not-found")
    assert (await left(service.db, made["id"])).keys() > {"customer", "case", "event", "api_key", "world", "search"} - (
        {"search"} if service.db.dialect == "sqlite" else set()
    )
    await expire(service.db)
    assert await developer.ids("/sandboxes") == [stays["id"]]
    assert await work(service.db, WIPE) == 0  # other processes have not heard yet
    later.go(seconds=6)
    assert await work(service.db, WIPE) == 1
    assert await left(service.db, made["id"]) == {}
    assert await left(service.db, stays["id"]) != {}
    live = await service.caller(who=Application("app_operator", "live"))
    told = await live.events(3, subject=made["id"])
    assert [event["type"].split(".")[2] for event in told] == ["created", "ready", "expired"]
    refused(await own.get("/customers"), 401, "unauthenticated")


async def test_a_guest_goes_with_the_last_sandbox(service: Service, later: Later) -> None:
    made = await (await service.client()).made("/sandboxes", EMPTY)
    own = await service.client(made["key"])
    second = await own.made("/sandboxes", EMPTY | {"lifetime": "P1D"})
    [key] = (await own.read("/api-keys"))["items"]
    live = await service.caller(who=Application("app_operator", "live"))
    assert (await live.read(f"/applications/{key['applicationId']}"))["organizationId"] == "org_guests"
    for sandbox, days in ((second, 1.1), (made, 2)):
        assert (await live.get(f"/applications/{key['applicationId']}")).status_code == 200
        later.go(days=days)
        await expire(service.db)
        later.go(seconds=6)
        assert await work(service.db, WIPE) == 1
        assert await left(service.db, sandbox["id"]) == {}
    refused(await live.get(f"/applications/{key['applicationId']}"), 404, "not-found")


async def test_what_is_deleted_is_wiped_as_well(service: Service, later: Later) -> None:
    developer = await newcomer(service)
    made = await developer.made("/sandboxes", {})
    await developer.delete(f"/sandboxes/{made['id']}", headers={"If-Match": "*"})
    later.go(seconds=6)
    assert await work(service.db, WIPE) == 1
    assert await left(service.db, made["id"]) == {}


async def test_while_it_is_filled_nobody_else_writes_and_it_says_how_far_it_is(service: Service) -> None:
    developer = await newcomer(service)
    made = await developer.made("/sandboxes", {"size": "small"})
    path = f"/sandboxes/{made['id']}"
    found = await developer.get(path)
    assert (made["state"], found.json()["work"]) == ("seeding", {"kind": "seeding", "done": 0, "total": 0})
    assert found.headers["ETag"].startswith("W/")
    again = await developer.get(path, headers={"If-None-Match": found.headers["ETag"]})
    assert again.status_code == 304
    own = await service.client(made["key"])
    busy = await own.post("/customers", json={"kind": "person", "displayName": "Ada"})
    refused(busy, 409, "sandbox-busy")
    assert busy.headers["Retry-After"] == "1"
    refused(await developer.delete(path, headers={"If-Match": "*"}), 409, "sandbox-busy")
    assert (await developer.change(path, {"name": "Named"}, "*")).status_code == 200
    async with service.db.system.write(None) as tx:
        assert (
            await queue.enqueue(tx, SEED, Wanted(sandbox=made["id"]), workspace="live", unique_key=made["id"]) is None
        )
    assert await work(service.db, SEED) == 1
    done = await developer.get(path)
    assert (done.json()["state"], done.json()["work"], done.json()["name"]) == ("ready", None, "Named")
    assert not done.headers["ETag"].startswith("W/")
    assert (await own.post("/customers", json={"kind": "person", "displayName": "Ada"})).status_code == 201


async def content(service: Service, sandbox: dict[str, Any]) -> list[Any]:
    own = await service.client(sandbox["key"])
    await numbered(service.db)
    events = (await own.read("/events", limit=200))["items"]
    return [(event["sequence"], event["id"], event["type"], event["time"]) for event in events]


async def test_what_somebody_began_to_fill_is_begun_again(
    service: Service, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed half-way: what the job makes of it is what an undisturbed one would be."""
    developer = await newcomer(service)
    same = {"seed": "spring", "clock": {"now": "2027-01-01T00:00:00Z", "mode": "frozen"}}
    whole = await developer.made("/sandboxes", same)
    seed = seeding.seed

    async def killed(db: Database, who: Any, size: str, **more: Any) -> Any:
        async def note(done: int, total: int) -> None:
            raise TimeoutError

        return await seed(db, who, size, **(more | {"note": note}))

    monkeypatch.setattr(seeding, "seed", killed)
    half = await developer.made("/sandboxes", same)
    monkeypatch.undo()
    later.__init__(monkeypatch)  # type: ignore[misc]  # undone, too
    assert half["state"] == "seeding"
    assert await work(service.db, SEED) == 0
    later.go(seconds=61)
    await numbered(service.db)
    assert await work(service.db, SEED) == 2  # of the whole one, too, which finds nothing to do
    assert await content(service, half) == await content(service, whole)
    found = await developer.read(f"/sandboxes/{half['id']}")
    assert (found["state"], len(found["personas"])) == ("ready", len(whole["personas"]))


async def test_one_that_cannot_be_filled_has_failed_and_can_be_deleted(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    developer = await newcomer(service)
    made = await developer.made("/sandboxes", {"size": "small"})

    async def fails(*_: Any, **__: Any) -> Any:
        raise RuntimeError

    monkeypatch.setattr(seeding, "seed", fails)
    for last in (False, True):
        job: Any = queue.Job("job_x", "live", SEED, {"sandbox": made["id"]}, 3 if last else 1, 1, registry.limits[SEED])
        with pytest.raises(RuntimeError):
            await registry.kinds[SEED].run(service.db, job)
        state = (await developer.read(f"/sandboxes/{made['id']}"))["state"]
        assert state == ("failed" if last else "seeding")
    assert (await developer.delete(f"/sandboxes/{made['id']}", headers={"If-Match": "*"})).status_code == 204
