"""Counting in this process: the sliding windows of `limits`, without what its storage costs a service in one loop.

The original decides in three awaited calls, holds a lock for each key and starts a task that walks all keys with every
hit. Here one plain call decides and says what is left. A test holds both against each other.
"""

from math import floor, inf
from typing import NamedTuple

from limits import RateLimitItemPerSecond

from engage_api.core import clock

MOST_KEYS = 100_000


class Seconds(RateLimitItemPerSecond):
    """A limit over a number of seconds, `multiples`. `mark` tells its counts from those of other limits."""

    __slots__ = ("mark",)

    def __init__(self, amount: int, multiples: int, namespace: str) -> None:
        super().__init__(amount, multiples, namespace)
        self.mark = f"{namespace} {amount}/{multiples}"


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

    def spend(self, item: Seconds, who: str, group: str) -> Told:
        """Count one, unless it would be too many."""
        key, expiry, now = f"{item.mark} {group} {who}", item.multiples, clock.seconds()
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
