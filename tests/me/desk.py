"""An application with a customer, and people who may be this customer."""

from typing import Any

from tests.accounts.browsing import Browser, Town
from tests.oauth import parties, programs
from tests.oauth.programs import Program
from tests.running import Answer, Application

PAGE = "/account/customers"
SCOPES = ("customers:read", "customers:write", "customers:sessions", "events:read", "me:read")


class Desk:
    """An application of an organization that has a customer, in its sandbox."""

    def __init__(self, town: Town, program: Program, key: str) -> None:
        self.town, self.program, self.key = town, program, key
        self.customer = ""

    async def ask(self, method: str, path: str, body: Any = None) -> Answer:
        return await self.town.service.ask(method, f"/v1{path}", body, key=self.key)

    @property
    def links(self) -> str:
        return f"/customers/{self.customer}/account-links"

    async def invite(self, email: str) -> dict[str, Any]:
        answer = await self.ask("POST", self.links, {"email": email})
        assert answer.status == 201, answer.body
        return dict(answer.json)

    async def agreed(self, email: str) -> tuple[dict[str, Any], Browser]:
        """A link that its person has agreed to."""
        link, browser = await self.invite(email), await self.town.signed_in(email)
        await said(browser, "agree", link["id"])
        return link, browser

    async def me(self, browser: Browser, scope: str = "me:read") -> Answer:
        """What a token of the person in this browser opens."""
        tokens = await self.program.tokens(browser, scope=scope)
        return await self.town.service.ask("GET", "/v1/me", key=tokens["access_token"])


async def open_desk(town: Town) -> Desk:
    program = await programs.make(town, scopes=SCOPES)
    [sandbox] = await parties.sandboxes(town.service, program.organization)
    desk = Desk(town, program, await town.service.key(who=Application(program.application, sandbox)))
    made = await desk.ask("POST", "/customers", {"kind": "person", "displayName": "Zoë", "segments": ["vip"]})
    desk.customer = made.json["id"]
    return desk


async def said(browser: Browser, what: str, link: str) -> None:
    answer = await browser.post(
        PAGE, data={"form": (await browser.form("/account", "/account/sign-out"))["form"], what: link}
    )
    assert answer.status_code == 303, answer.text
