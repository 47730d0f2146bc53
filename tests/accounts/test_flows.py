"""What people do: sign up, confirm, sign in, look where they are signed in, end that, choose another password."""

import re

from tests.accounts.browsing import ANOTHER, PASSWORD, Town, is_signed_in


async def test_somebody_signs_up_confirms_and_is_signed_in(town: Town) -> None:
    email, browser = town.somebody(), town.browser()
    sent = await browser.fill("/account/sign-up", name="Ada Lovelace", email=email, password=PASSWORD)
    assert sent.status_code == 200
    assert email in sent.text
    assert not await is_signed_in(browser)

    link = await town.link(email)
    assert (await browser.sign_in(email)).status_code == 400  # not before it is confirmed
    entered = await browser.fill(link, password=PASSWORD)
    assert (entered.status_code, entered.headers["Location"]) == (303, "/account")
    page = await browser.get("/account")
    assert "Ada Lovelace" in page.text
    assert email in page.text
    assert "Firefox 140" in page.text
    assert (await town.browser().get(link)).status_code == 410  # used


async def test_who_is_signed_in_sees_and_ends_sessions(town: Town) -> None:
    email = await town.person()
    here, there, third = [await town.signed_in(email) for _ in range(3)]
    page = (await here.get("/account")).text
    assert page.count(">End this one<") == 3  # with that of the confirmation
    newest = re.findall(r'name="end" value="(ses_[^"]+)"', page)[0]
    ended = await here.fill("/account", action="/account/sessions", end=newest)
    assert ended.headers["Location"] == "/account?said=ended"
    assert "The session has ended." in (await here.get("/account?said=ended")).text
    assert [await is_signed_in(one) for one in (here, there, third)] == [True, True, False]
    await here.fill("/account", action="/account/sessions", end="others")
    assert [await is_signed_in(one) for one in (here, there, third)] == [True, False, False]


async def test_signing_out_ends_the_session_and_not_only_the_cookie(town: Town) -> None:
    browser = await town.signed_in()
    cookie = browser.session
    assert cookie is not None
    out = await browser.fill("/account", action="/account/sign-out")
    assert out.headers["Location"] == "/account/sign-in?said=signed-out"
    assert browser.session is None
    browser.cookies.set("engage-session", cookie, domain="engage.test")
    assert not await is_signed_in(browser)


async def test_a_reset_ends_all_sessions_and_the_old_password(town: Town) -> None:
    email = await town.person()
    old, link = await town.signed_in(email), await town.reset_link(email)
    other_link = await town.reset_link(email)
    browser = town.browser()
    done = await browser.fill(link, password=ANOTHER)
    assert done.headers["Location"] == "/account/sign-in?said=reset"
    assert not await is_signed_in(old)
    assert (await browser.sign_in(email, PASSWORD)).status_code == 400
    assert (await browser.sign_in(email, ANOTHER)).status_code == 303
    assert (await browser.get(other_link)).status_code == 410
    assert (await browser.get(link)).status_code == 410


async def test_a_reset_confirms_who_never_did(town: Town) -> None:
    email = town.somebody()
    await town.pending(email)
    await town.browser().fill(await town.reset_link(email), password=ANOTHER)
    assert (await town.browser().sign_in(email, ANOTHER)).status_code == 303


async def test_another_password_ends_all_other_sessions(town: Town) -> None:
    email = await town.person()
    here, there, link = await town.signed_in(email), await town.signed_in(email), await town.reset_link(email)
    done = await here.fill("/account", action="/account/password", old=PASSWORD, password=ANOTHER)
    assert done.headers["Location"] == "/account?said=password"
    assert [await is_signed_in(one) for one in (here, there)] == [True, False]
    assert (await there.get(link)).status_code == 410
    assert (await there.sign_in(email, ANOTHER)).status_code == 303


async def test_who_signs_up_again_is_told_by_mail_alone(town: Town) -> None:
    email = await town.person()
    await town.browser().fill("/account/sign-up", name="Eve", email=email.upper(), password=ANOTHER)
    mail = await town.mail(email, 2)
    assert mail.subject == "You have an account already"
    assert "token" not in mail.text
    assert (await town.browser().sign_in(email, PASSWORD)).status_code == 303


async def test_a_sign_up_of_somebody_elses_address_comes_to_nothing(town: Town) -> None:
    """Eve signs Ada's address up and knows the password; Ada follows the link of a mail that she did not ask for."""
    email, ada = town.somebody(), town.browser()
    link = await town.pending(email, ANOTHER)
    assert (await ada.fill(link, password=PASSWORD)).status_code == 400
    assert (await town.browser().sign_in(email, ANOTHER)).status_code == 400
    second = await town.pending(email, PASSWORD)  # Ada signs up herself: hers takes the place of Eve's
    assert (await town.browser().fill(link, password=ANOTHER)).status_code == 400
    assert (await ada.fill(second, password=PASSWORD)).status_code == 303


async def test_the_last_sign_up_counts_with_its_name_and_its_password(town: Town) -> None:
    email, ada = town.somebody(), town.browser()
    first = await town.pending(email, PASSWORD)
    await town.browser().fill("/account/sign-up", name="Eve", email=email, password=ANOTHER)
    await town.mail(email, 2)
    refused = await ada.fill(first, password=PASSWORD)
    assert refused.status_code == 400
    assert "chosen last" in refused.text
    await ada.fill("/account/sign-up", name="Ada Lovelace", email=email, password=PASSWORD)
    link = await town.link(email, 3)
    assert (await town.browser().fill(link, password=ANOTHER)).status_code == 400
    assert (await ada.fill(link, password=PASSWORD)).status_code == 303
    page = (await ada.get("/account")).text
    assert "Ada Lovelace" in page
    assert "Eve" not in page


async def test_a_new_password_confirms_an_address_that_somebody_else_signed_up_last(town: Town) -> None:
    email, ada = town.somebody(), town.browser()
    await town.pending(email, PASSWORD)
    await town.pending(email, "mountain kettle orbit flute")
    assert (await ada.fill(await town.reset_link(email), password=ANOTHER)).status_code == 303
    assert (await ada.sign_in(email, ANOTHER)).status_code == 303


async def test_who_is_signed_in_is_not_asked_again(town: Town) -> None:
    browser = await town.signed_in()
    assert (await browser.get("/account/sign-up")).headers["Location"] == "/account"
    answer = await browser.get("/account/sign-in?next=/oauth/authorize%3Fclient_id%3Dx")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/oauth/authorize?client_id=x")


async def test_whoever_must_sign_in_first_comes_back(town: Town) -> None:
    """Over a page of its own: browsers hold `form-action` against redirects that follow a form."""
    email = await town.person()
    path = "/account/sign-in?next=/oauth/authorize%3Fclient_id%3Dx%26scope%3Da"
    answer = await town.browser().sign_in(email, PASSWORD, path)
    assert answer.status_code == 200
    assert 'content="0;url=/oauth/authorize?client_id=x&amp;scope=a"' in answer.text
    page = await town.browser().get("/account?x=1")
    assert page.headers["Location"] == "/account/sign-in?next=%2Faccount%3Fx%3D1"
