"""From a name to its addresses, as the system does it; one name whose servers never answer holds up no other.

The system's look-up blocks, for half a minute at worst, and cannot be ended. So each has a thread of its own, which
neither the databases' threads nor the end of the process wait for, and who asks for a name that is being looked up
shares what is found: a receiver whose name is slow costs one thread, however much is sent to it. Who has many such
receivers takes only its own share of the threads.
"""

import asyncio
import socket
from collections import Counter
from contextlib import suppress
from threading import Thread

MOST = 512  # names that are looked up at once; more than the endpoints that are sent to at once
SHARE = 32  # of them for one organization


class Crowded(Exception):
    """Too many names are being looked up. It says nothing of the name."""


class Lookups:
    """Look-ups of one process."""

    def __init__(self) -> None:
        self._under_way: dict[str, asyncio.Future[list[str]]] = {}
        self._shares: Counter[str] = Counter()

    async def __call__(self, host: str, share: str = "") -> list[str]:
        """The addresses of a name. `share` is the organization who wants them.

        Raises:
            OSError: it has none.
            Crowded: this organization, or all together, have too many names looked up.
        """
        found = self._under_way.get(host)
        if found is None:
            if len(self._under_way) >= MOST or self._shares[share] >= SHARE:
                raise Crowded
            found = self._begin(host, share)
        return await asyncio.shield(found)

    def close(self) -> None:
        """Waits for nothing: what is under way ends when the system's resolver gives up."""
        for found in tuple(self._under_way.values()):
            found.cancel()

    def _begin(self, host: str, share: str) -> asyncio.Future[list[str]]:
        loop = asyncio.get_running_loop()
        found: asyncio.Future[list[str]] = loop.create_future()
        try:
            Thread(target=_look_up, args=(host, loop, found), name="lookup", daemon=True).start()
        except RuntimeError as error:  # the system has no thread left
            raise Crowded from error

        def end(of: asyncio.Future[list[str]]) -> None:
            del self._under_way[host]
            self._shares -= Counter((share,))  # drops those that have none left
            if not of.cancelled():
                of.exception()  # whoever asked may have left

        found.add_done_callback(end)
        self._under_way[host] = found
        self._shares[share] += 1
        return found


def _look_up(host: str, loop: asyncio.AbstractEventLoop, found: asyncio.Future[list[str]]) -> None:
    result: list[str] | OSError
    try:
        # The name as bytes, which Python hands on as they are.
        answers = socket.getaddrinfo(host.encode(), None, socket.AF_UNSPEC, socket.SOCK_STREAM)
        result = [str(address[0]) for *_, address in answers]
    except OSError as error:
        result = error

    def tell() -> None:
        if found.done():
            return
        if isinstance(result, OSError):
            found.set_exception(result)
        else:
            found.set_result(result)

    with suppress(RuntimeError):  # the loop has ended meanwhile
        loop.call_soon_threadsafe(tell)
