"""Somebody has got hold of a session. Its person throws them out with a new password, and they stay out."""

import asyncio

from engage_api.access.accounts import store
from engage_api.access.accounts.service import Accounts
from tests.accounts.browsing import ANOTHER, PASSWORD, Browser, Town, is_page, is_signed_in
from tests.identity.provider import Provider
from tests.identity.test_outside import came_back, gone
from tests.members import people
from tests.oauth import programs


def with_the_session_of(town: Town, owner: Browser) -> Browser:
    thief = town.browser()
    assert owner.session is not None
    thief.cookies.update({"engage-session": owner.session})
    return thief


async def recover(town: Town, email: str) -> str:
    """A new password by mail: what the page says then."""
    browser = town.browser()
    link = await town.reset_link(email)
    assert "what you allowed applications" in (await browser.get(link)).text
    answer = await browser.fill(link, password=ANOTHER)
    assert answer.status_code == 303, answer.text
    return (await browser.get(answer.headers["Location"])).text


async def test_a_session_alone_connects_nothing(town: Town, provider: Provider) -> None:
    email = await town.person()
    owner = await town.signed_in(email)
    thief = with_the_session_of(town, owner)
    provider.reset()
    for password in ("", "perhaps this one here"):
        is_page(await thief.fill("/account", "/account/outside", present=password), 403)
    fields = await thief.form("/account", "/account/sign-out")
    is_page(await thief.post("/account/outside", data=fields), 403)  # nor without the field
    refused = town.browser()
    is_page(await refused.get(provider.answer(await gone(refused))), 403)
    assert await is_signed_in(owner)


async def test_guesses_at_the_password_are_counted(town: Town, provider: Provider) -> None:
    thief = with_the_session_of(town, await town.signed_in())
    fields = await thief.form("/account", "/account/outside")
    statuses = [(await thief.post("/account/outside", data=fields | {"present": "x"})).status_code for _ in range(12)]
    assert statuses[0] == 403
    assert statuses[-1] == 429


async def test_its_person_is_told_that_an_account_was_connected(town: Town, provider: Provider) -> None:
    email, browser = (given := await town.person()), await town.signed_in(given)
    before = len(town.mails(email))
    provider.reset()
    assert await came_back(browser, provider, "/account") == "/account?said=connected"
    mail = await town.mail(email, before + 1)
    assert mail.subject == "Your account was connected"
    assert "/account/reset" in mail.text
    assert "token" not in mail.text


async def test_a_new_password_by_mail_ends_signing_in_elsewhere(town: Town, provider: Provider) -> None:
    email = await town.person()
    thief = await town.signed_in(email)  # who knew the password, too
    provider.reset()
    assert await came_back(thief, provider, "/account") == "/account?said=connected"
    again = town.browser()
    assert await came_back(again, provider) == "/account"
    said = await recover(town, email)
    assert "all sessions have ended" in said
    assert "elsewhere" in said
    assert not await is_signed_in(thief)
    assert not await is_signed_in(again)
    refused = town.browser()
    is_page(await refused.get(provider.answer(await gone(refused))), 403)
    owner = town.browser()
    assert (await owner.sign_in(email, ANOTHER)).status_code == 303
    assert "Connect with Harbour ID" in (await owner.get("/account")).text


async def test_a_new_password_by_mail_ends_what_applications_may_do(town: Town) -> None:
    program = await programs.make(town)
    victim = await people.member(town, "owner", program.organization)
    bystander = await people.member(town, "owner", program.organization)
    stolen = await program.tokens(with_the_session_of(town, victim.browser))
    kept = await program.tokens(bystander.browser)
    code = (await program.allowed(victim.browser))["code"]
    ask = town.service.ask
    assert (await ask("GET", "/v1/customers", key=stolen["access_token"])).status == 200
    await recover(town, victim.email)
    assert (await ask("GET", "/v1/customers", key=stolen["access_token"])).status == 401
    assert (await program.refresh(stolen["refresh_token"])).status == 400
    assert (await program.redeem(code)).status == 400
    assert (await ask("GET", "/v1/customers", key=kept["access_token"])).status == 200
    assert (await program.refresh(kept["refresh_token"])).status == 200


async def test_who_connects_while_the_password_is_changed_stays_out(town: Town, provider: Provider) -> None:
    """The thief is at the last step: their session was looked at, and ends before anything is written."""
    email = await town.person()
    thief = await town.signed_in(email)
    provider.reset()
    path = provider.answer(await gone(thief, "/account"))
    looked, go_on = asyncio.Event(), asyncio.Event()
    who = Accounts.who

    async def slow(accounts: Accounts, cookie: str) -> object:
        account = await who(accounts, cookie)
        looked.set()
        await go_on.wait()
        return account

    try:
        Accounts.who = slow  # type: ignore[method-assign, assignment]
        connecting = asyncio.create_task(thief.get(path))
        await asyncio.wait_for(looked.wait(), 10)
    finally:
        Accounts.who = who  # type: ignore[method-assign]
    row = await store.by_address(town.service.db, email)
    async with town.service.db.system.write(None) as tx:
        await store.shut_out(tx, row.id)
    go_on.set()
    is_page(await connecting, 410)
    refused = town.browser()
    is_page(await refused.get(provider.answer(await gone(refused))), 403)


async def test_the_password_is_asked_for_and_opens(town: Town, provider: Provider) -> None:
    owner = await town.signed_in()
    provider.reset()
    page = (await owner.get("/account")).text
    assert 'name="present"' in page
    assert (await owner.fill("/account", "/account/outside", present=PASSWORD)).status_code == 200
