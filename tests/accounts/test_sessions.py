"""How a session is known, how it ends, and who cannot have prepared it."""

from datetime import timedelta
from http.cookies import SimpleCookie
from pathlib import Path

import httpx
import pytest
import time_machine

from engage_api.access.accounts import agents, store
from engage_api.access.accounts.service import IDLE, LONGEST
from engage_api.core import clock
from tests import running
from tests.accounts.browsing import ANOTHER, PASSWORD, Browser, Town, is_signed_in
from tests.accounts.conftest import cheap
from tests.running import BASE_URL


def set_cookies(answer: httpx.Response) -> dict[str, str]:
    """Every cookie that an answer sets, with its attributes as they are written."""
    given = answer.headers.get_list("set-cookie")
    return {line.partition("=")[0]: line.partition(";")[2].strip() for line in given}


async def test_cookies_in_development_over_plain_http(town: Town) -> None:
    browser, email = town.browser(), await town.person()
    page = await browser.get("/account/sign-in")
    assert set_cookies(page) == {"engage-visit": "HttpOnly; Max-Age=2592000; Path=/; SameSite=lax"}
    entered = await browser.sign_in(email)
    assert set_cookies(entered) == {"engage-session": "HttpOnly; Max-Age=2592000; Path=/; SameSite=lax"}
    out = await browser.fill("/account", action="/account/sign-out")
    assert set_cookies(out)["engage-session"] == "HttpOnly; Max-Age=0; Path=/; SameSite=lax"


@pytest.mark.parametrize(
    ("environment", "address"), [("production", "https://engage.test"), ("development", "https://engage.test")]
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_cookies_over_tls_belong_to_this_host_alone(
    database_url: str, tmp_path: Path, environment: str, address: str
) -> None:
    given = {"environment": environment, "public_url": address, "data_dir": tmp_path}
    async with running.service(database_url, **given) as service:
        town = Town(service, address)
        town.accounts.passwords._make = cheap
        browser = town.browser()
        page = await browser.get("/account/sign-in")
        attributes = "HttpOnly; Max-Age=2592000; Path=/; SameSite=lax; Secure"
        assert set_cookies(page) == {"__Host-engage-visit": attributes}
        if environment == "development":
            email = await town.person()
            assert set_cookies(await browser.sign_in(email)) == {"__Host-engage-session": attributes}
            assert await is_signed_in(browser)
            value = browser.session or ""
            plain = town.browser()
            plain.cookies.set("engage-session", value, domain="engage.test")  # without the prefix it is nothing
            assert not await is_signed_in(plain)


async def test_in_production_cookies_are_secure_whatever_the_address(sqlite_url: str, tmp_path: Path) -> None:
    async with running.service(sqlite_url, environment="production", data_dir=tmp_path) as service:
        page = await Browser(service.app).get("/account/sign-in")
        assert "Secure" in set_cookies(page)["__Host-engage-visit"]


async def test_in_production_without_a_mail_server_nobody_signs_up(sqlite_url: str, tmp_path: Path) -> None:
    async with running.service(sqlite_url, environment="production", data_dir=tmp_path) as service:
        browser = Browser(service.app, "https://engage.test")
        sealed = await browser.form("/account/sign-in") | {"email": "a@example.org"}
        for path in ("/account/sign-up", "/account/reset"):
            for answer in (await browser.get(path), await browser.post(path, data=sealed)):
                assert answer.status_code == 403
                assert "cannot send mail" in answer.text
        assert (await browser.get("/account/sign-in")).status_code == 200
        assert (await browser.get("/account/mails")).status_code == 404


async def test_nobody_can_prepare_a_session(town: Town) -> None:
    """Fixation: whatever cookie was there before, a sign-in makes a new one and ends the one that was there."""
    eve, email = await town.signed_in(), await town.person()
    prepared = eve.session or ""
    victim = town.browser()
    for cookie in (prepared, "A" * 43):
        victim.cookies.clear()
        form = await victim.form("/account/sign-in")
        victim.cookies.set("engage-session", cookie, domain="engage.test", path="/")
        answer = await victim.post(
            "/account/sign-in", data=form | {"email": email, "password": "violet tram ladder quince"}
        )
        fresh = SimpleCookie(answer.headers["set-cookie"])["engage-session"].value
        assert fresh not in {cookie, "A" * 43}
        assert await town.accounts.who(fresh) is not None
        assert await town.accounts.who(cookie) is None
    assert not await is_signed_in(eve)


@pytest.mark.parametrize("moved", [IDLE, LONGEST])
async def test_a_session_ends_by_itself(town: Town, moved: timedelta) -> None:
    browser, now = await town.signed_in(), clock.host()
    account = await town.accounts.who(browser.session or "")
    assert account is not None
    step, at = timedelta(hours=11), now
    while moved == LONGEST and at + step < now + moved:  # somebody who is there all the time
        at += step
        with time_machine.travel(at, tick=True):
            assert await is_signed_in(browser)
    with time_machine.travel(now + moved - timedelta(minutes=1), tick=True):
        assert account.session in [one.id for one in await town.accounts.sessions(account)]
    with time_machine.travel(max(at, now + moved) + timedelta(seconds=1), tick=True):
        assert not await is_signed_in(browser)
        assert await town.accounts.sessions(account) == []


async def test_a_look_is_noted_every_five_minutes_and_no_more_often(town: Town) -> None:
    browser, now = await town.signed_in(), clock.host()
    account = await town.accounts.who(browser.session or "")
    assert account is not None
    seen = []
    for minutes in (4, 6, 8):
        with time_machine.travel(now + timedelta(minutes=minutes), tick=True):
            assert await is_signed_in(browser)
            seen.append((await town.accounts.sessions(account))[0].last_seen_at - now)
    assert seen[0] < timedelta(minutes=1)
    assert timedelta(minutes=6) <= seen[1] < timedelta(minutes=7)
    assert seen[2] == seen[1]


async def test_links_and_unconfirmed_accounts_end_by_themselves(town: Town) -> None:
    email, pending = await town.person(), town.somebody()
    reset, confirm, now = await town.reset_link(email), await town.pending(pending), clock.host()
    browser = town.browser()
    for link, hours in ((reset, 1), (confirm, 24)):
        with time_machine.travel(now + timedelta(hours=hours, seconds=-10), tick=True):
            assert (await browser.get(link)).status_code == 200
        with time_machine.travel(now + timedelta(hours=hours, seconds=10), tick=True):
            assert (await browser.get(link)).status_code == 410
    later = now + timedelta(days=8)
    with time_machine.travel(later, tick=True):
        async with town.accounts.db.system.write(None) as tx:
            assert (
                await store.sweep(tx, later - IDLE, later - timedelta(days=7)) >= 4
            )  # two links, a session, one person
    assert await store.by_address(town.accounts.db, pending) is None
    assert await store.by_address(town.accounts.db, email) is not None


async def test_who_is_disabled_is_out_at_once(town: Town) -> None:
    email = await town.person()
    browser, link = await town.signed_in(email), await town.reset_link(email)
    row = await store.by_address(town.accounts.db, email)
    async with town.accounts.db.system.write(None) as tx:
        assert await store.disable(tx, row.id, clock.host())
    assert not await is_signed_in(browser)
    assert (await town.browser().sign_in(email)).status_code == 400
    assert (await town.browser().fill(link, password=ANOTHER)).status_code == 410
    await town.browser().fill("/account/sign-up", name="Eve", email=email, password=ANOTHER)
    assert (await town.browser().sign_in(email, ANOTHER)).status_code == 400


async def test_a_browser_says_what_it_likes(town: Town) -> None:
    email, browser = await town.person(), town.browser()
    browser.headers["User-Agent"] = "<script>alert(1)</script> Firefox/" + "9" * 400
    await browser.sign_in(email)
    page = (await browser.get("/account")).text
    assert "script" not in page
    assert "<strong>Firefox 9999</strong>" in page


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox 140 on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/143.0 Safari/537.36 Edg/143.0",
            "Edge 143 on Windows",
        ),
        ("Mozilla/5.0 (Linux; Android 10; K) Chrome/143.0.0.0 Mobile Safari/537.36", "Chrome 143 on Android"),
        ("Mozilla/5.0 (iPhone; like Mac OS X) Version/26.1 Mobile/15E148 Safari/604.1", "Safari 26 on iPhone"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/26.1 Safari/605.1.15", "Safari 26 on macOS"),
        ("curl/8.14.1", "curl/8.14.1"),
        ("x" * 400, "x" * 40),
        ("\u202ecurl", ""),
        ("", ""),
    ],
)
def test_a_browser_is_named_in_few_words(agent: str, name: str) -> None:
    assert agents.named(agent) == name


@pytest.mark.parametrize(
    ("hostile", "name"),
    [
        ("Version/" + "1" * 60_000, "Version/" + "1" * 32),
        ("Version/" + "1." * 30_000, "Version/" + "1." * 16),
        ("Version/1 " * 6_000, "Version/1"),
        ("Version/1 Mobile/" + "x" * 60_000, "Version/1"),
        ("Version/1 Mobile/" * 3_500, "Version/1"),
        ("Firefox/" + "1" * 60_000, "Firefox 1111"),
        ("Firefox/" * 7_500, ("Firefox/" * 5)),
        (" " * 60_000, ""),
        (" " * 505 + "Firefox/140", ""),  # seven of its characters are looked at
        ("curl" + " " * 508 + "X11", "curl"),
    ],
    ids=["digits", "dots", "versions", "mobile", "mobiles", "long", "often", "spaces", "late program", "late system"],
)
def test_no_more_than_the_beginning_is_looked_at(hostile: str, name: str) -> None:
    assert agents.named(hostile) == name


async def test_names_are_text(town: Town) -> None:
    email, browser = town.somebody(), town.browser()
    await browser.fill("/account/sign-up", name="<b>&{{ 7 * 7 }}", email=email, password=PASSWORD)
    await browser.fill(await town.link(email), password=PASSWORD)
    assert "&lt;b&gt;&amp;{{ 7 * 7 }}" in (await browser.get("/account")).text
    assert (await town.mail(email)).text.count("{{") == 0


async def test_pages_of_a_person_are_kept_by_nobody(town: Town) -> None:
    browser = await town.signed_in()
    for path in ("/account", "/account/reset", "/account/mails"):
        assert (await browser.get(path)).headers["Cache-Control"] == "no-store"
    style = await browser.get("/account/style.css")
    assert style.headers["Content-Type"] == "text/css; charset=utf-8"
    assert "immutable" in style.headers["Cache-Control"]


async def test_the_mails_of_a_developer_are_for_this_machine_alone(town: Town) -> None:
    await town.person()
    near = Browser(town.service.app, "http://127.0.0.1:8000", "127.0.0.1")
    page = await near.get("/account/mails")
    assert page.status_code == 200
    assert "Confirm your address" in page.text
    assert (
        await Browser(town.service.app, "http://127.0.0.1:8000", "192.0.2.1").get("/account/mails")
    ).status_code == 404
    assert (await near.get("/account/mails", headers={"X-Forwarded-For": "192.0.2.1"})).status_code == 404
    assert (await Browser(town.service.app, BASE_URL, "127.0.0.1").get("/account/mails")).status_code == 404  # rebound
