"""What waits in a sandbox waits by its clock: retries, what is kept, and what is forgotten."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from sqlalchemy import bindparam, select

from engage_api.db.row import EventRow
from engage_api.db.sql import Query
from engage_api.events.retention import SWEEP, Retention
from engage_api.events.webhooks import housekeeping
from engage_api.jobs import Job, Limits
from engage_api.settings import Settings
from tests.api.harness import Service, make_settings
from tests.sandbox.clockwork import Sandbox, sandbox
from tests.webhooks.receiver import Receiver, receiving
from tests.webhooks.sent import AT, listed

DAY = timedelta(days=1)
_event = EventRow.__table__  # type: ignore[attr-defined]
EVENTS = Query(select(_event.c.id).where(_event.c.workspace_id == bindparam("at")))


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    url = "module_sqlite_url" if request.param == "sqlite" else "module_postgres_url"
    return make_settings(request.getfixturevalue(url), tmp_path, outbound_loopback=True)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


async def waiting(box: Sandbox, receiver: Receiver) -> None:
    """One event of the sandbox that its receiver has not taken, and would take now."""
    receiver.answer = 500
    await box.client.made(AT, {"url": receiver.url, "types": ["engage.offer.*"]})
    await box.client.made("/offers", {"title": "One"})
    await receiver.until(1)
    receiver.answer = 200


async def test_a_faster_pace_brings_the_next_attempt_sooner(service: Service, receiver: Receiver) -> None:
    box = await sandbox(service, pace=1)
    await waiting(box, receiver)
    began = monotonic()
    assert (await box.client.patch(box.clock, json={"pace": 3600})).status_code == 200
    await receiver.until(2, 3)
    assert monotonic() - began < 3, "five seconds of its clock have passed in a moment"


async def test_nothing_is_tried_again_while_it_stands_and_all_when_it_runs(
    service: Service, receiver: Receiver
) -> None:
    box = await sandbox(service)
    await waiting(box, receiver)
    await box.hash()
    assert len(receiver.got) == 1
    assert (await box.client.patch(box.clock, json={"mode": "running", "pace": 60})).status_code == 200
    await receiver.until(2, 3)


async def test_deliveries_are_forgotten_by_the_sandboxs_clock(service: Service, receiver: Receiver) -> None:
    box = await sandbox(service)
    hook = await box.client.made(AT, {"url": receiver.url, "types": ["engage.offer.*"]})
    await box.client.made("/offers", {"title": "One"})
    await receiver.until(1)
    sweep: Job[dict[str, Any]] = Job("job_1", None, housekeeping.SWEEP, {}, 1, 1, Limits())
    for days, kept in ((0, 1), (29, 1), (2, 0)):
        if days:
            await box.advance(by=f"P{days}D")
        await housekeeping.sweep_deliveries(service.db, sweep)
        assert len(await listed(box.client, hook)) == kept, f"{days} days later"


async def test_no_event_of_a_sandbox_is_forgotten(service: Service) -> None:
    """Neither that of its first key, by which a reset knows it, nor the past that it began with."""
    box = await sandbox(service)
    await box.client.made("/offers", {"title": "Old"})
    snapshot = await box.client.made(f"/sandboxes/{box.id}/snapshots", {"name": "Then"})
    before = await box.client.ids("/events", limit=200)
    await box.advance(by="P400D")
    await box.client.made("/offers", {"title": "New"})
    sweep: Job[dict[str, Any]] = Job("job_1", None, SWEEP, {}, 1, 1, Limits())
    await Retention(timedelta(days=30)).sweep(service.db, sweep)
    assert (await box.client.ids("/events", limit=200))[: len(before)] == before
    assert len(await service.db.system.fetch(EVENTS, None, at=snapshot["id"])) == len(before)
