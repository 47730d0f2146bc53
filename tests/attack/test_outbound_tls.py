"""Connected to an address, asked by a name: the certificate has to be the name's."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engage_api.http.answers import Bounds, Unanswered, Unreachable
from engage_api.http.outbound import Outbound
from tests.attack.certificates import Authority
from tests.attack.receivers import Names, Network, answer, door, receiving

SOON = Bounds(seconds=3.0)
INVALID = "certificate of the host is not valid"


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
async def out(authority: Authority) -> AsyncIterator[Outbound]:
    async with door(Names(shop=[("1.0.0.1", "8.8.8.8")], other=[("8.8.8.8",)])) as opened:
        opened._trust = authority.trusted()
        yield opened


async def test_a_name_is_asked_at_its_address(out: Outbound, authority: Authority) -> None:
    async with receiving(answer, authority.context("shop.example", "other.example")) as receiver:
        with Network(receiver.port, frozenset({"1.0.0.1"})) as network:
            first = await out.request("GET", "https://shop.example/a?b", bounds=SOON)
            await out.request("GET", "https://other.example:8443/", bounds=SOON)
    assert first.body == b"ok"
    assert network.asked == [("1.0.0.1", 443), ("8.8.8.8", 443), ("8.8.8.8", 8443)]
    assert receiver.names == ["shop.example", "other.example"]
    assert receiver.connections == 2
    assert receiver.heads[0].startswith(b"GET /a?b HTTP/1.1\r\nhost: shop.example\r\n")
    assert b"\r\nhost: other.example:8443\r\n" in receiver.heads[1]


@pytest.mark.parametrize(
    ("url", "host"),
    [("https://8.8.8.8/", "8.8.8.8"), ("https://[2606:4700:4700::1111]/", "2606:4700:4700::1111")],
)
async def test_an_address_is_asked_as_an_address(out: Outbound, authority: Authority, url: str, host: str) -> None:
    async with receiving(answer, authority.context(host)) as receiver:
        with Network(receiver.port) as network:
            assert (await out.request("GET", url, bounds=SOON)).status == 200
    assert network.asked == [(host, 443)]
    assert receiver.names == [None]
    assert f"host: {url[8:-1]}\r\n".encode() in receiver.heads[0]


@pytest.mark.parametrize("shown", ["other", "address", "expired", "self-signed", "of nobody known"])
async def test_another_certificate_is_refused(out: Outbound, authority: Authority, shown: str, tmp_path: Path) -> None:
    contexts = {
        "other": lambda: authority.context("evil.example"),
        "address": lambda: authority.context("8.8.8.8"),
        "expired": lambda: authority.context("shop.example", expired=True),
        "self-signed": lambda: authority.context("shop.example", self_signed=True),
        "of nobody known": lambda: Authority(tmp_path).context("shop.example"),
    }
    async with receiving(answer, contexts[shown]()) as receiver:
        with Network(receiver.port) as network, pytest.raises(Unreachable, match=INVALID):
            await out.request("GET", "https://shop.example/", bounds=SOON)
    assert receiver.heads == []
    assert len(network.asked) == 2


async def test_the_worlds_authorities_are_trusted_and_not_ours(authority: Authority) -> None:
    context, names = authority.context("shop.example"), Names(shop=[("8.8.8.8",)])
    async with receiving(answer, context) as receiver, door(names) as out:
        with Network(receiver.port), pytest.raises(Unreachable, match=INVALID):
            await out.request("GET", "https://shop.example/", bounds=SOON)
        assert len(out._trust.get_ca_certs()) > 50
        assert out._trust.verify_mode is ssl.CERT_REQUIRED


async def test_who_speaks_no_tls_is_told_so(out: Outbound) -> None:
    async with receiving(answer) as receiver:
        with Network(receiver.port), pytest.raises(Unanswered, match="could not be connected to"):
            await out.request("GET", "https://shop.example/", bounds=SOON)
    assert receiver.heads == []


async def test_tls_that_breaks_in_the_middle_is_told(out: Outbound, authority: Authority) -> None:
    async def breaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
        await writer.drain()
        await asyncio.sleep(0.05)
        below = writer.transport._ssl_protocol._transport  # type: ignore[attr-defined]
        below.write(b"\x17\x03\x03\x00\x20" + b"x" * 32)
        await asyncio.sleep(0.2)

    async with receiving(breaks, authority.context("other.example")) as receiver:
        with Network(receiver.port), pytest.raises(Unreachable, match="did not answer as HTTP has it"):
            await out.request("GET", "https://other.example/", bounds=SOON)
