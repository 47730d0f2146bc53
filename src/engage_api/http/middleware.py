"""The first room of every request: its id, its headers, its line in the log, and the limit for those who are refused.

Pure ASGI: no base class, nothing buffered, one wrapped `send`.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv6Address, IPv6Network
from time import monotonic, perf_counter
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid7

from engage_api import __version__
from engage_api.core.problem import BodyTooLarge, InternalError, InvalidRequest, NotFound, Problem, TooManyRequests
from engage_api.http import problems
from engage_api.http.call import Services
from engage_api.http.meter import Meter
from engage_api.http.requestlog import RequestLog
from engage_api.http.windows import Seconds

REFUSED = frozenset({401, 403, 404, 405})
HEALTH = frozenset({"/livez", "/readyz"})  # the probe may share its address, a proxy's, with somebody who was blocked
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_log = structlog.get_logger("engage.request")
LONGEST_LENGTH = 20  # characters of a Content-Length
MOST_BLOCKED = 10_000  # addresses kept in mind
Headers = Sequence[tuple[bytes, bytes]]

_EVERYWHERE: Headers = (
    (b"strict-transport-security", b"max-age=31536000; includeSubDomains"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
API_HEADERS: Headers = (
    *_EVERYWHERE,
    (b"api-version", __version__.encode()),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
PAGE_HEADERS: Headers = (
    *_EVERYWHERE,
    (
        b"content-security-policy",
        (
            b"default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; "
            b"base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
        ),
    ),
)


@dataclass(slots=True)
class Shared:
    """What a running process has; the services come with its start, which needs a loop."""

    base_url: str
    services: Services = field(init=False)


class Apps(NamedTuple):
    """What stands behind the envelope. `api` also gets the lifespan; `wrap` goes around whatever answers."""

    api: ASGIApp
    pages: ASGIApp
    wrap: Callable[[ASGIApp], ASGIApp] = lambda app: app

    def across(self, wrap: Callable[[ASGIApp], ASGIApp]) -> "Apps":
        """The same, and what the envelope itself answers, for browsers on other origins."""
        return Apps(wrap(self.api), wrap(self.pages), wrap)


class Bounds(NamedTuple):
    """Refused requests that one address may make in a minute; bytes of the largest body."""

    refusals: int
    body: int


class _Envelope:
    """The `send` of one request: adds what every answer carries, and remembers the status."""

    __slots__ = ("_scope", "_send", "status")

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self.status: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            state = self._scope["state"]
            given = message["headers"]
            message["headers"] = [
                *given,
                *(API_HEADERS if self._scope["path"].startswith("/v1") else PAGE_HEADERS),
                *state["headers"],
                (b"x-request-id", state["request_id"].encode()),
            ]
            if not any(name == b"cache-control" for name, _ in given):
                message["headers"].append((b"cache-control", b"no-store"))
        await self._send(message)


class Envelope:
    """Wraps every request of the service."""

    def __init__(self, apps: Apps, shared: Shared, meter: Meter, log: RequestLog, bounds: Bounds) -> None:
        self._apps = apps
        self._shared = shared
        self._meter = meter
        self._log = log
        self._outer = Seconds(bounds.refusals, 60, "outer")
        self._largest = bounds.body
        self._blocked: dict[str, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._apps.api(scope, receive, send)
            return
        began = perf_counter()
        state = scope["state"] = self._state(scope)
        envelope = _Envelope(scope, send)
        try:
            refusal = self._refusal(scope)
            if refusal is None:
                await self._dispatch(scope)(scope, receive, envelope.send)
            else:
                await self._problem(refusal, scope, receive, envelope.send)
        except Exception as error:  # noqa: BLE001  # the last room: nothing may leave it but an answer
            _log.error("unexpected", request_id=state["request_id"], exc_info=error)
            if envelope.status is None:
                await self._problem(InternalError(), scope, receive, envelope.send)
        finally:
            await self._note(scope, envelope.status or 500, perf_counter() - began)

    def _dispatch(self, scope: Scope) -> ASGIApp:
        if scope["path"].startswith("/v1/"):
            scope["root_path"] = scope.get("root_path", "") + "/v1"
            return self._apps.api
        return self._apps.pages

    def _state(self, scope: Scope) -> dict[str, Any]:
        given = _header(scope, b"x-request-id")
        return {
            "request_id": given if given and _is_uuid(given) else str(uuid7()),
            "headers": [],
            "services": self._shared.services,
            "blocked_for": self.blocked_for,
            "max_body_bytes": self._largest,
        }

    async def _problem(self, problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._apps.wrap(problems.render(problem, scope["state"]["request_id"], self._shared.base_url))
        await answer(scope, receive, send)

    async def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "-")
        self._meter.count(scope["method"] if scope["method"] in METHODS else "OTHER", route, status, seconds)
        self._log.line(scope, scope["state"]["request_id"], route, status, seconds)
        if "counted" in scope["state"] or (status in REFUSED and "principal" not in scope["state"]):
            await self._count_refusal(_address(scope))

    def _refusal(self, scope: Scope) -> Problem | None:
        """What is refused before it is looked at."""
        if b"%00" in scope.get("raw_path", b""):
            return NotFound()
        if b"%00" in scope["query_string"]:
            return InvalidRequest("A parameter holds U+0000.")
        if _length(scope) > self._largest:  # said beforehand; a body that turns out to be is stopped where it is read
            return BodyTooLarge()
        if not self._blocked or scope["path"] in HEALTH:
            return None
        wait = self._blocked.get(_address(scope), 0.0) - monotonic()
        if wait <= 0 or _header(scope, b"authorization"):
            return None
        return TooManyRequests(headers={"Retry-After": str(int(wait) + 1)})

    def blocked_for(self, scope: Scope) -> int:
        """Seconds for which this address gets no more refusals explained; the guard asks before it says 401."""
        return max(0, int(self._blocked.get(_address(scope), 0.0) - monotonic()))

    async def _count_refusal(self, address: str) -> None:
        wait = await self._shared.services.limits.spend_address(self._outer, address)
        if wait:
            if len(self._blocked) >= MOST_BLOCKED:
                self._blocked = {who: until for who, until in self._blocked.items() if until > monotonic()}
            if len(self._blocked) < MOST_BLOCKED:
                self._blocked[address] = monotonic() + wait


def _address(scope: Scope) -> str:
    """Who is counted: an IPv4 address, or the /64 that one IPv6 subscriber has at the least."""
    client = scope.get("client")
    if not client:
        return "unknown"
    host = str(client[0])
    if ":" not in host:
        return host
    with suppress(ValueError):
        address = IPv6Address(host.split("%", 1)[0])
        return str(address.ipv4_mapped or IPv6Network((int(address) >> 64 << 64, 64)))
    return host


def _header(scope: Scope, name: bytes) -> str | None:
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return None


def _length(scope: Scope) -> int:
    """Of the body, as far as the caller says."""
    said = _header(scope, b"content-length") or ""
    return int(said) if len(said) < LONGEST_LENGTH and said.isdecimal() else 0


def _is_uuid(text: str) -> bool:
    try:
        return len(text) == 36 and str(UUID(text)) == text.lower()
    except ValueError:
        return False
