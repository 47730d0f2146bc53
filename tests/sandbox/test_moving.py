"""Moving clocks on holds up nobody else: no live work, no other sandbox, and no receiver."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import bindparam, select, update

from engage_api.core import clock
from engage_api.db.sql import Query
from engage_api.db.world import WorldRow
from engage_api.events.webhooks import drains
from engage_api.events.webhooks.restraint import Brake
from engage_api.events.webhooks.sender import Sender
from engage_api.jobs import Registry, moments
from engage_api.jobs.limits import CLOCKS
from engage_api.jobs.models import JobRow
from engage_api.sandbox.clocks import mover
from engage_api.settings import Settings
from tests.api.harness import Service, eventually, make_settings
from tests.sandbox.clockwork import START, Body, Sandbox, sandbox
from tests.webhooks.receiver import Receiver, receiving
from tests.webhooks.sent import AT, delivery, listed

_world, _job = WorldRow.__table__, JobRow.__table__  # type: ignore[attr-defined]
FULL = Query(update(_world).where(_world.c.workspace_id == bindparam("at")).values(quota=_world.c.number))
PLAYS = Query(select(_job.c.run_at).where(_job.c.workspace_id == bindparam("at"), _job.c.kind == drains.PLAY))
OFFERS = ["engage.offer.*"]


@pytest.fixture
def settings(module_sqlite_url: str, tmp_path: Path) -> Settings:
    return make_settings(module_sqlite_url, tmp_path, outbound_loopback=True)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


async def hook(box: Sandbox, receiver: Receiver, offers: int) -> Body:
    made = await box.client.made(AT, {"url": receiver.url, "types": OFFERS})
    for number in range(offers):
        await box.client.made("/offers", {"title": f"Offer {number}"})
    return made


async def task(box: Sandbox) -> None:
    due = clock.wire(START + timedelta(days=1))
    await box.client.made("/cases", {"type": "permit", "title": "Dormer", "dueAt": due})


async def ended(box: Sandbox, made: Body) -> Body:
    async def look() -> Body | None:
        found = await box.client.read(f"{box.clock}/advances/{made['id']}")
        return found if found["state"] != "running" else None

    return await eventually(look, 10)


async def test_a_receiver_that_fails_is_asked_eight_times_in_an_advance(service: Service, receiver: Receiver) -> None:
    async def told() -> list[tuple[int, list[str]]]:
        receiver.answer, before = 500, len(receiver.got)
        box = await sandbox(service)
        made = await hook(box, receiver, 1)
        await box.advance(by="P10D")
        [found] = await listed(box.client, made)
        log = (await delivery(box.client, found))["log"]
        assert (found["state"], found["attempts"]) == ("failed", 12)
        asked = len(receiver.got) - before
        assert sum(one["error"].startswith("Not sent") for one in log) == 12 - asked
        receiver.answer = 200
        await box.client.made("/offers", {"title": "Another"})
        await box.hash()  # waits until it was sent
        assert [one["state"] for one in await listed(box.client, made)] == ["delivered", "failed"], "asked again"
        return [(asked, [event["type"] for event in await box.client.events(3, type="engage.webhook-endpoint.*")])]

    assert await told() == await told()
    assert len(receiver.got) <= 2 * (1 + 8 + 1)


async def test_an_advance_gives_way_and_goes_on_with_what_it_knows(
    service: Service, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engage_api.events.webhooks.player.SECONDS", 0.1)
    monkeypatch.setattr(mover, "SPAN", 0.05)
    left, real = [0], mover._Run.leave

    async def leave(run: mover._Run, pause: timedelta) -> None:
        left[0] += 1
        await real(run, pause)

    monkeypatch.setattr(mover._Run, "leave", leave)

    async def hang(_: object) -> tuple[int, dict[str, str], bytes]:
        await asyncio.sleep(5)
        return 200, {}, b""

    box = await sandbox(service)
    await hook(box, receiver, 0)
    await task(box)
    receiver.answer = hang
    await box.client.made("/offers", {"title": "One"})
    assert (await box.advance(by="P10D"))["moments"] >= 12
    assert left[0] >= 2, "several jobs did it"
    assert len(receiver.got) <= 4, "one go with the clock standing still, and three attempts of the advance"


async def test_an_advance_that_waits_for_a_receiver_gives_way(
    service: Service, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mover, "SPAN", 0.05)
    left, real, turn = [0], mover._Run.leave, Brake.turn

    async def leave(run: mover._Run, pause: timedelta) -> None:
        left[0] += 1
        await real(run, pause)

    def held(brake: Brake, sandbox: str, organization: str, url: str) -> float:
        return turn(brake, sandbox, organization, url) if left[0] >= 2 else 60.0

    monkeypatch.setattr(mover._Run, "leave", leave)
    monkeypatch.setattr(Brake, "turn", held)
    box = await sandbox(service)
    made = await hook(box, receiver, 1)
    await box.advance(by="PT1H")
    assert left[0] >= 2, "a receiver that is not to be asked yet holds up nobody else"
    assert [one["state"] for one in await listed(box.client, made)] == ["delivered"]


async def test_an_organization_that_has_its_share_waits(
    service: Service, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs, sender = Registry(), Sender.open(settings)
    mover.Mover(sender).join(jobs)
    sender.close()
    assert jobs.limits[drains.PLAY].pool == CLOCKS, "no live work waits for it"
    monkeypatch.setattr(mover, "SHARE", (0, 0))
    box = await sandbox(service)
    async with service.db.write(box.id) as tx:
        await drains.ask_to_play(tx, box.id)

    async def waits() -> bool | None:
        rows = await service.db.system.fetch(PLAYS, None, at=box.id)
        return (len(rows) == 1 and rows[0].run_at > clock.host()) or None

    async def done() -> bool | None:
        return await service.db.system.fetch(PLAYS, None, at=box.id) == [] or None

    await eventually(waits)
    monkeypatch.undo()
    await eventually(done)


async def test_a_full_sandbox_ends_its_advance_at_once(service: Service) -> None:
    box = await sandbox(service)
    await task(box)
    async with service.db.system.write(None) as tx:
        await tx.run(FULL, at=box.id)
    answer = await box.client.post(f"{box.clock}/advances", json={"by": "P3D"})
    assert answer.status_code == 201
    assert (await ended(box, answer.json()))["state"] == "failed"
    assert (await box.client.read(box.clock))["advanceId"] is None


async def test_who_does_not_move_a_clock_leaves_it_where_it_was_set(service: Service) -> None:
    box = await sandbox(service)
    await task(box)
    late = START + timedelta(days=30)  # what it said before it was set back
    assert await moments.catch_up(service.db, box.id, late, seconds=5) == (0, True)
    assert (await box.client.read(box.clock))["now"] == clock.wire(START)
    assert await box.client.events(0, type="engage.case.overdue.v1") == []


async def test_a_high_pace_asks_a_receiver_that_fails_no_more_often(
    service: Service, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engage_api.events.webhooks.restraint.FREE", 3)
    monkeypatch.setattr("engage_api.events.webhooks.restraint.GAP", 60.0)
    box = await sandbox(service, pace=86_400)
    receiver.answer = 500
    await hook(box, receiver, 6)
    await receiver.until(4)
    await asyncio.sleep(0.5)
    before = len(receiver.got)
    await asyncio.sleep(3)
    assert len(receiver.got) <= before + 1, "72 attempts become due in four seconds"
