"""Webhooks that come twice or late, as a sandbox has set."""

import json
from datetime import timedelta

from engage_api.core import clock
from tests.api.harness import eventually
from tests.faults.conftest import Line
from tests.faults.test_setting import put
from tests.webhooks.receiver import receiving

TITLES = [{"title": str(n)} for n in range(4)]


async def test_duplicates_have_the_same_id_and_delays_the_time_that_was_set(line: Line) -> None:
    async with line.client() as client, receiving() as receiver:
        hook = {"url": receiver.url, "types": ["engage.offer.created.v1"]}
        endpoint = (await client.post("/webhook-endpoints", json=hook)).json()
        await put(client, line, {"fault": "webhook=duplicate", "share": 50})
        for title in TITLES:
            assert (await client.post("/offers", json=title)).status_code == 201
        await receiver.until(6)
        events = (await client.get("/events", params={"type": "engage.offer.*"})).json()["items"]
        times = {event["id"]: receiver.ids.count(event["id"]) for event in events}
        assert sorted(times.values()) == [1, 1, 2, 2]
        assert len({got.body for got in receiver.got}) == 4
        deliveries = f"/webhook-endpoints/{endpoint['id']}/deliveries"

        async def all_delivered() -> list[dict[str, str]] | None:
            found: list[dict[str, str]] = (await client.get(deliveries)).json()["items"]
            return found if {one["state"] for one in found} == {"delivered"} else None

        await eventually(all_delivered)
        assert len(receiver.got) == 6, "a duplicate was repeated again"

        await put(client, line, {"fault": "webhook=delay;seconds=2", "times": 1})
        receiver.got.clear()
        began = clock.host()
        late, soon = [(await client.post("/offers", json=title)).json()["id"] for title in TITLES[:2]]
        await receiver.until(2)
        assert clock.host() - began >= timedelta(seconds=2)
        assert [subject(got.body) for got in receiver.got] == [soon, late], "the younger one goes first"
        rules = (await client.get(f"/sandboxes/{line.who.workspace}/faults")).json()["rules"]
        assert [(one["calls"], one["made"]) for one in rules] == [(2, 1)]


def subject(body: bytes) -> str:
    return str(json.loads(body)["subject"])
