"""Ways around the rule: hosts that redirect to where none may go, and names that turn around between two looks.

Every forbidden address is tried as the end of one, two and three redirects, and as what a name is led to later.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import pytest

from engage_api.http import addresses
from engage_api.http.answers import Bounds, Forbidden
from engage_api.http.outbound import Outbound
from tests.attack import forbidden
from tests.attack.certificates import Authority
from tests.attack.receivers import Names, Network, Receiver, answer, door, receiving
from tests.counts import Count

SOON = Bounds(seconds=3.0)
PUBLIC = "8.8.8.8"
DEPTHS = (1, 2, 3)
HOSTS = [f"hop{number}.example" for number in DEPTHS]
STATUSES = (301, 302, 303, 307, 308)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
async def canary() -> AsyncIterator[Receiver]:
    async with receiving(answer) as listening:
        yield listening


@asynccontextmanager
async def trusting(authority: Authority, names: Names) -> AsyncIterator[Outbound]:
    async with door(names) as out:
        out._trust = authority.trusted()
        yield out


def bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def chains() -> Iterator[tuple[str, str]]:
    """The first URL of each chain of redirects, and where it ends. Where a host leads to stands in its path."""
    statuses = cycle(STATUSES)
    for address in forbidden.ADDRESSES:
        for depth in DEPTHS:
            end = f"https://{bracketed(address)}/latest/meta-data/"
            url = end
            for host in reversed(HOSTS[:depth]):
                url = f"https://{host}/{next(statuses)}/{url.encode().hex()}"
            yield url, end


async def redirecting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    path = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode()
    _, status, to = path.split("/")
    location = bytes.fromhex(to).decode()
    head = f"HTTP/1.1 {status} X\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    writer.write(head.encode())
    await writer.drain()


async def test_no_redirect_is_followed_however_deep(canary: Receiver, authority: Authority, count: Count) -> None:
    tried = list(chains())
    names = Names(hop1=[(PUBLIC,)], hop2=[(PUBLIC,)], hop3=[(PUBLIC,)])
    async with receiving(redirecting, authority.context(*HOSTS), polite=False) as leads:
        with Network(canary.port, others={PUBLIC: leads.port}) as network:
            async with trusting(authority, names) as out:
                answers = [await out.request("POST", url, content=b"{}", bounds=SOON) for url, _ in tried]
    assert {one.status for one in answers} == set(STATUSES)
    assert all(one.headers["location"] for one in answers)
    assert set(network.asked) == {(PUBLIC, 443)}
    assert (leads.connections, canary.connections) == (len(tried), 0)
    assert len({addresses.read(address) for address in forbidden.ADDRESSES}) >= 120
    count("redirects to where none may go", answered=len(tried), connections=canary.connections)


async def test_who_follows_redirects_is_heard(
    canary: Receiver, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (PUBLIC, 443))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
    tried = list(chains())[::40]
    context = ssl.create_default_context(cafile=authority.file)
    async with receiving(redirecting, authority.context(*HOSTS), polite=False) as leads:
        with Network(canary.port, others={PUBLIC: leads.port}) as network:
            async with httpx.AsyncClient(verify=context, follow_redirects=True, trust_env=False) as naive:
                for url, _ in tried:
                    with pytest.raises(httpx.TransportError):  # the canary speaks no TLS
                        await naive.get(url)
    assert canary.connections == len(tried) >= 9
    assert {host for host, _ in network.asked} > {PUBLIC}


TURNS: list[Callable[[str], Sequence[tuple[str, ...]]]] = [
    lambda address: [(PUBLIC,), (address,)],
    lambda address: [(PUBLIC,), (PUBLIC, address)],
    lambda address: [(PUBLIC,), (address, PUBLIC)],
    lambda address: [(address,), (PUBLIC,), (address,)],
]


async def turned(out: Outbound, url: str, turns: int) -> list[Any]:
    """What became of as many requests to one URL, one after the other: their status, or what they were refused as."""
    told: list[Any] = []
    for _ in range(turns):
        try:
            told.append((await out.request("GET", url, bounds=SOON)).status)
        except Forbidden as error:
            told.append(type(error))
    return told


async def test_a_name_that_turns_around_is_looked_at_each_time(
    canary: Receiver, authority: Authority, count: Count
) -> None:
    tried = [(address, answers(address)) for answers in TURNS for address in forbidden.ADDRESSES]
    names = Names(**{f"t{at}": [*found] for at, (_, found) in enumerate(tried)})
    async with receiving(answer, authority.context("*.turns.example")) as good:
        with Network(canary.port, others={PUBLIC: good.port}) as network:
            async with trusting(authority, names) as out:
                for at, (address, found) in enumerate(tried):
                    url = f"https://t{at}.turns.example/hook"
                    out.check(url)  # where it is registered
                    wanted = [200 if one == (PUBLIC,) else Forbidden for one in found]
                    assert await turned(out, url, len(found)) == wanted, address
    assert set(network.asked) == {(PUBLIC, 443)}
    requests = sum(len(found) for _, found in tried)
    assert len(names.asked) == requests
    assert canary.connections == 0
    count("names that turn around", requests=requests, connections=canary.connections)


async def test_who_looks_twice_is_heard(
    canary: Receiver, authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A door that checks one answer of the resolver and connects to the next one."""
    checks = Outbound._addresses

    async def twice(self: Outbound, target: httpx.URL, share: str) -> list[addresses.Address]:
        await checks(self, target, share)
        assert self._resolve is not None
        return [addresses.read(text) for text in await self._resolve(target.host)]

    monkeypatch.setattr(Outbound, "_addresses", twice)
    tried = forbidden.ADDRESSES[::15]
    for address in tried:
        names = Names(turns=[(PUBLIC,), (address,)])
        with Network(canary.port):
            async with trusting(authority, names) as out:
                with pytest.raises(Exception, match="could not be connected"):
                    await out.request("GET", "https://turns.example/", bounds=SOON)
    assert canary.connections == len(tried) >= 9
