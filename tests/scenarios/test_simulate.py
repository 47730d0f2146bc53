"""Simulated events: any of the catalogue, in the log of a sandbox, and seen like any other."""

from typing import Any, get_args

from pydantic.fields import FieldInfo

from engage_api.db.kind import Kind
from engage_api.events import catalogue
from tests.running import Service
from tests.scenarios.conftest import frozen
from tests.scenarios.test_stories import events
from tests.scenarios.told import PROMISED, broken


async def test_every_type_of_the_catalogue_can_be_simulated(running: Service) -> None:
    who = await frozen(running)
    key = await running.key(who=who)
    here = f"/v1/sandboxes/{who.workspace}/events/_simulate"
    names = [one.name for one in catalogue.types() if one.name != catalogue.SIGNAL]
    names.append(f"x.org_{who.id}.meter.exceeded")
    for name in names:
        answer = await running.ask("POST", here, {"type": name}, key=key)
        assert answer.status == 201, (name, answer.body)
        assert answer.json["type"] == name
    lines = [one for one in await events(running, who) if one["type"] in names][-len(names) :]
    assert [one["type"] for one in lines] == names
    assert all(one["time"].startswith("2026-03-02T09:00") for one in lines)
    page = await running.ask("GET", "/v1/events?type=engage.offer.*", key=key)
    assert "engage.offer.retired.v1" in {one["type"] for one in page.json["items"]}


async def fill(running: Service, key: str) -> None:
    """One of each kind that a sandbox can have, in a state from which little can follow."""

    async def made(path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await running.ask("POST", f"/v1{path}", body, key=key)
        assert answer.status in (200, 201), answer.body
        found: dict[str, Any] = answer.json
        return found

    zoe = await made("/customers", {"kind": "person", "displayName": "Zoë"})
    case = await made("/cases", {"type": "permit", "title": "Dormer", "customerId": zoe["id"]})
    task = await made(f"/cases/{case['id']}/tasks", {"title": "Check the drawings"})
    for to in ("active", "completed"):
        await made(f"/tasks/{task['id']}/transitions", {"to": to})
    for to in ("accepted", "in-progress", "delivered", "confirmed"):
        await made(f"/cases/{case['id']}/transitions", {"to": to})
    ends = {"validFrom": "2027-01-01T00:00:00Z", "validUntil": "2027-02-01T00:00:00Z"}
    await made("/offers", {"title": "Energy check"} | ends)
    await made("/webhook-endpoints", {"url": "https://receiver.invalid/"})


async def test_what_is_sent_fits_its_name(running: Service) -> None:
    """Of examples, and of what is there: the newest of its kind."""
    who = await frozen(running)
    key = await running.key(who=who)
    here = f"/v1/sandboxes/{who.workspace}/events/_simulate"
    names = [one.name for one in catalogue.types() if one.name != catalogue.SIGNAL]
    assert {f"engage.{name}.v1" for name in PROMISED} == set(names)
    wrong, subjects = {}, {}
    for filled in (False, True):
        if filled:
            await fill(running, key)
        for name in names:
            event = (await running.ask("POST", here, {"type": name}, key=key)).json
            assert event["data"]["id"] == event["subject"]
            states = get_args(Kind.known[name.split(".")[1]].public.model_fields.get("state", FieldInfo()).annotation)
            told = broken(name, event["data"], event["time"])
            if (happened := name.split(".")[2]) in states and event["data"]["state"] != happened:
                told.append(f"its state is {event['data']['state']}")
            if told:
                wrong[name, filled] = told
            subjects[name, filled] = event["subject"]
    assert wrong == {}
    there = ("customer", "case", "task", "offer", "webhook-endpoint", "webhook-secret")
    for name in names:
        assert (subjects[name, True] != subjects[name, False]) == (name.split(".")[1] in there), name
    [task] = (await running.ask("GET", "/v1/tasks", key=key)).json["items"]
    assert (subjects["engage.task.overdue.v1", True], task["state"]) == (task["id"], "completed")


async def test_it_tells_what_it_is_given_about_what_is_there(running: Service) -> None:
    who = await frozen(running)
    key = await running.key(who=who)
    here = f"/v1/sandboxes/{who.workspace}/events/_simulate"
    case = (await running.ask("POST", "/v1/cases", {"type": "permit", "title": "Dormer"}, key=key)).json
    wanted = {"type": "engage.case.delivered.v1", "subject": case["id"], "data": {"outcome": "a permit"}}
    headers = [("Idempotency-Key", "once")]
    told = [await running.ask("POST", here, wanted, key=key, headers=headers) for _ in range(2)]
    event = told[0].json
    assert told[1].body == told[0].body
    said = {"state": "delivered", "outcome": "a permit", "deliveredAt": event["time"], "straightThrough": False}
    assert event["data"] == case | said | {"updatedAt": event["time"]}
    assert (await running.ask("GET", f"/v1/cases/{case['id']}", key=key)).json == case, "the case itself changed"
    assert [one["id"] for one in await events(running, who) if one["subject"] == case["id"]][1:] == [event["id"]]

    made_up = (await running.ask("POST", here, wanted | {"subject": "cas_mine"}, key=key)).json
    assert (made_up["subject"], made_up["data"]["id"], made_up["data"]["outcome"]) == ("cas_mine",) * 2 + ("a permit",)
    for body, pointer in (
        ({"type": "engage.case.exploded.v1"}, "/type"),
        ({"type": "x.org_other.a.b"}, "/type"),
        ({"type": "engage.case.delivered.v1", "data": {"channel": "pigeon"}}, "/data/channel"),
        ({"type": "engage.case.delivered.v1", "data": {"title": None}}, "/data/title"),
        ({"type": "engage.case.delivered.v1", "data": {"metadata": {"a": 1}}}, "/data/metadata/a"),
        ({"subject": "a"}, "/type"),
    ):
        refused = await running.ask("POST", here, body, key=key)
        assert refused.status == 400, body
        assert [one["pointer"] for one in refused.json["errors"]] == [pointer]
    stranger = await running.key(who=await frozen(running))
    assert (await running.ask("POST", here, wanted, key=stranger)).status == 404


async def test_whom_it_is_about_is_said_as_the_subject_alone(running: Service) -> None:
    who = await frozen(running)
    key, here = await running.key(who=who), f"/v1/sandboxes/{who.workspace}/events/_simulate"
    for other in ("cus_other", "a\nb", "", "a" * 60_000, None):
        wanted = {"type": "engage.customer.created.v1", "data": {"id": other}}
        answer = await running.ask("POST", here, wanted, key=key)
        assert (answer.status, [one["pointer"] for one in answer.json["errors"]]) == (400, ["/data/id"]), other
