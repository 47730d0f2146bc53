"""A reader of the stream of events, over ASGI: it takes what it is sent, or does not, and may go away."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from engage_api.core.problem import Problem
from tests.api.harness import Client

PATH = "/v1/events/stream"


class Message(NamedTuple):
    """One server-sent event, as a browser dispatches it: its name, if it has one, the last id until then, its data."""

    name: str
    id: str
    data: bytes


class Reading:
    """What was said of the answer, and what was sent since."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.raw = b""
        self.messages: list[Message] = []
        self.over = False
        self._parser = Parser()
        self.takes = asyncio.Event()
        self.takes.set()
        self._news = asyncio.Event()
        self._left = asyncio.Event()
        self._asked = False

    async def receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        await self.takes.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {str(name, "latin-1"): str(value, "latin-1") for name, value in message["headers"]}
        else:
            self.raw += message.get("body", b"")
            if self.status == 200:
                self.messages += self._parser.feed(message.get("body", b""))
            self.over = not message.get("more_body", False)
        self._news.set()

    def leave(self) -> None:
        self._left.set()

    @property
    def events(self) -> list[bytes]:
        """The data of those without a name: the events, to the byte."""
        return [message.data for message in self.messages if not message.name]

    @property
    def ids(self) -> list[str]:
        return [json.loads(event)["id"] for event in self.events]

    @property
    def problem(self) -> dict[str, Any]:
        """The last message, which must be one."""
        last = self.messages[-1]
        assert last.name == "problem", last
        found: dict[str, Any] = json.loads(last.data)
        assert found["code"] in Problem.known
        return found

    async def until(self, number: int = 0, *, over: bool = False, seconds: float = 10) -> "Reading":
        """Once it has been sent so many events; or, with `over`, is at its end."""
        async with asyncio.timeout(seconds):
            while len(self.events) < number or not self.status or (over and not self.over):
                await self._news.wait()
                self._news.clear()
        return self


async def newest(api: Client) -> str:
    """The id of the last event of a short log, once all that was written can be read."""
    await asyncio.sleep(0.1)
    return str((await api.events(1))[-1]["id"])


class Parser:
    """What a browser makes of a stream (WHATWG HTML, section 9.2.6): blocks that end with an empty line."""

    def __init__(self) -> None:
        self.last = ""
        self._rest = b""

    def feed(self, data: bytes) -> Iterable[Message]:
        """The messages that are complete by now. What is left of a stream that breaks off is none."""
        *blocks, self._rest = (self._rest + data).split(b"\n\n")
        for block in blocks:
            fields: dict[bytes, bytes] = {}
            for line in block.split(b"\n"):
                name, _, value = line.partition(b": ")
                assert name in {b"id", b"data", b"event", b"retry", b":"}, line
                fields[name] = value
            self.last = fields.get(b"id", self.last.encode()).decode()
            if b"data" in fields:
                yield Message(fields.get(b"event", b"").decode(), self.last, fields[b"data"])


def retries(raw: bytes) -> list[int]:
    """What was said of when to come back, in milliseconds."""
    return [int(number) for number in re.findall(rb"^retry: (\d+)$", raw, re.MULTILINE)]


@asynccontextmanager
async def reading(caller: Client, query: str = "", **headers: str) -> AsyncIterator[Reading]:
    """A stream that is open once the block begins, and is left with it."""
    made = Reading()
    given = [(b"host", b"engage.test"), (b"authorization", b"Bearer " + caller.key.encode())]
    given += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 50_000),
        "scheme": "http",
        "method": "GET",
        "root_path": "",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": query.encode(),
        "headers": given,
    }
    app: Any = caller._transport.app  # type: ignore[attr-defined]
    running = asyncio.create_task(app(scope, made.receive, made.send))
    try:
        async with asyncio.timeout(10):
            while not (made.over or made.raw or running.done()):  # noqa: ASYNC110  # a task runs, or has failed
                await asyncio.sleep(0.002)
        yield made
    finally:
        made.leave()
        made.takes.set()
        await running
