"""What idle followers of the log cost, and when the last of them has an event (goal P9)."""

import asyncio
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import uvloop

from benchmarks.places import RUN
from benchmarks.servers import NoServer, Server
from benchmarks.subjects import python
from engage_api.access import operator
from engage_api.core.scopes import EVERYTHING
from engage_api.core.secret import derive
from engage_api.db import open_database
from engage_api.db.migrate import upgrade

CLIENTS, KEYS, BROADCASTS = 5_000, 250, 7
WARM = 200  # clients that come and go before anything is counted: what the first of them need stays for the others
AT_ONCE = 100  # connections that are being opened
PATIENCE = 60.0  # seconds
EVENT = b"\ndata: "


@dataclass(frozen=True, slots=True)
class Followed:
    """`kilobytes` is what each client costs the service; `last` are the seconds from a write, as it is sent, until the
    last client has its event.
    """

    clients: int
    kilobytes: float
    last: list[float]


class Client(asyncio.Protocol):
    """One connection: counts what it is told, and says when."""

    def __init__(self, request: bytes) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.events, self.at = 0, 0.0
        self._request = request
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # what uvloop gives
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if b"retry: 2000" in data:
            self.opened.set_result(None)
        if EVENT in data:
            self.events += 1
            self.at = time.monotonic()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(exc or ConnectionError("it was closed at once"))

    def leave(self) -> None:
        """Close it."""
        if self._transport is not None:
            self._transport.abort()


def measure(processor: int) -> Followed:
    """The service on SQLite, with that many clients of several keys, none of which has anything to read at first.

    Raises:
        NoServer: it did not start, or lost a client.
    """
    RUN.mkdir(parents=True, exist_ok=True)
    home = RUN / "followers"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    secret, url = secrets.token_hex(32), f"sqlite:///{home / 'engage.db'}"
    upgrade(url)
    keys = asyncio.run(_keys(url, secret))
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    with _served(url, secret, home, processor) as server, runner:
        return runner.run(_follow(server, keys))


@contextmanager
def _served(url: str, secret: str, home: Path, processor: int) -> Iterator[Server]:
    environment = {
        "ENGAGE_ENVIRONMENT": "production",
        "ENGAGE_SECRET_KEY": secret,
        "ENGAGE_DATABASE_URL": url,
        "ENGAGE_DATA_DIR": str(home),
    }
    server = Server("followers", python("benchmarks.crowded", "serve", "--port", "{port}"), environment)
    server.start(processor)
    try:
        server.wait()
        yield server
    finally:
        server.stop()


async def _keys(url: str, secret: str) -> list[str]:
    db = await open_database(url)
    try:
        who = await operator.principal(db, "live", plan="unlimited")
        pepper, wanted = derive(secret.encode(), "api-keys"), sorted(EVERYTHING)
        made = [await operator.make_key(db, who, pepper, name="Benchmark", wanted=wanted) for _ in range(KEYS)]
        return [key.reveal() for _, key in made]
    finally:
        await db.close()


async def _follow(server: Server, keys: list[str]) -> Followed:
    headers = {"Authorization": f"Bearer {keys[0]}"}
    async with httpx.AsyncClient(base_url=server.base_url, headers=headers, trust_env=False) as writer:
        for client in await _open(server, keys, WARM):
            client.leave()
        await asyncio.sleep(1)
        before = server.memory()
        clients = await _open(server, keys, CLIENTS)
        await asyncio.sleep(1)
        kilobytes = (server.memory() - before) / CLIENTS / 1024
        last = [await _broadcast(writer, clients, number) for number in range(1, BROADCASTS + 1)]
        for client in clients:
            client.leave()
    return Followed(CLIENTS, kilobytes, last)


async def _open(server: Server, keys: list[str], number: int) -> list[Client]:
    gate, loop = asyncio.Semaphore(AT_ONCE), asyncio.get_running_loop()

    async def one(key: str) -> Client:
        request = f"GET /v1/events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
        async with gate:
            _, client = await loop.create_connection(lambda: Client(request), "127.0.0.1", server.port)
            await client.opened
        return client

    try:
        async with asyncio.timeout(PATIENCE):
            return list(await asyncio.gather(*(one(keys[at % len(keys)]) for at in range(number))))
    except (OSError, TimeoutError) as error:
        raise NoServer(f"not every client could follow: {error!r}\n{server.log.read_text()[-2000:]}") from error


async def _broadcast(writer: httpx.AsyncClient, clients: list[Client], number: int) -> float:
    began = time.monotonic()
    answer = await writer.post("/v1/offers", json={"title": "For all"})
    assert answer.status_code == 201, answer.text
    try:
        async with asyncio.timeout(PATIENCE):
            while any(client.events < number for client in clients):  # noqa: ASYNC110  # none of them is the last
                await asyncio.sleep(0.01)
    except TimeoutError as error:
        raise NoServer("not every client had the event") from error
    await asyncio.sleep(2)  # a busy second would keep the next from being looked at as if it were the first
    return max(client.at for client in clients) - began


def spare(clients: int = CLIENTS) -> bool:
    """Whether this machine lets one process have that many connections."""
    return psutil.Process().rlimit(psutil.RLIMIT_NOFILE)[0] > clients + 100
