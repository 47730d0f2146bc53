"""What an operator sees of durable jobs, and how the dead ones run again; nobody else does."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engage_api.access.jobs import service as desk
from engage_api.core import clock
from engage_api.jobs import Registry, Worker, enqueue, queue
from engage_api.jobs.limits import Backoff, Limits
from engage_api.settings import Settings
from tests.api.harness import Client, Service, eventually, make_settings, places, refused, serving
from tests.running import BASE_URL

KINDS = {kind: Limits(max_attempts=1, lease=timedelta(minutes=5)) for kind in ("test.a", "test.b")}


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """A database of each test's own, and nobody who does the jobs."""
    return make_settings(database_url, tmp_path, worker=False)


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    async with serving(settings) as running:
        yield running


async def add(service: Service, kind: str = "test.a", **more: Any) -> str:
    async with service.db.system.write(None) as tx:
        made = await enqueue(tx, kind, {"secret": "hunter2"}, **more)
    assert made is not None
    return made


async def bury(service: Service, kind: str = "test.a", **more: Any) -> str:
    """One that died."""
    made = await add(service, kind, run_at=clock.host() - timedelta(days=1), **more)
    (job,) = await queue.claim(service.db.system, KINDS, 1)
    await queue.fail(service.db.system, job, "a reason")
    return made


async def test_an_operator_sees_what_is_still_to_do(service: Service, api: Client) -> None:
    dead = await bury(service, workspace="sbx_x")
    running = await add(service)
    await queue.claim(service.db.system, KINDS, 1)
    queued = await add(service, "test.b", run_at=clock.host() + timedelta(hours=1))
    found = await api.read("/jobs")
    assert [(job["id"], job["state"]) for job in found["items"]] == [
        (queued, "queued"),
        (running, "running"),
        (dead, "dead"),
    ]
    assert "hunter2" not in str(found), "a payload is nobody's business"
    first, second, third = found["items"]
    assert (first["attempts"], second["attempts"], third["attempts"]) == (0, 1, 1)
    assert (first["workspaceId"], third["workspaceId"], third["lastError"]) == (None, "sbx_x", "a reason")
    assert [job["leaseUntil"] is None for job in found["items"]] == [True, False, True]
    assert [job["diedAt"] is None for job in found["items"]] == [True, True, False]
    for asked, expected in {
        ("state", "dead"): [dead],
        ("state", "running"): [running],
        ("state", "queued"): [queued],
        ("kind", "test.a"): [running, dead],
        ("kind", "none"): [],
        ("workspaceId", "sbx_x"): [dead],
    }.items():
        assert await api.ids("/jobs", **dict([asked])) == expected, asked
    assert await api.read(f"/jobs/{dead}") == third
    refused(await api.get("/jobs/job_none"), 404, "not-found")


async def test_a_list_has_pages_that_belong_to_its_question(service: Service, api: Client) -> None:
    made = [await add(service) for _ in range(5)]
    seen: list[str] = []
    cursor = None
    while True:
        page = await api.read("/jobs", limit=2, kind="test.a", **({"cursor": cursor} if cursor else {}))
        seen += [job["id"] for job in page["items"]]
        if (cursor := page["nextCursor"]) is None:
            break
        first = cursor
    assert seen == made[::-1]
    refused(await api.get("/jobs", params={"cursor": first}), 400, "invalid-cursor")
    problem = refused(await api.get("/jobs", params={"state": "done", "limit": 201, "more": 1}), 400, "invalid-request")
    assert places(problem) == {"state", "limit", "more"}


async def test_nobody_but_the_operator_sees_jobs(
    service: Service, api: Client, partner: Client, other: Client, nobody: Client
) -> None:
    dead = await bury(service)
    calls = [("GET", "/jobs"), ("GET", f"/jobs/{dead}"), ("POST", f"/jobs/{dead}/replays")]
    reader = await service.caller("operations:read admin:organizations")
    for method, path in calls:
        refused(await nobody.request(method, path), 401, "unauthenticated")
        refused(await reader.request(method, path), 403, "insufficient-scope")
        for who in (other, partner):
            if path == "/jobs":
                assert await who.ids(path) == []
            else:
                refused(await who.request(method, path), 404, "not-found")
    assert (await api.read(f"/jobs/{dead}"))["state"] == "dead"


async def test_a_dead_job_runs_again(service: Service, api: Client) -> None:
    dead = await bury(service, workspace="sbx_x")
    key = {"Idempotency-Key": "once"}
    answers = [await api.post(f"/jobs/{dead}/replays", headers=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    again = answers[0].json()
    assert (again["state"], again["attempts"], again["diedAt"], again["lastError"]) == ("queued", 0, None, "a reason")
    problem = refused(await api.post(f"/jobs/{dead}/replays"), 409, "invalid-transition")
    assert problem["state"] == "queued"
    refused(await api.post("/jobs/job_none/replays"), 404, "not-found")
    (job,) = await queue.claim(service.db.system, KINDS, 9)
    assert (job.id, job.payload) == (dead, {"secret": "hunter2"})


async def test_one_whose_work_is_queued_already_stays_dead(service: Service, api: Client) -> None:
    dead = await bury(service, unique_key="k")
    await add(service, unique_key="k")
    refused(await api.post(f"/jobs/{dead}/replays", headers={"Idempotency-Key": "once"}), 409, "already-queued")
    assert (await api.read(f"/jobs/{dead}"))["state"] == "dead"
    plain = [await bury(service, "test.b") for _ in range(3)]
    assert await desk.replay_all(service.db, "test.b") == (3, 0)
    assert await desk.replay_all(service.db, None) == (0, 1)
    assert {job["id"] for job in (await api.read("/jobs", state="queued", kind="test.b"))["items"]} == set(plain)


async def test_figures_tell_what_there_is_and_what_this_process_did(service: Service, api: Client) -> None:
    registry, figures = Registry(), service.services.jobs
    quick = Backoff(timedelta(milliseconds=1))

    @registry.job("test.a", max_attempts=2, backoff=quick)
    async def fail(*_: Any) -> None:
        raise ValueError

    @registry.job("test.b")
    async def succeed(*_: Any) -> None:
        pass

    await add(service)
    await add(service, "test.b")
    await add(service, "test.c", run_at=clock.host() - timedelta(minutes=5))
    await add(service, "test.c", run_at=clock.host() + timedelta(minutes=5))
    stop = asyncio.Event()
    working = asyncio.create_task(Worker(service.db, registry, note=figures.note).run(stop))

    async def settled() -> bool | None:
        dead, rest = [await api.ids("/jobs", **asked) for asked in ({"state": "dead"}, {"kind": "test.b"})]
        return (len(dead), rest) == (1, []) or None

    await eventually(settled)
    stop.set()
    await working
    text = (await api.get(f"{BASE_URL}/metrics")).text
    jobs = dict(re.findall(r'^(engage_job\w+\{.*kind="test.*\}) ([0-9.]+)$', text, re.MULTILINE))
    late = float(jobs.pop('engage_jobs_late_seconds{kind="test.c"}'))
    assert 300 <= late < 330
    assert jobs == {
        'engage_jobs{kind="test.a",state="dead"}': "1.0",
        'engage_jobs{kind="test.c",state="queued"}': "2.0",
        'engage_job_attempts_total{kind="test.a",outcome="failed"}': "1.0",
        'engage_job_attempts_total{kind="test.a",outcome="dead"}': "1.0",
        'engage_job_attempts_total{kind="test.b",outcome="done"}': "1.0",
    }
