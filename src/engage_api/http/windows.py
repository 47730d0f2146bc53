"""Counting in this process: the sliding windows of `limits`, without what its storage costs a service in one loop.

The original decides in three awaited calls, holds a lock for each key and starts a task that walks all keys with every
hit. Here one plain call decides and says what is left. A test holds both against each other.
"""

from functools import lru_cache
from math import floor, inf
from typing import NamedTuple

from limits import RateLimitItem, RateLimitItemPerSecond

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


class Told(NamedTuple):
    """Whether a request was counted or is one too many, how many are left, and in how many seconds that changes."""

    counted: bool
    left: int
    seconds: float


class LocalWindows:
    """Sliding windows in a plain dictionary: this window's count and the share of the one before that is not over."""

    def __init__(self) -> None:
        self._windows: dict[str, Window] = {}

    def spend(self, item: RateLimitItem, *who: str) -> Told:
        """Count one, unless it would be too many."""
        key, expiry, now = item.key_for(*who), item.get_expiry(), clock.seconds()
        at, share = divmod(now / expiry, 1)
        number, rest = int(at), (1 - share) * expiry
        current, previous = self._counts(key, number)
        weighted = previous * rest / expiry + current
        counted = floor(weighted) < item.amount
        if counted:
            current, weighted = current + 1, weighted + 1
            if len(self._windows) >= MOST_KEYS and key not in self._windows:
                self._make_room(now)
            self._windows[key] = Window(number, current, previous, now + 2 * expiry)
        soonest = min(rest % (expiry / previous) if previous else inf, rest if current else inf)
        return Told(counted, max(0, item.amount - floor(weighted)), soonest)

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
