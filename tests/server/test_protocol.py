"""What arrives on a socket before it is a request: bounded, refused as a problem, and logged without its secrets."""

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.server.command import Served, serving

MOST_BYTES, MOST_FIELDS = 65_536, 100
HOST = b"Host: x\r\n"
CHUNKED = b"POST /v1/api-keys/leaked HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n"
JSON = b"Content-Type: application/json\r\n"

pytestmark = pytest.mark.xdist_group("protocol")  # one pair of services for all


class Running(NamedTuple):
    """A service and where it writes what happened."""

    served: Served
    log: Path

    def send(self, *parts: bytes) -> bytes:
        """What it says to these bytes until it closes the connection, or says nothing for a while."""
        with closing(self.connect()) as line:
            for part in parts:
                line.sendall(part)
            return heard(line)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", httpx.URL(self.served.url).port or 0), timeout=2)

    def lines(self) -> list[dict[str, Any]]:
        """The log once it has been written."""
        time.sleep(0.7)
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


@pytest.fixture(scope="module", params=["1", "2"], ids=["one process", "two"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("served")
    with serving(folder / "data", "--workers", request.param) as served:
        yield Running(served, folder / "data.log")


def heard(line: socket.socket) -> bytes:
    parts = []
    try:
        while part := line.recv(65_536):
            parts.append(part)
    except TimeoutError:
        parts.append(b"(still open)")
    except ConnectionError:  # more was sent than was read
        parts.append(b"")
    return b"".join(parts)


def refused(answer: bytes, status: int, code: str) -> dict[str, Any]:
    """The problem that this answer is; its headers are those of every answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), answer[:300]
    for name in (b"content-type: application/problem+json", b"x-content-type-options: nosniff", b"x-request-id: "):
        assert name in head
    problem: dict[str, Any] = json.loads(body)
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["type"].endswith(f"/problems/{code}/")
    return problem


def get(*fields: bytes, path: bytes = b"/livez") -> bytes:
    return b"GET " + path + b" HTTP/1.1\r\n" + b"".join(fields) + b"\r\n"


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"\x16\x03\x01\x00\xc8\x01\x00\x00" + b"\0" * 100, 400, "invalid-request"),
        (get(HOST, b"A : b\r\n"), 400, "invalid-request"),
        (get(HOST, path=b"@elsewhere"), 400, "invalid-request"),
        (get(), 400, "invalid-request"),
        (get(HOST, HOST), 400, "invalid-request"),
        (get(HOST, b"Transfer-Encoding: gzip, chunked\r\n"), 501, "not-implemented"),
        (get(HOST, b"A: b\r\n" * MOST_FIELDS), 431, "headers-too-large"),
        (get(HOST, b"A: " + b"a" * MOST_BYTES + b"\r\n"), 431, "headers-too-large"),
        (get(HOST, path=b"/" + b"a" * MOST_BYTES), 431, "headers-too-large"),
        (get(HOST).removesuffix(b"\r\n") + b"A: " + b"a" * 2 * MOST_BYTES, 431, "headers-too-large"),
        (b"\r\n" * MOST_BYTES, 431, "headers-too-large"),
        (CHUNKED + JSON + b"\r\n2\r\n{}\r\nx\r\n", 400, "invalid-request"),
    ],
)
def test_what_cannot_be_read_is_a_problem_and_the_end(running: Running, sent: bytes, status: int, code: str) -> None:
    refused(running.send(sent), status, code)


def test_what_just_fits_is_answered(running: Running) -> None:
    for fields in ([b"A: b\r\n"] * (MOST_FIELDS - 1), [b"A: " + b"a" * (MOST_BYTES - 100) + b"\r\n"]):
        assert running.send(get(HOST, *fields)).startswith(b"HTTP/1.1 200 ")
    assert running.send(b"GET /livez HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 ")  # which knows no Host


def test_what_was_asked_before_is_answered_first(running: Running) -> None:
    answer = running.send(get(HOST) * 3 + b"\0")
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"200", b"200", b"200", b"400"]


def test_a_head_without_end_stalls_nobody(running: Running) -> None:
    with closing(running.connect()) as line:
        line.sendall(get(HOST).removesuffix(b"\r\n") + b"A: ")
        for _ in range(64):
            with suppress(ConnectionError):
                line.sendall(b"a" * 1_048_576)
            began = time.perf_counter()
            assert httpx.get(f"{running.served.url}/livez").status_code == 200
            assert time.perf_counter() - began < 1
        refused(heard(line), 431, "headers-too-large")


def test_trailers_are_no_headers_and_have_an_end(running: Running) -> None:
    late = CHUNKED.replace(b"chunked", b"Chunked") + b"\r\n2\r\n{}\r\n0\r\n" + JSON + b"\r\n"
    assert running.send(late).startswith(b"HTTP/1.1 415 ")
    endless = [CHUNKED + JSON + b"\r\n2\r\n{}\r\n", b"0\r\nA: " + b"a" * 1000, b"a" * 3 * MOST_BYTES]
    refused(running.send(*endless), 431, "headers-too-large")


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
def test_another_protocol_is_not_taken_up_and_its_query_is_not_logged(running: Running, protocol: bytes) -> None:
    fields = (HOST, b"Connection: Upgrade\r\nUpgrade: " + protocol + b"\r\n", b"Sec-WebSocket-Version: 13\r\n")
    key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    answer = running.send(get(*fields, key, path=b"/v1/customers?key=geheim"))
    refused(answer, 401, "unauthenticated")
    assert [line for line in running.lines() if line.get("path") == "/v1/customers"]
    assert "geheim" not in running.log.read_text()


def test_whoever_goes_away_is_no_fault_of_ours(running: Running) -> None:
    before = len(running.lines())
    with closing(running.connect()) as line:
        line.sendall(CHUNKED.replace(b"Transfer-Encoding: chunked", b"Content-Length: 50") + JSON + b'\r\n{"k')
        time.sleep(0.2)
    assert [line["status"] for line in running.lines()[before:]] == [499]
    assert "Traceback" not in running.log.read_text()
