"""Retention: the oldest events go, the others keep their numbers, and who has missed some is told."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import bindparam, insert, update

from engage_api.core import clock, ids
from engage_api.db import kept
from engage_api.db.row import EventRow
from engage_api.db.sql import Query
from engage_api.events.retention import SWEEP, Retention
from engage_api.events.webhooks.models import WebhookCursorRow
from engage_api.jobs import Registry, enqueue
from engage_api.settings import Misconfigured, Settings, read
from tests.api.harness import Client, Service, eventually, make_settings, places, refused, serving
from tests.api.samples import never

_event = EventRow.__table__  # type: ignore[attr-defined]
AGE = Query(update(_event).where(_event.c.sequence <= bindparam("upto")).values(recorded_time=bindparam("before")))
OFFERED = Query(insert(WebhookCursorRow.__table__), ["workspace_id", "sequence"])  # type: ignore[attr-defined]


@pytest.fixture
def settings(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Settings:
    """A database of each test's own, whose events are forgotten; no worker, which would offer events to webhooks."""
    return make_settings(database_url, tmp_path, worker=False)


async def made(api: Client, number: int) -> list[str]:
    """So many more events, and the ids of all."""
    offers = [(await api.made("/offers", {"title": str(n)}))["id"] for n in range(number)]

    async def told() -> list[str] | None:
        """On PostgreSQL events are numbered some milliseconds later, those of others before maybe."""
        found = (await api.read("/events", limit=200))["items"]
        return [event["id"] for event in found] if {*offers} <= {event["subject"] for event in found} else None

    found = await eventually(told)
    await asyncio.sleep(0.005)
    return found


async def later() -> datetime:
    """A moment that everything before and after is well apart from."""
    moment = clock.host()
    await asyncio.sleep(0.6)
    return moment


async def sweep(service: Service, since: datetime) -> None:
    """What was written down before a moment is too old."""
    job: Any = None
    await Retention(clock.host() - since).sweep(service.db, job)


async def numbers(api: Client) -> list[int]:
    return [int(event["sequence"]) for event in (await api.read("/events", limit=200))["items"]]


async def test_old_events_go_and_the_others_stay_as_they_are(service: Service, api: Client) -> None:
    old = await made(api, 3)
    cursor = (await api.read("/events", limit=2))["nextCursor"]
    moment = await later()
    new = (await made(api, 2))[len(old) :]
    whole = (await api.read("/events"))["items"]
    await sweep(service, moment - timedelta(days=1))
    assert (await api.read("/events"))["items"] == whole
    await sweep(service, moment)
    assert (await api.read("/events"))["items"] == whole[len(old) :]
    assert await api.ids("/events", after=new[0]) == new[1:]
    for gone in old:
        refused(await api.get("/events", params={"after": gone}), 410, "event-gone")
        refused(await api.get("/events/stream", params={"after": gone}), 410, "event-gone")
    refused(await api.get("/events", params={"cursor": cursor}), 410, "event-gone")
    for unknown in (ids.new("evt"), "evt_1", never("offer"), old[0].replace("evt", "off"), old[0].upper()):
        assert places(refused(await api.get("/events", params={"after": unknown}), 400, "invalid-request")) == {"after"}
    await made(api, 1)
    assert await numbers(api) == list(range(len(old) + 1, len(whole) + 2))


async def test_when_all_are_gone_the_numbers_go_on(service: Service, api: Client) -> None:
    old = await made(api, 3)
    await sweep(service, clock.host())
    assert await numbers(api) == []
    refused(await api.get("/events", params={"after": old[-1]}), 410, "event-gone")
    refused(await api.get("/events", params={"after": ids.new("evt")[:-26] + "7" + "z" * 25}), 400, "invalid-request")
    await made(api, 1)
    assert await numbers(api) == [len(old) + 1]


async def test_who_sees_a_part_is_told_the_same_of_what_was_theirs_and_what_was_not(
    service: Service, api: Client, partner: Client
) -> None:
    theirs, ours = (await made(partner, 1))[-1], (await made(api, 1))[-1]
    moment = await later()
    await made(partner, 1)
    assert places(refused(await partner.get("/events", params={"after": ours}), 400, "invalid-request")) == {"after"}
    await sweep(service, moment)
    for gone in (theirs, ours, theirs[:20] + "0" * 10):
        refused(await partner.get("/events", params={"after": gone}), 410, "event-gone")


async def test_what_webhooks_have_not_been_offered_stays(service: Service, api: Client, other: Client) -> None:
    await made(api, 4)
    theirs = await made(other, 2)
    async with service.db.system.write(None) as tx:
        await tx.run(OFFERED, workspace_id=service.world.operator.workspace, sequence=2)
    await sweep(service, clock.host())
    assert (await numbers(api))[0] == 3
    assert await other.ids("/events") == theirs, "no sandbox forgets"


async def test_it_goes_in_portions(service: Service, api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "PORTION", 2)
    await made(api, 4)
    async with service.db.system.write(None) as tx:
        assert await kept.forget(tx, service.world.operator.workspace, before=clock.host(), upto=None)
    assert (await numbers(api))[0] == 3
    await sweep(service, clock.host())
    assert await numbers(api) == []


async def test_a_service_does_it_by_itself(database_url: str, tmp_path: Path) -> None:
    async with serving(make_settings(database_url, tmp_path, event_retention="P7D")) as service:
        api = await service.caller()
        old = await made(api, 2)
        async with service.db.system.write(None) as tx:
            await tx.run(AGE, before=clock.host() - timedelta(days=8), upto=len(old))
        new = (await made(api, 1))[len(old) :]
        async with service.db.system.write(None) as tx:
            await enqueue(tx, SWEEP, {}, unique_key="again")

        async def gone() -> bool | None:
            return await api.ids("/events") == new or None

        await eventually(gone)


def test_how_long_is_said_in_days() -> None:
    for said, days in (("P7D", 7), ("P90D", 90), ("P99999D", 99_999)):
        assert read(event_retention=said).kept == timedelta(days=days)
    assert read().kept is None
    for wrong in ("P6D", "P0D", "7", "P1Y", "P7DT1H", "p7d", "P100000D", "P7D\n"):
        with pytest.raises(Misconfigured, match="ENGAGE_EVENT_RETENTION"):
            read(event_retention=wrong)
    jobs = Registry()
    Retention(timedelta(days=7)).join(jobs)
    assert jobs.schedules == {SWEEP: timedelta(days=1)}
