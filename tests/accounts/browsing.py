"""A person in front of the pages: looks at one, fills its form in and sends it, and reads the mails that come."""

import asyncio
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import count
from typing import Any

import httpx
from starlette.types import ASGIApp

from engage_api.access.accounts.mail import Mail
from engage_api.access.accounts.service import Accounts
from tests.passwords import ANOTHER, PASSWORD
from tests.running import BASE_URL, Service

__all__ = ["ANOTHER", "PASSWORD"]  # beside what stands here

_people = count(1)
_SEAL = re.compile(r'(name="form" value=")[A-Za-z0-9_-]{43}(")')
LINK = re.compile(r"https?://\S+\?token=[A-Za-z0-9_-]{43}")


@dataclass
class Form(HTMLParser):
    """The form of a page that is sent to `action`: its fields as they stand there."""

    text: str
    action: str
    fields: dict[str, str] = field(default_factory=dict)
    _within: bool = False

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._within = given["action"] == self.action
        elif tag == "input" and self._within and (given["type"] not in ("checkbox", "radio") or "checked" in given):
            self.fields[given["name"]] = given.get("value", "on")


class Browser(httpx.AsyncClient):
    """A browser with its cookies, at an address of its own: what it tries too often is counted for itself."""

    def __init__(self, app: ASGIApp, base_url: str = BASE_URL, address: str | None = None) -> None:
        number = next(_people)
        client = (address or f"198.51.{number // 250}.{number % 250 + 1}", 5000)
        headers = {"User-Agent": "Firefox/140", "Sec-Fetch-Site": "same-origin", "Origin": "null"}
        super().__init__(transport=httpx.ASGITransport(app, client=client), base_url=base_url, headers=headers)

    async def form(self, path: str, action: str | None = None) -> dict[str, str]:
        """The fields of a form as the page at this path gives them."""
        page = await self.get(path)
        assert page.status_code == 200, page.text
        return Form(page.text, action or path.partition("?")[0]).fields

    async def fill(self, path: str, /, action: str | None = None, **fields: str) -> httpx.Response:
        """Fill in the form that is sent to `action` on the page at this path, and send it."""
        given = await self.form(path, action)
        return await self.post(action or path.partition("?")[0], data=given | fields)

    async def sign_in(self, email: str, password: str = PASSWORD, path: str = "/account/sign-in") -> httpx.Response:
        return await self.fill(path, email=email, password=password)

    @property
    def session(self) -> str | None:
        return next((cookie.value for cookie in self.cookies.jar if cookie.name.endswith("engage-session")), None)


@dataclass
class Town:
    """A service, and the people who use it."""

    service: Service
    base_url: str = BASE_URL

    @property
    def accounts(self) -> Accounts:
        accounts: Accounts = self.service.services.accounts
        return accounts

    def browser(self, address: str | None = None) -> Browser:
        return Browser(self.service.app, self.base_url, address)

    def somebody(self) -> str:
        """An address that nobody has used."""
        return f"person{next(_people)}@example.org"

    def mails(self, to: str) -> list[Mail]:
        """What was written to this address, the newest first."""
        assert self.accounts.outbox is not None
        return [kept.mail for kept in self.accounts.outbox.mails if kept.mail.to == to]

    async def mail(self, to: str, number: int = 1) -> Mail:
        """The newest mail to this address, once there are so many."""
        async with asyncio.timeout(10):
            while len(found := self.mails(to)) < number:  # noqa: ASYNC110  # the worker is somebody else
                await asyncio.sleep(0.005)
        return found[0]

    async def link(self, to: str, number: int = 1) -> str:
        """The path that the newest mail leads to."""
        found = LINK.search((await self.mail(to, number)).text)
        assert found is not None
        assert found[0].startswith(self.base_url)
        return found[0].removeprefix(self.base_url)

    async def pending(self, email: str, password: str = PASSWORD) -> str:
        """Sign somebody up; the path that their mail leads to."""
        before = len(self.mails(email))
        answer = await self.browser().fill("/account/sign-up", name="Ada", email=email, password=password)
        assert answer.status_code == 200, answer.text
        async with asyncio.timeout(10):  # other mails may come meanwhile, which lead to the page that asks
            while True:
                for mail in self.mails(email)[: len(self.mails(email)) - before]:
                    if found := LINK.search(mail.text):
                        return found[0].removeprefix(self.base_url)
                await asyncio.sleep(0.005)

    async def person(self, password: str = PASSWORD) -> str:
        """Somebody with a confirmed account: their address."""
        email = self.somebody()
        answer = await self.browser().fill(await self.pending(email, password), password=password)
        assert answer.status_code == 303, answer.text
        return email

    async def signed_in(self, email: str = "") -> Browser:
        """The browser of somebody who is signed in."""
        browser = self.browser()
        answer = await browser.sign_in(email or await self.person())
        assert answer.status_code == 303, answer.text
        return browser

    async def reset_link(self, email: str) -> str:
        before = len(self.mails(email))
        answer = await self.browser().fill("/account/reset", email=email)
        assert answer.status_code == 200, answer.text
        return await self.link(email, before + 1)


async def is_signed_in(browser: Browser) -> bool:
    """Whether the account page says so; else it leads to the sign-in page."""
    answer = await browser.get("/account")
    assert answer.status_code in (200, 303)
    return answer.status_code == 200


def is_page(answer: httpx.Response, status: int) -> None:
    """A page for people that says no."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "<h1>" in answer.text


def told(answer: httpx.Response, *also: str) -> tuple[int, dict[str, Any], str]:
    """An answer without what differs from one to the next: for those who compare two."""
    text = _SEAL.sub(r"\1…\2", answer.text)
    for word in also:
        text = text.replace(word, "…")
    headers = {name: value for name, value in answer.headers.items() if name not in {"x-request-id", "set-cookie"}}
    headers.pop("content-length", None)
    return answer.status_code, headers, text
