"""Pages, waiting and the stream show the same principal the same events, in the same order and bytes, and end alike."""

import asyncio
import json
import re
from typing import Any

from tests.api.harness import Client, Service, refused
from tests.taps.reading import newest, reading

EVENT = re.compile(rb'\{"specversion".*?\}(?=,\{"specversion|\],"nextCursor)')


async def some(*callers: Client, number: int = 4) -> None:
    for at in range(number):
        for caller in callers:
            made = await caller.made("/offers", {"title": f"Ünïcode \u2028 {at}"})
            await caller.moved(f"/offers/{made['id']}", "active")


async def by_pages(caller: Client, **params: Any) -> list[bytes]:
    """The bytes of all events, page by page."""
    found: list[bytes] = []
    while True:
        answer = await caller.get("/events", params={"limit": 7, **params})
        assert answer.status_code == 200, answer.text
        found += EVENT.findall(answer.content)
        cursor = answer.json()["nextCursor"]
        if cursor is None:
            return found
        params = {name: value for name, value in params.items() if name != "after"} | {"cursor": cursor}


async def by_waiting(caller: Client, number: int, **params: Any) -> list[bytes]:
    """So many events, each time what has come after the last."""
    found: list[bytes] = []
    while len(found) < number:
        answer = await caller.get("/events", params={"wait": 10, "limit": 3, **params})
        found += EVENT.findall(answer.content)
        params["after"] = json.loads(found[-1])["id"]
    return found


async def test_the_taps_agree_to_the_byte_for_everyone(service: Service, api: Client, partner: Client) -> None:
    await some(api, partner, number=1)
    starts = {caller: await newest(caller) for caller in (api, partner)}
    for caller, number in ((api, 16), (partner, 8)):
        start = starts[caller]
        waiting = asyncio.create_task(by_waiting(caller, number, after=start))
        async with reading(caller, f"after={start}") as live:
            if caller is api:
                await some(api, partner)
            await live.until(number)
            pages = await by_pages(caller, after=start)
            assert len(pages) == number
            assert live.events == await waiting == pages
            assert live.headers["content-type"] == "text/event-stream"
            assert live.headers["cache-control"] == "no-store"
            assert [message.id for message in live.messages] == live.ids
        async with reading(caller, f"after={start}") as late:
            assert (await late.until(number)).events == pages
    assert b'"sequence"' in (await by_pages(api))[0]
    assert b'"sequence"' not in (await by_pages(partner))[0]


async def test_who_may_not_see_the_log_gets_none_of_it_from_any_tap(service: Service, api: Client) -> None:
    without = await service.caller("customers:read")
    for params in ({}, {"wait": "5"}):
        refused(await without.get("/events", params=params), 403, "insufficient-scope")
    refused(await without.get("/events/stream"), 403, "insufficient-scope")
    customer = await api.made("/customers", {"kind": "person", "displayName": "Ada"})
    token = (await api.made(f"/customers/{customer['id']}/sessions", {}))["token"]
    ada = await service.client(token)
    for path in ("/events", "/events?wait=5", "/events/stream"):
        assert "opens /v1/me alone" in refused(await ada.get(path), 403, "insufficient-scope")["detail"]


async def test_a_stream_goes_on_where_somebody_got_to(api: Client, partner: Client) -> None:
    await some(api, number=3)
    whole = [event["id"] for event in await api.events(8)]
    for at in (0, 2, 5):
        for query, headers in ((f"after={whole[at]}", {}), ("", {"last-event-id": whole[at]})):
            async with reading(api, query, **headers) as live:
                assert (await live.until(7 - at)).ids == whole[at + 1 :]
                assert live.raw.startswith(b"retry: 2000\nid: %b\n\n" % whole[at].encode())
    async with reading(api, f"after={whole[0]}", last_event_id=whole[4]) as live:
        assert (await live.until(2)).ids == whole[5:]
    for caller, place in ((api, "evt_none"), (partner, whole[-1])):
        for query, headers, name in ((f"after={place}", {}, "after"), ("", {"last_event_id": place}, "Last-Event-ID")):
            async with reading(caller, query, **headers) as live:
                problem = json.loads(live.raw)
                assert (live.status, problem["errors"][0]["parameter"]) == (400, name)
    refused(await api.get("/events/stream", params={"wait": "5"}), 400, "invalid-request")
    refused(await api.get("/events", params={"wait": "31"}), 400, "invalid-request")


async def test_without_a_place_a_stream_begins_now_and_says_where_that_is(api: Client, partner: Client) -> None:
    await some(api, partner, number=1)
    last = {caller: await newest(caller) for caller in (api, partner)}
    async with reading(api) as all_of_it, reading(partner) as own:
        assert all_of_it.raw == b"retry: 2000\nid: %b\n\n" % last[api].encode()
        assert own.raw == b"retry: 2000\nid: %b\n\n" % last[partner].encode()
        made = await partner.made("/offers", {"title": "Now"})
        for live in (all_of_it, own):
            assert [json.loads(event)["subject"] for event in (await live.until(1)).events] == [made["id"]]


async def test_filters_hold_for_every_tap(api: Client) -> None:
    start = await newest(api)
    await some(api, number=2)
    whole = [json.loads(event) for event in await by_waiting(api, 4, after=start)]
    subject = whole[0]["subject"]
    for query in (
        {"type": "engage.offer.active.v1"},
        {"type": "engage.offer.*"},
        {"subject": subject},
        {"subject": subject, "type": "engage.offer.*"},
        {"type": "engage.case.*"},
    ):
        expected = await by_pages(api, after=start, **query)
        async with reading(api, "&".join(f"{n}={v}" for n, v in {"after": start, **query}.items())) as live:
            await live.until(len(expected))
            await asyncio.sleep(0.05)
            assert live.events == expected
    async with reading(api, f"subject={subject}") as live:  # others pass it by, and it is there for its own
        await some(api, number=1)
        await api.moved(f"/offers/{subject}", "retired")
        assert [json.loads(event)["type"] for event in (await live.until(1)).events] == ["engage.offer.retired.v1"]


async def test_waiting_ends_with_the_first_event_or_with_the_time(api: Client) -> None:
    start = await newest(api)
    loop = asyncio.get_running_loop()
    began = loop.time()
    empty = await api.get("/events", params={"after": start, "wait": 1, "type": "engage.case.*"})
    assert empty.content == b'{"items":[],"nextCursor":null}'
    assert 0.9 < loop.time() - began < 5
    waiting = asyncio.create_task(api.get("/events", params={"after": start, "wait": 30, "subject": "never"}))
    other = asyncio.create_task(api.get("/events", params={"after": start, "wait": 30, "type": "engage.offer.*"}))
    await asyncio.sleep(0.1)
    made = await api.made("/offers", {"title": "A"})
    async with asyncio.timeout(5):
        assert (await other).json()["items"][0]["subject"] == made["id"]
    assert not waiting.done()
    waiting.cancel()
