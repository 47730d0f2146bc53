"""Receivers that misbehave: a request ends in time, in a typed way, in flat memory, and leaves no socket open."""

import asyncio
import gzip
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import psutil
import pytest

from engage_api.http.answers import Answer, Bounds, TooLarge, TooSlow, Unanswered, Unreachable
from engage_api.http.outbound import Outbound
from tests.attack.receivers import Behaviour, Names, door, hang, receiving, repeats, resets, says
from tests.counts import Count

SOON = Bounds(seconds=0.6)
LATE = 0.6  # seconds after the deadline at which it still counts as kept: two cores, and others on them
FLAT = 24 * 2**20
LOOPBACK: dict[str, Any] = {"outbound_loopback": True}
HEAD = b"HTTP/1.1 200 OK\r\n"
MUCH = b"\0" * 65_536

SLOW: dict[str, Behaviour] = {
    "nothing": hang,
    "a status line and nothing": repeats(HEAD, b"", 600, 0.1),
    "a dripping header": repeats(HEAD, b"X-A: b\r\n", 600, 0.02),
    "a dripping line": repeats(HEAD, b"X", 600, 0.02),
    "a dripping body": repeats(HEAD + b"Content-Length: 100000\r\n\r\n", b"x", 600, 0.02),
    "dripping chunks": repeats(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", 600, 0.02),
    "a dripping size of a chunk": repeats(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0", b"0", 15, 0.1),
    "a body without an end": repeats(HEAD + b"\r\n", b"x", 600, 0.02),
    "always 100 Continue": repeats(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 600, 0.02),
}
LARGE: dict[str, Behaviour] = {
    "100 MB": repeats(HEAD + b"Content-Length: 104857600\r\n\r\n", MUCH, 1_600),
    "100 MB in chunks": repeats(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + MUCH + b"\r\n", 1_600),
    "100 MB without a length": repeats(HEAD + b"\r\n", MUCH, 1_600),
    "a length of many digits": repeats(HEAD + b"Content-Length: 99999999999999999999\r\n\r\n", MUCH, 1_600),
    "one byte too many": says(HEAD + b"Content-Length: 65537\r\n\r\n" + MUCH + b"x"),
}
BROKEN: dict[str, Behaviour] = {
    "a reset at once": resets(b""),
    "a reset in the head": resets(HEAD),
    "a reset in the body": resets(HEAD + b"Content-Length: 10\r\n\r\nabc"),
    "an end at once": says(b""),
    "an end in the head": says(HEAD + b"X-A: "),
    "an end in the body": says(HEAD + b"Content-Length: 10\r\n\r\nabc"),
    "an end in a chunk": says(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"),
    "another protocol, unasked": says(b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
    "no HTTP": says(b"220 mail.example ESMTP\r\n\r\n"),
    "the shell": says(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    "bytes": says(bytes(range(256)) * 8),
    "HTTP/2": says(b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\x04\0\0\xff\xff\r\n\r\n"),
    "a status of four digits": says(b"HTTP/1.1 2000 OK\r\n\r\n"),
    "a negative length": says(HEAD + b"Content-Length: -1\r\n\r\n"),
    "two lengths": says(HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    "a size that is no number": says(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
    "a header of 100 MB": repeats(HEAD, b"X-A: " + MUCH[1:].replace(b"\0", b"x") + b"\r\n", 1_600),
    "a line of 100 MB": repeats(HEAD + b"X-A: ", MUCH.replace(b"\0", b"x"), 1_600),
    "NUL in a header": says(HEAD + b"X-A: \0\r\n\r\n"),
}
CASES = [
    *((name, behaviour, TooSlow) for name, behaviour in SLOW.items()),
    *((name, behaviour, TooLarge) for name, behaviour in LARGE.items()),
    *((name, behaviour, Unreachable) for name, behaviour in BROKEN.items()),
]


@pytest.fixture
async def out() -> AsyncIterator[Outbound]:
    async with door(Names(name=[("127.0.0.1",)]), **LOOPBACK) as opened:
        yield opened


class Growth:
    """The most memory that this process had beyond what it began with, in bytes."""

    def __init__(self) -> None:
        self.most = 0


@contextmanager
def growing() -> Iterator[Growth]:
    growth, process, ended = Growth(), psutil.Process(), threading.Event()
    begun = process.memory_info().rss

    def look() -> None:
        while not ended.wait(0.005):
            growth.most = max(growth.most, process.memory_info().rss - begun)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield growth
    finally:
        ended.set()
        thread.join()


def sockets() -> int:
    """How many sockets this process has open; the answers of the system, not what we believe."""
    return sum(file.is_socket() for file in Path("/proc/self/fd").iterdir() if file.exists())


@pytest.mark.parametrize(("name", "behaviour", "kind"), CASES, ids=[name for name, _, _ in CASES])
async def test_it_ends_in_time(
    out: Outbound, name: str, behaviour: Behaviour, kind: type[Unanswered], count: Count
) -> None:
    async with receiving(behaviour) as receiver:
        begun = monotonic()
        with growing() as growth, pytest.raises(Unanswered) as told:
            await out.request("GET", f"http://name.example:{receiver.port}/", bounds=SOON)
        took = monotonic() - begun
    assert type(told.value) is kind
    assert took < SOON.seconds + LATE
    assert growth.most < FLAT
    assert "127.0.0.1" not in told.value.reason
    count("receivers that misbehave", tried=1, most_seconds=took, most_megabytes=growth.most / 2**20)


async def test_what_is_too_large_is_handed_over_in_part(out: Outbound) -> None:
    async with receiving(says(b"HTTP/1.1 201 Made\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello")) as receiver:
        url = f"http://name.example:{receiver.port}/"
        with pytest.raises(TooLarge) as told:
            await out.request("GET", url, bounds=Bounds(2.0, 4))
        whole = await out.request("GET", url, bounds=Bounds(2.0, 5))
    part = told.value.answer
    assert (part.status, part.headers["x-a"], part.body) == (201, "b", b"hell")
    assert whole.body == b"hello"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "x"])
async def test_what_is_compressed_stays_so(out: Outbound, coding: str) -> None:
    bomb = gzip.compress(b"\0" * (40 * 2**20))
    head = HEAD + f"Content-Encoding: {coding}\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    async with receiving(says(head + bomb)) as receiver:
        with growing() as growth:
            answered = await out.request("GET", f"http://name.example:{receiver.port}/", bounds=Bounds(2.0))
    assert answered.body == bomb
    assert answered.headers["content-encoding"] == coding
    assert growth.most < FLAT


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_without_a_body_is_one(out: Outbound, status: int) -> None:
    raw = f"HTTP/1.1 {status} X\r\nX-A: b\r\n\r\n".encode()
    async with receiving(says(raw)) as receiver:
        answered = await out.request("GET", f"http://name.example:{receiver.port}/", bounds=Bounds(2.0))
    assert answered == Answer(status, {"x-a": "b"}, b"", answered.seconds)


async def test_who_does_not_read_is_not_waited_for(out: Outbound) -> None:
    content = b"\0" * (32 * 2**20)
    async with receiving(hang, polite=False) as receiver:
        begun = monotonic()
        with pytest.raises(TooSlow):
            await out.request("POST", f"http://name.example:{receiver.port}/", content=content, bounds=SOON)
    assert monotonic() - begun < SOON.seconds + LATE


async def test_a_resolver_that_hangs_is_not_waited_for() -> None:
    async def resolve(_: str) -> tuple[str, ...]:
        await asyncio.sleep(60)
        return ()

    async with door(resolve) as out:
        begun = monotonic()
        with pytest.raises(TooSlow):
            await out.request("GET", "https://name.example/", bounds=SOON)
    assert monotonic() - begun < SOON.seconds + LATE


async def test_a_closed_port_is_told(out: Outbound) -> None:
    async with receiving(hang) as receiver:
        port = receiver.port
    with pytest.raises(Unreachable, match="could not be connected to"):
        await out.request("GET", f"http://name.example:{port}/", bounds=SOON)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("how", ["deadline", "cancelled"])
async def test_no_socket_is_left(out: Outbound, scheme: str, how: str) -> None:
    async with receiving(hang, polite=False) as receiver:
        before = sockets()
        url, bounds = f"{scheme}://name.example:{receiver.port}/", Bounds(0.1 if how == "deadline" else 60)
        tasks = [asyncio.ensure_future(out.request("GET", url, bounds=bounds)) for _ in range(20)]
        await asyncio.sleep(0.2)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert receiver.connections == 20
        assert sockets() - before <= 20  # those of the receiver, which hangs
