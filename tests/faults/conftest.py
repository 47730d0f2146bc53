"""The service on each database behind the real server, and who calls it from a sandbox."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from engage_api.access import operator
from engage_api.access.sandboxes import making
from engage_api.access.sandboxes.making import New
from engage_api.core.clock import Clock
from engage_api.http.protocol import Protocol
from tests import running
from tests.running import Application, Service
from tests.taps.following import NO_TLS


@dataclass(frozen=True)
class Line:
    """The way to a running server: its port, the service behind it, and a sandbox with a key to it."""

    port: int
    service: Service
    who: Application
    key: str

    def client(self, key: str | None = None) -> httpx.AsyncClient:
        """A plain HTTP client."""
        headers = {"Authorization": f"Bearer {key or self.key}"}
        return httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}/v1", headers=headers, timeout=20, trust_env=False, verify=NO_TLS
        )

    async def raw(self, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
        """All that the server sends before it closes the connection; ConnectionResetError tells nothing else."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        given = {"Host": "x", "Authorization": f"Bearer {self.key}", "Content-Length": str(len(body))}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        writer.write(f"{method} /v1{path} HTTP/1.1\r\n{lines}\r\n".encode() + body)
        try:
            async with asyncio.timeout(10):
                return await reader.read()
        except ConnectionResetError:
            return b""
        finally:
            writer.close()


async def sandbox(service: Service, start: Clock | None = None) -> Application:
    """A developer's application with a sandbox that it made; without `start` at the present time."""
    app = await service.application("developer", state="sandbox-only")
    maker = replace(await operator.principal(service.db, "live"), application=app.id, sees_workspace=False)
    async with service.db.system.write(None) as tx:
        made = await making.make(tx, maker, New(f"org_{app.id}", "Test", seed="faults", start=start))
    return Application(app.id, made.model.id)


@asynccontextmanager
async def serving(url: str, folder: Path, patch: pytest.MonkeyPatch, **settings: Any) -> AsyncIterator[Line]:
    """The service behind uvicorn as it is served, in this process."""
    async with running.service(url, data_dir=folder, **settings) as service:
        config = uvicorn.Config(
            service.app, port=0, http=Protocol, lifespan="off", log_level="error", access_log=False, server_header=False
        )
        server = uvicorn.Server(config)
        patch.setattr(server, "capture_signals", nullcontext)
        task = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(0.01)
        who = await sandbox(service)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Line(port, service, who, await service.key(who=who))
        server.should_exit = True
        await task


@pytest.fixture
async def line(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Line]:
    async with serving(database_url, tmp_path, monkeypatch, outbound_loopback=True) as line:
        yield line
