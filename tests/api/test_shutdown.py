"""An orderly end: what is being answered is answered, nothing new is taken, and it is over within ten seconds (F11)."""

import asyncio
import json
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import asyncpg
import httpx
import pytest

from tests.serving import Server


@asynccontextmanager
async def nobody_can_write(url: str) -> AsyncIterator[None]:
    """Writes wait as long as the block lasts."""
    if url.startswith("sqlite"):
        file = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, timeout=5)
        file.execute("BEGIN IMMEDIATE")
        yield
        file.execute("COMMIT")
        file.close()
        return
    owner = await asyncpg.connect(url)
    async with owner.transaction():
        await owner.execute("LOCK TABLE offer IN SHARE MODE")
        yield
    await owner.close()


async def closed(port: int) -> None:
    """Until nobody is let in any more."""
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionError:
                return
            writer.close()
            await asyncio.sleep(0.02)


@pytest.mark.slow
async def test_f11_a_request_in_flight_is_finished_and_the_end_comes_soon(database_url: str, tmp_path: Path) -> None:
    server = Server(database_url, tmp_path)
    await server.start()
    key = await server.key()
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=f"{server.url}/v1", headers=headers, timeout=30, trust_env=False) as client:
        assert (await client.get("/offers")).status_code == 200
        async with nobody_can_write(database_url):
            writing = asyncio.create_task(client.post("/offers", json={"title": "In flight"}))
            await asyncio.wait({writing}, timeout=0.3)
            server.process.terminate()
            told = monotonic()
            await closed(server.settings.port)
            assert not writing.done()
        answer = await writing
    assert answer.status_code == 201, answer.text
    await asyncio.to_thread(server.process.wait, 15)
    assert monotonic() - told < 10
    assert server.process.returncode in {0, -signal.SIGTERM}, "orderly, or by the signal that asked for it"
    await kept(server, key, answer.json()["id"])
    log = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    assert [(line["method"], line["status"]) for line in log if line.get("path") == "/v1/offers"][-1] == ("POST", 201)
    assert key not in server.log.read_text()


async def kept(server: Server, key: str, offer: str) -> None:
    """What was acknowledged is there after the next start."""
    await server.start()
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{server.url}/v1/offers/{offer}", headers={"Authorization": f"Bearer {key}"})
            assert answer.status_code == 200
    finally:
        server.stop()
