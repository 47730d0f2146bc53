"""Requests to where none may go: over everything that is tried here, nobody is connected to."""

import re
import socket
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import pytest

from engage_api.http import addresses
from engage_api.http.answers import Bounds, Forbidden, InvalidUrl, Unanswered, Unreachable
from engage_api.http.outbound import NOT_PUBLIC, Outbound
from engage_api.settings import Misconfigured, Settings, read
from tests.attack import forbidden
from tests.attack.receivers import Names, Network, Receiver, Watch, answer, door, receiving
from tests.counts import Count

SOON = Bounds(seconds=2.0)
HERE = "https://api.engage.example"
LOOPBACK: dict[str, Any] = {"outbound_loopback": True}


@pytest.fixture(scope="session")
def watch() -> Watch:
    return Watch()


@pytest.fixture
async def canary() -> AsyncIterator[Receiver]:
    async with receiving(answer) as listening:
        yield listening


@pytest.fixture
async def network(canary: Receiver) -> AsyncIterator[Network]:
    """Every address leads to the canary, so that it hears of every connection."""
    with Network(canary.port) as leads:
        yield leads


def bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def everything(port: int) -> Iterator[tuple[str, tuple[str, ...], type[Unanswered]]]:
    """URL, what the host in it resolves to if anybody asks, and how it is refused."""
    for address in forbidden.ADDRESSES:
        yield f"https://{bracketed(address)}:{port}/", ("8.8.8.8",), Forbidden
        yield f"https://name.example:{port}/", (address,), Forbidden
    for found in forbidden.MIXED:
        yield f"https://name.example:{port}/", found, Forbidden
    for url in forbidden.URLS:
        yield url.replace("PORT", str(port)), ("8.8.8.8",), InvalidUrl
    for host in ("127。0。0。1", "127.0｡0。1", "LOCALHOST", "localhost", "name.localhost", "127.0.0.1.nip.io"):
        yield f"https://{host}:{port}/", ("127.0.0.1",), Forbidden
    yield HERE, ("8.8.8.8",), Forbidden
    yield f"{HERE.upper()}:8443/v1", ("8.8.8.8",), Forbidden


async def refusals(tried: Iterable[tuple[str, tuple[str, ...]]]) -> AsyncIterator[Unanswered | None]:
    """How each URL is refused when its host resolves to what stands beside it."""
    now: tuple[str, ...] = ()

    async def resolve(_: str) -> tuple[str, ...]:
        return now

    async with door(resolve, public_url=HERE) as out:
        for url, now in tried:  # noqa: B007  # it is what `resolve` answers
            try:
                await out.request("GET", url, bounds=SOON)
                yield None
            except Unanswered as error:
                yield error


async def test_nobody_is_connected_to(canary: Receiver, network: Network, watch: Watch, count: Count) -> None:
    tried, wrong = list(everything(canary.port)), []
    with watch as seen:
        errors = [error async for error in refusals((url, found) for url, found, _ in tried)]
    for (url, found, kind), error in zip(tried, errors, strict=True):
        if type(error) is not kind:
            wrong.append(f"{url!r} {found}: {error!r}")
        elif any(told in error.reason for told in (*found, "127.", "10.", "::1")):
            wrong.append(f"{url!r} tells: {error.reason}")
    assert wrong == []
    assert seen == []
    assert network.asked == []
    assert canary.connections == 0
    assert len(tried) >= 380
    count("requests to where none may go", refused=len(tried), connections=canary.connections)


async def test_the_canary_would_be_heard(
    canary: Receiver, network: Network, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "public", lambda _: True)
    tried = [(f"https://{bracketed(address)}:{canary.port}/", ()) for address in forbidden.ADDRESSES]
    with watch as seen:
        errors = [error async for error in refusals(tried)]
    assert {type(error) for error in errors} == {Unreachable}  # the canary speaks no TLS
    assert canary.connections == len(tried) == len(network.asked)
    assert len([event for event in seen if event.startswith("socket.connect")]) == len(tried)


@pytest.mark.parametrize("address", forbidden.PUBLIC)
def test_what_stands_beside_is_public(address: str) -> None:
    assert addresses.public(addresses.read(address))


@pytest.mark.parametrize("address", ["::ffff:8.8.8.8", "::ffff:808:808"])
async def test_an_ipv4_address_in_clothes_is_one(network: Network, address: str) -> None:
    async with door() as out:
        with pytest.raises(Unreachable):  # the canary speaks no TLS
            await out.request("GET", f"https://[{address}]/", bounds=SOON)
    assert network.asked == [("8.8.8.8", 443)]


async def test_a_name_that_turns_around_is_not_asked_again(network: Network) -> None:
    names = Names(turns=[("8.8.8.8",), ("127.0.0.1",)])
    async with door(names) as out:
        with pytest.raises(Unreachable):
            await out.request("GET", "https://turns.example/", bounds=SOON)
        assert network.asked == [("8.8.8.8", 443)]
        with pytest.raises(Forbidden):
            await out.request("GET", "https://turns.example/", bounds=SOON)
    assert names.asked == ["turns.example"] * 2
    assert len(network.asked) == 1


async def test_the_next_address_is_tried_when_one_is_dead(canary: Receiver) -> None:
    found = ("1.0.0.1", "1.0.0.1", "1.0.0.2", "8.8.8.8", "8.8.4.4", "9.9.9.9", "9.9.9.10")
    with Network(canary.port, frozenset(found)) as network:
        async with door(Names(many=[found])) as out:
            with pytest.raises(Unreachable, match="could not be connected to"):
                await out.request("GET", "https://many.example/", bounds=SOON)
    assert [host for host, _ in network.asked] == ["1.0.0.1", "1.0.0.2", "8.8.8.8", "8.8.4.4"]


async def test_names_that_do_not_exist_and_private_ones_are_told_in_the_same_words(network: Network) -> None:
    async with door(Names(inside=[("10.0.0.1",)], nothing=[()])) as out:
        reasons = []
        for name in ("inside", "nothing", "unknown"):
            with pytest.raises(Unanswered) as told:
                await out.request("GET", f"https://{name}.example/")
            reasons.append(told.value.reason)
    assert reasons == [NOT_PUBLIC] * 3
    assert network.asked == []


async def test_the_resolver_of_the_system_is_asked_for_both_families(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async with door() as out:
        with watch as seen, pytest.raises(Forbidden):
            await out.request("GET", "https://localhost/", bounds=SOON)
        monkeypatch.setattr("socket.getaddrinfo", nothing)
        with pytest.raises(Unreachable, match="no public address"):
            await out.request("GET", "https://unknown.example/", bounds=SOON)
    assert len(seen) == 1
    assert re.fullmatch(r"socket.getaddrinfo \(.*localhost.*, None, 0, 1, .*\)", seen[0])


# ── loopback, for development ────────────────────────────────────────────────────────────────────────────────────────


async def test_loopback_is_reached_only_where_it_is_allowed(canary: Receiver) -> None:
    url = f"http://localhost:{canary.port}/"
    async with door(**LOOPBACK, public_url=url) as out:
        assert (await out.request("GET", url, bounds=SOON)).body == b"ok"
    async with door() as out:
        with pytest.raises(InvalidUrl):
            await out.request("GET", url, bounds=SOON)
    assert canary.connections == 1


@pytest.mark.parametrize("found", [("127.0.0.1", "10.0.0.1"), ("10.0.0.1",), ("169.254.169.254",), ("fc00::1",)])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_loopback_allows_nothing_else(network: Network, scheme: str, found: tuple[str, ...]) -> None:
    async with door(Names(name=[found]), **LOOPBACK) as out:
        with pytest.raises(Forbidden):
            await out.request("GET", f"{scheme}://name.example/", bounds=SOON)
    assert network.asked == []


@pytest.mark.parametrize("found", [("8.8.8.8",), ("127.0.0.1", "8.8.8.8")])
async def test_what_is_public_is_asked_with_tls_even_so(network: Network, found: tuple[str, ...]) -> None:
    async with door(Names(name=[found]), **LOOPBACK) as out:
        with pytest.raises(Forbidden):
            await out.request("GET", "http://name.example/", bounds=SOON)
        assert network.asked == []
        with pytest.raises(Unreachable):
            await out.request("GET", "https://name.example/", bounds=SOON)
    assert [host for host, _ in network.asked] == list(found)


def test_loopback_is_for_development() -> None:
    secret = "k7" * 20
    assert Settings(environment="production", secret_key=secret).outbound_loopback is False  # type: ignore[arg-type]
    with pytest.raises(Misconfigured, match="ENGAGE_OUTBOUND_LOOPBACK"):
        read(environment="production", secret_key=secret, outbound_loopback=True)


def test_the_door_is_made_with_its_settings() -> None:
    out = Outbound(Settings(public_url="https://ÜBER.example/api/"))
    out.close()
    with pytest.raises(Forbidden):
        out.check("https://xn--ber-goa.example:8443/")
    with pytest.raises(InvalidUrl):
        out.check("https://127.1/")
    out.check("https://receiver.example/hook")
