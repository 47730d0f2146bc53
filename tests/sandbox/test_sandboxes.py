"""Sandboxes are made, looked at, changed and deleted by whoever made them, and are there for nobody else."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engage_api.access.worlds import OF_SANDBOXES
from engage_api.core import clock, ids
from engage_api.core.scopes import OF_LIVE
from engage_api.settings import Settings
from tests.api.harness import Client, Service, answered, eventually, make_settings, refused
from tests.running import Application, add_party, add_workspace

EMPTY = {"size": "empty"}


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """One database for all tests here, and a worker: a sandbox is filled by it."""
    url = "module_sqlite_url" if request.param == "sqlite" else "module_postgres_url"
    return make_settings(request.getfixturevalue(url), tmp_path)


async def ready(client: Client, sandbox_id: str) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        found = await client.read(f"/sandboxes/{sandbox_id}")
        return found if found["state"] == "ready" else None

    return await eventually(look, 60)


async def arrive(service: Service) -> Client:
    """A developer whom nobody else shares an application with, in a sandbox of their own."""
    name = ids.new("x")
    async with service.db.system.write(None) as tx:
        organization = await add_party(tx, "live", f"app_{name}", "developer", "sandbox-only")
        await add_workspace(tx, f"sbx_{name}", "sandbox", organization)
    return await service.caller(who=Application(f"app_{name}", f"sbx_{name}"))


@pytest.fixture
async def api(service: Service) -> Client:
    """The operator."""
    return await service.caller()


@pytest.fixture
async def developer(service: Service) -> Client:
    return await arrive(service)


async def test_a_tiny_one_is_filled_when_it_is_answered_and_its_key_opens_it(
    service: Service,
    developer: Client,
) -> None:
    made = await developer.made("/sandboxes", {"name": "Weekend", "seed": "spring", "metadata": {"team": "a"}})
    assert made["state"] == "ready", made
    assert (made["name"], made["size"], made["seed"], made["metadata"]) == ("Weekend", "tiny", "spring", {"team": "a"})
    assert made["work"] is None
    lifetime = datetime.fromisoformat(made["expiresAt"]) - datetime.fromisoformat(made["createdAt"])
    assert timedelta(days=29) < lifetime < timedelta(days=31)
    own = await service.client(made["key"])
    assert len((await own.read("/customers"))["items"]) >= 5
    first = (await own.events(1))[0]
    assert (first["type"], first["sequence"]) == ("engage.api-key.created.v1", "1")
    assert set((await own.read(f"/api-keys/{first['subject']}"))["scopes"]) == {scope.value for scope in OF_SANDBOXES}
    assert {**await developer.read(f"/sandboxes/{made['id']}"), "key": made["key"]} == made


async def test_a_larger_one_is_filled_by_a_job_and_says_how_far_it_is(developer: Client) -> None:
    answer = await developer.post("/sandboxes", json={"size": "small"})
    made = answered(answer, 201)
    assert answer.headers["Location"] == f"/v1/sandboxes/{made['id']}"
    if made["state"] == "seeding":
        found = await developer.get(f"/sandboxes/{made['id']}")
        assert found.json()["work"] is None or found.json()["work"]["kind"] == "seeding"
        assert found.json()["work"] is None or found.headers["ETag"].startswith("W/")
    done = await ready(developer, made["id"])
    assert done["work"] is None


async def test_a_clock_is_set_and_stands_or_runs(service: Service, developer: Client) -> None:
    then = "2030-05-01T12:00:00.000Z"
    frozen = await developer.made("/sandboxes", EMPTY | {"clock": {"now": then, "mode": "frozen"}})
    assert (frozen["startsAt"], frozen["startPace"]) == (then, 0)
    own = await service.client(frozen["key"])
    customer = await own.made("/customers", {"kind": "person", "displayName": "Ada"})
    assert customer["createdAt"] == then
    fast = await developer.made("/sandboxes", EMPTY | {"clock": {"now": then, "pace": 3600}})
    assert fast["startPace"] == 3600
    await asyncio.sleep(0.05)
    own = await service.client(fast["key"])
    customer = await own.made("/customers", {"kind": "person", "displayName": "Ada"})
    assert customer["createdAt"] > "2030-05-01T12:01"


async def test_it_is_listed_changed_and_deleted(service: Service, developer: Client) -> None:
    made = await developer.made("/sandboxes", EMPTY | {"name": "One"})
    path, other_one = f"/sandboxes/{made['id']}", await developer.made("/sandboxes", EMPTY | {"name": "Two"})
    assert await developer.ids("/sandboxes") == [other_one["id"], made["id"]]
    assert await developer.ids("/sandboxes", search="two", state="ready") == [other_one["id"]]
    later = clock.wire(datetime.fromisoformat(made["createdAt"]) + timedelta(days=60))
    changed = answered(await developer.change(path, {"name": "Three", "expiresAt": later}), 200)
    assert (changed["name"], changed["expiresAt"]) == ("Three", later)
    refused(await developer.patch(path, json={"name": "Four"}), 428, "precondition-required")
    refused(await developer.change(path, {"name": "Four"}, '"old"'), 412, "stale-version")
    for wrong in (None, "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"):
        refused(await developer.change(path, {"expiresAt": wrong}), 400, "invalid-request")
    own = await service.client(made["key"])
    assert (await own.get("/customers")).status_code == 200
    refused(await developer.delete(path), 428, "precondition-required")
    assert (await developer.delete(path, headers={"If-Match": "*"})).status_code == 204
    refused(await own.get("/customers"), 401, "unauthenticated")
    refused(await developer.get(path), 404, "not-found")
    refused(await developer.delete(path, headers={"If-Match": "*"}), 404, "not-found")
    assert await developer.ids("/sandboxes") == [other_one["id"]]


async def test_a_key_manages_its_own_sandbox_and_those_of_its_application(
    service: Service,
    developer: Client,
) -> None:
    first, second = await developer.made("/sandboxes", EMPTY), await developer.made("/sandboxes", EMPTY)
    own = await service.client(first["key"])
    assert (await own.read(f"/sandboxes/{first['id']}"))["id"] == first["id"]
    third = await own.made("/sandboxes", EMPTY)
    assert set(await own.ids("/sandboxes")) == {first["id"], second["id"], third["id"]}
    assert (await own.delete(f"/sandboxes/{second['id']}", headers={"If-Match": "*"})).status_code == 204
    assert (await own.delete(f"/sandboxes/{first['id']}", headers={"If-Match": "*"})).status_code == 204
    refused(await own.get("/sandboxes"), 401, "unauthenticated")


async def test_for_others_it_is_not_there(service: Service, developer: Client) -> None:
    made = await developer.made("/sandboxes", EMPTY | {"name": "Hidden"})
    path = f"/sandboxes/{made['id']}"
    stranger = await arrive(service)
    theirs = await stranger.made("/sandboxes", EMPTY)
    in_it = await service.client(theirs["key"])
    partner = await service.caller(who=service.world.partner)
    for caller in (stranger, in_it, partner):
        calls = [
            caller.get(path),
            caller.get(path, headers={"If-None-Match": "*"}),
            caller.patch(path, json={"name": "Mine"}, headers={"If-Match": "*"}),
            caller.patch(path, json={"name": "Mine"}, headers={"If-Match": '"guess"'}),
            caller.delete(path, headers={"If-Match": "*"}),
            caller.delete(path),
        ]
        for call in calls:
            known, unknown = await call, await caller.get("/sandboxes/sbx_none")
            refused(known, 404, "not-found")
            assert known.json()["detail"] == unknown.json()["detail"]
        assert made["id"] not in await caller.ids("/sandboxes")
        assert await caller.ids("/sandboxes", search="hidden") == []
    cursor = (await stranger.read("/sandboxes", limit=1, count=True))["count"]
    assert cursor == 1


async def test_cursors_and_idempotency_keys_are_good_for_their_own_application(
    service: Service,
    developer: Client,
) -> None:
    for _ in range(2):
        await developer.made("/sandboxes", EMPTY)
    cursor = (await developer.read("/sandboxes", limit=1))["nextCursor"]
    stranger = await arrive(service)
    refused(await stranger.get("/sandboxes", params={"cursor": cursor, "limit": 1}), 400, "invalid-cursor")
    keyed = {"Idempotency-Key": "the-same-for-both"}
    ours = answered(await developer.post("/sandboxes", json=EMPTY, headers=keyed), 201)
    theirs = answered(await stranger.post("/sandboxes", json=EMPTY, headers=keyed), 201)
    assert ours["id"] != theirs["id"]
    assert ours["key"] != theirs["key"]


async def test_a_repeated_request_is_answered_as_the_first_time(developer: Client) -> None:
    keyed, body = {"Idempotency-Key": "once"}, {"name": "Once"}
    first, again = [await developer.post("/sandboxes", json=body, headers=keyed) for _ in range(2)]
    assert first.content == again.content
    assert first.headers["ETag"] == again.headers["ETag"]
    assert first.json()["state"] == "ready"
    assert (first.headers.get("Idempotent-Replayed"), again.headers["Idempotent-Replayed"]) == (None, "true")
    assert len(await developer.ids("/sandboxes")) == 1
    refused(await developer.post("/sandboxes", json={"name": "Twice"}, headers=keyed), 422, "idempotency-key-reused")


async def test_an_application_has_ten(developer: Client) -> None:
    answers = await asyncio.gather(*(developer.post("/sandboxes", json=EMPTY) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [201] * 10 + [409] * 2
    told = refused(await developer.post("/sandboxes", json=EMPTY), 409, "too-many-sandboxes")["detail"]
    assert told.startswith("An application has at most 10,")


async def test_what_makes_no_sense_is_refused(developer: Client) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        *(({"lifetime": text}, "/lifetime") for text in ("P91D", "P0D", "PT9999H", "P1W", "")),
        ({"clock": {"now": "1999-01-01T00:00:00Z"}}, "/clock/now"),
        *(({"clock": wrong}, "/clock/pace") for wrong in ({"pace": 0}, {"mode": "frozen", "pace": 5})),
        ({"clock": {"mode": "stopped"}}, "/clock/mode"),
        ({"size": "huge"}, "/size"),
        *(({"seed": text}, "/seed") for text in ("x" * 65, "", "é")),
        ({"id": "sbx_demo"}, "/id"),
    ]
    for body, pointer in wrong:
        found = refused(await developer.post("/sandboxes", json=body), 400, "invalid-request")
        assert [error["pointer"] for error in found["errors"]] == [pointer], body


async def test_the_key_of_a_sandbox_can_do_nothing_in_the_live_workspace(
    service: Service,
    api: Client,
) -> None:
    """Also when the operator made it, whose application may do everything."""
    made = await api.made("/sandboxes", EMPTY)
    own = await service.client(made["key"])
    await api.made("/customers", {"kind": "person", "displayName": "Live"})
    assert (await own.read("/customers"))["items"] == []
    for scope in OF_LIVE:
        refused(await own.post("/api-keys", json={"name": "More", "scopes": [scope.value]}), 403, "insufficient-scope")
    theirs = await (await arrive(service)).made("/sandboxes", EMPTY)
    refused(await own.get(f"/sandboxes/{theirs['id']}"), 404, "not-found")
    assert (await api.get(f"/sandboxes/{theirs['id']}")).status_code == 200
    assert await own.ids("/sandboxes") == [made["id"]]  # not those that it made for organizations
    for path in ("/organizations", "/applications", "/jobs"):
        assert (await own.get(path)).status_code == 403


async def test_what_becomes_of_it_is_in_the_live_log(service: Service) -> None:
    operator = await service.caller(who=Application("app_operator", "live"))
    made = await operator.made("/sandboxes", {"name": "Told"})
    await operator.delete(f"/sandboxes/{made['id']}", headers={"If-Match": "*"})
    told = await operator.events(3, subject=made["id"])
    assert [event["type"].split(".")[2] for event in told] == ["created", "ready", "deleted"]
    assert told[1]["data"]["state"] == "ready"
