"""What stands at the other end of a request that the service sends: receivers that misbehave, and a network that
leads every connection to one of them, whatever address was asked for.
"""

import asyncio
import socket
import ssl
import struct
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, Self

from engage_api.http.outbound import Outbound, Resolver
from engage_api.settings import Settings

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

TLS = b"\x16"  # the first byte of its handshake
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Receiver:
    """A server of this machine. It remembers what was asked, and how often it was connected to.

    A polite one reads the head of a request before it behaves as it does.
    """

    def __init__(self, behaviour: Behaviour, *, polite: bool = True) -> None:
        self._behaviour = behaviour
        self._polite = polite
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections = 0
        self.heads: list[bytes] = []
        self.names: list[str | None] = []
        self.port = 0

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self._polite:
                first = await reader.readexactly(1)
                if first == TLS:  # and this one is plain: it hangs up
                    return
                self.heads.append(first + await reader.readuntil(b"\r\n\r\n"))
            await self._behaviour(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the other side has left, which is what most of these tests are about
        finally:
            writer.close()

    def heard(self, _socket: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        self.names.append(name)

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def receiving(
    behaviour: Behaviour, tls: ssl.SSLContext | None = None, *, polite: bool = True
) -> AsyncIterator[Receiver]:
    receiver = Receiver(behaviour, polite=polite)
    if tls:
        tls.sni_callback = receiver.heard
    server = await asyncio.start_server(receiver.connected, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        await receiver.end()
        await server.wait_closed()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK)
    await writer.drain()


def says(raw: bytes) -> Behaviour:
    async def behaviour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()

    return behaviour


def repeats(first: bytes, then: bytes, times: int, pause: float = 0.0) -> Behaviour:
    async def behaviour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        for _ in range(times):
            writer.write(then)
            await writer.drain()
            await asyncio.sleep(pause)

    return behaviour


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


def resets(first: bytes) -> Behaviour:
    async def behaviour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        await writer.drain()
        # To linger for no second is to send RST.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return behaviour


class Network:
    """Where the connections of a loop lead: all of them to one receiver, except for those to `dead` addresses and to
    `others`, which have receivers of their own.
    """

    def __init__(
        self, port: int, dead: frozenset[str] = frozenset(), others: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        self._port = port
        self._dead = dead
        self._others = others
        self._loop = asyncio.get_running_loop()
        self._connect: Any = self._loop.create_connection
        self.asked: list[tuple[str, int]] = []

    async def _lead(self, factory: Any, host: Any = None, port: Any = None, **more: Any) -> Any:
        self.asked.append((str(host), port))
        if host in self._dead:
            raise ConnectionRefusedError
        return await self._connect(factory, "127.0.0.1", self._others.get(str(host), self._port), **more)

    def __enter__(self) -> Self:
        self._loop.create_connection = self._lead  # type: ignore[assignment]
        return self

    def __exit__(self, *_: object) -> None:
        del self._loop.create_connection


class Names:
    """A resolver. A name has several answers when it answers otherwise the next time; the last one stays."""

    def __init__(self, **answers: list[tuple[str, ...]]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    async def __call__(self, host: str) -> tuple[str, ...]:
        self.asked.append(host)
        answers = self._answers.get(host.partition(".")[0])
        if not answers:
            raise OSError("no such name")
        return answers.pop(0) if len(answers) > 1 else answers[0]


@asynccontextmanager
async def door(names: Resolver | None = None, **settings: Any) -> AsyncIterator[Outbound]:
    outbound = Outbound(Settings(**settings), names)
    try:
        yield outbound
    finally:
        outbound.close()


class Watch:
    """What this process asks of the system's sockets, by whatever way, while it watches."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.armed = False
        sys.addaudithook(self._hear)  # for ever: there is no taking it away

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.armed and event in {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}:
            self.seen.append(f"{event} {arguments}")

    def __enter__(self) -> list[str]:
        self.seen, self.armed = [], True
        return self.seen

    def __exit__(self, *_: object) -> None:
        self.armed = False
