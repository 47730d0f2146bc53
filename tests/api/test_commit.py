"""Commit before answer: nobody is told "done" before it is, and whose commit fails is told that it did.

The fault is planted in the databases themselves: from then on every commit of an event fails, and nothing before it;
so does every commit of a customer's session, of a delivery and of a sandbox's faults, which have no event.
"""

import asyncio
import sqlite3
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from engage_api.db.pulse import Pulse
from engage_api.settings import Settings
from tests.api.harness import Client, Service, eventually, make_settings
from tests.api.samples import SAMPLES
from tests.api.writes import Write, writes_of_copies, writes_of_people, writes_of_sandboxes
from tests.jobs.dead import dead_job

SQLITE = """
CREATE TABLE promise (id INTEGER PRIMARY KEY);
CREATE TABLE broken (id INTEGER REFERENCES promise (id) DEFERRABLE INITIALLY DEFERRED);
CREATE TRIGGER no_commit AFTER INSERT ON event BEGIN INSERT INTO broken VALUES (1); END;
CREATE TRIGGER no_begin AFTER INSERT ON customer_session BEGIN INSERT INTO broken VALUES (1); END;
CREATE TRIGGER no_send AFTER INSERT ON webhook_delivery BEGIN INSERT INTO broken VALUES (1); END;
CREATE TRIGGER no_replay AFTER UPDATE ON webhook_delivery BEGIN INSERT INTO broken VALUES (1); END;
CREATE TRIGGER no_fault AFTER INSERT ON fault BEGIN INSERT INTO broken VALUES (1); END;
CREATE TRIGGER no_mercy AFTER DELETE ON fault BEGIN INSERT INTO broken VALUES (1); END;
CREATE TRIGGER no_time AFTER UPDATE ON world BEGIN INSERT INTO broken VALUES (1); END;
CREATE TRIGGER no_advance AFTER INSERT ON sandbox_advance BEGIN INSERT INTO broken VALUES (1); END;
CREATE TRIGGER no_run AFTER UPDATE ON job BEGIN INSERT INTO broken VALUES (1); END;
CREATE TRIGGER no_end AFTER DELETE ON customer_session BEGIN INSERT INTO broken VALUES (1); END;
"""
POSTGRES = """
CREATE FUNCTION no_commit() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full'; END $$;
CREATE CONSTRAINT TRIGGER no_commit AFTER INSERT ON event DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION no_commit();
CREATE CONSTRAINT TRIGGER no_commit AFTER INSERT OR UPDATE ON webhook_delivery DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION no_commit();
CREATE CONSTRAINT TRIGGER no_commit AFTER INSERT OR DELETE ON fault DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION no_commit();
CREATE CONSTRAINT TRIGGER no_commit AFTER UPDATE ON world DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION no_commit();
CREATE CONSTRAINT TRIGGER no_commit AFTER INSERT ON sandbox_advance DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION no_commit();
CREATE CONSTRAINT TRIGGER no_commit AFTER UPDATE ON job DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION no_commit();
CREATE CONSTRAINT TRIGGER no_commit AFTER INSERT OR DELETE ON customer_session DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION no_commit();
"""
FAULTS = ("fault", "mercy", "time", "advance")
HEAL_SQLITE = "".join(
    f"DROP TRIGGER no_{what};" for what in ("commit", "begin", "end", "send", "replay", "run", *FAULTS)
)
BROKEN = ("event", "customer_session", "webhook_delivery", "job", "fault", "world", "sandbox_advance")
HEAL_POSTGRES = "".join(f"DROP TRIGGER no_commit ON {on};" for on in BROKEN)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """A database of each test's own: it will be broken."""
    return make_settings(database_url, tmp_path, worker=False)  # no commit but those of requests


async def execute(settings: Settings, script: str) -> None:
    url = settings.database
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=5)
        connection.executescript(script)
        connection.close()
        return
    owner = await asyncpg.connect(url)
    await owner.execute(script)
    await owner.close()


async def writes(service: Service, api: Client) -> list[Write]:
    """One call of every operation that writes, each of which would succeed."""
    found: list[Write] = []
    for name, sample in SAMPLES.items():
        one, second = await sample.make(api), await sample.make(api)
        found.append(("POST", await sample.home(api), sample.full))
        found.append(("PATCH", sample.at(one), {"metadata": {"a": "b"}}))
        to = "accepted" if name == "case" else "active"
        found.append(("POST", f"{sample.at(second)}/transitions", {"to": to}))
        if name != "task":
            await sample.make(api, externalId="there")
            found += [
                ("PUT", f"{sample.path}/external/{own}", sample.full | {"externalId": own}) for own in ("new", "there")
            ]
    for path in ("customers", "offers"):
        found.append(("DELETE", f"/{path}/{(await SAMPLES[path[:-1]].make(api))['id']}", None))
    customer = f"/customers/{(await SAMPLES['customer'].make(api))['id']}"
    await api.made(f"{customer}/sessions", {})
    found += [("POST", f"{customer}/sessions", {}), ("DELETE", f"{customer}/sessions", None)]
    link = await api.made(f"{customer}/account-links", {"email": "zoe@example.org"})
    found.append(("POST", f"{customer}/account-links", {"email": "zoe.jansen@example.org"}))
    found.append(("DELETE", f"{customer}/account-links/{link['id']}", None))
    keys = [await api.made("/api-keys", {"name": "A", "scopes": ["cases:read"]}) for _ in range(3)]
    found.append(("POST", "/api-keys", {"name": "A", "scopes": ["cases:read"]}))
    found.append(("DELETE", f"/api-keys/{keys[0]['id']}", None))
    found.append(("POST", f"/api-keys/{keys[1]['id']}/rotations", {}))
    found.append(("POST", "/api-keys/leaked", {"key": keys[2]["key"]}))
    found.append(("POST", "/events", {"type": "x.org_operator.a", "subject": "a", "data": {}}))
    found.append(("POST", f"/jobs/{await dead_job(service.db)}/replays", None))
    found += await writes_of_webhooks(api) + await writes_of_sandboxes(api) + await writes_of_copies(api)
    return found + await writes_of_parties(api) + await writes_of_people(service, api)


async def writes_of_webhooks(api: Client) -> list[Write]:
    """The same for endpoints and what is sent to them, which is nothing: no host has such a name (RFC 6761).

    Deliveries and the health of endpoints have no event.
    """
    hook = {"url": "https://receiver.invalid/"}
    at = [f"/webhook-endpoints/{(await api.made('/webhook-endpoints', hook))['id']}" for _ in range(2)]
    always = {"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}

    async def sent() -> str | None:
        await api.post(f"{at[0]}/replays", json=always)
        return next(iter(await api.ids(f"{at[0]}/deliveries")), None)

    delivery = await eventually(sent)
    return [
        ("POST", "/webhook-endpoints", hook),
        ("PATCH", at[0], {"types": ["x.*"]}),
        ("POST", f"{at[1]}/transitions", {"to": "paused"}),
        ("POST", f"{at[0]}/secrets", {}),
        ("POST", f"{at[0]}/test-deliveries", {}),
        ("POST", f"{at[0]}/replays", always),
        ("POST", f"/webhook-deliveries/{delivery}/resends", None),
        ("DELETE", at[1], None),
    ]


async def writes_of_parties(api: Client) -> list[Write]:
    """The same for organizations, applications and client secrets."""
    party = {"name": "A", "kind": "partner"}
    organizations = [f"/organizations/{(await api.made('/organizations', party))['id']}" for _ in range(2)]
    await api.moved(organizations[0], "approved")
    program = {"name": "A", "scopes": ["cases:read"], "organizationId": organizations[0].rpartition("/")[2]}
    applications = [f"/applications/{(await api.made('/applications', program))['id']}" for _ in range(2)]
    secret = await api.made(f"{applications[0]}/secrets", {"environment": "test"})
    return [
        ("POST", "/organizations", party),
        ("PATCH", organizations[1], {"name": "B"}),
        ("POST", f"{organizations[1]}/transitions", {"to": "approved"}),
        ("POST", "/applications", program),
        ("PATCH", applications[0], {"name": "B"}),
        ("POST", f"{applications[1]}/transitions", {"to": "live", "scopes": ["cases:read"]}),
        ("POST", f"{applications[0]}/secrets", {"environment": "live"}),
        ("DELETE", f"{applications[0]}/secrets/{secret['id']}", None),
    ]


async def send(api: Client, write: Write, key: str | None = None) -> httpx.Response:
    method, path, body = write
    headers = {"If-Match": "*"} if method in {"PATCH", "DELETE"} else {}
    if key:
        headers["Idempotency-Key"] = key
    if isinstance(body, bytes):
        return await api.request(method, path, content=body, headers=headers | {"Content-Type": "application/jsonl"})
    return await api.request(method, path, json=body, headers=headers)


async def state(api: Client) -> list[Any]:
    """Everything that can be read."""
    return [(await api.read(path, limit=200))["items"] for path in ("/customers", "/cases", "/tasks", "/offers")] + [
        {key["id"]: key["expiresAt"] for key in (await api.read("/api-keys", limit=200))["items"]}
    ]


async def test_a_write_whose_commit_fails_is_never_told_as_done(
    service: Service, api: Client, settings: Settings
) -> None:
    calls = await writes(service, api)
    before = await state(api)
    await execute(settings, SQLITE if settings.database.startswith("sqlite") else POSTGRES)
    for keyed in (False, True):
        for n, write in enumerate(calls):
            answer = await send(api, write, f"key-{n}" if keyed else None)
            assert answer.status_code == 503, f"{write}: {answer.status_code} {answer.text}"
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json()["code"] == "unavailable"
            assert int(answer.headers["Retry-After"]) >= 1
    assert await state(api) == before
    await execute(settings, HEAL_SQLITE if settings.database.startswith("sqlite") else HEAL_POSTGRES)
    for n, write in enumerate(calls):
        answer = await send(api, write, f"key-{n}" if write[0] == "POST" else None)
        assert answer.is_success, f"{write}: {answer.status_code} {answer.text}"


async def test_of_writers_that_share_a_commit_all_are_told_that_it_failed(api: Client, settings: Settings) -> None:
    await execute(settings, SQLITE if settings.database.startswith("sqlite") else POSTGRES)
    answers = await asyncio.gather(*(api.post("/offers", json={"title": str(n)}) for n in range(20)))
    assert {answer.status_code for answer in answers} == {503}
    assert await api.ids("/offers") == []


async def test_the_commit_comes_before_the_first_byte_of_the_answer(
    service: Service, api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = await writes(service, api)
    story: list[str] = []
    asked = ContextVar("asked", default=False)  # others commit, too: whoever numbers events, whoever counts usage
    monkeypatch.setattr(Pulse, "ring", lambda _, *topics: story.append(topics[0]) if asked.get() else None)
    transport: Any = api._transport
    inner = transport.app

    async def told(scope: Any, receive: Any, send_on: Any) -> None:
        async def noted(message: Any) -> None:
            story.append(message["type"])
            await send_on(message)

        asked.set(True)
        await inner(scope, receive, noted)
        asked.set(False)

    transport.app = told
    for write in calls:
        story.clear()
        assert (await send(api, write)).is_success
        last = story.count("commit") - 1  # of a file it takes several
        assert story[last:] == ["commit", "http.response.start", "http.response.body"], write


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_every_operation_that_writes_is_tried(service: Service, api: Client) -> None:
    from tests.api.test_http import PATHS, concrete  # noqa: PLC0415  # the description's own list

    def shape(path: str) -> str:
        return "/".join("x" if "_" in part[1:] or part in {"new", "there"} else part for part in path.split("/"))

    described = {(method.upper(), concrete(path)) for path, methods in PATHS.items() for method in methods - {"get"}}
    assert {(method, shape(path)) for method, path, _ in await writes(service, api)} == described
