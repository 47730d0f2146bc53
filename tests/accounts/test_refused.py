"""What the pages do not take: forms from elsewhere, bodies that are no form, addresses, names and passwords that will
not do, links that have had their time."""

from collections.abc import Callable
from typing import Any
from unittest.mock import AsyncMock

import httpx
import pytest

from engage_api.access.accounts.refusals import Busy
from engage_api.db.errors import Unavailable
from tests.accounts.browsing import ANOTHER, PASSWORD, Browser, Town
from tests.counts import Count

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
OPEN = ("/account/sign-in", "/account/sign-up", "/account/reset", "/account/confirm")
CLOSED = ("/account/sign-out", "/account/sessions", "/account/password")

Spoil = Callable[[dict[str, Any], Browser], None]


def _without(name: str) -> Spoil:
    return lambda sent, _: sent["data"].pop(name)


def _header(name: str, value: str) -> Spoil:
    return lambda sent, _: sent["headers"].update({name: value})


def _body(content: bytes) -> Spoil:
    def spoil(sent: dict[str, Any], _: Browser) -> None:
        seal = sent.pop("data")["form"].encode()
        sent["content"] = content.replace(b"SEAL", seal)
        sent["headers"] = FORM | sent["headers"]

    return spoil


def _no_cookie(_: dict[str, Any], browser: Browser) -> None:
    browser.cookies.clear()


def _cookie(value: str) -> Spoil:
    def spoil(_: dict[str, Any], browser: Browser) -> None:
        browser.cookies.clear()
        browser.cookies.set("engage-visit", value, domain="engage.test")

    return spoil


FORGED: list[tuple[str, Spoil, int]] = [
    ("without the seal", _without("form"), 403),
    ("with an empty seal", lambda sent, _: sent["data"].update(form=""), 403),
    ("with a seal of the same form", lambda sent, _: sent["data"].update(form="A" * 43), 403),
    ("with a seal that is no ASCII", lambda sent, _: sent["data"].update(form="é" * 43), 403),
    ("without a cookie", _no_cookie, 403),
    ("with somebody else's cookie", _cookie("B" * 43), 403),
    ("with a cookie that we never make", _cookie("B" * 42), 403),
    ("from another site", _header("Sec-Fetch-Site", "cross-site"), 403),
    ("from a neighbour", _header("Sec-Fetch-Site", "same-site"), 403),
    ("from nowhere", _header("Sec-Fetch-Site", "none"), 403),
    ("from another origin", _header("Origin", "https://evil.example"), 403),
    ("from an origin that begins like ours", _header("Origin", "http://engage.test.evil.example"), 403),
    ("from an origin that ends like ours", _header("Origin", "http://evil-engage.test"), 403),
    ("from another port", _header("Origin", "http://engage.test:8080"), 403),
    ("as plain text", _header("Content-Type", "text/plain"), 415),
    ("as JSON", _header("Content-Type", "application/json"), 415),
    ("in parts", _header("Content-Type", "multipart/form-data; boundary=x"), 415),
    ("as nothing", _header("Content-Type", ""), 415),
    ("with a field twice", _body(b"form=SEAL&email=a%40example.org&email=b%40example.org&password=x"), 400),
    ("with the seal twice", _body(b"form=SEAL&form=SEAL&email=a%40example.org&password=x"), 400),
    ("with many fields", _body(b"form=SEAL" + b"".join(b"&a%d=1" % n for n in range(30))), 400),
    ("with NUL", _body(b"form=SEAL&email=a%00%40example.org&password=x"), 400),
    ("with bytes that are no text", _body(b"form=SEAL&email=%ff%fe&password=x"), 400),
    ("with bytes beyond ASCII", _body("form=SEAL&email=é&password=x".encode()), 400),
    ("with half a character", _body(b"form=SEAL&email=%ed%a0%80&password=x"), 400),
    ("with a kilobyte too many", _body(b"form=SEAL&email=a&password=" + b"x" * 17_000), 413),
    ("with nothing", _body(b""), 403),
]


@pytest.mark.parametrize(("spoil", "status"), [case[1:] for case in FORGED], ids=[case[0] for case in FORGED])
async def test_a_form_of_somebody_else_is_refused(town: Town, count: Count, spoil: Spoil, status: int) -> None:
    email = await town.person()
    browser = town.browser()
    fields = await browser.form("/account/sign-in") | {"email": email, "password": PASSWORD}
    sent: dict[str, Any] = {"data": fields, "headers": {}}
    spoil(sent, browser)
    answer = await browser.post("/account/sign-in", **sent)
    is_page(answer, status)
    assert browser.session is None
    count("account pages", refused=1)


@pytest.mark.parametrize("path", [*OPEN, *CLOSED])
async def test_every_form_has_its_seal(town: Town, count: Count, path: str) -> None:
    browser = await town.signed_in() if path in CLOSED else town.browser()
    await browser.get("/account/sign-up")  # a visit has its cookie, too
    fields = {"email": "a@example.org", "password": PASSWORD, "end": "others", "token": "x", "name": "Ada"}
    visiting = (await town.browser().form("/account/sign-in"))["form"]  # a seal, but of another browser
    for sealed in ({}, {"form": ""}, {"form": visiting}):
        is_page(await browser.post(path, data=fields | sealed), 403)
    is_page(await browser.post(path, data=fields, headers={"Sec-Fetch-Site": "cross-site"}), 403)
    count("account pages", refused=4)


@pytest.mark.parametrize("path", CLOSED)
async def test_what_belongs_to_a_session_needs_one(town: Town, path: str) -> None:
    browser = town.browser()
    seal = (await browser.form("/account/sign-in"))["form"]
    is_page(await browser.post(path, data={"form": seal, "end": "others"}), 403)


async def test_the_seal_of_a_visit_is_none_of_a_session(town: Town) -> None:
    browser = town.browser()
    seal = (await browser.form("/account/sign-in"))["form"]
    await browser.sign_in(await town.person())
    is_page(await browser.post("/account/sessions", data={"form": seal, "end": "others"}), 403)


ADDRESSES = [
    "",
    "ada",
    "ada@",
    "@example.org",
    "ada@@example.org",
    "ada@exa@mple.org",
    "ada@example..org",
    "ada@-example.org",
    "ada@example.org.",
    "ada @example.org",
    "ada@example.org\r\nBcc: eve@evil.example",
    "ada@example.org\nBcc: eve@evil.example",
    "ada\r\nRCPT TO:<eve@evil.example>@example.org",
    "Ada <ada@example.org>",
    "ada@example.org, eve@evil.example",
    "ada@example.org;eve@evil.example",
    '"ada"@example.org',
    "ada@[127.0.0.1]",
    "ada(comment)@example.org",
    "ada@exämple.org",
    "аda@example.org",  # noqa: RUF001  # a Cyrillic letter: another person's name that looks like hers
    "ada@example.org\u2028x",
    f"{'a' * 65}@example.org",
    f"ada@{'a' * 64}.org",
    f"ada@{'a.' * 130}org",
]


@pytest.mark.parametrize("path", ["/account/sign-up", "/account/reset"])
async def test_what_is_no_address_gets_no_mail(town: Town, count: Count, path: str) -> None:
    for address in ADDRESSES:
        browser = town.browser()
        fields = await browser.form(path) | {"email": address, "name": "Ada", "password": PASSWORD}
        answer = await browser.post(path, data=fields)
        is_page(answer, 400)
        assert 'aria-invalid="true"' in answer.text
    assert town.accounts.outbox is not None
    assert not [kept.mail for kept in town.accounts.outbox.mails if "evil" in kept.mail.to]
    count("account pages", refused=len(ADDRESSES))


@pytest.mark.parametrize("name", ["", " ", "Ada\r\nBcc: x", "A\x1bda", "A" * 101, "\u202eada"])
async def test_what_is_no_name_is_refused(town: Town, count: Count, name: str) -> None:
    answer = await town.browser().fill("/account/sign-up", name=name, email=town.somebody(), password=PASSWORD)
    is_page(answer, 400)
    count("account pages", refused=1)


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("", "Between 10 and 128"),
        ("Tr0ub4d&3", "Between 10 and 128"),
        ("x" * 129, "Between 10 and 128"),
        ("password1234", "very common"),
        ("qwertyuiop123", "too easy"),
        ("aaaaaaaaaaaaaaaaaaaaaaaa", "Repeats"),
        ("abcdefghijklmnop", "Sequences"),
        ("12345678901234567890", "too easy"),
        ("1984-11-22", "too easy"),
    ],
)
async def test_a_weak_password_is_refused_with_the_reason(town: Town, count: Count, password: str, says: str) -> None:
    browser = town.browser()
    answer = await browser.fill("/account/sign-up", name="Ada", email=town.somebody(), password=password)
    is_page(answer, 400)
    assert says in answer.text
    assert not password or password not in answer.text
    signed_in = await town.signed_in()
    answer = await signed_in.fill("/account", action="/account/password", old=PASSWORD, password=password)
    is_page(answer, 400)
    link = await town.reset_link(await town.person())
    is_page(await browser.fill(link, password=password), 400)
    assert (await browser.fill(link, password=ANOTHER)).status_code == 303  # a refusal has not used it up
    count("account pages", refused=3)


@pytest.mark.parametrize("password", ["adalovelace1", "lovelace.town2", "engageengage"])
async def test_what_everybody_knows_of_somebody_is_no_password(town: Town, count: Count, password: str) -> None:
    person = {"name": "Ada Lovelace", "email": "ada@lovelace.town"}
    answer = await town.browser().fill("/account/sign-up", **person, password=password)
    is_page(answer, 400)
    assert "too easy" in answer.text
    count("account pages", refused=1)


async def test_a_link_opens_its_own_door_alone(town: Town, count: Count) -> None:
    confirm, reset = await town.pending(town.somebody()), await town.reset_link(await town.person())
    browser = town.browser()
    token = reset.partition("=")[2]
    for path in (
        f"/account/confirm?token={token}",
        f"/account/reset?token={confirm.partition('=')[2]}",
        f"/account/confirm?token={token[:-1]}",
        f"/account/reset?token={token}x",
        "/account/confirm?token=",
        "/account/confirm",
        "/account/reset?token=%27%20OR%201=1",
        "/account/reset?token=é",
    ):
        is_page(await browser.get(path), 410)
    given = await browser.form("/account/reset")
    is_page(await browser.post("/account/reset", data=given | {"token": "A" * 43, "password": ANOTHER}), 410)
    is_page(await browser.post("/account/confirm", data=given | {"token": token, "password": PASSWORD}), 410)
    count("account pages", refused=10)


async def test_nobody_ends_the_session_of_another(town: Town, count: Count) -> None:
    ada, eve = await town.signed_in(), await town.signed_in()
    account = await town.accounts.who(ada.session or "")
    assert account is not None
    for end in (account.session, "ses_x", "", "' OR 1=1"):
        is_page(await eve.fill("/account", action="/account/sessions", end=end), 404)
    assert (await ada.get("/account")).status_code == 200
    count("account pages", refused=4)


async def test_the_present_password_must_be_right(town: Town) -> None:
    browser = await town.signed_in()
    answer = await browser.fill("/account", action="/account/password", old=ANOTHER, password=ANOTHER)
    is_page(answer, 400)
    assert "not your present password" in answer.text


async def test_what_is_busy_or_broken_is_a_page_too(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = town.browser()
    form = await browser.form("/account/sign-in") | {"email": "a@example.org", "password": PASSWORD}
    for error, status in ((Unavailable("away"), 503), (Busy(), 503), (RuntimeError("an accident"), 500)):
        monkeypatch.setattr(type(town.accounts), "sign_in", AsyncMock(side_effect=error))
        answer = await browser.post("/account/sign-in", data=form)
        is_page(answer, status)
        assert "accident" not in answer.text
        assert ("Retry-After" in answer.headers) is (status == 503)


def is_page(answer: httpx.Response, status: int) -> None:
    """A page for people that says no."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "<h1>" in answer.text
