"""The connections of one request to outside."""

from collections.abc import Mapping
from typing import Any


class Opened:
    """The connections of a request, to be closed whatever happens.

    One that is cancelled amid TLS's handshake would stay open for as long as the other side likes: httpcore 1.0 closes
    it after an Exception, and being cancelled is none.
    """

    def __init__(self) -> None:
        self._streams: list[Any] = []

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        """What httpx's extension `trace` calls."""
        if event == "connection.connect_tcp.complete":
            self._streams.append(info["return_value"])

    async def aclose(self) -> None:
        for stream in self._streams:
            await stream.aclose()
