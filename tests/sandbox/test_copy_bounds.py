"""What a file says of itself decides nothing, and nobody holds others up with exports and imports."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import func, select, update

from engage_api.access import operator
from engage_api.access.worlds import LIVE
from engage_api.core import clock
from engage_api.core.clock import Clock
from engage_api.db import Query, log, world
from engage_api.db.errors import Unavailable
from engage_api.db.world import WorldRow
from engage_api.sandbox import filling, seeding
from engage_api.sandbox.clocks import service as clocks
from engage_api.sandbox.copies import arriving, exporting
from engage_api.settings import Settings
from tests.api.harness import Client, Service, answered, eventually, make_settings, refused
from tests.sandbox.full import fill
from tests.sandbox.test_copies import sandbox
from tests.sandbox.test_files import JSONL, exported, file_of, inside, lines_of
from tests.sandbox.test_world import who

_world = WorldRow.__table__  # type: ignore[attr-defined]
SIGNAL = {"type": "x.org_demo.meter.read"}
COPIES = Query(
    select(func.count(log.EVENT.c.workspace_id.distinct()).label("found")).where(
        log.EVENT.c.workspace_id.startswith("snp_")
    )
)


@pytest.fixture
def settings(sqlite_url: str, tmp_path: Path) -> Settings:
    return make_settings(sqlite_url, tmp_path, worker=False)


@pytest.fixture
async def api(service: Service) -> Client:
    return await service.caller()


async def put(client: Client, file: Any, code: str, status: int = 400) -> dict[str, Any]:
    return refused(await client.post("/sandboxes/imports", content=file, headers=JSONL), status, code)


async def test_a_file_has_no_more_than_it_says(service: Service, api: Client) -> None:
    parent, owner = await sandbox(api, service)
    await fill(owner)
    file = await exported(api, parent)
    end = lines_of(file)[-1]["end"]

    def with_head(**changes: Any) -> bytes:
        head, *rest = lines_of(file)
        return file_of([{**head, **changes}, *rest])

    few = end["resources"] + end["events"] - 1
    assert "less was given out" in (await put(api, with_head(ids=few, baseIds=1), "broken-file"))["detail"]
    assert (await put(api, with_head(ids=2_000_001), "broken-file"))["line"] == 1
    answer = await (await service.client()).post("/sandboxes", json={"size": "empty"})
    guest = await service.client(answered(answer, 201)["key"])
    assert "50000 ids" in (await put(guest, with_head(ids=50_001), "broken-file"))["detail"]
    assert "tiny or small" in (await put(guest, with_head(size="large"), "broken-file"))["detail"]
    for size, more, status in ((65_600, 99, 400), (65_000, 31, 400), (65_000, 32, 201)):
        signal = inside("event", **SIGNAL, data={"text": "x" * size})(lines_of(with_head(ids=few + more, baseIds=1)))
        answer = await api.post("/sandboxes/imports", content=file_of(signal), headers=JSONL)
        assert answer.status_code == status, answer.text


async def test_large_events_take_more_room(service: Service, api: Client) -> None:
    """What bounds the ids of a sandbox bounds its bytes."""
    sandbox_id, owner = await sandbox(api, service)
    before = await world.find(service.db, sandbox_id)
    async with service.db.system.write(None) as tx:
        await tx.run(Query(update(_world).where(_world.c.workspace_id == sandbox_id).values(quota=before.number + 50)))
    who = await operator.principal(service.db, sandbox_id)
    signal = {"type": f"x.{who.organization}.meter.read", "subject": "m", "data": {"text": "x" * 60_000}}
    assert (await owner.post("/events", json=signal)).status_code == 201
    assert (await world.find(service.db, sandbox_id)).number == before.number + 1 + 60_000 // 2_048
    refused(await owner.post("/events", json=signal), 409, "sandbox-full")
    await owner.made("/offers", {"title": "There is room for a small one"})


async def test_a_file_has_no_more_webhook_endpoints_than_there_may_be(service: Service, api: Client) -> None:
    parent, owner = await sandbox(api, service)
    await fill(owner)
    head, *rest, end = lines_of(await exported(api, parent))
    hook = next(line for line in rest if line.get("kind") == "webhook-endpoint")
    before, after = rest[: rest.index(hook)], rest[rest.index(hook) + 1 :]
    for number, status in ((20, 201), (21, 400)):
        suffix = hook["document"]["id"][:-2]
        hooks = [hook | {"document": hook["document"] | {"id": f"{suffix}{n:02}"}} for n in range(number)]
        more = {"end": {**end["end"], "resources": end["end"]["resources"] + number - 1}}
        file = file_of([head | {"ids": head["ids"] + number}, *before, *hooks, *after, more])
        answer = await api.post("/sandboxes/imports", content=file, headers=JSONL)
        assert answer.status_code == status, answer.text


async def test_what_a_guest_imports_goes_with_the_sandbox_that_asks(service: Service) -> None:
    made = await (await service.client()).made("/sandboxes", {"size": "empty", "lifetime": "PT1H"})
    guest = await service.client(made["key"])
    answer = await guest.post("/sandboxes/imports", content=await exported(guest, made["id"]), headers=JSONL)
    assert answered(answer, 201)["expiresAt"] == made["expiresAt"]


async def test_nothing_is_copied_amid_an_advance(
    service: Service, api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its clock stands only for as long as that takes; that of a copy would stand for good."""
    monkeypatch.setattr(clocks, "PATIENCE", 0.0)
    parent, owner = await sandbox(api, service)
    await owner.made(f"/sandboxes/{parent}/clock/advances", {"by": "P1D"})
    for name in ("forks", "snapshots"):
        refused(await api.post(f"/sandboxes/{parent}/{name}", json={}), 409, "sandbox-busy")
    told = refused(await api.get(f"/sandboxes/{parent}/export"), 409, "sandbox-busy")
    assert "clock is being moved" in told["detail"]
    answered(await api.post(f"/sandboxes/{parent}/resets", json={}), 201)


async def test_a_guest_has_three_snapshots(service: Service) -> None:
    made = await (await service.client()).made("/sandboxes", {"size": "empty"})
    guest, path = await service.client(made["key"]), f"/sandboxes/{made['id']}/snapshots"
    assert [(await guest.post(path, json={})).status_code for _ in range(4)] == [201, 201, 201, 409]


async def test_files_take_turns(service: Service, api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    parent, _ = await sandbox(api, service)
    file, hold = await exported(api, parent), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield file[:20]
        await hold.wait()
        yield file[20:]

    first = asyncio.create_task(api.post("/sandboxes/imports", content=slow(), headers=JSONL))

    async def begun() -> bool | None:
        return bool(arriving._under_way) or None

    await eventually(begun)
    await put(api, file, "too-many-requests", 429)
    other = await service.caller(who=service.world.partner)
    with monkeypatch.context() as patched:
        patched.setattr(arriving, "MOST", 1)
        await put(other, file, "unavailable", 503)
    hold.set()
    assert (await first).status_code == 201
    monkeypatch.setattr(arriving, "GRACE", 0.05)
    hold.clear()
    assert "too slowly" in (await put(api, slow(), "broken-file"))["detail"]
    assert not arriving._under_way


async def test_an_export_is_whole_or_breaks_off(service: Service, api: Client) -> None:
    parent, owner = await sandbox(api, service)
    await fill(owner)
    taken = await api.made(f"/sandboxes/{parent}/snapshots", {})
    reading = await exporting.chosen(await calling(service, api), parent, taken["id"])
    await anext(reading)
    gone = await api.delete(f"/sandboxes/{parent}/snapshots/{taken['id']}", headers={"If-Match": "*"})
    assert gone.status_code == 204
    with pytest.raises(exporting.CutShort):
        [part async for part in reading]


async def test_there_is_one_copy_for_an_export_and_it_goes(service: Service, api: Client) -> None:
    parent, owner = await sandbox(api, service)
    await fill(owner)
    reading = await exporting.chosen(await calling(service, api), parent, None)
    await anext(reading)
    refused(await api.get(f"/sandboxes/{parent}/export"), 409, "sandbox-busy")
    assert (await service.db.system.one(COPIES, None)).found == 1
    await reading.aclose()  # its reader hangs up

    async def nothing() -> bool | None:
        return (await service.db.system.one(COPIES, None)).found == 0 or None

    await eventually(nothing)
    await exported(api, parent)
    await nothing()


async def calling(service: Service, api: Client) -> Any:
    """A call of the operator's."""
    who = await operator.principal(service.db, LIVE)
    return SimpleNamespace(db=service.db, principal=who, services=service.services)


async def test_metadata_does_not_say_how_large_it_is(service: Service, api: Client) -> None:
    parent, _ = await sandbox(api, service, metadata={"size": "tiny"})
    answer = await api.post(f"/sandboxes/{parent}/resets", json={})
    assert answered(answer, 201)["state"] == "resetting", "a job does it"


async def test_two_never_fill_one_sandbox(service: Service, api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was overtaken stops."""
    sandbox_id, _ = await sandbox(api, service)
    row = await world.find(service.db, sandbox_id)
    epoch = await filling.empty(service.db, sandbox_id, row.base_sequence, 0)
    monkeypatch.setattr(seeding, "LONGEST", 0.001)

    async def overtaken(_done: int, _total: int) -> None:
        async with service.db.write(sandbox_id) as tx:
            await world.rewind(tx)

    whom = await operator.principal(service.db, sandbox_id)
    with pytest.raises(Unavailable, match="somebody else fills"):
        await seeding.seed(service.db, whom, "tiny", note=overtaken, epoch=epoch)


async def test_nor_where_ids_go_on(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """No key was first in an organization's own sandbox: a reset of it leaves the count of ids alone."""
    async with service.db.write(LIVE) as tx:
        now = clock.host()
        await world.add(tx, "sbx_own", seed="own", start=Clock(now, now), quota=10_000)
    monkeypatch.setattr(seeding, "LONGEST", 0.001)

    async def overtaken(_done: int, _total: int) -> None:
        await filling.empty(service.db, "sbx_own", 0, 0)

    with pytest.raises(Unavailable):
        await seeding.seed(service.db, who("sbx_own"), "tiny", note=overtaken)
