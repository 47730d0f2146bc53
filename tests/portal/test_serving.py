"""The portal as it is served: every problem's address, what browsers may keep, its 404, well-known documents."""

import gzip
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from engage_api.app import create_api
from engage_api.core.problem import Problem
from engage_api.http.contract import served
from engage_api.http.samples import HERE
from engage_api.portal import Portal, security_text
from engage_api.settings import Contact
from portal.generated.api import doors
from portal.generated.extras import BUNDLE
from tests.portal.conftest import Service


@pytest.fixture(scope="module")
def client(module_service: Service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=module_service.base, trust_env=False, timeout=10) as opened:
        yield opened


def page(client: httpx.Client, path: str, **headers: str) -> httpx.Response:
    return client.get(path, headers={"Accept": "text/html", **headers})


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_type_of_every_problem_is_the_address_of_a_page(client: httpx.Client) -> None:
    told = client.get("/v1/customers").json()["type"]
    assert told == f"{client.base_url}/problems/unauthenticated/".replace("//problems", "/problems")
    assert len(doors()) > 30  # all operations are loaded, and with them all problems
    assert len(Problem.known) > 20
    for code in Problem.known:
        found = client.get(told.replace("unauthenticated", code))
        assert (found.status_code, found.headers["content-type"]) == (200, "text/html; charset=utf-8"), code


@pytest.mark.parametrize("path", ["/", "/quickstart/", "/reference", "/reference/", "/changelog/"])
def test_pages_are_there(client: httpx.Client, path: str) -> None:
    found = page(client, path)
    assert found.status_code == 200
    assert "<html" in found.text


def test_what_programs_look_for_by_themselves_is_there(client: httpx.Client) -> None:
    assert client.get("/favicon.ico", follow_redirects=True).headers["content-type"] == "image/svg+xml"
    assert client.get("/robots.txt").text == "User-agent: *\nAllow: /\n"


def test_a_page_without_its_slash_leads_to_it_and_nowhere_else(client: httpx.Client) -> None:
    found = page(client, "/quickstart", Host="somewhere.example.org")
    assert (found.status_code, found.headers["location"]) == (308, "/quickstart/")


def test_who_looks_for_docs_or_for_all_problems_finds_them(client: httpx.Client) -> None:
    found = page(client, "/docs")
    assert (found.status_code, found.headers["location"]) == (308, "/")
    assert "invalid-transition" in page(client, "/problems/").text


@pytest.mark.parametrize("path", ["//example.org/quickstart", "/%2f%2fexample.org", "/\\example.org"])
def test_nobody_is_led_elsewhere(client: httpx.Client, path: str) -> None:
    found = client.get(f"{str(client.base_url).rstrip('/')}{path}")
    assert "example.org" not in found.headers.get("location", "")


@pytest.mark.parametrize(
    "path",
    ["/../pyproject.toml", "/%2e%2e/%2e%2e/pyproject.toml", "/assets/..%2f..%2fmkdocs.yml", "/index.html%00.css"],
)
def test_nothing_beside_the_site_can_be_reached(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_person_who_is_lost_gets_a_page_and_a_program_a_problem(client: httpx.Client) -> None:
    shown, told = page(client, "/nothing"), client.get("/nothing", headers={"Accept": "application/json"})
    assert (shown.status_code, shown.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is no page here" in shown.text
    assert (told.status_code, told.headers["content-type"]) == (404, "application/problem+json")
    assert told.json()["code"] == "not-found"


def test_pages_are_read_only(client: httpx.Client) -> None:
    found = client.post("/quickstart/")
    assert (found.status_code, found.headers["allow"]) == (405, "GET, HEAD")
    assert found.json()["code"] == "method-not-allowed"


def test_the_policy_lets_no_script_in_that_is_not_a_file_of_ours(client: httpx.Client) -> None:
    policy = page(client, "/").headers["content-security-policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules.get("script-src", rules["default-src"]) == "'self'"
    assert rules["object-src"] == "'none'"
    assert rules["frame-ancestors"] == "'none'"


# ── keeping ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_page_is_asked_for_again_and_sent_only_if_it_changed(client: httpx.Client) -> None:
    first = page(client, "/quickstart/")
    assert first.headers["cache-control"] == "no-cache"
    again = page(client, "/quickstart/", **{"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert page(client, "/quickstart/", **{"If-None-Match": '"other"'}).status_code == 200


def test_packed_and_plain_are_two_versions_of_one_text(client: httpx.Client) -> None:
    with client.stream("GET", "/", headers={"Accept-Encoding": "gzip"}) as response:
        packed, told = b"".join(response.iter_raw()), response.headers
    plain = client.get("/", headers={"Accept-Encoding": "identity"})
    assert (told["content-encoding"], told["vary"]) == ("gzip", "Accept-Encoding")
    assert gzip.decompress(packed) == plain.content
    assert "content-encoding" not in plain.headers
    assert told["etag"] != plain.headers["etag"]


def test_what_is_named_by_its_content_is_kept_for_good(client: httpx.Client) -> None:
    styles = re.findall(r'href="(assets/stylesheets/[^"]+)"', page(client, "/").text)
    assert len(styles) == 2
    for path in [*styles, BUNDLE]:
        assert client.get(f"/{path}").headers["cache-control"] == "public, max-age=31536000, immutable", path
    assert client.get("/assets/portal.css").headers["cache-control"] == "no-cache"


# ── well known ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_security_txt_says_whom_to_tell(client: httpx.Client) -> None:
    found = client.get("/.well-known/security.txt")
    fields = dict(line.split(": ", 1) for line in found.text.splitlines())
    expires = datetime.fromisoformat(fields["Expires"])
    assert found.headers["content-type"] == "text/plain; charset=utf-8"
    assert timedelta(days=30) < expires - datetime.now(UTC) < timedelta(days=365)
    assert fields["Canonical"] == str(found.url)
    assert client.get(fields["Contact"]).status_code == 200


def test_security_txt_and_the_description_tell_what_the_operator_has_set() -> None:
    set_to = Contact("help@city.example", "https://city.example/help")
    lines = security_text("http://x", set_to).decode().splitlines()
    assert lines[:2] == ["Contact: mailto:help@city.example", "Contact: https://city.example/help"]
    told = served(create_api(), "https://api.city.example", set_to)["v1.json"]
    document = json.loads(told)
    assert document["info"]["contact"] == {
        "name": "The operator of this service",
        "url": set_to.url,
        "email": set_to.email,
    }
    assert b"https://api.city.example/problems/not-found/" in told
    assert HERE.encode() not in told


def test_the_description_names_this_address_and_no_contact_that_nobody_set(client: httpx.Client) -> None:
    told = client.get("/v1/openapi.json").json()
    base = str(client.base_url).rstrip("/")
    assert told["info"]["contact"] == {"name": "The operator of this service", "url": f"{base}/support/"}
    assert told["components"]["examples"]["not-found"]["value"]["type"] == f"{base}/problems/not-found/"


def test_every_address_in_the_api_catalog_answers(client: httpx.Client) -> None:
    found = client.get("/.well-known/api-catalog")
    assert found.headers["content-type"].startswith("application/linkset+json")
    assert 'rel="api-catalog"' in client.head("/.well-known/api-catalog").headers["link"]
    (entry,) = found.json()["linkset"]
    links = [link for name, some in entry.items() if name != "anchor" for link in some]
    assert len(links) >= 5
    for link in links:
        answer = client.get(link["href"])
        assert answer.status_code == 200, link
        assert answer.headers["content-type"].startswith(link["type"])


def test_every_address_in_the_summary_for_language_models_answers(client: httpx.Client) -> None:
    found = client.get("/llms.txt")
    links = re.findall(r"\]\((.*?)\)", found.text)
    assert len(links) > 40
    assert all(link.startswith(str(client.base_url).rstrip("/")) for link in links)
    assert [link for link in links if client.get(link).status_code != 200] == []


# ── not built ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_service_without_its_portal_says_how_to_build_it(tmp_path: Path) -> None:
    portal = Portal((tmp_path,))

    async def app(scope: dict[str, object], receive: object, send: object) -> None:
        state = {"services": SimpleNamespace(base_url="http://x", contact=Contact()), "request_id": "1"}
        scope["state"] = {**state, "blocked_for": lambda _: 0}
        await portal(scope, receive, send)  # type: ignore[arg-type]  # as a server would call it

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:  # type: ignore[arg-type]  # as above
        found = await client.get("/", headers={"Accept": "text/html"})
        assert found.status_code == 404
        assert "make docs" in found.json()["detail"]
        assert (await client.get("/llms.txt")).status_code == 404
        assert (await client.get("/.well-known/security.txt")).status_code == 200
