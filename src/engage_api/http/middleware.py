"""The first room of every request: its id, its headers, its line in the log, and the limit for those who are refused.

Pure ASGI: no base class, nothing buffered, one wrapped `send`.
"""

from asyncio import CancelledError
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv6Address, IPv6Network
from time import monotonic, perf_counter
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid7

from engage_api.core.problem import InternalError, Problem, TooManyRequests, Unavailable
from engage_api.http import problems
from engage_api.http.call import Services
from engage_api.http.headers import API_HEADERS, PAGE_HEADERS
from engage_api.http.meter import Meter
from engage_api.http.methods import options
from engage_api.http.requestlog import RequestLog
from engage_api.http.unfit import header, is_about_all, unfit
from engage_api.http.windows import Seconds

REFUSED = frozenset({401, 403, 404, 405})
HEALTH = frozenset({"/livez", "/readyz"})  # the probe may share its address, a proxy's, with somebody who was blocked
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
ENDING = "engage.ending"
"""In the state of the lifespan: what the server calls when it is told to stop."""
ABORT = "engage.abort"
"""Among the extensions of a request: lets go of its connection at once, with whatever was not taken from it yet."""
SHUT = "engage.shut"
"""As well: closes its connection as soon as what was sent has been taken from it."""
_log = structlog.get_logger("engage.request")
MOST_BLOCKED = 10_000  # addresses kept in mind


@dataclass(slots=True)
class Shared:
    """What a running process has; the services come with its start, which needs a loop."""

    base_url: str
    services: Services = field(init=False)

    def end(self) -> None:
        """Whoever waits or follows need not any longer: the service stops."""
        self.services.taps.close()


class Apps(NamedTuple):
    """What stands behind the envelope. `api` also gets the lifespan; `wrap` goes around whatever answers.

    `apart`: the paths of pages that refuse in words of their own, also whom the envelope would refuse.
    """

    api: ASGIApp
    pages: ASGIApp
    apart: frozenset[str] = frozenset()
    wrap: Callable[[ASGIApp], ASGIApp] = lambda app: app

    def across(self, wrap: Callable[[ASGIApp], ASGIApp]) -> "Apps":
        """The same, and what the envelope itself answers, for browsers on other origins."""
        return Apps(wrap(self.api), wrap(self.pages), self.apart, wrap)


class Bounds(NamedTuple):
    """Refused requests that one address may make in a minute; bytes of the largest body, and where files are sent of
    those.
    """

    refusals: int
    body: int
    files: Mapping[str, int] = {}


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
            if "cut" in state:  # somebody in a sandbox wants it lost
                self._send = state["cut"].onto(self._send)
        await self._send(message)


class Envelope:
    """Wraps every request of the service."""

    def __init__(self, apps: Apps, shared: Shared, meter: Meter, log: RequestLog, bounds: Bounds) -> None:
        self._apps = apps
        self._shared = shared
        self._meter = meter
        self._log = log
        self._outer = Seconds(bounds.refusals, 60, "outer")
        self._bounds = bounds
        self._blocked: dict[str, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            scope.get("state", {})[ENDING] = self._shared.end
            await self._apps.api(scope, receive, send)
            return
        if scope["type"] != "http":  # nobody speaks anything else here, and nothing else would be limited or logged
            await send({"type": "websocket.close", "code": 1003})
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
        except CancelledError:  # the service ends, and cannot wait for this one any longer
            if envelope.status is not None:
                raise
            ending = Unavailable(headers={"Retry-After": "1", "Connection": "close"})
            await self._problem(ending, scope, receive, envelope.send)
        except Exception as error:  # noqa: BLE001  # the last room: nothing may leave it but an answer
            _log.error("unexpected", request_id=state["request_id"], exc_info=error)
            if envelope.status is None:
                await self._problem(InternalError(), scope, receive, envelope.send)
        finally:
            seconds = perf_counter() - began - state.get("waited", 0.0)  # what somebody waited for is no slowness
            await self._note(scope, envelope.status or 500, seconds)

    def _dispatch(self, scope: Scope) -> ASGIApp:
        path = scope["path"]
        if path.startswith("/v1/") and path != "/v1/":
            scope["root_path"] = scope.get("root_path", "") + "/v1"
            return self._apps.api
        if is_about_all(scope):
            scope["state"]["counted"] = True
            return self._apps.wrap(options(sorted(METHODS)))
        return self._apps.pages

    def _largest(self, scope: Scope) -> int:
        return self._bounds.files.get(scope["path"], self._bounds.body)

    def _state(self, scope: Scope) -> dict[str, Any]:
        given = header(scope, b"x-request-id")
        return {
            "request_id": given if given and _is_uuid(given) else str(uuid7()),
            "headers": [],
            "services": self._shared.services,
            "blocked_for": self.blocked_for,
            "max_body_bytes": self._largest(scope),
        }

    async def _problem(self, problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._apps.wrap(problems.render(problem, scope["state"]["request_id"], self._shared.base_url))
        await answer(scope, receive, send)

    async def _note(self, scope: Scope, status: int, seconds: float) -> None:
        found = scope.get("route")
        route = getattr(found, "path", "-")
        if "mishap" not in scope["state"]:  # it was asked for, so it says nothing of the service
            self._meter.count(scope["method"] if scope["method"] in METHODS else "OTHER", route, status, seconds)
        if "principal" in scope["state"]:
            self._shared.services.tally.count(scope["state"]["principal"], getattr(found, "name", "-"), status)
        self._log.line(scope, scope["state"]["request_id"], route, status, seconds)
        if "counted" in scope["state"] or (status in REFUSED and "principal" not in scope["state"]):
            await self._count_refusal(counted_as(scope))

    def _refusal(self, scope: Scope) -> Problem | None:
        """What is refused before anybody has looked at the credential, which a blocked address is not told."""
        if scope["path"] in self._apps.apart and "refusal" not in scope:
            return None
        found = unfit(scope, self._largest(scope))
        if not self._blocked or scope["path"] in HEALTH:
            return found
        wait = self._blocked.get(counted_as(scope), 0.0) - monotonic()
        if wait <= 0 or (found is None and _shows_key(scope)):
            return found
        return TooManyRequests(headers={"Retry-After": str(int(wait) + 1)})

    def blocked_for(self, scope: Scope) -> int:
        """Seconds for which this address gets no more refusals explained; the guard asks before it says 401."""
        return max(0, int(self._blocked.get(counted_as(scope), 0.0) - monotonic()))

    async def _count_refusal(self, address: str) -> None:
        wait = await self._shared.services.limits.spend_address(self._outer, address)
        if wait:
            if len(self._blocked) >= MOST_BLOCKED:
                self._blocked = {who: until for who, until in self._blocked.items() if until > monotonic()}
            if len(self._blocked) < MOST_BLOCKED:
                self._blocked[address] = monotonic() + wait


def counted_as(scope: Scope) -> str:
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


def _shows_key(scope: Scope) -> bool:
    """Whether somebody will look at a credential: with one that works, a blocked address is served."""
    guarded = scope["path"].startswith("/v1/") or scope["path"] == "/metrics"
    return guarded and header(scope, b"authorization") is not None


def _is_uuid(text: str) -> bool:
    try:
        return len(text) == 36 and str(UUID(text)) == text.lower()
    except ValueError:
        return False
