"""The client credentials grant: what a token is, where it is good, and what it may do."""

import re

import pytest

from engage_api.access import operator
from engage_api.access.sandboxes import making
from tests.oauth import parties
from tests.oauth.parties import FORM, GRANT, SCOPES, TOKEN, Credential, Party, introspected, made, post, token
from tests.running import BASE_URL, Answer, Service

EVERYTHING = f"{BASE_URL}/v1"
FORMS = ("header", "body", "both ids")


async def granted(service: Service, who: Credential, form: str, **more: str) -> Answer:
    """By each way in which a client may show itself."""
    asked = {"grant_type": GRANT, **more}
    if form == "body":
        return await post(service, TOKEN, asked | {"client_id": who.id, "client_secret": who.secret})
    return await post(service, TOKEN, asked | ({"client_id": who.id} if form == "both ids" else {}), who)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("environment", ["test", "live"])
async def test_a_token_is_answered_as_the_rfc_has_it(
    service: Service, ours: Party, environment: str, form: str
) -> None:
    answer = await granted(service, getattr(ours, environment), form)
    assert answer.status == 200, answer.body
    assert answer.header("content-type") == "application/json"
    assert (answer.header("cache-control"), answer.header("pragma")) == ("no-store", "no-cache")
    assert answer.json.keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert re.fullmatch(rf"eng_{environment}_token_[0-9A-Za-z]{{36}}", answer.json["access_token"])
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 3600)
    assert set(answer.json["scope"].split(" ")) == set(SCOPES)


async def test_curl_writes_the_header_in_plain(service: Service, ours: Party) -> None:
    """Our ids and secrets are the same with and without escapes."""
    plain = ("Authorization", "bAsIc " + parties.plain(ours.test))
    answer = await post(service, TOKEN, {"grant_type": GRANT}, None, plain)
    assert answer.status == 200, answer.body


@pytest.mark.parametrize(
    "kind",
    [FORM[1], f"{FORM[1]};charset=UTF-8", f'{FORM[1].upper()} ; charset="utf-8"'],
)
async def test_a_form_may_say_that_it_is_utf8(service: Service, ours: Party, kind: str) -> None:
    headers = [ours.test.basic, ("Content-Type", kind)]
    body = f"grant_type={GRANT}&&unknown=%C3%A9&scope=&resource".encode()
    assert (await service.ask("POST", TOKEN, body, headers=headers)).status == 200


# ── what it may do ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_token_does_what_its_scopes_say(service: Service, ours: Party) -> None:
    key = await token(service, ours.test, scope="customers:read")
    assert (await service.ask("GET", "/v1/customers", key=key)).status == 200
    refused = await service.ask("POST", "/v1/customers", {"kind": "person", "displayName": "Ada"}, key=key)
    assert (refused.status, refused.json["requiredScope"]) == (403, "customers:write")
    assert 'scope="customers:write"' in (refused.header("www-authenticate") or "")


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("cases:read", "cases:read"),
        ("cases:read customers:read", "customers:read cases:read"),
        ("cases:read cases:read", "cases:read"),
    ],
)
async def test_a_token_has_the_scopes_that_are_asked_for(service: Service, ours: Party, asked: str, given: str) -> None:
    answer = await post(service, TOKEN, {"grant_type": GRANT, "scope": asked}, ours.live)
    assert answer.json["scope"] == given


async def test_the_live_client_has_what_was_granted(service: Service, ours: Party) -> None:
    await parties.moved(service, ours.operator, f"/applications/{ours.application}", "live", scopes=["cases:read"])
    for who, scopes in ((ours.live, "cases:read"), (ours.test, " ".join(SCOPES))):
        assert (await post(service, TOKEN, {"grant_type": GRANT}, who)).json["scope"] == scopes
    wider = await post(service, TOKEN, {"grant_type": GRANT, "scope": "customers:read"}, ours.live)
    assert (wider.status, wider.json["error"]) == (400, "invalid_scope")


async def test_no_operators_scope_gets_into_a_sandbox(service: Service) -> None:
    operator = await parties.join(service, "Operator", "internal", scopes=("admin:organizations", "cases:read"))
    live = await post(service, TOKEN, {"grant_type": GRANT}, operator.live)
    assert set(live.json["scope"].split(" ")) == {"admin:organizations", "cases:read"}
    test = await post(service, TOKEN, {"grant_type": GRANT}, operator.test)
    assert test.json["scope"] == "cases:read"
    asked = await post(service, TOKEN, {"grant_type": GRANT, "scope": "admin:organizations"}, operator.test)
    assert (asked.status, asked.json["error"]) == (400, "invalid_scope")


async def test_an_application_with_operators_scopes_alone_gets_no_test_token(service: Service) -> None:
    operator = await parties.join(service, "Operator", "internal", scopes=("admin:organizations",))
    answer = await post(service, TOKEN, {"grant_type": GRANT}, operator.test)
    assert (answer.status, answer.json["error"]) == (400, "invalid_scope")


# ── where it is good ─────────────────────────────────────────────────────────────────────────────────────────────────


async def seen(service: Service, key: str) -> list[str]:
    """The names of the customers that a credential sees."""
    answer = await service.ask("GET", "/v1/customers", key=key)
    assert answer.status == 200, answer.body
    return [customer["displayName"] for customer in answer.json["items"]]


async def test_each_token_is_good_in_one_workspace(service: Service, ours: Party, theirs: Party) -> None:
    maker = await operator.principal(service.db, "live")
    async with service.db.write("live") as tx:
        second = (await making.make(tx, maker, making.New(ours.organization, "Second"))).model.id
    places = {
        "default": await token(service, ours.test),
        "second": await token(service, ours.test, resource=f"{EVERYTHING}/sandboxes/{second}"),
        "live": await token(service, ours.live),
        "theirs": await token(service, theirs.test),
    }
    for name, key in places.items():
        await made(service, key, "/customers", {"kind": "person", "displayName": name})
    again = {
        "default": await token(service, ours.test, resource=f"{EVERYTHING}/sandboxes/{ours.sandbox}"),
        "second": places["second"],
        "live": await token(service, ours.live, resource=EVERYTHING),
        "theirs": await token(service, theirs.test, resource=EVERYTHING),
    }
    assert {name: await seen(service, key) for name, key in again.items()} == {name: [name] for name in places}
    told = {
        name: (await introspected(service, ours.test, key))["aud"]
        for name, key in places.items()
        if name in ("default", "second")
    }
    assert told == {
        name: f"{EVERYTHING}/sandboxes/{place}" for name, place in (("default", ours.sandbox), ("second", second))
    }


async def test_a_token_is_limited_by_the_plan_of_its_organization(service: Service) -> None:
    key = await token(service, (await parties.join(service, plan="partner")).test)
    window = (await service.ask("GET", "/v1/customers", key=key)).header("ratelimit-policy")
    assert window == '"window";q=6000;w=60, "burst";q=300;w=1'


async def test_what_it_does_is_its_applications(service: Service, ours: Party) -> None:
    key = await token(service, ours.live)
    customer = await made(service, key, "/customers", {"kind": "person", "displayName": "Ada"})
    event = await service.db.system.one(parties.EVENT, None, subject=customer["id"])
    assert ours.application in event.actor


# ── secrets ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_several_secrets_are_good_at_a_time_until_they_are_deleted(service: Service, ours: Party) -> None:
    path = f"/applications/{ours.application}/secrets"
    second = await made(service, ours.operator, path, {"environment": "test"})
    for text in (ours.test.secret, second["secret"]):
        assert await token(service, Credential(ours.test.id, text))
    gone = await service.ask("DELETE", f"/v1{path}/{second['id']}", key=ours.operator)
    assert gone.status == 204
    assert await token(service, ours.test)
    refused = await post(service, TOKEN, {"grant_type": GRANT}, Credential(ours.test.id, second["secret"]))
    assert (refused.status, refused.json["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "given", ["{test.secret}", "{live.secret}", "{test.id}", "{token}0", "{cut}", "{other}", "{token} "]
)
async def test_what_is_no_token_opens_nothing(service: Service, ours: Party, given: str) -> None:
    """A client secret, half a token, a token of the other environment in name only (RFC 9700 section 4.6)."""
    key = await token(service, ours.test)
    other = key.replace("_test_", "_live_")
    shown = given.format(test=ours.test, live=ours.live, token=key, cut=key[:-1], other=other)
    answer = await service.ask("GET", "/v1/customers", key=shown)
    assert (answer.status, answer.code) == ((200, None) if shown.strip() == key else (401, "unauthenticated"))


async def test_figures_are_shown_to_a_token_of_the_operator(service: Service, ours: Party) -> None:
    operator = await parties.join(service, "Operator", "internal", scopes=("operations:read", "cases:read"))
    proxied = [("Via", "1.1 proxy")]
    for who, scope, status in (
        (operator.live, "operations:read", 200),
        (operator.live, "cases:read", 401),
        (operator.test, "operations:read", 401),
    ):
        key = await token(service, who, scope=scope)
        assert (await service.ask("GET", "/metrics", key=key, headers=proxied)).status == status
