"""Chromium for tests, over the DevTools protocol: one WebSocket, no driver to install.

It can reach the loopback address and nothing else, and it notes what it was asked to load and what went wrong.
"""

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
PATIENCE = 30.0  # seconds
LINE: dict[str, Any] = {"max_size": None, "proxy": None, "max_queue": None, "ping_interval": None}
"""A page goes on telling when nobody listens for a minute: nothing is held back, and no answer to a ping is awaited."""
JUDGE = """axe.run(document, {resultTypes: ["violations"]}).then(found => found.violations.flatMap(
    rule => rule.nodes.map(node => `${rule.id}: ${node.target.join(' ')} ${node.failureSummary}`)))"""
"""Whom a page shuts out, once axe-core is there. Of what is right it need not tell each place."""

Event = dict[str, Any]


class Tab:
    """One page of the browser."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0
        self.events: list[Event] = []
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.send(f"{domain}.enable")
        self.send("Page.setBypassCSP", enabled=False)

    def send(self, method: str, **parameters: Any) -> Any:
        """Give a command and wait for its result; events that come meanwhile are kept."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=PATIENCE))
            if message.get("id") == self._number:
                assert "error" not in message, message["error"]
                return message["result"]
            self.events.append(message)

    def wait(self, found: Callable[[Event], bool]) -> None:
        """Wait for an event, unless it has been already."""
        if any(found(event) for event in self.events):
            return
        deadline = time.monotonic() + PATIENCE
        while True:
            message = json.loads(self._socket.recv(timeout=deadline - time.monotonic()))
            self.events.append(message)
            if found(message):
                return

    def open(self, url: str) -> None:
        """Load a page, from the beginning: the page before is gone, and so is what was noted of it."""
        for place in ("about:blank", url):
            self.events.clear()
            self.send("Page.navigate", url=place)
            self.wait(lambda event: event.get("method") == "Page.loadEventFired")

    def run(self, script: str) -> Any:
        """The value of a script; promises are waited for. Runs beside the page's content security policy."""
        given = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in given, given["exceptionDetails"]
        return given["result"].get("value")

    def until(self, script: str) -> None:
        """Wait until a script says true."""
        deadline = time.monotonic() + PATIENCE
        while not self.run(script):
            assert time.monotonic() < deadline, f"never true: {script}"
            time.sleep(0.1)

    def press(self, key: str, *, code: int) -> None:
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def look(self, width: int, height: int, *, dark: bool = False, phone: bool = False) -> None:
        """Set the size of the window and the colours that its system prefers."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.send("Emulation.setEmulatedMedia", features=[scheme, still])

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"]))

    def asked(self) -> list[str]:
        """Every address that the page wanted something from."""
        return [e["params"]["request"]["url"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]

    def trouble(self) -> list[str]:
        """What did not load, what was refused and what was thrown."""
        return [text for event in self.events if (text := _trouble(event))]


def _trouble(event: Event) -> str:
    given = event.get("params", {})
    match event.get("method"):
        case "Network.loadingFailed" if not given.get("canceled"):
            return f"not loaded: {given.get('errorText')} {given.get('blockedReason', '')}"
        case "Network.responseReceived" if given["response"]["status"] >= 400:
            return f"{given['response']['status']}: {given['response']['url']}"
        case "Runtime.exceptionThrown":
            return f"thrown: {given['exceptionDetails'].get('exception', given['exceptionDetails'])}"
        case "Log.entryAdded" if given["entry"]["level"] == "error":
            return f"logged: {given['entry']['text']}"
        case "Runtime.consoleAPICalled" if given["type"] == "error":
            return f"console: {[part.get('value', part.get('description')) for part in given['args']]}"
    return ""


@contextmanager
def browser(folder: Path) -> Iterator[Tab]:
    """A Chromium of its own, whose profile is an empty folder."""
    program = next((path for name in NAMES if (path := shutil.which(name))), None)
    if program is None:
        pytest.skip("needs a browser: `make browsers` installs Chromium")
    with subprocess.Popen(
        [program, *QUIET, f"--user-data-dir={folder}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            with connect(_address(folder), **LINE) as root:
                yield from _tab(root)
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _tab(root: ClientConnection) -> Iterator[Tab]:
    """The first page's own socket lies beside the browser's."""
    root.send(json.dumps({"id": 1, "method": "Target.getTargets"}))
    targets = json.loads(root.recv(timeout=PATIENCE))["result"]["targetInfos"]
    page = next(target["targetId"] for target in targets if target["type"] == "page")
    host, port = root.remote_address[:2]
    with connect(f"ws://{host}:{port}/devtools/page/{page}", **LINE) as socket:
        yield Tab(socket)


def _address(folder: Path) -> str:
    """Chromium writes down where it listens: port and path, a line each."""
    told = folder / "DevToolsActivePort"
    deadline = time.monotonic() + PATIENCE
    while not told.is_file() or len(told.read_text().splitlines()) < 2:
        assert time.monotonic() < deadline, "Chromium did not start"
        time.sleep(0.05)
    port, path = told.read_text().splitlines()
    return f"ws://127.0.0.1:{port}{path}"
