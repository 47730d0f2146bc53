"""Names that are slow to look up: they hold up no other name, one thread each, and no end of a process."""

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest

from engage_api.http import lookups
from engage_api.http.answers import Busy
from engage_api.http.lookups import Crowded, Lookups
from engage_api.http.outbound import Outbound
from engage_api.settings import Settings

SLOW = """
import asyncio, socket, time
from engage_api.http.lookups import Lookups

socket.getaddrinfo = lambda *_: time.sleep(60)

async def main():
    found = Lookups()
    asking = asyncio.ensure_future(found("slow.example"))
    await asyncio.sleep(0.1)
    found.close()
    await asyncio.gather(asking, return_exceptions=True)

asyncio.run(main())
"""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """The names that the system was asked for; those that begin with `slow` wait for the end of the test."""
    over, names = threading.Event(), []

    def answer(host: bytes, *_: Any) -> list[Any]:
        names.append(host)
        if host.startswith(b"slow"):
            over.wait(30)
        if host.startswith(b"no"):
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0))]

    monkeypatch.setattr("socket.getaddrinfo", answer)
    yield names
    over.set()


async def test_slow_names_hold_up_no_other(asked: list[bytes]) -> None:
    found = Lookups()
    slow = [asyncio.ensure_future(found(f"slow{n % 100}.example", f"org_{n % 10}")) for n in range(800)]
    begun = monotonic()
    assert await found("good.example") == ["192.0.2.1"]
    with pytest.raises(OSError, match="unknown"):
        await found("no.example")
    assert monotonic() - begun < 1
    assert len([name for name in asked if name.startswith(b"slow")]) == 100
    found.close()
    await asyncio.gather(*slow, return_exceptions=True)
    assert all(one.cancelled() for one in slow)


async def test_there_is_a_bound(asked: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "MOST", 2)
    found = Lookups()
    slow = [asyncio.ensure_future(found(f"slow{n}.example")) for n in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Crowded):
        await found("good.example")
    for one in slow:
        one.cancel()  # who asks leaves; the look-up goes on, and whoever asks next shares it
    await asyncio.gather(*slow, return_exceptions=True)
    with pytest.raises(Crowded):
        await found("good.example")
    found.close()
    await asyncio.sleep(0)
    assert await found("good.example") == ["192.0.2.1"]


async def test_one_organization_takes_only_its_share(asked: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "SHARE", 3)
    found = Lookups()
    slow = [asyncio.ensure_future(found(f"slow{n}.example", "org_a")) for n in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Crowded):
        await found("good.example", "org_a")
    assert await found("good.example", "org_b") == ["192.0.2.1"]
    sharing = asyncio.ensure_future(found("slow0.example", "org_b"))
    found.close()
    await asyncio.gather(*slow, sharing, return_exceptions=True)
    for _ in range(4):  # what has ended is given back
        assert await found("good.example", "org_a") == ["192.0.2.1"]


async def test_a_name_for_which_there_was_no_thread_is_looked_up_next_time(
    asked: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    found, start = Lookups(), threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(Crowded):
        await found("good.example")
    monkeypatch.setattr(threading.Thread, "start", start)
    async with asyncio.timeout(5):
        assert await found("good.example") == ["192.0.2.1"]


async def test_too_many_names_are_no_failure_of_the_host(asked: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "MOST", 0)
    with pytest.raises(Busy, match="just now"):
        await Outbound(Settings()).request("POST", "https://good.example/")
    assert asked == []


async def test_a_name_is_asked_for_again_once_it_was_answered(asked: list[bytes]) -> None:
    found = Lookups()
    both = await asyncio.gather(found("good.example"), found("good.example"))
    assert [*both] == [["192.0.2.1"]] * 2
    await found("good.example")
    assert asked == [b"good.example"] * 2


def test_a_process_ends_while_a_name_is_looked_up() -> None:
    begun = monotonic()
    subprocess.run([sys.executable, "-c", SLOW], check=True, timeout=50)
    assert monotonic() - begun < 20
