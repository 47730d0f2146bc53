"""Whoever came for something gets there: past the sign-up, past the mail, and the pages say what it is."""

import re
from urllib.parse import quote, urlencode

import pytest

from tests.accounts.browsing import PASSWORD, Town
from tests.accounts.test_redirects import ELSEWHERE
from tests.members.people import application, member

BACK = "https://bakery.example.org/in"
LINK = re.compile(r"/account/confirm\?\S+")


async def test_who_signs_up_goes_on_to_what_they_came_for(town: Town) -> None:
    wanted, email, browser = "/device?user_code=BDWP-HQPK", town.somebody(), town.browser()
    seen = await browser.get(f"/account/sign-in?next={quote(wanted, safe='')}")
    assert "Sign in to let your device in." in seen.text
    [path] = re.findall(r'"(/account/sign-up[^"]*)"', seen.text.partition("<main")[2])
    assert '"/account/sign-in?next=' in (await browser.get(path)).text.partition("<main")[2]
    weak = await browser.fill(path, name="Ada", email=email, password="x")
    assert weak.status_code == 400
    assert f'name="next" value="{wanted}"' in weak.text
    sent = await browser.fill(path, name="Ada", email=email, password=PASSWORD)
    assert path in sent.text  # to try it again
    [link] = LINK.findall((await town.mail(email)).text)
    assert (await browser.fill(link, password="x")).status_code == 400
    entered = await browser.fill(link, password=PASSWORD)
    assert f'href="{wanted}"' in entered.text
    assert browser.session is not None
    assert (await browser.get(path)).headers["Location"] == wanted  # who is signed in need not sign up


async def test_a_mail_leads_nowhere_else(town: Town) -> None:
    for wanted in ("https://evil.example/", "//evil.example", ELSEWHERE[7]):
        email, browser = town.somebody(), town.browser()
        await browser.fill("/account/sign-up", name="Ada", email=email, password=PASSWORD, next=wanted)
        text = (await town.mail(email)).text
        [link] = LINK.findall(text)
        assert "evil" not in text
        assert "evil" not in (await browser.get(f"{link}&next={quote(wanted, safe='')}")).text
        answer = await browser.fill(link, password=PASSWORD, next=wanted)
        assert answer.headers["Location"] == "/account"


async def test_the_page_says_what_somebody_signs_in_for(town: Town) -> None:
    owner = await member(town)
    client = (await application(owner, name="Bakery <orders>", redirectUris=BACK)).rpartition("/")[2]
    asked = {
        "client_id": f"{client}.test",
        "redirect_uri": BACK,
        "response_type": "code",
        "scope": "customers:read",
        "code_challenge": "A" * 43,
        "code_challenge_method": "S256",
    }
    rows = [
        (
            f"/oauth/authorize?{urlencode(asked)}",
            "Sign in to go on to Bakery &lt;orders&gt;, an application of Bureau.",
        ),
        (f"/oauth/authorize?{urlencode(asked | {'redirect_uri': 'https://evil.example/'})}", ""),
        (f"/oauth/authorize?{urlencode(asked | {'client_id': 'app_none.test'})}", ""),
        ("/oauth/authorize", ""),
        ("/account/invitations/inv_none", "Sign in to answer your invitation."),
        ("/account/permissions", ""),
    ]
    for path, told in rows:
        browser = town.browser()
        place = f"/account/sign-in?next={quote(path, safe='')}"
        wrong = await browser.fill(place, email=owner.email, password="no such password")
        for page in ((await browser.get(place)).text, wrong.text):
            assert re.findall(r"Sign in to [^<]*", page) == ([told] if told else []), path


@pytest.mark.parametrize("path", ["/account/sign-up", "/account/sign-in"])
async def test_who_came_for_nothing_takes_nothing_along(town: Town, path: str) -> None:
    assert "?next=" not in (await town.browser().get(path)).text


async def test_an_empty_form_is_told_all_that_is_missing(town: Town) -> None:
    page = (await town.browser().fill("/account/sign-up")).text
    assert all(f'id="{name}-wrong"' in page for name in ("name", "email", "password"))
