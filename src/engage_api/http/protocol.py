"""HTTP/1.1 as uvicorn and httptools read it, with the bounds and refusals that they leave out.

Whatever is refused here is answered by the application, so that it looks like every other answer, and is logged and
counted like one.
"""

import asyncio
from typing import Any, cast

from httptools import HttpParserError, HttpParserUpgrade
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from engage_api.core.problem import HeadersTooLarge, InvalidRequest, NotImplementedHere, Problem
from engage_api.http.middleware import ABORT, ENDING, SHUT

MOST_BYTES = 65_536  # of a request line with its headers
MOST_FIELDS = 100
COLON_AND_END = 4  # bytes of a header besides its name and value
CLOSE = {"Connection": "close"}
HEAD_WITHIN = 10.0  # seconds from a connection, or from the beginning of a head, to the head's end
LINGER = 1.0  # seconds in which what still comes is thrown away


class Ending:
    """A transport whose peer has time to read the last answer.

    Closed while more comes, the connection would be reset, and the answer lost with it (RFC 9112 section 9.6).
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self.write = transport.write
        self.is_closing = transport.is_closing

    def close(self) -> None:
        """Say that this was the last, and close a little later."""
        if not self._transport.is_closing():
            self._transport.write_eof()
            self._loop.call_later(LINGER, self._transport.close)


class Protocol(HttpToolsProtocol):
    """One connection. The parser collects what is not complete, so that has to be bounded before it is."""

    _unread = 0  # bytes received since the last end of a head and the last piece of a body
    _received = 0  # the same when this was last fed to the parser: no head is larger, unless it follows another at once
    _over = False  # nothing more is read here
    _patience: asyncio.TimerHandle | None = None  # for a head that has not ended yet

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Wait for a head, but not for ever."""
        super().connection_made(transport)
        self._patience = self.loop.call_later(HEAD_WITHIN, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more will come."""
        self._calm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse some more; refuse what cannot be read, and a head (or trailers) without end."""
        if self._over:
            return
        self._unset_keepalive_if_required()
        self._unread += len(data)
        self._received = self._unread
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade:  # only HTTP/1.1 is spoken here, so the request is answered as one, and that is all
            self._over = True
            self.cycle.keep_alive = False
            return
        except HttpParserError:
            self._refuse(InvalidRequest("This is not HTTP/1.1.", headers=CLOSE))
            return
        if self._unread > MOST_BYTES:
            self._refuse(HeadersTooLarge(headers=CLOSE))
        elif self._unread and self._patience is None:
            self._patience = self.loop.call_later(HEAD_WITHIN, self._give_up)

    def on_headers_complete(self) -> None:
        """Hand the request on. Trailers come later and are no headers of it (RFC 9110 section 6.5.1)."""
        self._unread = 0
        self._calm()
        scope = cast("dict[str, Any]", self.scope)
        scope["extensions"] = {ABORT: self.transport.abort, SHUT: self.transport.close}
        refusal = self._refusal()
        if refusal:
            scope["refusal"] = refusal
        super().on_headers_complete()
        self.headers = []

    def on_body(self, body: bytes) -> None:
        """Hand a piece of the body on."""
        self._unread = 0
        super().on_body(body)

    def _calm(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        """Close, unless an earlier request is being answered: its answer comes first."""
        self._patience = None
        running: RequestResponseCycle | None = self.cycle
        if running is None or running.response_complete:
            self.transport.close()

    def shutdown(self) -> None:
        """The service stops. Those who follow the log would stay for ever: they are told first."""
        if ENDING in self.app_state:
            self.app_state[ENDING]()
        super().shutdown()

    def _refusal(self) -> Problem | None:
        """What is wrong with a head that can be read."""
        names = [name for name, _ in self.headers]
        if len(names) > MOST_FIELDS or (self._received > MOST_BYTES and self._size() > MOST_BYTES):
            self.url = b"/"  # a longer one than this could not be read
            return HeadersTooLarge(headers=CLOSE)
        if b"transfer-encoding" in names and dict(self.headers)[b"transfer-encoding"].lower() != b"chunked":
            return NotImplementedHere("The only transfer coding is chunked.", headers=CLOSE)
        hosts = names.count(b"host")
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() == "1.1"):  # RFC 9112 section 3.2
            return InvalidRequest("A request has one Host header.", headers=CLOSE)
        return None

    def _size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + COLON_AND_END for name, value in self.headers)

    def _refuse(self, problem: Problem) -> None:
        """Let the application say so, after what was asked before it, and close."""
        self._over = True
        running: RequestResponseCycle | None = self.cycle
        refused = self._refused(problem)
        if running is None or running.response_complete:
            self._start_asgi_task(refused, self.app)
        elif not running.more_body:
            self.pipeline.appendleft((refused, self.app))
        elif running.response_started or self.pipeline:
            self.transport.close()
        else:  # it is this one's body that cannot be read
            running.disconnected = True
            running.message_event.set()
            self._start_asgi_task(refused, self.app)

    def _refused(self, problem: Problem) -> RequestResponseCycle:
        """A request of which nothing is known but who sent it."""
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": self.root_path,
            "method": "-",
            "path": "/",
            "raw_path": b"/",
            "query_string": b"",
            "headers": [],
            "refusal": problem,
        }
        return RequestResponseCycle(
            scope=cast("Any", scope),
            transport=cast("asyncio.Transport", Ending(self.transport, self.loop)),
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=False,
            on_response=self.on_response_complete,
        )
