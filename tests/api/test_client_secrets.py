"""Client secrets: shown once, kept as a fingerprint, five at most, and for who can do as much."""

import asyncio
import re
from typing import Any

import pytest
from sqlalchemy import bindparam, select

from engage_api.access.applications.secret_models import ClientSecretMarkRow
from engage_api.core import secret as secrets
from engage_api.core.secret import PATTERN, fingerprint
from engage_api.db.sql import Query
from tests.api.harness import Client, Service, refused
from tests.api.test_applications import application

_mark = ClientSecretMarkRow.__table__  # type: ignore[attr-defined]
MARKS = Query(select(_mark.c.fingerprint).where(_mark.c.secret_id == bindparam("id")))


async def test_a_secret_is_shown_once_and_kept_as_a_fingerprint(service: Service, api: Client) -> None:
    at = await application(api)
    for environment in ("test", "live"):
        made = await api.made(f"{at}/secrets", {"environment": environment})
        text = made.pop("secret")
        form = re.fullmatch(PATTERN, text)
        assert form is not None
        assert (form[1], form[2], secrets.kind(text)) == (environment, "secret", "secret")
        assert made["hint"] == f"eng_{environment}_secret_…{text[-4:]}"
        assert (await api.read(f"{at}/secrets", environment=environment))["items"] == [made]
        [row] = await service.db.system.fetch(MARKS, None, id=made["id"])
        assert row.fingerprint == fingerprint(service.services.pepper, text)
    secret = await api.made(f"{at}/secrets", {"environment": "test"})
    refused(await (await service.client(secret["secret"])).get("/cases"), 401, "unauthenticated")


async def test_a_live_secret_is_for_who_can_do_as_much(service: Service, api: Client) -> None:
    at = await application(api)
    few = await service.caller("applications:write cases:read")
    told = refused(await few.post(f"{at}/secrets", json={"environment": "live"}), 403, "insufficient-scope")
    assert told["requiredScope"] == "customers:read"
    await few.made(f"{at}/secrets", {"environment": "test"})
    enough = await service.caller("applications:write cases:read customers:read")
    await enough.made(f"{at}/secrets", {"environment": "live"})


async def test_the_same_request_twice_makes_one_secret(api: Client) -> None:
    at = await application(api)
    asked: dict[str, Any] = {"json": {"environment": "test"}, "headers": {"Idempotency-Key": "one"}}
    first, again = [await api.post(f"{at}/secrets", **asked) for _ in range(2)]
    assert first.status_code == 201
    assert first.json() == again.json()
    assert len(await api.ids(f"{at}/secrets")) == 1


async def test_five_at_most_in_each_environment_however_many_ask(api: Client) -> None:
    at = await application(api)
    asked = (api.post(f"{at}/secrets", json={"environment": "live"}) for _ in range(20))
    answers = await asyncio.gather(*asked)
    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [409] * 15
    refused(next(answer for answer in answers if answer.status_code == 409), 409, "too-many-secrets")
    await api.made(f"{at}/secrets", {"environment": "test"})
    gone = (await api.ids(f"{at}/secrets", environment="live"))[0]
    assert (await api.delete(f"{at}/secrets/{gone}")).status_code == 204
    await api.made(f"{at}/secrets", {"environment": "live"})


async def test_a_deleted_one_is_gone_with_its_fingerprint(service: Service, api: Client) -> None:
    at, elsewhere = await application(api), await application(api)
    made = await api.made(f"{at}/secrets", {"environment": "test"})
    refused(await api.delete(f"{elsewhere}/secrets/{made['id']}"), 404, "not-found")
    assert (await api.delete(f"{at}/secrets/{made['id']}")).status_code == 204
    refused(await api.delete(f"{at}/secrets/{made['id']}"), 404, "not-found")
    assert await service.db.system.fetch(MARKS, None, id=made["id"]) == []
    assert await api.ids(f"{at}/secrets") == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/environment"),
        ({"environment": "staging"}, "/environment"),
        ({"environment": "test", "expiresAt": "2020-01-01T00:00:00Z"}, "/expiresAt"),
        ({"environment": "test", "secret": "mine"}, "/secret"),
    ],
)
async def test_what_is_wrong_with_a_secret_is_told(api: Client, body: dict[str, Any], pointer: str) -> None:
    told = refused(await api.post(f"{await application(api)}/secrets", json=body), 400, "invalid-request")
    assert [fault["pointer"] for fault in told["errors"]] == [pointer]
