"""OpenID Connect: somebody signs in here to an application, which learns who they are, and no more than they allow."""

import time
from typing import Any

import pytest
from authlib.oidc.core import CodeIDToken

from engage_api.access.accounts import operator
from engage_api.access.oauth import signed, tokens
from engage_api.db.errors import Unavailable
from tests.accounts.browsing import Town
from tests.identity.people import believed, header, status
from tests.members import people
from tests.members.people import Person
from tests.oauth import parties
from tests.oauth.conftest import ada, program
from tests.oauth.programs import Program
from tests.running import BASE_URL, Answer

__all__ = ["ada", "program"]
USERINFO = "/oauth/userinfo"
EVERYTHING = "openid profile email"
ONE = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


async def userinfo(town: Town, token: str, method: str = "GET") -> Answer:
    return await town.service.ask(method, USERINFO, key=token)


async def test_who_signed_in_is_told_in_the_id_token(town: Town, program: Program, ada: Person) -> None:
    began = int(time.time())
    got = await program.tokens(ada.browser, scope=f"{EVERYTHING} customers:read", nonce="n-0S6_WzA2Mj")
    assert got["scope"] == f"{EVERYTHING} customers:read"
    read = await believed(town.service, got["id_token"])
    wanted = {"iss": {"essential": True, "value": BASE_URL}, "aud": {"essential": True, "value": program.who.id}}
    params = {"nonce": "n-0S6_WzA2Mj", "client_id": program.who.id, "access_token": got["access_token"]}
    claims: Any = CodeIDToken(read.claims, read.header, wanted, params)
    claims.validate()  # Authlib's own opinion
    assert header(got["id_token"])["typ"] == "JWT"
    assert (claims["sub"], claims["azp"]) == (ada.id, program.who.id)
    assert (claims["email"], claims["email_verified"], claims["name"]) == (ada.email, True, "Ada")
    assert began - 60 <= claims["auth_time"] <= claims["iat"] <= time.time()
    assert claims["exp"] - claims["iat"] == 3600
    assert len(claims["at_hash"]) == 22


@ONE
async def test_nothing_is_told_that_was_not_allowed(town: Town, program: Program, ada: Person) -> None:
    plain = await program.tokens(ada.browser, scope="customers:read")
    assert "id_token" not in plain
    got = await program.tokens(ada.browser, scope="openid")
    claims = (await believed(town.service, got["id_token"])).claims
    assert claims.keys() == {"iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "at_hash"}
    assert (await userinfo(town, got["access_token"])).json == {"sub": ada.id}
    mail = await program.tokens(ada.browser, scope="openid email")
    told = (await userinfo(town, mail["access_token"], "POST")).json
    assert told == {"sub": ada.id, "email": ada.email, "email_verified": True}
    client = await parties.post(
        town.service, parties.TOKEN, {"grant_type": parties.GRANT, "scope": "openid"}, program.who
    )
    assert (client.status, client.json["error"]) == (400, "invalid_scope")


@ONE
async def test_a_stranger_can_sign_in_and_opens_nothing(town: Town, program: Program) -> None:
    stranger = await people.member(town)  # of an organization of their own
    got = await program.tokens(stranger.browser, scope=EVERYTHING)
    assert (await userinfo(town, got["access_token"])).json["sub"] == stranger.id
    assert await status(town.service, got["access_token"]) == 403


async def test_a_refreshed_id_token_tells_of_the_same_sign_in(town: Town, program: Program, ada: Person) -> None:
    got = await program.tokens(ada.browser, scope="openid profile", nonce="once")
    first = (await believed(town.service, got["id_token"])).claims
    again = await program.refresh(got["refresh_token"])
    claims = (await believed(town.service, again.json["id_token"])).claims
    assert "nonce" not in claims  # OpenID Connect Core section 12.2
    assert all(claims[name] == first[name] for name in ("iss", "sub", "aud", "azp", "auth_time", "name"))
    assert claims["at_hash"] != first["at_hash"]


@ONE
async def test_user_information_is_for_who_has_a_token_of_a_person(town: Town, program: Program, ada: Person) -> None:
    service = town.service
    got = await program.tokens(ada.browser, scope="openid")
    key = await service.key()
    own = await parties.token(service, program.who)
    for token in (got["id_token"], got["refresh_token"], key, own, "nothing"):
        answer = await userinfo(town, token)
        assert answer.status == 401
        assert answer.header("www-authenticate") == 'Bearer realm="engage", error="invalid_token"'
    plain = await program.tokens(ada.browser, scope="customers:read")
    answer = await userinfo(town, plain["access_token"])
    assert (answer.status, answer.json) == (403, {"error": "insufficient_scope"})
    assert 'scope="openid"' in (answer.header("www-authenticate") or "")
    nobody = await service.ask("GET", USERINFO)
    assert (nobody.status, nobody.header("www-authenticate")) == (401, 'Bearer realm="engage"')
    assert (await service.ask("GET", f"{USERINFO}?access_token={got['access_token']}")).status == 401
    assert (await userinfo(town, got["access_token"], "PUT")).status == 405
    options = await service.ask("OPTIONS", USERINFO)
    assert (options.status, options.header("allow")) == (204, "GET, HEAD, OPTIONS, POST")
    assert (await userinfo(town, got["access_token"])).header("cache-control") == "no-store"
    await operator.disable(service.db, ada.email)
    assert (await userinfo(town, got["access_token"])).status == 401


@ONE
async def test_what_the_service_says_of_itself_is_what_it_does(town: Town) -> None:
    answer = await town.service.ask("GET", "/.well-known/openid-configuration")
    found, server = answer.json, await town.service.ask("GET", "/.well-known/oauth-authorization-server")
    assert answer.header("cache-control") == "public, max-age=3600"
    assert found.items() >= server.json.items()
    assert found["issuer"] == BASE_URL
    for name, path in {"userinfo_endpoint": USERINFO, "jwks_uri": "/oauth/jwks"}.items():
        assert found[name] == BASE_URL + path
    assert found["id_token_signing_alg_values_supported"] == ["RS256"]  # section 3: it MUST be among them
    assert found["subject_types_supported"] == ["public"]
    assert {*EVERYTHING.split()} <= {*found["scopes_supported"]}
    assert found["request_uri_parameter_supported"] is False


@ONE
async def test_user_information_has_its_limits(
    town: Town, program: Program, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = (await program.tokens(ada.browser, scope="openid"))["access_token"]
    assert await signed.person(town.service.db, "acc_nobody") is None

    async def away(*_: object) -> None:
        raise Unavailable

    with monkeypatch.context() as patched:
        patched.setattr(tokens, "find", away)
        assert (await userinfo(town, token)).status == 503

    async def nobody(*_: object) -> None:
        return None

    monkeypatch.setattr(signed, "person", nobody)
    assert (await userinfo(town, token)).status == 401

    async def wait(*_: object) -> int:
        return 7

    monkeypatch.setattr(town.service.services.limits, "spend_address", wait)
    assert (await userinfo(town, token)).header("retry-after") == "7"
    monkeypatch.setattr(town.service._envelope, "blocked_for", lambda _: 9)
    refused = await userinfo(town, "nothing")
    assert (refused.status, refused.header("retry-after")) == (429, "9")
