"""The faults that are set for a sandbox: on which calls, on how many of them, and how they are taken away."""

from typing import Any

import httpx
import pytest

from engage_api.access.faults.models import FaultRule
from tests.faults.conftest import Line, sandbox
from tests.faults.test_header import BROKEN, ZOE


async def put(client: httpx.AsyncClient, line: Line, *rules: dict[str, Any]) -> dict[str, Any]:
    answer = await client.put(f"/sandboxes/{line.who.workspace}/faults", json={"rules": list(rules)})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def told(client: httpx.AsyncClient, number: int, path: str = "/customers") -> list[int]:
    return [(await client.get(path)).status_code for _ in range(number)]


async def test_rules_hit_the_calls_that_they_say_and_no_others(line: Line) -> None:
    here = f"/sandboxes/{line.who.workspace}/faults"
    async with line.client() as client, line.client(await line.service.key(who=line.who)) as friend:
        assert (await client.get(here)).json() == {"rules": [], "revoked": []}
        shown = await put(client, line, {"fault": "status=503;retry-after=2", "share": 50, "after": 1, "times": 2})
        assert shown["rules"][0].items() >= {"methods": [], "until": None, "calls": 0, "made": 0}.items()
        assert await told(client, 3) == [200, 200, 503]
        answer = await friend.get("/cases")  # whoever calls; and another operation
        assert (answer.status_code, "Engage-Fault" in answer.headers) == (200, False)
        assert (await friend.get("/cases")).headers["Engage-Fault"] == "status=503;retry-after=2"
        assert await told(client, 3) == [200, 200, 200]
        assert (await client.get("/customers", headers={"Engage-Fault": "status=500"})).status_code == 500
        assert [(one["calls"], one["made"]) for one in (await client.get(here)).json()["rules"]] == [(8, 2)]

        await put(
            client,
            line,
            {"fault": "drop=after-commit", "operations": ["create_customer"], "times": 1},
            {"fault": "status=429;retry-after=3", "methods": ["GET"], "share": 25},
        )
        with pytest.raises(BROKEN):
            await client.post("/customers", json=ZOE, headers={"Idempotency-Key": "k"})
        again = await client.post("/customers", json=ZOE, headers={"Idempotency-Key": "k"})
        assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
        assert await told(client, 8) == [200, 200, 200, 429, 200, 200, 200, 429]

        await put(client, line, {"fault": "status=500", "until": "2001-01-01T00:00:00Z"})
        assert await told(client, 1) == [200]
        await put(client, line, {"fault": "status=500", "until": "2199-01-01T00:00:00Z"})
        assert await told(client, 2) == [500, 500]
        assert (await client.delete(here)).status_code == 204
        assert await told(client, 2) == [200, 200]


async def test_a_credential_is_revoked_amid_a_flow_and_let_in_again(line: Line) -> None:
    here = f"/sandboxes/{line.who.workspace}/faults"
    async with line.client() as client, line.client(await line.service.key(who=line.who)) as friend:
        await put(client, line, {"fault": "revoke", "after": 2, "times": 1})
        assert await told(client, 4) == [200, 200, 401, 401]
        assert await told(friend, 2) == [200, 200], "a new credential does not help"
        setting = await client.get(here)
        assert setting.status_code == 200, "nobody could take it away"
        assert len(setting.json()["revoked"]) == 1
        assert (await client.delete(here)).status_code == 204
        assert await told(client, 1) == [200]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_is_no_rule_is_refused_and_all_of_it_is_told(line: Line) -> None:
    here = f"/sandboxes/{line.who.workspace}/faults"
    other = await sandbox(line.service)
    async with line.client() as client, line.client(await line.service.key(who=other)) as stranger:
        for rule, pointer in (
            ({}, "/rules/0/fault"),
            ({"fault": "status=404"}, "/rules/0/fault"),
            ({"fault": "webhook=delay"}, "/rules/0/fault"),
            ({"fault": "revoke", "share": 0}, "/rules/0/share"),
            ({"fault": "revoke", "times": 0}, "/rules/0/times"),
            ({"fault": "revoke", "until": "soon"}, "/rules/0/until"),
            ({"fault": "revoke", "methods": ["HEAD"]}, "/rules/0/methods/0"),
            ({"fault": "revoke", "operations": ["get_customer", "get_custmer"]}, "/rules/0/operations/1"),
            ({"fault": "revoke", "chance": 0.5}, "/rules/0/chance"),
            ({"fault": "webhook=duplicate", "methods": ["POST"]}, "/rules/0/methods"),
            ({"fault": "webhook=delay;seconds=1", "operations": ["get_customer"]}, "/rules/0/operations"),
        ):
            answer = await client.put(here, json={"rules": [rule]})
            assert answer.status_code == 400, rule
            assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]
        assert (await client.put(here, json={"rules": [{"fault": "revoke"}] * 21})).status_code == 400
        (told,) = (await client.put(here, json=[])).json()["errors"]
        assert told["detail"] == "It should be a JSON object"
        for method in ("GET", "PUT", "DELETE"):
            body: dict[str, Any] | None = {"rules": []} if method == "PUT" else None
            assert (await stranger.request(method, here, json=body)).status_code == 404


def test_a_share_is_spread_evenly() -> None:
    for given, hits in (
        ({"share": 100}, [1, 2, 3, 4, 5, 6, 7, 8]),
        ({"share": 50}, [2, 4, 6, 8]),
        ({"share": 33}, [4, 7]),
        ({"share": 66}, [2, 4, 5, 7, 8]),
        ({"after": 3, "times": 2}, [4, 5]),
        ({"after": 1, "share": 25, "times": 1}, [5]),
    ):
        rule = FaultRule.model_validate({"fault": "status=500", **given}).rule("")
        assert [call for call in range(1, 9) if rule.hits(call)] == hits
        assert rule.made(8) == len(hits)
