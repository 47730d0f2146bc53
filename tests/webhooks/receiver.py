"""A receiver of webhooks on this machine. It remembers what it was sent, and answers as a test likes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from engage_api.events.webhooks.signing import ID


@dataclass(frozen=True)
class Got:
    """One request. The names of its headers are in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=monotonic)

    @property
    def id(self) -> str:
        return self.headers[ID]


Answer = tuple[int, dict[str, str], bytes]
Answers = Callable[[Got], Awaitable[Answer]]


class Receiver:
    """`answer` says what it answers: a status, or a function."""

    def __init__(self, answer: int | Answers = 200) -> None:
        self.got: list[Got] = []
        self.answer = answer
        self.now = self.most = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def ids(self) -> list[str]:
        return [got.id for got in self.got]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            got = Got(first.split(" ")[1], headers, await reader.readexactly(int(headers.get("content-length", 0))))
            self.got.append(got)
            status, more, body = (self.answer, {}, b"ok") if isinstance(self.answer, int) else await self.answer(got)
            head = "".join(f"{name}: {value}\r\n" for name, value in {"content-length": len(body), **more}.items())
            writer.write(f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode() + body)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the other side has left
        finally:
            self.now -= 1
            writer.close()

    async def until(self, number: int, seconds: float = 15) -> list[Got]:
        """What it was sent, once it is so much."""
        async with asyncio.timeout(seconds):
            while len(self.got) < number:  # noqa: ASYNC110  # it is another task, or process, that sends
                await asyncio.sleep(0.005)
        return self.got


@asynccontextmanager
async def receiving(answer: int | Answers = 200, port: int = 0) -> AsyncIterator[Receiver]:
    receiver = Receiver(answer)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", port)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                await server.wait_closed()


def says(status: int, body: bytes = b"", **headers: Any) -> Answers:
    """A function that always answers the same."""

    async def answer(_: Got) -> Answer:
        return status, {name.replace("_", "-"): str(value) for name, value in headers.items()}, body

    return answer
