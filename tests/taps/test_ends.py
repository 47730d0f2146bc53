"""How taps end: with the credential, with the service, or not at all while the database is away."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from sqlalchemy import delete

from engage_api.access.guard import Doorkeeper
from engage_api.access.models import CredentialRow
from engage_api.core import clock
from engage_api.db import log
from engage_api.db.errors import Unavailable
from engage_api.db.sql import Query
from engage_api.events import stream
from tests.api.harness import Client, Service, eventually, refused
from tests.taps.reading import newest, reading, retries

_t = CredentialRow.__table__  # type: ignore[attr-defined]


async def test_a_revoked_key_ends_every_tap_before_the_next_event(service: Service, api: Client) -> None:
    maker = await service.caller()
    made = await maker.made("/api-keys", {"name": "Tap", "scopes": ["events:read"]})
    held = await service.client(made["key"])
    start = await newest(api)
    async with reading(held, f"after={start}") as live:
        waiting = asyncio.create_task(
            held.get("/events", params={"after": start, "wait": 30, "type": "engage.offer.*"})
        )
        await asyncio.sleep(0.1)
        assert (await maker.delete(f"/api-keys/{made['id']}")).status_code == 204
        await api.made("/offers", {"title": "Unseen"})
        await live.until(over=True)
        assert live.problem["code"] == "unauthenticated"
        assert live.events == []
        refused(await waiting, 401, "unauthenticated")
        refused(await held.get("/events"), 401, "unauthenticated")
        refused(await held.get("/events/stream"), 401, "unauthenticated")
    ended = {key: service.services.taps.ended[key] for key in ("unauthenticated", "gone")}
    assert ended == {"unauthenticated": 1, "gone": 0}


async def test_without_any_event_the_credential_is_looked_at_with_every_sign_of_life(
    service: Service, api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT", 0.1)
    made = await api.made("/api-keys", {"name": "Tap", "scopes": ["events:read"]})
    held = await service.client(made["key"])
    async with reading(held) as live:
        async with asyncio.timeout(5):
            while live.raw.count(b":\n\n") < 3:  # noqa: ASYNC110  # comments are no messages that would wake anybody
                await asyncio.sleep(0.02)
        async with service.db.system.write(None) as tx:
            await tx.run(
                Query(delete(_t).where(_t.c.key_id == made["id"]))
            )  # as another process does it: nobody here is told
        service.services.doorkeeper.forget_all()
        await live.until(over=True)
        assert live.problem["code"] == "unauthenticated"


async def test_who_may_see_less_by_now_gets_no_more_of_what_was_read_before(
    service: Service, api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    past = clock.host() - timedelta(seconds=1)
    known: Any = Doorkeeper.recognise
    for less, code in (
        ({"sees_workspace": False}, "unauthenticated"),
        ({"scopes": frozenset()}, "insufficient-scope"),
        ({"expires_at": past}, "unauthenticated"),
        ({"networks": (ip_network("192.0.2.0/24"),)}, "unauthenticated"),
    ):
        held = await service.caller()

        async def recognise(self: Any, token: str, held: Client = held, less: Any = less) -> Any:
            found = await known(self, token)
            return replace(found, **less) if found and token == held.key else found

        async with reading(held, f"after={await newest(api)}") as live, reading(api) as other:
            monkeypatch.setattr(Doorkeeper, "recognise", recognise)
            await api.made("/offers", {"title": "A"})
            await live.until(over=True)
            assert (live.problem["code"], live.events) == (code, [])
            await other.until(1)
        monkeypatch.undo()


async def test_when_the_service_stops_every_tap_ends_at_once(service: Service, api: Client) -> None:
    start = await newest(api)
    async with reading(api) as one, reading(api) as two:
        waiting = asyncio.create_task(api.get("/events", params={"after": start, "wait": 30}))
        await asyncio.sleep(0.1)
        service.services.taps.close()
        async with asyncio.timeout(1):
            for live in (one, two):
                await live.until(over=True)
                first, last = retries(live.raw)
                assert first == 2000
                assert 500 <= last <= 3000
            assert (await waiting).json() == {"items": [], "nextCursor": None}
    refused(await api.get("/events/stream"), 503, "unavailable")
    assert (await api.get("/events")).status_code == 200


async def test_a_head_of_a_stream_ends(api: Client) -> None:
    answer = await api.head("/events/stream")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Type"] == "text/event-stream"


async def test_a_database_that_is_away_ends_no_stream_and_loses_nothing(
    service: Service, api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "PAUSE", 0.05)
    real, away = log.page, True

    async def page(*args: Any, **named: Any) -> Any:
        if away:
            raise Unavailable("away")
        return await real(*args, **named)

    async with reading(api, f"after={await newest(api)}") as live:
        monkeypatch.setattr(log, "page", page)
        made = await api.made("/offers", {"title": "A"})
        await asyncio.sleep(0.3)
        assert live.events == []
        away = False
        assert json.loads((await live.until(1)).events[0])["subject"] == made["id"]


async def test_what_somebody_waited_for_is_no_slowness_and_one_stream_is_one_call(
    service: Service, api: Client
) -> None:
    start = await newest(api)
    service.services.tally.take()
    async with reading(api):
        await api.get("/events", params={"after": start, "wait": 1})
    taken = {one.operation: one.calls for one in service.services.tally.take()}
    assert taken == {"stream_events": 1, "list_events": 1}

    async def lines() -> list[dict[str, Any]] | None:
        found = [json.loads(line) for line in service.log.getvalue().splitlines()]
        asked = [line for line in found if line["path"].startswith("/v1/events")]
        return asked if asked and asked[-1]["path"].endswith("/stream") else None

    waited, streamed = (await eventually(lines))[-2:]
    assert (waited["path"], streamed["path"]) == ("/v1/events", "/v1/events/stream")
    assert waited["ms"] < 500
    assert streamed["ms"] < 500
