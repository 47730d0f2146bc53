"""Webhook endpoints as a resource, and their secrets."""

import asyncio
import json
from base64 import b64decode
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import bindparam, select

from engage_api.core import clock
from engage_api.db.sql import Query
from engage_api.events.webhooks import secrets
from engage_api.events.webhooks.models import WebhookCursorRow
from engage_api.events.webhooks.secret_models import WebhookSecretSealRow
from tests.api.harness import Client, Service, eventually, places, refused
from tests.running import Application

AT = "/webhook-endpoints"
URL = "https://hooks.example.org/engage"
FULL: dict[str, Any] = {
    "externalId": "board:1",
    "url": f"{URL}?board=1",
    "types": ["engage.case.*", "engage.offer.active.v1"],
    "subject": "cas_1",
    "description": "Planning board",
    "ordered": True,
    "signing": "ed25519",
    "apiVersion": "v1",
    "metadata": {"team": "north"},
}
_seal = WebhookSecretSealRow.__table__  # type: ignore[attr-defined]
_cursor = WebhookCursorRow.__table__  # type: ignore[attr-defined]
CURSOR = Query(select(_cursor.c.sequence).where(_cursor.c.workspace_id == bindparam("workspace")))
SEALS = Query(select(_seal.c.sealed).where(_seal.c.secret_id == bindparam("id")))


async def test_what_was_said_is_kept_and_the_secret_is_shown_once(service: Service, api: Client) -> None:
    made = await api.made(AT, {"url": URL})
    shown = made.pop("secret")
    assert shown.startswith("whsec_")
    assert len(b64decode(shown.removeprefix("whsec_"), validate=True)) == 32
    least: dict[str, Any] = {
        "externalId": None,
        "url": URL,
        "types": ["*"],
        "subject": None,
        "description": None,
        "ordered": False,
    }
    least |= {"signing": "hmac", "apiVersion": "v1", "metadata": {}, "state": "enabled", "stateReason": None}
    assert least.items() <= made.items()
    assert made["applicationId"] == service.world.operator.id
    assert await api.read(f"{AT}/{made['id']}") == made
    full = await api.made(AT, FULL)
    assert FULL.items() <= full.items()
    assert full["secret"].startswith("whpk_")
    assert await api.ids(AT, search="planning", state="enabled", externalId="board:1", metadataKey="team") == [
        full["id"]
    ]
    assert shown not in (await api.get("/events", params={"limit": 200})).text


async def test_a_secret_is_kept_encrypted_and_opens_with_the_key_of_the_service_alone(
    service: Service, api: Client
) -> None:
    made = await api.made(AT, {"url": URL})
    [secret] = (await api.read(f"{AT}/{made['id']}/secrets"))["items"]
    [row] = await service.db.system.fetch(SEALS, None, id=secret["id"])
    raw = b64decode(made["secret"].removeprefix("whsec_"))
    assert raw not in row.sealed
    workspace, box = service.world.operator.workspace, service.services.webhooks.box
    assert [key.value for key in await secrets.keys(service.db, box, workspace, made["id"])] == [raw]
    assert await secrets.keys(service.db, secrets.Box(bytes(32)), workspace, made["id"]) == []


async def test_a_new_secret_takes_the_place_of_the_present_one_after_the_overlap(service: Service, api: Client) -> None:
    endpoint = await api.made(AT, {"url": URL})
    at, workspace = f"{AT}/{endpoint['id']}/secrets", service.world.operator.workspace
    box = service.services.webhooks.box

    async def valid() -> int:
        return len(await secrets.keys(service.db, box, workspace, endpoint["id"]))

    first = (await api.read(at))["items"][0]
    made = await api.made(at, {"overlap": "PT1H"})
    assert made.pop("secret").endswith(made["hint"][-4:])
    listed = (await api.read(at))["items"]
    assert listed[0] == made
    assert [one["id"] for one in listed] == [made["id"], first["id"]]
    ends = clock.host() + timedelta(hours=1)
    assert abs((ends - datetime.fromisoformat(listed[1]["expiresAt"])).total_seconds()) < 60
    assert await valid() == 2
    await api.made(at, {})
    assert first["id"] not in await api.ids(at), "two at most sign: the oldest has ended"
    assert await valid() == 2
    await api.made(at, {"overlap": "PT0H"})
    assert await valid() == 1
    refused(await api.post(at, json={"overlap": "P31D"}), 400, "invalid-request")


async def test_many_rotations_at_once_leave_two_secrets(api: Client) -> None:
    endpoint = await api.made(AT, {"url": URL})
    at = f"{AT}/{endpoint['id']}/secrets"
    answers = await asyncio.gather(*(api.post(at, json={}) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    listed = (await api.read(at))["items"]
    assert len(listed) == 2
    assert [one["expiresAt"] is None for one in listed] == [True, False]


async def test_a_patch_changes_what_it_names(api: Client) -> None:
    made = await api.made(AT, FULL)
    at = f"{AT}/{made['id']}"
    changed = await api.change(at, {"types": ["*"], "subject": None, "ordered": False, "metadata": {"team": None}})
    assert changed.json()["types"] == ["*"]
    assert changed.json()["metadata"] == {}
    refused(await api.patch(at, json={"ordered": True}), 428, "precondition-required")
    patches: list[dict[str, Any]] = [
        {"signing": "hmac"},
        {"state": "disabled"},
        {"types": []},
        {"url": None},
        {"types": ["engage*"]},
    ]
    for patch in patches:
        refused(await api.change(at, patch), 400, "invalid-request")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://hooks.example.org/",
        "https://user@hooks.example.org/",
        "https://hooks.example.org/#x",
        "https://hooks.example.org:22/",
        "https://2130706433/",
        "https://hooks.example.org\\@evil.example/",
        "hooks.example.org",
        "",
    ],
)
async def test_a_url_that_nothing_would_be_sent_to_is_refused_with_the_reason(api: Client, url: str) -> None:
    assert places(refused(await api.post(AT, json={"url": url}), 400, "invalid-request")) == {"/url"}
    at = f"{AT}/{(await api.made(AT, {'url': URL}))['id']}"
    assert places(refused(await api.change(at, {"url": url}), 400, "invalid-request")) == {"/url"}


async def test_pause_and_enable(api: Client) -> None:
    at = f"{AT}/{(await api.made(AT, {'url': URL}))['id']}"
    refused(await api.post(f"{at}/transitions", json={"to": "enabled"}), 409, "invalid-transition")
    assert (await api.moved(at, "paused"))["state"] == "paused"
    told = refused(await api.post(f"{at}/transitions", json={"to": "paused"}), 409, "invalid-transition")
    assert told["allowed"] == ["enabled"]
    assert (await api.moved(at, "enabled"))["state"] == "enabled"
    refused(await api.post(f"{at}/transitions", json={"to": "disabled"}), 400, "invalid-request")
    types = [event["type"] for event in await api.events(3, subject=at.rpartition("/")[2])]
    assert types == [f"engage.webhook-endpoint.{what}.v1" for what in ("created", "paused", "enabled")]


async def test_it_is_deleted_with_its_secrets(api: Client) -> None:
    made = await api.made(AT, {"url": URL})
    at = f"{AT}/{made['id']}"
    [secret] = (await api.read(f"{at}/secrets"))["items"]
    refused(await api.delete(at), 428, "precondition-required")
    assert (await api.delete(at, headers={"If-Match": "*"})).status_code == 204
    refused(await api.get(at), 404, "not-found")
    refused(await api.get(f"{at}/secrets"), 404, "not-found")
    told = [event["type"] for event in await api.events(2, subject=secret["id"])]
    assert told[-1] == "engage.webhook-secret.deleted.v1"


async def test_what_others_have_does_not_exist(api: Client, partner: Client, other: Client) -> None:
    made = await api.made(AT, {"url": URL})
    at = f"{AT}/{made['id']}"
    for caller in (partner, other):
        for path in (at, f"{at}/secrets", f"{at}/deliveries"):
            refused(await caller.get(path), 404, "not-found")
        span = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
        bodies: dict[str, Any] = {
            "secrets": {},
            "test-deliveries": {},
            "replays": span,
            "transitions": {"to": "paused"},
        }
        for path, body in bodies.items():
            refused(await caller.post(f"{at}/{path}", json=body), 404, "not-found")
        refused(await caller.delete(at, headers={"If-Match": "*"}), 404, "not-found")
        assert await caller.ids(AT) == []
    own = await partner.made(AT, {"url": URL, "externalId": "one"})
    await api.made(f"{AT}/{own['id']}/secrets", {})
    await api.made(AT, {"url": URL, "externalId": "one"})
    refused(await partner.post(AT, json={"url": URL, "externalId": "one"}), 409, "already-exists")
    assert await partner.ids(AT) == [own["id"]]
    assert own["id"] in await api.ids(AT)


async def test_a_neighbour_in_a_sandbox_may_pause_it_and_is_not_shown_a_secret(service: Service, other: Client) -> None:
    made = await other.made(AT, {"url": URL})
    at = f"{AT}/{made['id']}"
    neighbour = await service.caller(who=Application(service.world.partner.id, service.world.developer.workspace))
    refused(await neighbour.post(f"{at}/secrets", json={}), 403, "endpoint-of-another")
    assert (await neighbour.moved(at, "paused"))["state"] == "paused"


async def test_a_log_that_nobody_wants_is_looked_at_no_more(service: Service, api: Client) -> None:
    workspace = service.world.operator.workspace

    async def cursor() -> Any:
        return await service.db.system.one(CURSOR, None, workspace=workspace)

    async def gone() -> bool | None:
        return True if await cursor() is None else None

    made = await api.made(AT, {"url": URL})
    assert await cursor() is not None
    await api.delete(f"{AT}/{made['id']}", headers={"If-Match": "*"})
    await eventually(gone)
    await api.made(AT, {"url": URL})
    assert await cursor() is not None


async def test_who_may_not_see_events_is_sent_none(service: Service) -> None:
    blind = await service.caller("webhooks:read webhooks:write")
    told = refused(await blind.post(AT, json={"url": URL}), 403, "insufficient-scope")
    assert told["requiredScope"] == "events:read"
    seeing = await service.caller("webhooks:write events:read")
    at = f"{AT}/{(await seeing.made(AT, {'url': URL}))['id']}"
    tag = (await blind.get(at)).headers["ETag"]
    refused(await blind.change(at, {"types": ["engage.case.*"]}, tag), 403, "insufficient-scope")


async def test_twenty_at_most_however_many_ask(api: Client) -> None:
    answers = await asyncio.gather(*(api.post(AT, json={"url": URL}) for _ in range(24)))
    assert sorted(answer.status_code for answer in answers) == [201] * 20 + [409] * 4
    refused(next(answer for answer in answers if answer.status_code == 409), 409, "too-many-endpoints")


async def test_the_same_request_twice_makes_one_and_shows_the_same_secret(api: Client) -> None:
    first, again = [await api.post(AT, json={"url": URL}, headers={"Idempotency-Key": "one"}) for _ in range(2)]
    assert first.json() == again.json()
    assert json.loads(first.text)["secret"]
    assert len(await api.ids(AT)) == 1
