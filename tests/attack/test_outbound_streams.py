"""What is read as it comes: every piece once, in order, no faster than it is worked through, and not for ever."""

import asyncio
from time import monotonic
from typing import Any

import pytest

from engage_api.http.answers import Bounds, Forbidden, InvalidUrl, TooSlow, Unreachable
from tests.attack.receivers import door, receiving, repeats, resets, says

SOON = Bounds(seconds=0.5, size=10)
LOOPBACK: dict[str, Any] = {"outbound_loopback": True}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
PIECE = b"6\r\nhello\n\r\n"


class Heard:
    def __init__(self, pause: float = 0.0) -> None:
        self.bytes = b""
        self._pause = pause

    async def __call__(self, piece: bytes) -> None:
        await asyncio.sleep(self._pause)
        self.bytes += piece


async def test_it_may_take_longer_than_any_answer_and_ends_when_the_host_ends_it() -> None:
    async def speaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await repeats(HEAD, PIECE, 8, 0.15)(reader, writer)
        writer.write(b"0\r\n\r\n")

    heard = Heard()
    async with receiving(speaks) as receiver, door(**LOOPBACK) as out:
        answer = await out.stream(f"http://localhost:{receiver.port}/", {"X-A": "b"}, heard, SOON)
    assert heard.bytes == b"hello\n" * 8
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"", "text/event-stream")
    assert answer.seconds > SOON.seconds
    assert b"x-a: b\r\n" in receiver.heads[0].lower()


async def test_silence_ends_it_and_who_is_slow_to_hear_does_not() -> None:
    async with receiving(repeats(HEAD, PIECE, 2, 60)) as receiver, door(**LOOPBACK) as out:
        begun, heard = monotonic(), Heard(pause=0.7)
        with pytest.raises(TooSlow):
            await out.stream(f"http://127.0.0.1:{receiver.port}/", {}, heard, SOON)
    assert heard.bytes == b"hello\n"
    assert 1.1 < monotonic() - begun < 2.5


async def test_a_break_is_told_after_what_was_heard() -> None:
    heard = Heard()
    async with receiving(says(HEAD + PIECE)) as receiver, door(**LOOPBACK) as out:
        with pytest.raises(Unreachable):
            await out.stream(f"http://127.0.0.1:{receiver.port}/", {}, heard, SOON)
    assert heard.bytes == b"hello\n"
    async with receiving(resets(b"")) as receiver, door(**LOOPBACK) as out:
        with pytest.raises(Unreachable):
            await out.stream(f"http://127.0.0.1:{receiver.port}/", {}, heard, SOON)


async def test_any_other_answer_is_one_and_bounded() -> None:
    heard = Heard()
    refused = b"HTTP/1.1 401 X\r\nContent-Length: 20\r\n\r\n" + b"x" * 20
    async with receiving(says(refused)) as receiver, door(**LOOPBACK) as out:
        answer = await out.stream(f"http://127.0.0.1:{receiver.port}/", {}, heard, SOON)
    assert (answer.status, answer.body, heard.bytes) == (401, b"x" * 10, b"")


@pytest.mark.parametrize(
    ("url", "kind"),
    [("https://127.0.0.1/", Forbidden), ("https://[fc00::1]/", Forbidden), ("http://127.0.0.1/", InvalidUrl)],
)
async def test_it_goes_where_requests_may_go(url: str, kind: type[Exception]) -> None:
    async with door() as out:
        with pytest.raises(kind):
            await out.stream(url, {}, Heard(), SOON)
