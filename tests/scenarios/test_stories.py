"""Each story plays to its end as time passes, in order, each step once, and the same way every time."""

import hashlib
import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from engage_api.access import operator
from engage_api.core.principal import Principal
from engage_api.core.scopes import EVERYTHING
from engage_api.db import log, sequencer
from engage_api.jobs import moments
from engage_api.sandbox.scenarios.script import scripts
from tests.running import Application, Service
from tests.scenarios.conftest import START, frozen

ENDS: dict[str, dict[str, int]] = {
    "angry-customer": {
        "engage.task.overdue.v1": 1,
        "engage.case.overdue.v1": 1,
        "engage.case.confirmed.v1": 1,
    },
    "permit-late": {"engage.task.overdue.v1": 3, "engage.case.overdue.v1": 1, "engage.case.delivered.v1": 1},
    "provider-down": {"engage.task.overdue.v1": 4, "engage.task.failed.v1": 1, "engage.case.delivered.v1": 6},
    "black-friday": {"engage.task.overdue.v1": 30, "engage.offer.expired.v1": 1, "engage.case.overdue.v1": 60},
}
"""Some of what each story brings about, also by the passing of time."""


async def play(running: Service, who: Application, days: float) -> int:
    """Let time pass in a sandbox."""
    played = await moments.play(running.db, who.workspace, START + timedelta(days=days), seconds=60)
    assert played.done
    return played.moments


async def events(running: Service, who: Application) -> list[dict[str, Any]]:
    """The whole log of a sandbox."""
    if running.db.dialect == "postgresql":
        await sequencer.settle(running.db)
    sees = _sees(who)
    lines = await log.page(running.db, sees, after=0, limit=100_000, filters={})
    return [json.loads(line.document) for line in lines]


def _sees(who: Application) -> Principal:
    return Principal("test", who.id, f"org_{who.id}", who.workspace, False, EVERYTHING, operator.NO_LIMIT, True)


def hashed(lines: list[dict[str, Any]], who: Application) -> str:
    lines = [one for one in lines if not one["type"].startswith("engage.api-key.")]  # which tells its hint
    told = json.dumps([(one["id"], one["type"], one["time"], one["data"]) for one in lines])
    told = told.replace(f"org_{who.id}", "org_self").replace(who.id, "app_self").replace(who.workspace, "sbx_self")
    return hashlib.sha256(told.encode()).hexdigest()


async def test_every_story_plays_to_its_end_and_twice_the_same(running: Service) -> None:
    assert set(ENDS) == set(scripts())
    for name in scripts():
        told = []
        for days in ((100,), (0.1, 0.2, 2.5, 6, 7, 100)):  # at once, and in pieces
            who = await frozen(running)
            key = await running.key(who=who)
            here = f"/v1/sandboxes/{who.workspace}/scenario-runs"
            begun = await running.ask("POST", here, {"scenario": name}, key=key)
            assert begun.status == 201, begun.body
            run = begun.json
            assert (run["state"], run["total"]) == ("running", len(scripts()[name].beats()))
            assert run["done"] >= 1
            assert begun.header("location") == f"{here}/{run['id']}"
            for until in days:
                await play(running, who, until)
            after = (await running.ask("GET", f"{here}/{run['id']}", key=key)).json
            assert (after["state"], after["reason"], after["nextAt"]) == ("finished", None, None), after
            assert after["done"] == after["total"]
            assert await play(running, who, 200) == 0
            lines = await events(running, who)
            counts = Counter(line["type"] for line in lines)
            assert counts.items() >= ENDS[name].items(), (name, counts)
            assert counts["engage.scenario-run.finished.v1"] == 1
            assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
            span = (START + scripts()[name].lasts).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            assert [line["time"] for line in lines if line["type"] == "engage.scenario-run.finished.v1"] == [span]
            told.append(hashed(lines, who))
        assert told[0] == told[1], f"{name} is not the same twice"


async def test_the_list_is_public_and_says_how_long_each_takes(running: Service) -> None:
    answer = await running.ask("GET", "/v1/scenarios")
    assert answer.status == 200
    assert answer.json["nextCursor"] is None
    found = {one["name"]: one for one in answer.json["items"]}
    assert set(found) == set(ENDS)
    assert found["angry-customer"]["duration"] == "P9D"
    assert found["permit-late"]["steps"][0]["operation"] == "create_customer"
    for one in found.values():
        assert all(step["says"][-1] in ".?" for step in one["steps"])
        assert [step["times"] > 1 for step in one["steps"]] == [step["every"] is not None for step in one["steps"]]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_whoever_changes_what_it_is_about_ends_it(running: Service) -> None:
    who = await frozen(running)
    key = await running.key(who=who)
    here = f"/v1/sandboxes/{who.workspace}/scenario-runs"
    run = (await running.ask("POST", here, {"scenario": "angry-customer"}, key=key)).json
    case = f"/v1/cases/{run['made']['lamp']}/transitions"
    assert (await running.ask("POST", case, {"to": "withdrawn"}, key=key)).status == 200
    await play(running, who, 1)
    after = (await running.ask("GET", f"{here}/{run['id']}", key=key)).json
    assert (after["state"], after["reason"], after["nextAt"]) == ("failed", "invalid-transition", None)
    assert await play(running, who, 100) == 1  # the due date of the visit passes all the same
    for body, status, code in (
        ({"scenario": "nothing"}, 400, "unknown-reference"),
        ({}, 400, "invalid-request"),
    ):
        refused = await running.ask("POST", here, body, key=key)
        assert (refused.status, refused.code) == (status, code)
    stranger = await running.key(who=await frozen(running))
    for method, path in (("GET", here), ("POST", here), ("GET", f"{here}/{run['id']}")):
        other = {"scenario": "permit-late"} if method == "POST" else None
        assert (await running.ask(method, path, other, key=stranger)).status == 404
    listed = await running.ask("GET", f"{here}?state=failed", key=key)
    assert [one["id"] for one in listed.json["items"]] == [run["id"]]
