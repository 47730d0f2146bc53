"""What is read of the log at once: as it is sent, and kept a moment for all who stand at the same place."""

import asyncio
from collections.abc import Hashable, Iterable, Sequence
from itertools import accumulate
from time import monotonic
from typing import NamedTuple

from engage_api.db.log import Line

PIECE = 65_536  # bytes that are sent at once at most, but a whole event at the least
LARGEST = 1_000_000  # bytes of a portion, likewise
ROOM = 64_000_000  # bytes of all that are kept
FRESH = 1.0  # seconds for which what was read is handed on: who may see it is asked again after that


class Portion(NamedTuple):
    """What follows a place: events, if there were any, and up to where there is nothing else to see."""

    pieces: tuple[bytes, ...]
    upto: int
    read_at: float

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(map(len, self.pieces))


def pieces(lines: Iterable[Line]) -> tuple[bytes, ...]:
    """Events as a stream sends them: unnamed messages, each with its id and one line of data."""
    found: list[bytes] = []
    parts: list[bytes] = []
    size = 0
    for line in lines:
        part = b"id: %b\ndata: %b\n\n" % (line.id.encode(), line.document)
        if parts and size + len(part) > PIECE:
            found.append(b"".join(parts))
            parts, size = [], 0
        parts.append(part)
        size += len(part)
    return (*found, b"".join(parts)) if parts else ()


def fitting(lines: Sequence[Line]) -> int:
    """How many of these are one portion."""
    sizes = accumulate(len(line.document) for line in lines)
    return max(1, sum(size <= LARGEST for size in sizes)) if lines else 0


class Shelf:
    """What was read within the last second, whoever asks for it next or does not."""

    def __init__(self) -> None:
        self.size = 0
        self._kept: dict[Hashable, Portion] = {}
        self._timer: asyncio.TimerHandle | None = None

    def get(self, place: Hashable) -> Portion | None:
        """What was put there, while it is fresh."""
        kept = self._kept.get(place)
        return kept if kept is not None and kept.read_at > monotonic() - FRESH else None

    def put(self, place: Hashable, portion: Portion) -> None:
        """Keep it for a second, unless so much comes that there is no room for it."""
        self._drop(place)
        self._kept[place] = portion
        self.size += portion.size
        while self.size > ROOM:
            self._drop(next(iter(self._kept)))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FRESH, self._sweep)

    def _sweep(self) -> None:
        for place in [place for place in self._kept if self.get(place) is None]:
            self._drop(place)
        self._timer = asyncio.get_running_loop().call_later(FRESH, self._sweep) if self._kept else None

    def _drop(self, place: Hashable) -> None:
        gone = self._kept.pop(place, None)
        if gone is not None:
            self.size -= gone.size
