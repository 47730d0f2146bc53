"""The log: one event for each change, with the bytes that were answered then, in order and without gaps."""

import asyncio
import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from engage_api.access import operator
from engage_api.core import clock
from engage_api.customers.models import CUSTOMER
from engage_api.db import store
from tests.api.harness import Client, Service, answered, eventually, places, refused
from tests.api.samples import SAMPLES, Body, never

ALWAYS = {"specversion": "1.0", "source": "/v1", "datacontenttype": "application/json"}


async def log(api: Client, number: int) -> list[Body]:
    """All events of a new workspace but those of keys."""
    found = await api.events(number + 1)  # the caller's own key was made
    return [event for event in found if event["subject"][:4] != "key_"]


async def test_every_change_of_everything_is_one_event_with_the_document_of_that_moment(api: Client) -> None:
    expected: list[tuple[str, bytes]] = []

    async def noted(type_: str, answer: Any, document: bytes | None = None) -> Body:
        assert answer.is_success, answer.text
        expected.append((f"engage.{type_}.v1", document or answer.content))
        return {} if document else dict(answer.json())

    for name, sample in SAMPLES.items():
        home = "/cases" if name == "case" else await sample.home(api)
        if name == "task":
            (case,) = await api.ids("/cases", limit=1)
            expected.append(("engage.case.created.v1", (await api.get(f"/cases/{case}")).content))
        made = await noted(f"{name}.created", await api.post(home, json=sample.full))
        at = sample.at(made)
        await noted(f"{name}.updated", await api.change(at, sample.change))
        if name != "task":
            own = f"{sample.path}/external/{made['externalId']}"
            await noted(f"{name}.updated", await api.put(own, json=sample.least))
        to = {"case": "accepted"}.get(name, "active")
        moved = await api.post(f"{at}/transitions", json={"to": to})
        await noted(f"{name}.{to}", moved)
        assert (await api.get(at)).content == moved.content
        if name == "customer":
            await noted("customer.deleted", await api.delete(at, headers={"If-Match": "*"}), moved.content)
    await log(api, len(expected))
    page = await api.get("/events", params={"limit": 200})
    raw = re.findall(
        rb'"type":"(engage\.(?!api-key)[^"]+)".*?"data":(\{.*?\})\}(?=,\{"specversion|\],"nextCursor)', page.content
    )
    assert [(type_.decode(), data) for type_, data in raw] == expected


async def test_an_event_is_a_cloud_event(api: Client) -> None:
    made = await SAMPLES["customer"].make(api)
    (event,) = await api.events(1, subject=made["id"])
    assert event.items() >= ALWAYS.items()
    assert event.keys() == ALWAYS.keys() | {
        "id",
        "type",
        "subject",
        "time",
        "recordedtime",
        "actor",
        "sequence",
        "data",
    }
    assert event["id"].startswith("evt_")
    assert (event["actor"], event["time"]) == ("application:app_operator", made["createdAt"])
    assert event["data"] == made
    assert re.fullmatch(r"[1-9]\d*", event["sequence"])


async def test_what_happened_earlier_says_when_beside_when_it_was_written(service: Service, api: Client) -> None:
    who = await operator.principal(service.db, service.world.operator.workspace)
    happened = clock.host() - timedelta(days=400)
    fields = CUSTOMER.read((await api.post("/customers", json=SAMPLES["customer"].full)).content)
    values = {name: getattr(fields, name) for name in type(fields).model_fields if name not in ("id", "external_id")}
    async with service.db.write(who.workspace) as tx:
        stored = await store.create(tx, who, CUSTOMER, values | {"external_id": None}, time=happened)
    (event,) = await api.events(1, subject=stored.model.id)
    assert event["time"] == clock.wire(happened)
    assert datetime.fromisoformat(event["recordedtime"]) - datetime.fromisoformat(event["time"]) > timedelta(days=399)


async def test_numbers_have_no_gaps_however_many_write_at_once(api: Client, other: Client) -> None:
    writes = [caller.post("/offers", json={"title": str(n)}) for n in range(40) for caller in (api, other)]
    writes += [api.post("/offers", json={"title": ""}) for _ in range(10)]  # refused: no number is lost to them
    await asyncio.gather(*writes)
    for caller in (api, other):
        events = await caller.events(41)
        assert [int(event["sequence"]) for event in events] == list(range(1, 42))
        assert len({event["id"] for event in events}) == 41


async def test_one_resources_events_are_in_the_order_of_its_versions(api: Client) -> None:
    made = await SAMPLES["offer"].make(api)
    at = f"/offers/{made['id']}"
    for n in range(10):
        await asyncio.gather(*(api.change(at, {"metadata": {str(n): str(m)}}, "*") for m in range(3)))
    events = await api.events(31, subject=made["id"])
    assert [event["data"]["version"] for event in events] == list(range(1, 32))


# ── reading on ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_log_is_read_in_pages_to_its_end_and_on_from_there(api: Client) -> None:
    for n in range(7):
        await api.made("/offers", {"title": str(n)})
    whole = [event["id"] for event in await api.events(8)]
    for limit in range(1, 10):
        found, params = [], {"limit": limit}
        while True:
            page = await api.read("/events", **params)
            found += [event["id"] for event in page["items"]]
            if page["nextCursor"] is None:
                break
            params["cursor"] = page["nextCursor"]
        assert found == whole
    assert await api.read("/events", after=whole[-1]) == {"items": [], "nextCursor": None}
    made = await api.made("/offers", {"title": "later"})

    async def more() -> list[Body] | None:
        return (await api.read("/events", after=whole[-1]))["items"] or None

    (event,) = await eventually(more)
    assert event["subject"] == made["id"]


async def test_after_an_event_come_those_that_follow_it(api: Client) -> None:
    for n in range(5):
        await api.made("/offers", {"title": str(n)})
    whole = [event["id"] for event in await api.events(6)]
    for at, event_id in enumerate(whole):
        assert await api.ids("/events", after=event_id) == whole[at + 1 :]
    page = await api.get("/events", params={"after": whole[0], "limit": 2})
    seen = [event["id"] for event in page.json()["items"]]
    while "Link" in page.headers:
        page = await api.get("http://engage.test" + page.links["next"]["url"])
        seen += [event["id"] for event in answered(page, 200)["items"]]
    assert seen == whole[1:]


async def test_filters_leave_the_order_as_it_is(api: Client) -> None:
    offers = [await api.made("/offers", {"title": str(n)}) for n in range(3)]
    for offer in offers:
        await api.moved(f"/offers/{offer['id']}", "active")
    await api.events(7)
    created = await api.read("/events", type="engage.offer.created.v1")
    assert [event["subject"] for event in created["items"]] == [offer["id"] for offer in offers]
    assert [event["type"] for event in await api.events(2, subject=offers[1]["id"])] == [
        "engage.offer.created.v1",
        "engage.offer.active.v1",
    ]
    both = await api.read("/events", subject=offers[2]["id"], type="engage.offer.active.v1")
    assert len(both["items"]) == 1
    first = created["items"][0]["id"]
    assert len(await api.ids("/events", type="engage.offer.created.v1", after=first)) == 2
    assert await api.ids("/events", type="engage.offer.retired.v1") == []
    assert await api.ids("/events", subject=never("offer")) == []


async def test_a_cursor_of_the_log_belongs_to_its_question(api: Client, other: Client) -> None:
    for caller in (api, other):
        for n in range(3):
            await caller.made("/offers", {"title": str(n)})
        await caller.events(4)
    cursor = (await api.read("/events", limit=1, type="engage.offer.created.v1"))["nextCursor"]
    for caller, params in (
        (api, {}),
        (api, {"type": "engage.offer.active.v1"}),
        (api, {"type": "engage.offer.created.v1", "subject": never("offer")}),
        (other, {"type": "engage.offer.created.v1"}),
    ):
        refused(await caller.get("/events", params={**params, "cursor": cursor}), 400, "invalid-cursor")
    refused(await api.get("/offers", params={"cursor": cursor}), 400, "invalid-cursor")


@pytest.mark.parametrize("after", ["evt_none", never("offer"), "x", "1"])
async def test_after_what_is_not_there_is_refused(api: Client, after: str) -> None:
    assert places(refused(await api.get("/events", params={"after": after}), 400, "invalid-request")) == {"after"}


async def test_after_an_event_of_somebody_else_is_refused_alike(api: Client, other: Client) -> None:
    theirs = (await other.events(1))[0]["id"]
    assert places(refused(await api.get("/events", params={"after": theirs}), 400, "invalid-request")) == {"after"}


async def test_after_and_cursor_exclude_each_other(api: Client) -> None:
    await api.made("/offers", {"title": "A"})
    events = await api.events(2)
    cursor = (await api.read("/events", limit=1))["nextCursor"]
    problem = refused(
        await api.get("/events", params={"after": events[0]["id"], "cursor": cursor}), 400, "invalid-request"
    )
    assert places(problem) == {"after"}
