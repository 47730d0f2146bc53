"""What the pages do not take: forms from elsewhere, bodies that are no form, methods that they do not have."""

from collections.abc import Callable
from typing import Any
from unittest.mock import AsyncMock

import pytest
from starlette.requests import Request
from starlette.responses import Response

from engage_api.access.accounts.pages import paged
from engage_api.access.accounts.refusals import Busy
from engage_api.db.errors import Unavailable
from tests.accounts.browsing import PASSWORD, Browser, Town, is_page
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
    ("from half an address", _header("Origin", "http://[::1"), 403),
    ("from no address in brackets", _header("Origin", "http://[evil]"), 403),
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
    ("with a kilobyte too many", _body(b"form=SEAL&email=a&password=" + b"x" * 66_000), 413),
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


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        *((path, "GET, HEAD, POST") for path in OPEN),
        *((path, "POST") for path in CLOSED),
        ("/account", "GET, HEAD"),
        ("/account/mails", "GET, HEAD"),
    ],
)
async def test_a_page_says_how_it_works(town: Town, count: Count, path: str, allowed: str) -> None:
    methods = {"GET", "POST", "PUT", "PATCH", "DELETE"} - set(allowed.split(", "))
    for method in methods:
        answer = await town.browser().request(method, path)
        is_page(answer, 405)
        assert answer.headers["Allow"] == allowed
    count("account pages", refused=len(methods))


async def test_what_is_busy_or_broken_is_a_page_too(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = town.browser()
    form = await browser.form("/account/sign-in") | {"email": "a@example.org", "password": PASSWORD}
    for error, status in ((Unavailable("away"), 503), (Busy(), 503), (RuntimeError("an accident"), 500)):
        monkeypatch.setattr(type(town.accounts), "sign_in", AsyncMock(side_effect=error))
        answer = await browser.post("/account/sign-in", data=form)
        is_page(answer, status)
        assert "accident" not in answer.text
        assert ("Retry-After" in answer.headers) is (status == 503)


async def test_an_accident_counts_for_who_asked() -> None:
    async def accident(_: Request) -> Response:
        raise RuntimeError("an accident")

    state = {"request_id": "req_1"}
    answer = await paged(accident)(Request({"type": "http", "state": state}))
    assert (answer.status_code, state) == (500, {"request_id": "req_1", "counted": True})
