"""Access tokens that others can check: signed, and still known one by one to the API itself."""

from time import perf_counter

import pytest

from engage_api.access import guard
from engage_api.access.oauth import tokens
from engage_api.core import secret
from tests.accounts.browsing import Town
from tests.counts import Count
from tests.identity import attacks
from tests.identity.people import believed, header, keys, status
from tests.members.people import Person
from tests.oauth import parties, programs
from tests.oauth.conftest import ada, program
from tests.oauth.parties import REVOKE, introspected
from tests.oauth.programs import Program
from tests.running import BASE_URL

__all__ = ["ada", "program"]
SLOW = 0.5  # seconds; on a machine that does nothing else each takes a millisecond


@pytest.fixture
async def signing(town: Town) -> Program:
    """A program whose access tokens are signed."""
    return await programs.make(town, accessTokenFormat="jwt")


async def test_a_signed_token_says_what_the_standard_wants_and_opens_the_api(town: Town, signing: Program) -> None:
    token = await parties.token(town.service, signing.who, scope="customers:read")
    read = await believed(town.service, token)
    assert header(token) == {"typ": "at+jwt", "alg": "RS256", "kid": (await keys(town.service))[0]["kid"]}
    claims = read.claims
    assert claims.keys() == {"iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope"}  # RFC 9068 section 2.2
    [sandbox] = await parties.sandboxes(town.service, signing.organization)
    assert (claims["iss"], claims["sub"], claims["client_id"]) == (BASE_URL, signing.application, signing.who.id)
    assert claims["aud"] == f"{BASE_URL}/v1/sandboxes/{sandbox}"
    assert (claims["scope"], claims["exp"] - claims["iat"]) == ("customers:read", 3600)
    assert await status(town.service, token) == 200
    assert await status(town.service, token, "/v1/cases") == 403
    live = await parties.token(town.service, signing.live)
    assert (await believed(town.service, live)).claims["aud"] == f"{BASE_URL}/v1"
    again = await parties.token(town.service, signing.who, scope="customers:read")
    assert (await believed(town.service, again)).claims["jti"] != claims["jti"]


async def test_a_signed_token_ends_like_any_other(town: Town, signing: Program) -> None:
    service, tokens_ = town.service, [await parties.token(town.service, signing.who) for _ in range(3)]
    assert (await introspected(service, signing.who, tokens_[0]))["active"]
    await parties.post(service, REVOKE, {"token": tokens_[0]}, signing.who)
    assert await introspected(service, signing.who, tokens_[0]) == {"active": False}
    await service.ask("POST", "/v1/api-keys/leaked", {"key": tokens_[1]})
    assert [await status(service, token) for token in tokens_] == [401, 401, 200]
    assert (await believed(service, tokens_[0])).claims  # others believe it until it expires, as RFC 9068 warns
    await signing.change(accessTokenFormat="opaque")
    assert (await parties.token(service, signing.who)).startswith("eng_test_token_")
    assert await status(service, tokens_[2]) == 200


async def test_a_token_of_a_person_names_them(town: Town, program: Program, ada: Person) -> None:
    await program.change(accessTokenFormat="jwt")
    got = await program.tokens(ada.browser)
    assert (await believed(town.service, got["access_token"])).claims["sub"] == ada.id
    assert await status(town.service, got["access_token"]) == 200
    following = await program.refresh(got["refresh_token"])
    assert (await believed(town.service, following.json["access_token"])).claims["sub"] == ada.id


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_no_forged_token_opens_anything(
    town: Town, signing: Program, program: Program, ada: Person, count: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, looked = town.service, 0
    good = await parties.token(service, signing.who, scope="customers:read")
    [key] = await keys(service)
    forged = attacks.tokens(good, key, "customers:read customers:write")
    got = await program.tokens(ada.browser, scope="openid customers:read")
    signer = await service.services.signing.signer()
    forged |= {
        "an ID token": got["id_token"],
        "a refresh token": got["refresh_token"],
        "a client secret": signing.who.secret,
        "signed with our own key, and never issued": signer.sign(
            "at+jwt", (await believed(service, good)).claims | {"jti": "jti_new"}
        ),
    }

    async def holder(*given: object) -> object:
        nonlocal looked
        looked += 1
        return await tokens.holder(*given)  # type: ignore[arg-type]

    monkeypatch.setitem(guard.HOLDERS, guard.TOKEN, holder)
    slowest = 0.0
    for told, token in forged.items():
        began = perf_counter()
        answer = await service.ask("GET", "/v1/customers", headers=[("Authorization", b"Bearer " + token.encode())])
        slowest = max(slowest, perf_counter() - began)
        assert (answer.status, answer.code) == (401, "unauthenticated"), told
        assert 'error="invalid_token"' in (answer.header("www-authenticate") or ""), told
    assert await status(service, good) == 200
    assert len(forged) >= 90
    assert slowest < SLOW
    assert looked <= len(forged) / 2  # most are no token by their form, and cost no look-up
    count("forged access tokens", refused=len(forged), most_milliseconds=slowest * 1000)


async def test_a_signed_token_is_never_shown_whole_and_looking_for_one_is_quick(town: Town, signing: Program) -> None:
    token = await parties.token(town.service, signing.who)
    assert secret.masked(f"/v1/customers/{token}/x?{token}") == "/v1/customers/***/x?***"
    for hostile in ("eyJ" * 20_000, ("eyJ" + "a" * 20 + ".") * 2_500, ("eyJ" + "a" * 20 + ".eyJ" + "a" * 4_000) * 15):
        began = perf_counter()
        assert secret.masked(hostile) == hostile
        assert perf_counter() - began < SLOW
