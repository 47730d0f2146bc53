"""Methods, paths and bodies as HTTP wants them, on every path of the description."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.harness import Client, Service, answered, places, refused
from tests.api.samples import SAMPLES

DESCRIPTION: dict[str, Any] = json.loads((Path(__file__).parents[2] / "openapi" / "v1.json").read_text())
METHODS = {"get", "post", "put", "patch", "delete"}
PATHS = {path: METHODS & item.keys() for path, item in DESCRIPTION["paths"].items()}
TRIED = ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "QUERY", "X"]
JSON = {"Content-Type": "application/json"}


def concrete(path: str) -> str:
    return re.sub(r"{\w+}", "x", path)


def allowed(path: str) -> set[str]:
    """All methods of a path, whichever of the description's paths say so."""
    found: set[str] = set()
    for template, methods in PATHS.items():
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path):
            found |= {method.upper() for method in methods}
    return found | {"OPTIONS"} | ({"HEAD"} if "GET" in found else set())


def listed(header: str) -> list[str]:
    return sorted(header.split(", "))


# ── methods ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", PATHS)
async def test_rfc_9110_405_names_all_methods_of_the_path(api: Client, path: str) -> None:
    at = concrete(path)
    for method in [*TRIED, *(["HEAD"] if "get" not in PATHS[path] else [])]:
        if method not in allowed(at):
            answer = await api.request(method, at)
            refused(answer, 405, "method-not-allowed") if method != "HEAD" else None
            assert (answer.status_code, listed(answer.headers["Allow"])) == (405, sorted(allowed(at))), method


@pytest.mark.parametrize("path", PATHS)
async def test_rfc_9110_options_tells_the_methods_to_anybody(nobody: Client, path: str) -> None:
    answer = await nobody.options(concrete(path))
    assert (answer.status_code, answer.content) == (204, b"")
    assert listed(answer.headers["Allow"]) == sorted(allowed(concrete(path)))


@pytest.mark.parametrize("path", ["/nothing", "/customers/x/y", "/Customers", "/openapi"])
async def test_options_of_what_is_not_there_is_404(api: Client, path: str) -> None:
    refused(await api.options(path), 404, "not-found")


async def test_rfc_9110_head_is_get_without_content(api: Client, nobody: Client) -> None:
    made = [await sample.make(api, sample.full) for sample in SAMPLES.values()]
    paths = [sample.at(one) for sample, one in zip(SAMPLES.values(), made, strict=True)]
    paths += ["/customers", "/cases?limit=1&count=true", "/customers/external/crm:4711", "/openapi.json", "/events"]
    paths += ["/customers/none", "/customers?limit=0", "/nothing"]
    for caller in (api, nobody):
        for path in paths:
            get, head = await caller.get(path), await caller.head(path)
            assert (head.status_code, head.content) == (get.status_code, b""), path
            for name in ("Content-Type", "Content-Length", "ETag", "Link", "Accepted-Scopes", "Cache-Control"):
                assert head.headers.get(name) == get.headers.get(name), (path, name)
    tag = (await api.get(paths[0])).headers["ETag"]
    assert (await api.head(paths[0], headers={"If-None-Match": tag})).status_code == 304


async def test_a_server_is_told_that_head_has_no_content(api: Client) -> None:
    """Whoever sends what we answer looks at the method, and must not wait for the content that the length promises."""
    seen: list[tuple[str, bytes]] = []
    transport: Any = api._transport
    app = transport.app

    async def server(scope: Any, receive: Any, send: Any) -> None:
        async def watched(message: Any) -> None:
            seen.append((scope["method"], message.get("body", b"")))
            await send(message)

        await app(scope, receive, watched)
        seen.append((scope["method"], b""))

    transport.app = server
    assert (await api.head("/customers")).status_code == 200
    assert seen == [("HEAD", b"")] * 3


async def test_no_header_turns_one_method_into_another(api: Client) -> None:
    made = await SAMPLES["offer"].make(api)
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        assert answered(await api.get(f"/offers/{made['id']}", headers={name: "DELETE"}), 200) == made
        await api.post("/offers?_method=DELETE", json={"title": "A"}, headers={name: "DELETE"})
    assert await api.read(f"/offers/{made['id']}") == made


# ── paths ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", [path for path in PATHS if "get" in PATHS[path]])
async def test_nl_adr_no_trailing_slash_and_no_other_spelling(api: Client, path: str) -> None:
    at = concrete(path)
    first = at.split("/")[1]
    for other in (f"{at}/", f"{at}//", at.replace(f"/{first}", f"//{first}", 1), at.replace(first, first.title(), 1)):
        refused(await api.get(f"http://engage.test/v1{other}"), 404, "not-found")
        refused(await api.post(f"http://engage.test/v1{other}", json={}), 404, "not-found")


@pytest.mark.parametrize("end", ["%00", "a%00b", "%00/transitions", "?search=%00", "?%00=1", "?cursor=a%00b"])
async def test_nul_is_refused_wherever_it_stands(api: Client, end: str) -> None:
    answer = await api.get(f"/customers{end}" if end.startswith("?") else f"/customers/{end}")
    refused(answer, *((400, "invalid-request") if end.startswith("?") else (404, "not-found")))


async def test_every_parameter_that_holds_nul_is_named(api: Client) -> None:
    problem = refused(await api.get("/customers?search=%00&limit=1&x%00=1&cursor=a%00b"), 400, "invalid-request")
    assert places(problem) == {"search", "x\ufffd", "cursor"}


async def test_where_the_api_begins_somebody_says_where_it_is_described(nobody: Client) -> None:
    for path in ("/v1", "/v1/"):
        problem = refused(await nobody.get(f"http://engage.test{path}"), 404, "not-found")
        assert "/reference" in problem["detail"]


async def test_options_of_the_server_tells_all_methods(service: Service) -> None:
    answer = await service.ask("OPTIONS", "*")
    assert (answer.status, answer.body) == (204, b"")
    assert {"GET", "PATCH", "OPTIONS"} <= set((answer.header("Allow") or "").split(", "))
    assert (await service.ask("GET", "*")).code == "not-found"


@pytest.mark.parametrize(
    "odd",
    ["..", "%2e%2e", "%2F", "a%2Fb", ";a=b", "%C3%28", "%ED%A0%80", "%FF", "*", "' OR 1=1", "cus_" + "z" * 26, "é"],
)
async def test_an_odd_id_is_an_unknown_id(api: Client, odd: str) -> None:
    for path in ("/customers/", "/cases/", "/tasks/", "/offers/", "/api-keys/"):
        refused(await api.get(f"{path}x{odd}"), 404, "not-found")


# ── bodies ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 1000):
        yield b" " * 1000


@pytest.mark.parametrize("length", ["told", "untold"])
async def test_a_body_beyond_the_bound_is_413(api: Client, length: str) -> None:
    bound = 1_048_576
    fits = b'{"title": "A"}'.ljust(bound)
    assert (await api.post("/offers", content=fits, headers=JSON)).status_code == 201
    large = fits + b" " if length == "told" else chunks(bound + 2000)
    refused(await api.post("/offers", content=large, headers=JSON), 413, "body-too-large")


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"Content-Type": "application/json"}, 201),
        ({"Content-Type": "APPLICATION/JSON; Charset=UTF-8"}, 201),
        ({"Content-Type": "application/json", "Content-Encoding": "identity"}, 201),
        ({}, 415),
        ({"Content-Type": ""}, 415),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "text/json"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
        ({"Content-Type": "application/jsonp"}, 415),
        ({"Content-Type": "application/problem+json"}, 415),
        ({"Content-Type": "application/merge-patch+json"}, 415),
        ({"Content-Type": "application/json, text/plain"}, 415),
        ({"Content-Type": "application/json; charset=latin-1"}, 415),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, 415),
        ({"Content-Type": "application/json", "Content-Encoding": "br"}, 415),
    ],
)
async def test_a_body_is_json_and_says_so(api: Client, given: dict[str, str], status: int) -> None:
    answer = await api.post("/offers", content=b'{"title":"A"}', headers=given)
    if status == 201:
        answered(answer, 201)
    else:
        refused(answer, 415, "unsupported-media-type")


async def test_a_body_that_says_twice_what_it_is_is_not_read(api: Client) -> None:
    for kinds in (("application/json", "text/plain"), ("text/plain", "application/json"), ("application/json",) * 2):
        headers = [("Content-Type", kind) for kind in kinds]
        refused(await api.post("/offers", content=b'{"title":"A"}', headers=headers), 415, "unsupported-media-type")


async def test_whoever_may_not_write_learns_nothing_about_the_body(api: Client, nobody: Client) -> None:
    for headers, body in (({"Content-Type": "text/plain"}, b"x"), (JSON, b"{"), (JSON, b'{"no":1}')):
        refused(await nobody.post("/offers", content=body, headers=headers), 401, "unauthenticated")


@pytest.mark.parametrize(
    "body", [b"", b" ", b"{", b"[1,]", b"{'a':1}", b"\xff", b"\xef\xbb\xbf{}", b'{"a":1}x', b"nul"]
)
async def test_a_body_that_is_no_json_is_told_so(api: Client, body: bytes) -> None:
    refused(await api.post("/offers", content=body, headers=JSON), 400, "invalid-json")


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html", "application/xml;q=0.9", "", "x"])
async def test_rfc_9110_json_is_answered_whatever_is_asked_for(api: Client, accept: str) -> None:
    assert answered(await api.get("/offers", headers={"Accept": accept}), 200)["items"] == []
