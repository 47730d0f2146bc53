"""The account's pages in Chromium, with the keyboard alone, in light and dark, on a desk and on a phone."""

import re
from pathlib import Path

import pytest

from tests.accounts.browsing import ANOTHER, LINK, PASSWORD
from tests.portal.browser import JUDGE, Tab
from tests.portal.conftest import Service

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]  # one browser for all

LOOKS = [(1280, 900, False, False), (1280, 900, True, False), (390, 844, False, True)]
REFUSED = re.compile(r"^(400|403|404|410): |status of (400|403|404|410) ")  # pages that say no are pages, too
ADA, GRACE = "ada@example.org", "grace@example.org"


@pytest.fixture
def judged(tab: Tab, axe: str, module_service: Service, tmp_path: Path) -> "Judged":
    tab.send("Network.clearBrowserCookies")
    return Judged(tab, axe, module_service.base, tmp_path)


class Judged:
    """A browser whose every page is looked at by axe-core in all looks; `pages` counts them."""

    def __init__(self, tab: Tab, axe: str, base: str, folder: Path) -> None:
        self.tab, self.axe, self.base, self.folder = tab, axe, base, folder
        self.pages = 0

    def open(self, path: str) -> None:
        self.tab.open(self.base + path)
        self.judge()

    def judge(self) -> None:
        """The page that is there stays at home, loads, has no script, shuts nobody out and fits the window."""
        self.pages += 1
        heading = self.tab.run("document.querySelector('h1').innerText")
        elsewhere = [url for url in self.tab.asked() if not url.startswith(f"{self.base}/")]
        trouble = [text for text in self.tab.trouble() if not REFUSED.search(text)]
        assert elsewhere + trouble == [], heading
        assert self.tab.run("document.scripts.length") == 0
        for width, height, dark, phone in LOOKS:
            self.tab.look(width, height, dark=dark, phone=phone)
            self.tab.run(self.axe)
            assert self.tab.run(JUDGE) == [], (heading, width, dark)
            assert self.tab.run("document.documentElement.scrollWidth <= innerWidth"), heading
            look = f"{'phone' if phone else 'desk'}-{'dark' if dark else 'light'}"
            self.tab.picture(self.folder / f"{self.pages:02}-{heading.replace(' ', '-')}-{look}.png")
        self.tab.look(1280, 900)

    def fill(self, **fields: str) -> None:
        """Type into the fields of these names in turn, and send their form with the Enter key."""
        for name, text in fields.items():
            self.tab.run(f"document.getElementById('{name}').focus(), document.getElementById('{name}').select()")
            self.tab.send("Input.insertText", text=text)
        self.enter()

    def press(self, label: str) -> None:
        """Go to a button and press Enter."""
        self.tab.run(f"[...document.querySelectorAll('button')].find(b => b.innerText === '{label}').focus()")
        self.enter()

    def enter(self) -> None:
        self.tab.events.clear()
        key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
        self.tab.send("Input.dispatchKeyEvent", type="keyDown", text="\r", **key)
        self.tab.send("Input.dispatchKeyEvent", type="keyUp", **key)
        self.tab.wait(lambda event: event.get("method") == "Page.loadEventFired")
        self.judge()

    def says(self, text: str) -> None:
        assert text in self.tab.run("document.body.innerText")

    def link(self, page: str) -> str:
        """Where the newest mail leads that has a link to this page; each test writes to one person."""
        wanted = f"{page}?token="
        self.tab.until(f"fetch('/account/mails').then(a => a.text()).then(t => t.includes('{wanted}'))")
        self.open("/account/mails")
        mails: str = self.tab.run("[...document.querySelectorAll('pre')].map(pre => pre.innerText).join('\\n')")
        link: str = next(found for found in LINK.findall(mails) if wanted in found)
        return link.removeprefix(self.base)


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
