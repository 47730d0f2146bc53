"""A customer signs in with an account: an application asks, the person agrees, and a token of theirs opens `/v1/me`."""

import asyncio

from engage_api.access.oauth import scopes
from engage_api.core.scopes import Scope
from tests.accounts.browsing import Browser, Town, is_page
from tests.me.desk import PAGE, Desk, open_desk, said
from tests.members import people as members


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
    log = await members.story(town, desk.key, link["id"], 3)
    assert [one["type"].split(".")[2] for one in log] == ["created", "linked", "deleted"]
    assert email.partition("@")[0] not in str(log).lower()


async def test_somebody_agrees_once_however_often_they_say_so(town: Town, desk: Desk) -> None:
    email = await town.person()
    link, browser = await desk.invite(email), await town.signed_in(email)
    form = {"form": (await browser.form("/account", "/account/sign-out"))["form"], "agree": link["id"]}
    answers = await asyncio.gather(*(browser.post(PAGE, data=form) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [303] + [404] * 7
    assert len((await desk.ask("GET", f"/events?subject={link['id']}")).json["items"]) <= 2


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
