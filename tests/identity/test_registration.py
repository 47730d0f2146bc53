"""Programs that make a client for themselves, in sandboxes only."""

from typing import Any

import pytest

from engage_api.access.worlds import NeedsLive
from engage_api.core.problem import TooManyRequests
from tests.accounts.browsing import Town
from tests.members.people import Person
from tests.oauth import parties, programs
from tests.oauth.conftest import ada
from tests.oauth.parties import Credential
from tests.oauth.programs import BACK, Program
from tests.running import Answer, Application

__all__ = ["ada"]
REGISTER = "/oauth/register"
WISH = {"client_name": "A bench", "redirect_uris": [BACK], "scope": "customers:read"}
URI, DATA = "invalid_redirect_uri", "invalid_client_metadata"
BAD: list[tuple[Any, str]] = [
    (WISH | {"redirect_uris": [address]}, URI)
    for address in (
        "http://app.example.org/",
        "https://app.example.org/#x",
        "https://user@app.example.org/",
        "https://*.example.org/",
        "javascript:alert(1)",
        "/signed-in",
        "https://app.example.org/" + "x" * 600,
        7,
    )
]
BAD += [
    (WISH | {"redirect_uris": []}, URI),
    (WISH | {"redirect_uris": [BACK] * 21}, URI),
    (WISH | {"redirect_uris": BACK}, URI),
    (WISH | {"grant_types": ["password"]}, DATA),
    (WISH | {"grant_types": ["client_credentials"], "token_endpoint_auth_method": "none"}, DATA),
    (WISH | {"response_types": ["token"]}, DATA),
    (WISH | {"token_endpoint_auth_method": "private_key_jwt"}, DATA),
    (WISH | {"scope": "customers:write"}, DATA),  # which the key has not
    (WISH | {"scope": "everything"}, DATA),
    (WISH | {"scope": "admin:organizations"}, DATA),
    (WISH | {"scope": ""}, DATA),
    (WISH | {"client_name": ""}, DATA),
    (WISH | {"client_name": "x" * 300}, DATA),
    (WISH | {"client_name": {"a": 1}}, DATA),
    ([WISH], DATA),
    (b"{", DATA),
    (b'{"client_name": "a", "client_name": "b"}', DATA),
    (b'{"client_name": NaN}', DATA),
    (b'"' + b"x" * 20_000 + b'"', DATA),
]
"""Metadata that no client can be made of, and the error for it."""


@pytest.fixture
async def program(town: Town) -> Program:
    """One that may register others."""
    return await programs.make(town, scopes=[*programs.SCOPES, "applications:write"])


async def register(town: Town, key: str | None, wish: Any = WISH) -> Answer:
    return await town.service.ask("POST", REGISTER, wish, key=key)


async def maker(town: Town, program: Program, scopes: str = "applications:write customers:read cases:read") -> str:
    """A test key of the program's organization."""
    [sandbox, *_] = await parties.sandboxes(town.service, program.organization)
    return await town.service.key(scopes, who=Application(program.application, sandbox))


async def test_what_registers_is_a_client_at_once(town: Town, program: Program, ada: Person) -> None:
    answer = await register(town, await maker(town, program))
    assert (answer.status, answer.header("cache-control")) == (201, "no-store")
    assert answer.header("ratelimit")
    made, secret = dict(answer.json), answer.json["client_secret"]
    assert made.pop("client_secret").startswith("eng_test_secret_")
    client_id = made.pop("client_id")
    assert client_id.endswith(".test")
    assert made.pop("client_id_issued_at") > 1_700_000_000
    assert made == {
        "client_secret_expires_at": 0,
        "client_name": "A bench",
        "redirect_uris": [BACK],
        "grant_types": made["grant_types"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "client_secret_basic",
        "scope": "customers:read",
    }
    assert {"authorization_code", "refresh_token", "client_credentials"} <= {*made["grant_types"]}
    registered = program.at(Credential(client_id, secret))
    got = await registered.tokens(ada.browser, scope="openid customers:read")
    assert got["scope"] == "openid customers:read"
    token = await parties.token(town.service, registered.who)
    assert (await town.service.ask("GET", "/v1/customers", key=token)).status == 200


async def test_it_stays_in_sandboxes_and_belongs_to_who_made_it(town: Town, program: Program) -> None:
    made = (await register(town, await maker(town, program))).json
    application = made["client_id"].removesuffix(".test")
    seen = (await town.service.ask("GET", f"/v1/applications/{application}", key=program.operator)).json
    assert (seen["state"], seen["grantedScopes"], seen["organizationId"]) == ("sandbox-only", [], program.organization)
    live = Credential(f"{application}.live", made["client_secret"])
    assert (await parties.post(town.service, parties.TOKEN, {"grant_type": parties.GRANT}, live)).status == 401


async def test_a_client_without_a_secret(town: Town, program: Program, ada: Person) -> None:
    wish = {"redirect_uris": [BACK], "token_endpoint_auth_method": "none", "grant_types": ["authorization_code"]}
    made = (await register(town, await maker(town, program), wish | {"software_id": "ignored"})).json
    assert "client_secret" not in made
    assert "client_credentials" not in made["grant_types"]
    assert {*made["scope"].split()} == {"applications:write", "customers:read", "cases:read"}
    assert (await program.at(Credential(made["client_id"], "")).tokens(ada.browser))["scope"] == "customers:read"


async def test_who_may_not_register(town: Town, program: Program) -> None:
    own = await parties.token(town.service, program.who, scope="customers:read")
    for told, key, status, error in (
        ("nobody", None, 401, "invalid_token"),
        ("a stranger", "eng_test_key_" + "0" * 36, 401, "invalid_token"),
        ("a key without the scope", await maker(town, program, "customers:read"), 403, "insufficient_scope"),
        ("a token without the scope", own, 403, "insufficient_scope"),
        ("a live key", program.operator, 403, "access_denied"),
    ):
        answer = await register(town, key)
        assert (answer.status, answer.json["error"]) == (status, error), told
        assert ("www-authenticate" in dict(answer.headers)) == (error != "access_denied"), told


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_what_no_client_can_be_made_of(town: Town, program: Program) -> None:
    key = await maker(town, program)
    for wish, error in BAD:
        answer = await register(town, key, wish)
        assert (answer.status in (400, 413), answer.json["error"]) == (True, error), wish
        assert answer.header("cache-control") == "no-store"
        told = answer.json["error_description"]
        assert "example.org" not in told, "nothing is repeated"
    plain = await town.service.ask("POST", REGISTER, b"a=1", key=key, headers=[("Content-Type", parties.FORM[1])])
    assert (plain.status, plain.json["error"]) == (400, DATA)
    assert (await town.service.ask("GET", REGISTER)).status == 405


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_an_organization_has_enough_of_them_some_time(
    town: Town, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engage_api.access.applications.service.MOST", 2)
    key = await maker(town, program)
    assert [(await register(town, key)).status for _ in range(2)] == [201, 403]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_who_asks_too_often_waits_and_what_goes_wrong_is_told(
    town: Town, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await maker(town, program)

    async def create(*_: object) -> None:
        raise NeedsLive

    monkeypatch.setattr("engage_api.access.applications.service.create", create)
    answer = await register(town, key)
    assert (answer.status, answer.json["error_description"]) == (400, NeedsLive.title)

    async def spend(*_: object) -> None:
        raise TooManyRequests(headers={"Retry-After": "7"})

    monkeypatch.setattr(town.service.services.limits, "spend", spend)
    answer = await register(town, key)
    assert (answer.status, answer.header("retry-after")) == (429, "7")
