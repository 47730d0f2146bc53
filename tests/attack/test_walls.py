"""What belongs to somebody else is answered as what never was, to the byte; and nothing of it changes."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import select

from engage_api.access.guard import Doorkeeper
from engage_api.app import KINDS
from engage_api.core import ids
from engage_api.core.principal import Principal
from engage_api.db import Query
from tests.attack.catalogue import Operation, operations
from tests.attack.corpus import plain
from tests.attack.world import OURS, World
from tests.counts import Count
from tests.running import Answer, Service, service

PAIRS = [
    ("operator", "sandbox"),
    ("sandbox", "operator"),
    ("sandbox", "other_sandbox"),
    ("partner", "operator"),
    ("partner", "other_partner"),
    ("partner", "sandbox"),
    ("sandbox", "partner"),
]
LEAST = 50  # questions of each pair
_PREFIXES = (
    "customer cus, link lnk, job job, case cas, task tsk, offer off, key key, endpoint whe, delivery whd,"
    " organization org, application app, credential sec, member mem, invitation inv, sandbox sbx, run srn,"
    " advance adv, snapshot snp"
)
NAMES = {f"{name}_id": prefix for name, prefix in (pair.split() for pair in _PREFIXES.split(", "))}
MANAGED = {"sandbox_id", "snapshot_id"}
"""What the operator manages, whosever it is: these stand in the live workspace."""
MASKED = {"x-request-id", "date", "ratelimit", "retry-after"}
_INSTANCE = re.compile(rb'"instance":"urn:uuid:[0-9a-f-]+"')


@dataclass
class Question:
    """A request that names something by its id: of somebody else, or of nobody."""

    name: str
    method: str
    path: str
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()


async def actors(running: Service) -> dict[str, World]:
    """Everybody with one of everything of their own."""
    who = {
        "operator": None,
        "sandbox": await running.sandbox(),
        "other_sandbox": await running.sandbox(),
        "partner": await running.application("partner"),
        "other_partner": await running.application("partner"),
    }
    worlds = {
        name: World(running, await running.key(who=one), who=name, application=one or OURS) for name, one in who.items()
    }
    for world in worlds.values():
        await world.fill()
    return worlds


@pytest.fixture
async def everybody(database_url: str) -> AsyncIterator[dict[str, World]]:
    async with service(database_url) as running:
        yield await actors(running)


def questions(own: World, named: dict[str, str], external: str) -> list[Question]:
    """Every way to name the customer, case, task, offer and key with these ids, as the holder of `own` can."""
    asked = []
    seen = {name: one for name, one in named.items() if own.who != "operator" or name not in MANAGED}
    for one in operations():
        if own.who == "operator" and "sandbox_id" in one.parameters:
            continue
        if set(one.parameters) & set(NAMES):
            asked.append(_by_path(one, named))
            asked += [_by_path(one, named, with_body=False)] if one.schema else []
        elif "external_id" in one.parameters and one.method == "GET":
            asked.append(Question(one.name, "GET", one.at({"external_id": external})))
        asked += [
            Question(f"{one.name} {query}", "GET", one.at(own.ids) + f"?count=true&{query}={named[name]}")
            for query, name in (("customerId", "customer_id"), ("parentId", "case_id"), ("caseId", "case_id"))
            if query in one.queries
        ]
    asked += [Question("list_events subject", "GET", f"/v1/events?subject={one}") for one in seen.values()]
    asked += [Question("list_events after", "GET", f"/v1/events?after={named['event']}")]
    return asked + list(_in_bodies(own, named))


def _by_path(one: Operation, named: dict[str, str], *, with_body: bool = True) -> Question:
    match = (("If-Match", "*"),) if one.method in {"PATCH", "DELETE"} else ()
    body = plain(one) if one.schema and with_body else {} if one.schema else None
    return Question(one.name, one.method, one.at(named), body, match)


def _in_bodies(own: World, named: dict[str, str]) -> list[Question]:
    customer, case = named["customer_id"], named["case_id"]
    told: list[dict[str, Any]] = [
        {"customerId": customer},
        {"parentId": case},
        {"customerId": case},
        {"participants": [{"role": "x", "name": "x", "customerId": customer}]},
    ]
    found = []
    for part in told:
        body = {"type": "x", "title": "x", **part}
        found += [
            Question("create_case body", "POST", "/v1/cases", body),
            Question("create_case body, once", "POST", "/v1/cases", body, (("Idempotency-Key", f"{own.who}{part}"),)),
            Question("put_case body", "PUT", f"/v1/cases/external/{own.who}:new", body),
            Question("update_case body", "PATCH", f"/v1/cases/{own.ids['case_id']}", part, (("If-Match", "*"),)),
        ]
    return found


def masked(answer: Answer) -> tuple[Any, ...]:
    headers = sorted((name, value) for name, value in answer.headers if name not in MASKED)
    return answer.status, headers, _INSTANCE.sub(b'"instance":""', answer.body)


async def ask(own: World, question: Question) -> Answer:
    return await own.service.ask(question.method, question.path, question.body, key=own.key, headers=question.headers)


async def first_event(own: World) -> str:
    """On PostgreSQL an event is readable some milliseconds after it was committed."""
    async with asyncio.timeout(10):
        while True:
            found = await own.service.ask("GET", "/v1/events?limit=1", key=own.key)
            if found.json["items"]:
                return str(found.json["items"][0]["id"])
            await asyncio.sleep(0.01)


async def differences(own: World, foreign: World) -> tuple[int, list[str]]:
    """How many questions were asked, and in which the answer told that something is there."""
    theirs = {**foreign.ids, "event": await first_event(foreign)}
    nobodys = {**{name: ids.new(prefix) for name, prefix in NAMES.items()}, "event": ids.new("evt")}
    pairs = zip(questions(own, theirs, f"{foreign.who}:1"), questions(own, nobodys, "nobody:1"), strict=True)
    told, asked = [], 0
    for of_theirs, of_nobody in pairs:
        asked += 1
        first, second = await ask(own, of_theirs), await ask(own, of_nobody)
        if masked(first) != masked(second):
            told.append(f"{of_theirs.name}: {masked(first)!r:.400} but {masked(second)!r:.400}")
        if first.status < 400 and first.body and first.json.get("items"):
            told.append(f"{of_theirs.name}: {first.body!r:.300}")
    return asked, told


async def documents(running: Service) -> dict[str, bytes]:
    """Every resource of every workspace."""
    found = {}
    for kind in KINDS:
        every = Query(select(kind.table.c.workspace_id, kind.table.c.id, kind.table.c.document))
        for row in await running.db.system.raw(every, None):
            document = json.loads(row[2])
            document.pop("lastUsedAt", None)  # a key's use is noted by the minute
            found[f"{row[0]} {row[1]}"] = document
    return found


@pytest.mark.parametrize(("own", "foreign"), PAIRS)
async def test_somebody_elses_is_nobodys(everybody: dict[str, World], own: str, foreign: str, count: Count) -> None:
    world = everybody[own]
    before = await documents(world.service)
    asked, told = await differences(world, everybody[foreign])
    count("somebody else's ids", pairs=1, questions=asked, told=len(told))
    assert not told, "\n".join(told)
    assert asked >= LEAST
    assert await documents(world.service) == before


async def test_nothing_of_others_is_in_a_list(everybody: dict[str, World], count: Count) -> None:
    lists = [one for one in operations() if one.name.startswith("list_") and not one.parameters]
    for name, world in everybody.items():
        others = {other.who for key, other in everybody.items() if key != name}
        if name == "operator":
            others -= {"partner", "other_partner"}  # the operator sees all of the live workspace
        for one in lists:
            for query in ("limit=200", "limit=200&count=true", "search=dormer", "metadataKey=desk&metadataValue=north"):
                answer = await world.service.ask("GET", f"{one.at({})}?{query}", key=world.key)
                if answer.status == 400:  # not a parameter of this list
                    continue
                found = re.findall(r'"externalId":"(\w+):', answer.body.decode())
                assert not others & set(found), (name, one, query)
                assert answer.json.get("count", len(answer.json["items"])) == len(answer.json["items"])
                count("somebody else's ids", lists=1)


async def test_a_cursor_opens_nowhere_else(everybody: dict[str, World]) -> None:
    world = everybody["operator"]
    for path in ("/v1/cases", "/v1/events"):
        made = await world.service.ask("GET", f"{path}?limit=1", key=world.key)
        cursor = made.json["nextCursor"]
        for who in ("sandbox", "partner"):
            answers = [
                await world.service.ask("GET", f"{path}?limit=1&cursor={text}", key=everybody[who].key)
                for text in (cursor, "AAAA" + cursor[4:], "x")
            ]
            assert {answer.code for answer in answers} == {"invalid-cursor"}
            assert len({masked(answer)[2] for answer in answers}) == 1


async def test_an_idempotency_key_is_ones_own(everybody: dict[str, World]) -> None:
    made = []
    for world in everybody.values():
        body = {"kind": "person", "displayName": "Once"}
        first, second = [
            await world.service.ask("POST", "/v1/customers", body, key=world.key, headers=[("Idempotency-Key", "k")])
            for _ in range(2)
        ]
        assert (first.status, second.body) == (201, first.body)
        made.append(first.json["id"])
    assert len(set(made)) == len(everybody)


async def test_an_external_id_is_free_in_another_workspace(everybody: dict[str, World]) -> None:
    world = everybody["sandbox"]
    body = {"kind": "person", "displayName": "Same"}
    put = await world.service.ask("PUT", "/v1/customers/external/operator:1", body, key=world.key)
    assert put.status == 201


async def test_a_door_without_its_rule_is_found(everybody: dict[str, World], monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: every partner is taken to see the whole workspace."""
    recognise = Doorkeeper.recognise

    async def planted(keeper: Doorkeeper, token: str) -> Principal | None:
        principal = await recognise(keeper, token)
        return principal and replace(principal, sees_workspace=True)

    monkeypatch.setattr(Doorkeeper, "recognise", planted)
    _, told = await differences(everybody["partner"], everybody["operator"])
    assert len(told) > LEAST / 2
