"""A service that is told to stop does so soon, whoever follows the log, reads nothing or has not asked yet."""

import asyncio
import os
import signal
import socket
from contextlib import ExitStack, suppress
from pathlib import Path
from time import monotonic

import httpx
import psutil
import pytest

from engage_api.server import GRACE
from tests.counts import Count
from tests.serving import Server
from tests.taps.following import caller, partners
from tests.taps.reading import retries

STREAMS, SILENT, WAITING, HALF = 100, 5, 5, 20
SOON = 3.0  # seconds until nobody follows any more, and where the machine has nothing else to do, until all is over
SOAK = "ENGAGE_TEST_MINUTES" in os.environ
LIMIT = SOON if SOAK else GRACE  # seconds; in the suite its processes wait for a processor
Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def asked(server: Server, key: str, path: str) -> Line:
    """A connection on which this was asked."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.settings.port)
    writer.write(f"GET /v1{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
    return reader, writer


async def fill(client: httpx.AsyncClient) -> str:
    """The id of the first event; so much follows it that whoever does not read is in the way."""
    first = (await client.get("/events", params={"limit": "1", "wait": "5"})).json()["items"][0]["id"]
    body = {"title": "Big", "metadata": {f"m{at}": "x" * 500 for at in range(50)}}
    made = await asyncio.gather(*(client.post("/offers", json=body) for _ in range(180)))
    assert {answer.status_code for answer in made} == {201}
    return str(first)


def silent(server: Server, key: str, after: str) -> socket.socket:
    """A connection that asks for everything and takes nothing."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    line.connect(("127.0.0.1", server.settings.port))
    request = f"GET /v1/events/stream?after={after} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n"
    line.sendall(request.encode())
    return line


def tell(server: Server, how: signal.Signals) -> None:
    """SIGTERM to the service; SIGINT, as a terminal does it, to all of its processes."""
    told = [server.process, *(server.process.children() if how is signal.SIGINT else ())]
    for process in told:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(how)


def judge(ends: list[str]) -> None:
    """Each stream was ended, and told when to come back: not all at once."""
    assert all(end.endswith("\r\n0\r\n\r\n") for end in ends), ends[0]
    times = [time for end in ends for time in retries(end.encode())]
    assert len(times) == STREAMS
    assert all(500 <= time <= 3_000 for time in times)
    assert len(set(times)) > STREAMS // 2, "they would all come back at once"


@pytest.mark.soak
@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "workers"), [(signal.SIGTERM, "1"), (signal.SIGINT, "2")], ids=["terminated", "interrupted, two processes"]
)
async def test_the_service_stops_soon(
    sqlite_url: str, tmp_path: Path, how: signal.Signals, workers: str, count: Count
) -> None:
    server = Server(sqlite_url, tmp_path, "--workers", workers)
    *keys, full = await partners(server, 1 + (STREAMS + WAITING) // 20 + 1)
    await server.start()
    stack = ExitStack()
    try:
        async with caller(server, full) as client:
            first = await fill(client)
        for _ in range(SILENT):
            stack.enter_context(silent(server, full, first))
        half = [await asyncio.open_connection("127.0.0.1", server.settings.port) for _ in range(HALF)]
        for _, writer in half:
            writer.write(b"GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthoriz")
        lines = [await asked(server, keys[at // 20], "/events/stream") for at in range(STREAMS)]
        for reader, _ in lines:
            await reader.readuntil(b"retry: 2000\n")
        waiting = [await asked(server, keys[-1], "/events?wait=30&type=x.never") for _ in range(WAITING)]
        await asyncio.sleep(0.5)
        began = monotonic()
        tell(server, how)
        ends = [(await reader.read()).decode() for reader, _ in lines]
        streams_ended = monotonic() - began
        pages = [(await reader.read()).decode() for reader, _ in waiting]
        await asyncio.to_thread(server.process.wait, 20)
        seconds = monotonic() - began
        for _, writer in (*half, *lines, *waiting):
            writer.close()
    finally:
        server.kill()
        stack.close()
    judge(ends)
    assert all(page.endswith('{"items":[],"nextCursor":null}') for page in pages), pages[0]
    count("stopping", most_seconds=round(seconds, 2), most_seconds_of_streams=round(streams_ended, 2))
    assert server.log.read_text().count('"too-slow"') == SILENT, "those who did not read were in the way"
    assert streams_ended < SOON
    assert seconds < LIMIT, "it did not wait for anybody until its patience was over"
