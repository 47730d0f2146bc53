"""What a request carries, and what it leaves behind: nothing of another request, of a redirect, of the environment."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engage_api.http.answers import Bounds
from tests.attack.receivers import Names, Receiver, answer, door, receiving, says

SOON = Bounds(seconds=2.0)
LOOPBACK: dict[str, Any] = {"outbound_loopback": True}


@pytest.fixture
async def canary() -> AsyncIterator[Receiver]:
    async with receiving(answer) as listening:
        yield listening


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 305, 307, 308])
async def test_a_redirect_is_an_answer(canary: Receiver, status: int) -> None:
    to = f"http://127.0.0.1:{canary.port}/"
    raw = f"HTTP/1.1 {status} Go\r\nLocation: {to}\r\nRefresh: 0; url={to}\r\nContent-Length: 0\r\n\r\n".encode()
    async with receiving(says(raw)) as receiver, door(**LOOPBACK) as out:
        answered = await out.request("GET", f"http://127.0.0.1:{receiver.port}/", bounds=SOON)
    assert (answered.status, answered.headers["location"]) == (status, to)
    assert (receiver.connections, canary.connections) == (1, 0)


async def test_variables_of_the_environment_are_ignored(canary: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.setenv(name, "/nowhere")
    async with receiving(answer) as receiver, door(**LOOPBACK) as out:
        answered = await out.request("GET", f"http://127.0.0.1:{receiver.port}/", bounds=SOON)
    assert answered.body == b"ok"
    assert (receiver.connections, canary.connections) == (1, 0)


async def test_nothing_is_kept_between_requests() -> None:
    raw = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"
    async with receiving(says(raw)) as receiver, door(**LOOPBACK) as out:
        for _ in range(3):
            await out.request("GET", f"http://127.0.0.1:{receiver.port}/", bounds=SOON)
    assert receiver.connections == 3
    assert not any(b"cookie" in head.lower() for head in receiver.heads)


async def test_a_request_is_sent_as_it_was_given() -> None:
    given = {"Host": "evil.example", "CONNECTION": "keep-alive", "Accept-Encoding": "gzip", "Content-Type": "a/b"}
    async with receiving(answer) as receiver, door(Names(name=[("127.0.0.1",)]), **LOOPBACK) as out:
        url = f"http://NAME.example:{receiver.port}?a=%20b&c=/../d"
        answered = await out.request("POST", url, headers=given, content=b"{}", bounds=SOON)
    head = receiver.heads[0].decode().lower().split("\r\n")
    assert head[0] == "post /?a=%20b&c=/../d http/1.1"
    assert sorted(head[1:-2]) == sorted(
        [
            f"host: name.example:{receiver.port}",
            f"user-agent: {head[2].partition(': ')[2]}",
            "connection: close",
            "accept-encoding: identity",
            "content-type: a/b",
            "content-length: 2",
        ]
    )
    assert head[2].startswith("user-agent: engage-api/")
    assert answered.headers == {"content-length": "2"}
    assert 0 < answered.seconds < SOON.seconds


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"X-A": "b\r\nX-C: d"}),
        ("GET", {"X-A\r\nX-C": "b"}),
        ("GET", {"X-A": "é"}),
        ("GET / HTTP/1.1\r\nX:", {}),
        ("", {}),
    ],
)
async def test_what_http_cannot_carry_is_not_sent(method: str, headers: dict[str, str]) -> None:
    async with receiving(answer) as receiver, door(**LOOPBACK) as out:
        with pytest.raises(ValueError):
            await out.request(method, f"http://127.0.0.1:{receiver.port}/", headers=headers, bounds=SOON)
    assert receiver.heads == []


async def test_many_at_a_time(canary: Receiver) -> None:
    async with door(**LOOPBACK) as out:
        asked = [out.request("GET", f"http://localhost:{canary.port}/", bounds=SOON) for _ in range(50)]
        assert {one.status for one in await asyncio.gather(*asked)} == {200}
