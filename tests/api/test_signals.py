"""Signals: what happened elsewhere takes its place in the log, and nobody speaks for another."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from engage_api.core import clock
from engage_api.core.event_types import LONGEST
from engage_api.events.signals import LARGEST
from tests.api.harness import Client, Service, answered, places, refused

SIGNAL: dict[str, Any] = {"type": "x.org_operator.meter.exceeded", "subject": "meter 4711 (Zoë)", "data": {"a": [1.5]}}


async def test_a_signal_is_an_event_like_any_other(api: Client) -> None:
    await api.events(1)
    before = clock.host()
    sent = SIGNAL | {"data": {"é": [1, 1.50, None, {"deep": {}}], "text": "\u2028<>"}}
    made = await api.made("/events", sent)
    assert "sequence" not in made
    offer = await api.made("/offers", {"title": "after it"})
    _, event, later = await api.events(3)
    assert event.pop("sequence") == "2"
    assert event == made
    assert later["subject"] == offer["id"]
    assert {name: made[name] for name in sent} == sent
    assert (made["actor"], made["source"], made["specversion"]) == ("application:app_operator", "/v1", "1.0")
    assert clock.wire(before) <= made["time"] <= made["recordedtime"]
    for pattern in ("x.*", "x.org_operator.*", "x.org_operator.meter.*", SIGNAL["type"]):
        assert await api.ids("/events", type=pattern, subject=SIGNAL["subject"]) == [made["id"]], pattern
    assert await api.ids("/events", type="x.org_op.*") == []
    assert (
        f'"data":{json.dumps(sent["data"], ensure_ascii=False, separators=(",", ":"))}}}'
        in (await api.get("/events", params={"type": "x.*"})).text
    )


async def test_when_it_happened_is_not_when_it_was_written(api: Client) -> None:
    for offset in (timedelta(days=-400), timedelta(minutes=4, seconds=50)):
        moment = (datetime.now(UTC) + offset).replace(microsecond=0)
        sent = moment.astimezone(tz=datetime.now().astimezone().tzinfo).isoformat()
        made = await api.made("/events", SIGNAL | {"time": sent})
        assert made["time"] == clock.wire(moment)
        assert abs(datetime.fromisoformat(made["recordedtime"]) - datetime.now(UTC)) < timedelta(seconds=30)
    ahead = clock.wire(datetime.now(UTC) + timedelta(minutes=5, seconds=5))
    assert places(refused(await api.post("/events", json=SIGNAL | {"time": ahead}), 400, "invalid-request")) == {
        "/time"
    }


async def test_what_is_no_signal_is_refused_and_written_nowhere(api: Client) -> None:
    await api.events(1)
    no_data: list[Any] = [None, [], "a", 1, {"a": "é" * (LARGEST // 2)}]
    wrong: list[tuple[str, Any]] = [
        *(("/type", type_) for type_ in ("x.org_operator", "x.org_operator.", "x.org_operator.A", "x", "", "x.*", 1)),
        *(("/type", type_) for type_ in ("engage.case.created.v1", "x.org_other.a", "x.org_operator2.a", "x.org_op")),
        *(("/type", type_) for type_ in ("x.org_operator..a", "x.org_operator.a_b", "x.org_operator.a\n", " x.org.a")),
        ("/type", "x.org_operator." + "a" * (LONGEST - 14)),
        *(("/subject", subject) for subject in ("", "a" * 201, "a\nb", "a\x85b", "a\x7f", None, 1)),
        *(("/data", data) for data in no_data),
        *(("/time", time) for time in (1, "2026-11-21", "2026-11-21T20:00:00", "9999-12-31T23:59:59Z")),
        ("/sequence", "1"),
        ("/id", "evt_1"),
        ("/actor", "person:acc_1"),
        ("/externalId", "a"),
    ]
    for place, value in wrong:
        problem = refused(await api.post("/events", json=SIGNAL | {place[1:]: value}), 400, "invalid-request")
        assert places(problem) == {place}, (place, value)
    both = SIGNAL | {"type": "x.org_other.a", "time": "9999-12-31T23:59:59Z"}
    assert places(refused(await api.post("/events", json=both), 400, "invalid-request")) == {"/type", "/time"}
    kind = {"Content-Type": "application/json"}
    for raw in (b'{"a":1,"a":2}', b'{"data":{"a":NaN}}', b'{"data":{"a":1e999}}', b'{"data":{"a":"\\u0000"}}'):
        refused(await api.post("/events", content=raw, headers=kind), 400, "invalid-json")
    least = await api.made("/events", SIGNAL | {"data": {"a": "é" * (LARGEST // 2 - 4)}})
    assert [event["id"] for event in await api.events(1, type="x.*")] == [least["id"]]


async def test_the_same_signal_twice_is_written_once(api: Client) -> None:
    headers = {"Idempotency-Key": "one"}
    first = await api.post("/events", json=SIGNAL, headers=headers)
    again = await api.post("/events", json=SIGNAL, headers=headers)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    refused(await api.post("/events", json=SIGNAL | {"subject": "b"}, headers=headers), 422, "idempotency-key-reused")
    assert [event["id"] for event in await api.events(1, type="x.*")] == [first.json()["id"]]


async def test_a_partner_sees_its_own_signals_and_speaks_for_nobody_else(
    service: Service, api: Client, partner: Client
) -> None:
    own = f"org_{service.world.partner.id}"
    theirs = await partner.made("/events", SIGNAL | {"type": f"x.{own}.a"})
    ours = await api.made("/events", SIGNAL)
    for caller, foreign in ((partner, "org_operator"), (api, own)):
        problem = refused(
            await caller.post("/events", json=SIGNAL | {"type": f"x.{foreign}.a"}), 400, "invalid-request"
        )
        assert foreign not in json.dumps(problem["errors"])
    assert [event["id"] for event in await api.events(2, type="x.*")] == [theirs["id"], ours["id"]]
    assert await partner.ids("/events", type="x.*") == [theirs["id"]]
    assert "sequence" not in (await partner.read("/events", type="x.*"))["items"][0]


async def test_it_takes_its_scope(service: Service, nobody: Client) -> None:
    reads = await service.caller("events:read cases:write")
    assert (
        refused(await reads.post("/events", json=SIGNAL), 403, "insufficient-scope")["requiredScope"] == "events:write"
    )
    refused(await nobody.post("/events", json=SIGNAL), 401, "unauthenticated")
    writes = await service.caller("events:write")
    answered(await writes.post("/events", json=SIGNAL), 201)
    refused(await writes.get("/events"), 403, "insufficient-scope")


async def test_signals_and_changes_are_numbered_together(api: Client) -> None:
    await api.events(1)
    calls = [api.post("/events", json=SIGNAL | {"subject": str(n)}) for n in range(20)]
    calls += [api.post("/offers", json={"title": str(n)}) for n in range(20)]
    assert {answer.status_code for answer in await asyncio.gather(*calls)} == {201}
    assert [event["sequence"] for event in await api.events(41)] == [str(n) for n in range(1, 42)]
