"""People sign in with an account that they have elsewhere."""

import asyncio
import html
import re

import httpx
import pytest
from joserfc.jwk import RSAKey

from engage_api.access.accounts.outside.provider import PAUSE
from tests.accounts.browsing import PASSWORD, Browser, Town, is_page, is_signed_in
from tests.identity.provider import Provider

_REFRESH = re.compile(r'<meta http-equiv="refresh" content="0;url=([^"]+)">')


async def gone(browser: Browser, path: str = "/account/sign-in", **fields: str) -> str:
    """Press the button on this page: the address at the provider that somebody goes to. Connecting takes a password."""
    fields = ({"present": PASSWORD} if path == "/account" else {}) | fields
    page = await browser.fill(path, "/account/outside", **fields)
    assert page.status_code == 200, page.text
    found = _REFRESH.search(page.text)
    assert found is not None
    assert "form-action 'self'" in page.headers["Content-Security-Policy"]
    return html.unescape(found[1])


async def came_back(browser: Browser, provider: Provider, path: str = "/account/sign-in", **fields: str) -> str:
    """Sign in elsewhere: where the browser goes on."""
    answer = await browser.get(provider.answer(await gone(browser, path, **fields)))
    if answer.status_code == 303:
        return answer.headers["Location"]
    assert answer.status_code == 200, answer.text
    found = _REFRESH.search(answer.text)
    assert found is not None
    return html.unescape(found[1])


async def shown(browser: Browser) -> str:
    return (await browser.get("/account")).text


async def test_somebody_new_gets_an_account_and_has_it_the_next_time(town: Town, provider: Provider) -> None:
    email = town.somebody()
    provider.reset(email=email.upper(), email_verified=True, name="Ada\n Lovelace " + "e" * 200)
    subject = provider.claims["sub"]
    first = town.browser()
    assert "Sign in with Harbour ID" in (await first.get("/account/sign-in")).text
    assert await came_back(first, provider, next="/operations/") == "/operations/"
    page = await shown(first)
    assert email.upper() in page
    assert "Ada Lovelace e" in page
    assert "It is your only way in." in page
    assert "Disconnect it" not in page
    provider.reset(sub=subject)  # the address is not asked for any more
    again = town.browser()
    assert await came_back(again, provider) == "/account"
    assert email.upper() in await shown(again)
    assert not (await town.browser().sign_in(email, "")).is_redirect  # nobody has its password, since there is none
    assert not await is_signed_in(town.browser())


async def test_an_account_is_connected_by_who_is_signed_in_to_it(town: Town, provider: Provider) -> None:
    email = await town.person()
    provider.reset(email=email, email_verified=True)
    stranger = town.browser()
    is_page(await stranger.get(provider.answer(await gone(stranger))), 409)
    assert not await is_signed_in(stranger)
    owner = await town.signed_in(email)
    assert await came_back(owner, provider, "/account") == "/account?said=connected"
    assert "Disconnect it" in await shown(owner)
    assert await came_back(stranger, provider) == "/account"
    assert email in await shown(stranger)
    is_page(await other_elsewhere(owner, provider), 409)
    another = await town.signed_in()
    provider.reset(sub=provider.claims["sub"])
    assert await came_back(another, provider, "/account") == "/account?said=connected"
    ended = await another.fill("/account", "/account/outside/end")
    assert ended.headers["Location"] == "/account?said=disconnected"
    refused = town.browser()
    is_page(await refused.get(provider.answer(await gone(refused))), 403)


async def other_elsewhere(owner: Browser, provider: Provider) -> httpx.Response:
    """Somebody who is connected already tries to be connected with another one; the way of the page that is open."""
    fields = await owner.form("/account", "/account/outside/end") | {"present": PASSWORD}
    provider.reset()
    page = await owner.post("/account/outside", data=fields)
    found = _REFRESH.search(page.text)
    assert found is not None
    return await owner.get(provider.answer(html.unescape(found[1])))


async def test_the_only_way_in_is_not_taken_away(town: Town, provider: Provider) -> None:
    provider.reset(email=town.somebody(), email_verified=True)
    browser = town.browser()
    await came_back(browser, provider)
    sealed = await browser.form("/account", "/account/sign-out")
    is_page(await browser.post("/account/outside/end", data=sealed), 409)
    assert await came_back(town.browser(), provider) == "/account"
    email = provider.claims["email"]
    assert (await town.browser().fill(await town.reset_link(email), password=PASSWORD)).status_code == 303
    again = await town.signed_in(email)  # and the other way has ended
    assert await came_back(again, provider, "/account") == "/account?said=connected"
    assert (await again.fill("/account", "/account/outside/end")).headers["Location"] == "/account?said=disconnected"


async def test_a_sign_up_that_somebody_else_prepared_is_worth_nothing(town: Town, provider: Provider) -> None:
    email = town.somebody()
    link = await town.pending(email, PASSWORD)  # somebody signs up with an address that is not theirs
    provider.reset(email=email, email_verified=True, name="Grace")
    browser = town.browser()
    await came_back(browser, provider)
    assert "Grace" in await shown(browser)
    is_page(await town.browser().get(link), 410)
    assert (await town.browser().sign_in(email, PASSWORD)).status_code == 400


async def test_who_comes_back_twice_at_once_has_one_account(town: Town, provider: Provider) -> None:
    email = town.somebody()
    provider.reset(email=email, email_verified=True)
    browsers = [town.browser() for _ in range(8)]
    places = [provider.answer(await gone(browser)) for browser in browsers]
    answers = await asyncio.gather(*(browser.get(place) for browser, place in zip(browsers, places, strict=True)))
    assert [answer.status_code for answer in answers] == [303] * 8
    assert all([email in await shown(browser) for browser in browsers])


async def test_one_state_lets_one_in(town: Town, provider: Provider) -> None:
    provider.reset(email=town.somebody(), email_verified=True)
    browser = town.browser()
    address = await gone(browser)
    answers = await asyncio.gather(*(browser.get(provider.answer(address)) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [303, *[410] * 7]


async def test_a_disabled_account_is_not_opened(town: Town, provider: Provider) -> None:
    from engage_api.access.accounts import operator  # noqa: PLC0415  # here alone

    email = town.somebody()
    provider.reset(email=email, email_verified=True)
    browser = town.browser()
    await came_back(browser, provider)
    await operator.disable(town.service.db, email)
    assert not await is_signed_in(browser)
    is_page(await browser.get(provider.answer(await gone(browser))), 403)


async def test_the_provider_takes_another_key(town: Town, provider: Provider) -> None:
    provider.reset(email=town.somebody(), email_verified=True)
    assert await came_back(town.browser(), provider) == "/account"
    provider.key = RSAKey.generate_key(2048, {"kid": "two"})
    provider.header = {"kid": "two"}
    browser = town.browser()
    is_page(await browser.get(provider.answer(await gone(browser))), 403)  # we have just looked
    outside = town.accounts.outside
    assert outside is not None
    assert outside._keys is not None
    outside._keys.since -= PAUSE
    assert await came_back(browser, provider) == "/account"


async def test_what_the_token_does_not_tell_the_user_information_does(town: Town, provider: Provider) -> None:
    email = town.somebody()
    provider.reset(name=None)
    provider.userinfo = {"sub": provider.claims["sub"], "email": email, "email_verified": True, "name": "Edsger"}
    provider.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    browser = town.browser()
    assert await came_back(browser, provider) == "/account"
    assert "Edsger" in await shown(browser)


async def test_a_provider_that_tells_less_is_enough(town: Town, provider: Provider) -> None:
    """No issuer in its answer, no address in its token, and nowhere to ask for one."""
    email = town.somebody()
    provider.reset(email=email, email_verified=True)
    assert await came_back(town.browser(), provider) == "/account"
    provider.claims |= {"email": None}
    assert town.accounts.outside is not None
    town.accounts.outside._metadata = None
    provider.metadata = {"userinfo_endpoint": None}
    browser = town.browser()
    back = await browser.get(provider.answer(await gone(browser), iss=None))
    assert back.headers["Location"] == "/account"
    assert email in await shown(browser)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_where_no_provider_is_named_there_is_no_button(town: Town) -> None:
    object.__setattr__(town.accounts, "outside", None)
    browser = town.browser()
    page = await browser.get("/account/sign-in")
    assert "/account/outside" not in page.text
    seal = await browser.form("/account/sign-in")
    is_page(await browser.post("/account/outside", data={"form": seal["form"]}), 404)
    assert "connect" not in await shown(await town.signed_in())
