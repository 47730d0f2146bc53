"""Applications: made in an organization, and let into the live workspace by an operator."""

from typing import Any

from tests.api.harness import Client, Service, parties, refused, works

SCOPES = ["cases:read", "customers:read"]
PLAIN: dict[str, Any] = {"name": "Permit assistant", "scopes": SCOPES}


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
    assert (await api.moved(at, "live", scopes=SCOPES))["grantedScopes"] == SCOPES
    assert (await api.moved(at, "live", scopes=SCOPES[:1] * 3))["grantedScopes"] == SCOPES[:1]
    body = {"to": "live", "scopes": ["offers:read", *SCOPES]}
    told = refused(await api.post(f"{at}/transitions", json=body), 400, "invalid-request")
    assert [(fault["code"], fault["pointer"]) for fault in told["errors"]] == [("not-asked", "/scopes/0")]


async def test_what_is_granted_is_named(api: Client) -> None:
    """What it asks for may have changed since the operator looked."""
    at = await application(api)
    told = refused(await api.post(f"{at}/transitions", json={"to": "live"}), 400, "invalid-request")
    assert [(fault["code"], fault["pointer"]) for fault in told["errors"]] == [("missing", "/scopes")]
    body = {"to": "revoked", "scopes": SCOPES}
    told = refused(await api.post(f"{at}/transitions", json=body), 400, "invalid-request")
    assert [(fault["code"], fault["pointer"]) for fault in told["errors"]] == [("not-applicable", "/scopes")]


async def test_only_internal_organizations_administer(api: Client) -> None:
    asked = [*SCOPES, "admin:organizations"]
    body = {"to": "live", "scopes": asked}
    at = await application(api, scopes=asked)
    told = refused(await api.post(f"{at}/transitions", json=body), 400, "invalid-request")
    assert [(fault["code"], fault["pointer"]) for fault in told["errors"]] == [("internal-only", "/scopes/2")]
    inner = await api.made("/organizations", {"name": "IT", "kind": "internal"})
    await api.moved(f"/organizations/{inner['id']}", "approved")
    at = await application(api, scopes=asked, organizationId=inner["id"])
    assert (await api.moved(at, "live", scopes=asked))["grantedScopes"] == asked


async def test_the_operators_own_stays_as_it_is(service: Service) -> None:
    api, _ = await parties(service)
    for path, to in (("organizations/org_operator", "suspended"), ("applications/app_operator", "revoked")):
        refused(await api.post(f"/{path}/transitions", json={"to": to}), 409, "operators-own")
    for environment in ("test", "live"):
        body = {"environment": environment}
        refused(await api.post("/applications/app_operator/secrets", json=body), 409, "operators-own")
    assert await works(service, api.key)


async def test_another_partys_external_id_says_nothing(service: Service) -> None:
    api, partner = await parties(service)
    body = PLAIN | {"externalId": f"own:{service.world.partner.id}"}
    await application(api, externalId=body["externalId"])
    await partner.made("/applications", body)
    refused(await partner.post("/applications", json=body), 409, "already-exists")


async def test_nobody_grants_what_they_have_not(service: Service, api: Client) -> None:
    at = await application(api)
    few = await service.caller("admin:applications cases:read")
    told = refused(
        await few.post(f"{at}/transitions", json={"to": "live", "scopes": SCOPES}), 403, "insufficient-scope"
    )
    assert told["requiredScope"] == "customers:read"
    granted = await few.post(f"{at}/transitions", json={"to": "live", "scopes": ["cases:read"]})
    assert granted.json()["grantedScopes"] == ["cases:read"]


async def test_what_is_not_there_goes_nowhere(api: Client) -> None:
    for path, to in (("organizations/org_none", "suspended"), ("applications/app_none", "revoked")):
        refused(await api.post(f"/{path}/transitions", json={"to": to}), 404, "not-found")


async def test_its_organization_is_approved_first(api: Client) -> None:
    owner = await organization(api, "pending")
    at = await application(api, organizationId=owner)
    refused(
        await api.post(f"{at}/transitions", json={"to": "live", "scopes": SCOPES}), 409, "organization-not-approved"
    )
    await api.moved(f"/organizations/{owner}", "approved")
    assert (await api.moved(at, "live", scopes=SCOPES))["state"] == "live"


async def test_what_it_no_longer_asks_for_is_no_longer_granted(api: Client) -> None:
    at = await application(api)
    await api.moved(at, "live", scopes=SCOPES)
    changed = (await api.change(at, {"scopes": ["customers:read", "offers:read"]})).json()
    assert (changed["scopes"], changed["grantedScopes"]) == (["customers:read", "offers:read"], ["customers:read"])


async def test_a_revoked_one_is_history(api: Client) -> None:
    at = await application(api)
    await api.moved(at, "live", scopes=SCOPES)
    revoked = await api.moved(at, "revoked")
    assert (revoked["state"], revoked["grantedScopes"]) == ("revoked", [])
    refused(await api.change(at, {"name": "x"}), 409, "application-revoked")
    refused(await api.post(f"{at}/secrets", json={"environment": "test"}), 409, "application-revoked")
    told = refused(
        await api.post(f"{at}/transitions", json={"to": "live", "scopes": SCOPES}), 409, "invalid-transition"
    )
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
    await api.moved(at, "live", scopes=["cases:read", "offers:read"])
    assert (await partner.get("/offers")).status_code == 200
