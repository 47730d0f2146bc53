"""Somebody at the keyboard of the sandbox console."""

from typing import Any

from tests.portal.browser import Tab

FIND = """(label, beside = "") => [...document.querySelectorAll("main a, main button")].find(
    one => one.checkVisibility() && (one.innerText.trim() === label || one.getAttribute("aria-label") === label)
        && one.closest("li, main").innerText.includes(beside))"""
DONE = "!document.querySelector('[aria-disabled=true], .console-outcome--doing')"


class Person:
    """Somebody at the keyboard, on the page of the console."""

    def __init__(self, tab: Tab) -> None:
        self.tab = tab
        self.key = ""

    def press(self, label: str, *, beside: str = "") -> None:
        """Go to what has this label, in an item that says `beside`, press Enter, and wait until it has been done."""
        found = f"({FIND})({label!r}, {beside!r})"
        self.tab.until(f"{found} !== undefined")
        self.tab.run(f"{found}.focus()")
        key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
        self.tab.send("Input.dispatchKeyEvent", type="keyDown", **key)
        self.tab.send("Input.dispatchKeyEvent", type="keyUp", **key)
        self.tab.until(DONE)

    def reads(self) -> str:
        said: str = self.tab.run("document.querySelector('main').innerText")
        return said

    def until(self, text: str, where: str = "main") -> None:
        """Wait until a part of the page says this."""
        self.tab.until(f"document.querySelector({where!r})?.innerText.includes({text!r}) === true")

    def asks(self, method: str, path: str, body: str) -> Any:
        """What their program does meanwhile with `key`, and what it is answered."""
        return self.tab.run(f"""(async () => {{
            const headers = {{Authorization: "Bearer {self.key}", "Content-Type": "application/json"}};
            const answer = await fetch("/v1{path}", {{method: {method!r}, headers, body: {body!r}}});
            if (!answer.ok) throw new Error(await answer.text());
            return answer.json();
        }})()""")
