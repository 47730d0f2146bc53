"""The account's pages in Chromium, with the keyboard alone, in light and dark, on a desk and on a phone."""

import pytest

from tests.accounts.browsing import ANOTHER, PASSWORD
from tests.portal.judged import Judged

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("people")]  # one browser for all

ADA, GRACE = "ada@example.org", "grace@example.org"


def test_somebody_comes_stays_and_goes_with_the_keyboard_alone(judged: Judged) -> None:
    judged.open("/account/sign-up")
    judged.tab.run("document.querySelector('form').noValidate = true")
    judged.fill(name="Ada Lovelace", email="ada", password="password1234")
    judged.says("no e-mail address")
    judged.fill(name="Ada Lovelace", email=ADA, password="password1234")
    judged.says("very common password")
    judged.fill(name="Ada Lovelace", email=ADA, password=PASSWORD)
    judged.says("Look into your mail")
    link = judged.link("/account/confirm")
    judged.open(link)
    judged.fill(password=ANOTHER)
    judged.says("not the password")
    judged.fill(password=PASSWORD)
    judged.says("This one")
    judged.open("/account/sign-up")  # nobody who is signed in is asked for that
    judged.says("Your account")
    judged.fill(old=PASSWORD, password="password1234")
    judged.says("very common password")
    judged.fill(old=PASSWORD, password=ANOTHER)
    judged.says("Your new password is set")
    judged.press("Sign out")
    judged.says("You are signed out")
    judged.open(link)
    judged.says("does not work any more")


def test_somebody_comes_back_to_where_they_were(judged: Judged) -> None:
    judged.open("/account/sign-up")
    judged.fill(name="Grace Hopper", email=GRACE, password=ANOTHER)
    judged.open("/account/sign-in?next=/problems/not-found/%3Fa%3D1")
    judged.fill(email=GRACE, password=PASSWORD)
    judged.says("do not belong together")
    judged.open("/account/reset")
    judged.fill(email=GRACE)
    judged.open(judged.link("/account/reset"))
    judged.fill(password=PASSWORD)
    judged.says("all sessions have ended")
    judged.tab.open(f"{judged.base}/account/sign-in?next=/problems/not-found/%3Fa%3D1")
    judged.tab.run(f"document.getElementById('email').value = '{GRACE}'")
    judged.tab.run(f"document.getElementById('password').value = '{PASSWORD}'")
    judged.tab.run("document.querySelector('form').requestSubmit()")
    judged.tab.until("location.href.endsWith('/problems/not-found/?a=1')")
    judged.tab.run("document.cookie = 'engage-visit=; path=/'")  # no script reaches it
    cookies = judged.tab.send("Network.getCookies")["cookies"]
    assert {cookie["name"]: cookie["httpOnly"] for cookie in cookies} == {"engage-session": True, "engage-visit": True}
