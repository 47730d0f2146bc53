"""Connections that say nothing, or stop in the middle of a head, are not kept; whoever is being answered is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import nullcontext
from typing import Any

import pytest
import uvicorn

from engage_api.http import protocol

MANY = 500
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def slow(scope: Any, receive: Any, send: Any) -> None:
    """Answers `/slow` later than a head may take."""
    if scope["path"] == "/slow":
        await asyncio.sleep(0.6)
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """Where a server listens that waits 0.3 seconds for a head."""
    monkeypatch.setattr(protocol, "HEAD_WITHIN", 0.3)
    config = uvicorn.Config(slow, port=0, http=protocol.Protocol, lifespan="off", log_level="error", access_log=False)
    config.timeout_keep_alive = 1  # for what begins right behind a whole request, and then stops
    server = uvicorn.Server(config)
    monkeypatch.setattr(server, "capture_signals", nullcontext)
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await running


async def test_five_hundred_half_open_connections_are_closed_and_hold_nobody_up(port: int) -> None:
    lines: list[Line] = []
    for at in range(MANY):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write((b"", b"GET /", REQUEST[:-3], REQUEST + b"GET")[at % 4])
        lines.append((reader, writer))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(REQUEST)
    assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
    writer.close()
    async with asyncio.timeout(5):
        said = [await reader.read() for reader, _ in lines]
    assert {text[:12] for text in said} == {b"", b"HTTP/1.1 200"}
    for _, writer in lines:
        writer.close()


async def test_whoever_is_being_answered_or_sends_a_body_is_waited_for(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\nGET /")  # and half of the next
    assert b"200" in await reader.readuntil(b"ok")
    writer.close()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nhe")
    await asyncio.sleep(0.5)
    writer.write(b"re")
    assert b"200" in await reader.readuntil(b"ok")
    writer.close()
