"""Run in a network namespace of its own (`unshare --net --mount`), where every address of the world is this machine.

Our own resolver answers names over UDP, as the system's look-up asks it; the kernel makes the connections; and what is
heard is every packet that begins a connection, whatever its port, read off the wire. Prints one line of JSON.
"""

import asyncio
import json
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from engage_api.http import addresses
from engage_api.http.answers import Bounds, Forbidden, InvalidUrl, Unanswered
from engage_api.http.outbound import Outbound
from engage_api.settings import Settings
from tests.attack import forbidden
from tests.attack.certificates import Authority

PUBLIC = {"8.8.8.8", "2606:4700:4700::1111"}
V4, V6 = sorted(PUBLIC, key=len)
RESOLVER = "127.0.0.1"
A, AAAA = 1, 28
SOON = Bounds(seconds=3.0)
IPV4, IPV6, TCP, UDP = 0x0800, 0x86DD, 6, 17


def everywhere() -> None:
    """Make every address this machine's own, and the resolver in this process the system's."""
    for command in ("ip link set lo up", "ip route add local 0.0.0.0/0 dev lo", "ip -6 route add local ::/0 dev lo"):
        subprocess.run(command.split(), check=True)
    mine = Path("resolv.conf")
    mine.write_text(f"nameserver {RESOLVER}\noptions timeout:1 attempts:1\n", encoding="utf-8")
    subprocess.run(["mount", "--bind", str(mine.resolve()), "/etc/resolv.conf"], check=True)


class Resolver(asyncio.DatagramProtocol):
    """Answers each family of a name in turn with the next of its answers; the last one stays."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Sequence[str]]] = {}
        self._given: dict[tuple[str, int], int] = {}
        self.asked = 0
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        name, end = _name(data)
        kind = struct.unpack_from("!H", data, end)[0]
        turns = self.answers.get(name)
        found: list[bytes] = []
        if turns:
            at = self._given.get((name, kind), 0)
            self._given[name, kind] = at + 1
            family = socket.AF_INET if kind == A else socket.AF_INET6
            length = 4 if kind == A else 6
            wanted = [one for one in turns[min(at, len(turns) - 1)] if (":" in one) == (length == 6)]
            found = [socket.inet_pton(family, one) for one in wanted] if kind in {A, AAAA} else []
        self.asked += 1
        head = data[:2] + struct.pack("!HHHHH", 0x8180 if turns else 0x8183, 1, len(found), 0, 0)
        records = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 0, len(raw)) + raw for raw in found)
        self._transport.sendto(head + data[12 : end + 4] + records, addr)


def _name(query: bytes) -> tuple[str, int]:
    """The name of a question, and where it ends."""
    labels, at = [], 12
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode())
        at += 1 + length
    return ".".join(labels).lower(), at + 1


class Wire:
    """What begins on the wire: where each connection and each datagram was sent to, read off the loopback interface."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self._socket.bind(("lo", 0))
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 2**20)

    def begun(self) -> list[str]:
        """Since the last time: the addresses, without answers and without our own look-ups."""
        found: list[str] = []
        while True:
            try:
                frame, (_, _, direction, *_) = self._socket.recvfrom(65_535)
            except BlockingIOError:
                return found
            if direction == socket.PACKET_OUTGOING and (to := _begins(frame)):
                found.append(to)


def _begins(frame: bytes) -> str | None:
    kind = struct.unpack_from("!H", frame, 12)[0]
    if kind == IPV4:
        protocol, to, rest = frame[23], socket.inet_ntop(socket.AF_INET, frame[30:34]), 14 + (frame[14] & 15) * 4
    elif kind == IPV6:
        protocol, to, rest = frame[20], socket.inet_ntop(socket.AF_INET6, frame[38:54]), 54
    else:
        return None
    if protocol == TCP:
        return to if frame[rest + 13] & 0x12 == 0x02 else None  # SYN without ACK
    return to if protocol == UDP and not _of_the_resolver(frame, rest) else None


def _of_the_resolver(frame: bytes, at: int) -> bool:
    return 53 in struct.unpack_from("!HH", frame, at)


Turns = Sequence[Sequence[Sequence[str]]]


class Try(NamedTuple):
    """A URL, how often it is asked for, what its name resolves to each time, and how that has to end."""

    url: str
    turns: Sequence[Sequence[str]]
    wanted: Sequence[object]


def tries(every: int) -> Iterator[Try]:
    """All that is tried; `every`: 1 for all addresses, 10 for each tenth."""
    for at, address in enumerate(forbidden.ADDRESSES[::every]):
        host = f"[{address}]" if ":" in address else address
        yield Try(f"https://{host}/", (), [Forbidden])
        ways: Turns = [[(address,)], [(V4, address)], [(address, V6)], [(V4,), (address,)]]
        for way, turns in enumerate(ways):
            wanted = [200 if set(found) <= PUBLIC else Forbidden for found in turns]
            yield Try(f"https://w{way}n{at}.inside.example/hook", turns, wanted)
        url = f"https://{host}/"
        for depth, public in enumerate((V4, V6, V4)):
            url = f"https://d{depth}n{at}.leads.example/302/{url.encode().hex()}"
            yield Try(url, [(public,)], [302])
    for url in forbidden.URLS[::every]:
        yield Try(url.replace("PORT", "443"), (), [InvalidUrl])


async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A host that leads on to where its path says, `/302/<URL in hex>`, and says yes to everything else."""
    try:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode()
        _, status, to = path.split("/") if path.startswith("/302/") else ("", "200", "")
        head = f"HTTP/1.1 {status} X\r\nLocation: {bytes.fromhex(to).decode()}\r\nContent-Length: 0\r\n\r\n"
        writer.write(head.encode())
        await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        pass  # who asks has left
    finally:
        writer.close()


async def asked(out: Outbound, one: Try) -> list[object]:
    told: list[object] = []
    for _ in one.wanted:
        try:
            told.append((await out.request("POST", one.url, content=b"{}", bounds=SOON)).status)
        except Unanswered as error:
            told.append(type(error))
    return told


def anywhere(address: addresses.Address) -> bool:
    return address.version in {4, 6}


async def run(folder: Path, every: int, *, planted: bool) -> dict[str, object]:
    """Try everything. `planted`: with a rule that takes every address for public, so that the wire must hear it."""
    if planted:
        addresses.public = anywhere
    authority, names, wire = Authority(folder), Resolver(), Wire()
    context = authority.context("*.inside.example", "*.leads.example")
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: names, local_addr=(RESOLVER, 53))
    await asyncio.start_server(answered, None, 443, ssl=context)
    out = Outbound(Settings(data_dir=folder))
    out._trust = authority.trusted()
    tried, wrong, heard = list(tries(every)), [], []
    for one in tried:
        if one.turns:
            names.answers[one.url.split("/")[2]] = list(one.turns)
        if (told := await asked(out, one)) != list(one.wanted):
            wrong.append(f"{one.url} {one.turns}: {told}")
        heard += wire.begun()
    out.close()
    return {
        "requests": sum(len(one.wanted) for one in tried),
        "addresses": len({addresses.read(address) for address in forbidden.ADDRESSES[::every]}),
        "lookups": names.asked,
        "public": sum(to in PUBLIC for to in heard),
        "forbidden": sorted({to for to in heard if to not in PUBLIC}),
        "wrong": wrong,
    }


if __name__ == "__main__":
    everywhere()
    print(json.dumps(asyncio.run(run(Path(), int(sys.argv[1]), planted="planted" in sys.argv))))  # noqa: T201
