"""`engage webhooks listen` as somebody at a terminal has it: a real service, a program of one's own, a real Ctrl-C."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from engage_api.cli import app
from engage_api.core import secret
from engage_api.events.webhooks import listen, signing
from engage_api.events.webhooks.listen import Listener, Order, Refused
from tests.attack.receivers import door, receiving, says
from tests.server.command import environment
from tests.serving import Server
from tests.webhooks.receiver import Receiver
from tests.webhooks.receiver import receiving as program_at

KEY = secret.make("test", "key").reveal()
FIXED = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
async def server(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Server]:
    made = Server(sqlite_url, tmp_path)
    await made.start()
    yield made
    made.stop()


class Terminal:
    """The command in a process; `lines` is what it said, read by now."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.lines: list[Any] = []

    async def line(self) -> Any:
        assert self.process.stdout
        async with asyncio.timeout(60):
            text = await self.process.stdout.readline()
        self.lines.append(json.loads(text) if text.startswith(b"{") else text.decode())
        return self.lines[-1]

    async def end(self) -> tuple[int, str, str]:
        """After Ctrl-C: its exit code, what else it said, and its complaints."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(15):
            out, err = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def listening(folder: Path, url: str, forward: str, key: str, *more: str) -> AsyncIterator[Terminal]:
    words = ["webhooks", "listen", "--url", url, "--forward", forward, *more]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "engage_api",
        *words,
        env=environment(folder, ENGAGE_API_KEY=key, ENGAGE_ENVIRONMENT="production"),
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        yield Terminal(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def write(server: Server, key: str, *names: str) -> None:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
        for name in names:
            body = {"kind": "person", "displayName": name}
            made = await client.post("/v1/customers", json=body, headers={"Authorization": f"Bearer {key}"})
            assert made.status_code == 201, made.text


def signed_with(text: str, at: Receiver) -> bool:
    key = signing.read(text)
    for one in at.got:
        signed = f"{one.id}.{one.headers['webhook-timestamp']}.".encode() + one.body
        if one.headers["webhook-signature"] != signing._signature(key, signed):
            return False
    return bool(at.got)


async def test_what_happens_is_posted_signed_in_order_across_an_outage(server: Server, tmp_path: Path) -> None:
    key = await server.key()
    await write(server, key, "Before")
    async with program_at() as program, listening(tmp_path, server.url, program.url, key, "--json") as terminal:
        begun = await terminal.line()
        assert (begun["url"], begun["forward"]) == (server.url, program.url)
        await write(server, key, "One", "Two")
        await program.until(2)
        server.kill()
        await server.start()
        await write(server, key, "Three")
        taken = await program.until(3)
        told = [await terminal.line() for _ in taken]
        events = [json.loads(one.body) for one in taken]
        assert [event["data"]["displayName"] for event in events] == ["One", "Two", "Three"]
        assert [event["id"] for event in events] == [one.id for one in taken] == [one["id"] for one in told]
        assert {one["status"] for one in told} == {200}
        assert {one.headers["content-type"] for one in taken} == {"application/json"}
        assert signed_with(begun["secret"], program)
        async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
            log = await client.get("/v1/events?limit=200", headers={"Authorization": f"Bearer {key}"})
        assert all(one.body in log.content for one in taken)  # the same bytes as in the log
        code, out, err = await terminal.end()
    assert (code, out) == (0, "")
    assert err.count("Trying again") == err.count("it answers again") <= 1
    assert key not in json.dumps(terminal.lines) + err


async def test_types_are_chosen_and_who_is_away_is_told(server: Server, tmp_path: Path) -> None:
    key = await server.key()
    async with program_at() as program:
        port = program.port
    types = ("--type", "engage.case.*", "--type", "engage.customer.created.v1", "--secret", FIXED)
    async with listening(tmp_path, server.url, f"http://127.0.0.1:{port}/", key, *types) as terminal:
        assert (await terminal.line()).startswith(f"Posting what happens at {server.url} to http://127.0.0.1:{port}/")
        assert FIXED in await terminal.line()
        await write(server, key, "Ada")
        assert (await terminal.line()).endswith("→ The host could not be connected to.\n")
        async with program_at(500, port) as program:
            headers = {"Authorization": f"Bearer {key}"}
            async with httpx.AsyncClient(base_url=server.url, headers=headers, trust_env=False) as client:
                made = (await client.post("/v1/customers", json={"kind": "person", "displayName": "Bo"})).json()
                change = {"state": "prospect", "displayName": "Bob"}
                changed = await client.patch(f"/v1/customers/{made['id']}", json=change, headers={"If-Match": "*"})
                case = await client.post("/v1/cases", json={"type": "x", "title": "y", "customerId": made["id"]})
            assert "→ 500 in " in await terminal.line()
            taken = await program.until(2)
            assert signed_with(FIXED, program)
        assert [json.loads(one.body)["type"] for one in taken] == [
            "engage.customer.created.v1",
            "engage.case.created.v1",
        ], (changed.text, case.text)
        code, _, err = await terminal.end()
    assert (code, err) == (0, "")


async def test_a_type_that_no_event_has_ends_it(server: Server, tmp_path: Path) -> None:
    key = await server.key()
    for more in ((), ("--type", "engage.case.*")):
        forward = "http://localhost:3000/"
        async with listening(tmp_path, server.url, forward, key, *more, "--type", "engage.case") as terminal:
            await terminal.process.wait()
            code, out, err = await terminal.end()
        assert (code, out) == (1, "")
        assert "There is no such type of event" in err


async def test_a_key_that_is_not_good_ends_it(server: Server, tmp_path: Path) -> None:
    async with listening(tmp_path, server.url, "http://localhost:3000/", KEY) as terminal:
        await terminal.process.wait()
        code, out, err = await terminal.end()
    assert (code, out) == (1, "")
    assert err.startswith("engage: ")
    assert KEY not in err


def test_who_calls_it_wrongly_is_told() -> None:
    runner = CliRunner()
    good = ["webhooks", "listen", "--key", KEY, "--forward", "http://localhost:3000/"]
    for more, told in (
        (["--forward", "ftp://localhost/"], "must be https://HOST"),
        (["--forward", "https://10.0.0.1/"], "no public address"),
        (["--forward", "http://192.0.2.1:3000/"], "no public address"),
        (["--forward", "http://example.org/hook"], "localhost and nowhere else"),
        (["--url", "http://nowhere.invalid"], "localhost and nowhere else"),
        (["--url", "localhost:8000"], "must be https://HOST"),
        (["--type", "Engage.Case"], "no type of events"),
        (["--secret", "whsec_abc"], "24 to 64 bytes"),
        (["--secret", "geheim"], "24 to 64 bytes"),
        (["--key", f"{KEY[:-1]}\n"], "begins with eng_"),
    ):
        done = runner.invoke(app, [*good, *more])
        assert (done.exit_code, told in done.output) == (2, True), (more, done.output)
        assert KEY not in done.output


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
async def test_a_final_answer_is_told_in_its_words(status: int) -> None:
    body = b'{"title":"No","detail":"Ask again with another key."}' if status != 404 else b"<html>"
    raw = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    async with receiving(says(raw)) as service, door(outbound_loopback=True) as out:
        order = Order(f"http://localhost:{service.port}", KEY, "http://localhost:9999/", [], "")
        assert KEY not in repr(order)
        with pytest.raises(Refused, match=r"No\. Ask again" if status != 404 else "answered 404"):
            await Listener(order, out, as_json=False).run()


async def test_what_may_pass_is_tried_again_and_an_empty_log_has_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """First away, then a stream of an empty log that breaks, then the page that tells what happened meanwhile."""
    monkeypatch.setattr(listen, "PAUSES", (0.01,))
    event = b'{"id":"evt_1","type":"a.b","subject":"s","data":["%b"]}' % (b"x" * 100_000)
    page = b'{"items":[' + event + b'],"nextCursor":null}'
    stream = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
    answers = [
        b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n",
        stream + b"retry: 10\n\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(page), page),
        stream
        + b": \n\nid: evt_2\ndata: "
        + event.replace(b"_1", b"_2")
        + b"\n\nevent: problem\ndata: {}\n\nid: evt_3\nda",
        b"HTTP/1.1 401 X\r\nContent-Length: 2\r\n\r\n{}",
    ]
    heads: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
        writer.write(answers[len(heads) - 1])
        await writer.drain()

    async with receiving(serve, polite=False) as service, program_at() as program, door(outbound_loopback=True) as out:
        order = Order(f"http://localhost:{service.port}", KEY, program.url, ["a.*"], "")
        with pytest.raises(Refused, match="answered 401"):
            await Listener(order, out, as_json=True).run()
    assert [(one.id, one.body) for one in program.got] == [
        ("evt_1", event),
        ("evt_2", event.replace(b"_1", b"_2")),
    ]
    assert [head.split(" ")[1] for head in heads] == [
        *["/v1/events/stream?type=a.%2a"] * 2,
        "/v1/events?limit=1",
        *["/v1/events/stream?type=a.%2a"] * 2,
    ]
    assert "last-event-id: evt_1\r\n" in heads[3]
    assert "last-event-id: evt_2\r\n" in heads[4]
