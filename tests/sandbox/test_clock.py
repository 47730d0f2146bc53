"""The clock of a sandbox: it is read, frozen and moved on, and what waits for it comes in its order."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from engage_api.core import clock
from engage_api.core.problem import NotFound
from engage_api.sandbox.clocks import advances
from engage_api.sandbox.clocks import service as clocks
from engage_api.settings import Settings
from tests.api.harness import Service, answered, eventually, make_settings, places, refused, serving
from tests.sandbox.clockwork import START, sandbox
from tests.webhooks.receiver import Receiver, receiving, says
from tests.webhooks.sent import AT, delivery, listed

DAY = timedelta(days=1)


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """One database for the module; with a worker, and a receiver on this machine."""
    url = "module_sqlite_url" if request.param == "sqlite" else "module_postgres_url"
    return make_settings(request.getfixturevalue(url), tmp_path, outbound_loopback=True)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


async def test_it_stands_runs_and_keeps_its_pace(service: Service) -> None:
    box = await sandbox(service)
    frozen = {"now": clock.wire(START), "mode": "frozen", "pace": 0, "advanceId": None}
    assert await box.client.read(box.clock) == frozen
    found = answered(await box.client.patch(box.clock, json={"mode": "running", "pace": 3600}), 200)
    assert (found["mode"], found["pace"], found["now"]) == ("running", 3600, frozen["now"])

    async def later() -> bool | None:
        return datetime.fromisoformat((await box.client.read(box.clock))["now"]) > START + timedelta(minutes=2) or None

    assert await eventually(later)
    made = await box.client.made("/offers", {"title": "Later"})
    assert datetime.fromisoformat(made["createdAt"]) > START + timedelta(minutes=2)
    found = answered(await box.client.patch(box.clock, json={"mode": "frozen"}), 200)
    assert await box.client.read(box.clock) == found
    assert found["pace"] == 0


async def test_what_was_changed_has_the_tag_that_reading_it_gives(service: Service) -> None:
    box = await sandbox(service)
    made = await box.client.post(f"{box.clock}/advances", json={"by": "P1D"})
    assert (await box.client.get(made.headers["location"].removeprefix("/v1"))).headers["etag"] == made.headers["etag"]
    changed = await box.client.patch(box.clock, json={"mode": "frozen"})
    known = await box.client.get(box.clock, headers={"If-None-Match": changed.headers["etag"]})
    assert known.status_code == 304


async def test_what_makes_no_sense_is_refused(service: Service) -> None:
    box = await sandbox(service)
    for patch, where in (
        ({"now": "2030-01-01T00:00:00Z"}, {"/now"}),
        ({"pace": 5}, {"/pace"}),
        ({"mode": "frozen", "pace": 5}, {"/pace"}),
        ({"mode": None, "pace": None}, {"/mode", "/pace"}),
        ({"mode": "running", "pace": 0}, {"/pace"}),
        ({"mode": "running", "pace": 1.5}, {"/pace"}),
        ({"mode": "backwards"}, {"/mode"}),
    ):
        assert places(refused(await box.client.patch(box.clock, json=patch), 400, "invalid-request")) == where, patch
    for wanted, where in (
        ({}, {"/to"}),
        ({"to": "2026-02-01T00:00:00Z", "by": "P1D"}, {"/to"}),
        ({"to": clock.wire(START)}, {"/to"}),
        ({"to": "2025-12-31T00:00:00Z"}, {"/to"}),
        ({"to": "2032-01-01T00:00:00Z"}, {"/to"}),
        ({"by": "P1828D"}, {"/by"}),
        ({"by": "P999W"}, {"/by"}),
        ({"by": "PT0S"}, {"/by"}),
        ({"by": "P"}, {"/by"}),
        ({"by": "P1M"}, {"/by"}),
        ({"by": "PT"}, {"/by"}),
    ):
        answer = await box.client.post(f"{box.clock}/advances", json=wanted)
        assert places(refused(answer, 400, "invalid-request")) == where, wanted
    for text in ("P1M", "P5Y", "soon", "-P1D", "PT0.5S", "P1D\n"):
        answer = await box.client.post(f"{box.clock}/advances", json={"by": text})
        (told,) = refused(answer, 400, "invalid-request")["errors"]
        assert told["detail"].startswith("It should be a duration such as P30D"), text
    assert (await box.client.read(box.clock))["now"] == clock.wire(START)


async def test_whose_it_is_not_finds_none(service: Service) -> None:
    box, stranger = await sandbox(service), await sandbox(service)
    for method, path, body in (
        ("GET", "clock", None),
        ("PATCH", "clock", {"mode": "frozen"}),
        ("POST", "clock/advances", {"by": "P1D"}),
        ("GET", "clock/advances/adv_1", None),
        ("GET", "log-hash", None),
    ):
        answer = await stranger.client.request(method, f"/sandboxes/{box.id}/{path}", json=body)
        refused(answer, 404, "not-found")
    refused(await box.client.get(f"{box.clock}/advances/adv_1"), 404, "not-found")


async def test_time_passes_in_order_and_each_thing_once(service: Service) -> None:
    box = await sandbox(service)
    case = await box.client.made("/cases", {"type": "permit", "title": "Dormer"})
    for days in (9, 3, 6):
        due = clock.wire(START + days * DAY)
        await box.client.made(f"/cases/{case['id']}/tasks", {"title": f"Day {days}", "dueAt": due})
    done = await box.advance(by="P7D")
    assert (done["from"], done["to"], done["moments"]) == (clock.wire(START), clock.wire(START + 7 * DAY), 2)
    assert (await box.client.read(box.clock))["now"] == done["to"]
    events = await box.client.events(2, type="engage.task.overdue.v1")
    assert [event["time"] for event in events] == [clock.wire(START + days * DAY) for days in (3, 6)]
    assert [event["data"]["title"] for event in events] == ["Day 3", "Day 6"]
    assert (await box.advance(to=clock.wire(START + 30 * DAY)))["moments"] == 1
    assert len(await box.client.events(3, type="engage.task.overdue.v1")) == 3


async def test_an_advance_is_made_once_and_tells_how_it_stands(service: Service) -> None:
    box = await sandbox(service)
    once = {"Idempotency-Key": "a month"}
    first, again = [await box.client.post(f"{box.clock}/advances", json={"by": "P30D"}, headers=once) for _ in range(2)]
    made = answered(first, 201)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert answered(again, 201) == made
    assert first.headers["Location"] == f"/v1{box.clock}/advances/{made['id']}"
    assert (await box.client.read(box.clock))["now"] == clock.wire(START + 30 * DAY)


async def test_so_many_advances_are_remembered(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advances, "MOST", 3)
    box = await sandbox(service)
    made = [(await box.advance(by="P1D"))["id"] for _ in range(5)]
    kept = [(await box.client.get(f"{box.clock}/advances/{one}")).status_code for one in made]
    assert kept == [404, 404, 200, 200, 200]


async def test_an_advance_that_a_reset_ended_was_made_all_the_same(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = await sandbox(service)

    async def gone(*_: object) -> None:
        raise NotFound

    monkeypatch.setattr(clocks, "wait", gone)
    made = await box.client.made(f"{box.clock}/advances", {"by": "P1D"})
    assert (made["state"], made["to"]) == ("failed", clock.wire(START + DAY))


async def test_a_running_clock_goes_on_after_it_was_moved(service: Service) -> None:
    box = await sandbox(service, pace=60)
    done = await box.advance(by="P1D")
    found = await box.client.read(box.clock)
    assert (found["mode"], found["pace"]) == ("running", 60)
    assert datetime.fromisoformat(found["now"]) >= datetime.fromisoformat(done["to"])


async def test_a_key_ends_with_the_call_after_its_time(service: Service) -> None:
    box = await sandbox(service)
    end = clock.wire(START + 10 * DAY)
    soon = {"name": "Short", "scopes": ["cases:read"], "expiresAt": end}
    key = await service.client((await box.client.made("/api-keys", soon))["key"])
    token = await box.client.made("/customers", {"kind": "person", "displayName": "Zoë"})
    session = await box.client.made(f"/customers/{token['id']}/sessions", {"lifetime": "PT30M"})
    customer = await service.client(session["token"])
    assert (await key.get("/cases")).status_code == 200
    assert (await customer.get("/me")).status_code == 200
    await box.advance(by="PT30M")
    refused(await customer.get("/me"), 401, "unauthenticated")
    assert (await key.get("/cases")).status_code == 200
    await box.advance(to=end)
    refused(await key.get("/cases"), 401, "unauthenticated")


async def test_another_process_knows_the_time_within_a_second(service: Service, settings: Settings) -> None:
    box = await sandbox(service)
    end = clock.wire(START + 10 * DAY)
    soon = {"name": "Short", "scopes": ["cases:read"], "expiresAt": end}
    made = await box.client.made("/api-keys", soon)
    async with serving(settings, service.world) as other:
        key = await other.client(made["key"])
        assert (await key.get("/cases")).status_code == 200
        await box.advance(to=end)

        async def ended() -> bool | None:
            return (await key.get("/cases")).status_code == 401 or None

        assert await eventually(ended, 1.2)


async def test_attempts_are_made_at_their_moments(service: Service, receiver: Receiver) -> None:
    box = await sandbox(service)
    receiver.answer = says(500)
    hook = await box.client.made(AT, {"url": receiver.url, "types": ["engage.offer.*"]})
    await box.client.made("/offers", {"title": "One"})
    await box.client.made("/offers", {"title": "Two"})
    assert len(receiver.got) >= 1, "what was due has been sent before the next write"
    await box.hash()  # waits for that, too
    found = await listed(box.client, hook, state="pending")
    wait = datetime.fromisoformat(found[-1]["nextAttemptAt"]) - START
    assert timedelta(seconds=4) <= wait <= timedelta(seconds=6)
    await box.advance(by="PT2M")
    offers = [await delivery(box.client, one) for one in found]
    assert [one["attempts"] for one in offers] == [3, 3]
    receiver.answer = 200
    await box.advance(by="PT1H")
    assert [one["state"] for one in await listed(box.client, hook)] == ["delivered"] * 2


async def test_a_receiver_that_hangs_holds_an_advance_up_for_seconds_alone(
    service: Service, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engage_api.events.webhooks.player.SECONDS", 0.2)

    async def hang(_: object) -> tuple[int, dict[str, str], bytes]:
        await asyncio.sleep(30)
        return 200, {}, b""

    box = await sandbox(service)
    receiver.answer = hang
    hook = await box.client.made(AT, {"url": receiver.url, "types": ["engage.offer.*"]})
    await box.client.made("/offers", {"title": "One"})
    await box.advance(by="P10D")
    assert 3 <= len(receiver.got) <= 5
    [found] = await listed(box.client, hook)
    log = (await delivery(box.client, found))["log"]
    assert "had no answer while the clock was moved" in log[-1]["error"]
    assert found["state"] == "failed"
    states = [event["type"] for event in await box.client.events(2, type="engage.webhook-endpoint.*")]
    assert states == [f"engage.webhook-endpoint.{what}.v1" for what in ("created", "failing")]
