"""How many webhooks one worker sends in a second, against the same worker posting with no database (goal P11)."""

import asyncio
import secrets
import shutil
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import uvloop
from pydantic import SecretStr

from benchmarks.places import RUN
from benchmarks.postgres import cluster
from benchmarks.servers import NoServer, Server
from benchmarks.subjects import python
from engage_api.access import operator
from engage_api.db import open_database, store
from engage_api.db.migrate import upgrade
from engage_api.events.webhooks import service
from engage_api.events.webhooks.models import WebhookEndpointCreate
from engage_api.events.webhooks.sender import Sender
from engage_api.offers.models import OFFER, OfferCreate
from engage_api.settings import Settings

ENDPOINTS, EVENTS, ROUNDS = 8, 250, 3
PATIENCE = 120.0  # seconds
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Sent:
    """Deliveries in a second, each round's: with no database, and by a worker on each database."""

    floor: list[float]
    ours: dict[str, list[float]]


class Receiver(asyncio.Protocol):
    """Takes everything. `arrived` are the moments of all requests."""

    def __init__(self, arrived: list[float]) -> None:
        self._arrived = arrived
        self._heard = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # what uvloop gives
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head, found, body = self._heard.partition(b"\r\n\r\n")
        if found and len(body) >= int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]):
            self._arrived.append(time.monotonic())
            assert self._transport is not None
            self._transport.write(OK)
            self._transport.close()


def measure(processor: int) -> Sent:
    """Each round has every contestant once.

    Raises:
        NoServer: not everything arrived.
    """
    RUN.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        databases = stack.enter_context(cluster())
        found = Sent([], {"SQLite": [], "PostgreSQL": []})
        for number in range(ROUNDS):
            home = RUN / f"deliveries{number}"
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir()
            found.floor.append(runner.run(_rate(None, home, processor)))
            found.ours["SQLite"].append(runner.run(_rate(f"sqlite:///{home / 'engage.db'}", home, processor)))
            found.ours["PostgreSQL"].append(runner.run(_rate(databases.create(f"sent{number}"), home, processor)))
    return found


async def _rate(url: str | None, home: Path, processor: int) -> float:
    """From the first arrival to the last; on a database the worker makes the deliveries, too."""
    arrived: list[float] = []
    server = await asyncio.get_running_loop().create_server(lambda: Receiver(arrived), "127.0.0.1", 0)
    to, number = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook", ENDPOINTS * EVENTS
    if url is None:
        worker = Server("posting", python("benchmarks.posting", to, str(number), str(ENDPOINTS)))
    else:
        secret = secrets.token_hex(32)
        await asyncio.to_thread(upgrade, url)
        await _fill(url, secret, to)
        given = {"DATABASE_URL": url, "SECRET_KEY": secret, "DATA_DIR": str(home), "OUTBOUND_LOOPBACK": "true"}
        environment = {f"ENGAGE_{name}": value for name, value in given.items()}
        worker = Server(f"deliveries {url.partition(':')[0]}", python("engage_api", "worker"), environment)
    worker.start(processor)
    try:
        async with asyncio.timeout(PATIENCE):
            while len(arrived) < number:  # noqa: ASYNC110  # another process sends
                await asyncio.sleep(0.02)
    except TimeoutError as error:
        raise NoServer(f"{len(arrived)} of {number} arrived\n{worker.log.read_text()[-2000:]}") from error
    finally:
        worker.stop()
        server.close()
    return (number - 1) / (arrived[number - 1] - arrived[0])


async def _fill(url: str, secret: str, to: str) -> None:
    """Endpoints, and then the events that they want."""
    db, sender = await open_database(url), Sender.open(Settings(secret_key=SecretStr(secret), outbound_loopback=True))
    try:
        who = await operator.principal(db, "live", plan="unlimited")
        async with db.write("live") as tx:
            for _ in range(ENDPOINTS):
                wanted = WebhookEndpointCreate(url=to, types=["engage.offer.*"])
                await service.create(tx, who, sender, wanted)
        async with db.write("live") as tx:
            for n in range(EVENTS):
                offer = OfferCreate(title=f"Offer {n}", description="x" * 400)
                await store.create(tx, who, OFFER, {**dict(offer), "state": "draft"})
    finally:
        sender.close()
        await db.close()
