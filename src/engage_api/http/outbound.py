"""The only door out: every HTTP request that the service makes is made here, since others choose where it goes.

A URL is read by one parser. Its host is resolved once, all its addresses have to be public (`http/addresses`), and the
connection goes to one of those addresses, not to the name: between the check and the connection there is nothing left
to change (DNS rebinding). The certificate is still compared with the name.

Each request has a transport of its own, which is httpx's lowest floor: there are no redirects, cookies, proxies or
variables of the environment down there, and a connection that was checked for one host is never used for another.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from functools import lru_cache
from time import monotonic

import httpx  # its successor httpx2 has the same names

from engage_api import __version__
from engage_api.http import addresses, urls
from engage_api.http.answers import Answer, Bounds, Busy, Forbidden, InvalidUrl, TooLarge, TooSlow, Unreachable
from engage_api.http.connections import Opened
from engage_api.http.lookups import Crowded, Lookups
from engage_api.settings import Settings

LONGEST = urls.LONGEST
MOST_ADDRESSES = 4  # of one host that are tried, one after the other
# Below it are the mail, shell and file services of others. Above it no port is listed: receivers and identity providers
# stand on any (8443, 9443, …), and what must not be reached is refused by its address, whatever its port.
FIRST_PORT = 1_024

DEFAULT = Bounds()
OK = 200
NOT_PUBLIC = "The host has no public address, or not only public ones."
Resolver = Callable[[str], Awaitable[Sequence[str]]]
"""From a host name to all its addresses, of both families, as text. Raises OSError when there are none."""
Hear = Callable[[bytes], Awaitable[None]]
Take = Callable[[httpx.Response], Awaitable[Answer]]


class Outbound:
    """Makes requests. One for the process; `close` it in the end.

    Args:
        settings: with `outbound_loopback` also loopback addresses are allowed, and to them plain HTTP.
        resolve: another resolver, for tests.
    """

    def __init__(self, settings: Settings, resolve: Resolver | None = None) -> None:
        self._loopback = settings.outbound_loopback
        self._own = httpx.URL(settings.base_url).raw_host
        self._lookups = Lookups()
        self._resolve = resolve
        self._trust = _trust()

    def close(self) -> None:
        """Waits for nothing."""
        self._lookups.close()

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        bounds: Bounds = DEFAULT,
    ) -> Answer:
        """Send one request and take its answer; nothing is repeated that may have been read.

        Raises:
            Unanswered: one of its kinds, see there.
            ValueError: method or headers cannot be written in HTTP.
        """
        started, most = monotonic(), bounds.size

        async def take(response: httpx.Response) -> Answer:
            body = await _read(response, most + 1)
            answer = Answer(response.status_code, _lower(response.headers), body[:most], monotonic() - started)
            if len(body) > most:
                raise TooLarge(answer)
            return answer

        target = self._checked(url)
        request = httpx.Request(method, target, headers=_headers(target, headers), content=content)
        async with _told(), asyncio.timeout(bounds.seconds):
            return await self._first(request, await self._addresses(target, bounds.share), bounds.seconds, take)

    async def stream(self, url: str, headers: Mapping[str, str], hear: Hear, bounds: Bounds = DEFAULT) -> Answer:
        """Send a GET and hand over what a body without an end has, piece by piece, until the host ends it.

        Args:
            hear: called with each piece of a 200, which is not in the answer then; done, the next one is read.
            bounds: `seconds` until the answer begins, and of silence between two pieces; `size` of any other answer.

        Raises what `request` raises, also in the middle.
        """
        started, loop, target = monotonic(), asyncio.get_running_loop(), self._checked(url)
        request = httpx.Request("GET", target, headers=_headers(target, headers))
        async with _told(), asyncio.timeout(bounds.seconds) as patience:

            async def take(response: httpx.Response) -> Answer:
                status, fields = response.status_code, _lower(response.headers)
                if status != OK:
                    return Answer(status, fields, await _read(response, bounds.size), monotonic() - started)
                async for piece in response.aiter_raw():
                    patience.reschedule(None)
                    await hear(piece)
                    patience.reschedule(loop.time() + bounds.seconds)
                return Answer(status, fields, b"", monotonic() - started)

            return await self._first(request, await self._addresses(target, bounds.share), bounds.seconds, take)

    def check(self, url: str) -> None:
        """Refuse a URL where it is given to us, before any request. What a name resolves to is not looked at.

        Raises:
            InvalidUrl: not https (or plain http where loopback is allowed), with user information or a fragment, too
                long, with characters or spellings of a host that programs read differently, or with a port below 1024
                that is not the scheme's own.
            Forbidden: it is this service's own, or its host is an address that is not public.
        """
        target = self._checked(url)
        with suppress(ValueError):  # a name
            if not self._allowed(target, addresses.read(target.raw_host.decode())):
                raise Forbidden(NOT_PUBLIC)

    def _checked(self, url: str) -> httpx.URL:
        target = _parsed(url)
        if target.scheme == "http" and not self._loopback:
            raise InvalidUrl("The URL must begin with https://.")
        if target.port is not None and not FIRST_PORT <= target.port <= 65_535:
            raise InvalidUrl("The port must be the usual one, or between 1024 and 65535.")
        if target.raw_host == self._own and not self._loopback:
            raise Forbidden("The host is this service itself.")
        return target

    async def _addresses(self, target: httpx.URL, share: str) -> list[addresses.Address]:
        host = target.raw_host.decode()
        try:
            found = [addresses.read(host)]
        except ValueError:
            try:
                texts = await (self._resolve(host) if self._resolve else self._lookups(host, share))
                found = [addresses.read(text) for text in texts]
            except Crowded as error:
                raise Busy("Too many names are being looked up just now.") from error
            except OSError as error:
                # The same words as for a private address: who asks must not learn which names exist inside.
                raise Unreachable(NOT_PUBLIC) from error
        if not found:
            raise Unreachable(NOT_PUBLIC)
        if not all(self._allowed(target, address) for address in found):
            raise Forbidden(NOT_PUBLIC)
        return list(dict.fromkeys(found))[:MOST_ADDRESSES]

    def _allowed(self, target: httpx.URL, address: addresses.Address) -> bool:
        if self._loopback and address.is_loopback:
            return True
        return target.scheme == "https" and addresses.public(address)

    async def _first(
        self, request: httpx.Request, found: Sequence[addresses.Address], seconds: float, take: Take
    ) -> Answer:
        """The answer of the first address that can be connected to: nothing was sent to those before it."""
        share = seconds / len(found)
        for address in found[:-1]:
            with suppress(httpx.ConnectError, httpx.ConnectTimeout):
                return await self._exchange(_pinned(request, address, share), take)
        return await self._exchange(_pinned(request, found[-1], share), take)

    async def _exchange(self, request: httpx.Request, take: Take) -> Answer:
        opened = request.extensions["trace"] = Opened()
        async with aclosing(opened), httpx.AsyncHTTPTransport(verify=self._trust, trust_env=False) as transport:
            response = await transport.handle_async_request(request)
            try:
                return await take(response)
            finally:
                await response.aclose()


@asynccontextmanager
async def _told() -> AsyncIterator[None]:
    """Tells what went wrong without an address."""
    try:
        yield
    except (TimeoutError, httpx.TimeoutException) as error:
        raise TooSlow("The host took too long to answer.") from error
    except httpx.LocalProtocolError as error:
        raise ValueError("a method or header that HTTP cannot carry") from error
    except (httpx.TransportError, OSError) as error:  # OSError: TLS that breaks in the middle
        raise Unreachable(_reason(error)) from error


async def _read(response: httpx.Response, most: int) -> bytes:
    """The first bytes of the body as they were sent, never unpacked."""
    body = bytearray()
    async for part in response.aiter_raw():
        body += part
        if len(body) >= most:
            break
    return bytes(body[:most])


def _lower(headers: httpx.Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _parsed(url: str) -> httpx.URL:
    urls.require_written(url)
    try:
        target = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise InvalidUrl("The host is not a name, nor an address as it is usually written.") from error
    if not addresses.spelt(target.raw_host.decode()):
        raise InvalidUrl("The host is not a name, nor an address as it is usually written.")
    return target


def _headers(target: httpx.URL, given: Mapping[str, str] | None) -> dict[str, str]:
    """Those given, under those that are decided here."""
    lower = {name.lower(): value for name, value in (given or {}).items()}
    decided = {"host": target.netloc.decode(), "accept-encoding": "identity", "connection": "close"}
    return {"user-agent": f"engage-api/{__version__}", **lower, **decided}


def _pinned(request: httpx.Request, address: addresses.Address, seconds: float) -> httpx.Request:
    """The same request to an address; TLS asks for the name, and compares the certificate with it."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=str(address)),
        headers=request.headers,
        stream=request.stream,
        extensions={"sni_hostname": request.url.raw_host.decode(), "timeout": {"connect": seconds}},
    )


_trust = lru_cache(maxsize=1)(lambda: httpx.create_ssl_context(trust_env=False))  # reading whom to trust takes 20 ms


def _reason(error: BaseException | None) -> str:
    """What the owner of the host can mend, without an address."""
    connected = not isinstance(error, httpx.ConnectError)
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return "The certificate of the host is not valid for it."
        error = error.__cause__ or error.__context__
    return "The host did not answer as HTTP has it." if connected else "The host could not be connected to."
