"""The header `Engage-Fault`: what its page promises is what a plain client sees, over a real connection."""

import json
import re
from pathlib import Path
from time import monotonic

import httpx
import pytest

from engage_api.core.mishaps import UNDERSTOOD, NotUnderstood, parse
from tests.faults.conftest import Line

PAGE = Path(__file__).parents[2] / "docs" / "en" / "faults.md"
ZOE = {"kind": "person", "displayName": "Zoë de Vries"}
BROKEN = (httpx.RemoteProtocolError, httpx.ReadError)


async def count(client: httpx.AsyncClient) -> int:
    return len((await client.get("/customers", params={"limit": 200})).json()["items"])


ANSWERS = {
    "status=429": (429, "too-many-requests", "1"),
    "status=429;retry-after=7": (429, "too-many-requests", "7"),
    "status=500": (500, "internal-error", None),
    "status=503": (503, "unavailable", "1"),
    "status=503;retry-after=2": (503, "unavailable", "2"),
    "latency=100, status=503": (503, "unavailable", "1"),
}
DROPS = {"drop=before": 0, "drop=after-commit": 1, "drop=mid-body": 1}
"""How many customers there are after it is asked to make one."""


async def test_answers_are_those_of_the_service_and_nothing_is_done(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    async with line.client() as client:
        began = monotonic()
        answer = await client.get("/customers", headers={"Engage-Fault": "latency=300"})
        assert 0.3 <= monotonic() - began < 2
        assert (answer.status_code, answer.headers["Engage-Fault"]) == (200, "latency=300")
        for fault, (status, code, wait) in ANSWERS.items():
            answer = await client.post("/customers", json=ZOE, headers={"Engage-Fault": fault})
            problem = answer.json()
            assert (answer.status_code, problem["code"], problem["status"]) == (status, code, status)
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert problem["instance"] == f"urn:uuid:{answer.headers['X-Request-Id']}"
            assert answer.headers["Engage-Fault"] == fault
            assert answer.headers.get("Retry-After") == wait
            if status == 429:
                assert answer.headers.get_list("RateLimit") == [f'"window";r=0;t={wait}']
                assert len(answer.headers.get_list("RateLimit-Policy")) == 1
        assert await count(client) == 0
    assert not caplog.records, "the server took a fault for a mistake"


async def test_a_lost_answer_is_lost_and_what_was_asked_is_done_or_not(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    async with line.client() as client:
        for n, (fault, made) in enumerate(DROPS.items()):
            before, headers = await count(client), {"Engage-Fault": fault, "Idempotency-Key": f"key-{n}"}
            with pytest.raises(BROKEN):
                await client.post("/customers", json=ZOE, headers=headers)
            assert await count(client) == before + made, fault
            again = await client.post("/customers", json=ZOE, headers={"Idempotency-Key": f"key-{n}"})
            assert (again.status_code, again.headers.get("Idempotent-Replayed")) == (201, "true" if made else None)
            assert await count(client) == before + 1, "it was done twice"
        with pytest.raises(BROKEN):  # nothing has a middle
            await client.request("HEAD", "/customers", headers={"Engage-Fault": "drop=mid-body"})
    assert not caplog.records, "the server took a fault for a mistake"


def test_the_page_tells_of_all_that_is_tried_here_and_of_nothing_else() -> None:
    page = PAGE.read_text(encoding="utf-8").partition("{ #setting")[0]
    documented = set(re.findall(r"^\| `([^`]+)`", page, re.MULTILINE))
    assert documented == {"latency=2000", "revoke", *DROPS, *(one for one in ANSWERS if "latency" not in one)}


async def test_bytes_of_a_broken_connection(line: Line) -> None:
    whole = await line.raw("GET", "/customers", Connection="close")
    head, _, body = whole.partition(b"\r\n\r\n")
    length = int(re.search(rb"content-length: (\d+)", head)[1])  # type: ignore[index]
    assert len(body) == length
    for fault in ("drop=before", "drop=after-commit"):
        assert await line.raw("GET", "/customers", Engage_Fault=fault) == b""
    head, _, body = (await line.raw("GET", "/customers", Engage_Fault="drop=mid-body")).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert b"engage-fault: drop=mid-body" in head
    assert b"content-length: %d" % length in head
    assert len(body) == length // 2
    stream = await line.raw("GET", "/events/stream", Engage_Fault="drop=mid-body")
    assert b"\r\n\r\n" in stream
    assert not stream.endswith(b"0\r\n\r\n")


async def test_a_revoked_credential_stays_so_until_it_is_forgiven(line: Line) -> None:
    other = await line.service.key(who=line.who)
    async with line.client() as client, line.client(other) as friend:
        assert (await client.get("/customers")).status_code == 200
        for headers in ({"Engage-Fault": "revoke"}, {}, {"Engage-Fault": "latency=1"}):
            answer = await client.get("/customers", headers=headers)
            assert answer.status_code == 401
            assert answer.json()["code"] == "unauthenticated"
            assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
            assert answer.headers["Engage-Fault"] == "revoke"
            assert "RateLimit" not in answer.headers
        assert (await friend.get("/customers")).status_code == 200, "it took another key along"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_is_not_understood_or_for_the_live_workspace_is_refused_before_anything_is_done(line: Line) -> None:
    live = await line.service.key()
    async with line.client() as client, line.client(live) as owner:
        wrong = ("", "status=404", "latency=999999", "latency=1, latency", "drop=later", "webhook=duplicate", "é")
        for fault in (*wrong, "status=503,status=429"):
            raw = {"Engage-Fault": fault.encode()}
            answer = await client.post("/customers", json=ZOE, headers=raw)  # type: ignore[arg-type]
            assert answer.status_code == 400, fault
            (told,) = answer.json()["errors"]
            assert (told["code"], told["parameter"]) == ("not-understood", "Engage-Fault")
            assert told["detail"] == f"{UNDERSTOOD}."
        answer = await owner.post("/customers", json=ZOE, headers={"Engage-Fault": "status=503"})
        assert answer.status_code == 400
        assert [one["code"] for one in answer.json()["errors"]] == ["live"]
        assert await count(client) == await count(owner) == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_figures_of_the_service_do_not_take_a_fault_for_its_own(line: Line) -> None:
    async with line.client() as client:
        assert (await client.get("/customers", headers={"Engage-Fault": "status=500"})).status_code == 500
    lines = [json.loads(one) for one in log_of(line)]
    assert [one["fault"] for one in lines if one["status"] == 500] == ["status=500"]
    async with httpx.AsyncClient(trust_env=False) as plain:
        figures = (await plain.get(f"http://127.0.0.1:{line.port}/metrics")).text
    assert 'status="500"' not in figures
    assert 'route="/customers"' not in figures


def log_of(line: Line) -> list[str]:
    line.service._envelope._log.flush()
    return line.service.log.getvalue().splitlines()


def test_a_fault_is_said_as_it_is_understood() -> None:
    for text in (
        "latency=1",
        "latency=30000, status=500",
        "status=429;retry-after=3600",
        "drop=mid-body",
        "latency=5, revoke",
        "webhook=duplicate",
        "webhook=delay;seconds=86400",
    ):
        assert str(parse(text, setting=True)) == text
    for text in ("status=503, drop=before", "latency=5, webhook=duplicate", "status=500;retry-after=1", "revoke=?0"):
        with pytest.raises(NotUnderstood):
            parse(text, setting=True)
    for text in ("latency=0", "latency=1;a=1", "latency=(1 2)", 'drop="before"', "webhook=delay", "x" * 500):
        with pytest.raises(NotUnderstood):
            parse(text, setting=True)
