"""Who is not let in, whatever comes back from the provider: by the answer, by the token, by the person."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine

from engage_api.access.accounts.outside.provider import PAUSE
from tests.accounts.browsing import Browser, Town, is_page, is_signed_in
from tests.counts import Count
from tests.identity.forged import FORGED
from tests.identity.provider import Provider, page
from tests.identity.test_outside import came_back, gone

Case = Callable[[Provider], None]
ONE = pytest.mark.parametrize("url", ["sqlite"], indirect=True)  # it is refused before any database


def sets(**fields: Any) -> Case:
    def change(provider: Provider) -> None:
        for name, value in fields.items():
            setattr(provider, name, value)

    return change


def named(**claims: Any) -> Case:
    return lambda provider: provider.claims.update(claims)


DEEP = b'{"a":' * 10_000 + b"1" + b"}" * 10_000
ANSWERS: dict[str, Case] = {
    "the provider refuses the code": sets(token=page({"error": "invalid_grant"}, "400 Bad Request")),
    "no JSON": sets(token=page(b"<html>")),
    "a list": sets(token=page(b"[]")),
    "too deep": sets(token=page(DEEP)),
    "too large": sets(token=page(b" " * 70_000)),
    "led elsewhere": sets(token=b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"),
    "no HTTP": sets(token=b"hello\r\n\r\n"),
    "no ID token": sets(more={"id_token": None}),
    "an ID token that is none": sets(more={"id_token": {"sub": "s"}}),
    "no access token": sets(more={"access_token": None}),
    "an address that is not verified": named(email="ada@example.org", email_verified=False),
    "an address of which nothing is said": named(email="ada@example.org", email_verified=None),
    "an address that is verified in words": named(email="ada@example.org", email_verified="true"),
    "an address that is none": named(email="ada at example.org", email_verified=True),
    "two addresses": named(email=["ada@example.org"], email_verified=True),
    "no address at all": named(email=None, email_verified=None),
    "user information of somebody else": lambda provider: setattr(
        provider, "userinfo", {"sub": "somebody else", "email": "ada@example.org", "email_verified": True}
    ),
}
PLACES: dict[str, dict[str, Any]] = {
    "another issuer": {"issuer": "https://evil.example"},
    "no issuer": {"issuer": None},
    "a page that is a script": {"authorization_endpoint": "javascript:alert(1)"},
    "tokens from a private host": {"token_endpoint": "ftp://127.0.0.1/token"},
    "keys from a file": {"jwks_uri": "file:///etc/passwd"},
    "no keys": {"jwks_uri": None},
}


async def is_refused(browser: Browser, path: str, status: int, told: str) -> None:
    answer = await browser.get(path)
    assert answer.status_code == status, f"{told}: {answer.status_code}"
    is_page(answer, status)
    assert not await is_signed_in(browser), told


@ONE
async def test_nothing_but_a_good_answer_lets_anybody_in(town: Town, provider: Provider, count: Count) -> None:
    for told, change in ANSWERS.items():
        provider.reset()
        if "address" not in told:
            provider.claims |= {"email": town.somebody(), "email_verified": True}
        if told.startswith("user information"):
            provider.claims |= {"email": None}
        browser = town.browser()
        address = await gone(browser)
        change(provider)
        await is_refused(browser, provider.answer(address), 403, told)
    count("sign-in elsewhere", answers_refused=len(ANSWERS))


@ONE
async def test_no_forged_id_token_lets_anybody_in(town: Town, provider: Provider, count: Count) -> None:
    provider.reset(email=town.somebody(), email_verified=True)
    for told, forge in FORGED.items():
        browser = town.browser()
        provider.made = forge
        await is_refused(browser, provider.answer(await gone(browser)), 403, told)
    provider.made = None
    assert await came_back(town.browser(), provider) == "/account"  # and the good one does
    count("sign-in elsewhere", tokens_refused=len(FORGED))
    assert not [asked for asked in provider.asked if asked.endswith(("/x", "/far"))]


async def test_only_who_went_comes_back(town: Town, provider: Provider) -> None:
    provider.reset(email=town.somebody(), email_verified=True)
    mine, other = town.browser(), town.browser()
    address = await gone(mine)
    await gone(other)
    state = parse_qs(urlsplit(address).query)["state"][0]
    good = provider.answer(address)
    for told, path, status in (
        ("no state", provider.answer(address, state=None), 410),
        ("an empty state", provider.answer(address, state=""), 410),
        ("an unknown state", provider.answer(address, state="A" * 43), 410),
        ("a state twice", f"{good}&state={state}", 400),
    ):
        await is_refused(mine, path, status, told)
    await is_refused(other, good, 410, "another browser")
    await is_refused(town.browser(), good, 410, "a browser without a cookie")
    assert (await mine.get(good)).status_code == 303  # nobody has used it up
    fresh = town.browser()
    fresh.cookies.update({"engage-visit": mine.cookies["engage-visit"]})
    await is_refused(fresh, good, 410, "once more")


@ONE
async def test_what_the_provider_says_itself(town: Town, provider: Provider) -> None:
    provider.reset(email=town.somebody(), email_verified=True)
    said: dict[str, dict[str, Any]] = {
        "no": {"error": "access_denied", "code": None},
        "no, and a code": {"error": "access_denied"},
        "nothing": {"code": None},
        "too much": {"code": "c" * 3_000},
        "another issuer": {"iss": "https://evil.example"},
    }
    for told, more in said.items():
        browser = town.browser()
        await is_refused(browser, provider.answer(await gone(browser), **more), 403, told)
    assert town.accounts.outside is not None
    town.accounts.outside._metadata = None
    provider.metadata = {"authorization_response_iss_parameter_supported": True}
    browser = town.browser()
    await is_refused(browser, provider.answer(await gone(browser), iss=None), 403, "no issuer")


async def test_who_stays_too_long_starts_again(town: Town, provider: Provider) -> None:
    provider.reset(email=town.somebody(), email_verified=True)
    browser = town.browser()
    path = provider.answer(await gone(browser))
    with time_machine.travel(time.time() + 601, tick=True):
        await is_refused(browser, path, 410, "eleven minutes")


@ONE
async def test_nobody_is_sent_where_the_provider_should_not_send_them(town: Town, provider: Provider) -> None:
    assert town.accounts.outside is not None
    for told, metadata in PLACES.items():
        town.accounts.outside._metadata = None
        provider.metadata = metadata
        answer = await town.browser().fill("/account/sign-in", "/account/outside")
        assert answer.status_code == 503, told
        is_page(answer, 503)


async def test_a_connection_is_made_only_by_who_is_still_signed_in(town: Town, provider: Provider) -> None:
    email = await town.person()
    provider.reset()
    owner = await town.signed_in(email)
    path = provider.answer(await gone(owner, "/account"))
    stranger = await town.signed_in()
    await is_refused_alone(stranger, path)
    await owner.fill("/account", "/account/sign-out")
    await is_refused_alone(owner, path)
    again = await town.signed_in(email)
    assert "Connect with Harbour ID" in (await again.get("/account")).text


async def test_a_session_that_ended_meanwhile_connects_nothing(town: Town, provider: Provider) -> None:
    email = await town.person()
    owner, another = await town.signed_in(email), await town.signed_in(email)
    path = provider.answer(await gone(owner, "/account"))
    await another.fill("/account", "/account/sessions", end="others")
    await is_refused_alone(owner, path)


async def test_nobody_connects_what_is_somebody_elses(town: Town, provider: Provider) -> None:
    provider.reset(email=town.somebody(), email_verified=True)
    await came_back(town.browser(), provider)
    other = await town.signed_in()
    is_page(await other.get(provider.answer(await gone(other, "/account"))), 409)
    sealed = await other.form("/account", "/account/sign-out")
    is_page(await other.post("/account/outside/end", data=sealed), 404)  # there is nothing to end
    is_page(await town.browser().post("/account/outside/end", data=sealed), 403)


@ONE
async def test_keys_that_cannot_be_read_are_none(town: Town, provider: Provider) -> None:
    outside: Any = town.accounts.outside
    provider.reset(email=town.somebody(), email_verified=True)
    for keys in ([{"kty": "RSA", "n": "!", "e": "AQAB"}], [{"kty": "EC", "crv": "P-999"}], "none", None, [7]):
        provider.keys, outside._keys = {"keys": keys}, None
        browser = town.browser()
        await is_refused(browser, provider.answer(await gone(browser)), 403, str(keys))
    provider.keys, outside._keys = None, None
    provider.header = {"kid": "unknown"}
    browser = town.browser()
    outside._keys = None
    address = await gone(browser)
    await outside._published()
    outside._keys.since -= PAUSE
    asked = len(provider.asked)
    await is_refused(browser, provider.answer(address), 403, "a key that is nowhere")
    assert provider.asked[asked:] == ["POST /token", "GET /keys"]  # it was looked for once


async def is_refused_alone(browser: Browser, path: str) -> None:
    is_page(await browser.get(path), 410)
