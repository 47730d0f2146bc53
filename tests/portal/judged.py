"""A person at the keyboard whose every page is judged: by axe-core, in light and dark, on a desk and on a phone."""

import os
import re
from pathlib import Path

from tests.accounts.browsing import LINK
from tests.portal.browser import JUDGE, Tab

LOOKS = [(1280, 900, False, False), (1280, 900, True, False), (390, 844, False, True)]
PICTURES = "ENGAGE_TEST_PICTURES" in os.environ  # in the tests' temporary folder, for somebody who wants to look
REFUSED = re.compile(r"^(400|403|404|409|410): |status of (400|403|404|409|410) ")  # pages that say no are pages, too


class Judged:
    """A browser whose every page is looked at by axe-core in all looks; `pages` counts them."""

    def __init__(self, tab: Tab, axe: str, base: str, folder: Path) -> None:
        self.tab, self.axe, self.base, self.folder = tab, axe, base, folder
        self.pages = 0
        self.judges = True

    def open(self, path: str) -> None:
        self.tab.open(self.base + path)
        self.judge()

    def judge(self) -> None:
        """The page that is there stays at home, loads, has no script, shuts nobody out and fits the window.

        Not while `judges` is false: other tests look at those pages.
        """
        if not self.judges:
            return
        self.pages += 1
        heading = self.tab.run("document.querySelector('h1').innerText")
        elsewhere = [url for url in self.tab.asked() if not url.startswith(f"{self.base}/")]
        trouble = [text for text in self.tab.trouble() if not REFUSED.search(text)]
        assert elsewhere + trouble == [], heading
        assert self.tab.run("document.scripts.length") == 0
        self.tab.run(self.axe)
        for width, height, dark, phone in LOOKS:
            self.tab.look(width, height, dark=dark, phone=phone)
            assert self.tab.run(JUDGE) == [], (heading, width, dark)
            assert self.tab.run("document.documentElement.scrollWidth <= innerWidth"), heading
            if PICTURES:
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

    def follow(self, label: str) -> None:
        """Go to a link and press Enter."""
        self.tab.run(f"[...document.querySelectorAll('a')].find(a => a.innerText === '{label}').focus()")
        self.enter()

    def tick(self, name: str) -> None:
        """Go to a box and press the space bar."""
        self.tab.run(f"document.getElementById('{name}').focus()")
        self._key(" ", "Space", 32)

    def _key(self, text: str, code: str, number: int) -> None:
        key = {"key": code if code == "Enter" else text, "code": code, "windowsVirtualKeyCode": number}
        self.tab.send("Input.dispatchKeyEvent", type="keyDown", text=text, **key)
        self.tab.send("Input.dispatchKeyEvent", type="keyUp", **key)

    def enter(self) -> None:
        self.tab.events.clear()
        self._key("\r", "Enter", 13)
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
