"""Followers of the log over real connections, which may be cut at any moment, and go on after what they have."""

import asyncio
import json
import random
import re
import ssl
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx

from engage_api.access import operator
from engage_api.core.secret import derive
from engage_api.db import open_database
from tests.running import add_party
from tests.serving import Server
from tests.taps.reading import Parser

NO_TLS = ssl.SSLContext(
    ssl.PROTOCOL_TLS_CLIENT
)  # without the certificates, which take longer to load than all the rest
EVENT = re.compile(rb'\{"specversion".*?\}(?=,\{"specversion|\],"nextCursor)')


class Follower(ABC):
    """Reads the log from its beginning. `got` is what it has, to the byte; `cut` breaks off what it does just now."""

    def __init__(self, server: Server, key: str) -> None:
        self.got: list[bytes] = []
        self.wrong: list[str] = []
        self.cuts = 0
        self._server, self._key = server, key
        self._now: asyncio.Task[None] | None = None

    @property
    def last(self) -> str | None:
        return str(json.loads(self.got[-1])["id"]) if self.got else None

    def cut(self) -> bool:
        """Whether there was anything to break off."""
        if self._now is None or self._now.done():
            return False
        self.cuts += 1
        return self._now.cancel()

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop, however often it is cut or the service is away."""
        while not stop.is_set():
            await self._server.up.wait()
            self._now = asyncio.create_task(self._connected())
            ending = asyncio.create_task(stop.wait())
            await asyncio.wait({self._now, ending}, return_when=asyncio.FIRST_COMPLETED)
            ending.cancel()
            self._now.cancel()
            with suppress(asyncio.CancelledError, httpx.TransportError):
                await self._now

    async def _connected(self) -> None:
        async with caller(self._server, self._key) as client:
            while True:
                await self._ask(client)

    @abstractmethod
    async def _ask(self, client: httpx.AsyncClient) -> None:
        """Ask once for what comes next."""

    def _refused(self, answer: httpx.Response) -> None:
        if answer.status_code != 503:
            self.wrong.append(f"{answer.status_code} {answer.text[:300]}")


class Pages(Follower):
    """Asks for a page now and then; `wait` is how long the service may keep it waiting for one."""

    wait = 0

    async def _ask(self, client: httpx.AsyncClient) -> None:
        place = {"after": self.last} if self.last else {}
        wanted = {"limit": str(random.randint(1, 200)), "wait": str(self.wait), **place}
        answer = await client.get("/events", params=wanted)
        if answer.status_code == 200:
            self.got += EVENT.findall(answer.content)
        else:
            self._refused(answer)
        if not self.wait or answer.status_code != 200:
            await asyncio.sleep(0.1)


class Waiting(Pages):
    """Asks again as soon as it was answered: the long poll."""

    wait = 5


class Streaming(Follower):
    """Takes the stream. The first event is asked for as a page: a stream without a place begins at its own start."""

    async def _ask(self, client: httpx.AsyncClient) -> None:
        if self.last is None:
            first = await client.get("/events", params={"limit": "1"})
            self.got += EVENT.findall(first.content) if first.status_code == 200 else []
            return
        parser = Parser()
        async with client.stream("GET", "/events/stream", headers={"Last-Event-ID": self.last}) as answer:
            if answer.status_code != 200:
                await answer.aread()
                self._refused(answer)
                await asyncio.sleep(0.1)
                return
            async for data in answer.aiter_bytes():
                for message in parser.feed(data):
                    if message.name:
                        self.wrong.append(message.data.decode())
                    else:
                        self.got.append(message.data)
                        assert message.id == self.last


def caller(server: Server, key: str) -> httpx.AsyncClient:
    """Calls version 1 of the service."""
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.AsyncClient(base_url=f"{server.url}/v1", headers=headers, timeout=60, trust_env=False, verify=NO_TLS)


@asynccontextmanager
async def followed(followers: list[Follower]) -> AsyncIterator[None]:
    """They all follow as long as the block lasts."""
    stop = asyncio.Event()
    running = [asyncio.create_task(follower.run(stop)) for follower in followers]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*running)


async def partners(server: Server, number: int) -> list[str]:
    """Keys of so many partners' applications in the live workspace."""
    db, found = await open_database(server.settings.database), []
    pepper = derive(server.settings.secret(), "api-keys")
    try:
        for at in range(number):
            async with db.system.write(None) as tx:
                await add_party(tx, "live", f"app_partner_{at}", "partner", "live")
            who = await operator.principal(db, "live", plan="unlimited", application=f"app_partner_{at}")
            _, made = await operator.make_key(db, who, pepper, name="test", wanted=operator.scopes("*"))
            found.append(made.reveal())
    finally:
        await db.close()
    return found


async def whole(server: Server, key: str) -> list[bytes]:
    """The log as it is at last, page by page."""
    found: list[bytes] = []
    async with caller(server, key) as client:
        params = {"limit": "200"}
        while True:
            answer = await client.get("/events", params=params)
            assert answer.status_code == 200, answer.text
            found += EVENT.findall(answer.content)
            cursor = answer.json()["nextCursor"]
            if cursor is None:
                return found
            params["cursor"] = cursor
