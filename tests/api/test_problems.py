"""Problems (RFC 9457): what they say, what they never say, and that two of them cannot be told apart."""

import re
from typing import Any

import httpx
import pytest

from engage_api.db import reader
from engage_api.db.errors import Unavailable
from tests.api.harness import Client, Service, refused
from tests.api.samples import SAMPLES, Body, never

SECRET = "zq7Xmark"  # stands in every value that is sent; no answer shows it

PARAMETERS = (
    *("limit", "cursor", "sort", "state", "kind", "segment"),
    *("createdFrom", "count", "externalId", "metadataValue"),
)


async def test_no_problem_shows_a_value_wherever_it_was_sent(api: Client, nobody: Client) -> None:
    made = await SAMPLES["customer"].make(api)
    at = f"/customers/{made['id']}"
    odd, plain = f'"{SECRET}"', {"Content-Type": f"text/{SECRET}"}
    body = {"Content-Type": "application/json"}
    answers = [
        await api.get(f"/customers/{SECRET}"),
        await api.get(f"/{SECRET}"),
        await api.get("/customers/external/" + SECRET),
        *[await api.get("/customers", params={name: f"{SECRET} é"}) for name in PARAMETERS],
        await api.get("/events", params={"after": SECRET}),
        await api.get("/events", params={"type": f"{SECRET} "}),
        await api.patch(at, json={}, headers={"If-Match": odd}),
        await api.post("/customers", content=SECRET, headers=plain),
        await api.post("/customers", content=SECRET, headers=body),
        await api.post("/customers", content=f'{{"{SECRET}": 1, "a": "\\u0000"}}', headers=body),
        await api.post("/customers", json={}, headers={"Idempotency-Key": SECRET * 40}),
        await api.post("/cases", json={"type": "a", "title": "A", "customerId": SECRET}),
        await api.post(f"{at}/transitions", json={"to": SECRET}),
        await api.put(f"/customers/external/{SECRET}%20", json={"kind": "person", "displayName": "A"}),
        await nobody.get("/customers", headers={"Authorization": f"Bearer {SECRET}"}),
        await nobody.get("/customers", headers={"Authorization": f"Bearer eng_live_key_{SECRET}"}),
        await nobody.request(SECRET.upper(), "/customers"),
        await api.get("/customers", headers={"X-Request-Id": SECRET}),
    ]
    for answer in answers[:-1]:
        assert answer.status_code >= 400, answer.request.url
        assert answer.headers["Content-Type"] == "application/problem+json"
    for answer in answers:
        assert SECRET.lower() not in answer.text.lower(), answer.request.url
        assert SECRET.lower() not in str(answer.headers).lower(), answer.request.url


# ── what may not be seen does not exist ──────────────────────────────────────────────────────────────────────────────


def masked(answer: httpx.Response) -> tuple[int, str, list[tuple[str, str]]]:
    """An answer without what differs from one request to the next: its id, and what is left of a limit."""
    body = re.sub(r"urn:uuid:[0-9a-f-]{36}", "urn:uuid:…", answer.text)
    changing = {"x-request-id", "ratelimit", "date"}
    return answer.status_code, body, [(k, v) for k, v in answer.headers.multi_items() if k not in changing]


async def ways(caller: Client, name: str, row_id: str) -> list[tuple[int, str, list[tuple[str, str]]]]:
    """Every way of asking for one by its id."""
    at, tag = f"/{name}s/{row_id}", {"If-Match": "*"}
    answers = [await caller.get(at), await caller.delete(at, headers=tag)]
    if name == "api-key":
        answers.append(await caller.post(f"{at}/rotations", json={}))
    else:
        answers.append(await caller.patch(at, json={}, headers=tag))
        answers.append(await caller.post(f"{at}/transitions", json={"to": "accepted" if name == "case" else "active"}))
    if name == "case":
        answers += [await caller.get(f"{at}/tasks"), await caller.post(f"{at}/tasks", json={"title": "A"})]
        answers.append(await caller.get(at, params={"expand": "customer,tasks"}))
    return [masked(answer) for answer in answers]


@pytest.mark.parametrize("name", [*SAMPLES, "api-key"])
async def test_api1_1_foreign_gone_malformed_and_unknown_ids_are_answered_alike(
    service: Service, api: Client, other: Client, name: str
) -> None:
    new_key: Body = {"name": "A", "scopes": ["cases:read"]}
    theirs, hidden, gone = [
        await (caller.made("/api-keys", new_key) if name == "api-key" else SAMPLES[name].make(caller))
        for caller in (other, api, api)
    ]
    partner = await service.caller(who=service.world.partner)
    unknown = await ways(api, name, never(name))
    assert [status for status, _, _ in unknown if status not in (404, 405)] == []
    if (await api.delete(f"/{name}s/{gone['id']}", headers={"If-Match": "*"})).status_code == 204:
        assert await ways(api, name, gone["id"]) == unknown
    for row_id in (theirs["id"], "x", "1", "cus_", never("task").upper(), "a" * 300, "%F0%9F%98%80", "-1"):
        assert await ways(api, name, row_id) == unknown, row_id
    assert await ways(partner, name, hidden["id"]) == unknown


# ── ours and the database's ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (Unavailable("away"), 503, "unavailable"),
        (RuntimeError(SECRET), 500, "internal-error"),
        (KeyError(SECRET), 500, "internal-error"),
    ],
)
async def test_what_goes_wrong_behind_the_door_is_a_problem_too(
    api: Client, monkeypatch: pytest.MonkeyPatch, fault: Exception, status: int, code: str
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise fault

    monkeypatch.setattr(reader, "document", fail)
    answer = await api.get("/customers/x")
    refused(answer, status, code)
    assert SECRET not in answer.text
    assert (answer.headers.get("Retry-After") is not None) == (status == 503)


async def test_what_goes_wrong_outside_the_api_is_a_problem_too(
    service: Service, nobody: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(type(service.db), "one_raw", fail)
    answer = await nobody.get("http://engage.test/readyz")
    refused(answer, 500, "internal-error")
    assert SECRET not in answer.text
