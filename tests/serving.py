"""`engage serve` in a process of its own, which a test may kill."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import httpx
import psutil

from engage_api.access import operator
from engage_api.core.secret import derive
from engage_api.db import open_database
from engage_api.settings import Settings
from tests import leaks
from tests.running import SECRET, Answer, Headers

STARTS = 120.0  # seconds that a start may take on a machine that does much else


class Server:
    """The service on a migrated database. `start` may be called again after `kill` or `stop`; `up` says if it is.

    `words` are more for its command.
    """

    def __init__(self, url: str, folder: Path, *words: str, **environment: str) -> None:
        self.settings = Settings(database_url=url, data_dir=folder, secret_key=SECRET, port=_free_port())  # type: ignore[arg-type]
        self.log = folder / "server.log"
        self.up = asyncio.Event()
        self._words = words
        self._environment = environment
        self._process: psutil.Popen | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    @property
    def process(self) -> psutil.Popen:
        assert self._process is not None
        return self._process

    async def start(self) -> float:
        """Seconds of work until it was ready: on a machine that does nothing else, those that pass."""
        self._process = await asyncio.to_thread(self._open)
        async with asyncio.timeout(STARTS):
            while not await _is_ready(self.settings.port):
                assert self._process.poll() is None, self.log.read_text()[-2_000:]
                await asyncio.sleep(0.05)
        self.up.set()
        spent = self._process.cpu_times()
        return float(spent.user + spent.system)

    def _open(self) -> psutil.Popen:
        given = {
            "ENGAGE_DATABASE_URL": self.settings.database_url,
            "ENGAGE_DATA_DIR": str(self.settings.data_dir),
            "ENGAGE_SECRET_KEY": SECRET,
            "ENGAGE_ENVIRONMENT": "production",
            "ENGAGE_PORT": str(self.settings.port),
        }
        command = [sys.executable, "-m", "engage_api", "serve", *self._words]
        with self.log.open("ab") as log:
            return psutil.Popen(command, env=os.environ | given | self._environment, stdout=log, stderr=log)

    def kill(self) -> None:
        """At once, as when the power goes."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """As an operator does it."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        self.up.clear()
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(20)
            leaks.require_none(self.log.read_bytes(), "its log")

    async def key(self, *, plan: str = "unlimited") -> str:
        """A key of the operator to the live workspace; made in this process, as on the command line."""
        db = await open_database(self.settings.database)
        try:
            who = await operator.principal(db, "live", plan=plan)
            pepper = derive(self.settings.secret(), "api-keys")
            _, made = await operator.make_key(db, who, pepper, name="test", wanted=operator.scopes("*"))
        finally:
            await db.close()
        return made.reveal()


class Caller:
    """Sends requests to a server while it is up, one at a time. `None` when nobody knows what became of one."""

    def __init__(self, server: Server, key: str) -> None:
        self._server = server
        self._client = httpx.AsyncClient(base_url=server.url, timeout=30, trust_env=False)
        self._key = key

    async def ask(self, method: str, path: str, body: Any = None, headers: Headers = ()) -> Answer | None:
        given = [(_text(name), _text(value)) for name, value in (*headers, ("Authorization", f"Bearer {self._key}"))]
        await self._server.up.wait()
        try:
            got = await self._client.request(method, path, json=body, headers=given)
        except httpx.TransportError:
            return None
        return Answer(got.status_code, [(name.lower(), text) for name, text in got.headers.multi_items()], got.content)

    async def close(self) -> None:
        await self._client.aclose()


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


async def _is_ready(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        writer.write(b"GET /readyz HTTP/1.0\r\n\r\n")
        return (await reader.readline()).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False
    finally:
        writer.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
