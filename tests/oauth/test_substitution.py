"""Codes and tokens in the wrong hands or the wrong place (RFC 9700 sections 4.5, 4.6 and 4.8): nothing is given for
them, and whoever has a right to them is not disturbed.
"""

import hashlib
from collections.abc import AsyncIterator, Mapping
from urllib.parse import urlencode

import asyncpg
import pytest
from sqlalchemy import select

from engage_api.access.oauth.models import OauthConsentRow, OauthGrantRow, OauthRefreshRow
from engage_api.access.oauth.tokens import OauthTokenRow
from engage_api.db import Query
from tests.accounts.browsing import Town
from tests.counts import Count
from tests.members import people
from tests.members.people import Person
from tests.oauth import programs
from tests.oauth.parties import FORM, TOKEN, Credential, post
from tests.oauth.programs import BACK, Program, led_back, pkce
from tests.oauth.test_ends import opens
from tests.running import BASE_URL, Answer

ROWS = (OauthConsentRow, OauthGrantRow, OauthRefreshRow, OauthTokenRow)
TABLES = [Query(select(getattr(row, "__table__"))) for row in ROWS]  # noqa: B009  # mypy does not know it
Given = tuple[str, int, str, Answer]


def variants(program: Program, code: str) -> Mapping[str, tuple[str, Mapping[str, str | None]]]:
    """What a client that has a right to the code sends along that does not fit, and the error for it."""
    return {
        "another verifier": ("invalid_grant", {"code_verifier": pkce()[0]}),
        "the challenge as the verifier, which would be plain": ("invalid_grant", {"code_verifier": program.challenge}),
        "no verifier": ("invalid_request", {"code_verifier": None}),
        "an empty verifier": ("invalid_request", {"code_verifier": ""}),
        "a short verifier": ("invalid_request", {"code_verifier": program.verifier[:42]}),
        "a long verifier": ("invalid_request", {"code_verifier": "a" * 129}),
        "a verifier of other letters": ("invalid_request", {"code_verifier": program.verifier[:-1] + "+"}),
        "a verifier beyond ASCII": ("invalid_request", {"code_verifier": "é" * 43}),
        "the verifier in another case": ("invalid_grant", {"code_verifier": program.verifier.swapcase()}),
        "the verifier's hash": ("invalid_grant", {"code_verifier": hashlib.sha256(b"x").hexdigest()}),
        "no redirect URI": ("invalid_grant", {"redirect_uri": None}),
        "an empty redirect URI": ("invalid_grant", {"redirect_uri": ""}),
        "another redirect URI": ("invalid_grant", {"redirect_uri": "http://127.0.0.1/cb"}),
        "a longer redirect URI": ("invalid_grant", {"redirect_uri": f"{BACK}/"}),
        "an escaped redirect URI": ("invalid_grant", {"redirect_uri": BACK.replace("-", "%2D")}),
        "another resource": ("invalid_target", {"resource": f"{BASE_URL}/v1/sandboxes/sbx_other"}),
        "no resource of ours": ("invalid_target", {"resource": "https://elsewhere.example"}),
        "half a code": ("invalid_grant", {"code": code[:-1]}),
        "a code in another case": ("invalid_grant", {"code": code.swapcase()}),
        "a code that was never made": ("invalid_grant", {"code": code.replace("_test_", "_live_")}),
        "no code": ("invalid_request", {"code": None}),
        "the secret as a code": ("invalid_grant", {"code": program.who.secret}),
    }


async def of_codes(program: Program, other: Program, public: Program, code: str) -> AsyncIterator[Given]:
    """What is refused, with which status and error."""
    live = program.at(program.live)
    for name, (error, more) in variants(program, code).items():
        yield name, 400, error, await program.redeem(code, **more)
    for who, name in ((other, "another client"), (live, "the live client"), (public, "a client without a secret")):
        yield name, 400, "invalid_grant", await who.redeem(code)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": program.verifier}
    stolen = Credential(program.who.id, other.who.secret)
    yield "another secret", 401, "invalid_client", await post(program.service, TOKEN, form, stolen)
    alone = {**form, "client_id": program.who.id}
    yield "no secret", 401, "invalid_client", await post(program.service, TOKEN, alone)
    yield (
        "two clients",
        400,
        "invalid_request",
        await post(program.service, TOKEN, {**alone, "client_id": "x"}, other.who),
    )
    twice = f"{urlencode(form)}&code={code}"
    yield "a code twice", 400, "invalid_request", await post(program.service, TOKEN, twice, program.who)
    twice = f"{urlencode(form)}&code_verifier={program.verifier}"
    yield "a verifier twice", 400, "invalid_request", await post(program.service, TOKEN, twice, program.who)
    address = f"{TOKEN}?{urlencode(form)}"
    answer = await program.service.ask("POST", address, b"", headers=[FORM, program.who.basic])
    yield "a code in the address", 400, "invalid_request", answer


async def test_a_code_is_worth_nothing_to_anybody_else(town: Town, program: Program, ada: Person, count: Count) -> None:
    other = await programs.make(town, organization=program.organization)
    public = await programs.make(town, organization=program.organization, public=True)
    code, tried = (await program.allowed(ada.browser))["code"], 0
    async for name, status, error, answer in of_codes(program, other, public, code):
        assert (answer.status, answer.json.get("error")) == (status, error), (name, answer.body)
        tried += 1
    assert (await program.redeem(code)).status == 200, "what others tried has used nothing up"
    assert tried >= 30
    count("codes refused", cases=tried)


async def test_another_persons_code_in_ones_own_session_does_not_fit(town: Town, program: Program, ada: Person) -> None:
    """Code injection: the attacker has a victim's code, and a session of their own with its own verifier."""
    code = (await program.allowed(ada.browser))["code"]
    verifier, challenge = pkce()
    mallory = await people.member(town, "viewer", program.organization)
    await program.allowed(mallory.browser, code_challenge=challenge)
    assert (await program.redeem(code, code_verifier=verifier)).json["error"] == "invalid_grant"


async def test_what_is_one_kind_is_not_another(town: Town, program: Program, ada: Person, count: Count) -> None:
    code = (await program.allowed(ada.browser))["code"]
    spare = (await program.allowed(ada.browser))["code"]
    got = (await program.redeem(code)).json
    access, refresh = got["access_token"], got["refresh_token"]
    bearers = (code, spare, refresh, program.who.secret, program.who.id, access.swapcase(), f"{access}.", access[:-1])
    for text in bearers:
        assert not await opens(town.service, text)
    for text in (access, spare, program.who.secret, refresh.replace("_test_", "_live_"), refresh[:-1]):
        assert (await program.refresh(text)).json["error"] == "invalid_grant"
    for text in (access, refresh, program.who.secret):
        assert (await program.redeem(text)).json["error"] == "invalid_grant"
    assert await opens(town.service, access)
    count("tokens of another kind refused", cases=len(bearers) + 8)


async def test_every_answer_says_whose_it_is(program: Program, ada: Person) -> None:
    """Mix-up (RFC 9207): the issuer of the metadata stands in every answer, also in those that refuse."""
    said = (await program.service.ask("GET", "/.well-known/oauth-authorization-server")).json
    assert said["authorization_response_iss_parameter_supported"] is True
    await program.allowed(ada.browser)
    for more in ({}, {"scope": "x"}, {"prompt": "none", "max_age": "0"}, {"iss": "https://evil.example"}):
        assert led_back(await ada.browser.get(program.path(**more)))["iss"] == said["issuer"] == BASE_URL


async def test_nothing_of_it_stands_in_the_database_or_in_the_log(town: Town, program: Program, ada: Person) -> None:
    code = (await program.allowed(ada.browser))["code"]
    got = (await program.redeem(code)).json
    after = (await program.refresh(got["refresh_token"])).json
    texts = [code, got["access_token"], got["refresh_token"], after["access_token"], after["refresh_token"]]
    town.service._envelope._log.flush()
    log, db = town.service.log.getvalue(), town.service.db
    kept = "\n".join([str(row) for table in TABLES for row in await db.system.fetch(table, None)])
    assert "/oauth/token" in log
    assert ada.id in kept
    assert not [text for text in (*texts, program.verifier) for place in (log, kept) if text in place]


@pytest.mark.parametrize("table", ["oauth_consent", "oauth_grant", "oauth_refresh"])
async def test_requests_have_no_right_to_what_people_allow(postgres_url: str, table: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    try:
        for right in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            for role, may in (("engage_app", False), ("engage_system", True)):
                assert await connection.fetchval("SELECT has_table_privilege($1, $2, $3)", role, table, right) is may
    finally:
        await connection.close()
