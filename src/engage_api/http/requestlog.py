"""One line of JSON for every request: no query, no body, no header, so no secret.

Lines are collected and written together, because a write for each would cost as much as the request.
"""

import json
import sys
from typing import TextIO

from starlette.types import Scope

from engage_api.core import clock

MOST_LINES = 200


class RequestLog:
    """Collects lines; `flush` writes them. The service flushes every half second and at its end."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._lines: list[str] = []

    def line(self, scope: Scope, request_id: str, route: str, status: int, seconds: float) -> None:
        """Note one answered request. JSON escapes whatever the caller put into the path."""
        principal = scope["state"].get("principal")
        self._lines.append(
            json.dumps(
                {
                    "time": clock.wire(clock.host()),
                    "event": "request",
                    "request_id": request_id,
                    "method": scope["method"],
                    "path": scope["path"][:500],
                    "route": route,
                    "status": status,
                    "ms": round(seconds * 1000, 2),
                    "application": principal.application if principal else None,
                    "workspace": principal.workspace if principal else None,
                }
            )
        )
        if len(self._lines) >= MOST_LINES:
            self.flush()

    def flush(self) -> None:
        """Write what has been collected."""
        if self._lines:
            text = "\n".join(self._lines) + "\n"
            self._lines.clear()
            self._stream.write(text)
            self._stream.flush()
