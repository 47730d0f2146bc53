"""One line of JSON for every request: no query, no body, no header, so no secret; one in the path is masked.
Somebody at a terminal gets a short line instead.

Lines are collected and written together, because a write for each would cost as much as the request.
"""

import sys
from json.encoder import encode_basestring_ascii as escape
from typing import TextIO

from starlette.types import Scope

from engage_api.core import clock
from engage_api.core.secret import masked

MOST_LINES = 200
LONGEST_PATH = 500  # characters of it that are logged


class RequestLog:
    """Collects lines; `flush` writes them. The service flushes every half second and at its end.

    `developing`: short lines for people, if the stream is a terminal.
    """

    def __init__(self, stream: TextIO | None = None, *, developing: bool = False) -> None:
        self._stream = stream or sys.stderr
        self._short = developing and self._stream.isatty()
        self._lines: list[str] = []

    def line(self, scope: Scope, request_id: str, route: str, status: int, seconds: float) -> None:
        """Note one answered request. What the caller chose is escaped; the rest is ours."""
        path = escape(masked(scope["path"])[:LONGEST_PATH])
        if self._short:
            method = escape(scope["method"])[1:-1]
            line = f"{clock.wire(clock.host())[11:19]} {status} {method} {path[1:-1]}  {seconds * 1000:.1f} ms"
        else:
            who = scope["state"].get("principal")
            whose = f'"application":"{who.application}","workspace":"{who.workspace}"' if who else '"application":null'
            if "mishap" in scope["state"]:
                whose += f',"fault":"{scope["state"]["mishap"]}"'
            line = (
                f'{{"time":"{clock.wire(clock.host())}","event":"request","request_id":"{request_id}",'
                f'"method":{escape(scope["method"])},"path":{path},"route":{escape(route)},'
                f'"status":{status},"ms":{seconds * 1000:.2f},{whose}}}'
            )
        self._lines.append(line)
        if len(self._lines) >= MOST_LINES:
            self.flush()

    def flush(self) -> None:
        """Write what has been collected."""
        if self._lines:
            text = "\n".join(self._lines) + "\n"
            self._lines.clear()
            self._stream.write(text)
            self._stream.flush()
