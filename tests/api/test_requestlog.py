"""The request log: one line of JSON for each request, with what an operator needs and nothing that is a secret."""

import json
import re
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from engage_api.db import reader
from engage_api.http.requestlog import MOST_LINES, RequestLog
from engage_api.settings import Settings
from tests.api.harness import Client, Service, make_settings
from tests.api.samples import SAMPLES

ROOT = "http://engage.test"


@pytest.fixture(params=["sqlite"])  # no database takes part
def settings(request: pytest.FixtureRequest, module_sqlite_url: str, tmp_path: Path) -> Settings:
    return make_settings(module_sqlite_url, tmp_path)


def lines(service: Service) -> list[dict[str, Any]]:
    """What was logged since the last look."""
    service._envelope._log.flush()
    text = service.log.getvalue()
    service.log.seek(0)
    service.log.truncate()
    assert text == "" or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


async def test_a_request_is_one_line(service: Service, api: Client, nobody: Client) -> None:
    made = await SAMPLES["offer"].make(api)
    lines(service)
    for caller, method, path, route, status in (
        (api, "GET", "/offers", "/offers", 200),
        (api, "GET", f"/offers/{made['id']}", "/offers/{offer_id}", 200),
        (api, "HEAD", f"/offers/{made['id']}", "/offers/{offer_id}", 200),
        (api, "DELETE", f"/offers/{made['id']}", "/offers/{offer_id}", 428),
        (api, "POST", "/offers", "/offers", 415),
        (nobody, "GET", "/offers", "/offers", 401),
        (nobody, "GET", "/nothing", "-", 404),
        (nobody, "PUT", "/offers", "/offers", 405),
    ):
        answer = await caller.request(method, path)
        (line,) = lines(service)
        assert answer.status_code == status
        expected = {"event": "request", "method": method, "path": f"/v1{path}", "route": route, "status": status}
        assert line.items() >= expected.items()
        assert line["request_id"] == answer.headers["X-Request-Id"]
        assert line["ms"] >= 0
        assert line["time"].endswith("Z")
        known = caller is api and status != 405
        assert line["application"] == ("app_operator" if known else None)
        assert line.get("workspace") == (service.world.operator.workspace if known else None)


async def test_pages_and_faults_are_logged_too(service: Service, api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    lines(service)
    await api.get(f"{ROOT}/livez")
    monkeypatch.setattr(reader, "page", None)
    await api.get("/offers")
    assert [(line["path"], line["status"]) for line in lines(service)] == [("/livez", 200), ("/v1/offers", 500)]


async def test_neither_query_nor_headers_nor_body_are_logged(service: Service, api: Client) -> None:
    lines(service)
    mark = "zq7Xmark"
    await api.get(f"/offers?search={mark}&cursor={mark}")
    await api.post(
        f"/offers?{mark}", json={"title": mark}, headers={"Idempotency-Key": mark, "User-Agent": mark, "Cookie": mark}
    )
    await api.get("/offers", headers={"Authorization": f"Bearer {mark}"})
    found = lines(service)
    assert len(found) == 3
    assert mark not in json.dumps(found)
    assert api.key not in json.dumps(found)


@pytest.mark.parametrize(
    "odd",
    [
        '\n{"event":"request"}',
        "\r\n",
        "\x1b[31m",
        '"',
        "\\",
        "\u2028",
        "\x85",
        "\t",
        "é",
        "\U0001f600",
        "x" * 5_000,
        "%0a",
        "'",
    ],
)
async def test_x3_a_path_breaks_no_line(service: Service, nobody: Client, odd: str) -> None:
    lines(service)
    await nobody.get(f"/offers/a{quote(odd, safe='')}b")
    service._envelope._log.flush()
    text = service.log.getvalue()
    assert text.count("\n") == 1
    assert text.isascii()
    assert text.rstrip("\n").isprintable()
    (line,) = lines(service)
    assert line["path"] == f"/v1/offers/a{odd}b"[:500]


async def test_a_key_in_a_path_is_masked(service: Service, nobody: Client, api: Client) -> None:
    lines(service)
    for path in (f"/customers/{api.key}", f"/{api.key}/x/{api.key}", f"{ROOT}/{api.key}"):
        await nobody.get(path)
    found = lines(service)
    assert [line["path"] for line in found] == ["/v1/customers/***", "/v1/***/x/***", "/***"]


async def test_lines_are_written_while_the_service_runs(service: Service, api: Client) -> None:
    lines(service)
    for _ in range(200):
        await api.get("/offers?limit=1")
    assert service.log.getvalue().count("\n") >= 200


class _Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "short"), [(_Terminal(), True), (StringIO(), False)], ids=["terminal", "file"])
def test_a_developer_at_a_terminal_gets_a_short_line(stream: StringIO, short: bool) -> None:
    log = RequestLog(stream, developing=True)
    scope = {"method": "GET", "path": "/v1/customers/\x1b[31mred", "state": {}}
    log.line(scope, "5f0c2f4e-5d0e-4b8e-9f57-0a7c3f1f9f10", "/customers/{customer_id}", 404, 0.0012)
    log.flush()
    told = stream.getvalue()
    assert "\x1b" not in told
    assert bool(re.fullmatch(r"\d\d:\d\d:\d\d 404 GET /v1/customers/\S+red  1.2 ms\n", told)) is short
    assert told.startswith("{") is not short


@pytest.mark.parametrize("stream", [_Terminal(), StringIO()], ids=["terminal", "file"])
def test_many_lines_do_not_wait_for_the_half_second(stream: StringIO) -> None:
    log = RequestLog(stream, developing=True)
    for _ in range(MOST_LINES):
        log.line({"method": "GET", "path": "/v1/offers", "state": {}}, "1", "/offers", 200, 0.001)
    assert stream.getvalue().count("\n") == MOST_LINES
