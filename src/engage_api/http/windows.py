"""Counting in this process: the memory storage of `limits`, with one small record for each key.

The original starts a task that walks all keys with every hit, and holds a lock for each; in one event loop neither is
needed. Everything else is the engine's own.
"""

from functools import lru_cache
from math import floor
from typing import NamedTuple

from limits import RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage

from engage_api.core import clock

MOST_KEYS = 100_000


class Seconds(RateLimitItemPerSecond):
    """A limit over a number of seconds that remembers how its keys are spelled."""

    @lru_cache(maxsize=MOST_KEYS)  # noqa: B019  # one instance for each limit of each plan, for the life of the process
    def key_for(self, *identifiers: str) -> str:
        """The key under which these are counted."""
        return super().key_for(*identifiers)


class Window(NamedTuple):
    """The count of the window with this number, of the one before it, and when both are over, in seconds since 1970."""

    number: int
    current: int
    previous: int
    over: float


class LocalWindows(MemoryStorage):
    """Sliding windows in a plain dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self._windows: dict[str, Window] = {}

    async def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count this, unless it would be too many."""
        now = clock.seconds()
        number, share = divmod(now / expiry, 1)
        current, previous = self._counts(key, int(number))
        if floor(previous * (1 - share) + current) + amount > limit:
            return False
        if len(self._windows) >= MOST_KEYS and key not in self._windows:
            self._make_room(now)
        self._windows[key] = Window(int(number), current + amount, previous, now + 2 * expiry)
        return True

    async def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        """Count and seconds left of the window before, and of this one."""
        number, share = divmod(clock.seconds() / expiry, 1)
        current, previous = self._counts(key, int(number))
        left = (1 - share) * expiry
        return previous, left if previous else 0.0, current, left + expiry

    def _counts(self, key: str, number: int) -> tuple[int, int]:
        window = self._windows.get(key)
        if window is None:
            return 0, 0
        if window.number == number:
            return window.current, window.previous
        return 0, window.current if window.number == number - 1 else 0

    def _make_room(self, now: float) -> None:
        """Forget what no longer counts; if that is nothing, the half that was first there."""
        kept = {key: window for key, window in self._windows.items() if window.over > now}
        self._windows = kept if len(kept) < MOST_KEYS else dict(list(kept.items())[MOST_KEYS // 2 :])
