"""Where no webhook goes: refused when it is registered, or else when it is sent, in words that tell of no inside."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from engage_api.http.outbound import NOT_PUBLIC
from tests.api.harness import Client, Service, make_settings, refused, serving
from tests.attack import forbidden
from tests.attack.receivers import Network, Receiver, answer, receiving
from tests.counts import Count
from tests.webhooks.sent import AT

OFFERS = ["engage.offer.created.v1"]


class Turning:
    """A resolver that answers what it is told to."""

    found: Sequence[str] = ()

    async def __call__(self, _: str) -> Sequence[str]:
        return self.found


@pytest.fixture
async def service(module_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    """As in production: no request to this machine."""
    async with serving(make_settings(module_sqlite_url, tmp_path)) as running:
        yield running


@pytest.fixture
async def canary() -> AsyncIterator[Receiver]:
    async with receiving(answer) as listening:
        yield listening


def told(problem: dict[str, Any], found: Sequence[str]) -> list[str]:
    """What a problem or an attempt tells of an inside."""
    text = str(problem)
    return [one for one in (*found, "127.0.0.1", "::1]") if one not in {"::", "::1", "::2"} and one in text]


async def test_urls_and_addresses_are_refused_when_they_are_registered(
    api: Client, canary: Receiver, count: Count
) -> None:
    hosts = [f"[{address}]" if ":" in address else address for address in forbidden.ADDRESSES]
    urls = [url.replace("PORT", str(canary.port)) for url in forbidden.URLS if not {"\ud800", "\0"} & {*url}]
    urls += [f"https://{host}:{port}/hook" for host in hosts for port in (443, 8443)]
    urls += ["https://engage.test/hook", "https://ENGAGE.test:8443/"]
    made = await api.made(AT, {"url": "https://receiver.example/hook", "types": OFFERS})
    with Network(canary.port) as network:
        for url in urls:
            problem = refused(await api.post(AT, json={"url": url, "types": OFFERS}), 400, "invalid-request")
            assert {error["pointer"] for error in problem["errors"]} == {"/url"}, url
            assert told(problem, ()) == [], url
        for url in urls[::7]:
            refused(await api.change(f"{AT}/{made['id']}", {"url": url}), 400, "invalid-request")
    assert (network.asked, canary.connections) == ([], 0)
    assert len(urls) > 400
    count("webhook URLs to where none may go", refused=len(urls), connections=canary.connections)


async def test_a_name_that_leads_inside_is_refused_when_something_is_sent(
    service: Service, api: Client, canary: Receiver, count: Count
) -> None:
    names = Turning()
    service.services.webhooks.outbound._resolve = names
    made = await api.made(AT, {"url": "https://receiver.example/hook", "types": OFFERS})
    tried = [(address,) for address in forbidden.ADDRESSES] + forbidden.MIXED
    with Network(canary.port) as network:
        for names.found in tried:
            sent = await api.made(f"{AT}/{made['id']}/test-deliveries", {})
            [attempt] = sent["log"]
            assert (sent["state"], attempt["error"], attempt.get("answer")) == ("failed", NOT_PUBLIC, None)
            assert told(sent, names.found) == [], names.found
        assert (network.asked, canary.connections) == ([], 0)
        names.found = ("8.8.8.8",)  # and the canary would be heard
        [attempt] = (await api.made(f"{AT}/{made['id']}/test-deliveries", {}))["log"]
    assert attempt["error"] == "The host could not be connected to."
    assert (network.asked, canary.connections) == ([("8.8.8.8", 443)], 1)
    count("webhooks to names that lead inside", refused=len(tried), connections=canary.connections - 1)
