"""The service in a thread of its own, so that a judge with another event loop can reach it over ASGI."""

import asyncio
import sys
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from tests.running import Answer, Headers, Service, ask, service

T = TypeVar("T")
SWITCH = 0.0002  # seconds; as it comes, either thread waits 5 ms whenever it has sent the other something


class Bridge:
    """An ASGI application for any loop, and for those who have none."""

    def __init__(self, running: Service, loop: asyncio.AbstractEventLoop) -> None:
        self.running = running
        self._loop = loop

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Do it where the service runs."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def ask(self, method: str, path: str, body: Any = None, *, key: str | None = None, headers: Headers = ()) -> Answer:
        return self.do(self.running.ask(method, path, body, key=key, headers=headers))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        path = scope["raw_path"].decode("latin-1") + "?" + scope["query_string"].decode("latin-1")
        work = ask(self.running.app, scope["method"], path, list(scope["headers"]), body)
        answer = await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})


@contextmanager
def bridge(url: str) -> Iterator[Bridge]:
    """The service, until the block is left."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="service")
    thread.start()
    context = service(url)
    try:
        running = asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result(60)
        try:
            yield Bridge(running, loop)
        finally:
            asyncio.run_coroutine_threadsafe(context.__aexit__(None, None, None), loop).result(60)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        sys.setswitchinterval(usual)
