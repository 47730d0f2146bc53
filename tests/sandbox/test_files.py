"""A sandbox leaves as a file and comes back as another one; what is wrong with a file is told with its line."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from engage_api.jobs import moments
from engage_api.sandbox.copies import service as copies
from engage_api.sandbox.scenarios.script import scripts
from tests.api.harness import Client, Service, answered, refused
from tests.sandbox import clockwork
from tests.sandbox.dumps import alike, dump
from tests.sandbox.full import fill
from tests.sandbox.test_copies import look, sandbox, world_of

JSONL = {"Content-Type": "application/jsonl"}
Lines = list[dict[str, Any]]


@pytest.fixture
async def api(service: Service) -> Client:
    return await service.caller()


async def exported(api: Client, sandbox_id: str, **params: str) -> bytes:
    answer = await api.get(f"/sandboxes/{sandbox_id}/export", params=params)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/jsonl"), answer.text
    return answer.content


async def imported(api: Client, file: bytes) -> dict[str, Any]:
    return answered(await api.post("/sandboxes/imports", content=file, headers=JSONL), 201)


def lines_of(file: bytes) -> Lines:
    return [json.loads(line) for line in file.splitlines()]


def file_of(lines: Lines) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


async def test_a_file_makes_the_same_world_elsewhere(service: Service, api: Client) -> None:
    parent, owner = await sandbox(api, service, name="Weekend", seed="spring")
    await fill(owner)
    before = await look(service, parent)
    file = await exported(api, parent)
    assert await look(service, parent) == before
    made = await imported(api, file)
    client = await service.client(made["key"])
    assert (made["name"], made["seed"], made["state"], made["parentId"]) == ("Weekend", "spring", "ready", None)
    assert await owner.read("/events", limit=200) == await client.read("/events", limit=200)
    same = {"customer", "case", "task", "offer", "term", "search", "event", "counter"}
    here, there = [world_of(await look(service, one)) for one in (parent, made["id"])]
    ours, theirs = alike(here, parent, made["id"]), alike(there, made["id"], made["id"])
    assert {name: ours[name] for name in same} == {name: theirs[name] for name in same}
    [hook] = (await client.read("/webhook-endpoints"))["items"]
    assert (hook["state"], hook["stateReason"]) == ("disabled", "unsigned"), "secrets are in no file"
    assert b"whsec_" not in file.replace("whsec_…".encode(), b"")
    assert await client.ids("/customers", search="zoe") == await owner.ids("/customers", search="zoe")
    assert await exported(api, made["id"]) == file.replace(
        b'"state":"enabled","stateReason":null', b'"state":"disabled","stateReason":"unsigned"', 1
    ), "what comes out of it goes in again"
    await client.made("/customers", {"kind": "person", "displayName": "New"})
    await owner.made("/customers", {"kind": "person", "displayName": "New"})
    assert await client.ids("/customers") == await owner.ids("/customers"), "it goes on alike"


async def test_whoever_imports_a_world_has_the_same_log_of_their_own(service: Service, api: Client) -> None:
    """With every story played to its end, and a signal whose type has the name of the organization in it."""
    box = await clockwork.sandbox(service)
    signal = {"type": f"x.org_{box.owner.id}.meter.read", "subject": "meter-1", "data": {"by": box.owner.id}}
    await box.client.made("/events", signal)
    await box.client.made("/webhook-endpoints", {"url": "https://receiver.invalid/"})
    for story in scripts():
        await box.client.made(f"/sandboxes/{box.id}/scenario-runs", {"scenario": story})
    played = await moments.play(service.db, box.id, clockwork.START + timedelta(days=61), seconds=60)
    assert played.done
    file = await exported(box.client, box.id)
    assert box.owner.id.encode() not in file
    other = await service.application("hackathon-team", workspace="", state="sandbox-only")
    made = await imported(await service.caller(who=other), file)
    mine, theirs = await box.hash(), await api.read(f"/sandboxes/{made['id']}/log-hash")
    assert (mine["events"] > 500, mine) == (True, theirs)
    client = await service.client(made["key"])
    [told] = (await client.read("/events", type=f"x.org_{other.id}.*", subject="meter-1"))["items"]
    assert told["data"] == {"by": other.id}
    assert await exported(client, made["id"]) == file.replace(
        b'"state":"enabled","stateReason":null', b'"state":"disabled","stateReason":"unsigned"', 1
    )


async def test_what_people_wrote_stays_as_it_is(service: Service, api: Client) -> None:
    """Also where it looks like what stands for their ids, or is one of these."""
    box = await clockwork.sandbox(service)
    whose, owner, sandbox_id = box.owner.id, box.client, box.id
    for text in ("app_self " * 20, "app_self", f'"{whose}"', f"x.org_{whose}.y", "org_self"):
        fields = {"kind": "person", "displayName": text, "metadata": {"applicationId": text, "id": "app_self"}}
        await owner.made("/customers", fields)
    data = {"by": whose, "text": f"{whose} app_self"}
    await owner.made("/events", {"type": f"x.org_{whose}.meter.read", "subject": whose, "data": data})
    before = await owner.read("/customers", limit=50)
    for name in ("team-1", "team-2"):  # from hand to hand
        file = await exported(api, sandbox_id)
        other = await service.application(name, workspace="", state="sandbox-only")
        made = await imported(await service.caller(who=other), file)
        sandbox_id, client = made["id"], await service.client(made["key"])
        assert await client.read("/customers", limit=50) == before
        [told] = (await client.read("/events", type=f"x.org_{other.id}.*"))["items"]
        assert (told["subject"], told["data"]) == (other.id, {"by": other.id, "text": f"{whose} app_self"})
        assert await exported(api, sandbox_id) == file
    hashes = [(await api.read(f"/sandboxes/{one}/log-hash"))["hash"] for one in (box.id, sandbox_id)]
    assert hashes[0] == hashes[1]


async def test_a_large_one_is_exported_from_a_snapshot(
    service: Service, api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent, owner = await sandbox(api, service)
    await fill(owner)
    taken = await api.made(f"/sandboxes/{parent}/snapshots", {})
    file = await exported(api, parent)
    await owner.made("/customers", {"kind": "person", "displayName": "Later"})
    monkeypatch.setattr(copies, "SMALL", 0)
    refused(await api.get(f"/sandboxes/{parent}/export"), 409, "needs-snapshot")
    assert await exported(api, parent, snapshotId=taken["id"]) == file
    refused(await api.get(f"/sandboxes/{parent}/export", params={"snapshotId": "snp_none"}), 404, "not-found")


def at(number: int, **changes: Any) -> Callable[[Lines], Lines]:
    """Change a line, by the kind of thing in it."""

    def change(lines: Lines) -> Lines:
        lines[number] |= changes
        return lines

    return change


def inside(kind: str, **changes: Any) -> Callable[[Lines], Lines]:
    """Change the first resource of a kind, or the first event."""

    def change(lines: Lines) -> Lines:
        found = next(one for one in lines if one.get("kind") == kind or kind in one)
        found["document" if "kind" in found else kind] |= changes
        return lines

    return change


BROKEN: list[Callable[[Lines], Lines]] = [
    lambda lines: lines[:-1],
    lambda lines: [*lines, lines[-1]],
    lambda lines: lines[1:],
    lambda lines: [lines[0], lines[1], *lines[1:]],
    lambda lines: [lines[0], *lines[2:]],
    lambda lines: [lines[0], lines[3], lines[1], *lines[4:]],
    lambda lines: [*lines[:-3], lines[-2], lines[-1]],
    at(0, format="engage-sandbox-2"),
    at(0, ids=2**60),
    at(0, ids=1),
    at(0, more=1),
    at(0, seed="\u0000"),
    at(0, clock="1999-01-01T00:00:00Z"),
    at(0, pace=-1),
    at(-1, end={"resources": 1, "events": 1}),
    inside("customer", id="cus_x"),
    inside("customer", id="cas_01kb0m5xnye0rt2e5v3h4q8zj9"),
    inside("customer", version="1"),
    inside("customer", version=0),
    inside("customer", state="no such"),
    inside("customer", more=1),
    inside("customer", display_name="Twice"),
    inside("customer", mergedInto="cus_01kb0m5xnye0rt2e5v3h4q8zj9"),
    inside("case", customerId="cus_01kb0m5xnye0rt2e5v3h4q8zj9"),
    inside("case", parentId="cas_01kb0m5xnye0rt2e5v3h4q8zj9"),
    inside("task", caseId="cas_01kb0m5xnye0rt2e5v3h4q8zj9"),
    inside("webhook-endpoint", url="http://127.0.0.1/"),
    inside("event", id="evt_x"),
    inside("event", type="engage.customer.exploded.v1"),
    inside("event", type="engage.customer.created.v1", data={"a": 1}),
    inside("event", sequence="7"),
    inside("event", actor="<script>"),
    inside("event", time="yesterday"),
    inside("event", source="/v2"),
]


async def test_a_broken_file_is_refused_and_leaves_nothing(service: Service, api: Client) -> None:
    parent, owner = await sandbox(api, service)
    await fill(owner)
    file = await exported(api, parent)
    before = await dump(service.db, "live")
    lines = {line.get("kind", next(iter(line))) for line in lines_of(file)}
    assert lines >= {"customer", "case", "task", "offer", "webhook-endpoint", "event", "end"}
    for number, broken in enumerate(BROKEN):
        answer = await api.post("/sandboxes/imports", content=file_of(broken(lines_of(file))), headers=JSONL)
        assert answer.status_code == 400, (number, answer.text)
        problem = refused(answer, 400, "broken-file")
        assert problem.get("line", 1) >= 1, number
    for content in (b"", b"\xff\n", b"{\n", b"[]\n", b"null\n", file[:-20], file.replace(b"\n", b"\n\n", 1), b"{" * 99):
        refused(await api.post("/sandboxes/imports", content=content, headers=JSONL), 400, "broken-file")
    after = await dump(service.db, "live")
    assert after.pop("job", []) is not None
    before.pop("job", None)
    assert {n: len(r) for n, r in after.items() if n != "usage"} == {
        n: len(r) for n, r in before.items() if n != "usage"
    }
    sandboxes = {row[0] for name, rows in (await everything(service)).items() for row in rows if name != "job"}
    assert {one for one in sandboxes if one.startswith("sbx_")} <= {parent, service.world.developer.workspace}


async def everything(service: Service) -> dict[str, list[Any]]:
    from sqlalchemy import select  # noqa: PLC0415  # here alone
    from sqlmodel import SQLModel  # noqa: PLC0415

    from engage_api.db import Query  # noqa: PLC0415

    found = {}
    for table in SQLModel.metadata.sorted_tables:
        if "workspace_id" in table.c and table.name not in ("search", "job"):
            found[table.name] = await service.db.system.fetch(Query(select(table.c.workspace_id).distinct()), None)
    return found


async def test_what_is_no_file_or_too_much_of_one(service: Service, api: Client) -> None:
    parent, _ = await sandbox(api, service)
    file = await exported(api, parent)
    refused(await api.post("/sandboxes/imports", content=file), 415, "unsupported-media-type")
    refused(await api.post("/sandboxes/imports", json={}), 415, "unsupported-media-type")

    async def endless() -> Any:
        yield file.splitlines(keepends=True)[0]
        while True:
            yield b" " * 500_000

    refused(await api.post("/sandboxes/imports", content=endless(), headers=JSONL), 400, "broken-file")

    async def many() -> Any:
        yield file.splitlines(keepends=True)[0]
        while True:
            yield b'{"kind":"offer","document":{' + b" " * 500_000 + b"}}\n"

    answer = await api.post("/sandboxes/imports", content=many(), headers=JSONL)
    assert answer.status_code == 400
    big = {**JSONL, "Content-Length": str(2**40)}
    refused(await api.post("/sandboxes/imports", content=file, headers=big), 413, "body-too-large")
