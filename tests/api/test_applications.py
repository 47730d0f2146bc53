"""Applications: made in an organization, let into the live workspace by an operator, and known by their secrets."""

import asyncio
import re
from typing import Any

import pytest
from sqlalchemy import bindparam, select

from engage_api.access.applications.models import ClientSecretMarkRow
from engage_api.core.secret import PATTERN, fingerprint, is_genuine
from engage_api.db.sql import Query
from tests.api.harness import Client, Service, parties, refused, works

SCOPES = ["cases:read", "customers:read"]
PLAIN: dict[str, Any] = {"name": "Permit assistant", "scopes": SCOPES}
_mark = ClientSecretMarkRow.__table__  # type: ignore[attr-defined]
MARKS = Query(select(_mark.c.fingerprint).where(_mark.c.secret_id == bindparam("id")))


async def organization(api: Client, state: str = "approved") -> str:
    made = await api.made("/organizations", {"name": "Bouwadvies", "kind": "partner"})
    if state != "pending":
        await api.moved(f"/organizations/{made['id']}", state)
    return str(made["id"])


async def application(api: Client, **more: Any) -> str:
    body = {**PLAIN, "organizationId": await organization(api), **more}
    return f"/applications/{(await api.made('/applications', body))['id']}"


async def test_a_new_one_works_in_sandboxes_only(api: Client) -> None:
    owner = await organization(api)
    made = await api.made("/applications", {**PLAIN, "organizationId": owner})
    told = {
        **PLAIN,
        "organizationId": owner,
        "state": "sandbox-only",
        "grantedScopes": [],
        "testClientId": f"{made['id']}.test",
        "liveClientId": f"{made['id']}.live",
    }
    assert {name: made[name] for name in told} == told
    assert await api.read(f"/applications/{made['id']}") == made
    assert await api.ids("/applications", organizationId=owner, state="sandbox-only", search="assist") == [made["id"]]


async def test_a_partner_makes_and_sees_those_of_its_organization(service: Service) -> None:
    api, partner = await parties(service)
    foreign = await application(api)
    made = await partner.made("/applications", PLAIN)
    assert made["organizationId"] == f"org_{service.world.partner.id}"
    assert set(await partner.ids("/applications")) == {made["id"], service.world.partner.id}
    for path in (foreign, f"{foreign}/secrets"):
        refused(await partner.get(path), 404, "not-found")
    refused(await partner.change(foreign, {"name": "x"}, '"x"'), 404, "not-found")
    refused(await partner.post(f"{foreign}/secrets", json={"environment": "test"}), 404, "not-found")
    body = PLAIN | {"organizationId": await organization(api)}
    told = refused(await partner.post("/applications", json=body), 400, "unknown-reference")
    assert [fault["pointer"] for fault in told["errors"]] == ["/organizationId"]


async def test_a_sandbox_has_none(other: Client) -> None:
    assert await other.ids("/applications") == []
    refused(await other.post("/applications", json=PLAIN), 403, "needs-live")


# ── states ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_operator_grants_what_it_asks_for_or_less(api: Client) -> None:
    at = await application(api)
    assert (await api.moved(at, "live"))["grantedScopes"] == SCOPES
    less = await api.post(f"{at}/transitions", json={"to": "live", "scopes": SCOPES[:1]})
    assert (less.status_code, less.json()["grantedScopes"]) == (200, SCOPES[:1])
    body = {"to": "live", "scopes": ["offers:read", *SCOPES]}
    told = refused(await api.post(f"{at}/transitions", json=body), 400, "invalid-request")
    assert [fault["pointer"] for fault in told["errors"]] == ["/scopes/0"]


async def test_nobody_grants_what_they_have_not(service: Service, api: Client) -> None:
    at = await application(api)
    few = await service.caller("admin:applications cases:read")
    told = refused(await few.post(f"{at}/transitions", json={"to": "live"}), 403, "insufficient-scope")
    assert told["requiredScope"] == "customers:read"
    granted = await few.post(f"{at}/transitions", json={"to": "live", "scopes": ["cases:read"]})
    assert granted.json()["grantedScopes"] == ["cases:read"]


async def test_what_is_not_there_goes_nowhere(api: Client) -> None:
    for path, to in (("organizations/org_none", "suspended"), ("applications/app_none", "revoked")):
        refused(await api.post(f"/{path}/transitions", json={"to": to}), 404, "not-found")


async def test_its_organization_is_approved_first(api: Client) -> None:
    owner = await organization(api, "pending")
    at = await application(api, organizationId=owner)
    refused(await api.post(f"{at}/transitions", json={"to": "live"}), 409, "organization-not-approved")
    await api.moved(f"/organizations/{owner}", "approved")
    assert (await api.moved(at, "live"))["state"] == "live"


async def test_what_it_no_longer_asks_for_is_no_longer_granted(api: Client) -> None:
    at = await application(api)
    await api.moved(at, "live")
    changed = (await api.change(at, {"scopes": ["customers:read", "offers:read"]})).json()
    assert (changed["scopes"], changed["grantedScopes"]) == (["customers:read", "offers:read"], ["customers:read"])


async def test_a_revoked_one_is_history(api: Client) -> None:
    at = await application(api)
    await api.moved(at, "live")
    revoked = await api.moved(at, "revoked")
    assert (revoked["state"], revoked["grantedScopes"]) == ("revoked", [])
    refused(await api.change(at, {"name": "x"}), 409, "application-revoked")
    refused(await api.post(f"{at}/secrets", json={"environment": "test"}), 409, "application-revoked")
    told = refused(await api.post(f"{at}/transitions", json={"to": "live"}), 409, "invalid-transition")
    assert told["allowed"] == []
    events = await api.events(3, subject=at.rpartition("/")[2])
    assert [event["type"] for event in events] == [
        f"engage.application.{happened}.v1" for happened in ("created", "live", "revoked")
    ]


async def test_its_keys_end_with_the_next_request(service: Service) -> None:
    api, partner = await parties(service)
    assert await works(service, partner.key)
    await api.moved(f"/applications/{service.world.partner.id}", "revoked")
    refused(await partner.get("/cases"), 401, "unauthenticated")


async def test_its_keys_can_do_what_it_is_granted_and_no_more(service: Service) -> None:
    api, partner = await parties(service)
    at = f"/applications/{service.world.partner.id}"
    assert (await partner.get("/offers")).status_code == 200
    granted = await api.post(f"{at}/transitions", json={"to": "live", "scopes": ["cases:read"]})
    assert granted.status_code == 200
    assert await works(service, partner.key)
    told = refused(await partner.get("/offers"), 403, "insufficient-scope")
    assert told["requiredScope"] == "offers:read"
    await api.moved(at, "live")
    assert (await partner.get("/offers")).status_code == 200


# ── client secrets ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_secret_is_shown_once_and_kept_as_a_fingerprint(service: Service, api: Client) -> None:
    at = await application(api)
    for environment in ("test", "live"):
        made = await api.made(f"{at}/secrets", {"environment": environment})
        text = made.pop("secret")
        form = re.fullmatch(PATTERN, text)
        assert form is not None
        assert (form[1], form[2], is_genuine(text)) == (environment, "secret", True)
        assert made["hint"] == f"eng_{environment}_secret_…{text[-4:]}"
        assert (await api.read(f"{at}/secrets", environment=environment))["items"] == [made]
        [row] = await service.db.system.fetch(MARKS, None, id=made["id"])
        assert row.fingerprint == fingerprint(service.services.pepper, text)
    secret = await api.made(f"{at}/secrets", {"environment": "test"})
    refused(await (await service.client(secret["secret"])).get("/cases"), 401, "unauthenticated")


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
