"""A program that takes webhooks: it keeps what it was sent, and answers what a test wants."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple

PATIENCE = 60.0


class Taken(NamedTuple):
    """One request, headers in lower case."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Hook:
    """`status` is what it answers with."""

    port: int = 0
    status: int = 204

    def __post_init__(self) -> None:
        self.taken: list[Taken] = []
        self._came = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}/hook"

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[1:-2]
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head)}
            self.taken.append(Taken(headers, await reader.readexactly(int(headers["content-length"]))))
            self._came.set()
            writer.write(f"HTTP/1.1 {self.status} X\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the other side has left
        finally:
            writer.close()

    async def until(self, number: int) -> list[Taken]:
        """What was taken, as soon as there are so many."""
        async with asyncio.timeout(PATIENCE):
            while len(self.taken) < number:
                self._came.clear()
                await self._came.wait()
        return self.taken


@asynccontextmanager
async def hook(port: int = 0) -> AsyncIterator[Hook]:
    made = Hook()
    server = await asyncio.start_server(made.connected, "127.0.0.1", port)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await server.wait_closed()
