"""`next=` leads to a path of ours, or nowhere."""

from urllib.parse import quote, urlsplit

import pytest

from engage_api.access.accounts import forms
from tests.accounts.browsing import PASSWORD, Town
from tests.counts import Count

ELSEWHERE = [
    "",
    "account",
    "https://evil.example",
    "http:evil.example",
    "http:/evil.example",
    "HTTPS://evil.example/account",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/\\/evil.example",
    "/account\\@evil.example",
    "/%2Fevil.example",
    "/%2f%2fevil.example",
    "/%5Cevil.example",
    "/%5cevil.example/%2e%2e",
    "/%252Fevil.example",
    "/%25252Fevil.example",
    "/%25255cevil.example",
    "%2F%2Fevil.example",
    "/.//evil.example",
    "/..//evil.example",
    "/a/..//evil.example",
    "/account//evil.example",
    "/%2e//evil.example",
    "/%2e%2e//evil.example",
    "/%252e%252e//evil.example",
    "/.%2f%2fevil.example",
    "/a/%2e%2e/%2fevil.example",
    "/account/.",
    "/account/..",
    "/account/../oauth/authorize",
    "/account/%2E%2e/oauth/authorize",
    "/./account",
    "/..?x=1",
    "/..;x//evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/%09/evil.example",
    "/%0a/evil.example",
    "/%0d%0aLocation:%20https://evil.example",
    "/\r\nLocation: https://evil.example",
    "/account\r\nSet-Cookie: a=b",
    " //evil.example",
    "/ /evil.example",
    "\x00//evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "mailto:eve@evil.example",
    "@evil.example",
    ".evil.example",
    "/account\u2028",
    "/\uff0fevil.example",
    "/\u3002evil.example",
    '/"><script>alert(1)</script>',
    "/account#@evil.example",
    "/" + "a" * 3_000,
]
OURS = [
    "/",
    "/account",
    "/account?said=ended",
    "/account/",
    "/.well-known/security.txt",
    "/docs/a..b",
    "/oauth/authorize?client_id=x&redirect_uri=https%3A%2F%2Fa.example%2Fb",
    "/oauth/authorize?redirect_uri=https://a.example//../b",
]


@pytest.mark.parametrize("path", OURS)
def test_a_path_of_ours_is_kept(path: str) -> None:
    assert forms.local(path) == path


def test_nothing_else_is(count: Count) -> None:
    assert [path for path in ELSEWHERE if forms.local(path) != "/account"] == []
    assert forms.local(None) == "/account"
    count("redirects", refused=len(ELSEWHERE) + 1)


async def test_nobody_is_led_elsewhere(town: Town, count: Count) -> None:
    email = await town.person()
    browser = await town.signed_in(email)
    for path in ELSEWHERE:
        answer = await browser.get(f"/account/sign-in?next={quote(path, safe='', errors='surrogatepass')}")
        if "\0" in path:  # no request may hold it
            assert answer.status_code == 400
        else:
            assert (answer.status_code, answer.headers["Location"]) == (303, "/account"), path
    stranger = town.browser()
    page = await stranger.get("/account/sign-in?next=//evil.example")
    assert "evil" not in page.text
    answer = await stranger.fill("/account/sign-in", email=email, password=PASSWORD, next="https://evil.example/")
    assert answer.headers["Location"] == "/account"
    count("redirects", refused=len(ELSEWHERE) + 2)


async def test_the_way_back_is_ours_whatever_the_host_says(town: Town) -> None:
    answer = await town.browser().get("/account", headers={"Host": "evil.example"})
    assert urlsplit(answer.headers["Location"]).netloc == ""
    email = await town.person()
    browser = town.browser()
    form = await browser.form("/account/reset")
    await browser.post("/account/reset", data=form | {"email": email}, headers={"Host": "evil.example"})
    assert "evil" not in (await town.mail(email, 2)).text
