"""The contract, judged by Schemathesis as three callers: what is answered is what is described."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import insert

from engage_api.access.worlds import PlanRow
from engage_api.db.sql import Query
from engage_api.http.walk import WELCOME
from tests.attack.bridge import Bridge, bridge
from tests.attack.catalogue import operations
from tests.attack.judge import Verdict, judge
from tests.attack.world import World
from tests.counts import Count
from tests.running import Service

SHARE = 0.95  # of the operations must have been seen to work
READS = "customers:read cases:read offers:read events:read keys:read"
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SOAK = "ENGAGE_TEST_MINUTES" in os.environ
VALID: dict[str, Any] = {"coverage": {"generation": {"mode": "positive"}}}
AT_RANDOM: dict[str, Any] = {"coverage": {"enabled": False}, "stateful": {"enabled": False}}
BY_RULE = {"fuzzing": {"enabled": False}, "stateful": {"enabled": False}}
OPEN = {f"{one.method} {one.path}" for one in operations() if one.name in WELCOME or not one.scopes}
ONLY_EVENTS = [{"include-path-regex": "^/(?!events$).*", "enabled": False}]


_ADD_PLAN = Query(insert(PlanRow.__table__))  # type: ignore[attr-defined]  # SQLModel makes it


async def add_plan(running: Service, **plan: Any) -> None:
    async with running.db.write(None) as tx:
        await tx.run(_ADD_PLAN, **plan)


@pytest.fixture
def world(database_url: str) -> Iterator[tuple[Bridge, World]]:
    with bridge(database_url) as made:
        filled = World(made.running, made.do(made.running.key()))
        made.do(filled.fill())
        yield made, filled


def told(count: Count, name: str, found: Verdict, least: int) -> None:
    """Tells what was tried, and holds against us what was found."""
    faults = sum(times for status, times in found.statuses.items() if status >= 500)
    count(f"schemathesis, {name}", cases=found.cases, faults=faults, wrong=len(found.wrong))
    assert not found.wrong, "\n".join(dict.fromkeys(found.wrong))[:20_000]
    assert not faults
    assert found.cases >= least


@pytest.mark.soak
@pytest.mark.slow
def test_who_may_do_everything(world: tuple[Bridge, World], database_url: str, count: Count) -> None:
    """What is valid; `test_bodies` sends what is not, and compares both databases. `make soak` tries all that
    Schemathesis has, on both; otherwise PostgreSQL is tried at random alone.
    """
    at_random = not SOAK and database_url.startswith("postgresql")
    phases, examples, least = ({}, 20, 10_000) if SOAK else (AT_RANDOM, 2, 100) if at_random else (VALID, 2, 1_000)
    found = judge(*world, world[1].key, examples=examples, phases=phases)
    told(count, "all scopes", found, least)
    if not at_random:
        count("schemathesis, all scopes", least_share_of_operations_seen_to_work=found.share)
        assert found.share >= SHARE


@ON_SQLITE
def test_who_may_read(world: tuple[Bridge, World], count: Count) -> None:
    key = world[0].do(world[0].running.key(READS))
    found = judge(*world, key, phases=AT_RANDOM)
    told(count, "only reads", found, 100)
    assert found.statuses[200] > 0
    assert found.statuses[403] > 0
    assert found.statuses[201] == 0


@ON_SQLITE
def test_who_may_do_nothing(world: tuple[Bridge, World], count: Count) -> None:
    found = judge(*world, None, phases=AT_RANDOM)
    told(count, "no credential", found, 100)
    assert set(found.statuses) <= {200, 201, 204, 400, 401, 404, 405, 413, 415, 429}
    assert found.reached <= OPEN
    assert found.statuses[401] > found.cases / 2


@ON_SQLITE
def test_who_is_limited(world: tuple[Bridge, World], count: Count) -> None:
    made = world[0]
    made.do(add_plan(made.running, name="tiny", requests=2, seconds=3_600, burst=2, quota=None))
    found = judge(*world, made.do(made.running.key(plan="tiny")), phases=AT_RANDOM)
    told(count, "limited", found, 100)
    assert found.statuses[429] > found.cases / 2  # the checks ask without a credential as well


# ── whether it would notice ──────────────────────────────────────────────────────────────────────────────────────────


class Planted:
    """The service, except for one answer that the description knows nothing of."""

    def __init__(self, made: Bridge, status: int, kind: str, body: Any) -> None:
        self._made, self._status = made, status
        self._headers = [(b"content-type", kind.encode())]
        self._body = json.dumps(body).encode()
        self.running, self.ask = made.running, made.ask

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def altered(message: Any) -> None:
            if scope["path"] == "/v1/events" and scope["method"] == "GET":
                if message["type"] == "http.response.start":
                    message = {**message, "status": self._status, "headers": self._headers}
                else:
                    message = {**message, "body": self._body}
            await send(message)

        await self._made(scope, receive, altered)


JSON, PROBLEM = "application/json", "application/problem+json"
EMPTY: dict[str, Any] = {"items": [], "nextCursor": None}
REFUSED = {"type": "x:y", "title": "A", "status": 400, "detail": "A", "instance": "x:y", "code": "invalid-request"}


PLANTED = [
    (500, JSON, {}, {"not_a_server_error"}),
    (418, JSON, {}, {"status_code_conformance"}),
    (200, JSON, {"items": 7}, {"response_schema_conformance"}),
    (200, "text/plain", EMPTY, {"content_type_conformance", "ignored_auth", "negative_data_rejection"}),
    (400, PROBLEM, REFUSED, {"positive_data_acceptance"}),
]


@ON_SQLITE
@pytest.mark.parametrize(
    ("status", "kind", "body", "checks"), PLANTED, ids=["fault", "undocumented", "schema", "promises", "refusal"]
)
def test_a_planted_answer_is_held_against_us(
    world: tuple[Bridge, World], status: int, kind: str, body: Any, checks: set[str]
) -> None:
    planted: Any = Planted(world[0], status, kind, body)
    found = judge(planted, world[1], world[1].key, phases=BY_RULE, operations=ONLY_EVENTS)
    silent = {check for check in checks if not any(f" {check}: " in one for one in found.wrong)}
    assert not silent, found.wrong
