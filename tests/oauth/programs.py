"""Programs that act for people: what a client does between the browser of a person and the authorization server."""

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from tests.accounts.browsing import Browser, Form, Town
from tests.members import people
from tests.oauth import parties
from tests.oauth.parties import TOKEN, Credential, post
from tests.running import Answer, Service

AUTHORIZE = "/oauth/authorize"
BACK = "https://app.example.org/signed-in"
LOOPBACK = "http://127.0.0.1/cb"
SCOPES = ("customers:read", "customers:write", "cases:read")
_LED = re.compile(r'<meta http-equiv="refresh" content="0;url=([^"]*)">')


def pkce() -> tuple[str, str]:
    """A new verifier, and its challenge."""
    verifier = secrets.token_urlsafe(32)
    digest = hashlib.sha256(verifier.encode()).digest()
    return verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(frozen=True)
class Program:
    """One client of an application; `who` has no secret when it is public."""

    service: Service
    operator: str
    organization: str
    application: str
    who: Credential
    live: Credential
    redirect_uri: str = BACK
    verifier: str = field(default_factory=lambda: pkce()[0])

    @property
    def challenge(self) -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()

    def at(self, who: Credential) -> "Program":
        """The same program with another of its clients."""
        return replace(self, who=who)

    def asks(self, **more: str | None) -> dict[str, str]:
        """The parameters of a good authorization request, with others in their place; None: left out."""
        plain: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.who.id,
            "redirect_uri": self.redirect_uri,
            "scope": "customers:read",
            "state": "af0ifjsldkj",
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in (plain | more).items() if value is not None}

    def path(self, **more: str | None) -> str:
        """Where the browser is led."""
        return f"{AUTHORIZE}?{urlencode(self.asks(**more))}"

    async def allowed(self, browser: Browser, **more: str | None) -> dict[str, str]:
        """What comes back once the person has agreed, if they are asked."""
        answer = await browser.get(self.path(**more))
        if answer.status_code == 200:
            answer = await said(browser, answer, "allow")
        return led_back(answer, self.redirect_uri)

    async def redeem(self, code: str, /, **more: str | None) -> Answer:
        """The answer to a code."""
        plain: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
        }
        return await self.post(plain | more)

    async def refresh(self, token: str, /, **more: str | None) -> Answer:
        """The answer to a refresh token."""
        return await self.post({"grant_type": "refresh_token", "refresh_token": token, **more})

    async def post(self, form: Mapping[str, str | None], path: str = TOKEN) -> Answer:
        """A form, shown with the secret, or with the client id alone."""
        given = {name: value for name, value in form.items() if value is not None}
        if self.who.secret:
            return await post(self.service, path, given, self.who)
        return await post(self.service, path, {"client_id": self.who.id} | given)

    async def tokens(self, browser: Browser, **more: str | None) -> dict[str, Any]:
        """The tokens of a person who agrees."""
        answer = await self.redeem((await self.allowed(browser, **more))["code"])
        assert answer.status == 200, answer.body
        return dict(answer.json)

    async def change(self, **fields: Any) -> None:
        """Change the application."""
        at = f"/v1/applications/{self.application}"
        etag = (await self.service.ask("GET", at, key=self.operator)).header("etag") or ""
        answer = await self.service.ask("PATCH", at, fields, key=self.operator, headers=[("If-Match", etag)])
        assert answer.status == 200, answer.body


async def make(town: Town, *, public: bool = False, uris: tuple[str, ...] = (BACK, LOOPBACK), **more: Any) -> Program:
    """An application for people, of a new organization that is approved; live, too."""
    service, operator = town.service, await town.service.key()
    organization = more.pop("organization", None) or await people.party(town)
    body = {"name": "Permit assistant", "scopes": SCOPES, "redirectUris": uris, "organizationId": organization}
    kind = {"clientType": "public" if public else "confidential"}
    made = await parties.made(service, operator, "/applications", body | kind | more)
    await parties.moved(service, operator, f"/applications/{made['id']}", "live", scopes=made["scopes"])
    clients = {
        environment: Credential(
            made[f"{environment}ClientId"],
            "" if public else await parties.secret(service, operator, made["id"], environment),
        )
        for environment in ("test", "live")
    }
    return Program(service, operator, organization, made["id"], clients["test"], clients["live"], uris[0])


async def said(browser: Browser, page: httpx.Response, decision: str, **more: str) -> httpx.Response:
    """Send what somebody decides on the page that asks them."""
    fields = Form(page.text, AUTHORIZE).fields
    return await browser.post(AUTHORIZE, data=fields | {"decision": decision} | more)


def led_back(answer: httpx.Response, redirect_uri: str = BACK) -> dict[str, str]:
    """The parameters with which a browser is led back, by a redirect or by a page."""
    if answer.status_code == 303:
        place = answer.headers["location"]
    else:
        assert answer.status_code == 200, answer.text
        found = _LED.search(answer.text)
        assert found is not None, answer.text
        place = unescape(found[1])
    assert place.startswith(f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}"), place
    given = parse_qs(urlsplit(place).query, keep_blank_values=True)
    assert all(len(values) == 1 for values in given.values()), place
    return {name: value for name, [value] in given.items()}
