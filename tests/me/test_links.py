"""A customer signs in with an account: an application asks, the person agrees, and a token of theirs opens `/v1/me`."""

from typing import Any

import pytest

from engage_api.access.accounts import operator as accounts
from engage_api.access.customer_links import housekeeping, people, service
from engage_api.access.oauth import scopes
from engage_api.core.scopes import Scope
from tests.accounts.browsing import Browser, Town, is_page
from tests.counts import Count
from tests.members import people as members
from tests.oauth import parties, programs
from tests.oauth.programs import Program
from tests.running import Answer, Application

PAGE = "/account/customers"
SCOPES = ("customers:read", "customers:write", "customers:sessions", "me:read")


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


@pytest.fixture
async def desk(town: Town) -> Desk:
    return await open_desk(town)


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


async def test_somebody_agrees_and_sees_themselves_until_they_end_it(town: Town, desk: Desk) -> None:
    email = await town.person()
    link = await desk.invite(email.upper())
    assert (link["state"], link["hint"]) == ("pending", f"P…@{email.partition('@')[2].upper()}")
    assert email.lower() not in str(link).lower()
    mail = await town.mail(email.upper())
    assert "Bureau" in mail.text
    assert f"{town.base_url}{PAGE}" in mail.text
    browser = await town.signed_in(email)
    page = await browser.get(PAGE)
    assert "Bureau" in page.text
    assert "Permit assistant" in page.text
    assert "Zoë" not in page.text, "what they call the customer is theirs until the person has agreed"
    await said(browser, "agree", link["id"])
    found = (await desk.ask("GET", desk.links)).json["items"]
    assert [(one["state"], one["expiresAt"]) for one in found] == [("linked", None)]
    assert found[0]["linkedAt"]
    tokens = await desk.program.tokens(browser, scope="me:read openid")
    assert set(tokens["scope"].split()) == {"me:read", "openid"}
    ask = town.service.ask
    me = await ask("GET", "/v1/me", key=tokens["access_token"])
    assert (me.status, me.json["id"], me.json["displayName"]) == (200, desk.customer, "Zoë")
    assert "segments" not in me.json
    for path in ("/v1/customers", f"/v1/customers/{desk.customer}", "/v1/usage"):
        assert (await ask("GET", path, key=tokens["access_token"])).code == "insufficient-scope"
    principal = await town.service.services.doorkeeper.recognise(tokens["access_token"])
    assert principal
    assert principal.actor == f"customer:{desk.customer}"
    again = (await desk.program.refresh(tokens["refresh_token"])).json
    await said(browser, "end", link["id"])
    for token in (tokens["access_token"], again["access_token"]):
        assert (await ask("GET", "/v1/me", key=token)).code == "insufficient-scope"
    assert (await desk.ask("GET", desk.links)).json["items"] == []
    log = (await desk.ask("GET", f"/events?subject={link['id']}")).json["items"]
    assert [one["type"].split(".")[2] for one in log] == ["created", "linked", "deleted"]
    assert email.partition("@")[0] not in str(log).lower()


async def test_every_other_end_is_one_too(town: Town, desk: Desk) -> None:
    """The application ends it, the customer is closed or deleted."""
    for how in ("ended", "closed", "deleted"):
        made = await desk.ask("POST", "/customers", {"kind": "person", "displayName": how})
        desk.customer = made.json["id"]
        link, browser = await desk.agreed(await town.person())
        tokens = await desk.program.tokens(browser, scope="me:read")
        key = tokens["access_token"]
        assert (await town.service.ask("GET", "/v1/me", key=key)).json["id"] == desk.customer
        if how == "ended":
            assert (await desk.ask("DELETE", f"{desk.links}/{link['id']}")).status == 204
        elif how == "closed":
            assert (await desk.ask("POST", f"/customers/{desk.customer}/transitions", {"to": "closed"})).status == 200
            assert (await desk.ask("POST", desk.links, {"email": "x@example.org"})).code == "customer-closed"
        else:
            match = [("If-Match", "*")]
            path = f"/v1/customers/{desk.customer}"
            assert (await town.service.ask("DELETE", path, key=desk.key, headers=match)).status == 204
        assert (await town.service.ask("GET", "/v1/me", key=key)).code == "insufficient-scope", how


async def test_nobody_agrees_for_somebody_else(town: Town, desk: Desk) -> None:
    link = await desk.invite(await town.person())
    stranger = await town.signed_in()
    assert "Nobody has linked" in (await stranger.get(PAGE)).text
    seal = (await stranger.form("/account", "/account/sign-out"))["form"]
    for what in ("agree", "end"):
        for one in (link["id"], "lnk_none", ""):
            is_page(await stranger.post(PAGE, data={"form": seal, what: one}), 404)
    is_page(await stranger.post(PAGE, data={"agree": link["id"]}), 403)
    is_page(await town.browser().post(PAGE, data={"agree": link["id"]}), 403)
    assert (await town.browser().get(PAGE)).status_code == 303
    assert (await desk.ask("GET", desk.links)).json["items"][0]["state"] == "pending"


async def test_an_account_is_one_customer_of_a_workspace_and_one_in_each(town: Town, desk: Desk) -> None:
    email = await town.person()
    _, browser = await desk.agreed(email)
    first = desk.customer
    desk.customer = (await desk.ask("POST", "/customers", {"kind": "person", "displayName": "B"})).json["id"]
    second = await desk.invite(email)
    seal = (await browser.form("/account", "/account/sign-out"))["form"]
    is_page(await browser.post(PAGE, data={"form": seal, "agree": second["id"]}), 409)
    assert (await desk.me(browser)).json["id"] == first
    elsewhere = await open_desk(town)
    assert (await (await _agreed_again(elsewhere, email, browser)).me(browser)).json["id"] == elsewhere.customer
    assert (await desk.me(browser)).json["id"] == first


async def _agreed_again(desk: Desk, email: str, browser: Browser) -> Desk:
    await said(browser, "agree", (await desk.invite(email))["id"])
    return desk


async def test_who_is_no_customer_gets_nothing_for_it(town: Town, desk: Desk) -> None:
    stranger = await town.signed_in()
    back = await desk.program.allowed(stranger, scope="me:read openid")
    tokens = (await desk.program.redeem(back["code"])).json
    assert tokens["scope"] == "openid"
    owner = await members.member(town, "owner", desk.program.organization)
    tokens = await desk.program.tokens(owner.browser, scope="me:read customers:read")
    assert tokens["scope"] == "customers:read"


async def test_a_customer_who_is_a_member_too_acts_as_the_customer_alone(town: Town, desk: Desk) -> None:
    owner = await members.member(town, "owner", desk.program.organization)
    await said(owner.browser, "agree", (await desk.invite(owner.email))["id"])
    tokens = await desk.program.tokens(owner.browser, scope="me:read customers:read")
    assert tokens["scope"] == "me:read"
    assert (await town.service.ask("GET", "/v1/me", key=tokens["access_token"])).json["id"] == desk.customer
    assert scopes.allowed(["customers:read"], [Scope.CUSTOMERS_READ], "owner", desk.customer) == ["customers:read"]


async def test_what_is_refused(town: Town, desk: Desk, count: Count) -> None:
    other = await open_desk(town)
    link = await desk.invite("a@example.org")
    refusals: list[tuple[Answer, str]] = [
        (await desk.ask("POST", desk.links, {"email": "A@example.org"}), "already-linked"),
        (await other.ask("POST", desk.links, {"email": "b@example.org"}), "not-found"),
        (await other.ask("GET", desk.links), "not-found"),
        (await other.ask("DELETE", f"{desk.links}/{link['id']}"), "not-found"),
        (await desk.ask("DELETE", f"{desk.links}/lnk_none"), "not-found"),
        (await other.ask("DELETE", f"{other.links}/{link['id']}"), "not-found"),
    ]
    wrong = ("", "a", "a@b@c", "a b@example.org", "a@example.org\r\nBcc: x@y.org", 7, None, "x" * 250 + "@a.nl")
    refusals += [(await desk.ask("POST", desk.links, {"email": one}), "invalid-request") for one in wrong]
    for n in range(4):
        await desk.invite(f"more{n}@example.org")
    refusals.append((await desk.ask("POST", desk.links, {"email": "six@example.org"}), "too-many-links"))
    for at, (answer, code) in enumerate(refusals):
        assert answer.code == code, (at, answer.body)
    count("links", refused=len(refusals))
    second = (await desk.ask("POST", "/customers", {"kind": "person", "displayName": "B"})).json["id"]
    answers = [
        await desk.ask("POST", f"/customers/{second}/account-links", {"email": f"n{n}@example.org"}) for n in range(5)
    ]
    assert {answer.status for answer in answers} == {201}


async def test_a_sandbox_sends_twenty_mails_in_an_hour(town: Town, desk: Desk) -> None:
    made = [await desk.ask("POST", "/customers", {"kind": "person", "displayName": f"{n}"}) for n in range(5)]
    paths = [f"/customers/{made[n % 5].json['id']}/account-links" for n in range(21)]
    answers = [await desk.ask("POST", path, {"email": f"person{n}@example.org"}) for n, path in enumerate(paths)]
    assert [answer.status for answer in answers[:20]] == [201] * 20
    assert answers[20].code == "too-many-requests"
    assert int(answers[20].header("retry-after") or "0") > 60


async def test_what_nobody_agreed_to_in_time_and_what_lost_its_account_goes(
    town: Town, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = town.service.db
    late = await desk.invite(await town.person())
    email = await town.person()
    _, browser = await desk.agreed(email)
    await accounts.delete(db, email)
    assert (await browser.get(PAGE)).status_code == 303
    with monkeypatch.context() as past:
        past.setattr(service, "OPEN_FOR", -service.OPEN_FOR)
        gone = await desk.invite(await town.person())
    assert await people.one(db, "none", gone["id"]) is None
    await housekeeping.sweep_links(db, None)  # type: ignore[arg-type]  # it looks at no job
    assert [one["id"] for one in (await desk.ask("GET", desk.links)).json["items"]] == [late["id"]]
    assert gone["id"] not in str(await people.ended(db, 10))
