"""Simulated events: any of the catalogue, in the log of a sandbox, and seen like any other."""

from engage_api.events import catalogue
from tests.running import Service
from tests.scenarios.conftest import frozen
from tests.scenarios.test_stories import events


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
    assert event["data"] == case | {"state": "delivered", "outcome": "a permit"}
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
